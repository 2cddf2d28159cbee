"""Two saved models side by side: what each was worth, and whether the two may be compared at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from engine.ml import registry

if TYPE_CHECKING:
    from engine.store.database import Store
    from engine.store.models import StoredModel

#: The figures that are compared, and whether a higher one is better.
FIGURES: Mapping[str, bool] = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "mcc", "auc"), True),
    **dict.fromkeys(("log_loss", "brier"), False),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both models, None where it is undefined; intervals of 95 %, None where there is none.

    better: the id of the model whose figure is better, None where their intervals meet, or one of the two is missing.
    """

    name: str
    values: tuple[float | None, float | None]
    intervals: tuple[tuple[float, float] | None, tuple[float, float] | None]
    better: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "values": self.values, "intervals": self.intervals, "better": self.better}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models. shared: the features that both are given; only: those that one of the two alone is given.

    reasons: why their figures do not speak of the same question; empty where they do.
    """

    models: tuple[StoredModel, StoredModel]
    figures: tuple[Figure, ...]
    shared: tuple[str, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "models": [model.as_dict() for model in self.models],
            "figures": [figure.as_dict() for figure in self.figures],
            "features": {"shared": self.shared, "only": self.only},
            "comparable": not self.reasons,
            "reasons": self.reasons,
        }


def compare(folder: Path, store: Store, first: str, second: str) -> Comparison:
    """The out-of-fold figures of two models beside each other, from the reports that were saved with them.

    A figure counts as better only where the two were judged on the same question and the intervals do not meet.
    Raises as `registry.read_manifest`, and UsageError for one model twice.
    """
    models = registry.find(store, first), registry.find(store, second)
    if models[0].id == models[1].id:
        raise UsageError(_("Name two different models to compare"))
    manifests = tuple(registry.read_manifest(folder, store, model.id) for model in models)
    reasons = _reasons(models, manifests)
    features = tuple(tuple(manifest["features"]) for manifest in manifests)
    return Comparison(
        models=models,
        figures=tuple(_figure(name, models, judged=not reasons) for name in FIGURES),
        shared=tuple(name for name in features[0] if name in features[1]),
        only=(
            tuple(name for name in features[0] if name not in features[1]),
            tuple(name for name in features[1] if name not in features[0]),
        ),
        reasons=reasons,
    )


def _figure(name: str, models: tuple[StoredModel, StoredModel], *, judged: bool) -> Figure:
    first, second = (model.summary.get("metrics", {}).get(name) for model in models)
    low, high = (_interval(model, name) for model in models)
    better = None
    if judged and None not in (first, second) and low and high and (low[1] < high[0] or high[1] < low[0]):
        better = models[0 if (first > second) == FIGURES[name] else 1].id
    return Figure(name, (first, second), (low, high), better)


def _interval(model: StoredModel, name: str) -> tuple[float, float] | None:
    low, high = (model.summary.get("intervals") or {}).get(name) or (None, None)
    return None if low is None or high is None else (float(low), float(high))


def _reasons(models: tuple[StoredModel, StoredModel], manifests: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    first, second = models
    reports = [manifest["report"] for manifest in manifests]
    tested = [[(fold.get("test_start"), fold.get("test_end")) for fold in report.get("folds", ())] for report in reports]
    differences = (
        (first.kind != second.kind, _("They are for different things.")),
        (first.symbols != second.symbols, _("They learnt from different symbols.")),
        (first.timeframe != second.timeframe, _("They learnt from different timeframes.")),
        (reports[0].get("label") != reports[1].get("label"), _("They learnt different labels.")),
        (tested[0] != tested[1], _("They were tested on different periods.")),
    )
    return tuple(text for differs, text in differences if differs)
