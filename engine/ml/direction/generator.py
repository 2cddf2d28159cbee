"""A made index whose direction is predictable by a known amount at each decision time, to judge the judging with.

The return of each session is noise of one spread. At a decision time with planted correlation c, one value is visible that is
c x (the standardised return) + sqrt(1 - c^2) x (noise of its own): after the close the return of the S&P 500, before the opening that of the
Nikkei, at the opening the gap of BOVA11, during the session the move so far. All is drawn from the seed; no price is real.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Bars, PriceBase, day_number
from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.market.calendar import nominal_opening
from engine.ml.direction.data import FUND, INDEX, IndexData, build
from engine.ml.direction.times import CLOSE, OPEN, PREOPEN, clock_instants, parse

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.market.calendar import Calendar

#: The accuracy of the best possible rule that sees one planted value.
LEVELS: Mapping[str, float] = {"none": 0.50, "weak": 0.55, "strong": 0.70}
SESSIONS = 1_500
LAST = date(2024, 12, 30)
SPREAD = 0.012
HOUR = 60


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A made index. truth: by the text of a decision time, the accuracy of the best rule on everything that is visible then."""

    data: IndexData
    truth: Mapping[str, float]


def planted(seed: int, calendar: Calendar, skill: Mapping[str, str], *, sessions: int = SESSIONS, last: date = LAST) -> Planted:
    """A made index of so many daily bars up to `last`.

    skill: "none", "weak" or "strong" by decision time: "close", "preopen", "open", or a full hour from "11:00" on. The same
    arguments give the same index. Raises UsageError for another level or time, NoDataError for more sessions than there are.
    """
    for text, level in skill.items():
        time = parse(text)
        if level not in LEVELS or (time.clock is not None and time.clock % HOUR):
            raise UsageError(_("There is no planted predictability {level} at {time}").format(level=level, time=text))
    days = calendar.sessions[calendar.sessions <= day_number(last)][-sessions - 1 :]
    if days.size <= sessions:
        raise NoDataError(_("The calendar has fewer than {count} sessions up to that day").format(count=sessions + 1))
    random = np.random.default_rng(seed)
    standard = random.standard_normal(days.size)
    close = 100_000 * np.exp(np.cumsum(SPREAD * standard))
    before = np.append(100_000.0, close[:-1])
    visible = {text: _glimpse(random, standard, correlation(LEVELS[level])) for text, level in skill.items()}
    series = {}
    if CLOSE in skill:
        series["SP500"] = (days[:-1], _level(visible[CLOSE][1:]))
    if PREOPEN in skill:
        series["NIKKEI"] = (days, _level(visible[PREOPEN]))
    opening = None
    if OPEN in skill:
        opening = _bars(FUND, days, before / 1_000 * np.exp(SPREAD / 2 * visible[OPEN]), close / 1_000, random)
    prices = {parse(text): before * np.exp(SPREAD / 2 * visible[text]) for text in skill if parse(text).clock is not None}
    hours = [_hours(days, before, [(time.clock or 0, price) for time, price in prices.items()])] if prices else []
    bars = _bars(INDEX, days, before, close, random)
    data = build(bars.take(slice(0, -1)), calendar, series=series, opening=opening, intraday=hours, opening_symbol=FUND)
    truth = {text: LEVELS[level] for text, level in skill.items()}
    if CLOSE in skill and PREOPEN in skill:
        truth[PREOPEN] = accuracy(math.sqrt(_joined(*(correlation(LEVELS[skill[text]]) for text in (CLOSE, PREOPEN)))))
    return Planted(data, truth)


def accuracy(correlation: float) -> float:
    """How often the sign of one of two normal variables is that of the other: 1/2 + arcsin(correlation) / pi (Sheppard, 1899)."""
    return 0.5 + math.asin(correlation) / math.pi


def correlation(accuracy: float) -> float:
    """The correlation at which signs agree so often; the inverse of `accuracy`."""
    return math.sin(math.pi * (accuracy - 0.5))


def _joined(*correlations: float) -> float:
    """The squared correlation of the best combination of values whose own noises are independent."""
    weight = sum(item * item / (1 - item * item) for item in correlations)
    return weight / (1 + weight)


def _glimpse(random: np.random.Generator, standard: FloatArray, correlation: float) -> FloatArray:
    return correlation * standard + math.sqrt(1 - correlation * correlation) * random.standard_normal(standard.size)


def _level(steps: FloatArray) -> FloatArray:
    """A level whose log return of each day is that day's value."""
    return 1_000 * np.exp(np.cumsum(SPREAD * steps))


def _bars(symbol: str, days: IntArray, opening: FloatArray, close: FloatArray, random: np.random.Generator) -> Bars:
    reach = np.exp(SPREAD / 2 * np.abs(random.standard_normal((2, days.size))))
    high, low = np.maximum(opening, close) * reach[0], np.minimum(opening, close) / reach[1]
    quantity = np.exp(random.normal(15, 0.4, days.size))
    return _made(symbol, "1d", nominal_opening(days), days, (opening, high, low, close), quantity)


def _hours(days: IntArray, before: FloatArray, prices: list[tuple[int, FloatArray]]) -> Bars:
    """One bar of an hour before each clock, that ends at its price."""
    time = np.concatenate([clock_instants(days, clock - HOUR) for clock, _price in prices])
    close = np.concatenate([price for _clock, price in prices])
    opening = np.tile(before, len(prices))
    order = np.argsort(time, kind="stable")
    values = (opening, np.maximum(opening, close), np.minimum(opening, close), close)
    session = np.tile(days, len(prices))[order]
    return _made(
        INDEX, "60m", time[order], session, (values[0][order], values[1][order], values[2][order], values[3][order]),
        np.ones(time.size),
    )  # fmt: skip


def _made(
    symbol: str,
    timeframe: str,
    time: IntArray,
    session: IntArray,
    prices: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    quantity: FloatArray,
) -> Bars:
    never = np.zeros(time.size, dtype=np.bool_)
    blank = np.full(time.size, np.nan)
    return Bars(symbol, timeframe, time, session, *prices, quantity, blank, never, never, PriceBase.RAW, "made")
