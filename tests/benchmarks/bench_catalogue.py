"""How long every feature of the catalogue takes over many symbols, and which ones take it.

    .venv/bin/python -m tests.benchmarks.bench_catalogue

500 symbols of 5,000 bars on one thread and on two; the lesser of two runs. Then the dearest features, each computed by itself, and
whether twice the bars cost twice as much.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

SYMBOLS, BARS, TARGET, LINEAR, SHOWN = 500, 5_000, 20.0, 2.3, 8


def main() -> int:
    from engine.backtest.subjects import random_walk
    from engine.features.catalogue import FEATURES, compute

    series = [random_walk(BARS, seed) for seed in range(SYMBOLS)]
    columns = partial(compute, features=FEATURES)
    columns(series[0])
    print(f"{len(FEATURES)} features over {SYMBOLS} symbols x {BARS} bars:")
    best = float("inf")
    for workers in (1, 2):
        seconds = min(_spent(columns, series, workers) for _ in range(2))
        best = min(best, seconds)
        print(f"{workers} thread(s) {seconds:7.2f} s   {1e3 * seconds / SYMBOLS:6.2f} ms a symbol")
    print(f"{SYMBOLS} symbols    {best:7.2f} s   target {TARGET:g} s: " + ("met" if best <= TARGET else "MISS"))
    times = {item.name: min(_spent(item.compute, series[:1], 1) for _ in range(10)) for item in FEATURES}
    for name in sorted(times, key=lambda name: -times[name])[:SHOWN]:
        print(f"  {name:<24} {1e6 * times[name]:7.0f} us")
    longer = random_walk(2 * BARS, 0)
    ratio = min(_spent(columns, [longer], 1) for _ in range(10)) / min(_spent(columns, series[:1], 1) for _ in range(10))
    print(f"twice the bars {ratio:6.2f} x   target {LINEAR:g} x: " + ("met" if ratio <= LINEAR else "MISS"))
    return 0 if best <= TARGET and ratio <= LINEAR else 1


def _spent(work, series, workers: int) -> float:
    start = time.perf_counter()
    if workers == 1:
        for bars in series:
            work(bars)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, series))
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
