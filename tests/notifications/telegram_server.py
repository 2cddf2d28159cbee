"""A Bot API on loopback: a real HTTP server that keeps to the contract of https://core.telegram.org/bots/api, and fails as asked.

It enforces tokens (401, 404), known and blocked chats (400, 403), migrated groups, the limits of texts, captions and pictures, the
HTML it accepts, one message a second to a chat (429), one poller at a time (409), long polls and their offsets.
"""

from __future__ import annotations

import email.parser
import json
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "123456789:AAE-loopback_only_token_of_the_tests"
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "span", "blockquote", "tg-spoiler"}
#: What may happen to one request for a message. `_after`: the message was taken, and the answer never comes.
FAULTS = ("429", "500", "502", "cut", "garbage", "silence", "cut_after", "silence_after")
TAKEN = ("cut_after", "silence_after", "garbage")


@dataclass(frozen=True)
class Said:
    """A message that a chat has received."""

    message_id: int
    chat_id: int
    text: str
    picture: bytes | None
    at: float


class Answer(Exception):
    """An answer other than 200."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.body = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters


@dataclass
class TelegramServer:
    """The state of the server. now: its clock, which a test may share with the sender. silence: seconds that a silent one stalls.

    faults, poll_faults: what happens to the next messages and polls. down: so many questions who the bot is are cut. confirmed: the
    newest update that was taken off the server.
    """

    chats: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    migrated: dict[int, int] = field(default_factory=dict)
    no_pictures: set[int] = field(default_factory=set)
    now: Callable[[], float] = time.monotonic
    pace: float = 0.0
    silence: float = 1.0
    token: str = TOKEN
    said: list[Said] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    faults: list[str | None] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    poll_faults: list[str] = field(default_factory=list)
    down: int = 0
    confirmed: int = 0
    updates: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    polling: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)

    def write(self, text: str, chat: int, user: int | None = None, title: str = "") -> None:
        """A person writes in a chat."""
        user = chat if user is None else user
        with self.lock:
            number = len(self.updates) + 1
            length = len(text.split(maxsplit=1)[0]) if text.startswith("/") else 0
            message = {
                "message_id": 10_000 + number,
                "date": 1_750_000_000,
                "chat": {"id": chat, "type": "private" if chat > 0 else "group", "title": title, "first_name": "Ana"},
                "from": {"id": user, "is_bot": False, "first_name": "Ana"},
                "text": text,
                "entities": [{"type": "bot_command", "offset": 0, "length": length}] if length else [],
            }
            self.updates.append({"update_id": number, "message": message})
            self.lock.notify_all()

    def answers(self, chat: int) -> list[Said]:
        """What a chat has received."""
        with self.lock:
            return [one for one in self.said if one.chat_id == chat]

    def wait(self, until: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Whether `until` comes true in time."""
        with self.lock:
            return self.lock.wait_for(until, seconds)

    def call(self, method: str, fields: dict[str, Any]) -> Any:
        """The result of one method. Raises Answer."""
        if method == "getMe":
            return {"id": 1, "is_bot": True, "first_name": "Desk", "username": "desk_bot"}
        if method == "getUpdates":
            return self._get_updates(int(fields.get("offset", 0)), float(fields.get("timeout", 0)))
        if method in ("sendMessage", "sendPhoto"):
            return self._send(method, fields)
        raise Answer(404, "Not Found: method not found")

    def _get_updates(self, offset: int, timeout: float) -> list[dict[str, Any]]:
        with self.lock:
            if self.polling:
                raise Answer(
                    409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
                )
            self.polling += 1
            self.confirmed = max(self.confirmed, offset - 1)
            try:
                end = time.monotonic() + timeout
                while True:
                    found = [update for update in self.updates if update["update_id"] > self.confirmed]
                    left = end - time.monotonic()
                    if found or left <= 0 or self.closing.is_set():
                        return found[:100]
                    self.lock.wait(min(left, 0.05))
            finally:
                self.polling -= 1

    def _send(self, method: str, fields: dict[str, Any]) -> dict[str, Any]:
        chat = int(fields.get("chat_id", 0))
        if chat in self.migrated:
            raise Answer(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated[chat])
        if chat not in self.chats:
            raise Answer(400, "Bad Request: chat not found")
        if chat in self.blocked:
            raise Answer(403, "Forbidden: bot was blocked by the user")
        picture = fields.get("photo") if method == "sendPhoto" else None
        raw = fields.get("caption" if method == "sendPhoto" else "text", "")
        text = plain_of(raw) if fields.get("parse_mode") == "HTML" else raw
        if method == "sendPhoto":
            if chat in self.no_pictures:
                raise Answer(400, "Bad Request: not enough rights to send photos to the chat")
            check_picture(picture)
            if utf16(text) > 1024:
                raise Answer(400, "Bad Request: message caption is too long")
        elif not text.strip():
            raise Answer(400, "Bad Request: message text is empty")
        elif utf16(text) > 4096:
            raise Answer(400, "Bad Request: message is too long")
        with self.lock:
            now = self.now()
            last = next((one.at for one in reversed(self.said) if one.chat_id == chat), None)
            if last is not None and now - last < self.pace:
                raise Answer(429, "Too Many Requests: retry after 1", retry_after=1)
            number = len(self.said) + 1
            self.said.append(Said(number, chat, text, picture, now))
            self.lock.notify_all()
        kind = {"id": chat, "type": "private"} if chat > 0 else {"id": chat, "type": "group", "title": "group"}
        return {"message_id": number, "date": 1_750_000_000, "chat": kind, "text": text}


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check_picture(data: Any) -> None:
    """Raises Answer for what is no PNG, is larger than 10 MB, or has sides of more than 10,000 together."""
    if not isinstance(data, bytes) or data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Answer(400, "Bad Request: IMAGE_PROCESS_FAILED")
    width, height = struct.unpack(">II", data[16:24])
    if len(data) > 10 << 20:
        raise Answer(413, "Request Entity Too Large")
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise Answer(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in TAGS:
            raise Answer(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Answer(400, "Bad Request: can't parse entities: Unmatched end tag")

    def handle_data(self, data: str) -> None:
        self.text += data


def plain_of(html: str) -> str:
    """The text of the HTML that Telegram accepts. Raises Answer for any other."""
    if re.search(r"<(?![a-z/])", html):
        raise Answer(400, "Bad Request: can't parse entities: Unsupported start tag")
    parser = _Html()
    parser.feed(html)
    parser.close()
    if parser.open:
        raise Answer(400, "Bad Request: can't parse entities: Can't find end tag")
    return parser.text


def fields_of(kind: str, body: bytes) -> dict[str, Any]:
    """The fields of a form, of a multipart one, or of JSON."""
    if kind.startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    if kind.startswith("multipart/form-data"):
        parts = email.parser.BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body).get_payload()
        found: dict[str, Any] = {}
        for part in parts:
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            is_file = part.get_filename() is not None
            found[name] = data if is_file else data.decode()
        for name, value in list(found.items()):
            if isinstance(value, str) and value.startswith("attach://"):
                found[name] = found[value.removeprefix("attach://")]
        return found
    return {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: TelegramServer

    def log_message(self, *_args: Any) -> None:
        """Nothing on the terminal."""

    def do_POST(self) -> None:
        state = self.state
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = re.fullmatch(r"/bot(.+)/(\w+)", self.path)
        method = found[2] if found else ""
        with state.lock:
            state.requests.append(method)
            state.lock.notify_all()
            faults = {"getUpdates": state.poll_faults}.get(method, state.faults if method.startswith("send") else [])
            fault = faults.pop(0) if faults else None
            if fault and method.startswith("send"):
                state.happened.append(fault)
            if method == "getMe" and state.down:
                state.down -= 1
                fault = "cut"
        try:
            if found is None or not re.fullmatch(r"\d+:[\w-]{30,}", found[1]):
                raise Answer(404, "Not Found")
            if found[1] != state.token:
                raise Answer(401, "Unauthorized")
            if fault == "429":
                raise Answer(429, "Too Many Requests: retry after 3", retry_after=3)
            if fault in ("500", "502"):
                raise Answer(int(fault), "Internal Server Error" if fault == "500" else "Bad Gateway")
            if fault in ("cut", "silence"):
                self._fail(fault)
                return
            result = {"ok": True, "result": state.call(method, fields_of(self.headers.get("Content-Type", ""), body))}
            if fault in TAKEN:
                self._fail(fault)
                return
            self._reply(200, json.dumps(result).encode())
        except Answer as answer:
            self._reply(answer.body["error_code"], json.dumps(answer.body).encode())

    def _fail(self, fault: str) -> None:
        if fault == "garbage":
            self._reply(200, b"<html>not JSON</html>")
            return
        if fault.startswith("silence"):
            self.state.closing.wait(self.state.silence)
        self.close_connection = True

    def _reply(self, code: int, body: bytes) -> None:
        try:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error."""


@contextmanager
def telegram_server(**options: Any) -> Iterator[TelegramServer]:
    """A server on a free port of loopback, closed at the end."""
    state = TelegramServer(**options)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
