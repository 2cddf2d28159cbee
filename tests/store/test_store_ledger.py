"""Runs, their steps and signals, and the trials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain import Action, Signal
from engine.errors import StoreError
from engine.store.database import Store
from engine.store.ledger import (
    Run,
    StepRecord,
    begin_run,
    end_run,
    finish_step,
    list_runs,
    read_signals,
    read_step,
    read_trials,
    record_backtest,
    trial_key,
)
from tests.store.market_maker import NOW, count

RUN = Run("20240102-close", 19_724, "close", False, "running", NOW, None, 3, "0.1.0", "abc")
STEP = StepRecord("signals", "done", 1.25, "in", {"BUY": 1})


def signal(symbol: str = "PETR4", action: Action = Action.BUY) -> Signal:
    return Signal(symbol, "1d", NOW, "trend_following", action, 0.5, 30.0, 28.0, None, NOW + 86_400, "because", {"adx": None})


def test_a_run_is_recorded_with_its_steps_in_order(store: Store) -> None:
    begin_run(store, RUN)
    finish_step(store, RUN.id, 1, STEP)
    finish_step(store, RUN.id, 0, replace(STEP, name="import", detail={}))
    (found,) = list_runs(store)
    assert (found["id"], found["status"], found["finished_at"], found["snapshot"]) == (RUN.id, "running", None, 3)
    assert [step["name"] for step in found["steps"]] == ["import", "signals"]
    end_run(store, RUN.id, "done", 4, NOW + 9)
    (found,) = list_runs(store)
    assert (found["status"], found["finished_at"], found["snapshot"]) == ("done", NOW + 9, 4)


def test_the_same_run_again_starts_over_and_keeps_its_finished_steps(store: Store) -> None:
    begin_run(store, RUN)
    finish_step(store, RUN.id, 0, STEP, [signal()])
    end_run(store, RUN.id, "done", 4, NOW + 9)
    begin_run(store, replace(RUN, started_at=NOW + 100, snapshot=7, inputs="def"))
    (found,) = list_runs(store)
    assert (found["status"], found["started_at"], found["finished_at"], found["snapshot"], found["inputs"]) == (
        "running", NOW + 100, None, 7, "def",
    )  # fmt: skip
    assert read_step(store, RUN.id, "signals") == STEP
    assert len(read_signals(store, RUN.id)) == 1


def test_one_session_and_decision_time_has_one_run_and_one_replay(store: Store) -> None:
    begin_run(store, RUN)
    begin_run(store, replace(RUN, id="replay", replay=True))
    with pytest.raises(StoreError, match="UNIQUE"):
        begin_run(store, replace(RUN, id="another"))
    assert count(store, "runs") == 2


def test_a_step_again_replaces_itself_and_its_signals(store: Store) -> None:
    begin_run(store, RUN)
    assert read_step(store, RUN.id, "signals") is None
    finish_step(store, RUN.id, 0, STEP, [signal("VALE3"), signal("PETR4")])
    assert [item["symbol"] for item in read_signals(store, RUN.id)] == ["PETR4", "VALE3"]
    finish_step(store, RUN.id, 1, replace(STEP, name="other"))
    assert len(read_signals(store, RUN.id)) == 2
    finish_step(store, RUN.id, 0, replace(STEP, seconds=2.0), [signal("PETR4", Action.SELL)])
    assert read_signals(store, RUN.id) == [signal("PETR4", Action.SELL).as_dict()]
    assert read_step(store, RUN.id, "signals") == replace(STEP, seconds=2.0)
    finish_step(store, RUN.id, 0, STEP, [])
    assert read_signals(store, RUN.id) == []


def test_a_step_and_its_signals_are_recorded_together_or_not_at_all(store: Store) -> None:
    begin_run(store, RUN)
    finish_step(store, RUN.id, 0, STEP, [signal("ABEV3")])
    with pytest.raises(StoreError, match="UNIQUE"):
        finish_step(store, RUN.id, 0, replace(STEP, seconds=9.0), [signal("PETR4"), signal("PETR4")])
    assert read_step(store, RUN.id, "signals") == STEP
    assert [item["symbol"] for item in read_signals(store, RUN.id)] == ["ABEV3"]


def test_a_step_of_no_run_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        finish_step(store, "none", 0, STEP)


def test_the_newest_runs_come_first(store: Store) -> None:
    for number in range(5):
        begin_run(store, replace(RUN, id=str(number), session=RUN.session + number, started_at=NOW + number))
    assert [run["id"] for run in list_runs(store, limit=2)] == ["4", "3"]


def backtest(store: Store, **changed: object) -> None:
    asked = {
        "now": NOW, "symbol": "PETR4", "timeframe": "1d", "strategy": "trend_following", "params": {"fast": 10, "slow": 30},
        "start": 0, "end": 9, "snapshot": 1, "order_hash": "h", "result": {"metrics": {}},
    }  # fmt: skip
    record_backtest(store, **(asked | changed))  # type: ignore[arg-type]


def trials(store: Store, **params: int) -> int:
    return len(read_trials(store, "PETR4", "1d").keys() | {trial_key("trend_following", params)})


def test_a_trial_is_counted_once_for_each_set_of_parameters(store: Store) -> None:
    assert trials(store, fast=10, slow=30) == 1
    backtest(store)
    backtest(store, now=NOW + 1)
    backtest(store, params={"slow": 30, "fast": 10})
    assert count(store, "backtests") == 1
    assert trials(store, fast=10, slow=30) == 1
    assert trials(store, fast=11, slow=30) == 2
    backtest(store, params={"fast": 11, "slow": 30})
    backtest(store, snapshot=2, end=10)
    assert count(store, "backtests") == 3
    assert trials(store, fast=11, slow=30) == 2
    backtest(store, strategy="mean_reversion")
    assert trials(store, fast=10, slow=30) == 3
    backtest(store, symbol="VALE3", params={"fast": 99})
    backtest(store, timeframe="60m", params={"fast": 99})
    assert trials(store, fast=10, slow=30) == 3
