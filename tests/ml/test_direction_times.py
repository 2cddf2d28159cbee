"""Decision times: how they are typed, and the instant of each."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.domain import day_number, iso
from engine.errors import UsageError
from engine.ml.direction.times import ALL, CLOSE, NOWCAST, DecisionTime, nowcast, parse
from tests.desk_maker import calendar


@pytest.mark.parametrize("time", ALL, ids=lambda time: time.text)
def test_every_decision_time_is_read_back_from_its_own_text(time: DecisionTime) -> None:
    assert parse(time.text) == time
    assert time.title in time.label


def test_a_clock_is_a_nowcast() -> None:
    assert parse(" 9:99 ".replace("9:99", "11:07")) == nowcast(667)
    assert parse("11:07").name == NOWCAST
    assert parse("CLOSE") == DecisionTime(CLOSE)


@pytest.mark.parametrize("text", ["", "noon", "9:30", "18:30", "25:00", "11:60", "11:6", "11", "-1:00", "١١:٠٠"])
def test_what_is_no_time_of_the_session_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert "10:05" in refused.value.hint


def test_the_day_goes_from_the_evening_before_to_the_last_clock() -> None:
    previous, session = (np.array([day_number(date(2025, 3, day))]) for day in (28, 31))
    opened = np.array([calendar().open_instant(int(session[0]))])
    instants = [int(time.instants(previous, session, opened)[0]) for time in ALL]
    assert instants == sorted(instants)
    assert [iso(at) for at in instants[:5]] == [
        "2025-03-28T20:30:00-03:00",
        "2025-03-31T09:45:00-03:00",
        "2025-03-31T10:15:00-03:00",
        "2025-03-31T10:30:00-03:00",
        "2025-03-31T10:45:00-03:00",
    ]
