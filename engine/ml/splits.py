"""Training and test rows in time order: a model is judged only on rows that begin after everything it learnt from had ended.

Rows are split by instants, never by their place in the table, so that the symbols of a pooled table are cut at one moment.
A row can be learnt from once its label has ended: labels that reach into the test are purged, and an embargo keeps a further
distance. Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import NoDataError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import IntArray

#: The share of the training rows that is held out to calibrate a model or to choose its parameters.
HELD_OUT = 0.2


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward. number: from 1; train, test: int64 indices of rows, in time order."""

    number: int
    train: IntArray
    test: IntArray


def walk_forward(
    start: IntArray,
    end: IntArray,
    folds: int = 5,
    min_train: int | None = None,
    embargo: int = 0,
    anchored: bool = True,
) -> tuple[Fold, ...]:
    """Folds whose test windows follow each other without a gap up to the last row, each of about equally many rows.

    start, end: int64 (m,), the instants (UTC seconds) of each row's bar and of the bar at which its label ends.
    A training row's label ends before the first instant of the test minus `embargo` (seconds). min_train: rows that the first
    fold at least learns from (None: m // (folds + 1)); the first test begins as soon as there are so many.
    anchored: the training window begins with the first row and grows; otherwise it holds as many distinct instants as that of
    the first fold and moves on. The order of the rows has no influence; rows of one instant are never parted.
    Raises UsageError for impossible numbers or arrays, NoDataError when the rows do not suffice for the folds.
    """
    check_spans(start, end)
    m = start.size
    min_train = m // (folds + 1) if min_train is None and folds > 0 else min_train
    if folds < 1 or min_train is None or min_train < 0 or embargo < 0:
        raise UsageError(_("A walk-forward needs at least 1 fold and neither a negative number of rows nor a negative embargo"))
    order = np.argsort(start, kind="stable")
    begins = _test_begins(start[order], end, folds, max(min_train, 1), embargo)
    found: list[Fold] = []
    size = 0
    for number, (first, after) in enumerate(zip(begins, [*begins[1:], m]), start=1):
        train = order[end[order] < start[order[first]] - embargo]
        if not anchored:
            instants = np.unique(start[train])
            size = size or instants.size
            train = train[start[train] >= instants[-size]]
        found.append(Fold(number, train, order[first:after]))
    return tuple(found)


def hold_out(
    start: IntArray, end: IntArray, rows: IntArray, share: float = HELD_OUT, embargo: int = 0
) -> tuple[IntArray, IntArray]:
    """Some training rows cut once more: the earlier ones to learn from, and the last `share` of them (by time) to judge on.

    start, end: as in `walk_forward`, of all rows; rows: int64 indices. Returns two arrays of indices in time order; the labels
    of the first end before the first instant of the second minus `embargo` seconds, so that the rows between are in neither.
    Raises UsageError for a share outside 0 to 1, NoDataError when one of the two would be empty.
    """
    check_spans(start, end)
    if not 0 < share < 1 or embargo < 0:
        raise UsageError(_("The share to hold out must be between 0 and 1, and the embargo not negative"))
    ordered = rows[np.argsort(start[rows], kind="stable")]
    first = ordered.size - max(round(share * ordered.size), 1)
    if first > 0:
        begin = start[ordered[first]]
        earlier, later = ordered[end[ordered] < begin - embargo], ordered[start[ordered] >= begin]
        if earlier.size:
            return earlier, later
    raise NoDataError(
        _("{rows} rows are too few to hold some of them out").format(rows=rows.size),
        _("Take a longer period, more symbols or a shorter label horizon."),
    )


def check_spans(start: IntArray, end: IntArray) -> None:
    """Raises UsageError unless start and end are of one length and every label ends after its row's bar."""
    if start.ndim != 1 or start.shape != end.shape or (end <= start).any():
        raise UsageError(_("Every row needs one instant at which it begins and a later one at which its label ends"))


def _test_begins(start: IntArray, end: IntArray, folds: int, min_train: int, embargo: int) -> list[int]:
    """Where each test window begins, as places in the sorted `start`: each at the first row of an instant, strictly rising."""
    instants, firsts = np.unique(start, return_index=True)
    learnable = np.searchsorted(np.sort(end), instants - embargo, side="left")
    at = int(np.searchsorted(learnable, min_train, side="left"))
    if instants.size - at < folds:
        raise NoDataError(
            _("{rows} rows are too few for {folds} folds that learn from at least {least} rows").format(
                rows=start.size, folds=folds, least=min_train
            ),
            _("Take a longer period, more symbols, fewer folds or a shorter label horizon."),
        )
    rows = start.size - int(firsts[at])
    begins = [at]
    for number in range(1, folds):
        wanted = int(firsts[at]) + round(number * rows / folds)
        nearest = int(np.searchsorted(firsts, wanted, side="left"))
        begins.append(min(max(nearest, begins[-1] + 1), instants.size - folds + number))
    return [int(firsts[begin]) for begin in begins]
