"""From files to the store: what is found, understood, written and said."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import PriceBase, day_number
from engine.errors import FileError, RefusedFileError, UnrecognisedFileError
from engine.ingestion.importer import Understood, expand, import_files, import_series
from engine.ingestion.table import ImportOptions
from engine.store.bars import list_series, read_bars
from engine.store.database import Store
from engine.store.values import read_values
from tests.ingestion.cotahist_maker import header, record, trailer
from tests.store.market_maker import NOW, dump, weekdays

OPTIONS = ImportOptions(today=day_number(date(1990, 1, 1)))


def csv(rows: int = 5, close: float = 10.0, symbol: str = "PETR4", first: date = date(2024, 1, 2)) -> str:
    lines = [
        f"{np.datetime64(int(day), 'D')},{symbol},{close},{close + 1},{close - 1},{close + number / 100:.2f},1000"
        for number, day in enumerate(weekdays(rows, first))
    ]
    return "\n".join(["date,symbol,open,high,low,close,quantity", *lines]) + "\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_files_folders_and_patterns_give_each_file_once_in_order(tmp_path: Path) -> None:
    a, b, c = (write(tmp_path / name, "x") for name in ("a.csv", "b.csv", "deep/er/c.txt"))
    write(tmp_path / ".hidden", "x")
    write(tmp_path / ".cache/x.csv", "x")
    assert expand([str(b), str(a)]) == [b, a]
    assert expand([str(tmp_path)]) == [a, b, c]
    assert expand([str(tmp_path / "*.csv")]) == [a, b]
    assert expand([str(tmp_path / "**" / "*.txt")]) == [c]
    assert expand([str(b), str(tmp_path), str(tmp_path / "*.csv")]) == [b, a, c]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    odd = write(tmp_path / "prices[1].csv", "x")
    write(tmp_path / "prices1.csv", "x")
    assert expand([str(odd)]) == [odd]


def test_a_name_or_pattern_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    for pattern in ("none.csv", "*.none"):
        with pytest.raises(FileError, match="There is no file") as caught:
            expand([str(tmp_path / pattern)])
        assert caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="holds no file"):
        expand([str(tmp_path / "empty")])


def test_a_file_is_imported_and_told(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "x.dat", csv())
    understood: list[Understood] = []
    (report,) = import_files(store, [path], OPTIONS, now=NOW, on_understood=understood.append)
    assert (report.path, report.format, report.symbols, report.timeframe) == (str(path), "ohlcv_csv", ("PETR4",), "1d")
    assert (report.rows, report.written, report.unchanged, report.revised, report.provisional) == (5, 5, 0, 0, 0)
    assert (report.price_base, report.error, report.rejected) == (PriceBase.UNKNOWN, None, ())
    assert (report.first, report.last) == ("2024-01-02T10:00:00-03:00", "2024-01-08T10:00:00-03:00")
    (facts,) = understood
    assert facts.first == "PETR4  2024-01-02  10 11 9 10  quantity 1000"
    assert facts.last == "PETR4  2024-01-08  10 11 9 10.04  quantity 1000"
    assert read_bars(store, "PETR4").close.tolist() == [10.0, 10.01, 10.02, 10.03, 10.04]


def test_the_report_has_the_keys_of_the_command(store: Store, tmp_path: Path) -> None:
    (report,) = import_files(store, [write(tmp_path / "x.csv", csv())], OPTIONS, now=NOW)
    (refused,) = import_files(store, [write(tmp_path / "y.csv", "nothing")], OPTIONS, now=NOW)
    wanted = {
        "path", "format", "symbols", "timeframe", "rows", "written", "unchanged", "rejected", "provisional", "price_base",
        "first", "last", "notices", "error",
    }  # fmt: skip
    assert wanted <= set(report.as_dict())
    assert report.as_dict()["error"] is None
    assert set(refused.as_dict()["error"]) == {"type", "message", "hint"}


def test_the_same_file_again_writes_nothing(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv())
    import_files(store, [path], OPTIONS, now=NOW)
    before = dump(store)
    (report,) = import_files(store, [path], OPTIONS, now=NOW + 60)
    assert (report.written, report.unchanged, report.revised) == (0, 5, 0)
    assert dump(store) == before


def test_rejected_rows_are_told_and_recorded_while_good_ones_are_kept(store: Store, tmp_path: Path) -> None:
    lines = csv().splitlines()
    lines[3] = lines[3].replace(",9.0,", ",12.0,")
    (report,) = import_files(store, [write(tmp_path / "x.csv", "\n".join(lines))], OPTIONS, now=NOW)
    assert (report.rows, report.written, [row.line for row in report.rejected]) == (5, 4, [4])
    with store.read() as connection:
        rejected, detail = connection.exec_driver_sql("SELECT rejected, detail FROM imports").one()
    assert rejected == 1
    assert f'"rejected": [[4, "{report.rejected[0].reason}"]]' in detail


def test_a_dry_run_writes_nothing(store: Store, tmp_path: Path) -> None:
    before = dump(store)
    understood: list[Understood] = []
    (report,) = import_files(
        store, [write(tmp_path / "x.csv", csv())], OPTIONS, now=NOW, dry_run=True, on_understood=understood.append
    )
    assert (report.rows, report.written, report.symbols, len(understood)) == (5, 0, ("PETR4",), 1)
    assert dump(store) == before


@pytest.mark.parametrize("content", ["", "hello\nworld\n", b"\x00\xff" * 500, "%PDF-1.4 x", "a;b;c\n1;2;3\n"])
def test_a_file_of_no_known_format_is_refused_with_a_hint(store: Store, tmp_path: Path, content: str | bytes) -> None:
    before = dump(store)
    (report,) = import_files(store, [write(tmp_path / "PETR4.csv", content)], OPTIONS, now=NOW)
    assert isinstance(report.error, UnrecognisedFileError)
    assert "PETR4.csv" in report.error.message
    assert (report.written, report.format) == (0, None)
    assert dump(store) == before


def test_one_bad_file_does_not_stop_the_others(store: Store, tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "1.csv", csv()), write(tmp_path / "2.csv", "nothing"), tmp_path / "none.csv",
        write(tmp_path / "3.csv", csv(symbol="VALE3")),
    ]  # fmt: skip
    reports = import_files(store, paths, OPTIONS, now=NOW)
    assert [report.written for report in reports] == [5, 0, 0, 5]
    assert [report.error is None for report in reports] == [True, False, False, True]


def test_each_member_of_a_zip_is_a_file_of_its_own(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "both.zip"
    cotahist = b"\r\n".join([header(), record("VALE3"), trailer(3)]) + b"\r\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", csv())
        archive.writestr("deep/b.txt", cotahist)
        archive.writestr("c.csv", "nothing")
    one, two, three = import_files(store, [path], OPTIONS, now=NOW)
    assert (one.path, one.format, one.written) == (f"{path}:a.csv", "ohlcv_csv", 5)
    assert (two.path, two.format, two.written, two.price_base) == (f"{path}:deep/b.txt", "cotahist", 1, PriceBase.RAW)
    assert (three.path, type(three.error)) == (f"{path}:c.csv", UnrecognisedFileError)
    assert [report.written for report in import_files(store, [path], OPTIONS, now=NOW)] == [0, 0, 0]


def test_the_price_base_that_the_user_names_is_the_one_that_is_stored(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv())
    (report,) = import_files(store, [path], ImportOptions(price_base=PriceBase.ADJUSTED), now=NOW)
    assert report.price_base is PriceBase.ADJUSTED
    assert [item.price_base for item in list_series(store)] == [PriceBase.ADJUSTED]


def test_todays_bars_are_provisional_until_they_come_again(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv())
    (report,) = import_files(store, [path], ImportOptions(today=day_number(date(2024, 1, 8))), now=NOW)
    assert (report.written, report.provisional) == (5, 1)
    assert len(read_bars(store, "PETR4")) == 4
    (report,) = import_files(store, [path], ImportOptions(today=day_number(date(2024, 1, 9))), now=NOW)
    assert (report.written, report.provisional, report.revised) == (1, 0, 0)
    assert len(read_bars(store, "PETR4")) == 5


def test_exports_that_cannot_be_joined_are_refused_and_change_nothing(store: Store, tmp_path: Path) -> None:
    import_files(store, [write(tmp_path / "x.csv", csv(50))], OPTIONS, now=NOW)
    before = dump(store)
    (report,) = import_files(store, [write(tmp_path / "y.csv", csv(50, 9.0, first=date(2024, 2, 1)))], OPTIONS, now=NOW)
    assert isinstance(report.error, RefusedFileError)
    assert dump(store) == before


def cotahist(sessions: int) -> bytes:
    days = [str(np.datetime64(int(day), "D")).replace("-", "") for day in weekdays(sessions)]
    rows = [record("PETR4", day, open_=1000, high=9000, low=500, close=1000 + number) for number, day in enumerate(days)]
    return b"\r\n".join([header(), *rows, trailer(len(rows) + 2)]) + b"\r\n"


def export(sessions: int) -> str:
    """The closes of `cotahist` in a file that does not say what its prices mean."""
    days = [np.datetime64(int(day), "D") for day in weekdays(sessions)]
    closes = [f"{day},PETR4,10.00,90.00,5.00,{10 + number / 100:.2f},1000" for number, day in enumerate(days)]
    return "\n".join(["date,symbol,open,high,low,close,quantity", *closes]) + "\n"


@pytest.mark.parametrize("raw_first", [True, False])
def test_an_unknown_base_is_found_out_once_raw_prices_lie_beside_it(store: Store, tmp_path: Path, raw_first: bool) -> None:
    paths = [write(tmp_path / "x.csv", export(250)), write(tmp_path / "y.txt", cotahist(250))]
    reports = import_files(store, paths[::-1] if raw_first else paths, OPTIONS, now=NOW)
    assert "PETR4 1d turns out to be raw: 250 of 250 closes equal the raw ones" in reports[-1].notices
    assert {item.price_base for item in list_series(store)} == {PriceBase.RAW}
    assert [report.written for report in import_files(store, paths, OPTIONS, now=NOW)] == [0, 0]


def test_a_base_left_open_by_a_killed_import_is_found_out_by_the_next(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "y.txt", cotahist(250))
    import_files(store, [write(tmp_path / "x.csv", export(250)), path], OPTIONS, now=NOW)
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE series SET price_base = 'unknown' WHERE source = 'file'")
    (report,) = import_files(store, [path], OPTIONS, now=NOW)
    assert report.written == 0
    assert [notice for notice in report.notices if "turns out to be" in notice]


def test_a_weekly_file_beside_raw_daily_prices_is_imported(store: Store, tmp_path: Path) -> None:
    days = [np.datetime64(int(day), "D") for day in weekdays(60, date(2024, 1, 1))[::5]]
    weekly = "\n".join(["date,open,high,low,close", *(f"{day},10,11,9,10" for day in days)])
    import_files(store, [write(tmp_path / "y.txt", cotahist(60))], OPTIONS, now=NOW)
    (report,) = import_files(store, [write(tmp_path / "PETR4.csv", weekly)], OPTIONS, now=NOW)
    assert (report.error, report.timeframe, report.written) == (None, "1w", 12)


def test_instruments_of_a_file_are_kept(store: Store, tmp_path: Path) -> None:
    from engine.store.bars import read_instrument

    import_files(store, [write(tmp_path / "y.txt", cotahist(2))], OPTIONS, now=NOW)
    assert read_instrument(store, "PETR4").isin == "BRXPTOACNOR1"


def test_a_series_of_values_is_imported_under_its_name(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "rates.csv", "data,valor\n2024-01-02,11.65\n2024-01-03,11.65\n2024-01-04,\n")
    report = import_series(store, path, "CDI", "", now=NOW)
    assert (report.format, report.symbols, report.rows, report.written, report.first, report.last) == (
        "series", ("CDI",), 3, 2, "2024-01-02", "2024-01-03",
    )  # fmt: skip
    assert import_series(store, path, "CDI", "", now=NOW).written == 0
    found = read_values(store, "CDI")
    assert found is not None
    assert (found[1].tolist(), found[2]) == ([11.65, 11.65], "annual_percent")


def test_a_series_in_an_archive_of_two_is_refused(store: Store, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", "data,valor\n2024-01-02,11.65\n")
        archive.writestr("b.csv", "data,valor\n2024-01-02,11.65\n")
    with pytest.raises(FileError, match="a series is one file"):
        import_series(store, tmp_path / "x.zip", "CDI", "", now=NOW)
