"""The income tax of a month, to the cent: worked examples by hand from the rules."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.domain import Market, day_number, from_day_number
from engine.errors import NoDataError
from engine.market.calendar import Calendar, load_calendar
from engine.market.tax_operations import COMMON, DAY_TRADE, FII, Operation, operations
from engine.market.tax_operations import Fill as Raw
from engine.market.tax_table import load_tax_table, to_cents
from engine.market.taxes import Carried, TaxReport, assess, tax_so_far

TABLE = load_tax_table()
NONE = Carried()
MARKETS = {"BOVA11": Market.ETF, "HGLG11": Market.FII, "AAPL34": Market.BDR, "WINFUT": Market.FUTURE, "PETRA1": Market.OPTION}


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def weekdays(first: str = "2020-01-01", last: str = "2030-12-31") -> Calendar:
    days = np.arange(day(first), day(last) + 1)
    return Calendar(days[(days + 3) % 7 < 5], day(first), day(last))


CALENDAR = weekdays()


def fill(when: str, side: str, quantity: int, price: float, symbol: str = "PETR4", costs: float = 0.0, at: int = 0) -> Raw:
    market = MARKETS.get(symbol, Market.CASH)
    return Raw(day(when), at, symbol, market, 1 if side == "buy" else -1, quantity, to_cents(quantity * price), to_cents(costs))


def taxed(*fills: Raw, carried: Carried = NONE, until: str = "2030-12-31") -> TaxReport:
    return assess(operations(fills)[0], TABLE, carried, CALENDAR, until=day(until))


def row(report: TaxReport, month: str, kind: str = COMMON):
    (found,) = [item for item in report.months if (item.month, item.kind) == (month, kind)]
    return found


def due(report: TaxReport) -> list[tuple[str, int, str]]:
    return [(darf.month, darf.amount, from_day_number(darf.due_session).isoformat()) for darf in report.darfs]


def gain(when: str, amount: float, symbol: str = "PETR4", base: float = 50_000.0, day_trade: bool = False) -> list[Raw]:
    """A sale of `base` that gains `amount`, bought the day before or on the same day."""
    before = when if day_trade else from_day_number(day(when) - 1).isoformat()
    bought = fill(before, "buy", 1, base - amount, symbol)
    return [bought, fill(when, "sell", 1, base, symbol, at=1)]


def test_a_month_of_small_sales_is_exempt():
    report = taxed(fill("2025-03-03", "buy", 1000, 10.00), fill("2025-03-10", "sell", 1000, 15.00))
    month = row(report, "2025-03")
    assert (month.sales, month.gain, month.exempt, month.taxable, month.tax, month.irrf) == (1_500_000, 500_000, 500_000, 0, 0, 0)
    assert report.darfs == ()


def test_sales_of_exactly_the_limit_are_exempt():
    report = taxed(fill("2025-03-03", "buy", 1, 15_000.00), fill("2025-03-10", "sell", 1, 20_000.00))
    assert (row(report, "2025-03").exempt, report.tax, report.irrf) == (500_000, 0, 0)


def test_one_cent_above_the_limit_taxes_the_whole_gain():
    report = taxed(fill("2025-03-03", "buy", 1, 15_000.00), fill("2025-03-10", "sell", 1, 20_000.01))
    month = row(report, "2025-03")
    # 15 % of 5,000.01 = 750.0015; 0.005 % of 20,000.01 = 1.0000005, in cents 1.00, which is waived
    assert (month.exempt, month.taxable, month.tax, month.irrf, month.due) == (0, 500_001, 75_000, 0, 75_000)
    assert due(report) == [("2025-03", 75_000, "2025-04-30")]


def test_the_exemption_looks_at_all_shares_of_the_month_together():
    fills = [*gain("2025-03-10", 100, base=11_000), *gain("2025-03-20", 300, "VALE3", base=9_500)]
    month = row(taxed(*fills), "2025-03")
    # 0.005 % of 20,500.00 = 1.025, half up 1.03
    assert (month.sales, month.exempt, month.tax, month.irrf, month.due) == (2_050_000, 0, 6_000, 103, 5_897)


def test_shares_sold_elsewhere_use_up_the_exemption():
    fills = gain("2025-03-10", 1_000, base=15_000)
    assert taxed(*fills, carried=Carried.of(exemption_used=5_000.00)).tax == 0
    assert taxed(*fills, carried=Carried.of(exemption_used=5_000.01)).tax == 15_000


def test_day_trades_do_not_count_towards_the_limit():
    report = taxed(*gain("2025-03-10", 1_000, base=19_000), *gain("2025-03-11", 10, "VALE3", base=90_000, day_trade=True))
    assert row(report, "2025-03").exempt == 100_000
    assert row(report, "2025-03", DAY_TRADE).exempt == 0


@pytest.mark.parametrize("symbol", ["BOVA11", "AAPL34", "PETRA1", "WINFUT"])
def test_what_is_no_share_is_never_exempt_and_does_not_use_the_limit(symbol):
    report = taxed(*gain("2025-03-10", 1_000, symbol, base=15_000), *gain("2025-03-10", 500, base=19_000))
    month = row(report, "2025-03")
    assert (month.exempt, month.taxable, month.tax) == (50_000, 100_000, 15_000)


def test_a_loss_is_set_off_against_the_next_gain():
    report = taxed(*gain("2025-03-10", -2_000), *gain("2025-04-10", 5_000))
    march, april = row(report, "2025-03"), row(report, "2025-04")
    assert (march.tax, march.loss_carried, march.irrf) == (0, 200_000, 250)
    # 15 % of 3,000.00, less 2.50 withheld in April and 2.50 in March
    assert (april.loss_used, april.loss_carried, april.taxable, april.tax, april.credit, april.due) == (
        *(200_000, 0, 300_000),
        *(45_000, 500, 44_500),
    )
    assert due(report) == [("2025-04", 44_500, "2025-05-30")]


def test_the_loss_of_an_exempt_month_is_carried_and_its_gain_does_not_use_losses():
    report = taxed(*gain("2025-03-10", -500, base=10_000), *gain("2025-04-10", 800, base=10_000), *gain("2025-05-12", 5_000))
    assert row(report, "2025-03").loss_carried == 50_000
    april = row(report, "2025-04")
    assert (april.exempt, april.loss_used, april.loss_carried) == (80_000, 0, 50_000)
    assert (row(report, "2025-05").loss_used, row(report, "2025-05").tax) == (50_000, 67_500)


def test_an_exempt_gain_of_shares_does_not_hide_a_loss_on_an_etf():
    report = taxed(*gain("2025-03-10", 700, base=10_000), *gain("2025-03-11", -400, "BOVA11"))
    month = row(report, "2025-03")
    assert (month.gain, month.exempt, month.loss_carried, month.taxable) == (30_000, 70_000, 40_000, 0)


def test_common_operations_of_all_markets_set_each_other_off():
    report = taxed(
        *gain("2025-03-10", -1_000), *gain("2025-03-11", 300, "BOVA11"), *gain("2025-03-12", 900, "WINFUT"),
        *gain("2025-03-13", 200, "PETRA1"),
    )  # fmt: skip
    assert (row(report, "2025-03").taxable, report.tax) == (40_000, 6_000)


def test_a_day_trade_gain_pays_twenty_percent_less_what_was_withheld():
    report = taxed(fill("2025-03-10", "buy", 1000, 30.00, costs=6.90), fill("2025-03-10", "sell", 1000, 30.50, costs=7.02, at=1))
    month = row(report, "2025-03", DAY_TRADE)
    # 500.00 - 13.92 = 486.08; 20 % = 97.216; 1 % = 4.8608
    assert (month.gain, month.tax, month.irrf, month.due) == (48_608, 9_722, 486, 9_236)
    assert due(report) == [("2025-03", 9_236, "2025-04-30")]


def test_the_withholding_is_on_each_day_s_result_of_all_day_trades():
    report = taxed(
        *gain("2025-03-10", 300, day_trade=True), *gain("2025-03-10", -100, "VALE3", day_trade=True),
        *gain("2025-03-11", -150, day_trade=True),
    )  # fmt: skip
    month = row(report, "2025-03", DAY_TRADE)
    assert (month.gain, month.irrf, month.tax, month.due) == (5_000, 200, 1_000, 800)


def test_a_day_trade_loss_does_not_reduce_a_common_gain_nor_the_other_way():
    report = taxed(*gain("2025-03-10", 1_000), *gain("2025-03-11", -600, "VALE3", day_trade=True))
    assert (row(report, "2025-03").tax, row(report, "2025-03", DAY_TRADE).loss_carried) == (15_000, 60_000)
    report = taxed(*gain("2025-03-10", -600), *gain("2025-03-11", 1_000, "VALE3", day_trade=True))
    assert (row(report, "2025-03").loss_carried, row(report, "2025-03", DAY_TRADE).tax) == (60_000, 20_000)


def test_real_estate_funds_pay_twenty_percent_apart_even_on_small_sales():
    report = taxed(*gain("2025-03-10", 1_000, "HGLG11", base=5_000), *gain("2025-03-11", -3_000))
    fund = row(report, "2025-03", FII)
    # 0.005 % of 5,000.00 = 0.25, withheld since the month's sum is 2.75; only 0.25 can be set off against the fund's tax
    assert (fund.exempt, fund.tax, fund.irrf, fund.credit, fund.due) == (0, 20_000, 25, 25, 19_975)
    assert report.losses == {COMMON: 300_000, DAY_TRADE: 0, FII: 0}


def test_a_fund_s_day_trade_stays_in_the_fund_s_kind():
    report = taxed(*gain("2025-03-10", 100, "HGLG11", day_trade=True), *gain("2025-03-12", -100, "HGLG11"))
    (month,) = report.months
    assert (month.kind, month.gain, month.irrf, month.tax) == (FII, 0, 100 + 250, 0)


def test_a_payment_below_ten_reais_waits_for_the_next_months():
    report = taxed(
        *gain("2025-03-10", 20, "BOVA11", base=100), *gain("2025-04-10", 30, "BOVA11", base=100),
        *gain("2025-06-10", 40, "BOVA11", base=100),
    )  # fmt: skip
    # 3.00, 4.50 and 6.00
    assert due(report) == [("2025-06", 1_350, "2025-07-31")]
    assert [month.due_session for month in report.months] == [day("2025-07-31")] * 3
    assert report.waiting == 0


def test_exactly_ten_reais_are_paid_and_one_cent_less_waits():
    assert due(taxed(*gain("2025-03-10", 66.67, "BOVA11", base=100))) == [("2025-03", 1_000, "2025-04-30")]
    report = taxed(*gain("2025-03-10", 66.60, "BOVA11", base=100))
    assert (report.darfs, report.waiting, report.owed) == ((), 999, 999)


def test_one_payment_covers_all_kinds_of_a_month():
    report = taxed(
        *gain("2025-03-10", 40, "BOVA11", base=100), *gain("2025-03-10", 30, "HGLG11", base=100),
    )  # fmt: skip
    assert due(report) == [("2025-03", 600 + 600, "2025-04-30")]


def test_losses_are_carried_over_months_and_over_the_turn_of_the_year():
    report = taxed(*gain("2025-11-10", -1_000), *gain("2025-12-10", 300), *gain("2026-01-12", 900))
    assert [row(report, month).loss_carried for month in ("2025-11", "2025-12", "2026-01")] == [100_000, 70_000, 0]
    january = row(report, "2026-01")
    # what was withheld in 2025 (2.50 twice) is not set off in 2026
    assert (january.taxable, january.tax, january.credit, january.due) == (20_000, 3_000, 250, 2_750)
    assert report.reclaimable == 500
    assert due(report) == [("2026-01", 2_750, "2026-02-27")]


def test_december_is_due_in_january():
    assert due(taxed(*gain("2025-12-29", 1_000)))[0] == ("2025-12", 15_000 - 250, "2026-01-30")


def test_losses_from_before_are_used_first():
    carried = Carried.of(common=1_200.00, day_trade=50.00, fii=10.00)
    report = taxed(
        *gain("2025-03-10", 1_000), *gain("2025-03-11", 100, "VALE3", day_trade=True), *gain("2025-03-12", 100, "HGLG11"),
        carried=carried,
    )  # fmt: skip
    assert [row(report, "2025-03", kind).taxable for kind in (COMMON, DAY_TRADE, FII)] == [0, 5_000, 9_000]
    assert report.losses == {COMMON: 20_000, DAY_TRADE: 0, FII: 0}


def test_a_short_is_taxed_when_bought_back_and_counts_as_a_sale_when_sold():
    report = taxed(fill("2025-03-10", "sell", 1000, 15.00, costs=4.50), fill("2025-05-12", "buy", 1000, 12.00, costs=3.60))
    march, may = row(report, "2025-03"), row(report, "2025-05")
    assert (march.sales, march.gain, march.tax) == (1_500_000, 0, 0)
    # 15,000.00 - 4.50 - 12,000.00 - 3.60; never exempt
    assert (may.sales, may.gain, may.exempt, may.tax) == (0, 299_190, 0, 44_879)
    assert due(report) == [("2025-05", 44_879, "2025-06-30")]


def test_a_short_sale_counts_towards_the_limit_of_its_month():
    small = gain("2025-03-20", 1_000, "VALE3", base=10_000)
    assert taxed(*small).tax == 0
    assert taxed(*small, fill("2025-03-10", "sell", 100, 100.01)).tax == 15_000


def test_the_withholding_of_a_future_is_on_the_gain_and_of_options_on_the_day_s_premiums():
    future = Operation(day("2025-03-10"), "WINFUT", Market.FUTURE, COMMON, 1, 9_000_000, 4_000_000, withheld_on=4_000_000)
    report = assess([future], TABLE, NONE, CALENDAR, until=day("2025-03-10"))
    assert report.irrf == 200
    sold, bought = fill("2025-03-10", "sell", 1, 90_000, "PETRA1"), fill("2025-03-10", "buy", 1, 60_000, "PETRB1")
    other = Raw(bought.session, 1, "PETRB1", Market.OPTION, 1, 1, 6_000_000)
    assert taxed(sold, other).irrf == 150


def test_paid_is_what_is_past_its_due_session():
    fills = [*gain("2025-03-10", 1_000), *gain("2025-04-10", 2_000)]
    before, on, after = (taxed(*fills, until=until) for until in ("2025-04-29", "2025-04-30", "2025-05-30"))
    assert [darf.paid for darf in before.darfs] == [False, False]
    assert [darf.paid for darf in on.darfs] == [True, False]
    assert (on.paid, on.owed) == (15_000 + 250, 30_000 - 250)
    assert (after.paid, after.owed) == (45_000, 0)


def test_operations_after_the_end_are_not_looked_at():
    assert taxed(*gain("2025-03-10", 1_000), *gain("2025-04-10", 2_000), until="2025-03-31").tax == 15_000


def test_the_last_session_of_the_real_calendar_is_the_due_day():
    calendar = load_calendar(until=date(2024, 12, 31))
    report = assess(operations(gain("2023-11-10", 1_000))[0], TABLE, NONE, calendar, until=day("2023-11-30"))
    assert due(report) == [("2023-11", 14_750, "2023-12-28")]


def test_a_calendar_that_ends_too_early_is_an_error_of_one_sentence():
    with pytest.raises(NoDataError):
        assess(operations(gain("2025-03-10", 1_000))[0], TABLE, NONE, weekdays(last="2025-04-15"), until=day("2025-03-31"))


def test_the_tax_so_far_sees_nothing_later_and_ends_at_the_month_s():
    fills = [*gain("2025-03-10", 900, base=12_000), *gain("2025-03-20", 100, "VALE3", base=10_000), *gain("2025-04-10", -50)]
    known = tax_so_far(operations(fills)[0], TABLE, NONE)
    # exempt until the sales of the 20th pass the limit: 15 % of 1,000.00; April adds 2.50 withheld
    assert known == [(day("2025-03-10"), 0), (day("2025-03-20"), 15_000), (day("2025-04-10"), 15_250)]


def test_a_loss_later_in_the_month_lowers_the_tax_so_far():
    fills = [*gain("2025-03-10", 1_000), *gain("2025-03-20", -400, "VALE3")]
    assert [cents for _day, cents in tax_so_far(operations(fills)[0], TABLE, NONE)] == [15_000, 9_000]


def test_no_operations_owe_nothing():
    report = taxed()
    assert (report.months, report.darfs, report.tax, report.owed, report.reclaimable) == ((), (), 0, 0, 0)
