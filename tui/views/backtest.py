"""View 3: a backtest under the fingers. Every change of symbol, period or parameter runs it again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import bindings
from tui.backtest_form import FIXED, Question, first_fields, param_fields, parse, question_of, timeframe_field, typed
from tui.messages import JobAsked
from tui.views.base import View
from tui.widgets.form import Field, Form
from tui.widgets.line_chart import LineChart
from tui.widgets.prompt import Prompt
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult

DEBOUNCE = 0.12
LOOKED_AT = 1.0


class BacktestView(View):
    """Form on the left, figures, charts and trades on the right."""

    DEFAULT_CSS = """
    #backtest-body { height: 1fr; }
    #backtest-left { width: 30; border-right: solid $panel; scrollbar-size: 1 1; }
    BacktestView.-normal #backtest-left, BacktestView.-wide #backtest-left { width: 38; }
    #backtest-form { height: auto; }
    #backtest-help { height: auto; margin-top: 1; padding: 0 1; }
    #backtest-right { width: 1fr; padding: 0 0 0 1; }
    #backtest-verdict { height: auto; max-height: 4; }
    #backtest-figures { height: auto; }
    #backtest-metrics { height: auto; }
    #backtest-charts { height: 1fr; min-height: 4; }
    #backtest-equity { height: 2fr; min-height: 4; }
    #backtest-drawdown { height: 1fr; min-height: 3; }
    BacktestView.-short #backtest-drawdown { display: none; }
    #backtest-trades { height: 1fr; }
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
        self._number = 0
        self._timer: Timer | None = None
        self._result: BacktestResult | None = None
        self._trades: list[dict[str, Any]] = []
        self._editing = ""
        self._snapshot: object = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="backtest-body"):
            with VerticalScroll(id="backtest-left", can_focus=False):
                yield Form(id="backtest-form")
                yield Static(id="backtest-help")
            with Vertical(id="backtest-right"):
                yield Static(id="backtest-verdict")
                with Horizontal(id="backtest-figures"):
                    yield Static(id="backtest-metrics")
                with Vertical(id="backtest-charts"):
                    yield LineChart(id="backtest-equity")
                    yield LineChart(id="backtest-drawdown", fill=True)
                yield VTable(self._columns(), self._trade_cell, id="backtest-trades", empty=_("No trades."))
                yield Static(id="backtest-notes")
        yield Prompt(id="backtest-edit")

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def focus_target(self) -> Widget:
        return self.form

    def on_mount(self) -> None:
        self.query_one("#backtest-trades").display = False

    def shown(self) -> None:
        if self.desk_app.desk is not None and not self.form.fields:
            self._fill_form()
            self._plan()
        if not self.form.fields:
            self._say_state(_("Preparing the engine..."))

    def desk_ready(self) -> None:
        """The engine has been loaded."""
        if not self.form.fields:
            self._fill_form()
            self._plan()

    def data_changed(self) -> None:
        """Run again when bars were imported; a trial that was recorded changes no answer."""
        snapshot = self.desk_app.board_snapshot()
        if self.form.fields and snapshot != self._snapshot:
            self._plan()

    def choose(self, symbol: str) -> None:
        """Test this symbol."""
        self.desk_app.session.symbol = symbol
        if self.form.fields:
            self.form.set_value("symbol", symbol)
            self._plan()

    # --- the form ------------------------------------------------------------------------------------------------

    def _fill_form(self) -> None:
        desk, board = self.desk_app.desk, self.desk_app.board
        assert desk is not None
        known = board.all_symbols() if board is not None else []
        last = self.desk_app.session.symbol
        symbol = last if last in known else known[0] if known else ""
        self.form.show(first_fields(desk, symbol, self._stored(symbol), self._timeframe_of(symbol)))
        self._show_help(self.form.current)

    def _stored(self, symbol: str) -> list[str]:
        board = self.desk_app.board
        return board.timeframes(symbol) if board is not None else []

    def _timeframe_of(self, symbol: str) -> str:
        board = self.desk_app.board
        row = board.row(symbol) if board is not None and symbol else None
        return row.timeframe if row is not None else "1d"

    @on(Form.Moved)
    def _moved(self, event: Form.Moved) -> None:
        self._show_help(event.field)

    def _show_help(self, field: Field) -> None:
        self.query_one("#backtest-help", Static).update(Text(field.help, style="dim italic"))

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        key = event.field.key
        if key == "strategy":
            kept = [item for item in self.form.fields if item.key in FIXED]
            self.form.show(kept + param_fields(str(event.field.value), self.desk_app.workspace.strategies))
        if key == "symbol":
            symbol = str(event.field.value)
            self.desk_app.session.symbol = symbol
            field = timeframe_field(self._stored(symbol), self._timeframe_of(symbol))
            self.form.show([field if item.key == "timeframe" else item for item in self.form.fields])
        self._plan()

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
            self.query_one("#backtest-edit", Prompt).refuse(f"{error.message}. {error.hint}")
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
        self._timer = self.set_timer(DEBOUNCE, self._ask)

    def action_run(self) -> None:
        self._ask()

    def _ask(self) -> None:
        question = question_of(self.form.fields)
        if self.desk_app.desk is None:
            return
        if question is None:
            self._say_state(_("No symbol yet: y chooses one, i imports a file."))
            return
        self._number += 1
        self._snapshot = self.desk_app.board_snapshot()
        self._work(self._number, question)

    @work(thread=True, exclusive=True, group="backtest", exit_on_error=False)
    def _work(self, number: int, question: Question) -> None:
        from engine import strategies
        from engine.backtest.run import judged, read_inputs, trade
        from engine.store.ledger import read_trials
        from tui.commands.common import day_bounds

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            start, end = day_bounds(question.start, question.end)
            inputs = read_inputs(
                desk.store,
                desk.settings,
                question.symbol,
                timeframe=question.timeframe,
                start=start,
                end=end,
                capital=question.capital,
                costs=question.costs,
            )
            strategy = strategies.get(question.strategy, dict(question.params), desk.workspace.strategies)
            result = judged(trade(inputs, strategy), read_trials(desk.store, question.symbol, question.timeframe))
            result.as_dict()
        except PregaoError as error:
            self.post_message(self.Answered(number, None, error))
            return
        self.post_message(self.Answered(number, result, None))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        if event.number != self._number:
            return
        if event.error is not None:
            self._result = None
            self._say_state(f"{event.error.message}. {event.error.hint}", bad=True)
            return
        assert event.result is not None
        self._result = event.result
        self._show(event.result)
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
            self._result = None
            self._say_state(_("This backtest failed by a defect; the log has the details."), bad=True)

    def _say_state(self, text: str, *, bad: bool = False) -> None:
        self.query_one("#backtest-verdict", Static).update(Text(text, style="bold red" if bad else "dim"))
        for name in ("#backtest-metrics", "#backtest-notes"):
            self.query_one(name, Static).update("")
        self.query_one("#backtest-equity", LineChart).show([], ())
        self.query_one("#backtest-drawdown", LineChart).show([], ())
        self._trades = []
        self.query_one("#backtest-trades", VTable).set_rows(0)

    # --- the answer ----------------------------------------------------------------------------------------------

    def _show(self, result: BacktestResult) -> None:
        from tui.backtest_panel import curves, metrics_text, notes_text, verdict_text

        wide = self.app.size.width >= 100
        self.query_one("#backtest-verdict", Static).update(verdict_text(result))
        self.query_one("#backtest-metrics", Static).update(metrics_text(result, wide=wide, tall=self.app.size.height >= 34))
        self.query_one("#backtest-notes", Static).update(notes_text(result))
        equity, drawdown, labels = curves(result)
        self.query_one("#backtest-equity", LineChart).show(equity, labels)
        self.query_one("#backtest-drawdown", LineChart).show(drawdown, labels)
        self._trades = list(result.as_dict()["trades"])
        self.query_one("#backtest-trades", VTable).set_rows(len(self._trades))

    def action_read(self) -> None:
        """All of the verdict, the figures and the notes, whatever the size of the terminal."""
        from tui.backtest_panel import metrics_text, notes_in_full, verdict_text
        from tui.screens.dialogs import Reader

        if self._result is not None:
            text = Text("\n\n").join(
                [
                    verdict_text(self._result, every=True),
                    metrics_text(self._result, wide=True, tall=True),
                    notes_in_full(self._result),
                ]
            )
            self.app.push_screen(Reader(_("Verdict in full"), text))

    @on(VTable.Opened, "#backtest-trades")
    def _open_trade(self, event: VTable.Opened) -> None:
        from tui.backtest_panel import trade_text
        from tui.screens.dialogs import Reader

        self.app.push_screen(Reader(_("Trade"), trade_text(self._trades[event.row])))

    def action_panel(self) -> None:
        """Change between the charts and the list of trades."""
        trades, charts = self.query_one("#backtest-trades"), self.query_one("#backtest-charts")
        trades.display, charts.display = not trades.display, not charts.display
        (trades if trades.display else self.form).focus()

    def action_reset(self) -> None:
        if self.form.fields:
            kept = [item for item in self.form.fields if item.key in FIXED]
            self.form.show(kept + param_fields(str(self.form.values()["strategy"]), self.desk_app.workspace.strategies))
            self._plan()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self.choose)

    def action_many(self) -> None:
        """The same strategy and period on every watched symbol, as a job."""
        question, board = question_of(self.form.fields), self.desk_app.board
        if question is None or board is None:
            return
        symbols = board.symbols(self.desk_app.session.list_name)
        params = {
            "symbols": symbols,
            "strategy": question.strategy,
            "params": dict(question.params),
            "timeframe": question.timeframe,
            "from": question.start or None,
            "to": question.end or None,
            "capital": question.capital,
            "costs": question.costs,
        }
        self.post_message(JobAsked("backtest", params, _("Backtest of {count} symbols").format(count=len(symbols))))

    @staticmethod
    def _columns() -> list[Column]:
        return [
            Column("side", _("Side"), 6),
            Column("entry_time", _("Entry"), 16),
            Column("entry_price", _("Price"), 10, right=True, priority=3),
            Column("exit_time", _("Exit"), 16, priority=5),
            Column("exit_price", _("Price"), 10, right=True, priority=4),
            Column("exit_reason", _("Why"), 11, priority=2),
            Column("quantity", _("Quantity"), 9, right=True, priority=6),
            Column("pnl", _("Result"), 16, right=True),
            Column("return", _("Return"), 9, right=True, priority=1),
        ]

    def _trade_cell(self, row: int, key: str) -> str | tuple[str, str]:
        from tui.backtest_panel import trade_cell

        daily = self._result is None or self._result.bars.timeframe in ("1d", "1w")
        return trade_cell(self._trades[row], key, daily=daily)
