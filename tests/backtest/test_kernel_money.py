"""Money that waits: interest on settled cash, D+2, borrowed shares, dividends paid after their ex date, by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.kernel import LIQUIDATION, OPEN, SIGNAL, STOP, TARGET
from tests.backtest.hand_drawn import FLAT, B, S, simulate

BOTH = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
BUY, SELL = (10, 10, 10, 10, B), (10, 10, 10, 10, S)
NEVER = 99


@BOTH
def test_idle_cash_earns_the_rate_of_every_session(fast):
    run = simulate([FLAT] * 3, rate=[0.01, 0.02, 0.03], fast=fast)
    assert run.equity.tolist() == pytest.approx([1000, 1010, 1030.2, 1061.106])
    assert run.interest == pytest.approx(61.106)


def test_within_a_session_cash_earns_nothing_more():
    run = simulate([FLAT] * 4, session=[0, 0, 1, 1], rate=[0.01, 0.5, 0.01, 0.5])
    assert run.equity.tolist() == pytest.approx([1000, 1010, 1010, 1020.1, 1020.1])


def test_a_window_that_starts_later_earns_from_its_first_bar():
    run = simulate([FLAT] * 4, first=2, rate=[0.5, 0.5, 0.01, 0.01])
    assert run.equity.tolist() == pytest.approx([1000, 1010, 1020.1])


@BOTH
def test_money_of_a_purchase_earns_until_it_settles_two_sessions_later(fast):
    run = simulate([BUY, *[FLAT] * 4], rate=[0, 0.01, 0.01, 0.01, 0.01], fast=fast)
    assert run.trades["quantity"].tolist() == [101]
    earned = [0, 10, 10.10, 10.201, 0.20301]
    assert run.equity.tolist() == pytest.approx([1000, *(1000 + np.cumsum(earned))])
    assert run.interest == pytest.approx(sum(earned))


@BOTH
def test_money_of_a_sale_earns_from_the_third_night_on(fast):
    bars = [FLAT, FLAT, FLAT, SELL, *[FLAT] * 4]
    run = simulate(bars, opening=B, allow_short=False, rate=[0, 0, 0, 0, 0, 0.01, 0.01, 0.01], fast=fast)
    assert run.trades["exit"].tolist() == [4]
    assert run.equity.tolist() == pytest.approx([1000] * 8 + [1010])


def test_settlement_counts_sessions_and_not_bars():
    bars = [BUY, *[FLAT] * 5]
    run = simulate(bars, session=[0, 0, 1, 1, 2, 3], rate=[0, 0, 0.01, 0, 0.01, 0.01])
    assert np.diff(run.equity).tolist() == pytest.approx([0, 0, 10, 0, 10.1, 0.201])


def test_a_purchase_can_be_paid_with_a_sale_of_the_same_day():
    run = simulate([BUY, FLAT, SELL, (10, 10, 10, 10, B), FLAT])
    assert run.trades["quantity"].tolist() == [100, 100, 100]
    assert run.rejected == 0


@BOTH
def test_cash_from_a_short_sale_earns_nothing_beyond_the_equity(fast):
    bars = [SELL, (10, 12, 10, 12), (12, 12, 12, 12), (12, 12, 12, 12), FLAT]
    run = simulate(bars, size=0.5, rate=[0, 0, 0.01, 0, 0.01], fast=fast)
    assert run.position.tolist() == [0, -50, -50, -50, -50]
    assert run.interest == pytest.approx(0.01 * (1500 - 600) + 0.01 * (1509 - 600))


def test_a_short_that_gains_earns_on_settled_cash_alone():
    bars = [SELL, (10, 10, 8, 8), (8, 8, 8, 8), FLAT]
    assert simulate(bars, size=0.5, rate=[0, 0, 0.01, 0]).interest == pytest.approx(10)


def test_cash_below_zero_earns_and_costs_nothing():
    bars = [SELL, FLAT, (25, 26, 25, 26), FLAT, FLAT, FLAT]
    run = simulate(bars, rate=[0, 0, 0, 0, 0, 0.01])
    assert run.equity[-1] == pytest.approx(-500)
    assert run.interest == 0


@BOTH
def test_a_short_pays_for_every_night_at_the_close_before_it(fast):
    bars = [SELL, (10, 12, 10, 12), (12, 12, 11, 11, B), (11, 11, 11, 11), (11, 11, 11, 11)]
    run = simulate(bars, size=0.5, borrow=0.001, fast=fast)
    short, long = run.trades
    assert (short["entry"], short["exit"], short["reason"]) == (1, 3, SIGNAL)
    assert short["borrow"] == pytest.approx(0.60 + 0.55)
    assert short["costs"] == 0
    assert short["pnl"] == pytest.approx(50 * (10 - 11) - 1.15)
    assert run.equity.tolist() == pytest.approx([1000, 1000, 900, 949.4, 948.85, 948.85])
    assert long["borrow"] == 0


def test_a_short_closed_within_its_session_borrows_nothing():
    bars = [(10, 10, 10, 10, S), (10, 10, 10, 10, B), FLAT, FLAT]
    assert simulate(bars, session=[0, 1, 1, 2], borrow=0.001).trades["borrow"].tolist() == [0, 0]


@BOTH
def test_a_dividend_is_equity_at_its_ex_bar_and_cash_two_bars_later(fast):
    bars = [FLAT, FLAT, (9, 9, 9, 9, S), (9, 9, 9, 9, B), (9, 9, 9, 9)]
    options = {"opening": B, "allow_short": False, "dividend": [0, 0, 1, 0, 0], "fast": fast}
    paid = simulate(bars, pay=[0, 0, 4, 0, 0], **options)
    assert paid.equity.tolist() == pytest.approx([1000] * 6)
    assert paid.trades["quantity"].tolist() == [100, 111]
    late = simulate(bars, pay=[0, 0, 5, 0, 0], **options)
    assert late.equity.tolist() == pytest.approx([1000] * 6)
    assert late.trades["quantity"].tolist() == [100, 100]
    for run in (paid, late):
        assert run.trades["income"].tolist() == [100, 0]
        assert run.trades["pnl"].tolist() == pytest.approx([0, 0])


def test_money_of_a_dividend_earns_from_the_night_after_its_payment():
    bars = [FLAT, FLAT, *[(9, 9, 9, 9)] * 4]
    run = simulate(bars, opening=B, dividend=[0, 0, 1, 0, 0, 0], pay=[0, 0, 4, 0, 0, 0], rate=[0, 0, 0, 0.01, 0.01, 0.01])
    assert np.diff(run.equity).tolist() == pytest.approx([0, 0, 0, 0, 0, 1])


def test_two_dividends_on_their_way_arrive_each_on_its_day():
    bars = [FLAT, (9, 9, 9, 9), (8, 8, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8)]
    run = simulate(bars, opening=B, dividend=[0, 1, 1, 0, 0, 0], pay=[0, 4, 3, 0, 0, 0], rate=[0, 0, 0, 0, 0.01, 0.01])
    assert np.diff(run.equity).tolist() == pytest.approx([0, 0, 0, 0, 1, 2.01])


@BOTH
def test_a_short_owes_a_dividend_at_once_and_pays_it_on_its_day(fast):
    bars = [FLAT, FLAT, (9, 9, 9, 9, B), (9, 9, 9, 9), (9, 9, 9, 9)]
    options = {"opening": S, "dividend": [0, 0, 1, 0, 0], "fast": fast}
    for pay in (4, NEVER):
        run = simulate(bars, pay=[0, 0, pay, 0, 0], **options)
        short, long = run.trades
        assert run.equity.tolist() == pytest.approx([1000] * 6)
        assert (short["income"], short["pnl"]) == pytest.approx((-100, 0))
        assert long["quantity"] == 111


def test_what_a_short_owes_brings_its_ruin_nearer():
    bars = [FLAT, FLAT, (10, 13, 10, 10), FLAT]
    run = simulate(bars, opening=S, dividend=[0, 0, 8, 0], pay=[0, 0, NEVER, 0])
    (trade,) = run.trades
    assert (trade["exit"], trade["exit_price"], trade["reason"]) == (2, 12, LIQUIDATION)
    assert run.equity[-1] == pytest.approx(0)


@BOTH
@pytest.mark.parametrize(
    ("side", "stop", "target"), [(B, 9, 13), (S, 11, 7)], ids=["long", "short"]
)  # fmt: skip
def test_a_bar_that_touches_both_takes_the_stop_or_if_asked_the_target(side, stop, target, fast):
    bars = [(10, 10, 10, 10, side, stop, target), FLAT, (10, 14, 6, 10), FLAT, FLAT]
    (worst,) = simulate(bars, fast=fast).trades
    (best,) = simulate(bars, favourable=True, fast=fast).trades
    assert (worst["exit"], worst["exit_price"], worst["reason"], worst["ambiguous"]) == (2, stop, STOP, 1)
    assert (best["exit"], best["exit_price"], best["reason"], best["ambiguous"]) == (2, target, TARGET, 1)


def test_asked_for_the_target_a_stop_alone_is_still_taken():
    bars = [(10, 10, 10, 10, B, 9, 13), FLAT, (10, 12, 8, 10), FLAT]
    gap = [(10, 10, 10, 10, B, 9, 13), FLAT, (8, 14, 8, 10), FLAT]
    for drawn, price in ((bars, 9), (gap, 8)):
        (trade,) = simulate(drawn, favourable=True).trades
        assert (trade["exit_price"], trade["reason"], trade["ambiguous"]) == (price, STOP, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.002))
def test_an_account_that_never_trades_grows_as_cash_does(seed, rate):
    session = np.cumsum(np.random.default_rng(seed).integers(0, 2, 30))
    rates = np.where(np.diff(session, prepend=-1) > 0, rate, 0.0)
    run = simulate([FLAT] * 30, session=session, rate=rates)
    np.testing.assert_allclose(run.equity[1:], 1000 * np.cumprod(1 + rates), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_day_a_dividend_is_paid_changes_no_trade_while_nothing_is_bought_with_it(seed):
    random = np.random.default_rng(seed)
    bars = [(price, price, price, price) for price in 10 * np.exp(np.cumsum(random.normal(0, 0.03, 20)))]
    dividend = np.where(random.random(20) < 0.3, 0.1, 0.0)
    runs = [simulate(bars, opening=B, dividend=dividend, pay=np.arange(20) + delay) for delay in (0, 1, 7, NEVER)]
    for one, other in pairwise(runs):
        np.testing.assert_allclose(one.equity, other.equity, rtol=1e-12)
        assert one.trades["reason"].tolist() == [OPEN]
