"""Uniqueness and class balance on rows small enough to count by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from engine.errors import UsageError
from engine.ml.weights import balanced, sample_weights, uniqueness


def test_five_rows_by_hand():
    """Bars looked at: 1-3, 2-3, 3, 6-7, 7-8. At work on bars 1 to 8: 1, 2, 3, 0, 0, 1, 2, 1."""
    found = uniqueness(np.array([0, 1, 2, 5, 6]), np.array([3, 3, 3, 7, 8]))
    expected = [(1 + 1 / 2 + 1 / 3) / 3, (1 / 2 + 1 / 3) / 2, 1 / 3, (1 + 1 / 2) / 2, (1 / 2 + 1) / 2]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("horizon", [1, 4])
def test_labels_of_every_bar_are_worth_one_row_each_horizon(horizon):
    start = np.arange(400)
    found = uniqueness(start, start + horizon)
    np.testing.assert_allclose(found[horizon:-horizon], 1 / horizon, rtol=1e-12)
    assert found.max() <= 1
    if horizon == 1:
        assert found.sum() == 400


@settings(max_examples=60, deadline=None)
@given(spans=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=40), cut=st.integers(0, 60))
def test_uniqueness_equals_a_plain_count_and_sees_nothing_after_its_label(spans, cut):
    start = np.array([first for first, _length in spans], dtype=np.int64)
    end = np.array([first + length for first, length in spans], dtype=np.int64)
    found = uniqueness(start, end)
    at_work = [sum(first < bar <= last for first, last in zip(start, end)) for bar in range(60)]
    expected = [np.mean([1 / at_work[bar] for bar in range(first + 1, last + 1)]) for first, last in zip(start, end)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert ((found > 0) & (found <= 1)).all()
    begun = start < cut
    early = uniqueness(start[begun], np.minimum(end[begun], cut))
    over = end[begun] <= cut
    np.testing.assert_allclose(early[over], found[begun][over], rtol=1e-12)


@pytest.mark.parametrize(("start", "end"), [([3], [3]), ([0, 5], [2, 4]), ([-1], [2]), ([0, 1], [2])])
def test_a_label_that_does_not_end_after_its_row_is_refused(start, end):
    with pytest.raises(UsageError, match="after the one it belongs to"):
        uniqueness(np.array(start), np.array(end))


def test_balance_by_hand_and_as_in_scikit_learn():
    y = np.array([0, 0, 0, 1], dtype=np.int8)
    np.testing.assert_allclose(balanced(y), [2 / 3, 2 / 3, 2 / 3, 2])
    np.testing.assert_allclose(balanced(y, np.array([1, 1, 2, 0.5])), [4.5 / 8] * 3 + [4.5])
    many = np.random.default_rng(1).choice(np.array([-1, 0, 1], dtype=np.int8), 500, p=[0.1, 0.7, 0.2])
    np.testing.assert_allclose(balanced(many), compute_sample_weight("balanced", many), rtol=1e-12)
    assert balanced(y[:0]).size == 0


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.floats(0.01, 1)), min_size=1, max_size=60), balance=st.booleans())
def test_weights_have_a_mean_of_one_and_classes_one_total(rows, balance):
    y, unique = np.array([row[0] for row in rows], dtype=np.int8), np.array([row[1] for row in rows])
    found = sample_weights(unique, y, balance)
    assert found.mean() == pytest.approx(1)
    assert found.dtype == np.float64
    if balance:
        totals = [found[y == label].sum() for label in np.unique(y)]
        np.testing.assert_allclose(totals, y.size / len(totals), rtol=1e-9)
    else:
        np.testing.assert_allclose(found / unique, (found / unique)[0], rtol=1e-9)


def test_no_rows_have_no_weights():
    assert sample_weights(np.empty(0), np.empty(0, dtype=np.int8), True).size == 0
    assert uniqueness(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)).size == 0
