"""The income tax of a paper account, as of a backtest: what its fills, dividends and interest have cost, paid from outside of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.backtest.tax_fills import withheld_from
from engine.backtest.taxed import carried_from
from engine.domain import Market, from_day_number
from engine.market.tax_operations import Fill, Split, operations, valued
from engine.market.tax_table import load_tax_table, to_cents
from engine.market.taxes import assess, tax_so_far
from engine.store.bars import read_instrument

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.store.paper import StoredEvent, StoredFill


def taxes(desk: Desk, fills: Sequence[StoredFill], sessions: Sequence[StoredEvent], until: int) -> dict[str, Any]:
    """{"tax", "owed", "irrf", "interest_tax", "dividend_tax", "losses", "months"} up to the session `until`, R$.

    tax: all that was withheld or is due, on gains, interest and dividends; owed: of that on gains, what is not paid yet. months:
    [{"month", "kind", "sales", "gain", "exempt", "taxable", "tax", "due_date"}]. sessions: the events of the sessions replayed.
    """
    table, carried = load_tax_table(), carried_from(desk.settings.taxes)
    instruments = {symbol: read_instrument(desk.store, symbol) for symbol in {fill.symbol for fill in fills}}
    known = []
    for fill in fills:
        instrument = instruments[fill.symbol]
        value = valued(fill.quantity, fill.price, instrument.point_value)
        known.append(
            Fill(fill.session, fill.time, fill.symbol, instrument.market, fill.side, fill.quantity, value, to_cents(fill.costs))
        )
    splits = [
        Split(event.session, item["symbol"], item["factor"], item["price"])
        for event in sessions
        for item in event.payload["splits"]
    ]
    found, _held = operations(known, splits)
    report = assess(found, table, carried, desk.calendar, until=until)
    on_gains = tax_so_far(found, table, carried)
    payments = [
        (event.session, item["symbol"], to_cents(item["amount"]))
        for event in sessions
        for item in event.payload["dividends"]
        if item["amount"] > 0 and read_instrument(desk.store, item["symbol"]).market in (Market.CASH, Market.FRACTIONAL)
    ]
    dividends = withheld_from(payments, table)
    interest = sum(event.payload["interest"] * float(table.at("interest", event.session)) for event in sessions)
    interest_tax, dividend_tax = to_cents(interest), dividends[-1][1] if dividends else 0
    return {
        "tax": ((on_gains[-1][1] if on_gains else 0) + interest_tax + dividend_tax) / 100,
        "owed": report.owed / 100,
        "irrf": report.irrf / 100,
        "interest_tax": interest_tax / 100,
        "dividend_tax": dividend_tax / 100,
        "losses": {kind: cents / 100 for kind, cents in report.losses.items()},
        "months": [
            {
                "month": month.month,
                "kind": month.kind,
                **{name: getattr(month, name) / 100 for name in ("sales", "gain", "exempt", "taxable", "tax")},
                "due_date": None if month.due_session is None else from_day_number(month.due_session).isoformat(),
            }
            for month in report.months
        ],
    }
