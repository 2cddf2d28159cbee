"""What an account is between two sessions, as plain JSON and back, and the commands that change its orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.backtest.execution import Execution
from engine.backtest.matching import submit
from engine.backtest.money import Account
from engine.backtest.orders import Order
from engine.backtest.positions import Book
from engine.backtest.saved import restored, saved
from engine.domain import jsonable

PLACED, CANCELLED, REDUCED = "placed", "cancelled", "reduced"
#: The tag of an order by its number.
TAG = "order-"


@dataclass(frozen=True, slots=True)
class Command:
    """Place an order, or cancel or reduce the orders of a tag, before the first bar that opens at `at` (UTC seconds) or later.

    order, execution: of a command that places; the execution is taken where nothing is held or waits yet. why: of one that cancels.
    quantity: what one that reduces leaves of an order.
    """

    id: int
    at: int
    kind: str
    symbol: str
    tag: str
    order: Order | None = None
    execution: Execution | None = None
    why: str = ""
    quantity: int = 0

    def as_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = jsonable(asdict(self))
        return plain

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Command:
        """The command of `as_dict`."""
        order, execution = plain["order"], plain["execution"]
        return cls(
            **dict(plain)
            | {
                "order": None if order is None else order_of(order),
                "execution": None if execution is None else Execution(**execution),
            }
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """An order that no longer waits, and why: "done" when it was filled as far as it could be."""

    tag: str
    why: str


@dataclass(slots=True)
class State:
    """account: as at the close of the newest session replayed. commands: those that wait for a bar. clock: the newest instant at
    which anything was done. before, last: equity at the close of the session before and of the newest one. blocked: it lost more
    than the rules allow: `lost` of the equity, where `limit` was the most (both 0 where that is not known).
    """

    account: Account
    before: float
    last: float
    clock: int
    commands: list[Command] = field(default_factory=list)
    blocked: bool = False
    lost: float = 0.0
    limit: float = 0.0

    @property
    def loss(self) -> dict[str, Any] | None:
        """The reason why nothing opens after the newest session, None where it lost no more than is allowed."""
        figures = {"value": self.lost, "limit": self.limit} if self.limit else {}
        return {"rule": "daily_loss", **figures} if self.blocked else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "account": saved(self.account),
            "before": self.before,
            "last": self.last,
            "clock": self.clock,
            "commands": [command.as_dict() for command in self.commands],
            "blocked": self.blocked,
            "lost": self.lost,
            "limit": self.limit,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> State:
        """The state of `as_dict`."""
        commands = [Command.of(command) for command in plain["commands"]]
        return cls(
            *(restored(plain["account"]), plain["before"], plain["last"], plain["clock"], commands, bool(plain["blocked"])),
            lost=plain.get("lost", 0.0),
            limit=plain.get("limit", 0.0),
        )


def order_of(plain: Mapping[str, Any]) -> Order:
    """An order from its JSON form."""
    known: dict[str, Any] = {name: math.nan if value is None else value for name, value in plain.items()}
    return Order(**known)


def tag_of(number: int) -> str:
    """The tag of the order with this number."""
    return f"{TAG}{number}"


def number_of(tag: str) -> int | None:
    """The number of the order with this tag, None for a stop, a target and the like."""
    return int(tag.removeprefix(TAG)) if tag.startswith(TAG) else None


def due_commands(commands: list[Command], instant: int) -> list[Command]:
    """The commands that count for a bar that opens at `instant`, in the order in which they were given."""
    return sorted((command for command in commands if command.at <= instant), key=lambda command: (command.at, command.id))


def execute(account: Account, command: Command, book_of: Callable[[str], Book]) -> list[Ended]:
    """Carry out a command; the orders that end by it. book_of: a new book for a symbol that has none."""
    book = account.books.get(command.symbol)
    if command.kind == REDUCED:
        return [] if book is None else reduce(book, command.tag, command.quantity)
    if command.order is None:
        return [] if book is None else cancel(book, command.tag, command.why)
    if command.order.reduce_only and (book is None or book.position.units * command.order.side >= 0):
        return [Ended(command.tag, "closed")]
    if book is None:
        book = book_of(command.symbol)
        account.books = dict(sorted([*account.books.items(), (command.symbol, book)]))
    if command.execution is not None and not book.position.units and not book.entries:
        book.execution = command.execution
    submit(book, command.order)
    return []


def cancel(book: Book, tag: str, why: str) -> list[Ended]:
    """Take the orders of a tag off a book."""
    ended = [Ended(tag, why) for order in (*book.entries, *book.exits) if order.tag == tag]
    book.entries = [order for order in book.entries if order.tag != tag]
    book.exits = [order for order in book.exits if order.tag != tag]
    return ended


def reduce(book: Book, tag: str, quantity: int) -> list[Ended]:
    """Leave so many units of the entry of a tag; with 0 it ends, since the rules allow none at the price that came."""
    if quantity == 0:
        return cancel(book, tag, "gap")
    book.entries = [replace(order, quantity=quantity) if order.tag == tag else order for order in book.entries]
    return []
