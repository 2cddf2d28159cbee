"""Every strategy on the ground of the question, ranked, with its verdict and beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker, WorkerState, get_current_worker

from engine.errors import PregaoError
from engine.i18n import _
from tui.backtest.form import Question
from tui.messages import sentences
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.backtest.compare import Comparison
    from engine.backtest.result import BacktestResult
    from engine.desk import Desk
    from tui.app import PregaoApp

    #: Name, metrics, and the result where the row is not a baseline.
    Row = tuple[str, dict[str, float], BacktestResult | None]

BAR = 20


class ComparePanel(Vertical):
    """A line of state, the ranking, and the reasons of the verdict under the cursor."""

    DEFAULT_CSS = """
    ComparePanel { height: 1fr; }
    #compare-state { height: auto; max-height: 2; }
    #compare-table { height: 1fr; min-height: 4; }
    #compare-about { height: auto; max-height: 6; color: $secondary; }
    """

    @dataclass
    class Chosen(Message):
        """A strategy and its parameters are to be put into the form."""

        strategy: str
        params: dict[str, Any]

    @dataclass
    class Advanced(Message):
        """So many strategies of all are done; the next one is named."""

        question: Question
        done: int
        total: int
        name: str

        def can_replace(self, message: Message) -> bool:
            """Of several that wait only the last counts."""
            return isinstance(message, ComparePanel.Advanced)

    @dataclass
    class Compared(Message):
        """A comparison is done, or could not be done."""

        question: Question
        found: Comparison | None
        errors: tuple[PregaoError, ...]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.found: Comparison | None = None
        self._asked: Question | None = None
        self._running = False
        self._broken: tuple[PregaoError, ...] = ()
        self._rows: list[Row] = []

    def compose(self) -> ComposeResult:
        yield Static(id="compare-state")
        yield VTable(_columns(), self._cell, id="compare-table", empty=" ", sort_value=self._value)
        yield Static(id="compare-about")

    def on_mount(self) -> None:
        self._say(self._invitation())

    @property
    def table(self) -> VTable:
        return self.query_one("#compare-table", VTable)

    @property
    def _app(self) -> PregaoApp:
        return cast("PregaoApp", self.app)

    def _invitation(self) -> str:
        key = self._app.key_of("backtest.compare")
        return _("{key} compares every strategy on these bars, costs and orders; each counts as a trial.").format(key=key)

    def _say(self, text: str, style: str = "dim") -> None:
        self.query_one("#compare-state", Static).update(Text(text, style=style))

    # --- the comparison ------------------------------------------------------------------------------------------

    def asks(self, question: Question) -> bool:
        """Whether a comparison of this question is neither shown nor on its way."""
        return self._asked is None or self._asked.ground != question.ground

    def ask(self, question: Question) -> None:
        """Compare on the ground of this question, in a thread; one that runs for another question is given up."""
        desk = self._app.desk
        if desk is None or (self._running and not self.asks(question)):
            return
        self._asked, self._running = question, True
        self._say(_("Comparing..."))
        self._compare(desk, question)

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _compare(self, desk: Desk, question: Question) -> None:
        from engine.jobs.kinds import Cancelled
        from tui.backtest.answer import compared

        worker = get_current_worker()

        def progress(done: int, total: int | None, note: str = "") -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(self.Advanced(question, done, total or 1, note))

        try:
            found, broken = compared(desk, question, progress)
        except Cancelled:
            return
        except PregaoError as error:
            self.post_message(self.Compared(question, None, (error,)))
            return
        found.as_dict()
        self.post_message(self.Compared(question, found, broken))

    @on(Advanced)
    def _advanced(self, event: Advanced) -> None:
        if self._running and event.question is self._asked:
            done = round(BAR * event.done / event.total)
            bar = "▓" * done + "░" * (BAR - done)
            text = _("Comparing {name}, {done} of {total}").format(name=event.name, done=event.done + 1, total=event.total)
            self._say(f"{bar} {text}", "bold")

    @on(Compared)
    def _compared(self, event: Compared) -> None:
        if event.question is not self._asked:
            return
        self._running = False
        if event.found is None:
            self._asked = None
            error = event.errors[0]
            self._clear(f"✖ {sentences(error.message, error.hint)}")
            return
        self.found, self._broken, self._rows = event.found, event.errors, rows_of(event.found)
        self.table.set_rows(len(self._rows), keep=0)
        self._about(self.table.cursor or 0)
        self.question_changed(event.question)

    def _clear(self, text: str) -> None:
        self.found, self._rows = None, []
        self.table.set_rows(0)
        self.query_one("#compare-about", Static).update("")
        self._say(text, "bold red")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect in a comparison is said, and it can be asked for again."""
        if event.state is WorkerState.ERROR:
            self._app.on_worker_state_changed(event)
            self._running, self._asked = False, None
            self._clear(_("This comparison failed by a defect; the log has the details."))

    def question_changed(self, question: Question | None) -> None:
        """Say of what the ranking is, and whether the form has asked something else since."""
        if self._running or self.found is None or self._asked is None:
            return
        first = self.found.ranking[0]
        same = question is not None and question.ground == self._asked.ground
        title = _("{symbol} {timeframe}: Enter puts a strategy into the form.").format(
            symbol=first.bars.symbol, timeframe=first.bars.timeframe
        )
        self._say(title if same else _("Of another question. {how}").format(how=self._invitation()), "" if same else "bold")

    # --- the table -----------------------------------------------------------------------------------------------

    def _cell(self, row: int, key: str) -> str | tuple[str, str]:
        from tui.quick_format import DASH, number, percent

        name, metrics, result = self._rows[row]
        if key == "place":
            return str(row + 1) if result is not None else ""
        if key == "name":
            return name if result is not None else (name, "dim")
        if key == "verdict":
            if result is None:
                return (_("baseline"), "dim")
            return verdict_word(result)
        value = metrics.get(key)
        if value is None:
            return DASH
        if key in ("sharpe_ratio", "profit_factor"):
            return number(value)
        if key in ("trades", "costs"):
            return number(value, 0)
        if key in ("total_return", "cagr"):
            style = "up" if value > 0 else "down" if value < 0 else "flat"
            return (percent(value), style)
        return percent(value)

    def _value(self, row: int, key: str) -> Any:
        name, metrics, result = self._rows[row]
        if key == "name":
            return name
        if key == "verdict":
            return "" if result is None else result.verdict.label
        return row if key == "place" else metrics.get(key)

    @on(VTable.Highlighted, "#compare-table")
    def _moved(self, event: VTable.Highlighted) -> None:
        self._about(event.row)

    def _about(self, row: int) -> None:
        """The reasons of the verdict under the cursor; of a baseline, how it was ranked."""
        if self.found is None:
            return
        result = self._rows[row][2]
        broken = [f"{error.message}" for error in self._broken]
        if result is None:
            text = Text("\n".join([*broken, *self.found.notices]))
        else:
            text = Text(_(result.verdict.label), style="bold").append(
                "".join(f"\n{line}" for line in result.verdict.reasons), "not bold"
            )
        self.query_one("#compare-about", Static).update(text)

    @on(VTable.Opened, "#compare-table")
    def _opened(self, event: VTable.Opened) -> None:
        event.stop()
        result = self._rows[event.row][2]
        if result is not None:
            self.post_message(self.Chosen(result.strategy.name, dict(result.strategy.params)))


