"""The base of the charts: a canvas of character cells, painted once per size, data and theme, and shown line by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from engine.i18n import _
from tui.quick_format import number
from tui.widgets.ink import PaletteKey, centred, clean, fit, palette, palette_key

NAN = math.nan
LEAST_PLOT = 8

Format = Callable[[float], str]


def floats(values: Iterable[float | None]) -> list[float]:
    """Plain floats; None and infinite values become NaN."""
    found = list(values)
    if None not in found and all(map(math.isfinite, found)):  # type: ignore[arg-type]
        return list(map(float, found))  # type: ignore[arg-type]
    return [NAN if value is None or not math.isfinite(value) else float(value) for value in found]


def known(values: list[float]) -> list[float]:
    """The values that are not NaN; the list itself when all are."""
    return [value for value in values if value == value] if math.isnan(sum(values)) else values


class Canvas:
    """`height` rows of `width` cells, each a character and a style name."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.chars = [[" "] * width for _row in range(height)]
        self.styles = [[""] * width for _row in range(height)]

    def copy(self) -> Canvas:
        """Another canvas with the same cells."""
        other = Canvas(0, 0)
        other.width, other.height = self.width, self.height
        other.chars, other.styles = [row[:] for row in self.chars], [row[:] for row in self.styles]
        return other

    def put(self, x: int, y: int, char: str, style: str = "") -> None:
        """One cell; outside of the canvas nothing happens."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self.chars[y][x], self.styles[y][x] = char, style

    def write(self, x: int, y: int, text: str, style: str = "", *, width: int | None = None) -> None:
        """A text from column `x` on, cut with an ellipsis at `width` cells or at the edge."""
        room = self.width - x if width is None else min(width, self.width - x)
        cells: list[str] = []
        for char in fit(text, min(room, cell_len(clean(text)))):
            size = cell_len(char)
            if size > 0:
                cells += [char, ""][:size]
            elif cells:
                cells[-1 if cells[-1] else -2] += char
        for offset, cell in enumerate(cells):
            self.put(x + offset, y, cell, style)

    def strip(self, y: int, styles: dict[str, Style]) -> Strip:
        """One row as Textual shows it."""
        segments, start = [], 0
        for name, run in groupby(self.styles[y]):
            end = start + len(list(run))
            segments.append(Segment("".join(self.chars[y][start:end]), styles.get(name, styles[""])))
            start = end
        return Strip(segments, self.width)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps low..high onto `steps` places, 0 at the top; a constant series lies in the middle."""

    low: float
    high: float
    steps: int

    def at(self, value: float) -> int:
        """The place of a finite value."""
        span = self.high / 2 - self.low / 2
        if span <= 0:
            return (self.steps - 1) // 2
        place = round((self.high / 2 - value / 2) / span * (self.steps - 1))
        return min(max(place, 0), self.steps - 1)

    def places(self, values: Iterable[float]) -> list[int | None]:
        """The place of each value that lies within low..high and beyond them where it would lie; None for NaN."""
        span, most = self.high / 2 - self.low / 2, self.steps - 1
        if span <= 0:
            return [None if value != value else most // 2 for value in values]
        half = self.high / 2
        return [None if value != value else round((half - value / 2) / span * most) for value in values]


@dataclass(frozen=True, slots=True)
class LogScale(Scale):
    """A scale on which equal ratios are equally far apart; low and high are above zero."""

    def at(self, value: float) -> int:
        """The place of a finite value; what is not above zero lies at the bottom."""
        if value <= 0:
            return self.steps - 1
        return self._logs.at(math.log(value))

    def places(self, values: Iterable[float]) -> list[int | None]:
        """As for `Scale`; None for what is not above zero, too."""
        return self._logs.places(math.log(value) if value > 0 else NAN for value in values)

    @property
    def _logs(self) -> Scale:
        return Scale(math.log(self.low), math.log(self.high), self.steps)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten) within low..high, about `most` of them; the ends where there are none."""
    if low >= high:
        return [low]
    ends = [low, high]
    raw = high / max(most, 2) - low / max(most, 2)
    if raw <= max(abs(low), abs(high)) * 1e-12:
        return ends
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next((size * unit for size in (1, 2, 5) if size * unit >= raw), 10 * unit)
    if unit == 0 or not math.isfinite(step):
        return ends
    found = [at * step for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return found if len(found) > 1 else ends


def plain_format(values: Sequence[float]) -> Format:
    """Numbers with as many decimals as tell these values apart."""
    gap = min((abs(after / 2 - before / 2) * 2 for before, after in pairwise(values)), default=0.0)
    decimals = 2 if not 0 < gap < math.inf else min(max(-math.floor(math.log10(gap)), 0), 8)
    return lambda value: number(value, decimals)


class Plot(Widget):
    """A chart: subclasses say whether there is something to draw, and draw it on a canvas."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Plot { width: 1fr; height: 1fr; }
    """

    def __init__(self, *, empty: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.empty = empty
        self._version = 0
        self._key: PaletteKey = ()
        self._strips: list[Strip] = []

    def drawable(self) -> bool:
        """Whether there is anything to draw."""
        raise NotImplementedError

    def draw(self, canvas: Canvas) -> None:
        """Draw everything; called only when there is something to draw and at least one cell."""
        raise NotImplementedError

    def changed(self) -> None:
        """The data are new: paint again."""
        self._version += 1
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the chart, from the painted canvas."""
        width, height = self.size
        key = (width, height, self._version, *palette_key(self))
        if key != self._key:
            canvas = Canvas(width, height)
            if self.drawable() and width > 0 and height > 0:
                self.draw(canvas)
            else:
                self._draw_empty(canvas)
            styles = palette(self)
            self._strips = [canvas.strip(row, styles) for row in range(height)]
            self._key = key
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.visual_style.rich_style)

    def _draw_empty(self, canvas: Canvas) -> None:
        for row, line in enumerate(centred(self.empty or _("Nothing to draw yet."), canvas.width, canvas.height)):
            canvas.write(0, row, line, "dim")


