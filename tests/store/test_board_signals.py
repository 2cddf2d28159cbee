"""The signals that the app lists: newest live runs first, HOLD only where asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.domain import Action, PriceBase, Signal, day_number
from engine.errors import StoreError
from engine.market.calendar import nominal_opening
from engine.store.board import RUNS_LISTED, Board, BoardSignal, open_board
from engine.store.database import Store, open_store
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step
from tests.desk_maker import END

SESSION = day_number(END)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "pregao.db")
    yield opened
    opened.close()


@pytest.fixture
def board(store: Store, tmp_path: Path) -> Iterator[Board]:
    opened = open_board(tmp_path / "pregao.db")
    assert opened is not None
    yield opened
    opened.close()


def signal(symbol: str, action: Action, strength: float, session: int = SESSION) -> Signal:
    bar = int(nominal_opening(np.array([session]))[0])
    return Signal(
        symbol, "1d", bar, "breakout", action, strength, 20.0, 19.0, 23.0, bar + 90_000, "why", {"adx": 30.0, "rsi": None},
        "ranging", PriceBase.RAW, 2, 0.5,
    )  # fmt: skip


def run(store: Store, session: int, *found: Signal, replay: bool = False, started_at: int = 0) -> None:
    name = f"{session}-{replay}-{started_at}"
    begin_run(store, Run(name, session, name, replay, "running", started_at, None, 1, "0", ""))
    finish_step(store, name, 0, StepRecord("signals", "done", 0.0, "", {}), found)
    end_run(store, name, "done", 1, started_at)


def test_a_signal_comes_back_whole(store: Store, board: Board) -> None:
    given = signal("PETR4", Action.BUY, 0.5)
    run(store, SESSION, given)
    (found,) = board.signals()
    assert isinstance(found, BoardSignal)
    for name in ("symbol", "timeframe", "time", "strategy", "regime", "strength", "price", "stop_loss", "take_profit", "size",
                 "valid_until", "reason", "market_context", "stale_sessions"):  # fmt: skip
        assert getattr(found, name) == getattr(given, name), name
    assert (found.action, found.price_base, found.session, found.run_session, found.name) == ("BUY", "raw", SESSION, SESSION, "")


def test_newest_run_first_then_the_strongest_and_hold_only_where_asked_for(store: Store, board: Board) -> None:
    run(store, SESSION - 1, signal("OLDR3", Action.SELL, 1.0, SESSION - 1))
    weak, strong = signal("WEAK3", Action.BUY, 0.2), signal("STRO3", Action.SELL, 0.9)
    run(store, SESSION, weak, signal("HOLD3", Action.HOLD, 0.0), strong)
    assert [item.symbol for item in board.signals()] == ["STRO3", "WEAK3", "OLDR3"]
    assert [item.symbol for item in board.signals(hold=True)] == ["STRO3", "WEAK3", "HOLD3", "OLDR3"]


def test_replays_and_old_runs_are_left_out(store: Store, board: Board) -> None:
    run(store, SESSION + 1, signal("REPL3", Action.BUY, 1.0), replay=True)
    for back in range(RUNS_LISTED + 2):
        run(store, SESSION - back, signal("PETR4", Action.BUY, 0.5, SESSION - back))
    assert [item.run_session for item in board.signals()] == [SESSION - back for back in range(RUNS_LISTED)]


def test_no_run_gives_none(board: Board) -> None:
    assert board.signals(hold=True) == []


def test_a_damaged_signal_is_one_sentence(store: Store, board: Board) -> None:
    run(store, SESSION, signal("PETR4", Action.BUY, 0.5))
    for damaged in ("not json", '{"symbol": "PETR4"}', '"a text"'):
        with store.write() as connection:
            connection.exec_driver_sql("UPDATE signals SET signal = ?", (damaged,))
        with pytest.raises(StoreError, match="cannot be read"):
            board.signals()
