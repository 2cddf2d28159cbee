"""The table of every view: rows are asked for when they are seen, so its cost does not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.i18n import _
from tui.actions import bindings
from tui.widgets.columns import Column, fitting
from tui.widgets.ink import PaletteKey, centred, clean, fit, fit_rich, palette, palette_key

__all__ = ["Cell", "Column", "VTable"]

Cell = str | Text | tuple[str, str]
CURSOR = "▸"
LINES_KEPT = 1024


class VTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A table with one cursor row, a fixed header, sorting and filtering; it scrolls up and down only.

    cell(row, key): what stands in a cell of a source row: a text, a text with a style name (see `tui.widgets.ink`), or a Rich
    text whose styles may be those names. It is asked only for rows that are seen.
    sort_value(row, key): with it the table sorts itself, None and NaN last; without it the owner sorts on `SortChanged`.
    empty: shown in the middle while there is no row. Rows are known by their source index, whatever the order shown.
    """

    #: Opens the filter before the key typed behind `/` comes; without it a message asks for it.
    on_filter: Callable[[], None] | None = None

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("table")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"vtable--header", "vtable--cursor"}
    DEFAULT_CSS = """
    VTable {
        overflow-x: hidden;
        overflow-y: auto;
        & > .vtable--header { background: $panel; color: $foreground; text-style: bold; }
        & > .vtable--cursor { background: $block-cursor-blurred-background; }
        &:focus > .vtable--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: $block-cursor-text-style;
        }
    }
    """

    class _Told(Message):
        def __init__(self, table: VTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VTable:
            """The table that tells."""
            return self.table

    class Highlighted(_Told):
        """The cursor is on another source row, or the rows are new."""

        def __init__(self, table: VTable, row: int) -> None:
            super().__init__(table)
            self.row = row

        def can_replace(self, message: Message) -> bool:
            """Of several that wait only the last counts."""
            return isinstance(message, VTable.Highlighted) and message.table is self.table

    class Opened(_Told):
        """A source row was chosen with Enter or a second click."""

        def __init__(self, table: VTable, row: int) -> None:
            super().__init__(table)
            self.row = row

    class SortChanged(_Told):
        """Another column (None: as the rows come) or direction is asked for; a table with `sort_value` has sorted already."""

        def __init__(self, table: VTable, key: str | None, reverse: bool) -> None:
            super().__init__(table)
            self.key = key
            self.reverse = reverse

    class FilterAsked(_Told):
        """The user wants to filter the rows."""

    def __init__(
        self,
        columns: Sequence[Column],
        cell: Callable[[int, str], Cell],
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
        sort_value: Callable[[int, str], Any] | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self._cell = cell
        self._empty = empty
        self._sort_value = sort_value
        self._count = 0
        self._base: Sequence[int] = range(0)
        self._order: Sequence[int] = range(0)
        self._at = 0
        self._sort_key: str | None = None
        self._sort_reverse = False
        self._clicked: int | None = None
        self._key: PaletteKey = ()
        self._styles: tuple[dict[str, Style], dict[str, Style]] = ({}, {})
        self._lines: dict[int, tuple[bool, list[Cell], Strip]] = {}
        self._frame: tuple[int, int] | None = None
        self._fitted: tuple[int, list[tuple[Column, int]]] = (-1, [])

    # --- rows -------------------------------------------------------------------------------------------------------

    @property
    def order(self) -> Sequence[int]:
        """The source rows in the order shown, filtered and sorted."""
        return self._order

    @property
    def cursor(self) -> int | None:
        """The source row under the cursor; None while no row is shown."""
        return self._order[self._at] if self._order else None

    @property
    def sort_key(self) -> str | None:
        """The key of the column sorted by; None: as the rows come."""
        return self._sort_key

    @property
    def sort_reverse(self) -> bool:
        """Whether the order is reversed."""
        return self._sort_reverse

    @property
    def empty(self) -> str:
        """The text shown while there is no row; it may have several lines."""
        return self._empty

    @empty.setter
    def empty(self, text: str) -> None:
        self._empty = text
        self.refresh()

    def set_rows(self, count: int, keep: int | None = None) -> None:
        """There are new rows, 0 to count-1, all shown. The cursor goes to source row `keep`, or stays where it is."""
        row = self.cursor if keep is None else keep
        self._count = count
        self._lines.clear()
        self._place(range(count), row, otherwise=self._at, told=True)

    def set_order(self, order: Sequence[int]) -> None:
        """Show these source rows, in this order unless the table sorts itself. The cursor stays on its source row, or goes to
        the first. Raises ValueError for a row that does not exist."""
        base = order if isinstance(order, range) else [int(row) for row in order]
        if base and not 0 <= min(base) <= max(base) < self._count:
            raise ValueError("order names a row that does not exist")
        self._place(base, self.cursor, otherwise=0)

    def select(self, source_row: int) -> bool:
        """Put the cursor on a source row; False if it is not shown."""
        if source_row not in self._order:
            return False
        self._move(self._order.index(source_row))
        return True

    def repaint(self) -> None:
        """The values have changed: ask for the visible cells again. The order stays; `set_order` sorts again."""
        self.refresh()

    def sort_by(self, key: str | None, reverse: bool = False) -> None:
        """Sort by a column, None for the order in which the rows come. The cursor stays on its row."""
        self._sort_key, self._sort_reverse = key, reverse
        self._place(self._base, self.cursor, otherwise=0)
        self.post_message(self.SortChanged(self, key, reverse))

    def _sorted(self, base: Sequence[int]) -> Sequence[int]:
        key, value = self._sort_key, self._sort_value
        if key is None or value is None:
            return base
        valued = [(value(row, key), row) for row in base]
        known = [pair for pair in valued if pair[0] is not None and pair[0] == pair[0]]
        unknown = [row for found, row in valued if found is None or found != found]
        known.sort(key=itemgetter(0), reverse=self._sort_reverse)
        return [row for _value, row in known] + unknown

    def _place(self, base: Sequence[int], row: int | None, *, otherwise: int, told: bool = False) -> None:
        before, seen = self.cursor, self._seen()
        self._base, self._order = base, self._sorted(base)
        self._at = self._order.index(row) if row in self._order else min(otherwise, max(len(self._order) - 1, 0))
        self.virtual_size = Size(1, len(self._order) + 1)
        if seen:
            self._follow_cursor()
        self.refresh()
        if self._order and (told or self.cursor != before):
            self.post_message(self.Highlighted(self, self._order[self._at]))

    # --- cursor -----------------------------------------------------------------------------------------------------

    def _page(self) -> int:
        return self.size.height - 1

    def _seen(self) -> bool:
        return 0 <= self._at - self.scroll_offset.y < self._page()

    def _move(self, at: int) -> None:
        if not self._order:
            return
        before, self._at = self._at, min(max(at, 0), len(self._order) - 1)
        self._follow_cursor()
        if self._at != before:
            top = self.scroll_offset.y - 1
            self.refresh(
                *(Region(0, place - top, self.size.width, 1) for place in (before, self._at) if 0 < place - top <= self._page())
            )
            self.post_message(self.Highlighted(self, self._order[self._at]))

    def _follow_cursor(self) -> None:
        page, top = self._page(), self.scroll_offset.y
        if page <= 0:
            return
        wanted = min(max(top, self._at - page + 1), self._at, max(len(self._order) - page, 0))
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def action_up(self) -> None:
        self._move(self._at - 1)

    def action_down(self) -> None:
        self._move(self._at + 1)

    def action_page_up(self) -> None:
        self._move(self._at - max(self._page() - 1, 1))

    def action_page_down(self) -> None:
        self._move(self._at + max(self._page() - 1, 1))

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(len(self._order) - 1)

    def action_open(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def action_sort(self) -> None:
        """Sort by the next column shown; after the last one the rows are as they come."""
        keys: list[str | None] = [None, *(column.key for column, _width in self._shown())]
        at = keys.index(self._sort_key) if self._sort_key in keys else 0
        self.sort_by(keys[(at + 1) % len(keys)])

    def action_reverse(self) -> None:
        if self._sort_key is not None:
            self.sort_by(self._sort_key, not self._sort_reverse)

    def action_filter(self) -> None:
        if self.on_filter is not None:
            self.on_filter()
        else:
            self.post_message(self.FilterAsked(self))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        at = offset.y - 1 + self.scroll_offset.y
        if offset.y == 0:
            self._click_header(offset.x)
        elif at < len(self._order):
            row = self._order[at]
            again = self._clicked == row == self.cursor
            self._clicked = None if again else row
            self._move(at)
            if again:
                self.action_open()

    def _click_header(self, x: int) -> None:
        start = 1
        for column, width in self._shown():
            if start <= x <= start + width:
                self.sort_by(column.key, column.key == self._sort_key and not self._sort_reverse)
                return
            start += width + 1

    def _shown(self) -> list[tuple[Column, int]]:
        width = self.size.width
        if self._fitted[0] != width:
            self._fitted = (width, fitting(self.columns, width))
        return self._fitted[1]

    def on_resize(self) -> None:
        self._lines.clear()
        self._follow_cursor()

    # --- lines ------------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """Several lines, for which the styles and the size are looked up once."""
        self._frame = self._dress()
        try:
            return super().render_lines(crop)
        finally:
            self._frame = None

    def render_line(self, y: int) -> Strip:
        """The header, a row, or a line of the empty state."""
        width, top = self._frame or self._dress()
        if y == 0:
            return self._header(width)
        at = y - 1 + top
        if not self._order:
            lines = centred(self._empty or _("Nothing to show."), width, self._page())
            return Strip([Segment(lines[y - 1], self._styles[0]["dim"])], width)
        if at >= len(self._order):
            return Strip.blank(width, self._styles[0][""])
        row, chosen = self._order[at], at == self._at
        shown = self._fitted[1]
        cells = [self._cell(row, column.key) for column, _width in shown]
        drawn = self._lines.get(row)
        if drawn is not None and drawn[0] == chosen and drawn[1] == cells and drawn[2].cell_length == width:
            return drawn[2]
        strip = self._row(cells, shown, chosen, width)
        if len(self._lines) >= LINES_KEPT:
            self._lines.clear()
        self._lines[row] = (chosen, cells, strip)
        return strip

    def _dress(self) -> tuple[int, int]:
        """Look the styles up again when the theme, the style sheet or the focus has changed; the width and the first row."""
        self._shown()
        cursor = self.get_component_rich_style("vtable--cursor")
        key = (*palette_key(self), cursor, self.has_focus)
        if key == self._key:
            return self._fitted[0], self.scroll_offset.y
        over = cursor if self.has_focus else Style(bgcolor=cursor.bgcolor)
        plain = palette(self)
        self._styles = (plain, {name: style + over for name, style in plain.items()})
        self._key = key
        self._lines.clear()
        return self._fitted[0], self.scroll_offset.y

    def _header(self, width: int) -> Strip:
        parts = [" "]
        for column, size in self._fitted[1]:
            label = column.label
            if column.key == self._sort_key:
                label = fit(label, min(size - 1, cell_len(clean(label)))) + ("▼" if self._sort_reverse else "▲")
            parts.append(fit(label, size, column.right) + " ")
        style = self.get_component_rich_style("vtable--header")
        return Strip([Segment("".join(parts), style)]).adjust_cell_length(width, style)

    def _row(self, cells: Sequence[Cell], shown: Sequence[tuple[Column, int]], chosen: bool, width: int) -> Strip:
        styles = self._styles[chosen]
        base = styles[""]
        pieces, last = [CURSOR if chosen else " "], base
        segments: list[Segment] = []
        for cell, (column, size) in zip(cells, shown):
            if isinstance(cell, Text):
                over = base if chosen and self.has_focus else Style(bgcolor=base.bgcolor)
                drawn_cell = fit_rich(cell, size, styles, right=column.right)
                segments += [
                    Segment("".join(pieces), last),
                    *Segment.apply_style(drawn_cell.render(self.app.console), base, over),
                ]
                pieces, last = [" "], base
                continue
            text, name = (cell, "") if isinstance(cell, str) else cell
            if styles[name] is not last:
                segments.append(Segment("".join(pieces), last))
                pieces, last = [], styles[name]
            pieces.append(fit(text, size, column.right) + " ")
        segments.append(Segment("".join(pieces), last))
        drawn = 1 + sum(size + 1 for _column, size in shown)
        if drawn < width:
            segments.append(Segment(" " * (width - drawn), base))
        return Strip(segments, max(drawn, width)).crop(0, width)
