"""How long a backtest takes, here and in two other programs, on one seeded walk of 5,000 bars.

    .venv/bin/python tests/benchmarks/bench_backtest.py [--no-peers]

The peers run the same SMA(10) x SMA(50) long-only crossing in environments of their own under the user's cache folder; one
that cannot be installed is left out and said so. Times are the median and the least of many runs, in milliseconds of wall
time; what each run includes is printed beside it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import ClassVar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
BARS, FAST, SLOW, FEE = 5_000, 10, 50, 0.001
TARGET_MS = 0.5

TIMER = """
import json, sys, time
from statistics import median
def timed(function, runs):
    function()
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        spent.append(1e3 * (time.perf_counter() - start))
    return median(spent), min(spent)
"""

VECTORBT = (
    TIMER
    + """
import numpy as np, pandas as pd, vectorbt as vbt
data = np.load(sys.argv[1])
index = pd.date_range("2000-01-03", periods=len(data["close"]), freq="D")
open_, close = (pd.Series(data[name], index=index) for name in ("open", "close"))
def run():
    fast, slow = (vbt.MA.run(close, n) for n in (FAST, SLOW))
    entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    pf = vbt.Portfolio.from_signals(close, entries.shift(1, fill_value=False), exits.shift(1, fill_value=False), price=open_,
                                    fees=FEE, init_cash=1e5, freq="D")
    return pf.total_return(), pf.sharpe_ratio(), pf.max_drawdown(), pf.trades.count()
print(json.dumps([*timed(run, 20), float(run()[0]), int(run()[3])]))
"""
)

BACKTESTING_PY = (
    TIMER
    + """
import warnings; warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
data = np.load(sys.argv[1])
frame = pd.DataFrame({name.title(): data[name] for name in ("open", "high", "low", "close")},
                     index=pd.date_range("2000-01-03", periods=len(data["close"]), freq="D"))
def sma(values, n):
    return pd.Series(values).rolling(n).mean()
class Cross(Strategy):
    def init(self):
        self.fast, self.slow = self.I(sma, self.data.Close, FAST), self.I(sma, self.data.Close, SLOW)
    def next(self):
        if crossover(self.fast, self.slow): self.buy()
        elif crossover(self.slow, self.fast): self.position.close()
def run():
    return Backtest(frame, Cross, cash=1e5, commission=FEE, finalize_trades=False).run()
import os
os.environ["TQDM_DISABLE"] = "1"
stats = run()
print(json.dumps([*timed(run, 10), float(stats["Return [%]"]) / 100, int(stats["# Trades"])]))
"""
)

PEERS = {"vectorbt": ("vectorbt", VECTORBT), "backtesting.py": ("backtesting", BACKTESTING_PY)}

FRESH = """
import time
start = time.perf_counter()
import sys
sys.path.insert(0, {root!r})
from tests.benchmarks import bench_backtest as bench
bars, costs, instrument = bench.market()
from engine import strategies
from engine.backtest.engine import backtest
backtest(bars, strategies.get("trend_following"), instrument=instrument, costs=costs, compiled={compiled}).as_dict()
print(time.perf_counter() - start)
"""


def market():
    """The walk, its costs and its instrument."""
    import numpy as np

    from engine.domain import Bars, Instrument, PriceBase
    from engine.market.costs import CostModel

    random = np.random.default_rng(42)
    close = 30 * np.exp(np.cumsum(random.normal(0, 0.015, BARS)))
    open_ = np.concatenate(([30.0], close[:-1])) * np.exp(random.normal(0, 0.004, BARS))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, 0.006, BARS)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, 0.006, BARS)))
    session = np.arange(BARS) + 10_000
    no = np.zeros(BARS, dtype=bool)
    volume = random.lognormal(10, 0.5, BARS)
    bars = Bars(
        "WALK3", "1d", session * 86_400, session, open_, high, low, close, volume, volume * close, no, no, PriceBase.ADJUSTED
    )
    return bars, CostModel(np.full(BARS, FEE), np.full(BARS, FEE)), Instrument("WALK3", lot=1, tick=0.0)


def crossing():
    """The peers' strategy in the form of this project."""
    import numpy as np

    from engine.features import indicators
    from engine.strategies.base import Decisions, Strategy, ranged

    @dataclass(frozen=True)
    class Crossing(Strategy):
        name: ClassVar[str] = "crossing"
        fast: int = ranged(FAST, 2, 100, "")
        slow: int = ranged(SLOW, 3, 400, "")

        @property
        def warm_up(self) -> int:
            return self.slow

        def decide(self, bars):
            spread = indicators.sma(bars.close, self.fast) - indicators.sma(bars.close, self.slow)
            action = np.zeros(len(bars), dtype=np.int8)
            action[1:][(spread[1:] > 0) & (spread[:-1] <= 0)] = 1
            action[1:][(spread[1:] < 0) & (spread[:-1] >= 0)] = -1
            nan = np.full(len(bars), np.nan)
            return Decisions(action, nan, nan, nan)

        def reason(self, bars, decisions, index):
            return ""

        def context(self, bars):
            return {}

    return Crossing()


