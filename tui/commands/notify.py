"""Messages: try the channels, list the outbox, send what waits, revive what is dead."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.store.outbox import Message


def add_commands(commands: Any, common: Any) -> None:
    parser = add(commands, common, "notify", _("messages: try the channels, list, send, revive"), "pregao notify test")
    actions = parser.add_subparsers(title=_("commands"), metavar="{test,list,send,resend}", dest="action", required=True)
    test = add(actions, common, "test", _("send a test message to every channel"), "pregao notify test --channel discord")
    _add_channel(test)
    test.set_defaults(run=run_test)
    listed = add(actions, common, "list", _("the newest messages and what became of them"), "pregao notify list --state dead")
    listed.add_argument("--state", metavar="STATE", help=_("only these: waiting, sending, sent or dead"))
    listed.add_argument("--limit", type=int, default=50, help=_("only the newest so many"))
    listed.set_defaults(run=run_list)
    send = add(actions, common, "send", _("send what waits and is due"), "pregao notify send")
    _add_channel(send)
    send.set_defaults(run=run_send)
    again = add(actions, common, "resend", _("send messages again, with the same id"), "pregao notify resend 12")
    again.add_argument("ids", nargs="*", type=int, metavar="ID")
    again.add_argument("--dead", action="store_true", help=_("all dead ones"))
    again.set_defaults(run=run_resend)


def _add_channel(parser: Any) -> None:
    parser.add_argument(
        "--channel", action="append", default=[], metavar="NAME", help=_("only on this channel; may be given again")
    )


def run_test(arguments: argparse.Namespace) -> int:
    """Exit code 1 when a test message was not taken."""
    from engine.notifications.sender import send_test

    only = _channels(arguments)
    with desk_of(arguments) as desk:
        made = send_test(desk.settings, desk.store, desk.now, only=only, demo=desk.workspace.demo)
        _show(desk, arguments, made)
    return 0 if all(message.state == "sent" for message in made) else 1


def run_list(arguments: argparse.Namespace) -> int:
    from engine.store.outbox import list_messages

    if arguments.limit < 1:
        raise UsageError(_("--limit takes a number from 1 up"))
    with desk_of(arguments) as desk:
        _show(desk, arguments, list_messages(desk.store, arguments.state, arguments.limit))
    return 0


def run_send(arguments: argparse.Namespace) -> int:
    """Exit code 1 when a message is dead or a channel is set up wrongly."""
    return _deliver(arguments, [], _channels(arguments))


def run_resend(arguments: argparse.Namespace) -> int:
    """Exit code 1 when a message is dead again."""
    if bool(arguments.ids) == arguments.dead:
        raise UsageError(_("Name the messages by their ids, or take all dead ones with --dead"))
    return _deliver(arguments, arguments.ids, (), dead=arguments.dead)


def _deliver(arguments: argparse.Namespace, ids: Sequence[int], only: Sequence[str], *, dead: bool = False) -> int:
    from engine.notifications.sender import send_all
    from engine.store.outbox import list_messages, read_message, resend

    with desk_of(arguments) as desk:
        if dead:
            ids = [message.id for message in list_messages(desk.store, "dead", 1 << 31)][::-1]
        for number in ids:
            read_message(desk.store, number)
        for number in ids:
            resend(desk.store, number, desk.now())
        done = send_all(desk.workspace, desk.settings, desk.store, desk.now, only=only)
        if ids or dead:
            _show(desk, arguments, [read_message(desk.store, number) for number in ids], done)
        elif is_json(arguments):
            print_json({**done, "demo": desk.workspace.demo})
        else:
            from tui.reports.notify import channels_report

            console().print(channels_report(done))
    return 1 if done["wrong"] or any(counts["dead"] for counts in done["channels"].values()) else 0


def _channels(arguments: argparse.Namespace) -> tuple[str, ...]:
    from engine.store.outbox import CHANNELS

    for name in arguments.channel:
        if name not in CHANNELS:
            raise UsageError(
                _("There is no channel {name}").format(name=name), _("Accepted: {list}.").format(list=", ".join(CHANNELS))
            )
    return tuple(dict.fromkeys(arguments.channel))


def _show(desk: Desk, arguments: argparse.Namespace, messages: Sequence[Message], done: dict[str, Any] | None = None) -> None:
    """The messages, and what a delivery did."""
    from engine.notifications.messages import subject

    listed = [{**message.as_dict(), "subject": subject(message.payload)} for message in messages]
    if is_json(arguments):
        print_json({"messages": listed, **(done or {}), "demo": desk.workspace.demo})
        return
    if not listed:
        narrate(_("There is no such message."))
        return
    from tui.reports.notify import messages_table

    demo_banner(desk.workspace.demo)
    console().print(messages_table(listed))
