from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import BAR_ARRAYS, Bars, PriceBase, day_number, sao_paulo
from engine.errors import UsageError
from engine.market.calendar import regular_close_minutes
from engine.market.resample import resample

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_real_files = pytest.mark.skipif(not SHARED.is_dir(), reason="the real market files are not here")
NAN = float("nan")


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Sao_Paulo")).timestamp())


def make(timeframe: str, *rows: tuple[str, float, float, float, float, float, float]) -> Bars:
    """Bars from (local time, open, high, low, close, quantity, turnover); after-market by the regular close."""
    moments = [datetime.fromisoformat(row[0]) for row in rows]
    session = np.array([day_number(moment.date()) for moment in moments], dtype=np.int64)
    minutes = np.array([moment.hour * 60 + moment.minute for moment in moments], dtype=np.int64)
    prices = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 6).T
    return Bars(
        "TEST3",
        timeframe,
        np.array([instant(row[0]) for row in rows], dtype=np.int64),
        session,
        *prices,
        provisional=np.zeros(len(rows), dtype=bool),
        after_market=minutes >= regular_close_minutes(session),
        price_base=PriceBase.RAW,
        source="file",
    )


DAY = make(
    "15m",
    ("2025-06-02T16:15", 10.0, 10.4, 9.9, 10.2, 100, 1000),
    ("2025-06-02T16:30", 10.2, 10.3, 10.1, 10.1, 200, 2000),
    ("2025-06-02T16:45", 10.1, 10.5, 10.0, 10.4, 300, 3000),
    ("2025-06-02T17:30", 99.0, 99.0, 1.0, 50.0, 7, 70),
    ("2025-06-03T10:00", 11.0, 11.2, 10.9, 11.1, 400, 4000),
    ("2025-06-03T16:45", 11.1, 11.1, 11.0, 11.0, 500, 5000),
)


def rows(bars: Bars) -> list[tuple[float, ...]]:
    return list(zip(*(getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "quantity", "turnover"))))


def clocks(bars: Bars) -> list[str]:
    return [sao_paulo(time).strftime("%m-%d %H:%M") for time in bars.time]


def test_a_daily_bar_is_the_regular_session_and_opens_at_ten() -> None:
    daily = resample(DAY, "1d")
    assert rows(daily) == [(10.0, 10.5, 9.9, 10.4, 600, 6000), (11.0, 11.2, 10.9, 11.0, 900, 9000)]
    assert clocks(daily) == ["06-02 10:00", "06-03 10:00"]
    assert daily.session.tolist() == [day_number(date(2025, 6, 2)), day_number(date(2025, 6, 3))]
    assert not daily.after_market.any()
    assert not daily.provisional.any()
    assert (daily.symbol, daily.timeframe, daily.derived_from) == ("TEST3", "1d", "15m")
    assert (daily.price_base, daily.source) == (PriceBase.RAW, "file")


def test_an_hour_opens_on_the_hour_and_the_after_market_stays_apart() -> None:
    hours = resample(DAY, "60m")
    assert clocks(hours) == ["06-02 16:00", "06-02 17:30", "06-03 10:00", "06-03 16:00"]
    assert rows(hours)[:2] == [(10.0, 10.5, 9.9, 10.4, 600, 6000), (99.0, 99.0, 1.0, 50.0, 7, 70)]
    assert hours.after_market.tolist() == [False, True, False, False]


def test_regular_and_after_market_bars_of_one_hour_are_not_mixed() -> None:
    bars = make("15m", ("2025-06-02T16:30", 1, 2, 1, 2, 10, 10), ("2025-06-02T16:45", 5, 6, 5, 6, 20, 20))
    late = replace(bars, after_market=np.array([False, True]))
    assert rows(resample(late, "60m")) == rows(bars)
    assert resample(late, "60m").time.tolist() == [instant("2025-06-02T16:00"), instant("2025-06-02T16:45")]


def test_a_sum_over_a_missing_value_is_missing() -> None:
    bars = make("60m", ("2025-06-02T10:00", 1, 2, 1, 2, NAN, 10), ("2025-06-02T16:00", 2, 3, 2, 3, 20, 20))
    daily = resample(bars, "1d")
    assert np.isnan(daily.quantity).tolist() == [True]
    assert daily.turnover.tolist() == [30.0]


