"""View 5: bars that were unlike those before them, why, what explains them, and what followed earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from engine.domain import day_number, from_day_number, sao_paulo
from engine.errors import PregaoError
from engine.i18n import _, ngettext
from tui.actions import bindings
from tui.anomaly_text import anomaly_text, kind_text, severity_cell
from tui.messages import ChartAsked, Said
from tui.names import anomaly_name, severity_name
from tui.quick_format import day, number
from tui.views.days import in_span, is_span
from tui.views.filtered import FilteredView, matches
from tui.widgets.candles import CandleChart, Mark
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from textual.events import Resize

    from engine.store.board_anomalies import BoardAnomaly

SEVERITIES = ("low", "medium", "high")
KINDS = ("jump", "volume_burst", "volatility_shift", "gap", "frozen_price", "unusual_combination")
#: The newest sessions with an anomaly that are shown; 0 is all of them.
SESSIONS = (0, 1, 5, 20)
#: Sessions drawn before and after the marked one, and the most that are read for it.
BEFORE, AFTER, MOST = 45, 15, 3000
REST_SECONDS = 0.12

Value = TypeVar("Value")


class AnomaliesView(FilteredView):
    """The stored anomalies, the newest first; the marked one is drawn and told in full beside or below the table."""

    DEFAULT_CSS = """
    #anomalies-body { layout: vertical; height: 1fr; }
    #anomalies-table { height: 1fr; }
    #anomalies-detail { height: 9; border-top: solid $panel; }
    #anomalies-chart { height: 14; display: none; }
    #anomalies-scroll { height: 1fr; padding: 0 1; scrollbar-size: 1 1; }
    #anomalies-text { height: auto; }
    AnomaliesView.-low #anomalies-detail { height: 4; }
    AnomaliesView.-normal #anomalies-body, AnomaliesView.-wide #anomalies-body { layout: horizontal; }
    AnomaliesView.-normal #anomalies-table, AnomaliesView.-wide #anomalies-table { width: 1fr; }
    AnomaliesView.-normal #anomalies-detail { width: 44; }
    AnomaliesView.-wide #anomalies-detail { width: 72; }
    AnomaliesView.-normal #anomalies-detail, AnomaliesView.-wide #anomalies-detail {
        height: 1fr; border-top: none; border-left: solid $panel;
    }
    AnomaliesView.-normal #anomalies-chart, AnomaliesView.-wide #anomalies-chart { display: block; }
    AnomaliesView.-low #anomalies-chart { display: none; }
    """
    context: ClassVar[str] = "anomalies"
    BINDINGS = bindings("anomalies")
    LOW: ClassVar[int] = 18

    def __init__(self) -> None:
        super().__init__(id="anomalies")
        self.found: list[BoardAnomaly] = []
        self.severity, self.kind, self.sessions, self.unseen = SEVERITIES[0], "", SESSIONS[0], False
        self._drawing: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="anomalies-head", classes="head")
        with Container(id="anomalies-body"):
            yield VTable(self._columns(), self._cell, id="anomalies-table", sort_value=self._sort_value)
            with Vertical(id="anomalies-detail"):
                yield CandleChart(id="anomalies-chart")
                with VerticalScroll(id="anomalies-scroll", can_focus=False):
                    yield Static(id="anomalies-text")
        yield self.filter_prompt(_("part of symbol, severity, kind, day; days as 2025-04..2025-06; !part leaves out"))

    @staticmethod
    def _columns() -> list[Column]:
        return [
            Column("symbol", _("Symbol"), 8),
            Column("day", _("Day"), 10),
            Column("severity", _("Severity"), 10),
            Column("kind", _("Kind"), 19),
            Column("score", _("Score"), 5, right=True, priority=2),
            Column("driver", _("Why"), 20, priority=1, grow=True),
            Column("seen", _("Seen"), 4, priority=3),
        ]

    @property
    def table(self) -> VTable:
        return self.query_one("#anomalies-table", VTable)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._tell())
        self.data_changed()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.height < self.LOW, "-low")
        self._draw_soon()

    # --- rows ----------------------------------------------------------------------------------------------------

    def data_changed(self) -> None:
        """Read the anomalies again; the cursor stays on its anomaly."""
        board, chosen = self.desk_app.board, self.selected
        self.found = [] if board is None else board.anomalies()
        ids = [item.id for item in self.found]
        self.table.empty = self._why_empty()
        self.table.set_rows(len(ids), ids.index(chosen.id) if chosen and chosen.id in ids else 0)
        self.apply_filter()

    def _why_empty(self) -> str:
        """What stands in place of the rows: that there is none, or that the filters let none through."""
        if self.found:
            text = _("No anomaly matches the filters; {key} clears them.")
            return text.format(key=self.desk_app.key_of("anomalies.clear"))
        text = _(
            "No anomalies yet: {key} starts the daily run, which looks at every symbol; `pregao anomalies SYMBOL` looks further back."
        )
        return text.format(key=self.desk_app.key_of("daily.run"))

    def shown(self) -> None:
        self.table.repaint()
        self._tell()

    @property
    def selected(self) -> BoardAnomaly | None:
        """The anomaly under the cursor."""
        at = self.table.cursor
        return self.found[at] if at is not None and at < len(self.found) else None

    @property
    def listed(self) -> list[BoardAnomaly]:
        """The anomalies that the filters let through, in the order shown."""
        return [self.found[row] for row in self.table.order]

    def _head(self) -> None:
        if not self.found:
            self.query_one("#anomalies-head", Static).update("")
            return
        shown, every = len(self.table.order), len(self.found)
        count = ngettext("{count} anomaly", "{count} anomalies", every).format(count=every)
        facts = self.counted(shown, every, count)
        facts.insert(1, _("{count} not seen yet").format(count=sum(not item.acknowledged for item in self.found)))
        if self.severity != SEVERITIES[0]:
            facts.append(_("from {severity} on").format(severity=severity_name(self.severity)))
        if self.kind:
            facts.append(anomaly_name(self.kind))
        if self.sessions:
            facts.append(ngettext("newest session", "newest {count} sessions", self.sessions).format(count=self.sessions))
        if self.unseen:
            facts.append(_("only those not seen yet"))
        self.query_one("#anomalies-head", Static).update(Text(" " + " · ".join(facts)))

    def _cell(self, index: int, key: str) -> str | tuple[str, str]:
        item = self.found[index]
        if key == "symbol":
            return item.symbol, "bold"
        if key == "severity":
            return severity_cell(item)
        cells = {
            "day": day(from_day_number(item.session)),
            "kind": kind_text(item),
            "score": number(item.score),
            "driver": item.explained_by or item.drivers[0] if item.drivers else "",
            "seen": _("yes") if item.acknowledged else "",
        }
        return cells[key]

    def _sort_value(self, index: int, key: str) -> object:
        item = self.found[index]
        values = {
            "symbol": item.symbol,
            "day": item.time,
            "severity": SEVERITIES.index(item.severity),
            "kind": anomaly_name(item.kind),
            "score": item.score,
            "driver": item.drivers[0] if item.drivers else "",
            "seen": item.acknowledged,
        }
        return values[key]

    # --- filters -------------------------------------------------------------------------------------------------

    def apply_filter(self) -> None:
        words = [word for word in self.words if not is_span(word)]
        spans = [word for word in self.words if is_span(word)]
        days = sorted({item.session for item in self.found}, reverse=True)
        first = days[min(self.sessions, len(days)) - 1] if self.sessions and days else 0
        least = SEVERITIES.index(self.severity)
        kept = [
            at
            for at, item in enumerate(self.found)
            if item.session >= first
            and SEVERITIES.index(item.severity) >= least
            and self.kind in ("", item.kind)
            and not (self.unseen and item.acknowledged)
            and all(in_span(from_day_number(item.session), span) for span in spans)
            and matches(_about(item), words)
        ]
        self.table.set_order(kept)
        self._head()
        self._tell()

    def action_severity(self) -> None:
        self.severity = _next(SEVERITIES, self.severity)
        self.apply_filter()

    def action_kind(self) -> None:
        """The next kind that there is, then all."""
        held = {item.kind for item in self.found}
        self.kind = _next(["", *(kind for kind in KINDS if kind in held or kind == self.kind)], self.kind)
        self.apply_filter()

    def action_sessions(self) -> None:
        self.sessions = _next(SESSIONS, self.sessions)
        self.apply_filter()

    def action_unseen(self) -> None:
        self.unseen = not self.unseen
        self.apply_filter()

    def action_clear(self) -> None:
        """Show every anomaly again."""
        self.severity, self.kind, self.sessions, self.unseen = SEVERITIES[0], "", SESSIONS[0], False
        self.typed = ""
        self.apply_filter()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self._only)

    def _only(self, symbol: str) -> None:
        self.typed = symbol

    # --- the marked one ------------------------------------------------------------------------------------------

    @on(VTable.Highlighted, "#anomalies-table")
    def _tell(self) -> None:
        item = self.selected
        self.query_one("#anomalies-detail").display = item is not None
        self.query_one("#anomalies-text", Static).update(Text() if item is None else anomaly_text(item, self.colours()))
        self.query_one("#anomalies-scroll").scroll_home(animate=False)
        self._draw_soon()

    def _draw_soon(self) -> None:
        """Draw the marked one once the cursor rests."""
        if self._drawing is not None:
            self._drawing.stop()
        self._drawing = self.set_timer(REST_SECONDS, self._draw)

    def _draw(self) -> None:
        item, board = self.selected, self.desk_app.board
        chart = self.query_one(CandleChart)
        if item is None or board is None or not chart.display:
            return
        today = day_number(sao_paulo(int(self.desk_app.now())).date())
        bars = board.candles(item.symbol, min(max(today - item.session, 0) + BEFORE + AFTER, MOST))
        at = next((place for place, bar in enumerate(bars) if bar.session >= item.session), None)
        bars = [] if at is None else bars[max(at - BEFORE, 0) : at + AFTER + 1]
        chart.show(
            [bar.open for bar in bars],
            [bar.high for bar in bars],
            [bar.low for bar in bars],
            [bar.close for bar in bars],
            volume=[bar.volume for bar in bars],
            x_labels=[day(from_day_number(bar.session)) for bar in (bars[0], bars[-1])] if bars else (),
            marks=[Mark(place, "◆", "warn") for place, bar in enumerate(bars) if bar.session == item.session],
            title=item.symbol,
        )

    @on(VTable.Opened, "#anomalies-table")
    def _open(self, event: VTable.Opened) -> None:
        item = self.found[event.row]
        self.post_message(ChartAsked(item.symbol, item.timeframe, item.time))

    def action_read(self) -> None:
        """The marked anomaly on a page of its own."""
        from tui.screens.dialogs import Reader

        if self.selected is not None:
            self.app.push_screen(Reader(_("Anomaly"), anomaly_text(self.selected, self.colours())))

    # --- what is written -----------------------------------------------------------------------------------------

    def action_acknowledge(self) -> None:
        """Mark the anomaly under the cursor as seen, or as not seen."""
        if self.desk_app.desk is None:
            self.post_message(Said(_("The engine is still being prepared; try again in a moment."), "warning"))
        elif self.selected is not None:
            self._acknowledge(self.selected.id, self.selected.acknowledged)

    @work(thread=True, group="anomalies", exit_on_error=False)
    def _acknowledge(self, name: str, undo: bool) -> None:
        from engine.store.anomalies import acknowledge

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            acknowledge(desk.store, [name], int(self.desk_app.now()), undo=undo)
        except PregaoError as error:
            self.post_message(Said(error.message, "error", error.hint))
            return
        self.app.call_from_thread(self.data_changed)

    def action_export(self) -> None:
        """Write the anomalies shown to files."""
        if self.table.order:
            self._export(self.listed)

    @work(thread=True, group="anomalies", exit_on_error=False)
    def _export(self, found: Sequence[BoardAnomaly]) -> None:
        from engine.store.anomaly_files import export

        name = f"anomalies-{sao_paulo(int(self.desk_app.now())):%Y-%m-%d}"
        try:
            table, _whole = export(self.desk_app.workspace.out, found, name)
        except PregaoError as error:
            self.post_message(Said(error.message, "error", error.hint))
            return
        text = ngettext(
            "{count} anomaly written to {path} and .json.", "{count} anomalies written to {path} and .json.", len(found)
        )
        self.post_message(Said(text.format(count=len(found), path=table)))


def _next(values: Sequence[Value], value: Value) -> Value:
    return values[(values.index(value) + 1) % len(values)]


def _about(item: BoardAnomaly) -> str:
    day = from_day_number(item.session).isoformat()
    return f"{item.symbol} {item.name} {item.severity} {severity_name(item.severity)} {item.kind} {anomaly_name(item.kind)} {day}"
