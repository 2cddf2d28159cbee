"""The size that a strategy gives a signal, in the kernel and in the backtest."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from engine.backtest import kernel
from engine.backtest.engine import BacktestConfig, backtest
from engine.domain import Instrument
from engine.market.costs import no_costs
from engine.strategies.base import Decisions, Strategy, ranged
from tests.strategies.strategy_checks import bars_of

PRICES = np.full(6, 10.0)


def run(weight, *, action=(1, 0, 0, 0, 0, 0), sizing=kernel.FRACTION, fast=False):
    arrays = (
        *[PRICES] * 4, np.arange(6), np.array(action, dtype=np.int8), *np.full((2, 6), np.nan), np.ones(6), *np.zeros((3, 6))
    )  # fmt: skip
    scalars = (0, 5, 0, 1000.0, sizing, 1.0, True, 1, 1.0, 0, 1, 0.0, 0.0)
    return kernel.run(arrays, scalars, fast=fast, weight=None if weight is None else np.array(weight, dtype=float))


@pytest.mark.parametrize("fast", [False, True])
def test_a_size_overrules_the_sizing_of_its_own_order_alone(fast):
    nan = np.nan
    assert run(None, fast=fast).trades["quantity"].tolist() == [100]
    assert run([0.25] + [nan] * 5, fast=fast).trades["quantity"].tolist() == [25]
    assert run([nan] + [0.25] * 5, fast=fast).trades["quantity"].tolist() == [100]
    assert run([7.0] + [nan] * 5, fast=fast).trades["quantity"].tolist() == [100]
    assert run([0.5] + [nan] * 5, sizing=kernel.RISK, fast=fast).trades["quantity"].tolist() == [50]


@pytest.mark.parametrize("fast", [False, True])
def test_a_size_of_zero_closes_and_opens_nothing(fast):
    found = run([0.5, 0, 0, 0.0, 0, 0], action=(1, 0, -1, 0, 0, 0), fast=fast)
    assert found.trades["quantity"].tolist() == [50]
    assert found.trades["exit"].tolist() == [3]
    assert found.rejected == 0
    assert found.position.tolist() == [0, 50, 50, 0, 0, 0]


def test_the_two_kernels_agree_on_sizes():
    random = np.random.default_rng(3)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, 500)))
    action = random.choice(np.array([-1, 0, 0, 1], dtype=np.int8), 500)
    weight = np.where(random.random(500) < 0.3, np.nan, random.choice([0.0, 0.1, 0.6, 1.0], 500))
    arrays = (
        close, close * 1.01, close * 0.99, close, np.arange(500), action, close * 0.97, np.full(500, np.nan), np.ones(500),
        *np.zeros((3, 500)),
    )  # fmt: skip
    scalars = (0, 499, 0, 1e5, kernel.RISK, 0.02, True, 100, 1.0, 1, 100, 0.0002, 0.0)
    plain, fast = (kernel.run(arrays, scalars, fast=form, weight=weight) for form in (False, True))
    assert plain.trades.size > 20
    assert plain.trades.tobytes() == fast.trades.tobytes()
    assert plain.equity.tobytes() == fast.equity.tobytes()


@dataclass(frozen=True)
class Third(Strategy):
    """Buys a third at its bar, for tests."""

    name: ClassVar[str] = "third"
    at: int = ranged(2, 0, 100, "BUY at this bar")
    warm_up: ClassVar[int] = 1

    def decide(self, bars):
        action, nan = np.zeros(len(bars), dtype=np.int8), np.full(len(bars), np.nan)
        action[self.at] = 1
        size = nan.copy()
        size[self.at] = 0.3
        return Decisions(action, nan, nan, nan, size)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


def test_a_backtest_invests_what_the_strategy_says():
    bars = bars_of(np.full(10, 10.0))
    result = backtest(bars, Third(), BacktestConfig(capital=100_000.0), instrument=Instrument("ABCD3"), costs=no_costs(10))
    assert [trade.quantity for trade in result.trades] == [3000]
