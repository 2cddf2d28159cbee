"""The monthly income tax of an individual on what B3 trades, to the cent: exemption, losses, withholding, DARF.

Money is in whole cents. How each rule is read, and where the reading is a choice, is in docs/taxes.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from engine.domain import Market, day_number, from_day_number
from engine.market.tax_operations import BUCKETS, COMMON, FII, Operation
from engine.market.tax_table import TaxTable, portion, to_cents

if TYPE_CHECKING:
    from engine.market.calendar import Calendar

#: What is withheld on one kind may be set off against the tax on another of the same group.
GROUPS = ((COMMON, "day_trade"), (FII,))


@dataclass(frozen=True, slots=True)
class Carried:
    """What comes in from outside, cents: losses of each kind, and shares sold elsewhere in every month."""

    losses: Mapping[str, int] = field(default_factory=dict)
    exemption_used: int = 0

    @classmethod
    def of(cls, *, common: float = 0.0, day_trade: float = 0.0, fii: float = 0.0, exemption_used: float = 0.0) -> Carried:
        """The same from amounts in R$."""
        losses = {kind: to_cents(amount) for kind, amount in zip(BUCKETS, (common, day_trade, fii))}
        return cls(losses, to_cents(exemption_used))


@dataclass(frozen=True, slots=True)
class TaxMonth:
    """One month and kind, cents.

    month: "2025-03". gain: net of all operations, exempt ones included. exempt: the part that is free of tax. loss_used: of
    losses of before; loss_carried: left at the end of the month. irrf: withheld on operations of the month. credit: withheld
    tax set off, of this month or before. due: tax - credit, paid by the DARF of `due_session`, None while it is too small for one.
    """

    month: str
    kind: str
    sales: int
    gain: int
    exempt: int
    loss_used: int
    loss_carried: int
    taxable: int
    tax: int
    irrf: int
    credit: int
    due: int
    due_session: int | None = None


@dataclass(frozen=True, slots=True)
class Darf:
    """One payment: the month it belongs to, cents, the last session on which it is in time, and whether that has come."""

    month: str
    amount: int
    due_session: int
    paid: bool


@dataclass(frozen=True, slots=True)
class TaxReport:
    """The assessment of all months up to a session, cents.

    waiting: tax too small for a DARF so far. reclaimable: tax withheld in years that are over and never set off; it can be
    asked back in the annual return and is not counted on here. losses: left for later, by kind.
    """

    months: tuple[TaxMonth, ...]
    darfs: tuple[Darf, ...]
    waiting: int
    reclaimable: int
    losses: Mapping[str, int]

    @property
    def tax(self) -> int:
        """Assessed on the gains of all months."""
        return sum(month.tax for month in self.months)

    @property
    def irrf(self) -> int:
        """Withheld at the source."""
        return sum(month.irrf for month in self.months)

    @property
    def credit(self) -> int:
        """Withheld tax that was set off."""
        return sum(month.credit for month in self.months)

    @property
    def paid(self) -> int:
        """By DARF and by withheld tax that was set off."""
        return self.credit + sum(darf.amount for darf in self.darfs if darf.paid)

    @property
    def owed(self) -> int:
        """Assessed and not paid yet."""
        return self.waiting + sum(darf.amount for darf in self.darfs if not darf.paid)


def assess(operations: Iterable[Operation], table: TaxTable, carried: Carried, calendar: Calendar, *, until: int) -> TaxReport:
    """The tax of every month that has operations up to the session `until` (days since 1970-01-01).

    A DARF counts as paid from its due session on, the last session of the next month: sessions of B3 stand for the business
    days of banks. One DARF pays all kinds; below the minimum it waits for the next months.
    Raises NoDataError where the calendar does not reach the due session.
    """
    state = _State(dict(carried.losses))
    months: list[TaxMonth] = []
    darfs: list[Darf] = []
    reclaimable = 0
    waiting: list[int] = []
    known = [operation for operation in operations if operation.session <= until]
    for month, own in _by_month(known):
        state, lapsed = _entered(state, month)
        reclaimable += lapsed
        rows, state = _month(month, own, table, carried.exemption_used, state)
        waiting += range(len(months), len(months) + len(rows))
        months += rows
        amount = sum(months[at].due for at in waiting)
        if amount and amount >= table.cents("darf_minimum", _last_day(month)):
            due = calendar.session_on_or_before(_last_day(_next(month)))
            darfs.append(Darf(month, amount, due, due <= until))
            for at in waiting:
                if months[at].due:
                    months[at] = replace(months[at], due_session=due)
            waiting = []
    if months:
        reclaimable += _entered(state, from_day_number(until).isoformat()[:7])[1]
    losses = {kind: state.losses.get(kind, 0) for kind in BUCKETS}
    return TaxReport(tuple(months), tuple(darfs), sum(months[at].due for at in waiting), reclaimable, losses)


def tax_so_far(operations: Iterable[Operation], table: TaxTable, carried: Carried) -> list[tuple[int, int]]:
    """What the closed operations have cost in tax up to the end of each session that has any: (session, cents), in order.

    Withheld or due, paid or not. The month under way is assessed on its operations so far, so that nothing later is seen;
    the figure may fall when a loss follows a gain within a month.
    """
    state = _State(dict(carried.losses))
    before = 0
    found = []
    for month, own in _by_month(operations):
        state, _lapsed = _entered(state, month)
        after = state
        cost = 0
        sessions = sorted({operation.session for operation in own})
        for session in sessions:
            so_far = [operation for operation in own if operation.session <= session]
            rows, after = _month(month, so_far, table, carried.exemption_used, state)
            cost = sum(row.irrf + row.due for row in rows)
            found.append((session, before + cost))
        state, before = after, before + cost
    return found


@dataclass(frozen=True, slots=True)
class _State:
    """What one month leaves to the next: losses by kind, withheld tax by group, and the year that belongs to."""

    losses: Mapping[str, int]
    credits: tuple[int, ...] = (0,) * len(GROUPS)
    year: str = ""


def _entered(state: _State, month: str) -> tuple[_State, int]:
    """The state on entering a month, and the withheld tax that lapses because its year is over."""
    if month[:4] == state.year:
        return state, 0
    return _State(state.losses, year=month[:4]), sum(state.credits)


def _month(
    month: str, own: Sequence[Operation], table: TaxTable, exemption_used: int, state: _State
) -> tuple[list[TaxMonth], _State]:
    day = _last_day(month)
    withheld = _withheld(own, table, day)
    losses = dict(state.losses)
    rows: list[TaxMonth] = []
    pools = list(state.credits)
    for at, group in enumerate(GROUPS):
        pools[at] += sum(withheld[kind] for kind in group)
        for kind in group:
            mine = [operation for operation in own if operation.kind == kind]
            if not mine:
                continue
            gain = sum(operation.gain for operation in mine)
            exempt = _exempt(mine, table.cents("exemption", day) - exemption_used) if kind == COMMON else 0
            net, carried = gain - exempt, losses.get(kind, 0)
            used = min(max(net, 0), carried)
            losses[kind] = carried - used + max(-net, 0)
            taxable = max(net, 0) - used
            tax = portion(taxable, table.at(kind, day))
            credit = min(tax, pools[at])
            pools[at] -= credit
            sales = sum(operation.sales for operation in mine)
            left = losses[kind]
            rows.append(
                TaxMonth(month, kind, sales, gain, exempt, used, left, taxable, tax, withheld[kind], credit, tax - credit)
            )
    return rows, _State(losses, tuple(pools), month[:4])


def _exempt(common: Sequence[Operation], limit: int) -> int:
    """The gain of a month's shares that is free of tax: all of it, where their sales do not exceed the limit."""
    shares = [operation for operation in common if operation.market is Market.CASH]
    if sum(operation.sales for operation in shares) > limit:
        return 0
    return max(sum(operation.gain for operation in shares if not operation.short), 0)


