"""The simulation on hand-drawn bars, and its two forms against each other."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest import kernel
from engine.backtest.kernel import LIQUIDATION, OPEN, SIGNAL, STOP, TARGET
from tests.backtest.hand_drawn import FLAT, B, S, simulate


@dataclass(frozen=True)
class Case:
    """bars: (open, high, low, close[, action, stop, target]); trades: (side, entry, exit, entry price, exit price, reason)."""

    name: str
    bars: list[tuple]
    trades: list[tuple]
    ambiguous: int = 0
    options: dict = field(default_factory=dict)


CASES = [
    Case("no signal, no trade", [FLAT] * 5, []),
    Case(
        "a signal at the close is filled at the next open",
        [(10, 10, 10, 10, B), (11, 12, 11, 12), FLAT],
        [(1, 1, -1, 11, 10, OPEN)],
    ),
    Case("a signal on the last bar is not filled", [FLAT, FLAT, (10, 10, 10, 10, B)], []),
    Case(
        "an opposite signal closes and reverses at the same open",
        [(10, 10, 10, 10, B), (10, 12, 10, 12), (12, 12, 12, 12, S), (13, 13, 11, 11), (11, 11, 11, 11)],
        [(1, 1, 3, 10, 13, SIGNAL), (-1, 3, -1, 13, 11, OPEN)],
    ),
    Case(
        "a SELL closes a long without reversing where shorts are not allowed",
        [(10, 10, 10, 10, B), (10, 12, 10, 12), (12, 12, 12, 12, S), (13, 13, 11, 11, S), (11, 11, 11, 11)],
        [(1, 1, 3, 10, 13, SIGNAL)],
        options={"allow_short": False},
    ),
    Case(
        "a signal in the direction of the position is ignored, with its levels",
        [(10, 10, 10, 10, B, 8, 20), (10, 10, 10, 10, B, 9.5, 20), (10, 10, 9, 10), (10, 10, 7, 9), FLAT],
        [(1, 1, 3, 10, 8, STOP)],
    ),
    Case(
        "a stop touched within the bar is filled at its level",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (10, 10, 8, 8), FLAT],
        [(1, 1, 2, 10, 9, STOP)],
    ),
    Case(
        "a gap through the stop is filled at the open, which is worse",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (8, 8.5, 7, 8), FLAT],
        [(1, 1, 2, 10, 8, STOP)],
    ),
    Case(
        "a target touched within the bar is filled at its level",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (10, 14, 10, 14), FLAT],
        [(1, 1, 2, 10, 13, TARGET)],
    ),
    Case(
        "a gap through the target is filled at the open, which is better",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (15, 16, 8, 14), FLAT],
        [(1, 1, 2, 10, 15, TARGET)],
    ),
    Case(
        "stop before target when the bar touches both",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (10, 14, 8, 10), FLAT],
        [(1, 1, 2, 10, 9, STOP)],
        ambiguous=1,
    ),
    Case(
        "a gap through the stop is not ambiguous though the bar reaches the target later",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10), (8, 14, 8, 10), FLAT],
        [(1, 1, 2, 10, 8, STOP)],
    ),
    Case(
        "an exit due at the open comes before the stop of the same bar",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 10, 10, S, 12, 5), (10, 10, 8, 8), FLAT],
        [(1, 1, 2, 10, 10, SIGNAL), (-1, 2, -1, 10, 10, OPEN)],
    ),
    Case(
        "the stop works on the bar of the entry",
        [(10, 10, 10, 10, B, 9, 13), (10, 11, 8, 10), FLAT],
        [(1, 1, 1, 10, 9, STOP)],
    ),
    Case(
        "the target works on the bar of the entry",
        [(10, 10, 10, 10, B, 9, 13), (10, 13, 9.5, 10), FLAT],
        [(1, 1, 1, 10, 13, TARGET)],
    ),
    Case(
        "an entry beyond its own stop is closed at once",
        [(10, 10, 10, 10, B, 9, 13), (8, 11, 8, 10), FLAT],
        [(1, 1, 1, 8, 8, STOP)],
    ),
    Case(
        "reversed and stopped within one bar",
        [(10, 10, 10, 10, B), (10, 10, 10, 10, S, 12, 5), (11, 12.5, 10, 10), FLAT],
        [(1, 1, 2, 10, 11, SIGNAL), (-1, 2, 2, 11, 12, STOP)],
    ),
    Case(
        "a short is stopped above",
        [(10, 10, 10, 10, S, 11, 7), (10, 10, 10, 10), (10, 11.5, 10, 10), FLAT],
        [(-1, 1, 2, 10, 11, STOP)],
    ),
    Case(
        "a short's gap through the stop is filled at the open",
        [(10, 10, 10, 10, S, 11, 7), (10, 10, 10, 10), (12, 13, 12, 12), FLAT],
        [(-1, 1, 2, 10, 12, STOP)],
    ),
    Case(
        "a short's target is filled below, a gap through it lower still",
        [(10, 10, 10, 10, S, 11, 7), (10, 10, 10, 10), (6, 6, 6, 6), FLAT],
        [(-1, 1, 2, 10, 6, TARGET)],
    ),
    Case(
        "a short is not opened where shorts are not allowed",
        [(10, 10, 10, 10, S, 11, 7), FLAT, FLAT],
        [],
        options={"allow_short": False},
    ),
    Case(
        "a signal before the window is not traded and one inside it is",
        [(10, 10, 10, 10, B), (10, 10, 10, 10, B), (11, 11, 11, 11, B), (12, 12, 12, 12), FLAT],
        [(1, 3, -1, 12, 10, OPEN)],
        options={"first": 2},
    ),
    Case(
        "nothing happens after the last bar of the window",
        [(10, 10, 10, 10, B), FLAT, (10, 10, 10, 10, S), (10, 10, 10, 10), FLAT],
        [(1, 1, -1, 10, 10, OPEN)],
        options={"last": 2},
    ),
    Case(
        "an order due at the first open is filled there",
        [(10, 10, 10, 10), (11, 11, 11, 11), (12, 12, 12, 12)],
        [(1, 1, -1, 11, 12, OPEN)],
        options={"first": 1, "opening": 1},
    ),
    Case(
        "a short that doubles is bought back where the equity ends, and trading stops",
        [(10, 10, 10, 10, S), (10, 10, 10, 10), (15, 25, 15, 16, B), FLAT, (10, 10, 10, 10, B), FLAT],
        [(-1, 1, 2, 10, 20, LIQUIDATION)],
    ),
    Case(
        "a gap beyond the equity is filled at the open, below zero, and trading stops",
        [(10, 10, 10, 10, S, 12, 5), (10, 10, 10, 10), (25, 26, 25, 26, B), FLAT, FLAT],
        [(-1, 1, 2, 10, 25, LIQUIDATION)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
def test_hand_drawn_bars(case, fast):
    run = simulate(case.bars, fast=fast, **case.options)
    found = [(t["side"], t["entry"], t["exit"], t["entry_price"], t["exit_price"], t["reason"]) for t in run.trades]
    assert found == [pytest.approx(trade) for trade in case.trades]
    assert run.trades["ambiguous"].sum() == case.ambiguous
    assert run.trades["pnl"].sum() == pytest.approx(run.equity[-1] - run.equity[0])


def test_equity_is_cash_and_the_position_at_the_close():
    run = simulate([(10, 10, 10, 10, B), (10, 12, 9, 11), (11, 11, 8, 8), FLAT], capital=105.0)
    assert run.equity.tolist() == [105, 105, 115, 85, 105]
    assert run.position.tolist() == [0, 10, 10, 10]
    assert run.held == 3


def test_market_and_stop_fills_slip_and_targets_do_not():
    bars = [(10, 10, 10, 10, B, 9, 13), FLAT, (10, 10, 8, 8, B, 5, 12), FLAT, (10, 12, 10, 12), FLAT]
    first, second = simulate(bars, slippage=0.01).trades
    assert (first["entry_price"], first["exit_price"]) == pytest.approx((10.1, 8.91))
    assert second["exit_price"] == pytest.approx(12.0)
    assert first["slippage"] == pytest.approx(first["quantity"] * (0.1 + 0.09))


def test_fills_are_rounded_to_the_tick_against_the_trader():
    bars = [(10, 10, 10, 10, B, 9.013, 13), (10.001, 10.2, 10, 10.1), (10, 10, 8, 8), FLAT]
    (long,) = simulate(bars, tick=(1, 100)).trades
    assert (long["entry_price"], long["exit_price"]) == (10.01, 9.01)
    bars = [(10, 10, 10, 10, S, 11.013, 7), (10.009, 10.2, 10, 10.1), (10, 12, 10, 10), FLAT]
    (short,) = simulate(bars, tick=(1, 100)).trades
    assert (short["entry_price"], short["exit_price"]) == (10.0, 11.02)


def test_a_target_rests_at_the_next_tick_away_from_the_entry():
    bars = [(10, 10, 10, 10, B, 9, 12.003), FLAT, (10, 12.005, 10, 10), (10, 12.01, 10, 10), FLAT]
    (trade,) = simulate(bars, tick=(1, 100)).trades
    assert (trade["exit"], trade["exit_price"]) == (3, 12.01)


def test_ticks_of_five_points_round_to_whole_ticks():
    bars = [(1000, 1000, 1000, 1000, B, 900, 2000), (1002, 1010, 1000, 1000), (1000, 1000, 1000, 1000)]
    (trade,) = simulate(bars, tick=(5, 1), capital=1e6).trades
    assert trade["entry_price"] == 1005


def test_prices_on_the_tick_stay_as_they_are():
    for cents in range(1, 4000):
        price = cents / 100
        bars = [(price, price, price, price, B), (price, price, price, price), FLAT]
        (trade,) = simulate(bars, tick=(1, 100), capital=1e5).trades
        assert trade["entry_price"] == price


def test_quantity_is_whole_lots_that_the_cash_covers_with_costs():
    bars = [(10, 10, 10, 10, B), FLAT, FLAT]
    assert simulate(bars, capital=1999.0, lot=100).trades["quantity"].tolist() == [100]
    assert simulate(bars, capital=2000.0, lot=100).trades["quantity"].tolist() == [200]
    assert simulate(bars, capital=2000.0, lot=100, fee=0.0003).trades["quantity"].tolist() == [100]
    assert simulate(bars, capital=2000.6, lot=100, fee=0.0003).trades["quantity"].tolist() == [200]


def test_half_a_cent_of_costs_more_than_the_cash_is_too_much():
    bars = [(10, 10, 10, 10, B), FLAT, FLAT]
    assert simulate(bars, capital=1000.286, lot=100, fee=0.000285).rejected == 1
    assert simulate(bars, capital=1000.29, lot=100, fee=0.000285).rejected == 0


def test_an_order_without_the_cash_for_one_lot_is_refused():
    run = simulate([(10, 10, 10, 10, B), FLAT, FLAT], capital=999.0, lot=100)
    assert run.trades.size == 0
    assert run.rejected == 1
    assert run.equity.tolist() == [999] * 4


def test_a_fraction_of_the_equity_is_invested():
    bars = [(10, 10, 10, 10, B), FLAT, FLAT]
    assert simulate(bars, size=0.25).trades["quantity"].tolist() == [25]


def test_risk_sizing_loses_that_share_at_the_stop_and_never_overdraws():
    bars = [(10, 10, 10, 10, B, 8, 20), FLAT, (10, 10, 7, 7), FLAT]
    run = simulate(bars, sizing=kernel.RISK, size=0.02)
    assert run.trades["quantity"].tolist() == [10]
    assert run.equity[-1] == pytest.approx(980)
    tight = [(10, 10, 10, 10, B, 9.99, 20), (10, 10, 9.995, 10), FLAT]
    assert simulate(tight, sizing=kernel.RISK, size=0.02).trades["quantity"].tolist() == [100]


def test_risk_sizing_refuses_an_order_without_a_stop_or_beyond_it():
    assert simulate([(10, 10, 10, 10, B), FLAT, FLAT], sizing=kernel.RISK, size=0.02).rejected == 1
    beyond = [(10, 10, 10, 10, B, 9, 20), (8, 8, 8, 8), FLAT]
    assert simulate(beyond, sizing=kernel.RISK, size=0.02).rejected == 1


def test_costs_are_rounded_half_up_to_the_cent_plus_brokerage():
    bars = [(10, 10, 10, 10, B), FLAT, (11, 11, 11, 11, S), (11, 11, 11, 11), FLAT]
    (trade,) = simulate(bars, capital=1010.0, fee=0.000285, brokerage=1.5, allow_short=False).trades
    assert trade["quantity"] == 100
    assert trade["costs"] == pytest.approx(0.29 + 1.5 + 0.31 + 1.5)
    assert trade["pnl"] == pytest.approx(100 - 3.6)


def test_a_position_closed_in_its_session_pays_the_day_trade_fee_on_both_sides():
    bars = [(10, 10, 10, 10, B, 9, 12), (10, 10, 10, 10), (10, 12, 10, 12), FLAT]
    options = {"fee": 0.0005, "fee_day_trade": 0.0002, "capital": 1001.0}
    (same,) = simulate(bars, session=[0, 1, 1, 2], **options).trades
    (over,) = simulate(bars, session=[0, 1, 2, 3], **options).trades
    assert same["costs"] == pytest.approx(0.20 + 0.24)
    assert over["costs"] == pytest.approx(0.50 + 0.60)


def test_a_point_is_worth_its_value():
    run = simulate([(10, 10, 10, 10, B), FLAT, (12, 12, 12, 12)], point_value=0.2, capital=20.0)
    assert run.trades["quantity"].tolist() == [10]
    assert run.equity[-1] == pytest.approx(24)


def test_ruin_is_recorded_and_ends_trading():
    bars = [(10, 10, 10, 10, S, 12, 5), FLAT, (25, 26, 25, 26, B), FLAT, (10, 10, 10, 10, B), FLAT]
    run = simulate(bars)
    assert run.equity[-1] == pytest.approx(1000 - 100 * 15)
    assert run.equity[3:].tolist() == [run.equity[-1]] * 4
    assert run.trades.size == 1


def test_excursions_take_whole_bars_while_held_and_only_what_is_known_of_the_last():
    bars = [(10, 10, 10, 10, B, 8, 13), (10, 11, 9, 10), (10, 12, 9.5, 11), (11, 14, 8.5, 12), FLAT]
    (trade,) = simulate(bars).trades
    assert (trade["mae"], trade["mfe"]) == pytest.approx((-0.1, 0.3))
    bars = [(10, 10, 10, 10, S, 12, 5), (10, 11, 9, 10), (10, 13, 7, 12), FLAT]
    (trade,) = simulate(bars).trades
    assert (trade["mae"], trade["mfe"]) == pytest.approx((-0.2, 0.1))


def test_a_split_changes_units_and_levels_and_not_the_equity():
    bars = [(10, 10, 10, 10, B, 8, 13), FLAT, (5, 5.5, 4.5, 5), (5, 7, 5, 6)]
    run = simulate(bars, split=[1, 1, 2, 1])
    (trade,) = run.trades
    assert run.equity[3] == pytest.approx(1000)
    assert run.position.tolist() == [0, 100, 200, 0]
    assert (trade["quantity"], trade["reason"], trade["exit_price"]) == (100, TARGET, 6.5)
    assert trade["pnl"] == pytest.approx(300)
    assert trade["mae"] == pytest.approx(-0.1)


def test_a_split_on_the_day_of_the_fill_moves_the_levels_of_the_order():
    bars = [(10, 10, 10, 10, B, 8, 13), (5, 5, 5, 5), (5, 5, 3.5, 4), FLAT]
    (trade,) = simulate(bars, split=[1, 2, 1, 1]).trades
    assert (trade["exit_price"], trade["reason"]) == (4, STOP)


def test_fractions_left_by_a_reverse_split_are_paid_in_cash():
    bars = [(10, 10, 10, 10, B), FLAT, (100, 100, 100, 100), (100, 100, 100, 100)]
    run = simulate(bars, capital=1050.0, split=[1, 1, 0.1, 1])
    assert run.position.tolist() == [0, 105, 10, 10]
    assert run.equity.tolist() == pytest.approx([1050] * 5)
    assert run.trades["income"].tolist() == pytest.approx([50])


def test_a_position_that_a_reverse_split_leaves_without_a_unit_is_closed():
    bars = [(10, 10, 10, 10, B), FLAT, (120, 120, 120, 120), (120, 120, 120, 120)]
    run = simulate(bars, capital=50.0, split=[1, 1, 0.1, 1])
    (trade,) = run.trades
    assert (trade["exit"], trade["exit_price"], trade["reason"]) == (2, 12, kernel.EVENT)
    assert run.equity.tolist() == [50, 50, 50, 60, 60]


def test_a_dividend_is_paid_to_who_held_overnight_and_by_who_was_short():
    bars = [(10, 10, 10, 10, B), FLAT, (9, 9, 9, 9), (9, 9, 9, 9)]
    assert simulate(bars, dividend=[0, 0, 1, 0]).equity[-1] == pytest.approx(1000)
    short = [(10, 10, 10, 10, S), *bars[1:]]
    assert simulate(short, dividend=[0, 0, 1, 0]).equity[-1] == pytest.approx(1000)
    on_the_day = simulate(bars, dividend=[0, 1, 0, 0])
    assert on_the_day.trades["income"].tolist() == [0]


def random_case(seed):
    random = np.random.default_rng(seed)
    n = 60
    close = 10 * np.exp(np.cumsum(random.normal(0, 0.05, n)))
    open_ = np.concatenate(([10], close[:-1])) * np.exp(random.normal(0, 0.02, n))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, 0.02, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, 0.02, n)))
    action = random.choice([-1, 0, 0, 0, 1], n)
    levels = np.where(random.random((2, n)) < 0.8, random.uniform(0.02, 0.2, (2, n)), np.nan)
    bars = list(zip(open_, high, low, close, action, close * (1 - action * levels[0]), close * (1 + action * levels[1])))
    events = random.random((2, n)) < 0.03
    options = {
        "capital": float(random.choice([500.0, 1e5])),
        "session": np.cumsum(random.integers(0, 2, n)),
        "fee": 0.0005, "fee_day_trade": 0.0002,
        "split": np.where(events[0], random.choice([0.1, 1.1, 2.0], n), 1.0),
        "dividend": np.where(events[1], 0.2, 0.0),
        "first": int(random.integers(0, 5)), "opening": int(random.integers(-1, 2)),
        "sizing": int(random.integers(0, 2)), "size": float(random.choice([0.02, 0.5, 1.0])),
        "allow_short": bool(random.integers(0, 2)), "lot": int(random.choice([1, 100])),
        "point_value": float(random.choice([1.0, 0.2])),
        "tick": [(0, 1), (1, 100), (5, 1)][int(random.choice([0, 1, 1, 1, 2]))],
        "slippage": float(random.choice([0.0, 0.001])), "brokerage": float(random.choice([0.0, 4.9])),
        "rate": np.where(random.random(n) < 0.8, float(random.choice([0.0, 0.0005])), 0.0),
        "pay": np.arange(n) + random.integers(0, 20, n), "borrow": float(random.choice([0.0, 0.0001])),
        "favourable": bool(random.integers(0, 2)),
    }  # fmt: skip
    return bars, options


def test_the_compiled_kernel_equals_the_plain_one_bit_for_bit():
    traded = 0
    for seed in range(300):
        bars, options = random_case(seed)
        plain, fast = (simulate(bars, fast=form, **options) for form in (False, True))
        assert plain.equity.tobytes() == fast.equity.tobytes(), seed
        assert plain.position.tobytes() == fast.position.tobytes(), seed
        assert plain.trades.tobytes() == fast.trades.tobytes(), seed
        assert (plain.held, plain.rejected, plain.interest) == (fast.held, fast.rejected, fast.interest), seed
        traded += plain.trades.size
    assert traded > 1000


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_trades_and_interest_add_up_to_the_equity_and_cash_is_never_overdrawn_by_an_order(seed):
    bars, options = random_case(seed)
    run = simulate(bars, **options)
    assert run.trades["pnl"].sum() + run.interest == pytest.approx(run.equity[-1] - options["capital"], abs=0.005)
    assert (run.trades["mae"] <= 0).all()
    assert (run.trades["mfe"] >= 0).all()
    for trade in run.trades:
        earlier = run.trades[run.trades["entry"] < trade["entry"]]
        owed = -np.minimum(earlier["income"], 0.0).sum()
        most = options["capital"] + earlier["pnl"].sum() + run.interest + owed
        assert trade["quantity"] * trade["entry_price"] * options["point_value"] <= most + 0.005
        assert trade["quantity"] % options["lot"] == 0
    if not options["allow_short"] and options["opening"] >= 0:
        assert (run.position >= 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(10, 59))
def test_what_comes_after_changes_nothing_before(seed, cut):
    bars, options = random_case(seed)
    whole, part = simulate(bars, **options), simulate(bars, **options | {"last": cut})
    length = cut - options["first"] + 1
    assert whole.equity[: length + 1].tobytes() == part.equity.tobytes()
    assert whole.position[:length].tobytes() == part.position.tobytes()
