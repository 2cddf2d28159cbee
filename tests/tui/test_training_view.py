"""The training view over made ledgers of jobs, and over one training that is real."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from engine.domain import silent
from engine.errors import ModelError, UsageError
from engine.jobs.kinds import KINDS
from engine.ml.labels import make
from engine.ml.model import BOOSTED
from engine.ml.registry import list_models, save
from engine.store.job_ledger import Job, read_job
from engine.workspace import Workspace
from tests.desk_maker import END
from tests.ml.model_maker import Made, made_model
from tests.tui.desk_host import EVERY, Desks, app_of, at_desk, command, opened, said, see, type_in, until, view_name
from tests.tui.training_maker import (
    SYMBOLS,
    MadeJob,
    asked,
    done_training,
    fields,
    fold,
    open_training,
    report,
    trial,
    view,
)
from tui.actions import BY_ID
from tui.screens.dialogs import Ask, Reader
from tui.training.form import HORIZONS, MODELS, filled, first_fields, job_params, parse, symbols_in
from tui.training.form import Surroundings as Around
from tui.training.frame import HINTS, PANELS
from tui.training.history import HistoryPanel, rows_of
from tui.training.panels import importance_text
from tui.training.record import Record, clock
from tui.widgets.form import Field
from tui.widgets.learning_chart import CalibrationChart, Interval, IntervalChart, Point
from tui.widgets.plot import Canvas
from tui.widgets.prompt import Prompt

AROUND = Around("MEAA3", {"default": 3}, ("breakout", "trend_following"))
NAN = math.nan


def started(pilot: Desks) -> list[tuple[str, dict[str, Any]]]:
    """What the app is asked to start from now on; nothing is."""
    found: list[tuple[str, dict[str, Any]]] = []
    app_of(pilot).start_job = lambda kind, params, title: found.append((kind, params))  # type: ignore[method-assign]
    return found


def asks(pilot: Desks, result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What is asked of a model from now on; each is answered with this result."""
    found: list[tuple[str, dict[str, Any]]] = []

    def ask(kind: str, params: dict[str, Any], done: Any) -> None:
        found.append((kind, params))
        done(Job(1, kind, params, "done", 0, result=result))

    view(pilot)._ask = ask  # type: ignore[method-assign, assignment]
    return found


# --- the form -------------------------------------------------------------------------------------------------------


def test_the_form_asks_for_the_parameters_of_the_requirement() -> None:
    params = job_params(first_fields(AROUND), ["MEAA3"])
    assert params == asked(model="random_forest", folds=5)


def test_every_parameter_is_one_that_the_job_takes() -> None:
    params = job_params(first_fields(AROUND), ["NOSUCH3"])
    accepted = KINDS["train"].__doc__ or ""
    assert all(name in accepted for name in params)


def test_what_was_asked_before_fills_the_form() -> None:
    params = asked(["VALE3", "PETR4"], pooled=False, model=MODELS[1], label="scaled", folds=7, seed=1, **{"from": "2020-01-02"})
    fields = filled(first_fields(AROUND), params)
    assert job_params(fields, symbols_in(str(fields[0].value))) == {**params, "symbols": ["VALE3", "PETR4"]}


def test_the_horizons_are_those_of_the_labels() -> None:
    from tests.desk_maker import walk
    from tests.ml.test_labels import bars_of

    bars = bars_of(list(walk("MEAA3", 60)[:, 3]))
    assert {kind: make(kind, bars).params["horizon"] for kind in HORIZONS} == dict(HORIZONS)


def test_symbols_are_typed_with_spaces_or_commas_and_lists_with_an_at() -> None:
    item = first_fields(AROUND)[0]
    assert parse(item, "petr4, vale3  petr4") == "PETR4 VALE3"
    assert parse(item, "@default") == "@default"
    for text in ("", " , ", "two words!"):
        with pytest.raises(UsageError):
            parse(item, text)
    assert parse(Field("folds", "Folds", 5, low=2, high=20), "7") == 7


