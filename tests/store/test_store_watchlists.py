"""Named, ordered lists of symbols."""

from __future__ import annotations

from engine.store.database import Store
from engine.store.watchlists import add_symbols, list_watchlists, read_watchlist, remove_symbols


def test_symbols_stay_in_the_order_they_were_added(store: Store) -> None:
    assert read_watchlist(store) == []
    assert add_symbols(store, ["VALE3", "PETR4"]) == ["VALE3", "PETR4"]
    assert add_symbols(store, ["ABEV3"]) == ["ABEV3"]
    assert read_watchlist(store) == ["VALE3", "PETR4", "ABEV3"]


def test_a_symbol_is_in_a_list_once(store: Store) -> None:
    assert add_symbols(store, ["VALE3", "VALE3"]) == ["VALE3"]
    assert add_symbols(store, ["PETR4", "VALE3", "ABEV3"]) == ["PETR4", "ABEV3"]
    assert read_watchlist(store) == ["VALE3", "PETR4", "ABEV3"]


def test_removing_tells_what_was_there_and_keeps_the_order(store: Store) -> None:
    add_symbols(store, ["VALE3", "PETR4", "ABEV3"])
    assert remove_symbols(store, ["PETR4", "NONE3", "PETR4"]) == ["PETR4"]
    assert read_watchlist(store) == ["VALE3", "ABEV3"]
    add_symbols(store, ["PETR4"])
    assert read_watchlist(store) == ["VALE3", "ABEV3", "PETR4"]


def test_lists_are_apart(store: Store) -> None:
    add_symbols(store, ["VALE3", "PETR4"])
    add_symbols(store, ["VALE3"], "ibov")
    remove_symbols(store, ["VALE3"])
    assert read_watchlist(store, "ibov") == ["VALE3"]
    assert list_watchlists(store) == {"default": 1, "ibov": 1}
