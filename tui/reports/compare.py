"""Comparisons, months and bands as Rich tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.domain import iso
from engine.i18n import _
from tui.backtest.panel import GOOD
from tui.format import DASH, day, money, number, percent
from tui.reports.table import plain_table

if TYPE_CHECKING:
    from engine.backtest.compare import Comparison
    from engine.backtest.result import BacktestResult

MONTHS = range(1, 13)


def comparison_report(found: Comparison) -> RenderableType:
    """The strategies best first beside the baselines, each verdict with its reasons, and how it was ranked."""
    first = found.ranking[0]
    title = _("{symbol} {timeframe}, {start} to {end}").format(
        symbol=first.bars.symbol,
        timeframe=first.bars.timeframe,
        start=day(iso(int(first.time[0]))),
        end=day(iso(int(first.time[-1]))),
    )
    table = plain_table(
        *("", _("Strategy"), _("Sharpe"), _("Return"), _("A year"), _("Drawdown"), _("Trades")),
        *(_("Profit factor"), _("In the market"), _("Costs"), _("Verdict")),
        left=2,
    )
    table.columns[-1].justify = "left"
    for place, result in enumerate(found.ranking, 1):
        verdict = Text(_(result.verdict.label), style="bold green" if result.verdict.label == GOOD else "bold red")
        table.add_row(number(place, 0), result.strategy.name, *_figures(result.metrics), verdict)
    names = {"buy_and_hold": _("buy and hold"), "cdi": _("CDI"), "ibov": _("IBOV")}
    for key, metrics in first.baselines.items():
        table.add_row("", names[key], *_figures(metrics), "", style="dim")
    lines: list[RenderableType] = [Text(title, style="bold"), table]
    for result in found.ranking:
        lines.append(Text(f"{result.strategy.name}: {_(result.verdict.label)}", style="bold"))
        lines += [Text(f"  - {reason}") for reason in result.verdict.reasons]
    lines += [Text(_("Note: {text}").format(text=text), style="yellow") for text in found.notices]
    return Group(*lines)


def _figures(metrics: Mapping[str, float]) -> tuple[str, ...]:
    trades = metrics.get("trades")
    return (
        number(metrics["sharpe_ratio"]),
        percent(metrics["total_return"], signed=True),
        percent(metrics["cagr"], signed=True),
        percent(metrics["max_drawdown"]),
        DASH if trades is None else number(trades, 0),
        number(metrics.get("profit_factor")),
        percent(metrics.get("exposure")),
        money(metrics.get("costs")),
    )


def monthly_table(months: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a year, one column a month, and the year's return of the months there are."""
    from babel.dates import get_month_names

    from engine.i18n import language

    short = get_month_names("abbreviated", locale=language())
    table = plain_table(_("Year"), *(short[month] for month in MONTHS), _("Year"), left=1)
    years: dict[int, dict[int, float]] = {}
    for item in months:
        years.setdefault(item["year"], {})[item["month"]] = item["return"]
    for year, found in years.items():
        growth = 1.0
        for change in found.values():
            growth *= 1 + change
        cells = (percent(found[month], signed=True) if month in found else "" for month in MONTHS)
        table.add_row(str(year), *cells, percent(growth - 1, signed=True))
    return table


def bands_table(result: BacktestResult, draws: int) -> RenderableType:
    """What the figures might have been, had the same returns come in another order."""
    return bands_of(result, result.bands(draws))


def bands_of(result: BacktestResult, bands: Mapping[str, Any]) -> RenderableType:
    """The same of bands that are worked out already (`BacktestResult.bands`)."""
    table = plain_table("", "5 %", "50 %", "95 %", _("as it came"), left=1)
    rows = (
        (_("Return a year"), "cagr", percent),
        (_("Deepest drawdown"), "max_drawdown", percent),
        (_("Sharpe ratio"), "sharpe_ratio", number),
    )
    for label, key, show in rows:
        table.add_row(label, *(show(bands[key][at]) for at in ("p5", "p50", "p95")), show(result.metrics[key]))
    text = _("Stationary bootstrap: {draws} draws, blocks of {block} sessions on average.")
    return Group(table, Text(text.format(draws=number(bands["draws"], 0), block=number(bands["block"], 1)), style="dim"))
