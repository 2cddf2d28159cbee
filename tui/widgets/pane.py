"""What is drawn into one pane of a chart whose columns are bars: curves in braille, filled differences, guides, an axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tui.widgets.ink import fit
from tui.widgets.line_chart import BRAILLE, DOTS_HIGH, DOTS_WIDE, RUN, line_runs
from tui.widgets.plot import Canvas, Scale

Points = Sequence[tuple[int, float]]
DASH = 3


@dataclass(frozen=True, slots=True)
class Pane:
    """Rows of a canvas with their scale of values, which is counted in rows. width: the columns left of the axis."""

    canvas: Canvas
    top: int
    width: int
    scale: Scale

    @property
    def dots(self) -> Scale:
        """The same scale, counted in dots."""
        return replace(self.scale, steps=self.scale.steps * DOTS_HIGH)

    def holds(self, value: float) -> bool:
        """Whether a value lies within the scale."""
        return self.scale.low <= value <= self.scale.high

    def row(self, value: float) -> int:
        """The row of the canvas at which a value lies."""
        return self.top + self.scale.at(value)

    def curve(self, points: Points, style: str, *, dashed: bool = False) -> None:
        """A line through the values of the columns; NaN leaves a gap, and what lies outside of the scale is cut off."""
        places = self.dots.places(value for _x, value in points)
        most = self.scale.steps * DOTS_HIGH - 1
        cells = _Cells()
        before: tuple[int, int] | None = None
        for (x, _value), y in zip(points, places):
            if y is None:
                before = None
                continue
            here = (x * DOTS_WIDE, y)
            low, high = (y, y) if before is None else (min(y, before[1]), max(y, before[1]))
            if low <= most and high >= 0:
                for at, (first, last) in line_runs(before or here, here):
                    if first <= most and last >= 0 and not (dashed and at // DASH % 2):
                        cells.add(at, max(first, 0), min(last, most))
            before = here
        cells.put(self, style)

    def fill(self, points: Points) -> None:
        """The area between zero and the values: up where they are above it, down below."""
        scale = self.dots
        zero = scale.at(0.0)
        rising, falling = _Cells(), _Cells()
        for x, value in points:
            if value == value:
                at = scale.at(value)
                (rising if value >= 0 else falling).add(x * DOTS_WIDE, min(at, zero), max(at, zero))
        rising.put(self, "up")
        falling.put(self, "down")

    def guide(self, value: float) -> None:
        """A line across the pane at a value."""
        if self.holds(value):
            for x in range(self.width):
                self.canvas.put(x, self.row(value), "┄", "dim")

    def axis(self, labels: Mapping[int, str]) -> None:
        """The labels of the values, by row, at the right edge."""
        room = self.canvas.width - self.width - 1
        for row, label in labels.items():
            if room > 0:
                self.canvas.write(self.width + 1, self.top + row, fit(label, room, right=True), "dim")


class _Cells:
    """Dots by the cell that holds them."""

    def __init__(self) -> None:
        self.bits: defaultdict[tuple[int, int], int] = defaultdict(int)

    def add(self, x: int, first: int, last: int) -> None:
        """The dots first..last of the column of dots `x`."""
        column, bits = x // DOTS_WIDE, RUN[x % DOTS_WIDE]
        top, bottom = first // DOTS_HIGH, last // DOTS_HIGH
        if top == bottom:
            self.bits[top, column] |= bits[first % DOTS_HIGH][last % DOTS_HIGH]
            return
        for row in range(top, bottom + 1):
            start = row * DOTS_HIGH
            self.bits[row, column] |= bits[max(first - start, 0)][min(last - start, DOTS_HIGH - 1)]

    def put(self, pane: Pane, style: str) -> None:
        """Draw them into a pane."""
        for (row, column), bits in self.bits.items():
            if column < pane.width:
                pane.canvas.put(column, pane.top + row, chr(BRAILLE + bits), style)
