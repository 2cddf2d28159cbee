"""A desk whose bot speaks with the loopback server, and clocks that only move when somebody sleeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.desk import Desk, open_desk
from engine.notifications.sender import Clock
from engine.store import outbox
from engine.workspace import Workspace
from tests.desk_maker import MORNING, plain_environment
from tests.notifications.telegram_server import TOKEN, TelegramServer


class Time:
    """A stopped clock: `sleep` moves it."""

    def __init__(self, start: float = MORNING) -> None:
        self.start = self.at = float(start)

    def now(self) -> int:
        return int(self.at)

    def elapsed(self) -> float:
        return self.at - self.start

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.elapsed, self.sleep)


@contextmanager
def telegram_desk(home: Path, server: TelegramServer, time: Time, *, token: str = TOKEN, **settings: Any) -> Iterator[Desk]:
    """An open desk on a stopped clock. settings: of the section [notifications], as the environment writes them."""
    named = {"telegram_api": server.url, "timeout_seconds": "2", **settings}
    found = {f"PREGAO_NOTIFICATIONS__{name.upper()}": str(value) for name, value in named.items()}
    with plain_environment(), patch.dict(os.environ, {**found, "PREGAO_SECRETS__TELEGRAM_BOT_TOKEN": token}):
        desk = open_desk(Workspace(home), time.now)
        try:
            yield desk
        finally:
            desk.close()


def put(desk: Desk, chat: int, payload: dict[str, Any], key: str) -> None:
    """One message into the outbox."""
    with desk.store.write() as connection:
        outbox.enqueue(connection, "telegram", payload["kind"], key, payload, desk.now(), recipient=str(chat))
