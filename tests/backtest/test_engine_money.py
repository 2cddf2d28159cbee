"""A whole backtest with cash that earns, shares that are borrowed, dividends on their way and bars that touch both levels."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.execution import Execution
from engine.domain import Instrument, Market, PriceBase
from engine.errors import UsageError
from engine.market.adjust import EventArrays
from engine.market.costs import no_costs
from engine.strategies.base import Decisions, Strategy, ranged
from tests.strategies.strategy_checks import bars_of

SMOOTH = Instrument("ABCD3", lot=1, tick=0.0)
RATE = np.full(40, 0.0005)


@dataclass(frozen=True)
class Planned(Strategy):
    """BUY at one bar and SELL at another, with levels this far from the close where `width` is not 0, for tests."""

    name: ClassVar[str] = "planned"
    buy: int = ranged(5, 0, 10_000, "")
    sell: int = ranged(9, 0, 10_000, "")
    width: float = ranged(0.0, 0, 100, "")
    warm_up: ClassVar[int] = 2

    def decide(self, bars):
        action = np.zeros(len(bars), dtype=np.int8)
        action[self.buy : self.buy + 1] = 1
        action[self.sell : self.sell + 1] = -1
        nan = np.full(len(bars), np.nan)
        if not self.width:
            return Decisions(action, nan, nan, nan)
        return Decisions(action, nan, bars.close - action * self.width, bars.close + action * self.width)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


NEVER = Planned(buy=9_000, sell=9_001)


def run(strategy, close=None, config=None, bars=None, **options):
    bars = bars_of(np.full(40, 10.0) if close is None else close) if bars is None else bars
    options.setdefault("costs", no_costs(len(bars)))
    options.setdefault("instrument", SMOOTH)
    return backtest(bars, strategy, config or BacktestConfig(capital=1_000.0), compiled=False, **options)


def said(result, words):
    return any(words in notice for notice in result.notices)


def test_an_account_that_never_trades_equals_the_cdi_baseline():
    result = run(NEVER, risk_free=RATE, idle_cash=True)
    assert result.metrics["total_return"] == pytest.approx(result.baselines["cdi"]["total_return"], rel=1e-12)
    assert result.metrics["interest"] == pytest.approx(1000 * (1.0005**38 - 1))
    assert np.isnan(result.metrics["sharpe_ratio"])
    assert said(result, "earned R$ 19.18")


@pytest.mark.parametrize("options", [{}, {"risk_free": RATE}, {"idle_cash": True}], ids=["nothing", "not asked", "not known"])
def test_cash_earns_nothing_unless_asked_and_known(options):
    result = run(NEVER, **options)
    assert result.metrics["interest"] == 0
    assert result.equity[-1] == 1000
    assert said(result, "earns nothing")


def test_cash_can_earn_another_rate_than_the_baseline():
    result = run(NEVER, risk_free=RATE, idle_cash=RATE / 2)
    assert result.metrics["interest"] == pytest.approx(1000 * (1.00025**38 - 1))
    with pytest.raises(UsageError):
        run(NEVER, idle_cash=RATE[1:])


def test_what_is_not_invested_earns_in_the_baseline_of_holding_too():
    held = run(NEVER, config=BacktestConfig(capital=1005.0), risk_free=RATE, idle_cash=True).hold
    assert held.trades["quantity"].tolist() == [100]
    assert held.equity[-1] == pytest.approx(1005 + held.interest)
    assert 5 * 0.0005 * 30 < held.interest < 1005 * 0.0005 * 3 + 10 * 0.0005 * 40


def test_interest_and_trades_add_up():
    close = 10 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 40)))
    result = run(Planned(buy=5, sell=20), close, risk_free=RATE, idle_cash=True, costs=replace(no_costs(40), borrow=0.02))
    figures = result.metrics
    assert figures["net_profit"] + figures["open_pnl"] + figures["interest"] == pytest.approx(result.equity[-1] - 1000)
    assert figures["borrow"] > 0


def test_a_provisional_bar_that_is_left_out_shifts_no_rate():
    bars = bars_of(np.full(40, 10.0))
    rate = np.arange(40) / 1e4
    result = run(NEVER, bars=replace(bars, provisional=np.arange(40) == 20), idle_cash=rate)
    kept = np.delete(rate, 20)[2:]
    assert result.equity[-1] == pytest.approx(1000 * np.prod(1 + kept))


def test_a_short_pays_the_yearly_rate_by_sessions():
    result = run(Planned(buy=9_000, sell=5), costs=replace(no_costs(40), borrow=0.02))
    (trade,) = result.outcome.trades
    assert trade["borrow"] == pytest.approx(1000 * 33 * (1.02 ** (1 / 252) - 1))
    assert result.metrics["borrow"] == pytest.approx(trade["borrow"])
    assert result.metrics["costs"] == 0
    assert said(result, "Borrowing shares for short positions cost R$ 2.59")
    assert said(run(Planned(buy=9_000, sell=5)), "pay no fee for borrowing")
    assert not said(run(Planned(buy=5, sell=9_000)), "orrow")


def test_a_dividend_counts_at_once_and_is_reported_as_income():
    raw = bars_of(np.where(np.arange(40) < 20, 10.0, 9.0))
    adjusted = replace(bars_of(np.full(40, 9.0)), price_base=PriceBase.ADJUSTED)
    dividend, pay = np.zeros(40), np.arange(40)
    dividend[20], pay[20] = 1.0, 30
    events = EventArrays(np.ones(40), dividend, pay)
    rate = np.where(np.arange(40) == 31, 0.01, 0.0)
    result = run(Planned(buy=5, sell=9_000), bars=adjusted, raw=raw, events=events, idle_cash=rate)
    assert result.metrics["income"] == 100
    assert result.equity[-2] == pytest.approx(1001)
    assert result.metrics["interest"] == pytest.approx(1)
    short = run(Planned(buy=9_000, sell=5), bars=adjusted, raw=raw, events=events)
    assert short.metrics["income"] == -100
    assert short.equity[-1] == pytest.approx(1000)


def drawn(both_at):
    """Flat bars at 10.00 of which one reaches from 8.00 to 12.00."""
    bars = bars_of(np.full(40, 10.0))
    high, low = np.full(40, 10.0), np.full(40, 10.0)
    high[both_at], low[both_at] = 12.0, 8.0
    return replace(bars, open=np.full(40, 10.0), high=high, low=low)


def test_a_bar_that_touches_both_levels_gives_a_range():
    result = run(Planned(buy=5, sell=9_000, width=1.0), bars=drawn(12))
    assert [trade.exit_reason for trade in result.trades] == ["stop"]
    assert result.best_outcome.trades["exit_price"].tolist() == [11.0]
    assert result.outcome_range == pytest.approx({"worst": -0.1, "best": 0.1})
    assert result.metrics["ambiguous_trades"] == 1
    assert result.as_dict()["outcome_range"] == pytest.approx({"worst": -0.1, "best": 0.1})
    assert said(result, "1 trade depends on what came first within a bar: the total return lies between -10.0 % and 10.0 %.")


def test_without_such_a_bar_there_is_no_range():
    result = run(Planned(buy=5, sell=9_000, width=3.0), bars=drawn(12))
    assert result.best_outcome is None
    assert result.as_dict()["outcome_range"] is None
    assert not said(result, "came first")


def test_orders_that_the_kernel_does_not_know_go_to_the_account():
    config = BacktestConfig(capital=1_000.0, execution=Execution(time_exit=4))
    result = run(Planned(buy=5, sell=9_000), config=config, risk_free=RATE, idle_cash=True)
    assert [(trade.entry_index, trade.exit_reason) for trade in result.trades] == [(6, "time")]
    assert result.metrics["interest"] > 0
    assert result.metrics["net_profit"] + result.metrics["interest"] == pytest.approx(result.equity[-1] - 1000)


def test_bars_without_a_known_volume_are_counted_under_a_cap():
    config = BacktestConfig(capital=1_000.0, execution=Execution(volume_cap=0.5))
    result = run(Planned(buy=5, sell=9_000), config=config)
    assert not result.trades
    assert result.outcome.no_quantity > 0
    assert said(result, "no known volume")


@pytest.mark.parametrize("stored", [True, False])
def test_odd_lots_at_the_prices_of_whole_ones_are_said(stored):
    config = BacktestConfig(capital=1_050.0, execution=Execution(fractional=True))
    odd = replace(bars_of(np.full(40, 10.0)), symbol="ABCD3F") if stored else None
    result = run(Planned(buy=5, sell=9_000), config=config, instrument=Instrument("ABCD3"), fractional=odd)
    assert sum(trade.quantity for trade in result.trades) == 105
    assert said(result, "prices of whole lots") is not stored


def test_a_limit_of_the_strategy_goes_to_the_account():
    @dataclass(frozen=True)
    class Limited(Planned):
        name: ClassVar[str] = "limited"

        def decide(self, bars):
            decisions = super().decide(bars)
            return replace(decisions, limit=np.where(decisions.action != 0, bars.close - 1, np.nan))

    assert run(Limited(buy=5, sell=9_000), bars=drawn(6)).trades[0].entry_price == pytest.approx(9.0)
    assert not run(Limited(buy=5, sell=9_000), bars=drawn(12)).trades


def test_a_future_is_traded_on_margin_and_so_is_its_baseline():
    future = Instrument("WINFUT", Market.FUTURE, lot=1, tick=5.0, point_value=0.2)
    close = np.linspace(100_000, 110_000, 40)
    result = run(
        Planned(buy=5, sell=20), close, instrument=future, config=BacktestConfig(capital=100_000.0),
        costs=replace(no_costs(40), contract_fee=0.25, borrow=0.02),
    )  # fmt: skip
    long, short = result.trades
    assert (long.side, short.side) == (1, -1)
    assert long.costs == pytest.approx(2 * 0.25 * long.quantity)
    assert result.metrics["borrow"] == 0
    assert result.equity.size == result.hold.equity.size == 39
    (held,) = result.hold.trades
    assert held["entry"] == result.first
    gain = held["quantity"] * 0.2 * (close[-1] - held["entry_price"])
    assert result.hold.equity[-1] == pytest.approx(100_000 + gain - 0.25 * held["quantity"])
    assert said(result, "20 % of its notional as margin")
