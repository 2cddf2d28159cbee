"""What became of a strategy's signals: its trades one after the other, without costs, sizes and ticks.

A quick measure for decisions that need the strategy's own past (Kelly's fraction, the evidence for a choice); what a
strategy would have earned is said by `engine.backtest` alone. The rules are those of the backtest: entry at the next open,
an opposite signal closes and reverses at the next open, a level already passed fills at the open, the stop goes before the
target, and a signal in the direction of the position is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import Bars, FloatArray, IntArray
    from engine.strategies.base import Decisions

#: Bars after its entry in which the exit of every signal is searched at once; most trades end in them.
WINDOW = 32
#: Bars looked at in one step while a later exit is searched.
STRIDE = 256


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Closed trades in order: the bar of the signal and of the exit (int64) and the return on the entry price (float64).

    A trade is known at the close of its exit bar and does not change when later bars are added.
    """

    signal: IntArray
    exit: IntArray
    return_: FloatArray


def outcomes(bars: Bars, decisions: Decisions) -> Outcomes:
    """The closed trades of these decisions on these bars, long and short; decisions has one value per bar."""
    n = len(bars)
    rows = np.flatnonzero(decisions.action[:-1] != 0)
    side, stop, target = decisions.action[rows], decisions.stop[rows], decisions.target[rows]
    long = side > 0
    lower, upper = np.where(long, stop, target), np.where(long, target, stop)
    turn = _turns(rows, side, n)
    hit = _early_hits(bars, rows + 1, turn, lower, upper)
    taken: list[int] = []
    exits: list[int] = []
    free = 0
    for place, (row, at, end) in enumerate(zip(rows.tolist(), hit.tolist(), turn.tolist())):
        if row < free:
            continue
        if at < 0:
            at = _late_hit(bars, row + 1 + WINDOW, end, lower[place], upper[place])
        if at < 0 and end >= n:
            break
        free = end - 1 if at < 0 else at
        taken.append(place)
        exits.append(end if at < 0 else at)
    chosen, exit_ = np.array(taken, dtype=np.int64), np.array(exits, dtype=np.int64)
    opening, stop = bars.open[exit_], stop[chosen]
    at_open = (exit_ == turn[chosen]) | (opening <= lower[chosen]) | (opening >= upper[chosen])
    stopped = np.where(long[chosen], bars.low[exit_] <= stop, bars.high[exit_] >= stop)
    price = np.where(at_open, opening, np.where(stopped, stop, target[chosen]))
    return Outcomes(rows[chosen], exit_, side[chosen] * (price / bars.open[rows[chosen] + 1] - 1.0))


def _turns(rows: IntArray, side: NDArray[np.int8], n: int) -> IntArray:
    """The bar at whose open the next opposite signal is filled, of each signal; n where there is none."""
    flips = (side[1:] != side[:-1]).nonzero()[0] + 1
    following = np.concatenate((rows[flips] + 1, [n]))
    turns: IntArray = following[flips.searchsorted(np.arange(rows.size), side="right")]
    return turns


def _early_hits(bars: Bars, first: IntArray, end: IntArray, lower: FloatArray, upper: FloatArray) -> IntArray:
    """Of each signal the first of `WINDOW` bars from `first` and before `end` that meets one of its levels; -1 if none does."""
    bar = first[:, None] + np.arange(WINDOW)
    seen = np.minimum(bar, len(bars) - 1)
    met = (bars.low[seen] <= lower[:, None]) | (bars.high[seen] >= upper[:, None])
    met &= bar < end[:, None]
    return np.where(met.any(axis=1), first + met.argmax(axis=1), -1)


def _late_hit(bars: Bars, first: int, end: int, lower: float, upper: float) -> int:
    """The first bar of first..end - 1 that meets a level; -1 if none does."""
    for begin in range(first, end, STRIDE):
        part = slice(begin, min(begin + STRIDE, end))
        met = (bars.low[part] <= lower) | (bars.high[part] >= upper)
        if met.any():
            return begin + int(met.argmax())
    return -1
