"""Training on stored bars, for a command in its own process and for a job in another one: read, train, judge, save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Progress, silent

if TYPE_CHECKING:
    from engine.backtest.run import Inputs
    from engine.desk import Desk
    from engine.ml.training import Emit, OutOfFold, TrainingPlan
    from engine.strategies import Strategy

#: A threshold that the highest of three probabilities always reaches: the folds' own ones were applied before.
ANY = 0.3


def base_strategy(desk: Desk, name: str) -> Strategy | None:
    """The strategy that a model is to filter: the one named, else that of the settings; None where these say "auto".

    Raises UsageError for a strategy that does not exist, also for "auto" by name, as it is no single one.
    """
    from engine import strategies

    if name:
        return strategies.get(name, folder=desk.workspace.strategies)
    return strategies.chosen(desk.settings.daily.strategy, folder=desk.workspace.strategies)


def train_signals(
    desk: Desk,
    plan: TrainingPlan,
    *,
    strategy: Strategy | None = None,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    name: str = "",
    progress: Progress = silent,
    emit: Emit | None = None,
) -> dict[str, Any]:
    """Train one model on the stored bars of the plan's symbols, save it, and return its report, with "model_id".

    start, end: UTC seconds, both included: rows begin at `start` or later, features warm up on bars before it, and nothing after
    `end` is looked at. strategy: what the model is to filter, tested with the costs of the settings; None leaves that out.
    name: a note on the model. Cancelled, no model is saved, and the same training
    asked again goes on behind the searches that were finished. Raises NoDataError, UsageError and GateError as `train` does.
    """
    from engine.backtest.run import read_inputs
    from engine.ml.checkpoints import Checkpoints
    from engine.ml.registry import save
    from engine.ml.training import train, unheard

    snapshot = desk.store.snapshot()
    inputs: dict[str, Inputs] = {}
    for symbol in plan.symbols:
        progress(0, None, symbol)
        read = read_inputs(desk.store, desk.settings, symbol, timeframe=timeframe, start=start, end=end, capital=None, costs=None)
        inputs[symbol] = read
    bars = {symbol: item.bars.take(slice(0, _stop(item, end))) for symbol, item in inputs.items()}

    effect = None if strategy is None else partial(effect_of, strategy, inputs=inputs)
    kept = Checkpoints(desk.workspace.cache / "searches")
    training = train(bars, replace(plan, start=start), progress=progress, emit=emit or unheard, effect=effect, checkpoints=kept)
    model_id = save(desk.workspace.models, desk.store, training, now=desk.now(), name=name, snapshot=snapshot)
    notes = [note for item in inputs.values() for note in item.notes]
    return {**training.report, "model_id": model_id, "notes": notes}


def _stop(inputs: Inputs, end: int | None) -> int | None:
    return None if end is None else int(np.searchsorted(inputs.bars.time, end, side="right"))


def effect_of(strategy: Strategy, oof: OutOfFold, inputs: Mapping[str, Inputs]) -> dict[str, Any]:
    """What the folds' answers would have done to a strategy, net of costs, from their first test row to the last.

    inputs: by symbol, in the order of the plan; symbols count alike. The name of the strategy and what `pooled_effect` returns.
    Raises NoDataError when the test rows are too few for a backtest.
    """
    from engine.ml.effect import Judged, pooled_effect

    parts = [Judged(item.bars, oof.sure(code, len(item.bars)), item) for code, item in enumerate(inputs.values())]
    return {"strategy": strategy.name, **pooled_effect(parts, strategy, ANY)}
