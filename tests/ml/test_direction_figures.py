"""The figures of an evaluation, worked by hand and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ml.direction import figures

P = np.array([0.9, 0.8, 0.6, 0.4, 0.3, 0.5])
Y = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


def test_by_hand() -> None:
    found = figures.basic(P, Y, np.full(6, 0.5))
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert found["mcc"] == pytest.approx(0.0)
    assert found["auc"] == pytest.approx(5 / 9)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.16 + 0.16 + 0.49 + 0.25) / 6)
    assert found["brier_skill"] == pytest.approx(1 - found["brier"] / 0.25)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(4, 60))
def test_equal_to_scikit_learn(seed: int, rows: int) -> None:
    from sklearn import metrics

    random = np.random.default_rng(seed)
    p, y = np.round(random.random(rows), 1), np.r_[0.0, 1.0, np.round(random.random(rows - 2))]
    found = figures.basic(p, y, np.full(rows, 0.5))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(y, p >= 0.5))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p >= 0.5))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, p))


def test_one_outcome_alone_has_no_area_and_no_balance() -> None:
    found = figures.basic(P, np.ones(6), np.full(6, 0.5))
    assert math.isnan(found["auc"])
    assert math.isnan(found["mcc"])
    assert math.isnan(found["balanced_accuracy"])


def test_nothing_gives_no_figure_and_no_error() -> None:
    none = np.empty(0)
    assert all(math.isnan(value) for value in figures.basic(none, none, none).values())
    assert figures.share_of(none.astype(bool))["n"] == 0
    assert figures.selective(none, none.astype(bool)) == []
    assert figures.windows(none.astype(bool))["windows"] == 0


def test_windows_of_thirty_sessions_are_counted_by_their_hits() -> None:
    hits = np.arange(60) >= 30
    found = figures.windows(hits)
    assert found["windows"] == 31
    assert found["share_at_least_75"] == pytest.approx(8 / 31)
    assert found["newest"] == 1
    assert sum(found["counts"]) == 31
    assert found["quantiles"]["p50"] == pytest.approx(0.5)


def test_accuracy_against_coverage() -> None:
    found = figures.selective(np.array([0.5, 0.59, 0.61, 0.95]), np.array([False, False, True, True]))
    assert (found[0]["coverage"], found[0]["accuracy"]) == (1.0, 0.5)
    by = {row["distance"]: row for row in found}
    assert (by[0.1]["coverage"], by[0.1]["accuracy"], by[0.1]["n"]) == (0.5, 1.0, 2)
    assert [row["coverage"] for row in found] == sorted((row["coverage"] for row in found), reverse=True)


def test_groups_keep_their_order() -> None:
    found = figures.by_group(np.array([True, False, True]), ["b", "a", "b"])
    assert list(found) == ["b", "a"]
    assert (found["b"]["accuracy"], found["b"]["n"]) == (1.0, 2)


def test_a_difference_has_an_interval_and_repeats() -> None:
    random = np.random.default_rng(1)
    hits, other = random.random(600) < 0.7, random.random(600) < 0.5
    found = figures.differences(hits, {"other": other, "same": hits}, 3)
    assert found == figures.differences(hits, {"other": other, "same": hits}, 3)
    low, high = found["other"]["interval"]
    assert 0 < low < found["other"]["difference"] < high
    assert found["same"] == {"difference": 0.0, "interval": [0.0, 0.0]}
