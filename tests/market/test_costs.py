from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.domain import Market, day_number
from engine.errors import SettingsError, UsageError
from engine.market.costs import MAX_RATE, b3_costs, load_rates, no_costs, rate_notes

ROW = """
[[rate]]
valid_from = {valid_from}
market = "cash"
trade = "{trade}"
rate = {rate}
source = "a source"
verified_on = 2026-01-02
note = ""
"""


def days(*texts: str) -> np.ndarray:
    return np.array([day_number(date.fromisoformat(text)) for text in texts], dtype=np.int64)


def table(*rows: tuple[str, str, str]) -> str:
    return "".join(ROW.format(valid_from=start, trade=trade, rate=rate) for start, trade, rate in rows)


@pytest.mark.parametrize(
    ("day", "normal", "day_trade"),
    [
        ("2013-04-01", 0.000325, 0.00025),
        ("2021-02-01", 0.000325, 0.00025),
        ("2021-02-02", 0.0003, 0.00023),
        ("2025-07-31", 0.0003, 0.00023),
        ("2025-08-01", 0.0003, 0.00023),
        ("2025-12-30", 0.0003, 0.00023),
    ],
)
def test_the_fee_per_side_is_that_of_the_session(day: str, normal: float, day_trade: float) -> None:
    model = b3_costs(days(day), Market.CASH)
    assert model.fee.tolist() == [normal]
    assert model.fee_day_trade.tolist() == [day_trade]


def test_one_fee_per_bar_in_the_order_of_the_bars() -> None:
    model = b3_costs(days("2021-02-02", "2021-02-01", "2021-02-01", "2025-01-02"), Market.CASH)
    assert model.fee.tolist() == [0.0003, 0.000325, 0.000325, 0.0003]


@pytest.mark.parametrize("market", [Market.FRACTIONAL, Market.ETF, Market.FII, Market.BDR, Market.INDEX, Market.OTHER])
def test_cash_market_instruments_and_an_index_pay_the_cash_rates(market: Market) -> None:
    session = days("2025-01-02")
    assert b3_costs(session, market).fee.tolist() == b3_costs(session, Market.CASH).fee.tolist()


@pytest.mark.parametrize("market", [Market.FUTURE, Market.OPTION, Market.TERM])
def test_a_market_without_rates_is_refused_with_a_way_out(market: Market) -> None:
    with pytest.raises(UsageError) as raised:
        b3_costs(days("2025-01-02"), market)
    assert "not in the table yet" in raised.value.message
    assert "--costs none" in raised.value.hint


def test_brokerage_includes_iss() -> None:
    model = b3_costs(days("2025-01-02"), Market.CASH, brokerage=10.0, iss=0.05, slippage=0.001)
    assert model.brokerage == pytest.approx(10.5)
    assert model.slippage == 0.001


@pytest.mark.parametrize(
    "wrong",
    [{"brokerage": -1.0}, {"iss": 1.5}, {"slippage": float("nan")}, {"slippage": 1.0}, {"borrow": -0.1}, {"contract_fee": -1.0}],
)
def test_a_cost_that_is_not_a_sensible_number_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        b3_costs(days("2025-01-02"), Market.CASH, **wrong)


def test_a_future_pays_its_contract_fee_and_neither_rates_nor_borrowing() -> None:
    model = b3_costs(days("2025-01-02", "2025-01-03"), Market.FUTURE, brokerage=1.0, borrow=0.02, contract_fee=0.25)
    assert model.fee.tolist() == model.fee_day_trade.tolist() == [0.0, 0.0]
    assert (model.contract_fee, model.borrow, model.brokerage) == (0.25, 0.0, 1.0)
    assert rate_notes(days("2025-01-02"), Market.FUTURE) == ()


def test_shares_pay_for_borrowing_and_no_contract_fee() -> None:
    model = b3_costs(days("2025-01-02"), Market.CASH, borrow=0.02, contract_fee=0.25)
    assert (model.borrow, model.contract_fee) == (0.02, 0.0)
    assert (1 + model.borrow_per_session) ** 252 == pytest.approx(1.02)
    assert no_costs(1).borrow_per_session == 0.0


def test_no_costs_are_zero_on_every_bar() -> None:
    model = no_costs(3)
    assert model.fee.tolist() == model.fee_day_trade.tolist() == [0.0, 0.0, 0.0]
    assert model.brokerage == model.slippage == 0.0


def test_a_session_before_the_table_pays_the_first_rate_and_that_is_said() -> None:
    sessions = days("1999-12-30", "2013-04-01")
    assert b3_costs(sessions, Market.CASH).fee.tolist() == [0.000325, 0.000325]
    assert any("2013-04-01" in note for note in rate_notes(sessions, Market.CASH))
    assert rate_notes(days("2013-04-01"), Market.CASH) == ()


def test_a_disputed_rate_is_said_only_where_it_was_used() -> None:
    assert rate_notes(days("2024-01-02", "2025-07-31"), Market.CASH) == ()
    (note,) = rate_notes(days("2024-01-02", "2025-08-01"), Market.CASH)
    assert "0.0230 % or 0.0300 %" in note


def test_an_index_is_said_not_to_be_traded() -> None:
    assert any("index" in note for note in rate_notes(days("2024-01-02"), Market.INDEX))


def test_no_bars_need_no_notes() -> None:
    empty = np.array([], dtype=np.int64)
    assert rate_notes(empty, Market.CASH) == ()
    assert b3_costs(empty, Market.CASH).fee.size == 0


def test_the_packaged_table_is_sound_and_names_its_sources() -> None:
    rows = load_rates()
    assert [row.valid_from for row in rows] == sorted(row.valid_from for row in rows)
    assert all(0 < row.rate < MAX_RATE and row.source and row.verified_on >= row.valid_from for row in rows)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no rows"),
        ("rate = 3", "no rows"),
        ("[[rate", "not valid TOML"),
        (table(("2021-01-01", "normal", "0.0003")), "gap"),
        (table(("2021-01-01", "normal", "0.0003"), ("2022-01-01", "day_trade", "0.0003")), "gap"),
        (table(("2021-01-01", "normal", "0.01"), ("2021-01-01", "day_trade", "0.0003")), "rate must be"),
        (table(("2021-01-01", "normal", "-0.1"), ("2021-01-01", "day_trade", "0.0003")), "rate must be"),
        (table(("2021-01-01", "normal", "nan"), ("2021-01-01", "day_trade", "0.0003")), "rate must be"),
        (table(("2021-01-01", "normal", '"x"'), ("2021-01-01", "day_trade", "0.0003")), "rate is not a float"),
        (table(("2021-01-01T10:00:00", "normal", "0.0003")), "valid_from is not a date"),
        (table(("2021-01-01", "swing", "0.0003")), "trade must be"),
        (table(("2022-01-01", "normal", "0.0003"), ("2021-01-01", "day_trade", "0.0003")), "older"),
        (table(*[("2021-01-01", "normal", "0.0003")] * 2, ("2021-01-01", "day_trade", "0.0003")), "two rows"),
        (table(("2021-01-01", "normal", "0.0003")).replace('"cash"', '"barter"'), "not a market"),
        (table(("2021-01-01", "normal", "0.0003")).replace("note", "remark"), "keys"),
    ],
)
def test_a_wrong_table_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load_rates(text)
