"""One symbol on an account: its position at average cost, its orders, what filled and what each closed part earned."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.backtest.execution import Execution
from engine.backtest.kernel import EVENT, LIQUIDATION, OPEN, PARTIAL, STOP, TARGET, TIME, TRADE, TRAIL
from engine.backtest.orders import Order, Tick

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the fill of an order that opens says as its reason; that of one that closes is the reason of the trade.
ENTRY = -1
#: The reason of a fill by the tag of its order; an order with another tag closes by a signal.
REASONS = {
    "stop": STOP,
    "target": TARGET,
    "partial": PARTIAL,
    "time": TIME,
    "trailing": TRAIL,
    "liquidation": LIQUIDATION,
    "event": EVENT,
}
TRADE_FIELDS = TRADE.names or ()
#: Added to the symbol of what was dealt in the fractional market.
FRACTIONAL_SUFFIX = "F"


class Bar(NamedTuple):
    """What one bar brings a symbol; the arrays of a `Leg` at one row. atr: of the bar before, NaN where not known.

    odd: open, high, low, close and quantity of the fractional market in this bar, None where it has none.
    """

    row: int
    session: int
    open: float
    high: float
    low: float
    close: float
    quantity: float = math.nan
    split: float = 1.0
    dividend: float = 0.0
    pay: int = 0
    fee: float = 0.0
    fee_day_trade: float = 0.0
    atr: float = math.nan
    odd: tuple[float, float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a symbol trades. lot in units, point_value in R$, brokerage in R$ per fill, contract_fee in R$ per unit and side.

    future: no notional is paid; gains and losses are settled in cash each session. margin: the share of the notional that the
    cash must cover. borrow: what borrowed shares cost per session, a fraction of their value. slippage: a fraction of the price.
    own_fractional: the fractional market has bars of its own (`Bar.odd`).
    """

    lot: int = 1
    tick: Tick = (0, 1)
    point_value: float = 1.0
    future: bool = False
    margin: float = 1.0
    slippage: float = 0.0
    brokerage: float = 0.0
    contract_fee: float = 0.0
    borrow: float = 0.0
    own_fractional: bool = False


@dataclass(slots=True)
class Opened:
    """A part of a position that was opened in the session `session`, for the fees of a day trade."""

    session: int
    units: float
    notional: float
    fee: float
    fee_day_trade: float


@dataclass(slots=True)
class Position:
    """What is held of a symbol: signed units, 0 for nothing.

    entry: the bar of the first fill. price, quantity: average price and units as filled, before any split. stop: the first one.
    mark: the price to which gains were settled in cash, 0 for shares. flow: cash from its fills and settlements. costs,
    slipped, income, borrowed: as in `kernel.TRADE`. lowest, highest: prices seen, before any split. scale: units of now for one
    of the entry. age: bars since that of the first fill. ambiguous: a bar left open what came first. All but the prices belong
    to what is still held.
    """

    units: int = 0
    entry: int = -1
    price: float = 0.0
    quantity: int = 0
    stop: float = math.nan
    mark: float = 0.0
    flow: float = 0.0
    costs: float = 0.0
    slipped: float = 0.0
    income: float = 0.0
    borrowed: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    scale: float = 1.0
    age: int = 0
    ambiguous: bool = False
    opened: list[Opened] = field(default_factory=list)

    @property
    def side(self) -> int:
        return 1 if self.units > 0 else -1


class Fill(NamedTuple):
    """Units dealt at a price after slippage. bar: its row; reason: `ENTRY` or that of the trade; costs in R$; tag: of its order."""

    symbol: str
    bar: int
    side: int
    quantity: int
    price: float
    costs: float
    reason: int
    tag: str = ""


@dataclass(slots=True)
class Book:
    """One symbol of an account. entries: orders that may open; exits: orders that only close. last: the newest price.

    due: dividends on their way, as (bar, R$). trades: closed parts in the form of `kernel.TRADE`. held: bars with a position.
    no_quantity: bars whose quantity was not known where a cap on it applied. came_in: for a position opened within this bar, its
    price and the high and low that are certain to come after it.
    """

    symbol: str
    terms: Terms = field(default_factory=Terms)
    execution: Execution = field(default_factory=Execution)
    position: Position = field(default_factory=Position)
    entries: list[Order] = field(default_factory=list)
    exits: list[Order] = field(default_factory=list)
    last: float = math.nan
    due: list[tuple[int, float]] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    trades: list[tuple[float, ...]] = field(default_factory=list)
    held: int = 0
    held_in: int = -1
    no_quantity: int = 0
    no_quantity_in: int = -1
    came_in: tuple[float, float, float] | None = None

    @property
    def step(self) -> int:
        """The smallest number of units that can be traded."""
        return 1 if self.execution.fractional else self.terms.lot

    def worth(self, price: float) -> float:
        """What the position adds to the cash at this price, R$."""
        return self.position.units * (price - self.position.mark) * self.terms.point_value


def exchange_fee(rate: float, notional: float) -> float:
    """A fraction of the notional, rounded half up to the cent."""
    return math.floor(rate * notional * 100.0 + 0.5 + 1e-7) / 100.0


def order_cost(terms: Terms, rate: float, notional: float, units: int) -> float:
    """What a fill costs, R$: exchange fee, brokerage, contract fee."""
    return exchange_fee(rate, notional) + terms.brokerage + terms.contract_fee * units


