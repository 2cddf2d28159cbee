"""Calm made markets, and things planted in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.domain import Bars, PriceBase, day_number
from engine.market.calendar import nominal_opening
from tests.desk_maker import sessions

COUNT = 420
PLANTED = 340


def calm(seed: int, count: int = COUNT) -> Bars:
    """A daily walk without surprises: normal nights and days, ranges and volumes of their usual spread."""
    rng = np.random.default_rng(seed)
    session = np.array([day_number(day) for day in sessions(count)], dtype=np.int64)
    night, day = rng.normal(0, 0.005, count), rng.normal(0.0003, 0.011, count)
    close = 30 * np.exp(np.cumsum(night + day))
    opening = close * np.exp(-day)
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.006, count)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.006, count)))
    quantity = np.round(np.exp(rng.normal(13, 0.35, count)))
    return Bars(
        "CALM3", "1d", nominal_opening(session), session, opening, high, low, close, quantity, quantity * close,
        np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_), PriceBase.RAW, "made",
    )  # fmt: skip


def _lifted(bars: Bars, factor: np.ndarray[tuple[int, ...], np.dtype[np.float64]], opening: bool = True) -> Bars:
    """The prices of every bar times its factor; without `opening`, the open keeps the factor of the bar before."""
    before = np.concatenate(([1.0], factor[:-1]))
    opened = bars.open * (factor if opening else before)
    high = np.maximum(np.maximum(bars.high * factor, opened), bars.close * factor)
    low = np.minimum(np.minimum(bars.low * factor, opened), bars.close * factor)
    return replace(bars, open=opened, high=high, low=low, close=bars.close * factor)


def jump(bars: Bars, at: int = PLANTED, size: float = 0.12) -> Bars:
    """From bar `at` on, prices are higher by `size` (a fraction), which happens within that bar."""
    return _lifted(bars, np.where(np.arange(len(bars)) >= at, 1 + size, 1.0), opening=False)


def gap(bars: Bars, at: int = PLANTED, size: float = -0.08) -> Bars:
    """From the open of bar `at` on, prices are lower."""
    return _lifted(bars, np.where(np.arange(len(bars)) >= at, 1 + size, 1.0))


def burst(bars: Bars, at: int = PLANTED, times: float = 7.0) -> Bars:
    """The volume of one bar is so many times the median of the 20 bars before it."""
    here = np.arange(len(bars)) == at
    made = {name: getattr(bars, name) for name in ("quantity", "turnover")}
    return replace(bars, **{name: np.where(here, times * np.median(kept[at - 20 : at]), kept) for name, kept in made.items()})


def shift(bars: Bars, at: int = PLANTED, times: float = 3.0) -> Bars:
    """From bar `at` on, everything moves so many times as much."""
    logs = {name: np.log(getattr(bars, name)) for name in ("open", "high", "low", "close")}
    start = logs["close"][at - 1]
    late = np.arange(len(bars)) >= at
    return replace(bars, **{name: np.exp(np.where(late, start + times * (value - start), value)) for name, value in logs.items()})


def freeze(bars: Bars, at: int = PLANTED, count: int = 6) -> Bars:
    """`count` bars stay at the close before them; the prices go on from there afterwards."""
    place = np.arange(len(bars))
    frozen = (place >= at) & (place < at + count)
    factor = np.where(place >= at + count, bars.close[at - 1] / bars.close[at + count - 1], 1.0)
    lifted = _lifted(bars, factor)
    prices = {name: np.where(frozen, bars.close[at - 1], getattr(lifted, name)) for name in ("open", "high", "low", "close")}
    return replace(lifted, **prices)


def melt(bars: Bars, at: int = PLANTED, count: int = 20, step: float = 0.02) -> Bars:
    """`count` days of small rises in a row, none of them unusual by itself."""
    days = np.clip(np.arange(len(bars)) - at + 1, 0, count)
    return _lifted(bars, (1 + step) ** days, opening=False)
