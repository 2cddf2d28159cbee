"""Candles in half cells, aggregated to the width, with volume, marks and a crosshair."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from textual.reactive import reactive

from tui.widgets.plot import NAN, Canvas, Format, Plot, Scale, draw_x_labels, draw_y_axis, floats, known

EMPTY, WICK, BODY = 0, 1, 2
#: The glyph of a cell by what its upper and lower half show. A rising bar is thin, a falling one solid.
RISING = {(0, 0): " ", (1, 1): "│", (2, 2): "┃", (0, 1): "╷", (1, 0): "╵", (0, 2): "╻", (2, 0): "╹", (1, 2): "╽", (2, 1): "╿"}
FALLING = RISING | {(2, 2): "▌", (0, 2): "▖", (2, 0): "▘"}
#: A falling bar whose body shares every cell with a wick: the body must still be told from that of a rising one.
FALLING_SMALL = FALLING | {(1, 2): "▖", (2, 1): "▘"}
#: The same where bodies are several columns wide.
FALLING_WIDE = RISING | {(2, 2): "█", (0, 2): "▄", (2, 0): "▀", (1, 2): "▄", (2, 1): "▀"}
BLOCKS = "▁▂▃▄▅▆▇█"
CROSS = "┊"
BELOW = "▲"
LEAST_HEIGHT_FOR_VOLUME = 10


class Mark(NamedTuple):
    """A glyph at a bar: ▲ stands below the bar, every other (▼, ◆) above it."""

    bar: int
    glyph: str
    style: str = "accent"


class Candle(NamedTuple):
    """One column: the bars from `first` to `end` (exclusive) as one; NaN prices where none of them is complete."""

    first: int
    end: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class CandleChart(Plot):
    """Bars as candles, newest at the right. With more bars than columns, neighbouring bars are drawn as one longer bar.

    crosshair: the index of the bar that is marked by a vertical line, None for none.
    """

    crosshair: reactive[int | None] = reactive(None)

    def __init__(self, *, empty: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(empty=empty, id=id, classes=classes)
        self._bars: tuple[list[float], ...] = ([], [], [], [], [])
        self._whole = candle_of(self._bars, 0, 0)
        self._x_labels: tuple[str, ...] = ()
        self._format: Format | None = None
        self._marks: tuple[Mark, ...] = ()
        self._title = ""

    def show(
        self,
        open: Sequence[float],  # noqa: A002
        high: Sequence[float],
        low: Sequence[float],
        close: Sequence[float],
        *,
        volume: Sequence[float | None] = (),
        x_labels: Sequence[str] = (),
        format: Format | None = None,  # noqa: A002
        marks: Sequence[Mark | tuple[int, str, str]] = (),
        title: str = "",
    ) -> None:
        """Show these bars, oldest first. volume: drawn below in its own rows. x_labels: first, (middle) and last. format: how
        a price on the axis is written. A bar with a NaN price leaves a gap. Raises ValueError when the lengths differ."""
        bars = tuple(floats(values) for values in (open, high, low, close, volume if len(volume) else [NAN] * len(close)))
        if len({len(values) for values in bars}) > 1:
            raise ValueError("open, high, low, close and volume must be equally long")
        self._bars, self._whole = bars, candle_of(bars, 0, len(close))
        self._x_labels, self._format, self._title = tuple(x_labels), format, title
        self._marks = tuple(Mark(*mark) for mark in marks)
        self.changed()

    def watch_crosshair(self) -> None:
        self.changed()

    def drawable(self) -> bool:
        """Whether any bar has all four prices."""
        return self._whole.close == self._whole.close

    def draw(self, canvas: Canvas) -> None:
        """The title above, prices at the right, times below, candles and volume between."""
        title = bool(self._title) and canvas.height >= 5
        times = any(self._x_labels) and canvas.height >= 4
        top, rows = int(title), canvas.height - int(title) - int(times)
        volume_rows = rows // 5 if rows >= LEAST_HEIGHT_FOR_VOLUME and any(value > 0 for value in self._bars[4]) else 0
        rows -= volume_rows
        rim = 1 if self._marks and rows >= 5 else 0
        inner, inner_top = rows - 2 * rim, top + rim
        whole = self._whole
        scale = Scale(whole.low, whole.high, inner * 2)
        width = draw_y_axis(canvas, Scale(whole.low, whole.high, inner), top=inner_top, rows=inner, style=self._format)
        candles = columns(self._bars, width)
        for x, candle in candles.items():
            draw_candle(canvas, x, inner_top, candle, scale)
        self._draw_marks(canvas, candles, scale, inner_top, range(top, top + rows))
        if volume_rows:
            draw_volume(canvas, candles, top + rows, volume_rows)
        if self.crosshair is not None:
            self._draw_crosshair(canvas, candles, top, rows)
        if title:
            canvas.write(0, 0, self._title, "bold")
        if times:
            draw_x_labels(canvas, self._x_labels, canvas.height - 1, min(candles, default=0), width)

    def _draw_marks(self, canvas: Canvas, candles: dict[int, Candle], scale: Scale, top: int, allowed: range) -> None:
        for mark in self._marks:
            x = column_of(candles, mark.bar)
            if x is None or candles[x].close != candles[x].close:
                continue
            row = scale.at(candles[x].low) // 2 + 1 if mark.glyph == BELOW else scale.at(candles[x].high) // 2 - 1
            canvas.put(x, min(max(top + row, allowed[0]), allowed[-1]), mark.glyph, mark.style)

    def _draw_crosshair(self, canvas: Canvas, candles: dict[int, Candle], top: int, rows: int) -> None:
        x = None if self.crosshair is None else column_of(candles, self.crosshair)
        if x is None:
            return
        for y in range(top, top + rows):
            if canvas.chars[y][x] == " ":
                canvas.put(x, y, CROSS, "accent")
            else:
                canvas.styles[y][x] = "accent"


def candle_of(bars: tuple[list[float], ...], first: int, end: int) -> Candle:
    """The bars first..end-1 as one: first open, highest high, lowest low, last close, sum of the volumes known. Bars that lack
    a price do not count."""
    whole = [
        bar for bar in zip(*(values[first:end] for values in bars))
        if bar[0] == bar[0] and bar[1] == bar[1] and bar[2] == bar[2] and bar[3] == bar[3]
    ]  # fmt: skip
    if not whole:
        return Candle(first, end, NAN, NAN, NAN, NAN, NAN)
    opens, highs, lows, closes, volumes = map(list, zip(*whole))
    high = max(max(opens), max(highs), max(lows), max(closes))
    low = min(min(opens), min(highs), min(lows), min(closes))
    return Candle(first, end, opens[0], high, low, closes[-1], min(sum(known(volumes)), sys.float_info.max))


def columns(bars: tuple[list[float], ...], width: int) -> dict[int, Candle]:
    """The candle of each column used, from left to right: one bar each, evenly spaced up to the right edge, or all `width`
    columns with several bars each where there are more bars than columns."""
    count = len(bars[3])
    if count > width:
        return {x: candle_of(bars, x * count // width, (x + 1) * count // width) for x in range(width)}
    if not count:
        return {}
    step = width // count
    start = width - step * count + step // 2
    return {start + at * step: candle_of(bars, at, at + 1) for at in range(count)}


def column_of(candles: dict[int, Candle], index: int) -> int | None:
    """The column in which a bar is drawn; None if there is no such bar."""
    return next((x for x, candle in candles.items() if candle.first <= index < candle.end), None)


def draw_candle(canvas: Canvas, x: int, top: int, candle: Candle, scale: Scale, wings: int = 0) -> None:
    """One candle in a column; scale: of the prices, in half cells from row `top` on. wings: columns by which its body is wider
    on either side. A NaN price draws nothing."""
    if candle.close != candle.close:
        return
    body = sorted((scale.at(candle.open), scale.at(candle.close)))
    wick = scale.at(candle.high), scale.at(candle.low)
    falling = candle.close < candle.open
    style = "down" if falling else "up" if candle.close > candle.open else "flat"

    def half(at: int) -> int:
        return BODY if body[0] <= at <= body[1] else WICK if wick[0] <= at <= wick[1] else EMPTY

    cells = {row: (half(2 * row), half(2 * row + 1)) for row in range(wick[0] // 2, wick[1] // 2 + 1)}
    pure = any(BODY in pair and WICK not in pair for pair in cells.values())
    glyphs = RISING if not falling else FALLING_WIDE if wings else FALLING if pure else FALLING_SMALL
    for row, pair in cells.items():
        canvas.put(x, top + row, glyphs[pair], style)
        beside = (BODY if pair[0] == BODY else EMPTY, BODY if pair[1] == BODY else EMPTY)
        for away in range(1, wings + 1) if any(beside) else ():
            canvas.put(x - away, top + row, glyphs[beside], style)
            canvas.put(x + away, top + row, glyphs[beside], style)


def draw_volume(canvas: Canvas, candles: dict[int, Candle], top: int, rows: int) -> None:
    """The volume of each column as a bar in eighths of a row, the greatest in full height; none for NaN."""
    most = max((candle.volume for candle in candles.values() if candle.volume > 0), default=0.0)
    for x, candle in candles.items():
        if not candle.volume > 0:
            continue
        eighths = max(int(candle.volume / most * rows * 8), 1)
        style = "down" if candle.close < candle.open else "up" if candle.close > candle.open else "flat"
        for row in range(rows):
            level = min(eighths - (rows - 1 - row) * 8, 8)
            if level > 0:
                canvas.put(x, top + row, BLOCKS[level - 1], style)
