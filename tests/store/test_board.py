"""The board gives the values of the NumPy path, without NumPy, while others write."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count as counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain import Action, Instrument, PriceBase, Signal
from engine.errors import StoreError
from engine.market.calendar import nominal_opening
from engine.store.bars import list_series, read_bars
from engine.store.board import SPARK_SESSIONS, Board, BoardRow, open_board
from engine.store.database import Store, open_store
from engine.store.ledger import Run, StepRecord, begin_run, finish_step
from engine.store.series import choose_series
from engine.store.watchlists import add_symbols
from tests.store.market_maker import NOW, hours, put, table, weekdays

ROOT = Path(__file__).parents[2]
UNTIL_SIX = 8


@pytest.fixture
def board(store: Store) -> Iterator[Board]:
    opened = open_board(store.path)
    assert opened is not None
    yield opened
    opened.close()


def same(value: float | None, expected: float) -> bool:
    return math.isnan(expected) if value is None else value == pytest.approx(expected, rel=1e-12)


def assert_equals_numpy(store: Store, board: Board, symbol: str) -> None:
    """The row and the candles of one symbol against `read_bars`."""
    bars = read_bars(store, symbol, "1d", provisional=True)
    row, candles = board.row(symbol), board.candles(symbol, 1000)
    if not len(bars):
        assert row is None
        assert candles == []
        return
    assert row is not None
    chosen = choose_series(list_series(store, [symbol]), "1d")
    assert chosen is not None
    assert (row.timeframe, row.source, row.price_base) == (chosen.timeframe, chosen.source, chosen.price_base)
    assert (row.session, row.last, row.provisional) == (bars.session[-1], bars.close[-1], bars.provisional[-1])
    assert same(row.change, bars.close[-1] / bars.close[-2] - 1 if len(bars) > 1 else math.nan)
    assert same(row.quantity, bars.quantity[-1])
    assert same(row.turnover, bars.turnover[-1])
    assert row.spark == tuple(bars.close[-SPARK_SESSIONS:])
    for name in ("session", "open", "high", "low", "close", "provisional"):
        assert [getattr(candle, name) for candle in candles] == getattr(bars, name).tolist(), name
    assert all(same(candle.quantity, expected) for candle, expected in zip(candles, bars.quantity, strict=True))
    assert board.candles(symbol, 3) == candles[-3:]


def run(identity: str, session: int, *, replay: bool = False, started_at: int = NOW) -> Run:
    return Run(identity, session, identity, replay, "running", started_at, None, 1, "0", "")


def record(store: Store, made: Run, action: Action, bar: int, strategy: str = "trend_following", symbol: str = "PETR4") -> None:
    begin_run(store, made)
    signal = Signal(symbol, "1d", bar, strategy, action, 0.5, 10.0, None, None, bar, "")
    finish_step(store, made.id, 0, StepRecord("signals", "done", 0.0, "", {}), [signal])


def test_a_daily_series_is_shown_by_its_last_two_sessions(store: Store, board: Board) -> None:
    days = weekdays(40)
    closes = 10 + np.arange(40) / 4
    instruments = {"PETR4": Instrument("PETR4", name="PETROBRAS PN")}
    put(store, table(nominal_opening(days), closes, quantity=300.0, turnover=5925.0), instruments=instruments)
    assert board.row("PETR4") == BoardRow(
        symbol="PETR4",
        name="PETROBRAS PN",
        timeframe="1d",
        session=int(days[-1]),
        last=19.75,
        change=19.75 / 19.5 - 1,
        quantity=300.0,
        turnover=5925.0,
        spark=tuple(closes[10:]),
        price_base=PriceBase.RAW,
        source="file",
        provisional=False,
    )
    assert_equals_numpy(store, board, "PETR4")


def test_what_a_source_does_not_say_is_none(store: Store, board: Board) -> None:
    put(store, table(nominal_opening(weekdays(1)), [10.0], quantity=np.nan))
    row = board.row("PETR4")
    assert row is not None
    assert (row.change, row.quantity, row.turnover, row.spark) == (None, None, None, (10.0,))
    assert math.isnan(board.candles("PETR4", 5)[0].volume)


def test_daily_values_are_made_from_intraday_bars(store: Store, board: Board) -> None:
    opening = hours(weekdays(35), UNTIL_SIX)
    put(store, table(opening, 10 + np.arange(opening.size) / 8, turnover=7.0), "60m")
    row = board.row("PETR4")
    assert row is not None
    assert (row.timeframe, row.quantity, row.turnover) == ("60m", UNTIL_SIX * 100.0, UNTIL_SIX * 7.0)
    assert row.spark[-2:] == (10 + (opening.size - 1 - UNTIL_SIX) / 8, 10 + (opening.size - 1) / 8)
    assert row.last == row.spark[-1]
    assert len(row.spark) == SPARK_SESSIONS
    assert not row.provisional
    assert_equals_numpy(store, board, "PETR4")


def test_after_market_bars_are_kept_apart(store: Store, board: Board) -> None:
    opening = hours(weekdays(5), 9)
    late = np.tile(np.arange(9) == 8, 5)
    put(store, table(opening, np.where(late, 99.0, 10.0 + np.arange(45)), after_market=late), "60m")
    row = board.row("PETR4")
    assert row is not None
    assert row.spark == (17.0, 26.0, 35.0, 44.0, 53.0)
    assert row.quantity == 800.0
    assert max(candle.high for candle in board.candles("PETR4", 5)) < 99.0
    assert_equals_numpy(store, board, "PETR4")


def test_a_session_with_nothing_but_after_market_bars_does_not_count(store: Store, board: Board) -> None:
    opening = hours(weekdays(4), 2)
    put(store, table(opening, np.arange(1.0, 9.0), after_market=[False, False, True, True, False, False, True, True]), "60m")
    row = board.row("PETR4")
    assert row is not None
    assert row.spark == (2.0, 6.0)
    put(store, table(opening, 5.0, "VALE3", after_market=True), "60m")
    assert board.row("VALE3") is None
    assert_equals_numpy(store, board, "PETR4")
    assert_equals_numpy(store, board, "VALE3")


@pytest.mark.parametrize("timeframe", ["1d", "60m"])
def test_a_provisional_last_bar_is_shown_and_said(store: Store, board: Board, timeframe: str) -> None:
    opening = hours(weekdays(3), UNTIL_SIX) if timeframe == "60m" else nominal_opening(weekdays(3))
    last = np.arange(opening.size) == opening.size - 1
    put(store, table(opening, 10.0 + last, provisional=last), timeframe)
    row = board.row("PETR4")
    assert row is not None
    assert (row.last, row.change, row.provisional) == (11.0, pytest.approx(0.1), True)
    assert_equals_numpy(store, board, "PETR4")


def test_intraday_bars_that_end_before_the_close_make_a_provisional_day(store: Store, board: Board) -> None:
    put(store, table(hours(weekdays(3), UNTIL_SIX)[:-2], 10.0), "60m")
    row = board.row("PETR4")
    assert row is not None
    assert row.provisional
    assert_equals_numpy(store, board, "PETR4")


def test_the_series_is_the_one_that_read_bars_chooses(store: Store, board: Board) -> None:
    days = weekdays(10)
    put(store, table(nominal_opening(days[:8]), 10.0), source="cotahist")
    put(store, table(nominal_opening(days), 11.0), source="investing", price_base=PriceBase.ADJUSTED)
    put(store, table(nominal_opening(days), 12.0), source="profit", price_base=PriceBase.UNKNOWN)
    put(store, table(hours(days), 13.0), "60m")
    row = board.row("PETR4")
    assert row is not None
    assert (row.last, row.source, row.price_base) == (11.0, "investing", PriceBase.ADJUSTED)
    assert_equals_numpy(store, board, "PETR4")


def test_a_revised_bar_is_shown_with_its_new_value(store: Store, board: Board) -> None:
    opening = nominal_opening(weekdays(60))
    put(store, table(opening, 10.0))
    assert put(store, table(opening, np.where(opening == opening[-1], 10.5, 10.0)), now=NOW + 1).revised == 1
    row = board.row("PETR4")
    assert row is not None
    assert (row.last, row.change) == (10.5, pytest.approx(0.05))
    assert_equals_numpy(store, board, "PETR4")


def test_weekly_bars_alone_and_unknown_symbols_have_no_row(store: Store, board: Board) -> None:
    put(store, table(nominal_opening(weekdays(10)[::5]), 10.0), "1w")
    assert board.row("PETR4") is None
    assert board.row("NADA3") is None
    assert board.candles("NADA3", 10) == []
    assert board.all_symbols() == ["PETR4"]


_numbers = counter()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["15m", "60m", "1d"]),
            st.sampled_from(list(PriceBase)),
            st.integers(1, 45),
            st.integers(0, 10),
            st.integers(0, 2**32 - 1),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda item: item[:2],
    )
)
def test_any_series_give_the_row_of_the_numpy_path(
    store: Store, board: Board, specifications: list[tuple[str, PriceBase, int, int, int]]
) -> None:
    symbol = f"TEST{next(_numbers)}"
    for number, (timeframe, base, sessions, skipped, seed) in enumerate(specifications):
        random = np.random.default_rng(seed)
        days = weekdays(sessions + skipped)[skipped:]
        opening = nominal_opening(days) if timeframe == "1d" else hours(days, 9, 900 if timeframe == "15m" else 3600)
        kept = random.random(opening.size) < 0.8
        kept[random.integers(opening.size)] = True
        opening = opening[kept]
        size = opening.size
        rows = table(
            opening,
            random.uniform(1, 50, size).round(2),
            symbol,
            provisional=random.random(size) < 0.1,
            after_market=(random.random(size) < 0.3) & (timeframe != "1d"),
            quantity=np.where(random.random(size) < 0.05, np.nan, random.integers(0, 1000, size)),
            turnover=random.uniform(0, 1e6, size),
        )
        put(store, rows, timeframe, base, source=f"source{number}")
    assert_equals_numpy(store, board, symbol)


def test_lists_give_their_symbols_and_an_empty_one_gives_all(store: Store, board: Board) -> None:
    for symbol in ("VALE3", "PETR4", "ITUB4"):
        put(store, table(nominal_opening(weekdays(2)), 10.0, symbol))
    add_symbols(store, ["PETR4", "ABEV3"], "mine")
    assert board.lists() == {"mine": 2}
    assert board.symbols("mine") == ["PETR4", "ABEV3"]
    assert board.symbols("default") == board.all_symbols() == ["ITUB4", "PETR4", "VALE3"]


def test_the_signal_is_that_of_the_newest_live_run(store: Store, board: Board) -> None:
    days = weekdays(5)
    opening = nominal_opening(days).tolist()
    put(store, table(opening, 10.0))
    row = board.row("PETR4")
    assert row is not None
    assert (row.signal, row.signal_strategy, row.signal_time, row.signal_session) == (None, "", None, None)
    record(store, run("b", int(days[3])), Action.BUY, opening[3])
    record(store, run("a", int(days[1]), started_at=NOW + 50), Action.HOLD, opening[1])
    record(store, run("c", int(days[4]), replay=True), Action.SELL, opening[4])
    record(store, run("d", int(days[4])), Action.SELL, opening[4], symbol="VALE3")
    row = board.row("PETR4")
    assert row is not None
    assert (row.signal, row.signal_strategy) == ("BUY", "trend_following")
    assert (row.signal_time, row.signal_session) == (opening[3], int(days[3]))


def test_without_a_database_or_its_schema_there_is_no_board(tmp_path: Path) -> None:
    assert open_board(tmp_path / "absent.db") is None
    assert not (tmp_path / "absent.db").exists()
    (tmp_path / "empty.db").touch()
    assert open_board(tmp_path / "empty.db") is None
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE alembic_version (version_num TEXT)")
    other.execute("INSERT INTO alembic_version VALUES ('of another age')")
    other.commit()
    other.close()
    assert open_board(tmp_path / "other.db") is None


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("Not a database, but long enough to have a header. " * 40)
    with pytest.raises(StoreError, match=r"text\.db"):
        open_board(tmp_path / "text.db")


def test_a_damaged_page_or_bar_is_refused(store: Store, board: Board) -> None:
    put(store, table(nominal_opening(weekdays(3)), 10.0))
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE bars SET bar = x'00'")
    for call in (lambda: board.row("PETR4"), lambda: board.candles("PETR4", 5)):
        with pytest.raises(StoreError):
            call()
    assert board.all_symbols() == ["PETR4"]


def test_a_path_with_odd_characters_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "50% ação #1" / "pregao.db"
    store = open_store(path)
    put(store, table(nominal_opening(weekdays(3)), 10.0))
    store.close()
    opened = open_board(path)
    assert opened is not None
    assert opened.all_symbols() == ["PETR4"]
    opened.close()


def test_the_board_cannot_write(board: Board) -> None:
    with pytest.raises(StoreError):
        board._all("DELETE FROM watchlists")


def test_the_version_changes_when_another_connection_commits(store: Store, board: Board) -> None:
    before = board.version()
    assert board.version() == before
    put(store, table(nominal_opening(weekdays(3)), 10.0))
    after = board.version()
    assert after != before
    board.row("PETR4")
    assert board.version() == after


WRITER = """
import sys
from pathlib import Path
import numpy as np
from engine.market.calendar import nominal_opening
from engine.store.database import open_store
from tests.store.market_maker import put, table, weekdays
store = open_store(Path(sys.argv[1]))
opening = nominal_opening(weekdays(60))
for value in range(1, 41):
    put(store, table(opening, float(value), quantity=value * 100.0, spread=0.5, provisional=True))
    print(value, flush=True)
