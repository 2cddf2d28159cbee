"""The whole backtest: what must hold for any series, and what the result says about itself."""

import csv
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import strategies
from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.events import events
from engine.domain import Bars, Instrument, Market, PriceBase
from engine.errors import NoDataError, UsageError
from engine.market.costs import CostModel, no_costs
from engine.strategies.base import Decisions, Strategy, ranged

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "series"
LOOSE = {"volume_ratio": 0, "rsi_overbought": 100, "rsi_oversold": 0}
SMOOTH = Instrument("ABCD3", lot=1, tick=0.0)
SHARE = Instrument("ABCD3")


def walk(seed, n=600, volatility=0.02, base=PriceBase.RAW):
    random = np.random.default_rng(seed)
    close = 30 * np.exp(np.cumsum(random.normal(0, volatility, n)))
    open_ = np.concatenate(([30], close[:-1])) * np.exp(random.normal(0, volatility / 4, n))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, volatility / 3, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, volatility / 3, n)))
    prices = [np.round(values, 2) for values in (open_, high, low, close)]
    session = np.arange(n) + 15_000
    return Bars("ABCD3", "1d", session * 86_400 + 46_800, session, *prices, random.lognormal(10, 0.5, n), np.full(n, np.nan),
                np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), base)  # fmt: skip


def trend(**params):
    return strategies.get("trend_following", LOOSE | params)


def charged(n, fee=0.0003, slippage=0.0005, brokerage=2.5):
    return CostModel(np.full(n, fee), np.full(n, fee * 0.8), brokerage, slippage)


def run(bars, strategy=None, config=None, **options):
    options.setdefault("instrument", SHARE)
    options.setdefault("costs", charged(len(bars)))
    options.setdefault("compiled", False)
    return backtest(bars, strategy or trend(), config, **options)


def scaled(bars, factor):
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, **prices)


@dataclass(frozen=True)
class AtBars(Strategy):
    """Acts on two given bars without levels, for tests."""

    name: ClassVar[str] = "at_bars"
    buy: int = ranged(5, 0, 10_000, "BUY at this bar")
    sell: int = ranged(9, 0, 10_000, "SELL at this bar")
    warm_up: ClassVar[int] = 2

    def decide(self, bars):
        action = np.zeros(len(bars), dtype=np.int8)
        action[self.buy : self.buy + 1] = 1
        action[self.sell : self.sell + 1] = -1
        nan = np.full(len(bars), np.nan)
        return Decisions(action, nan, nan, nan)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from(["fraction", "risk"]))
def test_trades_and_the_open_position_add_up_to_the_equity(seed, allow_short, sizing):
    result = run(walk(seed, 250), config=BacktestConfig(sizing=sizing, allow_short=allow_short))
    total = sum(trade.pnl for trade in result.trades)
    assert total == pytest.approx(result.equity[-1] - 100_000, abs=0.005)
    figures = result.metrics
    assert figures["net_profit"] + figures["open_pnl"] == pytest.approx(total, abs=0.005)
    if not allow_short:
        assert all(trade.side == 1 for trade in result.trades)


def test_twice_the_prices_and_the_capital_are_the_same_returns():
    for seed in range(10):
        bars = walk(seed)
        costs = CostModel(np.zeros(600), np.zeros(600), 0.0, 0.001)
        one = run(bars, instrument=SMOOTH, costs=costs)
        two = run(scaled(bars, 2.0), config=BacktestConfig(capital=200_000), instrument=SMOOTH, costs=costs)
        np.testing.assert_array_equal(two.equity, 2 * one.equity)


def test_a_mirrored_path_makes_the_same_money_on_the_other_side():
    config = BacktestConfig(sizing="risk", risk=0.001)
    traded = 0
    for seed in range(10):
        bars = walk(seed, 400, 0.004)
        mirrored = replace(scaled(bars, -1.0), high=-bars.low, low=-bars.high)
        mirrored = replace(mirrored, **{name: getattr(mirrored, name) + 60 for name in ("open", "high", "low", "close")})
        one = run(bars, config=config, instrument=SMOOTH, costs=no_costs(400))
        two = run(mirrored, config=config, instrument=SMOOTH, costs=no_costs(400))
        np.testing.assert_allclose(one.equity, two.equity, rtol=1e-9)
        assert [trade.side for trade in one.trades] == [-trade.side for trade in two.trades]
        traded += len(one.trades)
    assert traded > 50


