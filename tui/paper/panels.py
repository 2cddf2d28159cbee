"""What stands below the tables of the paper account: its equity curve and its risk."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.i18n import _
from tui.paper.account import Shown
from tui.paper.text import risk_text
from tui.quick_format import day, number
from tui.widgets.line_chart import LineChart
from tui.widgets.panels import ReadingPanel


class RiskPanel(ReadingPanel):
    """Each limit with what is used and left."""

    def content(self, result: tuple[Shown, Mapping[str, str]]) -> RenderableType:
        return risk_text(*result)


class AccountPanels(Horizontal):
    """The equity curve beside the risk."""

    DEFAULT_CSS = """
    AccountPanels { border-top: solid $panel; }
    #paper-curve { width: 1fr; }
    #paper-risk { width: 51; height: 1fr; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        yield LineChart(id="paper-curve", empty=_("No session was replayed yet."))
        yield RiskPanel(id="paper-risk")

    def show_account(self, shown: Shown, colours: Mapping[str, str]) -> None:
        """Show this account."""
        self.query_one(RiskPanel).show_result((shown, colours))
        curve, sessions = shown.equity, shown.sessions
        labels = (day(sessions[0]), day(sessions[-1])) if sessions else ()
        series = [(curve, _("Equity R$"), "accent")] if sessions else []
        self.query_one(LineChart).show(series, labels, lambda value: number(value, 0), base=shown.status["initial_capital"])
