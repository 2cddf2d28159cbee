"""View 7: the chart of a symbol, with curves, trades and signals, read bar by bar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from engine.domain import DEFAULT_TIMEFRAME, day_number
from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import bindings
from tui.messages import BacktestAsked, Said, sentences
from tui.views.base import View
from tui.widgets.price_chart import PriceChart

if TYPE_CHECKING:
    from textual.events import Resize

    from engine.chart import Chart

WAITING = "…"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the chart is to show. strategy: whose trades, see `engine.chart.read_chart`. instant: of the bar for the cursor, UTC
    seconds; None for the newest."""

    symbol: str
    timeframe: str
    strategy: str | None
    instant: int | None


class ChartView(View):
    """Heading, read-out and the chart; it is read in a thread, and says why when it cannot be."""

    DEFAULT_CSS = """
    #chart-head { height: 1; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    .chart-line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ChartView.-low #chart-curves { display: none; }
    """
    context: ClassVar[str] = "chart"
    BINDINGS = bindings("chart")
    LOW: ClassVar[int] = 16

    @dataclass
    class Answered(Message):
        """A chart has been read, or could not be."""

        asked: Asked
        chart: Chart | None
        error: PregaoError | None

    def __init__(self) -> None:
        super().__init__(id="chart")
        self._asked: Asked | None = None
        self._timeframe = DEFAULT_TIMEFRAME
        self._strategy: str | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="chart-head")
        yield Static(id="chart-prices", classes="chart-line")
        yield Static(id="chart-curves", classes="chart-line")
        yield Static(id="chart-marks", classes="chart-line")
        yield PriceChart(id="chart-plot")

    @property
    def plot(self) -> PriceChart:
        return self.query_one(PriceChart)

    def focus_target(self) -> Widget:
        return self.plot

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._read_out())

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.height < self.LOW, "-low")
        self._read_out()

    # --- what is shown -------------------------------------------------------------------------------------------

    def shown(self) -> None:
        if self._asked is None:
            self.choose(self._first_symbol())

    def desk_ready(self) -> None:
        """The engine has been loaded."""
        if self._asked is not None:
            self._ask(self._asked)

    def data_changed(self) -> None:
        """Read again; the cursor stays on its bar, or goes on with the newest one."""
        if self._asked is not None:
            self._ask(Asked(self._asked.symbol, self._asked.timeframe, self._strategy, self._instant()))
        elif self.desk_app.active_view is self:
            self.shown()

    def _first_symbol(self) -> str:
        board, last = self.desk_app.board, self.desk_app.session.symbol
        known = board.symbols(self.desk_app.session.list_name) if board is not None else []
        every = board.all_symbols() if board is not None else []
        return last if last in every else known[0] if known else ""

    def choose(self, symbol: str, timeframe: str = "", instant: int | None = None, strategy: str | None = None) -> None:
        """Show this symbol, in the timeframe in force unless one is named, with the cursor on the bar open at `instant`.

        strategy: whose trades to mark, None for those in force.
        """
        if not symbol:
            self._say(_("No symbol yet: y chooses one, i imports a file."))
            return
        self.desk_app.session.symbol = symbol
        self._timeframe = timeframe or self._timeframe
        self._strategy = strategy or self._strategy
        self._ask(Asked(symbol, self._timeframe, self._strategy, instant))

    def _ask(self, asked: Asked) -> None:
        fresh = self._asked is None or asked.symbol != self._asked.symbol or self.plot.chart is None
        self._asked = asked
        if fresh:
            self._say(WAITING)
        if self.desk_app.desk is not None:
            self._read(asked)

    @work(thread=True, exclusive=True, group="chart", exit_on_error=False)
    def _read(self, asked: Asked) -> None:
        import tui.chart_text  # noqa: F401 - what the answer is told with is loaded here, not on the event loop
        from engine.chart import read_chart

        desk, board = self.desk_app.desk, self.desk_app.board
        if desk is None or board is None:
            return
        try:
            chart = read_chart(
                desk.store,
                desk.settings,
                asked.symbol,
                asked.timeframe,
                strategy=asked.strategy,
                folder=desk.workspace.strategies,
            )
        except PregaoError as error:
            self.post_message(self.Answered(asked, None, error))
            return
        self.post_message(self.Answered(asked, chart, None))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        if event.asked != self._asked:
            return
        if event.error is not None:
            self._say(sentences(event.error.message, event.error.hint))
            return
        assert event.chart is not None
        from engine.chart import index_at

        instant = event.asked.instant
        self.plot.show(event.chart, None if instant is None else index_at(event.chart.bars, instant))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A chart of another question does not stay when reading this one failed by a defect."""
        super().on_worker_state_changed(event)
        if event.state is WorkerState.ERROR:
            self._say(_("This chart failed by a defect; the log has the details."))

    def _say(self, text: str) -> None:
        """Show a sentence in the place of the chart."""
        self.plot.empty = text
        self.plot.show(None)

    # --- the read-out --------------------------------------------------------------------------------------------

    @on(PriceChart.Moved)
    def _read_out(self) -> None:
        if not self.is_mounted or not self.query(PriceChart):
            return
        plot = self.plot
        lines = dict.fromkeys(("head", "prices", "curves", "marks"), Text())
        if plot.chart is None:
            lines["head"] = Text(f" {self._asked.symbol} · {self._asked.timeframe}" if self._asked is not None else "")
        else:
            from tui import chart_text

            colours = self.colours()
            names = self.desk_app.board.names() if self.desk_app.board is not None else {}
            curves, marks = chart_text.curves_line(plot, colours), chart_text.marks_line(plot, colours)
            lines = {
                "head": chart_text.heading(plot.chart, names.get(plot.chart.bars.symbol, ""), plot.look),
                "prices": chart_text.prices_line(plot, colours, wide=self.has_class("-wide") or self.has_class("-normal")),
                "curves": curves,
                "marks": marks if marks or not self.has_class("-low") else curves,
            }
        for name, text in lines.items():
            self.query_one(f"#chart-{name}", Static).update(text)

    # --- actions -------------------------------------------------------------------------------------------------

    def action_move(self, candles: int) -> None:
        self.plot.viewport = self.plot.viewport.moved(candles)

    def action_page(self, pages: int) -> None:
        self.plot.viewport = self.plot.viewport.paged(pages)

    def action_first(self) -> None:
        self.plot.viewport = self.plot.viewport.jumped(0)

    def action_last(self) -> None:
        self.plot.viewport = self.plot.viewport.jumped(self.plot.viewport.count - 1)

    def action_zoom(self, levels: int) -> None:
        self.plot.viewport = self.plot.viewport.zoomed(levels)

    def action_overlay(self, name: str) -> None:
        self.plot.set_look(self.plot.look.toggled(name))

    def action_lower(self) -> None:
        self.plot.set_look(self.plot.look.next_lower())

    def action_log(self) -> None:
        self.plot.set_look(replace(self.plot.look, log=not self.plot.look.log))

    def action_timeframe(self) -> None:
        """The next timeframe that is stored of the symbol or can be built; the cursor stays at its time."""
        board = self.desk_app.board
        if self._asked is None or board is None or self.desk_app.desk is None:
            return
        from engine.chart import buildable

        known = buildable(board.timeframes(self._asked.symbol))
        if not known:
            return
        at = known.index(self._asked.timeframe) if self._asked.timeframe in known else -1
        self.choose(self._asked.symbol, known[(at + 1) % len(known)], self._instant())

    def _instant(self) -> int | None:
        """When the bar under the cursor opens; None for the newest one."""
        chart, view = self.plot.chart, self.plot.viewport
        return None if chart is None or view.cursor == view.count - 1 else int(chart.bars.time[view.cursor])

    def action_strategy(self) -> None:
        """The trades of the next strategy; after the last one none, then again those of the newest backtest."""
        desk = self.desk_app.desk
        if self._asked is None or desk is None:
            return
        from engine import strategies
        from engine.chart import NO_STRATEGY

        choices: list[str | None] = [None, *strategies.names(desk.workspace.strategies), NO_STRATEGY]
        self._strategy = choices[(choices.index(self._strategy) + 1) % len(choices)] if self._strategy in choices else None
        self._ask(Asked(self._asked.symbol, self._asked.timeframe, self._strategy, self._instant()))

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self.choose)

    def action_backtest(self) -> None:
        if self._asked is not None:
            chart = self.plot.chart
            self.post_message(BacktestAsked(self._asked.symbol, chart.strategy if chart is not None else ""))

    def action_read(self) -> None:
        """The marks under the cursor in full."""
        if self.plot.chart is None:
            return
        from tui.chart_text import marks_in_full
        from tui.screens.dialogs import Reader

        self.app.push_screen(Reader(_("Marks"), marks_in_full(self.plot) or Text(_("No trade and no signal at this bar."))))

    def action_date(self) -> None:
        """Ask for a day and put the cursor on its first bar."""
        from tui.screens.dialogs import Ask

        if self.plot.chart is not None:
            self.app.push_screen(Ask(_("Go to which day?"), _("YYYY-MM-DD. Enter accepts, Esc closes.")), self._go_to)

    def _go_to(self, answer: str | None) -> None:
        chart = self.plot.chart
        if not answer or chart is None:
            return
        from engine.chart import index_of_session
        from engine.market.asked import parse_day

        try:
            day = parse_day(answer, _("Day"))
        except PregaoError as error:
            self.post_message(Said(error.message, "error", error.hint))
            return
        self.plot.viewport = self.plot.viewport.jumped(index_of_session(chart.bars, day_number(day)))
