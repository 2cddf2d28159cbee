"""Curves in braille: eight dots a cell, several series over one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from tui.quick_format import percent
from tui.widgets.ink import clean
from tui.widgets.plot import Canvas, Format, Plot, Scale, draw_x_labels, draw_y_axis, floats, known

DOTS_HIGH, DOTS_WIDE = 4, 2
COLUMN_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
#: RUN[half][first][last]: the dots first..last of one half of a cell.
RUN = tuple(tuple(tuple(sum(bits[first : last + 1]) for last in range(4)) for first in range(4)) for bits in COLUMN_BITS)
BRAILLE = 0x2800
MARKS = "●◆■▲▼○"

Run = tuple[int, int] | None


class Series(NamedTuple):
    """One curve: its values (NaN leaves a gap), its name and the name of its style."""

    values: list[float]
    label: str
    style: str = ""


class LineChart(Plot):
    """Series drawn over one another, the last on top. With more values than dots each column of dots spans the lowest to the
    highest of its values, so that no extreme is lost. A glyph after the end of each of several curves is that of its name.

    fill: the area between each curve and zero is filled, for a drawdown; values are then written as percentages by default.
    """

    def __init__(self, *, fill: bool = False, empty: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(empty=empty, id=id, classes=classes)
        self._fill = fill
        self._series: list[Series] = []
        self._x_labels: tuple[str, ...] = ()
        self._format: Format | None = None
        self._base: float | None = None

    def show(
        self,
        series: Sequence[tuple[Sequence[float], str, str]],
        x_labels: Sequence[str] = (),
        format: Format | None = None,  # noqa: A002
        *,
        base: float | None = None,
    ) -> None:
        """Show these series of equal length. x_labels: first, (middle) and last. format: how a value on the axis is written.
        base: a value at which a line is drawn. Raises ValueError when the lengths differ."""
        drawn = [Series(floats(values), label, style) for values, label, style in series]
        if len({len(one.values) for one in drawn}) > 1:
            raise ValueError("the series of a chart share their axis of time and must be equally long")
        self._series = drawn
        self._x_labels = tuple(x_labels)
        self._format = format or (percent if self._fill else None)
        self._base = 0.0 if self._fill and base is None else base
        self.changed()

    def drawable(self) -> bool:
        """Whether any value is finite."""
        return any(value == value for one in self._series for value in one.values)

    def draw(self, canvas: Canvas) -> None:
        """Names above, values at the right, times below, the curves between."""
        names = any(one.label for one in self._series) and canvas.height >= 5
        times = any(self._x_labels) and canvas.height >= 4
        top, rows = int(names), canvas.height - int(names) - int(times)
        low, high = self._range()
        several = len(self._series) > 1
        width = draw_y_axis(canvas, Scale(low, high, rows), top=top, rows=rows, style=self._format, gap=2 if several else 1)
        scale = Scale(low, high, rows * DOTS_HIGH)
        if self._base is not None:
            for x in range(width):
                canvas.put(x, top + scale.at(self._base) // DOTS_HIGH, "┄", "dim")
        self._draw_dots(canvas, scale, top, width)
        if several and width < canvas.width:
            for one, mark in zip(self._series, MARKS * len(self._series)):
                if part := known(one.values):
                    canvas.put(width, top + scale.at(part[-1]) // DOTS_HIGH, mark, one.style)
        if names:
            self._draw_names(canvas, several)
        if times:
            draw_x_labels(canvas, self._x_labels, canvas.height - 1, 0, width)

    def _range(self) -> tuple[float, float]:
        parts = [part for one in self._series if (part := known(one.values))]
        parts += [] if self._base is None else [[self._base]]
        return min(map(min, parts)), max(map(max, parts))

    def _draw_dots(self, canvas: Canvas, scale: Scale, top: int, width: int) -> None:
        dots = [[0] * width for _row in range(scale.steps // DOTS_HIGH)]
        zero = scale.at(self._base or 0.0) if self._fill else None
        for one in self._series:
            for x, run in enumerate(runs(one.values, width * DOTS_WIDE, scale, joined=not self._fill)):
                if run is None:
                    continue
                first, last = run if zero is None else (min(run[0], zero), max(run[1], zero))
                column, bits = x // DOTS_WIDE, RUN[x % DOTS_WIDE]
                for row in range(first // DOTS_HIGH, last // DOTS_HIGH + 1):
                    start = row * DOTS_HIGH
                    dots[row][column] |= bits[max(first - start, 0)][min(last - start, DOTS_HIGH - 1)]
                    canvas.styles[top + row][column] = one.style
        for row, places in enumerate(dots, top):
            for column, bits_set in enumerate(places):
                if bits_set:
                    canvas.chars[row][column] = chr(BRAILLE + bits_set)

    def _draw_names(self, canvas: Canvas, several: bool) -> None:
        x = 0
        for one, mark in zip(self._series, MARKS * len(self._series)):
            text = f"{mark} {one.label}" if several else one.label
            canvas.write(x, 0, text, one.style)
            x += cell_len(clean(text)) + 2


def runs(values: list[float], width: int, scale: Scale, *, joined: bool = True) -> list[Run]:
    """For each of `width` columns of dots the first and last dot of the curve in it, counted from the top; None where it has
    a gap. Values that share a column are all covered; `joined` columns touch each other, the others only span their own values.
    """
    return _aggregated(values, width, scale, joined) if len(values) > width else _interpolated(values, width, scale, joined)


def _aggregated(values: list[float], width: int, scale: Scale, joined: bool) -> list[Run]:
    found: list[Run] = []
    count, before = len(values), math.nan
    for x in range(width):
        part = values[x * count // width : (x + 1) * count // width]
        spanned = known([before, *part])
        found.append((scale.at(max(spanned)), scale.at(min(spanned))) if known(part) else None)
        before = part[-1] if joined else math.nan
    return found


def _interpolated(values: Sequence[float], width: int, scale: Scale, joined: bool) -> list[Run]:
    found: list[Run] = [None] * width
    step = (width - 1) / max(len(values) - 1, 1)
    before: tuple[int, int] | None = None
    for at, value in enumerate(values):
        if value != value:
            before = None
            continue
        here = (round(at * step), scale.at(value))
        for x, run in line_runs(before or here, here, joined=joined):
            found[x] = run
        before = here
    return found


def line_runs(start: tuple[int, int], end: tuple[int, int], *, joined: bool = True) -> Iterator[tuple[int, tuple[int, int]]]:
    """A straight line from one dot (x, y) to another as vertical runs, one for each column of dots after the first; a joined
    one begins where the one before it ended."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1:
        yield x1, (y1, y1)
        return
    if y0 == y1:
        yield from ((x, (y1, y1)) for x in range(x0 + 1, x1 + 1))
        return
    last = y0
    for x in range(x0 + 1, x1 + 1):
        here = round(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
        begin = last + (here > last) - (here < last) if joined else here
        yield x, (min(begin, here), max(begin, here))
        last = here
