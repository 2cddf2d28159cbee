"""The table that a model learns from: one row a bar, the features known at its close and the label that came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import NoDataError, UsageError
from engine.features import catalogue
from engine.i18n import _
from engine.ml import labels
from engine.ml.weights import uniqueness

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray
    from engine.features.catalogue import Feature


@dataclass(frozen=True, slots=True)
class Dataset:
    """m rows of all symbols, sorted by instant and then by symbol.

    X: float64 (m, k), C order, NaN where a feature is not defined. y: int8 (m,), -1 SELL, 0 HOLD, 1 BUY.
    start, end: int64 (m,), opening instants (UTC seconds) of the row's bar and of the bar at which its label ends.
    symbol: int64 (m,), places in `symbols`; row: int64 (m,), the bar's index in its symbol. features: names of the columns.
    label: kind and parameters. weights: float64 (m,), the average uniqueness of each label (over 0 to 1), whose sum is the
    effective number of rows; class weights are not in it, since they depend on the rows that are learnt from.
    """

    X: FloatArray
    y: NDArray[np.int8]
    start: IntArray
    end: IntArray
    symbol: IntArray
    row: IntArray
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    label: Mapping[str, Any]
    weights: FloatArray

    def __len__(self) -> int:
        return int(self.y.size)


def build(
    bars_by_symbol: Mapping[str, Bars],
    features: Sequence[Feature],
    label_kind: str = "fixed",
    label_params: Mapping[str, Any] | None = None,
) -> Dataset:
    """The rows of all symbols that have a defined label and at least one defined feature; nothing is filled.

    Raises UsageError for no feature, for bars of different timeframes and for labels that do not exist, NoDataError when no
    row is left.
    """
    if not features:
        raise UsageError(_("A data set needs at least one feature"))
    if len({bars.timeframe for bars in bars_by_symbol.values()}) > 1:
        raise UsageError(_("The bars of one data set must be of one timeframe"))
    parts = []
    for code, bars in enumerate(bars_by_symbol.values()):
        label = labels.make(label_kind, bars, **(label_params or {}))
        values = catalogue.compute(bars, features)
        rows = np.flatnonzero(label.defined & ~np.isnan(values).all(axis=1))
        end = label.end[rows]
        parts.append(
            (
                values[rows],
                label.value[rows],
                bars.time[rows],
                bars.time[end],
                np.full(rows.size, code, dtype=np.int64),
                rows.astype(np.int64),
                uniqueness(rows, end),
            )
        )
    if not sum(part[1].size for part in parts):
        raise NoDataError(
            _("No bar of {symbols} has both a feature and a label").format(symbols=", ".join(bars_by_symbol)),
            _("Take a longer period or a shorter label horizon."),
        )
    X, y, start, finish, symbol, row, weights = (np.concatenate(columns) for columns in zip(*parts))
    order = np.lexsort((symbol, start))
    return Dataset(
        X=np.ascontiguousarray(X[order], dtype=np.float64),
        y=y[order],
        start=start[order],
        end=finish[order],
        symbol=symbol[order],
        row=row[order],
        symbols=tuple(bars_by_symbol),
        features=tuple(feature.name for feature in features),
        label={"kind": label.kind, **label.params},
        weights=weights[order],
    )
