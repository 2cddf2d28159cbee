"""A backtest after tax: fills from trades, the curve, what is owed if all were sold, several symbols."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from engine.backtest import kernel
from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.execution import Execution
from engine.backtest.positions import Fill
from engine.backtest.subjects import random_walk
from engine.backtest.tax_fills import TradedSeries, dividend_tax, fills_of, interest_by_bar, series_of, splits_of
from engine.backtest.taxed import account_tax, carried_from, tax_report
from engine.domain import Bars, Instrument, Market, PriceBase, day_number
from engine.errors import UsageError
from engine.market.calendar import Calendar, load_calendar
from engine.market.costs import CostModel, b3_costs, no_costs
from engine.market.tax_operations import operations
from engine.market.tax_table import load_tax_table, to_cents
from engine.market.taxes import Carried
from engine.settings_model import Taxes
from engine.strategies import get
from tui.reports.tax import tax_table

MONDAY = day_number(date(2025, 3, 3))
TABLE = load_tax_table()
NONE = Carried()
DATA = Path(__file__).parents[2].parent / "shared" / "data"


def weekdays(first: int, last: int) -> np.ndarray:
    days = np.arange(first, last + 1)
    return days[(days + 3) % 7 < 5]


CALENDAR = Calendar(weekdays(0, 40_000), 0, 40_000)


def series(
    prices: list[float], trades: list[dict], *, symbol="PETR4", market=Market.CASH, split=None, dividend=None, position=None
):
    """Daily bars of the weekdays from 2025-03-03 on whose open and close are `prices`."""
    n = len(prices)
    records = np.zeros(len(trades), dtype=kernel.TRADE)
    for record, trade in zip(records, trades):
        for name, value in ({"side": 1, "reason": kernel.SIGNAL} | trade).items():
            record[name] = value
    session = weekdays(MONDAY, MONDAY + 2 * n + 7)[:n]
    units = np.zeros(n, dtype=np.int64) if position is None else np.array(position, dtype=np.int64)
    return TradedSeries(
        Instrument(symbol, market), session * 86_400, session, np.array(prices, dtype=float), np.array(prices, dtype=float),
        np.ones(n) if split is None else np.array(split), np.zeros(n) if dividend is None else np.array(dividend), records,
        units, 0,
    )  # fmt: skip


def trade(quantity: int, entry: int, entry_price: float, leave: int, exit_price: float, costs: float = 0.0, **more) -> dict:
    found = {"quantity": quantity, "entry": entry, "entry_price": entry_price, "exit": leave, "exit_price": exit_price}
    return found | {"costs": costs} | more


def flat(value: float, n: int) -> np.ndarray:
    return np.full(n + 1, value)


def test_a_taxable_gain_leaves_the_curve_when_it_is_made_not_when_it_is_paid():
    one = series([30.0] * 60, [trade(1000, 1, 30.0, 3, 35.0, 20.0)])
    equity = np.concatenate((flat(100_000.0, 3)[:4], np.full(57, 104_980.0)))
    taxed = account_tax([one], equity=equity, session=one.session, calendar=CALENDAR)
    # 15 % of 4,980.00 = 747.00, of which 0.005 % of 35,000.00 = 1.75 is withheld at the sale
    lost = np.round(equity - taxed.after_tax_equity, 2)
    assert lost.tolist() == [0.0] * 4 + [747.0] * 57
    assert (taxed.tax, taxed.report.irrf, taxed.report.darfs[0].amount, taxed.report.darfs[0].paid) == (74_700, 175, 74_525, True)
    assert taxed.effective_rate == pytest.approx(0.15)


def test_an_exempt_gain_costs_nothing():
    one = series([30.0] * 10, [trade(500, 1, 30.0, 3, 35.0)])
    taxed = account_tax([one], equity=flat(100_000.0, 10), session=one.session, calendar=CALENDAR)
    assert taxed.tax == 0
    assert np.array_equal(taxed.after_tax_equity, taxed.equity)
    assert taxed.report.months[0].exempt == 250_000


def test_two_symbols_of_one_account_share_the_exemption():
    legs = [series([30.0] * 10, [trade(400, 1, 30.0, 3, 35.0)], symbol=symbol) for symbol in ("PETR4", "VALE3")]
    alone = account_tax(legs[:1], equity=flat(1e5, 10), session=legs[0].session, calendar=CALENDAR)
    both = account_tax(legs, equity=flat(1e5, 10), session=legs[0].session, calendar=CALENDAR)
    assert (alone.tax, both.tax) == (0, 60_000)
    other_way = account_tax(legs[::-1], equity=flat(1e5, 10), session=legs[0].session, calendar=CALENDAR)
    assert other_way.report == both.report


def test_an_open_position_owes_nothing_until_it_is_sold():
    one = series([30.0] * 9 + [40.0], [trade(1000, 1, 30.0, -1, 40.0, reason=kernel.OPEN)])
    taxed = account_tax([one], equity=flat(1e5, 10), session=one.session, calendar=CALENDAR)
    assert (taxed.tax, taxed.report.months, taxed.owed_if_sold) == (0, (), 150_000)


def test_selling_an_open_loss_would_lower_the_tax_of_the_month():
    one = series([30.0] * 9 + [28.0], [trade(1000, 1, 30.0, 3, 35.0), trade(1000, 5, 30.0, -1, 28.0, reason=kernel.OPEN)])
    taxed = account_tax([one], equity=flat(1e5, 10), session=one.session, calendar=CALENDAR)
    assert (taxed.tax, taxed.owed_if_sold) == (75_000, -30_000)


def test_an_open_short_is_bought_back_at_the_last_close():
    one = series([30.0] * 9 + [28.0], [trade(1000, 1, 30.0, -1, 28.0, side=-1, reason=kernel.OPEN)])
    taxed = account_tax([one], equity=flat(1e5, 10), session=one.session, calendar=CALENDAR)
    # withheld on the short sale of 30,000.00; 15 % of 2,000.00 in all
    assert (taxed.tax, taxed.owed_if_sold) == (150, 30_000 - 150)
    assert any("short" in note for note in taxed.notes)


def test_a_split_between_entry_and_exit():
    one = series([40.0, 40.0, 10.0, 10.0, 12.0], [trade(1000, 1, 40.0, 4, 12.0)], split=[1, 1, 4.0, 1, 1])
    taxed = account_tax([one], equity=flat(1e5, 5), session=one.session, calendar=CALENDAR)
    assert [(fill.quantity, fill.value) for fill in fills_of(one)] == [(1000, 4_000_000), (4000, 4_800_000)]
    assert (taxed.report.months[0].gain, taxed.tax) == (800_000, 120_000)


def test_a_position_that_a_grouping_leaves_without_a_unit_is_sold_as_it_was():
    one = series([1.0, 1.0, 10.0, 10.0], [trade(5, 0, 1.0, 2, 1.5, reason=kernel.EVENT)], split=[1, 1, 0.1, 1])
    assert splits_of(one) == []
    assert [fill.quantity for fill in fills_of(one)] == [5, 5]
    assert operations(fills_of(one))[1] == []


def test_the_costs_of_a_trade_are_shared_out_to_the_cent():
    one = series([30.0] * 5, [trade(100, 1, 10.0, 3, 20.0, 1.00)])
    assert [fill.costs for fill in fills_of(one)] == [33, 67]
    (found,) = operations(fills_of(one))[0]
    assert found.gain == 100_000 - 100


def test_the_fills_of_the_account_are_taken_where_it_kept_them():
    dealt = (
        Fill("PETR4", 1, 1, 100, 10.0, 0.5, -1),
        Fill("PETR4", 2, 1, 100, 12.0, 0.5, -1),
        Fill("PETR4F", 2, -1, 50, 13.0, 0.1, 1),
    )
    one = replace(series([30.0] * 5, []), dealt=dealt)
    found, held = operations(fills_of(one))
    # 50 of the first 100 bought on that day: 12.00 and a quarter of a real
    assert [(item.kind, item.quantity, item.gain) for item in found] == [("day_trade", 50, 65_000 - 10 - 60_025)]
    assert [(item.units, item.cost) for item in held] == [(150, 100_050 + 60_025)]


def test_interest_is_taxed_as_fixed_income():
    one = series([30.0] * 4, [])
    interest = np.array([0.0, 10.0, 0.0, 30.02])
    equity = np.array([1e5, 1e5, 100_010.0, 100_010.0, 100_040.02])
    taxed = account_tax([one], equity=equity, session=one.session, interest=interest, calendar=CALENDAR)
    # 22.5 % of 10.00, then of 40.02 = 9.0045
    assert np.round(equity - taxed.after_tax_equity, 6).tolist() == [0, 0, 2.25, 2.25, 9.0]
    assert (taxed.interest_tax, taxed.tax) == (900, 900)
    assert any("fixed income" in note for note in taxed.notes)


def test_dividends_above_the_limit_are_withheld_from_2026_on():
    rich = {"dividend": [0, 0, 3.0, 0, 3.0], "position": [0, 10_000, 10_000, 10_000, 10_000]}
    one = series([30.0] * 5, [], **rich)
    assert [cents for _day, cents in dividend_tax([one], TABLE)] == [0]
    later = replace(one, session=weekdays(day_number(date(2026, 3, 2)), day_number(date(2026, 3, 6))))
    # 30,000.00 stays below; 60,000.00 pays 10 % of all of it
    assert dividend_tax([later], TABLE) == [(int(later.session[4]), 600_000)]
    fund = replace(later, instrument=Instrument("HGLG11", Market.FII))
    short = replace(later, position=-later.position)
    assert dividend_tax([fund, short], TABLE) == []


def test_the_settings_carry_losses_in():
    taxes = Taxes(loss_common=1_000.00, loss_day_trade=2.0, loss_fii=3.0, exemption_used=20_000.0)
    assert carried_from(taxes) == Carried({"common": 100_000, "day_trade": 200, "fii": 300}, 2_000_000)
    one = series([30.0] * 10, [trade(500, 1, 30.0, 3, 35.0)])
    taxed = account_tax([one], equity=flat(1e5, 10), session=one.session, calendar=CALENDAR, carried=carried_from(taxes))
    assert taxed.tax == 22_500


def test_arrays_that_do_not_fit_are_refused():
    one = series([30.0] * 4, [])
    with pytest.raises(UsageError, match="lengths"):
        account_tax([one], equity=flat(1e5, 3), session=one.session, calendar=CALENDAR)


@pytest.mark.parametrize(("market", "word"), [(Market.OTHER, "real-estate"), (Market.INDEX, "ETF")])
def test_a_market_that_is_guessed_is_said(market, word):
    one = series([30.0] * 4, [], market=market)
    taxed = account_tax([one], equity=flat(1e5, 4), session=one.session, calendar=CALENDAR)
    assert any(word in note for note in taxed.notes)


def walk(seed: int, count: int = 700):
    """A made daily series in whole cents on the weekdays from 2023 on."""
    bars = random_walk(count, seed)
    session = weekdays(day_number(date(2023, 1, 2)), day_number(date(2030, 1, 1)))[:count]
    prices = {name: np.round(getattr(bars, name), 2) for name in ("open", "high", "low", "close")}
    return replace(bars, symbol="WALK3", session=session, time=session * 86_400 + 46_800, price_base=PriceBase.RAW, **prices)


def traded_walk(seed: int, strategy: str = "macd_crossover", *, free: bool = False, market: Market = Market.CASH, **config):
    bars = walk(seed)
    costs: CostModel = no_costs(len(bars)) if free else b3_costs(bars.session, Market.CASH, slippage=0.0002)
    return backtest(
        bars, get(strategy), BacktestConfig(**config), instrument=Instrument("WALK3", market), costs=costs, compiled=False
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_gains_of_a_backtest_are_the_profits_of_its_trades(seed):
    result = traded_walk(seed)
    found, _held = operations(fills_of(series_of(result)))
    closed = result.outcome.trades[result.outcome.trades["exit"] >= 0]
    opened = [item for item in found if item.gain == 0]
    profit = closed["pnl"] - closed["income"] + closed["borrow"]
    assert closed.size > 5
    assert tax_report(result, NONE, CALENDAR).tax > 0
    assert len(found) - len(opened) <= closed.size
    assert sum(item.gain for item in found) == pytest.approx(100 * float(profit.sum()), abs=0.01)


ORDERS = (
    Execution(partial=0.5, partial_r=0.5, trail_atr=3.0, time_exit=20),
    Execution(entry="limit", entry_bars=3),
    Execution(volume_cap=0.05, partial=0.3),
)


@pytest.mark.parametrize("execution", ORDERS)
def test_orders_of_every_kind_leave_no_cent_behind(execution):
    result = traded_walk(4, execution=execution)
    found, held = operations(fills_of(series_of(result)))
    closed = result.outcome.trades[result.outcome.trades["exit"] >= 0]
    open_trades = result.outcome.trades[result.outcome.trades["exit"] < 0]
    profit = closed["pnl"] - closed["income"] + closed["borrow"]
    assert closed.size > 5
    assert sum(item.units for item in held) == int((open_trades["side"] * open_trades["quantity"]).sum())
    # parts of a position and average entries have fractions of a cent, the taxable values have not
    assert sum(item.gain for item in found) == pytest.approx(100 * float(profit.sum()), abs=0.5 * closed.size)


def test_the_interest_of_a_real_run_is_taxed():
    bars = walk(3)
    cash = np.full(len(bars), 0.0004)
    result = backtest(
        bars, get("macd_crossover"), instrument=Instrument("WALK3"), costs=no_costs(len(bars)), risk_free=cash, idle_cash=True
    )
    taxed = tax_report(result, NONE, CALENDAR)
    assert result.outcome.interest > 100
    assert taxed.interest_tax == pytest.approx(22.5 * result.outcome.interest, abs=0.6)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(["macd_crossover", "breakout", "mean_reversion"]), st.booleans())
def test_the_curve_after_tax_is_never_above_the_gross_one_and_ends_at_the_tax(seed, strategy, short):
    result = traded_walk(seed, strategy, allow_short=short)
    taxed = tax_report(result, NONE, CALENDAR)
    lost = result.equity - taxed.after_tax_equity
    assert taxed.after_tax_equity.size == result.equity.size
    assert taxed.after_tax_equity.dtype == np.float64
    assert lost[0] == 0
    assert (lost >= -1e-6).all()
    assert lost[-1] == pytest.approx(taxed.tax / 100, abs=1e-6)
    report = taxed.report
    assert report.paid + report.owed == report.tax
    assert taxed.tax == report.irrf - report.credit + report.tax + taxed.interest_tax + taxed.dividend_tax


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.integers(300, 650))
def test_the_curve_does_not_see_later_bars(seed, end):
    bars = walk(seed)
    costs = no_costs(len(bars))
    whole, cut = (
        backtest(
            bars, get("macd_crossover"), instrument=Instrument("WALK3"), costs=costs, end=int(bars.time[last]), compiled=False
        )
        for last in (699, end)
    )
    full, early = (tax_report(result, NONE, CALENDAR).after_tax_equity for result in (whole, cut))
    assert np.array_equal(early, full[: early.size])


def test_the_interest_of_a_backtest_is_shared_out_to_the_last_cent():
    result = traded_walk(3)
    earning = replace(result, outcome=replace(result.outcome, interest=123.45), risk_free=np.full(result.session.size, 0.0004))
    shared = interest_by_bar(earning)
    assert shared.sum() == pytest.approx(123.45)
    assert (shared >= 0).all()
    held = np.concatenate(([0], result.outcome.position[:-1])) != 0
    assert shared[~held].mean() > shared[held].mean()
    assert tax_report(earning, NONE, CALENDAR).interest_tax == 2_778
    assert interest_by_bar(result).sum() == 0


def test_the_json_form_is_documented_and_plain():
    taxed = tax_report(traded_walk(1), NONE, CALENDAR)
    found = json.loads(json.dumps(taxed.as_dict(), allow_nan=False))
    assert set(found) == {"after_tax", "months", "darfs", "losses", "notes"}
    assert set(found["after_tax"]) >= {
        *("final_equity", "total_return", "cagr", "tax", "irrf", "effective_rate", "owed_if_sold"),
    }
    assert set(found["months"][0]) >= {
        *("month", "kind", "sales", "gain", "exempt", "loss_used", "loss_carried", "taxable", "tax", "irrf", "due", "due_date"),
    }
    after = found["after_tax"]
    assert after["final_equity"] == pytest.approx(taxed.equity[-1] - after["tax"], abs=0.005)
    assert found["notes"] == list(taxed.notes)


def test_the_rate_is_undefined_without_a_profit():
    one = series([30.0] * 5, [trade(100, 1, 30.0, 3, 20.0)])
    taxed = account_tax([one], equity=np.array([1e5] * 4 + [99_000.0] * 2), session=one.session, calendar=CALENDAR)
    assert math.isnan(taxed.effective_rate)
    assert taxed.as_dict()["after_tax"]["effective_rate"] is None


def test_adjusted_prices_are_said():
    result = traded_walk(1)
    assert not any("adjusted" in note for note in tax_report(result, NONE, CALENDAR).notes)
    adjusted = replace(result, price_base=PriceBase.ADJUSTED, raw_fills=False)
    assert any("adjusted" in note for note in tax_report(adjusted, NONE, CALENDAR).notes)


def test_real_hourly_bars_make_day_trades_and_every_cent_is_accounted_for():
    path = DATA / "profit" / "VALE3_B_0_60min.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    with path.open(encoding="latin-1") as stream:
        rows = list(csv.reader(stream, delimiter=";"))[::-1]
    when = [datetime.strptime(f"{row[1]} {row[2]}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC) for row in rows]
    time = np.array([int(item.timestamp()) + 3 * 3600 for item in when])
    session = np.array([day_number(item.date()) for item in when])
    prices = [np.array([float(row[at].replace(".", "").replace(",", ".")) for row in rows]) for at in (3, 4, 5, 6)]
    n = len(rows)
    no, unknown = np.zeros(n, dtype=bool), np.full(n, np.nan)
    quantity = np.array([float(row[8]) for row in rows])
    bars = Bars("VALE3", "60m", time, session, *prices, quantity, unknown, no, no, PriceBase.RAW)
    result = backtest(bars, get("macd_crossover"), instrument=Instrument("VALE3"), costs=b3_costs(session, Market.CASH))
    taxed = tax_report(result, NONE, load_calendar(until=date(2027, 12, 31)))
    found, held = operations(fills_of(series_of(result)))
    assert {month.kind for month in taxed.report.months} == {"common", "day_trade"}
    open_value = sum(item.units * to_cents(float(bars.close[-1])) - np.sign(item.units) * item.cost for item in held)
    assert sum(item.gain for item in found) + open_value == pytest.approx(100 * (result.equity[-1] - 100_000), abs=0.01)
    assert taxed.report.paid + taxed.report.owed == taxed.report.tax > 0
    assert all(darf.amount >= 1_000 for darf in taxed.report.darfs)


def test_the_report_fits_eighty_columns_and_shows_the_months_the_sums_and_the_notes():
    rich = traded_walk(2, "mean_reversion", capital=1_000_000.0)
    taxed = tax_report(rich, Carried.of(day_trade=250.0), CALENDAR)
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(tax_table(taxed))
    text = console.file.getvalue()
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    for month in taxed.report.months:
        assert any(line.startswith(month.month) for line in text.splitlines())
    assert "before tax" in text
    assert "after tax" in text
    assert "R$250.00" in text
    assert f"{taxed.report.tax / 100:,.2f}" in text
    assert all(" ".join(note.split()[:4]) in text for note in taxed.notes)


def test_the_report_of_an_idle_account_says_so_without_a_table():
    idle = series([30.0] * 5, [])
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(tax_table(account_tax([idle], equity=flat(1e5, 5), session=idle.session, calendar=CALENDAR)))
    text = console.file.getvalue()
    assert "Month" not in text
    assert "R$100,000.00" in text
