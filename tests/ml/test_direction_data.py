"""One row for each target session: what it knows, what is left out, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain import Bars, PriceBase
from engine.errors import NoDataError, UsageError
from engine.ingestion.series import SeriesFile
from engine.ml.direction.data import FUND, IndexData, build, load, with_index_price, with_own_print, with_price
from engine.ml.direction.features import columns
from engine.ml.direction.known import InformationSet
from engine.ml.direction.times import ALL, DecisionTime, parse
from engine.store.database import open_store
from engine.store.values import publish_values
from tests.desk_maker import calendar
from tests.ml.direction_maker import made_data, publish


def test_a_row_is_a_target_session_and_the_last_one_is_not_known_yet() -> None:
    data = made_data()
    assert len(data) == len(data.bars)
    assert data.session[:-1].tolist() == data.bars.session[1:].tolist()
    assert data.session[-1] == calendar().next_session(int(data.bars.session[-1]))
    assert np.isnan(data.label[-1])
    assert np.isnan(data.close[-1])
    assert np.array_equal(data.label[:-1], (data.bars.close[1:] > data.bars.close[:-1]).astype(float))


def test_a_tie_is_not_up_and_a_missing_session_has_no_outcome() -> None:
    bars = made_data().bars
    close = bars.close.copy()
    close[41] = close[40]
    data = build(replace(bars, close=close).take(np.arange(len(bars)) != 60), calendar())
    assert data.label[40] == 0
    assert np.isnan(data.label[59])
    assert np.count_nonzero(np.isnan(data.label)) == 2
    assert "1 session is missing" in data.notices[0]


def test_a_day_on_which_b3_did_not_trade_is_left_out_and_said() -> None:
    bars = made_data().bars
    ghost = int(np.flatnonzero(np.diff(bars.session) > 1)[10])
    moved = bars.take(np.r_[0 : ghost + 1, ghost, ghost + 1 : len(bars)])
    session, time = moved.session.copy(), moved.time.copy()
    session[ghost + 1] += 1
    time[ghost + 1] += 86_400
    data = build(replace(moved, session=session, time=time), calendar())
    assert np.array_equal(data.bars.close, bars.close)
    assert "did not trade" in data.notices[0]


def test_too_few_bars_are_no_data() -> None:
    with pytest.raises(NoDataError, match="29 daily bars"):
        build(made_data().bars.take(slice(0, 29)), calendar())


def test_series_are_used_by_name_and_their_age_is_told() -> None:
    bars = made_data().bars
    days = bars.session[:-5]
    data = build(bars, calendar(), series={"SP500": (days, np.ones(days.size)), "CHEESE": (days, np.ones(days.size))})
    assert list(data.series) == ["SP500"]
    assert [(age.name, age.behind) for age in data.ages] == [("SP500", 5)]
    assert "CHEESE" in data.notices[0]


def test_cut_at_a_session_nothing_later_is_there() -> None:
    data = made_data()
    row = 500
    cut = data.until(int(data.session[row]))
    assert len(cut) == row + 1
    assert np.isnan(cut.label[-1])
    assert np.isnan(cut.close[-1])
    assert cut.bars.session[-1] == data.previous[row]
    assert all(known.known.max() < data.closed[row] for known in cut.series.values())
    with pytest.raises(NoDataError):
        data.until(int(data.session[row]) + 400_000)


def test_a_typed_price_stands_for_the_last_session_alone() -> None:
    data = made_data()
    time = parse("11:00")
    price = float(data.previous_close[-1]) * 1.01
    typed = with_price(data, time, price)
    before, after = (InformationSet.at(item.decisions(time)).of(item.prices_at(time), item.session) for item in (data, typed))
    assert after[-1].tolist() == [price, data.previous_close[-1]]
    assert np.array_equal(before[:-1], after[:-1], equal_nan=True)
    fund = float(data.opening_previous[-1]) * 0.99
    assert with_price(data, DecisionTime("open"), fund).opening[-1] == fund


@pytest.mark.parametrize(("text", "price"), [("close", 1.0), ("open", 100_000.0), ("11:00", 100.0), ("11:00", float("nan"))])
def test_a_price_that_cannot_be_is_refused(text: str, price: float) -> None:
    with pytest.raises(UsageError):
        with_price(made_data(), parse(text), price)


def test_a_share_has_an_opening_of_its_own() -> None:
    bars = replace(made_data().bars, symbol="MEAA3")
    data = build(bars, calendar(), opening=bars, opening_symbol="MEAA3")
    assert np.array_equal(data.opening[:-1], bars.open[1:])
    assert np.array_equal(data.opening_previous, bars.close)


def test_without_bova11_the_index_is_asked_by_its_own_print() -> None:
    bars = made_data().bars
    data = build(bars, calendar())
    found = InformationSet.at(data.decisions(DecisionTime("open"))).of(data.openings(), data.session)
    assert data.opening_symbol == ""
    assert np.array_equal(found[:-1], np.column_stack((bars.open[1:], bars.close[:-1])))


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    source = made_data(sessions=120)
    store = open_store(tmp_path / "pregao.db")
    try:
        for bars in (source.bars, source.intraday["60m"], _fund(source)):
            publish(store, bars)
        days, values = source.bars.session, np.arange(len(source.bars)) + 1.0
        publish_values(store, SeriesFile("SP500", "close", days, values, days.size, (), (), "level"), "f", "0", 1)
        found = load(store, calendar())
    finally:
        store.close()
    assert np.array_equal(found.label, source.label, equal_nan=True)
    assert np.array_equal(found.opening[:-1], source.opening[:-1])
    assert list(found.series) == ["SP500"]
    time = parse("11:00")
    assert np.count_nonzero(~np.isnan(InformationSet.at(found.decisions(time)).of(found.prices_at(time), found.session))) > 100


def test_a_price_is_of_its_own_clock_or_unknown() -> None:
    data = made_data()
    for text, known in (("11:00", True), ("11:04", True), ("11:06", False), ("12:00", False)):
        time = parse(text)
        found = InformationSet.at(data.decisions(time)).of(data.prices_at(time), data.session)
        assert (~np.isnan(found)).any() == known, text


def prices(data: IndexData, text: str) -> np.ndarray:
    time = parse(text)
    return InformationSet.at(data.decisions(time)).of(data.prices_at(time), data.session)


def whole_hours(data: IndexData, *, factor: float = 1.0, base: PriceBase = PriceBase.UNKNOWN) -> Bars:
    """Bars of the hour before 11:00 and of the last one of each session, at `factor` times the daily prices."""
    hour = data.intraday["60m"]
    last = replace(hour, time=data.closed - 3600, session=data.session, close=np.append(data.close[:-1], 1.0))
    order = np.argsort(np.concatenate((hour.time, last.time)), kind="stable")
    joined = {
        name: np.concatenate((getattr(hour, name), getattr(last, name)))[order]
        for name in ("time", "session", "open", "high", "low", "close", "quantity", "turnover", "provisional", "after_market")
    }
    return replace(hour, **{**joined, "close": joined["close"] * factor}, price_base=base)


def test_a_nowcast_measures_from_the_close_of_the_same_prices() -> None:
    """Daily closes adjusted for dividends and raw prices within the session would make a move that never was."""
    data = made_data()
    usual = prices(data, "11:00")
    other = replace(data, intraday={"60m": whole_hours(data, factor=1.1)}, bars=replace(data.bars, price_base=PriceBase.ADJUSTED))
    found = prices(other, "11:00")
    assert np.isnan(found[0]).all()
    assert found[1:] == pytest.approx(1.1 * usual[1:])
    names, X = columns(other, parse("11:00"))
    assert names == ("move_so_far",)
    assert X[1:] == pytest.approx(columns(data, parse("11:00"))[1][1:], nan_ok=True)


@pytest.mark.parametrize(
    ("daily", "hours", "known"), [("raw", "raw", True), ("adjusted", "raw", False), ("unknown", "unknown", False)]
)
def test_without_the_last_bar_of_the_session_before_only_raw_prices_are_compared(daily: str, hours: str, known: bool) -> None:
    data = made_data()
    bars = replace(data.intraday["60m"], price_base=PriceBase(hours))
    other = replace(data, intraday={"60m": bars}, bars=replace(data.bars, price_base=PriceBase(daily)))
    assert np.isnan(prices(other, "11:00")).all() == (not known)


def test_a_typed_price_is_measured_from_the_close_of_the_bars_within_the_session() -> None:
    data = made_data()
    other = replace(data, intraday={"60m": whole_hours(data, factor=2.0)})
    before = 2 * float(data.previous_close[-1])
    with pytest.raises(UsageError):
        with_price(other, parse("11:00"), before / 2)
    assert prices(with_price(other, parse("11:00"), before * 1.01), "11:00")[-1] == pytest.approx([before * 1.01, before])


def test_a_price_of_the_index_needs_no_close_of_bova11() -> None:
    data = made_data()
    blank = np.full(len(data), np.nan)
    stale = replace(data, opening=blank, opening_previous=blank)
    price = float(data.previous_close[-1]) * 1.01
    typed = with_index_price(stale, price)
    pair = InformationSet.at(typed.decisions(DecisionTime("open"))).of(typed.openings(), typed.session)
    assert pair[-1].tolist() == [price, data.previous_close[-1]]
    own = with_own_print(data)
    assert (own.opening_symbol, columns(own, DecisionTime("open"))[0]) == ("", ("first_print_gap",))


def test_an_early_close_leaves_no_price_of_a_later_clock() -> None:
    data = made_data()
    time = parse("17:30")
    clocks = data.decisions(time)
    late = data.closed > clocks
    hour = data.intraday["60m"]
    bars = replace(hour, time=hour.time + 6 * 3600 + 1800)
    found = InformationSet.at(clocks).of(replace(data, intraday={"60m": bars}).prices_at(time), data.session)
    assert np.isnan(found[~late]).all()
    assert not np.isnan(found[late][1:-1]).any()


def test_every_decision_lies_before_the_outcome_and_after_the_close_before() -> None:
    data = made_data()
    for time in ALL:
        assert (data.decisions(time) < data.closed).all()
        assert (data.decisions(time) > data.previous_closed).all()


def _fund(data: IndexData) -> Bars:
    close = data.opening_previous
    opening = np.append(close[0], data.opening[:-1])
    return replace(
        data.bars, symbol=FUND, open=opening, close=close, high=np.maximum(opening, close), low=np.minimum(opening, close)
    )
