"""View 3: a backtest under the fingers. Every change of the question runs it again; the panels show what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import Action, bindings
from tui.backtest.charts import ChartsPanel
from tui.backtest.compare import ComparePanel
from tui.backtest.costs import CostsPanel
from tui.backtest.evidence import EvidencePanel
from tui.backtest.form import Question, parse, typed
from tui.backtest.frame import HINTS, PANELS
from tui.backtest.months import MonthsPanel
from tui.backtest.question import IDEA, QuestionForm
from tui.backtest.trades import TradesTable
from tui.messages import ChartAsked, JobAsked, sentences
from tui.views.base import TALL, View
from tui.widgets.form import Form, Value
from tui.widgets.panels import PanelBar, ReadingPanel, after
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult

DEBOUNCE = 0.12
LOOKED_AT = 1.0
#: Columns below which the form gets less room, and from which there is room for it beside every panel.
NARROW, BESIDE = 72, 120
#: Lines of the view from which the verdict has reasons, and how many figures there are with how much room.
REASONS_FROM = 20
FIGURES = ((TALL, 12), (REASONS_FROM, 7), (0, 4))
MADE: Mapping[str, type[ReadingPanel] | type[ComparePanel]] = {
    "compare": ComparePanel,
    "months": MonthsPanel,
    "evidence": EvidencePanel,
    "costs": CostsPanel,
}


class BacktestView(View):
    """The form on the left; the verdict and one panel on the right, which takes the room of the form where there is little."""

    DEFAULT_CSS = """
    #backtest-body { height: 1fr; }
    BacktestView.-normal QuestionForm, BacktestView.-wide QuestionForm { width: 38; }
    BacktestView.-narrow QuestionForm { width: 25; }
    BacktestView.-broad QuestionForm { display: none; }
    #backtest-right { width: 1fr; padding: 0 0 0 1; }
    #backtest-panels { height: 1; }
    #backtest-verdict { height: auto; max-height: 4; }
    #backtest-metrics { height: auto; }
    #backtest-trades { height: 1fr; }
    BacktestView.-short #backtest-drawdown { display: none; }
    BacktestView.-short #compare-about { max-height: 3; }
    #backtest-notes { height: auto; max-height: 3; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    BacktestView.-short #backtest-notes { max-height: 1; }
    """
    context: ClassVar[str] = "backtest"
    BINDINGS = bindings("backtest")

    @dataclass
    class Answered(Message):
        """A backtest is done, or could not be done."""

        number: int
        result: BacktestResult | None
        error: PregaoError | None

    def __init__(self) -> None:
        super().__init__(id="backtest")
        self.panel = "charts"
        self._number = 0
        self._timer: Timer | None = None
        self._result: BacktestResult | None = None
        self._editing = ""
        self._wanted: tuple[str, str, Mapping[str, Value] | None] | None = None
        self._snapshot: object = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="backtest-body"):
            yield QuestionForm(id="backtest-left")
            with Vertical(id="backtest-right"):
                yield PanelBar("backtest", PANELS, self.desk_app.key_of, id="backtest-panels")
                yield Static(id="backtest-verdict")
                yield Static(id="backtest-metrics")
                yield ChartsPanel(id="backtest-charts")
                trades = TradesTable(id="backtest-trades")
                trades.display = False
                yield trades
                yield Static(id="backtest-notes")
        yield Prompt(id="backtest-edit")

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    @property
    def asked(self) -> QuestionForm:
        return self.query_one(QuestionForm)

    @property
    def trades(self) -> TradesTable:
        return self.query_one(TradesTable)

    def focus_target(self) -> Widget:
        """The form with the charts, else what the panel is read or chosen with."""
        if self.panel == "charts":
            return self.form
        found = self.query_one(f"#backtest-{self.panel}")
        return found.table if isinstance(found, ComparePanel) else found

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._lay_out(event.size.width)
        self.call_after_refresh(self._show_head)

    def shown(self) -> None:
        self.desk_ready()
        if not self.form.fields:
            self._say_state(_("Preparing the engine..."))

    def desk_ready(self) -> None:
        """The engine has been loaded."""
        if self.desk_app.desk is not None and not self.form.fields:
            self.asked.fill()
            if self._wanted is not None:
                self.asked.choose(*self._wanted)
            self._plan()

    def data_changed(self) -> None:
        """Run again when bars were imported; a trial that was recorded changes no answer."""
        snapshot = self.desk_app.board_snapshot()
        if self.form.fields and snapshot != self._snapshot:
            self._plan()

    def choose(self, symbol: str, strategy: str = "", params: Mapping[str, Value] | None = None) -> None:
        """Test this symbol, with this strategy and its parameters where they are given."""
        self.desk_app.session.symbol = symbol
        self._wanted = (symbol, strategy, params)
        if self.form.fields:
            self.asked.choose(*self._wanted)

    # --- the question --------------------------------------------------------------------------------------------

    @on(QuestionForm.Asked)
    def _asked(self) -> None:
        self._plan()
        for panel in self.query(ComparePanel):
            panel.question_changed(self.asked.question())

    @on(Form.EditAsked)
    def _edit(self, event: Form.EditAsked) -> None:
        if event.field.key == "symbol":
            self.action_symbol()
            return
        self._editing = event.field.key
        prompt = self.query_one("#backtest-edit", Prompt)
        prompt.open(typed(event.field), f"{event.field.label}: {event.field.help}", chosen=True)

    @on(Input.Submitted, "#backtest-edit")
    def _typed(self, event: Input.Submitted) -> None:
        field = next(item for item in self.form.fields if item.key == self._editing)
        try:
            value = parse(field, event.value.strip())
        except PregaoError as error:
            self.query_one("#backtest-edit", Prompt).refuse(sentences(error.message, error.hint))
            return
        self.query_one("#backtest-edit", Prompt).close()
        self.form.focus()
        self.form.set_value(field.key, value)

    @on(Prompt.Dismissed)
    def _edit_left(self) -> None:
        self.form.focus()

    # --- the run -------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Run once the fingers rest."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE, self.action_run)

    def action_run(self) -> None:
        if self.desk_app.desk is None:
            return
        question = self.asked.question()
        if question is None:
            self._say_state(_("No symbol yet: y chooses one, i imports a file."))
            return
        self._number += 1
        self._snapshot = self.desk_app.board_snapshot()
        self._work(self._number, question)

    @work(thread=True, exclusive=True, group="backtest", exit_on_error=False)
    def _work(self, number: int, question: Question) -> None:
        from tui.backtest.answer import answer

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            result = answer(desk, question)
        except PregaoError as error:
            self.post_message(self.Answered(number, None, error))
            return
        self.post_message(self.Answered(number, result, None))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        if event.number != self._number:
            return
        if event.error is not None:
            self._say_state(sentences(event.error.message, event.error.hint), bad=True)
            return
        assert event.result is not None
        self._result = event.result
        self._lay_out(self.size.width)
        self._show_head()
        self._show_panel()
        self.set_timer(LOOKED_AT, partial(self._record, event.number, event.result))

    def _record(self, number: int, result: BacktestResult) -> None:
        """An answer that stayed on the screen was looked at and counts as a trial; those passed on the way to it do not."""
        if number == self._number:
            self._write_down(result)

    @work(thread=True, group="record", exit_on_error=False)
    def _write_down(self, result: BacktestResult) -> None:
        from engine.backtest.run import record

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            record(desk.store, result, desk.now())
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.fail, error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Figures of another question do not stay when the run of this one failed by a defect."""
        if event.state is WorkerState.ERROR:
            self._say_state(_("This backtest failed by a defect; the log has the details."), bad=True)

    def _say_state(self, text: str, *, bad: bool = False) -> None:
        """No result: say why, and empty the panels."""
        self._result = None
        self.query_one("#backtest-verdict", Static).update(Text(text, style="bold red" if bad else "dim"))
        for name in ("#backtest-metrics", "#backtest-notes"):
            self.query_one(name, Static).update("")
        self._lay_out(self.size.width)
        self._show_panel()

    # --- the answer ----------------------------------------------------------------------------------------------

    def _show_head(self) -> None:
        """The verdict, the figures and the notes, as many as suit the panel and the size."""
        from tui.backtest.panel import metrics_text, notes_text, verdict_text

        result = self._result
        if result is None:
            return
        height, charts = self.size.height, self.panel == "charts"
        reasons = 2 if charts and height >= REASONS_FROM else 0
        rows = next(count for lines, count in FIGURES if height >= lines)
        width = self.query_one("#backtest-right").content_size.width
        self.query_one("#backtest-verdict", Static).update(verdict_text(result, reasons))
        self.query_one("#backtest-metrics", Static).update(metrics_text(result, width=width, rows=rows))
        self.query_one("#backtest-notes", Static).update(notes_text(result))

    def _show_panel(self) -> None:
        """Give the result to the panel that is shown; the others get it when they are."""
        panel = self.query_one(f"#backtest-{self.panel}")
        if isinstance(panel, (ChartsPanel, TradesTable, ReadingPanel)):
            panel.show_result(self._result)

    # --- the panels ----------------------------------------------------------------------------------------------

    def hinted(self, action: Action) -> bool:
        """The keys of a panel are hinted at in that panel alone."""
        return super().hinted(action) and self.panel in HINTS.get(action.id, (self.panel,))

    async def action_open(self, panel: str) -> None:
        """Show a panel, making it if this is the first time."""
        if panel in MADE and not self.query(f"#backtest-{panel}"):
            made = MADE[panel](id=f"backtest-{panel}")
            await self.query_one("#backtest-right").mount(made, before="#backtest-notes")
        self.panel = self.query_one(PanelBar).active = panel
        for name in PANELS:
            self.query(f"#backtest-{name}").set(display=name == panel)
        self._lay_out(self.size.width)
        self.call_after_refresh(self._show_head)
        self._show_panel()
        self.focus_target().focus()

    def _lay_out(self, width: int) -> None:
        charts = self.panel == "charts"
        self.set_class(width < NARROW, "-narrow")
        self.set_class(not charts and width < BESIDE, "-broad")
        self.query_one("#backtest-metrics").display = charts or (self.panel == "trades" and self.size.height >= TALL)
        self.query_one("#backtest-notes").display = charts or self.panel == "trades"
        self.query_one("#backtest-verdict").display = self.panel != "evidence" or self._result is None

    async def action_panel(self) -> None:
        """The next panel; after the last one the charts with the form."""
        await self.action_open(after(PANELS, self.panel))

    async def action_form(self) -> None:
        """Back to the form, which is shown in every size with the charts."""
        if self.has_class("-broad"):
            await self.action_open("charts")
        self.form.focus()

    async def action_orders(self) -> None:
        """The other page of the form."""
        self.asked.turn()
        await self.action_form()

    async def action_compare(self) -> None:
        """Show the comparison; one of this question that is not there yet is begun, one that is there already is renewed."""
        again = self.panel == "compare"
        await self.action_open("compare")
        question, panel = self.asked.question(), self.query_one(ComparePanel)
        if question is not None and (again or panel.asks(question)):
            panel.ask(question)

    @on(ComparePanel.Compared)
    def _compared(self) -> None:
        """The verdict counts the trials that the comparison has added."""
        self._plan()

    @on(ComparePanel.Chosen)
    async def _chosen(self, event: ComparePanel.Chosen) -> None:
        self.asked.choose(str(self.asked.fields(IDEA)[0].value), event.strategy, event.params)
        await self.action_open("charts")

    async def action_bands(self) -> None:
        """The evidence with the bands by resampling, which take a while."""
        await self.action_open("evidence")
        self.query_one(EvidencePanel).ask_bands()

    @on(VTable.Opened, "#backtest-trades")
    def _open_trade(self, event: VTable.Opened) -> None:
        """The chart at the entry of the trade."""
        if self._result is not None:
            bars, trade = self._result.bars, self._result.trades[event.row]
            self.post_message(ChartAsked(bars.symbol, bars.timeframe, trade.entry_time, self._result.strategy.name))

    async def action_trade(self) -> None:
        """Everything about the trade under the cursor."""
        from tui.backtest.panel import trade_text
        from tui.screens.dialogs import Reader

        await self.action_open("trades")
        if self.trades.cursor is not None:
            self.app.push_screen(Reader(_("Trade"), trade_text(self.trades.trades[self.trades.cursor])))

    def action_read(self) -> None:
        """All of the verdict, the figures and the notes, whatever the size of the terminal."""
        from tui.backtest.panel import full_text
        from tui.screens.dialogs import Reader

        if self._result is not None:
            self.app.push_screen(Reader(_("Verdict in full"), full_text(self._result)))

    def action_reset(self) -> None:
        if self.form.fields:
            self.asked.reset()
            self._plan()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self.choose)

    def action_many(self) -> None:
        """The same strategy and period on every watched symbol, as a job."""
        question, board = self.asked.question(), self.desk_app.board
        if question is None or board is None:
            return
        symbols = board.symbols(self.desk_app.session.list_name)
        self.post_message(
            JobAsked("backtest", question.job(symbols), _("Backtest of {count} symbols").format(count=len(symbols)))
        )
