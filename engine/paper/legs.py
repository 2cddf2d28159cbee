"""The stored bars of the symbols of an account, as the engine trades them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest.account import Leg, feed
from engine.backtest.events import events as events_between
from engine.backtest.execution import ATR_PERIOD
from engine.backtest.run import Pair, cost_model, fractional_bars, read_pair
from engine.domain import PriceBase
from engine.features.indicators import atr
from engine.market.adjust import EventArrays
from engine.store.bars import read_instrument
from engine.store.events import read_events
from engine.strategies.base import Decisions

if TYPE_CHECKING:
    from engine.backtest.positions import Bar
    from engine.domain import Bars
    from engine.paper.terms import Terms
    from engine.store.database import Store

DAY = 86_400


class Legs:
    """Symbols read from the store on first use, and their bars by session. Rows are the openings of bars, UTC seconds: they stay
    what they are when older bars are imported.
    """

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store, self._terms = store, terms
        self._legs: dict[str, Leg] = {}
        self._bars: dict[str, dict[int, list[Bar]]] = {}

    def __getitem__(self, symbol: str) -> Leg:
        """Raises NoDataError where nothing is stored, UsageError for a market without costs."""
        if symbol not in self._legs:
            self._legs[symbol] = read_leg(self._store, self._terms, symbol)
        return self._legs[symbol]

    def bars(self, symbol: str, session: int) -> list[Bar]:
        """The finished bars of one session in order, none where there are none."""
        if symbol not in self._bars:
            self._bars[symbol] = self._by_session(symbol)
        return self._bars[symbol].get(session, [])

    def known(self, symbol: str, instant: int) -> Bars:
        """The bars as traded that had closed by `instant`; a bar of a day counts from its opening on."""
        bars = self[symbol].bars
        return bars.take(slice(0, int(np.searchsorted(bars.time, instant))))

    def ends_before(self, symbol: str, session: int) -> bool:
        """Whether no bar of `session` or later is stored."""
        sessions = self[symbol].bars.session
        return not sessions.size or int(sessions[-1]) < session

    def _by_session(self, symbol: str) -> dict[int, list[Bar]]:
        leg = self[symbol]
        time: list[int] = leg.bars.time.tolist()
        found: dict[int, list[Bar]] = {}
        for bar in feed(leg, 0, len(time) - 1):
            pay = time[bar.row]
            if bar.dividend:
                pay = time[bar.pay] if bar.pay < len(time) else self._arrival(leg.bars, bar.row)
            found.setdefault(bar.session, []).append(bar._replace(row=time[bar.row], pay=pay))
        return found

    def _arrival(self, bars: Bars, row: int) -> int:
        """When a payment arrives whose day lies after the stored bars."""
        before = int(bars.session[row - 1]) if row else -1
        here = (
            event.pay_session
            for event in read_events(self._store, bars.symbol)
            if event.pay_session is not None and before < event.ex_session <= bars.session[row]
        )
        return max(here, default=int(bars.session[row])) * DAY


def read_leg(store: Store, terms: Terms, symbol: str) -> Leg:
    """A stored symbol without decisions, with the costs of the account; raw prices where they are stored."""
    pair = read_pair(store, symbol, terms.timeframe)
    bars = pair.bars if pair.raw is None else pair.raw
    instrument = read_instrument(store, symbol)
    if pair.raw is None and bars.price_base is PriceBase.ADJUSTED:
        instrument = replace(instrument, tick=0.0)
    events, nothing = _events(pair, bars), np.full(len(bars), np.nan)
    return Leg(
        instrument=instrument,
        bars=bars,
        decisions=Decisions(np.zeros(len(bars), dtype=np.int8), nothing, nothing, nothing),
        split=events.split,
        dividend=events.dividend,
        pay=events.pay,
        costs=cost_model(terms.charges, bars, instrument),
        atr=atr(bars.high, bars.low, bars.close, ATR_PERIOD),
        fractional=fractional_bars(store, bars) if terms.fractional else None,
    )


def _events(pair: Pair, bars: Bars) -> EventArrays:
    """The stored events; without any and with two series, what the jumps between them say."""
    if pair.events is not None:
        return pair.events
    n = len(bars)
    split, dividend = (np.ones(n), np.zeros(n)) if pair.raw is None else events_between(bars.close, pair.bars.close)
    return EventArrays(split, dividend, np.arange(n))
