"""Strategies that are a cross of two lines, confirmed by filters: their decisions as data.

A strategy may say so by a method `crossing(self, bars: Bars) -> Crossing`, whose orders are those of its `decide`; a sweep
then forms them many times faster. A class that overrides `decide` alone is not taken at its parent's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.features import memo
from engine.strategies import conditions

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray
    from engine.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Filter:
    """A line (float64, length n) that must lie strictly between two bounds for a BUY, between two others for a SELL.

    A bar where the line is NaN never passes.
    """

    line: FloatArray
    buy: tuple[float, float]
    sell: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Crossing:
    """BUY where `fast` crosses above `slow`, SELL where it crosses below, on bars that pass every filter.

    fast, slow, distance: float64, length n. Where there is a distance it must be above 0 as well, and the stop is the close
    minus side x stop x distance, the target the close plus side x target x distance.
    """

    fast: FloatArray
    slow: FloatArray
    filters: tuple[Filter, ...] = ()
    distance: FloatArray | None = None
    stop: float = math.nan
    target: float = math.nan

    @property
    def most_lines(self) -> int:
        """How many different lines there are at most."""
        return 3 + len(self.filters)


class Crosses(Protocol):
    """What a strategy that is a crossing has besides."""

    def crossing(self, bars: Bars) -> Crossing:
        """The decisions on these bars as data."""
        ...


def is_crossing(strategy: type[Strategy]) -> bool:
    """Whether the class that decides for `strategy` also says of itself that it is a crossing."""
    decider = next(item for item in strategy.__mro__ if "decide" in vars(item))
    return "crossing" in vars(decider)


def volume_filter(bars: Bars, period: int, limit: float) -> tuple[Filter, ...]:
    """`conditions.volume_passes` as a filter; none for a limit of 0, which switches it off."""
    if not limit:
        return ()
    series = (bars.quantity, bars.turnover)
    line = memo.column(
        ("relative_volume", period), series, lambda: conditions.relative_volume(bars, period, np.arange(len(bars)))
    )
    return (Filter(line, (limit, math.inf), (limit, math.inf)),)
