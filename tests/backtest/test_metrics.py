"""Metrics where other libraries are known to break, and by hand."""

import math

import numpy as np
import pytest

from engine.backtest import kernel, metrics
from engine.backtest.evidence import INSUFFICIENT, LUCK, SKILL, verdict
from engine.errors import UsageError


def curve(*returns):
    return 100.0 * np.concatenate(([1.0], np.cumprod(1.0 + np.array(returns, dtype=float))))


def measured(*returns, periods=252.0):
    return metrics.equity_metrics(curve(*returns), np.arange(len(returns)), periods)


def test_a_loss_on_the_first_bar_is_a_drawdown():
    found = measured(-0.5, 0.1, 0.1)
    assert found["max_drawdown"] == pytest.approx(-0.5)
    assert found["max_drawdown_sessions"] == 2


def test_an_account_that_never_trades_has_no_ratios():
    found = measured(*[0.0] * 40)
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "mean_excess_return_low"):
        assert math.isnan(found[name]), name
    assert found["total_return"] == 0
    assert found["max_drawdown"] == 0
    assert found["volatility"] == 0


def test_a_constant_gain_has_no_sharpe_ratio():
    assert math.isnan(measured(*[0.001] * 40)["sharpe_ratio"])


def test_one_loss_among_gains_has_a_sortino_ratio():
    returns = [0.01, 0.02, -0.01, 0.015]
    expected = np.mean(returns) / math.sqrt(0.01**2 / 4) * math.sqrt(252)
    assert measured(*returns)["sortino_ratio"] == pytest.approx(expected)


def test_gains_alone_have_no_calmar_and_no_sortino_ratio():
    found = measured(0.01, 0.02, 0.03)
    assert math.isnan(found["calmar_ratio"])
    assert math.isnan(found["sortino_ratio"])
    assert found["sharpe_ratio"] > 0


def test_a_day_of_150_percent_is_a_return_and_not_a_price():
    found = measured(1.5, 0.01, 0.02)
    assert found["max_drawdown"] == 0
    assert found["total_return"] == pytest.approx(2.5 * 1.01 * 1.02 - 1)


def test_ruin_keeps_its_bars():
    returns = [0.01, -0.02, 0.01, -1.0, 0.0, 0.0, 0.0]
    equity = np.array([100, 101, 98.98, 99.9698, 0, 0, 0, 0])
    found = metrics.equity_metrics(equity, np.arange(7), 252.0)
    assert found["sharpe_ratio"] == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * math.sqrt(252))
    assert found["max_drawdown"] == -1
    assert found["cagr"] == -1
    below = metrics.equity_metrics(np.array([100.0, 50, -20, -20]), np.arange(3), 252.0)
    assert all(math.isfinite(below[name]) for name in ("cagr", "sharpe_ratio", "max_drawdown", "volatility"))


def test_growth_counts_calendar_days():
    equity = np.array([100.0, 110, 121])
    found = metrics.equity_metrics(equity, np.array([0, 364]), 252.0)
    assert found["cagr"] == pytest.approx(1.21 ** (365.25 / 365) - 1)


def test_periods_are_observed_bars_per_year():
    hourly = np.repeat(np.arange(10), 7)
    assert metrics.bars_per_year(hourly, "60m") == 252 * 7
    assert metrics.bars_per_year(np.arange(10), "1d") == 252
    assert metrics.bars_per_year(np.arange(0, 70, 7), "1w") == 52


def test_drawdown_lasts_from_the_peak_to_the_recovery_or_to_the_end():
    session = np.array([0, 1, 2, 5, 6, 7])
    recovered = np.array([100.0, 110, 100, 90, 111, 120, 119])
    assert metrics.drawdown(recovered, session) == (pytest.approx(90 / 110 - 1), 3, 5)
    not_yet = np.array([100.0, 110, 100, 90, 95, 96, 97])
    assert metrics.drawdown(not_yet, session)[1:] == (5, 7)
    intraday = np.array([0, 0, 0, 1, 1, 2])
    assert metrics.drawdown(not_yet, intraday)[1:] == (2, 2)


def test_excess_is_measured_over_cash():
    random = np.random.default_rng(1)
    cash = np.full(100, 0.0005)
    returns = random.normal(0.001, 0.01, 100)
    over = metrics.equity_metrics(curve(*returns), np.arange(100), 252.0, cash)
    assert over["sharpe_ratio"] == pytest.approx(measured(*(returns - cash))["sharpe_ratio"])
    idle = metrics.equity_metrics(curve(*cash), np.arange(100), 252.0, cash)
    assert math.isnan(idle["sharpe_ratio"])


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [(0.975, 9, 2.262157), (0.975, 29, 2.045230), (0.975, 1000, 1.962339), (0.9995, 50, 3.496013)],
)
def test_students_quantile_equals_the_tables(probability, freedom, expected):
    assert metrics.student_quantile(probability, freedom) == pytest.approx(expected, rel=3e-3)