def verdict_word(result: BacktestResult) -> tuple[str, str]:
    """The verdict in a word or two, and its style."""
    from engine.backtest.evidence import LUCK, SKILL

    label = result.verdict.label
    if label == SKILL:
        return "✔ " + _("not luck"), "up"
    return "✖ " + (_("luck") if label == LUCK else _("too few trades")), "down"


def rows_of(found: Comparison) -> list[Row]:
    """The strategies best first, then the baselines."""
    rows: list[Row] = [(result.strategy.name, result.metrics, result) for result in found.ranking]
    names = {"buy_and_hold": _("buy and hold"), "cdi": _("CDI"), "ibov": _("IBOV")}
    return rows + [(names[key], metrics, None) for key, metrics in found.ranking[0].baselines.items()]


def _columns() -> list[Column]:
    return [
        Column("place", "#", 2, right=True, priority=9),
        Column("name", _("Strategy"), 20),
        Column("sharpe_ratio", _("Sharpe"), 7, right=True),
        Column("total_return", _("Return"), 9, right=True, priority=1),
        Column("cagr", _("A year"), 9, right=True, priority=5),
        Column("max_drawdown", _("Drawdown"), 9, right=True, priority=2),
        Column("trades", _("Trades"), 9, right=True, priority=3),
        Column("profit_factor", _("Factor"), 7, right=True, priority=6),
        Column("exposure", _("Invested"), 9, right=True, priority=7),
        Column("costs", _("Costs R$"), 9, right=True, priority=8),
        Column("verdict", _("Verdict"), 18, priority=4, grow=True),
    ]
