"""What is measured at every bar, and how far it lies from what was usual before: the detectors behind `engine.ml.anomalies`.

Every detector gives a strength: 1 at its alarm limit, 2 at twice the limit, NaN where it cannot judge. The strength at t rests on bars up
to t, and what is usual on bars before t only.

return range volume shift gap   robust z-scores: (value - median) / spread of the past `window` values of the same kind of bar, the
                                spread from the median absolute deviation (Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers)
                                a gap is also measured against the returns, as an index opens where it closed: one spread of theirs at least
frozen                          bars in a row that did not move, over what was the longest such stretch before
combination                     an Isolation Forest over six features of the catalogue. Its limit comes from the tail of the scores of its
                                own past (mean excess over a high quantile, an exponential tail; Coles (2001), An Introduction to
                                Statistical Modeling of Extreme Values), so that the share of alarms is an outcome and not a setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES
from engine.features import catalogue, windows
from engine.ml import isolation

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray

#: Detectors that compare with a median and a spread; of them all but `return` and `gap` look at the upper side alone.
ROBUST = ("return", "range", "volume", "shift", "gap")
SIGNED = ("return", "gap")
DETECTORS = (*ROBUST, "frozen", "combination")
#: The columns of the forest: the six features of the requirement.
FEATURES = ("volatility_20", "volume_ratio", "momentum_10", "atr_ratio", "distance_to_high", "distance_to_low")

#: Past values below which nothing is judged, and past rows below which there is no forest.
LEAST, LEAST_ROWS = 40, 100
VOLUME_PERIOD, SHIFT_PERIOD = 20, 10
#: Standard deviations of a normal distribution in its median and in its mean absolute deviation.
OF_MEDIAN, OF_MEAN = 1.482602218505602, 1.2533141373155001
#: How many times the longest stretch before a frozen price must last, and the least such stretch.
FROZEN_TIMES, FROZEN_LEAST = 1.5, 2
#: The logarithm of the least rise of the true range that is a shift, as neighbouring values of it are much alike.
LEAST_SHIFT = math.log(1.8)
#: The share of past scores that makes up the tail.
TAIL = 0.05
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """When to raise an alarm. limit: robust standard deviations. window: past values that say what is usual. training: past bars that
    the forest learns from, anew every `refit` bars. false_alarm: chance per bar of an alarm of the forest while nothing changes."""

    limit: float = 4.0
    window: int = 250
    training: int = 750
    refit: int = 60
    false_alarm: float = 0.002
    trees: int = 100
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Reading:
    """One detector at m bars, each float64 (m,): how strong (1 = alarm limit), what was measured and what was usual."""

    strength: FloatArray
    value: FloatArray
    usual: FloatArray


def read(bars: Bars, rows: IntArray, detector: str, sensitivity: Sensitivity) -> Reading:
    """What a detector says at the bars `rows` (int64 (m,), ascending)."""
    if detector == "frozen":
        return frozen(bars, rows, sensitivity.window)
    if detector == "combination":
        strength = combination(bars, rows, sensitivity)
        return Reading(strength, strength, np.ones(rows.size))
    values = measure(bars, detector)
    usual, spread = standing(values, rows, slots(bars), sensitivity.window)
    if detector == "gap":
        _median, move = standing(measure(bars, "return"), rows, slots(bars), sensitivity.window)
        spread = np.fmax(spread, move / sensitivity.limit)
    if detector == "shift":
        spread = np.fmax(spread, LEAST_SHIFT / sensitivity.limit)
    away = values[rows] - usual
    if detector in SIGNED:
        away = np.abs(away)
    return Reading(windows.ratio(away, spread * sensitivity.limit), values[rows], usual)


def measure(bars: Bars, detector: str) -> FloatArray:
    """The measured value of a robust detector on n bars: float64 (n,), NaN where undefined; the value at t uses bars up to t.

    return: close over the close before (over the open on the first bar of an intraday session), less 1. gap: open over the close before,
    less 1, on intraday bars at the first of a session only. The others are logarithms, of (high - low) / close for range, of the volume over
    its median of the 20 bars before for volume, and of the median true range of the last 10 bars for shift.
    """
    before = windows.before(bars.close)
    intraday = TIMEFRAMES[bars.timeframe] < TIMEFRAMES["1d"]
    opens = windows.first_of_session(bars) == np.arange(len(bars)) if intraday else np.ones(len(bars), dtype=np.bool_)
    if detector == "return":
        return bars.close / np.where(opens & intraday, bars.open, before) - 1.0
    if detector == "gap":
        return np.where(opens, bars.open / before - 1.0, np.nan)
    if detector == "range":
        return _log((bars.high - bars.low) / bars.close)
    if detector == "volume":
        of_quantity, of_turnover = burst(bars.quantity), burst(bars.turnover)
        return _log(np.where(np.isnan(of_quantity), of_turnover, of_quantity))
    true_range = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    return _log(moving_median(true_range / before, SHIFT_PERIOD))


def burst(traded: FloatArray) -> FloatArray:
    """Quantities, or turnovers, over the median of the 20 bars before; NaN where that is 0 or one of them is not known."""
    return windows.ratio(traded, windows.before(moving_median(traded, VOLUME_PERIOD)))


def slots(bars: Bars) -> IntArray:
    """What kind of bar each is, int64 (n,): intraday bars are compared with those that open at the same time of day."""
    if TIMEFRAMES[bars.timeframe] >= TIMEFRAMES["1d"]:
        return np.zeros(len(bars), dtype=np.int64)
    return bars.time % TIMEFRAMES["1d"]


def standing(values: FloatArray, rows: IntArray, slot: IntArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Median and robust spread of the last `window` defined values before each row, in the slot of the row; NaN under 40 of them.

    The spread is 1.48 times the median absolute deviation, or 1.25 times the mean one where more than half of the values are equal.
    """
    median, spread = np.full(rows.size, np.nan), np.full(rows.size, np.nan)
    for kind in np.unique(slot[rows]):
        asked = np.flatnonzero(slot[rows] == kind)
        known = np.flatnonzero((slot == kind) & ~np.isnan(values))
        ends = np.searchsorted(known, rows[asked])
        past = np.concatenate((np.full(window, np.nan), values[known]))
        judged = np.flatnonzero(ends >= LEAST)
        for part in (judged[at : at + CHUNK] for at in range(0, judged.size, CHUNK)):
            views = np.lib.stride_tricks.sliding_window_view(past, window)[ends[part]]
            median[asked[part]], spread[asked[part]] = _robust(views, np.minimum(ends[part], window))
    return median, spread


