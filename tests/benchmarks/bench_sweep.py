"""How long a sweep takes, beside a bare numba loop and vectorbt, how it grows, and how much memory it takes.

    .venv/bin/python -m tests.benchmarks.bench_sweep [--no-peers]

The canonical sweep is SMA(5..24) x SMA(30, 32 .. 128), 1,000 pairs on 5,000 bars, long only, a fee of 0.1 % a side. Times are
milliseconds, the least of several runs: of the processor with one worker, of the clock with two, as other programs may hold
the processor meanwhile. A ratio is of two figures of this run. The peer runs in an environment of its own under the user's
cache folder; where it cannot be installed it is left out and said so.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from engine import strategies
from engine.backtest.engine import BacktestConfig, backtest
from engine.domain import Bars, Instrument, PriceBase
from engine.features import indicators
from engine.market.costs import CostModel
from engine.optimize.sweep import sweep
from engine.optimize.sweep_blocks import Scorer, crossing_blocks, decision_blocks
from engine.strategies.base import Decisions, Strategy, ranged
from engine.strategies.crossing import Crossing
from tests.benchmarks.bare_loop import sweep_bare
from tests.benchmarks.bench_backtest import TIMER, peer_python

FAST, SLOW, FEE, CAPITAL = range(5, 25), range(30, 130, 2), 0.001, 1e9
RUNS = 15

VECTORBT = (
    TIMER
    + """
import resource
import numpy as np, pandas as pd, vectorbt as vbt
data = np.load(sys.argv[1])
index = pd.date_range("2000-01-03", periods=len(data["close"]), freq="D")
open_, close = (pd.Series(data[name], index=index) for name in ("open", "close"))
quick, lazy = (np.array(column) for column in zip(*[(a, b) for a in FAST for b in SLOW]))
def run():
    fast, slow = vbt.MA.run(close, quick, short_name="fast"), vbt.MA.run(close, lazy, short_name="slow")
    entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    entries.iloc[:FIRST], exits.iloc[:FIRST] = False, False
    pf = vbt.Portfolio.from_signals(close, entries.shift(1, fill_value=False), exits.shift(1, fill_value=False), price=open_,
                                    fees=FEE, init_cash=1e5, freq="D")
    return (pf.total_return(), pf.sharpe_ratio(), pf.sortino_ratio(), pf.max_drawdown(), pf.trades.profit_factor(),
            pf.trades.count())
