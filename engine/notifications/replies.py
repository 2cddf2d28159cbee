"""What the Telegram bot answers: each command is a plain function of the desk, and every value in its HTML is escaped."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.domain import from_day_number, sao_paulo
from engine.errors import PregaoError, UsageError
from engine.figures import day, instant, money, number, percent, price
from engine.i18n import _, mark
from engine.names import action_name, anomaly_name, severity_name
from engine.notifications.forms import TELEGRAM_TEXT, length, render, shorten
from engine.notifications.messages import direction_payload, summary_payload
from engine.notifications.pairing import recipients
from engine.notifications.telegram import CAPTION
from engine.store import outbox
from engine.store.anomalies import with_state
from engine.store.directions import read_directions
from engine.store.ledger import list_runs, read_signals
from engine.store.run_locks import UNFINISHED, with_states
from engine.store.telegram import set_paused

if TYPE_CHECKING:
    from engine.desk import Desk

#: Runs among which the newest one of the close is looked for.
RECENT = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """HTML, at most one message long, or the caption of a picture (PNG)."""

    text: str
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it was asked: its words after the name, and the chat."""

    desk: Desk
    chat: int
    words: tuple[str, ...] = ()


def answer(name: str, asked: Asked) -> Reply:
    """The answer to a command without its slash; an unknown one lists the commands, an error is its sentence and its hint."""
    try:
        work = COMMANDS[name][0] if name in COMMANDS else _help
        return work(asked)
    except PregaoError as error:
        return page("⚠️", error.message, [error.hint])


def page(sign: str, title: str, lines: Iterable[str], demo: bool = False) -> Reply:
    """A title and lines of plain text, cut between lines to one message."""
    warning = [_("DEMO - invented companies and prices, nothing here is real")] if demo else []
    body = [html.escape(shorten(line, 1000), quote=False) for line in (*warning, *lines)]
    head = f"{sign} <b>{html.escape(shorten(title, 1000), quote=False)}</b>"
    left = 0
    while length("\n".join([head, "", *body])) > TELEGRAM_TEXT - 8:
        body.pop()
        left += 1
    return Reply("\n".join([head, "", *body, *(["…"] if left else [])]).strip())


def _start(asked: Asked) -> Reply:
    set_paused(asked.desk.store, asked.chat, False)
    outbox.enable(asked.desk.store, "telegram", str(asked.chat))
    return page("🤖", _("Pregão is here"), [_("Alerts come to this chat."), "", *_listed()], asked.desk.workspace.demo)


def _help(asked: Asked) -> Reply:
    return page("🤖", _("Commands"), _listed(), asked.desk.workspace.demo)


def _listed() -> list[str]:
    return [f"/{name} - {_(meaning)}" for name, (_work, meaning) in COMMANDS.items()]


def _stop(asked: Asked) -> Reply:
    store, chat = asked.desk.store, str(asked.chat)
    set_paused(store, asked.chat, True)
    outbox.bury(store, "telegram", chat, _("The chat asked for no alerts"))
    return page("🔕", _("No more alerts in this chat"), [_("/start brings them back. Commands are still answered.")])


def _status(asked: Asked) -> Reply:
    desk = asked.desk
    runs = with_states(desk.store, list_runs(desk.store, 1), desk.now())
    counts = {state: len(outbox.list_messages(desk.store, state, 1000)) for state in ("waiting", "dead")}
    on = str(asked.chat) in recipients(desk.store, desk.settings)
    lines = [
        f"Pregão {__version__}",
        *(_run_lines(runs[0]) if runs else [_("No daily run yet.")]),
        _("Messages: {waiting} waiting, {dead} dead").format(**counts),
        _("Alerts in this chat: on") if on else _("Alerts in this chat: off (/start)"),
        instant(sao_paulo(desk.now())),
    ]
    failed = bool(runs) and runs[0]["status"] in ("failed", UNFINISHED)
    return page("🔴" if failed else "✅", _("Status"), lines, desk.workspace.demo)


def _run_lines(run: dict[str, Any]) -> list[str]:
    states = {
        "done": _("done"),
        "partial": _("partly done"),
        "stale": _("without all of the day's data"),
        "running": _("running"),
        UNFINISHED: _("ended without finishing"),
    }
    state = states.get(run["status"], _("failed"))
    lines = [_("Daily run of {session}: {state}").format(session=day(from_day_number(run["session"])), state=state)]
    if run["finished_at"] is not None:
        lines.append(_("Finished: {time}").format(time=instant(sao_paulo(run["finished_at"]))))
    return lines


def _newest_run(desk: Desk) -> dict[str, Any]:
    """The newest live run that has looked for signals. Raises UsageError without one."""
    for run in list_runs(desk.store, RECENT):
        if not run["replay"] and any(step["name"] == "signals" for step in run["steps"]):
            return run
    raise UsageError(_("There is no daily run yet"), _("`pregao --run-daily` makes one."))


def _report(desk: Desk) -> dict[str, Any]:
    """The newest run in the form of `pregao --run-daily --json`."""
    run = _newest_run(desk)
    details = {step["name"]: step["detail"] for step in run["steps"]}
    return {
        "run_id": run["id"],
        "session": from_day_number(run["session"]).isoformat(),
        "status": run["status"],
        "steps": run["steps"],
        "signals": read_signals(desk.store, run["id"]),
        "anomalies": with_state(desk.store, details.get("anomalies", {}).get("anomalies", [])),
        "demo": desk.workspace.demo,
    }


