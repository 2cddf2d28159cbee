"""The keys of the engine in the reader's language; an unknown key stays as it is."""

from __future__ import annotations

from engine.i18n import _


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
    }
    return names.get(kind, kind)


def step_name(step: str) -> str:
    """A step of the daily run."""
    names = {
        "import": _("import"),
        "freshness": _("freshness"),
        "signals": _("signals"),
        "anomalies": _("anomalies"),
        "predictions": _("predictions"),
        "drift": _("drift of the models"),
        "notifications": _("notifications"),
    }
    return names.get(step, step)


def action_name(action: str) -> str:
    """What a signal says to do."""
    names = {"BUY": _("BUY"), "SELL": _("SELL"), "HOLD": _("HOLD")}
    return names.get(action, action)


def anomaly_name(kind: str) -> str:
    """A kind of anomaly."""
    names = {
        "jump": _("jump"),
        "volume_burst": _("volume burst"),
        "volatility_shift": _("volatility shift"),
        "gap": _("gap"),
        "frozen_price": _("frozen price"),
        "unusual_combination": _("unusual combination"),
    }
    return names.get(kind, kind)


def severity_name(severity: str) -> str:
    """How severe an anomaly is."""
    names = {"low": _("low"), "medium": _("medium"), "high": _("high")}
    return names.get(severity, severity)


def regime_name(regime: str | None) -> str:
    """What a market does."""
    names = {
        "unknown": _("unknown"),
        "trending_up": _("trending up"),
        "trending_down": _("trending down"),
        "ranging": _("ranging"),
        "volatile": _("volatile"),
    }
    return names.get(regime or "unknown", regime or "")


def steps_line(steps: list[dict[str, object]]) -> str:
    """The steps of a run and how each ended, on one line."""
    return ", ".join(f"{step_name(str(step['name']))} {status_name(str(step['status']))}" for step in steps)
