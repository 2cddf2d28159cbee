"""A backtest result as the texts and curves of its panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from engine.domain import from_day_number
from engine.i18n import _
from tui.format import DASH, day, instant, money, number, percent, price

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult

GOOD = "distinguishable from luck"
#: Cells of a label, and of a column at least and at most.
LABEL, NARROW, WIDE = 12, 11, 14


def verdict_text(result: BacktestResult, reasons: int | None = None) -> Text:
    """The verdict first, with its first `reasons` (all); the trial number beside it."""
    verdict = result.verdict
    good = verdict.label == GOOD
    text = Text()
    text.append(f"{'✔' if good else '✖'} {_(verdict.label)}", style="bold green" if good else "bold red")
    trials = _("trial {count}").format(count=result.trials)
    text.append(f"  ({trials})", style="dim")
    for reason in verdict.reasons[:reasons]:
        text.append(f"\n  {reason}")
    return text


def metrics_text(result: BacktestResult, *, width: int, rows: int | None = None) -> Text:
    """The first `rows` (all) of the figures beside those of buying and holding, of the CDI and the IBOV where known, in columns that
    suit `width` cells; the columns that have no room are left out.
    """
    columns = {_("strategy"): result.metrics, _("buy & hold"): result.baselines["buy_and_hold"]}
    if "cdi" in result.baselines:
        columns[_("CDI")] = result.baselines["cdi"]
    if "ibov" in result.baselines:
        columns[_("IBOV")] = result.baselines["ibov"]
    while len(columns) > 1 and LABEL + NARROW * len(columns) > width:
        columns.popitem()
    size = min(max((width - LABEL) // len(columns), NARROW), WIDE)
    label_size = min(max(width - size * len(columns), LABEL), LABEL + 3)
    lines = [" " * label_size + "".join(f"{name:>{size}.{size - 1}}" for name in columns)]
    for label, key, show in _rows()[:rows]:
        cells = "".join(f"{show(metrics[key]) if key in metrics else '':>{size}}" for metrics in columns.values())
        lines.append(f"{label:<{label_size}.{label_size}}{cells}")
    text = Text("\n".join(lines), no_wrap=True)
    text.stylize("bold", 0, len(lines[0]))
    return text


def _rows() -> list[tuple[str, str, Any]]:
    def signed(value: float) -> str:
        return percent(value, signed=True)

    def count(value: float) -> str:
        return number(value, 0)

    return [
        (_("Return"), "total_return", signed),
        (_("A year"), "cagr", signed),
        (_("Sharpe"), "sharpe_ratio", number),
        (_("Max drawdown"), "max_drawdown", percent),
        (_("Trades"), "trades", count),
        (_("Winners"), "win_rate", percent),
        (_("Profit factor"), "profit_factor", number),
        (_("Final equity"), "final_equity", count),
        (_("Sortino"), "sortino_ratio", number),
        (_("Calmar"), "calmar_ratio", number),
        (_("Time invested"), "exposure", percent),
        (_("Costs R$"), "costs", count),
    ]


def notes_text(result: BacktestResult) -> Text:
    """What to know before believing the figures, one line each."""
    return Text("\n".join(f"! {line}" for line in result.notices), style="dim", overflow="ellipsis", no_wrap=True)


def full_text(result: BacktestResult) -> Text:
    """The verdict with every reason, every figure and every note, for a reader of 72 cells."""
    notes = Text("\n".join(f"! {line}" for line in result.notices))
    return Text("\n\n").join([verdict_text(result), metrics_text(result, width=72), notes])


def trade_text(trade: Mapping[str, Any]) -> Text:
    """Everything about one trade."""
    rows = (
        (_("Side"), trade_cell(trade, "side", daily=False)),
        (_("Quantity"), number(trade["quantity"], 0)),
        (_("Entry"), f"{instant(trade['entry_time'])}  {price(trade['entry_price'])}"),
        (_("Exit"), f"{instant(trade['exit_time'])}  {price(trade['exit_price'])}" if trade["exit_time"] else exit_name("open")),
        (_("Why"), exit_name(trade["exit_reason"])),
        (_("Costs"), money(trade["costs"])),
        (_("Result"), f"{money(trade['pnl'])}  {percent(trade['return'], signed=True)}"),
        (_("Worst and best while held"), f"{percent(trade['mae'], signed=True)}  {percent(trade['mfe'], signed=True)}"),
    )
    text = Text()
    for label, value in rows:
        text.append(f"{label:<28}", style="bold")
        text.append(f"{value if isinstance(value, str) else value[0]}\n")
    if trade["ambiguous"]:
        text.append(_("Stop and target lay in the same bar; the stop was taken."))
    return text


def curves(result: BacktestResult) -> tuple[list[Any], list[Any], tuple[str, str, str]]:
    """The series of the two charts and the labels of their time axis."""
    equity, hold = result.equity, result.hold.equity
    peak = [float(value) for value in _running_max(equity)]
    drawdown = [float(value) / top - 1 if top else 0.0 for value, top in zip(equity, peak)]
    sessions = result.session
    labels = tuple(day(from_day_number(int(sessions[at]))) for at in (0, len(sessions) // 2, -1))
    series = [
        ([float(value) for value in hold], _("buy & hold"), "dim"),
        ([float(value) for value in equity], _("strategy"), "accent"),
    ]
    return series, [(drawdown, _("drawdown"), "down")], (labels[0], labels[1], labels[2])


def _running_max(values: Any) -> Any:
    import numpy as np

    return np.maximum.accumulate(values)


def exit_name(reason: str) -> str:
    """Why a trade ended, in the reader's language."""
    names = {
        "stop": _("stop"),
        "target": _("target"),
        "signal": _("signal"),
        "open": _("still open"),
        "liquidation": _("liquidation"),
        "event": _("event"),
        "partial": _("partial exit"),
        "time": _("time"),
        "trailing": _("trailing stop"),
    }
    return names[reason]


def trade_cell(trade: Mapping[str, Any], key: str, *, daily: bool) -> str | tuple[str, str]:
    """One cell of the table of trades; daily bars show days only."""
    value = trade[key]
    if key == "side":
        return (_("long"), "up") if value == "long" else (_("short"), "down")
    if key in ("entry_time", "exit_time"):
        return (day(value) if daily else instant(value)) if value else DASH
    if key in ("entry_price", "exit_price"):
        return price(value)
    if key == "exit_reason":
        return exit_name(value) + (" ?" if trade["ambiguous"] else "")
    if key == "quantity":
        return number(value, 0)
    style = "up" if value > 0 else "down" if value < 0 else "flat"
    glyph = {"up": "▲", "down": "▼", "flat": "●"}[style]
    return (f"{glyph} {money(value)}", style) if key == "pnl" else (percent(value, signed=True), style)
