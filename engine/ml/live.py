"""A saved model at work: what it says about bars that it did not learn from, to the daily run, a signal or a backtest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import iso
from engine.errors import ModelError
from engine.features import catalogue
from engine.i18n import _
from engine.ml import labels, registry
from engine.ml.drift import DEGRADED, Drift, Outcomes, assess
from engine.ml.filtering import CLASSES, filtered, unfiltered
from engine.signals import current_signal
from engine.store.bars import read_bars
from engine.store.events import adjusted
from engine.store.models import read_models
from engine.store.predictions import read_drift, read_predictions
from engine.strategies.signals import finished

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, Signal
    from engine.market.calendar import Calendar
    from engine.ml.model import SignalModel
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.store.models import StoredModel
    from engine.strategies.base import Strategy

#: Bars of each symbol whose features are compared with the training.
RECENT = 120


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A saved model with what its report says of it. label: kind and parameters; reference: of `engine.ml.drift.reference`.

    trained_until: opening (UTC seconds) of the bar at whose close the last label of its training was known. It may speak at
    that close and later, never before: to what it learnt from it would give back the answers.
    """

    name: str
    model: SignalModel
    symbols: tuple[str, ...]
    timeframe: str
    label: Mapping[str, Any]
    threshold: float
    trained_until: int
    reference: Mapping[str, Any] | None

    @property
    def selected(self) -> tuple[str, ...]:
        """The names of the features that it looks at."""
        return tuple(self.model.features[column] for column in self.model.selected)

    def inputs(self, bars: Bars) -> FloatArray:
        """Its features, float64 (n, k); those it does not look at are left NaN."""
        values = np.full((len(bars), len(self.model.features)), np.nan)
        values[:, self.model.selected] = catalogue.compute(bars, catalogue.select(names=self.selected))
        return values

    def probabilities(self, bars: Bars) -> FloatArray:
        """float64 (n, 3), columns SELL, HOLD, BUY, NaN before the end of its training. Raises ModelError as `check`."""
        self.check(bars.symbol, bars.timeframe)
        found = np.full((len(bars), 3), np.nan)
        later = bars.time >= self.trained_until
        if later.any():
            found[later] = self.model.probabilities(self.inputs(bars)[later])
        return found

    def check(self, symbol: str, timeframe: str) -> None:
        """Raises ModelError for a symbol or timeframe that it did not learn from."""
        if symbol not in self.symbols or timeframe != self.timeframe:
            raise ModelError(
                _("The model {id} learnt from {symbols} {timeframe}, not from {symbol} {other}").format(
                    id=self.name, symbols=", ".join(self.symbols), timeframe=self.timeframe, symbol=symbol, other=timeframe
                ),
                _("`pregao models list` lists the models, `pregao train signals SYMBOL` makes one."),
            )


class LivePredictor:
    """A live model as the daily run asks it; its files are read when it is asked first. Raises ModelError then."""

    def __init__(self, folder: Path, store: Store, row: StoredModel) -> None:
        self.name = row.id
        self._folder, self._store, self._row = folder, store, row
        self._prepared: dict[str, tuple[Bars, FloatArray]] = {}

    @cached_property
    def live(self) -> LiveModel:
        return _loaded(self._folder, self._store, self._row)

    def fingerprint(self) -> str:
        """A digest of its files as they lie there now, so that a run which asked it before sees that they have changed."""
        digest = hashlib.sha256()
        with suppress(OSError):
            for path in sorted((self._folder / self._row.id).iterdir()):
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    def knows(self, bars: Bars) -> bool:
        """Whether it learnt from this symbol and timeframe and there is a bar to judge."""
        return bars.symbol in self._row.symbols and bars.timeframe == self._row.timeframe and bool(len(bars))

    def inputs(self, bars: Bars) -> FloatArray:
        """The features of the newest RECENT bars, float64 (n, k), computed once for each series."""
        kept = self._prepared.get(bars.symbol)
        if kept is None or kept[0] is not bars:
            kept = self._prepared[bars.symbol] = bars, self.live.inputs(bars)[-RECENT:].copy()
        return kept[1]

    def predict(self, series: Mapping[str, Bars]) -> dict[str, dict[str, Any]]:
        """{"time", "says", "probabilities", "threshold"} of the last bar of each; without symbols that it did not learn from, bars of
        its training and bars without a feature. All rows are asked at once: a forest takes as long for one as for hundreds.
        """
        mine = {symbol: bars for symbol, bars in series.items() if self.knows(bars)}
        if not mine:
            return {}
        found = self.live.model.probabilities(np.vstack([self.inputs(bars)[-1] for bars in mine.values()]))
        late = [int(bars.time[-1]) >= self.live.trained_until for bars in mine.values()]
        return {
            symbol: {
                "time": iso(int(bars.time[-1])),
                "says": str(CLASSES[int(row.argmax())]),
                "probabilities": {str(name): float(p) for name, p in zip(CLASSES, row)},
                "threshold": self.live.threshold,
            }
            for (symbol, bars), row, judged in zip(mine.items(), found, late)
            if judged and not np.isnan(row).any()
        }


def load_live(folder: Path, store: Store, model_id: str, symbol: str, timeframe: str) -> LiveModel:
    """The model of this id for a symbol and timeframe; "latest" is the live one that learnt from them, else the newest.

    folder: models/ of the workspace. Raises UsageError for an id that does not exist, ModelError for a model that is refused, did
    not learn from the symbol or was written by an older version.
    """
    latest = model_id == registry.LATEST
    wanted = {"symbol": symbol, "timeframe": timeframe} if latest else {}
    found = _loaded(folder, store, registry.find(store, model_id, **wanted))
    found.check(symbol, timeframe)
    return found


