from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import day_number, from_day_number, sao_paulo
from engine.errors import NoDataError, SettingsError
from engine.market.calendar import Calendar, load_calendar, nominal_opening, regular_close_minutes

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
UNTIL = date(2027, 12, 31)
needs_real_files = pytest.mark.skipif(not SHARED.is_dir(), reason="the real market files are not here")


def number(text: str) -> int:
    return day_number(date.fromisoformat(text))


def instant(text: str, zone: str = "America/Sao_Paulo") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@cache
def whole_calendar() -> Calendar:
    return load_calendar(until=UNTIL)


@pytest.fixture
def calendar() -> Calendar:
    return whole_calendar()


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        ("2020-01-01", False),
        ("2019-01-25", False),
        ("2021-01-25", False),
        ("2022-01-25", True),
        ("2027-01-25", True),
        ("2024-02-12", False),
        ("2024-02-13", False),
        ("2024-02-14", True),
        ("2024-03-29", False),
        ("2014-06-12", False),
        ("2019-07-09", False),
        ("2020-07-09", True),
        ("2021-07-09", False),
        ("2022-07-08", True),
        ("2024-07-09", True),
        ("2019-11-20", False),
        ("2020-11-20", True),
        ("2023-11-20", True),
        ("2024-11-20", False),
        ("2025-11-20", False),
        ("2024-12-24", False),
        ("2024-12-31", False),
        ("2023-12-29", False),
        ("2022-12-29", True),
        ("2022-12-30", False),
        ("2025-12-30", True),
        ("2026-12-24", False),
        ("2026-12-31", False),
        ("2024-12-28", False),
        ("1996-10-03", False),
        ("1997-07-09", False),
        ("1999-04-01", False),
        ("2000-04-20", True),
        ("2003-02-12", True),
    ],
)
def test_known_days(calendar: Calendar, day: str, open_: bool) -> None:
    assert calendar.is_session(number(day)) is open_


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2003-10-17", "17:00"),
        ("2003-10-20", "18:00"),
        ("2006-11-06", "18:00"),
        ("2011-10-17", "18:00"),
        ("2016-10-14", "17:00"),
        ("2016-10-17", "18:00"),
        ("2017-02-20", "18:00"),
        ("2017-03-10", "18:00"),
        ("2017-03-13", "17:00"),
        ("2017-10-16", "18:00"),
        ("2018-03-12", "17:00"),
        ("2018-11-05", "18:00"),
        ("2019-11-01", "17:00"),
        ("2019-11-04", "18:00"),
        ("2020-03-06", "18:00"),
        ("2020-03-09", "17:00"),
        ("2022-03-14", "17:00"),
        ("2025-03-07", "18:00"),
        ("2025-03-10", "17:00"),
        ("2025-10-31", "17:00"),
        ("2025-11-03", "18:00"),
    ],
)
def test_the_close_follows_new_york(calendar: Calendar, day: str, close: str) -> None:
    hour = regular_close_minutes(np.array([number(day)]))[0] // 60
    assert f"{hour}:00" == close
    assert calendar.close_instant(number(day)) == instant(f"{day}T{close}")


def test_closes_keep_order_and_shape() -> None:
    days = np.array([number("2025-03-10"), number("2025-03-07"), number("2025-03-10")])
    assert regular_close_minutes(days).tolist() == [1020, 1080, 1020]
    assert regular_close_minutes(days[:0]).shape == (0,)
    assert regular_close_minutes(days).dtype == np.int64


@given(st.integers(number("2019-11-04"), number("2035-12-31")))
def test_the_close_is_four_in_the_afternoon_in_new_york(day: int) -> None:
    close = int(regular_close_minutes(np.array([day]))[0])
    midnight = instant(from_day_number(day).isoformat())
    assert datetime.fromtimestamp(midnight + close * 60, ZoneInfo("America/New_York")).hour == 16


def test_openings(calendar: Calendar) -> None:
    assert calendar.open_instant(number("2024-02-15")) == instant("2024-02-15T10:00")
    for ash_wednesday in ("2024-02-14", "2025-03-05", "2026-02-18", "2027-02-10", "2016-02-10"):
        assert calendar.open_instant(number(ash_wednesday)) == instant(f"{ash_wednesday}T13:00")


def test_the_nominal_opening_is_ten_on_the_clock_of_sao_paulo_with_and_without_daylight_time() -> None:
    days = np.array([number("2018-12-20"), number("2019-06-03"), number("2018-12-20")])
    assert nominal_opening(days).tolist() == [instant(f"{day}T10:00") for day in ("2018-12-20", "2019-06-03", "2018-12-20")]
    assert nominal_opening(days)[0] == instant("2018-12-20T12:00", "UTC")


