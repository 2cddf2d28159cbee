"""What a model says about the newest bar, and why, as a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.i18n import _
from tui.format import instant, percent
from tui.names import action_name


def explanation_text(found: Mapping[str, Any]) -> RenderableType:
    """The probabilities of the classes, the largest contributions in words, and a bar for each feature.

    found: the result of `engine.jobs.saved_models.explain_newest`, in which an undefined number is None.
    """
    from engine.domain import Action
    from engine.ml.explain import Contribution, Explanation
    from tui.reports.explain import explain_report

    told = found["explanation"]
    contributions = tuple(
        Contribution(item["feature"], float("nan") if item["value"] is None else item["value"], item["contribution"])
        for item in told["contributions"]
    )
    whole = Explanation(Action(told["action"]), told["probability"], told["unit"], told["base"], told["total"], contributions)
    said = "   ".join(f"{action_name(name)} {percent(p)}" for name, p in found["probabilities"].items())
    sure = told["probability"] >= found["threshold"]
    pattern = (
        _("Sure enough: it reaches the threshold of {threshold}.")
        if sure
        else _("Not sure enough: it is below the threshold of {threshold}.")
    )
    return Group(
        Text(f"{found['symbol']} {found['timeframe']}, {instant(found['time'])}: {said}"),
        Text(pattern.format(threshold=percent(found["threshold"])), style="dim"),
        *(Text(f"- {sentence}") for sentence in found["words"]),
        "",
        explain_report(whole, found["model_id"]),
    )
