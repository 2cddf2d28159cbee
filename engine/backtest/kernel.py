"""The bar-by-bar simulation of one position, in one function: as it stands for CPython, compiled by numba for speed.

A signal given at the close of bar t is filled at the open of bar t + 1. Before the first bar of a session comes the night:
settled cash earns its rate, the fills of two sessions before settle (D+2: they move the cash at once and what earns interest
then), a short position pays for its borrowed shares. Dividends whose day of payment it is become cash. Then, in this order:

1. corporate events of the bar change the units held (split) or entitle to money (dividend), which is part of the equity at once; a
   position that a reverse split would leave without a whole unit is closed at the open, at a price per unit of before;
2. at the open, an opposite order closes the position and, where allowed, opens the reverse one; an order in the direction
   of the position is ignored;
3. a stop or target already passed by the open is filled at the open (worse for a stop, better for a target);
4. else a stop touched within the bar is filled at its level, else a target at its level; the bar of the entry counts too.
   Where the bar touches both, the stop is taken (or, if asked for, the target) and the trade is marked ambiguous.

Market and stop fills suffer slippage and are rounded to the tick against the trader; a target is a resting limit order,
moved to the next tick away from the entry, without slippage. A short whose loss would use up the equity is bought back at
that price (or at a worse open) and trading stops; so it does after any exit that leaves no equity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.backtest.positions import Fill
    from engine.domain import FloatArray, IntArray

#: Why a trade ended; the last three only in `engine.backtest.account`.
OPEN, SIGNAL, STOP, TARGET, LIQUIDATION, EVENT, PARTIAL, TIME, TRAIL = range(9)
FRACTION, RISK = range(2)
#: Where the actions stand among the arrays of `simulate`.
ACTION = 5

#: One trade. quantity and entry_price as filled, before any split; exit_index is -1 while open. stop: level at the entry or
#: NaN. pnl: money, net of costs; income: dividends (also those still to be paid) and fractions of shares paid in cash, part
#: of pnl; borrow: what borrowing the shares of a short cost, part of pnl and not of costs. slippage: money lost to slippage
#: and tick rounding, part of pnl. mae, mfe: fractions of the entry price.
TRADE = np.dtype(
    [
        ("side", np.int64),
        ("quantity", np.int64),
        ("entry", np.int64),
        ("exit", np.int64),
        ("reason", np.int64),
        ("ambiguous", np.int64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("stop", np.float64),
        ("costs", np.float64),
        ("slippage", np.float64),
        ("income", np.float64),
        ("borrow", np.float64),
        ("pnl", np.float64),
        ("mae", np.float64),
        ("mfe", np.float64),
    ]
)


def simulate(
    open_: Sequence[float], high: Sequence[float], low: Sequence[float], close: Sequence[float],
    session: Sequence[int], action: Sequence[int], stop: Sequence[float], target: Sequence[float],
    split: Sequence[float], dividend: Sequence[float], fee: Sequence[float], fee_day_trade: Sequence[float],
    weight: Sequence[float], rate: Sequence[float], pay: Sequence[int],
    first: int, last: int, opening: int, capital: float, sizing: int, size: float, allow_short: bool,
    lot: int, point_value: float, tick_numerator: int, tick_denominator: int, slippage: float, brokerage: float,
    borrow: float, favourable: bool,
    equity: FloatArray, position: IntArray, trades: NDArray[np.void], arriving: FloatArray,
) -> tuple[int, int, int, float]:  # fmt: skip
    """Trade the bars first..last (inclusive) and return (trades written, bars with a position, orders not affordable, interest).

    Arrays of n bars (or lists of the same): open_, high, low, close: float64, prices at which fills happen; session: int64;
    action: +1, -1, 0 at the close of each bar; stop, target: levels in those prices, NaN for none; split: units after over
    units before the bar, 1.0 for no event; dividend: money per unit paid to who held over the night before; fee,
    fee_day_trade: fraction of the notional per side; weight: the fraction of the equity that an entry on the order of this
    bar invests, NaN for the sizing below, 0 for an order that only closes; rate: the return of cash over the night before
    the bar; pay: int64, the bar at which the dividend of this bar arrives as cash (n or more: not within the data).
    opening: an order (+1, -1, 0) due at the open of `first`, without levels. Orders given before `first` are not traded.
    sizing: FRACTION (`size` of the equity) or RISK (`size` of the equity over the distance from fill to stop; an order
    without a stop, or filled beyond it, is not placed). Either way the notional and costs never exceed the cash.
    tick_numerator / tick_denominator: the tick; numerator 0 means that prices are not rounded.
    borrow: what borrowed shares cost per session, a fraction of their value. favourable: take the target where a bar
    touches stop and target.
    Written: equity (float64, last - first + 2; starts with the capital), position (int64, last - first + 1; signed units at
    the close), trades (TRADE, at least one per order of the window), arriving (float64 zeros, last - first + 1; money from
    dividends that comes in after its ex bar).
    Costs of a fill are fee x notional, rounded half up to the cent, plus brokerage; a position closed in the session in
    which it was opened pays fee_day_trade on both sides. The pnl of the trades and the interest add up to the equity.
    Interest is paid on settled cash, with a short position at most on the cash less what buying it back would cost.
    mae and mfe take the whole bar while held; of the bar of an exit only the open and the fill, as no more is known.
    """
    cash = capital
    receivable = interest = 0.0
    unsettled = unsettled_today = 0.0
    equity[0] = capital
    count = held = rejected = 0
    ruined = False
    units = side = entry = 0
    entry_price = entry_notional = 0.0
    flow = costs = slipped = income = borrowed = 0.0
    scale = 1.0
    stop_level = target_level = ruin_level = math.nan
    lowest = highest = 0.0
    order = opening
    today = session[first] - 1
    for t in range(first, last + 1):
        if session[t] != today:
            today = session[t]
            if rate[t] != 0.0:
                base = cash - (unsettled + unsettled_today)
                if units < 0:
                    base = min(base, cash + units * close[t - 1] * point_value)
                if base > 0.0:
                    cash += base * rate[t]
                    interest += base * rate[t]
            unsettled, unsettled_today = unsettled_today, 0.0
            if units < 0:
                paid = -units * close[t - 1] * point_value * borrow
                cash -= paid
                borrowed += paid
        cash += arriving[t - first]
        receivable -= arriving[t - first]
        if units == 0 and order == 0:
            equity[t - first + 1] = cash + receivable
            position[t - first] = 0
            order = action[t]
            continue
        at_open = open_[t]
        vanished = False
        if units != 0:
            if split[t] != 1.0:
                exact = units * split[t]
                vanished = abs(exact) + 1e-6 < 1.0
                if not vanished:
                    units = math.floor(abs(exact) + 1e-6) * side
                    income += (exact - units) * at_open * point_value
                    cash += (exact - units) * at_open * point_value
                    scale *= split[t]
                    stop_level /= split[t]
                    target_level /= split[t]
            if dividend[t] != 0.0:
                amount = units * dividend[t] * point_value
                income += amount
                if pay[t] <= t:
                    cash += amount
                else:
                    receivable += amount
                    if pay[t] <= last:
                        arriving[pay[t] - first] += amount
            if units < 0:
                ruin_level = (cash + receivable) / (-units * point_value)
        in_bar = units != 0
        for stage in range(2):
            reason = 0
            ambiguous = 0
            price = at_open
            if units != 0 and stage == 0 and vanished:
                reason = EVENT
                price = at_open * split[t]
            elif units != 0 and stage == 0 and order == -side:
                reason = SIGNAL
            elif units != 0 and stage == 1:
                limit = stop_level
                kind = STOP
                if side < 0 and ruin_level > 0.0 and not limit < ruin_level:
                    limit = ruin_level
                    kind = LIQUIDATION
                if (at_open - limit) * side <= 0.0:
                    reason = kind
                elif (at_open - target_level) * side >= 0.0:
                    reason = TARGET
                else:
                    worst, best = (low[t], high[t]) if side > 0 else (high[t], low[t])
                    stop_touched = (worst - limit) * side <= 0.0
                    target_touched = (best - target_level) * side >= 0.0
                    ambiguous = 1 if stop_touched and target_touched else 0
                    if target_touched and (favourable or not stop_touched):
                        reason = TARGET
                        price = target_level
                    elif stop_touched:
                        reason = kind
                        price = limit
            if reason != 0:
                fill = price
                if reason != TARGET:
                    fill *= 1.0 - side * slippage
                if tick_numerator > 0:
                    ticks = fill * tick_denominator / tick_numerator
                    ticks = math.floor(ticks + 1e-6) if side > 0 else math.ceil(ticks - 1e-6)
                    fill = ticks * tick_numerator / tick_denominator
                notional = abs(units) * fill * point_value
                if session[t] == session[entry]:
                    paid = math.floor(fee_day_trade[t] * notional * 100.0 + 0.5 + 1e-7) / 100.0 + brokerage
                    paid += math.floor(fee_day_trade[entry] * entry_notional * 100.0 + 0.5 + 1e-7) / 100.0
                    paid -= math.floor(fee[entry] * entry_notional * 100.0 + 0.5 + 1e-7) / 100.0
                else:
                    paid = math.floor(fee[t] * notional * 100.0 + 0.5 + 1e-7) / 100.0 + brokerage
                cash += side * notional - paid
                flow += side * notional - paid
                unsettled_today += side * notional - paid
                costs += paid
                slipped += (price - fill) * units * point_value
                if cash + receivable <= 0.0 or reason == LIQUIDATION:
                    reason = LIQUIDATION
                    ruined = True
                seen = fill if t == entry or vanished else at_open
                lowest = min(lowest, min(fill, seen) * scale)
                highest = max(highest, max(fill, seen) * scale)
                trades[count]["exit"] = t
                trades[count]["exit_price"] = fill
                trades[count]["reason"] = reason
                trades[count]["ambiguous"] = ambiguous
                trades[count]["costs"] = costs
                trades[count]["slippage"] = slipped
                trades[count]["income"] = income
                trades[count]["borrow"] = borrowed
                trades[count]["pnl"] = flow + income - borrowed
                worst, best = (lowest, highest) if side > 0 else (highest, lowest)
                trades[count]["mae"] = (worst / entry_price - 1.0) * side
                trades[count]["mfe"] = (best / entry_price - 1.0) * side
                count += 1
                units = 0
            own = weight[t - 1] if t > first else math.nan
            if stage == 0 and order != 0 and units == 0 and not ruined and (order > 0 or allow_short) and own != 0.0:
                side = 1 if order > 0 else -1
                fill = at_open * (1.0 + side * slippage)
                if tick_numerator > 0:
                    ticks = fill * tick_denominator / tick_numerator
                    ticks = math.ceil(ticks - 1e-6) if side > 0 else math.floor(ticks + 1e-6)
                    fill = ticks * tick_numerator / tick_denominator
                stop_level = math.nan
                target_level = math.nan
                if t > first:
                    stop_level = stop[t - 1] / split[t] - dividend[t]
                    target_level = target[t - 1] / split[t] - dividend[t]
                if tick_numerator > 0 and not math.isnan(stop_level):
                    ticks = stop_level * tick_denominator / tick_numerator
                    ticks = math.floor(ticks + 1e-6) if side > 0 else math.ceil(ticks - 1e-6)
                    stop_level = ticks * tick_numerator / tick_denominator
                if tick_numerator > 0 and not math.isnan(target_level):
                    ticks = target_level * tick_denominator / tick_numerator
                    ticks = math.ceil(ticks - 1e-6) if side > 0 else math.floor(ticks + 1e-6)
                    target_level = ticks * tick_numerator / tick_denominator
                value = fill * point_value
                worth = cash + receivable
                wanted = 0.0
                if value > 0.0 and cash > 0.0:
                    if not math.isnan(own):
                        wanted = own * worth / value
                    elif sizing == FRACTION:
                        wanted = size * worth / value
                    elif (fill - stop_level) * side > 0.0:
                        wanted = size * worth / (abs(fill - stop_level) * point_value)
                    wanted = min(wanted, (cash - brokerage) / (value * (1.0 + fee[t])))
                units = math.floor(wanted / lot + 1e-9) * lot
                while units > 0:
                    notional = units * value
                    paid = math.floor(fee[t] * notional * 100.0 + 0.5 + 1e-7) / 100.0 + brokerage
                    if notional + paid <= cash:
                        break
                    units -= lot
                if units <= 0:
                    units = 0
                    rejected += 1
                else:
                    units *= side
                    entry = t
                    entry_price = fill
                    entry_notional = notional
                    flow = -(side * notional + paid)
                    cash += flow
                    unsettled_today += flow
                    costs = paid
                    slipped = (fill - at_open) * units * point_value
                    income = 0.0
                    borrowed = 0.0
                    scale = 1.0
                    lowest = fill
                    highest = fill
                    ruin_level = (cash + receivable) / (-units * point_value) if side < 0 else math.nan
                    in_bar = True
                    trades[count]["side"] = side
                    trades[count]["quantity"] = abs(units)
                    trades[count]["entry"] = t
                    trades[count]["entry_price"] = fill
                    trades[count]["stop"] = stop_level
        if in_bar:
            held += 1
        if units != 0:
            lowest = min(lowest, low[t] * scale)
            highest = max(highest, high[t] * scale)
        equity[t - first + 1] = cash + receivable + units * close[t] * point_value
        position[t - first] = units
        order = action[t]
    if units != 0:
        trades[count]["exit"] = -1
        trades[count]["exit_price"] = close[last]
        trades[count]["reason"] = OPEN
        trades[count]["ambiguous"] = 0
        trades[count]["costs"] = costs
        trades[count]["slippage"] = slipped
        trades[count]["income"] = income
        trades[count]["borrow"] = borrowed
        trades[count]["pnl"] = flow + units * close[last] * point_value + income - borrowed
        worst, best = (lowest, highest) if side > 0 else (highest, lowest)
        trades[count]["mae"] = (worst / entry_price - 1.0) * side
        trades[count]["mfe"] = (best / entry_price - 1.0) * side
        count += 1
    return count, held, rejected, interest


@lru_cache(maxsize=1)
def compiled() -> Any:
    """`simulate` compiled by numba for C-contiguous arrays, cached on disk; imports numba at the first call of a process."""
    import numba
    from numba import types

    floats = types.Array(types.float64, 1, "C", readonly=True)
    integers = types.Array(types.int64, 1, "C", readonly=True)
    actions = types.Array(types.int8, 1, "C", readonly=True)
    i, f = types.int64, types.float64
    signature = (
        *[floats] * 4, integers, actions, *[floats] * 8, integers,
        i, i, i, f, i, f, types.boolean, i, f, i, i, f, f, f, types.boolean,
        types.float64[::1], types.int64[::1], numba.from_dtype(TRADE)[::1], types.float64[::1],
    )  # fmt: skip
    return numba.njit([signature], cache=True)(simulate)


def is_compiled() -> bool:
    """Whether this process has paid for the compiled kernel already."""
    return compiled.cache_info().currsize > 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one simulation wrote: equity (float64, n + 1, starting with the capital), position (int64, n, signed units at
    the close), trades (`TRADE`), bars with a position, orders that could not be sized or afforded, interest on cash (R$).

    fills: every fill with its symbol, that of the fractional market with an F; no_quantity: bars of unknown quantity where a cap on
    it applied. Both from `engine.backtest.account` alone.
    """

    equity: FloatArray
    position: IntArray
    trades: NDArray[np.void]
    held: int
    rejected: int
    interest: float
    fills: tuple[Fill, ...] = ()
    no_quantity: int = 0


