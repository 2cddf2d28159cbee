"""Made trainings in a ledger of jobs: their events and reports have the form of real ones, and scores of made probabilities."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import jsonable
from engine.ml.scores import frequencies, scores
from engine.ml.verdict import judge
from engine.store.job_ledger import JobEvent, add_job, ask_to_cancel, beat, claim_job, finish_job, opened
from engine.workspace import Workspace
from tests.desk_maker import MORNING
from tests.tui.desk_host import Desks, app_of, until
from tui.views.training import TrainingView
from tui.widgets.form import Form

SYMBOLS = ("MEAA3",)
ROWS = 120
FEATURES = {"momentum_20": 0.021, "rsi_14": 0.008, "volatility_20": 0.0, "doji": -0.006}


def asked(symbols: Sequence[str] = SYMBOLS, **other: Any) -> dict[str, Any]:
    """The parameters of a made training."""
    plain = {
        "symbols": list(symbols),
        "pooled": True,
        "model": "xgboost",
        "label": "fixed",
        "label_params": {"horizon": 5},
        "folds": 3,
        "trials": 0,
        "select": 20,
        "balance": False,
        "strategy": None,
        "timeframe": "1d",
        "from": None,
        "to": None,
        "seed": 42,
    }
    return {**plain, **other}


def judged(seed: int, skill: float, rows: int = ROWS) -> dict[str, Any]:
    """The scores of made probabilities that know `skill` (0 to 1) of the labels."""
    random = np.random.default_rng(seed)
    y = random.integers(-1, 2, rows).astype(np.int8)
    p = random.dirichlet((2, 2, 2), rows)
    known = random.random(rows) < skill
    p[known] = 0.1
    p[known, y[known] + 1] = 0.8
    return scores(y, p, np.full(rows, 0.5), prior=frequencies(y), seed=1)


def fold(number: int, *, of: int = 3, symbols: Sequence[str] = SYMBOLS, skill: float = 0.2) -> dict[str, Any]:
    """The payload of one fold."""
    metrics = judged(number, skill)
    return {
        "symbols": list(symbols),
        "fold": number,
        "train_rows": 200 * number,
        "test_rows": ROWS,
        "train_start": "2020-01-02T10:00:00-03:00",
        "train_end": f"202{number}-03-01T10:00:00-03:00",
        "test_start": f"202{number}-03-02T10:00:00-03:00",
        "test_end": f"202{number}-09-01T10:00:00-03:00",
        "params": {},
        "trials": 0,
        "selected": list(FEATURES),
        "threshold": 0.6,
        "metrics": {name: value for name, value in metrics.items() if name != "calibration"},
        "of": of,
    }


def trial(number: int, *, fold: int | None = 1, symbols: Sequence[str] = SYMBOLS) -> dict[str, Any]:
    """The payload of one trial; the search gets better with every second one."""
    value = 1.1 - 0.01 * number if number % 2 else 1.15
    best = 1.1 - 0.01 * (number if number % 2 else number - 1)
    return {"symbols": list(symbols), "fold": fold, "number": number, "value": value, "params": {"max_depth": 3}, "best": best}


def report(model_id: str, *, symbols: Sequence[str] = SYMBOLS, skill: float = 0.2, kind: str = "xgboost") -> dict[str, Any]:
    """The report of a made training."""
    figures = judged(7, skill, 400)
    calibration, baselines = figures.pop("calibration"), figures.pop("baselines")
    effect = {
        "strategy": "trend_following",
        "base": {"total_return": -0.05, "sharpe_ratio": -0.2, "max_drawdown": -0.3, "profit_factor": 0.9, "trades": 40},
        "filtered": {"total_return": 0.04, "sharpe_ratio": 0.3, "max_drawdown": -0.1, "profit_factor": 1.2, "trades": 31},
        "verdict": {"label": "no better than the base strategy", "reasons": ["The model took 31 of 40 signals."]},
    }
    whole = {
        "model_id": model_id,
        "model": kind,
        "symbols": list(symbols),
        "timeframe": "1d",
        "features": list(FEATURES),
        "schema": "0",
        "selected": list(FEATURES),
        "label": {"kind": "fixed", "horizon": 5, "up": 0.02, "down": 0.02},
        "params": {"n_estimators": 200},
        "rows": 600,
        "effective_rows": 120.0,
        "classes": {"SELL": 0.3, "HOLD": 0.4, "BUY": 0.3},
        "period": {"start": "2020-01-02T10:00:00-03:00", "end": "2024-09-01T10:00:00-03:00"},
        "search": {"trials": 0, "space": None},
        "folds": [{name: value for name, value in fold(number, skill=skill).items() if name != "of"} for number in (1, 2, 3)],
        "metrics": figures,
        "baselines": baselines,
        "importance": [{"feature": name, "importance": value, "spread": 0.002, "folds": 3} for name, value in FEATURES.items()],
        "calibration": calibration,
        "threshold": 0.6,
        "threshold_choice": {"reason": "the surest share of hits on the validation rows", "default": 0.6, "evidence": []},
        "strategy_effect": effect,
        "verdict": judge(figures, baselines, effect).as_dict(),
    }
    found: dict[str, Any] = jsonable(whole)
    return found


class MadeJob:
    """A training whose events the test writes, as its process would."""

    def __init__(self, home: Path, params: dict[str, Any] | None = None, *, at: int | None = None) -> None:
        """at: when it began; by default now on the clock of the machine, by which a silent job is taken for lost."""
        self.path = Workspace(home).database
        self.at = int(time.time()) if at is None else at
        self.id = add_job(self.path, "train", asked() if params is None else params, self.at)
        self.seq = 0
        claim_job(self.path, self.id, os.getpid(), self.at)

    def say(self, *events: tuple[str, dict[str, Any]], done: int = 0, total: int | None = 4, note: str = "") -> None:
        """Write events and how far it is."""
        told = []
        for kind, payload in events:
            self.seq += 1
            told.append(JobEvent(self.id, self.seq, self.at, kind, jsonable(payload)))
        with opened(self.path) as connection:
            assert beat(connection, self.id, os.getpid(), self.at, (done, total, note), told)

    def end(self, status: str, *, reports: Sequence[dict[str, Any]] = (), error: dict[str, Any] | None = None) -> None:
        """Write how it ended, a minute after it began."""
        result = {"trainings": list(reports), "demo": False} if reports else None
        note = str(reports[0]["model_id"]) if reports else ""
        finish_job(self.path, self.id, os.getpid(), status, self.at + 60, progress=(4, 4, note), result=result, error=error)

    def cancel(self) -> None:
        """Ask it to stop, as the app does, and stop."""
        ask_to_cancel(self.path, self.id, self.at)
        self.end("cancelled")


def done_training(home: Path, model_id: str = "signals-xgb-20250630-190000-4f2a", *, skill: float = 0.2, **other: Any) -> MadeJob:
    """A training of three folds that is done, from before the clock of the app."""
    job = MadeJob(home, asked(**other), at=MORNING - 3600)
    symbols = tuple(other.get("symbols", SYMBOLS))
    job.say(*(("fold", fold(number, symbols=symbols, skill=skill)) for number in (1, 2, 3)), done=3)
    job.say(("trained", {"symbols": list(symbols), "model_id": model_id}), done=4)
    job.end("done", reports=[report(model_id, symbols=symbols, skill=skill)])
    return job


def view(pilot: Desks) -> TrainingView:
    return pilot.app.query_one(TrainingView)


def fields(pilot: Desks) -> Form:
    return view(pilot).form


async def open_training(pilot: Desks) -> TrainingView:
    """The view, with what the ledger holds."""
    await app_of(pilot).action_show("training")
    await until(pilot, lambda: fields(pilot).fields and not view(pilot)._looking)
    await pilot.pause()
    return view(pilot)
