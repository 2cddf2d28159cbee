"""View 2: what the strategies said in the newest daily runs, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from engine.domain import from_day_number
from engine.i18n import _, ngettext
from tui.actions import bindings
from tui.messages import BacktestAsked, ChartAsked
from tui.names import action_name, regime_name
from tui.quick_format import GLYPH, day, number, price
from tui.signal_text import ACTION_STYLE, signal_text, strength_bar
from tui.views.filtered import FilteredView, matches
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from textual.events import Resize

    from engine.store.board import BoardSignal

#: A signal further back than this shows its day.
NEAR = 20
ORDER = {"BUY": 0, "SELL": 1, "HOLD": 2}


class SignalsView(FilteredView):
    """The signals of the newest live runs, the newest first; the marked one is told in full beside or below the table."""

    DEFAULT_CSS = """
    #signals-body { layout: vertical; height: 1fr; }
    #signals-table { height: 1fr; }
    #signals-detail { height: 7; border-top: solid $panel; padding: 0 1; scrollbar-size: 1 1; }
    #signals-text { height: auto; }
    SignalsView.-low #signals-detail { height: 4; }
    SignalsView.-normal #signals-body, SignalsView.-wide #signals-body { layout: horizontal; }
    SignalsView.-normal #signals-table, SignalsView.-wide #signals-table { width: 1fr; }
    SignalsView.-normal #signals-detail { width: 40; }
    SignalsView.-wide #signals-detail { width: 64; }
    SignalsView.-normal #signals-detail, SignalsView.-wide #signals-detail {
        height: 1fr; border-top: none; border-left: solid $panel;
    }
    """
    context: ClassVar[str] = "signals"
    BINDINGS = bindings("signals")
    LOW: ClassVar[int] = 18

    def __init__(self) -> None:
        super().__init__(id="signals")
        self.signals: list[BoardSignal] = []
        self.newest: int | None = None
        self.hold = False

    def compose(self) -> ComposeResult:
        yield Static(id="signals-head", classes="head")
        with Container(id="signals-body"):
            yield VTable(self._columns(), self._cell, id="signals-table", sort_value=self._sort_value)
            with VerticalScroll(id="signals-detail", can_focus=False):
                yield Static(id="signals-text")
        yield self.filter_prompt(_("part of a symbol, name, strategy or regime; !part leaves out"))

    @staticmethod
    def _columns() -> list[Column]:
        return [
            Column("symbol", _("Symbol"), 8),
            Column("action", _("Signal"), 9),
            Column("strategy", _("Strategy"), 16, priority=2),
            Column("regime", _("Regime"), 13, priority=6),
            Column("strength", _("Strength"), 10, priority=1),
            Column("price", _("Price"), 10, right=True),
            Column("stop", _("Stop"), 10, right=True, priority=3),
            Column("target", _("Target"), 10, right=True, priority=4),
            Column("age", _("Age"), 11),
            Column("reason", _("Why"), 24, priority=7, grow=True),
        ]

    @property
    def table(self) -> VTable:
        return self.query_one("#signals-table", VTable)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._tell())
        self.data_changed()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.height < self.LOW, "-low")

    # --- rows ----------------------------------------------------------------------------------------------------

    def data_changed(self) -> None:
        """Read the signals again; the cursor stays on its signal."""
        board, chosen = self.desk_app.board, self.selected
        self.signals = [] if board is None else board.signals(hold=self.hold)
        self.newest = None if board is None else board.newest_run()
        keys = [_key(item) for item in self.signals]
        self.table.empty = self._empty()
        self.table.set_rows(len(self.signals), keys.index(_key(chosen)) if chosen and _key(chosen) in keys else 0)
        self.apply_filter()

    def _empty(self) -> str:
        key_of = self.desk_app.key_of
        if self.newest is not None and not self.hold:
            return _("No BUY and no SELL in the newest daily runs; {key} shows HOLD.").format(key=key_of("signals.hold"))
        return _("No signals yet: {key} starts the daily run, which asks the strategies about every symbol.").format(
            key=key_of("daily.run")
        )

    def shown(self) -> None:
        self.table.repaint()
        self._tell()

    @property
    def selected(self) -> BoardSignal | None:
        """The signal under the cursor."""
        at = self.table.cursor
        return self.signals[at] if at is not None and at < len(self.signals) else None

    def _head(self) -> None:
        if not self.signals or self.newest is None:
            self.query_one("#signals-head", Static).update("")
            return
        shown, every = len(self.table.order), len(self.signals)
        count = ngettext("{count} signal", "{count} signals", every).format(count=every)
        facts = self.counted(shown, every, count)
        facts.append(_("newest run {run}").format(run=day(from_day_number(self.newest))))
        facts.append(_("with HOLD") if self.hold else _("without HOLD"))
        self.query_one("#signals-head", Static).update(Text(" " + " · ".join(facts)))

    def _cell(self, index: int, key: str) -> str | tuple[str, str]:
        item = self.signals[index]
        if key == "symbol":
            return item.symbol, "bold"
        if key == "action":
            style = ACTION_STYLE[item.action]
            return f"{GLYPH[style]} {action_name(item.action)}", style
        if key == "strength":
            return f"{strength_bar(item.strength)} {number(item.strength)}"
        if key == "age":
            return self.age(item)
        cells = {
            "strategy": item.strategy,
            "regime": regime_name(item.regime),
            "price": price(item.price),
            "stop": price(item.stop_loss),
            "target": price(item.take_profit),
            "reason": item.reason,
        }
        return cells[key]

    def age(self, item: BoardSignal) -> tuple[str, str]:
        """How many sessions have closed since the signal's bar, and its style."""
        behind = self.desk_app.sessions_behind(item.session)
        if behind is None or behind > NEAR:
            return day(from_day_number(item.session)), "" if behind is None else "warn"
        if behind == 0:
            return _("today"), ""
        return ngettext("{count} session", "{count} sessions", behind).format(count=behind), "warn"

    def _sort_value(self, index: int, key: str) -> object:
        item = self.signals[index]
        values = {
            "symbol": item.symbol,
            "action": ORDER[item.action],
            "strategy": item.strategy,
            "regime": item.regime,
            "strength": item.strength,
            "price": item.price,
            "stop": item.stop_loss,
            "target": item.take_profit,
            "age": -item.session,
            "reason": item.reason,
        }
        return values[key]

    # --- filter --------------------------------------------------------------------------------------------------

    def apply_filter(self) -> None:
        words = self.words
        self.table.set_order([at for at, item in enumerate(self.signals) if matches(_about(item), words)])
        self._head()
        self._tell()

    # --- the marked one ------------------------------------------------------------------------------------------

    @on(VTable.Highlighted, "#signals-table")
    def _tell(self) -> None:
        item = self.selected
        self.query_one("#signals-detail").display = item is not None
        text = Text() if item is None else signal_text(item, self.age(item)[0], int(self.desk_app.now()), self.colours())
        self.query_one("#signals-text", Static).update(text)
        self.query_one("#signals-detail").scroll_home(animate=False)

    @on(VTable.Opened, "#signals-table")
    def _open(self, event: VTable.Opened) -> None:
        item = self.signals[event.row]
        self.post_message(ChartAsked(item.symbol, item.timeframe, item.time, item.strategy))

    def action_backtest(self) -> None:
        if self.selected is not None:
            self.post_message(BacktestAsked(self.selected.symbol, self.selected.strategy))

    def action_follow(self) -> None:
        """Follow the marked signal into the paper account, after a question."""
        if self.selected is not None:
            self.desk_app.follow_signal(self.selected)

    def action_hold(self) -> None:
        self.hold = not self.hold
        self.data_changed()

    def action_read(self) -> None:
        """The marked signal on a page of its own."""
        from tui.screens.dialogs import Reader

        item = self.selected
        if item is not None:
            text = signal_text(item, self.age(item)[0], int(self.desk_app.now()), self.colours())
            self.app.push_screen(Reader(_("Signal"), text))


def _key(item: BoardSignal) -> tuple[str, str, str, str]:
    return item.run, item.symbol, item.timeframe, item.strategy


def _about(item: BoardSignal) -> str:
    return f"{item.symbol} {item.name} {item.strategy} {regime_name(item.regime)} {action_name(item.action)}"
