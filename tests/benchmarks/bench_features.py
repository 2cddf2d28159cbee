"""How long all indicators, the regime and the decisions of all strategies take over many symbols, and that it is linear.

    .venv/bin/python -m tests.benchmarks.bench_features

500 symbols of 5,000 bars, each column of each subject of `pregao lookahead` once, on one thread and on two: TA-Lib and NumPy
let other threads run while they compute, the Python between them does not. The last lines double the symbols and the bars.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.domain import Bars

SYMBOLS, BARS, TARGET = 500, 5_000, 10.0
#: Twice the symbols must not cost more than this times as much, nor twice the bars.
LINEAR = 2.3


def main() -> int:
    from engine.backtest.subjects import random_walk
    from engine.features import indicators

    indicators.warm_up()
    series = [random_walk(BARS, seed) for seed in range(SYMBOLS)]
    print(f"all indicators, the regime and six strategies over {SYMBOLS} symbols x {BARS} bars:")
    spent = {workers: min(_spent(series, workers) for _ in range(2)) for workers in (1, 2)}
    for workers, seconds in spent.items():
        print(f"{workers} thread(s) {seconds:7.2f} s   {1e3 * seconds / SYMBOLS:6.2f} ms a symbol")
    met = [_said(f"{SYMBOLS} symbols", min(spent.values()), TARGET, "s")]
    part = SYMBOLS // 20
    sets = (series[:part], series[: 2 * part], [random_walk(2 * BARS, seed) for seed in range(part)])
    base, more, longer = (min(times) for times in zip(*([_spent(chosen, 1) for chosen in sets] for _ in range(10))))
    met.append(_said("twice the symbols", more / base, LINEAR, "x"))
    met.append(_said("twice the bars", longer / base, LINEAR, "x"))
    return 0 if all(met) else 1


def columns(bars: Bars) -> int:
    """Every column of every subject on these bars; how many there are."""
    from engine.backtest.subjects import built_ins

    return sum(len(subject.compute(bars)) for subject in built_ins())


def _spent(series: Sequence[Bars], workers: int) -> float:
    start = time.perf_counter()
    if workers == 1:
        made = [columns(bars) for bars in series]
    else:
        with ThreadPoolExecutor(workers) as pool:
            made = list(pool.map(columns, series))
    assert len(made) == len(series)
    assert min(made) > 40
    return time.perf_counter() - start


def _said(what: str, value: float, target: float, unit: str) -> bool:
    print(f"{what:<20} {value:7.2f} {unit}   target {target:g} {unit}: " + ("met" if value <= target else "MISS"))
    return value <= target


if __name__ == "__main__":
    sys.exit(main())
