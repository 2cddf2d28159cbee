"""One bar as one packed value: eight little-endian numbers of eight bytes, then the flags.

The layout is that of `series.FORMAT`, so that a bar can be read without NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Bars, PriceBase
from engine.store.series import AFTER_MARKET, PROVISIONAL, SESSION_SHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import IntArray
    from engine.ingestion.table import BarTable

FIELDS = ("time", "open", "high", "low", "close", "quantity", "turnover", "trades", "flags")
DTYPE = np.dtype([(name, "<i8" if name in ("time", "flags") else "<f8") for name in FIELDS])


def pack(table: BarTable) -> NDArray[np.void]:
    """The rows of `table` as a structured array (n,) of DTYPE, whose item bytes are what the store holds.

    Equal values give equal bytes: there is one NaN and one zero.
    """
    packed = np.zeros(len(table), DTYPE)
    packed["time"] = table.time
    for name in FIELDS[1:-1]:
        values = getattr(table, name)
        packed[name] = np.where(np.isnan(values), np.nan, values + 0.0)
    packed["flags"] = np.where(table.provisional, PROVISIONAL, 0) | np.where(table.after_market, AFTER_MARKET, 0)
    return packed


def unpack(values: Iterable[bytes]) -> NDArray[np.void]:
    """The packed bars as a structured array (n,) of DTYPE."""
    return np.frombuffer(b"".join(values), DTYPE)


def sessions_of(time: IntArray) -> IntArray:
    """The Sao Paulo session date of each opening instant, as days since 1970-01-01."""
    return (time - SESSION_SHIFT) // 86_400


def to_bars(packed: NDArray[np.void], symbol: str, timeframe: str, price_base: PriceBase, source: str) -> Bars:
    """The packed rows as `Bars`, each field contiguous."""
    column = {name: np.ascontiguousarray(packed[name]) for name in FIELDS}
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        time=column["time"],
        session=sessions_of(column["time"]),
        open=column["open"],
        high=column["high"],
        low=column["low"],
        close=column["close"],
        quantity=column["quantity"],
        turnover=column["turnover"],
        provisional=(column["flags"] & PROVISIONAL) != 0,
        after_market=(column["flags"] & AFTER_MARKET) != 0,
        price_base=price_base,
        source=source,
    )
