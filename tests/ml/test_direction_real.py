"""The direction on real market files: what was measured by others is found again, within the intervals they gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import NoDataError
from engine.ingestion.importer import import_files, import_series
from engine.ingestion.table import ImportOptions
from engine.ml.direction.data import load
from engine.ml.direction.evaluate import TimeEvaluation, evaluate
from engine.ml.direction.times import parse
from engine.store.database import Store, open_store
from tests.desk_maker import calendar

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NOW = 1_767_300_000
BARS = {
    "IBOV": ("investing/ibov_1995_2025-07.csv", "investing/ibov_2018_2025-12.csv", "investing/ibov_2023-12_2025-12.csv",
             "profit/IBOV_B_0_60min.csv"),
    "BOVA11": ("series/BOVA11.csv",),
}  # fmt: skip
SERIES = {
    **{name: f"{name}.csv" for name in ("SP500", "EWZ", "EWW", "VWO", "HYG", "TLT", "BRENT", "DXY", "DAX", "VIX", "US10Y")},
    **{name: f"{name.lower()}.csv" for name in ("WTI", "NIKKEI", "HANGSENG", "SHANGHAI", "IRONORE")},
}

pytestmark = pytest.mark.skipif(not (DATA / "series").exists(), reason="the real market files are not here")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The index by day and hour, and BOVA11, as they are imported."""
    made = open_store(tmp_path_factory.mktemp("real") / "pregao.db")
    for symbol, names in BARS.items():
        for name in names:
            for report in import_files(made, [DATA / name], ImportOptions(symbol=symbol), now=NOW, calendar=calendar()):
                assert report.error is None
    yield made
    made.close()


def judged(store: Store, *texts: str) -> list[TimeEvaluation]:
    return list(evaluate(load(store, calendar()), [parse(text) for text in texts]).times)


def test_the_bars_of_thirty_years_are_sessions_of_b3_but_for_one_ghost(store: Store) -> None:
    data = load(store, calendar())
    assert len(data) > 7_600
    assert data.notices == ("1 bar is of a day on which B3 did not trade and is left out: 2007-02-20.",)
    assert np.count_nonzero(np.isnan(data.label)) == 1
    assert data.opening_symbol == "BOVA11"


def test_the_opening_of_bova11_and_the_index_at_eleven_are_worth_what_was_measured(store: Store) -> None:
    opening, eleven, late = judged(store, "open", "11:00", "16:00")
    assert 0.646 <= opening.figures["accuracy"] <= 0.692
    assert 0.744 <= eleven.figures["accuracy"] <= 0.827
    assert late.figures["accuracy"] > 0.92
    assert all(item.figures["verdict"]["label"] == "skill" for item in (opening, eleven, late))
    sure = next(row for row in opening.figures["selective"] if row["distance"] == 0.15)
    assert 0.738 <= sure["accuracy"] <= 0.798


def test_without_other_markets_the_time_before_the_opening_is_not_judged(store: Store) -> None:
    with pytest.raises(NoDataError):
        judged(store, "preopen")


@pytest.fixture(scope="module")
def whole(store: Store) -> Store:
    """The same with the other markets."""
    for name, file in SERIES.items():
        assert import_series(store, DATA / "series" / file, name, "", now=NOW).error is None
    assert import_series(store, DATA / "series" / "DAX.csv", "DAX_OPEN", "Open", now=NOW).error is None
    return store


@pytest.mark.slow
def test_half_an_hour_of_the_session_is_worth_what_was_measured(store: Store) -> None:
    for report in import_files(
        store, [DATA / "profit/IBOV_B_0_15min.csv"], ImportOptions(symbol="IBOV"), now=NOW, calendar=calendar()
    ):
        assert report.error is None
    early, later = judged(store, "10:30", "10:45")
    assert early.session.size == 193
    assert 0.655 <= early.figures["accuracy"] <= 0.785
    assert 0.666 <= later.figures["accuracy"] <= 0.796


@pytest.mark.slow
def test_after_the_close_nothing_gets_near_three_in_four_and_before_the_opening_little_more(whole: Store) -> None:
    close, preopen = judged(whole, "close", "preopen")
    assert close.figures["sessions"] > 2_700
    assert 0.520 <= close.figures["accuracy"] <= 0.557
    assert 0.552 <= preopen.figures["accuracy"] <= 0.591
    assert close.figures["windows_30"]["share_at_least_75"] <= 0.03
    assert close.figures["gate"]["attainable"] is False
    assert close.figures["verdict"]["label"] == "no skill"
    assert close.figures["baselines"]["requirement"]["accuracy"] < close.figures["baselines"]["always_up"]["accuracy"]