def test_a_session_with_only_after_market_bars_has_no_daily_bar() -> None:
    assert len(resample(DAY.take(slice(3, 4)), "1d")) == 0
    assert len(resample(DAY.take(slice(3, 5)), "1d")) == 1


def test_weeks_are_iso_weeks_and_open_with_their_first_session() -> None:
    days = ("2024-12-27", "2024-12-30", "2025-01-02", "2025-01-03", "2025-01-06", "2025-01-10")
    daily = make("1d", *[(f"{day}T10:00", k, k + 0.5, k - 0.5, k + 0.1, 1, 2) for k, day in enumerate(days, start=1)])
    weeks = resample(daily, "1w")
    assert clocks(weeks) == ["12-27 10:00", "12-30 10:00", "01-06 10:00"]
    assert rows(weeks)[1] == (2, 4.5, 1.5, 4.1, 3, 6)
    assert weeks.derived_from == "1d"
    assert weeks.provisional.tolist() == [False, False, False]


def test_from_intraday_to_weeks_goes_through_regular_days() -> None:
    week = resample(DAY, "1w")
    assert rows(week) == [(10.0, 11.2, 9.9, 11.0, 1500, 15000)]
    assert week.derived_from == "15m"


def test_a_provisional_member_makes_a_provisional_bar() -> None:
    bars = replace(DAY, provisional=np.array([False, True, False, False, False, False]))
    assert resample(bars, "1d").provisional.tolist() == [True, False]
    assert resample(bars, "60m").provisional.tolist() == [True, False, False, False]


def test_the_newest_bar_is_provisional_until_its_last_instant() -> None:
    assert resample(DAY.take(slice(0, 2)), "1d").provisional.tolist() == [True]
    assert resample(DAY.take(slice(0, 2)), "60m").provisional.tolist() == [True]
    assert resample(DAY.take(slice(0, 3)), "1d").provisional.tolist() == [False]
    assert resample(DAY.take(slice(0, 3)), "60m").provisional.tolist() == [False]
    assert resample(DAY.take([0, 1, 3]), "1d").provisional.tolist() == [False]
    assert resample(DAY, "1w").provisional.tolist() == [True]


def test_the_same_timeframe_gives_the_same_bars() -> None:
    assert resample(DAY, "15m") is DAY


@pytest.mark.parametrize("timeframe", ["1m", "5m"])
def test_finer_than_stored_is_refused(timeframe: str) -> None:
    with pytest.raises(UsageError, match="finer"):
        resample(DAY, timeframe)
    with pytest.raises(UsageError, match="finer"):
        resample(resample(DAY, "1w"), "1d")


@pytest.mark.parametrize("timeframe", ["", "7m", "1D", "2h"])
def test_an_unknown_timeframe_is_refused_with_the_choices(timeframe: str) -> None:
    with pytest.raises(UsageError) as raised:
        resample(DAY, timeframe)
    assert "60m" in raised.value.hint


@pytest.mark.parametrize("timeframe", ["30m", "60m", "1d", "1w"])
def test_no_bars_give_no_bars(timeframe: str) -> None:
    none = resample(DAY.take(slice(0, 0)), timeframe)
    assert (len(none), none.timeframe, none.derived_from) == (0, timeframe, "15m")


@st.composite
def intraday(draw: st.DrawFn) -> Bars:
    """A fortnight of 15-minute bars from 10:00 to 18:15 in March 2025, when New York's clock changes, some missing."""
    slots = [
        (day, minute) for day in range(20_150, 20_164) if (day + 3) % 7 < 5 for minute in range(600, 1100, 15)
    ]  # fmt: skip
    slots = [slot for slot, kept in zip(slots, draw(st.lists(st.booleans(), min_size=len(slots), max_size=len(slots)))) if kept]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    session = np.array([slot[0] for slot in slots], dtype=np.int64)
    minutes = np.array([slot[1] for slot in slots], dtype=np.int64)
    corners = np.round(rng.uniform(1, 2, (4, session.size)), 2)
    return Bars(
        "TEST3",
        "15m",
        session * 86_400 + (minutes + 180) * 60,
        session,
        corners[0],
        corners.max(axis=0),
        corners.min(axis=0),
        corners[1],
        rng.integers(1, 1000, session.size).astype(np.float64),
        rng.integers(1, 1000, session.size).astype(np.float64),
        np.zeros(session.size, dtype=bool),
        minutes >= regular_close_minutes(session),
    )


