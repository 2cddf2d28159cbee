"""The columns of each decision time: worked by hand, blind to the future, and silent where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.backtest.lookahead import check
from engine.domain import Bars
from engine.errors import LookAheadError
from engine.ml.direction.data import IndexData, build
from engine.ml.direction.features import columns, ewma_volatility, seed_columns, technical
from engine.ml.direction.known import InformationSet, Known
from engine.ml.direction.times import ALL, DecisionTime, parse
from tests.desk_maker import calendar
from tests.ml.direction_maker import made, made_data

ROW = 600


def column(data: IndexData, text: str, name: str) -> np.ndarray:
    names, X = columns(data, parse(text))
    return X[:, names.index(name)]


def test_after_the_close_there_are_the_columns_of_the_stored_markets() -> None:
    data = made_data()
    names, X = columns(data, parse("close"))
    assert X.shape == (len(data), len(names))
    assert set(names) == {"sp500_return", "sp500_return_lag1", "sp500_return_sum5", "local_minus_sp500", "nikkei_return"}


def test_without_new_york_there_are_34_columns_of_the_index_itself() -> None:
    data = made_data()
    assert len(columns(replace(data, series={}), parse("close"))[0]) == 34
    names = columns(replace(data, series={"NIKKEI": data.series["NIKKEI"]}), parse("close"))[0]
    assert len(names) == 35
    assert names[-1] == "nikkei_return"


def test_the_technical_columns_see_no_future() -> None:
    checked = check("technical", "feature", technical, made_data().bars.take(slice(0, 300)), tolerance=1e-9)
    assert checked.passed, checked.first_violation


@pytest.mark.parametrize("text", ["close", "technical", "preopen", "open", "11:00"])
def test_cut_at_a_session_its_columns_are_the_same(text: str) -> None:
    data = made_data()
    if text == "technical":
        data, text = replace(data, series={}), "close"
    names, X = columns(data, parse(text))
    for row in (300, ROW, len(data) - 1):
        cut_names, cut = columns(data.until(int(data.session[row])), parse(text))
        assert cut_names == names
        assert np.allclose(cut, X[: row + 1], rtol=1e-9, atol=0, equal_nan=True)


@pytest.mark.parametrize("text", ["close", "preopen", "open", "11:00"])
def test_another_future_changes_no_column_of_the_past(text: str) -> None:
    data = made_data()
    bars, kept = data.bars, np.arange(len(data.bars)) <= ROW

    def changed(values: np.ndarray) -> np.ndarray:
        return np.where(kept, values, values * 1.07)

    other = replace(bars, open=changed(bars.open), high=changed(bars.high), low=changed(bars.low), close=changed(bars.close))
    series = {
        name: (known.day, np.where(known.day <= bars.session[ROW], known._values, 1.0)) for name, known in data.series.items()
    }
    moved = build(other, calendar(), series=series)
    same = replace(moved, opening_symbol=data.opening_symbol, opening=data.opening, opening_previous=data.opening_previous,
                   intraday=data.intraday)  # fmt: skip
    evening = ROW if text in ("open", "11:00") else ROW - 1
    assert np.allclose(columns(same, parse(text))[1][: evening + 1], columns(data, parse(text))[1][: evening + 1], equal_nan=True)


def test_a_value_of_the_target_session_cannot_be_a_column_of_the_evening_before() -> None:
    data = made_data()
    outcome = Known("outcome", data.session, data.closed, data.close)
    for time in ALL:
        with pytest.raises(LookAheadError, match="outcome"):
            InformationSet.at(data.decisions(time)).of(outcome, data.session)
    with pytest.raises(LookAheadError, match="opening"):
        InformationSet.at(data.decisions(parse("preopen"))).of(data.openings(), data.session)


def test_returns_of_a_market_are_since_the_decision_before() -> None:
    data = made_data()
    level = data.series["SP500"]
    day = int(data.previous[ROW])
    place = int(np.searchsorted(level.day, day))
    steps = np.log(level._values[place] / level._values[place - 1])
    assert column(data, "close", "sp500_return")[ROW] == pytest.approx(steps)
    assert column(data, "close", "sp500_return_lag1")[ROW + 1] == pytest.approx(steps)
    local = np.log(data.bars.close[ROW] / data.bars.close[ROW - 1])
    assert column(data, "close", "local_minus_sp500")[ROW] == pytest.approx(local - steps)


def test_a_holiday_abroad_is_no_move_and_one_of_b3_adds_up() -> None:
    data = made_data()
    bars = data.bars
    gone = np.arange(len(bars)) != ROW
    abroad = (bars.session[gone], np.exp(np.arange(len(bars))[gone] / 1_000))
    still = build(bars, calendar(), series={"SP500": abroad})
    assert column(still, "close", "sp500_return")[ROW] == 0
    assert column(still, "close", "sp500_return")[ROW + 1] == pytest.approx(0.002)
    every = np.arange(bars.session[0], bars.session[-1] + 1)
    weekends = build(bars, calendar(), series={"SP500": (every, np.exp((every - every[0]) / 1_000))})
    found = column(weekends, "close", "sp500_return")[1:]
    assert found == pytest.approx(np.diff(bars.session) / 1_000)


def test_a_series_that_ended_says_nothing_after_ten_days() -> None:
    data = made_data()
    short = build(data.bars, calendar(), series={"SP500": (data.bars.session[:ROW], np.arange(ROW) + 1.0)})
    found = column(short, "close", "sp500_return")
    assert not np.isnan(found[1:ROW]).any()
    assert np.isnan(found[ROW + 10 :]).all()


def test_asia_is_the_news_before_the_opening_and_without_the_night_nothing_is_said() -> None:
    data = made_data()
    night = data.series["NIKKEI"]
    place = int(np.searchsorted(night.day, data.session[ROW]))
    expected = np.log(night._values[place] / night._values[place - 1])
    assert column(data, "preopen", "nikkei_overnight")[ROW] == pytest.approx(expected)
    assert np.isnan(columns(replace(data, series={}), parse("preopen"))[1]).all()
    without = np.delete(np.arange(len(night)), place)
    missing = replace(
        data, series={**data.series, "NIKKEI": Known("NIKKEI", night.day[without], night.known[without], night._values[without])}
    )
    X = columns(missing, parse("preopen"))[1]
    assert np.isnan(X[ROW]).all()
    assert not np.isnan(X[ROW + 1]).all()


def test_the_opening_and_the_move_so_far_are_in_units_of_the_usual_move() -> None:
    data = made_data()
    usual = ewma_volatility(data.bars.close)[ROW]
    gap = np.log(data.opening[ROW] / data.opening_previous[ROW])
    assert column(data, "open", "opening_gap")[ROW] == pytest.approx(gap / usual)
    hour = data.intraday["60m"]
    price = hour.close[np.searchsorted(hour.session, data.session[ROW])]
    assert column(data, "11:00", "move_so_far")[ROW] == pytest.approx(np.log(price / data.previous_close[ROW]) / usual)
    assert np.isnan(columns(replace(data, intraday={}), parse("11:00"))[1]).all()


def test_the_usual_move_of_equal_moves_is_that_move() -> None:
    close = np.exp(np.cumsum(np.where(np.arange(60) % 2, 0.01, -0.01)))
    found = ewma_volatility(close)
    assert np.isnan(found[:21]).all()
    assert found[21:] == pytest.approx(0.01)
    assert np.isnan(ewma_volatility(np.ones(60))).all()


def test_volumes_of_two_units_are_not_compared() -> None:
    bars = made_data().bars.take(slice(0, 120))
    late = np.arange(len(bars)) >= 60
    split = replace(bars, quantity=np.where(late, np.nan, bars.quantity), turnover=np.where(late, bars.quantity * 956, np.nan))
    whole, found = technical(bars)["volume_z"], technical(split)["volume_z"]
    assert np.isnan(found[60:80]).all()
    both = np.r_[20:60, 80:120]
    assert found[both] == pytest.approx(whole[both], rel=1e-6)


def test_the_dates_are_those_of_the_target() -> None:
    data = replace(made_data(), series={})
    names, X = columns(data, parse("close"))
    weekdays = X[:, [names.index(day) for day in ("monday", "tuesday", "wednesday", "thursday", "friday")]]
    assert (weekdays.sum(axis=1) == 1).all()
    assert np.array_equal(weekdays.argmax(axis=1), (data.session + 3) % 7)
    assert np.array_equal(X[:, names.index("days_between")], data.session - data.previous)


def test_prices_that_stand_still_or_below_zero_give_no_infinite_value() -> None:
    bars = made_data().bars.take(slice(0, 300))
    flat = np.full(300, 50.0)
    still = replace(bars, open=flat, high=flat, low=flat, close=flat)
    oil = np.where(np.arange(300) == 150, -37.0, 20.0)
    data = build(still, calendar(), series={"WTI": (bars.session, oil)})
    for text in ("close", "preopen", "open"):
        assert not np.isinf(columns(data, parse(text))[1]).any()
        assert not np.isinf(columns(replace(data, series={}), parse(text))[1]).any()
    assert np.isnan(column(data, "close", "wti_return")[150:152]).all()


def test_the_requirements_own_columns_are_raw_levels_and_lags() -> None:
    data = made_data()
    names, X = seed_columns(data)
    bars: Bars = data.bars
    at = dict(zip(names, X[ROW]))
    assert at["close"] == bars.close[ROW]
    assert at["return_lag2"] == pytest.approx(bars.close[ROW - 2] / bars.close[ROW - 3] - 1)
    assert at["mean5"] == pytest.approx(bars.close[ROW - 4 : ROW + 1].mean())
    assert at["volatility5"] == pytest.approx(np.std(np.diff(bars.close[ROW - 5 : ROW + 1]) / bars.close[ROW - 5 : ROW], ddof=1))


def test_any_symbol_has_columns() -> None:
    data = build(replace(made().data.bars, symbol="MEAA3"), calendar())
    assert not np.isnan(columns(data, DecisionTime("close"))[1][300:, :26]).any()
