"""The trades of a backtest as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.i18n import _
from tui.widgets.table import Cell, Column, VTable

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult


class TradesTable(VTable):
    """One line a trade, in the order of their entries."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(_columns(), self._trade_cell, id=id, empty=_("No trades."), sort_value=self._trade_value)
        self.trades: list[dict[str, Any]] = []
        self._daily = True

    def show_result(self, result: BacktestResult | None) -> None:
        """Show the trades of this result, or none."""
        self.trades = [] if result is None else list(result.as_dict()["trades"])
        self._daily = result is None or result.bars.timeframe in ("1d", "1w")
        self.set_rows(len(self.trades))

    def _trade_cell(self, row: int, key: str) -> Cell:
        from tui.backtest.panel import trade_cell

        return trade_cell(self.trades[row], key, daily=self._daily)

    def _trade_value(self, row: int, key: str) -> Any:
        return self.trades[row][key]


def _columns() -> list[Column]:
    return [
        Column("side", _("Side"), 6),
        Column("entry_time", _("Entry"), 16),
        Column("entry_price", _("Price"), 10, right=True, priority=3),
        Column("exit_time", _("Exit"), 16, priority=5),
        Column("exit_price", _("Price"), 10, right=True, priority=4),
        Column("exit_reason", _("Why"), 15, priority=2),
        Column("quantity", _("Quantity"), 9, right=True, priority=6),
        Column("pnl", _("Result"), 16, right=True),
        Column("return", _("Return"), 9, right=True, priority=1),
    ]
