"""Walk-forward folds: by hand, against the rules of other splitters, and that no label reaches into a test."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from engine.errors import NoDataError, UsageError
from engine.ml.splits import hold_out, walk_forward

DAY = 86_400


def spans(count, horizon):
    """Daily rows whose labels end `horizon` days later."""
    start = np.arange(count, dtype=np.int64) * DAY
    return start, start + horizon * DAY


def shown(folds):
    return [(fold.train.tolist(), fold.test.tolist()) for fold in folds]


@st.composite
def pooled(draw):
    """Rows of several symbols with holes, in any order, whose labels end after 1 to 6 of the common days."""
    seed = draw(st.integers(0, 2**20))
    random = np.random.default_rng(seed)
    days = np.cumsum(random.integers(1, 4, draw(st.integers(40, 120))))
    rows = [
        (days[at], days[min(at + random.integers(1, 7), days.size - 1)] + (at == days.size - 1))
        for _symbol in range(draw(st.integers(1, 4)))
        for at in np.flatnonzero(random.random(days.size) < 0.8)
    ]
    table = np.array(rows, dtype=np.int64)[random.permutation(len(rows))] * DAY
    return table[:, 0], table[:, 1]


@settings(max_examples=80, deadline=None)
@given(rows=pooled(), folds=st.integers(1, 5), embargo=st.integers(0, 5), anchored=st.booleans())
def test_no_label_of_a_training_row_reaches_into_its_test(rows, folds, embargo, anchored):
    start, end = rows
    found = walk_forward(start, end, folds, embargo=embargo * DAY, anchored=anchored)
    assert [fold.number for fold in found] == list(range(1, folds + 1))
    for fold in found:
        assert fold.train.size
        assert fold.test.size
        assert end[fold.train].max() < start[fold.test].min() - embargo * DAY
        assert not set(fold.train.tolist()) & set(fold.test.tolist())
        assert (np.diff(start[fold.train]) >= 0).all()
        assert (np.diff(start[fold.test]) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(rows=pooled(), folds=st.integers(1, 5), anchored=st.booleans())
def test_tests_cover_every_row_from_the_first_test_on_once_and_part_no_instant(rows, folds, anchored):
    start, end = rows
    found = walk_forward(start, end, folds, anchored=anchored)
    tested = np.concatenate([fold.test for fold in found])
    assert sorted(tested.tolist()) == np.flatnonzero(start >= start[found[0].test[0]]).tolist()
    for before, after in pairwise(found):
        assert start[before.test].max() < start[after.test].min()


@settings(max_examples=60, deadline=None)
@given(rows=pooled(), folds=st.integers(2, 5), anchored=st.booleans(), seed=st.integers(0, 99))
def test_rows_are_split_by_instants_and_not_by_their_order(rows, folds, anchored, seed):
    start, end = rows
    order = np.random.default_rng(seed).permutation(start.size)
    found = walk_forward(start, end, folds, anchored=anchored)
    mixed = walk_forward(start[order], end[order], folds, anchored=anchored)
    for one, other in zip(found, mixed, strict=True):
        assert set(one.train.tolist()) == set(order[other.train].tolist())
        assert set(one.test.tolist()) == set(order[other.test].tolist())


@settings(max_examples=60, deadline=None)
@given(rows=pooled(), folds=st.integers(2, 5))
def test_anchored_windows_keep_what_they_had_and_use_all_that_is_known(rows, folds):
    start, end = rows
    found = walk_forward(start, end, folds)
    for fold in found:
        assert set(fold.train.tolist()) == set(np.flatnonzero(end < start[fold.test[0]]).tolist())
    for before, after in pairwise(found):
        assert set(before.train.tolist()) <= set(after.train.tolist())


@settings(max_examples=40, deadline=None)
@given(count=st.integers(30, 300), horizon=st.integers(1, 5), folds=st.integers(2, 6))
def test_anchored_windows_strictly_grow_and_rolling_ones_keep_their_length(count, horizon, folds):
    start, end = spans(count, horizon)
    grown = [fold.train.size for fold in walk_forward(start, end, folds, min_train=5)]
    assert all(before < after for before, after in pairwise(grown))
    rolled = walk_forward(start, end, folds, min_train=5, anchored=False)
    assert {fold.train.size for fold in rolled} == {5}
    first = [fold.train[0] for fold in rolled]
    assert all(before < after for before, after in pairwise(first))


@settings(max_examples=40, deadline=None)
@given(rows=pooled(), folds=st.integers(2, 5))
def test_rolling_windows_of_pooled_symbols_hold_as_many_instants(rows, folds):
    start, end = rows
    found = walk_forward(start, end, folds, anchored=False)
    assert len({np.unique(start[fold.train]).size for fold in found}) == 1


def test_the_symbols_of_a_table_sorted_by_symbol_are_cut_at_one_instant():
    """A split by row number would train on the whole first symbol and test on the second."""
    start, end = (np.tile(values, 2) for values in spans(12, 1))
    fold = walk_forward(start, end, folds=1, min_train=10)[0]
    assert fold.train.tolist() == [0, 12, 1, 13, 2, 14, 3, 15, 4, 16]
    assert fold.test.tolist() == [6, 18, 7, 19, 8, 20, 9, 21, 10, 22, 11, 23]


@pytest.mark.parametrize(
    ("horizon", "min_train", "folds", "anchored", "count", "expected"),
    [
        (1, 2, 3, False, 6, [([0, 1], [3]), ([1, 2], [4]), ([2, 3], [5])]),
        (1, 2, 3, True, 6, [([0, 1], [3]), ([0, 1, 2], [4]), ([0, 1, 2, 3], [5])]),
        (2, 3, 2, False, 9, [([0, 1, 2], [5, 6]), ([2, 3, 4], [7, 8])]),
        (2, 3, 2, True, 9, [([0, 1, 2], [5, 6]), ([0, 1, 2, 3, 4], [7, 8])]),
    ],
)
def test_a_label_of_some_bars_purges_as_many_rows(horizon, min_train, folds, anchored, count, expected):
    """skfolio's WalkForward(train_size=min_train, purged_size=horizon) gives these folds, the first one in its manual."""
    assert shown(walk_forward(*spans(count, horizon), folds, min_train, anchored=anchored)) == expected


