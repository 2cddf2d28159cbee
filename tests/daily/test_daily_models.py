"""Models at work in the daily run, on signals and in backtests: what they say, what they keep back, and when they are not asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.desk import Desk
from engine.domain import day_number, iso
from engine.ml import drift, registry, walk_forward
from engine.ml.live import drift_of, load_live, predictors
from engine.ml.model import SignalModel, fit
from engine.store.bars import read_bars
from engine.store.predictions import Prediction, StoredDrift, read_drift, read_predictions, record_drift, record_predictions
from tests.desk_maker import MORNING, Called, at_desk, call, sessions
from tests.ml.model_maker import SMALL, Made, dataset, made_training

DAY = 86_400
FAMILIES = ("xgboost", "random_forest")
LABEL = {"kind": "fixed", "horizon": 1, "up": 0.0, "down": 0.0}


@cache
def optimist(kind: str) -> SignalModel:
    """A model that learnt that prices mostly rise, so that it says BUY of nearly every bar."""
    found = dataset()
    y = np.random.default_rng(1).choice([-1, 0, 1], len(found), p=[0.1, 0.1, 0.8]).astype(np.int8)
    return fit(replace(found, y=y), np.arange(len(found)), kind, SMALL[kind], select_k=4, seed=1)


def save(
    desk: Desk,
    *,
    threshold: float = 0.0,
    trained: int = 60,
    symbols: tuple[str, ...] = ("MEAA3",),
    now: int = MORNING - 2 * DAY,
    kind: str = "xgboost",
    promoted: bool = True,
    **report: Any,
) -> str:
    """A model whose training ended with the session of that number."""
    made = Made(optimist(kind), made_training(kind, symbols=symbols).report)
    bars = read_bars(desk.store, symbols[0], "1d")
    told = {
        **made.report,
        "symbols": list(symbols),
        "label": LABEL,
        "threshold": threshold,
        "period": {"start": iso(int(bars.time[0])), "end": iso(int(bars.time[trained]))},
        **report,
    }
    model_id = registry.save(desk.workspace.models, desk.store, Made(made.model, told), now=now)
    if promoted:
        registry.promote(desk.workspace.models, desk.store, model_id, now=now)
    return model_id


def live(home: Path, **said: Any) -> str:
    return str(at_desk(home, lambda desk: save(desk, **said)))


def daily(home: Path, *words: str) -> Called:
    return call("--run-daily", "--json", *words, home=home)


def signal(called: Called, symbol: str = "MEAA3") -> dict[str, Any]:
    return next(item for item in called.json["signals"] if item["symbol"] == symbol)


def detail(called: Called, name: str) -> dict[str, Any]:
    return next(item["detail"] for item in called.json["steps"] if item["name"] == name)


def test_without_a_live_model_the_signals_are_those_of_the_strategy(home: Path) -> None:
    live(home, promoted=False)
    called = daily(home)
    assert (detail(called, "predictions"), detail(called, "drift")) == ({}, {})
    assert all(item["filter"] is None for item in called.json["signals"])
    assert signal(called)["action"] == "BUY"


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_signal_that_the_live_model_confirms_is_given(home: Path, kind: str) -> None:
    model_id = live(home, kind=kind)
    called = daily(home)
    found = signal(called)
    said = detail(called, "predictions")[model_id]["MEAA3"]
    assert said["says"] == "BUY"
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    assert (found["action"], found["strategy"]) == ("BUY", "trend_following+ml")
    assert (found["filter"]["model"], found["filter"]["state"]) == (model_id, "accepted")
    assert found["filter"]["probabilities"] == said["probabilities"]
    assert "The model agrees with " in found["reason"]
    assert detail(called, "signals")["rejected"] == []
    assert signal(called, "NHAA3")["filter"] is None


def test_one_that_it_does_not_confirm_is_a_hold_with_the_reason_in_the_report(home: Path) -> None:
    model_id = live(home, threshold=1.0)
    called = daily(home)
    found = signal(called)
    assert (found["action"], found["strength"], found["stop_loss"]) == ("HOLD", 0.0, None)
    assert (found["filter"]["state"], found["filter"]["action"]) == ("rejected", "BUY")
    assert found["filter"]["reason"].startswith("it agrees but only with 0.")
    assert found["filter"]["reason"].endswith("of 1.00")
    assert [(item["symbol"], item["model"]) for item in detail(called, "signals")["rejected"]] == [("MEAA3", model_id)]
    shown = call("--run-daily", home=home).out
    assert "1 signal was not taken:" in shown
    assert "MEAA3 BUY: it agrees but only with 0." in " ".join(shown.split())


def test_a_setting_leaves_the_signals_alone(home: Path) -> None:
    live(home, threshold=1.0)
    (home / "config" / "pregao.toml").write_text("[daily]\nmodel_filter = false\n", encoding="utf-8")
    called = daily(home)
    assert (signal(called)["action"], signal(called)["filter"]) == ("BUY", None)
    assert detail(called, "predictions") != {}


def test_predictions_are_kept_once_and_not_by_a_replay(home: Path) -> None:
    model_id = live(home, now=MORNING - 20 * DAY)

    def kept() -> list[Prediction]:
        return list(at_desk(home, lambda desk: read_predictions(desk.store, model_id)))

    day = sessions()[-3]
    replayed = daily(home, "--as-of", day.isoformat())
    assert model_id in detail(replayed, "predictions")
    assert kept() == []
    assert at_desk(home, lambda desk: read_drift(desk.store, model_id)) == []
    for _again in range(2):
        said = detail(daily(home), "predictions")[model_id]["MEAA3"]
    (found,) = kept()
    assert (found.symbol, found.timeframe, iso(found.time)) == ("MEAA3", "1d", said["time"])
    assert [found.sell, found.hold, found.buy] == list(said["probabilities"].values())


def test_a_second_run_does_nothing_again_and_another_live_model_is_worked_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = live(home)
    before = daily(home)
    with monkeypatch.context() as patched:
        patched.setattr("engine.daily.signal_steps.ask", lambda *_: pytest.fail("the model was asked again"))
        assert signal(daily(home)) == signal(before)
    second = live(home, threshold=1.0, now=MORNING - DAY)
    after = daily(home)
    assert [signal(item)["filter"]["model"] for item in (before, after)] == [first, second]
    assert [signal(item)["action"] for item in (before, after)] == ["BUY", "HOLD"]
    call("models", "rollback", second, home=home)
    assert signal(daily(home)) == signal(before)


def test_the_model_of_fewer_symbols_is_asked_first(home: Path) -> None:
    pooled, own = live(home, symbols=("MEAA3", "NHAA3")), live(home)
    called = daily(home)
    assert signal(called)["filter"]["model"] == own
    assert signal(called, "NHAA3")["filter"]["model"] == pooled
    assert set(detail(called, "predictions")) == {pooled, own}


def test_a_replay_asks_no_model_that_did_not_exist_then(home: Path) -> None:
    live(home, now=MORNING - 2 * DAY)
    day = sessions()[-10].isoformat()
    called = daily(home, "--as-of", day)
    assert detail(called, "predictions") == {}
    assert all(item["filter"] is None for item in called.json["signals"])


def test_no_model_judges_a_bar_before_the_end_of_its_training(home: Path) -> None:
    model_id = live(home, trained=89, now=MORNING - 20 * DAY)
    assert "MEAA3" in detail(daily(home), "predictions")[model_id]
    early = daily(home, "--as-of", sessions()[-3].isoformat())
    assert detail(early, "predictions") == {model_id: {}}
    assert signal(early)["filter"] is None
    at_desk(home, lambda desk: _never_before(desk, model_id))


def _never_before(desk: Desk, model_id: str) -> None:
    model = load_live(desk.workspace.models, desk.store, model_id, "MEAA3", "1d")
    bars = read_bars(desk.store, "MEAA3", "1d")
    known = ~np.isnan(model.probabilities(bars)).any(axis=1)
    assert np.array_equal(known, bars.time >= model.trained_until)
    assert known.sum() == 1


def test_a_degraded_model_leaves_the_signal_to_the_strategy_and_the_signal_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_id = live(home, threshold=1.0)
    state = drift.Drift(drift.DEGRADED, ("Nothing is as it was.",), {"instants": 30, "features": {}, "calibration": None})
    monkeypatch.setattr("engine.ml.day.drift_of", lambda *_: state)
    called = daily(home)
    found = signal(called)
    assert detail(called, "drift") == {model_id: {"state": "degraded", "reasons": ["Nothing is as it was."]}}
    assert (found["action"], found["strategy"], found["filter"]["state"]) == ("BUY", "trend_following", "fallback")
    sentence = f"The model {model_id} is degraded and was not asked: Nothing is as it was."
    assert found["reason"].endswith(sentence)
    asked = call("signal", "MEAA3", "--model", "latest", "--json", home=home).json["signals"][0]
    assert (asked["action"], asked["reason"]) == ("BUY", found["reason"])
    shown = call("--run-daily", home=home).out
    assert "degraded" in shown


def test_a_model_that_is_refused_stops_neither_the_day_nor_the_signals(home: Path) -> None:
    model_id = live(home)
    (home / "models" / model_id / "model.ubj").write_bytes(b"something else")
    called = daily(home)
    assert (called.code, called.json["status"]) == (1, "partial")
    assert detail(called, "predictions")[model_id]["error"]["type"] == "ModelError"
    assert detail(called, "drift") == {}
    assert (signal(called)["action"], signal(called)["filter"]) == ("BUY", None)


def test_a_model_that_is_altered_between_two_calls_is_noticed_by_the_second(home: Path) -> None:
    model_id = live(home)
    assert "MEAA3" in detail(daily(home), "predictions")[model_id]
    file = home / "models" / model_id / "model.ubj"
    file.write_bytes(file.read_bytes() + b" ")
    again = daily(home)
    assert (again.code, detail(again, "predictions")[model_id]["error"]["type"]) == (1, "ModelError")


def test_drift_is_found_by_the_run_and_shown(home: Path) -> None:
    model = optimist("xgboost")
    kept = drift.reference(dataset(), [model.features[column] for column in model.selected])
    model_id = live(home, reference=kept)
    called = daily(home)
    found = detail(called, "drift")[model_id]
    (stored,) = at_desk(home, lambda desk: read_drift(desk.store, model_id))
    assert (stored.state, list(stored.report["reasons"])) == (found["state"], found["reasons"])
    assert stored.session == day_number(sessions()[-1])
    shown = call("models", "drift", "--json", home=home).json["models"]
    assert [(item["model_id"], item["state"], item["reasons"]) for item in shown] == [
        (model_id, found["state"], found["reasons"])
    ]
    assert shown[0]["instants"] == 29
    assert shown[0]["history"] == [{"session": "2025-06-30", "state": found["state"]}]
    assert set(shown[0]["features"]) == set(kept["features"])
    words = call("models", "drift", model_id, home=home)
    assert words.code == 0
    assert model_id in words.out
    assert "PSI" in words.out


def test_a_model_whose_drift_cannot_be_told_is_to_be_watched_and_asked_all_the_same(home: Path) -> None:
    model_id = live(home, reference={"features": {}, "classes": [0.1, 0.1, 0.8], "instants": 400})
    called = daily(home)
    assert detail(called, "drift")[model_id]["state"] == "watch"
    assert "kept nothing of the feature" in detail(called, "drift")[model_id]["reasons"][0]
    assert signal(called)["filter"]["state"] == "accepted"


def test_predictions_are_judged_when_their_outcome_is_known(home: Path) -> None:
    """A model that was always sure of the wrong class is degraded; the last bar has no outcome yet."""
    kept = {**drift.reference(dataset(), ("rsi_14",)), "features": {}}
    model_id = live(home, reference=kept, trained=10)

    def tell(desk: Desk) -> None:
        bars = read_bars(desk.store, "MEAA3", "1d")
        rose = np.concatenate((bars.close[1:] > bars.close[:-1], [True]))
        wrong = [(0.9, 0.05, 0.05) if up else (0.05, 0.05, 0.9) for up in rose]
        made = [Prediction(model_id, "MEAA3", "1d", int(time), *p) for time, p in zip(bars.time[11:], wrong[11:])]
        record_predictions(desk.store, made, MORNING)

    at_desk(home, tell)
    (found,) = at_desk(home, lambda desk: [_state(desk, model_id)])
    assert found.state == drift.DEGRADED
    assert found.figures["calibration"]["outcomes"] == 90 - 11 - 1
    assert found.figures["calibration"]["hits"] < 0.05


def _state(desk: Desk, model_id: str) -> drift.Drift:
    model = load_live(desk.workspace.models, desk.store, model_id, "MEAA3", "1d")
    every = {"features": {name: {"edges": [], "shares": [], "missing": 0.0} for name in model.selected}}
    known = replace(model, reference={**dict(model.reference or {}), **every})
    return drift_of(known, desk.store, {"MEAA3": read_bars(desk.store, "MEAA3", "1d")})


def test_the_same_prediction_or_state_again_changes_nothing(home: Path) -> None:
    one = Prediction("m", "MEAA3", "1d", 86_400, 0.2, 0.3, 0.5)
    other = Prediction("m", "MEAA3", "1d", 86_400, 0.3, 0.3, 0.4)
    state = StoredDrift("m", 20_000, "ok", {"state": "ok", "reasons": []})

    def work(desk: Desk) -> None:
        for item in (one, one):
            record_predictions(desk.store, [item], MORNING)
        assert read_predictions(desk.store, "m") == [one]
        record_predictions(desk.store, [other], MORNING + 1)
        assert read_predictions(desk.store, "m") == [other]
        for found in (state, state, StoredDrift("m", 19_999, "watch", {}), StoredDrift("m", 20_000, "degraded", {})):
            record_drift(desk.store, found, MORNING)
        assert [(item.session, item.state) for item in read_drift(desk.store, "m", 5)] == [
            (20_000, "degraded"),
            (19_999, "watch"),
        ]
        assert predictors(desk.workspace.models, desk.store, MORNING) == ()

    at_desk(home, work)


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_signal_command_takes_a_model_and_explains_it(home: Path, kind: str) -> None:
    model_id = live(home, kind=kind, promoted=False)
    asked = call("signal", "MEAA3", "--model", "latest", "--explain", "--json", home=home)
    assert asked.code == 0, asked.err
    (found,) = asked.json["signals"]
    assert (found["action"], found["filter"]["model"], found["filter"]["state"]) == ("BUY", model_id, "accepted")
    (why,) = asked.json["explanations"]
    assert (why["symbol"], why["model"], why["explanation"]["action"]) == ("MEAA3", model_id, "BUY")
    assert why["explanation"]["contributions"]
    kept_back = call("signal", "MEAA3", "--model", model_id, "--threshold", "1", "--json", home=home).json["signals"][0]
    assert (kept_back["action"], kept_back["filter"]["state"]) == ("HOLD", "rejected")
    words = call("signal", "MEAA3", "--model", model_id, "--threshold", "1", "--explain", home=home).out
    assert "The BUY is not taken: it agrees but only with" in " ".join(words.split())
    automatic = call("signal", "MEAA3", "--strategy", "auto", "--model", model_id, "--json", home=home).json["signals"][0]
    assert automatic["strategy"].endswith("+ml")


def test_a_backtest_with_a_saved_model_trades_after_its_training_alone(home: Path) -> None:
    model_id = live(home, trained=60)
    called = call("backtest", "MEAA3", "--filter", model_id, "--json", home=home)
    assert called.code == 0, called.err
    found = called.json
    told = found["filter"]
    assert (found["strategy"], found["params"]["ml_model"], told["model"]) == ("trend_following+ml", model_id, model_id)
    start = sessions()[60].isoformat()
    early = [item for item in told["rejections"] if item["time"][:10] < start]
    assert all(item["reason"] == "no model that learnt from earlier bars alone can judge it" for item in early)
    assert all(
        item["reason"] != "no model that learnt from earlier bars alone can judge it"
        for item in told["rejections"]
        if item["time"][:10] >= start
    )
    assert all(trade["entry_time"][:10] > start for trade in found["trades"])
    assert told["signals"] - told["rejected"] >= 0
    assert told["unjudged"] == pytest.approx((60 - 21) / (90 - 21))
    assert any("of the bars of the window no model" in notice for notice in found["notices"])
    plain = call("backtest", "MEAA3", "--json", home=home).json
    assert plain["metrics"]["trials"] == found["metrics"]["trials"] == 2
    words = call("backtest", "MEAA3", "--filter", model_id, home=home).out
    assert f"Filter {model_id}" in words
    assert "no model that learnt from earlier bars alone can judge it" in words or not early


def test_a_walk_forward_backtest_says_what_it_did(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.ml.model.DEFAULTS", {"xgboost": {"n_estimators": 3, "max_depth": 2}, "random_forest": {}})
    words = ("backtest", "MEAA3", "--filter", "walk-forward", "--model", "xgboost", "--refit", "10", "--threshold", "0.3")
    monkeypatch.setattr(walk_forward, "WalkForwardPlan", partial(walk_forward.WalkForwardPlan, min_train=30))
    called = call(*words, "--json", home=home)
    assert called.code == 0, called.err
    told = called.json["filter"]
    assert told["model"] == "walk-forward xgboost 10"
    assert 0 < told["unjudged"] < 1
    assert told["effect"]["base"]["bars"] == told["effect"]["filtered"]["bars"] < 90 - 21
    assert told["signals"] >= told["rejected"] == len(told["rejections"])
    assert call(*words, "--json", home=home).json["order_hash"] == called.json["order_hash"]


@pytest.mark.parametrize(
    "words",
    [
        ("backtest", "MEAA3", "--model", "xgboost"),
        ("backtest", "MEAA3", "--refit", "5"),
        ("backtest", "MEAA3", "--threshold", "0.5"),
        ("backtest", "MEAA3", "--filter", "latest", "--refit", "5"),
        ("backtest", "MEAA3", "--filter", "latest", "--threshold", "1.5"),
        ("backtest", "MEAA3", "--filter", "walk-forward", "--refit", "0"),
        ("backtest", "MEAA3", "--filter", "signals-rf-20260101-000000-0000"),
        ("backtest", "MEAA3", "NHAA3", "--filter", "walk-forward", "--one-account"),
        ("signal", "MEAA3", "--explain"),
        ("signal", "MEAA3", "--threshold", "0.5"),
        ("signal", "MEAA3", "--model", "latest", "--threshold", "-1"),
        ("models", "drift", "signals-rf-20260101-000000-0000"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(home: Path, words: tuple[str, ...]) -> None:
    called = call(*words, "--json", home=home)
    assert (called.code, called.out, called.error["type"]) == (2, "", "UsageError")


def test_a_symbol_that_the_model_did_not_learn_from_is_refused(home: Path) -> None:
    model_id = live(home)
    for words in (("signal", "NHAA3", "--model", model_id), ("backtest", "NHAA3", "--filter", model_id)):
        called = call(*words, "--json", home=home)
        assert (called.code, called.error["type"]) == (1, "ModelError")
        assert "not from NHAA3 1d" in called.error["message"]
    assert call("signal", "NHAA3", "--model", "latest", "--json", home=home).error["type"] == "ModelError"


def test_nothing_is_live_at_first(home: Path) -> None:
    assert call("models", "drift", "--json", home=home).json["models"] == []
    assert "No model is live" in call("models", "drift", home=home).err
