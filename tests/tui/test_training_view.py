"""The training view over made ledgers of jobs, and over one training that is real."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine.domain import silent
from engine.errors import ModelError, UsageError
from engine.jobs.kinds import KINDS
from engine.ml.labels import make
from engine.ml.model import BOOSTED
from engine.ml.registry import list_models, save
from engine.store.job_ledger import Job, JobEvent, read_job
from engine.workspace import Workspace
from tests.desk_maker import END
from tests.ml.model_maker import Made, made_model
from tests.tui.desk_host import EVERY, Desks, app_of, at_desk, command, opened, said, screen_text, see, type_in, until, view_name
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
from tui.reports.training import event_line, training_report
from tui.screens.dialogs import Ask, Reader
from tui.training.form import HORIZONS, MODELS, filled, first_fields, job_params, parse, symbols_in
from tui.training.form import Surroundings as Around
from tui.training.frame import HINTS, PANELS
from tui.training.history import HistoryPanel, rows_of
from tui.training.panels import importance_text
from tui.training.record import Record, clock
from tui.widgets.form import Field
from tui.widgets.frame import JobStrip
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


def told(job: Job, *said: tuple[str, dict[str, Any]]) -> Record:
    """A training that has said this."""
    return Record(job).grown(job, [JobEvent(job.id, seq, 0, kind, payload) for seq, (kind, payload) in enumerate(said, 1)])


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


async def test_symbols_without_bars_and_unknown_lists_are_refused_as_they_are_typed(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        form = fields(pilot)
        before = form.values()["symbols"]
        for text, why in (
            ("MEAA3 zzzz9", "There are no bars of ZZZZ9. y chooses a stored symbol"),
            ("@nope", "no watchlist nope"),
        ):
            await pilot.press("enter", "ctrl+u")
            await type_in(pilot, text)
            await pilot.press("enter")
            await see(pilot, why)
            await pilot.press("escape")
            assert form.values()["symbols"] == before


async def test_without_a_watchlist_left_and_right_say_what_chooses_symbols(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        assert "◂ HHHH3 ▸" not in screen_text(pilot)
        await pilot.press("right")
        await until(pilot, lambda: "There is no watchlist to choose: ⏎ types symbols, y chooses one" in said(pilot))


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
        await see(pilot, f"Training {job.id}: MEAA3 1d · XGBoost · fixed move 5", "fold 1 of 3, trial 2", "25%")
        await see(pilot, "log-loss, fold 1", "best so far", "Log-loss 1.1500 (best 1.0900): trial 2")
        job.say(("fold", fold(1)), ("trial", trial(1, fold=2)), done=4, total=8, note="fold 2 of 3")
        await see(pilot, "50%", "log-loss, fold 2", "right (majority", "├", "┃")
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
        await see(pilot, "cancelled (01:00)", "a runs it again from the start.", "Run again")
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


def test_what_a_stopped_training_leaves_is_its_whole_searches() -> None:
    job = Job(1, "train", asked(trials=2), "cancelled", 0)
    first = [("trial", trial(1)), ("trial", trial(2)), ("fold", fold(1)), ("trial", trial(1, fold=2))]
    assert told(job, *first).searches_kept() == 1
    assert told(job, *first, ("trial", trial(2, fold=2))).searches_kept() == 1, "it may not have been written down"
    assert told(job, *first, ("trial", trial(2, fold=2)), ("fold", fold(2))).searches_kept() == 2
    again = [("kept", {"symbols": ["MEAA3"], "fold": number, "trials": 2}) for number in (1, 2, None)]
    assert told(job, *again).searches_kept() == 3
    assert told(job, *first, ("trained", {"symbols": ["MEAA3"], "model_id": "x"})).searches_kept() == 0
    assert "1 whole search is kept" in told(job, *first).kept("a")
    assert told(Job(1, "train", asked(trials=0), "failed", 0), ("fold", fold(1))).kept("a") == "a runs it again from the start."


def test_of_several_models_those_that_were_saved_are_not_trained_again() -> None:
    job = Job(1, "train", asked(["MEAA3", "NHAA3"], pooled=False), "cancelled", 0)
    record = told(job, ("trained", {"symbols": ["MEAA3"], "model_id": "x"}), ("fold", fold(1, symbols=["NHAA3"])))
    assert record.left_to_do() == asked(["NHAA3"], pooled=False)
    assert record.kept("a") == "1 model was saved. a goes on with the others."
    done = told(replace(job, status="done"), ("trained", {"symbols": ["MEAA3"], "model_id": "x"}))
    assert (done.left_to_do(), done.can_go_on) == (job.params, False)


def test_what_is_left_is_not_guessed_from_searches_that_were_taken_over() -> None:
    running = Job(1, "train", asked(trials=4), "running", 100, started_at=100, done=8, total=20)
    kept = ("kept", {"symbols": ["MEAA3"], "fold": 1, "trials": 4})
    assert told(running, kept).seconds_left(140) == 120
    assert told(replace(running, done=5), kept).seconds_left(140) is None


async def test_a_cancelled_search_goes_on_and_the_next_training_says_what_it_took_over(real_home: Path) -> None:
    job = MadeJob(real_home, asked(trials=2))
    job.say(("trial", trial(1)), ("trial", trial(2)), ("fold", fold(1)), done=3, total=12)
    job.cancel()
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_training(pilot)
        await see(pilot, "a goes on: 1 whole search is kept", " a  Go on")
        other = MadeJob(real_home, asked(trials=2))
        other.say(("kept", {"symbols": ["MEAA3"], "fold": 1, "trials": 2}), done=2, total=12, note="fold 1 of 3")
        view(pilot).renew()
        await see(pilot, f"Training {other.id}", "Searched before: fold 1", "2 trials of fold 1 were done before", "17%")
        other.end("cancelled")


async def test_a_strip_that_goes_behind_a_dialog_is_painted_away(real_home: Path) -> None:
    job = MadeJob(real_home)
    job.say(("trial", trial(1)), done=1, total=8, note="fold 1 of 3, trial 1")
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_training(pilot)
        await until(pilot, lambda: pilot.app.query_one(JobStrip).display)
        dialog = Ask("Which one?")
        await pilot.app.push_screen(dialog)
        await pilot.pause()
        painted: list[tuple[Any, ...]] = []
        paint = dialog.refresh

        def painting(*regions: Any, **options: Any) -> Any:
            painted.append(regions)
            return paint(*regions, **options)

        dialog.refresh = painting  # type: ignore[method-assign]
        job.end("done", reports=[report("signals-xgb-20250630-190000-4f2a")])
        await until(pilot, lambda: not pilot.app.query_one(JobStrip).display)
        await until(pilot, lambda: () in painted)


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
        await see(pilot, f"Training {both.id}: NHAA3")
        assert len(pilot.app.query_one(IntervalChart).rows) == 2


def saved(home: Path, *skills: float) -> list[str]:
    """Save a model with a made report for each skill, a second apart, as a command does; their ids."""
    desk = opened(Workspace(home))
    model = made_model(BOOSTED)
    reports = [report("", skill=skill) for skill in skills]
    ids = [save(desk.workspace.models, desk.store, Made(model, made), now=desk.now() + at) for at, made in enumerate(reports)]
    desk.close()
    return ids


async def test_models_of_the_command_line_are_listed_read_compared_promoted_and_explained(real_home: Path) -> None:
    done_training(real_home, "signals-xgb-20250629-190000-aaaa")
    ids = saved(real_home, 0.1, 0.9)
    async with at_desk(real_home, (120, 60)) as pilot:
        await open_training(pilot)
        await pilot.press("t")
        panel = pilot.app.query_one(HistoryPanel)
        await until(pilot, lambda: len(panel.rows) == 3)
        assert [row.model_id for row in panel.rows] == [ids[1], ids[0], "signals-xgb-20250629-190000-aaaa"]
        await see(pilot, "fixed move", "✔ skill")
        await pilot.press("enter")
        await until(pilot, lambda: view(pilot).report is not None)
        await see(pilot, "Verdict: skill", "Area under the ROC curve")
        await pilot.press("u")
        await see(pilot, f"{ids[1]}: MEAA3 1d · XGBoost · fixed move 5", "together", "fold 3")
        found = asks(pilot, EXPLAINED)
        await pilot.press("e", "x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        assert found == [("explain", {"model_id": ids[1], "symbol": "MEAA3"})]
        await pilot.press("q", "P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await see(pilot, f"Promote {ids[1]}", "Its verdict: skill.")
        await pilot.press("escape", "t", "space", "j", "space", "b")
        await see(pilot, f"first: {ids[1]}", f"second: {ids[0]}", "Out of fold")


async def test_a_saved_model_whose_files_are_damaged_is_said_and_the_list_stays(real_home: Path) -> None:
    (model_id,) = saved(real_home, 0.5)
    (Workspace(real_home).models / model_id / "manifest.json").write_text("{}", encoding="utf-8")
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await pilot.press("t")
        await until(pilot, lambda: pilot.app.query_one(HistoryPanel).rows)
        await pilot.press("enter")
        await until(pilot, lambda: "is not the file that was saved" in said(pilot))
        await until(pilot, lambda: view(pilot).panel == "history" and view(pilot)._chosen is None)


async def test_a_training_without_a_model_is_not_marked(real_home: Path) -> None:
    done_training(real_home)
    MadeJob(real_home, asked(["STAL3"])).end("cancelled")
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        await pilot.press("t", "space")
        assert "This training has no model" in said(pilot)
        assert pilot.app.query_one(HistoryPanel).marked == []
        await pilot.press("j", "space", "b")
        assert "Mark two trainings that have a model first (space)." in said(pilot)


async def test_two_models_are_compared_side_by_side(real_home: Path) -> None:
    ids = saved(real_home, 0.1, 0.9)
    async with at_desk(real_home, (120, 60)) as pilot:
        for model_id, skill in zip(ids, (0.1, 0.9)):
            done_training(real_home, model_id, skill=skill)
        await open_training(pilot)
        await pilot.press("b")
        assert (view(pilot).panel, "Mark two trainings" in said(pilot)) == ("history", True)
        await pilot.press("space", "j", "space")
        panel = pilot.app.query_one(HistoryPanel)
        assert len(panel.marked) == 2
        await pilot.press("b")
        await see(pilot, *ids, "Out of fold", "The strategy with the model", "-5.00% → +4.00%", "momentum_20")
        await pilot.press("t", "space")
        assert len(panel.marked) == 1


async def test_the_comparison_fits_eighty_columns_and_names_each_model_once(real_home: Path) -> None:
    ids = saved(real_home, 0.1, 0.9)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_training(pilot)
        await pilot.press("t", "space", "j", "b")
        await see(pilot, *ids, "first", "second", "better")
        assert [screen_text(pilot).count(model_id) for model_id in ids] == [1, 1]


async def test_a_model_is_promoted_once_the_end_of_its_name_is_typed(real_home: Path) -> None:
    (model_id,) = saved(real_home, 0.2)
    done_training(real_home, model_id)
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        found = asks(pilot, {"promoted": True})
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await see(pilot, f"Promote {model_id}", "Its verdict")
        await type_in(pilot, "yes")
        await pilot.press("enter")
        await until(pilot, lambda: f"Not promoted: yes is not {model_id[-4:]}." in said(pilot))
        await pilot.press("P", "escape")
        assert found == []
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, model_id[-4:])
        await pilot.press("enter")
        await until(pilot, lambda: "is live." in said(pilot))
        assert found == [("promote", {"model_id": model_id})]


EXPLAINED = {
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


async def test_a_late_explanation_does_not_open_over_another_dialog_and_waits_to_be_asked(real_home: Path) -> None:
    done_training(real_home)
    waiting: list[Any] = []
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        view(pilot)._ask = lambda _kind, _params, done: waiting.append(done)  # type: ignore[method-assign, assignment]
        await pilot.press("x", "P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        waiting.pop()(Job(1, "explain", {}, "done", 0, result=EXPLAINED))
        assert isinstance(pilot.app.screen, Ask)
        assert "What signals-xgb-20250630-190000-4f2a says of MEAA3 is there: x shows it." in said(pilot)
        await pilot.press("escape", "x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        assert waiting == []
        await pilot.press("q", "x")
        assert len(waiting) == 1, "it is asked anew the next time"


async def test_the_newest_prediction_is_explained_on_a_page(real_home: Path) -> None:
    done_training(real_home)
    async with at_desk(real_home) as pilot:
        await open_training(pilot)
        found = asks(pilot, EXPLAINED)
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
    assert [row.symbols for row in rows_of([job], {}, ())] == [("A", "B")]


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


def test_folds_in_which_no_tree_could_split_are_named() -> None:
    found = report("signals-xgb-20250630-190000-4f2a")

    def shown() -> str:
        console = Console(width=120)
        with console.capture() as taken:
            console.print(training_report(found))
        return taken.get()

    assert "no tree could split" not in shown()
    found["folds"][0]["unsplit"] = True
    assert "In fold 1 no tree could split" in shown()
    found["folds"][2]["unsplit"] = True
    assert "In folds 1, 3 no tree could split" in shown()
    assert "no tree could split" in event_line("fold", {**found["folds"][0], "of": 3})
    assert "no tree could split" not in event_line("fold", {**found["folds"][1], "of": 3})


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
        await see(pilot, "There are no bars of MEAA3", "fold 1 of 3", f"Training {job.id}: NHAA3")
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
        await see(pilot, model_id, "fold 2 of 2, tested")
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
