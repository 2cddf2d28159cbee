"""Engine results as Rich tables for the terminal. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.domain import from_day_number, iso
from engine.i18n import _, ngettext, pgettext
from tui.filter_report import drift_summary, predictions_summary, rejected_lines
from tui.format import DASH, day, instant, money, number, percent, price
from tui.names import anomaly_name, status_name, step_name, steps_line

if TYPE_CHECKING:
    from engine.daily import Report
    from engine.domain import Bars
    from engine.store.coverage import Coverage

GLYPH = {"BUY": "▲", "SELL": "▼", "HOLD": "●"}
STYLE = {"BUY": "green", "SELL": "red", "HOLD": "dim"}
LISTED = 12
#: A day of so few symbols shows every HOLD with its reason too.
SMALL_DESK = 20


def action_text(action: str) -> Text:
    """BUY, SELL or HOLD with its glyph, in words of the reader's language."""
    names = {"BUY": _("BUY"), "SELL": _("SELL"), "HOLD": _("HOLD")}
    return Text(f"{GLYPH[action]} {names[action]}", style=STYLE[action])


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def coverage_table(found: Sequence[Coverage]) -> RenderableType:
    """One line per series and, below, what is odd in each."""
    heads = (
        _("Symbol"),
        _("TF"),
        _("First"),
        _("Last"),
        _("Bars"),
        _("Missing"),
        _("Zero vol."),
        _("Flat"),
        _("Jumps"),
        _("Base"),
        _("Source"),
        _("Prov."),
    )
    table = _table(*heads, right=heads[4:9])
    notes: list[RenderableType] = []
    for item in found:
        table.add_row(
            Text(item.symbol),
            item.timeframe,
            day(item.first),
            day(item.last),
            number(item.bars, 0),
            DASH if item.missing_sessions is None else number(item.missing_sessions, 0),
            number(item.zero_volume, 0),
            number(item.flat, 0),
            number(len(item.jumps), 0),
            _(item.price_base),
            Text(", ".join(item.sources)),
            number(item.provisional, 0),
        )
        notes += [Text(f"  {line}") for line in coverage_notes(item)]
    return Group(table, *notes)


def coverage_notes(item: Coverage) -> list[str]:
    name = f"{item.symbol} {item.timeframe}"
    notes = []
    if item.missing_sessions:
        listed = ", ".join(day(session) for session in item.missing[:LISTED])
        notes.append(
            _("{name}: sessions of B3 without a bar: {sessions}").format(
                name=name, sessions=listed + _more(item.missing_sessions, LISTED)
            )
        )
    if item.extra_sessions:
        notes.append(
            _("{name}: bars on days that are no sessions: {days}").format(
                name=name, days=", ".join(map(day, item.extra_sessions))
            )
        )
    if item.jumps:
        listed = ", ".join(f"{day(jump.session)} {percent(jump.change, signed=True)}" for jump in item.jumps[:LISTED])
        notes.append(
            _("{name}: jumps that no stored event explains: {jumps}").format(
                name=name, jumps=listed + _more(len(item.jumps), LISTED)
            )
        )
    if item.after_market:
        notes.append(
            _("{name}: {count} after-market bars, kept apart from the session").format(name=name, count=item.after_market)
        )
    if item.revisions:
        notes.append(_("{name}: {count} bars were revised by a later import").format(name=name, count=item.revisions))
    return notes


def _more(total: int, shown: int) -> str:
    return (
        ""
        if total <= shown
        else " " + ngettext("and {count} more", "and {count} more", total - shown).format(count=total - shown)
    )


