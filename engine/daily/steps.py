"""The ordered list of the steps of a daily run."""

from __future__ import annotations

from engine.daily.closing_steps import feed, notify, recall_paper, summarise, trade_paper, which_account
from engine.daily.data_steps import adjust, check, collect, fetch
from engine.daily.signal_steps import (
    find_anomalies,
    find_signals,
    judge_regimes,
    predict,
    prepare_features,
    recall_anomalies,
    recall_directions,
    recall_drift,
    recall_predictions,
    recall_signals,
    say_directions,
    watch_models,
)
from engine.daily.step import Step

STEPS: tuple[Step, ...] = (
    Step("fetch", fetch, always=True, later=True),
    Step("import", collect, always=True, later=True),
    Step("check", check, always=True),
    Step("adjust", adjust, always=True),
    Step("features", prepare_features),
    Step("regime", judge_regimes),
    Step("predictions", predict, recall=recall_predictions),
    Step("drift", watch_models, recall=recall_drift),
    Step("signals", find_signals, recall=recall_signals),
    Step("directions", say_directions, later=True, recall=recall_directions),
    Step("anomalies", find_anomalies, recall=recall_anomalies),
    Step("paper", trade_paper, recall=recall_paper, reads=which_account),
    Step("feed", feed, always=True),
    Step("summary", summarise, always=True, later=True),
    Step("notifications", notify, always=True, later=True),
)
