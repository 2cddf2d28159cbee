"""The command models and the chart of an explanation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from engine.domain import Action
from engine.ml import registry
from engine.ml.explain import Contribution, Explanation, explain
from engine.ml.model import BOOSTED, FOREST
from tests.desk_maker import MORNING, at_desk, call
from tests.ml.model_maker import Made, made_model, made_training, rows
from tui.reports.explain import explain_report


@pytest.fixture(scope="module")
def trainings() -> tuple[Made, Made]:
    return made_training(BOOSTED, accuracy=0.4), made_training(FOREST, accuracy=0.7)


@pytest.fixture
def ids(home: Path, trainings) -> list[str]:
    """An XGBoost model and a newer forest of the same symbol."""

    def saved(desk) -> list[str]:
        return [
            registry.save(desk.workspace.models, desk.store, training, now=MORNING + at, name=f"note {at}")
            for at, training in enumerate(trainings)
        ]

    return at_desk(home, saved)


def models(home: Path, *words: str):
    found = call("models", *words, "--json", home=home)
    assert found.code == 0, found.err
    return found.json


def drawn(report) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(report)
    return console.file.getvalue()


def test_a_desk_without_models_says_how_to_make_one(home: Path) -> None:
    assert models(home) == {"models": [], "demo": False}
    shown = call("models", home=home)
    assert (shown.code, shown.out) == (0, "")
    assert "pregao train signals" in shown.err
    assert models(home, "verify") == {"models": [], "demo": False}


def test_the_list_tells_what_each_was_worth_beside_its_baseline(home: Path, ids) -> None:
    found = models(home)["models"]
    assert [item["model_id"] for item in found] == ids[::-1]
    first = found[1]
    assert {"kind", "model", "name", "symbols", "timeframe", "created_at", "live", "snapshot", "schema", "label"} <= set(first)
    assert (first["model"], first["symbols"], first["live"], first["name"]) == ("xgboost", ["MEAA3"], False, "note 0")
    assert first["metrics"]["accuracy"] == 0.4
    assert first["baselines"]["majority"]["accuracy"] == 0.42
    shown = call("models", home=home).out
    for text in (*ids, "40.00%", "32.00% to 48.00%", "42.00%", "no better than chance"):
        assert text in shown


def test_show_prints_the_manifest_and_the_promotions(home: Path, ids) -> None:
    models(home, "promote", ids[0])
    (found,) = models(home, "show", "latest")["models"]
    assert found["model_id"] == ids[0]
    assert found["manifest"]["report"]["threshold"] == 0.6
    assert found["promotions"] == [{"promoted_at": found["live_since"], "rolled_back_at": None}]
    assert Path(found["path"]).is_dir()
    shown = call("models", "show", ids[0], home=home).out
    for text in (ids[0], "momentum_20", "xgboost", "max_depth 3", "no better than chance", "The interval of the accuracy"):
        assert text in shown


def test_promote_and_rollback_move_what_is_live(home: Path, ids) -> None:
    assert models(home, "promote", ids[0]) == {"model_id": ids[0], "changed": True, "before": None}
    assert models(home, "promote", ids[0])["changed"] is False
    assert models(home, "promote", ids[1]) == {"model_id": ids[1], "changed": True, "before": ids[0]}
    assert [item["live"] for item in models(home)["models"]] == [True, False]
    assert models(home, "rollback", ids[1]) == {"model_id": ids[1], "live": ids[0]}
    again = call("models", "rollback", ids[1], "--json", home=home)
    assert (again.code, again.error["type"]) == (1, "ModelError")
    said = call("models", "rollback", "latest", home=home)
    assert (said.code, said.out) == (0, "")
    assert "not live any more" in said.err
    told = call("models", "promote", ids[1], home=home).err
    assert "is live now" in told
    assert "no better than chance" in told


def test_verify_exits_with_1_when_one_is_not_sound(home: Path, ids) -> None:
    found = models(home, "verify")["models"]
    assert [set(item) for item in found] == [{"model_id", "path", "ok", "reason"}] * 2
    assert all(item["ok"] and item["reason"] is None for item in found)
    folder = home / "models" / ids[1]
    (folder / "model.skops").write_bytes(b"x")
    (home / "models" / "signals-rf-20200101-000000-abcd").mkdir()
    bad = call("models", "verify", "--json", home=home)
    assert bad.code == 1
    states = {item["model_id"]: (item["ok"], item["reason"]) for item in bad.json["models"]}
    assert states[ids[0]] == (True, None)
    assert "SHA-256" in states[ids[1]][1]
    assert "not saved to the end" in states["signals-rf-20200101-000000-abcd"][1]
    assert call("models", "verify", ids[0], home=home).code == 0
    assert call("models", "verify", ids[1], home=home).code == 1
    shown = call("models", "verify", home=home)
    assert shown.code == 1
    assert "SHA-256" in shown.out


def test_delete_refuses_the_live_one_and_removes_what_a_kill_left(home: Path, ids) -> None:
    models(home, "promote", ids[0])
    refused = call("models", "delete", ids[0], "--json", home=home)
    assert (refused.code, refused.error["type"]) == (1, "ModelError")
    assert "--force" in refused.error["hint"]
    left = home / "models" / "signals-rf-20200101-000000-abcd.part"
    left.mkdir()
    assert models(home, "delete", ids[0], left.name, "--force") == {"deleted": [ids[0], left.name]}
    assert [path.name for path in (home / "models").iterdir()] == [ids[1]]
    assert [item["model_id"] for item in models(home)["models"]] == [ids[1]]


def test_compare_shows_both_and_says_which_is_better(home: Path, ids) -> None:
    found = models(home, "compare", *ids)
    figures = {item["name"]: item for item in found["figures"]}
    assert found["comparable"] is True
    assert (figures["accuracy"]["values"], figures["accuracy"]["better"]) == ([0.4, 0.7], ids[1])
    assert figures["log_loss"]["better"] is None
    shown = call("models", "compare", *ids, home=home).out
    assert "70.00%" in shown
    assert ids[1] in shown


@pytest.mark.parametrize(
    "words",
    [("show",), ("promote",), ("rollback",), ("compare", "a"), ("compare", "a", "b", "c"), ("delete",), ("list", "a"), ("show", "a", "b"),
     ("list", "--force"), ("burn",), ("show", "signals-rf-20260101-000000-abcd"), ("delete", "../data"), ("verify", "x")],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_exit_code_2(home: Path, words) -> None:
    done = call("models", *words, "--json", home=home)
    assert done.code == 2
    assert json.loads(done.err)["error"]["message"]


def test_the_chart_of_an_explanation_points_to_both_sides() -> None:
    amounts = (
        Contribution("momentum_20", 0.041, 0.08),
        Contribution("rsi_14", 71.2, -0.04),
        Contribution("doji", 0.0, 0.001),
    )
    found = Explanation(Action.BUY, 0.52, "probability", 0.33, 0.371, amounts)
    shown = drawn(explain_report(found, "signals-rf-20260101-000000-abcd", most=2))
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "52.00%" in shown
    assert "signals-rf-20260101-000000-abcd" in shown
    assert "│████████████ " in lines["momentum_20"]
    assert " ██████│ " in lines["rsi_14"]
    assert lines["momentum_20"].index("│") == lines["rsi_14"].index("│")
    assert "+4.1 %" in lines["momentum_20"]
    assert lines["rsi_14"].rstrip().endswith("-0.040")
    assert "doji" not in lines
    assert lines["1"].split() == ["1", "other", "+0.001"]
    assert "probability +0.371" in shown


@pytest.mark.parametrize("kind", [BOOSTED, FOREST])
def test_the_chart_draws_a_real_explanation(kind) -> None:
    row = np.nan_to_num(rows(1, seed=3)[0])
    shown = drawn(explain_report(explain(made_model(kind), row)))
    assert "momentum_20" in shown
    assert {"xgboost": "margin", "random_forest": "probability"}[kind] in shown
