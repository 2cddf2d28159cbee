"""The kernel and the metrics against what two independent programs say; see tests/backtest/oracle."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.backtest import kernel, metrics
from tests.backtest.oracle.walks import SEEDS, walk

ORACLE = Path(__file__).parent / "oracle"
GOLDENS = json.loads((ORACLE / "backtesting_py.json").read_text("utf-8"))
RATIOS = json.loads((ORACLE / "empyrical.json").read_text("utf-8"))


def trade(seed):
    data = walk(seed)
    n = len(data.close)
    level = [np.array(values) for values in (data.stop, data.target)]
    prices = [np.array(values) for values in (data.open, data.high, data.low, data.close)]
    series = (*prices, np.arange(n), np.array(data.action, dtype=np.int8), *level, np.ones(n), *np.zeros((3, n)))
    return kernel.run(
        series, (0, n - 1, 0, float(GOLDENS["cash"]), kernel.FRACTION, 1.0, True, 1, 1.0, 0, 1, 0.0, 0.0), fast=False
    )


@pytest.mark.parametrize("block", range(0, len(SEEDS), 20))
def test_trades_and_equity_equal_those_of_backtesting_py(block):
    for seed in SEEDS[block : block + 20]:
        golden, run = GOLDENS["walks"][seed], trade(seed)
        closed = run.trades[run.trades["exit"] >= 0]
        expected = np.array(golden["trades"]).reshape(-1, 5)
        assert closed.size == len(expected), seed
        assert closed["entry"].tolist() == expected[:, 1].tolist(), seed
        assert closed["exit"].tolist() == expected[:, 2].tolist(), seed
        assert np.round(closed["entry_price"], 4).tolist() == expected[:, 3].tolist(), seed
        assert np.round(closed["exit_price"], 4).tolist() == expected[:, 4].tolist(), seed
        np.testing.assert_allclose(closed["side"] * closed["quantity"], expected[:, 0], rtol=1e-7)
        np.testing.assert_allclose(run.equity[1:][9::30], golden["equity"], rtol=1e-8)
        np.testing.assert_allclose(run.equity[-1], golden["final"], rtol=1e-8)


def test_the_walks_meet_every_way_out():
    reasons, ambiguous, sides = set(), 0, set()
    for seed in SEEDS[:40]:
        trades = trade(seed).trades
        reasons |= set(trades["reason"].tolist())
        sides |= set(trades["side"].tolist())
        ambiguous += int(trades["ambiguous"].sum())
    assert {kernel.SIGNAL, kernel.STOP, kernel.TARGET} <= reasons
    assert sides == {1, -1}
    assert ambiguous > 10


@pytest.mark.parametrize("seed", range(len(RATIOS["walks"])))
def test_ratios_equal_those_of_empyrical(seed):
    close = np.array(walk(seed).close)
    found = metrics.equity_metrics(close, np.arange(close.size - 1), 252.0)
    for name, value in RATIOS["walks"][seed].items():
        assert found[name] == pytest.approx(value, rel=1e-10), name