async def test_the_form_starts_a_training_with_a_key_and_with_its_last_line(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await see(pilot, "No training yet: choose what to train, then r.", "random forest", "Start training")
        found = started(pilot)
        await pilot.press("r")
        await until(pilot, lambda: found)
        fields(pilot)._move_to(len(fields(pilot).fields) - 1)
        await pilot.press("enter")
        await until(pilot, lambda: len(found) == 2)
        assert found[0] == found[1] == ("train", asked([EVERY[0]], model="random_forest", folds=5))


async def test_a_label_brings_its_horizon_and_values_are_typed(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        form = fields(pilot)
        form._move_to([item.key for item in form.fields].index("label"))
        await pilot.press("left")
        await until(pilot, lambda: form.values()["horizon"] == HORIZONS["triple_barrier"])
        form._move_to(0)
        await pilot.press("enter")
        prompt = pilot.app.query_one("#training-edit", Prompt)
        assert prompt.display
        await pilot.press("ctrl+u", "enter")
        await see(pilot, "Name at least one symbol to train on")
        await type_in(pilot, "meaa3 nhaa3")
        await pilot.press("enter")
        await until(pilot, lambda: form.values()["symbols"] == "MEAA3 NHAA3")
        assert form.has_focus
        found = started(pilot)
        await pilot.press("r")
        await until(pilot, lambda: found)
        params = found[0][1]
        assert (params["symbols"], params["label"], params["label_params"]) == (
            ["MEAA3", "NHAA3"],
            "triple_barrier",
            {"horizon": 10},
        )


async def test_a_watchlist_is_trained_on_whole(real_home: Path) -> None:
    from engine.store.watchlists import add_symbols

    async with at_desk(real_home) as pilot:
        add_symbols(app_of(pilot).desk.store, ["MEAA3", "STAL3"], "mine")  # type: ignore[union-attr]
        await open_training(pilot)
        await pilot.press("right")
        assert fields(pilot).values()["symbols"] == "@mine"
        await see(pilot, "list mine (2)")
        found = started(pilot)
        await pilot.press("r")
        await until(pilot, lambda: found)
        assert found[0][1]["symbols"] == ["MEAA3", "STAL3"]


async def test_without_bars_it_says_what_is_missing(empty_home: Path) -> None:
    async with at_desk(empty_home) as pilot:
        await open_training(pilot)
        found = started(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "Name at least one symbol to train on" in said(pilot))
        for key in ("x", "P"):
            await pilot.press(key)
        assert "There is no model here" in said(pilot)
        assert not found


# --- a training that runs -------------------------------------------------------------------------------------------


async def test_a_training_is_followed_fold_by_fold_and_trial_by_trial(real_home: Path) -> None:
    job = MadeJob(real_home)
    job.say(("trial", trial(1)), ("trial", trial(2)), done=2, total=8, note="fold 1 of 3, trial 2")
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await see(pilot, f"Training {job.id} · MEAA3 · 1d · XGBoost · fixed move 5", "fold 1 of 3, trial 2", "25%")
        await see(pilot, "log-loss of the trials, fold 1", "best so far", "Trial 2: log-loss 1.1500, best 1.0900")
        job.say(("fold", fold(1)), ("trial", trial(1, fold=2)), done=4, total=8, note="fold 2 of 3")
        await see(pilot, "50%", "log-loss of the trials, fold 2", "Fold 1 of 3: right on", "├", "┃")
        assert [row.label for row in pilot.app.query_one(IntervalChart).rows] == ["fold 1"]
        job.end("done", reports=[report("signals-xgb-20250630-190000-4f2a")])
        await see(pilot, "signals-xgb-20250630-190000-4f2a", "of the test rows", "together")


async def test_it_is_found_again_after_the_app_was_left(real_home: Path) -> None:
    job = MadeJob(real_home)
    for number in (1, 2):
        job.say(("fold", fold(number)), done=number, note=f"fold {number} of 3")
        async with at_desk(real_home) as pilot:
            await open_training(pilot)
            await see(pilot, "fold 2" if number == 2 else "fold 1", f"fold {number} of 3")
            assert len(view(pilot).record.folds(SYMBOLS)) == number  # type: ignore[union-attr]
    job.end("done", reports=[report("signals-xgb-20250630-190000-4f2a")])


async def test_ctrl_x_cancels_the_training_that_is_shown_and_another_run_begins_anew(real_home: Path) -> None:
    other = MadeJob(real_home, asked(["NHAA3"]))
    job = MadeJob(real_home, asked(trials=5, seed=9))
    job.say(("trial", trial(1)), ("fold", fold(1)), done=6, total=24)
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await see(pilot, f"Training {job.id}")
        await pilot.press("ctrl+x")
        await until(pilot, lambda: read_job(job.path, job.id).cancel_requested)
        assert not read_job(job.path, other.id).cancel_requested
        await pilot.press("a")
        assert "still running" in said(pilot)
        job.cancel()
        await see(pilot, "cancelled (01:00)", "1 fold, 1 trial, 0 models saved", "a goes on from there")
        found = started(pilot)
        await pilot.press("a")
        await until(pilot, lambda: found)
        assert found == [("train", asked(trials=5, seed=9))]
        assert (fields(pilot).values()["trials"], fields(pilot).values()["seed"]) == (5, 9)
    other.end("cancelled")


async def test_a_training_that_failed_says_why(real_home: Path) -> None:
    job = MadeJob(real_home)
    job.end("failed", error={"type": "NoDataError", "message": "There are too few rows", "hint": "Take a longer period."})
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await see(pilot, "failed (01:00)", "There are too few rows Take a longer period.")


# --- what it found --------------------------------------------------------------------------------------------------


async def test_the_panels_show_the_report(real_home: Path) -> None:
    done_training(real_home, skill=0.5)
    async with at_desk(real_home, (120, 60)) as pilot:
        await open_training(pilot)
        await see(pilot, "✔ skill", "together", "(01:00)")
        await pilot.press("e")
        await see(pilot, "Verdict: skill", "Came, by what was said", "Area under the ROC curve")
        assert pilot.app.focused is pilot.app.query_one("#training-result")
        await pilot.press("end")
        await see(pilot, "trend_following, out of sample", "4.00%")
        await pilot.press("w")
        await see(pilot, "momentum_20", "+0.0210 ± 0.0020", "doji", "-0.0060")
        await pilot.press("c")
        await see(pilot, "▼ SELL", "▲ BUY", "Brier score")
        await pilot.press("f")
        assert (view(pilot).panel, fields(pilot).has_focus) == ("progress", True)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_every_panel_opens_in_every_size_and_the_view_keeps_its_state(real_home: Path, size: tuple[int, int]) -> None:
    done_training(real_home)
    async with at_desk(real_home, size) as pilot:
        await open_training(pilot)
        seen = []
        for _panel in PANELS:
            await pilot.press("p")
            seen.append(view(pilot).panel)
            assert pilot.app.focused is view(pilot).focus_target()
            await until(pilot, lambda panel=seen[-1]: view(pilot).query_one(f"#training-{panel}").size.height > 2)
        assert seen == [*list(PANELS)[1:], "progress"]
        fields(pilot).set_value("folds", 9)
        await pilot.press("t", "1")
        await until(pilot, lambda: view_name(pilot) == "watchlist")
        await command(pilot, "TRN")
        await until(pilot, lambda: view_name(pilot) == "training")
        assert (view(pilot).panel, fields(pilot).values()["folds"]) == ("history", 9)


def test_hints_name_actions_and_panels_that_exist() -> None:
    assert {f"training.{panel}" for panel in PANELS} <= set(BY_ID)
    assert set(HINTS) <= set(BY_ID)
    assert {panel for panels in HINTS.values() for panel in panels} <= set(PANELS)


# --- the trainings --------------------------------------------------------------------------------------------------


async def test_the_list_has_a_row_for_each_model_and_for_each_training_without_one(real_home: Path) -> None:
    done_training(real_home, "signals-xgb-20250629-190000-aaaa")
    both = MadeJob(real_home, asked(["MEAA3", "NHAA3"], pooled=False))
    both.say(("fold", fold(1)), ("fold", fold(1, symbols=["NHAA3"], skill=0.9)))
    ids = ("signals-xgb-20250630-190000-bbbb", "signals-xgb-20250630-190001-cccc")
    both.end("done", reports=[report(ids[0]), report(ids[1], symbols=["NHAA3"])])
    MadeJob(real_home, asked(["STAL3"])).end("cancelled")
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await pilot.press("t")
        panel = pilot.app.query_one(HistoryPanel)
        assert [row.model_id for row in panel.rows] == ["", *ids, "signals-xgb-20250629-190000-aaaa"]
        await see(pilot, "cancelled", "STAL3", "NHAA3")
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: view(pilot).report is not None)
        assert (view(pilot).symbols, view(pilot).panel, view(pilot).report["model_id"]) == (("NHAA3",), "result", ids[1])  # type: ignore[index]
        await pilot.press("u")
        await see(pilot, f"Training {both.id} · NHAA3")
        assert len(pilot.app.query_one(IntervalChart).rows) == 2


async def test_two_models_are_compared_side_by_side(real_home: Path) -> None:
    ids = []
    async with at_desk(real_home, (120, 60)) as pilot:
        desk = app_of(pilot).desk
        assert desk is not None
        model = made_model(BOOSTED)
        for at, skill in enumerate((0.1, 0.9)):
            made = Made(model, report("", skill=skill))
            ids.append(save(desk.workspace.models, desk.store, made, now=desk.now() + at))
            done_training(real_home, ids[-1], skill=skill)
        await open_training(pilot)
        await pilot.press("b")
        assert (view(pilot).panel, "Mark two models" in said(pilot)) == ("history", True)
        await pilot.press("space", "j", "space")
        panel = pilot.app.query_one(HistoryPanel)
        assert len(panel.marked) == 2
        await pilot.press("b")
        await see(pilot, *ids, "Out of fold", "The strategy with the model", "-5.00% → +4.00%", "momentum_20")
        await pilot.press("t", "space")
        assert len(panel.marked) == 1


async def test_a_model_is_promoted_once_the_end_of_its_name_is_typed(real_home: Path) -> None:
    done_training(real_home)
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        found = asks(pilot, {"promoted": True})
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await see(pilot, "Promote signals-xgb-20250630-190000-4f2a", "Its verdict")
        await type_in(pilot, "yes")
        await pilot.press("enter")
        await until(pilot, lambda: "Not promoted: yes is not 4f2a." in said(pilot))
        await pilot.press("P", "escape")
        assert found == []
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, "4f2a")
        await pilot.press("enter")
        await until(pilot, lambda: "is live." in said(pilot))
        assert found == [("promote", {"model_id": "signals-xgb-20250630-190000-4f2a"})]


