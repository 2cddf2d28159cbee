"""Daily exports of Investing.com."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import PriceBase, day_number, from_day_number, sao_paulo
from engine.errors import FileError, RefusedFileError, UnrecognisedFileError
from engine.ingestion import investing
from engine.ingestion.files import SourceFile
from engine.ingestion.table import ImportOptions, ParsedFile

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "investing"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real market files are not here")
LONG_AGO = day_number(date(1990, 1, 1))
HEADER = '"Data","Último","Abertura","Máxima","Mínima","Vol.","Var%"'


@dataclass
class Export:
    folder: Path

    def parse(self, content: str | bytes, name: str = "ibovespa.csv", today: int = LONG_AGO, symbol: str = "") -> ParsedFile:
        path = self.folder / "export"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert investing.recognises(path.read_bytes(), "any name")
        return investing.parse(SourceFile(path, name, path.stat().st_size), ImportOptions(symbol=symbol, today=today))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def portuguese(*rows: str) -> str:
    return "\ufeff" + "\n".join([HEADER, *(",".join(f'"{cell}"' for cell in row.split(" ")) for row in rows)])


def day(number: int) -> str:
    return from_day_number(number).isoformat()


def said(parsed: ParsedFile, *words: str) -> bool:
    return any(all(word in notice for word in words) for notice in parsed.notices)


def test_a_portuguese_export_is_read_with_thousands_dots(export: Export) -> None:
    parsed = export.parse(
        portuguese(
            "12.12.2025 160.766 159.189 161.263 159.189 7,67B 0,99%", "11.12.2025 159.189 159.072 159.850 158.098 7,02B 0,07%"
        )
    )
    table = parsed.table
    assert (parsed.format, parsed.source, parsed.timeframe, parsed.price_base) == ("investing", "investing", "1d", PriceBase.RAW)
    assert table.symbols == ("IBOV",)
    assert table.close.tolist() == [160766.0, 159189.0]
    assert table.high.tolist() == [161263.0, 159850.0]
    assert table.line.tolist() == [2, 3]
    assert sao_paulo(table.time[0]).isoformat() == "2025-12-12T10:00:00-03:00"
    assert table.turnover.tolist() == [7_670_000_000.0, 7_020_000_000.0]
    assert np.isnan(table.quantity).all()
    assert not table.provisional.any()
    assert said(parsed, "IBOV", "name")


def test_an_english_export_is_read_month_first(export: Export) -> None:
    parsed = export.parse(
        '"Date","Price","Open","High","Low","Vol.","Change %"\n"12/11/2025","31.50","31.00","31.80","30.90","40.5M","1.29%"\n',
        name="PETR4 Historical Data.csv",
    )
    assert day(parsed.table.session[0]) == "2025-12-11"
    assert parsed.table.close[0] == 31.5
    assert parsed.table.quantity[0] == 40_500_000.0
    assert np.isnan(parsed.table.turnover[0])
    assert parsed.table.symbols == ("PETR4",)
    assert parsed.price_base is PriceBase.UNKNOWN
    assert said(parsed, "price base is unknown")


def test_the_language_of_the_header_decides_even_when_the_numbers_look_like_the_other(export: Export) -> None:
    english = export.parse("Date,Price,Open,High,Low\n01/02/2025,31.500,31.500,31.500,31.500\n", name="PETR4.csv")
    assert english.table.close[0] == 31.5
    assert day(english.table.session[0]) == "2025-01-02"
    brazilian = export.parse("Data;Ultimo;Abertura;Maxima;Minima\n03/02/2025;31.500;31.500;31.500;31.500\n", name="ibov.csv")
    assert brazilian.table.close[0] == 31500.0
    assert day(brazilian.table.session[0]) == "2025-02-03"


def test_semicolons_and_cp1252_and_any_row_order_are_accepted(export: Export) -> None:
    text = "Data;Último;Abertura;Máxima;Mínima;Volume;Variação\r\n02/01/1995;4.301;4.354;4.398;4.300;4,10B;-1,22%\r\n03/01/1995;4.098;4.370;4.386;4.094;8,35B;-4,72%\r\n"
    parsed = export.parse(text.encode("cp1252"))
    assert parsed.table.close.tolist() == [4301.0, 4098.0]
    assert not said(parsed, "disagree")


def test_the_switch_of_unit_of_an_index_is_said_and_never_mixed(export: Export) -> None:
    parsed = export.parse(
        portuguese(
            "08.01.2025 119.625 121.160 121.160 119.351 9,20B -1,27%",
            "07.01.2025 121.163 120.022 121.713 120.022 11,12B 0,95%",
            "06.01.2025 120.022 118.534 120.322 118.534 9,69M 1,26%",
            "03.01.2025 118.533 120.125 120.356 118.404 424,32K -1,33%",
        )
    )
    table = parsed.table
    assert table.turnover[:2].tolist() == [9.2e9, 11.12e9]
    assert np.isnan(table.turnover[2:]).all()
    assert table.quantity[2:].tolist() == [9_690_000.0, 424_320.0]
    assert np.isnan(table.quantity[:2]).all()
    assert said(parsed, "unit", "2025-01-07", "R$ from then on")
    assert sum("unit" in notice for notice in parsed.notices) == 1


def test_billions_of_an_index_before_the_switch_are_shares(export: Export) -> None:
    parsed = export.parse(portuguese("02.01.1995 4.301 4.354 4.398 4.300 4,10B -1,22%"))
    assert parsed.table.quantity[0] == 4.1e9
    assert np.isnan(parsed.table.turnover[0])


def test_the_volume_of_a_share_is_a_quantity_in_any_unit(export: Export) -> None:
    parsed = export.parse(
        portuguese("03.01.2025 2,00 2,00 2,00 2,00 1,10B 0,00%", "02.01.2025 2,00 2,00 2,00 2,00 900,00M 0,00%"), name="OIBR3.csv"
    )
    assert parsed.table.quantity.tolist() == [1.1e9, 9e8]
    assert not said(parsed, "unit")


def test_a_newest_row_back_in_the_old_unit_is_an_unfinished_session(export: Export) -> None:
    parsed = export.parse(
        portuguese(
            "09.09.2025 141.820 141.794 142.286 141.728 3,45M 0,02%",
            "08.09.2025 141.792 142.640 143.089 141.329 7,44B -0,59%",
            "05.09.2025 142.640 141.003 143.409 141.003 8,38B 1,17%",
        )
    )
    assert parsed.table.provisional.tolist() == [True, False, False]
    assert parsed.table.quantity[0] == 3_450_000.0
    assert said(parsed, "2025-09-09", "not over")


def test_a_row_of_today_is_provisional_and_said(export: Export) -> None:
    text = portuguese(
        "11.12.2025 159.189 159.072 159.850 158.098 7,02B 0,07%", "10.12.2025 159.075 157.984 159.691 157.628 8,24B 0,69%"
    )
    parsed = export.parse(text, today=day_number(date(2025, 12, 11)))
    assert parsed.table.provisional.tolist() == [True, False]
    assert said(parsed, "today")
    assert not export.parse(text).table.provisional.any()


def test_a_missing_row_is_caught_by_the_change_column(export: Export) -> None:
    whole = [
        "04.12.2025 103,00 102,00 103,00 102,00 1,0M 0,98%",
        "03.12.2025 102,00 101,00 102,00 101,00 1,0M 0,99%",
        "02.12.2025 101,00 100,00 101,00 100,00 1,0M 1,00%",
    ]
    assert not said(export.parse(portuguese(*whole), name="PETR4.csv"), "disagree")
    gap = export.parse(portuguese(whole[0], whole[2]), name="PETR4.csv")
    assert said(gap, "1 row disagrees", "2025-12-04")


def test_two_closes_that_changed_places_are_caught(export: Export) -> None:
    parsed = export.parse(
        portuguese(
            "04.12.2025 102,00 102,00 103,00 101,00 1,0M 0,98%",
            "03.12.2025 103,00 102,00 103,00 101,00 1,0M 0,99%",
            "02.12.2025 101,00 101,00 101,00 100,00 1,0M 1,00%",
        ),
        name="PETR4.csv",
    )
    assert said(parsed, "2 rows disagree", "2025-12-03")


def test_openings_that_repeat_the_previous_close_are_said(export: Export) -> None:
    rows = [f"0{7 - i}.03.2025 {100 + 5 - i},00 {100 + 4 - i},00 {100 + 5 - i},00 {100 + 4 - i},00 1,0M -" for i in range(5)]
    assert said(export.parse(portuguese(*rows), name="PETR4.csv"), "100.0 %", "opening")


def test_an_opening_outside_the_range_is_moved_to_its_end_and_said(export: Export) -> None:
    parsed = export.parse(portuguese("02.03.1995 2.989 3.271 3.267 2.970 6,00B -8,62%"))
    assert parsed.table.open[0] == 3267.0
    assert said(parsed, "opening", "1995-03-02")


def test_equal_duplicates_are_kept_once_and_conflicting_ones_rejected(export: Export) -> None:
    row = "02.12.2025 101,00 100,00 101,00 100,00 1,0M 1,00%"
    parsed = export.parse(
        portuguese(
            row, row, "02.12.2025 100,50 100,00 101,00 100,00 1,0M 1,00%", "01.12.2025 100,00 99,00 101,00 99,00 1,0M 1,00%"
        ),
        name="PETR4.csv",
    )
    assert parsed.rows == 4
    assert parsed.table.line.tolist() == [2, 5]
    assert [(bad.line, "line 2" in bad.reason) for bad in parsed.rejected] == [(4, True)]
    assert said(parsed, "1 line repeats")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("06.12.2025 101,00 100,00 101,00 100,00 1,0M 1,00%", "weekend"),
        ("04.12.2025 101,00 100,00 100,00 102,00 1,0M 1,00%", "high is below the low"),
        ("04.12.2025 0,00 100,00 101,00 0,00 1,0M 1,00%", "not positive"),
        ("04.12.2025 30.82 100,00 101,00 100,00 1,0M 1,00%", "'30.82'"),
        ("04.12.2025 - 100,00 101,00 100,00 1,0M 1,00%", "missing"),
        ("31.11.2025 101,00 100,00 101,00 100,00 1,0M 1,00%", "'31.11.2025'"),
        ("04.12.2025 101,00 100,00 101,00 100,00 1,0Q 1,00%", "'1,0Q'"),
        ("04.12.2025 101,00 100,00 101,00", "4 columns"),
    ],
)
def test_a_bad_row_is_rejected_with_line_and_reason_and_the_rest_kept(export: Export, row: str, reason: str) -> None:
    good = [f"0{number}.12.2025 101,00 100,00 101,00 100,00 1,0M 1,00%" for number in (1, 2)]
    parsed = export.parse(portuguese(good[0], row, good[1]), name="PETR4.csv")
    assert parsed.rows == 3
    assert [bad.line for bad in parsed.rejected] == [3]
    assert reason in parsed.rejected[0].reason
    assert parsed.table.line.tolist() == [2, 4]


def test_a_file_that_is_mostly_bad_is_refused(export: Export) -> None:
    with pytest.raises(RefusedFileError, match="2 of its 3 rows"):
        export.parse(
            portuguese("01.12.2025 x x x x - -", "02.12.2025 x x x x - -", "03.12.2025 1,00 1,00 1,00 1,00 - -"), name="PETR4.csv"
        )


def test_a_file_without_rows_is_an_error(export: Export) -> None:
    with pytest.raises(FileError, match="no data rows"):
        export.parse(HEADER)


def test_the_symbol_comes_from_the_option_before_the_name(export: Export) -> None:
    assert export.parse(portuguese("02.12.2025 1,00 1,00 1,00 1,00 - -"), name="ibov.csv", symbol="vale3").table.symbols == (
        "VALE3",
    )


def test_a_file_without_a_symbol_says_which_option_to_give(export: Export) -> None:
    with pytest.raises(FileError) as caught:
        export.parse(portuguese("02.12.2025 1,00 1,00 1,00 1,00 - -"), name="export.csv")
    assert "--symbol" in caught.value.hint


def test_weekly_bars_are_refused(export: Export) -> None:
    rows = [f"{from_day_number(20_000 + 7 * i).strftime('%d.%m.%Y')} 1,00 1,00 1,00 1,00 - -" for i in range(6)]
    with pytest.raises(RefusedFileError, match="weekly"):
        export.parse(portuguese(*rows), name="PETR4.csv")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Date,Open,High,Low,Close,Volume\n",
        b"date,price\n",
        b"00COTAHIST.2024BOVESPA 20241230",
        b"PETR4;30/12/2025;17:00:00;1;1;1;1;1;1",
        b"\xff\xfe\x00",
    ],
)
def test_other_formats_are_not_claimed(head: bytes, tmp_path: Path) -> None:
    assert not investing.recognises(head, "ibov investing.csv")
    path = tmp_path / "ibov.csv"
    path.write_bytes(head)
    with pytest.raises(FileError) as caught:
        investing.parse(SourceFile(path, "ibov.csv", len(head)), ImportOptions())
    assert isinstance(caught.value, UnrecognisedFileError) or "text" in caught.value.message or "empty" in caught.value.message


def real(name: str) -> ParsedFile:
    path = REAL / name
    return investing.parse(SourceFile(path, name, path.stat().st_size), ImportOptions(today=LONG_AGO))


def close_on(parsed: ParsedFile, when: date) -> float:
    return float(parsed.table.close[parsed.table.session == day_number(when)][0])


@needs_real
def test_the_file_of_the_requirements_is_whole() -> None:
    parsed = real("ibov_2023-12_2025-12.csv")
    assert (parsed.rows, len(parsed.table), parsed.rejected) == (502, 502, ())
    assert close_on(parsed, date(2025, 12, 12)) == 160766
    assert close_on(parsed, date(2025, 11, 27)) == 158360
    assert said(parsed, "unit", "2025-01-07")
    assert said(parsed, "opening", "previous close")
    assert not said(parsed, "disagree")
    assert not parsed.table.provisional.any()
    assert np.isnan(parsed.table.quantity).sum() + np.isnan(parsed.table.turnover).sum() == 502


@needs_real
def test_the_partial_last_row_is_provisional() -> None:
    parsed = real("ibov_2022_2025-09_partial_last_row.csv")
    assert parsed.table.session[parsed.table.provisional].tolist() == [day_number(date(2025, 9, 9))]
    assert said(parsed, "2025-09-09")


@needs_real
def test_thirty_years_are_read_and_the_change_column_agrees() -> None:
    parsed = real("ibov_1995_2025-07.csv")
    assert (len(parsed.table), parsed.rejected) == (7555, ())
    assert parsed.table.close[0] == 4301
    assert close_on(parsed, date(2007, 2, 20)) == 45849
    assert not said(parsed, "disagree")
    assert (
        parsed.table.turnover[~np.isnan(parsed.table.turnover)].size
        == (parsed.table.session >= day_number(date(2025, 1, 7))).sum()
    )


@needs_real
def test_two_exports_of_the_same_days_agree() -> None:
    short, longer = real("ibov_2023-12_2025-12.csv").table, real("ibov_2018_2025-12.csv").table
    common, mine, theirs = np.intersect1d(short.session, longer.session, return_indices=True)
    assert common.size > 490
    assert (short.close[mine] == longer.close[theirs]).all()
