"""Anomalies: bars that are unlike those before them, of which kind, how strong, why, and what followed the earlier ones.

A bar is one when a detector of `engine.ml.anomaly_measures` goes beyond its alarm limit; its kind is that of the strongest one, and an unusual
combination only where nothing is unusual by itself. A state that lasts (a volatility shift, a frozen
price, an unusual combination) is told when it begins and when it becomes worse, not at every bar. Nothing is taken out of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Aftermath, Anomaly, Market
from engine.features import catalogue
from engine.market.instruments import describe
from engine.ml import anomaly_measures as measures
from engine.ml.anomaly_measures import DETECTORS, SIGNED, Reading, Sensitivity
from engine.ml.anomaly_words import Facts, advice, combined, driver, explanation

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray, IntArray

__all__ = ["KINDS", "SEVERITIES", "Facts", "Sensitivity", "columns", "detect"]

#: The kind of anomaly that each detector finds.
KIND_OF: Mapping[str, str] = {
    "return": "jump",
    "range": "jump",
    "volume": "volume_burst",
    "shift": "volatility_shift",
    "gap": "gap",
    "frozen": "frozen_price",
    "combination": "unusual_combination",
}
KINDS = tuple(dict.fromkeys(KIND_OF.values()))
SEVERITIES = ("low", "medium", "high")
#: Alarm limits from which a severity begins.
FROM = (1.0, 1.5, 2.0)
#: Detectors of states that last, and the bars after which one that is over may be told again.
LASTING, REST = ("shift", "frozen", "combination"), 20
#: Returns over so many bars tell what followed; their mean has an interval from so many on.
HORIZONS = (1, 5, 20)
LEAST_FOR_INTERVAL = 5
#: Range and volume below this strength are nothing special.
CALM = 0.5
STANDARD = Sensitivity()


def detect(
    bars: Bars, *, lookback: int = 100, sensitivity: Sensitivity = STANDARD, facts: Callable[[], Facts] = Facts
) -> tuple[Anomaly, ...]:
    """The anomalies among the newest `lookback` bars, oldest first; what is said of a bar does not depend on `lookback` or later bars.

    bars: any timeframe, preferably adjusted prices; the first 40 bars, and those without enough past, are not judged. facts: asked once,
    and only when there is something to explain.
    """
    first = max(len(bars) - lookback, 0)
    rows = np.arange(max(first - REST, 0), len(bars))
    readings = {detector: measures.read(bars, rows, detector, sensitivity) for detector in DETECTORS}
    rings = {detector: ringing(detector, reading.strength) for detector, reading in readings.items()}
    told = [int(at) for at in np.flatnonzero(np.any(list(rings.values()), axis=0)) if rows[at] >= first]
    if not told:
        return ()
    known, past = facts(), Past(bars, sensitivity)
    return tuple(_anomaly(bars, rows, at, readings, rings, known, past) for at in told)


def columns(bars: Bars, sensitivity: Sensitivity = STANDARD) -> dict[str, FloatArray | IntArray]:
    """Of every bar the strength of each detector (float64 (n,), NaN where it cannot judge), and as `alarm` (int64 (n,)) 1 where the bar is
    an anomaly: what `detect` rests on, as columns that the look-ahead check can prove."""
    rows = np.arange(len(bars))
    found: dict[str, Any] = {detector: measures.read(bars, rows, detector, sensitivity).strength for detector in DETECTORS}
    rings = [ringing(detector, strength) for detector, strength in found.items()]
    return {**found, "alarm": np.any(rings, axis=0).astype(np.int64)}


def ringing(detector: str, strength: FloatArray) -> BoolArray:
    """Where a detector tells something: beyond its limit and, if what it finds lasts, more severe than at any of the 20 bars before."""
    level = np.searchsorted(FROM, np.nan_to_num(strength), side="right")
    if detector in LASTING and level.size:
        padded = np.concatenate((np.zeros(REST, dtype=level.dtype), level))
        level = np.where(level > np.lib.stride_tricks.sliding_window_view(padded, REST).max(axis=1)[:-1], level, 0)
    rings: BoolArray = level > 0
    return rings


class Past:
    """The earlier alarms of each detector on the same bars, found when they are first asked for."""

    def __init__(self, bars: Bars, sensitivity: Sensitivity) -> None:
        self.bars, self.sensitivity = bars, sensitivity
        self._found: dict[str, tuple[IntArray, IntArray]] = {}

    def alarms(self, detector: str, direction: int, before: int) -> IntArray:
        """The bars before `before` at which it rang in this direction, int64, oldest first."""
        if detector not in self._found:
            reading = measures.read(self.bars, np.arange(len(self.bars)), detector, self.sensitivity)
            rows = np.flatnonzero(ringing(detector, reading.strength))
            self._found[detector] = rows, _directions(detector, reading)[rows]
        rows, directions = self._found[detector]
        found: IntArray = rows[(rows < before) & (directions == direction)]
        return found


def _directions(detector: str, reading: Reading) -> IntArray:
    signs = np.sign(reading.value - reading.usual) if detector in SIGNED else np.zeros(reading.value.size)
    return np.nan_to_num(signs).astype(np.int64)


def _anomaly(
    bars: Bars, rows: IntArray, at: int, readings: Mapping[str, Reading], rings: Mapping[str, BoolArray], facts: Facts, past: Past
) -> Anomaly:
    index = int(rows[at])
    strength = {detector: float(reading.strength[at]) for detector, reading in readings.items()}
    alarms = sorted((name for name in DETECTORS if strength[name] >= FROM[0]), key=lambda name: -strength[name])
    leading = min((name for name in alarms if rings[name][at]), key=lambda name: (name == "combination", -strength[name]))
    direction = int(_directions(leading, readings[leading])[at])
    raw = float(np.sqrt(sum(strength[name] ** 2 for name in alarms)))
    severity = SEVERITIES[int(np.searchsorted(FROM, raw, side="right")) - 1]
    told: list[str] = []
    for name in [leading, *(name for name in alarms if name != leading)]:
        if name != "combination":
            told.append(driver(name, readings[name], at, past.sensitivity))
        else:
            told += _combined(past, index)
    calm = not (strength["range"] >= CALM or strength["volume"] >= CALM)
    explained = explanation(bars, index, facts, calm=calm)
    return Anomaly(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        time=int(bars.time[index]),
        session=int(bars.session[index]),
        score=raw / (1.0 + raw),
        raw=raw,
        severity=severity,
        kind=KIND_OF[leading],
        direction=direction,
        drivers=tuple(told),
        explained_by=explained,
        followed_by=followed_by(bars, index, past.alarms(leading, direction, index)),
        advice=advice(severity, explained is not None, payment_unknown=_may_be_payment(bars.symbol, leading, direction, facts)),
    )


def _may_be_payment(symbol: str, detector: str, direction: int, facts: Facts) -> bool:
    fell = direction < 0 and detector in SIGNED
    return fell and not facts.events and describe(symbol).market in (Market.CASH, Market.ETF)


def _combined(past: Past, index: int) -> list[str]:
    features = catalogue.compute(past.bars, catalogue.select(names=measures.FEATURES))
    refit = past.sensitivity.refit
    judge = measures.Judge.before(features, index // refit * refit, past.sensitivity)
    return [] if judge is None else combined(judge, features[index])


def followed_by(bars: Bars, index: int, earlier: IntArray) -> tuple[Aftermath, ...]:
    """What the close did in the 1, 5 and 20 bars after the `earlier` bars, of which only those whose bars were over by bar `index` count.

    The 95 % interval of the mean is Student's; the returns of neighbours overlap, which makes it too narrow rather than too wide.
    """
    close, told = bars.close, []
    for horizon in HORIZONS:
        ended = earlier[earlier + horizon <= index]
        change = close[ended + horizon] / close[ended] - 1.0
        every = close[horizon : index + 1] / close[: max(index + 1 - horizon, 0)] - 1.0
        low = high = None
        if change.size >= LEAST_FOR_INTERVAL:
            from scipy.special import stdtrit

            half = float(stdtrit(change.size - 1, 0.975) * change.std(ddof=1) / np.sqrt(change.size))
            low, high = float(change.mean()) - half, float(change.mean()) + half
        mean, median = (float(change.mean()), float(np.median(change))) if change.size else (None, None)
        told.append(Aftermath(horizon, change.size, mean, median, low, high, float(every.mean()) if every.size else None))
    return tuple(told)
