"""Watchlists: named, ordered lists of symbols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.database import Store

DEFAULT = "default"


def read_watchlist(store: Store, name: str = DEFAULT) -> list[str]:
    """The symbols of one list in order; an unknown list is an empty one."""
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT symbol FROM watchlists WHERE list = ? ORDER BY position", (name,))
        return [str(row[0]) for row in rows]


def list_watchlists(store: Store) -> dict[str, int]:
    """Every list with the number of its symbols."""
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT list, count(*) FROM watchlists GROUP BY list ORDER BY list")
        return {str(row[0]): int(row[1]) for row in rows}


def add_symbols(store: Store, symbols: Iterable[str], name: str = DEFAULT) -> list[str]:
    """Append the symbols that are not in the list yet and return them."""
    with store.write() as connection:
        top = connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM watchlists WHERE list = ?", (name,)).scalar_one()
        added: list[str] = []
        for symbol in dict.fromkeys(symbols):
            made = connection.exec_driver_sql(
                "INSERT INTO watchlists (list, symbol, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (name, symbol, top + len(added) + 1),
            )
            if made.rowcount:
                added.append(symbol)
        return added


def remove_symbols(store: Store, symbols: Iterable[str], name: str = DEFAULT) -> list[str]:
    """Take the symbols out of the list and return those that were in it."""
    with store.write() as connection:
        return [
            symbol
            for symbol in dict.fromkeys(symbols)
            if connection.exec_driver_sql("DELETE FROM watchlists WHERE list = ? AND symbol = ?", (name, symbol)).rowcount
        ]