def test_later_bars_change_nothing_before_them():
    bars = walk(3)
    whole = run(bars)
    for cut in (60, 200, 431, 599):
        part = run(bars.take(slice(0, cut)), costs=charged(cut))
        np.testing.assert_array_equal(part.equity, whole.equity[: part.equity.size])
        ended = run(bars, end=int(bars.time[cut - 1]))
        np.testing.assert_array_equal(ended.equity, part.equity)
        assert ended.order_hash == part.order_hash


def test_the_two_kernels_give_the_same_result():
    bars = walk(4)
    assert run(bars, compiled=True).as_dict(equity=True) == run(bars, compiled=False).as_dict(equity=True)


def test_a_split_in_the_raw_series_changes_nothing():
    bars = walk(5)
    raw = {
        name: np.where(np.arange(600) < 300, getattr(bars, name) * 2, getattr(bars, name))
        for name in ("open", "high", "low", "close")
    }
    raw_bars = replace(bars, **raw)
    config = BacktestConfig(capital=1e9)
    strategy = AtBars(buy=250, sell=350)
    costs = no_costs(600)
    adjusted = run(replace(bars, price_base=PriceBase.ADJUSTED), strategy, config, instrument=SMOOTH, costs=costs)
    both = run(replace(bars, price_base=PriceBase.ADJUSTED), strategy, config, instrument=SMOOTH, costs=costs, raw=raw_bars)
    np.testing.assert_allclose(both.equity, adjusted.equity, rtol=1e-6)
    np.testing.assert_allclose(both.hold.equity, adjusted.hold.equity, rtol=1e-6)
    alone = run(raw_bars, strategy, config, instrument=SMOOTH, costs=costs)
    assert alone.equity[320] < 0.6 * both.equity[320]


def test_levels_of_adjusted_prices_are_carried_to_raw_ones():
    bars = walk(6)
    raw = scaled(bars, 2.0)
    adjusted = replace(bars, price_base=PriceBase.ADJUSTED)
    one = run(bars, instrument=SMOOTH, costs=no_costs(600), config=BacktestConfig(capital=1e8))
    two = run(adjusted, instrument=SMOOTH, costs=no_costs(600), config=BacktestConfig(capital=2e8), raw=raw)
    np.testing.assert_allclose(two.equity, 2 * one.equity, rtol=1e-9)
    assert {trade.exit_reason for trade in two.trades} >= {"stop", "target"}


def test_a_dividend_is_paid_in_cash():
    n = 40
    session = np.arange(n)
    flat = np.full(n, 10.0)
    raw = np.where(session < 20, 10.0, 9.5)
    nan = np.full(n, np.nan)

    def series(prices, base):
        return Bars(
            "ABCD3", "1d", session * 86_400, session, prices, prices, prices, prices, nan, nan, flat > 99, flat > 99, base
        )

    result = run(
        series(np.full(n, 9.5), PriceBase.ADJUSTED), AtBars(buy=5, sell=30), instrument=SMOOTH, costs=no_costs(n),
        raw=series(raw, PriceBase.RAW), config=BacktestConfig(allow_short=False),
    )  # fmt: skip
    assert result.equity[-1] == pytest.approx(100_000)
    assert any("1 corporate event" in notice for notice in result.notices)


def test_events_are_read_from_the_two_series():
    adjusted = np.array([5.0, 5.0, 5.0, 5.0, 5.0])
    raw = np.array([10.5, 10.0, 5.004, 5.0, 50.0])
    split, dividend = events(raw, adjusted)
    assert split.tolist() == [1, 1, 2, 1, 0.1]
    assert dividend.tolist() == pytest.approx([0, 0.5, 0, 0, 0])


