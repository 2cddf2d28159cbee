"""Why a model says what it says: what each feature adds to the answer for one row.

The amounts are Shapley values over the paths of the trees; with the base (the answer when nothing is known) they add up to
what the estimator itself said, before calibration: for XGBoost to the margin of the class, whose exponential is in
proportion to its probability, and for a forest to the probability. Source: Lundberg et al., "From local explanations to
global understanding with explainable AI for trees", Nature Machine Intelligence 2 (2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.domain import Action
from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.ml.boosting import boosting
from engine.ml.model import BOOSTED, THREADS, SignalModel
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.domain import FloatArray

#: In the order of the columns of `SignalModel.probabilities`.
ACTIONS = (Action.SELL, Action.HOLD, Action.BUY)
MARGIN, PROBABILITY = "margin", "probability"
#: How the formula of a feature ends that is a share of a price: a change or a distance.
SHARES = ("- 1", "/ close[t]")
#: The digits that are shown of other features.
SIGNIFICANT = 3
#: The smallest contribution that is worth a sentence.
SMALLEST = 0.005


class Contribution(NamedTuple):
    """What one feature adds. value: the feature itself, not scaled, NaN undefined; contribution: in the unit of the answer."""

    feature: str
    value: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of a model for one row and where it comes from.

    action: the class that is explained; probability: what the model gives it, calibrated. unit: "margin" (XGBoost) or
    "probability" (forest) of base, total and the contributions; base + the sum of all contributions = total, the estimator's
    own answer. contributions: one for each selected feature, the largest amount first.
    """

    action: Action
    probability: float
    unit: str
    base: float
    total: float
    contributions: tuple[Contribution, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "action": str(self.action),
            "probability": self.probability,
            "unit": self.unit,
            "base": self.base,
            "total": self.total,
            "contributions": [item._asdict() for item in self.contributions],
        }


def explain(model: SignalModel, row: FloatArray, action: Action | None = None) -> Explanation:
    """Why the model gives `action` (None: the class with the highest probability) the probability it gives.

    row: float64 (k,), the columns of `model.features`, NaN undefined. Raises UsageError for another number of features,
    NoDataError when every feature that the model looks at is undefined.
    """
    if row.ndim != 1:
        raise UsageError(_("One row at a time can be explained"))
    X = row[np.newaxis, :]
    probabilities = model.probabilities(X)[0]
    if np.isnan(probabilities).any():
        raise NoDataError(_("Every feature that the model looks at is undefined on this bar"))
    place = int(probabilities.argmax()) if action is None else ACTIONS.index(action)
    explained = _boosted if model.kind == BOOSTED else _forest
    amounts, base = explained(model.estimator, model.inputs(X), place)
    order = np.argsort(-np.abs(amounts), kind="stable")
    return Explanation(
        action=ACTIONS[place],
        probability=float(probabilities[place]),
        unit=MARGIN if model.kind == BOOSTED else PROBABILITY,
        base=base,
        total=base + float(amounts.sum()),
        contributions=tuple(
            Contribution(model.features[model.selected[at]], float(row[model.selected[at]]), float(amounts[at])) for at in order
        ),
    )


def contributions(model: SignalModel, row: FloatArray, action: Action | None = None) -> tuple[Contribution, ...]:
    """(feature, value, contribution) of every feature that the model looks at, the largest first; arguments as `explain`."""
    return explain(model, row, action).contributions


def words(found: Explanation, most: int = 3) -> tuple[str, ...]:
    """The largest contributions as sentences, such as "momentum_20 +4.1 % speaks for BUY (+0.08)", but those that round to 0."""
    sentences = []
    for item in found.contributions[:most]:
        if abs(item.contribution) >= SMALLEST:
            pattern = (
                _("{feature} {value} speaks for {action} ({amount})")
                if item.contribution > 0
                else _("{feature} {value} speaks against {action} ({amount})")
            )
            sentences.append(
                pattern.format(
                    feature=item.feature,
                    value=value_words(item.feature, item.value),
                    action=found.action,
                    amount=signed(item.contribution),
                )
            )
    return tuple(sentences)


def value_words(feature: str, value: float) -> str:
    """A feature's value as it is read: a share of the price, as its formula ends, in percents, all else as a plain number."""
    from engine.features.catalogue import select

    if math.isnan(value):
        return _("undefined")
    if select(names=[feature])[0].formula.endswith(SHARES):
        return f"{'+' if value > 0 else ''}{percent(value, 1 if abs(value) >= 0.01 else 2)}"
    before_point = 1 + math.floor(math.log10(abs(value))) if value else 1
    return decimal(value, min(max(SIGNIFICANT - before_point, 0), 6))


def signed(amount: float, digits: int = 2) -> str:
    """A contribution with its sign; what rounds to zero has none."""
    shown = round(amount, digits) + 0.0
    return f"{'+' if shown > 0 else ''}{decimal(shown, digits)}"


def _boosted(booster: Any, inputs: FloatArray, place: int) -> tuple[FloatArray, float]:
    """XGBoost's own Shapley values, the amounts (s,) and the base of one class."""
    xgboost = boosting()

    found = booster.predict(xgboost.DMatrix(inputs, nthread=THREADS), pred_contribs=True, strict_shape=True)
    amounts = found[0, place].astype(np.float64)
    return amounts[:-1], float(amounts[-1])


def _forest(forest: Any, inputs: FloatArray, place: int) -> tuple[FloatArray, float]:
    """The Shapley values of a forest, the amounts (s,) and the base of one class; 0 for a class that it never saw."""
    import shap

    if place not in forest.classes_:
        return np.zeros(inputs.shape[1]), 0.0
    at = int(np.searchsorted(forest.classes_, place))
    explainer = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    found = np.asarray(explainer.shap_values(inputs), dtype=np.float64).reshape(1, inputs.shape[1], -1)
    base = np.atleast_1d(explainer.expected_value)
    return found[0, :, at], float(base[at])
