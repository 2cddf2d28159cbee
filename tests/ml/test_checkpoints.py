"""A training that was stopped goes on behind the searches it had finished, with the same result."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from engine.domain import jsonable
from engine.ml import tuning
from engine.ml.checkpoints import Checkpoints
from engine.ml.training import TrainingPlan, train
from tests.ml.training_maker import FEATURES, SMALL, trending

BARS = {"TRND3": trending(500)}
PLAN = TrainingPlan(("TRND3",), "xgboost", features=FEATURES, folds=2, trials=2, select_k=4, params=SMALL["xgboost"])


class Stopped(Exception):
    """The user cancelled."""


def test_a_stopped_training_goes_on_behind_its_finished_searches(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "searches")
    whole = train(BARS, PLAN).report

    def stop_in_the_second_fold(done: int, total: int | None, note: str = "") -> None:
        if done >= 4:
            raise Stopped

    with pytest.raises(Stopped):
        train(BARS, PLAN, progress=stop_in_the_second_fold, checkpoints=kept)
    assert len(list(kept.folder.iterdir())) == 1
    said: list[tuple[str, dict[str, Any]]] = []
    counted: list[int] = []
    with patch.object(tuning, "tune", wraps=tuning.tune) as searched:
        found = train(
            *(BARS, PLAN),
            progress=lambda done, total, note="": counted.append(done) if total else None,
            emit=lambda kind, payload: said.append((kind, payload)),
            checkpoints=kept,
        )
    assert searched.call_count == 2
    assert jsonable(found.report) == jsonable(whole)
    assert [payload for kind, payload in said if kind == "kept"] == [{"fold": 1, "trials": 2}]
    assert [(payload["fold"], payload["number"]) for kind, payload in said if kind == "trial"] == [
        (2, 1),
        (2, 2),
        (None, 1),
        (None, 2),
    ]
    assert (said[0][0], counted[0]) == ("kept", 2), "it begins behind what was done before"
    assert counted == sorted(counted)
    assert list(kept.folder.iterdir()) == []


def test_other_rows_or_another_question_find_no_search(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    keys: list[str] = []
    with patch.object(Checkpoints, "read", lambda self, key: keys.append(key)):
        train(BARS, PLAN, checkpoints=kept)
        train({"TRND3": trending(500, seed=2)}, PLAN, checkpoints=kept)
    assert len(set(keys)) == len(keys) == 6


@pytest.mark.parametrize("text", ["", "{", "[]", '{"params": {}}', '{"params": 1, "trials": [{"number": 1}]}'])
def test_a_damaged_file_is_no_search(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.json").write_text(text, encoding="utf-8")
    assert Checkpoints(tmp_path).read("k") is None
