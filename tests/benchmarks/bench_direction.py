"""How long the direction takes: judging every decision time, and one signal of the evening.

    .venv/bin/python -m tests.benchmarks.bench_direction

2,700 judged sessions after 2,400 that are only learnt from, every market of the direction, a refit each 21 sessions, on a made random
walk. The signal reads the columns, fits the ensemble on all sessions and gives one probability. Times are seconds of the clock
and of the processor: on a machine that does something else besides, the second is the one to compare.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import date

import numpy as np

SESSIONS, JUDGED = 5_100, 2_700
WHOLE, SIGNAL = 600.0, 3.0
CLOCKS = ("11:00", "12:00", "13:00", "14:00", "15:00", "16:00")


def main() -> int:
    from engine.domain import from_day_number
    from engine.market.calendar import load_calendar
    from engine.ml.direction import models
    from engine.ml.direction.evaluate import evaluate
    from engine.ml.direction.features import columns
    from engine.ml.direction.generator import planted
    from engine.ml.direction.sources import SOURCES, known_values
    from engine.ml.direction.times import parse

    texts = ("close", "preopen", "open", *CLOCKS)
    calendar = load_calendar(until=date(2026, 12, 31))
    made = planted(1, calendar, dict.fromkeys(texts, "weak"), sessions=SESSIONS, last=date(2025, 12, 30)).data
    random = np.random.default_rng(1)
    walks = {source.name: 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(made.bars)))) for source in SOURCES}
    data = replace(made, series={source.name: known_values(source, made.bars.session, walks[source.name]) for source in SOURCES})

    begun, spent = time.perf_counter(), time.process_time()
    names, X = columns(data, parse("close"))
    known = np.flatnonzero(~np.isnan(data.label))
    probability = models.fit(models.ENSEMBLE, names, X[known], data.label[known]).probability(X[-1:])
    signal, of_signal = time.perf_counter() - begun, time.process_time() - spent
    assert 0 < probability[0] < 1
    print(f"one signal of the evening, {len(names)} columns x {known.size} sessions: {signal:.2f} s, processor {of_signal:.2f} s")

    begun, spent = time.perf_counter(), time.process_time()
    start = from_day_number(int(data.session[-JUDGED - 1]))
    found = evaluate(data, [parse(text) for text in texts], start=start)
    clock, spent = time.perf_counter() - begun, time.process_time() - spent
    assert [item.session.size for item in found.times] == [JUDGED] * len(texts)
    print(f"{len(texts)} decision times x {JUDGED} sessions: {clock:.1f} s, processor {spent:.1f} s")
    met = min(signal, of_signal) <= SIGNAL and min(clock, spent) <= WHOLE
    print(f"targets {SIGNAL:g} s and {WHOLE:g} s: {'met' if met else 'MISS'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
