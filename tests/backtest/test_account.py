"""The account on one symbol: equal to the fast kernel where both can trade, and hand-drawn bars for every other order."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from engine.backtest import kernel
from engine.backtest.account import Leg, feed, intent_at, new_book, run_single, step
from engine.backtest.engine import BacktestConfig
from engine.backtest.execution import Execution
from engine.backtest.kernel import LIQUIDATION, PARTIAL, SIGNAL, STOP, TARGET, TIME, TRAIL
from engine.backtest.matching import submit
from engine.backtest.money import Account, equity, night
from engine.backtest.orders import Order
from engine.backtest.positions import ENTRY, trade_array
from engine.backtest.saved import restored, saved
from engine.backtest.simulation import tick_ratio
from engine.domain import Bars, Instrument, Market
from engine.market.costs import CostModel
from engine.strategies.base import Decisions

NAN = float("nan")


def random_leg(seed, n=120):
    """A seeded walk with random decisions, events and costs, the numbers of a simulation, and the interest."""
    random = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(random.normal(0, 0.04, n)))
    open_ = np.concatenate(([10], close[:-1])) * np.exp(random.normal(0, 0.02, n))
    high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, 0.02, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, 0.02, n)))
    action = random.choice([-1, 0, 0, 0, 1], n).astype(np.int8)
    levels = np.where(random.random((2, n)) < 0.8, random.uniform(0.02, 0.2, (2, n)), NAN)
    weight = np.where(random.random(n) < 0.3, random.choice([0.0, 0.3, 1.0], n), NAN)
    decisions = Decisions(action, np.ones(n), close * (1 - action * levels[0]), close * (1 + action * levels[1]), weight)
    session = np.cumsum(random.integers(0, 2, n)) + 19_000
    events = random.random((2, n)) < 0.03
    rate = np.where(np.append(True, session[1:] != session[:-1]), 0.0004, 0.0)
    bars = Bars("WALK", "1d", np.arange(n) * 86_400, session, open_, high, low, close, np.full(n, 1e6), np.full(n, NAN),
                np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))  # fmt: skip
    costs = CostModel(np.full(n, 0.0005), np.full(n, 0.0002), brokerage=float(random.choice([0.0, 4.9])),
                      slippage=float(random.choice([0.0, 0.001])), borrow=float(random.choice([0.0, 0.3])))  # fmt: skip
    instrument = Instrument("WALK", lot=int(random.choice([1, 100])), tick=float(random.choice([0.0, 0.01, 0.05])),
                            point_value=float(random.choice([1.0, 0.2])))  # fmt: skip
    leg = Leg(
        instrument, bars, decisions,
        split=np.where(events[0], random.choice([0.1, 1.1, 2.0], n), 1.0),
        dividend=np.where(events[1], 0.2, 0.0), pay=np.arange(n) + random.integers(0, 6, n),
        costs=costs, atr=np.full(n, NAN),
    )  # fmt: skip
    config = BacktestConfig(
        capital=float(random.choice([500.0, 1e5])), sizing=str(random.choice(["fraction", "risk"])),
        fraction=float(random.choice([0.5, 1.0])), risk=float(random.choice([0.02, 0.5])), allow_short=bool(random.integers(0, 2)),
    )  # fmt: skip
    first = int(random.integers(0, 5))
    return leg, {"first": first, "last": n - 1, "capital": config.capital, "config": config, "rate": rate,
                 "favourable": bool(random.integers(0, 2)), "opening": int(random.integers(-1, 2))}  # fmt: skip


def by_kernel(leg, first, last, capital, config, rate, favourable, opening):
    bars, decisions, costs, instrument = leg.bars, leg.decisions, leg.costs, leg.instrument
    arrays = (bars.open, bars.high, bars.low, bars.close, bars.session, decisions.action, decisions.stop, decisions.target,
              leg.split, leg.dividend, costs.fee, costs.fee_day_trade)  # fmt: skip
    sizing = {"fraction": kernel.FRACTION, "risk": kernel.RISK}[config.sizing]
    scalars = (first, last, opening, capital, sizing, config.size, config.allow_short, instrument.lot, instrument.point_value,
               *tick_ratio(instrument.tick), costs.slippage, costs.brokerage)  # fmt: skip
    borrow = (1 + costs.borrow) ** (1 / 252) - 1
    return kernel.run(
        arrays, scalars, fast=False, weight=decisions.size, rate=rate, pay=leg.pay, borrow=borrow, favourable=favourable
    )


def test_market_orders_with_stop_and_target_equal_those_of_the_kernel():
    reasons, trades = set(), 0
    for seed in range(300):
        leg, options = random_leg(seed)
        expected = by_kernel(leg, **options)
        found = run_single(leg, execution=Execution(), **options)
        assert found.trades.size == expected.trades.size, seed
        for name in kernel.TRADE.names:
            np.testing.assert_allclose(found.trades[name], expected.trades[name], rtol=1e-9, atol=1e-7, err_msg=f"{seed} {name}")
        np.testing.assert_allclose(found.equity, expected.equity, rtol=1e-9, err_msg=str(seed))
        assert found.position.tolist() == expected.position.tolist(), seed
        assert (found.held, found.rejected) == (expected.held, expected.rejected), seed
        assert found.interest == pytest.approx(expected.interest, rel=1e-9)
        reasons |= set(found.trades["reason"].tolist())
        trades += found.trades.size
    assert reasons == {kernel.OPEN, kernel.SIGNAL, kernel.STOP, kernel.TARGET, kernel.LIQUIDATION, kernel.EVENT}
    assert trades > 2_000


B, S, H = 1, -1, 0


@dataclass(frozen=True)
class Case:
    """bars: (open, high, low, close[, action, stop, target]); fills: (bar, price, quantity, reason), the reason of an entry None."""

    name: str
    bars: list
    fills: list
    execution: Execution = field(default_factory=Execution)
    options: dict = field(default_factory=dict)


def drawn_leg(bars, *, lot=1, market=Market.CASH, quantity=1e6, fee=0.0, contract_fee=0.0, session=None, split=None,
              dividend=None, limit=None, trigger=None, odd=None, point_value=1.0, atr=1.0, borrow=0.0, symbol="DRAW"):  # fmt: skip
    n = len(bars)
    columns = [np.array(column, dtype=float) for column in zip(*((*bar, *(H, NAN, NAN)[len(bar) - 4 :]) for bar in bars))]
    session = np.arange(n) if session is None else np.array(session)

    def series(prices, amounts):
        return Bars(symbol, "1d", np.arange(n) * 86_400, session, *prices, np.broadcast_to(np.array(amounts, dtype=float), n),
                    np.full(n, NAN), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))  # fmt: skip

    action = columns[4].astype(np.int8)
    optional = [None if level is None else np.array(level, dtype=float) for level in (limit, trigger)]
    decisions = Decisions(action, np.where(action, 1.0, NAN), columns[5], columns[6], None, *optional)
    fractional = None
    if odd is not None:
        rows = [at for at, bar in enumerate(odd) if bar is not None]
        fractional = series([np.array([bar[k] if bar else 1.0 for bar in odd], dtype=float) for k in range(4)], 1e6).take(
            np.array(rows)
        )
    return Leg(
        Instrument(symbol, market, lot=lot, tick=0.0, point_value=point_value), series(columns[:4], quantity), decisions,
        np.ones(n) if split is None else np.array(split, dtype=float),
        np.zeros(n) if dividend is None else np.array(dividend, dtype=float), np.arange(n),
        CostModel(np.full(n, fee), np.full(n, fee), borrow=borrow, contract_fee=contract_fee),
        np.broadcast_to(np.array(atr, dtype=float), n), fractional,
    )  # fmt: skip


def trade_drawn(bars, execution=None, *, capital=1000.0, favourable=False, sizing="fraction", risk=0.02, allow_short=True,
                margin=0.2, rate=0.0, **options):  # fmt: skip
    leg = drawn_leg(bars, **options)
    config = BacktestConfig(capital, sizing, 1.0, risk, allow_short, futures_margin=margin)
    return run_single(leg, first=0, last=len(bars) - 1, capital=capital, config=config, rate=np.full(len(bars), rate),
                      execution=execution or Execution(), favourable=favourable)  # fmt: skip


def reason_of(fill):
    return None if fill.reason == ENTRY else fill.reason


FLAT = (10, 10, 10, 10)
BUY = (10, 10, 10, 10, B)
LIMIT = Execution(entry="limit", entry_atr=0.5, entry_bars=2)
STOP_ENTRY = Execution(entry="stop", entry_atr=0.5)
STOP_LIMIT = Execution(entry="stop_limit", entry_atr=0.5, limit_atr=0.25, entry_bars=2)
HALF = Execution(partial=0.5, partial_r=1.0)
CAP = Execution(volume_cap=0.1)

CASES = [
    Case("limit: filled at its level", [BUY, (10, 10.2, 9.4, 10), FLAT], [(1, 9.5, 105, None)], LIMIT),
    Case("limit: filled at a better open", [BUY, (9.2, 10, 9, 10), FLAT], [(1, 9.2, 108, None)], LIMIT),
    Case("limit: filled on its last bar", [BUY, FLAT, (10, 10, 9.5, 10), FLAT], [(2, 9.5, 105, None)], LIMIT),
    Case("limit: never touched, gone when it is", [BUY, FLAT, (10, 11, 9.6, 10), (10, 10, 9, 10)], [], LIMIT),
    Case("limit: a new signal replaces it", [BUY, (10, 10, 9.6, 9.8, B), (9.8, 9.8, 9.35, 9.5), FLAT], [], LIMIT),
    Case(
        "limit: a short sells above",
        [(10, 10, 10, 10, S), (10, 10.6, 10, 10), FLAT],
        [(1, 10.5, 95, None)],
        LIMIT,
    ),
    Case(
        "limit: the stop of the bar of the entry comes after it",
        [(10, 10, 10, 10, B, 9, 12), (10, 13, 8.8, 12.5), FLAT],
        [(1, 9.5, 105, None), (1, 9, 105, STOP)],
        LIMIT,
    ),
    Case(
        "limit: a target above may have been passed before the entry, the close proves one after it",
        [(10, 10, 10, 10, B, 8, 12), (10, 13, 9.2, 10), (10, 12.5, 10, 12), FLAT],
        [(1, 9.5, 105, None), (2, 12, 105, TARGET)],
        LIMIT,
    ),
    Case(
        "limit: the close proves a target on the bar of the entry",
        [(10, 10, 10, 10, B, 8, 12), (10, 13, 9.2, 12.5), FLAT],
        [(1, 9.5, 105, None), (1, 12, 105, TARGET)],
        LIMIT,
    ),
    Case("stop: filled at its trigger", [BUY, (10, 11, 10, 10.8), FLAT], [(1, 10.5, 95, None)], STOP_ENTRY),
    Case("stop: filled at the open through a gap", [BUY, (11, 11, 10, 10.8), FLAT], [(1, 11, 90, None)], STOP_ENTRY),
    Case(
        "stop: what the bar of the entry may have done before it counts against the trader",
        [(10, 10, 10, 10, B, 9, 14), (10, 11, 8.9, 10.8), FLAT],
        [(1, 10.5, 95, None), (1, 9, 95, STOP)],
        STOP_ENTRY,
    ),
    Case("stop-limit: triggered and not filled", [BUY, (11, 11, 10.8, 11), (11, 12, 10.9, 12), FLAT], [], STOP_LIMIT),
    Case(
        "stop-limit: triggered, filled as a limit a bar later",
        [BUY, (11, 11, 10.8, 11), (11, 11, 10.6, 11), FLAT],
        [(2, 10.75, 93, None)],
        STOP_LIMIT,
    ),
    Case(
        "levels of the strategy overrule the settings",
        [BUY, (10, 10, 9.7, 10), FLAT],
        [(1, 9.8, 102, None)],
        options={"limit": [9.8, NAN, NAN]},
    ),
    Case(
        "trailing by percent: moves up, then is hit",
        [BUY, (10, 12, 10, 12), (12, 13, 11, 12.5), (12.5, 12.5, 11.5, 12), FLAT],
        [(1, 10, 100, None), (3, 11.7, 100, TRAIL)],
        Execution(trail_percent=0.1),
    ),
    Case(
        "trailing by percent: works on the bar of the entry, from its price",
        [BUY, (10, 12, 8.9, 12), FLAT],
        [(1, 10, 100, None), (1, 9, 100, TRAIL)],
        Execution(trail_percent=0.1),
    ),
    Case(
        "trailing by ATR: moves up, then is hit",
        [BUY, (10, 12, 10, 12), (12, 12.5, 11.2, 12), (11.8, 12, 11.4, 12), FLAT],
        [(1, 10, 100, None), (3, 11.5, 100, TRAIL)],
        Execution(trail_atr=1.0),
    ),
    Case(
        "trailing by ATR: never loosens when the ATR grows",
        [BUY, (10, 12, 10, 12), (12, 12, 11.5, 12), (12, 12, 10.5, 12), FLAT],
        [(1, 10, 100, None), (3, 11, 100, TRAIL)],
        Execution(trail_atr=1.0),
        {"atr": [1, 1, 3, 3, 3]},
    ),
    Case(
        "trailing: the stop of the strategy counts while it is nearer",
        [(10, 10, 10, 10, B, 9.8), (10, 10.1, 9.7, 10), FLAT],
        [(1, 10, 100, None), (1, 9.8, 100, STOP)],
        Execution(trail_percent=0.1),
    ),
    Case(
        "trailing: a short's stop comes down",
        [(10, 10, 10, 10, S), (10, 10, 8, 8), (8, 8.5, 8, 8.5), (8.5, 8.9, 8.5, 8.9), FLAT],
        [(1, 10, 100, None), (3, 8.8, 100, TRAIL)],
        Execution(trail_percent=0.1),
    ),
    Case(
        "bracket: both touched, the stop is taken",
        [(10, 10, 10, 10, B, 9, 12), FLAT, (10, 12.5, 8.5, 10), FLAT],
        [(1, 10, 100, None), (2, 9, 100, STOP)],
        Execution(time_exit=50),
    ),
    Case(
        "bracket: both touched, the target is taken if it may be",
        [(10, 10, 10, 10, B, 9, 12), FLAT, (10, 12.5, 8.5, 10), FLAT],
        [(1, 10, 100, None), (2, 12, 100, TARGET)],
        Execution(time_exit=50),
        {"favourable": True},
    ),
    Case(
        "time: closed at the open after two bars",
        [BUY, FLAT, FLAT, (11, 12, 11, 12), FLAT],
        [(1, 10, 100, None), (3, 11, 100, TIME)],
        Execution(time_exit=2),
    ),
    Case(
        "time: a signal in the direction of the position does not open it again at that open",
        [BUY, FLAT, (10, 10, 10, 10, B), (11, 12, 11, 12), FLAT],
        [(1, 10, 100, None), (3, 11, 100, TIME)],
        Execution(time_exit=2),
    ),
    Case(
        "partial: half at one risk, the stop on the rest",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 10, 11), (11, 11, 8.8, 9), FLAT],
        [(1, 10, 100, None), (2, 11, 50, PARTIAL), (3, 9, 50, STOP)],
        HALF,
    ),
    Case(
        "partial: then the target of the rest in the same bar",
        [(10, 10, 10, 10, B, 9, 12), FLAT, (10, 12.5, 10, 12), FLAT],
        [(1, 10, 100, None), (2, 11, 50, PARTIAL), (2, 12, 50, TARGET)],
        HALF,
    ),
    Case(
        "partial: a bar that touches the stop too closes all of it there",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 8.5, 9), FLAT],
        [(1, 10, 100, None), (2, 9, 100, STOP)],
        HALF,
    ),
    Case(
        "partial: or half of it before the stop if it may be",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 8.5, 9), FLAT],
        [(1, 10, 100, None), (2, 11, 50, PARTIAL), (2, 9, 50, STOP)],
        HALF,
        {"favourable": True},
    ),
    Case("partial: nothing without a stop", [BUY, FLAT, (10, 15, 10, 11), FLAT], [(1, 10, 100, None)], HALF),
    Case(
        "partial: rounded down to lots, here to none",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 10, 11), FLAT],
        [(1, 10, 100, None)],
        HALF,
        {"lot": 100},
    ),
    Case(
        "cap: an order is filled over three bars",
        [BUY, FLAT, FLAT, FLAT, FLAT],
        [(1, 10, 40, None), (2, 10, 40, None), (3, 10, 20, None)],
        CAP,
        {"quantity": [400] * 5},
    ),
    Case(
        "cap: rounded down to lots",
        [BUY, FLAT, FLAT, FLAT],
        [(2, 10, 100, None)],
        CAP,
        {"quantity": [0, 900, 1900, 0], "lot": 100, "capital": 1999.0},
    ),
    Case(
        "cap: an unknown quantity fills nothing",
        [BUY, FLAT, FLAT, FLAT],
        [(2, 10, 100, None)],
        CAP,
        {"quantity": [NAN, NAN, 5000, NAN]},
    ),
    Case(
        "cap: a stop that is filled in part goes on at the market",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 10, 8, 8), (7, 7, 7, 7), FLAT],
        [(1, 10, 100, None), (2, 9, 60, STOP), (3, 7, 40, STOP)],
        CAP,
        {"quantity": [0, 1000, 600, 1000, 0]},
    ),
    Case(
        "cap: a stop that is filled in part cancels the partial exit that the bar touches too",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 8, 8), (7, 7, 7, 7), FLAT],
        [(1, 10, 100, None), (2, 9, 60, STOP), (3, 7, 40, STOP)],
        Execution(volume_cap=0.1, partial=0.5),
        {"quantity": [0, 1000, 600, 1000, 0]},
    ),
    Case(
        "cap: a bar without trades does not hold a stop back that it has triggered",
        [(10, 10, 10, 10, B, 9), FLAT, (10, 10, 8, 8), (9.5, 9.5, 9.5, 9.5), FLAT],
        [(1, 10, 100, None), (3, 9.5, 100, STOP)],
        CAP,
        {"quantity": [0, 1000, NAN, 1000, 0]},
    ),
    Case(
        "cap: a target that is filled in part rests",
        [(10, 10, 10, 10, B, 9, 11), FLAT, (10, 11, 10, 10), (10, 10, 10, 10), (10, 11.5, 10, 10)],
        [(1, 10, 100, None), (2, 11, 60, TARGET), (4, 11, 40, TARGET)],
        CAP,
        {"quantity": [0, 1000, 600, 1000, 1000]},
    ),
    Case(
        "cap: a reversal waits until the position is closed",
        [BUY, (10, 10, 10, 10, S), FLAT, FLAT, FLAT],
        [(1, 10, 100, None), (2, 10, 60, SIGNAL), (3, 10, 40, SIGNAL), (3, 10, 50, None), (4, 10, 50, None)],
        CAP,
        {"quantity": [0, 1000, 600, 500, 1000]},
    ),
    Case(
        "cap: what waits of an entry goes with the position",
        [(10, 10, 10, 10, B, 9), (10, 10, 8, 8), FLAT, FLAT],
        [(1, 10, 40, None), (1, 9, 40, STOP)],
        CAP,
        {"quantity": [400] * 4},
    ),
    Case(
        "fractional: what is below a lot is dealt apart, at the same price",
        [BUY, FLAT, (10, 10, 10, 10, S), (11, 11, 11, 11), FLAT],
        [(1, 10, 200, None), (1, 10, 55, None), (3, 11, 200, SIGNAL), (3, 11, 55, SIGNAL)],
        Execution(fractional=True),
        {"lot": 100, "capital": 2550.0, "allow_short": False},
    ),
    Case(
        "fractional: or at the prices of its own bars, when it has one",
        [BUY, FLAT, (10, 10, 10, 10, S), (11, 11, 11, 11), FLAT],
        [(1, 10, 200, None), (1, 10.1, 54, None), (3, 11, 200, SIGNAL), (4, 9.9, 54, SIGNAL)],
        Execution(fractional=True),
        {"lot": 100, "capital": 2550.0, "allow_short": False, "odd": [None, (10.1,) * 4, None, None, (9.9,) * 4]},
    ),
    Case("no cash for one lot", [BUY, FLAT, FLAT], [], options={"lot": 100, "capital": 999.0}),
    Case(
        "an order due at the open comes before the stop of that bar",
        [(10, 10, 10, 10, B, 9), (10, 10, 10, 10, S), (10, 10, 8, 8), FLAT],
        [(1, 10, 100, None), (2, 10, 100, SIGNAL)],
        Execution(time_exit=50),
        {"allow_short": False},
    ),
    Case("an order that waits at the end of the data", [FLAT, FLAT, BUY], [], LIMIT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hand_drawn_bars(case):
    run = trade_drawn(case.bars, case.execution, **case.options)
    found = [(fill.bar, fill.price, fill.quantity, reason_of(fill)) for fill in run.fills]
    assert found == [pytest.approx(fill) if fill[3] is not None else (*map(pytest.approx, fill[:3]), None) for fill in case.fills]
    assert run.trades["pnl"].sum() == pytest.approx(run.equity[-1] - run.equity[0])


def test_what_a_bar_leaves_open_is_marked_whatever_was_taken():
    both = [(10, 10, 10, 10, B, 9, 12), FLAT, (10, 12.5, 8.5, 10), FLAT]
    after_entry = [(10, 10, 10, 10, B, 8, 12), (10, 13, 9.2, 10), (10, 12.5, 10, 12), FLAT]
    sure = [(10, 10, 10, 10, B, 9, 12), FLAT, (8.5, 12.5, 8.5, 10), FLAT]
    for favourable in (False, True):
        assert trade_drawn(both, Execution(time_exit=50), favourable=favourable).trades["ambiguous"].tolist() == [1]
        assert trade_drawn(after_entry, LIMIT, favourable=favourable).trades["ambiguous"].tolist() == [1]
        assert trade_drawn(sure, Execution(time_exit=50), favourable=favourable).trades["ambiguous"].tolist() == [0]
    assert trade_drawn(after_entry, LIMIT, favourable=True).trades["exit"].tolist() == [1]


def test_parts_of_a_position_are_trades_that_share_its_costs():
    bars = [(10, 10, 10, 10, B, 9), FLAT, (10, 11.5, 10, 11), (11, 11, 8.8, 9), FLAT]
    run = trade_drawn(bars, HALF, capital=1010.0, fee=0.001)
    first, second = run.trades
    assert (first["quantity"], first["exit_price"], first["reason"]) == (50, 11, PARTIAL)
    assert (second["quantity"], second["exit_price"], second["reason"]) == (50, 9, STOP)
    assert first["costs"] == pytest.approx(0.50 + 0.55)
    assert second["costs"] == pytest.approx(0.50 + 0.45)
    assert first["pnl"] == pytest.approx(50 - 1.05)
    assert second["pnl"] == pytest.approx(-50 - 0.95)
    assert run.held == 3


def test_a_position_filled_in_parts_has_their_average_price():
    bars = [BUY, FLAT, (12, 12, 12, 12), (12, 12, 12, 12, S), (12, 12, 12, 12)]
    run = trade_drawn(bars, CAP, quantity=[400, 400, 400, 5000, 5000], allow_short=False)
    (trade,) = run.trades
    assert (trade["entry"], trade["quantity"]) == (1, 90)
    assert trade["entry_price"] == pytest.approx((40 * 10 + 40 * 12 + 10 * 12) / 90)
    assert trade["pnl"] == pytest.approx(80)


def test_bars_of_unknown_quantity_and_orders_without_cash_are_counted():
    assert trade_drawn([BUY, FLAT, FLAT, FLAT], CAP, quantity=[NAN, NAN, 5000, NAN]).no_quantity == 1
    run = trade_drawn([BUY, FLAT, (10, 10, 10, 10, B), FLAT], lot=100, capital=999.0)
    assert (run.rejected, run.trades.size) == (2, 0)
    assert trade_drawn([BUY, FLAT, FLAT], LIMIT, atr=NAN).rejected == 1


def test_the_fractional_market_has_its_ticker_with_an_f():
    run = trade_drawn([BUY, FLAT, FLAT], Execution(fractional=True), lot=100, capital=2550.0)
    assert [(fill.symbol, fill.quantity) for fill in run.fills] == [("DRAW", 200), ("DRAWF", 55)]
    assert run.trades["quantity"].tolist() == [255]


FUTURE = {"market": Market.FUTURE, "point_value": 0.2, "contract_fee": 1.0}
POINTS = [
    (1000, 1000, 1000, 1000, B),
    (1000, 1010, 1000, 1010),
    (1010, 1030, 1010, 1020, S),
    (1030, 1030, 1030, 1030),
    (1030,) * 4,
]


def test_a_future_pays_no_notional_and_is_settled_in_cash_each_session():
    run = trade_drawn(POINTS, allow_short=False, **FUTURE)
    assert [(fill.bar, fill.price, fill.quantity, fill.costs) for fill in run.fills] == [(1, 1000, 5, 5), (3, 1030, 5, 5)]
    assert run.equity.tolist() == pytest.approx([1000, 1000, 1005, 1015, 1020, 1020])
    assert run.trades["pnl"].tolist() == pytest.approx([30 * 5 * 0.2 - 10])
    assert run.interest == 0


def test_the_gains_of_a_future_earn_interest_from_the_next_night_on():
    run = trade_drawn(POINTS, allow_short=False, rate=0.01, **FUTURE | {"contract_fee": 0.0})
    first = 10.0
    second = first + 1010 * 0.01
    third = second + (1000 + second) * 0.01
    fourth = third + (1010 + third) * 0.01
    assert run.equity.tolist() == pytest.approx(
        [1000, 1010, 1010 + 10.1 + 10, 1020 + third, 1030 + fourth, (1030 + fourth) * 1.01]
    )


def test_a_future_is_cut_to_the_margin_or_refused():
    bars = [(1000, 1000, 1000, 1000, B, 990), (1000,) * 4, (1000,) * 4]
    options = FUTURE | {"contract_fee": 0.0, "sizing": "risk", "risk": 0.5}
    assert trade_drawn(bars, **options).trades["quantity"].tolist() == [25]
    assert trade_drawn(bars, **options | {"margin": 1.0}).trades["quantity"].tolist() == [5]
    refused = trade_drawn(bars, **options, capital=39.0)
    assert (refused.trades.size, refused.rejected) == (0, 1)


def drawn_account(bars, *, capital=1000.0, execution=None, margin=0.2, **options):
    """An account with one empty book, its bars and a configuration, for orders placed by hand."""
    leg = drawn_leg(bars, **options)
    config = BacktestConfig(capital, futures_margin=margin)
    book = new_book(leg, execution or Execution(), config)
    return Account(capital, {book.symbol: book}), book, list(feed(leg, 0, len(bars) - 1)), config


def go(account, book, bar, config):
    night(account, 0.0)
    step(account, book, bar, None, config)


def fills_of(book):
    return [(fill.bar, fill.price, fill.side * fill.quantity, reason_of(fill)) for fill in book.fills]


def test_a_future_whose_margin_is_used_up_is_closed_there_and_trading_stops():
    account, book, bars, config = drawn_account([(1000,) * 4, (990, 990, 700, 700), (700,) * 4], **FUTURE | {"contract_fee": 0.0})
    submit(book, Order("market", 1, 25))
    go(account, book, bars[0], config)
    submit(book, Order("market", 1, 25))
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert fills_of(book) == [(0, 1000, 25, None), (1, 800, -25, LIQUIDATION)]
    assert account.cash == pytest.approx(0)
    assert account.ruined


@pytest.mark.parametrize(
    ("lot", "fractional", "sold", "rejected"),
    [(1, False, [("DRAW", 10)], 0), (100, False, [], 1), (100, True, [("DRAWF", 10)], 0)],
)
def test_ten_of_a_hundred_are_sold(lot, fractional, sold, rejected):
    account, book, bars, config = drawn_account([FLAT] * 3, lot=lot, execution=Execution(fractional=fractional))
    submit(book, Order("market", 1, 100))
    go(account, book, bars[0], config)
    submit(book, Order("market", -1, 10, reduce_only=True))
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert [(fill.symbol, fill.quantity) for fill in book.fills[1:]] == sold
    assert account.rejected == rejected
    assert book.position.units == 100 - sum(quantity for _symbol, quantity in sold)
    assert not book.exits


def test_an_order_by_hand_turns_a_position():
    account, book, bars, config = drawn_account([FLAT, (11, 11, 11, 11), FLAT])
    submit(book, Order("market", 1, 60))
    go(account, book, bars[0], config)
    submit(book, Order("market", -1, 100))
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert fills_of(book) == [(0, 10, 60, None), (1, 11, -60, SIGNAL), (1, 11, -40, None)]
    assert book.position.units == -40


def test_an_order_by_hand_adds_to_a_position_at_the_average_price():
    account, book, bars, config = drawn_account([FLAT, (12, 12, 12, 12), FLAT])
    submit(book, Order("market", 1, 30))
    go(account, book, bars[0], config)
    submit(book, Order("market", 1, 10))
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert (book.position.units, book.position.price) == (40, pytest.approx(10.5))
    assert account.cash == pytest.approx(1000 - 420)
    assert equity(account) == pytest.approx(1000 - 420 + 400)


def test_a_bracket_by_hand_is_two_orders_of_which_one_cancels_the_other():
    account, book, bars, config = drawn_account([FLAT, (10, 12.5, 10, 12), (12, 12, 8, 8)])
    submit(book, Order("limit", 1, 50, limit=10.0, stop=9.0, target=12.0))
    go(account, book, bars[0], config)
    assert {order.tag for order in book.exits} == {"stop", "target"}
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert fills_of(book) == [(0, 10, 50, None), (1, 12, -50, TARGET)]
    assert not book.exits


def test_an_order_that_only_closes_waits_for_a_position():
    account, book, bars, config = drawn_account([FLAT, (10, 12.5, 10, 12), (12, 12, 8, 8)])
    submit(book, Order("limit", -1, 20, limit=12.0, reduce_only=True))
    go(account, book, bars[0], config)
    submit(book, Order("market", 1, 50))
    for bar in bars[1:]:
        go(account, book, bar, config)
    assert fills_of(book) == [(1, 10, 50, None), (1, 12, -20, SIGNAL)]


def test_of_two_entries_in_a_group_the_first_to_fill_cancels_the_other():
    account, book, bars, config = drawn_account([FLAT, (10, 11.5, 9.8, 11), (11, 11, 8, 8)])
    submit(book, Order("stop", 1, 50, trigger=11.0, group="break"))
    submit(book, Order("stop", -1, 50, trigger=9.0, group="break"))
    for bar in bars:
        go(account, book, bar, config)
    assert fills_of(book) == [(1, 11, 50, None)]


def test_an_order_by_hand_without_the_cash_is_cut_or_refused():
    account, book, bars, config = drawn_account([FLAT] * 3, lot=10)
    submit(book, Order("market", 1, 500))
    go(account, book, bars[0], config)
    assert fills_of(book) == [(0, 10, 100, None)]
    submit(book, Order("market", 1, 500))
    go(account, book, bars[1], config)
    assert len(book.fills) == 1
    assert (account.rejected, account.cash) == (1, 0)


def test_a_split_moves_the_orders_of_a_position_and_those_that_wait():
    bars = [(40, 40, 40, 40), (10, 10.5, 9.5, 10), (10, 12, 10, 12), (12, 12, 12, 12)]
    account, book, drawn, config = drawn_account(bars, split=[1, 4, 1, 1])
    submit(book, Order("market", 1, 10, stop=32.0, target=46.0))
    submit(book, Order("limit", 1, 5, limit=20.0))
    for bar in drawn:
        go(account, book, bar, config)
    assert fills_of(book) == [(0, 40, 10, None), (2, 11.5, -40, TARGET)]
    assert (book.entries[0].limit, book.entries[0].quantity) == (5.0, 20)


def test_an_account_that_is_saved_between_all_bars_goes_on_as_if_it_was_not():
    for seed in range(12):
        leg, options = random_leg(seed, 60)
        config = options["config"]
        execution = Execution("limit", entry_bars=3, trail_percent=0.1, partial=0.5, time_exit=9, fractional=True)
        leg = replace(leg, atr=np.full(60, 0.1))
        book = new_book(leg, execution, config)
        account = Account(config.capital, {book.symbol: book})
        for bar in feed(leg, options["first"], 59):
            account = restored(json.loads(json.dumps(saved(account), allow_nan=False)))
            book = account.books["WALK"]
            if bar.row == options["first"] or bar.session != leg.bars.session[bar.row - 1]:
                night(account, float(options["rate"][bar.row]))
            before = bar.row - 1
            intent = intent_at(leg, before) if before >= options["first"] and leg.decisions.action[before] else None
            step(account, book, bar, intent, config)
        expected = run_single(leg, execution=execution, **options | {"favourable": False, "opening": 0})
        assert account.cash + account.receivable + book.worth(book.last) == pytest.approx(expected.equity[-1])
        assert trade_array(book).tobytes() == expected.trades.tobytes()
        assert tuple(book.fills) == expected.fills
