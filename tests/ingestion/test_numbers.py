"""Numbers, dates and times as text, by dialect."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import SAO_PAULO, day_number, sao_paulo
from engine.ingestion import numbers


def one(text: str, dialect: numbers.Dialect) -> float | str:
    values, bad = numbers.parse_numbers([text], dialect)
    return "bad" if bad[0] else float(values[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("160.766", 160766.0),
        ("30,82", 30.82),
        ("1.234,56", 1234.56),
        ("-1,5", -1.5),
        ("175515252,00", 175515252.0),
        ("600.822.115,84", 600822115.84),
    ],
)
def test_portuguese_numbers_have_dots_between_thousands_and_a_comma(text: str, expected: float) -> None:
    assert one(text, numbers.PT_BR) == expected


@pytest.mark.parametrize(("text", "expected"), [("160,766", 160766.0), ("30.82", 30.82), ("1,234.56", 1234.56)])
def test_english_numbers_have_commas_between_thousands_and_a_point(text: str, expected: float) -> None:
    assert one(text, numbers.EN) == expected


@pytest.mark.parametrize(
    "text",
    ["30.82", "1.23,4", "1234.567", "1.2345", "12,34,56", "1e5", "0x1", "١٢٣", "1 234", "--1", ",5", "5,", "inf", "9" * 40],
)
def test_what_is_not_portuguese_is_bad_and_never_guessed(text: str) -> None:
    assert one(text, numbers.PT_BR) == "bad"


@pytest.mark.parametrize("text", ["30,82", "1,23.4", "1234,567", "1.2.3"])
def test_what_is_not_english_is_bad_and_never_guessed(text: str) -> None:
    assert one(text, numbers.EN) == "bad"


@pytest.mark.parametrize("text", ["30,82", "1,234.5", "1_000", "inf", "1e999"])
def test_a_plain_number_has_no_groups(text: str) -> None:
    assert one(text, numbers.PLAIN) == "bad"
    assert one("57.9900016784668", numbers.PLAIN) == 57.9900016784668
    assert one("1.5e3", numbers.PLAIN) == 1500.0


@pytest.mark.parametrize("text", ["", "-", " ", "NaN", "null"])
def test_a_missing_number_is_nan_and_not_bad(text: str) -> None:
    values, bad = numbers.parse_numbers([text], numbers.PT_BR)
    assert np.isnan(values[0])
    assert not bad[0]


def test_volumes_are_scaled_by_their_suffix_to_the_nearest_double() -> None:
    values, suffixes, bad = numbers.parse_volumes(
        ["7,67B", "15,07M", "424,32K", "1,2T", "350", "-", "", "B", "7,67X"], numbers.PT_BR
    )
    assert values[:5].tolist() == [7_670_000_000.0, 15_070_000.0, 424_320.0, 1.2e12, 350.0]
    assert np.isnan(values[5:]).all()
    assert suffixes[:5] == ["B", "M", "K", "T", ""]
    assert bad.tolist() == [False] * 7 + [True, True]


def test_percentages_are_in_points() -> None:
    values, bad = numbers.parse_percentages(["1,56%", "-0,29%", "-", "x%"], numbers.PT_BR)
    assert values[:2].tolist() == [1.56, -0.29]
    assert bad.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("12.11.2025", "dmy", date(2025, 11, 12)),
        ("12/11/2025", "dmy", date(2025, 11, 12)),
        ("12/11/2025", "mdy", date(2025, 12, 11)),
        ("2025-12-11", "ymd", date(2025, 12, 11)),
        ("20251211", "ymd", date(2025, 12, 11)),
    ],
)
def test_dates_follow_the_order_that_is_given(text: str, order: str, expected: date) -> None:
    days, bad = numbers.parse_days([text], order)
    assert days[0] == day_number(expected)
    assert not bad[0]


@pytest.mark.parametrize("text", ["31/02/2025", "12/13/2025", "1/1/25", "12.11/2025", "12/11/0999", "", "2025-12-11"])
def test_what_is_not_a_date_is_bad(text: str) -> None:
    assert numbers.parse_days([text], "dmy")[1][0]


def test_times_of_day_are_seconds_after_midnight() -> None:
    seconds, bad = numbers.parse_seconds(["10:00:00", "17:45", "24:00", "10:60", "aa"])
    assert seconds[:2].tolist() == [36_000, 63_900]
    assert bad.tolist() == [False, False, True, True, True]


def test_a_daily_bar_opens_at_ten_in_sao_paulo_also_in_summer_time() -> None:
    days = np.array([day_number(date(2018, 1, 2)), day_number(date(2018, 7, 2)), day_number(date(2025, 1, 2))])
    opened = [sao_paulo(instant) for instant in numbers.daily_open(days)]
    assert [moment.strftime("%Y-%m-%d %H:%M %z") for moment in opened] == [
        "2018-01-02 10:00 -0200",
        "2018-07-02 10:00 -0300",
        "2025-01-02 10:00 -0300",
    ]


@given(st.lists(st.datetimes(datetime(1986, 1, 1), datetime(2030, 1, 1)), min_size=1, max_size=20))
def test_the_vectorised_clock_agrees_with_zoneinfo(stamps: list[datetime]) -> None:
    day = np.array([day_number(stamp.date()) for stamp in stamps])
    second = np.array([stamp.hour * 3600 + stamp.minute * 60 + stamp.second for stamp in stamps])
    instants = numbers.to_utc(day, second)
    assert instants.tolist() == [int(stamp.replace(microsecond=0, tzinfo=SAO_PAULO).timestamp()) for stamp in stamps]
    back_day, back_second = numbers.from_utc(instants)
    expected = [sao_paulo(instant) for instant in instants]
    assert back_day.tolist() == [day_number(moment.date()) for moment in expected]
    assert back_second.tolist() == [moment.hour * 3600 + moment.minute * 60 + moment.second for moment in expected]


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_a_number_written_in_any_dialect_reads_back(value: object) -> None:
    english = f"{value:,.2f}"
    portuguese = english.translate(str.maketrans(",.", ".,"))
    expected = float(f"{value:.2f}")
    assert one(english, numbers.EN) == expected
    assert one(portuguese, numbers.PT_BR) == expected
    assert one(f"{value:.2f}", numbers.PLAIN) == expected
