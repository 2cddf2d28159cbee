"""What each feature adds to an answer, and that it adds up to that answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xgboost

from engine.domain import Action
from engine.errors import NoDataError, UsageError
from engine.i18n import set_language
from engine.ml.explain import ACTIONS, Contribution, Explanation, contributions, explain, value_words, words
from engine.ml.model import BOOSTED, FOREST
from tests.ml.model_maker import FAMILIES, FEATURES, made_model, rows


@pytest.fixture(scope="module")
def models():
    return {kind: made_model(kind) for kind in FAMILIES}


def test_the_amounts_of_xgboost_add_up_to_the_margin(models) -> None:
    model, X = models[BOOSTED], rows(20, seed=9)
    margins = model.estimator.predict(xgboost.DMatrix(model.inputs(X)), output_margin=True)
    for row, margin in zip(X, margins):
        for place, action in enumerate(ACTIONS):
            found = explain(model, row, action)
            assert found.unit == "margin"
            assert found.total == pytest.approx(float(margin[place]), abs=1e-5)
            assert found.base + math.fsum(item.contribution for item in found.contributions) == pytest.approx(found.total)


def test_the_amounts_of_a_forest_add_up_to_its_probability_where_features_are_undefined_too(models) -> None:
    model, X = models[FOREST], rows(20, seed=9)
    assert np.isnan(X).any()
    raw = model.raw(X)
    for row, expected in zip(X, raw):
        for place, action in enumerate(ACTIONS):
            found = explain(model, row, action)
            assert found.unit == "probability"
            assert found.total == pytest.approx(expected[place], abs=1e-9)
            assert found.base + math.fsum(item.contribution for item in found.contributions) == pytest.approx(found.total)


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_feature_that_was_planted_counts_most_and_in_its_direction(models, kind) -> None:
    row = np.array([0.1, 0.0, 0.0, 0.0, 0.0])
    up = explain(models[kind], row)
    assert up.action == Action.BUY
    assert up.probability == pytest.approx(models[kind].probabilities(row[np.newaxis])[0, 2])
    assert (up.contributions[0].feature, up.contributions[0].value) == ("momentum_20", 0.1)
    assert up.contributions[0].contribution > 0
    against = explain(models[kind], row, Action.SELL)
    assert against.contributions[0].feature == "momentum_20"
    assert against.contributions[0].contribution < 0
    assert contributions(models[kind], row) == up.contributions
    assert len(up.contributions) == 4
    sizes = [abs(item.contribution) for item in up.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_a_class_that_a_forest_never_saw_has_no_amounts() -> None:
    model = made_model(FOREST, classes=(0, 1))
    found = explain(model, rows(1, seed=3)[0], Action.SELL)
    assert (found.base, found.total) == (0.0, 0.0)
    assert {item.contribution for item in found.contributions} == {0.0}
    buy = explain(model, rows(1, seed=3)[0], Action.BUY)
    assert buy.total == pytest.approx(model.raw(rows(1, seed=3))[0, 2], abs=1e-9)


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_cannot_be_explained_is_refused(models, kind) -> None:
    with pytest.raises(NoDataError, match="undefined"):
        explain(models[kind], np.full(len(FEATURES), np.nan))
    with pytest.raises(UsageError, match="5 features"):
        explain(models[kind], np.zeros(3))
    with pytest.raises(UsageError, match="One row"):
        explain(models[kind], rows(2))


def test_an_explanation_in_words() -> None:
    amounts = (
        Contribution("momentum_20", 0.041, 0.08),
        Contribution("rsi_14", 71.2, -0.05),
        Contribution("volume_ratio", math.nan, 0.011),
        Contribution("doji", 0.0, 0.0),
    )
    found = Explanation(Action.BUY, 0.5, "probability", 0.33, 0.371, amounts)
    assert words(found) == (
        "momentum_20 +4.1 % speaks for BUY (+0.08)",
        "rsi_14 71.2 speaks against BUY (-0.05)",
        "volume_ratio undefined speaks for BUY (+0.01)",
    )
    assert len(words(found, most=1)) == 1
    assert len(words(found, most=9)) == 3
    set_language("pt_BR")
    assert "+4,1 %" in words(found)[0]


@pytest.mark.parametrize(
    ("feature", "value", "shown"),
    [
        ("momentum_20", -0.00123, "-0.12 %"),
        ("distance_to_high", 0.035, "+3.5 %"),
        ("volume_ratio", 1.2345, "1.23"),
        ("volatility_20", 0.012345, "0.0123"),
        ("rsi_14", 100.0, "100"),
        ("doji", 0.0, "0.00"),
    ],
)
def test_a_value_is_shown_in_its_own_form(feature, value, shown) -> None:
    assert value_words(feature, value) == shown
