"""How long a training takes, and where the time goes.

    .venv/bin/python -m tests.benchmarks.bench_training

200 trees, 20 features, 5,000 rows and 5 folds, each fold with its calibration, threshold, figures and permutation importance, and the
final model of all rows, on a made random walk. Times are seconds of the clock and of the processor: on a machine that does something
else besides, the second is the one to compare.
"""

from __future__ import annotations

import sys
import time

TREES, FEATURES, ROWS, FOLDS, TARGET = 200, 20, 5_000, 5, 15.0
LABEL, WARM_UP = 5, 21


def main() -> int:
    import sklearn.linear_model
    import xgboost

    from engine.backtest.subjects import random_walk
    from engine.features.catalogue import FEATURES as KNOWN
    from engine.ml.training import TrainingPlan, train

    print(f"xgboost {xgboost.__version__}, scikit-learn {sklearn.__version__}")
    names = tuple(feature.name for feature in KNOWN if feature.lookback < WARM_UP)[:FEATURES]
    bars = random_walk(ROWS + LABEL)
    met = True
    for kind in ("xgboost", "random_forest"):
        marks: list[tuple[float, str]] = []
        begun, spent = time.perf_counter(), time.process_time()
        found = train(
            {bars.symbol: bars},
            TrainingPlan((bars.symbol,), kind, names, folds=FOLDS),
            progress=lambda _done, _total, note="", marks=marks: marks.append((time.perf_counter(), note)),
        )
        clock, spent = time.perf_counter() - begun, time.process_time() - spent
        assert found.report["rows"] == ROWS
        assert len(found.report["features"]) == FEATURES
        ends = [*(at for at, _note in marks[1:]), begun + clock]
        for (at, note), end in zip(marks, ends):
            print(f"  {note:36} {end - at:6.2f} s")
        print(
            f"{kind}: {TREES} trees x {FEATURES} features x {ROWS} rows x {FOLDS} folds: {clock:.2f} s, processor {spent:.2f} s"
        )
        if kind == "xgboost":
            met = min(clock, spent) <= TARGET
            print(f"target {TARGET:g} s: {'met' if met else 'MISS'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
