"""The messages of the outbox as rows of a table, in full, and how the bot stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from engine.domain import iso, sao_paulo
from engine.i18n import _, ngettext
from engine.store.outbox import ANY
from tui.quick_format import DASH, day, number
from tui.widgets.table import Column

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.notifications.pairing import PairingCode
    from engine.store.outbox import Message

#: The newest so many are listed.
LISTED = 500
#: The states by which the list is narrowed; the first is all.
STATES = ("", "waiting", "sending", "sent", "dead")
STYLES = {"sent": "up", "dead": "down", "waiting": "accent", "sending": "accent"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One message, and what it is about on one line."""

    message: Message
    subject: str


@dataclass(frozen=True, slots=True)
class Outbox:
    """What the tab of the messages shows. chats: how many Telegram chats may ask the bot."""

    messages: tuple[Listed, ...] = ()
    chats: int = 0


def read_outbox(desk: Desk, state: str) -> Outbox:
    """The newest messages (in one state), and the chats. Raises StoreError."""
    from engine.notifications.messages import subject
    from engine.notifications.pairing import known_chats
    from engine.store.outbox import list_messages

    found = list_messages(desk.store, state or None, LISTED)
    chats = len(known_chats(desk.store, desk.settings))
    return Outbox(tuple(Listed(message, subject(message.payload)) for message in found), chats)


def send_again(desk: Desk, number: int) -> str:
    """Let a message go out again and send what is due; what came of it in words. Raises PregaoError."""
    from engine.notifications.sender import send_all
    from engine.store.outbox import read_message, resend

    resend(desk.store, number, desk.now())
    done = send_all(desk.workspace, desk.settings, desk.store, desk.now)
    message = read_message(desk.store, number)
    wrong = done["wrong"].get(message.channel)
    facts = [_("Message {id}: {state}").format(id=number, state=state_name(message.state))]
    return ", ".join([*facts, *(text for text in (wrong, message.last_error) if text)]) + "."


def state_name(state: str) -> str:
    """Where a message is on its way; an empty one stands for all."""
    names = {"": _("all"), "waiting": _("waiting"), "sending": _("being sent"), "sent": _("sent"), "dead": _("dead")}
    return names.get(state, state)


def columns() -> list[Column]:
    """The columns of the messages."""
    return [
        Column("id", _("Id"), 5, right=True),
        Column("created", _("Written"), 16),
        Column("channel", _("Channel"), 10),
        Column("kind", _("Kind"), 10, priority=1),
        Column("state", _("State"), 10),
        Column("attempts", _("Tries"), 5, right=True),
        Column("subject", _("Message"), 24, grow=True),
        Column("error", _("Last error"), 30, priority=2),
    ]


def cell(listed: Listed, key: str) -> str | tuple[str, str]:
    """One cell of the messages."""
    message = listed.message
    if key == "state":
        return state_name(message.state), STYLES.get(message.state, "")
    if key == "created":
        return moment(message.created_at)
    cells = {
        "id": str(message.id),
        "channel": DASH if message.channel == ANY else message.channel,
        "kind": message.kind,
        "attempts": number(message.attempts, 0),
        "subject": listed.subject,
        "error": message.last_error,
    }
    return cells[key]


def moment(instant: int | None) -> str:
    """The day of an instant, and its time."""
    if instant is None:
        return DASH
    text = iso(instant)
    return f"{day(text)} {text[11:16]}"


def note(listed: Listed | None) -> str:
    """What is to be known of the marked message: why it did not go out, and when it is tried again or went."""
    if listed is None:
        return ""
    message = listed.message
    facts = [message.last_error] if message.last_error else []
    if message.channel == ANY:
        facts.append(_("the rules choose its channels when messages are next sent"))
    if message.recipient:
        facts.append(_("to {recipient}").format(recipient=message.recipient))
    if message.state == "waiting":
        facts.append(_("next try {time}").format(time=moment(message.next_at)))
    if message.sent_at is not None:
        facts.append(_("sent {time}").format(time=moment(message.sent_at)))
    return " · ".join(facts)


def bot_line(outbox: Outbox, *, on: bool, code: PairingCode | None, now: int, keys: Mapping[str, str]) -> str:
    """How the Telegram bot stands, and the one-time code while it may be used. keys: "switch" and "pair" as shown."""
    facts = [
        (_("Telegram bot is on ({switch})") if on else _("Telegram bot is off ({switch})")).format(**keys),
        ngettext("{count} chat may ask it", "{count} chats may ask it", outbox.chats).format(count=outbox.chats),
    ]
    if code is not None and now < code.expires_at:
        until = f"{sao_paulo(code.expires_at):%H:%M}"
        facts.append(_("send /start {code} to it before {time}").format(code=code.code, time=until))
    else:
        facts.append(_("{pair} shows a code that pairs one").format(**keys))
    return " · ".join(facts)


def message_text(listed: Listed) -> Text:
    """A message in full: what became of it, then what it says."""
    from engine.notifications.messages import render

    message = listed.message
    text = Text()
    text.append(f"{listed.subject}\n", style="bold")
    for label, value in (
        (_("State"), state_name(message.state)),
        (_("Channel"), f"{message.channel} {message.recipient}".strip()),
        (_("Kind"), message.kind),
        (_("Written"), moment(message.created_at)),
        (_("Next try"), moment(message.next_at) if message.state == "waiting" else DASH),
        (_("Sent"), moment(message.sent_at)),
        (_("Tries"), number(message.attempts, 0)),
        (_("Last error"), message.last_error or DASH),
        (_("Key"), message.dedupe_key),
    ):
        text.append(f"{label}: ", style="bold")
        text.append(f"{value}\n")
    text.append(f"\n{render(message.payload, 'plain')}")
    return text
