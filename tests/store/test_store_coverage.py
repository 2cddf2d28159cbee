"""What is stored, missing or odd, per series."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.domain import PriceBase, day_number, from_day_number
from engine.ingestion.importer import import_files
from engine.ingestion.table import ImportOptions
from engine.market.calendar import Calendar, nominal_opening
from engine.store.coverage import Jump, coverage
from engine.store.database import Store
from tests.store.market_maker import DATA, NOW, hours, put, table, weekdays

DAYS = weekdays(40)
TIME = nominal_opening(DAYS)
CALENDAR = Calendar(DAYS, int(DAYS[0]), int(DAYS[-1]) + 2)
needs_real = pytest.mark.skipif(not DATA.is_dir(), reason="the real market files are not here")


def iso(day: int) -> str:
    return from_day_number(day).isoformat()


def test_a_whole_series_lacks_nothing(store: Store) -> None:
    put(store, table(TIME, 10.0))
    (found,) = coverage(store, CALENDAR)
    assert (found.symbol, found.timeframe, found.bars, found.first, found.last) == (
        "PETR4", "1d", 40, iso(DAYS[0]), iso(DAYS[-1]),
    )  # fmt: skip
    assert (found.missing_sessions, found.missing, found.extra_sessions, found.jumps) == (0, (), (), ())
    assert (found.zero_volume, found.flat, found.provisional, found.after_market, found.revisions) == (0, 0, 0, 0, 0)
    assert (found.price_base, found.sources) == (PriceBase.RAW, ("file",))


def test_sessions_without_a_bar_are_counted_and_the_first_are_listed(store: Store) -> None:
    kept = np.ones(40, dtype=bool)
    kept[[3, 7]] = False
    put(store, table(TIME[kept], 10.0))
    put(store, table(TIME[[0, 39]], 10.0, "VALE3"))
    petr, vale = coverage(store, CALENDAR)
    assert (petr.missing_sessions, petr.missing) == (2, (iso(DAYS[3]), iso(DAYS[7])))
    assert vale.missing_sessions == 38
    assert len(vale.missing) == 20
    assert vale.missing[0] == iso(DAYS[1])


def test_a_series_lacks_nothing_before_its_first_bar_or_after_its_last(store: Store) -> None:
    put(store, table(TIME[10:20], 10.0))
    (found,) = coverage(store, CALENDAR)
    assert found.missing_sessions == 0


def test_bars_on_days_that_the_calendar_calls_closed_are_listed(store: Store) -> None:
    closed = Calendar(np.delete(DAYS, 5), int(DAYS[0]), int(DAYS[-1]))
    put(store, table(TIME, 10.0))
    (found,) = coverage(store, closed)
    assert found.extra_sessions == (iso(DAYS[5]),)
    assert found.missing_sessions == 0


def test_only_the_sessions_that_the_calendar_knows_are_compared(store: Store) -> None:
    part = Calendar(DAYS[10:20], int(DAYS[10]), int(DAYS[19]))
    put(store, table(np.delete(TIME, [5, 15, 25]), 10.0))
    put(store, table(TIME[:5], 10.0, "OLDS3"))
    put(store, table(TIME[25:], 10.0, "NEWS3"))
    put(store, table(TIME[::5], 10.0, "WEEK3"), "1w")
    found = {item.symbol: item for item in coverage(store, part)}
    assert (found["PETR4"].missing_sessions, found["PETR4"].missing) == (1, (iso(DAYS[15]),))
    assert [found[name].missing_sessions for name in ("OLDS3", "NEWS3", "WEEK3")] == [None, None, None]
    assert found["OLDS3"].as_dict()["missing_sessions"] is None


def test_bars_without_volume_and_flat_bars_are_counted(store: Store) -> None:
    quantity, turnover = np.full(40, 100.0), np.full(40, 1000.0)
    quantity[:3] = 0
    turnover[:2] = 0
    turnover[10:] = np.nan
    quantity[20:25] = np.nan
    quantity[30] = 0
    put(store, table(TIME, 10.0, quantity=quantity, turnover=turnover, spread=0.0))
    (found,) = coverage(store, CALENDAR)
    assert found.zero_volume == 3
    assert found.flat == 40


def test_a_jump_is_listed_unless_an_event_explains_it(store: Store) -> None:
    close = np.full(40, 100.0)
    close[10:] = 80.0
    close[20:] = 88.5
    close[30:] = 80.0
    put(store, table(TIME, close))
    (found,) = coverage(store, CALENDAR)
    assert found.jumps == (Jump(iso(DAYS[10]), pytest.approx(-0.2)), Jump(iso(DAYS[20]), pytest.approx(0.10625)))
    with store.write() as connection:
        for symbol, day in (("PETR4", DAYS[10]), ("VALE3", DAYS[20]), ("PETR4", DAYS[21])):
            connection.exec_driver_sql(
                "INSERT INTO corporate_events (symbol, kind, ex_session, source) VALUES (?, 'bonus', ?, 'test')",
                (symbol, int(day)),
            )
    (found,) = coverage(store, CALENDAR)
    assert [jump.session for jump in found.jumps] == [iso(DAYS[20])]


def test_jumps_are_those_between_regular_sessions_not_inside_them(store: Store) -> None:
    time = hours(DAYS[:4], per_session=9)
    at = np.arange(time.size)
    close = np.where(at % 9 == 8, 200.0, np.where(at >= 18, 100.0 + 20 * (at % 9 >= 4), 100.0))
    put(store, table(time, close, after_market=at % 9 == 8), "60m")
    (found,) = coverage(store, CALENDAR)
    assert [jump.session for jump in found.jumps] == [iso(DAYS[3])]
    assert found.after_market == 4


def test_what_may_still_change_and_what_did_is_counted(store: Store) -> None:
    put(store, table(TIME, 10.0, provisional=np.arange(40) >= 38))
    put(store, table(TIME[:3], 11.0), now=NOW + 1)
    (found,) = coverage(store, CALENDAR)
    assert (found.provisional, found.revisions, found.bars) == (2, 3, 40)


def test_only_the_symbols_asked_for_are_described(store: Store) -> None:
    for symbol in ("PETR4", "VALE3"):
        put(store, table(TIME, 10.0, symbol))
    assert [item.symbol for item in coverage(store, CALENDAR, ["VALE3"])] == ["VALE3"]
    assert coverage(store, CALENDAR, ["NONE3"]) == []


@needs_real
def test_the_known_oddities_of_real_files_are_seen(store: Store) -> None:
    names = ("GGBR4_B_0_60min.csv", "EMBR3_B_0_60min.csv", "VALE3_B_0_60min.csv")
    import_files(store, [DATA / "profit" / name for name in names], ImportOptions(), now=NOW)
    first, last = day_number(date(2024, 1, 2)), day_number(date(2025, 12, 30))
    sessions = np.unique(np.concatenate([weekdays(520)[weekdays(520) <= last]]))
    found = {item.symbol: item for item in coverage(store, Calendar(sessions, first, last))}
    assert "2024-04-18" in [jump.session for jump in found["GGBR4"].jumps]
    assert found["EMBR3"].last == "2025-10-31"
    assert found["VALE3"].after_market > 0
    assert "2024-12-25" in found["VALE3"].missing
