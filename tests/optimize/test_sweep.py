"""A sweep over a grid: each point is the backtest of its strategy, however it is computed."""

import json
import tracemalloc
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.execution import Execution
from engine.domain import Bars, Instrument, Market, PriceBase
from engine.errors import NoDataError, UsageError
from engine.features import indicators
from engine.market.costs import CostModel
from engine.optimize import sweep_blocks, sweep_kernel
from engine.optimize.sweep import sweep
from engine.strategies.base import Decisions, Strategy, ranged
from engine.strategies.crossing import Crossing, is_crossing
from engine.strategies.dynamic_position_sizing import DynamicPositionSizing
from engine.strategies.macd_crossover import MacdCrossover
from engine.strategies.mean_reversion import MeanReversion
from engine.strategies.trend_following import TrendFollowing

TREND = {
    "ema_fast": [3, 5, 9],
    "ema_slow": [12, 21],
    "rsi_overbought": [60.0, 80.0],
    "volume_ratio": [0.0, 1.1],
    "stop_atr": [1.0, 3.0],
}
GRIDS = [
    (TrendFollowing, TREND),
    (MacdCrossover, {"macd_fast": [5, 12], "macd_slow": [20, 26], "volume_ratio": [0, 1.0], "target_atr": [2, 5]}),
    (MeanReversion, {"bb_period": [10, 20], "bb_width": [1.0, 1.5], "rsi_oversold": [30.0, 45.0], "rsi_overbought": [60.0]}),
    (DynamicPositionSizing, {"ema_fast": [5, 10], "ema_slow": [20, 30], "kelly_trades": [2, 20]}),
]


def walk(seed=3, n=600):
    random = np.random.default_rng(seed)
    close = np.round(30 * np.exp(np.cumsum(random.normal(0, 0.02, n))), 2)
    open_ = np.round(np.concatenate(([30.0], close[:-1])) * np.exp(random.normal(0, 0.004, n)), 2)
    wick = np.exp(np.abs(random.normal(0, 0.006, (2, n))))
    session, no = np.arange(n) + 15_000, np.zeros(n, dtype=bool)
    volume = random.lognormal(10, 0.6, n)
    return Bars(
        "WALK3", "1d", session * 86_400, session, open_, np.maximum(open_, close) * wick[0], np.minimum(open_, close) / wick[1],
        close, volume, volume * close, no, no.copy(), PriceBase.RAW,
    )  # fmt: skip


def rules(bars, **options):
    n = len(bars)
    costs = CostModel(np.full(n, 0.0003), np.full(n, 0.0002), brokerage=1.0, slippage=0.001, borrow=0.02)
    return {"instrument": Instrument("WALK3", lot=100), "costs": costs, **options}


def assert_same(found, expected):
    np.testing.assert_array_equal(found.params, expected.params)
    for name in sweep_kernel.FIGURES:
        np.testing.assert_array_equal(found.metrics[name], expected.metrics[name], err_msg=name)