def _withheld(own: Sequence[Operation], table: TaxTable, day: int) -> dict[str, int]:
    """What is withheld in the month: on sales, unless the sum is small, and on each day's result of day trades."""
    bases = dict.fromkeys(BUCKETS, 0)
    withheld = dict.fromkeys(BUCKETS, 0)
    of_result = table.at("irrf_day_trade", day)
    for _session, group in groupby(own, key=lambda operation: operation.session):
        today = list(group)
        for kind in BUCKETS:
            mine = [operation for operation in today if operation.kind == kind]
            premiums = sum(operation.withheld_on for operation in mine if operation.market is Market.OPTION)
            others = sum(operation.withheld_on for operation in mine if operation.market is not Market.OPTION)
            bases[kind] += others + max(premiums, 0)
            result = sum(operation.gain for operation in mine if operation.same_day)
            withheld[kind] += portion(max(result, 0), of_result)
    of_sales = table.at("irrf_sales", day)
    on_sales = {kind: portion(base, of_sales) for kind, base in bases.items()}
    if sum(on_sales.values()) > table.cents("irrf_minimum", day):
        withheld = {kind: withheld[kind] + on_sales[kind] for kind in BUCKETS}
    return withheld


def _by_month(operations: Iterable[Operation]) -> list[tuple[str, list[Operation]]]:
    ordered = sorted(operations, key=lambda operation: operation.session)
    return [(month, list(own)) for month, own in groupby(ordered, key=month_of)]


def month_of(operation: Operation) -> str:
    """The month of an operation, "2025-03"."""
    return from_day_number(operation.session).isoformat()[:7]


def _next(month: str) -> str:
    return (date.fromisoformat(f"{month}-01") + timedelta(days=31)).isoformat()[:7]


def _last_day(month: str) -> int:
    return day_number(date.fromisoformat(f"{_next(month)}-01")) - 1
