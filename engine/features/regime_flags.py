"""The regime of each bar as four columns of 0 and 1."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.features import memo
from engine.features.feature import Feature
from engine.features.regime import REGIMES, Regime, regimes
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray


def flag(bars: Bars, regime: Regime) -> FloatArray:
    """1 in this regime, 0 in another, NaN while the regime is unknown."""
    codes = memo.column(("regimes",), (bars.high, bars.low, bars.close), lambda: regimes(bars))
    return np.where(codes == REGIMES.index(Regime.UNKNOWN), np.nan, codes == REGIMES.index(regime))


_FORMULA = {
    Regime.TRENDING_UP: "1 if not volatile and ADX(14) > 25 and close[t] > SMA(close, 50) else 0",
    Regime.TRENDING_DOWN: "1 if not volatile and ADX(14) > 25 and close[t] <= SMA(close, 50) else 0",
    Regime.RANGING: "1 if not volatile and ADX(14) <= 25 else 0",
    Regime.VOLATILE: "1 if ATR(14) / close[t] > 0.03 else 0",
}

FEATURES = tuple(
    Feature(
        f"regime_{regime}", "regime", 49, formula, "the regimes of `pregao regime`, at their default thresholds",
        mark("Undefined during the look-back, while the regime is unknown."),
        mark("Undefined, not 0 in all four columns, while the regime is unknown."), partial(flag, regime=regime),
    )
    for regime, formula in _FORMULA.items()
)  # fmt: skip
