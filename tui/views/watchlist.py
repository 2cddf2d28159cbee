"""View 1: what is watched, at a glance, with sorting, filtering and lists."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from engine.i18n import _, ngettext
from tui.actions import bindings
from tui.messages import BacktestAsked, ChartAsked, Said
from tui.names import action_name
from tui.quick_format import GLYPH, compact, day, percent, price, trend
from tui.views.filtered import FilteredView, matches
from tui.widgets.spark import spark
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.store.board import BoardRow

FILL_AT_ONCE = 25
FILL_EVERY = 0.02
#: The first frame comes before the rows that are not seen.
FILL_AFTER = 0.2
SPARK = 16
CHART_BARS = 120
CHART_DELAY = 0.1
#: A symbol further behind than this shows its last day.
NEAR = 20
ACTION_STYLE = {"BUY": "up", "SELL": "down", "HOLD": "flat"}


class WatchlistView(FilteredView):
    """The symbols of one list, or every symbol with bars while the list is empty. Rows are read when they are seen."""

    context: ClassVar[str] = "watchlist"
    BINDINGS = bindings("watchlist")

    def __init__(self) -> None:
        super().__init__(id="watchlist")
        self.list_name = "default"
        self.symbols: list[str] = []
        self._rows: dict[str, BoardRow] = {}
        self._pending: list[str] = []
        self._drawing: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="watchlist-head", classes="head")
        with Horizontal(id="watchlist-body"):
            yield VTable(self._columns(), self._cell, id="watchlist-table", sort_value=self._sort_value)
        yield self.filter_prompt(_("part of a symbol or name; !part leaves out"))

    @staticmethod
    def _columns() -> list[Column]:
        return [
            Column("symbol", _("Symbol"), 10),
            Column("last", _("Last"), 12, right=True),
            Column("change", _("Change"), 11, right=True),
            Column("volume", _("Volume"), 9, right=True, priority=2),
            Column("spark", _("30 sessions"), SPARK, priority=3),
            Column("signal", _("Signal"), 9, priority=1),
            Column("fresh", _("Data"), 13, priority=1),
            Column("name", _("Name"), 18, priority=4),
        ]

    @property
    def table(self) -> VTable:
        return self.query_one("#watchlist-table", VTable)

    def on_mount(self) -> None:
        self.list_name = self.desk_app.session.list_name
        self.data_changed()
        self.set_timer(FILL_AFTER, partial(self.set_interval, FILL_EVERY, self._fill))

    def data_changed(self) -> None:
        """Read the list again; values follow as rows are seen, the rest while nothing else is to do."""
        board = self.desk_app.board
        chosen = self._symbol_at(self.table.cursor)
        self.symbols = [] if board is None else board.symbols(self.list_name)
        self._rows.clear()
        self._pending = list(self.symbols)
        self.table.set_rows(len(self.symbols))
        self.apply_filter()
        if chosen in self.symbols:
            self.table.select(self.symbols.index(chosen))

    def _head(self) -> None:
        board = self.desk_app.board
        if board is None or not self.symbols:
            self.query_one("#watchlist-head", Static).update("")
            return
        lists = board.lists()
        named = bool(lists.get(self.list_name))
        shown = len(self.table.order)
        what = (
            _("List {name}").format(name=self.list_name)
            if named
            else _("All symbols with bars (a adds to list {name})").format(name=self.list_name)
        )
        count = ngettext("{count} symbol", "{count} symbols", len(self.symbols)).format(count=len(self.symbols))
        newest = max((row.session for row in self._rows.values()), default=None)
        fresh = [self._freshness(newest)] if newest is not None else []
        line = Text(" " + " · ".join([*self.counted(shown, len(self.symbols), count), *fresh, what]))
        self.query_one("#watchlist-head", Static).update(line)

    def _freshness(self, session: int) -> str:
        behind = self.desk_app.sessions_behind(session)
        if behind is None:
            return _("newest bar {day}").format(day=day(_date(session)))
        if behind == 0:
            return _("● data of the last session")
        return ngettext("! stale: {count} session behind", "! stale: {count} sessions behind", behind).format(count=behind)

    def _row(self, index: int) -> BoardRow | None:
        symbol = self.symbols[index]
        board = self.desk_app.board
        if symbol not in self._rows and board is not None:
            row = board.row(symbol)
            if row is not None:
                self._rows[symbol] = row
        return self._rows.get(symbol)

    def _fill(self) -> None:
        if not self._pending or self.desk_app.board is None:
            return
        for symbol in self._pending[:FILL_AT_ONCE]:
            self._row(self.symbols.index(symbol)) if symbol in self.symbols else None
        del self._pending[:FILL_AT_ONCE]
        if not self._pending:
            self._head()
            self.table.repaint()

    def _cell(self, index: int, key: str) -> str | tuple[str, str]:
        if key == "symbol":
            return self.symbols[index], "bold"
        row = self._row(index)
        if row is None:
            return "–", "dim"
        if key == "last":
            return price(row.last) + ("*" if row.provisional else "")
        if key == "change":
            style = trend(row.change)
            return f"{GLYPH[style]} {percent(row.change)}", style
        if key == "volume":
            return compact(row.turnover if row.turnover is not None else row.quantity)
        if key == "spark":
            return spark(row.spark, SPARK), trend(row.change)
        if key == "signal":
            return self._signal(row)
        if key == "fresh":
            behind = self.desk_app.sessions_behind(row.session)
            if behind is None:
                return day(_date(row.session)), ""
            if behind == 0:
                return _("● fresh"), ""
            if behind <= NEAR:
                return ngettext("! {count} behind", "! {count} behind", behind).format(count=behind), "warn"
            return f"! {day(_date(row.session))}", "warn"
        return row.name, "dim"

    @staticmethod
    def _signal(row: BoardRow) -> tuple[str, str]:
        if row.signal is None:
            return "–", "dim"
        style = ACTION_STYLE[row.signal]
        return f"{GLYPH[style]} {action_name(row.signal)}", style

    def _sort_value(self, index: int, key: str) -> object:
        if key == "symbol":
            return self.symbols[index]
        row = self._row(index)
        if row is None:
            return None
        values = {
            "last": row.last,
            "change": row.change,
            "volume": row.turnover if row.turnover is not None else row.quantity,
            "spark": row.spark[-1] / row.spark[0] - 1 if len(row.spark) > 1 and row.spark[0] else None,
            "signal": {"BUY": 0, "SELL": 1, "HOLD": 2}.get(row.signal or ""),
            "fresh": row.session,
            "name": row.name.lower() or None,
        }
        return values[key]

    def _symbol_at(self, index: int | None) -> str | None:
        return None if index is None or index >= len(self.symbols) else self.symbols[index]

    @property
    def selected(self) -> str | None:
        """The symbol under the cursor."""
        return self._symbol_at(self.table.cursor)

    # --- filter -------------------------------------------------------------------------------------------------

    def apply_filter(self) -> None:
        words = self.words
        if not words:
            self.table.set_order(range(len(self.symbols)))
        else:
            self.table.set_order([index for index in range(len(self.symbols)) if matches(self._about(index), words)])
        self._head()

    def _about(self, index: int) -> str:
        row = self._row(index)
        return f"{self.symbols[index]} {row.name if row else ''}"

    # --- selection ----------------------------------------------------------------------------------------------

    @on(VTable.Opened, "#watchlist-table")
    def _open(self, event: VTable.Opened) -> None:
        symbol = self._symbol_at(event.row)
        if symbol:
            self.post_message(BacktestAsked(symbol))

    def action_chart(self) -> None:
        if self.selected:
            self.post_message(ChartAsked(self.selected))

    @on(VTable.Highlighted, "#watchlist-table")
    def _highlight(self) -> None:
        """Draw the marked symbol once the cursor rests."""
        if self._drawing is not None:
            self._drawing.stop()
        self._drawing = self.set_timer(CHART_DELAY, self._draw)

    def _draw(self) -> None:
        symbol, board = self.selected, self.desk_app.board
        if symbol is None or board is None or not self.has_class("-wide"):
            return
        from tui.widgets.candles import CandleChart

        body = self.query_one("#watchlist-body", Horizontal)
        if not body.query(CandleChart):
            body.mount(CandleChart(id="watchlist-chart", classes="wide-only"))
            self._drawing = self.set_timer(CHART_DELAY, self._draw)
            return
        chart = body.query_one(CandleChart)
        bars = board.candles(symbol, CHART_BARS)
        labels = [day(_date(bar.session)) for bar in bars]
        chart.show(
            [bar.open for bar in bars],
            [bar.high for bar in bars],
            [bar.low for bar in bars],
            [bar.close for bar in bars],
            volume=[bar.volume for bar in bars],
            x_labels=(labels[0], labels[-1]) if labels else ("", ""),
            title=symbol,
        )

    # --- lists --------------------------------------------------------------------------------------------------

    def clear_filter(self) -> None:
        """Show every row again."""
        self.typed = ""

    def action_add(self) -> None:
        self.clear_filter()
        self.desk_app.ask_symbols(self.list_name)

    def action_remove(self) -> None:
        symbol, board = self.selected, self.desk_app.board
        if symbol is None or board is None:
            return
        if not board.lists().get(self.list_name):
            self.post_message(Said(_("This is not a list but every symbol with bars; a adds symbols to a list."), "warning"))
            return
        self.desk_app.remove_symbol(self.list_name, symbol)

    def action_next_list(self, step: int) -> None:
        board = self.desk_app.board
        if board is None:
            return
        names = sorted({"default", self.list_name, *board.lists()})
        self.show_list(names[(names.index(self.list_name) + step) % len(names)])

    def action_new_list(self) -> None:
        self.desk_app.ask_list()

    def show_list(self, name: str) -> None:
        """Change to the list of that name."""
        self.list_name = name
        self.desk_app.session.list_name = name
        self.data_changed()


def _date(session: int):  # type: ignore[no-untyped-def]
    from engine.domain import from_day_number

    return from_day_number(session)
