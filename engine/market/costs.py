"""What a trade costs: the exchange's fees from a dated table, all else (brokerage, slippage, borrowing) from the caller."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Market, day_number, from_day_number
from engine.errors import SettingsError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

MAX_RATE = 0.01
SESSIONS_PER_YEAR = 252
TRADES = ("normal", "day_trade")

#: Markets that pay the rates of the cash market; an index is not traded itself, so it pays what its ETF would.
CASH_RATES = frozenset({Market.CASH, Market.FRACTIONAL, Market.ETF, Market.FII, Market.BDR, Market.INDEX, Market.OTHER})


@dataclass(frozen=True, slots=True)
class CostModel:
    """What each fill of a series of n bars costs.

    fee, fee_day_trade: float64, length n, per side, as a fraction of the notional at that bar, for a position held
    overnight and for one opened and closed in one session. brokerage: R$ per order, ISS included.
    slippage: fraction of the price, applied against the trader on market and stop fills. borrow: what borrowed shares cost
    a year, as a fraction of their value (not futures). contract_fee: R$ per futures contract and side.
    """

    fee: FloatArray
    fee_day_trade: FloatArray
    brokerage: float = 0.0
    slippage: float = 0.0
    borrow: float = 0.0
    contract_fee: float = 0.0

    @property
    def borrow_per_session(self) -> float:
        """What borrowed shares cost over one night, as a fraction of their value: 252 of them compound to `borrow`."""
        return float((1.0 + self.borrow) ** (1.0 / SESSIONS_PER_YEAR) - 1.0)


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the table: the fee per side from `valid_from` (days since 1970-01-01) on, as a fraction."""

    valid_from: int
    market: str
    trade: str
    rate: float
    source: str
    verified_on: int
    note: str = ""


def no_costs(n: int) -> CostModel:
    """A model of n bars in which nothing costs anything."""
    return CostModel(np.zeros(n), np.zeros(n))


def b3_costs(
    sessions: IntArray,
    market: Market,
    *,
    brokerage: float = 0.0,
    iss: float = 0.0,
    slippage: float = 0.0,
    borrow: float = 0.0,
    contract_fee: float = 0.0,
) -> CostModel:
    """B3's fees for an individual on each bar of a series.

    sessions: int64, length n, session of each bar (days since 1970-01-01), in any order. brokerage: R$ per order.
    iss: the tax on brokerage, as a fraction of it. slippage: fraction of the price. borrow: fraction of the value a year, not
    for futures. contract_fee: R$ per futures contract and side, all that the exchange charges for it, since the table has no
    futures; other markets have none.
    A session before the first row pays the first row's rate; `rate_notes` says so in words.
    Raises UsageError for a market without rates (options, term; futures without a contract fee) or a cost that is not a
    sensible number.
    """
    given = (
        ("brokerage", brokerage, 1e6),
        ("iss", iss, 1.0),
        ("slippage", slippage, 1.0),
        ("borrow", borrow, 10.0),
        ("contract_fee", contract_fee, 1e6),
    )
    for name, value, limit in given:
        if not (isfinite(value) and 0 <= value < limit):
            raise UsageError(
                _("{name} cannot be {value}").format(name=name, value=value),
                _("Give a number from 0 to less than {limit}.").format(limit=f"{limit:g}"),
            )
    if market is Market.FUTURE:
        if not contract_fee:
            raise UsageError(
                _("B3's fees of futures are not in the table yet"),
                _("Set costs.contract_fee to all fees of one contract and side in R$, or use --costs none."),
            )
        zero = np.zeros(len(sessions))
        return CostModel(zero, zero, brokerage * (1 + iss), slippage, contract_fee=contract_fee)
    normal, day_trade = (_rates(trade, market) for trade in TRADES)
    return CostModel(
        fee=_rate_on(normal, sessions),
        fee_day_trade=_rate_on(day_trade, sessions),
        brokerage=brokerage * (1 + iss),
        slippage=slippage,
        borrow=borrow,
    )


