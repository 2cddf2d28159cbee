"""The chart of a symbol: candles with curves and marks, volume, an indicator below, and a cursor that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.message import Message

from engine.domain import TIMEFRAMES, from_day_number, sao_paulo
from tui.quick_format import day, number, price
from tui.widgets.candles import CROSS, Candle, draw_candle, draw_volume
from tui.widgets.pane import Pane
from tui.widgets.plot import LEAST_PLOT, Canvas, LogScale, Plot, Scale, draw_x_labels, y_labels
from tui.widgets.viewport import Viewport

if TYPE_CHECKING:
    from engine.chart import Chart, ChartMark, Stretch


class Curve(NamedTuple):
    """A column of the chart drawn as a line: its name for the reader, its glyph at the right edge, how it is drawn."""

    column: str
    label: str
    glyph: str
    style: str
    dashed: bool = False


#: The curves over the candles, by the name of their toggle.
OVERLAYS: dict[str, tuple[Curve, ...]] = {
    "sma": (Curve("sma_20", "SMA 20", "●", "accent"), Curve("sma_50", "SMA 50", "○", "accent", True)),
    "ema": (Curve("ema_9", "EMA 9", "◆", "warn"), Curve("ema_21", "EMA 21", "◇", "warn", True)),
    "bollinger": (
        Curve("bb_upper", "BB+", "■", "dim"),
        Curve("bb_middle", "BB", "□", "dim", True),
        Curve("bb_lower", "BB-", "■", "dim"),
    ),
}
#: The indicators of the pane below, in the order in which they are gone through.
LOWER: dict[str, tuple[Curve, ...]] = {
    "": (),
    "rsi": (Curve("rsi", "RSI 14", "●", "accent"),),
    "macd": (Curve("macd", "MACD", "●", "accent"), Curve("macd_signal", "EMA 9", "○", "warn", True)),
    "adx": (Curve("adx", "ADX 14", "●", "accent"),),
    "atr": (Curve("atr", "ATR 14", "●", "accent"),),
}
HISTOGRAM = "macd_histogram"
#: Values that a pane always shows, and those at which a line is drawn.
LIMITS = {"rsi": (0.0, 100.0), "adx": (0.0, 50.0), "macd": (0.0, 0.0)}
GUIDES = {"rsi": (30.0, 70.0), "adx": (25.0,), "macd": (0.0,)}

LEAST_FOR_LOWER, LEAST_FOR_VOLUME, LEAST_LOWER = 8, 10, 3
BUY_GLYPH = {"entry": "▲", "exit": "▲", "signal": "△"}
SELL_GLYPH = {"entry": "▼", "exit": "▼", "signal": "▽"}


def glyph_of(mark: ChartMark) -> tuple[str, str]:
    """The glyph and style of a mark: filled for a trade, hollow for a signal, up for what is bought."""
    return (BUY_GLYPH[mark.kind], "up") if mark.direction > 0 else (SELL_GLYPH[mark.kind], "down")


@dataclass(frozen=True, slots=True)
class Look:
    """What is drawn besides the candles."""

    overlays: frozenset[str] = frozenset({"sma"})
    lower: str = ""
    log: bool = False

    def toggled(self, overlay: str) -> Look:
        """One kind of curves on or off."""
        return replace(self, overlays=self.overlays ^ {overlay})

    def next_lower(self) -> Look:
        """The next indicator in the pane below; after the last one none."""
        names = list(LOWER)
        return replace(self, lower=names[(names.index(self.lower) + 1) % len(names)])

    def curves(self) -> Iterator[Curve]:
        """The curves over the candles."""
        for name, curves in OVERLAYS.items():
            if name in self.overlays:
                yield from curves

    def columns(self) -> tuple[str, ...]:
        """The columns of the chart that are drawn."""
        lower = [curve.column for curve in LOWER[self.lower]] + ([HISTOGRAM] if self.lower == "macd" else [])
        return (*(curve.column for curve in self.curves()), *lower)


class PriceChart(Plot, can_focus=True):
    """Candles, newest at the right, of the bars of an `engine.chart.Chart`. The scale follows the prices alone."""

    class Moved(Message):
        """The cursor reads another candle, or there is something else to read."""

        def can_replace(self, message: Message) -> bool:
            """Of several that wait only the last counts."""
            return isinstance(message, PriceChart.Moved)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.chart: Chart | None = None
        self.look = Look()
        self._view = Viewport(1, LEAST_PLOT)
        self._axis = 0
        self._cut: tuple[tuple[object, ...], Stretch] | None = None
        self._drawn: tuple[tuple[object, ...], Canvas, tuple[int, Pane]] | None = None

    def show(self, chart: Chart | None, cursor: int | None = None) -> None:
        """Show this chart with its cursor on a bar (None: the newest) at the zoom in force; None empties it."""
        self.chart, self._cut, self._drawn = chart, None, None
        if chart is not None:
            low, high = float(chart.bars.low.min()), float(chart.bars.high.max())
            self._axis = max(cell_len(price(value)) for value in (low, high, 100.0)) + 1
            fresh = Viewport(len(chart.bars), self.plot_width, self._view.level)
            self._view = fresh if cursor is None else fresh.jumped(cursor)
        self._told()

    @property
    def plot_width(self) -> int:
        """The columns left of the axis."""
        left = self.size.width - self._axis - 1
        return left if left >= max(LEAST_PLOT, self.size.width // 3) else max(self.size.width, 1)

    @property
    def viewport(self) -> Viewport:
        """What is seen at the present size."""
        if self._view.width != self.plot_width:
            self._view = replace(self._view, width=self.plot_width)
        return self._view

    @viewport.setter
    def viewport(self, view: Viewport) -> None:
        if self.chart is not None:
            self._view = view
            self._told()

    def set_look(self, look: Look) -> None:
        """Draw other curves."""
        self.look = look
        self._told()

    def _told(self) -> None:
        self.changed()
        self.post_message(self.Moved())

    def stretch(self) -> Stretch:
        """The candles in sight with the columns that are drawn; only while there is a chart."""
        from engine.chart import stretch

        assert self.chart is not None
        view, names = self.viewport, self.look.columns()
        key = (view.first, view.end, view.size, names)
        if self._cut is None or self._cut[0] != key:
            self._cut = key, stretch(self.chart, view.first * view.size, view.end, view.size, names)
        return self._cut[1]

    def marks_at(self, candle: int) -> list[ChartMark]:
        """The marks of the bars of one candle."""
        size = self.viewport.size
        return [mark for mark in self.chart.marks if mark.index // size == candle] if self.chart is not None else []

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and self.chart is not None:
            self.viewport = self.viewport.clicked(offset.x)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.viewport = self.viewport.zoomed(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.viewport = self.viewport.zoomed(1)

    # --- drawing -------------------------------------------------------------------------------------------------

    def drawable(self) -> bool:
        """Whether there is a chart."""
        return self.chart is not None

    def draw(self, canvas: Canvas) -> None:
        """Everything, and the cursor over it; what lies below the cursor is kept until the window or the look changes."""
        view = self.viewport
        key = (canvas.width, canvas.height, view.first, view.end, view.level, self.look)
        if self._drawn is None or self._drawn[0] != key:
            under = canvas.copy()
            self._drawn = key, under, self._draw_under(under)
        _key, under, (rows, prices) = self._drawn
        other = under.copy()
        canvas.chars, canvas.styles = other.chars, other.styles
        self._draw_cursor(canvas, rows, prices)

    def _draw_under(self, canvas: Canvas) -> tuple[int, Pane]:
        """Prices, volume and the indicator from top to bottom, then the times; the rows above these, and the pane of the prices."""
        view, cut = self.viewport, self.stretch()
        rows = canvas.height - (1 if canvas.height >= 4 else 0)
        lower = max(rows // 5, LEAST_LOWER) if self.look.lower and rows >= LEAST_FOR_LOWER else 0
        volume = (rows - lower) // 6 if rows - lower >= LEAST_FOR_VOLUME and any(cut.volume) else 0
        prices = rows - lower - volume
        candles = {
            view.column(view.first + at): Candle(at, at + 1, *found)
            for at, found in enumerate(zip(cut.open, cut.high, cut.low, cut.close, cut.volume))
        }
        pane = self._draw_prices(canvas, candles, cut, prices)
        if volume:
            draw_volume(canvas, candles, prices, volume)
        if lower:
            self._draw_lower(canvas, list(candles), cut, prices + volume, lower)
        if rows < canvas.height:
            draw_x_labels(canvas, self._times(), rows, min(candles, default=0), view.width)
        return rows, pane

    def _draw_prices(self, canvas: Canvas, candles: dict[int, Candle], cut: Stretch, rows: int) -> Pane:
        rim = 1 if rows >= 5 else 0
        kind = LogScale if self.look.log else Scale
        scale = kind(min(cut.low), max(cut.high), rows - 2 * rim)
        pane = Pane(canvas, rim, self.viewport.width, scale)
        pane.axis(y_labels(scale, scale.steps, price))
        for curve in self.look.curves():
            values = cut.columns[curve.column]
            pane.curve(list(zip(candles, values)), curve.style, dashed=curve.dashed)
            if pane.holds(values[-1]) and pane.width < canvas.width:
                canvas.put(pane.width, pane.row(values[-1]), curve.glyph, curve.style)
        halves = replace(scale, steps=2 * scale.steps)
        for x, candle in candles.items():
            draw_candle(canvas, x, rim, candle, halves, self.viewport.step // 4)
        self._draw_marks(pane, cut, rows)
        return pane

    def _draw_marks(self, pane: Pane, cut: Stretch, rows: int) -> None:
        """Below the candle what is bought, above it what is sold; of one candle each glyph once, one behind the other."""
        view, canvas = self.viewport, pane.canvas
        assert self.chart is not None
        found = {(mark.index // view.size, mark.direction, *glyph_of(mark)): None for mark in self.chart.marks}
        taken: set[tuple[int, int]] = set()
        for candle, direction, glyph, style in found:
            if not view.shows(candle):
                continue
            x, at = view.column(candle), candle - view.first
            row = pane.row(cut.low[at] if direction > 0 else cut.high[at]) + direction
            while (x, row) in taken:
                row += direction
            if 0 <= row < rows:
                taken.add((x, row))
                canvas.put(x, row, glyph, style)

    def _draw_lower(self, canvas: Canvas, columns: list[int], cut: Stretch, top: int, rows: int) -> None:
        name = self.look.lower
        curves = LOWER[name]
        drawn = [cut.columns[curve.column] for curve in curves]
        filled = cut.columns[HISTOGRAM] if name == "macd" else []
        known = [value for values in (*drawn, filled, LIMITS.get(name, ())) for value in values if value == value]
        if known:
            scale = Scale(min(known), max(known), rows)
            pane = Pane(canvas, top, self.viewport.width, scale)
            pane.axis(y_labels(scale, rows, lambda value: number(value, 0 if name in ("rsi", "adx") else 2)))
            for value in GUIDES.get(name, ()):
                pane.guide(value)
            pane.fill(list(zip(columns, filled)))
            for curve, values in zip(curves, drawn):
                pane.curve(list(zip(columns, values)), curve.style, dashed=curve.dashed)
        canvas.write(0, top, "  ".join(curve.label for curve in curves), "bold")

    def _draw_cursor(self, canvas: Canvas, rows: int, prices: Pane) -> None:
        """A line through the candle, and its close on the axis."""
        view = self.viewport
        x, close = view.column(view.at_cursor), self.stretch().close[view.at_cursor - view.first]
        for y in range(rows):
            if canvas.chars[y][x] == " ":
                canvas.put(x, y, CROSS)
            canvas.styles[y][x] = "accent"
        row = prices.row(close)
        replace(prices, canvas=canvas).axis({prices.scale.at(close): price(close)})
        canvas.styles[row][prices.width + 1 :] = ["accent"] * len(canvas.styles[row][prices.width + 1 :])

    def _times(self) -> tuple[str, str, str]:
        view = self.viewport
        first, last = view.first * view.size, view.end - 1
        return self.moment(first), self.moment((first + last) // 2), self.moment(last)

    def moment(self, bar: int) -> str:
        """When a bar opens: its day, and for bars of less than a day the time in Sao Paulo."""
        assert self.chart is not None
        bars = self.chart.bars
        text = day(from_day_number(int(bars.session[bar])))
        if TIMEFRAMES[bars.timeframe] >= TIMEFRAMES["1d"]:
            return text
        return f"{text} {sao_paulo(int(bars.time[bar])):%H:%M}"
