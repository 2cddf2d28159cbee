"""The classifier: everything that is fitted comes from the training rows, and its probabilities mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.errors import NoDataError, UsageError
from engine.features.catalogue import schema_hash
from engine.ml.dataset import Dataset
from engine.ml.importance import log_loss
from engine.ml.model import DEFAULTS, calibrated, checked_params, fit, fit_with_evidence, information, platt
from engine.ml.splits import hold_out
from tests.ml.training_maker import DAY, FEATURES, SMALL, table

KINDS = ("random_forest", "xgboost")
TRAIN = np.arange(450)


def fitted(kind, dataset=None, rows=TRAIN, **options):
    return fit(dataset or table(), rows, kind, SMALL[kind], **{"select_k": 4, **options})


def blob(model):
    return (
        bytes(model.estimator.save_raw("ubj")) if model.kind == "xgboost" else model.estimator.predict_proba(np.eye(4)).tobytes()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_and_seed_give_the_same_model(kind):
    one, other = fitted(kind), fitted(kind)
    assert blob(one) == blob(other)
    X = table(seed=9).X
    assert np.array_equal(one.probabilities(X), other.probabilities(X), equal_nan=True)
    assert blob(fitted(kind, seed=7)) != blob(one)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_fitted_on_rows_that_were_not_given(kind):
    known = table()
    X, y, weights = known.X.copy(), known.y.copy(), known.weights.copy()
    X[450:], y[450:], weights[450:] = 99.0, -1, 5.0
    one, other = fitted(kind, known), fitted(kind, replace(known, X=X, y=y, weights=weights))
    assert blob(one) == blob(other)
    for name in ("selected", "center", "scale", "slope", "intercept"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_row_alone_and_sum_to_one(kind):
    model, X = fitted(kind), table(seed=5).X
    whole = model.probabilities(X)
    judged = ~np.isnan(whole).any(axis=1)
    assert np.allclose(whole[judged].sum(axis=1), 1.0)
    assert ((whole[judged] > 0) & (whole[judged] < 1)).all()
    for row in (0, 17, 333):
        assert np.array_equal(model.probabilities(X[row : row + 1])[0], whole[row], equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_any_selected_feature_is_not_judged(kind):
    model = fitted(kind)
    X = np.ones((3, len(FEATURES)))
    X[1, model.selected] = np.nan
    X[2] = np.nan
    X[2, model.selected[0]] = 1.0
    assert np.isnan(model.probabilities(X)).any(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_never_came_keeps_its_column(kind):
    known = table()
    model = fitted(kind, replace(known, y=np.where(known.y == -1, 0, known.y).astype(np.int8)))
    p = model.probabilities(known.X)
    assert p.shape == (600, 3)
    assert np.nanmax(p[:, 0]) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_what_there_is_to_learn(kind):
    known = table()
    later = np.arange(455, 600)
    p = fitted(kind).probabilities(known.X[later])
    always = np.tile(np.bincount(known.y[TRAIN] + 1) / TRAIN.size, (later.size, 1))
    assert log_loss(known.y[later], p) < log_loss(known.y[later], always) - 0.1
    assert fitted(kind).selected[0] == 2


def test_scale_is_the_median_and_the_interquartile_range_of_the_training_rows():
    known = table()
    model = fitted("xgboost", known)
    low, middle, high = np.nanpercentile(known.X[TRAIN][:, model.selected], (25, 50, 75), axis=0)
    assert np.allclose(model.center, middle)
    assert np.allclose(model.scale, high - low)
    assert model.schema == schema_hash(FEATURES)


def test_a_flag_that_hardly_ever_changes_is_not_divided_by_zero():
    known = table()
    known.X[:, 0] = 0.0
    known.X[3, 0] = 1.0
    model = fitted("xgboost", known, select_k=6)
    assert model.scale[model.selected.tolist().index(0)] == 1.0
    assert not np.isinf(model.inputs(known.X)).any()


def test_a_column_that_is_never_defined_is_not_selected():
    known = table()
    known.X[TRAIN, 4] = np.nan
    assert 4 not in fitted("xgboost", known, select_k=6).selected


def test_the_first_model_learns_before_the_held_out_rows_and_these_are_the_last_fifth():
    known = table()
    found = fit_with_evidence(known, TRAIN, "xgboost", SMALL["xgboost"], select_k=4)
    earlier, later = hold_out(known.start, known.end, TRAIN)
    assert np.array_equal(found.held_out, later)
    assert known.end[earlier].max() < known.start[later].min()
    first = fit(known, earlier, "xgboost", SMALL["xgboost"], select_k=4, calibrate=False)
    again = calibrated(first.raw(known.X[later]), found.model.slope, found.model.intercept)
    assert np.array_equal(found.probabilities, again, equal_nan=True)
    final = fit(known, TRAIN, "xgboost", SMALL["xgboost"], select_k=4, calibrate=False)
    assert blob(final) == blob(found.model)


def test_without_calibration_the_estimator_speaks_for_itself():
    model = fitted("xgboost", calibrate=False)
    p, raw = model.probabilities(table().X), model.raw(table().X)
    assert np.allclose(p, raw, atol=1e-6, equal_nan=True)


def test_information_by_hand():
    values = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0] * 100)
    y = np.array([-1, -1, -1, -1, 1, 1, 1, 1] * 100, dtype=np.int8)
    told, surprise = information(values, y, np.ones(800))
    assert told == pytest.approx(np.log(2) - 1 / 1600)
    assert surprise == pytest.approx((1600 * np.log(2) - 1) / np.sqrt(2))
    nothing = information(values, np.tile(np.array([-1, 1], dtype=np.int8), 400), np.ones(800))
    assert nothing == pytest.approx((0.0, -1 / np.sqrt(2)))
    half = np.where(np.arange(800) < 400, values, np.nan)
    assert information(half, y, np.ones(800))[0] == pytest.approx(0.5 * (np.log(2) - 1 / 800))
    assert information(np.full(800, np.nan), y, np.ones(800)) == (0.0, -np.inf)


def test_where_nothing_is_known_surely_the_columns_are_not_taken_in_the_order_of_the_catalogue():
    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(120, 40)), rng.choice(np.array([-1, 0, 1], dtype=np.int8), 120)
    told, surprise = np.array([information(column, y, np.full(120, 0.2)) for column in X.T]).T
    assert (told == 0).sum() > 30
    from engine.ml import model

    at = np.arange(120, dtype=np.int64) * DAY
    rows = Dataset(
        X=X, y=y, start=at, end=at + DAY, symbol=np.zeros(120, dtype=np.int64), row=np.arange(120), symbols=("MEAA3",),
        features=FEATURES, label={}, weights=np.full(120, 0.2),
    )  # fmt: skip
    selected = model._learn(rows, np.arange(120), "xgboost", {**DEFAULTS["xgboost"], **SMALL["xgboost"]}, 10, False, 1)[0]
    assert set(selected) == set(np.lexsort((-surprise, -told))[:10])
    assert selected.max() >= 20


def test_calibration_undoes_what_was_overconfident():
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 1, (4000, 3))
    true = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) - 1 for row in true], dtype=np.int8)
    boasted = np.exp(3 * odds) / np.exp(3 * odds).sum(axis=1, keepdims=True)
    slope, intercept = platt(boasted, y, np.ones(4000))
    p = calibrated(boasted, slope, intercept)
    assert (slope < 0.7).all()
    assert log_loss(y, p) < log_loss(y, boasted) - 0.2
    assert log_loss(y, p) < log_loss(y, true) + 0.03


def test_a_model_that_is_wrong_the_wrong_way_round_is_left_with_the_frequencies():
    y = np.array([1] * 30 + [-1] * 70, dtype=np.int8)
    raw = np.where((y == 1)[:, None], (0.8, 0.1, 0.1), (0.1, 0.1, 0.8))
    slope, intercept = platt(raw, y, np.ones(100))
    assert slope[0] == slope[2] == 0.0
    p = calibrated(raw, slope, intercept)
    assert np.allclose(p, p[0])
    assert p[0, 0] == pytest.approx(0.7, abs=0.03)
    assert p[0, 2] == pytest.approx(0.3, abs=0.03)


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float64, (7, 3), elements=st.floats(0, 1)),
    arrays(np.float64, 3, elements=st.floats(0, 5)),
    arrays(np.float64, 3, elements=st.floats(-5, 5)),
)
def test_calibrated_rows_sum_to_one_and_keep_the_order_within_a_class(raw, slope, intercept):
    p = calibrated(raw, slope, intercept)
    assert np.allclose(p.sum(axis=1), 1.0)
    assert (p > 0).all()


def test_the_defaults_are_those_of_the_requirement():
    assert DEFAULTS["random_forest"] == {"n_estimators": 200, "max_depth": 10, "min_samples_split": 100, "min_samples_leaf": 50}
    assert DEFAULTS["xgboost"] == {
        "n_estimators": 200, "max_depth": 6, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8
    }  # fmt: skip
    assert checked_params("xgboost", {"max_depth": 2}) == {**DEFAULTS["xgboost"], "max_depth": 2}


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("forest", {}),
        ("xgboost", {"depth": 3}),
        ("xgboost", {"max_depth": 0}),
        ("xgboost", {"max_depth": 2.5}),
        ("xgboost", {"max_depth": True}),
        ("xgboost", {"subsample": 1.5}),
        ("xgboost", {"learning_rate": float("nan")}),
        ("xgboost", {"learning_rate": "0.1"}),
        ("random_forest", {"min_samples_split": 1}),
    ],
)
def test_a_family_or_parameter_that_is_not_possible_is_refused(kind, params):
    with pytest.raises(UsageError):
        checked_params(kind, params)


def test_bad_rows_are_refused_with_a_sentence():
    known = table()
    with pytest.raises(NoDataError):
        fitted("xgboost", known, rows=np.arange(2))
    with pytest.raises(NoDataError):
        fitted("xgboost", replace(known, X=np.full_like(known.X, np.nan)))
    with pytest.raises(UsageError, match="at least 1 feature"):
        fitted("xgboost", known, select_k=0)
    known.X[5, 0] = np.inf
    with pytest.raises(UsageError, match="infinite"):
        fitted("xgboost", known)
    model = fitted("xgboost", table())
    with pytest.raises(UsageError, match="6 features"):
        model.probabilities(np.ones((2, 5)))
    with pytest.raises(UsageError, match="infinite"):
        model.probabilities(np.full((1, 6), np.inf))


def test_labels_that_reach_into_the_held_out_rows_are_not_learnt_from():
    known = table()
    long = replace(known, end=known.start + 60 * DAY)
    earlier, later = hold_out(long.start, long.end, TRAIN)
    assert TRAIN.size - earlier.size - later.size == 60
    with pytest.raises(NoDataError):
        fitted("xgboost", replace(known, end=known.start + 400 * DAY))


@pytest.mark.parametrize("kind", KINDS)
def test_balance_makes_a_rare_class_heard_and_calibration_brings_its_frequency_back(kind):
    known = table()
    rng = np.random.default_rng(3)
    rare = replace(known, y=np.where((known.y == -1) & (rng.random(len(known)) < 0.8), 0, known.y).astype(np.int8))
    share = float((rare.y[TRAIN] == -1).mean())
    plain, balanced = (fitted(kind, rare, calibrate=False, balance=given) for given in (False, True))
    X = table(seed=9).X
    assert np.nanmean(balanced.raw(X)[:, 0]) > 1.5 * np.nanmean(plain.raw(X)[:, 0])
    said = np.nanmean(fitted(kind, rare, balance=True).probabilities(X)[:, 0])
    assert said == pytest.approx(share, abs=0.06)
