"""What every report is made of: a table without lines, and the end of a list that was cut."""

from __future__ import annotations

from collections.abc import Collection

from rich.table import Table

from engine.i18n import ngettext


def plain_table(*columns: str, right: Collection[str] = (), left: int | None = None, gap: int = 2) -> Table:
    """A table without lines, its columns `gap` apart. The columns named in `right` stand to the right; with `left`, all but the
    first so many.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for at, column in enumerate(columns):
        to_the_right = column in right if left is None else at >= left
        table.add_column(column, justify="right" if to_the_right else "left", overflow="fold")
    return table


def more(total: int, shown: int) -> str:
    """What is said behind the first `shown` of a list; empty when these are all."""
    if total <= shown:
        return ""
    return " " + ngettext("and {count} more", "and {count} more", total - shown).format(count=total - shown)