found = run()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([*timed(run, 3), float(found[0].sum()), int(found[5].sum()), peak]))
"""
)


@dataclass(frozen=True)
class Pair(Strategy):
    """The crossing of two simple averages, as `decide` and as data."""

    name: ClassVar[str] = "pair"
    fast: int = ranged(10, 2, 100, "")
    slow: int = ranged(50, 3, 400, "")

    @property
    def warm_up(self) -> int:
        return self.slow

    def crossing(self, bars):
        return Crossing(indicators.sma(bars.close, self.fast), indicators.sma(bars.close, self.slow))

    def decide(self, bars):
        lines = self.crossing(bars)
        spread = lines.fast - lines.slow
        action = np.zeros(len(bars), dtype=np.int8)
        action[1:][(spread[1:] > 0) & (spread[:-1] <= 0)] = 1
        action[1:][(spread[1:] < 0) & (spread[:-1] >= 0)] = -1
        nan = np.full(len(bars), np.nan)
        return Decisions(action, nan, nan, nan)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


def walk(n=5_000, seed=42, per_session=1, step=0.015):
    """A seeded walk of n bars."""
    random = np.random.default_rng(seed)
    close = 30 * np.exp(np.cumsum(random.normal(0, step, n)))
    open_ = np.concatenate(([30.0], close[:-1])) * np.exp(random.normal(0, step / 4, n))
    wick = np.exp(np.abs(random.normal(0, step / 2, (2, n))))
    session, no = np.arange(n) // per_session + 5_000, np.zeros(n, dtype=bool)
    volume = random.lognormal(10, 0.5, n)
    return Bars(
        "WALK3", "1d" if per_session == 1 else "1m", session * 86_400 + np.arange(n) % per_session * 60, session,
        open_, np.maximum(open_, close) * wick[0], np.minimum(open_, close) / wick[1], close, volume, volume * close,
        no, no, PriceBase.ADJUSTED,
    )  # fmt: skip


def canonical(bars, fast=FAST, slow=SLOW, workers=1):
    """The canonical sweep by this project."""
    n = len(bars)
    return sweep(
        bars, Pair, {"fast": fast, "slow": slow}, BacktestConfig(capital=CAPITAL, allow_short=False), compiled=True,
        instrument=Instrument("WALK3", lot=1, tick=0.0), costs=CostModel(np.full(n, FEE), np.full(n, FEE)), workers=workers,
    )  # fmt: skip


def trend(bars, grid, *, fee=0.0003, slippage=0.0005, **options):
    """A sweep of trend_following with its stops, targets and costs."""
    n = len(bars)
    costs = CostModel(np.full(n, fee), np.full(n, fee), brokerage=1.0, slippage=slippage)
    instrument = Instrument("WALK3", lot=1)
    return sweep(
        bars, strategies.strategy_class("trend_following"), grid, instrument=instrument, costs=costs, compiled=True, **options
    )


def least(function, runs=RUNS, workers=1):
    """The least milliseconds of a call after one to warm up: of the processor for one worker, of the clock for more."""
    clock = time.process_time if workers == 1 else time.perf_counter
    function()
    spent = []
    for _ in range(runs):
        start = clock()
        function()
        spent.append(1e3 * (clock() - start))
    return min(spent)


class Table:
    """Lines of figures with their targets; remembers whether one was missed."""

    def __init__(self):
        self.missed = False

    def show(self, name, figure, target=None, note="", unit="ms"):
        verdict = ""
        if target is not None:
            self.missed |= figure > target
            verdict = f"target {target:g} {unit}: " + ("met" if figure <= target else "MISS")
        print(f"{name:<62} {figure:9.3f} {unit:<3} {verdict:<22} {note}", flush=True)


def one_point(table, bars):
    """The sweep tier of a single point, part by part, and the full tier."""
    grid = {"ema_fast": [9], "ema_slow": [21]}
    found = trend(bars, grid)
    scorer = Scorer(found.probe, bars, fast=True)
    chosen = [found.at(0)]
    figures = np.empty((1, 10))

    def run(blocks, points=chosen):
        for _count, orders in blocks(scorer, points, 1):
            scorer.score(orders(), figures)

    orders = next(decision_blocks(scorer, chosen, 1))[1]()
    table.show("one point: its orders traded, all figures", least(lambda: scorer.score(orders, figures), 200), 0.1)
    table.show("one point: five indicators, crossing, orders, figures", least(lambda: run(crossing_blocks), 200))
    table.show("one point: decide, orders, figures", least(lambda: run(decision_blocks), 200))
    pair = [Pair()]
    table.show("one pair: two averages, crossing, orders, figures", least(lambda: run(crossing_blocks, pair), 200), 0.1)
    costs = CostModel(np.full(len(bars), FEE), np.full(len(bars), FEE))
    full = least(lambda: backtest(bars, chosen[0], instrument=Instrument("WALK3"), costs=costs, compiled=True).metrics, 200)
    table.show("full tier: decide, trades, equity, all metrics", full, 0.5)


def many_points(table, bars):
    """1,000 points: the canonical pairs beside the bare loop, and a strategy with filters and levels."""
    floor = least(lambda: sweep_bare(bars, FAST, SLOW, 128))
    table.show("1,000 pairs, bare numba loop with its averages", floor)
    for workers in (1, 2):
        ours = least(lambda workers=workers: canonical(bars, workers=workers), workers=workers)
        table.show(f"1,000 pairs, sweep, {workers} worker(s)", ours, 50, f"{ours / floor:.2f} x the bare loop")
    grid = {"ema_fast": FAST, "ema_slow": SLOW}
    cash = np.full(len(bars), 0.0004)
    for name, options in (("", {}), (", idle cash at the CDI", {"risk_free": cash, "idle_cash": True})):
        for workers in (1, 2):
            took = least(lambda workers=workers, options=options: trend(bars, grid, workers=workers, **options), workers=workers)
            table.show(f"1,000 trend_following{name}, {workers} worker(s)", took, 50, f"{took / floor:.2f} x the bare loop")
    levels = {"rsi_overbought": np.linspace(60, 80, 10), "stop_atr": np.linspace(1, 4, 10), "target_atr": np.linspace(1, 6, 10)}
    table.show("1,000 trend_following, levels and filters", least(lambda: trend(bars, levels)), 50)
    reversion = {"bb_period": range(10, 30), "bb_width": np.linspace(1, 3, 50)}
    n = len(bars)
    costs = CostModel(np.full(n, FEE), np.full(n, FEE))
    took = least(
        lambda: sweep(bars, strategies.strategy_class("mean_reversion"), reversion, instrument=Instrument("WALK3"), costs=costs),
        5,
    )
    table.show("1,000 mean_reversion, by decide", took, None, f"{took / 1_000:.3f} ms a point")


def linear(table, bars):
    """How the time grows with bars, points and symbols; 2 is linear."""
    base = least(lambda: canonical(bars))
    twice = walk(2 * len(bars))
    table.show("bars x 2", least(lambda: canonical(twice)) / base, 2.4, unit="x")
    table.show("points x 2", least(lambda: canonical(bars, slow=range(30, 130))) / base, 2.4, unit="x")
    others = [walk(seed=seed) for seed in (1, 2)]
    table.show("symbols x 2", least(lambda: [canonical(item) for item in others]) / base, 2.4, unit="x")


def many_symbols(table):
    """100 symbols x 1,000 points beside the bare loop on the same symbols."""
    symbols = [walk(seed=1_000 + seed) for seed in range(100)]
    floor = least(lambda: [sweep_bare(item, FAST, SLOW, 128) for item in symbols], 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.show("100 symbols x 1,000 pairs, bare loop", floor)
    for workers in (1, 2):
        ours = least(lambda workers=workers: [canonical(item, workers=workers).best() for item in symbols], 2, workers)
        table.show(f"100 symbols x 1,000 pairs, sweep, {workers} worker(s)", ours, None, "")
        table.show("  over the bare loop", ours / floor, 2, unit="x")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.show("  peak memory of this process", peak, 500, f"{before:.0f} before it", "MB")


def minutes(table):
    """One point on a million minute bars with stops and costs: the loops alone."""
    bars = walk(1_000_000, seed=43, per_session=420, step=0.001)
    found = trend(bars, {"volume_ratio": [0.0], "stop_atr": [4.0], "target_atr": [6.0]}, fee=0.00002, slippage=0.00001)
    scorer = Scorer(found.probe, bars, fast=True)
    point = found.at(0)
    block = next(crossing_blocks(scorer, [point], 1))[1]
    figures = np.empty((1, 10))
    orders = block()
    trades, held = int(found.metrics["trades"][0]), float(found.metrics["exposure"][0])
    took = least(lambda: scorer.score(orders, figures), 7)
    table.show("1,000,000 minutes with stops and costs, trading", took, 15, f"{trades} trades, {held:.0%} of the bars held")
    table.show("1,000,000 minutes, orders from the lines", least(block, 7))
    simulation = found.probe.simulation
    table.show("1,000,000 minutes, the full kernel", least(simulation.run, 5), None, "equity, position and trades written")


def peer(table, bars):
    """The canonical sweep by vectorbt."""
    python = peer_python("vectorbt")
    if python is None:
        print("vectorbt: left out, it could not be installed")
        return
    ours = canonical(bars)
    floor = sweep_bare(bars, FAST, SLOW, 128)
    took = least(lambda: canonical(bars))
    with TemporaryDirectory() as folder:
        data = Path(folder) / "walk.npz"
        np.savez(data, open=bars.open, close=bars.close)
        program = f"FAST, SLOW, FEE, FIRST = range(5, 25), range(30, 130, 2), {FEE}, 128\n" + VECTORBT
        done = subprocess.run([str(python), "-c", program, str(data)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"vectorbt: left out, it failed: {done.stderr.strip().splitlines()[-1]}")
        return
    _middle, theirs, total, trades, peak = json.loads(done.stdout.strip().splitlines()[-1])
    table.show("1,000 pairs, vectorbt, six figures", theirs, None, f"{theirs / took:.0f} x ours; peak {peak:.0f} MB")
    print(f"  sum of returns and closed trades: ours {ours.metrics['total_return'].sum():.6f}, {ours.metrics['trades'].sum()}")
    print(f"{'':<36}bare {floor[:, 1].sum():.6f}, {int(floor[:, 7].sum())}; vectorbt {total:.6f}, {trades} with those open")


def main() -> int:
    bars, table = walk(), Table()
    one_point(table, bars)
    many_points(table, bars)
    linear(table, bars)
    many_symbols(table)
    minutes(table)
    if "--no-peers" not in sys.argv:
        peer(table, bars)
    return int(table.missed)


if __name__ == "__main__":
    sys.exit(main())
