"""The floor of a sweep: crossings of two lines, long only, traded by one numba loop with no rules but a fee."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


def bare(open_, close, lines, fast, slow, first, fee, capital, periods, days, figures):
    """Signals at the close, fills at the next open for all the money, fractional units; eight figures per pair, in one pass."""
    n = close.size
    for p in range(fast.size):
        above, below = lines[fast[p]], lines[slow[p]]
        cash = equity = peak = capital
        units = paid = gained = lost = total = squares = losses = 0.0
        deepest = 1.0
        trades = 0
        for t in range(first, n):
            if t > first:
                up = above[t - 1] > below[t - 1] and above[t - 2] <= below[t - 2]
                down = above[t - 1] < below[t - 1] and above[t - 2] >= below[t - 2]
                if up and units == 0.0:
                    paid = cash
                    units = cash / (open_[t] * (1.0 + fee))
                    cash = 0.0
                elif down and units != 0.0:
                    cash = units * open_[t] * (1.0 - fee)
                    units = 0.0
                    trades += 1
                    if cash > paid:
                        gained += cash - paid
                    else:
                        lost += paid - cash
            value = cash + units * close[t]
            change = value / equity - 1.0
            total += change
            squares += change * change
            losses += min(change, 0.0) * min(change, 0.0)
            peak = max(peak, value)
            deepest = min(deepest, value / peak)
            equity = value
        bars = n - first
        mean, spread, downside = total / bars, math.sqrt((squares - total * total / bars) / (bars - 1)), math.sqrt(losses / bars)
        figures[p, 0] = equity
        figures[p, 1] = equity / capital - 1.0
        figures[p, 2] = (equity / capital) ** (365.25 / days) - 1.0
        figures[p, 3] = mean / spread * math.sqrt(periods)
        figures[p, 4] = mean / downside * math.sqrt(periods)
        figures[p, 5] = deepest - 1.0
        figures[p, 6] = gained / lost
        figures[p, 7] = trades


@lru_cache(maxsize=1)
def compiled():
    """`bare` as a sweep is compiled."""
    import numba

    return numba.njit(bare, nogil=True, error_model="numpy")


def sweep_bare(bars, fast, slow, first, fee=0.001, capital=1e9):
    """The figures of every pair of the averages `fast` x `slow`, the averages of each period computed once."""
    from engine.features import indicators

    periods = sorted({*fast, *slow})
    lines = np.stack([indicators.sma(bars.close, period) for period in periods])
    place = {period: row for row, period in enumerate(periods)}
    pairs = np.array([(place[quick], place[lazy]) for quick in fast for lazy in slow])
    figures = np.empty((len(pairs), 8))
    days = float(bars.session[-1] - bars.session[first] + 1)
    columns = (np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]))
    compiled()(bars.open, bars.close, lines, *columns, first, fee, capital, 252.0, days, figures)
    return figures
