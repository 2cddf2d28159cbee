"""A model as a second opinion: which signals are taken, what is said of the others, and what the filter did to a strategy."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.subjects import examine, random_walk, strategy_subject
from engine.domain import Action, Instrument
from engine.errors import NoDataError, UsageError
from engine.market.costs import no_costs
from engine.ml.effect import ALIKE, BETTER, WORSE, Judged, plain_inputs, pooled_effect, strategy_effect
from engine.ml.filtering import MLEnhancedStrategy, Remembered, accepted, filtered, objection, unfiltered
from engine.strategies import get
from engine.strategies.base import Decisions, Strategy, ranged
from engine.strategies.signals import latest_signal

SELL, HOLD, BUY = (0.7, 0.2, 0.1), (0.2, 0.7, 0.1), (0.1, 0.2, 0.7)
UNKNOWN = (np.nan, np.nan, np.nan)
BARS = random_walk(600, seed=8)


@dataclass(frozen=True)
class EveryOther(Strategy):
    """BUY and SELL in turn, every so many bars, with every column that a strategy can give."""

    name: ClassVar[str] = "every_other"
    step: int = ranged(5, 1, 100, "Bars between two signals")

    @property
    def warm_up(self):
        return 3

    def decide(self, bars):
        at = np.arange(len(bars))
        action = np.where((at >= 3) & (at % self.step == 0), np.where(at // self.step % 2, 1, -1), 0).astype(np.int8)
        level = np.where(action != 0, bars.close, np.nan)
        return Decisions(
            action, np.where(action != 0, 0.5, np.nan), level - action, level + action, level / level / 2, level, level
        )

    def reason(self, bars, decisions, index):
        return f"bar {range(len(bars))[index] % self.step}"

    def context(self, bars):
        return {"adx": None, "atr": 1.0, "rsi": None, "volume_avg": None}


def constant(row):
    return lambda bars: np.tile(np.array(row, dtype=float), (len(bars), 1))


def varied(bars):
    """Probabilities that follow the bar alone: of its own change."""
    change = np.nan_to_num(bars.close / bars.open - 1) * 100
    weights = np.exp(np.column_stack([-change, np.zeros(len(bars)), change]))
    found = weights / weights.sum(axis=1, keepdims=True)
    found[bars.close % 7 < 1] = np.nan
    return found


@pytest.mark.parametrize(
    ("action", "row", "threshold", "taken", "why"),
    [
        (1, BUY, 0.6, True, ""),
        (1, BUY, 0.7, True, ""),
        (1, BUY, 0.71, False, "it agrees but only with 0.70 of 0.71"),
        (-1, SELL, 0.6, True, ""),
        (-1, BUY, 0.6, False, "the model says BUY with 0.70"),
        (1, HOLD, 0.1, False, "the model says HOLD with 0.70"),
        (1, UNKNOWN, 0.0, False, "no model that learnt from earlier bars alone can judge it"),
        (1, (0.5, 0.0, 0.5), 0.4, False, "the model says SELL with 0.50"),
        (-1, (0.5, 0.0, 0.5), 0.4, True, ""),
    ],
)
def test_a_signal_is_taken_when_the_model_agrees_and_is_sure_enough(action, row, threshold, taken, why):
    assert accepted(np.array([action], dtype=np.int8), np.array([row]), threshold).tolist() == [taken]
    assert objection(action, np.array(row), threshold) == why


def test_nothing_is_no_signal_even_when_the_model_says_hold():
    assert not accepted(np.zeros(3, dtype=np.int8), np.array([HOLD, BUY, UNKNOWN]), 0.0).any()


def test_the_words_are_those_of_the_probability_that_is_compared():
    assert objection(1, np.array([0.2, 0.28, 0.52]), 0.6) == "it agrees but only with 0.52 of 0.60"
    assert objection(1, np.array([0.2, 0.55, 0.25]), 0.6) == "the model says HOLD with 0.55"


def test_it_is_a_strategy_like_any_other():
    base = get("trend_following")
    strategy = MLEnhancedStrategy(base, constant(BUY), 0.65, "signals-rf-1")
    assert isinstance(strategy, Strategy)
    assert (strategy.name, strategy.warm_up) == ("trend_following+ml", base.warm_up)
    assert strategy.params == {**base.params, "ml_model": "signals-rf-1", "ml_threshold": 0.65}
    assert strategy.context(BARS) == base.context(BARS)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan")])
def test_a_threshold_that_is_no_probability_is_wrong_usage(threshold):
    with pytest.raises(UsageError):
        MLEnhancedStrategy(EveryOther(), constant(BUY), threshold)


def test_decisions_that_are_not_taken_are_as_if_they_had_not_been_given():
    base = EveryOther().decide(BARS)
    found = MLEnhancedStrategy(EveryOther(), constant(BUY)).decide(BARS)
    assert (base.action == -1).any()
    assert np.array_equal(found.action, np.where(base.action == 1, 1, 0))
    assert found.action.dtype == np.int8
    for column in fields(Decisions):
        before, after = getattr(base, column.name), getattr(found, column.name)
        assert np.array_equal(after[base.action == 1], before[base.action == 1])
        if column.name != "action":
            assert after.dtype == np.float64
            assert np.isnan(after[base.action != 1]).all()


@pytest.mark.parametrize("name", ["trend_following", "mean_reversion", "breakout", "macd_crossover", "rsi_divergence", "dynamic_position_sizing"])  # fmt: skip
def test_every_strategy_can_be_filtered(name):
    base = get(name)
    own, found = base.decide(BARS), MLEnhancedStrategy(base, varied, 0.4).decide(BARS)
    kept = accepted(own.action, varied(BARS), 0.4)
    assert np.array_equal(found.action, np.where(kept, own.action, 0))
    assert (found.size is None) == (own.size is None)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_taken_signals_are_some_of_the_base_s_and_a_higher_threshold_takes_no_more(seed, threshold):
    random = np.random.default_rng(seed)
    p = random.dirichlet((1, 1, 1), 40)
    p[random.random(40) < 0.2] = np.nan
    action = random.integers(-1, 2, 40).astype(np.int8)
    taken, more = accepted(action, p, threshold), accepted(action, p, threshold / 2)
    assert not (taken & ~more).any()
    assert (action[taken] != 0).all()
    assert (p[taken].max(axis=1) >= threshold).all()
    for row in np.flatnonzero(action):
        assert bool(objection(int(action[row]), p[row], threshold)) == (not taken[row])


def test_every_rejection_is_listed_with_its_reason():
    bars = BARS.take(slice(0, 23))
    p = np.tile(np.array(BUY), (23, 1))
    p[5] = UNKNOWN
    strategy = MLEnhancedStrategy(EveryOther(), lambda bars: p[: len(bars)])
    found = strategy.rejections(bars)
    assert [(item.index, item.action, item.reason) for item in found] == [
        (5, 1, "no model that learnt from earlier bars alone can judge it"), (10, -1, "the model says BUY with 0.70"), (20, -1, "the model says BUY with 0.70"),
    ]  # fmt: skip
    assert [item.time for item in found] == bars.time[[5, 10, 20]].tolist()
    assert found[0].as_dict()["action"] == "BUY"
    assert found[1].as_dict()["time"].startswith("1997-")


def test_the_reason_is_that_of_the_base_and_what_the_model_adds():
    strategy = MLEnhancedStrategy(EveryOther(), constant(BUY))
    decisions = strategy.decide(BARS)
    assert strategy.reason(BARS, decisions, 15) == "bar 0 The model agrees with 0.70."
    assert strategy.reason(BARS, decisions, 10) == "bar 0 The SELL is not taken: the model says BUY with 0.70."
    assert strategy.reason(BARS, decisions, 11) == "bar 1"
    assert strategy.reason(BARS, decisions, -1) == f"bar {(len(BARS) - 1) % 5}"


@pytest.mark.parametrize("row", [BUY, SELL, HOLD, UNKNOWN])
@pytest.mark.parametrize("last", [26, 31, 33])
def test_a_filtered_signal_is_what_the_filtered_strategy_says(row, last):
    bars = BARS.take(slice(0, last))
    own = latest_signal(bars, EveryOther(), 0)
    whole = latest_signal(bars, MLEnhancedStrategy(EveryOther(), constant(row)), 0)
    found = filtered(own, np.array(row), 0.6, "m")
    assert replace(found, filter=None) == whole
    assert found.filter["action"] == str(own.action)


def test_what_was_rejected_stays_readable():
    own = latest_signal(BARS.take(slice(0, 26)), EveryOther(), 0)
    assert own.action is Action.BUY
    found = filtered(own, np.array(HOLD), 0.6, "signals-rf-1")
    assert (found.action, found.strength, found.stop_loss, found.take_profit, found.size) == (Action.HOLD, 0.0, None, None, None)
    assert found.as_dict()["filter"] == {
        "model": "signals-rf-1", "state": "rejected", "action": "BUY", "threshold": 0.6, "reason": "the model says HOLD with 0.70",
        "probabilities": {"SELL": 0.2, "HOLD": 0.7, "BUY": 0.1},
    }  # fmt: skip
    assert found.reason == "bar 0 The BUY is not taken: the model says HOLD with 0.70."
    assert filtered(own, np.array(BUY), 0.6, "m").filter["state"] == "accepted"
    assert filtered(own, np.array(UNKNOWN), 0.6, "m").filter["probabilities"] is None
    idle = latest_signal(BARS.take(slice(0, 28)), EveryOther(), 0)
    assert filtered(idle, np.array(BUY), 0.6, "m").filter["state"] == "no signal"


def test_a_model_that_may_not_be_asked_leaves_the_signal_as_it_is_and_is_named():
    own = latest_signal(BARS.take(slice(0, 26)), EveryOther(), 0)
    found = unfiltered(own, "signals-rf-1", "The model is degraded.")
    assert replace(found, filter=None, reason=own.reason) == own
    assert found.reason == "bar 0 The model is degraded."
    assert (found.filter["state"], found.filter["reason"]) == ("fallback", "The model is degraded.")


def test_a_causal_model_passes_the_look_ahead_proof_and_a_leaking_one_is_caught():
    bars = random_walk(120, seed=9)
    passed = examine(strategy_subject(MLEnhancedStrategy(EveryOther(), varied, 0.4)), bars)
    assert passed.passed
    assert passed.values > 0

    def leaking(part):
        return np.where((part.close[-1] > part.close)[:, None], np.array(BUY), np.array(SELL))

    assert not examine(strategy_subject(MLEnhancedStrategy(EveryOther(), leaking, 0.4)), bars).passed


def test_a_model_is_asked_once_about_the_same_bars():
    asked = []

    def compute(bars):
        asked.append(len(bars))
        return constant(BUY)(bars)

    remembered = Remembered(compute)
    for bars in (BARS, BARS.take(slice(None)), BARS.take(slice(0, 50)), replace(BARS.take(slice(0, 50)), symbol="X")):
        assert remembered(bars).shape == (len(bars), 3)
    other = BARS.take(slice(0, 50))
    other.close[3] += 0.01
    remembered(replace(other, symbol="X"))
    assert asked == [600, 50, 50, 50]


def traded(strategy):
    options = {"instrument": Instrument("ABCD3"), "costs": no_costs(len(BARS))}
    return backtest(BARS, strategy, BacktestConfig(), **options)


def test_a_backtest_takes_it_as_any_other():
    base = get("trend_following")
    own = traded(base)
    action = base.decide(BARS).action

    def agreeing(bars):
        return np.where((action[: len(bars)] == 1)[:, None], np.array(BUY), np.array(SELL))

    assert own.metrics["trades"] > 3
    assert traded(MLEnhancedStrategy(base, agreeing)).order_hash == own.order_hash
    assert traded(MLEnhancedStrategy(base, constant(HOLD))).metrics["trades"] == 0
    assert traded(MLEnhancedStrategy(base, constant(UNKNOWN))).metrics["trades"] == 0


def test_a_filter_that_takes_all_changes_nothing():
    base = EveryOther(10)
    action = base.decide(BARS).action
    p = np.where((action == 1)[:, None], np.array(BUY), np.array(SELL))
    found = strategy_effect(BARS, base, p, 0.6)
    assert found["base"] == found["filtered"]
    assert found["signals"] == {"given": int(np.count_nonzero(action)), "accepted": int(np.count_nonzero(action))}
    assert (found["difference"]["mean_return"], found["difference"]["low"], found["verdict"]["label"]) == (0.0, None, ALIKE)


@dataclass(frozen=True)
class Daily(EveryOther):
    """At the market, without levels: BUY and SELL in turn."""

    def decide(self, bars):
        found = super().decide(bars)
        none = np.full(len(bars), np.nan)
        return Decisions(found.action, found.strength, none, none)


def foreseen(bars, horizon=4):
    """Probabilities of one who knows the future, to tell good filters from bad ones."""
    later = np.concatenate((bars.close[horizon:], np.full(horizon, bars.close[-1])))
    return np.where((later > bars.close)[:, None], np.array(BUY), np.array(SELL))


@pytest.mark.parametrize(("p", "label"), [(foreseen(BARS), BETTER), (1 - foreseen(BARS) - 0.1, WORSE)], ids=["good", "bad"])
def test_a_filter_that_knows_better_is_told_from_one_that_knows_worse(p, label):
    p = p / p.sum(axis=1, keepdims=True)
    found = strategy_effect(BARS, Daily(2), p, 0.4)
    assert found["verdict"]["label"] == label
    difference = found["difference"]
    assert (difference["low"] > 0) == (label == BETTER)
    assert difference["low"] <= difference["mean_return"] <= difference["high"]
    better = found["filtered"]["total_return"] > found["base"]["total_return"]
    assert better == (label == BETTER)
    assert len(found["verdict"]["reasons"]) >= 3


def test_both_sides_are_traded_on_the_judged_bars_alone():
    p = foreseen(BARS)
    p[:200] = UNKNOWN
    p[500:] = UNKNOWN
    found = strategy_effect(BARS, Daily(2), p, 0.4)
    assert found["base"]["bars"] == found["filtered"]["bars"] == 300
    alone = traded_on(slice(200, 500))
    assert found["base"]["total_return"] == pytest.approx(alone.metrics["total_return"], abs=1e-12)
    assert found["base"]["trades"] == alone.metrics["trades"]
    assert found["signals"]["given"] == 150


def traded_on(rows):
    from engine.backtest.run import trade

    return trade(replace(plain_inputs(BARS), start=int(BARS.time[rows.start]), end=int(BARS.time[rows.stop - 1])), Daily(2))


def test_costs_are_paid_on_both_sides():
    found = strategy_effect(BARS, Daily(2), foreseen(BARS), 0.4)
    assert min(found[side]["costs"] for side in ("base", "filtered")) > 0
    free = replace(plain_inputs(BARS), costs=no_costs(len(BARS)))
    assert strategy_effect(BARS, Daily(2), foreseen(BARS), 0.4, free)["base"]["total_return"] > found["base"]["total_return"]


def test_symbols_count_alike():
    other = random_walk(600, seed=11)
    parts = [Judged(bars, foreseen(bars)) for bars in (BARS, replace(other, symbol="OTHER"))]
    both = pooled_effect(parts, Daily(2), 0.4)
    alone = [strategy_effect(part.bars, Daily(2), part.probabilities, 0.4) for part in parts]
    assert both["signals"]["given"] == sum(item["signals"]["given"] for item in alone)
    assert both["base"]["trades"] == sum(item["base"]["trades"] for item in alone)
    mean = np.mean([item["difference"]["mean_return"] for item in alone])
    assert both["difference"]["mean_return"] == pytest.approx(mean)


def test_too_little_to_judge_is_said():
    with pytest.raises(NoDataError):
        strategy_effect(BARS, Daily(2), np.full((600, 3), np.nan), 0.4)
    with pytest.raises(UsageError):
        strategy_effect(BARS, Daily(2), np.full((599, 3), np.nan), 0.4)
    few = strategy_effect(BARS.take(slice(0, 60)), Daily(10), foreseen(BARS)[:60], 0.4)
    assert few["verdict"]["label"] == "insufficient evidence"
