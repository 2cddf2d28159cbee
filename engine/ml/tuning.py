"""The search for the parameters of a model, inside the training rows of one fold: the test rows are never looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from engine.ml import model as models
from engine.ml.importance import log_loss
from engine.ml.splits import hold_out
from engine.ml.weights import sample_weights

if TYPE_CHECKING:
    from engine.domain import IntArray
    from engine.ml.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Range:
    """The values of a parameter that are tried, both ends included; log: evenly on a logarithmic scale; whole: whole numbers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


SPACES: Mapping[str, Mapping[str, Range]] = {
    models.FOREST: {
        "n_estimators": Range(100, 400, whole=True),
        "max_depth": Range(3, 14, whole=True),
        "min_samples_split": Range(20, 200, log=True, whole=True),
        "min_samples_leaf": Range(10, 100, log=True, whole=True),
    },
    models.BOOSTED: {
        "n_estimators": Range(50, 400, log=True, whole=True),
        "max_depth": Range(2, 8, whole=True),
        "learning_rate": Range(0.01, 0.3, log=True),
        "subsample": Range(0.5, 1.0),
        "colsample_bytree": Range(0.4, 1.0),
    },
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of parameters and its log-loss on the held-out rows. number: from 1; best: the lowest log-loss up to it."""

    number: int
    value: float
    params: Mapping[str, Any]
    best: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The parameters with the lowest log-loss, and every trial that led to them."""

    params: Mapping[str, Any]
    trials: tuple[Trial, ...]


def tune(
    dataset: Dataset,
    rows: IntArray,
    kind: str,
    trials: int,
    *,
    select_k: int = models.SELECTED,
    balance: bool = False,
    seed: int = models.SEED,
    params: Mapping[str, Any] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Try `trials` parameter sets of `SPACES[kind]` and keep the one that judges held-out training rows best.

    Each set learns from the earlier rows and is judged by its log-loss (rows counted by uniqueness, and with `balance` every
    class the same, as they are learnt from) on the last fifth, the rows
    whose labels reach into it being in neither. The first trial is `params` over the defaults, so that the search never ends
    below them on these rows; the others are chosen by Optuna's TPE with this seed, in memory. `params` outside its range is not
    taken as a trial's. on_trial may raise, which ends the search. Raises UsageError for fewer than 1 trial and an unknown family,
    NoDataError when the rows are too few. Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (2011).
    """
    import optuna

    first = models.checked_params(kind, params or {})
    if trials < 1:
        raise UsageError(_("A search needs at least 1 trial, not {count}").format(count=trials))
    earlier, later = hold_out(dataset.start, dataset.end, rows)
    weights = sample_weights(dataset.weights[later], dataset.y[later], balance)
    done: list[Trial] = []

    def value_of(chosen: Mapping[str, Any]) -> float:
        fitted = models.fit(dataset, earlier, kind, chosen, select_k=select_k, calibrate=False, balance=balance, seed=seed)
        value = log_loss(dataset.y[later], fitted.probabilities(dataset.X[later]), weights)
        best = min([value, *(trial.best for trial in done)])
        done.append(Trial(len(done) + 1, value, chosen, best))
        if on_trial is not None:
            on_trial(done[-1])
        return value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    space = {name: _distribution(found) for name, found in SPACES[kind].items()}
    value = value_of(first)
    if all(found.low <= first[name] <= found.high for name, found in SPACES[kind].items()):
        study.add_trial(optuna.trial.create_trial(params=first, distributions=space, value=value))
    for _number in range(trials - 1):
        asked = study.ask(space)
        study.tell(asked, value_of({**first, **asked.params}))
    return Tuned(min(done, key=lambda trial: trial.value).params, tuple(done))


def _distribution(found: Range) -> Any:
    import optuna

    if found.whole:
        return optuna.distributions.IntDistribution(int(found.low), int(found.high), log=found.log)
    return optuna.distributions.FloatDistribution(found.low, found.high, log=found.log)


def space_of(kind: str) -> dict[str, dict[str, Any]]:
    """The ranges of a family as the JSON of a report: {name: {"low", "high", "log"}}."""
    return {name: {"low": found.low, "high": found.high, "log": found.log} for name, found in SPACES[kind].items()}
