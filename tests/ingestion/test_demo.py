from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import BAR_ARRAYS, Bars, Market, PriceBase, day_number, from_day_number, sao_paulo
from engine.errors import NoDataError
from engine.ingestion.demo import COMPANIES, DEMO_INSTRUMENTS, INDEX, demo_bars
from engine.market.calendar import Calendar, load_calendar
from engine.market.instruments import describe, normalise_symbol
from engine.market.resample import resample

END = date(2026, 6, 30)


@cache
def calendar() -> Calendar:
    return load_calendar(until=date(2027, 12, 31))


@cache
def market() -> dict[str, Bars]:
    return demo_bars(END, calendar())


def returns(bars: Bars) -> np.ndarray:
    return np.diff(np.log(bars.close))


def test_a_dozen_companies_and_an_index_all_described() -> None:
    assert set(market()) == set(DEMO_INSTRUMENTS)
    assert len(COMPANIES) >= 12
    assert DEMO_INSTRUMENTS[INDEX].market is Market.INDEX
    assert all(DEMO_INSTRUMENTS[symbol].name for symbol in market())


def test_no_ticker_has_a_shape_of_b3() -> None:
    for symbol in DEMO_INSTRUMENTS:
        assert normalise_symbol(symbol) == symbol
        assert describe(symbol).market is Market.OTHER
        assert "DEMO" in symbol


@pytest.mark.parametrize("symbol", list(DEMO_INSTRUMENTS))
def test_bars_are_sound(symbol: str) -> None:
    bars = market()[symbol]
    assert (bars.symbol, bars.source, bars.price_base) == (symbol, "demo", PriceBase.RAW)
    for name in BAR_ARRAYS:
        assert getattr(bars, name).shape == bars.time.shape
    assert np.all(np.diff(bars.time) > 0)
    assert np.isin(bars.session, calendar().sessions).all()
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    assert np.isfinite(prices).all()
    assert np.array_equal(np.round(prices, 2), prices)
    assert np.all((bars.low > 0) & (bars.low <= prices.min(axis=0)) & (bars.high >= prices.max(axis=0)))
    assert not bars.provisional.any()
    assert not bars.after_market.any()
    if symbol == INDEX:
        assert np.isnan(bars.quantity).all()
    else:
        assert np.all((bars.quantity >= 100) & (bars.quantity % 100 == 0))
        assert np.all((bars.turnover >= bars.low * bars.quantity - 0.01) & (bars.turnover <= bars.high * bars.quantity + 0.01))


def test_prices_are_believable() -> None:
    for symbol, bars in market().items():
        if symbol in {"DEMOGU3", "DEMOPI3", "DEMOOR3"}:
            continue
        moves = returns(bars)
        assert 0.005 < moves.std() < 0.04, symbol
        sizes = np.abs(moves)
        assert np.mean((moves - moves.mean()) ** 4) / moves.var() ** 2 > 4, "fat tails"
        assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.08, "volatility comes in clusters"
        assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 0.12, "the next move is not foretold by the last"
        if symbol != INDEX:
            assert np.corrcoef(sizes, np.log(bars.quantity[1:]))[0, 1] > 0.3, "volume goes with moves"


def test_companies_move_with_the_index() -> None:
    index = returns(market()[INDEX])
    assert np.corrcoef(index, returns(market()["DEMOAU3"]))[0, 1] > 0.3


def test_the_turnover_of_the_index_is_that_of_the_companies() -> None:
    session = day_number(date(2025, 10, 1))
    total = sum(bars.turnover[bars.session == session].sum() for symbol, bars in market().items() if symbol != INDEX)
    assert market()[INDEX].turnover[market()[INDEX].session == session] == pytest.approx(total)


def test_a_split_shows_as_one_jump_in_raw_prices() -> None:
    bars = market()["DEMOGU3"]
    jumps = np.flatnonzero(np.abs(returns(bars)) > 1)
    assert [from_day_number(day) for day in bars.session[jumps + 1]] == [date(2021, 5, 3)]
    at = int(jumps[0]) + 1
    assert bars.close[at] / bars.close[at - 1] == pytest.approx(0.25, rel=0.15)
    assert np.median(bars.quantity[at : at + 250]) > 2 * np.median(bars.quantity[at - 250 : at])


def test_a_suspension_a_delisting_a_late_listing_and_a_thin_stock_are_there() -> None:
    first, last = (day_number(day) for day in (date(2022, 9, 12), date(2023, 6, 30)))
    suspended = market()["DEMOJA3"].session
    assert not ((suspended >= first) & (suspended <= last)).any()
    assert suspended[-1] == market()[INDEX].session[-1]
    assert from_day_number(market()["DEMOLU3"].session[-1]) == date(2024, 6, 28)
    assert from_day_number(market()["DEMOOR3"].session[0]) == date(2025, 2, 3)
    share = len(market()["DEMOMA3"]) / len(market()[INDEX])
    assert 0.8 < share < 0.95


def test_one_symbol_has_hours_of_the_regular_session() -> None:
    bars = market()["DEMOPI3"]
    assert bars.timeframe == "60m"
    assert {other.timeframe for symbol, other in market().items() if symbol != "DEMOPI3"} == {"1d"}
    early, late = (bars.take(bars.session == day_number(day)) for day in (date(2025, 10, 31), date(2025, 11, 3)))
    assert [sao_paulo(time).hour for time in early.time] == list(range(10, 17))
    assert [sao_paulo(time).hour for time in late.time] == list(range(10, 18))
    ash_wednesday = bars.take(bars.session == day_number(date(2025, 3, 5)))
    assert [sao_paulo(time).hour for time in ash_wednesday.time] == list(range(13, 18))
    assert day_number(END) - bars.session[0] > 2 * 365
    assert resample(bars, "1d").session.tolist() == calendar().sessions_between(int(bars.session[0]), day_number(END)).tolist()


@given(st.dates(date(2015, 1, 2), END))
@settings(max_examples=25, deadline=None)
def test_a_later_end_only_appends(until: date) -> None:
    early = demo_bars(until, calendar())
    assert {symbol for symbol, bars in market().items() if bars.session[0] <= day_number(until)} == set(early)
    for symbol, bars in early.items():
        whole = market()[symbol]
        assert len(bars) == np.count_nonzero(whole.session <= day_number(until))
        for name in BAR_ARRAYS:
            assert np.array_equal(getattr(bars, name), getattr(whole, name)[: len(bars)], equal_nan=True), (symbol, name)


def test_before_its_first_session_there_is_no_demo_market() -> None:
    with pytest.raises(NoDataError, match="2015-01-02"):
        demo_bars(date(2015, 1, 1), calendar())
    assert len(demo_bars(date(2015, 1, 2), calendar())[INDEX]) == 1
