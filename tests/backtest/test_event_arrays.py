"""Corporate events in a simulation: hand-made cases, and that raw prices with events equal adjusted prices."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.engine import BacktestConfig, backtest
from engine.backtest.run import read_pair
from engine.domain import Bars, Instrument, PriceBase, day_number
from engine.errors import FileError, SettingsError, UsageError
from engine.ingestion.events import EventFile
from engine.market.adjust import CorporateEvent, EventArrays, adjusted_bars, event_arrays, load_withholdings, net_amount
from engine.market.costs import no_costs
from engine.store.database import Store, open_store
from engine.store.events import publish_events
from engine.strategies.base import Decisions, Strategy
from tests.store.market_maker import NOW, put, table

SHARE = Instrument("ABCD3", lot=1, tick=0.0)
FIRST = 20_000


def series(close, open_=None, high=None, low=None, session=None):
    close = np.asarray(close, dtype=float)
    n = close.size
    session = FIRST + np.arange(n) if session is None else np.asarray(session)
    prices = [close if values is None else np.asarray(values, dtype=float) for values in (open_, high, low)]
    no = np.zeros(n, dtype=bool)
    return Bars("ABCD3", "1d", session * 86_400 + 46_800, session, *prices, close, np.full(n, 100.0), np.full(n, 1e6), no, no,
                PriceBase.RAW)  # fmt: skip


def event(kind, at, factor=None, amount=None, pay=None):
    return CorporateEvent("ABCD3", kind, FIRST + at, factor, amount, None if pay is None else FIRST + pay)


@dataclass(frozen=True)
class Orders(Strategy):
    """Gives the orders and levels it was made with, the levels in prices of the newest bar's units."""

    name: ClassVar[str] = "orders"
    warm_up: ClassVar[int] = 0
    action: tuple[int, ...] = ()
    stop: tuple[float, ...] = ()
    target: tuple[float, ...] = ()

    def __post_init__(self):
        """Its fields are no parameters with a range."""

    @property
    def params(self):
        return {}

    def decide(self, bars):
        n = len(bars)
        stop, target = (
            np.array(levels[:n]) * bars.close if levels else np.full(n, np.nan) for levels in (self.stop, self.target)
        )
        return Decisions(np.array(self.action[:n], dtype=np.int8), stop, target, np.full(n, np.nan))

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


def trade(bars, orders, events=None, raw=None, capital=1_000.0, **options):
    return backtest(
        bars, orders, BacktestConfig(capital=capital, **options), instrument=SHARE, costs=no_costs(len(bars)), raw=raw,
        events=events, compiled=False,
    )  # fmt: skip


def hold(n):
    return Orders((1,) + (0,) * (n - 1))


def test_one_share_becomes_four():
    raw = series([40.0, 40.0, 10.0, 11.0])
    events = event_arrays(raw, [event("split", 2, factor=4.0)])
    assert events.split.tolist() == [1, 1, 4, 1]
    adjusted = adjusted_bars(raw, events)
    assert adjusted.close.tolist() == [10, 10, 10, 11]
    assert adjusted.quantity.tolist() == [400, 400, 100, 100]
    assert adjusted.turnover.tolist() == [1e6] * 4
    assert adjusted.price_base is PriceBase.ADJUSTED
    result = trade(adjusted, hold(4), events, raw)
    assert result.outcome.position.tolist() == [0, 25, 100, 100]
    assert result.equity.tolist() == [1000, 1000, 1000, 1000, 1100]


def test_ten_shares_become_one():
    raw = series([2.0, 2.0, 20.0, 22.0])
    events = event_arrays(raw, [event("reverse_split", 2, factor=0.1)])
    assert adjusted_bars(raw, events).close.tolist() == pytest.approx([20, 20, 20, 22])
    result = trade(adjusted_bars(raw, events), hold(4), events, raw)
    assert result.outcome.position.tolist() == [0, 500, 50, 50]
    assert result.equity.tolist() == pytest.approx([1000, 1000, 1000, 1000, 1100])


