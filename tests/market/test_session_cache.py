"""The cached sessions, read without NumPy, answer as the calendar does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import day_number
from engine.market.calendar import Calendar, load_calendar
from engine.market.session_cache import (
    CachedSessions,
    cache_path,
    find_sessions,
    last_closed_session,
    read_sessions,
    sessions_behind,
    write_sessions,
)

KNOWN = CachedSessions((100, 101, 104, 105), 107)
UNTIL = date(2026, 12, 31)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Calendar]:
    folder = tmp_path_factory.mktemp("cache")
    return folder, load_calendar(folder, until=UNTIL)


def test_sessions_behind_counts_the_sessions_between_two_days() -> None:
    asked = [(105, 105), (104, 105), (103, 105), (101, 105), (100, 107), (105, 104), (102, 103)]
    assert [sessions_behind(day, today, KNOWN) for day, today in asked] == [0, 1, 2, 2, 3, 0, 0]


@pytest.mark.parametrize(("day", "today", "known"), [(100, 108, KNOWN), (99, 105, KNOWN), (100, None, KNOWN), (100, 101, None)])
def test_outside_of_what_is_known_there_is_no_answer(day: int, today: int | None, known: CachedSessions | None) -> None:
    assert sessions_behind(day, today, known) is None


def test_the_file_of_the_calendar_gives_its_sessions(cached: tuple[Path, Calendar]) -> None:
    folder, calendar = cached
    known = find_sessions(folder)
    assert known is not None
    assert known.sessions == tuple(calendar.sessions.tolist())
    assert known.last == calendar.last


def test_the_last_closed_session_is_that_of_the_calendar(cached: tuple[Path, Calendar]) -> None:
    folder, calendar = cached
    known = find_sessions(folder)
    random = np.random.default_rng(7)
    first, last = day_number(date(2003, 1, 2)) * 86_400, day_number(date(2026, 12, 30)) * 86_400
    for now in random.integers(first, last, 300).tolist():
        assert last_closed_session(known, now, 1800) == calendar.last_closed_session(now, 1800)
    close = calendar.close_instant(day_number(date(2025, 7, 1)))
    assert last_closed_session(known, close) == day_number(date(2025, 7, 1))
    assert last_closed_session(known, close - 1) == day_number(date(2025, 6, 30))


def test_corrections_of_the_user_are_taken_in(cached: tuple[Path, Calendar]) -> None:
    folder, _calendar = cached
    closed, added = date(2025, 7, 1), date(2025, 7, 5)
    known = find_sessions(folder, [added], [closed])
    corrected = load_calendar(folder, [added], [closed], until=UNTIL)
    assert known is not None
    assert known.sessions == tuple(corrected.sessions.tolist())


def test_after_the_last_known_day_and_before_the_first_session_nothing_is_closed() -> None:
    assert last_closed_session(KNOWN, 108 * 86_400) is None
    assert last_closed_session(KNOWN, 99 * 86_400) is None
    assert last_closed_session(None, 105 * 86_400) is None


def test_an_absent_or_damaged_file_gives_nothing_and_an_older_sound_one_serves(tmp_path: Path) -> None:
    assert find_sessions(tmp_path / "absent") is None
    assert find_sessions(tmp_path) is None
    write_sessions(cache_path(tmp_path, "4.1"), KNOWN.sessions, KNOWN.last)
    newer = cache_path(tmp_path, "4.2")
    text = cache_path(tmp_path, "4.1").read_text()
    for damage in ("", text[:20], text.replace("104", "103"), "[]", '{"sessions": 3, "last": 1, "sha256": ""}'):
        newer.write_text(damage)
        assert read_sessions(newer) is None
        assert find_sessions(tmp_path) == KNOWN
