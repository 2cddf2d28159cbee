"""What is asked of a saved model in a process of its own, where the libraries of its estimator are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.domain import iso
from engine.errors import NoDataError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.desk import Desk


def promote(desk: Desk, model_id: str) -> dict[str, Any]:
    """Make a model the live one of its scope, after its files were checked: {"model_id", "promoted": whether it was not live yet,
    "before": the id of the one that was, None where none}. Raises UsageError and ModelError as the registry.
    """
    from engine.ml import registry

    before = registry.live(desk.store, registry.find(desk.store, model_id))
    promoted = registry.promote(desk.workspace.models, desk.store, model_id, now=desk.now())
    return {"model_id": model_id, "promoted": promoted, "before": None if before is None else before.id}


def explain_newest(desk: Desk, model_id: str, symbol: str) -> dict[str, Any]:
    """What a model says about the newest finished bar of a symbol, and why.

    {"model_id", "symbol", "timeframe", "time" (ISO 8601 with offset), "probabilities" {class: p}, "threshold", "explanation" (as
    `engine.ml.explain.Explanation.as_dict`), "words"}. Raises UsageError and ModelError as the registry, NoDataError without bars.
    """
    from engine.ml import registry
    from engine.ml.explain import ACTIONS, explain, words
    from engine.ml.live import load_live
    from engine.store.bars import read_bars
    from engine.store.events import adjusted
    from engine.strategies.signals import finished

    timeframe = registry.find(desk.store, model_id).timeframe
    live = load_live(desk.workspace.models, desk.store, model_id, symbol, timeframe)
    bars = finished(adjusted(desk.store, read_bars(desk.store, symbol, timeframe))[0])
    if not len(bars):
        raise NoDataError(_("There are no bars of {symbol}").format(symbol=symbol))
    newest = live.inputs(bars)[-1]
    found = explain(live.model, newest)
    probabilities = live.model.probabilities(newest[None])[0]
    return {
        "model_id": live.name,
        "symbol": symbol,
        "timeframe": timeframe,
        "time": iso(int(bars.time[-1])),
        "probabilities": {str(action): float(p) for action, p in zip(ACTIONS, probabilities)},
        "threshold": live.threshold,
        "explanation": found.as_dict(),
        "words": list(words(found)),
    }
