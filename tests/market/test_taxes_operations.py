"""From fills to operations: average cost, day trades, shorts, splits; and what holds for every set of fills."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Market, day_number
from engine.errors import UsageError
from engine.market.calendar import Calendar
from engine.market.tax_operations import BUCKETS, COMMON, DAY_TRADE, FII, Fill, Operation, Split, operations, share, valued
from engine.market.tax_table import load_tax_table
from engine.market.taxes import Carried, assess, tax_so_far

FEW = {"deadline": None, "max_examples": 150}
START = day_number(date(2025, 1, 2))
TABLE = load_tax_table()


def fill(session: int, side: str, quantity: int, price: float, *, costs: int = 0, at: int = 0, symbol: str = "PETR4") -> Fill:
    market = {"HGLG11": Market.FII, "WINFUT": Market.FUTURE, "PETR4F": Market.FRACTIONAL}.get(symbol, Market.CASH)
    return Fill(START + session, at, symbol, market, 1 if side == "buy" else -1, quantity, valued(quantity, price), costs)


def gains(*fills: Fill, splits: tuple[Split, ...] = ()) -> list[tuple[int, str, int, int, int]]:
    """(session, kind, quantity, sales, gain) of each operation."""
    found, _held = operations(fills, splits)
    return [(item.session - START, item.kind, item.quantity, item.sales, item.gain) for item in found]


def held(*fills: Fill, splits: tuple[Split, ...] = ()) -> list[tuple[str, int, int]]:
    return [(item.symbol, item.units, item.cost) for item in operations(fills, splits)[1]]


def test_partial_sales_leave_the_average_cost_with_its_fees():
    fills = [
        fill(0, "buy", 100, 10.00, costs=100),
        fill(1, "buy", 200, 11.50, costs=200),
        fill(2, "sell", 150, 12.00, costs=150),
        fill(3, "sell", 150, 9.00, costs=150),
    ]
    # cost 1,001.00 + 2,302.00 = 3,303.00 for 300: 11.01 each; 1,798.50 - 1,651.50 and 1,348.50 - 1,651.50
    assert gains(*fills) == [(2, COMMON, 150, 180_000, 14_700), (3, COMMON, 150, 135_000, -30_300)]
    assert held(*fills[:3]) == [("PETR4", 150, 165_150)]


def test_the_cent_that_does_not_divide_stays_with_the_rest():
    fills = [fill(0, "buy", 3, 10.00, costs=1), *(fill(at, "sell", 1, 10.00) for at in (1, 2, 3))]
    # 30.01 over three units: 10.00, 10.01, 10.00
    assert [gain for *_rest, gain in gains(*fills)] == [0, -1, 0]
    assert held(*fills) == []


def test_what_is_bought_and_sold_in_a_day_is_a_day_trade_whatever_was_held_before():
    fills = [fill(0, "buy", 100, 10.00), fill(1, "sell", 100, 12.00, at=1), fill(1, "buy", 100, 11.00, at=2)]
    assert gains(*fills) == [(1, DAY_TRADE, 100, 120_000, 10_000)]
    assert held(*fills) == [("PETR4", 100, 100_000)]


def test_the_first_bought_meets_the_first_sold_and_the_rest_joins_the_average():
    fills = [
        fill(0, "buy", 100, 10.00),
        fill(1, "buy", 100, 11.00, at=1, costs=10),
        fill(1, "buy", 100, 13.00, at=2, costs=10),
        fill(1, "sell", 150, 12.00, at=3, costs=30),
    ]
    # day trade: 150 at 12.00 less 0.30 against 100 at 11.00 + 0.10 and 50 at 13.00 + 0.05; 50 at 13.00 + 0.05 stay
    assert gains(*fills) == [(1, DAY_TRADE, 150, 180_000, 180_000 - 30 - 110_010 - 65_005)]
    assert held(*fills) == [("PETR4", 150, 100_000 + 65_005)]


def test_what_is_sold_beyond_the_day_s_purchases_is_common():
    fills = [
        fill(0, "buy", 300, 10.00),
        fill(1, "buy", 100, 11.00, at=1),
        fill(1, "sell", 100, 12.00, at=2),
        fill(1, "sell", 200, 13.00, at=3),
    ]
    assert gains(*fills) == [(1, DAY_TRADE, 100, 120_000, 10_000), (1, COMMON, 200, 260_000, 60_000)]
    assert held(*fills) == [("PETR4", 100, 100_000)]


def test_a_short_held_over_night_is_taxed_when_bought_back():
    fills = [fill(0, "sell", 100, 10.00, costs=30), fill(3, "buy", 40, 9.00, costs=12), fill(4, "buy", 60, 11.00, costs=18)]
    # brought 999.70, 9.997 each: 399.88 - 360.12 and 599.82 - 660.18
    assert gains(*fills) == [(0, COMMON, 100, 100_000, 0), (3, COMMON, 40, 0, 3_976), (4, COMMON, 60, 0, -6_036)]
    assert all(item.short for item in operations(fills)[0])
    assert held(*fills[:2]) == [("PETR4", -60, 59_982)]


def test_a_sale_beyond_what_is_held_closes_first_and_then_opens_a_short():
    fills = [fill(0, "buy", 100, 10.00), fill(1, "sell", 300, 12.00, costs=30)]
    assert gains(*fills) == [(1, COMMON, 100, 120_000, 19_990), (1, COMMON, 200, 240_000, 0)]
    assert held(*fills) == [("PETR4", -200, 240_000 - 20)]


def test_a_reversal_at_one_instant_then_bought_back_that_day_is_half_a_day_trade():
    fills = [fill(0, "buy", 100, 10.00), *[fill(1, "sell", 100, 12.00, at=1)] * 2, fill(1, "buy", 100, 11.00, at=2)]
    assert gains(*fills) == [(1, DAY_TRADE, 100, 120_000, 10_000), (1, COMMON, 100, 120_000, 20_000)]


def test_a_split_between_buying_and_selling_changes_units_and_keeps_the_cost():
    fills = [fill(0, "buy", 100, 40.00, costs=12), fill(5, "sell", 400, 11.00, costs=13)]
    split = Split(START + 3, "PETR4", 4.0, 10.00)
    assert gains(*fills, splits=(split,)) == [(5, COMMON, 400, 440_000, 440_000 - 13 - 400_012)]


def test_the_fraction_that_a_grouping_leaves_is_sold_at_its_share_of_the_cost():
    fills = [fill(0, "buy", 105, 1.00), fill(5, "sell", 10, 12.00)]
    split = Split(START + 3, "PETR4", 0.1, 11.00)
    # half a new unit: sold for 5.50, cost 5.00
    assert gains(*fills, splits=(split,)) == [(3, COMMON, 0, 550, 50), (5, COMMON, 10, 12_000, 2_000)]


def test_a_split_of_thirds_leaves_no_fraction():
    fills = [fill(0, "buy", 300, 1.00), fill(5, "sell", 100, 4.00)]
    split = Split(START + 3, "PETR4", 1 / 3, 3.00)
    assert gains(*fills, splits=(split,)) == [(5, COMMON, 100, 40_000, 10_000)]


def test_a_split_on_the_day_of_the_purchase_does_not_touch_it():
    fills = [fill(3, "buy", 400, 10.00), fill(5, "sell", 400, 11.00)]
    assert gains(*fills, splits=(Split(START + 3, "PETR4", 4.0),)) == [(5, COMMON, 400, 440_000, 40_000)]


def test_the_fractional_market_is_the_same_asset():
    fills = [fill(0, "buy", 130, 10.00), fill(1, "sell", 100, 11.00), fill(1, "sell", 30, 11.00, symbol="PETR4F")]
    assert gains(*fills) == [(1, COMMON, 130, 143_000, 13_000)]
    assert held(*fills) == []


def test_funds_have_a_kind_of_their_own_in_a_day_and_over_days():
    fills = [fill(0, "buy", 10, 100.0, symbol="HGLG11"), fill(0, "sell", 5, 101.0, symbol="HGLG11", at=1)]
    found = operations([*fills, fill(1, "sell", 5, 99.0, symbol="HGLG11")])[0]
    assert [(item.kind, item.same_day, item.gain) for item in found] == [(FII, True, 500), (FII, False, -500)]


def test_the_withholding_base_is_the_sale_and_for_a_future_its_gain():
    (sale,) = operations([fill(0, "buy", 100, 10.0), fill(1, "sell", 100, 9.0)])[0]
    assert sale.withheld_on == 90_000
    found = operations([fill(0, "buy", 1, 100.0, symbol="WINFUT"), fill(1, "sell", 2, 130.0, symbol="WINFUT")])[0]
    assert [(item.gain, item.withheld_on) for item in found] == [(3_000, 3_000), (0, 0)]


@pytest.mark.parametrize(("side", "quantity", "value", "costs"), [(0, 1, 1, 0), (1, 0, 1, 0), (1, 1, -1, 0), (1, 1, 1, -1)])
def test_an_impossible_fill_is_refused(side, quantity, value, costs):
    with pytest.raises(UsageError, match="impossible"):
        operations([Fill(START, 0, "PETR4", Market.CASH, side, quantity, value, costs)])


def test_a_value_is_that_of_the_decimal_number_not_of_its_binary_neighbour():
    assert valued(1, 1.005) == 101
    assert valued(100, 30.29) == 302_900
    assert valued(3, 127_455.0, 0.2) == 7_647_300


def test_shares_are_half_up_and_whole_at_the_end():
    assert [share(101, 1, 2), share(-101, 1, 2), share(7, 7, 7)] == [51, -50, 7]


@st.composite
def many_fills(draw):
    symbols = ("PETR4", "PETR4F", "HGLG11", "WINFUT", "BOVA11")
    rows = draw(
        st.lists(
            st.tuples(
                *(st.integers(0, 90), st.integers(0, 3), st.sampled_from(symbols), st.sampled_from(("buy", "sell"))),
                *(st.integers(1, 400), st.integers(1, 9_000), st.integers(0, 500)),
            ),
            max_size=40,
        )
    )
    return [
        fill(session, side, quantity, price / 100, costs=costs, at=at, symbol=symbol)
        for session, at, symbol, side, quantity, price, costs in rows
    ]


@settings(**FEW)
@given(many_fills(), st.randoms())
def test_the_order_of_fills_within_an_instant_does_not_matter(fills, random):
    mixed = sorted(random.sample(fills, len(fills)), key=lambda item: (item.session, item.time))
    assert operations(mixed) == operations(fills)
    assert operations(random.sample(fills, len(fills))) == operations(fills)


@settings(**FEW)
@given(many_fills())
def test_the_gains_and_what_is_held_account_for_every_cent(fills):
    found, left = operations(fills)
    flows = sum(-item.side * item.value - item.costs for item in fills)
    positions = sum(item.cost if item.units < 0 else -item.cost for item in left)
    assert sum(item.gain for item in found) + positions == flows
    assert sum(item.sales for item in found) == sum(item.value for item in fills if item.side < 0)


def every_day() -> Calendar:
    first, last = START - 10, START + 400
    return Calendar(np.arange(first, last + 1), first, last)


@settings(**FEW)
@given(many_fills(), st.integers(0, 200), st.tuples(*[st.integers(0, 500_000)] * 3))
def test_taxes_are_never_negative_and_every_cent_is_paid_or_owed(fills, ahead, before):
    carried = Carried(dict(zip(BUCKETS, before)))
    until = START + ahead
    found = [item for item in operations(fills)[0] if item.session <= until]
    report = assess(found, TABLE, carried, every_day(), until=until)
    for month in report.months:
        assert min(month.tax, month.irrf, month.credit, month.due, month.taxable, month.exempt) >= 0
        assert min(month.loss_used, month.loss_carried) >= 0
        assert month.tax == month.credit + month.due
        assert month.gain - month.exempt == month.taxable + month.loss_used or month.gain - month.exempt <= 0
    assert report.paid + report.owed == report.tax
    assert sum(darf.amount for darf in report.darfs) + report.waiting == sum(month.due for month in report.months)
    assert all(darf.amount >= 1_000 for darf in report.darfs)
    assert report.credit <= report.irrf
    known = tax_so_far(found, TABLE, carried)
    assert (known[-1][1] if known else 0) == report.irrf + report.tax - report.credit


@settings(**FEW)
@given(many_fills(), st.integers(0, 90))
def test_the_tax_so_far_does_not_see_later_fills(fills, last):
    known = tax_so_far(operations(fills)[0], TABLE, Carried())
    cut = tax_so_far(operations([item for item in fills if item.session <= START + last])[0], TABLE, Carried())
    assert cut == [item for item in known if item[0] <= START + last]


@settings(**FEW)
@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(BUCKETS), st.integers(-900_000, 900_000)), max_size=25))
def test_losses_change_by_what_is_lost_and_used(rows):
    found = [
        Operation(START + at, "BOVA11", Market.ETF, kind, 1, 2_000_000, gain, same_day=kind == DAY_TRADE)
        for at, kind, gain in rows
    ]
    report = assess(found, TABLE, Carried(), every_day(), until=START + 300)
    for kind in BUCKETS:
        carried = 0
        for month in (item for item in report.months if item.kind == kind):
            assert month.loss_carried == carried - month.loss_used + max(-month.gain, 0)
            carried = month.loss_carried
        assert report.losses[kind] == carried


def test_months_follow_the_calendar_of_dates():
    first = date(2025, 1, 31)
    found = [Operation(day_number(first + timedelta(days=at)), "BOVA11", Market.ETF, COMMON, 1, 100_000, 50_000) for at in (0, 1)]
    report = assess(found, TABLE, Carried(), every_day(), until=START + 60)
    assert [month.month for month in report.months] == ["2025-01", "2025-02"]