def test_the_interval_of_the_mean_holds_it_as_often_as_it_says():
    random = np.random.default_rng(2)
    inside = 0
    for _ in range(1000):
        low, high = metrics.mean_interval(random.normal(0.001, 0.02, 250))
        inside += low < 0.001 < high
    assert 925 <= inside <= 970


def test_the_interval_widens_when_returns_follow_each_other():
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.01, 5001)
    independent = metrics.mean_interval(noise)
    following = metrics.mean_interval(noise[1:] + noise[:-1])
    assert following[1] - following[0] > 1.6 * (independent[1] - independent[0])


def test_the_interval_of_too_few_returns_is_undefined():
    assert all(map(math.isnan, metrics.mean_interval(np.arange(9) / 100)))


def records(*rows):
    trades = np.zeros(len(rows), dtype=kernel.TRADE)
    for trade, (pnl, entry_price, stop, quantity, exit_) in zip(trades, rows):
        trade["pnl"], trade["entry_price"], trade["stop"], trade["quantity"], trade["exit"] = (
            pnl,
            entry_price,
            stop,
            quantity,
            exit_,
        )
    return trades


def test_trades_are_judged_in_money_net_of_costs():
    found = metrics.trade_metrics(records((30, 10, 9, 10, 5), (-10, 10, 9, 10, 7), (0, 10, 9, 10, 8), (99, 10, 9, 10, -1)), 1.0)
    assert (found["trades"], found["open_trades"]) == (3, 1)
    assert found["profit_factor"] == 3
    assert found["expectancy"] == pytest.approx(20 / 3)
    assert found["win_rate"] == pytest.approx(1 / 3)
    assert found["open_pnl"] == 99
    multiples = np.array([3, -1, 0])
    assert found["expectancy_r"] == pytest.approx(multiples.mean())
    assert found["sqn"] == pytest.approx(math.sqrt(3) * multiples.mean() / multiples.std(ddof=1))


def test_trades_without_a_loss_have_no_profit_factor():
    assert math.isnan(metrics.trade_metrics(records((30, 10, math.nan, 10, 5)), 1.0)["profit_factor"])


def test_no_trades_leave_their_figures_undefined():
    found = metrics.trade_metrics(records(), 1.0)
    assert found["trades"] == 0
    for name in ("win_rate", "profit_factor", "expectancy", "sqn", "costs_share"):
        assert math.isnan(found[name]), name


def test_turnover_is_half_of_what_was_bought_and_sold_per_year():
    trades = records((0, 10, math.nan, 5, 1))
    trades["exit_price"] = 10
    equity = np.full(253, 100.0)
    position = np.zeros(252, dtype=np.int64)
    position[:126] = 5
    found = metrics.position_metrics(equity, position, np.full(252, 10.0), trades, 126, 252.0, 1.0)
    assert found == {"exposure": 0.5, "gross_exposure": pytest.approx(0.25), "turnover": pytest.approx(0.5)}


def test_undefined_is_null_in_json():
    assert metrics.json_ready({"a": math.nan, "b": 1.5, "c": 3}) == {"a": None, "b": 1.5, "c": 3}


def judge(returns, trades=50, **options):
    return verdict(np.asarray(returns), 252.0, trades, 0.2, 0.1, **options)


def test_few_trades_are_insufficient_evidence_whatever_they_made():
    good = np.random.default_rng(1).normal(0.01, 0.01, 500)
    assert judge(good, trades=29).label == INSUFFICIENT
    assert judge(good, trades=30).label == SKILL


def test_noise_is_not_distinguished_from_luck():
    assert judge(np.random.default_rng(1).normal(0, 0.01, 500)).label == LUCK
    losing = judge(np.random.default_rng(1).normal(-0.01, 0.01, 500))
    assert losing.label == LUCK
    assert any("loses" in reason for reason in losing.reasons)


def test_the_trials_behind_a_result_are_discounted():
    returns = np.random.default_rng(1).normal(0.0014, 0.01, 500)
    assert judge(returns).label == SKILL
    assert judge(returns, trials=1000).label == LUCK
    with pytest.raises(UsageError):
        judge(returns, trials=0)


def test_an_undefined_interval_is_luck():
    assert judge(np.zeros(500)).label == LUCK


def test_the_reasons_compare_with_buying_and_holding():
    returns = np.random.default_rng(1).normal(0, 0.01, 500)
    assert any("more than the 10.0%" in reason for reason in judge(returns).reasons)
    behind = verdict(returns, 252.0, 50, 0.1, 0.2)
    assert any("not more than the 20.0%" in reason for reason in behind.reasons)
