"""Prices that are not as traded change with the day of the export: two such days are never joined."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain import PriceBase
from engine.errors import RefusedFileError
from engine.market.calendar import nominal_opening
from engine.store.bars import Cut, list_series, read_bars
from engine.store.database import Store
from tests.store.market_maker import NOW, count, dump, put, table, together, weekdays

TIME = nominal_opening(weekdays(100))
PRICES = np.round(20 + np.sin(np.arange(100)), 2)
DEPENDENT = pytest.mark.parametrize("base", [PriceBase.ADJUSTED, PriceBase.UNKNOWN])


def refused(store: Store, rows: object, base: PriceBase, match: str) -> RefusedFileError:
    before = dump(store)
    with pytest.raises(RefusedFileError, match=match) as caught:
        put(store, rows, price_base=base)  # type: ignore[arg-type]
    assert dump(store) == before
    assert "made.csv" in caught.value.message
    assert "PETR4" in caught.value.message
    assert caught.value.hint
    return caught.value


@DEPENDENT
def test_an_export_of_another_day_is_refused_with_its_factor(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:80], PRICES[:80]), price_base=base)
    error = refused(store, table(TIME[40:], PRICES[40:] * 0.95), base, "cannot be joined")
    assert "on 40 of 40 common bars" in error.message
    assert "0.9500" in error.message
    assert "whole period" in error.hint


@DEPENDENT
def test_an_export_that_covers_everything_stored_replaces_it_as_revisions(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[10:80], PRICES[10:80]), price_base=base)
    published = put(store, table(TIME, PRICES * 0.95), price_base=base, now=NOW + 60)
    assert (published.written, published.revised) == (100, 70)
    np.testing.assert_array_equal(read_bars(store, "PETR4").close, PRICES * 0.95)
    before = read_bars(store, "PETR4", cut=Cut(int(TIME[-1]), NOW))
    np.testing.assert_array_equal(before.close[10:80], PRICES[10:80])


@DEPENDENT
def test_an_export_without_a_common_bar_is_refused(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:50], PRICES[:50]), price_base=base)
    error = refused(store, table(TIME[50:], PRICES[50:]), base, "no bar in common")
    assert "--price-base raw" in error.hint


@DEPENDENT
def test_an_export_of_the_same_adjustment_is_joined(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:80], PRICES[:80]), price_base=base)
    assert put(store, table(TIME[60:], PRICES[60:] * 1.0005), price_base=base).written == 40
    assert len(list_series(store)) == 1


@DEPENDENT
def test_one_corrected_bar_does_not_refuse_an_export(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:80], PRICES[:80]), price_base=base)
    corrected = PRICES.copy()
    corrected[30] += 1
    assert put(store, table(TIME[5:], corrected[5:]), price_base=base).revised == 1


@DEPENDENT
def test_a_provisional_bar_is_no_evidence(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:50], PRICES[:50], provisional=np.arange(50) == 49), price_base=base)
    refused(store, table(TIME[49:], PRICES[49:]), base, "no bar in common")
    assert put(store, table(TIME[:80], PRICES[:80] * 0.9), price_base=base).revised == 49


def test_an_export_that_leaves_out_one_stored_bar_does_not_cover_everything(store: Store) -> None:
    put(store, table(TIME, PRICES), price_base=PriceBase.ADJUSTED)
    refused(store, table(TIME[1:], PRICES[1:] * 0.95), PriceBase.ADJUSTED, "cannot be joined")


def test_one_symbol_that_cannot_be_joined_refuses_the_file(store: Store) -> None:
    put(store, table(TIME[:50], PRICES[:50]), price_base=PriceBase.ADJUSTED)
    both = together([table(TIME, PRICES, "VALE3"), table(TIME[40:], PRICES[40:] / 2)])
    refused(store, both, PriceBase.ADJUSTED, "cannot be joined")
    assert count(store, "bars") == 50


def test_raw_prices_are_joined_without_a_common_bar_and_whatever_they_say(store: Store) -> None:
    put(store, table(TIME[:50], PRICES[:50]))
    assert put(store, table(TIME[60:], PRICES[60:])).written == 40
    assert put(store, table(TIME[40:70], PRICES[40:70] / 2)).revised == 20


def test_unknown_prices_join_the_series_that_was_found_to_be_adjusted(store: Store) -> None:
    put(store, table(TIME[:80], PRICES[:80]), price_base=PriceBase.UNKNOWN)
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE series SET price_base = 'adjusted'")
    assert put(store, table(TIME, PRICES), price_base=PriceBase.UNKNOWN).written == 20
    (series,) = list_series(store)
    assert series.price_base is PriceBase.ADJUSTED
    assert put(store, table(TIME, PRICES * 0.9), price_base=PriceBase.UNKNOWN).revised == 100


def test_a_series_found_to_be_raw_is_never_replaced_by_prices_of_another_base(store: Store) -> None:
    put(store, table(TIME[:80], PRICES[:80]), price_base=PriceBase.UNKNOWN)
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE series SET price_base = 'raw'")
    assert put(store, table(TIME[:90], PRICES[:90]), price_base=PriceBase.UNKNOWN).written == 10
    error = refused(store, table(TIME, PRICES * 0.9), PriceBase.UNKNOWN, "cannot be joined")
    assert "--price-base adjusted" in error.hint
    assert put(store, table(TIME, PRICES * 0.9), price_base=PriceBase.ADJUSTED).written == 100
    assert len(list_series(store)) == 2


@DEPENDENT
def test_an_index_is_never_adjusted_and_grows_a_day_at_a_time(store: Store, base: PriceBase) -> None:
    put(store, table(TIME[:50], PRICES[:50], "IBOV"), price_base=base)
    assert put(store, table(TIME[50:51], PRICES[50:51], "IBOV"), price_base=base).written == 1
    with pytest.raises(RefusedFileError, match="cannot be joined"):
        put(store, table(TIME[40:60], PRICES[40:60] * 0.9, "IBOV"), price_base=base)
