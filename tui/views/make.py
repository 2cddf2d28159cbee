"""The views by name; each but the first two is imported when it is first shown."""

from __future__ import annotations

from tui.views.base import View
from tui.views.watchlist import WatchlistView
from tui.views.welcome import Welcome


def make_view(name: str) -> View:
    """A new view of that name; the watchlist for any other."""
    if name == "signals":
        from tui.views.signals import SignalsView

        return SignalsView()
    if name == "backtest":
        from tui.views.backtest import BacktestView

        return BacktestView()
    if name == "chart":
        from tui.views.chart import ChartView

        return ChartView()
    if name == "training":
        from tui.views.training import TrainingView

        return TrainingView()
    if name == "anomalies":
        from tui.views.anomalies import AnomaliesView

        return AnomaliesView()
    if name == "index":
        from tui.views.index import IndexView

        return IndexView()
    if name == "paper":
        from tui.views.paper import PaperView

        return PaperView()
    if name == "data":
        from tui.views.data import DataView

        return DataView()
    return Welcome() if name == "welcome" else WatchlistView()
