"""What learning is judged by, drawn in cells: intervals beside a baseline, one a row, and the curve of calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from tui.quick_format import number
from tui.widgets.ink import clean
from tui.widgets.plot import Canvas, Plot, Scale, draw_x_labels, draw_y_axis

#: Cells that the scale of a chart of intervals takes at least, and before `more` is written.
LEAST_SCALE, ROOMY = 12, 30


class Interval(NamedTuple):
    """A figure with its interval and what it must beat, all shares; NaN where one is unknown. text: written at the right, followed
    by `more` where there is room for both."""

    label: str
    value: float
    low: float
    high: float
    baseline: float
    text: str = ""
    more: str = ""

    def known(self) -> list[float]:
        return [share for share in (self.value, self.low, self.high, self.baseline) if math.isfinite(share)]


def percents(value: float) -> str:
    """A share as whole percents."""
    return f"{number(value * 100, 0)} %"


class IntervalChart(Plot):
    """One row a figure: its interval as a line with the value on it, and the baseline as a bar. Of too many the last are shown."""

    def __init__(self, legend: tuple[str, str], *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        """legend: what the value and what the baseline is."""
        super().__init__(empty=empty, id=id)
        self.legend = legend
        self.rows: list[Interval] = []

    def show(self, rows: Sequence[Interval]) -> None:
        """Draw these figures."""
        taller = len(rows) != len(self.rows)
        self.rows = list(rows)
        self.changed()
        if taller:
            self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002
        """The rows with the legend and the scale, where the height is automatic."""
        return max(len(self.rows), 1) + 2

    def drawable(self) -> bool:
        return any(row.known() for row in self.rows)

    def draw(self, canvas: Canvas) -> None:
        """The legend, the rows, and the scale below."""
        legend, scale_row = int(canvas.height >= 4), int(canvas.height >= 3)
        rows = self.rows[-(canvas.height - legend - scale_row) :]
        if legend:
            canvas.write(0, 0, f"├●┤ {self.legend[0]}", "accent")
            canvas.write(cell_len(clean(self.legend[0])) + 6, 0, f"┃ {self.legend[1]}", "dim")
        left = max(cell_len(clean(row.label)) for row in rows) + 1
        texts = [f"{row.text}  {row.more}".rstrip() for row in rows]
        if canvas.width - left - _widest(texts) < ROOMY:
            texts = [row.text for row in rows]
        if canvas.width - left - _widest(texts) < LEAST_SCALE:
            texts = ["" for _row in rows]
        right = _widest(texts) + 1
        width = max(canvas.width - left - right, 1)
        known = [share for row in rows for share in row.known()]
        scale = Scale(min(known), max(known), width)
        for y, (row, text) in enumerate(zip(rows, texts), legend):
            canvas.write(0, y, row.label, "", width=left - 1)
            self._draw_row(canvas, y, left, row, scale)
            canvas.write(left + width + 1, y, text, "" if row.value > row.baseline else "dim")
        if scale_row:
            middle = (scale.low + scale.high) / 2
            labels = [percents(share) for share in (scale.low, middle, scale.high)]
            draw_x_labels(canvas, labels, legend + len(rows), left, left + width)

    @staticmethod
    def _draw_row(canvas: Canvas, y: int, left: int, row: Interval, scale: Scale) -> None:
        def at(share: float) -> int:
            return left + scale.steps - 1 - scale.at(share)

        style = "up" if row.low > row.baseline else "accent"
        if math.isfinite(row.low) and math.isfinite(row.high):
            first, last = at(row.low), at(row.high)
            for x in range(first, last + 1):
                canvas.put(x, y, "─", style)
            canvas.put(first, y, "├", style)
            canvas.put(last, y, "┤", style)
        if math.isfinite(row.baseline):
            canvas.put(at(row.baseline), y, "┃", "dim")
        if math.isfinite(row.value):
            canvas.put(at(row.value), y, "●", style)


def _widest(texts: Sequence[str]) -> int:
    return max(cell_len(clean(text)) for text in texts)


class Point(NamedTuple):
    """What was said (the mean probability) and what came (the share, with its interval)."""

    predicted: float
    observed: float
    low: float
    high: float


class CalibrationChart(Plot):
    """Probabilities said, from left to right, against how often it came, upwards: on the dotted diagonal both agree."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(empty=empty, id=id)
        self.curves: Mapping[str, tuple[str, str, Sequence[Point]]] = {}

    def show(self, curves: Mapping[str, tuple[str, str, Sequence[Point]]]) -> None:
        """Draw these curves: by name the glyph, the name of the style and the points."""
        self.curves = curves
        self.changed()

    def drawable(self) -> bool:
        return any(points for _glyph, _style, points in self.curves.values())

    def draw(self, canvas: Canvas) -> None:
        """The names above, the shares that came at the right, the probabilities below."""
        names, below = int(canvas.height >= 5), int(canvas.height >= 4)
        rows = canvas.height - names - below
        upwards = Scale(0.0, 1.0, rows)
        width = draw_y_axis(canvas, upwards, top=names, rows=rows, style=percents)
        across = Scale(0.0, 1.0, width)

        def x_of(share: float) -> int:
            return width - 1 - across.at(share)

        for x in range(width):
            canvas.put(x, names + upwards.at(x / max(width - 1, 1)), "·", "dim")
        for _glyph, style, points in self.curves.values():
            for point in points:
                if math.isfinite(point.low) and math.isfinite(point.high):
                    for y in range(upwards.at(point.high), upwards.at(point.low) + 1):
                        canvas.put(x_of(point.predicted), names + y, "│", style)
        for glyph, style, points in self.curves.values():
            for point in points:
                canvas.put(x_of(point.predicted), names + upwards.at(point.observed), glyph, style)
        x = 0
        for name, (glyph, style, _points) in self.curves.items():
            if names:
                canvas.write(x, 0, f"{glyph} {name}", style)
            x += cell_len(clean(name)) + 4
        if below:
            draw_x_labels(canvas, [percents(share) for share in (0.0, 0.5, 1.0)], canvas.height - 1, 0, width)
