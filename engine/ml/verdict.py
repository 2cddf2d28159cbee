"""What a training is worth, said plainly: whether the model knows more than the class frequencies, and what it does to a strategy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.domain import Verdict
from engine.i18n import _, mark, ngettext
from engine.strategies.base import decimal, percent

SKILL = mark("skill")
NO_SKILL = mark("no skill")
INSUFFICIENT = mark("insufficient evidence")
#: Out-of-fold rows, counted by their uniqueness, below which nothing is concluded.
LEAST_ROWS = 50.0


def judge(
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Any],
    effect: Mapping[str, Any] | None = None,
    unknown: str = "",
    unsplit: int = 0,
) -> Verdict:
    """The label and the reasons, from out-of-fold figures of `scores` and, where there is one, the effect on a strategy.

    unknown: why the effect is not known, empty where it is or was not asked for. unsplit: folds whose model says the same of
    every row.
    "skill" needs all three: an area under the ROC curve whose 95 % interval lies above 0.5, a correlation of what was said and
    what came whose interval lies above 0, and a log-loss below that of the class frequencies of the training rows. Too few
    effective rows, or one class only, are "insufficient evidence".
    """
    intervals = metrics["intervals"]
    parted, linked = intervals["auc"][0] > 0.5, intervals["mcc"][0] > 0
    surer = metrics["log_loss"] < baselines["prior"]["log_loss"]
    known = metrics["auc"] == metrics["auc"]
    reasons = [_of_accuracy(metrics, baselines)]
    if metrics["effective_rows"] < LEAST_ROWS or not known:
        reasons.append(
            _("{rows} test rows are worth {effective} independent ones, too few to conclude anything.").format(
                rows=metrics["rows"], effective=decimal(metrics["effective_rows"], 0)
            )
        )
    if unsplit:
        text = ngettext(
            "In {count} fold the model says the same of every row: the rows it learnt from are too few for its trees to part them.",
            "In {count} folds the model says the same of every row: the rows it learnt from are too few for its trees to part them.",
            unsplit,
        )
        reasons.append(text.format(count=unsplit))
    if known:
        words = {"value": decimal(metrics["auc"]), "low": decimal(intervals["auc"][0]), "high": decimal(intervals["auc"][1])}
        reasons.append(
            _("It tells the classes apart: area under the ROC curve {value} ({low} to {high}), where chance is 0.5.").format(
                **words
            )
            if parted
            else _(
                "It does not tell the classes apart: area under the ROC curve {value} ({low} to {high}), chance is 0.5."
            ).format(**words)
        )
    words = {"value": decimal(metrics["log_loss"], 4), "prior": decimal(baselines["prior"]["log_loss"], 4)}
    reasons.append(
        _("Its probabilities are better than the class frequencies: log-loss {value} against {prior}.").format(**words)
        if surer
        else _("Its probabilities are no better than the class frequencies: log-loss {value} against {prior}.").format(**words)
    )
    if effect is not None:
        label = effect["verdict"]["label"]
        reasons += [
            _("As a filter of {strategy}: {label}.").format(strategy=effect["strategy"], label=_(label)),
            *effect["verdict"]["reasons"],
        ]
    if unknown:
        reasons.append(_("What it does to the strategy is not known: {why}.").format(why=unknown))
    if metrics["effective_rows"] < LEAST_ROWS or not known:
        return Verdict(INSUFFICIENT, tuple(reasons))
    return Verdict(SKILL if parted and linked and surer else NO_SKILL, tuple(reasons))


def _of_accuracy(metrics: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    majority = baselines["majority"]
    if metrics["intervals"]["accuracy"][0] > majority["accuracy"]:
        text = _("Right on {accuracy} of the test rows, better than always saying {name}, which is right on {majority}.")
    elif metrics["accuracy"] > majority["accuracy"]:
        text = _(
            "Right on {accuracy} of the test rows, not surely better than always saying {name}, which is right on {majority}."
        )
    else:
        text = _("Right on {accuracy} of the test rows, no better than always saying {name}, which is right on {majority}.")
    return text.format(
        accuracy=percent(metrics["accuracy"]), name=majority["class"] or "HOLD", majority=percent(majority["accuracy"])
    )
