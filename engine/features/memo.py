"""Columns that are asked for again and again over the same bars, remembered for as long as a block of code runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from engine.domain import BAR_ARRAYS

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray

    Columns = FloatArray | tuple[FloatArray, ...]

T = TypeVar("T")
#: Bytes of columns that are kept; the ones not asked for longest make room.
LIMIT = 64 * 1024 * 1024


class Memo:
    """Columns computed from the arrays of one `Bars`, by name and arguments.

    shared: hand out the same read-only arrays each time, so that equal columns are one object; else a copy each time, which
    its owner may change.
    """

    def __init__(self, bars: Bars, *, shared: bool, limit: int = LIMIT) -> None:
        self._shared, self._limit, self._held = shared, limit, 0
        self._arrays = {id(array): (name, array) for name in BAR_ARRAYS for array in [getattr(bars, name)]}
        self._columns: OrderedDict[tuple[Any, ...], tuple[FloatArray, ...]] = OrderedDict()

    def column(self, key: tuple[Any, ...], series: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What `make` returns (an array or a tuple of arrays), remembered where all `series` are arrays of the bars."""
        arrays = self._arrays
        try:
            place = (*key, *[arrays[id(values)][0] for values in series])
        except KeyError:
            return make()
        found = self._columns.get(place)
        if found is None:
            made = make()
            found = made if isinstance(made, tuple) else (made,)
            self._keep(place, found)
        else:
            self._columns.move_to_end(place)
        given = found if self._shared else tuple([array.copy() for array in found])
        return given if len(given) > 1 else given[0]

    def _keep(self, place: tuple[Any, ...], found: tuple[FloatArray, ...]) -> None:
        for array in found:
            array.flags.writeable = False
            self._held += array.nbytes
        self._columns[place] = found
        while self._held > self._limit and len(self._columns) > 1:
            _place, dropped = self._columns.popitem(last=False)
            self._held -= sum(array.nbytes for array in dropped)


_memo: ContextVar[Memo | None] = ContextVar("memo", default=None)


@contextmanager
def remembering(bars: Bars, *, shared: bool = False) -> Iterator[None]:
    """Within the block, columns of exactly these `bars` are computed once; see `Memo`. Other bars are not remembered."""
    token = _memo.set(Memo(bars, shared=shared))
    try:
        yield
    finally:
        _memo.reset(token)


def column(key: tuple[Any, ...], series: tuple[Any, ...], make: Callable[[], T]) -> T:
    """`make()`, or what it returned before for the same key and series inside `remembering`."""
    memo = _memo.get()
    return make() if memo is None else memo.column(key, series, make)