def assert_points_are_backtests(found, bars, **options):
    warm_up = found.probe.strategy.warm_up
    for point in range(len(found)):
        result = backtest(bars, found.at(point), warm_up=warm_up, **options)
        assert found.metrics["final_equity"][point] == result.metrics["final_equity"]
        assert found.metrics["trades"][point] == result.metrics["trades"]
        expected = [result.metrics[name] for name in sweep_kernel.FIGURES]
        np.testing.assert_allclose(found.metrics[point].item(), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(("strategy", "grid"), GRIDS, ids=lambda item: getattr(item, "name", ""))
def test_every_point_is_the_backtest_of_its_strategy_from_the_same_bar_on(strategy, grid):
    bars = walk()
    options = rules(bars, risk_free=np.full(len(bars), 0.0004), idle_cash=True)
    found = sweep(bars, strategy, grid, **options)
    assert (found.metrics["trades"] > 0).any()
    assert_points_are_backtests(found, bars, **options)


def test_a_raw_series_a_period_provisional_bars_and_sizing_by_risk_are_those_of_a_backtest():
    raw = walk(8)
    raw.provisional[[100, 300, -1]] = True
    factor = np.where(np.arange(len(raw)) < 250, 0.5, 1.0) * np.where(np.arange(len(raw)) < 400, 0.98, 1.0)
    adjusted = replace(
        raw, price_base=PriceBase.ADJUSTED, **{name: getattr(raw, name) * factor for name in ("open", "high", "low", "close")}
    )
    options = rules(
        raw, raw=raw, config=BacktestConfig(sizing="risk", risk=0.01, allow_short=False),
        start=int(raw.time[40]), end=int(raw.time[550]),
    )  # fmt: skip
    found = sweep(adjusted, TrendFollowing, TREND, **options)
    assert found.metrics["trades"].max() > 3
    assert_points_are_backtests(found, adjusted, **options)


@dataclass(frozen=True)
class Decided(TrendFollowing):
    """Trend following that overrides what its parent decides, so that its parent's crossing counts no more."""

    def decide(self, bars):
        return super().decide(bars)


def test_a_crossing_formed_in_the_kernel_is_what_the_strategy_decides():
    bars = walk(5, 900)
    assert is_crossing(TrendFollowing)
    assert not is_crossing(Decided)
    fast, slow = (sweep(bars, item, TREND, **rules(bars), compiled=True) for item in (TrendFollowing, Decided))
    assert_same(fast, slow)


def test_bars_without_volume_or_movement_give_the_crossing_no_orders_that_decide_does_not_give():
    still = walk(6, 200)
    nan = np.full(200, np.nan)
    still = replace(still, quantity=nan, turnover=nan.copy())
    flat = replace(still, **{name: np.full(200, 30.0) for name in ("open", "high", "low", "close")})
    for bars in (still, flat):
        fast, slow = (sweep(bars, item, TREND, **rules(bars), compiled=True) for item in (TrendFollowing, Decided))
        assert_same(fast, slow)


@pytest.mark.parametrize("strategy", [TrendFollowing, Decided])
def test_results_do_not_depend_on_workers_blocks_or_the_compiler(strategy, monkeypatch):
    bars = walk(4, 300)
    expected = sweep(bars, strategy, TREND, **rules(bars), compiled=True)
    for workers in (2, 3):
        assert_same(sweep(bars, strategy, TREND, **rules(bars), compiled=True, workers=workers), expected)
    assert_same(sweep(bars, strategy, TREND, **rules(bars), compiled=False), expected)
    for name, value in (("ORDERS", 900), ("LINES", 1_500)):
        monkeypatch.setattr(sweep_blocks, name, value)
        assert_same(sweep(bars, strategy, TREND, **rules(bars), compiled=True), expected)


@dataclass(frozen=True)
class Own(Strategy):
    """A user's strategy, which changes in place what an indicator gave it."""

    name: ClassVar[str] = "own"
    period: int = ranged(10, 2, 100, "")
    entry: float = ranged(0.0, 0, 1, "")

    @property
    def warm_up(self):
        return self.period

    def decide(self, bars):
        average = indicators.sma(bars.close, self.period)
        average[: self.period] = np.inf
        side = np.sign(bars.close - average).astype(np.int8)
        nan = np.full(len(bars), np.nan)
        limit = bars.close * (1 - self.entry) if self.entry else None
        return Decisions(side, np.where(side, 0.5, np.nan), nan, nan, limit=limit)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


def test_a_strategy_may_change_what_an_indicator_gave_it():
    bars = walk()
    found = sweep(bars, Own, {"entry": [0.0], "period": [5, 10, 20]}, **rules(bars))
    assert_points_are_backtests(found, bars, **rules(bars))


def test_orders_that_only_the_full_backtest_can_trade_are_refused():
    bars = walk()
    options = rules(bars)
    with pytest.raises(UsageError, match="market orders"):
        sweep(bars, Own, {"entry": [0.0, 0.01]}, **options)
    with pytest.raises(UsageError, match="market orders"):
        sweep(bars, TrendFollowing, TREND, config=BacktestConfig(execution=Execution(entry="stop")), **options)
    future = replace(options["costs"], fee=np.zeros(len(bars)), fee_day_trade=np.zeros(len(bars)), contract_fee=1.0)
    with pytest.raises(UsageError, match="market orders"):
        sweep(bars, TrendFollowing, TREND, instrument=Instrument("WALKF", Market.FUTURE, lot=1), costs=future)


def test_points_that_the_strategy_refuses_are_left_out_and_counted():
    bars = walk()
    found = sweep(bars, TrendFollowing, {"ema_fast": [5, 20], "ema_slow": [10, 30]}, **rules(bars))
    assert found.params[["ema_fast", "ema_slow"]].tolist() == [(5, 10), (5, 30), (20, 30)]
    assert found.impossible == 1


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"ema_fats": [5]}, "no parameter ema_fats"),
        ({"ema_fast": [5, 1000]}, "1000 is not a possible ema_fast"),
        ({"ema_fast": [5.5]}, "5.5 is not a possible ema_fast"),
        ({"ema_fast": ["five"]}, "five is not a possible ema_fast"),
        ({"ema_fast": [5, 5]}, "none twice"),
        ({"ema_fast": []}, "at least one value"),
        ({"ema_fast": [30], "ema_slow": [10, 20]}, "must be less than"),
        ({"ema_fast": range(2, 101), "ema_slow": range(101, 401), "rsi_period": range(2, 101)}, "too large"),
    ],
)
def test_an_impossible_grid_is_refused_with_the_reason(grid, words):
    bars = walk(n=100)
    with pytest.raises(UsageError, match=words):
        sweep(bars, TrendFollowing, grid, **rules(bars))


