"""Models that are re-fitted as time goes on: what each fit may know, and that no bar is judged by what came after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.lookahead import check
from engine.backtest.subjects import examine, random_walk, strategy_subject
from engine.errors import UsageError
from engine.ml import labels
from engine.ml.filtering import MLEnhancedStrategy
from engine.ml.walk_forward import WalkForwardPlan, walk, walk_forward_probabilities
from engine.strategies import get

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "profit"
FEATURES = ("momentum_5", "rsi_7", "intraday_return", "close_location", "volume_ratio")
FOREST = {"n_estimators": 5, "max_depth": 3, "min_samples_split": 4, "min_samples_leaf": 2}
BOOSTED = {"n_estimators": 3, "max_depth": 2}
QUICK = WalkForwardPlan(
    kind="xgboost", features=FEATURES, label_params={"horizon": 2, "up": 0.01, "down": 0.01}, params=BOOSTED, select_k=3, refit=25, min_train=40
)  # fmt: skip
BARRIERS = replace(
    QUICK, label_kind="triple_barrier", label_params={"horizon": 6, "up": 1.0, "down": 1.0, "volatility_period": 5}
)


def echo(count=400, seed=5):
    """A walk whose next return has the sign of the part of the day between open and close, so that `intraday_return` foretells it."""
    random = np.random.default_rng(seed)
    made = random_walk(count, seed=seed)
    inside = random.normal(0, 0.01, count)
    steps = np.concatenate(([0.0], 0.02 * np.sign(inside[:-1])))
    close = 30 * np.exp(np.cumsum(steps - steps.mean() + random.normal(0, 0.002, count)))
    opening = close * np.exp(-inside)
    high, low = np.maximum(opening, close) * 1.001, np.minimum(opening, close) * 0.999
    return replace(made, open=opening, high=high, low=low, close=close)


@pytest.mark.parametrize("plan", [QUICK, BARRIERS], ids=["fixed", "triple_barrier"])
def test_a_fit_learns_from_rows_whose_whole_horizon_is_over(plan):
    bars = random_walk(200, seed=2)
    walked = walk(bars, plan)
    horizon = plan.label_params["horizon"]
    assert [fit.bar for fit in walked.fits] == list(range(walked.fits[0].bar, 200, 25))
    for fit in walked.fits:
        label = labels.make(plan.label_kind, bars.take(slice(0, fit.bar)), **plan.label_params)
        assert fit.known < fit.bar
        assert fit.rows == np.count_nonzero(label.defined[: fit.bar - horizon])


def test_bars_before_the_first_fit_are_not_judged_and_all_after_it_are():
    walked = walk(random_walk(200, seed=2), QUICK)
    judged = ~np.isnan(walked.probabilities).any(axis=1)
    assert walked.fits[0].rows >= 40
    assert not judged[: walked.fits[0].bar].any()
    assert judged[walked.fits[0].bar :].all()
    assert np.allclose(walked.probabilities[judged].sum(axis=1), 1)


@pytest.mark.parametrize("plan", [QUICK, BARRIERS, replace(QUICK, kind="random_forest", params=FOREST)], ids=["fixed", "barriers", "forest"])  # fmt: skip
def test_what_is_known_at_a_bar_does_not_depend_on_later_bars(plan):
    """Sampled prefixes, those about a fit among them; the exhaustive proof on fewer bars is the next test."""
    bars = random_walk(151, seed=3)
    whole = walk_forward_probabilities(bars, plan)
    for cut in (75, 76, 100, 101, 126, 149):
        assert np.array_equal(walk_forward_probabilities(bars.take(slice(0, cut)), plan), whole[:cut], equal_nan=True)


def test_the_filtered_strategy_passes_the_look_ahead_proof():
    base = get("trend_following", {"ema_fast": 2, "ema_slow": 4, "volume_ratio": 0, "rsi_period": 3, "atr_period": 3})
    plan = replace(QUICK, kind="xgboost", refit=20, min_train=20, calibrate=False)
    filtered = MLEnhancedStrategy(base, lambda bars: walk_forward_probabilities(bars, plan), 0.4, "walk-forward")
    checked = examine(strategy_subject(filtered), random_walk(80, seed=4))
    assert checked.passed, checked.first_violation
    assert (checked.prefixes, checked.name) == (80, "trend_following+ml")
    assert checked.values > 0


def test_a_model_that_learnt_from_all_bars_does_not_pass_it():
    bars = random_walk(90, seed=4)

    def leaking(part):
        first = walk(part, replace(QUICK, min_train=20)).fits
        late = walk(part, replace(QUICK, min_train=20, refit=max(len(part) - 3, 1)))
        return {"buy": np.full(len(part), np.nan if not first else np.nanmax(late.probabilities[:, 2], initial=0.0))}

    assert not check("leaking", "model", leaking, bars, perturbations=4).passed


def test_the_same_bars_and_plan_give_the_same_answers():
    bars = random_walk(150, seed=6)
    for plan in (QUICK, replace(QUICK, kind="random_forest", params=FOREST)):
        assert np.array_equal(walk(bars, plan).probabilities, walk(bars, plan).probabilities, equal_nan=True)
    other = walk(bars, replace(QUICK, kind="random_forest", params=FOREST, seed=7)).probabilities
    assert not np.array_equal(
        other, walk(bars, replace(QUICK, kind="random_forest", params=FOREST)).probabilities, equal_nan=True
    )


def test_a_planted_effect_is_found_and_noise_is_not():
    def right(bars):
        plan = replace(
            QUICK, label_params={"horizon": 1, "up": 0.0, "down": 0.0}, min_train=100, params={"n_estimators": 10, "max_depth": 2}
        )
        said, truth = walk(bars, plan).probabilities.argmax(axis=1)[125:-1] - 1, labels.fixed(bars, 1, 0.0, 0.0).value[125:-1]
        return (said == truth).mean()

    assert right(echo()) > 0.9
    assert 0.4 < right(random_walk(400, seed=5)) < 0.6


def test_too_few_bars_give_no_model():
    for count in (1, 5, 40):
        walked = walk(random_walk(count, seed=1), QUICK)
        assert walked.fits == ()
        assert walked.probabilities.shape == (count, 3)
        assert np.isnan(walked.probabilities).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"refit": 0}, {"min_train": 0}, {"kind": "oracle"}, {"params": {"depth": 3}}, {"features": ("momentun_5",)},
        {"label_kind": "fixd"}, {"label_params": {"horizon": 0}},
    ],
)  # fmt: skip
def test_a_plan_that_is_not_possible_is_wrong_usage(wrong):
    with pytest.raises(UsageError):
        walk(random_walk(60), replace(QUICK, **wrong))


def test_progress_counts_the_fits():
    seen = []
    walk(random_walk(120, seed=1), QUICK, lambda done, total, note="": seen.append((done, total, note)))
    assert seen == [(at, 4, "RANDOM WALK") for at in range(5)]


@pytest.mark.skipif(not DATA.exists(), reason="the real market files are not here")
def test_on_real_bars_no_judgement_depends_on_later_ones(tmp_path):
    from tests.desk_maker import at_desk, call, plain_environment

    with plain_environment():
        file = next(path for path in sorted(DATA.rglob("*PETR4*")) if path.suffix == ".csv")
        assert call("import", str(file), "--price-base", "raw", "--json", home=tmp_path).code == 0
        bars = at_desk(tmp_path, lambda desk: _bars(desk.store)).take(slice(0, 360))
    plan = replace(QUICK, min_train=150, refit=60)
    whole = walk_forward_probabilities(bars, plan)
    assert (~np.isnan(whole)).any()
    for cut in (181, 240, 241):
        assert np.array_equal(walk_forward_probabilities(bars.take(slice(0, cut)), plan), whole[:cut], equal_nan=True)


def _bars(store):
    from engine.store.bars import list_series, read_bars

    series = max(list_series(store), key=lambda item: item.first is not None)
    return read_bars(store, series.symbol, series.timeframe)
