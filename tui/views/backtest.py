"""View 3: a backtest under the fingers. Every change of symbol, period or parameter runs it again."""

from __future__ import annotations

from dataclasses import dataclass
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

from engine.domain import TIMEFRAMES
from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import bindings
from tui.messages import JobAsked, Said
from tui.views.base import View
from tui.widgets.form import Field, Form
from tui.widgets.line_chart import LineChart
from tui.widgets.prompt import Prompt
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult

DEBOUNCE = 0.12
FIXED = ("symbol", "timeframe", "strategy", "from", "to", "capital", "costs")
TIMEFRAME_CHOICES = tuple(TIMEFRAMES)


@dataclass(frozen=True, slots=True)
class Question:
    """What one backtest is asked."""

    symbol: str
    timeframe: str
    strategy: str
    params: tuple[tuple[str, float | int], ...]
    start: str
    end: str
    capital: float
    costs: str


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
        from engine import strategies

        desk, board = self.desk_app.desk, self.desk_app.board
        assert desk is not None
        known = board.all_symbols() if board is not None else []
        last = self.desk_app.session.symbol
        symbol = last if last in known else known[0] if known else ""
        name = desk.settings.daily.strategy
        fixed = [
            Field("symbol", _("Symbol"), symbol, help=_("Enter or y chooses another symbol.")),
            Field("timeframe", _("Timeframe"), self._timeframe_of(symbol), TIMEFRAME_CHOICES, help=_("Length of one bar.")),
            Field("strategy", _("Strategy"), name, strategies.names(), help=_("The rules that are traded.")),
            Field("from", _("From"), "", show=_or_all, help=_("First day, YYYY-MM-DD; empty: all.")),
            Field("to", _("To"), "", show=_or_all, help=_("Last day, YYYY-MM-DD; empty: all.")),
            Field(
                "capital",
                _("Capital R$"),
                desk.settings.backtest.capital,
                low=1_000.0,
                high=1e9,
                step=10_000.0,
                show=_amount,
                help=_("Cash at the start."),
            ),
            Field(
                "costs",
                _("Costs"),
                desk.settings.costs.schedule,
                ("b3", "none"),
                help=_("Fees of the exchange by date, or none."),
            ),
        ]
        self.form.show(fixed + self._param_fields(name))
        self._show_help(self.form.current)

    def _timeframe_of(self, symbol: str) -> str:
        board = self.desk_app.board
        row = board.row(symbol) if board is not None and symbol else None
        return row.timeframe if row is not None else "1d"

    @staticmethod
    def _param_fields(strategy: str) -> list[Field]:
        from engine import strategies

        fields = []
        for name, (default, low, high, text) in strategies.strategy_class(strategy).ranges().items():
            step = 1.0 if isinstance(default, int) else 0.1
            fields.append(
                Field(
                    name,
                    name,
                    default,
                    low=low,
                    high=high,
                    step=step,
                    default=default,
                    show=_figure,
                    help=_("{text} ({low:g} to {high:g})").format(text=text, low=low, high=high),
                )
            )
        return fields

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
            self.form.show(kept + self._param_fields(str(event.field.value)))
        if key == "symbol":
            self.desk_app.session.symbol = str(event.field.value)
            self.form.set_value("timeframe", self._timeframe_of(str(event.field.value)))
        self._plan()

    @on(Form.EditAsked)
    def _edit(self, event: Form.EditAsked) -> None:
        if event.field.key == "symbol":
            self.action_symbol()
            return
        self._editing = event.field.key
        prompt = self.query_one("#backtest-edit", Prompt)
        prompt.placeholder = f"{event.field.label}: {event.field.help}"
        prompt.open(
            ""
            if event.field.value is None
            else f"{event.field.value:g}"
            if isinstance(event.field.value, float)
            else str(event.field.value)
        )

    @on(Input.Submitted, "#backtest-edit")
    def _typed(self, event: Input.Submitted) -> None:
        field = next(item for item in self.form.fields if item.key == self._editing)
        try:
            value = _parse(field, event.value.strip())
        except PregaoError as error:
            self.post_message(Said(error.message, "error", error.hint))
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

    def question(self) -> Question | None:
        """What the form asks; None while there is no symbol."""
        values = self.form.values()
        if not self.form.fields or not values["symbol"]:
            return None
        params = tuple(
            (item.key, item.value) for item in self.form.fields if item.key not in FIXED and isinstance(item.value, (int, float))
        )
        return Question(
            str(values["symbol"]),
            str(values["timeframe"]),
            str(values["strategy"]),
            params,
            str(values["from"] or ""),
            str(values["to"] or ""),
            float(values["capital"] or 0),
            str(values["costs"]),
        )

    def _ask(self) -> None:
        question = self.question()
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
        from engine.backtest.run import run_backtest
        from tui.commands.common import day_bounds

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            start, end = day_bounds(question.start, question.end)
            result = run_backtest(
                desk.store,
                desk.settings,
                question.symbol,
                strategies.get(question.strategy, dict(question.params)),
                now=desk.now(),
                timeframe=question.timeframe,
                start=start,
                end=end,
                capital=question.capital,
                costs=question.costs,
            )
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

    def action_panel(self) -> None:
        """Change between the charts and the list of trades."""
        trades, charts = self.query_one("#backtest-trades"), self.query_one("#backtest-charts")
        trades.display, charts.display = not trades.display, not charts.display
        (trades if trades.display else self.form).focus()

    def action_reset(self) -> None:
        if self.form.fields:
            kept = [item for item in self.form.fields if item.key in FIXED]
            self.form.show(kept + self._param_fields(str(self.form.values()["strategy"])))
            self._plan()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self.choose)

    def action_many(self) -> None:
        """The same strategy and period on every watched symbol, as a job."""
        question, board = self.question(), self.desk_app.board
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


def _or_all(value: str | float | int | None) -> str:
    return str(value) if value else _("all")


def _amount(value: str | float | int | None) -> str:
    from tui.quick_format import number

    return number(float(value or 0), 0)


def _figure(value: str | float | int | None) -> str:
    from tui.quick_format import number

    return str(value) if isinstance(value, int) else number(float(value or 0), 2)


def _parse(field: Field, text: str) -> str | float | int | None:
    """The typed value of a field. Raises UsageError saying what is accepted."""
    from engine.errors import UsageError
    from tui.commands.common import parse_day, parse_number

    if field.key in ("from", "to"):
        return parse_day(text, field.label).isoformat() if text else ""
    if field.choices:
        if text not in field.choices:
            raise UsageError(
                _("{label}: there is no {text}").format(label=field.label, text=text),
                _("Accepted: {list}.").format(list=", ".join(field.choices)),
            )
        return text
    value = parse_number(text, field.label)
    if field.low is not None and field.high is not None and not field.low <= value <= field.high:
        raise UsageError(_("{label} must be from {low:g} to {high:g}").format(label=field.label, low=field.low, high=field.high))
    if isinstance(field.value, int):
        if value != int(value):
            raise UsageError(_("{label} must be a whole number").format(label=field.label))
        return int(value)
    return value
