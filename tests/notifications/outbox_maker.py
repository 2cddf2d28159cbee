"""Payloads, settings, a clock that a test moves, and a channel in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.notifications.channel import Delivered, Refused, Retry
from engine.notifications.sender import Clock
from engine.settings_model import Notifications, Secrets, Settings
from engine.store.database import Store
from engine.store.outbox import enqueue

NOW = 1_751_310_000  # 2025-06-30 16:00 in Sao Paulo
SIGNAL: dict[str, Any] = {
    "symbol": "PETR4",
    "timeframe": "1d",
    "time": "2025-06-30T10:00:00-03:00",
    "strategy": "rsi_divergence",
    "regime": "volatile",
    "action": "BUY",
    "strength": 0.71,
    "price": 24.05,
    "stop_loss": 22.1,
    "take_profit": 27.9,
    "valid_until": "2025-07-01T17:00:00-03:00",
    "reason": "RSI < 30 & <b>turning</b> *up* @everyone",
    "price_base": "adjusted",
    "stale_sessions": 0,
    "filter": None,
}
ANOMALY: dict[str, Any] = {
    "id": "VALE3-1d-20250630",
    "symbol": "VALE3",
    "timeframe": "1d",
    "time": "2025-06-30T10:00:00-03:00",
    "session": "2025-06-30",
    "score": 0.812,
    "severity": "high",
    "kind": "jump",
    "direction": -1,
    "drivers": ["price -9.10% in one bar, 6.2 robust standard deviations"],
    "explained_by": None,
    "advice": "Reduce exposure.",
}


def made_settings(*, attempts: int = 20, secrets: Mapping[str, str] | None = None, **notifications: Any) -> Settings:
    """Settings of nothing but these."""
    return Settings.model_construct(
        notifications=Notifications(attempts=attempts, **notifications), secrets=Secrets(**(secrets or {}))
    )


@dataclass
class Moved:
    """A clock that only sleeping moves."""

    at: float = float(NOW)
    slept: list[float] = field(default_factory=list)

    def now(self) -> int:
        return int(self.at)

    def elapsed(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.elapsed, self.sleep)


@dataclass
class Memory:
    """A channel that remembers what it took; faults are raised first, one at each attempt."""

    name: str = "discord"
    pace: float = 0.0
    address: str = "here"
    chats: tuple[str, ...] = ("",)
    taken: list[tuple[str, str]] = field(default_factory=list)
    faults: deque[Exception] = field(default_factory=deque)
    at: list[float] = field(default_factory=list)
    clock: Moved | None = None
    pause: float = 0.0
    closed: bool = False

    def recipients(self, store: Store) -> tuple[str, ...]:
        return self.chats

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:
        if self.faults:
            fault = self.faults.popleft()
            if isinstance(fault, (Retry, Refused)):
                raise fault
            if not isinstance(fault, Fine):
                raise fault
        self.taken.append((recipient, reference))
        if self.clock is not None:
            self.at.append(self.clock.at)
        return Delivered(f"r{reference}", self.pause)

    def close(self) -> None:
        self.closed = True


class Fine(Exception):
    """In a list of faults: this attempt is taken."""


def put(
    store: Store, *keys: str, channel: str = "discord", recipient: str = "", payload: Mapping[str, Any] | None = None
) -> None:
    """Messages with these keys, in one transaction."""
    with store.write() as connection:
        for key in keys:
            said = payload or {"kind": "test", "demo": False, "time": "2025-06-30T16:00:00-03:00"}
            enqueue(connection, channel, said["kind"], key, said, NOW, recipient=recipient)