def _robust(past: FloatArray, counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Median and robust spread of the last `counts` values of each row; what comes before them is NaN."""
    median = _middle(past, counts)
    away = np.abs(past - median[:, np.newaxis])
    spread = OF_MEDIAN * _middle(away, counts)
    return median, np.where(spread > 0, spread, OF_MEAN * np.nansum(away, axis=1) / counts)


def _middle(values: FloatArray, counts: IntArray) -> FloatArray:
    ordered, row = np.sort(values, axis=1), np.arange(len(values))
    middle: FloatArray = (ordered[row, (counts - 1) // 2] + ordered[row, counts // 2]) / 2.0
    return middle


def moving_median(values: FloatArray, period: int) -> FloatArray:
    """The median of the last `period` values; NaN where one of them is."""
    found = np.full(values.size, np.nan)
    if values.size >= period:
        found[period - 1 :] = np.median(np.lib.stride_tricks.sliding_window_view(values, period), axis=1)
    return found


def frozen(bars: Bars, rows: IntArray, window: int) -> Reading:
    """Bars in a row, up to each of `rows`, whose price did not move or that repeat the one before, and the longest such stretch among the
    `window` bars before this one (at least 2); the alarm limit is 1.5 times that."""
    run = still_run(bars)
    value, usual = run[rows].astype(np.float64), np.full(rows.size, np.nan)
    for at, row in enumerate(rows):
        begin = row - run[row] + 1
        if begin >= LEAST:
            usual[at] = max(int(run[max(begin - window, 0) : begin].max()), FROZEN_LEAST)
    return Reading(value / (usual * FROZEN_TIMES), value, usual)


def still_run(bars: Bars) -> IntArray:
    """How many bars in a row, up to each, did not move: int64 (n,). A still bar closes where the one before did, and has no range or the
    very prices of the one before."""
    n = len(bars)
    same = np.zeros(n, dtype=np.bool_)
    prices = np.column_stack((bars.open, bars.high, bars.low, bars.close))
    same[1:] = (bars.close[1:] == bars.close[:-1]) & ((bars.high == bars.low)[1:] | (prices[1:] == prices[:-1]).all(axis=1))
    place = np.arange(n)
    return place - np.maximum.accumulate(np.where(same, -1, place))


def combination(bars: Bars, rows: IntArray, sensitivity: Sensitivity) -> FloatArray:
    """How strange the six features are together at each of `rows`: 0 at the tail of the past scores, 1 at the alarm limit.

    NaN where a feature that the forest was fitted on is undefined, and where fewer than 100 past bars have them all.
    """
    found = np.full(rows.size, np.nan)
    if not rows.size:
        return found
    features = catalogue.compute(bars, catalogue.select(names=FEATURES))
    for block in np.unique(rows // sensitivity.refit):
        judge = Judge.before(features, int(block) * sensitivity.refit, sensitivity)
        if judge is not None:
            asked = rows // sensitivity.refit == block
            found[asked] = judge.strength(features[rows[asked]])
    return found


@dataclass(frozen=True, slots=True)
class Judge:
    """A forest with the features it looks at (places among FEATURES), their past medians, and the tail and limit of its past scores."""

    forest: isolation.Forest
    columns: IntArray
    usual: FloatArray
    tail: float
    limit: float

    @classmethod
    def before(cls, features: FloatArray, end: int, sensitivity: Sensitivity) -> Judge | None:
        """Fitted on the rows before `end`; None when there are fewer than 100. Features defined on less than half of them are left out."""
        past = features[max(end - sensitivity.training, 0) : end]
        defined = ~np.isnan(past)
        columns = np.flatnonzero(defined.sum(axis=0) * 2 > len(past))
        past = past[:, columns][defined[:, columns].all(axis=1)]
        if len(past) < LEAST_ROWS or not columns.size:
            return None
        forest = isolation.fit(past, trees=sensitivity.trees, seed=sensitivity.seed)
        scores = forest.scores(past)
        tail = float(np.quantile(scores, 1.0 - TAIL))
        excess = float(np.mean(scores[scores > tail] - tail)) if (scores > tail).any() else 0.0
        return cls(forest, columns, np.median(past, axis=0), tail, tail + excess * math.log(TAIL / sensitivity.false_alarm))

    def strength(self, features: FloatArray) -> FloatArray:
        """Of rows (m, 6): (score - tail) / (limit - tail), not below 0; float64 (m,), NaN where a column is."""
        rows = features[:, self.columns]
        whole = np.isfinite(rows).all(axis=1)
        found = np.full(len(rows), np.nan)
        if whole.any() and self.limit > self.tail:
            found[whole] = np.maximum((self.forest.scores(rows[whole]) - self.tail) / (self.limit - self.tail), 0.0)
        return found

    def reasons(self, features: FloatArray) -> list[tuple[str, float, float, float]]:
        """Of one row (6,): (feature, share, value, usual) of the features whose usual value would make the row less strange, greatest share
        first; the shares are positive and add up to 1."""
        row = features[self.columns]
        changed = np.tile(row, (row.size + 1, 1))
        np.fill_diagonal(changed[1:], self.usual)
        scores = self.forest.scores(changed)
        falls = np.maximum(scores[0] - scores[1:], 0.0)
        total = float(falls.sum())
        order: Sequence[int] = [] if total == 0 else [int(at) for at in np.argsort(-falls, kind="stable") if falls[at] > 0]
        return [
            (FEATURES[int(self.columns[at])], float(falls[at] / total), float(row[at]), float(self.usual[at])) for at in order
        ]


def _log(values: FloatArray) -> FloatArray:
    """The natural logarithm, NaN of what is not above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.where(values > 0, values, np.nan))
