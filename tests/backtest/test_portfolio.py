"""Several symbols on one account: who gets the cash, and what must hold whatever the bars are."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import strategies
from engine.backtest import kernel
from engine.backtest.account import Leg, run_single
from engine.backtest.engine import BacktestConfig
from engine.backtest.execution import Execution
from engine.backtest.portfolio import run_portfolio
from engine.domain import Bars, Instrument, Market
from engine.errors import NoDataError, UsageError
from engine.features.indicators import atr
from engine.market.costs import CostModel
from engine.strategies.base import Decisions

NAN = float("nan")
DAY = 86_400
DATA = Path(__file__).parents[2].parent / "shared" / "data" / "series"
EXECUTIONS = (
    Execution(),
    Execution("limit", entry_bars=4, trail_percent=0.08),
    Execution("stop", entry_bars=2, partial=0.5, time_exit=7),
    Execution("stop_limit", entry_bars=3, trail_atr=2.0, volume_cap=0.1),
    Execution(fractional=True, volume_cap=0.05, partial=0.4),
)


def leg_of(symbol, rows, action, *, session=None, at=None, strength=None, stop=None, target=None, size=None, lot=1, tick=0.0,
           fee=0.0, brokerage=0.0, slippage=0.0, borrow=0.0, split=None, dividend=None, pay=None, quantity=5_000.0, atr=0.2,
           market=Market.CASH):  # fmt: skip
    """A leg of rows (open, high, low, close) at the days `at`, by default one a day."""
    n = len(rows)
    days = np.arange(n) if at is None else np.array(at)
    nothing = np.full(n, NAN)
    columns = [np.array(column, dtype=float) for column in zip(*rows)]
    bars = Bars(symbol, "1d", days * DAY, days if session is None else np.array(session), *columns, np.full(n, quantity), nothing,
                np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))  # fmt: skip
    decisions = Decisions(
        np.array(action, dtype=np.int8), np.ones(n) if strength is None else np.array(strength, dtype=float),
        nothing if stop is None else np.array(stop, dtype=float), nothing if target is None else np.array(target, dtype=float), size,
    )  # fmt: skip
    costs = CostModel(np.full(n, fee), np.full(n, fee * 0.6), brokerage=brokerage, slippage=slippage, borrow=borrow)
    return Leg(
        Instrument(symbol, market, lot=lot, tick=tick), bars, decisions, np.ones(n) if split is None else split,
        np.zeros(n) if dividend is None else dividend, np.arange(n) if pay is None else pay, costs, np.full(n, atr),
    )  # fmt: skip


def random_legs(seed, *, count=3, n=50, plain=False):
    """Seeded walks on one calendar from which each symbol lacks some days; `plain` has no costs, ticks or events."""
    random = np.random.default_rng(seed)
    calendar = np.cumsum(random.integers(1, 4, n)) + 19_000
    legs = []
    for symbol in ("AAAA3", "BBBB4", "CCCC11")[:count]:
        at = np.sort(random.choice(calendar, n - int(random.integers(0, 10)), replace=False))
        m = at.size
        close = 10 * np.exp(np.cumsum(random.normal(0, 0.04, m)))
        open_ = np.concatenate(([10], close[:-1])) * np.exp(random.normal(0, 0.02, m))
        high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0, 0.02, m)))
        low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0, 0.02, m)))
        action = random.choice([-1, 0, 0, 0, 1], m)
        levels = np.where(random.random((2, m)) < 0.7, random.uniform(0.02, 0.2, (2, m)), NAN)
        events = random.random((2, m)) < (0.0 if plain else 0.03)
        legs.append(
            leg_of(
                symbol, list(zip(open_, high, low, close)), action, at=at, strength=random.random(m),
                stop=close * (1 - action * levels[0]), target=close * (1 + action * levels[1]),
                size=np.where(random.random(m) < 0.3, 0.4, NAN), lot=1 if plain else int(random.choice([1, 100])),
                split=np.where(events[0], random.choice([0.1, 2.0], m), 1.0), dividend=np.where(events[1], 0.2, 0.0),
                pay=np.arange(m) + random.integers(0, 6, m),
                **{} if plain else {"tick": 0.01, "fee": 0.0005, "brokerage": 2.0, "slippage": 0.001, "borrow": 0.1},
            )
        )  # fmt: skip
    config = BacktestConfig(
        20_000.0, str(random.choice(["fraction", "risk"])), float(random.choice([0.3, 1.0])), 0.05, bool(random.integers(0, 2))
    )
    rate = {} if plain else dict.fromkeys(calendar.tolist(), 0.0004)
    return legs, {"capital": config.capital, "config": config, "rate": rate, "execution": EXECUTIONS[seed % len(EXECUTIONS)]}


SEEDS = st.integers(0, 10**6)
few = settings(max_examples=40, deadline=None)


@few
@given(SEEDS)
def test_one_symbol_trades_as_it_does_alone(seed):
    (leg,), options = random_legs(seed, count=1)
    run = run_portfolio([leg], **options)
    n = len(leg.bars)
    rate = np.array([options["rate"][day] for day in leg.bars.session.tolist()])
    alone = run_single(
        leg, first=0, last=n - 1, capital=options["capital"], config=options["config"], rate=rate, execution=options["execution"]
    )
    assert run.equity.tobytes() == alone.equity.tobytes()
    assert run.legs[0].position.tobytes() == alone.position.tobytes()
    assert run.legs[0].trades.tobytes() == alone.trades.tobytes()
    assert run.legs[0].fills == alone.fills
    assert (run.interest, run.rejected, run.legs[0].held) == (alone.interest, alone.rejected, alone.held)


@few
@given(SEEDS, st.permutations([0, 1, 2]))
def test_the_order_of_the_symbols_changes_nothing(seed, places):
    legs, options = random_legs(seed)
    run, shuffled = run_portfolio(legs, **options), run_portfolio([legs[k] for k in places], **options)
    assert run.equity.tobytes() == shuffled.equity.tobytes()
    for place, k in enumerate(places):
        assert shuffled.legs[place].trades.tobytes() == run.legs[k].trades.tobytes()
        assert shuffled.legs[place].symbol == legs[k].instrument.symbol


@few
@given(SEEDS, st.booleans())
def test_trades_and_interest_add_up_to_the_change_of_the_equity(seed, favourable):
    legs, options = random_legs(seed)
    run = run_portfolio(legs, favourable=favourable, **options)
    earned = sum(leg.trades["pnl"].sum() for leg in run.legs) + run.interest
    assert earned == pytest.approx(run.equity[-1] - options["capital"], abs=1e-6)


def invested(run, legs):
    """The value of what is held at each bar of the merged time line, every symbol at its newest close."""
    total = np.zeros(run.time.size)
    for leg, traded in zip(legs, run.legs):
        row = np.searchsorted(leg.bars.time, run.time, side="right") - 1
        held = np.where(row < 0, 0, traded.position[row])
        total += held * leg.bars.close[row]
    return total


@few
@given(SEEDS)
def test_without_shorts_the_cash_is_never_negative_and_nor_is_a_position(seed):
    legs, options = random_legs(seed)
    legs = [replace(leg, dividend=np.zeros(len(leg.bars))) for leg in legs]
    run = run_portfolio(legs, **options | {"config": replace(options["config"], allow_short=False)})
    assert (run.equity[1:] - invested(run, legs)).min() >= -1e-6
    assert all((leg.position >= 0).all() for leg in run.legs)


@few
@given(SEEDS)
def test_twice_the_prices_and_the_cash_is_twice_the_equity(seed):
    legs, options = random_legs(seed, plain=True)
    run = run_portfolio(legs, **options)

    def doubled(leg):
        prices = {name: 2 * getattr(leg.bars, name) for name in ("open", "high", "low", "close")}
        decisions = replace(leg.decisions, stop=2 * leg.decisions.stop, target=2 * leg.decisions.target)
        return replace(leg, bars=replace(leg.bars, **prices), decisions=decisions, atr=2 * leg.atr)

    config = replace(options["config"], capital=40_000.0)
    twice = run_portfolio([doubled(leg) for leg in legs], **options | {"capital": 40_000.0, "config": config})
    assert (2 * run.equity).tobytes() == twice.equity.tobytes()
    for one, other in zip(run.legs, twice.legs):
        assert one.trades["quantity"].tolist() == other.trades["quantity"].tolist()


@few
@given(SEEDS)
def test_a_mirrored_path_turns_the_gain_of_a_long_into_that_of_a_short(seed):
    (leg,), _options = random_legs(seed, count=1, plain=True)
    bars, action = leg.bars, np.where(np.arange(len(leg.bars)) % 10 == 0, 1, 0).astype(np.int8)
    nothing = np.full(len(bars), NAN)
    size = np.full(len(bars), 0.05)
    mirror = replace(bars, open=100 - bars.open, high=100 - bars.low, low=100 - bars.high, close=100 - bars.close)
    kept = Execution(time_exit=5)
    config = BacktestConfig(1e6, allow_short=True)
    long = run_portfolio(
        [replace(leg, decisions=Decisions(action, nothing, nothing, nothing, size))],
        capital=1e6, config=config, execution=kept,
    ).legs[0].trades  # fmt: skip
    short = run_portfolio(
        [replace(leg, bars=mirror, decisions=Decisions(-action, nothing, nothing, nothing, size))],
        capital=1e6, config=config, execution=kept,
    ).legs[0].trades  # fmt: skip
    assert long["entry"].tolist() == short["entry"].tolist()
    assert (long["pnl"] / long["quantity"]).tolist() == pytest.approx((short["pnl"] / short["quantity"]).tolist(), abs=1e-7)


@few
@given(SEEDS, st.integers(5, 40))
def test_bars_that_follow_change_nothing_before_them(seed, cut):
    legs, options = random_legs(seed)
    whole = run_portfolio(legs, **options)
    part = run_portfolio(legs, **options, end=int(whole.time[cut]))
    assert whole.equity[: cut + 2].tobytes() == part.equity.tobytes()
    for one, other in zip(whole.legs, part.legs):
        assert one.position[: other.position.size].tobytes() == other.position.tobytes()
        closed = other.trades["exit"] >= 0
        assert one.trades[: closed.sum()].tobytes() == other.trades[closed].tobytes()


FLAT = (10, 10, 10, 10)


def test_the_stronger_signal_gets_the_cash_first():
    a = leg_of("A", [FLAT] * 3, [1, 0, 0], strength=[0.4, NAN, NAN])
    b = leg_of("B", [FLAT] * 3, [1, 0, 0], strength=[0.9, NAN, NAN])
    run = run_portfolio([a, b], capital=1000.0, config=BacktestConfig(1000.0, fraction=0.7), execution=Execution())
    assert [leg.position.tolist() for leg in run.legs] == [[0, 30, 30], [0, 70, 70]]
    equal = replace(b, decisions=a.decisions)
    run = run_portfolio([equal, a], capital=1000.0, config=BacktestConfig(1000.0, fraction=0.7), execution=Execution())
    assert [leg.position.tolist() for leg in run.legs] == [[0, 30, 30], [0, 70, 70]]


def test_what_is_sold_at_an_open_pays_for_what_is_bought_there():
    sold = leg_of("Z", [FLAT, FLAT, (12, 12, 12, 12), FLAT], [1, -1, 0, 0])
    bought = leg_of("A", [FLAT] * 4, [0, 1, 0, 0])
    run = run_portfolio([sold, bought], capital=1000.0, config=BacktestConfig(1000.0, allow_short=False), execution=Execution())
    assert run.legs[1].position.tolist() == [0, 0, 120, 120]
    assert run.rejected == 0


def test_what_is_sold_within_a_bar_pays_for_nothing_in_it():
    sold = leg_of("A", [FLAT, FLAT, (10, 12, 10, 12), FLAT], [1, 0, 0, 0], target=[12, NAN, NAN, NAN])
    bought = leg_of("Z", [FLAT, FLAT, (10, 10, 9.5, 10), (10, 10, 9, 10)], [0, 1, 0, 0])
    run = run_portfolio(
        [sold, bought], capital=1000.0, config=BacktestConfig(1000.0), execution=Execution("limit", entry_atr=0.0, entry_bars=3)
    )
    assert run.legs[0].trades["reason"].tolist() == [kernel.TARGET]
    assert run.legs[1].fills == ()
    assert run.rejected == 1


def test_positions_are_sized_by_the_equity_of_the_whole_account():
    first = leg_of("A", [FLAT, FLAT, (20, 20, 20, 20), (20, 20, 20, 20)], [1, 0, 0, 0])
    second = leg_of("B", [FLAT] * 4, [0, 0, 1, 0])
    run = run_portfolio([first, second], capital=1000.0, config=BacktestConfig(1000.0, fraction=0.4), execution=Execution())
    assert [leg.position.tolist() for leg in run.legs] == [[0, 40, 40, 40], [0, 0, 0, 56]]


def test_the_money_of_a_short_buys_nothing():
    short = leg_of("A", [FLAT] * 4, [-1, 0, 0, 0])
    long = leg_of("B", [FLAT] * 4, [0, 1, 0, 0])
    run = run_portfolio([short, long], capital=1000.0, config=BacktestConfig(1000.0, fraction=0.6), execution=Execution())
    assert [leg.position.tolist() for leg in run.legs] == [[0, -60, -60, -60], [0, 0, 40, 40]]


def test_an_account_ruined_by_one_symbol_closes_the_others():
    short = leg_of("A", [FLAT, FLAT, (10, 40, 10, 40), (40,) * 4], [-1, 0, 0, 0])
    long = leg_of("B", [FLAT, FLAT, FLAT, (9, 9, 9, 9)], [0, 1, 0, 0])
    run = run_portfolio([short, long], capital=1000.0, config=BacktestConfig(1000.0, fraction=0.5), execution=Execution())
    assert run.legs[0].trades["reason"].tolist() == [kernel.LIQUIDATION]
    assert run.legs[0].trades["exit_price"].tolist() == [30]
    assert run.legs[1].trades["reason"].tolist() == [kernel.LIQUIDATION]
    assert run.legs[1].trades["exit_price"].tolist() == [9]


def test_a_symbol_without_a_bar_counts_at_its_last_close_and_trades_at_its_next():
    gaps = leg_of("A", [FLAT, (10, 11, 10, 11), (12, 12, 12, 12)], [1, -1, 0], at=[0, 1, 3])
    other = leg_of("B", [FLAT] * 4, [0] * 4)
    run = run_portfolio([gaps, other], capital=1000.0, config=BacktestConfig(1000.0, allow_short=False), execution=Execution())
    assert (run.time // DAY).tolist() == [0, 1, 2, 3]
    assert run.equity.tolist() == [1000, 1000, 1100, 1100, 1200]
    assert run.legs[0].trades["exit"].tolist() == [2]


def test_idle_cash_earns_its_rate_once_a_session():
    a = leg_of("A", [FLAT] * 4, [0] * 4, at=[0, 1, 2, 3], session=[0, 0, 1, 1])
    b = leg_of("B", [FLAT] * 2, [0] * 2, at=[1, 2], session=[0, 1])
    run = run_portfolio([a, b], capital=1000.0, config=BacktestConfig(1000.0), execution=Execution(), rate={0: 0.01, 1: 0.02})
    assert run.equity.tolist() == pytest.approx([1000, 1010, 1010, 1030.2, 1030.2])
    assert run.interest == pytest.approx(30.2)


def test_a_window_cuts_all_symbols():
    leg = leg_of("A", [FLAT] * 6, [1, 0, 1, 0, 0, 0])
    run = run_portfolio([leg], capital=1000.0, config=BacktestConfig(1000.0), execution=Execution(), start=2 * DAY, end=4 * DAY)
    assert (run.time // DAY).tolist() == [2, 3, 4]
    assert run.legs[0].first == 2
    assert run.legs[0].trades["entry"].tolist() == [3]


def test_legs_that_do_not_fit_are_refused():
    leg = leg_of("A", [FLAT] * 3, [0] * 3)
    options = {"capital": 1000.0, "config": BacktestConfig(1000.0), "execution": Execution()}
    for legs in ([], [leg, leg], [leg, replace(leg_of("B", [FLAT] * 3, [0] * 3), bars=replace(leg.bars, timeframe="5m"))]):
        with pytest.raises(UsageError):
            run_portfolio(legs, **options)
    with pytest.raises(NoDataError):
        run_portfolio([leg], **options, start=10 * DAY)


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.entry)
def test_three_real_shares_on_one_account_add_up(execution):
    legs = [real_leg(symbol) for symbol in ("PETR4", "VALE3", "ITUB4")]
    config = BacktestConfig(100_000.0, fraction=0.4, allow_short=False)
    run = run_portfolio(legs, capital=100_000.0, config=config, execution=execution)
    assert sum(leg.trades.size for leg in run.legs) > 15
    assert sum(leg.trades["pnl"].sum() for leg in run.legs) == pytest.approx(run.equity[-1] - 100_000, abs=0.005)
    assert (run.equity[1:] - invested(run, legs)).min() >= -1e-6
    for leg, traded in zip(legs, run.legs):
        for fill in traded.fills:
            assert leg.bars.low[fill.bar] * 0.999 - 0.01 <= fill.price <= leg.bars.high[fill.bar] * 1.001 + 0.01
            assert fill.quantity % 100 == 0 or execution.fractional


def real_leg(symbol):
    path = DATA / f"{symbol}.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    with path.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["Open"] and float(row["Open"]) > 0]
    days = np.array([np.datetime64(row["Date"]).astype("datetime64[D]").astype(np.int64) for row in rows])
    prices = [tuple(float(row[name]) for name in ("Open", "High", "Low", "Close")) for row in rows]
    leg = leg_of(symbol, prices, np.zeros(len(rows)), at=days, lot=100, tick=0.01, fee=0.0003, slippage=0.0002)
    bars = replace(leg.bars, quantity=np.array([float(row["Volume"]) for row in rows]))
    decisions = strategies.get("trend_following").decide(bars)
    return replace(leg, bars=bars, decisions=decisions, atr=atr(bars.high, bars.low, bars.close))
