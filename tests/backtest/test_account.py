"""The account on one symbol: equal to the fast kernel where both can trade, and hand-drawn bars for every other order."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from engine.backtest import kernel
from engine.backtest.account import Leg, run_single
from engine.backtest.engine import BacktestConfig
from engine.backtest.execution import Execution
from engine.backtest.orders import tick_ratio
from engine.domain import Bars, Instrument
from engine.market.costs import CostModel
from engine.strategies.base import Decisions

NAN = float("nan")


def random_leg(seed, n=120):
    """A seeded walk with random decisions, events and costs, the numbers of a simulation, and the interest."""
    random = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(random.normal(0, 0.04, n)))
    open_ = np.concatenate(([10], close[:-1])) * np.exp(random.normal(0, 0.02, n))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, 0.02, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, 0.02, n)))
    action = random.choice([-1, 0, 0, 0, 1], n).astype(np.int8)
    levels = np.where(random.random((2, n)) < 0.8, random.uniform(0.02, 0.2, (2, n)), NAN)
    weight = np.where(random.random(n) < 0.3, random.choice([0.0, 0.3, 1.0], n), NAN)
    decisions = Decisions(action, np.ones(n), close * (1 - action * levels[0]), close * (1 + action * levels[1]), weight)
    session = np.cumsum(random.integers(0, 2, n)) + 19_000
    events = random.random((2, n)) < 0.03
    rate = np.where(np.append(True, session[1:] != session[:-1]), 0.0004, 0.0)
    bars = Bars("WALK", "1d", np.arange(n) * 86_400, session, open_, high, low, close, np.full(n, 1e6), np.full(n, NAN),
                np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))  # fmt: skip
    costs = CostModel(np.full(n, 0.0005), np.full(n, 0.0002), brokerage=float(random.choice([0.0, 4.9])),
                      slippage=float(random.choice([0.0, 0.001])), borrow=float(random.choice([0.0, 0.3])))  # fmt: skip
    instrument = Instrument("WALK", lot=int(random.choice([1, 100])), tick=float(random.choice([0.0, 0.01, 0.05])),
                            point_value=float(random.choice([1.0, 0.2])))  # fmt: skip
    leg = Leg(
        instrument, bars, decisions,
        split=np.where(events[0], random.choice([0.1, 1.1, 2.0], n), 1.0),
        dividend=np.where(events[1], 0.2, 0.0), pay=np.arange(n) + random.integers(0, 6, n),
        costs=costs, atr=np.full(n, NAN),
    )  # fmt: skip
    config = BacktestConfig(
        capital=float(random.choice([500.0, 1e5])), sizing=str(random.choice(["fraction", "risk"])),
        fraction=float(random.choice([0.5, 1.0])), risk=float(random.choice([0.02, 0.5])), allow_short=bool(random.integers(0, 2)),
    )  # fmt: skip
    first = int(random.integers(0, 5))
    return leg, {"first": first, "last": n - 1, "capital": config.capital, "config": config, "rate": rate,
                 "favourable": bool(random.integers(0, 2)), "opening": int(random.integers(-1, 2))}  # fmt: skip


def by_kernel(leg, first, last, capital, config, rate, favourable, opening):
    bars, decisions, costs, instrument = leg.bars, leg.decisions, leg.costs, leg.instrument
    arrays = (bars.open, bars.high, bars.low, bars.close, bars.session, decisions.action, decisions.stop, decisions.target,
              leg.split, leg.dividend, costs.fee, costs.fee_day_trade)  # fmt: skip
    sizing = {"fraction": kernel.FRACTION, "risk": kernel.RISK}[config.sizing]
    scalars = (first, last, opening, capital, sizing, config.size, config.allow_short, instrument.lot, instrument.point_value,
               *tick_ratio(instrument.tick), costs.slippage, costs.brokerage)  # fmt: skip
    borrow = (1 + costs.borrow) ** (1 / 252) - 1
    return kernel.run(
        arrays, scalars, fast=False, weight=decisions.size, rate=rate, pay=leg.pay, borrow=borrow, favourable=favourable
    )


def test_market_orders_with_stop_and_target_equal_those_of_the_kernel():
    reasons, trades = set(), 0
    for seed in range(300):
        leg, options = random_leg(seed)
        expected = by_kernel(leg, **options)
        found = run_single(leg, execution=Execution(), **options)
        assert found.trades.size == expected.trades.size, seed
        for name in kernel.TRADE.names:
            np.testing.assert_allclose(found.trades[name], expected.trades[name], rtol=1e-9, atol=1e-7, err_msg=f"{seed} {name}")
        np.testing.assert_allclose(found.equity, expected.equity, rtol=1e-9, err_msg=str(seed))
        assert found.position.tolist() == expected.position.tolist(), seed
        assert (found.held, found.rejected) == (expected.held, expected.rejected), seed
        assert found.interest == pytest.approx(expected.interest, rel=1e-9)
        reasons |= set(found.trades["reason"].tolist())
        trades += found.trades.size
    assert reasons == {kernel.OPEN, kernel.SIGNAL, kernel.STOP, kernel.TARGET, kernel.LIQUIDATION, kernel.EVENT}
    assert trades > 2_000
