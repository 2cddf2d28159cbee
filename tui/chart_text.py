"""What the chart says in words: its heading, what is under the cursor, and the marks there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from engine.i18n import _, ngettext
from tui.backtest.panel import exit_name
from tui.quick_format import DASH, GLYPH, compact, number, percent, price, trend
from tui.widgets.price_chart import LOWER, Look, PriceChart, glyph_of

if TYPE_CHECKING:
    from engine.chart import Chart, ChartMark

#: Read-outs in points from 0 to 100 have one decimal.
POINTS = ("rsi", "adx")


def heading(chart: Chart, name: str, look: Look) -> Text:
    """What the chart shows, on one line."""
    bars = chart.bars
    count = ngettext("{count} bar", "{count} bars", len(bars)).format(count=number(len(bars), 0))
    trades = chart.note or (
        _("trades of {strategy}").format(strategy=chart.strategy) if chart.strategy else _("no trades marked")
    )
    facts = [bars.timeframe, *([_("logarithmic")] if look.log else []), trades, _(bars.price_base), bars.source, count]
    return Text.assemble((f" {bars.symbol} ", "bold"), " · ".join([*([name] if name else []), *facts]), no_wrap=True)


def prices_line(widget: PriceChart, colours: dict[str, str], *, wide: bool) -> Text:
    """Day, prices, change and volume of the candle under the cursor."""
    view, cut = widget.viewport, widget.stretch()
    at = view.at_cursor - view.first
    bars = widget.chart.bars  # type: ignore[union-attr]
    start = view.at_cursor * view.size
    end = min(start + view.size, len(bars)) - 1
    when = widget.moment(start) + (f" … {widget.moment(end)}" if end > start and wide else "…" if end > start else "")
    before = float(bars.close[start - 1]) if start else None
    change = None if before is None else cut.close[at] / before - 1
    style = trend(change)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f" {when}", style="bold")
    for letter, value in zip("OHLC", (cut.open[at], cut.high[at], cut.low[at], cut.close[at])):
        line.append(f" {letter} ", style="dim")
        line.append(price(value))
    line.append("*" if bars.provisional[end] else "")
    line.append(f" {GLYPH[style]} {percent(change)}", style=colours[style])
    volume = _("Vol")
    line.append(f" {volume} " if wide else " ", style="dim")
    line.append(compact(cut.volume[at]) if cut.volume[at] else DASH)
    return line


def curves_line(widget: PriceChart, colours: dict[str, str]) -> Text:
    """The values of what is drawn over and below the candles, each with the glyph of its curve."""
    view, cut = widget.viewport, widget.stretch()
    at = view.at_cursor - view.first
    line = Text(no_wrap=True, overflow="ellipsis")
    for curve in widget.look.curves():
        line.append(f" {curve.glyph} {curve.label} ", style=colours[curve.style])
        line.append(price(cut.columns[curve.column][at]))
    for curve in LOWER[widget.look.lower]:
        line.append(f" {curve.label} ", style=colours[curve.style])
        line.append(number(cut.columns[curve.column][at], 1 if curve.column in POINTS else 2))
    return line


def marks_line(widget: PriceChart, colours: dict[str, str]) -> Text:
    """The marks of the candle under the cursor on one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for mark in widget.marks_at(widget.viewport.at_cursor):
        glyph, style = glyph_of(mark)
        line.append(f" {glyph} ", style=colours[style])
        line.append(mark_words(mark))
    return line


def marks_in_full(widget: PriceChart) -> Text:
    """The marks of the candle under the cursor, a paragraph each."""
    return Text("\n\n").join(
        Text(f"{glyph_of(mark)[0]} {mark_words(mark)}") for mark in widget.marks_at(widget.viewport.at_cursor)
    )


def mark_words(mark: ChartMark) -> str:
    """One mark in words."""
    words = {"strategy": mark.strategy, "price": price(mark.price)}
    if mark.kind == "signal":
        said = _("signal BUY of {strategy} at {price}:") if mark.direction > 0 else _("signal SELL of {strategy} at {price}:")
        return f"{said.format(**words)} {mark.reason}"
    bought = _("{strategy} buys at {price}") if mark.direction > 0 else _("{strategy} sells at {price}")
    if mark.kind == "entry":
        return bought.format(**words)
    return f"{bought.format(**words)} ({exit_name(mark.reason)}, {percent(mark.return_)})"