def load_model(folder: Path, store: Store, model_id: str) -> LiveModel:
    """The model of this id, or "latest", whatever it learnt from. Raises as `load_live`."""
    return _loaded(folder, store, registry.find(store, model_id))


def predictors(folder: Path, store: Store, known_at: int, timeframe: str = "1d") -> tuple[LivePredictor, ...]:
    """The live models of a timeframe that existed at `known_at` (UTC seconds); those of the fewest symbols first, then the newest."""
    rows = [
        row
        for row in read_models(store)
        if row.live and row.kind == registry.SIGNALS and row.timeframe == timeframe and row.created_at <= known_at
    ]
    return tuple(LivePredictor(folder, store, row) for row in sorted(rows, key=lambda row: (len(row.symbols), -row.created_at)))


def filtered_signal(
    store: Store,
    calendar: Calendar,
    settings: Settings,
    symbol: str,
    strategy: Strategy | None,
    live: LiveModel,
    *,
    timeframe: str,
    now: int,
    threshold: float | None = None,
) -> Signal:
    """`current_signal` with the model's opinion on it. threshold: None takes the model's own.

    A model that the newest daily run found degraded is not asked: the signal is that of the base strategy, and says so.
    Raises as `current_signal`, and ModelError as `LiveModel.check`.
    """
    signal = current_signal(store, calendar, settings, symbol, strategy, timeframe=timeframe, now=now)
    state = read_drift(store, live.name)
    if state and state[0].state == DEGRADED:
        return unfiltered(signal, live.name, fallback(live.name, state[0].report))
    probabilities = live.probabilities(_newest(store, symbol, timeframe))[-1]
    return filtered(signal, probabilities, live.threshold if threshold is None else threshold, live.name)


def newest_inputs(live: LiveModel, store: Store, symbol: str, timeframe: str) -> FloatArray:
    """The features of the model, float64 (k,), at the newest finished bar of a stored symbol; NaN where it does not look at them."""
    newest: FloatArray = live.inputs(_newest(store, symbol, timeframe))[-1]
    return newest


def _newest(store: Store, symbol: str, timeframe: str) -> Bars:
    """The finished bars of `symbol` as `current_signal` takes them."""
    return finished(adjusted(store, read_bars(store, symbol, timeframe))[0])


def fallback(name: str, drift: Mapping[str, Any]) -> str:
    """Why a degraded model is not asked, in a sentence."""
    return _("The model {id} is degraded and was not asked: {reason}").format(id=name, reason=" ".join(drift["reasons"]))


def drift_of(
    live: LiveModel, store: Store, bars_by_symbol: Mapping[str, Bars], inputs: Callable[[Bars], FloatArray] | None = None
) -> Drift:
    """How far the model has drifted, by the newest bars of its symbols after its training and the predictions that were recorded
    for bars before these. bars_by_symbol: of its timeframe; symbols that it did not learn from are left out.
    inputs: the features of at least the newest RECENT bars of a series, where they are known already.
    """
    inputs = inputs or live.inputs
    mine = {symbol: finished(bars) for symbol, bars in bars_by_symbol.items() if symbol in live.symbols}
    parts, times = [], []
    for bars in mine.values():
        rows = np.flatnonzero(bars.time > live.trained_until)[-RECENT:]
        known = inputs(bars) if rows.size else np.empty((0, len(live.model.features)))
        parts.append(known[rows - (len(bars) - len(known))][:, live.model.selected])
        times.append(bars.time[rows])
    values = np.concatenate(parts) if parts else np.empty((0, live.model.selected.size))
    instants = int(np.unique(np.concatenate(times)).size) if times else 0
    return assess(live.reference, values, live.selected, instants, _outcomes(live, store, mine.values()))


def _outcomes(live: LiveModel, store: Store, bars_of: Iterable[Bars]) -> Outcomes | None:
    """The recorded predictions whose label is known by now; None without any."""
    params = {name: value for name, value in live.label.items() if name != "kind"}
    y, p, time = [], [], []
    said = read_predictions(store, live.name)
    for bars in bars_of:
        own = {item.time: (item.sell, item.hold, item.buy) for item in said if item.symbol == bars.symbol}
        if not own:
            continue
        found = labels.make(live.label["kind"], bars, **params)
        for row in np.flatnonzero(found.defined & np.isin(bars.time, list(own))):
            y.append(int(found.value[row]))
            p.append(own[int(bars.time[row])])
            time.append(int(bars.time[row]))
    if not y:
        return None
    return Outcomes(np.array(y, dtype=np.int8), np.array(p), np.array(time, dtype=np.int64), int(params["horizon"]))


def _loaded(folder: Path, store: Store, row: StoredModel) -> LiveModel:
    model = registry.load(folder, store, row.id)
    report = registry.read_manifest(folder, store, row.id).get("report", {})
    try:
        return LiveModel(
            name=row.id,
            model=model,
            symbols=row.symbols,
            timeframe=row.timeframe,
            label=dict(report["label"]),
            threshold=float(report["threshold"]),
            trained_until=int(datetime.fromisoformat(report["period"]["end"]).timestamp()),
            reference=report.get("reference"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            _("The report of {id} does not say on what it was trained").format(id=row.id), _("Train it again.")
        ) from error