def test_a_dividend_counts_on_its_ex_date_and_is_cash_on_its_payment_date():
    raw = series([20.0, 20.0, 19.0, 19.0, 19.0, 19.0])
    events = event_arrays(raw, [event("dividend", 2, amount=1.0, pay=4)])
    assert (events.dividend.tolist(), events.pay.tolist()) == ([0, 0, 1, 0, 0, 0], [0, 1, 4, 3, 4, 5])
    np.testing.assert_allclose(adjusted_bars(raw, events).close, 19.0)
    assert adjusted_bars(raw, events).quantity.tolist() == [100] * 6
    adjusted = adjusted_bars(raw, events)
    assert trade(adjusted, hold(6), events, raw).equity.tolist() == pytest.approx([1000] * 7)
    bought_again = Orders((1, 0, -1, 1, 0, 0))
    for pay, second in ((4, 52), (5, 50)):
        events = event_arrays(raw, [event("dividend", 2, amount=1.0, pay=pay)])
        result = trade(adjusted, bought_again, events, raw, allow_short=False)
        assert [item.quantity for item in result.trades] == [50, second]
        assert result.equity.tolist() == pytest.approx([1000] * 7)


@pytest.mark.parametrize(("day", "net"), [("2025-12-31", 0.85), ("2026-01-01", 0.825), ("1996-01-02", 0.85)])
def test_jcp_arrives_without_the_tax_of_its_day(day, net):
    at = day_number(np.datetime64(day, "D").item())
    assert net_amount(CorporateEvent("ABCD3", "jcp", at, amount=1.0)) == pytest.approx(net)
    assert net_amount(CorporateEvent("ABCD3", "dividend", at, amount=1.0)) == 1.0
    raw = series([20.0, 20.0, 20.0 - net, 20.0 - net], session=at - 2 + np.arange(4))
    events = event_arrays(raw, [CorporateEvent("ABCD3", "jcp", at, amount=1.0)])
    assert events.dividend.tolist() == pytest.approx([0, 0, net, 0])
    result = trade(adjusted_bars(raw, events), hold(4), events, raw)
    assert result.trades[0].pnl == pytest.approx(0.0)
    assert result.outcome.trades["income"][0] == pytest.approx(50 * net)


def test_several_events_of_one_day_combine():
    raw = series([20.0, 21.0, 5.0, 5.0])
    made = [
        event("dividend", 2, amount=0.5, pay=3),
        event("dividend", 2, amount=0.3),
        event("jcp", 2, amount=0.2 / 0.85, pay=9),
        event("split", 2, factor=2.0),
        event("bonus", 2, factor=2.0),
    ]
    events = event_arrays(raw, made)
    assert events.split[2] == 4.0
    assert events.dividend[2] == pytest.approx(0.25)
    assert events.pay.tolist() == [0, 1, 4, 3]
    np.testing.assert_allclose(adjusted_bars(raw, events).close, 5 * np.array([20 / 21, 1, 1, 1]))


def test_an_ex_date_without_a_bar_moves_to_the_next_and_events_outside_are_nothing():
    raw = series([20.0, 20.0, 10.0, 10.0], session=FIRST + np.array([0, 1, 5, 6]))
    moved = event_arrays(raw, [event("split", 3, factor=2.0)])
    assert np.flatnonzero(moved.present).tolist() == [2]
    outside = event_arrays(raw, [event("split", at, factor=2.0) for at in (-5, 0, 7, 90)])
    assert not outside.present.any()
    assert adjusted_bars(raw, outside).close.tolist() == raw.close.tolist()


def test_a_payment_is_less_than_the_price_before():
    raw = series([20.0, 20.0, 20.0])
    with pytest.raises(FileError, match=r"no less than its price of R\$ 20"):
        event_arrays(raw, [event("dividend", 1, amount=15.0), event("dividend", 1, amount=5.0)])
    assert event_arrays(raw, [event("dividend", 1, amount=19.99)]).present.any()


def test_events_of_bars_that_are_left_out_move_to_the_next_kept_one():
    raw = series([20.0, 20.0, 19.0, 9.5, 9.5, 9.5])
    whole = event_arrays(raw, [event("dividend", 2, amount=1.0, pay=4), event("split", 3, factor=2.0)])
    left = whole.keep(np.array([1, 1, 0, 1, 0, 1], dtype=bool))
    assert (left.split.tolist(), left.dividend.tolist(), left.pay.tolist()) == ([1, 1, 2, 1], [0, 0, 0.5, 0], [0, 1, 3, 3])
    cut = whole.keep(np.array([1, 1, 1, 0, 0, 0], dtype=bool))
    assert (cut.dividend.tolist(), cut.pay.tolist()) == ([0, 0, 1], [0, 1, 3])
    every = whole.keep(np.ones(6, dtype=bool))
    for name in ("split", "dividend", "pay"):
        np.testing.assert_array_equal(getattr(every, name), getattr(whole, name))
    provisional = replace(raw, provisional=np.array([0, 0, 1, 0, 0, 0], dtype=bool))
    result = trade(adjusted_bars(provisional, whole), hold(6), whole, provisional)
    assert result.equity.tolist() == pytest.approx([1000] * 6)


