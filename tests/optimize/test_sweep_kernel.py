"""The sweep's loop against the simulation of a backtest: the same fills, so the same equity and figures."""

import numpy as np
import pytest

from engine.backtest import kernel, metrics
from engine.optimize import sweep_kernel
from engine.optimize.sweep_blocks import earned, sums_of_cash

NAN = float("nan")


def market(seed, n=160):
    """Bars with gaps, some events, several bars per session or one, rates of cash, and the rules of a random market."""
    random = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(random.normal(0, 0.03, n)))
    open_ = np.concatenate(([20.0], close[:-1])) * np.exp(random.normal(0, 0.01, n))
    wick = np.exp(np.abs(random.normal(0, 0.015, (2, n))))
    high, low = np.maximum(open_, close) * wick[0], np.minimum(open_, close) / wick[1]
    session = np.arange(n) // int(random.choice([1, 1, 4])) + 15_000
    split, dividend, pay = np.ones(n), np.zeros(n), np.arange(n)
    if seed % 2:
        at = random.choice(np.arange(5, n), 6, replace=False)
        split[at[:3]] = random.choice([2.0, 0.5, 0.001, 1.1], 3)
        dividend[at[2:]] = random.uniform(0.05, 1.0, 4)
        pay[at[2:]] += random.integers(0, 40, 4)
    fee = np.full(n, random.choice([0.0, 0.0003]))
    cash = np.where(np.append(True, session[1:] != session[:-1]), random.uniform(0, 0.001, n), 0.0)
    rules = {
        "capital": float(random.choice([1e3, 1e5])),
        "sizing": int(random.choice([kernel.FRACTION, kernel.RISK])),
        "size": float(random.choice([0.02, 0.5, 1.0])),
        "allow_short": bool(random.random() < 0.7),
        "lot": int(random.choice([1, 100])),
        "point_value": float(random.choice([1.0, 0.2])),
        "tick": (0, 1) if seed % 3 == 0 else (1, 100),
        "slippage": float(random.choice([0.0, 0.001])),
        "brokerage": float(random.choice([0.0, 2.5])),
        "borrow": float(random.choice([0.0, 0.0001])),
    }
    rate = cash - 0.0003 * (seed % 5 == 1) if seed % 5 < 2 else np.zeros(n)
    return (open_, high, low, close, session), (split, dividend, pay), (fee, fee / 2), (rate, cash * (seed % 4 > 0)), rules


def orders_of(random, close, first, last, *, sized):
    """Actions with levels that are sometimes missing, sometimes on the wrong side."""
    n = close.size
    action = np.zeros(n, dtype=np.int8)
    rows = random.random(n) < random.choice([0.0, 0.05, 0.3])
    action[rows] = random.choice([-1, 1], int(rows.sum()))
    stop = close * (1 - action * random.uniform(-0.01, 0.08, n))
    target = close * (1 + action * random.uniform(-0.01, 0.12, n))
    stop[random.random(n) < 0.3], target[random.random(n) < 0.3] = NAN, NAN
    weight = np.where(random.random(n) < 0.3, NAN, random.choice([0.0, 0.3, 1.0], n)) if sized else None
    return action, stop, target, weight


def scored(seed, *, fast, points=4):
    """The figures of some random points by `score`, and by a backtest's simulation and metrics."""
    quotes, (split, dividend, pay), (fee, day_trade), (rate, cash), rules = market(seed)
    open_, high, low, close, session = quotes
    n, first = close.size, 3 + seed % 7
    last = n - 1 - seed % 2
    random = np.random.default_rng(seed + 10_000)
    given = [orders_of(random, close, first, last, sized=seed % 3 == 1) for _ in range(points)]
    flat = [
        *(first, last),
        *(rules[name] for name in ("capital", "sizing", "size", "allow_short", "lot", "point_value")),
        *(*rules["tick"], rules["slippage"], rules["brokerage"]),
    ]
    expected, reasons = [], set()
    periods = metrics.bars_per_year(session[first : last + 1], "1d")
    for action, stop, target, weight in given:
        run = kernel.run(
            (*quotes, action, stop, target, split, dividend, fee, day_trade), (first, last, 0, *flat[2:]),
            fast=True, weight=weight, rate=rate, pay=pay, borrow=rules["borrow"],
        )  # fmt: skip
        figures = {
            **metrics.equity_metrics(run.equity, session[first : last + 1], periods, cash[first : last + 1]),
            **metrics.trade_metrics(run.trades, rules["point_value"]),
            "exposure": run.held / (last - first + 1),
        }
        reasons |= set(run.trades["reason"].tolist())
        expected.append([figures[name] for name in sweep_kernel.FIGURES])
    rows = [first + np.flatnonzero(action[first:last]) for action, *_others in given]
    columns = [
        np.concatenate(([0], np.cumsum([part.size for part in rows]))),
        np.concatenate(rows),
        np.concatenate([action[row].astype(np.int64) for (action, *_o), row in zip(given, rows)]),
        *[np.concatenate([item[place][row] for item, row in zip(given, rows)]) for place in (1, 2)],
        np.empty(0) if given[0][3] is None else np.concatenate([item[3][row] for item, row in zip(given, rows)]),
    ]
    earning = earned(rate, session, first)
    arrays = [
        *(open_, high, low, close, np.maximum(open_, high), np.minimum(open_, low), session, split, dividend),
        ((split != 1) | (dividend != 0)).astype(np.int8),
        *(fee, day_trade, earning, pay, cash, sums_of_cash(earning - cash, first), *columns),
    ]
    arriving, found = np.zeros(n), np.empty((points, len(sweep_kernel.FIGURES)))
    function = sweep_kernel.compiled()["score"] if fast else sweep_kernel.score
    if not fast:
        arrays = [array.tolist() for array in arrays]
    days = float(session[last] - session[first] + 1)
    function(*arrays, *flat, rules["borrow"], bool(rate.any()), periods, days, arriving, found)
    assert not arriving.any()
    return found, np.array(expected), reasons


@pytest.mark.parametrize("seed", range(100))
def test_four_random_points_have_the_figures_of_a_backtest(seed):
    found, expected, _reasons = scored(seed, fast=True)
    np.testing.assert_array_equal(found[:, 0], expected[:, 0], err_msg="final equity")
    np.testing.assert_array_equal(found[:, 9], expected[:, 9], err_msg="trades")
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


def test_the_random_points_leave_trades_in_every_way_and_figures_undefined():
    made = [scored(seed, fast=True)[1:] for seed in range(100)]
    figures = np.concatenate([expected for expected, _reasons in made])
    assert set().union(*(reasons for _expected, reasons in made)) == set(range(6))
    assert (figures[:, 9] > 0).sum() > 200
    assert (figures[:, 9] == 0).sum() > 20
    assert np.isnan(figures[:, 6]).any()
    assert np.isnan(figures[:, 3]).any()


@pytest.mark.parametrize("seed", range(40))
def test_plain_and_compiled_write_the_same_figures(seed):
    np.testing.assert_array_equal(scored(seed, fast=False)[0], scored(seed, fast=True)[0])