@pytest.mark.parametrize(("folds", "horizon"), [(4, 1), (5, 3)])
def test_on_regular_rows_the_folds_are_those_of_a_time_series_split_with_a_gap(folds, horizon):
    size, count = 10, 10 * (folds + 1)
    start, end = spans(count, horizon)
    split = TimeSeriesSplit(folds, test_size=size, gap=horizon).split(np.zeros((count, 1)))
    expected = [(train.tolist(), test.tolist()) for train, test in split]
    assert shown(walk_forward(start, end, folds, min_train=size - horizon)) == expected


def test_an_embargo_keeps_a_further_distance():
    start, end = spans(20, 1)
    plain = walk_forward(start, end, folds=1, min_train=8)[0]
    kept_off = walk_forward(start, end, folds=1, min_train=8, embargo=3 * DAY)[0]
    assert plain.train.tolist() == kept_off.train.tolist() == list(range(8))
    assert (plain.test[0], kept_off.test[0]) == (9, 12)


def test_a_slow_label_is_purged_where_a_quick_one_beside_it_stays():
    start, end = spans(10, 1)
    end[2] = 6 * DAY
    fold = walk_forward(start, end, folds=1, min_train=4)[0]
    assert (fold.train.tolist(), fold.test[0]) == ([0, 1, 3, 4], 6)


@settings(max_examples=60, deadline=None)
@given(rows=pooled(), share=st.floats(0.05, 0.6), embargo=st.integers(0, 3))
def test_what_is_held_out_begins_after_all_labels_of_the_rest_have_ended(rows, share, embargo):
    start, end = rows
    train = walk_forward(start, end, folds=1, min_train=start.size // 2)[0].train
    try:
        earlier, later = hold_out(start, end, train, share, embargo * DAY)
    except NoDataError:
        return
    assert end[earlier].max() < start[later].min() - embargo * DAY
    assert set(earlier.tolist()) | set(later.tolist()) <= set(train.tolist())
    assert set(later.tolist()) == {row for row in train.tolist() if start[row] >= start[later[0]]}


def test_hold_out_by_hand():
    start, end = spans(30, 2)
    earlier, later = hold_out(start, end, np.arange(19, -1, -1), share=0.25)
    assert later.tolist() == [15, 16, 17, 18, 19]
    assert earlier.tolist() == list(range(13))
    with pytest.raises(NoDataError, match="too few to hold some of them out"):
        hold_out(start, end, np.arange(2))
    with pytest.raises(NoDataError):
        hold_out(start, end, np.empty(0, dtype=np.int64))
    with pytest.raises(UsageError, match="share"):
        hold_out(start, end, np.arange(20), share=1.0)


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_too_few_rows_are_one_sentence(count):
    with pytest.raises(NoDataError, match=f"{count} rows are too few for 5 folds"):
        walk_forward(*spans(count, 3), folds=5)
    with pytest.raises(NoDataError, match="at least 1000 rows"):
        walk_forward(*spans(100, 3), min_train=1_000)


@pytest.mark.parametrize("wrong", [{"folds": 0}, {"min_train": -1}, {"embargo": -5}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(UsageError):
        walk_forward(*spans(100, 3), **wrong)


def test_rows_whose_label_does_not_end_later_are_refused():
    start, end = spans(50, 1)
    with pytest.raises(UsageError, match="one instant at which it begins"):
        walk_forward(start, start)
    with pytest.raises(UsageError):
        walk_forward(start, end[:-1])