def add(book: Book, bar: Bar, order: Order, units: int, raw: float, fill: float, *, symbol: str, stop: float) -> float:
    """Book `units` opened at `fill` (the price before slippage was `raw`); returns the change of cash."""
    terms, side = book.terms, order.side
    notional = units * (fill * terms.point_value)
    paid = order_cost(terms, bar.fee, notional, units)
    flow = -paid if terms.future else -(side * notional + paid)
    slipped = (fill - raw) * (side * units) * terms.point_value
    position = book.position
    if position.units == 0:
        position = book.position = Position(
            entry=bar.row, price=fill, stop=stop, mark=fill if terms.future else 0.0, lowest=fill, highest=fill
        )
    else:
        before, scaled = position.quantity, max(round(units / position.scale), 1)
        position.price = (position.price * before + fill * position.scale * scaled) / (before + scaled)
        if terms.future:
            position.mark = (position.mark * abs(position.units) + fill * units) / (abs(position.units) + units)
    position.quantity += max(round(units / position.scale), 1)
    position.units += side * units
    position.lowest = min(position.lowest, fill * position.scale)
    position.highest = max(position.highest, fill * position.scale)
    position.flow += flow
    position.costs += paid
    position.slipped += slipped
    position.opened = [part for part in position.opened if part.session == bar.session]
    position.opened.append(Opened(bar.session, units, notional, bar.fee, bar.fee_day_trade))
    book.last = fill
    book.held_in = bar.row
    book.fills.append(Fill(symbol, bar.row, side, units, fill, paid, ENTRY, order.tag))
    return flow


def remove(
    book: Book, bar: Bar, units: int, raw: float, fill: float, *, symbol: str, reason: int, seen: float, tag: str = ""
) -> float:
    """Book `units` closed at `fill` and keep them as a trade; returns the change of cash.

    seen: the other price of this bar that is known to have been met while the position was held. The part takes its share of
    the costs, income and cash flows so far. What was opened in this session is closed first, at the fees of a day trade.
    """
    terms, position = book.terms, book.position
    side, held = position.side, abs(position.units)
    notional = units * fill * terms.point_value
    paid = _closing_cost(book, bar, units, notional)
    flow = side * units * (fill - position.mark) * terms.point_value - paid
    part = position
    if units < held:
        part = _share(position, units / held)
    part.flow += flow
    part.costs += paid
    part.slipped += (raw - fill) * (side * units) * terms.point_value
    part.lowest = min(part.lowest, min(fill, seen) * position.scale)
    part.highest = max(part.highest, max(fill, seen) * position.scale)
    book.trades.append(record(part, side, bar.row, fill, reason))
    if units < held:
        position.units -= side * units
    else:
        book.position, book.exits, book.came_in = Position(), [], None
    book.last = fill
    book.fills.append(Fill(symbol, bar.row, -side, units, fill, paid, reason, tag))
    return flow


def relabel(book: Book, reason: int) -> None:
    """Give the newest fill and trade of a book another reason."""
    book.fills[-1] = book.fills[-1]._replace(reason=reason)
    place = TRADE_FIELDS.index("reason")
    book.trades[-1] = (*book.trades[-1][:place], reason, *book.trades[-1][place + 1 :])


def record(part: Position, side: int, exit_: int, exit_price: float, reason: int, marked: float = 0.0) -> tuple[float, ...]:
    """A part of a position as a row of `kernel.TRADE`; exit_ -1 and `marked`, its worth at the close, for an open one."""
    adverse, best = (part.lowest, part.highest) if side > 0 else (part.highest, part.lowest)
    row = {
        "side": side,
        "quantity": part.quantity,
        "entry": part.entry,
        "exit": exit_,
        "reason": reason,
        "ambiguous": int(part.ambiguous),
        "entry_price": part.price,
        "exit_price": exit_price,
        "stop": part.stop,
        "costs": part.costs,
        "slippage": part.slipped,
        "income": part.income,
        "borrow": part.borrowed,
        "pnl": part.flow + marked + part.income - part.borrowed,
        "mae": (adverse / part.price - 1.0) * side,
        "mfe": (best / part.price - 1.0) * side,
    }
    return tuple(row[name] for name in TRADE_FIELDS)


def trade_array(book: Book) -> NDArray[np.void]:
    """The trades of a book in the order in which they ended, with what is still open marked at its newest price."""
    rows = list(book.trades)
    position = book.position
    if position.units:
        rows.append(record(position, position.side, -1, book.last, OPEN, book.worth(book.last)))
    return np.array(rows, dtype=TRADE)


def _share(position: Position, share: float) -> Position:
    """Take a share of what the position has earned and cost off it, as a part of its own."""
    quantity = max(round(position.quantity * share), 1)
    part = replace(position, quantity=quantity, opened=[])
    position.quantity = max(position.quantity - quantity, 1)
    for name in ("flow", "costs", "slipped", "income", "borrowed"):
        amount = getattr(position, name)
        setattr(part, name, amount * share)
        setattr(position, name, amount - amount * share)
    return part


def _closing_cost(book: Book, bar: Bar, units: int, notional: float) -> float:
    """The cost of closing `units`, with what the fees of a day trade change for the part opened in this session."""
    terms, position = book.terms, book.position
    left, changed = float(units), 0.0
    whole = units == abs(position.units)
    for part in position.opened:
        if part.session != bar.session or left <= 0:
            continue
        taken = part.units if whole else min(part.units, left)
        value = part.notional * (taken / part.units)
        changed += exchange_fee(part.fee_day_trade, value) - exchange_fee(part.fee, value)
        left -= taken
        part.units -= taken
        part.notional -= value
    position.opened = [part for part in position.opened if part.units > 0]
    day_trade = min(max((units - left) / units, 0.0), 1.0)
    rest = 0.0 if day_trade > 1.0 - 1e-9 else 1.0 - day_trade
    fee = exchange_fee(bar.fee_day_trade, notional * (1.0 - rest)) + exchange_fee(bar.fee, notional * rest)
    return fee + terms.brokerage + terms.contract_fee * units + changed
