"""Which series answers a question, and what comes back."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Bars, Market, PriceBase, day_number
from engine.errors import NoDataError
from engine.market.calendar import nominal_opening
from engine.store.bars import Cut, list_series, read_bars, read_instrument, read_many, read_series, symbols_with_bars
from engine.store.database import Store
from engine.store.series import Series, choose_series
from tests.store.market_maker import NOW, hours, put, table, together, weekdays

DAYS = weekdays(10)
DAILY = nominal_opening(DAYS)
HOURLY = hours(DAYS, per_session=9)
FOREVER = 1 << 50
RAW, ADJUSTED, UNKNOWN = PriceBase.RAW, PriceBase.ADJUSTED, PriceBase.UNKNOWN


def same(left: Bars, right: Bars) -> None:
    for name in (item.name for item in fields(Bars)):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def series(
    timeframe: str = "1d", source: str = "a", base: PriceBase = RAW, first: int = 1, last: int = 100, number: int = 1
) -> Series:
    return Series(number, "PETR4", timeframe, source, base, first * 86_400 + 46_800, last * 86_400 + 46_800)


@pytest.mark.parametrize(
    ("better", "worse", "timeframe"),
    [
        (series("1d", last=80), series("60m"), "1d"),
        (series("60m", last=80), series("15m"), "1d"),
        (series("60m", last=80), series("15m"), "1w"),
        (series("60m"), series("1d", last=50), "1d"),
        (series("15m"), series("60m", last=2), "1d"),
        (series("1d"), series("60m"), "1w"),
        (series("1w", last=80), series("1d"), "1w"),
        (series(last=100, first=90, source="z", base=UNKNOWN), series(last=99, first=1), "1d"),
        (series(first=1, base=UNKNOWN, source="z"), series(first=2), "1d"),
        (series(base=RAW, source="z"), series(base=ADJUSTED), "1d"),
        (series(base=ADJUSTED, source="z"), series(base=UNKNOWN), "1d"),
        (series(source="a"), series(source="b"), "1d"),
    ],
)
def test_the_better_series_answers_in_whatever_order_they_come(better: Series, worse: Series, timeframe: str) -> None:
    assert choose_series([better, worse], timeframe) is better
    assert choose_series([worse, better], timeframe) is better


def test_what_is_asked_for_is_what_answers() -> None:
    known = [series(source="a"), series(source="b", base=ADJUSTED), series("60m", source="c")]
    assert choose_series(known, "1d", source="b") is known[1]
    assert choose_series(known, "1d", price_base=ADJUSTED) is known[1]
    assert choose_series(known, "1d", source="c") is known[2]
    assert choose_series(known, "60m") is known[2]
    assert choose_series(known, "15m") is None
    assert choose_series(known, "1d", source="a", price_base=ADJUSTED) is None
    assert choose_series([], "1d") is None


def test_the_series_that_covers_the_asked_time_answers() -> None:
    history, recent = series(first=1, last=500, base=UNKNOWN), series(first=400, last=600, source="b")
    day = 86_400
    assert choose_series([history, recent], "1d") is recent
    assert choose_series([history, recent], "1d", start=100 * day) is history
    assert choose_series([history, recent], "1d", start=450 * day) is recent
    assert choose_series([history, recent], "1d", start=100 * day, before=300 * day) is history


def test_what_lies_after_the_cut_decides_nothing() -> None:
    early, late = series(last=50, first=1), series(last=100, first=60, source="b")
    longer = series(last=200, first=30, source="c")
    assert choose_series([early, late, longer], "1d", before=50 * 86_400 + 46_800) is early
    assert choose_series([late], "1d", before=50 * 86_400) is None


@given(
    st.permutations(
        [
            series(source=s, base=b, last=n, number=i)
            for i, (s, b, n) in enumerate([("a", RAW, 9), ("b", RAW, 9), ("a", ADJUSTED, 9), ("c", UNKNOWN, 8)])
        ]
    )
)
def test_the_choice_does_not_depend_on_the_order(known: list[Series]) -> None:
    chosen = choose_series(known, "1d")
    assert chosen is not None
    assert (chosen.source, chosen.price_base) == ("a", RAW)


def test_two_series_are_never_joined(store: Store) -> None:
    put(store, table(DAILY[:6], 10.0), source="old")
    put(store, table(DAILY[4:], 20.0), source="new")
    bars = read_bars(store, "PETR4")
    assert (bars.source, bars.close.tolist()) == ("new", [20.0] * 6)
    assert read_bars(store, "PETR4", source="old").close.tolist() == [10.0] * 6


def test_bars_come_back_as_they_were_put(store: Store) -> None:
    rows = table(DAILY, np.arange(10) + 10.0, quantity=np.arange(10) * 100.0, turnover=np.where(np.arange(10) % 2, np.nan, 1e9))
    put(store, rows, price_base=ADJUSTED, source="profit")
    bars = read_bars(store, "PETR4")
    for name in ("time", "session", "open", "high", "low", "close", "quantity", "turnover", "provisional", "after_market"):
        np.testing.assert_array_equal(getattr(bars, name), getattr(rows, name))
    assert (bars.symbol, bars.timeframe, bars.price_base, bars.source, bars.derived_from) == (
        "PETR4", "1d", ADJUSTED, "profit", "",
    )  # fmt: skip


def test_the_bounds_are_both_included(store: Store) -> None:
    put(store, table(DAILY, 10.0))
    assert read_bars(store, "PETR4", start=int(DAILY[2]), end=int(DAILY[5])).time.tolist() == DAILY[2:6].tolist()
    assert read_bars(store, "PETR4", start=int(DAILY[2]) + 1, end=int(DAILY[5]) - 1).time.tolist() == DAILY[3:5].tolist()
    assert read_bars(store, "PETR4", start=int(DAILY[8])).time.tolist() == DAILY[8:].tolist()
    assert read_bars(store, "PETR4", end=int(DAILY[1])).time.tolist() == DAILY[:2].tolist()
    assert len(read_bars(store, "PETR4", start=int(DAILY[-1]) + 1)) == 0


def test_provisional_and_after_market_bars_are_left_out_unless_asked_for(store: Store) -> None:
    late = np.arange(HOURLY.size) % 9 == 8
    unfinished = np.arange(HOURLY.size) >= HOURLY.size - 2
    put(store, table(HOURLY, 10.0, after_market=late, provisional=unfinished), "60m")
    kept = {
        (p, a): read_bars(store, "PETR4", "60m", provisional=p, after_market=a).time.tolist()
        for p in (False, True)
        for a in (False, True)
    }
    assert kept == {
        (False, False): HOURLY[~late & ~unfinished].tolist(),
        (False, True): HOURLY[~unfinished].tolist(),
        (True, False): HOURLY[~late].tolist(),
        (True, True): HOURLY.tolist(),
    }
    assert len(read_series(store, list_series(store)[0])) == HOURLY.size


def test_days_are_built_from_hours_without_the_after_market(store: Store) -> None:
    late = np.arange(HOURLY.size) % 9 == 8
    close = np.arange(HOURLY.size) + 100.0
    put(store, table(HOURLY, close, after_market=late, quantity=1.0), "60m")
    for after_market in (False, True):
        bars = read_bars(store, "PETR4", after_market=after_market)
        assert (bars.timeframe, bars.derived_from) == ("1d", "60m")
        np.testing.assert_array_equal(bars.session, DAYS)
        np.testing.assert_array_equal(bars.time, DAILY)
        np.testing.assert_array_equal(bars.open, close[::9])
        np.testing.assert_array_equal(bars.close, close[7::9])
        np.testing.assert_array_equal(bars.high, close[7::9] + 0.5)
        np.testing.assert_array_equal(bars.low, close[::9] - 0.5)
        np.testing.assert_array_equal(bars.quantity, 8.0)


def test_a_day_whose_hours_are_not_over_is_left_out_unless_asked_for(store: Store) -> None:
    put(store, table(HOURLY[:-5], 10.0), "60m")
    np.testing.assert_array_equal(read_bars(store, "PETR4").session, DAYS[:-1])
    whole = read_bars(store, "PETR4", provisional=True)
    np.testing.assert_array_equal(whole.session, DAYS)
    assert whole.provisional.tolist() == [False] * 9 + [True]


def test_a_cut_inside_a_day_hides_the_day_that_it_cuts(store: Store) -> None:
    put(store, table(HOURLY, np.arange(HOURLY.size) + 10.0), "60m")
    bars = read_bars(store, "PETR4", cut=Cut(int(HOURLY[9 * 4 + 2]), FOREVER))
    np.testing.assert_array_equal(bars.session, DAYS[:4])
    assert read_bars(store, "PETR4", "60m", cut=Cut(int(HOURLY[20]), FOREVER)).time.tolist() == HOURLY[:21].tolist()


def test_built_bars_inside_the_bounds_are_whole(store: Store) -> None:
    put(store, table(HOURLY, np.arange(HOURLY.size) + 10.0, quantity=1.0), "60m")
    whole = read_bars(store, "PETR4")
    part = read_bars(store, "PETR4", start=int(DAILY[2]), end=int(DAILY[5]))
    same(part, whole.take(slice(2, 6)))
    weekly = read_bars(store, "PETR4", "1w", provisional=True)
    some = read_bars(store, "PETR4", "1w", start=int(weekly.time[1]), end=int(weekly.time[1]), provisional=True)
    same(some, weekly.take(slice(1, 2)))


def test_weeks_are_built_from_days(store: Store) -> None:
    days = weekdays(15, date(2024, 1, 8))
    put(store, table(nominal_opening(days), np.arange(15) + 10.0))
    weeks = read_bars(store, "PETR4", "1w")
    assert weeks.session.tolist() == days[::5].tolist()
    assert weeks.close.tolist() == [14.0, 19.0, 24.0]
    assert weeks.derived_from == "1d"


@pytest.mark.parametrize("timeframe", ["1d", "60m", "1w"])
def test_many_symbols_at_once_are_what_each_would_be_alone(store: Store, timeframe: str) -> None:
    put(store, together([table(DAILY, 10.0 + number, f"AAAA{number}") for number in (3, 4, 5)]))
    put(store, together([table(HOURLY, 20.0 + number, f"BBBB{number}") for number in (3, 4)]), "60m")
    put(store, table(DAILY[:4], 5.0, "AAAA3"), price_base=ADJUSTED)
    put(store, table(DAILY, 11.0, "AAAA4"), now=NOW + 10)
    put(store, table(DAILY[-1:], 11.0, "CCCC3", provisional=True))
    asked = ["BBBB4", "AAAA3", "AAAA4", "CCCC3", "NONE3", "BBBB3"]
    for cut in (None, Cut(int(DAILY[5]), NOW), Cut(int(DAILY[5]), NOW + 10)):
        found = read_many(store, asked, timeframe, cut=cut)
        expected = {}
        for symbol in asked:
            try:
                bars = read_bars(store, symbol, timeframe, cut=cut)
            except NoDataError:
                continue
            if len(bars):
                expected[symbol] = bars
        assert list(found) == list(expected)
        for symbol, bars in expected.items():
            same(found[symbol], bars)
    assert {"BBBB3", "BBBB4"} <= set(read_many(store, asked, timeframe))


def test_an_empty_store_says_how_to_begin(store: Store) -> None:
    with pytest.raises(NoDataError, match="no bars yet") as caught:
        read_bars(store, "PETR4")
    assert "pregao import" in caught.value.hint
    assert "--demo" in caught.value.hint
    assert caught.value.exit_code == 3


def test_an_unknown_symbol_is_answered_with_the_stored_ones_like_it(store: Store) -> None:
    put(store, together([table(DAILY, 10.0, symbol) for symbol in ("PETR3", "PETR4", "VALE3", "ITUB4")]))
    with pytest.raises(NoDataError, match="no bars of PETR5") as caught:
        read_bars(store, "PETR5")
    assert "PETR4" in caught.value.hint
    assert "PETR3" in caught.value.hint
    assert "VALE3" not in caught.value.hint
    with pytest.raises(NoDataError, match="no bars of WXYZ9") as caught:
        read_bars(store, "WXYZ9")
    assert "ITUB4, PETR3, PETR4, VALE3" in caught.value.hint


def test_a_timeframe_that_cannot_be_built_is_answered_with_the_stored_ones(store: Store) -> None:
    put(store, table(DAILY, 10.0))
    put(store, table(HOURLY, 10.0), "60m")
    with pytest.raises(NoDataError, match="PETR4 has no bars from which 15m can be built") as caught:
        read_bars(store, "PETR4", "15m")
    assert "60m, 1d" in caught.value.hint


def test_nothing_before_the_first_bar_is_no_data(store: Store) -> None:
    put(store, table(DAILY, 10.0))
    with pytest.raises(NoDataError):
        read_bars(store, "PETR4", cut=Cut(int(DAILY[0]) - 1, FOREVER))


def test_series_are_listed_by_symbol_from_the_coarsest_on(store: Store) -> None:
    put(store, table(HOURLY, 10.0, "VALE3"), "60m")
    put(store, together([table(DAILY, 10.0, "VALE3"), table(DAILY, 10.0, "ABEV3")]))
    assert [(item.symbol, item.timeframe) for item in list_series(store)] == [("ABEV3", "1d"), ("VALE3", "1d"), ("VALE3", "60m")]
    assert [item.timeframe for item in list_series(store, ["VALE3"])] == ["1d", "60m"]
    assert {item.symbol for item in list_series(store, ["VALE3", "ABEV3", "NONE3"])} == {"VALE3", "ABEV3"}
    assert symbols_with_bars(store) == ["ABEV3", "VALE3"]
    hourly = list_series(store, ["VALE3"])[1]
    assert (hourly.first, hourly.last) == (HOURLY[0], HOURLY[-1])


def test_a_symbol_no_file_described_is_told_by_its_shape(store: Store) -> None:
    assert read_instrument(store, "IBOV").market is Market.INDEX
    assert read_instrument(store, "PETR4").lot == 100


def test_sessions_are_those_of_sao_paulo(store: Store) -> None:
    put(store, table(DAILY, 10.0))
    assert read_bars(store, "PETR4").session[0] == day_number(date(2024, 1, 2))