def run(
    arrays: tuple[NDArray[Any], ...],
    scalars: tuple[Any, ...],
    *,
    fast: bool,
    weight: FloatArray | None = None,
    rate: FloatArray | None = None,
    pay: IntArray | None = None,
    borrow: float = 0.0,
    favourable: bool = False,
) -> Run:
    """`simulate` on its first twelve arrays and first thirteen scalars, compiled if `fast`, else in plain Python on lists:
    equal results.

    The arrays have the dtypes named in `simulate`, action int8. None: no `weight` is NaN everywhere, no `rate` earns nothing,
    no `pay` pays every dividend on its ex bar.
    """
    first, last, opening = scalars[:3]
    n, length = arrays[ACTION].size, last - first + 1
    equity, position, arriving = np.empty(length + 1), np.empty(length, dtype=np.int64), np.zeros(length)
    orders = int(np.count_nonzero(arrays[ACTION][first:last])) + abs(opening)
    trades = np.zeros(max(orders, 1), dtype=TRADE)
    given = (
        *arrays,
        np.full(n, np.nan) if weight is None else weight,
        np.zeros(n) if rate is None else rate,
        np.arange(n) if pay is None else pay,
    )
    columns = [np.ascontiguousarray(array) if fast else array.tolist() for array in given]
    written = (equity, position, trades, arriving if fast else arriving.tolist())
    function: Any = compiled() if fast else simulate
    count, held, rejected, interest = function(*columns, *scalars, borrow, favourable, *written)
    return Run(equity, position, trades[:count], int(held), int(rejected), float(interest))
