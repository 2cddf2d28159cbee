"""Sending what the outbox holds: addressed by the rules, one process per channel, in order per recipient, paced, tried again, dead at last.

A message is claimed before it is sent and marked after; a process that is killed in between leaves it claimed, and the next one
sends it again with the same id.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, Any

from engine.domain import iso
from engine.errors import PregaoError, SettingsError, StoreError, UsageError
from engine.i18n import _
from engine.log import redact
from engine.notifications.channel import Channel, Refused, Retry
from engine.notifications.messages import check_payload
from engine.notifications.rules import Rules, channels_for, load_rules, quiet_until
from engine.refusals import hint_of
from engine.store import outbox
from engine.store.file_lock import file_lock

if TYPE_CHECKING:
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.workspace import Workspace

log = logging.getLogger(__name__)

#: Seconds before the second attempt, twice as many before each further one, with jitter, up to the longest.
FIRST_RETRY, LONGEST_RETRY = 5.0, 3600.0
#: Seconds between two looks at `stop` while waiting.
LOOK = 0.5


@dataclass(slots=True)
class Sent:
    """What one delivery did on one channel. again: attempts that failed and will be repeated; repeated: messages sent a second
    time because the first sender was killed before it knew the answer; held: by quiet hours; waiting: when it ended; failing: of these, tried already.

    busy: another process is sending on this channel. disabled: the reason why it is no longer tried, by recipient.
    """

    sent: int = 0
    again: int = 0
    dead: int = 0
    repeated: int = 0
    held: int = 0
    waiting: int = 0
    failing: int = 0
    busy: bool = False
    disabled: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        counts = {
            name: getattr(self, name) for name in ("sent", "again", "dead", "repeated", "held", "waiting", "failing", "busy")
        }
        return {**counts, "disabled": dict(self.disabled)}


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks of a delivery: now in UTC seconds, a stop watch, and a pause in seconds."""

    now: Callable[[], int]
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def never() -> bool:
    """The `stop` of a caller that waits for the end."""
    return False


def open_channels(settings: Settings, store: Store) -> tuple[list[Channel], dict[str, str]]:
    """Every channel that is set up, and for each that is set up wrongly what is wrong, by name. Close them."""
    found: list[Channel] = []
    wrong: dict[str, str] = {}
    for name in outbox.CHANNELS:
        try:
            channel = import_module(f"engine.notifications.{name}").open_channel(settings, store)
        except PregaoError as error:
            log.warning("%s: %s", name, error.message)
            wrong[name] = error.message
            continue
        if channel is not None:
            found.append(channel)
    return found, wrong


