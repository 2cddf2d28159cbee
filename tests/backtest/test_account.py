"""The account on one symbol: equal to the fast kernel where both can trade, and hand-drawn bars for every other order."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from engine.backtest import kernel
from engine.backtest.account import Leg, run_single
from engine.backtest.engine import BacktestConfig
from engine.backtest.execution import Execution
from engine.backtest.kernel import PARTIAL, SIGNAL, STOP, TARGET, TIME, TRAIL
from engine.backtest.positions import ENTRY
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