def test_events_must_be_those_of_the_bars():
    raw = series([20.0, 20.0, 19.0])
    with pytest.raises(UsageError, match="3 bars"):
        trade(raw, hold(3), EventArrays(np.ones(2), np.zeros(2), np.arange(2)))


def test_a_jump_at_an_event_is_explained_and_another_one_is_named():
    raw = series([40.0, 40.0, 10.0, 10.0, 15.0, 15.0])
    events = event_arrays(raw, [event("split", 2, factor=4.0)])
    said = " ".join(trade(adjusted_bars(raw, events), hold(6), events, raw).notices)
    assert "1 jump of more than 15 % between bars is not explained" in said
    assert "2024-10-08" in said
    assert "2024-10-06" not in said
    assert "1 corporate event was applied" in said
    alone = " ".join(trade(raw, hold(6)).notices)
    assert "2024-10-06, 2024-10-08" in alone


moves = st.floats(0.9, 1.1)
factors = st.sampled_from([2.0, 4.0, 10.0, 1.2, 0.5, 0.1])


@st.composite
def markets(draw, payments):
    """(adjusted-looking path, events): a path without events, and events with their amounts as fractions of the close before."""
    n = draw(st.integers(8, 30))
    path = 50 * np.cumprod(draw(st.lists(moves, min_size=2 * n, max_size=2 * n)))
    opens, closes = path[::2], path[1::2]
    spread = 1 + np.array(draw(st.lists(st.floats(0, 0.05), min_size=n, max_size=n)))
    split, paid = np.ones(n), np.zeros(n)
    for at in draw(st.lists(st.integers(1, n - 1), max_size=4, unique=True)):
        split[at] = draw(factors)
        if payments:
            paid[at] = draw(st.floats(0, 0.3))
    action = tuple(draw(st.lists(st.sampled_from([1, -1, 0]), min_size=n, max_size=n)))
    return opens, closes, spread, split, paid, action


@settings(max_examples=80, deadline=None)
@given(markets(payments=False), st.booleans(), st.booleans())
def test_raw_prices_with_splits_are_worth_what_adjusted_prices_are(market, allow_short, levels):
    opens, closes, spread, split, _paid, action = market
    n = closes.size
    after = np.append(np.cumprod(split[:0:-1])[::-1], 1.0)
    highs, lows = np.maximum(opens, closes) * spread, np.minimum(opens, closes) / spread
    adjusted = replace(series(closes, opens, highs, lows), price_base=PriceBase.ADJUSTED)
    raw = series(closes * after, opens * after, highs * after, lows * after)
    events = event_arrays(raw, [event("split", at, factor=float(split[at])) for at in np.flatnonzero(split != 1.0)])
    rebuilt = adjusted_bars(raw, events)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(getattr(rebuilt, name), getattr(adjusted, name), rtol=1e-12)
    orders = Orders(action, (0.93,) * n, (1.09,) * n) if levels else Orders(action)
    options = {"capital": 1e15, "allow_short": allow_short, "fraction": 0.5}
    one = trade(adjusted, orders, **options)
    two = trade(rebuilt, orders, events, raw, **options)
    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-9)
    np.testing.assert_allclose(two.hold.equity, one.hold.equity, rtol=1e-9)
    assert [item.exit_reason for item in two.trades] == [item.exit_reason for item in one.trades]


