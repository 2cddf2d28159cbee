"""The outbox as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import DASH, instant, number

STYLE = {"sent": "green", "dead": "bold red", "waiting": "yellow", "sending": "yellow"}


def state_name(state: str) -> str:
    """Where a message is on its way."""
    names = {"waiting": _("waiting"), "sending": _("being sent"), "sent": _("sent"), "dead": _("dead")}
    return names.get(state, state)


def messages_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each message in its JSON form."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name, right in (
        (_("Id"), True), (_("Written"), False), (_("Channel"), False), (_("Message"), False), (_("State"), False), (_("Attempts"), True),
        (_("Last error"), False),
    ):  # fmt: skip
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for item in found:
        state = Text(state_name(item["state"]), style=STYLE.get(item["state"], ""))
        if item["state"] == "waiting" and item["attempts"]:
            state.append(_(" until {time}").format(time=instant(item["next_at"])), style="dim")
        channel = f"{item['channel']} {item['recipient']}".strip()
        table.add_row(
            str(item["id"]),
            instant(item["created_at"]),
            Text(channel),
            Text(item["subject"]),
            state,
            number(item["attempts"], 0),
            Text(item["last_error"] or DASH),
        )
    return table


def channels_report(done: Mapping[str, Any]) -> RenderableType:
    """What one delivery did, one line for each channel."""
    lines = [Text(f"{name}: {counts_line(counts)}") for name, counts in done["channels"].items()]
    lines += [Text(f"{name}: {reason}", style="red") for name, reason in done["wrong"].items()]
    return Group(*lines) if lines else Text(_("No channel is set up."))


def step_line(detail: Mapping[str, Any]) -> str:
    """The step of the daily run on one line."""
    parts = [f"{name}: {counts_line(counts)}" for name, counts in detail.get("channels", {}).items()]
    parts += [f"{name}: {reason}" for name, reason in detail.get("wrong", {}).items()]
    return "; ".join(parts) or _("no channel is set up")


def counts_line(counts: Mapping[str, Any]) -> str:
    """The counts of one channel in words."""
    if counts["busy"]:
        return _("another process is sending")
    parts = [ngettext("{count} sent", "{count} sent", counts["sent"]).format(count=counts["sent"])]
    for key, text in (
        ("repeated", _("{count} of them perhaps for the second time")),
        ("waiting", _("{count} waiting")),
        ("dead", _("{count} dead")),
    ):
        if counts[key]:
            parts.append(text.format(count=counts[key]))
    parts += [_("disabled: {reason}").format(reason=reason) for reason in counts["disabled"].values()]
    return ", ".join(parts)