def test_a_grid_takes_texts_and_numpy_numbers_and_an_empty_one_is_the_defaults():
    bars = walk()
    found = sweep(bars, TrendFollowing, {"ema_fast": np.arange(3, 5), "stop_atr": ["1.5", 2]}, **rules(bars))
    assert found.params.tolist() == [(3, 1.5), (3, 2.0), (4, 1.5), (4, 2.0)]
    alone = sweep(bars, TrendFollowing, {}, **rules(bars))
    assert len(alone) == 1
    assert alone.at(0) == TrendFollowing()


def test_too_few_bars_or_workers_are_refused():
    bars = walk(n=60)
    with pytest.raises(NoDataError, match="needs"):
        sweep(bars, TrendFollowing, {"ema_slow": [20, 80]}, **rules(bars))
    with pytest.raises(UsageError, match="workers"):
        sweep(bars, TrendFollowing, {}, workers=0, **rules(bars))


def test_points_are_ranked_by_a_metric_and_undefined_ones_never_win():
    bars = walk()
    found = sweep(bars, TrendFollowing, {**TREND, "volume_ratio": [0.0, 9.0]}, **rules(bars))
    ratios, trades = found.metrics["sharpe_ratio"], found.metrics["trades"]
    order = found.ranked()
    assert np.isnan(ratios).any()
    assert order.size == np.count_nonzero(~np.isnan(ratios))
    assert (np.diff(ratios[order]) <= 0).all()
    assert found.best() == order[0]
    enough = int(np.sort(trades)[-2])
    assert set(found.ranked("total_return", enough)) == set(np.flatnonzero(trades >= enough))
    assert found.best(least_trades=10_000) is None
    with pytest.raises(UsageError, match="no metric luck"):
        found.ranked("luck")


def test_the_json_form_names_parameters_figures_and_trials():
    bars = walk()
    found = sweep(bars, TrendFollowing, TREND, **rules(bars))
    form = json.loads(json.dumps(found.as_dict(top=3), allow_nan=False))
    best = found.best()
    assert form["trials"] == 48
    assert form["strategy"] == "trend_following"
    assert form["fixed"]["atr_period"] == 14
    assert len(form["points"]) == 3
    assert form["points"][0]["params"] == {name: getattr(found.at(best), name) for name in TREND}
    assert form["points"][0]["metrics"]["final_equity"] == found.metrics["final_equity"][best]


def test_progress_counts_points():
    bars, told = walk(), []
    sweep(bars, TrendFollowing, TREND, **rules(bars), workers=2, progress=lambda done, total, note="": told.append((done, total)))
    assert told == [(24, 48), (48, 48)]


def test_memory_does_not_grow_with_the_points():
    bars = walk(n=5_000)

    def peak(count):
        tracemalloc.start()
        sweep(
            bars,
            TrendFollowing,
            {"stop_atr": np.linspace(1, 3, count // 4), "ema_fast": [3, 5, 7, 9]},
            **rules(bars),
            compiled=True,
        )
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(4)
    few, many = peak(600), peak(2_400)
    assert many - few < 1_800 * len(bars) * 8 / 10


@dataclass(frozen=True)
class Pair(Own):
    """Two averages and nothing else: no filter, no level."""

    name: ClassVar[str] = "pair"
    slow: int = ranged(20, 2, 100, "")

    def decide(self, bars):
        spread = indicators.sma(bars.close, self.period) - indicators.sma(bars.close, self.slow)
        action = np.zeros(len(bars), dtype=np.int8)
        action[1:][(spread[1:] > 0) & (spread[:-1] <= 0)] = 1
        action[1:][(spread[1:] < 0) & (spread[:-1] >= 0)] = -1
        nan = np.full(len(bars), np.nan)
        return Decisions(action, nan, nan, nan)

    def crossing(self, bars):
        return Crossing(indicators.sma(bars.close, self.period), indicators.sma(bars.close, self.slow))


def test_a_crossing_needs_neither_filters_nor_levels():
    bars = walk()
    bars.close[200:260] = 30.0
    found = sweep(bars, Pair, {"period": [2, 5, 20], "slow": [10, 20]}, **rules(bars))
    assert is_crossing(Pair)
    assert_points_are_backtests(found, bars, **rules(bars))