@given(intraday(), st.sampled_from(["30m", "60m", "1d", "1w"]))
def test_every_coarse_bar_is_the_sum_and_the_envelope_of_its_members(bars: Bars, timeframe: str) -> None:
    coarse = resample(bars, timeframe)
    members = bars if timeframe in {"30m", "60m"} else bars.take(~bars.after_market)
    assert coarse.quantity.sum() == members.quantity.sum()
    assert coarse.turnover.sum() == members.turnover.sum()
    assert np.all(np.diff(coarse.time) > 0)
    assert np.all((coarse.low <= np.minimum(coarse.open, coarse.close)) & (coarse.high >= np.maximum(coarse.open, coarse.close)))
    if len(members):
        assert coarse.high.max() == members.high.max()
        assert coarse.low.min() == members.low.min()
        assert (coarse.open[0], coarse.close[-1]) == (members.open[0], members.close[-1])
    assert not coarse.provisional[:-1].any()


@given(intraday(), st.sampled_from(["30m", "60m", "1d", "1w"]), st.data())
def test_a_finished_bar_does_not_change_when_more_data_arrives(bars: Bars, timeframe: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)))
    early, late = resample(bars.take(slice(0, cut)), timeframe), resample(bars, timeframe)
    finished = early.take(~early.provisional)
    for name in BAR_ARRAYS:
        if name != "provisional":
            assert np.array_equal(getattr(finished, name), getattr(late, name)[: len(finished)])


@given(intraday())
def test_two_steps_give_what_one_step_gives(bars: Bars) -> None:
    for middle, last in pairwise(["30m", "60m", "1d", "1w"]):
        once, twice = resample(bars, last), resample(resample(bars, middle), last)
        for name in BAR_ARRAYS:
            if name != "provisional":
                assert np.array_equal(getattr(once, name), getattr(twice, name)), (middle, last, name)


def profit(name: str, timeframe: str) -> Bars:
    lines = (SHARED / "profit" / name).read_text("latin-1").splitlines()[::-1]
    table = []
    for line in lines:
        _symbol, day, clock, *figures = line.split(";")
        o, h, low, c, turnover, quantity = (float(figure.replace(".", "").replace(",", ".")) for figure in figures)
        table.append((f"{day[6:]}-{day[3:5]}-{day[:2]}T{clock}", o, h, low, c, quantity, turnover))
    return make(timeframe, *table)


@needs_real_files
def test_the_last_regular_bar_of_vale3_is_the_official_close_on_all_250_days() -> None:
    daily = resample(profit("VALE3_B_0_60min.csv", "60m"), "1d")
    with (SHARED / "cotahist" / "four_tickers_2025.csv").open(encoding="utf-8") as stream:
        official = {
            day_number(date.fromisoformat(row["date"])): row for row in csv.DictReader(stream) if row["symbol"] == "VALE3"
        }
    assert len(official) == 250
    ours = {session: k for k, session in enumerate(daily.session.tolist())}
    assert sum(daily.close[ours[day]] == float(row["close"]) for day, row in official.items()) == 250


@needs_real_files
def test_hours_made_of_real_quarters_are_the_published_hours() -> None:
    published = profit("PETR4_B_0_60min.csv", "60m")
    quarters = profit("PETR4_B_0_15min.csv", "15m")
    made = resample(quarters.take(quarters.session > quarters.session[0]), "60m")
    made, published = made.take(~made.after_market), published.take(~published.after_market)
    published = published.take(published.session >= made.session[0])
    assert len(made) > 2000
    for name in ("time", "session", "open", "high", "low", "close", "quantity"):
        assert np.array_equal(getattr(made, name), getattr(published, name)), name