def send_all(
    workspace: Workspace,
    settings: Settings,
    store: Store,
    now: Callable[[], int],
    *,
    stop: Callable[[], bool] = never,
    patience: float = 0.0,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Send what is due on every channel that is set up (`only`: on these): {"channels": {name: counts}, "wrong": {name: reason}}.

    Raises SettingsError for a config/alerts.toml that cannot be understood, and StoreError.
    """
    rules = load_rules(workspace.alerts_file)
    channels, wrong = open_channels(settings, store)
    try:
        address(store, rules, channels, wrong)
        asked = [channel for channel in channels if not only or channel.name in only]
        counts = deliver(store, settings, Clock(now), asked, stop, rules=rules, patience=patience)
    finally:
        for channel in channels:
            channel.close()
    return {"channels": {name: sent.as_dict() for name, sent in counts.items()}, "wrong": wrong}


def address(store: Store, rules: Rules, channels: Sequence[Channel], wrong: Mapping[str, str]) -> None:
    """Give every message of the channel ANY to the channels and recipients that the rules choose; one that none wants goes nowhere.

    wrong: channels that are set up wrongly; what is meant for them waits for one that has a single recipient.
    """
    with store.read() as connection:
        if not outbox.unaddressed(connection):
            return
    recipients = {channel.name: channel.recipients(store) for channel in channels}
    recipients |= {name: ("",) for name in wrong if name != "telegram"}
    with store.write() as connection:
        for message in outbox.unaddressed(connection):
            for name in channels_for(rules, message.payload):
                for recipient in recipients.get(name, ()):
                    outbox.enqueue(
                        connection,
                        name,
                        message.kind,
                        message.dedupe_key,
                        message.payload,
                        message.created_at,
                        recipient=recipient,
                    )
            outbox.mark_addressed(connection, message.id)


def deliver(
    store: Store,
    settings: Settings,
    clock: Clock,
    channels: Sequence[Channel],
    stop: Callable[[], bool] = never,
    *,
    rules: Rules | None = None,
    patience: float = 0.0,
) -> dict[str, Sent]:
    """Send what is due on these channels until nothing is, or `stop` says so; what it did, by channel.

    patience: seconds, over all channels, to wait for messages that are to be tried again or for another process that sends.
    rules: for their quiet hours; None: there are none. Raises StoreError.
    """
    counts = {channel.name: Sent() for channel in channels}
    waited = 0.0
    with ExitStack() as held:
        lines: dict[str, _Line] = {}
        while True:
            for channel in channels:
                if channel.name not in lines and _locked(held, store, channel.name):
                    lines[channel.name] = _Line(store, settings, clock, channel, counts[channel.name], rules or Rules())
                counts[channel.name].busy = channel.name not in lines
                if channel.name in lines:
                    lines[channel.name].drain(stop)
            pause = _until_next(store, clock, lines, busy=len(lines) < len(channels))
            if pause is None or waited + pause > patience or not _paused(clock, pause, stop):
                break
            waited += pause
        for name, line in lines.items():
            counts[name].disabled = line.disabled
            counts[name].waiting, counts[name].failing = outbox.count_waiting(store, name)
    return counts


def retry_pause(message: int, attempts: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the other side asks for, else 5, 10, 20 ... up to 3,600 with jitter from half of it.

    The jitter is drawn from the message and the attempt, so that many messages that failed together do not come back together.
    """
    if asked is not None:
        return asked
    longest = min(FIRST_RETRY * 2.0 ** min(attempts - 1, 20), LONGEST_RETRY)
    return random.Random(f"{message}/{attempts}").uniform(longest / 2, longest)


def _locked(held: ExitStack, store: Store, channel: str) -> bool:
    """Whether this process may send on a channel, from here on and until `held` is left."""
    path = store.path.with_name(f"{store.path.stem}-{channel}.lock")
    with ExitStack() as tried:
        try:
            taken = tried.enter_context(file_lock(path))
        except OSError as error:
            said = _("{name} cannot be written: {error}").format(name=path, error=error.strerror or error)
            raise StoreError(said, hint_of(error)) from error
        if taken:
            held.push(tried.pop_all())
        return taken


def _until_next(store: Store, clock: Clock, lines: Mapping[str, _Line], *, busy: bool) -> float | None:
    """Seconds until something is due on one of the channels; None when nothing waits."""
    times = [outbox.next_due(store, name) for name in lines]
    pauses = [max(when - clock.now(), LOOK) for when in times if when is not None]
    return min([*pauses, *([LOOK] if busy else [])], default=None)


def _paused(clock: Clock, seconds: float, stop: Callable[[], bool]) -> bool:
    """Wait, unless `stop` says so meanwhile (False)."""
    while seconds > 0:
        if stop():
            return False
        clock.sleep(min(seconds, LOOK))
        seconds -= LOOK
    return not stop()


class _Line:
    """The messages of one channel while its lock is held."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, channel: Channel, counts: Sent, rules: Rules) -> None:
        self._store, self._clock, self._channel, self._counts, self._rules = store, clock, channel, counts, rules
        self._limit = settings.notifications.attempts
        self._secrets = settings.secret_values()
        self._ready: dict[str, float] = {}
        self._interrupted = outbox.recover(store, channel.name, clock.now())
        self.disabled = outbox.disabled(store, channel.name, channel.address)

    def drain(self, stop: Callable[[], bool]) -> None:
        """Send what is due, the recipient that has waited longest first."""
        for recipient, reason in self.disabled.items():
            self._counts.dead += outbox.bury(self._store, self._channel.name, recipient, reason)
        while not stop():
            due = outbox.due(self._store, self._clock.now(), self._channel.name)
            free = [message for message in due if not self._held(message)]
            if not free:
                if len(due) == len(free):
                    return
                continue
            message = min(free, key=lambda item: (self._ready.get(item.recipient, 0.0), item.id))
            if not _paused(self._clock, self._ready.get(message.recipient, 0.0) - self._clock.elapsed(), stop):
                return
            self.send(message)

    def _held(self, message: outbox.Message) -> bool:
        """Whether quiet hours hold a message back; it waits until they end."""
        until = quiet_until(self._rules, message.payload, self._clock.now())
        if until is None:
            return False
        outbox.postpone(self._store, message.id, until)
        self._counts.held += 1
        return True

    def send(self, message: outbox.Message) -> None:
        """Try one message now, and record how that went."""
        if not outbox.claim(self._store, message.id):
            return
        pause = 0.0
        try:
            delivered = self._channel.send(
                message.payload, recipient=message.recipient, reference=str(message.id), written_at=message.created_at
            )
        except Retry as error:
            self._failed(message, error)
        except Refused as error:
            self._refused(message, error)
        else:
            outbox.mark_sent(self._store, message.id, self._clock.now(), delivered.remote_id)
            self._counts.sent += 1
            self._counts.repeated += message.id in self._interrupted
            pause = delivered.pause
        self._interrupted.discard(message.id)
        self._ready[message.recipient] = self._clock.elapsed() + max(self._channel.pace, pause)

    def _failed(self, message: outbox.Message, error: Retry) -> None:
        attempts, reason = message.attempts + 1, redact(error.reason, self._secrets)
        if attempts >= self._limit:
            log.warning("message %d is dead after %d attempts: %s", message.id, attempts, reason)
            outbox.mark_failed(self._store, message.id, reason, None)
            self._counts.dead += 1
            return
        pause = ceil(retry_pause(message.id, attempts, error.after))
        outbox.mark_failed(self._store, message.id, reason, self._clock.now() + pause)
        self._counts.again += 1

    def _refused(self, message: outbox.Message, error: Refused) -> None:
        reason = redact(error.reason, self._secrets)
        log.warning("message %d was refused: %s", message.id, reason)
        outbox.mark_failed(self._store, message.id, reason, None)
        self._counts.dead += 1
        if error.channel_dead:
            name, now = self._channel.name, self._clock.now()
            self.disabled[message.recipient] = reason
            self._counts.dead += outbox.disable(self._store, name, message.recipient, self._channel.address, reason, now)


def send_test(
    settings: Settings,
    store: Store,
    now: Callable[[], int],
    *,
    only: Sequence[str] = (),
    demo: bool = False,
    patience: float = 5.0,
) -> list[outbox.Message]:
    """Send a test message at once, before anything that waits, to every recipient of every channel (`only`: of these).

    The messages as they then are. A disabled recipient is tried again. patience: seconds to wait for another process that sends.
    Raises UsageError when no channel is set up or one has no recipient, SettingsError for one that is set up wrongly.
    """
    clock, made = Clock(now), []
    channels, wrong = open_channels(settings, store)
    try:
        if reason := next((wrong[name] for name in wrong if not only or name in only), ""):
            raise SettingsError(reason)
        asked = [channel for channel in channels if not only or channel.name in only]
        missing = [name for name in only if name not in {channel.name for channel in asked}]
        if missing or not asked:
            raise UsageError(
                _("Not set up: {channels}").format(channels=", ".join(missing)) if missing else _("No channel is set up"),
                _("docs/notifications.md says how Telegram, Discord, a webhook and e-mail are set up."),
            )
        for channel in asked:
            recipients = channel.recipients(store)
            if not recipients:
                raise UsageError(_("{channel} has no recipient yet").format(channel=channel.name))
            for recipient in recipients:
                outbox.enable(store, channel.name, recipient)
                with store.write() as connection:
                    key = f"test/{outbox.newest(connection) + 1}"
                    outbox.enqueue(
                        connection, channel.name, "test", key, check_payload(iso(now()), demo=demo), now(), recipient=recipient
                    )
                    made.append(outbox.newest(connection))
                _send_at_once(store, settings, clock, channel, made[-1], patience)
    finally:
        for channel in channels:
            channel.close()
    return [outbox.read_message(store, number) for number in made]


def _send_at_once(store: Store, settings: Settings, clock: Clock, channel: Channel, number: int, patience: float) -> None:
    """Send one message before those that wait; if another process keeps the channel for too long, it is left to that one."""
    waited = 0.0
    with ExitStack() as held:
        while not _locked(held, store, channel.name):
            if waited >= patience:
                return
            clock.sleep(LOOK)
            waited += LOOK
        line = _Line(store, settings, clock, channel, Sent(), Rules())
        line.send(outbox.read_message(store, number))
