"""At what price a bar fills an order, one table per type of order; what is left of an order afterwards."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.orders import (
    KINDS,
    Order,
    after_fill,
    dealt_price,
    fill_price,
    less_dividend,
    placed,
    rested,
    split_units,
)
from engine.errors import UsageError

BUY, SELL = 1, -1
CENT = (1, 100)


def limit(level, side=BUY, **more):
    return Order("limit", side, limit=level, **more)


def stop(level, side=BUY, **more):
    return Order("stop", side, trigger=level, **more)


def stop_limit(trigger, level, side=BUY, **more):
    return Order("stop_limit", side, trigger=trigger, limit=level, **more)


@pytest.mark.parametrize(
    ("order", "bar", "price"),
    [
        (Order("market", BUY), (10, 11, 9, 10), 10),
        (limit(9.5), (10, 11, 9, 10), 9.5),
        (limit(9.5), (9.2, 11, 9, 10), 9.2),
        (limit(9.5), (9.5, 11, 9, 10), 9.5),
        (limit(9.0), (10, 11, 9, 10), 9.0),
        (limit(8.9), (10, 11, 9, 10), None),
        (limit(10.5, SELL), (10, 11, 9, 10), 10.5),
        (limit(10.5, SELL), (10.8, 11, 9, 10), 10.8),
        (limit(11.1, SELL), (10, 11, 9, 10), None),
        (stop(10.5), (10, 11, 9, 10), 10.5),
        (stop(10.5), (10.7, 11, 9, 10), 10.7),
        (stop(11.1), (10, 11, 9, 10), None),
        (stop(9.5, SELL), (10, 11, 9, 10), 9.5),
        (stop(9.5, SELL), (9.1, 11, 9, 10), 9.1),
        (stop(8.9, SELL), (10, 11, 9, 10), None),
        (stop_limit(10.5, 10.8), (10, 11, 9, 10), 10.5),
        (stop_limit(10.5, 10.8), (10.6, 11, 9, 10), 10.6),
        (stop_limit(10.5, 10.8), (10.9, 11, 10.7, 11), 10.8),
        (stop_limit(10.5, 10.8), (10.9, 11, 10.85, 11), None),
        (stop_limit(10.5, 10.8), (10, 10.4, 9, 10), None),
        (stop_limit(10.5, 9.8), (10, 11, 9, 9.7), 9.8),
        (stop_limit(10.5, 9.8), (10, 11, 9, 10), None),
        (stop_limit(9.5, 9.2, SELL), (10, 11, 9, 10), 9.5),
        (stop_limit(9.5, 9.2, SELL), (9.0, 9.1, 8, 8.5), None),
        (stop_limit(9.5, 9.2, SELL), (9.0, 9.3, 8, 8.5), 9.2),
    ],
)
def test_the_price_at_which_a_bar_fills_an_order(order, bar, price):
    assert fill_price(order, *bar) == price


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from((BUY, SELL)), st.lists(st.integers(80, 120), min_size=6, max_size=6))
def test_a_fill_lies_within_the_bar_and_keeps_the_promise_of_the_order(kind, side, points):
    open_, close = points[0], points[1]
    high, low = max(points[:4]), min(points[:4])
    order = Order(kind, side, limit=points[4] if "limit" in kind else math.nan, trigger=points[5] if "stop" in kind else math.nan)
    price = fill_price(order, open_, high, low, close)
    if price is None:
        assert kind != "market"
        return
    assert low <= price <= high
    if "limit" in kind:
        assert (order.limit - price) * side >= 0
    if kind == "stop":
        assert (price - order.trigger) * side >= 0
    mirrored = replace(order, side=-side, limit=200 - order.limit, trigger=200 - order.trigger)
    assert fill_price(mirrored, 200 - open_, 200 - low, 200 - high, 200 - close) == 200 - price


def test_an_order_ages_and_a_triggered_stop_limit_rests_as_a_limit():
    assert rested(limit(9.5), 11, 10) == limit(9.5)
    assert rested(limit(9.5, expires=2), 11, 10).expires == 1
    assert rested(limit(9.5, expires=1), 11, 10) is None
    assert rested(stop_limit(10.5, 10.8), 11, 10).kind == "limit"
    assert rested(stop_limit(10.5, 10.8), 10.4, 10).kind == "stop_limit"
    assert rested(stop_limit(9.5, 9.2, SELL), 11, 9.5).kind == "limit"


def test_market_and_stop_fills_slip_a_stop_limit_no_further_than_its_limit_and_a_limit_not():
    assert dealt_price(Order("market", BUY), 10, 0.01, (0, 1)) == pytest.approx(10.1)
    assert dealt_price(stop(10, SELL), 10, 0.01, (0, 1)) == pytest.approx(9.9)
    assert dealt_price(stop_limit(10, 10.05), 10, 0.01, (0, 1)) == pytest.approx(10.05)
    assert dealt_price(stop_limit(10, 10.5), 10, 0.01, (0, 1)) == pytest.approx(10.1)
    assert dealt_price(limit(10), 10, 0.01, (0, 1)) == 10
    assert dealt_price(Order("market", BUY), 10.001, 0, CENT) == 10.01
    assert dealt_price(Order("market", SELL), 10.009, 0, CENT) == 10.0


def test_levels_move_to_the_tick_that_is_worse_for_the_trader():
    bought = placed(Order("stop_limit", BUY, limit=10.018, trigger=10.011, stop=9.018, target=12.011), CENT)
    assert (bought.limit, bought.trigger, bought.stop, bought.target) == (10.01, 10.02, 9.01, 12.02)
    sold = placed(Order("stop_limit", SELL, limit=9.011, trigger=9.018, stop=10.011, target=8.018), CENT)
    assert (sold.limit, sold.trigger, sold.stop, sold.target) == (9.02, 9.01, 10.02, 8.01)


def test_events_move_the_levels_and_the_quantity():
    order = split_units(limit(10.0, quantity=100, stop=8.0), 4.0)
    assert (order.limit, order.stop, order.quantity) == (2.5, 2.0, 400)
    assert split_units(limit(10.0), 4.0).quantity == 0
    assert split_units(limit(10.0, quantity=1), 0.1).quantity == 1
    assert less_dividend(limit(10.0, target=12.0), 0.5).target == 11.5


def test_orders_of_one_group_share_their_quantity():
    target, protection = limit(12, SELL, quantity=100, group="g"), stop(9, SELL, quantity=100, group="g")
    other = limit(13, SELL, quantity=100)
    assert after_fill([target, protection, other], target, 100, None) == [other]
    rest = replace(target, quantity=60)
    left = after_fill([target, protection, other], target, 40, rest)
    assert [order.quantity for order in left] == [60, 60, 100]
    whole = stop(9, SELL, group="g")
    assert after_fill([target, whole], target, 40, rest) == [rest, whole]
    assert after_fill([target, whole], target, 100, None) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "guess"},
        {"kind": "limit"},
        {"kind": "market", "limit": 10.0},
        {"kind": "stop", "limit": 10.0},
        {"kind": "stop", "limit": 10.0, "trigger": 10.0},
        {"kind": "stop_limit", "trigger": 10.0},
        {"kind": "market", "quantity": -1},
        {"kind": "market", "side": 0},
    ],
)
def test_an_order_that_no_exchange_would_take_is_refused(fields):
    with pytest.raises(UsageError):
        Order(**{"side": BUY} | fields)
