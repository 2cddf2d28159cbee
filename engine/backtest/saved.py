"""The state of an account as plain JSON values, and back: what is kept between two bars that come on different days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.backtest.execution import Execution
from engine.backtest.money import Account
from engine.backtest.orders import Order
from engine.backtest.positions import Book, Fill, Opened, Position, Terms
from engine.domain import jsonable


def saved(account: Account) -> dict[str, Any]:
    """The account with its books as dicts, lists, numbers and texts; NaN as None."""
    plain: dict[str, Any] = jsonable(asdict(account))
    return plain


def restored(state: Mapping[str, Any]) -> Account:
    """The account of `saved`: going on with it gives what going on with the account itself gives."""
    books = {symbol: _book(book) for symbol, book in state["books"].items()}
    return Account(**dict(state) | {"books": books, "unsettled": tuple(state["unsettled"])})


def _book(state: Mapping[str, Any]) -> Book:
    position = _numbers(state["position"])
    return Book(
        **_numbers(state)
        | {
            "terms": Terms(**state["terms"] | {"tick": tuple(state["terms"]["tick"])}),
            "execution": Execution(**state["execution"]),
            "position": Position(**position | {"opened": [Opened(**part) for part in position["opened"]]}),
            "entries": [Order(**_numbers(order)) for order in state["entries"]],
            "exits": [Order(**_numbers(order)) for order in state["exits"]],
            "due": [(row, amount) for row, amount in state["due"]],
            "fills": [Fill(*fill) for fill in state["fills"]],
            "trades": [_row(trade) for trade in state["trades"]],
            "came_in": None,
        }
    )


def _numbers(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in state.items()}


def _row(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)
