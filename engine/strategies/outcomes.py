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
    from engine.domain import Bars, FloatArray, IntArray
    from engine.strategies.base import Decisions

#: Bars looked at in one step while an exit is searched.
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
    n, action = len(bars), decisions.action
    rows = np.flatnonzero(action)
    turns = {side: rows[action[rows] == -side] for side in (1, -1)}
    found: list[tuple[int, int, float]] = []
    free = 0
    for row in rows.tolist():
        if row < free or row + 1 >= n:
            continue
        side = int(action[row])
        later = turns[side][np.searchsorted(turns[side], row) :]
        turn = int(later[0]) + 1 if later.size else n
        hit, price = _level_hit(bars, row + 1, min(turn, n), side, float(decisions.stop[row]), float(decisions.target[row]))
        if hit < 0:
            if turn >= n:
                break
            hit, price, free = turn, float(bars.open[turn]), turn - 1
        else:
            free = hit
        found.append((row, hit, side * (price / float(bars.open[row + 1]) - 1.0)))
    columns = list(zip(*found)) or [(), (), ()]
    return Outcomes(np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64))


def _level_hit(bars: Bars, first: int, end: int, side: int, stop: float, target: float) -> tuple[int, float]:
    """The first bar of first..end - 1 that meets a level, and the price there; (-1, nan) when none does."""
    for begin in range(first, end, STRIDE):
        part = slice(begin, min(begin + STRIDE, end))
        low, high = (bars.low[part], bars.high[part]) if side > 0 else (-bars.high[part], -bars.low[part])
        hits = np.flatnonzero((low <= side * stop) | (high >= side * target))
        if hits.size:
            at = begin + int(hits[0])
            opening = float(bars.open[at])
            if side * (opening - stop) <= 0 or side * (opening - target) >= 0:
                return at, opening
            return at, stop if low[hits[0]] <= side * stop else target
    return -1, float("nan")