def test_the_after_market_exists_only_when_the_close_is_at_five(calendar: Calendar) -> None:
    assert calendar.after_market(number("2025-03-10")) == (instant("2025-03-10T17:30"), instant("2025-03-10T18:00"))
    assert calendar.after_market(number("2025-03-07")) is None
    with pytest.raises(NoDataError, match="2019-11-04"):
        calendar.after_market(number("2018-06-01"))


def test_neighbours_around_a_long_weekend(calendar: Calendar) -> None:
    friday, wednesday = number("2024-02-09"), number("2024-02-14")
    for day in range(friday, wednesday):
        assert calendar.session_on_or_before(day) == friday
        assert calendar.next_session(day) == wednesday
    for day in range(friday + 1, wednesday + 1):
        assert calendar.previous_session(day) == friday
    assert calendar.sessions_between(friday, wednesday).tolist() == [friday, wednesday]
    assert calendar.sessions_between(friday + 1, wednesday - 1).size == 0
    assert calendar.sessions_between(wednesday, friday).size == 0


@given(day=st.integers(number("1995-01-10"), number("2027-12-20")))
def test_next_and_previous_agree_with_is_session(day: int) -> None:
    calendar = whole_calendar()
    before, after = calendar.previous_session(day), calendar.next_session(day)
    assert before < day < after
    between = [inside for inside in range(before + 1, after) if calendar.is_session(inside)]
    assert between == ([day] if calendar.is_session(day) else [])


def test_the_last_closed_session_waits_for_the_close_and_the_delay(calendar: Calendar) -> None:
    monday, friday = number("2025-03-10"), number("2025-03-07")
    close = calendar.close_instant(monday)
    assert calendar.last_closed_session(close - 1) == friday
    assert calendar.last_closed_session(close) == monday
    assert calendar.last_closed_session(close, delay=1800) == friday
    assert calendar.last_closed_session(close + 1800, delay=1800) == monday
    assert calendar.last_closed_session(instant("2025-03-09T12:00")) == friday
    assert calendar.last_closed_session(instant("2025-03-11T01:00", "UTC")) == monday
    assert calendar.last_closed_session(close, delay=4 * 86_400) == number("2025-03-05")


def test_a_day_outside_the_calendar_names_the_known_range(calendar: Calendar) -> None:
    before, after = number("1995-01-01"), number("2028-01-01")
    answers: list[Callable[[int], object]] = [
        calendar.is_session,
        calendar.session_on_or_before,
        calendar.next_session,
        calendar.previous_session,
        calendar.open_instant,
        calendar.close_instant,
        lambda day: calendar.sessions_between(day, day),
        lambda day: calendar.last_closed_session(day * 86_400 + 43_200),
    ]
    for answer in answers:
        for day in (before, after):
            with pytest.raises(NoDataError, match="1995-01-02 to 2027-12-31"):
                answer(day)
    with pytest.raises(NoDataError, match="1995-01-02"):
        calendar.previous_session(number("1995-01-02"))
    with pytest.raises(NoDataError, match="2027-12-31"):
        calendar.next_session(number("2027-12-30"))


def test_a_holiday_has_no_hours(calendar: Calendar) -> None:
    with pytest.raises(NoDataError, match="2024-12-25 is not a session"):
        calendar.close_instant(number("2024-12-25"))


def test_the_calendar_cannot_be_changed_by_accident(calendar: Calendar) -> None:
    with pytest.raises(ValueError, match="read-only"):
        calendar.sessions[0] = 0


def test_overrides_of_the_user() -> None:
    calendar = load_calendar(until=UNTIL, extra_sessions=[date(2026, 12, 24)], extra_closures=[date(2026, 12, 23)])
    assert calendar.is_session(number("2026-12-24"))
    assert not calendar.is_session(number("2026-12-23"))
    assert calendar.next_session(number("2026-12-22")) == number("2026-12-24")
    assert calendar.close_instant(number("2026-12-24")) == instant("2026-12-24T18:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"extra_sessions": [date(1980, 1, 2)]},
        {"extra_closures": [date(2040, 1, 2)]},
        {"extra_sessions": [date(2026, 1, 2)], "extra_closures": [date(2026, 1, 2)]},
    ],
)
def test_a_contradictory_or_unreachable_override_is_refused(wrong: dict[str, list[date]]) -> None:
    with pytest.raises(SettingsError, match="given twice or lies outside"):
        load_calendar(until=UNTIL, **wrong)


def test_by_default_the_calendar_reaches_the_end_of_next_year() -> None:
    last = from_day_number(load_calendar().last)
    assert last == date(datetime.now(ZoneInfo("America/Sao_Paulo")).year + 1, 12, 31)