async def test_the_newest_prediction_is_explained_on_a_page(real_home: Path) -> None:
    done_training(real_home)
    answer = {
        "model_id": "signals-xgb-20250630-190000-4f2a",
        "symbol": "MEAA3",
        "timeframe": "1d",
        "time": "2025-06-30T10:00:00-03:00",
        "probabilities": {"SELL": 0.2, "HOLD": 0.1, "BUY": 0.7},
        "threshold": 0.6,
        "words": ["momentum_20 +4.1 % speaks for BUY (+0.08)"],
        "explanation": {
            "action": "BUY",
            "probability": 0.7,
            "unit": "margin",
            "base": 0.1,
            "total": 0.5,
            "contributions": [
                {"feature": "momentum_20", "value": 0.041, "contribution": 0.5},
                {"feature": "rsi_14", "value": None, "contribution": -0.1},
            ],
        },
    }
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        found = asks(pilot, answer)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await see(pilot, "BUY 70.00%", "Sure enough", "speaks for BUY", "rsi_14", "undefined")
        assert found == [("explain", {"model_id": "signals-xgb-20250630-190000-4f2a", "symbol": "MEAA3"})]


# --- the pieces -----------------------------------------------------------------------------------------------------


def test_what_is_left_is_guessed_from_what_is_done() -> None:
    running = Job(1, "train", asked(), "running", 100, started_at=100, done=4, total=10)
    assert Record(running).seconds_left(140) == 60
    assert Record(Job(1, "train", asked(), "running", 100, started_at=100, done=1, total=10)).seconds_left(140) is None
    assert (
        Record(Job(1, "train", asked(), "done", 100, started_at=100, finished_at=130, done=4, total=10)).seconds_left(140) is None
    )
    assert (clock(62), clock(3723)) == ("01:02", "1:02:03")