@settings(max_examples=60, deadline=None)
@given(markets(payments=True))
def test_adjusted_prices_are_the_raw_ones_with_payments_put_back_to_work(market):
    _opens, closes, _spread, split, paid, _action = market
    raw = series(closes)
    before = np.append(1.0, closes[:-1])
    made = [event("split", at, factor=float(split[at])) for at in np.flatnonzero(split != 1.0)]
    made += [event("dividend", at, amount=float(paid[at] * before[at])) for at in np.flatnonzero(paid > 0)]
    adjusted = adjusted_bars(raw, event_arrays(raw, made))
    units = 1.0
    for t in range(1, closes.size):
        # The money of one old unit buys at the price that the close before leaves without it.
        units *= split[t] / (1.0 - paid[t])
        wealth = units * closes[t] / closes[0]
        assert adjusted.close[t] / adjusted.close[0] == pytest.approx(wealth, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(markets(payments=True), st.booleans(), st.integers(0, 40))
def test_events_alone_make_nobody_richer(market, allow_short, late):
    """On prices that move by events only, the equity stays what it was, whatever is traded and whenever the money comes."""
    _opens, closes, _spread, split, paid, action = market
    n = closes.size
    prices = np.full(n, 50.0)
    for t in range(1, n):
        prices[t] = prices[t - 1] * (1 - paid[t]) / split[t]
    raw = series(prices)
    made = [event("split", at, factor=float(split[at])) for at in np.flatnonzero(split != 1.0)]
    made += [
        event("dividend", at, amount=float(paid[at] * prices[at - 1]), pay=int(at) + late) for at in np.flatnonzero(paid > 0)
    ]
    events = event_arrays(raw, made)
    adjusted = adjusted_bars(raw, events)
    np.testing.assert_allclose(adjusted.close, adjusted.close[-1], rtol=1e-9)
    result = trade(adjusted, Orders(action), events, raw, capital=1e14, fraction=0.5, allow_short=allow_short)
    np.testing.assert_allclose(result.equity, 1e14, rtol=1e-9)


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "pregao.db")
    yield opened
    opened.close()


def publish_all(store: Store, *made: CorporateEvent) -> None:
    publish_events(store, EventFile(("ABCD3",), made, len(made), (), ()), "events.csv", "0" * 64, NOW)


def test_a_pair_is_one_raw_series_and_its_adjustment(store):
    raw = series([40.0] * 10 + [10.0] * 10)
    put(store, table(raw.time, raw.close, "ABCD3", spread=0.0))
    alone = read_pair(store, "ABCD3", "1d")
    assert (alone.bars.price_base, alone.raw, alone.events) == (PriceBase.RAW, None, None)
    publish_all(store, event("split", 10, factor=4.0))
    pair = read_pair(store, "ABCD3", "1d")
    assert pair.bars.price_base is PriceBase.ADJUSTED
    np.testing.assert_allclose(pair.bars.close, 10.0)
    np.testing.assert_array_equal(pair.raw.close, raw.close)
    assert np.flatnonzero(pair.events.split == 4.0).tolist() == [10]


def test_stored_events_come_before_those_read_from_two_series(store):
    time = (FIRST + np.arange(30)) * 86_400 + 46_800
    raw = np.where(np.arange(30) < 10, 20.0, np.where(np.arange(30) < 20, 19.0, 9.5))
    adjusted = np.where(np.arange(30) < 10, 9.0, 9.5)
    put(store, table(time, raw, "ABCD3", spread=0.0))
    put(store, table(time, adjusted, "ABCD3", spread=0.0), price_base=PriceBase.ADJUSTED, source="vendor")
    read = read_pair(store, "ABCD3", "1d")
    assert read.events is None
    publish_all(store, event("dividend", 10, amount=1.0, pay=15))
    pair = read_pair(store, "ABCD3", "1d")
    np.testing.assert_array_equal(pair.bars.close, adjusted)
    assert (pair.events.dividend[10], pair.events.pay[10], pair.events.split[10]) == (1.0, 15, 1.0)
    assert (pair.events.split[20], pair.events.pay[20]) == (2.0, 20)
    assert np.count_nonzero(pair.events.present) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[[rate]]\nkind = 'jcp'",
        "[[rate]]\nvalid_from = 1996-01-01\nkind = 'rent'\nrate = 0.1\nsource = ''\nverified_on = 2026-01-01",
        "[[rate]]\nvalid_from = 1996-01-01\nkind = 'jcp'\nrate = 1.0\nsource = ''\nverified_on = 2026-01-01",
        "[[rate]]\nvalid_from = 1996-01-01\nkind = 'jcp'\nrate = 15\nsource = ''\nverified_on = 2026-01-01",
        "[[rate]]\nvalid_from = 1996-01-01\nkind = 'jcp'\nrate = 0.1\nsource = ''\nverified_on = 2026-01-01\n" * 2,
    ],
)
def test_a_wrong_table_of_payments_is_refused(text):
    with pytest.raises(SettingsError):
        load_withholdings(text)


def test_the_packaged_table_names_its_sources():
    rows = load_withholdings()
    assert [row.rate for row in rows] == [0.15, 0.175]
    assert all(row.source and row.verified_on >= row.valid_from for row in rows)