"""


def test_a_row_is_of_one_state_while_another_process_writes(store: Store, board: Board) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store.path)], cwd=ROOT, stdout=subprocess.DEVNULL)
    seen: list[float] = []
    versions = {board.version()}
    deadline = time.monotonic() + 20
    while writer.poll() is None and time.monotonic() < deadline:
        row = board.row("PETR4")
        versions.add(board.version())
        if row is not None:
            assert set(row.spark) == {row.last}
            assert row.quantity == row.last * 100
            seen.append(row.last)
    assert writer.wait(timeout=5) == 0
    row = board.row("PETR4")
    assert row is not None
    assert row.last == 40
    assert seen == sorted(seen)
    assert len(set(seen)) > 1
    assert len(versions) > 1


FORBIDDEN = {"numpy", "pandas", "sqlalchemy", "alembic", "pydantic", "pydantic_settings", "numba", "babel", "exchange_calendars"}


def test_nothing_heavy_is_imported_for_the_first_frame(store: Store, tmp_path: Path) -> None:
    put(store, table(hours(weekdays(3)), 10.0), "60m")
    script = (
        "import json, sys; from pathlib import Path\n"
        "from engine.market.session_cache import find_sessions, last_closed_session, sessions_behind\n"
        "from engine.store.board import open_board\n"
        f"board = open_board(Path({str(store.path)!r})); assert board.row('PETR4') and board.candles('PETR4', 2)\n"
        f"known = find_sessions(Path({str(tmp_path)!r})); sessions_behind(1, last_closed_session(known, 1), known)\n"
        "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    loaded: list[Any] = json.loads(done.stdout)
    assert not FORBIDDEN & set(loaded)
