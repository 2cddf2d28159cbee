"""The Telegram bot: run it, pair a chat with it, say who may speak with it."""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.domain import iso, sao_paulo
from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from engine.desk import Desk


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        commands, common, "bot", _("the Telegram bot: takes commands and sends messages until Ctrl+C"), "pregao bot --pair"
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--pair", action="store_true", help=_("show a one-time code that pairs a chat with the bot"))
    asked.add_argument("--list", action="store_true", help=_("who may speak with the bot"))
    asked.add_argument("--remove", type=int, metavar="CHAT", help=_("take a paired chat out, by its number"))
    parser.set_defaults(run=run_bot)


def run_bot(arguments: argparse.Namespace) -> int:
    """`pregao bot [--pair | --list | --remove CHAT]`."""
    with desk_of(arguments) as desk:
        if arguments.pair:
            return _pair(desk, is_json(arguments))
        if arguments.remove is not None:
            return _remove(desk, arguments.remove, is_json(arguments))
        if arguments.list:
            return _list(desk, is_json(arguments))
        if is_json(arguments):
            raise UsageError(_("--json goes with --pair, --list and --remove"))
        asyncio.run(_serve(desk))
    return 0


async def _serve(desk: Desk) -> None:
    from engine.notifications.service import serve

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows Ctrl+C is a KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(desk, stop, narrate)


def _pair(desk: Desk, as_json: bool) -> int:
    from engine.notifications.pairing import new_code

    made = new_code(desk.store, desk.now())
    if as_json:
        print_json({"code": made.code, "expires_at": iso(made.expires_at), "demo": desk.workspace.demo})
        return 0
    demo_banner(desk.workspace.demo)
    console().print(f"/start {made.code}", markup=False)
    narrate(
        _("Send this to the bot, in the chat that is to be paired, before {time}. It works once.").format(
            time=f"{sao_paulo(made.expires_at):%H:%M}"
        )
    )
    return 0


def _list(desk: Desk, as_json: bool) -> int:
    from engine.notifications.pairing import known_chats

    found = known_chats(desk.store, desk.settings)
    if as_json:
        print_json({"chats": found, "demo": desk.workspace.demo})
        return 0
    demo_banner(desk.workspace.demo)
    if not found:
        narrate(_("Nobody may speak with the bot: `pregao bot --pair` pairs a chat."))
        return 0
    from rich.table import Table
    from rich.text import Text

    from tui.format import DASH, instant

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in (_("Chat"), _("User"), _("Name"), _("Alerts"), _("Paired")):
        table.add_column(name, overflow="fold")
    for chat in found:
        paired = chat["paired_at"]
        table.add_row(
            str(chat["chat_id"]),
            DASH if chat["user_id"] is None else str(chat["user_id"]),
            Text(chat["title"]),
            _("off") if chat["paused"] else _("on"),
            _("by the settings") if paired is None else instant(paired),
        )
    console().print(table)
    return 0


def _remove(desk: Desk, chat: int, as_json: bool) -> int:
    from engine.notifications.pairing import unpair

    unpair(desk.store, desk.settings, chat)
    if as_json:
        return _list(desk, True)
    narrate(_("Chat {id} is no longer paired.").format(id=chat))
    return 0
