"""What a channel is to the sender: an address, recipients, and one way to send a message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has taken the message. remote_id: what it calls it; pause: seconds that it asks to wait before the next one."""

    remote_id: str = ""
    pause: float = 0.0


class Retry(Exception):
    """The message was not taken, and may be later. after: seconds that the other side asks for, None where it does not say."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Refused(Exception):
    """The message will never be taken. channel_dead: nor will any other one to this recipient, which no longer exists."""

    def __init__(self, reason: str, channel_dead: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.channel_dead = channel_dead


class Channel(Protocol):
    """One way out. Each module of a channel has `open_channel(settings, store) -> Channel | None`, None where it is not set up."""

    @property
    def name(self) -> str:
        """As in `engine.store.outbox.CHANNELS`."""
        ...

    @property
    def pace(self) -> float:
        """Seconds between two messages to one recipient."""
        ...

    @property
    def address(self) -> str:
        """A digest of where it sends to (see `digest`): when it changes, disabled recipients are tried again."""
        ...

    def recipients(self, store: Store) -> tuple[str, ...]:
        """Who gets a message; one empty name where the channel has only one recipient."""
        ...

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:
        """Send one message and wait for the answer. Raises Retry and Refused.

        reference: the message's id, which goes out with it, the same when it is repeated. written_at: UTC seconds.
        """
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


def digest(address: str) -> str:
    """An address, which may be a secret, in a form that may be stored."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
