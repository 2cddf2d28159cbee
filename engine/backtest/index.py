"""The market as a baseline: the IBOV over the bars of a backtest, where its series is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Market
from engine.errors import NoDataError
from engine.store.bars import list_series, read_bars

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, Instrument, IntArray
    from engine.store.database import Store

SYMBOL = "IBOV"
UNIT = 0.001
#: A newest level older than so many days does not speak for a session.
OUTDATED_AFTER = 7


def as_unit(instrument: Instrument) -> Instrument:
    """An index with units of a thousandth of its points, about what a share of an ETF on it costs; others as they are."""
    return replace(instrument, point_value=UNIT) if instrument.market is Market.INDEX else instrument


def read_index(store: Store, covering: tuple[int | None, int | None] = (None, None)) -> Bars | None:
    """The daily bars of the IBOV, of several series those that cover the time (UTC seconds) best; None where none are stored."""
    if not list_series(store, [SYMBOL]):
        return None
    try:
        return read_bars(store, SYMBOL, "1d", covering=covering)
    except NoDataError:
        return None


def index_levels(index: Bars, session: IntArray) -> FloatArray | None:
    """The level before the first bar and at each bar, float64, length n + 1; None where the index does not cover them all.

    session: int64, session of each bar. A bar has the close of its session when it is the last one of it, else the close
    of the session before.
    """
    ended = np.append(session[1:] != session[:-1], True)
    known_until = np.concatenate(([session[0] - 1], np.where(ended, session, session - 1)))
    at = np.searchsorted(index.session, known_until, side="right") - 1
    if at[0] < 0 or (known_until - index.session[at] > OUTDATED_AFTER).any():
        return None
    return np.asarray(index.close[at], dtype=np.float64)
