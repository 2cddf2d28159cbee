"""Training: judged only on rows after those it learnt from, plainly told, repeatable, and stopped when a feature sees the future."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.domain import jsonable
from engine.errors import GateError, NoDataError, UsageError
from engine.features import catalogue
from engine.features.feature import Feature
from engine.ml import dataset as datasets
from engine.ml import importance, threshold, training, tuning
from engine.ml.model import fit
from engine.ml.training import OutOfFold, TrainingPlan, refuse_leaks, train
from engine.ml.verdict import INSUFFICIENT, NO_SKILL, SKILL, judge
from tests.ml.training_maker import DAY, FEATURES, SMALL, daily_csv, table, trending, wandering

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def planned(kind="xgboost", symbols=("TRND3",), **options):
    return TrainingPlan(symbols, kind, **{"features": FEATURES, "folds": 3, "select_k": 4, "params": SMALL[kind], **options})


@pytest.fixture(scope="module")
def trained():
    said = []
    found = train({"TRND3": trending()}, planned(), emit=lambda kind, payload: said.append((kind, payload)))
    return found, said


def test_a_planted_effect_is_found(trained):
    report = trained[0].report
    assert report["verdict"]["label"] == SKILL
    assert report["metrics"]["intervals"]["auc"][0] > 0.6
    assert report["importance"][0]["feature"] in ("momentum_5", "momentum_20", "rsi_14")
    assert report["importance"][0]["importance"] > 0.01


def test_the_forest_finds_it_too():
    report = train({"TRND3": trending()}, planned("random_forest")).report
    assert report["verdict"]["label"] == SKILL
    assert report["model"] == "random_forest"


@pytest.mark.parametrize("seed", [1, 2])
def test_permuted_labels_have_no_skill(monkeypatch, seed):
    build = datasets.build

    def permuted(*words):
        found = build(*words)
        return replace(found, y=np.random.default_rng(seed).permutation(found.y))

    monkeypatch.setattr(training.datasets, "build", permuted)
    report = train({"TRND3": trending()}, planned()).report
    assert report["verdict"]["label"] == NO_SKILL
    assert any(f"{word} better than always saying" in report["verdict"]["reasons"][0] for word in ("no", "not surely"))


def test_nothing_is_found_where_nothing_is():
    report = train({"RANDOM WALK": wandering()}, planned(symbols=("RANDOM WALK",))).report
    assert report["verdict"]["label"] == NO_SKILL
    assert any("does not tell the classes apart" in reason for reason in report["verdict"]["reasons"])


def test_a_feature_that_sees_the_future_stops_the_training(monkeypatch):
    def tomorrow(bars):
        return np.concatenate((bars.close[1:] / bars.close[:-1] - 1, [np.nan]))

    leaky = Feature("tomorrow", "momentum", 0, "r[t + 1]", "made", "", "", tomorrow)
    monkeypatch.setattr(catalogue, "FEATURES", (*catalogue.FEATURES, leaky))
    monkeypatch.setattr(catalogue, "_BY_NAME", {**catalogue._BY_NAME, "tomorrow": leaky})
    with pytest.raises(GateError, match="tomorrow") as stopped:
        train({"TRND3": trending()}, replace(planned(), features=(*FEATURES, "tomorrow")))
    assert "sees the future" in stopped.value.message
    refuse_leaks(catalogue.select(names=FEATURES), trending(100))


def test_every_fold_is_judged_on_bars_after_what_it_knew(trained):
    found, said = trained
    folds = found.report["folds"]
    assert [fold["fold"] for fold in folds] == [1, 2, 3]
    assert all(fold["train_end"] < fold["test_start"] <= fold["test_end"] for fold in folds)
    assert all(before["test_end"] < after["test_start"] for before, after in pairwise(folds))
    assert [payload["fold"] for kind, payload in said if kind == "fold"] == [1, 2, 3]
    assert all(payload["of"] == 3 for _kind, payload in said)
    assert sum(fold["test_rows"] for fold in folds) == found.report["metrics"]["rows"] == found.oof.row.size


def test_out_of_fold_answers_are_those_of_a_model_of_the_training_rows_alone(trained):
    found, _said = trained
    known = found.dataset
    first = found.report["folds"][0]
    rows = np.arange(first["train_rows"])
    test = np.arange(len(known) - found.oof.row.size, len(known))[: first["test_rows"]]
    alone = fit(known, rows, "xgboost", SMALL["xgboost"], select_k=4)
    assert np.array_equal(alone.probabilities(known.X[test]), found.oof.probabilities[: test.size])


def test_the_same_bars_and_seed_give_the_same_report_and_the_same_bytes(trained):
    again = train({"TRND3": trending()}, planned())
    assert json.dumps(jsonable(again.report)) == json.dumps(jsonable(trained[0].report))
    assert again.model.estimator.save_raw("ubj") == trained[0].model.estimator.save_raw("ubj")
    other = train({"TRND3": trending()}, planned(seed=7))
    assert json.dumps(jsonable(other.report)) != json.dumps(jsonable(again.report))


def test_the_report_has_what_the_contract_names(trained):
    report = trained[0].report
    named = {
        *("model_id", "model", "symbols", "timeframe", "features", "label", "folds", "metrics", "baselines", "importance"),
        *("calibration", "strategy_effect", "verdict", "threshold", "search", "reference"),
    }
    assert named <= set(report)
    assert {"fold", "train_rows", "test_rows", "train_end", "test_start", "test_end", "metrics"} <= set(report["folds"][0])
    assert report["label"] == {"kind": "fixed", "horizon": 5, "up": 0.02, "down": 0.02}
    assert set(report["baselines"]) == {"majority", "naive", "prior"}
    assert set(report["calibration"]) == {"SELL", "HOLD", "BUY"}
    json.dumps(jsonable(report), allow_nan=False)


def test_symbols_are_pooled_by_time():
    bars = {"AAAA3": trending(500, 1, "AAAA3"), "BBBB3": trending(500, 2, "BBBB3").take(slice(100, None))}
    found = train(bars, planned(symbols=("AAAA3", "BBBB3"), folds=2))
    assert found.report["symbols"] == ["AAAA3", "BBBB3"]
    assert set(found.oof.symbol) == {0, 1}
    boundary = found.report["folds"][1]["test_start"]
    assert found.report["folds"][0]["test_end"] < boundary
    assert (
        found.report["rows"]
        == len(found.dataset)
        == np.count_nonzero(found.dataset.symbol == 0) + np.count_nonzero(found.dataset.symbol == 1)
    )


def test_rows_begin_where_the_plan_says_and_earlier_bars_only_warm_up():
    bars = trending(600)
    found = train({"TRND3": bars}, planned(folds=2, start=int(bars.time[200])))
    assert found.dataset.start.min() == bars.time[200]
    assert not np.isnan(found.dataset.X[0]).any()
    with pytest.raises(NoDataError):
        train({"TRND3": bars}, planned(start=int(bars.time[-1]) + DAY))


class Stopped(Exception):
    pass


@pytest.mark.parametrize(("trials", "note"), [(0, "fold 2 of 3"), (2, "fold 1 of 3, trial 1")])
def test_it_stops_between_folds_and_between_trials(trials, note):
    said = []

    def progress(_done, _total, words=""):
        if words == note:
            raise Stopped

    with pytest.raises(Stopped):
        train(
            {"TRND3": trending(400)},
            planned(trials=trials),
            progress=progress,
            emit=lambda kind, payload: said.append((kind, payload["fold"])),
        )
    assert said == ([("fold", 1)] if not trials else [("trial", 1)])


def test_every_trial_is_counted_and_told():
    said = []
    report = train(
        {"TRND3": trending(400)}, planned(trials=2, folds=2), emit=lambda kind, payload: said.append((kind, payload))
    ).report
    trials = [payload for kind, payload in said if kind == "trial"]
    assert report["search"]["trials"] == len(trials) == 6
    assert [(trial["fold"], trial["number"]) for trial in trials] == [(1, 1), (1, 2), (2, 1), (2, 2), (None, 1), (None, 2)]
    assert set(report["search"]["space"]) == {"n_estimators", "max_depth", "learning_rate", "subsample", "colsample_bytree"}
    assert {"number", "value", "params", "best"} <= set(trials[0])
    assert report["folds"][0]["params"] == min(trials[:2], key=lambda trial: trial["value"])["params"]


def test_the_progress_counts_every_fit():
    calls = []
    train({"TRND3": trending(400)}, planned(trials=1, folds=2), progress=lambda *call: calls.append(call))
    counted = [(done, total) for done, total, _note in calls if total is not None]
    assert counted[-1] == (6, 6)
    assert counted == sorted(counted)


def test_plans_that_make_no_sense_are_refused():
    bars = {"TRND3": trending(300)}
    with pytest.raises(NoDataError, match="NONE3"):
        train(bars, planned(symbols=("NONE3",)))
    with pytest.raises(UsageError):
        train(bars, planned(symbols=()))
    with pytest.raises(UsageError, match="trials"):
        train(bars, planned(trials=-1))
    with pytest.raises(UsageError):
        train(bars, planned(folds=0))
    with pytest.raises(UsageError):
        train(bars, planned(label="nothing"))
    with pytest.raises(NoDataError):
        train({"TRND3": trending(30)}, planned())


def test_the_effect_is_reported_or_it_is_said_why_not():
    bars = {"TRND3": trending(400)}
    seen = []

    def effect(oof):
        seen.append(oof.sure(0, 400))
        return {
            "strategy": "base",
            "base": {"total_return": 0.1},
            "filtered": {"total_return": 0.2},
            "verdict": {"label": "no better than the base strategy", "reasons": ["Because."]},
        }

    report = train(bars, planned(folds=2), effect=effect).report
    assert report["strategy_effect"]["filtered"] == {"total_return": 0.2}
    assert "As a filter of base: no better than the base strategy." in report["verdict"]["reasons"]
    assert seen[0].shape == (400, 3)
    first = report["metrics"]["rows"]
    assert np.count_nonzero(~np.isnan(seen[0]).any(axis=1)) == first

    def too_few(_oof):
        raise NoDataError("Too few bars")

    report = train(bars, planned(folds=2), effect=too_few).report
    assert report["strategy_effect"] is None
    assert report["verdict"]["reasons"][-1] == "What it does to the strategy is not known: Too few bars."


def test_an_answer_below_its_folds_threshold_is_a_sure_hold():
    nan = float("nan")
    oof = OutOfFold(
        symbol=np.array([0, 0, 0, 1]),
        row=np.array([1, 2, 3, 1]),
        probabilities=np.array([[0.2, 0.2, 0.6], [0.2, 0.2, 0.6], [nan] * 3, [0.9, 0.05, 0.05]]),
        threshold=np.array([0.5, 0.7, 0.7, 0.7]),
    )
    expected = [[nan] * 3, [0.2, 0.2, 0.6], [0.0, 1.0, 0.0], [nan] * 3]
    assert np.array_equal(oof.sure(0, 4), np.array(expected), equal_nan=True)


def test_the_threshold_is_the_surest_beyond_chance():
    p = np.array([[0.05, 0.05, 0.9]] * 40 + [[0.1, 0.3, 0.6]] * 40 + [[0.2, 0.7, 0.1]] * 40)
    y = np.array([1] * 38 + [0] * 2 + [1, -1] * 20 + [0] * 40, dtype=np.int8)
    found = threshold.choose(y, p, np.ones(120))
    assert found.value == 0.65
    assert found.reason == threshold.CHOSEN
    by_value = {item["threshold"]: item for item in found.evidence}
    assert (by_value[0.65]["rows"], by_value[0.65]["hits"]) == (40, 0.95)
    assert (by_value[0.5]["rows"], by_value[0.5]["hits"]) == (80, 58 / 80)
    assert by_value[0.65]["chance"] == pytest.approx(58 / 120)
    assert found.value == threshold.choose(np.append(y, 1), np.append(p, [[np.nan] * 3], axis=0), np.ones(121)).value


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_without_evidence_the_default_threshold_stays(weight):
    rng = np.random.default_rng(1)
    p = rng.dirichlet((2, 2, 2), 150)
    y = rng.integers(-1, 2, 150).astype(np.int8)
    if weight < 1:
        y = p.argmax(axis=1).astype(np.int8) - 1
    found = threshold.choose(y.astype(np.int8), p, np.full(150, weight))
    assert (found.value, found.reason) == (0.6, threshold.KEPT)
    assert threshold.choose(y[:0], p[:0], np.ones(0)).value == 0.6


def test_importance_is_the_harm_of_shuffling_and_0_for_what_is_not_looked_at():
    known = table()
    model = fit(known, np.arange(400), "xgboost", SMALL["xgboost"], select_k=3)
    X, y = known.X[410:], known.y[410:]
    found = importance.permutation(model, X, y, seed=1)
    assert found.argmax() == 2
    assert found[2] > 0.1
    assert not found[[column for column in range(len(FEATURES)) if column not in model.selected]].any()
    assert np.isnan(importance.permutation(model, X[:0], y[:0], seed=1)).all()
    listed = importance.summary(FEATURES, [found], [model.selected])
    assert listed[0]["feature"] == FEATURES[2]
    assert len(listed) == 3


def test_log_loss_by_hand():
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [np.nan] * 3])
    y = np.array([-1, 0, 1], dtype=np.int8)
    assert importance.log_loss(y, p) == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 2)
    assert importance.log_loss(y, p, np.array([3.0, 1.0, 9.0])) == pytest.approx(-(3 * np.log(0.5) + np.log(0.8)) / 4)
    assert np.isnan(importance.log_loss(y[2:], p[2:]))


def test_a_search_stays_inside_its_space_and_its_rows_and_never_ends_below_the_start():
    known = table()
    X, y = known.X.copy(), known.y.copy()
    X[300:], y[300:] = 7.0, 1
    one = tuning.tune(known, np.arange(300), "xgboost", 4, select_k=4, params=SMALL["xgboost"])
    other = tuning.tune(replace(known, X=X, y=y), np.arange(300), "xgboost", 4, select_k=4, params=SMALL["xgboost"])
    assert one == other
    assert len(one.trials) == 4
    best = min(trial.value for trial in one.trials)
    assert best == one.trials[-1].best <= one.trials[0].value
    assert one.params == next(trial.params for trial in one.trials if trial.value == best)
    for trial in one.trials[1:]:
        for name, value in trial.params.items():
            assert tuning.SPACES["xgboost"][name].low <= value <= tuning.SPACES["xgboost"][name].high
    with pytest.raises(UsageError):
        tuning.tune(known, np.arange(300), "xgboost", 0)


def test_verdicts_are_plain():
    def figures(auc, mcc, loss, effective=200.0, accuracy=0.4):
        return {
            "rows": 400,
            "effective_rows": effective,
            "accuracy": accuracy,
            "auc": auc,
            "log_loss": loss,
            "intervals": {"accuracy": [accuracy - 0.05, 0.5], "auc": [auc - 0.05, auc + 0.05], "mcc": [mcc, 0.4]},
        }

    baselines = {"majority": {"class": "HOLD", "accuracy": 0.5}, "prior": {"log_loss": 1.05}}
    assert judge(figures(0.6, 0.1, 1.0), baselines).label == SKILL
    assert judge(figures(0.54, 0.1, 1.0), baselines).label == NO_SKILL
    assert judge(figures(0.6, -0.1, 1.0), baselines).label == NO_SKILL
    assert judge(figures(0.6, 0.1, 1.1), baselines).label == NO_SKILL
    assert judge(figures(0.6, 0.1, 1.0, effective=20.0), baselines).label == INSUFFICIENT
    assert judge(figures(float("nan"), 0.1, 1.0), baselines).label == INSUFFICIENT
    assert "no better than always saying HOLD" in judge(figures(0.6, 0.1, 1.0), baselines).reasons[0]
    assert "not surely better than always saying HOLD" in judge(figures(0.6, 0.1, 1.0, accuracy=0.52), baselines).reasons[0]
    assert ", better than always saying HOLD" in judge(figures(0.6, 0.1, 1.0, accuracy=0.6), baselines).reasons[0]


def test_a_real_share_gives_no_figure_that_only_a_leak_could():
    path = DATA / "series" / "PETR4.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    bars = daily_csv("PETR4", path)
    report = train({"PETR4": bars}, planned(symbols=("PETR4",), features=(), select_k=20)).report
    assert report["rows"] > 1_000
    assert 0.4 < report["metrics"]["auc"] < 0.6
    assert report["metrics"]["accuracy"] < report["baselines"]["majority"]["accuracy"] + 0.1
    assert report["verdict"]["label"] in (SKILL, NO_SKILL, INSUFFICIENT)
    assert all(fold["train_end"] < fold["test_start"] for fold in report["folds"])


def test_a_fold_whose_trees_cannot_part_its_rows_says_so():
    bars = wandering().take(slice(0, 420))
    found = train({"RANDOM WALK": bars}, planned("random_forest", ("RANDOM WALK",), params={"n_estimators": 20}, folds=3)).report
    unsplit = [fold["unsplit"] for fold in found["folds"]]
    assert unsplit[0]
    assert not unsplit[-1]
    assert any("says the same of every row" in reason for reason in found["verdict"]["reasons"])
