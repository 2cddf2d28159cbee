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
        self._bars, self._shared, self._limit, self._held = bars, shared, limit, 0
        self._names = {id(getattr(bars, name)): name for name in BAR_ARRAYS}
        self._columns: OrderedDict[tuple[Any, ...], Columns] = OrderedDict()

    def column(self, key: tuple[Any, ...], series: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What `make` returns (an array or a tuple of arrays), remembered where all `series` are arrays of the bars."""
        try:
            place = key + tuple([self._names[id(values)] for values in series])
        except KeyError:
            return make()
        found = self._columns.get(place)
        if found is None:
            found = make()
            self._keep(place, found)
        else:
            self._columns.move_to_end(place)
        if self._shared:
            return found
        return tuple([array.copy() for array in found]) if isinstance(found, tuple) else found.copy()

    def _keep(self, place: tuple[Any, ...], found: Columns) -> None:
        for array in _arrays(found):
            array.flags.writeable = False
            self._held += array.nbytes
        self._columns[place] = found
        while self._held > self._limit and len(self._columns) > 1:
            _place, dropped = self._columns.popitem(last=False)
            self._held -= sum(array.nbytes for array in _arrays(dropped))


def _arrays(found: Columns) -> tuple[FloatArray, ...]:
    return found if isinstance(found, tuple) else (found,)


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
