"""A backtest after income tax: the months, what was paid and is owed, and the equity curve less the tax known at each bar.

The orders are those of the gross run: tax is paid from money outside the strategy's sizing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.metrics import cagr
from engine.backtest.tax_fills import TradedSeries, dividend_tax, fills_of, interest_by_bar, series_of, splits_of
from engine.domain import Market, PriceBase, from_day_number
from engine.errors import UsageError
from engine.i18n import _
from engine.market.tax_operations import BUCKETS, COMMON, Fill, Holding, Operation, asset_of, operations, valued
from engine.market.tax_table import TaxTable, load_tax_table
from engine.market.taxes import Carried, TaxReport, assess, tax_so_far
from engine.strategies.base import decimal

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from engine.domain import FloatArray, IntArray
    from engine.market.calendar import Calendar
    from engine.settings_model import Taxes

AMOUNTS = ("sales", "gain", "exempt", "loss_used", "loss_carried", "taxable", "tax", "irrf", "credit", "due")


@dataclass(frozen=True)
class Taxed:
    """A result after tax. equity, after_tax_equity: float64, R$, the capital first. session: int64, one shorter.

    In cents: tax, all that it takes from the final equity (withheld or due, paid or owed, on gains, interest and dividends);
    interest_tax and dividend_tax, parts of it; owed_if_sold, the further tax if every position were sold at the last close,
    negative where that would set losses off against gains of the month.
    """

    report: TaxReport
    equity: FloatArray
    after_tax_equity: FloatArray
    session: IntArray
    tax: int
    interest_tax: int
    dividend_tax: int
    owed_if_sold: int
    notes: tuple[str, ...]

    @property
    def effective_rate(self) -> float:
        """Tax over the gross profit, NaN where there is none."""
        profit = float(self.equity[-1] - self.equity[0])
        return self.tax / 100 / profit if profit > 0 else math.nan

    def figures(self, curve: FloatArray) -> dict[str, float]:
        """final_equity, total_return and cagr of one of the two curves."""
        return {
            "final_equity": float(curve[-1]),
            "total_return": float(curve[-1] / curve[0]) - 1.0,
            "cagr": cagr(curve, float(self.session[-1] - self.session[0] + 1)),
        }

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: {"after_tax", "months", "darfs", "losses", "notes"}, money in R$, undefined None."""
        report = self.report
        after = self.figures(self.after_tax_equity) | {
            "tax": self.tax / 100,
            "irrf": report.irrf / 100,
            "interest_tax": self.interest_tax / 100,
            "dividend_tax": self.dividend_tax / 100,
            "effective_rate": self.effective_rate,
            "owed": report.owed / 100,
            "owed_if_sold": self.owed_if_sold / 100,
            "reclaimable": report.reclaimable / 100,
        }
        return {
            "after_tax": {name: value if math.isfinite(value) else None for name, value in after.items()},
            "months": [
                {"month": month.month, "kind": month.kind}
                | {name: getattr(month, name) / 100 for name in AMOUNTS}
                | {"due_date": None if month.due_session is None else _day(month.due_session)}
                for month in report.months
            ],
            "darfs": [
                {"month": darf.month, "amount": darf.amount / 100, "due_date": _day(darf.due_session), "paid": darf.paid}
                for darf in report.darfs
            ],
            "losses": {kind: report.losses[kind] / 100 for kind in BUCKETS},
            "notes": list(self.notes),
        }


def carried_from(settings: Taxes) -> Carried:
    """What the settings carry in from outside."""
    return Carried.of(
        common=settings.loss_common,
        day_trade=settings.loss_day_trade,
        fii=settings.loss_fii,
        exemption_used=settings.exemption_used,
    )


def tax_report(result: BacktestResult, carried: Carried, calendar: Calendar, table: TaxTable | None = None) -> Taxed:
    """One backtest after tax; table: None for the packaged one.

    Raises NoDataError where the calendar does not reach the month after the last one with a payment.
    """
    remarks = []
    if result.price_base is PriceBase.ADJUSTED and not result.raw_fills:
        remarks.append(_("Fills are at adjusted prices: sales differ from the money of the day, and so may the exempt months."))
    return account_tax(
        [series_of(result)],
        equity=result.equity,
        session=result.session,
        interest=interest_by_bar(result),
        carried=carried,
        calendar=calendar,
        table=table,
        remarks=remarks,
    )


