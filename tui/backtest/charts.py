"""The equity curve beside buying and holding, and the drawdown below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.widgets.line_chart import LineChart

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult


class ChartsPanel(Vertical):
    """Two charts over one axis of time."""

    DEFAULT_CSS = """
    ChartsPanel { height: 1fr; min-height: 4; }
    #backtest-equity { height: 2fr; min-height: 4; }
    #backtest-drawdown { height: 1fr; min-height: 3; }
    """

    def compose(self) -> ComposeResult:
        yield LineChart(id="backtest-equity")
        yield LineChart(id="backtest-drawdown", fill=True)

    def show_result(self, result: BacktestResult | None) -> None:
        """Draw this result, or nothing."""
        from tui.backtest.panel import curves

        equity, drawdown, labels = curves(result) if result is not None else ([], [], ())
        self.query_one("#backtest-equity", LineChart).show(equity, labels)
        self.query_one("#backtest-drawdown", LineChart).show(drawdown, labels)
