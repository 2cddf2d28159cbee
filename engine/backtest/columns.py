"""Columns of one value for each bar: asked of a callable, and compared with those that it gives on fewer bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.domain import iso
from engine.errors import PregaoError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray

Columns = Mapping[str, NDArray[Any]]
Compute = Callable[["Bars"], Columns]


@dataclass(frozen=True, slots=True)
class Violation:
    """One value that a later bar has changed. test: "repeat" (two runs on the same bars differ), "prefix", "perturbation", or
    "length" (on a cut the column has another length than the cut). time: opening of the bar, UTC seconds; index: its
    position; seen: how many bars were not cut off or replaced. expected: the value of the full run, found: the one of the cut
    run; of "length" the two lengths. difference: found - expected, None where one of them is undefined or no number.
    """

    test: str
    time: int
    index: int
    column: str
    seen: int
    expected: float | str | None
    found: float | str | None
    difference: float | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "time": iso(self.time),
            "column": self.column,
            "difference": self.difference,
            "expected": self.expected,
            "found": self.found,
            "test": self.test,
            "index": self.index,
            "bars_seen": self.seen,
        }


def columns_of(name: str, compute: Compute, bars: Bars) -> dict[str, NDArray[Any]]:
    """What `compute` gives on the bars, each column as an array of whatever shape.

    Raises UsageError when it fails, exits, gives no columns by name or another type than numbers, truth values and texts.
    """
    try:
        with np.errstate(all="ignore"):
            given: object = compute(bars)
            named = given.items() if hasattr(given, "items") else None
            columns = None if named is None else {str(column): np.asarray(values) for column, values in named}
    except PregaoError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            _("{name} failed on {count} bars: {kind}: {error}").format(
                name=name, count=len(bars), kind=type(error).__name__, error=error
            )
        ) from error
    if columns is None:
        raise UsageError(
            _("{name} must give columns by name, not {type}").format(name=name, type=type(given).__name__),
            _("Return a dict with one array for each column, as in {example}.").format(example='{"range": bars.high - bars.low}'),
        )
    for column, values in columns.items():
        if values.dtype.kind not in "biufUO":
            raise UsageError(
                _("{name} gives a column {column} of the type {type}").format(name=name, column=column, type=values.dtype),
                _("Give numbers, truth values or texts."),
            )
    return columns


def full_columns(name: str, compute: Compute, bars: Bars) -> dict[str, NDArray[Any]]:
    """`columns_of` on all bars. Raises UsageError also when there is no column or one has not a value for each bar."""
    full = columns_of(name, compute, bars)
    if not full:
        raise UsageError(_("{name} gives no column").format(name=name))
    for column, values in full.items():
        if values.shape != (len(bars),):
            raise UsageError(
                _("{name} gives a column {column} of shape {shape} for {count} bars").format(
                    name=name, column=column, shape=values.shape, count=len(bars)
                ),
                _("Every column has one value for each bar."),
            )
    return full


def same_columns(name: str, full: Columns, compute: Compute, bars: Bars) -> dict[str, NDArray[Any]]:
    """`columns_of` on other bars. Raises UsageError also when its names are not those of `full`."""
    found = columns_of(name, compute, bars)
    if found.keys() != full.keys():
        raise UsageError(
            _("{name} gives other columns on {count} bars than on all of them").format(name=name, count=len(bars)),
            _("Give the same columns always, with NaN where a value is not known."),
        )
    return found


def fits(columns: Columns, count: int) -> bool:
    """Whether every column has one value for each of `count` bars."""
    return all(values.shape == (count,) for values in columns.values())


def compare(full: Columns, cut: Columns, seen: int, horizon: int, tolerance: float, bars: Bars, test: str) -> Violation | None:
    """The earliest bar among the first `seen` whose value on the cut is not the one of the full run, or None.

    horizon: bars after t that the value at t may use. tolerance: relative, of two floats; 0 is exact.
    """
    count = seen if test == "prefix" else len(bars)
    for column, values in cut.items():
        if values.shape != (count,):
            at, size = seen - 1 if test == "prefix" else 0, float(values.size)
            return Violation("length", int(bars.time[at]), at, column, seen, float(count), size, size - count)
    first: tuple[int, str] | None = None
    for column, values in full.items():
        expected, found = values[:seen], cut[column][:seen]
        if _same_bytes(expected, found):
            continue
        wrong = _differs(expected, found, tolerance)
        if horizon:
            late = slice(max(seen - horizon, 0), seen)
            if test == "perturbation":
                wrong[late] = False
            elif test == "prefix":
                wrong[late] &= ~undefined(found[late])
        if wrong.any() and (first is None or wrong.argmax() < first[0]):
            first = int(wrong.argmax()), column
    if first is None:
        return None
    index, column = first
    whole, part = _plain(full[column][index]), _plain(cut[column][index])
    difference = None if isinstance(whole, str | None) or isinstance(part, str | None) else float(part) - float(whole)
    return Violation(test, int(bars.time[index]), index, column, seen, whole, part, difference)


def _same_bytes(left: NDArray[Any], right: NDArray[Any]) -> bool:
    return left.dtype == right.dtype and left.dtype.kind in "biuf" and left.tobytes() == right.tobytes()


def _differs(left: NDArray[Any], right: NDArray[Any], tolerance: float) -> BoolArray:
    differs: BoolArray = np.asarray(left != right, dtype=np.bool_) & ~(undefined(left) & undefined(right))
    if tolerance and left.dtype.kind == right.dtype.kind == "f":
        near = np.abs(left - right) <= tolerance * np.maximum(np.abs(left), np.abs(right))
        differs &= ~near
    return differs


def undefined(values: NDArray[Any]) -> BoolArray:
    """True where a value is NaN (or None among objects)."""
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values], dtype=np.bool_)
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.size, dtype=np.bool_)


def telling(values: NDArray[Any]) -> BoolArray:
    """True where a value is defined and, if it is a number, not 0."""
    defined = ~undefined(values)
    return defined & (values != 0) if values.dtype.kind in "biuf" else defined


def _plain(value: Any) -> float | str | None:
    """A value of a column as JSON has it: None where it is undefined."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:
        return None
    return value if isinstance(value, (int, float)) else str(value)
