"""Whether a model still lives in the world that it learnt from: what is measured, and what state follows from it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.subjects import random_walk
from engine.errors import UsageError
from engine.features import catalogue
from engine.ml.dataset import build
from engine.ml.drift import (
    DEGRADED,
    OK,
    SHIFT,
    WATCH,
    Outcomes,
    assess,
    calibration_drift,
    chance_level,
    feature_drift,
    psi,
    reference,
)

NAMES = ("momentum_5", "intraday_return", "volatility_5", "close_location", "volume_ratio", "rsi_7", "gap", "doji")
FEATURES = catalogue.select(names=NAMES)
TRAINED = 900
RECENT = 120


def kept_of(bars):
    return reference(build({bars.symbol: bars.take(slice(0, TRAINED))}, FEATURES), NAMES)


def recent(bars):
    return catalogue.compute(bars, FEATURES)[-RECENT:]


def test_the_index_by_hand():
    then, now = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    assert psi(then, now) == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))
    assert psi(then, then) == 0.0
    assert psi(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(2 * (1 - 1e-4) * np.log(1e4))


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=10), st.randoms(use_true_random=False))
def test_the_index_is_never_negative_and_the_same_both_ways(shares, random):
    then = np.array(shares) / sum(shares)
    now = np.array(random.sample(shares, len(shares))) / sum(shares)
    assert psi(then, now) >= 0
    assert psi(then, now) == pytest.approx(psi(now, then), abs=1e-12)


def test_what_chance_gives_falls_with_the_bars_and_rises_with_the_look_back():
    assert chance_level(10, 120, 1000, 1) == pytest.approx(27.877 * (1 / 120 + 1 / 1000), rel=1e-4)
    assert chance_level(10, 120, 1000, 20) == pytest.approx(20 * chance_level(10, 120, 1000, 1))
    assert chance_level(10, 120, 1000, 0) == chance_level(10, 120, 1000, 1)
    assert chance_level(10, 0, 1000, 1) == chance_level(1, 120, 1000, 1) == np.inf


def test_what_is_kept_is_json_and_by_hand():
    bars = random_walk(400, seed=1)
    found = build({bars.symbol: bars}, FEATURES, "fixed", {"horizon": 3})
    kept = json.loads(json.dumps(reference(found, ("momentum_5", "doji"))))
    assert list(kept["features"]) == ["momentum_5", "doji"]
    assert kept["instants"] == len(found)
    assert kept["classes"] == pytest.approx([float((found.y == name).mean()) for name in (-1, 0, 1)])
    column = found.X[:, NAMES.index("momentum_5")]
    item = kept["features"]["momentum_5"]
    assert item["missing"] == pytest.approx(np.isnan(column).mean())
    assert item["edges"] == pytest.approx(np.nanquantile(column, np.linspace(0.1, 0.9, 9)).tolist())
    assert item["shares"] == pytest.approx([0.1] * 10, abs=0.01)
    assert sum(kept["features"]["doji"]["shares"]) == pytest.approx(1)


def test_a_feature_that_nothing_was_kept_of_is_wrong_usage():
    bars = random_walk(TRAINED + RECENT, seed=1)
    kept = kept_of(bars)
    with pytest.raises(UsageError, match="gap"):
        feature_drift(
            {**kept, "features": {"rsi_7": kept["features"]["rsi_7"]}}, recent(bars)[:, [5, 6]], ("rsi_7", "gap"), RECENT
        )


def test_a_market_that_does_not_change_is_left_in_peace():
    states = []
    for seed in range(25):
        bars = random_walk(TRAINED + RECENT, seed=seed)
        states.append(assess(kept_of(bars), recent(bars), NAMES, RECENT, None).state)
    assert states.count(OK) >= 23
    assert DEGRADED not in states


def test_a_market_that_moves_four_times_as_much_degrades_the_model():
    for seed in range(5):
        bars = random_walk(TRAINED + RECENT, seed=seed)
        step = np.diff(np.log(bars.close), prepend=np.log(bars.open[0]))
        step[-RECENT:] *= 4
        close = 30 * np.exp(np.cumsum(step))
        opening = np.concatenate(([30.0], close[:-1]))
        wild = replace(
            bars, close=close, open=opening, high=np.maximum(opening, close) * 1.01, low=np.minimum(opening, close) / 1.01
        )
        found = assess(kept_of(bars), recent(wild), NAMES, RECENT, None)
        assert found.state == DEGRADED
        assert "intraday_return" in found.reasons[0]
        assert found.figures["features"]["intraday_return"]["psi"] > SHIFT


def test_one_feature_that_shifts_is_to_be_watched():
    bars = random_walk(TRAINED + RECENT, seed=3)
    values = recent(bars)
    values[:, NAMES.index("intraday_return")] += 0.05
    found = assess(kept_of(bars), values, NAMES, RECENT, None)
    assert found.state == WATCH
    assert [name for name, item in found.figures["features"].items() if item["drifted"]] == ["intraday_return"]


@pytest.mark.parametrize(("columns", "state"), [(0, OK), (1, WATCH), (2, DEGRADED)])
def test_features_that_go_missing_are_noticed(columns, state):
    bars = random_walk(TRAINED + RECENT, seed=3)
    values = recent(bars)
    values[:, :columns] = np.nan
    found = assess(kept_of(bars), values, NAMES, RECENT, None)
    assert found.state == state
    if columns:
        assert "missing" in found.reasons[0]
        assert np.isnan(found.figures["features"]["momentum_5"]["psi"])


def outcomes(seed, sharpness, truth=None, count=400):
    """Predictions of that sharpness whose classes come as often as they say, or as `truth` says."""
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.ones(3) / sharpness, count)
    draw = p if truth is None else np.tile(truth, (count, 1))
    y = (random.random(count)[:, None] > np.cumsum(draw, axis=1)).sum(axis=1).clip(0, 2) - 1
    return Outcomes(y.astype(np.int8), p, np.arange(count) * 86_400, 5)


def test_calibration_by_hand():
    y, p = np.array([1, 0], dtype=np.int8), np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    found = calibration_drift(Outcomes(y, p, np.array([0, 1]), 1), (0.2, 0.5, 0.3))
    assert found["brier"] == pytest.approx(((0.01 + 0.04 + 0.09) + (0.36 + 0.49 + 0.01)) / 2)
    assert found["brier_frequencies"] == pytest.approx(((0.04 + 0.25 + 0.49) + (0.04 + 0.25 + 0.09)) / 2)
    assert found["worse_by"] == pytest.approx(found["brier"] - found["brier_frequencies"])
    assert (found["confidence"], found["hits"]) == (pytest.approx(0.65), 0.5)
    assert (found["outcomes"], found["instants"]) == (2, 2)


def state_of(found, bars=None):
    bars = random_walk(TRAINED + RECENT, seed=3) if bars is None else bars
    kept = {**kept_of(bars), "classes": [1 / 3, 1 / 3, 1 / 3]}
    return assess(kept, recent(bars), NAMES, RECENT, found)


def test_a_model_whose_words_come_true_is_ok_and_one_that_is_wrong_is_degraded():
    for seed in range(3):
        assert state_of(outcomes(seed, 1.0)).state == OK
        wrong = state_of(outcomes(seed, 1.0, truth=(1 / 3, 1 / 3, 1 / 3)))
        assert wrong.state == DEGRADED
        assert wrong.reasons[0].startswith("Its probabilities were worse than the class frequencies")
        assert wrong.figures["calibration"]["low"] > 0


def test_a_model_that_is_surer_than_right_is_to_be_watched():
    honest = outcomes(1, 0.5, count=1500)
    louder = honest.p**1.6
    found = state_of(replace(honest, p=louder / louder.sum(axis=1, keepdims=True)))
    assert found.state == WATCH
    assert found.reasons[0].startswith("It said ")


def test_symbols_of_one_instant_are_one_instant():
    found = outcomes(1, 1.0, truth=(1 / 3, 1 / 3, 1 / 3), count=80)
    alone = calibration_drift(found, (1 / 3, 1 / 3, 1 / 3))
    doubled = Outcomes(np.tile(found.y, 4), np.tile(found.p, (4, 1)), np.tile(found.time, 4), 5)
    four = calibration_drift(doubled, (1 / 3, 1 / 3, 1 / 3))
    assert (four["outcomes"], four["instants"]) == (320, 80)
    assert (four["low"], four["high"]) == (pytest.approx(alone["low"]), pytest.approx(alone["high"]))


def test_too_little_to_judge_changes_nothing_and_is_said():
    bars = random_walk(TRAINED + RECENT, seed=3)
    few = replace(outcomes(1, 1.0, truth=(1 / 3, 1 / 3, 1 / 3), count=59))
    found = assess(kept_of(bars), recent(bars)[:19] + 5, NAMES, 19, few)
    assert (found.state, len(found.reasons)) == (OK, 2)
    assert "19 bars since the training" in found.reasons[0]
    assert "59 bars" in found.reasons[1]
    assert found.as_dict()["features"] == {}
    nothing = assess(None, recent(bars), NAMES, RECENT, few)
    assert (nothing.state, len(nothing.reasons)) == (OK, 1)
    assert set(nothing.as_dict()) == set(found.as_dict()) == {"state", "reasons", "instants", "features", "calibration"}
