"""The models of the direction: what they learn, how they repeat, and when they keep silent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NoDataError, UsageError
from engine.ml.direction.models import BANDS, EVENING_RANGE, LEAST_ROWS, abstention, fit, logistic, surely

NAMES = ("a", "b", "c")


def learnable(rows: int = 700, seed: int = 1, slope: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 3))
    return X, (random.random(rows) < 1 / (1 + np.exp(-slope * X[:, 0]))).astype(float)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_the_logistic_regression_is_that_of_scikit_learn(strength: float) -> None:
    from sklearn.linear_model import LogisticRegression

    X, y = learnable()
    weights, intercept = logistic(X, y, strength)
    theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=1000).fit(X, y)
    assert weights == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_separable_rows_give_finite_weights() -> None:
    X = np.linspace(-1, 1, 200)[:, None]
    weights, intercept = logistic(X, (X[:, 0] > 0).astype(float), 100.0)
    assert np.isfinite(weights).all()
    assert math.isfinite(intercept)


@pytest.mark.parametrize("kind", LEAST_ROWS)
def test_every_model_finds_what_is_there_and_repeats(kind: str) -> None:
    X, y = learnable()
    model, again = (fit(kind, NAMES, X, y) for _once in range(2))
    fresh, truth = learnable(seed=2)
    p = model.probability(fresh)
    assert np.array_equal(p, again.probability(fresh))
    assert ((p >= 0.5) == (truth > 0.5)).mean() > 0.7
    assert (p >= 0).all()
    assert (p <= 1).all()
    assert np.array_equal(model.probability(fresh[:1]), p[:1])


def test_after_the_close_no_probability_is_bold() -> None:
    X, y = learnable(slope=5.0)
    p = fit("ensemble", NAMES, X, y).probability(X)
    assert (p.min(), p.max()) == EVENING_RANGE


def test_a_missing_value_is_the_training_median_and_a_row_of_none_is_silence() -> None:
    X, y = learnable()
    holes = X.copy()
    holes[::3, 1] = np.nan
    holes[:, 2] = np.nan
    model = fit("logistic", NAMES, holes, y)
    row = np.array([[0.3, np.nan, np.nan], [np.nan] * 3, [0.3, np.nanmedian(holes[:, 1]), 77.0]])
    p = model.probability(row)
    assert np.isnan(p[1])
    assert p[0] == p[2]
    assert model.contributions(row[0])[2] == 0


def test_contributions_add_up_to_the_log_odds() -> None:
    X, y = learnable()
    model = fit("opening", NAMES[:1], X[:, :1], y)
    p = model.probability(X[:5, :1])
    odds = [model.contributions(row).sum() + model.intercept for row in X[:5, :1]]
    assert np.log(p / (1 - p)) == pytest.approx(odds)


@pytest.mark.parametrize("kind", ["ensemble", "seed_tree"])
def test_contributions_of_trees_are_part_of_the_sum(kind: str) -> None:
    """A member's own parts add up to its log-odds but for where it begins; those of the mean are the mean of theirs."""
    X, y = learnable()
    model = fit(kind, NAMES, X, y)
    high, low = (np.array([value, 0.0, 0.0]) for value in (2.0, -2.0))
    assert model.contributions(high)[0] > 0 > model.contributions(low)[0]
    assert abs(model.contributions(high)[1]) < abs(model.contributions(high)[0])
    p = float(model.probability(high[None, :])[0])
    odds = math.log(p / (1 - p))
    assert (model.contributions(high).sum() > 0) == (odds > 0)


def test_a_crash_counts_four_spreads_and_no_more() -> None:
    X, y = learnable()
    model = fit("move", NAMES[:1], X[:, :1], y)
    assert model.probability(np.array([[50.0]])) == model.probability(np.array([[5_000.0]]))


@pytest.mark.parametrize("kind", LEAST_ROWS)
def test_too_few_rows_or_one_label_are_refused(kind: str) -> None:
    X, y = learnable()
    few = LEAST_ROWS[kind] - 1
    with pytest.raises(NoDataError):
        fit(kind, NAMES, X[:few], y[:few])
    with pytest.raises(NoDataError):
        fit(kind, NAMES, X, np.ones(len(y)))


def test_what_does_not_exist_or_fit_is_refused() -> None:
    X, y = learnable()
    with pytest.raises(UsageError):
        fit("oracle", NAMES, X, y)
    with pytest.raises(UsageError):
        fit("logistic", NAMES, X, y).probability(X[:, :2])


def test_the_band_is_the_narrowest_that_was_right_often_enough() -> None:
    p = np.repeat([0.52, 0.66, 0.9], 100)
    y = np.concatenate([np.arange(100) < 40, np.arange(100) < 76, np.arange(100) < 99]).astype(float)
    assert abstention(p, y) == 0.05
    assert abstention(p, np.ones(300)) == 0.0
    assert math.isnan(abstention(p[:100], y[:100]))
    assert math.isnan(abstention(np.empty(0), np.empty(0)))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 300))
def test_a_chosen_band_reached_the_target_on_the_past(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    p = random.random(rows)
    y = (random.random(rows) < p).astype(float)
    band = abstention(p, y)
    if not math.isnan(band):
        said = surely(p, band)
        assert band in BANDS
        assert said.sum() >= 60
        assert ((p >= 0.5) == (y > 0.5))[said].mean() >= 0.75


def test_without_a_band_every_known_probability_is_called() -> None:
    assert surely(np.array([0.5, 0.9, np.nan]), math.nan).tolist() == [True, True, False]
    assert surely(np.array([0.45, 0.46, 0.55]), 0.05).tolist() == [True, False, True]
