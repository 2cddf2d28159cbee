"""Plots as SVG text, made without a library: lines, bars, shares with their intervals, hits and misses. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 32
INK, SOFT, GOOD, BAD, MARK = "#1f2933", "#9aa5b1", "#2f855a", "#c53030", "#2b6cb0"
TICKS = 4


def line(values: FloatArray, first: str, last: str, title: str) -> str:
    """A curve of float64 (n,), with the names of its first and last point; NaN leaves a gap."""
    low, high = _span([value for value in values.tolist() if math.isfinite(value)])
    step = (WIDTH - LEFT - RIGHT) / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for at, value in enumerate(values.tolist()):
        if math.isfinite(value):
            runs[-1].append(f"{LEFT + at * step:.1f},{_y(value, low, high):.1f}")
        elif runs[-1]:
            runs.append([])
    drawn = [f'<polyline points="{" ".join(run)}" fill="none" stroke="{MARK}" stroke-width="1.2"/>' for run in runs if run]
    ends = [_text(LEFT, HEIGHT - 10, first, "start"), _text(WIDTH - RIGHT, HEIGHT - 10, last, "end")]
    return _svg(title, [*_axis(low, high), *drawn, *ends])


def bars(names: Sequence[str], values: Sequence[float], title: str, marked: int | None = None) -> str:
    """One bar for each name; `marked` is the place of the one that stands out. Names are shown as far as there is room."""
    high = max([*values, 0.0]) or 1.0
    low = min([*values, 0.0])
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    every = math.ceil(len(names) / 16) or 1
    base = _y(0.0, low, high)
    drawn = []
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        x, top = LEFT + at * width, _y(value, low, high)
        colour = BAD if at == marked else MARK
        drawn.append(
            f'<rect x="{x + width * 0.1:.1f}" y="{min(top, base):.1f}" width="{width * 0.8:.1f}" height="{abs(base - top):.1f}"'
            f' fill="{colour}"/>'
        )
        if at % every == 0:
            drawn.append(_text(x + width / 2, HEIGHT - 10, name, "middle"))
    return _svg(title, [*_axis(low, high), *drawn])


def shares(names: Sequence[str], values: Sequence[float], intervals: Sequence[Sequence[float]], title: str, goal: float) -> str:
    """Shares with their intervals, and a line at the goal; a share that is not known is left out."""
    known = [value for pair in intervals for value in pair if math.isfinite(value)]
    low, high = _span([*known, goal, 0.5])
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    drawn = [_rule(goal, low, high, BAD), _rule(0.5, low, high, SOFT)]
    for at, (name, value, (bottom, top)) in enumerate(zip(names, values, intervals, strict=True)):
        x = LEFT + (at + 0.5) * width
        drawn.append(_text(x, HEIGHT - 10, name, "middle"))
        if not math.isfinite(value):
            continue
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(bottom, low, high):.1f}" y2="{_y(top, low, high):.1f}" stroke="{INK}"/>'
        )
        drawn.append(f'<circle cx="{x:.1f}" cy="{_y(value, low, high):.1f}" r="4" fill="{MARK}"/>')
    return _svg(title, [*_axis(low, high, percent=True), *drawn])


def calibration(predicted: Sequence[float], observed: Sequence[float], title: str) -> str:
    """What came against what was said, beside the line on which both are equal."""
    side = HEIGHT - TOP - BOTTOM
    low, high = 0.0, 1.0
    line_of = f'<line x1="{LEFT}" x2="{LEFT + side}" y1="{HEIGHT - BOTTOM}" y2="{TOP}" stroke="{SOFT}" stroke-dasharray="4 3"/>'
    dots = [
        f'<circle cx="{LEFT + said * side:.1f}" cy="{_y(came, low, high):.1f}" r="4" fill="{MARK}"/>'
        for said, came in zip(predicted, observed, strict=True)
        if math.isfinite(said) and math.isfinite(came)
    ]
    names = [_text(LEFT, HEIGHT - 10, "0 %", "start"), _text(LEFT + side, HEIGHT - 10, "100 %", "end")]
    return _svg(title, [*_axis(low, high, percent=True), line_of, *dots, *names])


def strip(rows: Sequence[tuple[str, BoolArray]], title: str) -> str:
    """Hits and misses side by side, one row for each name."""
    drawn = []
    for place, (name, hits) in enumerate(rows):
        y = TOP + place * 34
        drawn.append(_text(LEFT - 8 + 120, y + 16, name, "end"))
        width = (WIDTH - LEFT - 130 - RIGHT) / max(len(hits), 1)
        for at, right in enumerate(hits.tolist()):
            colour, sign = (GOOD, "+") if right else (BAD, "-")
            x = LEFT + 124 + at * width
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{width * 0.86:.1f}" height="22" fill="{colour}"/>')
            drawn.append(f'<text x="{x + width * 0.43:.1f}" y="{y + 15}" fill="#fff" text-anchor="middle">{sign}</text>')
    return _svg(title, drawn, TOP + len(rows) * 34 + 8)


def _svg(title: str, parts: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        f' font-family="sans-serif" font-size="11" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _axis(low: float, high: float, *, percent: bool = False) -> list[str]:
    """Level lines with their values."""
    drawn = []
    for tick in range(TICKS + 1):
        value = low + (high - low) * tick / TICKS
        y = _y(value, low, high)
        shown = (
            _("{value} %").format(value=f"{100 * value:.0f}")
            if percent
            else f"{value:,.4g}"
            if abs(value) < 1000
            else f"{value:,.0f}"
        )
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e7eb"/>')
        drawn.append(_text(LEFT - 6, y + 4, shown, "end"))
    return drawn


def _rule(value: float, low: float, high: float, colour: str) -> str:
    y = _y(value, low, high)
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-dasharray="5 3"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _span(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or 1.0
    return low - margin, high + margin
