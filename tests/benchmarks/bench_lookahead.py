"""How long the look-ahead proof takes: 5,000 bars, every prefix, all indicators and strategies of the engine.

    .venv/bin/python -m tests.benchmarks.bench_lookahead

Each line: seconds of the proof in this process, microseconds of one plain run on all bars, and how many plain runs the
proof is worth; n prefixes of mean length n / 2 cost at least n / 2 plain runs where the run is linear in the bars. The last
line is the whole command's work, shared out among two processes, with the start of the second; the lesser of two.
"""

from __future__ import annotations

import sys
import time

TARGET = 5.0


def main() -> int:
    from engine.backtest.lookahead import cuts_of
    from engine.backtest.proofs import prove_built_ins
    from engine.backtest.subjects import BARS, built_ins, examine, random_walk
    from engine.features import indicators

    indicators.warm_up()
    bars = random_walk()
    cuts = cuts_of(bars)
    print(f"{BARS} bars, every prefix, 64 futures, start-up sweep, one-bar lag:")
    total = 0.0
    for subject in built_ins():
        plain = min(_spent(lambda: subject.compute(bars)) for _ in range(20))  # noqa: B023
        proof = _spent(lambda: examine(subject, bars, cuts))  # noqa: B023
        total += proof
        print(f"{subject.name:<26} {proof:7.2f} s   plain run {1e6 * plain:8.1f} us   ratio {proof / plain:8.0f}")
    print(f"{'all, one process':<26} {total:7.2f} s")
    shared = min(_spent(lambda: prove_built_ins(bars)) for _ in range(2))
    print(f"{'all, two processes':<26} {shared:7.2f} s   target {TARGET:g} s: " + ("met" if shared <= TARGET else "MISS"))
    return 0 if shared <= TARGET else 1


def _spent(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
