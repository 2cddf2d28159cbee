"""A network that is down and rules that cannot be read: the run is done, says so, exit code 1, and what waits is sent by a later call."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daily.crash_desk import NOW, TOML, rows
from tests.daily.fault_desk import Faults, _at_once, run, step

__all__ = ["_at_once"]

LATER = NOW + 600


def set_webhook(home: Path, url: str) -> None:
    (home / "config" / ".env").write_text(f"PREGAO_SECRETS__WEBHOOK_URL={url}\n", encoding="utf-8")


def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("kind", ["refused", "silent", "no such host"])
def test_a_server_that_cannot_be_reached_makes_the_run_partial_and_the_next_call_sends_what_waits(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    home = faults.copy(tmp_path / "home")
    (home / "config" / "pregao.toml").write_text(TOML + "timeout_seconds = 0.3\n", encoding="utf-8")
    with monkeypatch.context() as patch, silent_server() as port:
        if kind == "no such host":

            def unknown(*_arguments: object, **_words: object) -> None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

            patch.setattr(socket, "getaddrinfo", unknown)
            set_webhook(home, "https://hooks.example/x")
        else:
            set_webhook(home, f"http://127.0.0.1:{closed_port() if kind == 'refused' else port}/x")
        called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    assert step(called, "notifications")["detail"]["channels"]["webhook"]["failing"] == 1
    assert all(item["status"] == "done" for item in called.json["steps"] if item["name"] != "notifications")
    waiting = rows(home, "SELECT state, last_error FROM outbox WHERE channel = 'webhook' ORDER BY id")
    assert {state for state, _error in waiting} == {"waiting"}
    assert "did not answer" in waiting[0][1]
    faults.servers.set_up(home)
    (home / "config" / "pregao.toml").write_text(TOML, encoding="utf-8")
    missing = {"outbox", "run_steps", "runs"}
    faults.check_completed(home, now=LATER, but_for=tuple(missing))
    assert rows(home, "SELECT count(*) FROM outbox WHERE state <> 'sent'") == [(0,)]


@pytest.mark.parametrize("content", [b"[[rule]]\nkinds = 1\n", b"\xff\xfe\x00"])
def test_rules_that_cannot_be_read_hold_the_messages_back_until_they_can(faults: Faults, tmp_path: Path, content: bytes) -> None:
    home = faults.copy(tmp_path / "home")
    path = home / "config" / "alerts.toml"
    path.write_bytes(content)
    called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    (said,) = step(called, "notifications")["detail"]["wrong"].values()
    assert "alerts.toml" in said
    assert not faults.servers.taken()
    assert rows(home, "SELECT count(*) > 5 FROM outbox WHERE state = 'waiting'") == [(1,)]
    path.unlink()
    faults.check_completed(home)


def test_a_source_on_the_network_that_is_down_does_not_stop_the_others(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    settings = home / "config" / "pregao.toml"
    down = f'[fetch]\ncotahist_url = "http://127.0.0.1:{closed_port()}"\ntimeout_seconds = 1\n'
    settings.write_text(TOML.replace("[daily]\n", '[daily]\nsources = ["cotahist", "inbox"]\n') + down, encoding="utf-8")
    called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    assert len(called.json["signals"]) == len({row[1] for row in faults.alone["signals"]})
    settings.write_text(TOML, encoding="utf-8")
    faults.check_completed(home, but_for=("outbox", "run_steps", "runs"))
