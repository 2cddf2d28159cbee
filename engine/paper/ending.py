"""How an order ends: its state and the reasons that are kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.store.paper import CANCELLED, EXPIRED, FILLED, REFUSED

if TYPE_CHECKING:
    from engine.store.paper import StoredOrder

#: By the reason; every other one cancels it.
STATES = {"expired": EXPIRED, "cash": REFUSED, "ruined": REFUSED}


def cut(row: StoredOrder, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The reason of an order that the rules reduce at the price that came. kept: the event, with the units dealt and left."""
    units = kept["filled"] + kept["quantity"]
    return {"rule": "gap", "value": units, "limit": int(row.order["quantity"]), "price": kept["price"]}


def ending(row: StoredOrder, why: str, loss: Mapping[str, Any] | None) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """State and reasons of an order that no longer waits. loss: the reason where the newest session lost too much."""
    asked = int(row.order["quantity"])
    reduced = next(({**reason, "value": row.filled} for reason in row.reasons if reason["rule"] == "gap"), None)
    if why == "gap" and reduced is not None:
        return FILLED if row.filled else REFUSED, (reduced,)
    if why == "done":
        part = {"rule": "part", "value": row.filled, "limit": asked}
        return FILLED, (reduced or part,) if row.filled < asked else ()
    if why == "expired" and row.filled:
        return EXPIRED, ({"rule": "part_expired", "value": row.filled, "limit": asked, "bars": int(row.order["expires"])},)
    if why == "daily_loss" and loss is not None:
        return CANCELLED, (loss,)
    return STATES.get(why, CANCELLED), ({"rule": why},)
