"""The words of signals, anomalies and steps in the reader's language; an unknown key stays as it is."""

from __future__ import annotations

from engine.i18n import _


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


def step_name(step: str) -> str:
    """A step of the daily run."""
    names = {
        "fetch": _("download"),
        "import": _("import"),
        "check": _("check"),
        "adjust": _("adjustment"),
        "features": _("features"),
        "regime": _("regime"),
        "predictions": _("predictions"),
        "drift": _("drift of the models"),
        "signals": _("signals"),
        "directions": _("direction of the index"),
        "anomalies": _("anomalies"),
        "paper": _("paper account"),
        "feed": _("files of the day"),
        "summary": _("summary"),
        "notifications": _("notifications"),
    }
    return names.get(step, step)