def bars_table(bars: Bars) -> RenderableType:
    """The bars, oldest first."""
    heads = (
        _("Time"),
        pgettext("price", "Open"),
        _("High"),
        _("Low"),
        pgettext("price", "Close"),
        _("Quantity"),
        _("Turnover"),
        "",
    )
    table = _table(*heads, right=heads[1:7])
    for at in range(len(bars)):
        marks = [_("provisional")] if bars.provisional[at] else []
        marks += [_("after-market")] if bars.after_market[at] else []
        when = day(from_day_number(int(bars.session[at]))) if bars.timeframe in ("1d", "1w") else instant(iso(int(bars.time[at])))
        table.add_row(
            when,
            *(price(float(getattr(bars, name)[at])) for name in ("open", "high", "low", "close")),
            number(float(bars.quantity[at]), 0),
            money(float(bars.turnover[at])),
            ", ".join(marks),
        )
    source = _("{symbol} {timeframe}, source {source}, price base {base}").format(
        symbol=bars.symbol, timeframe=bars.timeframe, source=bars.source, base=_(bars.price_base)
    )
    if bars.derived_from:
        source += _(", built from {timeframe} bars").format(timeframe=bars.derived_from)
    return Group(table, Text(source, style="dim"))


def signals_report(signals: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Signals with their levels, and the reason of each in words."""
    heads = (_("Symbol"), _("Action"), _("Strength"), _("Price"), _("Stop"), _("Target"), _("Bar"), _("Valid until"))
    table = _table(*heads, right=heads[2:6])
    notes: list[RenderableType] = []
    for signal in signals:
        table.add_row(
            Text(signal["symbol"]),
            action_text(signal["action"]),
            number(signal["strength"]),
            price(signal["price"]),
            price(signal["stop_loss"]),
            price(signal["take_profit"]),
            instant(signal["time"]),
            instant(signal["valid_until"]),
        )
        notes.append(Text(f"  {signal['symbol']}: {signal['reason']}"))
        if signal["stale_sessions"]:
            count = signal["stale_sessions"]
            text = ngettext(
                "{symbol}: stale, {count} session behind the exchange",
                "{symbol}: stale, {count} sessions behind the exchange",
                count,
            )
            notes.append(Text("  " + text.format(symbol=signal["symbol"], count=count), style="yellow"))
    return Group(table, *notes)


def strategies_table(listed: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Every strategy with its parameters, defaults and ranges."""
    heads = (_("Strategy"), _("Parameter"), _("Default"), _("From"), _("To"), _("Meaning"))
    table = _table(*heads, right=heads[2:5])
    for strategy in listed:
        if not strategy["params"]:
            table.add_row(Text(strategy["name"]))
        for at, param in enumerate(strategy["params"]):
            figures = (f"{param[key]:g}" for key in ("default", "low", "high"))
            table.add_row(Text(strategy["name"]) if at == 0 else "", param["name"], *figures, Text(param["help"]))
    return table


def daily_report(report: Report) -> RenderableType:
    """The day on one page: what was done, what is stale, what the strategy says and why."""
    style = {"done": "green"}.get(report.status, "red")
    head = Text.assemble((_("Daily run {id}: ").format(id=report.run_id), "bold"), (status_name(report.status), f"bold {style}"))
    steps = _table(_("Step"), _("Status"), _("Seconds"), _("What"), right=(_("Seconds"),))
    for step in report.steps:
        summary = Text(_step_summary(step.name, step.detail))
        steps.add_row(step_name(step.name), status_name(step.status), number(step.seconds), summary)
    lines: list[RenderableType] = [head, steps]
    freshness = next(step.detail for step in report.steps if step.name == "freshness")
    lines += [Text(line, style="yellow") for line in _freshness_notes(freshness)]
    lines += rejected_lines(next((step.detail.get("rejected", ()) for step in report.steps if step.name == "signals"), ()))
    calls = [signal for signal in report.signals if signal["action"] != "HOLD" or len(report.signals) <= SMALL_DESK]
    if calls:
        lines.append(signals_report(calls))
    elif report.signals:
        lines.append(Text(_("No BUY or SELL today; `--json` gives the reason for every HOLD.")))
    if report.anomalies:
        from tui.anomalies_report import anomalies_table

        lines.append(anomalies_table(report.anomalies))
    return Group(*lines)


def run_text(run: Mapping[str, Any]) -> Text:
    """A stored run with what each of its steps did, and why it is not done where it is not."""
    text = Text()
    text.append(f"{run['id']}: {status_name(run['status'])}\n\n", style="bold")
    for step in run["steps"]:
        text.append(f"{step_name(step['name'])}: {status_name(step['status'])}\n", style="bold")
        if step["status"] == "failed":
            text.append(f"  {step['detail'].get('message', '')}\n  {step['detail'].get('hint') or ''}\n")
            continue
        text.append(f"  {_step_summary(step['name'], step['detail'])}\n")
        for line in _freshness_notes(step["detail"]) if step["name"] == "freshness" else ():
            text.append(f"  ! {line}\n")
    return text


def _step_summary(name: str, detail: Mapping[str, Any]) -> str:
    if name == "import":
        parts = []
        for source, facts in detail.items():
            if "error" in facts:
                parts.append(f"{source}: {facts['error']['message']}")
                continue
            parts.append(
                _("{source}: {files} files, {written} bars written").format(
                    source=source, **{k: facts[k] for k in ("files", "written")}
                )
            )
            parts += [f"{error['path']}: {error['message']}" for error in facts["errors"]]
        return "; ".join(parts) or _("nothing to import")
    if name == "freshness":
        return _("{fresh} of {watched} symbols have the bar of {session}").format(
            fresh=detail["fresh"], watched=detail["watched"], session=day(detail["session"])
        )
    if name == "signals":
        return _("{strategy}: {buy} BUY, {sell} SELL, {hold} HOLD").format(
            strategy=detail["strategy"], buy=detail["BUY"], sell=detail["SELL"], hold=detail["HOLD"]
        )
    if name == "anomalies":
        listed = ", ".join(f"{item['symbol']} {anomaly_name(item['kind'])}" for item in detail["anomalies"][:LISTED])
        return listed + _more(len(detail["anomalies"]), LISTED) if listed else _("none")
    if name == "directions":
        from tui.direction_report import step_line

        return step_line(detail)
    if name == "paper":
        from tui.paper_report import day_line

        return day_line(detail)
    if name == "notifications":
        from tui.notify_report import step_line as messages_line

        return messages_line(detail)
    return drift_summary(detail) if name == "drift" else predictions_summary(detail)


def _freshness_notes(detail: Mapping[str, Any]) -> list[str]:
    notes = []
    if detail["newest"] is None or detail["newest"] < detail["session"]:
        newest = DASH if detail["newest"] is None else day(detail["newest"])
        notes.append(
            _("Stale: the newest bar is of {newest}, the last closed session is {session}. Import newer files.").format(
                newest=newest, session=day(detail["session"])
            )
        )
    elif detail["stale"]:
        listed = ", ".join(f"{symbol} (-{behind})" for symbol, behind in list(detail["stale"].items())[:LISTED])
        notes.append(_("Behind, so without a signal: {symbols}").format(symbols=listed + _more(len(detail["stale"]), LISTED)))
    if detail["ended"] and detail["fresh"]:
        notes.append(
            _("Ended or suspended: {symbols}").format(
                symbols=", ".join(list(detail["ended"])[:LISTED]) + _more(len(detail["ended"]), LISTED)
            )
        )
    if detail["missing"]:
        notes.append(_("Watched, but without bars: {symbols}").format(symbols=", ".join(detail["missing"])))
    return notes


def runs_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The newest runs with the time each took."""
    heads = (_("Run"), _("Status"), _("Started"), _("Seconds"), _("Steps"))
    table = _table(*heads, right=(heads[3],))
    for run in found:
        seconds = sum(step["seconds"] for step in run["steps"])
        table.add_row(
            run["id"],
            status_name(run["status"]),
            instant(iso(run["started_at"])),
            number(seconds),
            steps_line(run["steps"]),
        )
    return table