def test_a_job_without_events_is_of_the_symbols_that_it_was_asked() -> None:
    job = Job(1, "train", asked(["A", "B"]), "queued", 0)
    assert Record(job).newest() == ("A", "B")
    assert Record(Job(1, "train", asked(["A", "B"], pooled=False), "queued", 0)).newest() == ("A",)
    assert [row.symbols for row in rows_of([job], {}, frozenset())] == [("A", "B")]


def drawn(chart: IntervalChart | CalibrationChart, width: int, height: int) -> list[str]:
    canvas = Canvas(width, height)
    chart.draw(canvas)
    return ["".join(row).rstrip() for row in canvas.chars]


def test_an_interval_is_drawn_with_its_value_and_its_baseline_on_one_scale() -> None:
    chart = IntervalChart(("accuracy", "majority"))
    chart.rows = [Interval("fold 1", 0.5, 0.4, 0.6, 0.3, "yes"), Interval("fold 2", 0.4, NAN, NAN, 0.5)]
    assert drawn(chart, 42, 4) == [
        "├●┤ accuracy  ┃ majority",
        "fold 1 ┃         ├─────────●─────────┤ yes",
        "fold 2           ●         ┃",
        "       30 %         45 %          60 %",
    ]


def test_any_figures_draw_in_any_room() -> None:
    chart = IntervalChart(("accuracy", "majority"))
    chart.rows = [Interval(f"fold {number}", NAN, NAN, NAN, 0.5, "text", "more") for number in range(30)]
    curve = CalibrationChart()
    curve.curves = {"BUY": ("▲", "up", [Point(0.0, 1.0, NAN, NAN), Point(1.0, 0.0, 0.0, 0.2)])}
    for width, height in ((1, 1), (8, 2), (30, 3), (100, 20)):
        for canvas_lines in (drawn(chart, width, height), drawn(curve, width, height)):
            assert len(canvas_lines) == height


