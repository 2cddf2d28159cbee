"""Corporate events on the bars of a symbol: what changes the units held, what is paid, and prices without their jumps."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Bars, PriceBase, day_number, from_day_number
from engine.errors import FileError, SettingsError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

PAYMENTS = ("dividend", "jcp")
UNITS = ("split", "reverse_split", "bonus")


@dataclass(frozen=True, slots=True)
class CorporateEvent:
    """One event of a symbol. kind: one of PAYMENTS or UNITS.

    ex_session: first session without the right, days since 1970-01-01. factor: units after over units before, of UNITS.
    amount: R$ per unit held before the ex date, gross, of PAYMENTS. pay_session: the day of the money, None where not known.
    """

    symbol: str
    kind: str
    ex_session: int
    factor: float | None = None
    amount: float | None = None
    pay_session: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class EventArrays:
    """Events on n bars. split: float64 (n,), units after over units before the bar, 1.0 for none. dividend: float64 (n,), R$ per
    unit held after the split of the bar, net of what is withheld, 0.0 for none. pay: int64 (n,), the bar at whose start the
    dividend of the bar becomes cash: the bar itself where no payment date is known, n when it lies after the data.
    """

    split: FloatArray
    dividend: FloatArray
    pay: IntArray

    @property
    def present(self) -> BoolArray:
        """Bars with an event, bool (n,)."""
        found: BoolArray = (self.split != 1.0) | (self.dividend != 0.0)
        return found

    def keep(self, kept: BoolArray) -> EventArrays:
        """The same events on the bars of the mask `kept` (n,) alone; one of a bar that is left out moves to the next kept one."""
        rows = np.flatnonzero(kept)
        moved = np.searchsorted(rows, np.arange(self.pay.size + 1))
        split, dividend = np.ones(rows.size), np.zeros(rows.size)
        pay = np.arange(rows.size, dtype=np.int64)
        for t in np.flatnonzero(self.present & (moved[:-1] < rows.size)):
            to = moved[t]
            dividend[to] = dividend[to] / self.split[t] + self.dividend[t]
            split[to] *= self.split[t]
            pay[to] = max(pay[to], moved[self.pay[t]])
        return EventArrays(split, dividend, pay)


def event_arrays(bars: Bars, events: Iterable[CorporateEvent]) -> EventArrays:
    """The events of a symbol on its raw bars.

    bars: any timeframe up to a day, closes as traded. An ex date without a bar moves to the next bar; events not after the first bar
    or after the last change nothing here. Several of one bar combine: factors multiply, amounts add, and their money arrives with
    the last of them. JCP is net of the tax withheld, see `net_amount`.
    Raises FileError for payments that are not less than the close before.
    """
    n = len(bars)
    split, paid, pay = np.ones(n), np.zeros(n), np.arange(n, dtype=np.int64)
    for event in events:
        t = int(np.searchsorted(bars.session, event.ex_session))
        if not 0 < t < n:
            continue
        if event.factor is not None:
            split[t] *= event.factor
        elif event.amount is not None:
            paid[t] += net_amount(event)
            if event.pay_session is not None:
                pay[t] = max(pay[t], np.searchsorted(bars.session, event.pay_session))
    before = np.append(np.inf, bars.close[:-1])
    for t in np.flatnonzero(paid >= before)[:1]:
        raise FileError(
            _("{symbol} would pay R$ {amount} a unit on {date}, no less than its price of R$ {price}").format(
                symbol=bars.symbol,
                amount=f"{paid[t]:.10g}",
                date=from_day_number(int(bars.session[t])).isoformat(),
                price=f"{before[t]:.10g}",
            ),
            _("`pregao events {symbol}` lists the events; import the right ones again.").format(symbol=bars.symbol),
        )
    return EventArrays(split, paid / split, pay)


def adjusted_bars(bars: Bars, events: EventArrays) -> Bars:
    """Raw bars, back-adjusted: the newest prices are as traded, those before an event are what they would be without it.

    Prices before bar t are multiplied by (close before - amount) / close before for a payment and divided by the split;
    quantity is multiplied by the splits alone and turnover stays. Prices are not rounded. (The method of CRSP and of most
    vendors; the amount is what reaches the holder.)
    """
    before = bars.close[:-1]
    ratio = (before / events.split[1:] - events.dividend[1:]) / before
    factor, units = _back(ratio), _back(events.split[1:])
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, quantity=bars.quantity * units, price_base=PriceBase.ADJUSTED)


def _back(steps: FloatArray) -> FloatArray:
    """At each of n bars the product of the n - 1 steps that come after it."""
    return np.append(np.cumprod(steps[::-1])[::-1], 1.0)


def net_amount(event: CorporateEvent) -> float:
    """R$ per unit that reach the holder: the amount, less what is withheld from its kind on its ex date."""
    rates = [row.rate for row in _packaged() if row.kind == event.kind and row.valid_from <= event.ex_session]
    return (event.amount or 0.0) * (1.0 - (rates[-1] if rates else 0.0))


@dataclass(frozen=True, slots=True)
class Withholding:
    """One row of the table: the fraction withheld from payments of a kind from `valid_from` (days since 1970-01-01) on."""

    valid_from: int
    kind: str
    rate: float
    source: str
    verified_on: int


def load_withholdings(text: str | None = None) -> tuple[Withholding, ...]:
    """The rows of a table in TOML, by default the packaged `resources/payments.toml`, in order of date.

    Raises SettingsError when a key is missing, unknown or of the wrong type, a kind is no payment, a rate lies outside [0, 1), or
    the rows of a kind are not in order of date.
    """
    if text is None:
        text = (files("engine") / "resources" / "payments.toml").read_text("utf-8")
    try:
        rows = tomllib.loads(text).get("rate", [])
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_("The table of payments is not valid TOML: {error}").format(error=error)) from error
    if not isinstance(rows, list) or not rows:
        raise SettingsError(_("The table of payments has no rows"))
    table = tuple(_row(number, row) for number, row in enumerate(rows, start=1))
    newest: dict[str, int] = {}
    for number, row in enumerate(table, start=1):
        if row.valid_from <= newest.get(row.kind, row.valid_from - 1):
            raise _bad_row(number, _("it is not newer than the row before it"))
        newest[row.kind] = row.valid_from
    return table


def _row(number: int, row: Any) -> Withholding:
    kinds = {"valid_from": date, "kind": str, "rate": float, "source": str, "verified_on": date}
    if not isinstance(row, dict) or row.keys() != kinds.keys():
        raise _bad_row(number, _("its keys must be {keys}").format(keys=", ".join(kinds)))
    for key, kind in kinds.items():
        if not isinstance(row[key], kind) or isinstance(row[key], datetime):
            raise _bad_row(number, _("{key} is not a {kind}").format(key=key, kind=kind.__name__))
    if row["kind"] not in PAYMENTS:
        raise _bad_row(number, _("kind must be one of {kinds}").format(kinds=", ".join(PAYMENTS)))
    if not 0 <= row["rate"] < 1:
        raise _bad_row(number, _("rate must be from 0 to less than {limit}").format(limit=1))
    return Withholding(**(row | {"valid_from": day_number(row["valid_from"]), "verified_on": day_number(row["verified_on"])}))


def _bad_row(number: int, reason: str) -> SettingsError:
    return SettingsError(_("Row {number} of the table of payments is wrong: {reason}").format(number=number, reason=reason))


@lru_cache(maxsize=1)
def _packaged() -> tuple[Withholding, ...]:
    return load_withholdings()
