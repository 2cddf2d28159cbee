"""The real market files: each imports or is refused as its traps ask, and a second time changes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import PriceBase, day_number
from engine.errors import PregaoError, RefusedFileError
from engine.ingestion.importer import FileReport, import_files, import_series
from engine.ingestion.table import ImportOptions
from engine.store.bars import list_series, read_bars, read_series
from engine.store.database import Store
from engine.store.values import cash_return
from tests.store.market_maker import DATA, NOW, count, dump

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real market files are not here")
OPTIONS = ImportOptions(today=day_number(date(2026, 1, 2)))

#: File: symbols, timeframe, price base before it is compared, rows, written, provisional, rejected.
TAKEN = {
    "investing/ibov_2023-12_2025-12.csv": (1, "1d", "raw", 502, 502, 0, 0),
    "investing/ibov_1995_2025-07.csv": (1, "1d", "raw", 7555, 7555, 0, 0),
    "investing/ibov_2018_2025-12.csv": (1, "1d", "raw", 1970, 1970, 0, 0),
    "investing/ibov_2022_2025-09_partial_last_row.csv": (1, "1d", "raw", 770, 770, 1, 0),
    "profit/EMBR3_B_0_60min.csv": (1, "60m", "unknown", 3706, 3706, 0, 0),
    "profit/GGBR4_B_0_60min.csv": (1, "60m", "unknown", 4024, 4024, 0, 0),
    "profit/IBOV_B_0_15min.csv": (1, "15m", "raw", 9335, 9335, 0, 0),
    "profit/IBOV_B_0_60min.csv": (1, "60m", "raw", 3833, 3833, 0, 0),
    "profit/ITUB4_B_0_60min.csv": (1, "60m", "unknown", 4028, 4028, 0, 0),
    "profit/PETR4_B_0_15min.csv": (1, "15m", "unknown", 9395, 9395, 0, 0),
    "profit/PETR4_B_0_60min.csv": (1, "60m", "unknown", 4028, 4028, 0, 0),
    "profit/VALE3_B_0_15min.csv": (1, "15m", "unknown", 15026, 15026, 0, 0),
    "profit/VALE3_B_0_60min.csv": (1, "60m", "unknown", 4027, 4027, 0, 0),
    "cotahist/COTAHIST_A2024_head.TXT": (49, "1d", "raw", 49, 49, 0, 0),
    "cotahist/COTAHIST_D12022003.TXT": (188, "1d", "raw", 551, 188, 0, 0),
    "cotahist/four_tickers_2025.csv": (4, "1d", "raw", 1000, 1000, 0, 0),
    "series/BOVA11.csv": (1, "1d", "unknown", 1715, 1715, 0, 0),
    "series/PETR4.csv": (1, "1d", "unknown", 1954, 1954, 0, 0),
}


def taken(store: Store, *names: str) -> list[FileReport]:
    return import_files(store, [DATA / name for name in names], OPTIONS, now=NOW)


@pytest.mark.parametrize("name", TAKEN)
def test_a_real_file_is_taken_whole_and_a_second_time_changes_nothing(store: Store, name: str) -> None:
    (report,) = taken(store, name)
    assert report.error is None
    told = (report.timeframe, str(report.price_base), report.rows, report.written, report.provisional, len(report.rejected))
    assert (len(report.symbols), *told) == TAKEN[name]
    assert count(store, "bars") == report.written
    before = dump(store)
    (again,) = taken(store, name)
    assert (again.written, again.unchanged, again.revised) == (0, report.written, 0)
    assert dump(store) == before


def test_a_truncated_session_is_refused_and_leaves_nothing(store: Store) -> None:
    (report,) = taken(store, "cotahist/COTAHIST_D04012016_truncated.TXT")
    assert isinstance(report.error, RefusedFileError)
    assert "1745" in report.error.message
    assert count(store, "bars") == count(store, "series") == count(store, "imports") == 0


def test_a_yearly_file_without_a_trailer_is_said_to_be_unproven(store: Store) -> None:
    (report,) = taken(store, "cotahist/COTAHIST_A2024_head.TXT")
    assert "no trailer" in report.notices[0]


def test_files_that_are_no_bars_of_b3_are_refused_one_by_one(store: Store) -> None:
    names = sorted(path.name for path in (DATA / "series").glob("*.csv"))
    reports = taken(store, *(f"series/{name}" for name in names))
    assert {Path(report.path).stem for report in reports if report.error is None} == {
        "BOVA11", "ITUB4", "PETR4", "VALE3", "ibov_daily_1995_2025",
    }  # fmt: skip
    for report in reports:
        if report.error is not None:
            assert isinstance(report.error, PregaoError)
            assert report.error.hint
            assert "\n" not in report.error.message


def test_the_partial_last_row_is_kept_out_of_the_bars_until_it_is_final(store: Store) -> None:
    taken(store, "investing/ibov_2022_2025-09_partial_last_row.csv")
    last = day_number(date(2025, 9, 9))
    assert read_bars(store, "IBOV").session[-1] < last
    partial = read_bars(store, "IBOV", provisional=True)
    assert (partial.session[-1], partial.provisional.sum()) == (last, 1)
    (report,) = taken(store, "investing/ibov_2018_2025-12.csv")
    final = read_bars(store, "IBOV")
    assert not final.provisional.any()
    assert final.close[final.session == last][0] == 141_618.0
    assert report.written > 1970 - 770
    assert len(list_series(store)) == 1


def test_the_two_exports_of_one_share_are_told_apart_by_raw_prices(store: Store) -> None:
    names = [f"profit/{symbol}_B_0_60min.csv" for symbol in ("PETR4", "VALE3", "ITUB4")]
    taken(store, *names, "cotahist/four_tickers_2025.csv")
    bases = {item.symbol: item.price_base for item in list_series(store) if item.timeframe == "60m"}
    assert bases == {"PETR4": PriceBase.ADJUSTED, "VALE3": PriceBase.RAW, "ITUB4": PriceBase.ADJUSTED}


def test_hours_build_the_days_that_the_exchange_printed(store: Store) -> None:
    taken(store, "profit/VALE3_B_0_60min.csv")
    built = read_bars(store, "VALE3")
    taken(store, "cotahist/four_tickers_2025.csv")
    printed = read_bars(store, "VALE3", source="file")
    _common, left, right = np.intersect1d(built.session, printed.session, return_indices=True)
    assert left.size == 250
    assert (np.abs(built.close[left] - printed.close[right]) < 0.0051).mean() >= 0.98


def test_after_market_bars_are_kept_apart(store: Store) -> None:
    taken(store, "profit/PETR4_B_0_60min.csv")
    (series,) = list_series(store)
    whole = read_series(store, series)
    regular = read_bars(store, "PETR4", "60m")
    assert len(whole) == 4028
    assert 0 < whole.after_market.sum() == len(whole) - len(regular)


def test_real_rates_pay_cash(store: Store) -> None:
    report = import_series(store, DATA / "series" / "SELIC.csv", "SELIC", "", now=NOW)
    assert report.error is None
    found = cash_return(store, np.array([day_number(date(2010, 1, 4)), day_number(date(2024, 1, 2))]))
    assert found is not None
    np.testing.assert_allclose((1 + found[1]) ** 252 - 1, [0.0875, 0.1175], atol=1e-9)
