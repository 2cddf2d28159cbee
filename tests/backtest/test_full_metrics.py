"""Streaks, Kelly, months: by hand, and by trying every stake."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest import full_metrics, kernel
from engine.domain import day_number

FEW = {"deadline": None, "max_examples": 60}


def trades(*pnl, open_at_end=False):
    records = np.zeros(len(pnl), dtype=kernel.TRADE)
    records["pnl"], records["entry_price"], records["quantity"] = pnl, 10.0, 100
    records["exit"] = np.arange(len(pnl)) + 1
    if open_at_end:
        records["exit"][-1] = -1
    return full_metrics.full_trade_metrics(records, 1.0)


def test_streaks_count_trades_in_a_row():
    found = trades(10, 20, -5, 30, 40, 50, -1, -2, 0, -3)
    assert (found["longest_winning_streak"], found["longest_losing_streak"]) == (3, 2)
    assert (found["best_trade"], found["worst_trade"]) == (50, -5)


def test_the_open_trade_is_not_counted():
    found = trades(10, -5, -900, open_at_end=True)
    assert (found["longest_losing_streak"], found["worst_trade"]) == (1, -5)


def test_no_trades_have_no_streaks_and_no_best():
    found = trades()
    assert (found["longest_winning_streak"], found["longest_losing_streak"]) == (0, 0)
    for name in ("best_trade", "worst_trade", "kelly", "half_kelly", "kelly_best"):
        assert math.isnan(found[name]), name


@given(st.lists(st.booleans()))
def test_the_longest_run_is_that_of_the_text(hits):
    text = "".join("x" if hit else " " for hit in hits)
    assert full_metrics.longest_run(np.array(hits, dtype=bool)) == max((len(word) for word in text.split()), default=0)


def test_kelly_by_hand():
    returns = np.array([0.2, 0.2, 0.2, -0.1, -0.1, 0.0])
    found = full_metrics.kelly(returns)
    assert found.formula == pytest.approx(0.6 - 0.4 / 2)
    assert found.best == pytest.approx(0.6 / 0.1 - 0.4 / 0.2)
    scaled = trades(200, 200, 200, -100, -100, 0)
    assert scaled["kelly"] == pytest.approx(0.4)
    assert scaled["half_kelly"] == pytest.approx(0.2)
    assert scaled["kelly_best"] == pytest.approx(4.0)


@settings(**FEW)
@given(st.lists(st.floats(-0.5, 0.5).filter(lambda value: abs(value) > 1e-3), min_size=3, max_size=30))
def test_no_stake_grows_faster_than_the_best(values):
    returns = np.array(values)
    best = full_metrics.kelly(returns).best
    if (returns > 0).all() or (returns < 0).all():
        assert math.isnan(best)
        return
    stakes = np.linspace(0, 0.999 / -returns.min(), 500)
    growth = np.log1p(np.outer(stakes, returns)).mean(axis=1)
    assert np.log1p(best * returns).mean() >= growth.max() - 1e-12


def test_trades_that_lose_deserve_no_stake():
    found = full_metrics.kelly(np.array([0.1, -0.2, -0.1]))
    assert found.formula < 0
    assert found.best == 0


def test_months_multiply_to_the_total_and_begin_with_the_capital():
    days = [date(2024, 12, 30), date(2025, 1, 2), date(2025, 1, 31), date(2025, 2, 3), date(2025, 4, 1)]
    equity = np.array([100.0, 110, 99, 121, 121, 60.5])
    found = full_metrics.monthly_returns(equity, np.array([day_number(day) for day in days]))
    assert [(item["year"], item["month"]) for item in found] == [(2024, 12), (2025, 1), (2025, 2), (2025, 4)]
    assert [item["return"] for item in found] == pytest.approx([0.1, 0.1, 0.0, -0.5])
    assert math.prod(1 + item["return"] for item in found) == pytest.approx(equity[-1] / equity[0])


def test_a_month_after_ruin_has_no_return():
    found = full_metrics.monthly_returns(
        np.array([100.0, 0, 0]), np.array([day_number(date(2025, month, 1)) for month in (1, 2)])
    )
    assert found[0]["return"] == -1
    assert math.isnan(found[1]["return"])
