"""Write what ffn (deflated Sharpe ratio) and arch (block length, stationary bootstrap) say to the golden file beside this script.

Neither is a dependency of the project. Run it in an environment of its own, from the root of the repository:

    uv venv /tmp/oracle && uv pip install -p /tmp/oracle/bin/python ffn arch
    /tmp/oracle/bin/python tests/backtest/oracle/make_evidence.py
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import ffn
import numpy as np
import pandas as pd
from arch.bootstrap import StationaryBootstrap, optimal_block_length

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from walks import walk  # noqa: E402

SEEDS, BARS = range(8), 5_000
BOOTSTRAP_SEEDS, BOOTSTRAP_BARS, DRAWS, BLOCK = range(2), 600, 20_000, 12
TRIALS = (2, 10, 100, 1_000)


def returns_of(seed, bars=BARS):
    close = np.array(walk(seed, bars).close)
    return close[1:] / close[:-1] - 1


def smoothed(returns):
    """Returns that depend on those before them."""
    return np.convolve(returns, np.full(10, 0.1), "valid")


def trial_sharpes(seed, trials):
    """Sharpe ratios per bar, made without a generator of random numbers."""
    return 0.02 * np.sin(1.0 + seed + 7.3 * np.arange(trials))


def deflated(seed):
    returns = pd.Series(returns_of(seed))
    return [
        float(ffn.calc_deflated_sharpe_ratio(returns, trial_sharpes(seed, trials), nperiods=252, annualized_trials=False))
        for trials in TRIALS
    ]


def blocks(seed):
    returns = returns_of(seed)
    return [float(optimal_block_length(series)["stationary"].iloc[0]) for series in (returns, smoothed(returns))]


def bands(seed):
    returns = returns_of(seed, BOOTSTRAP_BARS)

    def figures(sample):
        equity = np.concatenate(([1.0], np.cumprod(1 + sample)))
        ratio = sample.mean() / sample.std(ddof=1) * np.sqrt(252)
        return np.array([equity[-1] ** (252 / sample.size) - 1, (equity / np.maximum.accumulate(equity)).min() - 1, ratio])

    drawn = StationaryBootstrap(BLOCK, returns, seed=seed).apply(figures, DRAWS)
    return dict(zip(("cagr", "max_drawdown", "sharpe_ratio"), np.quantile(drawn, (0.05, 0.5, 0.95), axis=0).T.tolist()))


def main():
    path = HERE / "evidence.json"
    content = {
        "versions": {name: version(name) for name in ("ffn", "arch")},
        "deflated": [deflated(seed) for seed in SEEDS],
        "blocks": [blocks(seed) for seed in SEEDS],
        "bands": [bands(seed) for seed in BOOTSTRAP_SEEDS],
    }
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
