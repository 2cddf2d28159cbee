"""The ordered list of the steps of a daily run."""

from __future__ import annotations

from engine.daily.closing_steps import notify, trade_paper
from engine.daily.data_steps import check_freshness, collect
from engine.daily.signal_steps import find_anomalies, find_signals, predict, say_directions, watch_models
from engine.daily.step import Step

STEPS: tuple[Step, ...] = (
    Step("import", collect, always=True, later=True),
    Step("freshness", check_freshness, always=True),
    Step("predictions", predict),
    Step("drift", watch_models),
    Step("signals", find_signals),
    Step("anomalies", find_anomalies),
    Step("directions", say_directions, later=True),
    Step("paper", trade_paper),
    Step("notifications", notify, always=True, later=True),
)