def test_the_window_starts_after_the_warm_up_which_lies_before_it_where_it_can():
    bars = walk(7)
    assert run(bars).first == trend().warm_up
    late = run(bars, start=int(bars.time[100]), end=int(bars.time[200]))
    assert (late.first, late.last) == (100, 200)
    assert late.equity.size == 102
    assert late.as_dict()["period"]["start"].startswith(str(np.datetime64(int(bars.session[100]), "D")))
    early = run(bars, start=int(bars.time[3]))
    assert early.first == trend().warm_up
    assert any("starts on" in notice for notice in early.notices)


def test_no_bars_in_the_window_is_no_data():
    bars = walk(8, 60)
    for options in ({"start": int(bars.time[-1]) + 1}, {"end": int(bars.time[0]) - 1}, {"start": int(bars.time[59])}):
        with pytest.raises(NoDataError):
            run(bars, **options)
    with pytest.raises(NoDataError):
        run(bars.take(slice(0, 0)), costs=no_costs(0))
    with pytest.raises(NoDataError):
        run(bars.take(slice(0, 22)), costs=no_costs(22))


def test_provisional_bars_are_not_traded():
    bars = walk(9)
    flagged = replace(bars, provisional=np.arange(600) >= 598)
    result = run(flagged)
    np.testing.assert_array_equal(result.equity, run(bars.take(slice(0, 598)), costs=charged(598)).equity)
    assert any("2 provisional bars" in notice for notice in result.notices)


def test_buying_and_holding_pays_the_same_costs_and_lots():
    bars = walk(10)
    result = run(bars)
    (trade,) = result.hold.trades
    assert trade["entry"] == result.first
    assert trade["quantity"] % 100 == 0
    assert trade["costs"] > 2.5
    assert trade["entry_price"] >= bars.open[result.first]
    expected = 100_000 - trade["costs"] + trade["quantity"] * (bars.close[-1] - trade["entry_price"])
    assert result.baselines["buy_and_hold"]["final_equity"] == pytest.approx(expected)


def test_cash_is_a_baseline_where_its_return_is_known():
    bars = walk(11)
    rate = np.full(600, 0.0004)
    result = run(bars, risk_free=rate)
    assert set(result.baselines) == {"buy_and_hold", "cdi"}
    assert result.baselines["cdi"]["total_return"] == pytest.approx(1.0004 ** (600 - result.first) - 1)
    without = run(bars)
    assert set(without.baselines) == {"buy_and_hold"}
    assert result.metrics["sharpe_ratio"] < without.metrics["sharpe_ratio"]
    assert any("No CDI" in notice for notice in without.notices)


def test_the_result_has_the_keys_of_the_json_form_and_no_undefined_number():
    printed = run(walk(12)).as_dict()
    assert list(printed) == ["symbol", "timeframe", "price_base", "strategy", "params", "period", "metrics", "outcome_range",
                             "baselines", "verdict", "trades", "order_hash", "notices"]  # fmt: skip
    assert {"interest", "borrow", "income", "ambiguous_trades", "final_equity", "total_return", "cagr", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown", "profit_factor",
            "win_rate", "trades", "exposure", "costs", "initial_capital"} <= set(printed["metrics"])  # fmt: skip
    assert set(printed["trades"][0]) >= {"side", "quantity", "entry_time", "entry_price", "exit_time", "exit_price", "exit_reason",
                                         "costs", "pnl", "return", "mae", "mfe"}  # fmt: skip
    json.dumps(run(walk(12)).as_dict(equity=True), allow_nan=False)
    quiet = run(walk(12), AtBars(buy=9_000, sell=9_001)).as_dict()
    assert quiet["metrics"]["sharpe_ratio"] is None
    assert quiet["trades"] == []
    json.dumps(quiet, allow_nan=False)


def test_the_order_hash_follows_the_orders():
    hashes = {run(walk(seed)).order_hash for seed in range(5)}
    assert len(hashes) == 5
    assert run(walk(0)).order_hash in hashes
    assert run(walk(0), config=BacktestConfig(capital=50_000)).order_hash not in hashes


