"""What became of the price after each bar: +1 it rose enough, -1 it fell enough, 0 neither.

A label at t is an answer, never an input: it looks at the bars t+1 to t+horizon. The last `horizon` bars have no label yet,
whatever the kind, so that the quick answers of the newest bars are not kept while the slow ones are missing. Prices should be
adjusted ones: a split in raw prices is a fall.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.i18n import _
from engine.strategies.base import did_you_mean

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray, IntArray

#: The value of a label that is not defined: none of the classes, so that nobody takes it for one.
UNDEFINED = -128
#: The end of a label that is not defined.
NO_END = -1
SELL, HOLD, BUY = -1, 0, 1


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of n bars.

    value: int8 (n,), -1 SELL, 0 HOLD, 1 BUY, `UNDEFINED` where `defined` is false.
    defined: bool (n,). end: int64 (n,), index of the last bar that the label looks at (at its close it is known), -1 where
    undefined. kind: "fixed", "scaled" or "triple_barrier"; params: its parameters, defaults included.
    """

    value: NDArray[np.int8]
    defined: BoolArray
    end: IntArray
    kind: str
    params: Mapping[str, Any]


def fixed(bars: Bars, horizon: int = 5, up: float = 0.02, down: float = 0.02) -> Labels:
    """The return of the close over `horizon` bars: BUY above `up`, SELL below -`down` (fractions), HOLD between.

    Undefined on the last `horizon` bars and where a bar up to the label's end is provisional. The label of the requirement.
    Raises UsageError for a horizon below 1, up < 0 or down outside 0 to 1.
    """
    _whole("horizon", horizon, 1)
    _number("up", up, 0.0)
    _number("down", down, 0.0, 1.0)
    change = bars.close[horizon:] / bars.close[:-horizon] - 1
    value = np.where(change > up, BUY, np.where(change < -down, SELL, HOLD))
    return _after(bars, horizon, value, "fixed", {"horizon": horizon, "up": up, "down": down})


def scaled(bars: Bars, horizon: int = 5, width: float = 1.0, volatility_period: int = 20) -> Labels:
    """As `fixed` with a threshold that follows the market: `width` x the volatility of a bar x sqrt(horizon), in log returns.

    The volatility is known at t; where it is not, or 0, there is no scale and no label. Raises UsageError for a horizon
    below 1, a width that is not positive or a period below 2.
    """
    _whole("horizon", horizon, 1)
    _positive("width", width)
    _whole("volatility_period", volatility_period, 2)
    change = np.log(bars.close[horizon:] / bars.close[:-horizon])
    threshold = width * math.sqrt(horizon) * volatility(bars.close, volatility_period)[: change.size]
    value = np.where(change > threshold, BUY, np.where(change < -threshold, SELL, HOLD))
    params = {"horizon": horizon, "width": width, "volatility_period": volatility_period}
    return _after(bars, horizon, np.where(threshold > 0, value, UNDEFINED), "scaled", params)


def triple_barrier(bars: Bars, horizon: int = 10, up: float = 2.0, down: float = 2.0, volatility_period: int = 20) -> Labels:
    """Which barrier the bars after t touch first: BUY the upper, SELL the lower, HOLD none within `horizon` bars.

    Barriers: close x exp(+up x volatility) and close x exp(-down x volatility), volatility of one bar as known at t; touched
    by the high and the low. A bar that touches both counts as the lower one, the adverse one for who bought, since nothing
    tells which came first. `end` is the bar that decided. No label where the volatility is not known or 0.
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), 3.4, with a HOLD at the time limit.
    Raises UsageError for a horizon below 1, barriers that are not positive or a period below 2.
    """
    _whole("horizon", horizon, 1)
    _positive("up", up)
    _positive("down", down)
    _whole("volatility_period", volatility_period, 2)
    count = max(len(bars) - horizon, 0)
    spread = volatility(bars.close, volatility_period)[:count]
    upper, lower = bars.close[:count] * np.exp(up * spread), bars.close[:count] * np.exp(-down * spread)
    value, wait = np.full(count, HOLD), np.full(count, horizon)
    undecided = spread > 0
    value[~undecided] = UNDEFINED
    for step in range(1, horizon + 1):
        fell = undecided & (bars.low[step : step + count] <= lower)
        rose = undecided & (bars.high[step : step + count] >= upper) & ~fell
        value[fell], value[rose] = SELL, BUY
        wait[fell | rose] = step
        undecided &= ~(fell | rose)
    params = {"horizon": horizon, "up": up, "down": down, "volatility_period": volatility_period}
    return _after(bars, horizon, value, "triple_barrier", params, wait)


KINDS = {"fixed": fixed, "scaled": scaled, "triple_barrier": triple_barrier}


def make(kind: str, bars: Bars, **params: Any) -> Labels:
    """The labels of a kind by its name, with parameters by name.

    Raises UsageError for a kind or a parameter that does not exist, and for a value that is not possible.
    """
    if kind not in KINDS:
        raise UsageError(_("There is no label {name}").format(name=kind), did_you_mean(kind, KINDS))
    known = dict.fromkeys(list(inspect.signature(KINDS[kind]).parameters)[1:])
    for name in params:
        if name not in known:
            raise UsageError(
                _("The label {label} has no parameter {name}").format(label=kind, name=name), did_you_mean(name, known)
            )
    return KINDS[kind](bars, **params)


def volatility(close: FloatArray, period: int) -> FloatArray:
    """Standard deviation (ddof 1) of the last `period` log returns of one bar; float64 (n,), NaN on the first `period` bars."""
    result = np.full(close.size, np.nan)
    if close.size > period:
        windows = np.lib.stride_tricks.sliding_window_view(np.diff(np.log(close)), period)
        result[period:] = windows.std(axis=1, ddof=1)
    return result


def _after(
    bars: Bars, horizon: int, value: NDArray[Any], kind: str, params: dict[str, Any], wait: IntArray | None = None
) -> Labels:
    """Labels from the values of the first n - horizon bars and the bars that each waited for its end (None: the horizon)."""
    n = len(bars)
    values, end = np.full(n, UNDEFINED, dtype=np.int8), np.full(n, NO_END, dtype=np.int64)
    values[: value.size] = value
    end[: value.size] = np.arange(value.size) + (horizon if wait is None else wait)
    provisional = np.concatenate(([0], np.cumsum(bars.provisional)))
    defined = (values != UNDEFINED) & (provisional[end + 1] == provisional[:n])
    values[~defined], end[~defined] = UNDEFINED, NO_END
    return Labels(values, defined, end, kind, params)


def _whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise UsageError(
            _("{name} must be a whole number of at least {least}, not {value}").format(name=name, least=least, value=value)
        )


def _number(name: str, value: float, least: float, most: float = math.inf) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        if math.isinf(most):
            text = _("{name} must be a number of at least {least}, not {value}")
        else:
            text = _("{name} must be a number from {least} to {most}, not {value}")
        raise UsageError(text.format(name=name, least=least, most=most, value=value))


def _positive(name: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        raise UsageError(_("{name} must be a number above 0, not {value}").format(name=name, value=value))
