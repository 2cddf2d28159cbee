"""The money of an account: what it has, what of it is free, what happens to it over night. Plain data and steps on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.backtest.positions import Book

#: Money set aside for a short position, in multiples of its value: what it was sold for and as much of one's own.
SHORT_COVER = 2.0


@dataclass(slots=True)
class Account:
    """Money and books by symbol. receivable: dividends on their way. unsettled: what was dealt in the session before this one
    and in this one (D+2). interest: what cash has earned. rejected: orders that could not be sized or paid. ruined: nothing is
    left, nothing more is opened.
    """

    cash: float
    books: dict[str, Book] = field(default_factory=dict)
    receivable: float = 0.0
    unsettled: tuple[float, float] = (0.0, 0.0)
    interest: float = 0.0
    rejected: int = 0
    ruined: bool = False


def equity(account: Account) -> float:
    """Cash, dividends on their way and the positions at their newest prices, R$."""
    worth = account.cash + account.receivable
    for book in account.books.values():
        if book.position.units:
            worth += book.worth(book.last)
    return worth


def buying_power(account: Account) -> float:
    """The cash that no short position and no future needs as cover, R$; may be negative."""
    free = account.cash
    for book in account.books.values():
        units = book.position.units
        if units == 0 or (units > 0 and not book.terms.future):
            continue
        notional = abs(units) * book.last * book.terms.point_value
        free -= notional * book.terms.margin - min(book.worth(book.last), 0.0) if book.terms.future else notional * SHORT_COVER
    return free


def night(account: Account, rate: float) -> None:
    """Before the first bar of a session: interest on settled cash, settlement of D+2 and of futures, cost of borrowed shares.

    rate: the return of cash since the session before. Of the money of a short position only what is more than its value counts.
    """
    shorts = 0.0
    for book in account.books.values():
        if book.position.units < 0 and not book.terms.future:
            shorts += book.worth(book.last)
    if rate:
        base = account.cash - sum(account.unsettled)
        if shorts:
            base = min(base, account.cash + shorts)
        if base > 0.0:
            account.cash += base * rate
            account.interest += base * rate
    account.unsettled = (account.unsettled[1], 0.0)
    for book in account.books.values():
        position, terms = book.position, book.terms
        if position.units == 0:
            continue
        if terms.future:
            gain = book.worth(book.last)
            account.cash += gain
            position.flow += gain
            position.mark = book.last
        elif position.units < 0:
            paid = -book.worth(book.last) * terms.borrow
            account.cash -= paid
            position.borrowed += paid


def move(account: Account, flow: float, future: bool) -> None:
    """Book the cash flow of a fill; that of a future is settled at once."""
    account.cash += flow
    if not future:
        account.unsettled = (account.unsettled[0], account.unsettled[1] + flow)