def account_tax(
    every: Sequence[TradedSeries],
    *,
    equity: FloatArray,
    session: IntArray,
    interest: FloatArray | None = None,
    carried: Carried | None = None,
    calendar: Calendar,
    table: TaxTable | None = None,
    remarks: Sequence[str] = (),
) -> Taxed:
    """The tax of one account that traded several symbols.

    equity: float64, n + 1, R$, the capital first. session: int64, n, session of each value after it, not decreasing.
    interest: float64, n, R$ earned on cash at each bar, None for none. remarks: further notes.
    Raises UsageError for arrays that do not fit each other, NoDataError for a calendar that ends too early.
    """
    if session.size == 0 or equity.size != session.size + 1 or (interest is not None and interest.size != session.size):
        raise UsageError(_("The equity curve, its sessions and the interest do not have fitting lengths"))
    table, carried = table or load_tax_table(), carried or Carried()
    until = int(session[-1])
    fills = [fill for series in every for fill in fills_of(series)]
    splits = {(split.session, split.symbol): split for series in every for split in splits_of(series)}.values()
    found, held = operations(fills, splits)
    known, paid_out = tax_so_far(found, table, carried), dividend_tax(every, table)
    sold = _sales(held, every, until)
    if_sold = tax_so_far(operations([*fills, *sold], splits)[0], table, carried) if sold else known
    on_interest = _on_interest(interest, session, table)
    curve = equity.copy()
    curve[1:] -= (_at_each(session, known) + _at_each(session, paid_out) + on_interest) / 100
    report = assess(found, table, carried, calendar, until=until)
    return Taxed(
        report=report,
        equity=equity,
        after_tax_equity=curve,
        session=session,
        tax=_last(known) + _last(paid_out) + int(on_interest[-1]),
        interest_tax=int(on_interest[-1]),
        dividend_tax=_last(paid_out),
        owed_if_sold=_last(if_sold) - _last(known),
        notes=(*_notes(every, report, found, table), *_income_notes(on_interest, paid_out, table, until), *remarks),
    )


def _sales(held: Sequence[Holding], every: Sequence[TradedSeries], until: int) -> list[Fill]:
    """Closing fills, without costs, at the last closes and after everything else."""
    now = max(int(series.time[-1]) for series in every) + 1
    traded = {asset_of(series.instrument.symbol, series.instrument.market): series for series in every}
    fills = []
    for item in held:
        series = traded[item.symbol]
        value = valued(abs(item.units), float(series.close[-1]), series.instrument.point_value)
        fills.append(Fill(until, now, item.symbol, item.market, -1 if item.units > 0 else 1, abs(item.units), value))
    return fills


def _on_interest(interest: FloatArray | None, session: IntArray, table: TaxTable) -> FloatArray:
    """Tax on the interest up to each bar, whole cents."""
    if interest is None or not interest.any():
        return np.zeros(session.size)
    rates = np.array([float(table.at("interest", int(day))) for day in session])
    return np.floor(np.cumsum(interest * rates) * 100 + 0.5)


def _at_each(session: IntArray, steps: Sequence[tuple[int, int]]) -> FloatArray:
    """The running figure of `steps` (session, cents) at each bar, 0 before the first."""
    days = np.array([day for day, _cents in steps], dtype=np.int64)
    values = np.array([0.0, *(cents for _day, cents in steps)])
    return np.asarray(values[np.searchsorted(days, session, side="right")], dtype=np.float64)


def _last(steps: Sequence[tuple[int, int]]) -> int:
    return steps[-1][1] if steps else 0


def _notes(every: Sequence[TradedSeries], report: TaxReport, found: Sequence[Operation], table: TaxTable) -> tuple[str, ...]:
    """What a reader should know about the tax on gains, in sentences."""
    notes = [_("An estimate, not advice. The orders are those of the run before tax: tax is paid from money outside the sizing.")]
    markets = {market: [s.instrument.symbol for s in every if s.instrument.market is market] for market in Market}
    if markets[Market.OTHER]:
        notes.append(
            _(
                "What {symbols} is cannot be told from the symbol: taxed as common without exemption; a real-estate fund pays more."
            ).format(symbols=", ".join(markets[Market.OTHER]))
        )
    if markets[Market.INDEX]:
        notes.append(_("An index is not traded itself; it is taxed like an ETF."))
    if found and found[0].session < table.begins(COMMON):
        notes.append(
            _("Taxes before {date} are not in the table; those of {date} were used.").format(date=_day(table.begins(COMMON)))
        )
    if any(operation.short and operation.market is Market.CASH for operation in found):
        notes.append(_("Gains of short sales of shares are never taken as exempt, though their sales count towards the limit."))
    if any(float(series.trades["borrow"].sum()) > 0 for series in every):
        notes.append(_("What borrowing the shares cost is not deducted from the gain."))
    if report.waiting:
        notes.append(
            _("R$ {amount} are below the smallest payment and wait for later months.").format(amount=_reais(report.waiting))
        )
    if report.reclaimable:
        notes.append(
            _("R$ {amount} were withheld and never set off within their year; the annual return may bring them back.").format(
                amount=_reais(report.reclaimable)
            )
        )
    return tuple(notes)


def _income_notes(interest: FloatArray, dividends: Sequence[tuple[int, int]], table: TaxTable, until: int) -> tuple[str, ...]:
    """What a reader should know about the tax on interest and dividends."""
    notes = []
    if interest[-1]:
        rate = decimal(float(table.at("interest", until)) * 100, 1)
        notes.append(_("Interest on idle cash is taxed at {rate} %, the highest rate of fixed income.").format(rate=rate))
    if _last(dividends):
        notes.append(
            _("R$ {amount} were withheld from dividends above R$ {limit} a month.").format(
                amount=_reais(_last(dividends)), limit=_reais(table.cents("dividend_limit", until))
            )
        )
    return tuple(notes)


def _reais(cents: int) -> str:
    return decimal(cents / 100)


def _day(session: int) -> str:
    return from_day_number(session).isoformat()
