"""Finding out what an export's prices mean."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain import PriceBase
from engine.ingestion.importer import import_files
from engine.ingestion.price_base import judge, settle_price_bases
from engine.ingestion.table import ImportOptions
from engine.market.calendar import nominal_opening
from engine.store.bars import list_series, read_bars
from engine.store.database import Store
from tests.store.market_maker import DATA, NOW, hours, put, table, weekdays

DAYS = weekdays(300)
TIME = nominal_opening(DAYS)
CLOSE = np.round(20 + 3 * np.sin(np.arange(300) / 20), 2)
#: Two dividends of 5 % and 2 %, taken off the prices before them, as an export of the last day shows them.
BACK = np.where(np.arange(300) < 100, 0.95 * 0.98, np.where(np.arange(300) < 220, 0.98, 1.0))
RAW, ADJUSTED, UNKNOWN = PriceBase.RAW, PriceBase.ADJUSTED, PriceBase.UNKNOWN
needs_real = pytest.mark.skipif(not DATA.is_dir(), reason="the real market files are not here")


def judged(store: Store, close: np.ndarray, days: slice = slice(None)) -> tuple[PriceBase, int, int]:  # type: ignore[type-arg]
    put(store, table(TIME, CLOSE), source="cotahist")
    put(store, table(TIME[days], close[days]), price_base=UNKNOWN)
    return judge(read_bars(store, "PETR4", source="file"), read_bars(store, "PETR4", source="cotahist"))


def test_equal_closes_of_many_sessions_are_raw(store: Store) -> None:
    off = CLOSE + np.where(np.arange(300) % 100 == 50, 0.3, 0.004)
    assert judged(store, off) == (RAW, 297, 300)


def test_equal_closes_of_few_sessions_prove_nothing(store: Store) -> None:
    assert judged(store, CLOSE, slice(100, 299)) == (UNKNOWN, 199, 199)


def test_closes_that_come_together_towards_the_newest_session_are_adjusted(store: Store) -> None:
    assert judged(store, CLOSE * BACK) == (ADJUSTED, 80, 300)


def test_closes_apart_at_the_newest_session_are_of_unknown_base(store: Store) -> None:
    base, _equal, compared = judged(store, CLOSE * 0.8)
    assert (base, compared) == (UNKNOWN, 300)


def test_closes_above_the_raw_ones_are_of_unknown_base(store: Store) -> None:
    assert judged(store, CLOSE / BACK)[0] is UNKNOWN


def test_closes_a_cent_away_are_of_unknown_base(store: Store) -> None:
    assert judged(store, CLOSE - 0.01) == (UNKNOWN, 0, 300)


def test_nothing_in_common_is_of_unknown_base(store: Store) -> None:
    put(store, table(TIME[:10], CLOSE[:10]), source="cotahist")
    put(store, table(TIME[10:], CLOSE[10:]), price_base=UNKNOWN)
    bars = read_bars(store, "PETR4", source="file"), read_bars(store, "PETR4", source="cotahist")
    assert judge(*bars) == (UNKNOWN, 0, 0)


def test_hours_are_judged_by_their_last_regular_close(store: Store) -> None:
    time = hours(DAYS, per_session=9)
    at = np.arange(time.size) % 9
    close = np.where(at == 7, np.repeat(CLOSE, 9), np.where(at == 8, 99.0, 15.0))
    put(store, table(TIME, CLOSE), source="cotahist")
    put(store, table(time, close, after_market=at == 8), "60m", UNKNOWN)
    assert settle_price_bases(store, ["PETR4"]) == [("PETR4", "60m", RAW, 300, 300)]
    assert {(item.timeframe, item.price_base) for item in list_series(store)} == {("1d", RAW), ("60m", RAW)}
    assert settle_price_bases(store, ["PETR4"]) == []


def test_only_series_of_unknown_base_with_a_raw_one_beside_them_are_settled(store: Store) -> None:
    put(store, table(TIME, CLOSE), price_base=UNKNOWN)
    assert settle_price_bases(store, ["PETR4", "VALE3"]) == []
    put(store, table(TIME, CLOSE * BACK), "60m", ADJUSTED)
    put(store, table(TIME[::5], CLOSE[::5]), "1w", UNKNOWN)
    put(store, table(TIME, CLOSE), source="cotahist")
    assert settle_price_bases(store, ["PETR4"]) == [("PETR4", "1d", RAW, 300, 300)]


def test_a_series_is_not_settled_onto_one_that_is_there_already(store: Store) -> None:
    put(store, table(TIME, CLOSE * BACK), price_base=UNKNOWN)
    put(store, table(TIME, CLOSE * BACK), price_base=ADJUSTED)
    put(store, table(TIME, CLOSE), source="cotahist")
    assert settle_price_bases(store, ["PETR4"]) == []
    assert len(list_series(store)) == 3


@needs_real
@pytest.mark.parametrize(
    ("name", "base"),
    [("PETR4_B_0_60min.csv", ADJUSTED), ("VALE3_B_0_60min.csv", RAW), ("ITUB4_B_0_60min.csv", ADJUSTED)],
)
@pytest.mark.parametrize("raw_first", [True, False])
def test_real_exports_are_told_apart(store: Store, name: str, base: PriceBase, raw_first: bool) -> None:
    paths = [DATA / "cotahist" / "four_tickers_2025.csv", DATA / "profit" / name]
    reports = import_files(store, paths if raw_first else paths[::-1], ImportOptions(), now=NOW)
    symbol = name[:5]
    (hourly,) = [item for item in list_series(store, [symbol]) if item.timeframe == "60m"]
    assert hourly.price_base is base
    assert [notice for notice in reports[-1].notices if f"{symbol} 60m turns out to be {base}" in notice]
