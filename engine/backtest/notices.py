"""What a reader should know before believing the figures of a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.backtest import kernel
from engine.domain import Bars, Market, PriceBase, from_day_number
from engine.i18n import _, ngettext
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from engine.domain import FloatArray, IntArray

JUMP = 0.15
SHOWN = 5
FEW_RETURNS = 30


def jumps(bars: Bars, split: FloatArray, dividend: FloatArray, limit: float = JUMP) -> IntArray:
    """Bars that open more than `limit` (a fraction) away from the close before, as their events leave it: int64 indices.

    split, dividend: float64, as long as the bars, see `engine.market.adjust.EventArrays`.
    """
    left = bars.close[:-1] / split[1:] - dividend[1:]
    return (np.flatnonzero(np.abs(bars.open[1:] / left - 1.0) > limit) + 1).astype(np.int64)


def notices(result: BacktestResult) -> tuple[str, ...]:
    """The sentences that belong to a result, the most important first."""
    return (*about_data(result), *_about_trading(result), *_about_window(result))


def about_data(result: BacktestResult) -> tuple[str, ...]:
    """The sentences on the prices and the instrument."""
    return (*_about_prices(result), *_about_instrument(result))


def _about_prices(result: BacktestResult) -> list[str]:
    if result.raw_fills:
        found = [
            _("Signals come from {base} prices; fills, lots, costs and stops from raw ones.").format(base=_(result.price_base))
        ]
        count = int(np.count_nonzero((result.split != 1.0) | (result.dividend != 0.0)))
        if count:
            found.append(
                ngettext(
                    "{count} corporate event was applied to open positions.",
                    "{count} corporate events were applied to open positions.",
                    count,
                ).format(count=count)
            )
        return found + _unexplained(result)
    texts = {
        PriceBase.RAW: _("Only raw prices are known: a split or dividend looks like a move of the price."),
        PriceBase.ADJUSTED: _(
            "Only adjusted prices are known, which were never traded: lots, costs and stops use them, unrounded."
        ),
        PriceBase.UNKNOWN: _("It is not known whether the prices are raw or adjusted."),
    }
    return [texts[result.price_base], *_unexplained(result)]


def _unexplained(result: BacktestResult) -> list[str]:
    window = slice(result.first, result.last + 1)
    bars = result.bars.take(window)
    rows = jumps(bars, result.split[window], result.dividend[window])
    if not rows.size:
        return []
    days = ", ".join(from_day_number(int(bars.session[row])).isoformat() for row in rows[:SHOWN])
    return [
        ngettext(
            "{count} jump of more than {limit} % between bars is not explained by any event: {days}.",
            "{count} jumps of more than {limit} % between bars are not explained by any event: {days}.",
            int(rows.size),
        ).format(count=rows.size, limit=round(JUMP * 100), days=days + (" ..." if rows.size > SHOWN else ""))
    ]


def _about_instrument(result: BacktestResult) -> list[str]:
    market = result.instrument.market
    if market is Market.INDEX:
        return [
            _(
                "An index cannot be bought: one unit here is a thousandth of it, as a share of an ETF on it, whose result may differ."
            )
        ]
    if market is Market.FUTURE:
        return [
            _(
                "A future needs {margin} of its notional as margin and is settled in cash every day; rolls from one contract to"
                " the next are not simulated."
            ).format(margin=percent(result.config.futures_margin, 0))
        ]
    return []


def _about_trading(result: BacktestResult) -> list[str]:
    trades = result.outcome.trades
    found = []
    if (trades["reason"] == kernel.LIQUIDATION).any():
        found.append(_("The account was ruined: the position was liquidated and trading stopped."))
    if result.outcome_range is not None:
        low, high = sorted(result.outcome_range.values())
        found.append(
            ngettext(
                "{count} trade depends on what came first within a bar: the total return lies between {low} and {high}.",
                "{count} trades depend on what came first within a bar: the total return lies between {low} and {high}.",
                int(trades["ambiguous"].sum()),
            ).format(count=int(trades["ambiguous"].sum()), low=percent(low), high=percent(high))
        )
    if result.outcome.rejected:
        found.append(
            ngettext(
                "{count} order was not placed: not even one lot could be sized or paid for.",
                "{count} orders were not placed: not even one lot could be sized or paid for.",
                result.outcome.rejected,
            ).format(count=result.outcome.rejected)
        )
    if result.outcome.no_quantity:
        found.append(
            ngettext(
                "{count} bar has no known volume, so that nothing was traded there under the cap on volume.",
                "{count} bars have no known volume, so that nothing was traded there under the cap on volume.",
                result.outcome.no_quantity,
            ).format(count=result.outcome.no_quantity)
        )
    if any(fill.symbol != result.instrument.symbol for fill in result.outcome.fills) and result.simulation.fractional is None:
        found.append(_("No bars of the fractional market are stored: its fills are at the prices of whole lots."))
    if trades.size and trades["exit"][-1] < 0:
        found.append(_("The last position is still open and is marked at the last close."))
    return [*found, *_about_holding(result)]


def _about_holding(result: BacktestResult) -> list[str]:
    trades = result.outcome.trades
    paid = float(trades["borrow"].sum())
    found = about_money(result.outcome.interest, paid, known=result.simulation.rate is not None)
    if not paid and result.instrument.market is not Market.FUTURE and (trades["side"] < 0).any():
        found.append(_("Short positions pay no fee for borrowing."))
    return found


def about_money(interest: float, borrowed: float, *, known: bool) -> list[str]:
    """What idle cash earned and borrowed shares cost, in R$, or that cash earned nothing; known: whether there is a rate."""
    found = []
    if interest:
        found.append(_("Cash that was not invested earned R$ {amount}.").format(amount=decimal(interest)))
    elif not known:
        found.append(_("Cash that is not invested earns nothing."))
    if borrowed:
        found.append(_("Borrowing shares for short positions cost R$ {amount}.").format(amount=decimal(borrowed)))
    return found


def _about_window(result: BacktestResult) -> list[str]:
    found = []
    if result.asked_start < result.first:
        found.append(
            _("The window starts on {date}: the strategy needs {bars} bars before it.").format(
                date=from_day_number(int(result.session[0])).isoformat(), bars=result.strategy.warm_up
            )
        )
    if result.provisional_left_out:
        found.append(
            ngettext(
                "{count} provisional bar was left out.", "{count} provisional bars were left out.", result.provisional_left_out
            ).format(count=result.provisional_left_out)
        )
    if result.risk_free is None:
        found.append(_("No CDI series was given: Sharpe and Sortino ratios are over zero."))
    if result.session.size < FEW_RETURNS:
        found.append(
            _("Ratios come from {count} returns only; below {least} they mean little.").format(
                count=result.session.size, least=FEW_RETURNS
            )
        )
    return found