def timed(function: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median and least milliseconds of a call, after one to warm up."""
    function()
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        spent.append(1e3 * (time.perf_counter() - start))
    return median(spent), min(spent)


def peer_python(package: str) -> Path | None:
    """The interpreter of an environment that holds `package`, made on first use; None when that is not possible."""
    from platformdirs import user_cache_path

    home = user_cache_path("pregao") / "benchmarks" / package
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if python.exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        return None
    try:
        subprocess.run([uv, "venv", "-q", "-p", "3.11", str(home)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "-p", str(python), package], check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(home, ignore_errors=True)
        return None
    return python


def show(name: str, figures: tuple[float, float], note: str = "") -> None:
    print(f"{name:<46} median {figures[0]:9.3f} ms   least {figures[1]:9.3f} ms   {note}")


def main() -> None:
    import numpy as np

    from engine import strategies
    from engine.backtest.engine import BacktestConfig, backtest

    bars, costs, instrument = market()
    trend, cross = strategies.get("trend_following"), crossing()
    long_only = BacktestConfig(allow_short=False)

    def run(strategy, config=None, *, compiled=True):
        return backtest(bars, strategy, config, instrument=instrument, costs=costs, compiled=compiled)

    print(f"{BARS} bars, one symbol, this process warm:")
    full = timed(lambda: run(trend).metrics, 300)
    show(
        "trend_following, signals + trades + metrics",
        full,
        f"target {TARGET_MS} ms: " + ("met" if full[0] <= TARGET_MS else "NOT MET"),
    )
    show("the same with baselines, verdict, JSON", timed(lambda: run(trend).as_dict(), 100))
    show("the same signals + trades + metrics, plain", timed(lambda: run(trend, compiled=False).metrics, 30))
    own = run(cross, long_only)
    ours = timed(lambda: run(cross, long_only).metrics, 300)
    show("SMA 10 x 50, signals + trades + metrics", ours, f"{own.metrics['trades']} trades, {own.metrics['total_return']:+.4%}")
    show("SMA 10 x 50, kernel alone", timed(own.simulation.run, 300))
    rate = np.full(BARS, 0.0004)
    earning = backtest(bars, cross, instrument=instrument, costs=replace(costs, borrow=0.02), idle_cash=rate, compiled=True)
    show("the same with shorts, interest and borrowing", timed(earning.simulation.run, 300))

    print("\nA fresh process, from start to the JSON form (one trend_following backtest):")
    for compiled in (False, True):
        program = FRESH.format(root=str(ROOT), compiled=compiled)
        spent = [float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
                 for _ in range(3)]  # fmt: skip
        print(f"  {'compiled' if compiled else 'plain':<10} {min(spent):.2f} s (least of 3)")

    if "--no-peers" in sys.argv:
        return
    print("\nPeers, the SMA crossing with return, Sharpe, drawdown and trades:")
    with TemporaryDirectory() as folder:
        data = Path(folder) / "walk.npz"
        np.savez(data, open=bars.open, high=bars.high, low=bars.low, close=bars.close)
        for name, (package, program) in PEERS.items():
            python = peer_python(package)
            if python is None:
                print(f"{name}: left out, it could not be installed")
                continue
            program = f"FAST, SLOW, FEE = {FAST}, {SLOW}, {FEE}\n" + program
            done = subprocess.run([str(python), "-c", program, str(data)], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name}: left out, it failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            middle, least, total, trades = json.loads(done.stdout.strip().splitlines()[-1])
            show(name, (middle, least), f"{trades} trades, {total:+.4%}, {middle / ours[0]:.0f} x ours")


if __name__ == "__main__":
    main()