def draw_y_axis(canvas: Canvas, scale: Scale, *, top: int, rows: int, style: Format | None, gap: int = 1) -> int:
    """Write the labels of the values at the right edge and return the columns left for the plot.

    top, rows: where the plot lies. style: how a value is written, None for plain numbers. gap: columns between plot and
    labels. Too narrow a canvas gets no labels.
    """
    labels = y_labels(scale, rows, style)
    width = max(cell_len(clean(label)) for label in labels.values())
    left = canvas.width - width - gap
    if left < max(LEAST_PLOT, canvas.width // 3):
        return canvas.width
    for row, label in labels.items():
        canvas.write(left + gap, top + row, fit(label, width, right=True), "dim")
    return left


def y_labels(scale: Scale, rows: int, style: Format | None) -> dict[int, str]:
    """The labels of an axis by the row on which each stands."""
    values = ticks(scale.low, scale.high, max(rows // 3, 2))
    write = style or plain_format(values)
    places = replace(scale, steps=rows)
    return {places.at(value): write(value) for value in values}


def draw_x_labels(canvas: Canvas, labels: Sequence[str], y: int, start: int, end: int) -> None:
    """Write first, (middle) and last labels below the columns start..end; what has no room is left out, the last one last."""
    room = end - start
    shown = [clean(label) for label in labels]
    last = shown[-1] if shown else ""
    size = min(cell_len(last), room)
    canvas.write(end - size, y, last, "dim", width=size)
    if len(shown) < 2 or cell_len(shown[0]) + size + 1 > room:
        return
    canvas.write(start, y, shown[0], "dim")
    middle = shown[len(shown) // 2]
    place = start + (room - cell_len(middle)) // 2
    if len(shown) > 2 and place > start + cell_len(shown[0]) and place + cell_len(middle) < end - size:
        canvas.write(place, y, middle, "dim")