def rate_notes(sessions: IntArray, market: Market) -> tuple[str, ...]:
    """What a reader should know about the rates that `b3_costs` used for these sessions, in sentences."""
    if len(sessions) == 0 or market is Market.FUTURE:
        return ()
    notes = []
    first, last = int(np.min(sessions)), int(np.max(sessions))
    normal, day_trade = (_rates(trade, market) for trade in TRADES)
    if first < normal[0].valid_from:
        notes.append(
            _("Fees before {date} are not in the table; those of {date} were used.").format(
                date=from_day_number(normal[0].valid_from).isoformat()
            )
        )
    for rows in (normal, day_trade):
        ends = [row.valid_from for row in rows[1:]] + [last + 1]
        notes += [_(row.note) for row, end in zip(rows, ends) if row.note and row.valid_from <= last and end > first]
    if market is Market.INDEX:
        notes.append(_("An index is not traded itself; the fees are those of an ETF."))
    return tuple(notes)


def load_rates(text: str | None = None) -> tuple[Rate, ...]:
    """The rows of a table in TOML, by default the packaged `resources/costs.toml`.

    Raises SettingsError when a key is missing, unknown or of the wrong type, a rate lies outside [0, 1 %), the rows
    are not in order of date, or a market lacks normal or day-trade rates on the first day of the other.
    """
    if text is None:
        text = (files("engine") / "resources" / "costs.toml").read_text("utf-8")
    try:
        rows = tomllib.loads(text).get("rate", [])
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_("The table of fees is not valid TOML: {error}").format(error=error)) from error
    if not isinstance(rows, list) or not rows:
        raise SettingsError(_("The table of fees has no rows"))
    table = tuple(_row(number, row) for number, row in enumerate(rows, start=1))
    starts: dict[tuple[str, str], int] = {}
    for number, (before, row) in enumerate(zip((None, *table[:-1]), table), start=1):
        if before is not None and row.valid_from < before.valid_from:
            raise _bad_row(number, _("it is older than the row before it"))
        starts.setdefault((row.market, row.trade), row.valid_from)
    if len({(row.market, row.trade, row.valid_from) for row in table}) < len(table):
        raise SettingsError(_("The table of fees has two rows for the same market, trade and date"))
    for market in {row.market for row in table}:
        if len({starts.get((market, trade)) for trade in TRADES}) > 1:
            raise SettingsError(
                _("The table of fees has a gap: {market} lacks rates for one kind of trade").format(market=market)
            )
    return table


def _row(number: int, row: Any) -> Rate:
    kinds = {"valid_from": date, "market": str, "trade": str, "rate": float, "source": str, "verified_on": date, "note": str}
    if not isinstance(row, dict) or row.keys() != kinds.keys():
        raise _bad_row(number, _("its keys must be {keys}").format(keys=", ".join(kinds)))
    for key, kind in kinds.items():
        if not isinstance(row[key], kind) or isinstance(row[key], datetime):
            raise _bad_row(number, _("{key} is not a {kind}").format(key=key, kind=kind.__name__))
    if row["trade"] not in TRADES:
        raise _bad_row(number, _("trade must be one of {trades}").format(trades=", ".join(TRADES)))
    if row["market"] not in list(Market):
        raise _bad_row(number, _("{market} is not a market").format(market=row["market"]))
    if not 0 <= row["rate"] < MAX_RATE:
        raise _bad_row(number, _("rate must be from 0 to less than {limit}").format(limit=MAX_RATE))
    return Rate(**(row | {"valid_from": day_number(row["valid_from"]), "verified_on": day_number(row["verified_on"])}))


def _bad_row(number: int, reason: str) -> SettingsError:
    return SettingsError(_("Row {number} of the table of fees is wrong: {reason}").format(number=number, reason=reason))


@lru_cache(maxsize=1)
def _packaged() -> tuple[Rate, ...]:
    return load_rates()


def _rates(trade: str, market: Market) -> list[Rate]:
    if market not in CASH_RATES:
        options, other = (
            _("The costs of options are not in the table yet"),
            _("The costs of this market are not in the table yet"),
        )
        raise UsageError(options if market is Market.OPTION else other, _("Use --costs none."))
    return [row for row in _packaged() if row.trade == trade and row.market == Market.CASH]


def _rate_on(rows: list[Rate], sessions: IntArray) -> FloatArray:
    starts = np.array([row.valid_from for row in rows])
    row = np.maximum(np.searchsorted(starts, sessions, side="right") - 1, 0)
    return np.array([row.rate for row in rows])[row]
