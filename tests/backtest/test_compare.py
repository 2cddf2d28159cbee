"""Strategies compared on one series: the same window for all, an order that does not flatter, trials that are counted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from engine.backtest.compare import Comparison, compare, rank
from engine.backtest.execution import Execution
from engine.backtest.run import read_inputs, run_backtest, trade
from engine.desk import Desk, open_desk
from engine.domain import Bars
from engine.errors import NoDataError, UsageError
from engine.store.ledger import read_trials, trial_key
from engine.strategies.base import Decisions, Strategy, ranged
from engine.workspace import Workspace
from tests.desk_maker import DAILY, MORNING, SESSIONS, import_market, make_market, plain_environment

SYMBOL = DAILY[0]
COUNT = "engine.backtest.compare.MIN_TRADES"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("compare")
    with plain_environment():
        import_market(home, make_market(home / "files"))
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Iterator[Desk]:
    import shutil

    with plain_environment():
        opened = open_desk(Workspace(Path(shutil.copytree(made, tmp_path / "home"))), lambda: MORNING)
        yield opened
        opened.close()


@dataclass(frozen=True)
class Every(Strategy):
    """Goes long and out again in turn, `pause` bars apart; `wait` bars are its warm-up."""

    name: ClassVar[str] = "every"
    pause: int = ranged(5, 1, 500, "")
    wait: int = ranged(3, 1, 500, "")

    @property
    def warm_up(self) -> int:
        return self.wait

    def decide(self, bars: Bars) -> Decisions:
        action = np.zeros(len(bars), dtype=np.int8)
        turns = np.arange(self.wait, len(bars), self.pause)
        action[turns] = np.where(np.arange(turns.size) % 2 == 0, 1, -1)
        nan = np.full(len(bars), np.nan)
        return Decisions(action, np.abs(action).astype(np.float64), nan, nan)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        return ""

    def context(self, bars: Bars) -> dict[str, float | None]:
        return {}


def compared(desk: Desk, *strategies: Strategy, **options: Any) -> Comparison:
    return compare(desk.store, desk.settings, SYMBOL, strategies, now=MORNING, **options)


def test_all_are_scored_from_the_bar_after_the_longest_warm_up(desk: Desk) -> None:
    found = compared(desk, Every(wait=3), Every(wait=20), Every(wait=11))
    assert {(result.first, result.last) for result in found.ranking} == {(20, SESSIONS - 1)}
    assert len({tuple(result.hold.equity) for result in found.ranking}) == 1
    assert len({result.config for result in found.ranking}) == 1


def test_nothing_is_traded_before_the_common_window(desk: Desk) -> None:
    early = next(result for result in compared(desk, Every(wait=3), Every(wait=40)).ranking if result.strategy.warm_up == 3)
    assert min(item.entry_index for item in early.trades) > 40


def test_a_start_after_the_warm_up_is_kept(desk: Desk) -> None:
    inputs = read_inputs(desk.store, desk.settings, SYMBOL, timeframe="1d", start=None, end=None, capital=None, costs=None)
    start = int(inputs.bars.time[50])
    found = compared(desk, Every(), Every(wait=20), start=start)
    assert {result.first for result in found.ranking} == {50}
    assert not any("20 that" in text for text in found.notices)


def test_all_are_traded_with_the_orders_that_are_asked_for(desk: Desk) -> None:
    held = compared(desk, Every(wait=3), Every(wait=20), execution=Execution(time_exit=2))
    assert {result.config.execution.time_exit for result in held.ranking} == {2}
    plain = compared(desk, Every(wait=3), Every(wait=20))
    assert {result.order_hash for result in held.ranking}.isdisjoint(result.order_hash for result in plain.ranking)


def test_alone_a_strategy_makes_what_a_backtest_of_it_makes(desk: Desk) -> None:
    (alone,) = compared(desk, Every()).ranking
    tested = run_backtest(desk.store, desk.settings, SYMBOL, Every(), now=MORNING)
    assert alone.order_hash == tested.order_hash
    assert alone.as_dict() == tested.as_dict()


def test_the_order_is_by_sharpe_ratio(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COUNT, 1)
    ratios = [
        result.metrics["sharpe_ratio"] for result in compared(desk, *(Every(pause=pause) for pause in (1, 2, 4, 7))).ranking
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert len(set(ratios)) == 4


def test_few_trades_stand_below_whatever_they_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Every(pause=pause, wait=wait) for pause in (1, 2, 4, 7) for wait in (3, 4)]
    monkeypatch.setattr(COUNT, 0)
    every = compared(desk, *asked).ranking
    monkeypatch.setattr(COUNT, every[0].metrics["trades"] + 1)
    found = compared(desk, *asked)
    enough = [item["enough_trades"] for item in found.as_dict()["ranking"]]
    assert enough == sorted(enough, reverse=True)
    assert 0 < sum(enough) < len(enough)
    first_of_few = found.ranking[sum(enough)]
    assert first_of_few.strategy == every[0].strategy
    assert first_of_few.metrics["sharpe_ratio"] > found.ranking[0].metrics["sharpe_ratio"]
    assert any("below the others" in text for text in found.notices)


def test_no_ratio_stands_after_any_and_a_tie_goes_to_the_return(desk: Desk) -> None:
    inputs = read_inputs(desk.store, desk.settings, SYMBOL, timeframe="1d", start=None, end=None, capital=None, costs=None)

    def made(ratio: float, total: float) -> Any:
        result = replace(trade(inputs, Every()))
        result.__dict__["metrics"] = {"trades": 50, "sharpe_ratio": ratio, "total_return": total}
        return result

    asked = [made(math.nan, 9.0), made(-1.0, 0.1), made(0.5, 0.1), made(0.5, 0.2)]
    order = [id(result) for result in sorted(asked, key=rank)]
    assert order == [id(result) for result in reversed(asked)]


def test_every_strategy_is_a_trial_for_every_other(desk: Desk) -> None:
    run_backtest(desk.store, desk.settings, SYMBOL, Every(pause=9), now=MORNING)
    asked = [Every(pause=pause) for pause in (2, 3, 4)]
    found = compared(desk, *asked)
    assert {result.trials for result in found.ranking} == {4}
    assert len({round(result.trial_variance, 15) for result in found.ranking}) == 1
    known = read_trials(desk.store, SYMBOL, "1d")
    for result in found.ranking:
        per_bar = result.metrics["sharpe_ratio"] / math.sqrt(result.periods)
        assert known[trial_key("every", result.strategy.params)] == pytest.approx(per_bar)
    assert np.var(list(known.values()), ddof=1) == pytest.approx(found.ranking[0].trial_variance)


def test_again_it_says_the_same_and_counts_nothing_twice(desk: Desk) -> None:
    asked = [Every(pause=pause) for pause in (2, 3)]
    first = compared(desk, *asked).as_dict()
    assert compared(desk, *reversed(asked)).as_dict() == first
    assert len(read_trials(desk.store, SYMBOL, "1d")) == 2


def test_too_few_bars_for_the_slowest_name_it_and_record_nothing(desk: Desk) -> None:
    with pytest.raises(NoDataError, match="needs 402"):
        compared(desk, Every(), Every(wait=400))
    assert not read_trials(desk.store, SYMBOL, "1d")


def test_nothing_and_the_same_twice_are_no_comparison(desk: Desk) -> None:
    with pytest.raises(UsageError):
        compared(desk)
    with pytest.raises(UsageError):
        compared(desk, Every(), Every())


def test_an_undefined_ratio_of_a_trial_counts_but_spreads_nothing(desk: Desk) -> None:
    idle = compared(desk, Every(pause=2), Every(pause=3), Every(pause=500, wait=88)).ranking[-1]
    assert math.isnan(idle.metrics["sharpe_ratio"])
    alone = compared(desk, Every(pause=2)).ranking[0]
    assert alone.trials == 3
    assert math.isfinite(alone.full_metrics["deflated_sharpe_ratio"])


def test_bands_hold_the_figures_they_belong_to(desk: Desk) -> None:
    (result,) = compared(desk, Every(pause=3)).ranking
    bands = result.bands(400)
    assert (bands["draws"], bands["seed"]) == (400, 1)
    for name in ("cagr", "max_drawdown", "sharpe_ratio"):
        assert bands[name]["p5"] < bands[name]["p50"] < bands[name]["p95"]
        assert bands[name]["p5"] < result.metrics[name] < bands[name]["p95"]
    assert result.bands(400) == bands
