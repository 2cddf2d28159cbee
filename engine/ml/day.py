"""The models in the daily run: what each says of the day's bars, how far it has drifted, and what that does to the signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import jsonable
from engine.errors import PregaoError
from engine.ml.drift import DEGRADED, WATCH
from engine.ml.filtering import CLASSES, filtered, unfiltered
from engine.ml.live import LivePredictor, drift_of, fallback
from engine.store.predictions import Prediction, StoredDrift, record_drift, record_predictions

if TYPE_CHECKING:
    from engine.domain import Bars, Predictor, Signal
    from engine.store.database import Store


def prepare(predictors: Sequence[Predictor], series: Iterable[Bars]) -> dict[str, Any]:
    """Compute the features that the saved models look at, which predictions and drift then both use: how many, by model.

    {model: {"features", "symbols"}}, or {model: {"error"}} for one that is refused.
    """
    listed, made = list(series), dict[str, Any]()
    for predictor in predictors:
        if not isinstance(predictor, LivePredictor):
            continue
        mine = [bars for bars in listed if predictor.knows(bars)]
        try:
            for bars in mine:
                predictor.inputs(bars)
            made[predictor.name] = {"features": len(predictor.live.selected), "symbols": len(mine)}
        except PregaoError as error:
            made[predictor.name] = {"error": error.as_dict()}
    return made


def identities(predictors: Sequence[Predictor]) -> list[list[str]]:
    """Which models are asked, and for saved ones what their files are: what decides the predictions besides the bars."""
    return [[each.name, each.fingerprint() if isinstance(each, LivePredictor) else ""] for each in predictors]


def ask(predictors: Sequence[Predictor], bars_by_symbol: Mapping[str, Bars]) -> dict[str, dict[str, Any]]:
    """What each model says of each symbol: {model: {symbol: prediction}}; {model: {"error": ...}} for one that is refused."""
    said: dict[str, dict[str, Any]] = {}
    for predictor in predictors:
        try:
            asked = predictor.predict(bars_by_symbol)
        except PregaoError as error:
            said[predictor.name] = {"error": error.as_dict()}
            continue
        said[predictor.name] = {symbol: dict(found) for symbol, found in asked.items()}
    return said


def keep(store: Store, said: Mapping[str, Mapping[str, Any]], bars_by_symbol: Mapping[str, Bars], now: int) -> None:
    """Record the predictions of a live run, so that they can be judged when their outcome is known. now: UTC seconds."""
    made = [
        Prediction(
            name,
            symbol,
            bars_by_symbol[symbol].timeframe,
            int(bars_by_symbol[symbol].time[-1]),
            *(found["probabilities"][str(action)] for action in CLASSES),
        )
        for name, of_symbol in said.items()
        for symbol, found in of_symbol.items()
        if "probabilities" in found
    ]
    record_predictions(store, made, now)


def watch(
    predictors: Sequence[Predictor],
    said: Mapping[str, Mapping[str, Any]],
    store: Store,
    bars_by_symbol: Mapping[str, Bars],
    session: int,
    recorded_at: int | None,
) -> dict[str, dict[str, Any]]:
    """The state of each live model that was not refused: {model: {"state", "reasons"}}, with all figures in the store.

    recorded_at: UTC seconds; None (of a replay) records nothing.
    """
    found = {}
    for predictor in predictors:
        if not isinstance(predictor, LivePredictor) or "error" in said.get(predictor.name, {}):
            continue
        try:
            state = jsonable(drift_of(predictor.live, store, bars_by_symbol, predictor.inputs).as_dict())
        except PregaoError as error:
            found[predictor.name] = {"state": WATCH, "reasons": [error.message]}
            continue
        if recorded_at is not None:
            record_drift(store, StoredDrift(predictor.name, session, state["state"], state), recorded_at)
        found[predictor.name] = {key: state[key] for key in ("state", "reasons")}
    return found


def second_opinion(signal: Signal, said: Mapping[str, Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]]) -> Signal:
    """The signal as the first model that judged its symbol leaves it; that of the base strategy when none did or it is degraded."""
    for name, of_symbol in said.items():
        found = of_symbol.get(signal.symbol)
        if found is None or "probabilities" not in found:
            continue
        if states.get(name, {}).get("state") == DEGRADED:
            return unfiltered(signal, name, fallback(name, states[name]))
        probabilities = np.array([found["probabilities"][str(action)] for action in CLASSES])
        return filtered(signal, probabilities, found["threshold"], name)
    return signal
