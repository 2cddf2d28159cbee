"""From fills to taxable operations: what was bought and sold in one day apart, the rest at average cost. Money in whole cents.

Rules of IN RFB 1585/2015, art. 56 to 65; how each is read is in docs/taxes.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from engine.domain import Market
from engine.errors import UsageError
from engine.i18n import _
from engine.market.tax_table import to_cents

COMMON, DAY_TRADE, FII = "common", "day_trade", "fii"
BUCKETS = (COMMON, DAY_TRADE, FII)
#: A split leaves no fraction of a unit smaller than this.
WHOLE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Fill:
    """What was bought (side +1) or sold (-1) at one price.

    session: days since 1970-01-01. time: UTC seconds, for the order within the session. quantity: units, > 0.
    value: the notional, cents. costs: fees and brokerage, cents.
    """

    session: int
    time: int
    symbol: str
    market: Market
    side: int
    quantity: int
    value: int
    costs: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """Each unit held over the night before `session` becomes `factor` units; a fraction is sold at `price`, R$ a new unit.

    symbol: that of the round lot.
    """

    session: int
    symbol: str
    factor: float
    price: float = 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What the tax sees of one session and symbol: a sale, a short bought back, or a day trade.

    kind: "common", "day_trade" or "fii". quantity: units, 0 for the fraction that a split leaves. sales: gross value of what
    was sold. gain: after all costs, negative for a loss. withheld_on: what the withholding on sales is computed on (may be
    negative for options, whose premiums of one day are added up). same_day: a day trade of any kind.
    short: a short sale or its buying back.
    """

    session: int
    symbol: str
    market: Market
    kind: str
    quantity: int
    sales: int
    gain: int
    withheld_on: int = 0
    same_day: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one symbol: signed units, and the money they cost (long) or brought (short), cents, with costs."""

    symbol: str
    market: Market
    units: int
    cost: int


def share(cents: int, part: int, whole: int) -> int:
    """`cents` x part / whole, half up; all of it when part is whole."""
    return (2 * cents * part + whole) // (2 * whole)


def valued(quantity: int, price: float, point_value: float = 1.0) -> int:
    """The value of `quantity` units at `price` (R$, or points of R$ `point_value`), cents, half up."""
    return to_cents(quantity * Decimal(repr(float(price))) * Decimal(repr(float(point_value))))


def operations(fills: Iterable[Fill], splits: Iterable[Split] = ()) -> tuple[list[Operation], list[Holding]]:
    """The operations of these fills in order of session and symbol, and what is held after the last of them.

    Units bought and sold in one session are a day trade: the first bought with the first sold, whatever was held before.
    The rest joins or leaves the position at average cost, costs included. A sale beyond what is held is a short sale, whose
    result arises when it is bought back. The fractional market is the same asset as the round lot. Fills of one instant and
    side count as one, so their order does not matter. Splits come before the fills of their session.
    Raises UsageError for a side, quantity or value that makes no sense.
    """
    assets: dict[str, list[Fill]] = {}
    for fill in fills:
        if fill.side not in (1, -1) or fill.quantity <= 0 or fill.value < 0 or fill.costs < 0:
            raise UsageError(_("A fill of {symbol} has an impossible side, quantity, value or cost").format(symbol=fill.symbol))
        assets.setdefault(asset_of(fill.symbol, fill.market), []).append(fill)
    changes: dict[str, list[Split]] = {}
    for split in splits:
        changes.setdefault(split.symbol, []).append(split)
    found: list[Operation] = []
    held = []
    for symbol, own in sorted(assets.items()):
        book = _Book(symbol, Market.CASH if own[0].market is Market.FRACTIONAL else own[0].market)
        events: list[Fill | Split] = [*own, *changes.get(symbol, [])]
        events.sort(key=lambda event: event.session)
        for session, day in groupby(events, key=lambda event: event.session):
            today = list(day)
            for event in today:
                if isinstance(event, Split):
                    book.split(event)
            book.trade(session, [event for event in today if isinstance(event, Fill)])
        found += book.found
        if book.units:
            held.append(Holding(symbol, book.market, book.units, book.cost))
    return sorted(found, key=lambda operation: operation.session), held


def asset_of(symbol: str, market: Market) -> str:
    """The asset that a symbol trades: the fractional market trades that of the round lot."""
    return symbol.removesuffix("F") if market is Market.FRACTIONAL else symbol


@dataclass(slots=True)
class _Lot:
    """Units of one instant and side, with their money."""

    quantity: int
    value: int
    costs: int

    def take(self, quantity: int) -> _Lot:
        """Split off `quantity` units with their share of the money, to the cent; the rest stays."""
        taken = _Lot(quantity, share(self.value, quantity, self.quantity), share(self.costs, quantity, self.quantity))
        self.quantity -= taken.quantity
        self.value -= taken.value
        self.costs -= taken.costs
        return taken


class _Book:
    """The position of one asset at average cost and the operations that it led to."""

    def __init__(self, symbol: str, market: Market) -> None:
        self.symbol, self.market = symbol, market
        self.kind = FII if market is Market.FII else COMMON
        self.units = self.cost = 0
        self.found: list[Operation] = []

    def split(self, split: Split) -> None:
        exact = abs(self.units) * Decimal(repr(float(split.factor)))
        whole = int(exact + WHOLE)
        fraction = exact - whole
        side = 1 if self.units > 0 else -1
        if self.units and fraction > WHOLE:
            value = to_cents(fraction * Decimal(repr(float(split.price))))
            basis = self.cost - int(self.cost * whole / exact)
            self.cost -= basis
            self._add(split.session, 0, sales=max(side * value, 0), gain=side * (value - basis), short=side < 0)
        self.units = side * whole

    def trade(self, session: int, fills: Sequence[Fill]) -> None:
        bought, sold = (_lots(fill for fill in fills if fill.side == side) for side in (1, -1))
        quantity = min(sum(lot.quantity for lot in lots) for lots in (bought, sold))
        if quantity:
            entries, exits = _first(bought, quantity), _first(sold, quantity)
            gain = exits.value - exits.costs - entries.value - entries.costs
            kind = DAY_TRADE if self.kind == COMMON else self.kind
            self.found.append(Operation(session, self.symbol, self.market, kind, quantity, exits.value, gain, same_day=True))
        for side, lots in ((1, bought), (-1, sold)):
            for lot in lots:
                self._carry(session, side, lot)

    def _carry(self, session: int, side: int, lot: _Lot) -> None:
        """What is left of the day: it first closes what is held the other way, then opens."""
        closing = min(lot.quantity, max(-side * self.units, 0))
        if closing:
            part = lot.take(closing)
            basis = share(self.cost, closing, abs(self.units))
            self.cost -= basis
            self.units += side * closing
            gain = part.value - part.costs - basis if side < 0 else basis - part.value - part.costs
            self._add(session, closing, sales=part.value if side < 0 else 0, gain=gain, bought=part.value, short=side > 0)
        if lot.quantity:
            self.units += side * lot.quantity
            self.cost += lot.value + side * lot.costs
            if side < 0 or self.market is Market.OPTION:
                sales = lot.value if side < 0 else 0
                self._add(session, lot.quantity, sales=sales, gain=0, bought=lot.value, short=side < 0)

    def _add(self, session: int, quantity: int, *, sales: int, gain: int, bought: int = 0, short: bool = False) -> None:
        """bought: what a purchase paid; used for options alone."""
        base = sales
        if self.market is Market.FUTURE:
            base = max(gain, 0)
        elif self.market is Market.OPTION:
            base = sales or -bought
        self.found.append(
            Operation(session, self.symbol, self.market, self.kind, quantity, sales, gain, withheld_on=base, short=short)
        )


def _lots(fills: Iterable[Fill]) -> list[_Lot]:
    """Fills of one side by instant, in order of time, those of one instant as one."""
    lots: dict[int, _Lot] = {}
    for fill in fills:
        lot = lots.setdefault(fill.time, _Lot(0, 0, 0))
        lot.quantity += fill.quantity
        lot.value += fill.value
        lot.costs += fill.costs
    return [lots[time] for time in sorted(lots)]


def _first(lots: list[_Lot], quantity: int) -> _Lot:
    """Take the first `quantity` units off `lots`."""
    taken = _Lot(0, 0, 0)
    while taken.quantity < quantity:
        lot = lots[0]
        part = lot.take(min(lot.quantity, quantity - taken.quantity))
        taken = _Lot(taken.quantity + part.quantity, taken.value + part.value, taken.costs + part.costs)
        if not lot.quantity:
            lots.pop(0)
    return taken
