"""What the tax needs to know of a simulation: its fills, splits, dividends and interest, by session."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.backtest.kernel import EVENT
from engine.domain import Market, from_day_number
from engine.market.tax_operations import Fill, Split, asset_of, share, valued
from engine.market.tax_table import TaxTable, portion, to_cents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.backtest.result import BacktestResult
    from engine.domain import FloatArray, Instrument, IntArray

#: Rounding noise in units held, as in the simulation.
WHOLE = 1e-6
#: The letters of a ticker that name the company.
COMPANY = 4


class Dealt(Protocol):
    """One fill as `engine.backtest.positions` keeps it: the row of its bar, +1 or -1, units, price, costs in R$."""

    @property
    def bar(self) -> int: ...
    @property
    def side(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def price(self) -> float: ...
    @property
    def costs(self) -> float: ...


@dataclass(frozen=True, slots=True)
class TradedSeries:
    """What one symbol of an account did. All its bars, n: time (UTC seconds), session, open, close (as filled), split, dividend.

    trades: `kernel.TRADE`, indices count these bars. position: int64, signed units at the close of the bars from `first` on.
    dealt: the fills themselves where the simulation kept them; None takes them from the trades.
    """

    instrument: Instrument
    time: IntArray
    session: IntArray
    open: FloatArray
    close: FloatArray
    split: FloatArray
    dividend: FloatArray
    trades: NDArray[np.void]
    position: IntArray
    first: int
    dealt: Sequence[Dealt] | None = None


def series_of(result: BacktestResult) -> TradedSeries:
    """The one symbol of a backtest."""
    bars, run = result.bars, result.outcome
    return TradedSeries(
        result.instrument, bars.time, bars.session, bars.open, bars.close,
        result.split, result.dividend, run.trades, run.position, result.first, run.fills or None,
    )  # fmt: skip


def fills_of(series: TradedSeries) -> list[Fill]:
    """The fills of the account, or those of every trade.

    A trade knows its costs as a whole: they are shared out by the value of entry and exit, and where parts of a position have
    fractions of a cent, these are passed on to the next trade. An entry filled over several bars
    counts at its first one and at its average price.
    """
    if series.dealt is not None:
        return [
            _with_costs(_fill(series, dealt.bar, dealt.side, dealt.quantity, dealt.price), to_cents(dealt.costs))
            for dealt in series.dealt
        ]
    changes = np.flatnonzero(series.split != 1.0)
    totals = [0, *(to_cents(float(total)) for total in np.cumsum(series.trades["costs"]))]
    fills = []
    for trade, before, after in zip(series.trades, totals, totals[1:]):
        entry, leave = int(trade["entry"]), int(trade["exit"])
        side, quantity = int(trade["side"]), int(trade["quantity"])
        costs = after - before
        bought = _fill(series, entry, side, quantity, float(trade["entry_price"]))
        if leave < 0:
            fills.append(_with_costs(bought, costs))
            continue
        units = quantity
        vanished = int(trade["reason"]) == EVENT
        for t in changes[(changes > entry) & (changes < leave + (not vanished))]:
            units = math.floor(units * float(series.split[t]) + WHOLE)
        sold = _fill(series, leave, -side, units, float(trade["exit_price"]))
        total = bought.value + sold.value
        first = share(costs, bought.value, total) if total else costs
        fills += [_with_costs(bought, first), _with_costs(sold, costs - first)]
    return fills


def splits_of(series: TradedSeries) -> list[Split]:
    """The splits of the window; one that left no whole unit closed the position by a fill of its own and is left out."""
    vanished = {int(trade["exit"]) for trade in series.trades if int(trade["reason"]) == EVENT}
    changes = np.flatnonzero(series.split[series.first :] != 1.0) + series.first
    symbol, value = asset_of(series.instrument.symbol, series.instrument.market), series.instrument.point_value
    return [
        Split(int(series.session[t]), symbol, float(series.split[t]), float(series.open[t]) * value)
        for t in changes
        if int(t) not in vanished
    ]


def dividend_tax(every: Sequence[TradedSeries], table: TaxTable) -> list[tuple[int, int]]:
    """What was withheld from the dividends of shares up to each session with a payment: (session, cents), in order.

    Counted at the ex session. All payments of one company in a month count, once their sum is above the limit; the letters
    of the ticker name the company.
    """
    payments: list[tuple[int, str, int]] = []
    for series in every:
        if series.instrument.market not in (Market.CASH, Market.FRACTIONAL):
            continue
        before = np.concatenate(([0], series.position[:-1]))
        window = slice(series.first, series.first + series.position.size)
        for at in np.flatnonzero((series.dividend[window] != 0.0) & (before > 0)):
            t = series.first + int(at)
            units = math.floor(int(before[at]) * float(series.split[t]) + WHOLE)
            amount = valued(units, float(series.dividend[t]), series.instrument.point_value)
            payments.append((int(series.session[t]), series.instrument.symbol, amount))
    return withheld_from(payments, table)


def withheld_from(payments: Sequence[tuple[int, str, int]], table: TaxTable) -> list[tuple[int, int]]:
    """The same from the payments themselves: (session, symbol, cents), in any order."""
    sums: dict[tuple[str, str], int] = {}
    taken: dict[tuple[str, str], int] = {}
    found = []
    for session, symbol, amount in sorted(payments):
        key = (from_day_number(session).isoformat()[:7], symbol[:COMPANY])
        sums[key] = sums.get(key, 0) + amount
        if sums[key] > table.cents("dividend_limit", session):
            taken[key] = portion(sums[key], table.at("dividend", session))
            found.append((session, sum(taken.values())))
    return found


def interest_by_bar(result: BacktestResult) -> FloatArray:
    """The interest of a backtest shared out over the first bars of its sessions, float64, length n, R$.

    The sum is exact; the shares follow the cash left idle at the close before and the CDI.
    """
    total, session = result.outcome.interest, result.session
    shared = np.zeros(session.size)
    if total == 0.0:
        return shared
    close = result.bars.close[result.first : result.last + 1]
    invested = np.abs(result.outcome.position) * close * result.instrument.point_value
    idle = np.maximum(result.equity[:-1] - np.concatenate(([0.0], invested[:-1])), 0.0)
    weight = idle if result.risk_free is None else idle * result.risk_free
    weight = np.where(np.append(True, session[1:] != session[:-1]), weight, 0.0)
    if weight.sum() > 0:
        return np.asarray(total * weight / weight.sum(), dtype=np.float64)
    shared[-1] = total
    return shared


def _fill(series: TradedSeries, at: int, side: int, quantity: int, price: float) -> Fill:
    instrument = series.instrument
    value = valued(quantity, price, instrument.point_value)
    return Fill(int(series.session[at]), int(series.time[at]), instrument.symbol, instrument.market, side, quantity, value)


def _with_costs(fill: Fill, costs: int) -> Fill:
    return Fill(fill.session, fill.time, fill.symbol, fill.market, fill.side, fill.quantity, fill.value, costs)
