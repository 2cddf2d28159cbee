"""A series in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
MIDDLE = BLOCKS[3]


def spark(values: Sequence[float], width: int) -> str:
    """`width` characters of ▁▂▃▄▅▆▇█, from the lowest to the highest finite value, newest at the right.

    NaN and infinite values are spaces, a constant series lies in the middle. A longer series is cut into `width` parts, each
    shown by its last finite value, as the close of a longer bar; a shorter one is padded with spaces at the left.
    """
    if width <= 0:
        return ""
    count = len(values)
    if count > width:
        shown = [_last(values[at * count // width : (at + 1) * count // width]) for at in range(width)]
    else:
        shown = [_last([value]) for value in values]
    known = [value for value in shown if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high / 2 - low / 2
    cells = [
        " " if value is None else MIDDLE if span <= 0 else BLOCKS[min(int((value / 2 - low / 2) / span * 8), 7)]
        for value in shown
    ]
    return "".join(cells).rjust(width)


def _last(values: Sequence[float]) -> float | None:
    return next((value for value in reversed(values) if math.isfinite(value)), None)
