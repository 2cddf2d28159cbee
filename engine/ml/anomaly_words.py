"""Anomalies in words: what drove one, what explains it, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.domain import from_day_number, sao_paulo
from engine.i18n import _
from engine.market.adjust import PAYMENTS

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray
    from engine.market.adjust import CorporateEvent
    from engine.ml.anomaly_measures import Judge, Reading, Sensitivity

#: Units after over units before of the usual splits, reverse splits and bonuses, written as "new for old". Smaller bonuses are left out: bad
#: news opens 5 or 10 % lower often enough.
SPLITS: Mapping[str, float] = {
    "2:1": 2.0, "3:1": 3.0, "4:1": 4.0, "5:1": 5.0, "6:1": 6.0, "8:1": 8.0, "10:1": 10.0, "100:1": 100.0,
    "6:5": 1.2, "5:4": 1.25, "4:3": 4 / 3, "3:2": 1.5,
    "1:2": 0.5, "1:4": 0.25, "1:5": 0.2, "1:10": 0.1, "1:20": 0.05, "1:30": 1 / 30, "1:50": 0.02, "1:100": 0.01,
}  # fmt: skip
#: How near to a usual ratio an opening counts as one.
NEAR_SPLIT = 0.015
#: The forest names so many features, none of a smaller share than this.
NAMED, LEAST_SHARE = 3, 0.15


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a symbol besides its bars: its corporate events, and when the values of a bar were replaced by a later import (both
    UTC seconds: opening of the bar, instant of the import)."""

    events: Sequence[CorporateEvent] = ()
    revised: Mapping[int, int] = field(default_factory=dict)


def driver(detector: str, reading: Reading, at: int, sensitivity: Sensitivity) -> str:
    """What one detector found at place `at` of its reading, in one phrase."""
    value, usual, strength = (float(column[at]) for column in (reading.value, reading.usual, reading.strength))
    window = sensitivity.window
    if detector in ("return", "gap"):
        text = (
            _("price {change} in one bar, {times} robust standard deviations")
            if detector == "return"
            else _("opening {change} from the close before, {times} robust standard deviations")
        )
        return text.format(change=_percent(value, signed=True), times=_times(strength * sensitivity.limit))
    if detector == "range":
        return _("range of {share} from low to high, {times} times its {bars}-bar median").format(
            share=_percent(math.exp(value)), times=_times(math.exp(value - usual)), bars=window
        )
    if detector == "volume":
        return _("volume {times} times its 20-bar median").format(times=_times(math.exp(value)))
    if detector == "shift":
        return _("true range of the last 10 bars {times} times that of the {bars} bars before").format(
            times=_times(math.exp(value - usual)), bars=window
        )
    return _("price unchanged for {count} bars, the longest before was {usual}").format(count=round(value), usual=round(usual))


def combined(judge: Judge, features: FloatArray) -> list[str]:
    """The features that make one row strange to the forest, each in one phrase."""
    named = [reason for reason in judge.reasons(features)[:NAMED] if reason[1] >= LEAST_SHARE]
    return [
        _of_feature(name).format(value=_shown(name, value), usual=_shown(name, usual)) for name, _share, value, usual in named
    ]


def _of_feature(name: str) -> str:
    texts = {
        "volatility_20": _("20-bar volatility {value}, usually {usual}"),
        "volume_ratio": _("volume {value} times its 20-bar mean, usually {usual}"),
        "momentum_10": _("price {value} in 10 bars, usually {usual}"),
        "atr_ratio": _("average true range {value} of the price, usually {usual}"),
        "distance_to_high": _("price {value} below its 20-bar high, usually {usual}"),
        "distance_to_low": _("price {value} above its 20-bar low, usually {usual}"),
    }
    return texts[name]


def _shown(name: str, value: float) -> str:
    return _times(value) if name == "volume_ratio" else _percent(value, signed=name == "momentum_10")


def explanation(bars: Bars, index: int, facts: Facts, calm: bool) -> str | None:
    """Why bar `index` may be no news of the market: a corporate event between it and the bar before, a defect of the data, or None.

    calm: neither the range nor the volume of the bar was unusual; only then may an opening at a usual split ratio be one.
    """
    session, before = int(bars.session[index]), int(bars.session[index - 1]) if index else int(bars.session[index]) - 1
    for event in facts.events:
        if before < event.ex_session <= session:
            return _event(event)
    replaced = facts.revised.get(int(bars.time[index]))
    if replaced is not None:
        return _("data: the values of this bar were replaced by an import of {date}").format(
            date=sao_paulo(replaced).date().isoformat()
        )
    if bars.provisional[index]:
        return _("data: the bar is provisional, its session was not over when it was written")
    traded = bars.turnover[index] if math.isnan(bars.quantity[index]) else bars.quantity[index]
    if traded == 0:
        return _("data: nothing was traded in this bar")
    if index and calm:
        moved = float(bars.open[index] / bars.close[index - 1])
        for words, factor in SPLITS.items():
            if abs(moved * factor - 1.0) <= NEAR_SPLIT:
                return _(
                    "data: it opened at {ratio} of the close before, as after a split or bonus of {words} that is not stored"
                ).format(ratio=f"{moved:.3f}", words=words)
    return None


def _event(event: CorporateEvent) -> str:
    date = from_day_number(event.ex_session).isoformat()
    if event.kind in PAYMENTS:
        return _("event: {kind} of R$ {amount} a unit, ex on {date}").format(
            kind=_kind(event.kind), amount=f"{event.amount:.10g}", date=date
        )
    return _("event: {kind} of factor {factor}, ex on {date}").format(
        kind=_kind(event.kind), factor=f"{event.factor:.10g}", date=date
    )


def _kind(kind: str) -> str:
    names = {
        "dividend": _("dividend"),
        "jcp": _("interest on equity"),
        "split": _("split"),
        "reverse_split": _("reverse split"),
        "bonus": _("bonus shares"),
    }
    return names.get(kind, kind)


def advice(severity: str, explained: bool, *, payment_unknown: bool = False) -> str:
    """What to do, in words. payment_unknown: the price fell, and no corporate event of the symbol is stored that could tell why."""
    if explained:
        return _("Check the data before acting on it.")
    words = {"high": _("Reduce exposure."), "medium": _("Watch it closely."), "low": _("Take note.")}
    said = words[severity]
    if payment_unknown:
        said += " " + _("No corporate event of the share is stored: a payment or split of that day would look the same.")
    return said


def _percent(value: float, *, signed: bool = False) -> str:
    return f"{value * 100:{'+' if signed else ''}.2f}%"


def _times(value: float) -> str:
    return f"{value:.1f}"
