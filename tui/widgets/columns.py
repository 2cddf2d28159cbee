"""The columns of a table, and which of them fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `width` cells. right: numbers. priority: 0 is always shown, of the others the highest number goes first
    where there is no room. grow: the last such column that is shown takes the room that is left."""

    key: str
    label: str
    width: int
    right: bool = False
    priority: int = 0
    grow: bool = False


def fitting(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns shown in `width` cells, each with the cells it gets. One cell each is for the cursor and between columns."""
    kept = list(columns)
    while sum(column.width + 1 for column in kept) > width:
        droppable = [column for column in kept if column.priority > 0]
        if not droppable:
            break
        kept.remove(max(reversed(droppable), key=lambda column: column.priority))
    rest = max(width - sum(column.width + 1 for column in kept), 0)
    last = next((column for column in reversed(kept) if column.grow), None)
    return [(column, column.width + (rest if column is last else 0)) for column in kept]
