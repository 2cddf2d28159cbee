"""The two loops of a sweep, each one function: as it stands for CPython, compiled by numba for speed.

`crossing_orders` turns pairs of lines into orders; `score` trades the orders of many points by the rules of
`engine.backtest.kernel.simulate`, with the same fills and the same final equity, but keeps only running figures: bars on
which nothing can happen are passed in an inner loop, and bars without a position are skipped by sums over the cash series.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.domain import FloatArray, IntArray

FRACTION, RISK = range(2)
#: What `score` writes for each point, in this order.
FIGURES = (
    "final_equity",
    "total_return",
    "cagr",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "profit_factor",
    "win_rate",
    "exposure",
    "trades",
)


def crossing_orders(
    close: Sequence[float], factor: Sequence[float], lines: Sequence[Sequence[float]],
    fast: Sequence[int], slow: Sequence[int], distance: Sequence[int],
    stop_multiple: Sequence[float], target_multiple: Sequence[float], filters: Sequence[int], bounds: Sequence[float],
    first: int, last: int, begin: IntArray, row: IntArray, side: IntArray, stop: FloatArray, target: FloatArray,
) -> int:  # fmt: skip
    """Write the orders of P crossing points, given at the closes of the bars first..last - 1, and return how many.

    close: prices of the signals, float64, n; factor: traded price over signal price, float64, n; lines: float64, (m, n).
    Per point: fast, slow, distance: int64, the lines that cross and the one that levels are multiples of (-1 for none, else
    only rows where it is above 0 count); stop_multiple, target_multiple: float64; filters: int64, P x F, lines (-1 for none)
    that must lie strictly within bounds: float64, P x F x 4, low and high for a BUY, low and high for a SELL. NaN passes no
    filter and crosses nothing.
    Written: begin (int64, P + 1), where the orders of each point begin in row, side, stop, target (room for P x bars).
    """
    count = 0
    points = len(fast)
    width = len(filters) // points
    for p in range(points):
        begin[p] = count
        above, below, unit = lines[fast[p]], lines[slow[p]], lines[distance[p]]
        t = max(first, 1)
        while t < last:
            if above[t - 1] > below[t - 1]:
                while t < last and above[t] > below[t]:
                    t += 1
            elif above[t - 1] < below[t - 1]:
                while t < last and above[t] < below[t]:
                    t += 1
            if t == last:
                break
            sign = 0
            if above[t] > below[t] and above[t - 1] <= below[t - 1]:
                sign = 1
            elif above[t] < below[t] and above[t - 1] >= below[t - 1]:
                sign = -1
            passes = sign != 0 and (distance[p] < 0 or unit[t] > 0.0)
            for f in range(p * width, p * width + width):
                if passes and filters[f] >= 0:
                    value = lines[filters[f]][t]
                    low = 4 * f if sign > 0 else 4 * f + 2
                    passes = bounds[low] < value and value < bounds[low + 1]
            if passes:
                row[count] = t
                side[count] = sign
                stop[count] = target[count] = math.nan
                if distance[p] >= 0:
                    stop[count] = (close[t] - sign * stop_multiple[p] * unit[t]) * factor[t]
                    target[count] = (close[t] + sign * target_multiple[p] * unit[t]) * factor[t]
                count += 1
            t += 1
    begin[points] = count
    return count


def score(
    open_: Sequence[float], high: Sequence[float], low: Sequence[float], close: Sequence[float],
    top: Sequence[float], bottom: Sequence[float], session: Sequence[int], split: Sequence[float], dividend: Sequence[float],
    event: Sequence[int], fee: Sequence[float], fee_day_trade: Sequence[float], rate: Sequence[float], pay: Sequence[int],
    cash_return: Sequence[float], flat: Sequence[Sequence[float]],
    begin: Sequence[int], row: Sequence[int], sides: Sequence[int], stop: Sequence[float], target: Sequence[float],
    weight: Sequence[float],
    first: int, last: int, capital: float, sizing: int, size: float, allow_short: bool,
    lot: int, point_value: float, tick_numerator: int, tick_denominator: int, slippage: float, brokerage: float,
    borrow: float, earning: bool, periods: float, days: float, arriving: FloatArray, figures: FloatArray,
) -> None:  # fmt: skip
    """Trade the orders of P points on the bars first..last (inclusive) and write `FIGURES` of each: float64, (P, 10).

    Bars and market as in `simulate`, but rate is 0 on bars that do not begin a session, `first` aside. top, bottom: the higher
    of open and high, the lower of open and low. cash_return: the return of cash over each bar, over which the ratios are, 0
    where it is not known. earning: whether `rate` is anywhere not 0. flat: float64, (3, n + 1), sums over the bars before t of
    d, d^2 and min(e, 0)^2, where e = rate - cash_return is the excess return of settled cash and d = e - e[first].
    event: int8, not 0 where there is a split or dividend. A long position is passed in an inner loop as far as nothing can
    happen to it. Orders of point p are begin[p]..begin[p + 1]: row (int64, the bar at whose close it was given, ascending, from `first`
    on), sides (int64), stop, target (in traded prices, NaN for none), weight (as in `simulate`; empty for none at all).
    periods: bars per year; days: of the window; arriving: float64 zeros, n, left as zeros. The formulas of the figures are
    those of `engine.backtest.metrics`, the Sharpe ratio from sums around the excess return of the first bar, on which there
    is never a position; NaN where undefined.
    """
    pivot = rate[first] - cash_return[first]
    bars = last - first + 1
    for p in range(len(begin) - 1):
        cash = equity = peak = capital
        deepest = 1.0
        receivable = unsettled = unsettled_today = 0.0
        awaited = units = side = entry = held = closed = won = 0
        total = squares = losses = gained = lost = 0.0
        entry_notional = flow = income = borrowed = 0.0
        stop_level = target_level = ruin_level = math.nan
        ruined = False
        order, end = begin[p], begin[p + 1]
        due = row[order] + 1 if order < end else last + 1
        t = first
        while t <= last:
            settled = not earning or (cash > 0.0 and unsettled == 0.0 and unsettled_today == 0.0)
            if units == 0 and t < due and awaited == 0 and settled and (receivable == 0.0 or not earning):
                total += flat[0][due] - flat[0][t]
                squares += flat[1][due] - flat[1][t]
                losses += flat[2][due] - flat[2][t]
                if earning:
                    for quiet in range(t, due):
                        cash += cash * rate[quiet]
                        if cash > peak:
                            peak = cash
                        elif cash < peak * deepest:
                            deepest = cash / peak
                    equity = cash
                t = due
                continue
            if units > 0 and awaited == 0 and settled:
                start = t
                while t < due and event[t] == 0 and not bottom[t] <= stop_level and not top[t] >= target_level:
                    if earning:
                        cash += cash * rate[t]
                    value = cash + receivable + units * close[t] * point_value
                    excess = (value - equity) / equity - cash_return[t] if equity > 0.0 else -cash_return[t]
                    total += excess - pivot
                    squares += (excess - pivot) * (excess - pivot)
                    loss = excess if excess < 0.0 else 0.0
                    losses += loss * loss
                    if value > peak:
                        peak = value
                    elif value < peak * deepest:
                        deepest = value / peak
                    equity = value
                    t += 1
                held += t - start
                if t > last:
                    break
            if (earning or units < 0) and (t == first or session[t] != session[t - 1]):
                if rate[t] != 0.0:
                    base = cash - (unsettled + unsettled_today)
                    if units < 0:
                        base = min(base, cash + units * close[t - 1] * point_value)
                    if base > 0.0:
                        cash += base * rate[t]
                unsettled, unsettled_today = unsettled_today, 0.0
                if units < 0:
                    paid = -units * close[t - 1] * point_value * borrow
                    cash -= paid
                    borrowed += paid
            if awaited > 0 and arriving[t] != 0.0:
                cash += arriving[t]
                receivable -= arriving[t]
                arriving[t] = 0.0
                awaited -= 1
            at_open = open_[t]
            vanished = False
            eventful = t == due
            if units != 0:
                if split[t] != 1.0:
                    exact = units * split[t]
                    vanished = abs(exact) + 1e-6 < 1.0
                    if not vanished:
                        units = math.floor(abs(exact) + 1e-6) * side
                        income += (exact - units) * at_open * point_value
                        cash += (exact - units) * at_open * point_value
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
                            awaited += 1 if arriving[pay[t]] == 0.0 else 0
                            arriving[pay[t]] += amount
                if units > 0:
                    eventful = eventful or vanished or bottom[t] <= stop_level or top[t] >= target_level
                else:
                    ruin_level = (cash + receivable) / (-units * point_value)
                    touched = top[t] >= stop_level or (ruin_level > 0.0 and top[t] >= ruin_level)
                    eventful = eventful or vanished or touched or bottom[t] <= target_level
            in_bar = units != 0
            if eventful:
                given = 0
                at = order
                if t == due:
                    given = sides[order]
                    order += 1
                    due = row[order] + 1 if order < end else last + 1
                for stage in range(2):
                    leaves = resting = liquidated = False
                    price = at_open
                    if units != 0 and stage == 0 and vanished:
                        leaves = True
                        price = at_open * split[t]
                    elif units != 0 and stage == 0 and given == -side:
                        leaves = True
                    elif units != 0 and stage == 1:
                        limit = stop_level
                        ruinous = False
                        if side < 0 and ruin_level > 0.0 and not limit < ruin_level:
                            limit = ruin_level
                            ruinous = True
                        worst, best = (low[t], high[t]) if side > 0 else (high[t], low[t])
                        if (at_open - limit) * side <= 0.0:
                            leaves = True
                            liquidated = ruinous
                        elif (at_open - target_level) * side >= 0.0:
                            leaves = resting = True
                        elif (worst - limit) * side <= 0.0:
                            leaves = True
                            liquidated = ruinous
                            price = limit
                        elif (best - target_level) * side >= 0.0:
                            leaves = resting = True
                            price = target_level
                    if leaves:
                        fill = price
                        if not resting:
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
                        if cash + receivable <= 0.0 or liquidated:
                            ruined = True
                        profit = flow + income - borrowed
                        closed += 1
                        if profit > 0.0:
                            won += 1
                            gained += profit
                        else:
                            lost -= profit
                        units = 0
                    own = weight[at] if given != 0 and len(weight) > 0 else math.nan
                    if stage == 0 and given != 0 and units == 0 and not ruined and (given > 0 or allow_short) and own != 0.0:
                        side = 1 if given > 0 else -1
                        fill = at_open * (1.0 + side * slippage)
                        stop_level = stop[at] / split[t] - dividend[t]
                        target_level = target[at] / split[t] - dividend[t]
                        if tick_numerator > 0:
                            ticks = fill * tick_denominator / tick_numerator
                            ticks = math.ceil(ticks - 1e-6) if side > 0 else math.floor(ticks + 1e-6)
                            fill = ticks * tick_numerator / tick_denominator
                            if not math.isnan(stop_level):
                                ticks = stop_level * tick_denominator / tick_numerator
                                ticks = math.floor(ticks + 1e-6) if side > 0 else math.ceil(ticks - 1e-6)
                                stop_level = ticks * tick_numerator / tick_denominator
                            if not math.isnan(target_level):
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
                        notional = paid = 0.0
                        while units > 0:
                            notional = units * value
                            paid = math.floor(fee[t] * notional * 100.0 + 0.5 + 1e-7) / 100.0 + brokerage
                            if notional + paid <= cash:
                                break
                            units -= lot
                        if units <= 0:
                            units = 0
                        else:
                            units *= side
                            entry = t
                            entry_notional = notional
                            flow = -(side * notional + paid)
                            cash += flow
                            unsettled_today += flow
                            income = borrowed = 0.0
                            ruin_level = (cash + receivable) / (-units * point_value) if side < 0 else math.nan
                            in_bar = True
            if in_bar:
                held += 1
            value = cash + receivable + units * close[t] * point_value
            excess = (value - equity) / equity - cash_return[t] if equity > 0.0 else -cash_return[t]
            total += excess - pivot
            squares += (excess - pivot) * (excess - pivot)
            loss = excess if excess < 0.0 else 0.0
            losses += loss * loss
            if value > peak:
                peak = value
            elif value < peak * deepest:
                deepest = value / peak
            equity = value
            t += 1
        mean = total / bars + pivot
        spread = math.sqrt(max(squares - total * total / bars, 0.0) / (bars - 1)) if bars > 1 else 0.0
        downside = math.sqrt(losses / bars)
        rounding = max(1e-12, 1e-10 * abs(mean))
        figures[p, 0] = equity
        figures[p, 1] = equity / capital - 1.0
        figures[p, 2] = max(equity / capital, 0.0) ** (365.25 / days) - 1.0 if days >= 1.0 else math.nan
        figures[p, 3] = mean / spread * math.sqrt(periods) if bars > 1 and spread > rounding else math.nan
        figures[p, 4] = mean / downside * math.sqrt(periods) if bars > 1 and downside > rounding else math.nan
        figures[p, 5] = deepest - 1.0
        figures[p, 6] = gained / lost if lost > 0.0 else math.nan
        figures[p, 7] = won / closed if closed > 0 else math.nan
        figures[p, 8] = held / bars
        figures[p, 9] = closed


#: The loops as they stand.
PLAIN = {"crossing_orders": crossing_orders, "score": score}


@lru_cache(maxsize=1)
def compiled() -> dict[str, Any]:
    """`PLAIN` compiled by numba for C-contiguous arrays, without the interpreter's lock and cached on
    disk; imports numba at the first call of a process."""
    import numba
    from numba import types

    def given(kind: Any, dimensions: int = 1) -> Any:
        return types.Array(kind, dimensions, "C", readonly=True)

    def written(kind: Any, dimensions: int = 1) -> Any:
        return types.Array(kind, dimensions, "C")

    i, f = types.int64, types.float64
    crossing = (
        given(f), given(f), given(f, 2), given(i), given(i), given(i), given(f), given(f), given(i), given(f), i, i,
        written(i), written(i), written(i), written(f), written(f),
    )  # fmt: skip
    scoring = (
        *[given(f)] * 6, given(i), *[given(f)] * 2, given(types.int8), *[given(f)] * 3, given(i), given(f), given(f, 2),
        *[given(i)] * 3, *[given(f)] * 3,
        i, i, f, i, f, types.boolean, i, f, i, i, f, f, f, types.boolean, f, f, written(f), written(f, 2),
    )  # fmt: skip
    signatures = {"crossing_orders": crossing, "score": scoring}
    return {name: numba.njit([signatures[name]], cache=True, nogil=True)(loop) for name, loop in PLAIN.items()}


def is_compiled() -> bool:
    """Whether this process has paid for the compiled loops already."""
    return compiled.cache_info().currsize > 0
