"""Real servers on loopback: a webhook that holds Discord's contract and may be told to misbehave, and a small SMTP server."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Fault:
    """What the server does instead of taking a message. cut: it takes the message and breaks the connection without an answer."""

    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Hook:
    """What a webhook server has seen: bodies it took, refusals by its own rules, paths and headers of every request."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    on_taken: Callable[[], None] | None = None

    def fault(self, *faults: Fault) -> None:
        self.faults.extend(faults)


def objection(body: dict[str, Any]) -> str:
    """What Discord would say against a message, empty when it would take it."""
    if body.get("allowed_mentions") != {"parse": []}:
        return "allowed_mentions"
    embeds = body.get("embeds", [])
    if not 1 <= len(embeds) <= 10:
        return "embeds"
    total = 0
    for embed in embeds:
        texts = {"title": (embed.get("title", ""), 256), "description": (embed.get("description", ""), 4096)}
        texts["footer"] = (embed.get("footer", {}).get("text", ""), 2048)
        fields = embed.get("fields", [])
        if len(fields) > 25:
            return "fields"
        for item in fields:
            if not 1 <= units(item["name"]) <= 256 or not 1 <= units(item["value"]) <= 1024:
                return "field"
            total += units(item["name"]) + units(item["value"])
        for name, (text, limit) in texts.items():
            if units(text) > limit:
                return name
            total += units(text)
    return "total" if total > 6000 else ""


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Server(ThreadingHTTPServer):
    """A client that is killed in the middle of a request is nothing to print."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def webhook_server(*, strict: bool = True) -> Iterator[Hook]:
    """A server on loopback; `strict` ones hold Discord's contract."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            hook.paths.append(self.path)
            hook.headers.append({name.lower(): value for name, value in self.headers.items()})
            fault = hook.faults.popleft() if hook.faults else None
            if fault is not None and not fault.cut:
                return self.answer(fault.status, fault.body, fault.headers)
            body = json.loads(raw)
            said = objection(body) if strict else ""
            if said:
                hook.refused.append(said)
                return self.answer(400, {"code": 50035, "message": f"Invalid Form Body: {said}"}, {})
            hook.taken.append(body)
            hook.raw.append(raw)
            if hook.on_taken is not None:
                hook.on_taken()
            if fault is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return None
            return self.answer(200, {"id": str(1000 + len(hook.taken))}, {})

        def answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
            text = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments: object) -> None:
            """Nothing on stderr."""

    with served(Server(("127.0.0.1", 0), Handler)) as port:
        hook.url = f"http://127.0.0.1:{port}/api/webhooks/123456/s3cr3t-t0ken"
        yield hook


@dataclass
class Mailbox:
    """What an SMTP server took: (from, to, message); `replies` by the first word of a command are given instead of the usual one."""

    port: int = 0
    taken: list[tuple[str, list[str], str]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """An SMTP server on loopback that takes everything, with AUTH PLAIN for anybody."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            sender, recipients = "", []
            self.say("220 made")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                word = line.split(maxsplit=1)[0].upper()
                if word in box.replies:
                    self.say(box.replies[word])
                    continue
                if word == "EHLO":
                    self.wfile.write(b"250-made\r\n250 AUTH PLAIN\r\n")
                elif word == "AUTH":
                    self.say("235 welcome")
                elif word == "MAIL":
                    sender = line
                    self.say("250 ok")
                elif word == "RCPT":
                    recipients.append(line)
                    self.say("250 ok")
                elif word == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    box.taken.append((sender, recipients, "\n".join(lines)))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        box.port = port
        yield box


@contextmanager
def served(server: socketserver.TCPServer) -> Iterator[int]:
    """The port of a server that answers until the end."""
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
