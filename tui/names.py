"""The keys of the engine in the reader's language; an unknown key stays as it is."""

from __future__ import annotations

from engine.i18n import _
from engine.names import action_name, anomaly_name, regime_name, severity_name, step_name

__all__ = [
    "action_name",
    "anomaly_name",
    "baseline_name",
    "kind_name",
    "regime_name",
    "severity_name",
    "status_name",
    "step_name",
    "steps_line",
]


def baseline_name(name: str) -> str:
    """What the direction is compared with."""
    names = {
        "always_up": _("always up"),
        "majority": _("the majority"),
        "momentum": _("momentum"),
        "requirement": _("the model of the requirement"),
    }
    return names.get(name, name)


def status_name(status: str) -> str:
    """The state of a job, a daily run or a step of it."""
    names = {
        "queued": _("waiting"),
        "running": _("running"),
        "done": _("done"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
        "lost": _("lost"),
        "stale": _("stale data"),
        "partial": _("partly done"),
        "unfinished": _("ended without finishing"),
    }
    return names.get(status, status)


def kind_name(kind: str) -> str:
    """What a job does."""
    names = {
        "import": _("import"),
        "fetch": _("download"),
        "backtest": _("backtest"),
        "daily": _("daily run"),
        "train": _("training"),
        "promote": _("promotion"),
        "explain": _("explanation"),
        "direction": _("direction of the index"),
    }
    return names.get(kind, kind)


def steps_line(steps: list[dict[str, object]]) -> str:
    """The steps of a run that are not done and how each ended, else how many are, on one line."""
    odd = [step for step in steps if step["status"] != "done"]
    if not odd:
        return _("{count} done").format(count=len(steps))
    return ", ".join(f"{step_name(str(step['name']))} {status_name(str(step['status']))}" for step in odd)
