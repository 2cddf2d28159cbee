"""Daily series of one value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import day_number, from_day_number
from engine.errors import FileError, RefusedFileError
from engine.ingestion.files import SourceFile
from engine.ingestion.series import SeriesFile, read_series

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "series"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real market files are not here")

Read = Callable[..., SeriesFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(content: str | bytes, name: str = "X", column: str = "") -> SeriesFile:
        path = tmp_path / "series.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_series(SourceFile(path, "series.csv", path.stat().st_size), name, column)

    return run


def days(series: SeriesFile) -> list[str]:
    return [from_day_number(day).isoformat() for day in series.day]


def test_dates_are_sorted_and_values_follow_them(read: Read) -> None:
    series = read("Date,Price\n2025-01-03,24.5\n2025-01-02,23.95\n")
    assert days(series) == ["2025-01-02", "2025-01-03"]
    assert series.value.tolist() == [23.95, 24.5]
    assert (series.name, series.column, series.unit, series.rows, series.rejected) == ("X", "Price", "level", 2, ())


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Date,Close,AdjClose", "AdjClose"),
        ("Date,Close,Adj Close", "Adj Close"),
        ("Date,Volume,Close", "Close"),
        ("date,price,value", "price"),
        ("data,x,valor", "valor"),
    ],
)
def test_the_value_column_is_chosen_by_priority(read: Read, header: str, column: str) -> None:
    assert read(f"{header}\n2025-01-02,1,2\n").column == column


def test_the_only_numeric_column_is_taken_and_several_are_asked_about(read: Read) -> None:
    assert read("date,source,index\n2025-01-02,abc,1.5\n").column == "index"
    with pytest.raises(FileError, match="'a', 'b'"):
        read("date,a,b\n2025-01-02,1,2\n")
    assert read("date,a,b\n2025-01-02,1,2\n", column="b").value.tolist() == [2.0]
    with pytest.raises(FileError, match="no column 'c'"):
        read("date,a,b\n2025-01-02,1,2\n", column="c")
    with pytest.raises(FileError, match="date column"):
        read("a,b\n1,2\n")


def test_missing_values_are_left_out_and_counted(read: Read) -> None:
    series = read("date,value\n2025-01-02,1\n2025-01-03,\n2025-01-06,.\n2025-01-07,2\n2025-01-08,-\n")
    assert days(series) == ["2025-01-02", "2025-01-07"]
    assert any("2 rows" in notice for notice in series.notices)
    assert [bad.line for bad in series.rejected] == [4]
    assert not np.isnan(series.value).any()


def test_a_negative_value_is_a_value(read: Read) -> None:
    assert read("date,close\n2020-04-20,-37.63\n").value.tolist() == [-37.63]


def test_a_rate_is_annual_or_daily_by_its_size_and_said(read: Read) -> None:
    annual = read("data,selic\n2025-01-02,12.25\n2025-01-03,12.25\n", "SELIC")
    assert annual.unit == "annual_percent"
    assert any("percent a year" in notice for notice in annual.notices)
    daily = read('"data";"valor"\r\n"02/01/2025";"0,045513"\r\n"03/01/2025";"0,045513"\r\n', "CDI")
    assert daily.unit == "daily_percent"
    assert daily.value[0] == 0.045513
    assert any("percent a day" in notice for notice in daily.notices)
    assert any("decimal comma" in notice for notice in daily.notices)
    assert days(daily) == ["2025-01-02", "2025-01-03"]


def test_a_decimal_comma_under_an_english_header_is_refused(read: Read) -> None:
    with pytest.raises(RefusedFileError, match="'0,045513'"):
        read("date;value\n2025-01-02;0,045513\n")


def test_an_investing_export_keeps_its_thousands(read: Read) -> None:
    series = read("Data;Ultimo;Abertura;Maxima;Minima\n03/02/2025;160.766;160.766;160.766;160.766\n")
    assert series.value.tolist() == [160_766.0]
    assert days(series) == ["2025-02-03"]


def test_of_two_rows_of_one_day_the_first_stays(read: Read) -> None:
    series = read("date,value\n2025-01-02,1\n2025-01-02,1\n2025-01-02,2\n2025-01-03,3\n")
    assert series.value.tolist() == [1.0, 3.0]
    assert [(bad.line, "line 2" in bad.reason) for bad in series.rejected] == [(4, True)]


def test_undecidable_dates_are_an_error_in_english_and_day_first_in_portuguese(read: Read) -> None:
    with pytest.raises(FileError, match="day/month"):
        read("date,value\n02/01/2025,1\n")
    assert days(read("data,valor\n02/01/2025,1\n")) == ["2025-01-02"]


@pytest.mark.parametrize(
    "content", ["", "date,value\n", "date,value\n2025-01-02,\n", "date,value\nx,y\n", "nothing", b"\x00\x01\x02"]
)
def test_a_file_without_values_is_an_error(read: Read, content: str | bytes) -> None:
    with pytest.raises(FileError):
        read(content)


@needs_real
@pytest.mark.parametrize("path", sorted(REAL.glob("*.csv")), ids=lambda path: path.stem)
def test_every_real_series_is_read(path: Path) -> None:
    series = read_series(SourceFile(path, path.name, path.stat().st_size), path.stem)
    assert len(series) > 1_500
    assert series.rejected == ()
    assert (np.diff(series.day) > 0).all()
    assert np.isfinite(series.value).all()
    assert series.unit == ("annual_percent" if path.stem == "SELIC" else "level")


@needs_real
def test_known_values_of_real_series() -> None:
    path = REAL / "ibov_daily_1995_2025.csv"
    series = read_series(SourceFile(path, path.name, path.stat().st_size), "IBOV")
    assert series.column == "close"
    assert series.value[series.day == day_number(date(2025, 12, 30))].tolist() == [161125.0]
    path = REAL / "US10Y.csv"
    yields = read_series(SourceFile(path, path.name, path.stat().st_size), "US10Y")
    assert (yields.rows, len(yields)) == (6782, 6501)
    assert any("281" in notice for notice in yields.notices)
