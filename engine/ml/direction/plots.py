"""Plots as SVG text, made without a library: lines, bars, shares and differences with intervals, hits and misses. All text is escaped.

A name is never cut: it is broken into lines or stands on a line of its own.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from engine.i18n import _
from engine.strategies.base import decimal

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
INK, SOFT, GRID, GOOD, BAD, MARK = "#1f2933", "#9aa5b1", "#e4e7eb", "#2f855a", "#c53030", "#2b6cb0"
#: Level lines that are drawn about; letters of a line of a name below a column, and at the left of a row.
LINES, BELOW, BESIDE = 5, 13, 40
#: Room for the names at the left of rows, and the height of a row.
NAMES, ROW = 250, 30
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def line(values: FloatArray, first: str, last: str, title: str) -> str:
    """A curve of float64 (n,), with the names of its first and last point; NaN leaves a gap."""
    low, high, ticks = _levels([value for value in values.tolist() if math.isfinite(value)])
    step = (WIDTH - LEFT - RIGHT) / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for at, value in enumerate(values.tolist()):
        if math.isfinite(value):
            runs[-1].append(f"{LEFT + at * step:.1f},{_y(value, low, high):.1f}")
        elif runs[-1]:
            runs.append([])
    drawn = [f'<polyline points="{" ".join(run)}" fill="none" stroke="{MARK}" stroke-width="1.2"/>' for run in runs if run]
    ends = [_text(LEFT, HEIGHT - 26, first, "start"), _text(WIDTH - RIGHT, HEIGHT - 26, last, "end")]
    return _svg(title, [*_axis(low, high, ticks), *drawn, *ends])


def bars(
    names: Sequence[str],
    values: Sequence[float],
    title: str,
    marked: int | None = None,
    *,
    limit: float | None = None,
    curve: Sequence[float] = (),
) -> str:
    """One bar for each name; `marked` is the place of the one that stands out. Names are shown as far as there is room.

    limit: dashed lines at this value above and below nothing. curve: a value for each bar, drawn as a line over them.
    """
    told = [value for value in values if math.isfinite(value)]
    edges = [] if limit is None else [limit, -limit]
    low, high, ticks = _levels([*told, *curve, *edges, 0.0])
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    every = math.ceil(len(names) / 16) or 1
    base = _y(0.0, low, high)
    drawn = []
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        x = LEFT + at * width
        if math.isfinite(value):
            top = _y(value, low, high)
            drawn.append(
                f'<rect x="{x + width * 0.1:.1f}" y="{min(top, base):.1f}" width="{width * 0.8:.1f}" height="{abs(base - top):.1f}"'
                f' fill="{BAD if at == marked else MARK}"/>'
            )
        if at % every == 0:
            drawn.append(_text(x + width / 2, HEIGHT - 26, name, "middle"))
    if curve:
        places = " ".join(f"{LEFT + (at + 0.5) * width:.1f},{_y(value, low, high):.1f}" for at, value in enumerate(curve))
        drawn.append(f'<polyline points="{places}" fill="none" stroke="{BAD}" stroke-width="1.5"/>')
    return _svg(title, [*_axis(low, high, ticks), *drawn, *(_rule(edge, low, high, SOFT) for edge in edges)])


def shares(names: Sequence[str], values: Sequence[float], intervals: Sequence[Sequence[float]], title: str, goal: float) -> str:
    """Shares with their intervals, one column each, and a line at the goal; a share that is not known is left out."""
    known = [value for pair in intervals for value in pair if math.isfinite(value)]
    low, high, ticks = _percents([*known, goal, 0.5])
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    drawn = [_rule(0.5, low, high, SOFT), _rule(goal, low, high, BAD)]
    for at, (name, value, (bottom, top)) in enumerate(zip(names, values, intervals, strict=True)):
        x = LEFT + (at + 0.5) * width
        for row, part in enumerate(textwrap.wrap(name, BELOW)):
            drawn.append(_text(x, HEIGHT - 26 + 12 * row, part, "middle"))
        if not math.isfinite(value):
            continue
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(bottom, low, high):.1f}" y2="{_y(top, low, high):.1f}" stroke="{INK}"/>'
        )
        drawn.append(f'<circle cx="{x:.1f}" cy="{_y(value, low, high):.1f}" r="4" fill="{MARK}"/>')
    return _svg(title, [*_axis(low, high, ticks, percent=True), *drawn])


def accuracies(
    names: Sequence[str], values: Sequence[float], intervals: Sequence[Sequence[float]], title: str, goal: float
) -> str:
    """Shares with their intervals from 0 to 100 %, one row each with its whole name, and a line at the goal."""
    ticks = sorted({*QUARTERS, goal})
    return _rows(names, values, intervals, title, (0.0, 1.0), [(tick, _percent(tick)) for tick in ticks], {0.5: SOFT, goal: BAD})


def gains(names: Sequence[str], values: Sequence[float], intervals: Sequence[Sequence[float]], title: str) -> str:
    """Differences of shares in percentage points with their intervals, one row each with its whole name, and a line at nothing."""
    known = [value for pair in intervals for value in pair if math.isfinite(value)]
    low, high, ticks = _levels([*(100 * value for value in known), -1.0, 1.0])
    labels = [(tick / 100, f"{'+' if tick > 0 else ''}{tick:g}") for tick in ticks]
    return _rows(names, values, intervals, title, (low / 100, high / 100), labels, {0.0: BAD})


def _rows(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[Sequence[float]],
    title: str,
    span: tuple[float, float],
    ticks: Sequence[tuple[float, str]],
    rules: dict[float, str],
) -> str:
    low, high = span
    foot = TOP + len(names) * ROW

    def x(value: float) -> float:
        return NAMES + (min(max(value, low), high) - low) / (high - low) * (WIDTH - NAMES - 2 * RIGHT)

    drawn = []
    for value, label in ticks:
        dashes = f'stroke="{rules[value]}" stroke-dasharray="5 3"' if value in rules else f'stroke="{GRID}"'
        drawn.append(f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{foot}" {dashes}/>')
        drawn.append(_text(x(value), foot + 14, label, "middle"))
    for at, (name, value, (bottom, top)) in enumerate(zip(names, values, intervals, strict=True)):
        y = TOP + (at + 0.5) * ROW
        drawn += _beside(name, y)
        if math.isfinite(value):
            drawn.append(f'<line x1="{x(bottom):.1f}" x2="{x(top):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}"/>')
            drawn.append(f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="4" fill="{MARK}"/>')
    return _svg(title, drawn, foot + 24)


def calibration(predicted: Sequence[float], observed: Sequence[float], title: str) -> str:
    """What came against what was said, beside the line on which both are equal."""
    side = HEIGHT - TOP - BOTTOM
    foot = HEIGHT - BOTTOM
    drawn = [f'<line x1="{LEFT}" x2="{LEFT + side}" y1="{foot}" y2="{TOP}" stroke="{SOFT}" stroke-dasharray="4 3"/>']
    for said, came in zip(predicted, observed, strict=True):
        if math.isfinite(said) and math.isfinite(came):
            drawn.append(f'<circle cx="{LEFT + said * side:.1f}" cy="{_y(came, 0.0, 1.0):.1f}" r="4" fill="{MARK}"/>')
    drawn += [_text(LEFT + share * side, foot + 16, _percent(share), "middle") for share in QUARTERS]
    drawn += [_text(LEFT + side + 24, TOP + 12, _("upwards: how often it came"), "start")]
    drawn += [_text(LEFT + side + 24, foot, _("across: the probability that was said"), "start")]
    return _svg(title, [*_axis(0.0, 1.0, QUARTERS, percent=True, end=LEFT + side), *drawn])


def strip(rows: Sequence[tuple[str, BoolArray]], title: str) -> str:
    """Hits and misses side by side, each row below its whole name."""
    drawn, height = [], 42
    for place, (name, hits) in enumerate(rows):
        y = TOP + place * height
        drawn.append(_text(RIGHT, y + 8, name, "start"))
        width = (WIDTH - 2 * RIGHT) / max(len(hits), 1)
        for at, right in enumerate(hits.tolist()):
            colour, sign = (GOOD, "+") if right else (BAD, "-")
            x = RIGHT + at * width
            drawn.append(f'<rect x="{x:.1f}" y="{y + 13}" width="{width * 0.86:.1f}" height="18" fill="{colour}"/>')
            drawn.append(f'<text x="{x + width * 0.43:.1f}" y="{y + 26}" fill="#fff" text-anchor="middle">{sign}</text>')
    return _svg(title, drawn, TOP + len(rows) * height)


def heatmap(names: Sequence[str], matrix: FloatArray, title: str) -> str:
    """Correlations, float64 (k, k), as coloured cells with their values; the columns are numbered as the named rows are."""
    size = (WIDTH - NAMES - RIGHT) / max(len(names), 1)
    height = 22
    drawn = []
    for at, name in enumerate(names):
        y = TOP + 8 + at * height
        drawn.append(_text(RIGHT, y + 15, f"{at + 1}  {name}", "start"))
        drawn.append(_text(NAMES + (at + 0.5) * size, TOP, str(at + 1), "middle"))
        for other, value in enumerate(matrix[at].tolist()):
            if not math.isfinite(value):
                continue
            x = NAMES + other * size
            colour = BAD if value < 0 else MARK
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{size:.1f}" height="{height}" fill="{colour}" fill-opacity="{abs(value):.2f}"/>'
            )
            ink = "#fff" if abs(value) > 0.6 else INK
            drawn.append(
                f'<text x="{x + size / 2:.1f}" y="{y + 15}" font-size="9" fill="{ink}" text-anchor="middle">{escape(decimal(value, 2))}</text>'
            )
    return _svg(title, drawn, TOP + 16 + len(names) * height)


def _svg(title: str, parts: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        f' font-family="sans-serif" font-size="11" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _axis(low: float, high: float, ticks: Sequence[float], *, percent: bool = False, end: float = WIDTH - RIGHT) -> list[str]:
    """Level lines with their values."""
    drawn = []
    for value in ticks:
        y = _y(value, low, high)
        drawn.append(f'<line x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        drawn.append(_text(LEFT - 6, y + 4, _percent(value) if percent else f"{value:,.10g}", "end"))
    return drawn


def _beside(name: str, y: float) -> list[str]:
    """A name at the left of its row, on as many lines as it needs."""
    lines = textwrap.wrap(name, BESIDE) or [""]
    first = y + 4 - 6 * (len(lines) - 1)
    return [_text(NAMES - 10, first + 12 * at, part, "end") for at, part in enumerate(lines)]


def _percent(share: float) -> str:
    return _("{value} %").format(value=f"{100 * share:.0f}")


def _rule(value: float, low: float, high: float, colour: str) -> str:
    y = _y(value, low, high)
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-dasharray="5 3"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _levels(values: Sequence[float]) -> tuple[float, float, tuple[float, ...]]:
    """Round levels (1, 2 or 5 times a power of ten apart) around these values: the lowest, the highest, all of them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / LINES))
    step = next(power * times for times in (1, 2, 5, 10) if span / (power * times) <= LINES)
    return _ticks(low, high, step)


def _percents(values: Sequence[float]) -> tuple[float, float, tuple[float, ...]]:
    """Levels of shares: every quarter, so that 50 and 75 % are among them, or every tenth or twentieth of a narrow span."""
    low, high = max(min(values), 0.0), min(max(values), 1.0)
    step = 0.05 if high - low <= 0.25 else 0.25
    return _ticks(low, high, step)


def _ticks(low: float, high: float, step: float) -> tuple[float, float, tuple[float, ...]]:
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(round(at * step, 12) for at in range(first, last + 1))
    return ticks[0], ticks[-1], ticks