def test_on_the_diagonal_what_was_said_came() -> None:
    chart = CalibrationChart()
    chart.curves = {"BUY": ("▲", "up", [Point(0.0, 0.0, NAN, NAN), Point(1.0, 1.0, NAN, NAN)])}
    rows = drawn(chart, 40, 12)
    assert rows[0] == "▲ BUY"
    assert rows[1].split()[0].endswith("▲")
    assert rows[-2].startswith("▲")


def test_a_feature_that_does_harm_is_told_apart_without_colour() -> None:
    rows = [
        {"feature": name, "importance": value, "spread": 0.0} for name, value in (("good", 0.02), ("bad", -0.01), ("none", None))
    ]
    text = importance_text(rows, 60).plain.splitlines()
    good, bad = (next(line for line in text if line.startswith(name)) for name in ("good", "bad"))
    assert "█" in good
    assert "+0.0200" in good
    assert "░" in bad
    assert "-0.0100" in bad


# --- the jobs behind it ---------------------------------------------------------------------------------------------


def test_the_jobs_promote_a_model_and_explain_the_newest_bar(real_home: Path) -> None:
    desk = opened(Workspace(real_home))
    model_id = save(desk.workspace.models, desk.store, Made(made_model(BOOSTED), report("")), now=desk.now())

    def asked_of(kind: str, **params: object) -> dict[str, Any]:
        return KINDS[kind](desk, params, silent, lambda _kind, _payload: None)

    told = asked_of("explain", model_id=model_id, symbol="meaa3")
    found = told["explanation"]
    assert (told["symbol"], told["time"][:10], told["threshold"]) == ("MEAA3", END.isoformat(), 0.6)
    assert sum(told["probabilities"].values()) == pytest.approx(1.0)
    assert found["base"] + sum(item["contribution"] for item in found["contributions"]) == pytest.approx(found["total"])
    assert max(told["probabilities"], key=told["probabilities"].__getitem__) == found["action"]
    assert asked_of("promote", model_id=model_id) == {"model_id": model_id, "promoted": True, "before": None}
    assert asked_of("promote", model_id=model_id) == {"model_id": model_id, "promoted": False, "before": model_id}
    for kind, params in (("promote", {}), ("promote", {"model_id": "nothing"}), ("explain", {"model_id": model_id})):
        with pytest.raises(UsageError):
            asked_of(kind, **params)
    with pytest.raises(ModelError):
        asked_of("explain", model_id=model_id, symbol="NHAA3")
    desk.close()


# --- a real one -----------------------------------------------------------------------------------------------------


async def test_the_models_of_a_training_of_several_are_told_apart(real_home: Path) -> None:
    job = MadeJob(real_home, asked(["MEAA3", "NHAA3"], pooled=False))
    skipped = {"symbols": ["MEAA3"], "error": {"message": "There are no bars of MEAA3"}}
    job.say(("skipped", skipped), ("fold", fold(1, symbols=["NHAA3"])), done=1)
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await see(pilot, "There are no bars of MEAA3", "NHAA3: Fold 1 of 3", f"Training {job.id} · NHAA3")
    job.end("cancelled")


@pytest.mark.slow
async def test_a_real_training_is_started_judged_promoted_and_explained(real_home: Path) -> None:
    async with at_desk(real_home, (120, 40)) as pilot:
        await open_training(pilot)
        form = fields(pilot)
        for key, value in (("symbols", "MEAA3"), ("model", "xgboost"), ("folds", 2), ("select", 4)):
            form.set_value(key, value)
        await pilot.press("r")
        await until(pilot, lambda: view(pilot).report is not None, patience=90)
        model_id = view(pilot).report["model_id"]  # type: ignore[index]
        assert [row.label for row in pilot.app.query_one(IntervalChart).rows] == ["fold 1", "fold 2", "together"]
        await see(pilot, model_id, "Fold 2 of 2: right on")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader), patience=60)
        await see(pilot, "MEAA3 1d, 2025-06-30", "before")
        await pilot.press("q", "P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, model_id[-4:])
        await pilot.press("enter")
        await until(pilot, lambda: f"{model_id} is live." in said(pilot), patience=60)
        desk = app_of(pilot).desk
        assert desk is not None
        assert [model.id for model in list_models(desk.store) if model.live] == [model_id]
        await pilot.press("t")
        await until(pilot, lambda: any(row.live for row in pilot.app.query_one(HistoryPanel).rows))