def cache_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_the_cached_sessions_are_read_without_the_library(tmp_path: Path, calendar: Calendar) -> None:
    load_calendar(tmp_path / "new", until=UNTIL)
    script = (
        "import sys; from datetime import date; from pathlib import Path; from engine.market.calendar import load_calendar\n"
        f"calendar = load_calendar(Path({str(tmp_path / 'new')!r}), until=date(2027, 6, 30))\n"
        "assert 'exchange_calendars' not in sys.modules and 'pandas' not in sys.modules\n"
        "print(calendar.sessions.size, calendar.last)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    expected = calendar.sessions_between(calendar.first, number("2027-06-30"))
    assert answer.stdout.split() == [str(expected.size), str(number("2027-06-30"))]


def test_a_damaged_cache_is_rebuilt(tmp_path: Path, calendar: Calendar) -> None:
    load_calendar(tmp_path, until=UNTIL)
    file = cache_file(tmp_path)
    sound = file.read_text()
    changed = json.loads(sound)
    changed["sessions"][100] += 1
    for damage in ("", sound[:1000], "[]", "null", '{"sessions": 3}', json.dumps(changed), "\x00\xff"):
        file.write_text(damage, "latin-1")
        assert np.array_equal(load_calendar(tmp_path, until=UNTIL).sessions, calendar.sessions)
        assert file.read_text() == sound


def test_a_cache_that_is_too_short_grows_and_leaves_no_scraps(tmp_path: Path, calendar: Calendar) -> None:
    short = load_calendar(tmp_path, until=date(2026, 12, 31))
    assert short.sessions.size < calendar.sessions.size
    assert np.array_equal(load_calendar(tmp_path, until=UNTIL).sessions, calendar.sessions)
    assert cache_file(tmp_path).suffix == ".json"


def test_a_folder_that_cannot_be_written_does_not_hinder(tmp_path: Path, calendar: Calendar) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert np.array_equal(load_calendar(tmp_path / "file", until=UNTIL).sessions, calendar.sessions)


def test_overrides_are_not_kept_in_the_cache(tmp_path: Path, calendar: Calendar) -> None:
    load_calendar(tmp_path, until=UNTIL, extra_closures=[date(2026, 12, 23)])
    assert np.array_equal(load_calendar(tmp_path, until=UNTIL).sessions, calendar.sessions)


def real_dates(path: Path, encoding: str = "utf-8-sig") -> set[int]:
    with path.open(encoding=encoding, newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        texts = [row[0] for row in rows if row]
    style = "%Y-%m-%d" if texts[0][4] == "-" else "%d.%m.%Y"
    return {day_number(datetime.strptime(text, style).replace(tzinfo=UTC).date()) for text in texts}


@needs_real_files
@pytest.mark.parametrize("name", ["investing/ibov_2018_2025-12.csv", "series/ibov_daily_1995_2025.csv"])
def test_sessions_are_those_of_the_real_index(calendar: Calendar, name: str) -> None:
    real = real_dates(SHARED / name)
    assert set(calendar.sessions_between(min(real), max(real)).tolist()) == real


def real_bars(name: str) -> dict[int, list[str]]:
    days: dict[int, list[str]] = defaultdict(list)
    for line in (SHARED / "profit" / name).read_text("latin-1").splitlines():
        _symbol, day, clock, *_prices = line.split(";")
        days[day_number(date(int(day[6:]), int(day[3:5]), int(day[:2])))].append(clock[:5])
    return {day: sorted(clocks) for day, clocks in days.items()}


@needs_real_files
@pytest.mark.parametrize(
    ("name", "last_early", "last_late"), [("VALE3_B_0_15min.csv", "16:45", "17:45"), ("PETR4_B_0_60min.csv", "16:00", "17:00")]
)
def test_the_close_is_right_on_all_real_sessions(calendar: Calendar, name: str, last_early: str, last_late: str) -> None:
    days = real_bars(name)
    assert calendar.sessions_between(min(days), max(days)).tolist() == sorted(days)
    assert len(days) == 501
    for day, clocks in days.items():
        closes_late = "17:00" in clocks
        expected = last_late if closes_late else last_early
        close = calendar.close_instant(day)
        assert sao_paulo(close).hour == (18 if closes_late else 17)
        regular = [clock for clock in clocks if instant(f"{from_day_number(day)}T{clock}") < close]
        assert regular[-1] == expected


@needs_real_files
def test_the_opening_is_right_on_all_real_sessions(calendar: Calendar) -> None:
    days = real_bars("PETR4_B_0_60min.csv")
    for day, clocks in days.items():
        assert calendar.open_instant(day) == instant(f"{from_day_number(day)}T{clocks[0]}")