def test_the_order_hash_sees_the_bar_the_side_and_the_quantity_of_a_fill():
    nan, no = np.full(60, np.nan), np.zeros(60, dtype=bool)
    flat, session = np.full(60, 10.0), np.arange(60)
    bars = Bars("ABCD3", "1d", session * 86_400, session, flat, flat, flat, flat, nan, nan, no, no, PriceBase.RAW)

    def order_hash(buy=5, sell=30, capital=100_000.0, allow_short=False):
        config = BacktestConfig(capital=capital, allow_short=allow_short)
        return run(bars, AtBars(buy=buy, sell=sell), config, costs=no_costs(60)).order_hash

    different = [order_hash(), order_hash(buy=6), order_hash(sell=31), order_hash(capital=50_000.0),
                 order_hash(buy=30, sell=5, allow_short=True), order_hash(allow_short=True)]  # fmt: skip
    assert len(set(different)) == len(different)
    assert order_hash() == different[0]


def test_another_process_gives_the_same_hash():
    program = "from tests.backtest import test_engine as t; print(t.run(t.walk(2)).order_hash)"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == run(walk(2)).order_hash


def test_prices_that_were_never_traded_are_not_rounded_to_the_tick():
    bars = walk(13, base=PriceBase.ADJUSTED)
    result = run(bars)
    assert any(round(trade.entry_price * 100, 6) % 1 for trade in result.trades)
    assert all(round(trade.entry_price * 100, 6) % 1 == 0 for trade in run(walk(13)).trades)
    assert any("Only adjusted prices" in notice for notice in result.notices)


def test_jumps_that_no_event_explains_are_named():
    bars = walk(14)
    halved = {
        name: np.where(np.arange(600) < 300, getattr(bars, name) * 2, getattr(bars, name))
        for name in ("open", "high", "low", "close")
    }
    result = run(replace(bars, **halved))
    day = str(np.datetime64(int(bars.session[300]), "D"))
    assert any(day in notice for notice in result.notices)
    assert not any("jump" in notice for notice in run(bars).notices)


@pytest.mark.parametrize(("market", "word"), [(Market.INDEX, "cannot be bought"), (Market.FUTURE, "margin")])
def test_what_cannot_be_bought_says_so(market, word):
    result = run(walk(15), instrument=replace(SHARE, market=market))
    assert any(word in notice for notice in result.notices)


def test_few_trades_are_called_insufficient_evidence():
    assert run(walk(16, 120)).verdict.label == "insufficient evidence"


@pytest.mark.parametrize(
    "values",
    [{"capital": 0}, {"capital": math.inf}, {"sizing": "martingale"}, {"fraction": 0}, {"fraction": 1.5}, {"risk": math.nan}],
)
def test_an_impossible_config_is_refused(values):
    with pytest.raises(UsageError):
        BacktestConfig(**values)


def test_arrays_that_do_not_fit_are_refused():
    bars = walk(17)
    for options in (
        {"costs": no_costs(10)},
        {"risk_free": np.zeros(3)},
        {"raw": bars.take(slice(1, None))},
        {"instrument": replace(SHARE, lot=0)},
        {"trials": 0},
    ):
        with pytest.raises(UsageError):
            run(bars, **options)


def test_a_real_series_gives_a_result_that_adds_up():
    path = DATA / "PETR4.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    session = np.array([np.datetime64(row["Date"]).astype("datetime64[D]").astype(np.int64) for row in rows])
    prices = [np.array([float(row[name]) for row in rows]) for name in ("Open", "High", "Low", "Close")]
    n = len(rows)
    bars = Bars("PETR4", "1d", session * 86_400, session, *prices, np.array([float(row["Volume"]) for row in rows]),
                np.full(n, np.nan), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), PriceBase.UNKNOWN)  # fmt: skip
    result = run(bars, strategies.get("trend_following"))
    assert result.metrics["trades"] > 10
    assert sum(trade.pnl for trade in result.trades) == pytest.approx(result.equity[-1] - 100_000, abs=0.005)
    for trade in result.trades:
        low, high = bars.low[trade.entry_index], bars.high[trade.entry_index]
        assert low * 0.998 <= trade.entry_price <= high * 1.002
        assert trade.quantity % 100 == 0