def _signals(asked: Asked) -> Reply:
    report = _report(asked.desk)
    chosen = [signal for signal in report["signals"] if signal["action"] != "HOLD"]
    lines = [_signal_line(signal) for signal in sorted(chosen, key=lambda signal: -signal["strength"])]
    held = len(report["signals"]) - len(chosen)
    lines.append(_("{count} symbols: {action}").format(count=held, action=action_name("HOLD")))
    return page("🎯", _("Signals of {session}").format(session=day(report["session"])), lines, report["demo"])


def _signal_line(signal: dict[str, Any]) -> str:
    sign = "📈" if signal["action"] == "BUY" else "📉"
    parts = [f"{sign} {signal['symbol']}: {action_name(signal['action'])} ({number(signal['strength'])})", price(signal["price"])]
    if signal["stop_loss"] is not None:
        parts.append(f"🛑 {price(signal['stop_loss'])}")
    if signal["take_profit"] is not None:
        parts.append(f"🎯 {price(signal['take_profit'])}")
    return "  ".join(parts)


def _positions(asked: Asked) -> Reply:
    from engine.paper.report import status

    account = status(asked.desk)
    lines = [
        _("Equity: {equity} ({change})").format(
            equity=money(account["equity"]), change=percent(account["total_return"], signed=True)
        ),
        _("Cash: {cash}").format(cash=money(account["cash"])),
        "",
        *(_position_line(position) for position in account["positions"]),
        *([] if account["positions"] else [_("No open position.")]),
        *(["", _("Waiting orders: {count}").format(count=len(account["orders"]))] if account["orders"] else []),
        *account["notices"],
    ]
    from engine.notifications.charts import account_picture

    said = page("💼", _("Paper account"), lines, asked.desk.workspace.demo)
    return Reply(said.text, account_picture(asked.desk.store) if length(said.text) <= CAPTION else None)


def _position_line(position: dict[str, Any]) -> str:
    side = "📈" if position["side"] == "long" else "📉"
    gain = f"{money(position['pnl'])} ({percent(position['return'], signed=True)})"
    return f"{side} {position['symbol']}: {number(position['quantity'], 0)} @ {price(position['average_price'])}  {gain}"


def _daily(asked: Asked) -> Reply:
    from engine.notifications.charts import account_picture
    from engine.paper.day import day_summary

    report, account = _report(asked.desk), day_summary(asked.desk)
    waiting = next((step["detail"].get("waiting_for") for step in report["steps"] if step["name"] == "paper"), None)
    text = render(summary_payload(report, account, waiting or ()), "telegram")
    return Reply(text, account_picture(asked.desk.store) if length(text) <= CAPTION else None)


def _anomalies(asked: Asked) -> Reply:
    report = _report(asked.desk)
    signs = {"high": "🔴", "medium": "🟡"}
    lines = []
    for found in report["anomalies"]:
        words = f"{signs.get(found['severity'], '⚪')} {found['symbol']}: {anomaly_name(found['kind'])}, "
        lines.append(words + f"{severity_name(found['severity'])} ({number(found['score'], 3)})")
        lines += [f"    {found['advice']}"] if found["advice"] else []
    lines = lines or [_("Nothing unusual.")]
    return page("🚨", _("Anomalies of {session}").format(session=day(report["session"])), lines, report["demo"])


def _direction(asked: Asked) -> Reply:
    symbol = asked.desk.settings.direction.symbol
    found = read_directions(asked.desk.store, symbol, limit=1)
    if not found:
        raise UsageError(
            _("Nothing was said yet about the direction of {symbol}").format(symbol=symbol), _("`pregao direction` asks.")
        )
    return Reply(render(direction_payload(found[0].direction, demo=asked.desk.workspace.demo), "telegram"))


def _chart(asked: Asked) -> Reply:
    from engine.market.asked import symbols, timeframe
    from engine.notifications.charts import symbol_picture

    if not 1 <= len(asked.words) <= 2:
        raise UsageError(_("Name one symbol"), _("For example: /chart PETR4, or /chart PETR4 60m."))
    symbol = symbols(asked.words[:1])[0]
    frame = timeframe(asked.words[1] if len(asked.words) == 2 else "1d")
    caption = page("📈", f"{symbol} {frame}", [], asked.desk.workspace.demo)
    return Reply(caption.text, symbol_picture(asked.desk.store, symbol, frame))


COMMANDS: dict[str, tuple[Callable[[Asked], Reply], str]] = {
    "start": (_start, mark("alerts come to this chat")),
    "status": (_status, mark("the newest daily run, and messages that wait")),
    "signals": (_signals, mark("the newest signals")),
    "positions": (_positions, mark("the paper account")),
    "daily": (_daily, mark("the summary of the day")),
    "anomalies": (_anomalies, mark("what was unusual in the newest session")),
    "direction": (_direction, mark("what is said of the index")),
    "chart": (_chart, mark("chart of a symbol: /chart PETR4")),
    "stop": (_stop, mark("no more alerts in this chat")),
}


def command_of(text: str, username: str) -> tuple[str, tuple[str, ...]] | None:
    """`/chart@desk_bot PETR4` as ("chart", ("PETR4",)); None for what is no command, or one for another bot."""
    words: Sequence[str] = text.split()
    if not words or not words[0].startswith("/"):
        return None
    name, _at, bot = words[0][1:].partition("@")
    if bot and bot.lower() != username.lower():
        return None
    return name.lower(), tuple(words[1:])
