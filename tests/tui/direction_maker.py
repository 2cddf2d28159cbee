"""Made directions and evaluations in a store: what was said before each session, what came, and what such signals were worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import SAO_PAULO, day_number, from_day_number, iso
from engine.ml.direction.figures import basic, by_group, differences, selective, windows, years
from engine.ml.direction.gate import WINDOW, gate
from engine.ml.scores import calibration, wilson
from engine.store.directions import StoredDirection, StoredEvaluation, fill_outcomes, record_direction, record_evaluation
from engine.workspace import Workspace
from tests.desk_maker import END, MORNING, sessions
from tests.tui.desk_host import Desks, app_of, opened, until
from tui.views.index import IndexView

SYMBOL = "MEAA3"
#: The session of the made clock.
TODAY = day_number(END) + 1
#: In that session, when 11:00 has come and 12:00 has not.
DURING = int(datetime(2025, 7, 1, 11, 2, tzinfo=SAO_PAULO).timestamp())
SKILL = {"close": 0.05, "open": 0.35, "11:00": 0.6}
JUDGED = 400
#: Sessions since the last one that was judged.
SINCE = 5
REASONS = ("S&P 500 in the night +0.80 %: speaks for up", "the index fell five days in a row: speaks for up")


def judged(time: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sessions, probabilities of up and labels of a made evaluation of this decision time."""
    days = np.array([day_number(day) for day in sessions(JUDGED + SINCE)[:-SINCE]])
    random = np.random.default_rng(sorted(SKILL).index(time))
    labels = random.integers(0, 2, JUDGED)
    known = random.random(JUDGED) < SKILL[time]
    probabilities = np.where(known, np.where(labels == 1, 0.8, 0.2), random.uniform(0.2, 0.8, JUDGED))
    return days, probabilities, labels


def figures(time: str) -> dict[str, Any]:
    """The figures of a made evaluation, as `pregao direction evaluate` prints them."""
    days, p, y = judged(time)
    hits = (p >= 0.5) == (y == 1)
    accuracy = float(hits.mean())
    up = float(y.mean())
    judgement = gate(
        int(hits[-WINDOW:].sum()), WINDOW, configurations=4, no_skill=max(up, 1 - up), history=hits[:-WINDOW],
        baselines={"always_up": int(y[-WINDOW:].sum())},
    )  # fmt: skip
    return {
        "decision_time": time,
        "sessions": JUDGED,
        "accuracy": accuracy,
        "interval": list(wilson(accuracy, JUDGED)),
        **basic(p, y.astype(np.float64), np.full(JUDGED, up)),
        "baselines": {"always_up": {"accuracy": up}, "majority": {"accuracy": max(up, 1 - up)}, "momentum": {"accuracy": 0.49}},
        "verdict": {"label": "skill" if accuracy > 0.6 else "no skill", "reasons": []},
        "by_year": by_group(hits, years(days)),
        "by_regime": by_group(hits, ["ranging"] * JUDGED),
        "calibration": calibration(y == 1, p, np.ones(JUDGED)),
        "windows_30": windows(hits),
        "selective": selective(p, hits),
        "difference_to": differences(hits, {"always_up": y == 1}, 1),
        "gate": judgement.as_dict(),
    }


def evaluation(time: str, *, canaries: Sequence[dict[str, Any]] = (), at: int = MORNING) -> StoredEvaluation:
    """A made evaluation of one decision time."""
    days, p, y = judged(time)
    history = {"session": days.tolist(), "probability": p.round(4).tolist(), "label": y.tolist()}
    return StoredEvaluation(
        0, SYMBOL, time, f"made {time}", at, 1, figures(time), history, tuple(canaries), all(item["passed"] for item in canaries)
    )


def said(
    time: str, signal: int | None, probability: float, *, back: int = 0, at: int = MORNING, timely: bool = True
) -> StoredDirection:
    """What was said at one decision time about the session of the made clock, or `back` sessions before."""
    days = [TODAY, *(day_number(day) for day in reversed(sessions(60)))]
    target, session = days[back], days[back + 1]
    printed = {
        "symbol": SYMBOL,
        "session": from_day_number(session).isoformat(),
        "target_session": from_day_number(target).isoformat(),
        "decision_time": time,
        "signal": signal,
        "probability": probability,
        "baseline": 0.521,
        "coverage": 0.48 if time == "open" else 1.0,
        "model": f"made-{time}",
        "reasons": list(REASONS),
        "gate": figures(time)["gate"] if time in SKILL else None,
        "monitoring": {"state": "ok", "sessions": 250, "reasons": ["The base rate is as it was."]},
        "series": [{"name": "SP500", "last": "2025-06-25", "behind": 3}, {"name": "VIX", "last": "2025-06-30", "behind": 0}],
        "notices": [],
        "price": None,
        "timely": timely,
        "decided_at": iso(at - back * 86400),
    }
    return StoredDirection(SYMBOL, target, time, session, signal, probability, 0.521, f"made-{time}", printed, at - back * 86400)


def put(
    home: Path, directions: Sequence[StoredDirection] = (), evaluations: Sequence[StoredEvaluation] = (), **came: int
) -> None:
    """Write these; came: outcomes as back_1=1, by how many sessions before that of the made clock."""
    desk = opened(Workspace(home))
    for item in directions:
        record_direction(desk.store, item)
    for done in evaluations:
        record_evaluation(desk.store, done)
    days = [TODAY, *(day_number(day) for day in reversed(sessions(60)))]
    outcomes = {days[int(name.removeprefix("back_"))]: outcome for name, outcome in came.items()}
    fill_outcomes(desk.store, SYMBOL, outcomes, MORNING)
    desk.close()


def fill(home: Path) -> None:
    """Three decision times evaluated, two said today, and three sessions before of which two are over."""
    put(
        home,
        [
            said("close", 1, 0.53), said("open", None, 0.51), said("close", 0, 0.47, back=1), said("open", 1, 0.7, back=1),
            said("11:00", 1, 0.83, back=1), said("close", None, 0.5, back=2), said("11:00", 0, 0.2, back=2),
        ],
        [evaluation(time) for time in SKILL],
        back_1=1,
        back_2=1,
    )  # fmt: skip


def view(pilot: Desks) -> IndexView:
    return pilot.app.query_one(IndexView)


async def open_index(pilot: Desks) -> IndexView:
    """The view, with what the store holds."""
    await app_of(pilot).action_show("index")
    await until(pilot, lambda: view(pilot).moments)
    await pilot.pause()
    return view(pilot)
