"""Write what backtesting.py and empyrical say about seeded walks to the golden files beside this script.

Neither is a dependency of the project. Run it in an environment of its own, from the root of the repository:

    uv venv /tmp/oracle && uv pip install -p /tmp/oracle/bin/python backtesting empyrical-reloaded
    /tmp/oracle/bin/python tests/backtest/oracle/make_backtesting_py.py
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from walks import SEEDS, walk  # noqa: E402

CASH = 10**10
SAMPLES = slice(9, None, 30)
RATIO_SEEDS = range(20)


def orders_of(seed):
    data = walk(seed)

    class Orders(Strategy):
        def init(self):
            pass

        def next(self):
            t = len(self.data) - 1
            action = data.action[t]
            if action > 0 and not self.position.is_long:
                self.buy(sl=data.stop[t], tp=data.target[t])
            elif action < 0 and not self.position.is_short:
                self.sell(sl=data.stop[t], tp=data.target[t])

    frame = pd.DataFrame({"Open": data.open, "High": data.high, "Low": data.low, "Close": data.close})
    frame.index = pd.date_range("2000-01-03", periods=len(frame), freq="D")
    stats = Backtest(frame, Orders, cash=CASH, commission=0, exclusive_orders=True, finalize_trades=False).run()
    trades = [
        [int(size), int(entry), int(exit_), round(float(entry_price), 4), round(float(exit_price), 4)]
        for size, entry, exit_, entry_price, exit_price in zip(
            *(stats._trades[name] for name in ("Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice"))
        )
    ]
    equity = stats._equity_curve["Equity"].to_numpy()
    return {"trades": trades, "final": float(equity[-1]), "equity": [float(value) for value in equity[SAMPLES]]}


def ratios_of(seed):
    import empyrical

    close = np.array(walk(seed).close)
    returns = close[1:] / close[:-1] - 1
    return {
        "sharpe_ratio": float(empyrical.sharpe_ratio(returns, annualization=252)),
        "sortino_ratio": float(empyrical.sortino_ratio(returns, annualization=252)),
        "max_drawdown": float(empyrical.max_drawdown(returns)),
        "volatility": float(empyrical.annual_volatility(returns, annualization=252)),
    }


def write(name, content):
    path = HERE / name
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(path, path.stat().st_size, "bytes")


def main():
    warnings.simplefilter("ignore")
    write(
        "backtesting_py.json",
        {"version": version("backtesting"), "cash": CASH, "walks": [orders_of(seed) for seed in SEEDS]},
    )
    write(
        "empyrical.json",
        {"version": version("empyrical-reloaded"), "walks": [ratios_of(seed) for seed in RATIO_SEEDS]},
    )


if __name__ == "__main__":
    main()
