"""Corporate events read from two series of one instrument: adjusted prices for signals, raw prices for fills."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.domain import FloatArray

CENT = 0.01
#: A factor that falls below the first or rises above the second is a change of units; a smaller fall is money paid.
SPLIT_BELOW, SPLIT_ABOVE = 0.8, 1.02
MAX_DENOMINATOR = 10
SNAP = 0.01


def events(raw_close: FloatArray, adjusted_close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Splits and payments of each bar, from the jumps of raw / adjusted between one close and the next.

    raw_close, adjusted_close: float64, length n, R$. Returns split (units after over units before, 1.0 for no event, a
    ratio of small whole numbers where one is within 1 %) and dividend (R$ per unit, 0.0 for none), float64, length n.
    A change that adjusted prices rounded to the cent could explain is no event. Value is kept either way: a bonus read as
    a payment only changes how much stays invested.
    """
    split, dividend = np.ones(raw_close.size), np.zeros(raw_close.size)
    factor = raw_close / adjusted_close
    change = factor[1:] / factor[:-1]
    tolerance = CENT / np.minimum(adjusted_close[1:], adjusted_close[:-1])
    for t in np.flatnonzero(np.abs(change - 1) > tolerance) + 1:
        ratio = float(change[t - 1])
        if ratio <= SPLIT_BELOW or ratio >= SPLIT_ABOVE:
            split[t] = _snapped(1 / ratio)
        elif ratio < 1:
            dividend[t] = raw_close[t - 1] * (1 - ratio)
    return split, dividend


def _snapped(units: float) -> float:
    if units < 1:
        return 1 / _snapped(1 / units)
    simple = float(Fraction(units).limit_denominator(MAX_DENOMINATOR))
    return simple if abs(simple / units - 1) < SNAP else units
