"""Trades from flat to flat: the parts in which a position was bought or sold count as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUMS = ("quantity", "costs", "slippage", "income", "borrow", "pnl")
NEVER = np.iinfo(np.int64).max


def round_trips(trades: NDArray[np.void]) -> NDArray[np.void]:
    """The trades (dtype `kernel.TRADE`) of one symbol with the parts of each position joined, in the order of their entries.

    Parts are of one position when they have the same side and the next begins while the one before is open, or on the bar on
    which it began. Quantities and money are summed, prices weighted by quantity; the exit is the last one, none while a part is
    open; stop: that of the first part; ambiguous: any; mae, mfe: the worst and the best of the parts.
    """
    if trades.size < 2:
        return trades
    ordered = trades[np.lexsort((np.where(trades["exit"] < 0, NEVER, trades["exit"]), trades["entry"]))]
    groups: list[list[int]] = []
    until = -1
    for at, part in enumerate(ordered):
        first = ordered[groups[-1][0]] if groups else None
        joins = first is not None and part["side"] == first["side"] and (part["entry"] < until or part["entry"] == first["entry"])
        if joins:
            groups[-1].append(at)
        else:
            groups.append([at])
            until = -1
        until = max(until, int(part["exit"]) if part["exit"] >= 0 else NEVER)
    if len(groups) == ordered.size:
        return np.asarray(ordered)
    return np.array([_joined(ordered[rows]) for rows in groups], dtype=trades.dtype)


def _joined(parts: NDArray[np.void]) -> NDArray[np.void]:
    whole: NDArray[np.void] = parts[0].copy()
    if parts.size == 1:
        return whole
    weight = parts["quantity"] / parts["quantity"].sum()
    last = int(np.argmax(np.where(parts["exit"] < 0, NEVER, parts["exit"])))
    for name in SUMS:
        whole[name] = parts[name].sum()
    whole["entry_price"] = (parts["entry_price"] * weight).sum()
    whole["exit_price"] = (parts["exit_price"] * weight).sum()
    whole["exit"], whole["reason"] = parts["exit"][last], parts["reason"][last]
    whole["ambiguous"] = parts["ambiguous"].any()
    whole["mae"], whole["mfe"] = parts["mae"].min(), parts["mfe"].max()
    return whole
