"""What trading, holding and the income tax cost and what cash brought in, beside buying and holding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.message import Message
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from tui.messages import sentences
from tui.widgets.panels import ReadingPanel

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from engine.backtest.taxed import Taxed
    from engine.desk import Desk


class CostsPanel(ReadingPanel):
    """Costs, interest and dividends of one result at once; its taxes when they are worked out."""

    @dataclass
    class Assessed(Message):
        """The taxes of a result are there, or could not be worked out."""

        result: BacktestResult
        taxed: Taxed | None
        text: RenderableType

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.taxed: Taxed | None = None
        self._taxes: RenderableType = ""

    def new_result(self) -> None:
        self.taxed, self._taxes = None, Text(_("Working out the taxes..."), style="dim")
        desk = self.desk_app.desk
        if self.result is not None and desk is not None:
            self._assess(desk, self.result)

    @work(thread=True, exclusive=True, group="taxes", exit_on_error=False)
    def _assess(self, desk: Desk, result: BacktestResult) -> None:
        from engine.backtest.taxed import carried_from, tax_report
        from tui.reports.tax import tax_table

        try:
            taxed = tax_report(result, carried_from(desk.settings.taxes), desk.calendar)
        except PregaoError as error:
            self.post_message(self.Assessed(result, None, _refused(sentences(error.message, error.hint))))
            return
        self.post_message(self.Assessed(result, taxed, tax_table(taxed)))

    @on(Assessed)
    def _assessed(self, event: Assessed) -> None:
        if event.result is self.result:
            self.taxed, self._taxes = event.taxed, event.text
            self.renew()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect is said here too, so that nobody waits for the taxes."""
        super().on_worker_state_changed(event)
        if event.state is WorkerState.ERROR:
            self._taxes = _refused(_("The taxes failed by a defect; the log has the details."))
            self.renew()

    def content(self, result: BacktestResult) -> RenderableType:
        return Group(cost_report(result), "", self._taxes)


def _refused(text: str) -> Text:
    return Text(text, style="bold red")


def cost_report(result: BacktestResult) -> RenderableType:
    """Where the money went: costs by kind, income by kind, what is left; each beside buying and holding, and a trade."""
    from tui.format import number, percent

    own, hold = result.metrics, result.baselines["buy_and_hold"]
    count = own["trades"] + own["open_trades"]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for at, column in enumerate((_("R$"), _("strategy"), _("a trade"), _("buy & hold"))):
        table.add_column(column, justify="right" if at else "left")
    for label, value, other in (
        (_("Fees and brokerage"), own["costs"], hold["costs"]),
        (_("Slippage and rounding to the tick"), own["slippage"], hold["slippage"]),
        (_("Borrowing of shares"), own["borrow"], hold["borrow"]),
        (_("All costs"), _all(own), _all(hold)),
        (_("Dividends and fractions of shares"), own["income"], hold["income"]),
        (_("Interest on idle cash"), own["interest"], hold["interest"]),
        (_("Result, closed and open"), own["net_profit"] + own["open_pnl"], hold["net_profit"] + hold["open_pnl"]),
    ):
        table.add_row(label, number(value), number(value / count) if count else "", number(other))
    lines = [
        _("Fees and slippage took {share} of what the winners won before costs.").format(share=percent(own["costs_share"])),
        _("All costs were {share} of the capital; the capital was turned over {turnover} times a year.").format(
            share=percent(_all(own) / own["initial_capital"]), turnover=number(own["turnover"], 1)
        ),
        _("The result of the trades holds costs, borrowing and dividends; interest comes on top of it."),
    ]
    return Group(Text(_("Costs"), style="bold underline"), table, "", *(Text(line) for line in lines))


def _all(metrics: dict[str, float]) -> float:
    return metrics["costs"] + metrics["slippage"] + metrics["borrow"]
