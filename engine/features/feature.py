"""What a feature is: one number for each bar, with its formula, its source and what it departs from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray

GROUPS = ("momentum", "volatility", "trend", "volume", "pattern", "position", "regime", "calendar")

ALWAYS = mark("Defined on every bar.")
WARM_UP = mark("Undefined during the look-back.")
STANDSTILL = mark("Undefined during the look-back and where prices did not move, so that the formula divides 0 by 0.")
NO_VOLUME = mark("Undefined during the look-back, where nothing was traded and where the source does not say what was traded.")


@dataclass(frozen=True, slots=True)
class Feature:
    """One column that a model may learn from. It has no unit: prices or volumes times a constant change nothing.

    lookback: how many bars before its own a value needs, so that the first defined value of a daily series stands at this index.
    Features that work by sessions count sessions on intraday bars. formula: with t for the bar, r for close[t] / close[t-1] - 1; never translated,
    as it is part of the schema. source: where the formula comes from. nan_rule: when it is undefined. departs: how it differs from
    what was asked for or is usual, empty where it does not; both marked for translation.
    compute: bars of length n to float64 of length n, NaN where undefined, the value at t from bars up to t only; never changes the bars.
    """

    name: str
    group: str
    lookback: int
    formula: str
    source: str
    nan_rule: str
    departs: str
    compute: Callable[[Bars], FloatArray]
