"""What is said: payloads (plain data, no markup) from the engine's dictionaries, and the forms that they take.

A payload is what the outbox stores; it becomes words when it is sent. Every payload has "kind" and "demo".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain import jsonable
from engine.errors import PregaoError
from engine.notifications.forms import render, subject

__all__ = [
    "anomaly_payload",
    "check_payload",
    "direction_payload",
    "drawdown_payload",
    "failure_payload",
    "price_payload",
    "render",
    "signal_payload",
    "subject",
    "summary_payload",
]


def signal_payload(signal: Mapping[str, Any], *, demo: bool = False, corrects: str | None = None) -> dict[str, Any]:
    """From a signal in its JSON form. corrects: what an earlier run of the same session said (BUY, SELL), if it said otherwise."""
    kept = (
        *("symbol", "timeframe", "time", "strategy", "regime", "action", "strength", "price", "stop_loss", "take_profit"),
        *("valid_until", "reason", "price_base", "stale_sessions", "filter"),
    )
    return _plain({"kind": "signal", "demo": demo, "corrects": corrects, **{key: signal.get(key) for key in kept}})


def anomaly_payload(anomaly: Mapping[str, Any], *, demo: bool = False) -> dict[str, Any]:
    """From an anomaly in its JSON form; its own kind is "anomaly"."""
    kept = ("id", "symbol", "timeframe", "time", "session", "score", "severity", "direction", "drivers", "explained_by", "advice")
    return _plain({"kind": "anomaly", "demo": demo, "anomaly": anomaly.get("kind"), **{key: anomaly.get(key) for key in kept}})


def direction_payload(direction: Mapping[str, Any], *, demo: bool = False) -> dict[str, Any]:
    """From a direction in its JSON form; of the gate only its verdict is kept."""
    kept = ("symbol", "session", "target_session", "decision_time", "signal", "probability", "baseline", "model", "reasons")
    gate = direction.get("gate")
    verdict = gate.get("verdict") if isinstance(gate, Mapping) else gate
    return _plain({"kind": "direction", "demo": demo, **{key: direction.get(key) for key in kept}, "gate": verdict})


def summary_payload(
    report: Mapping[str, Any], account: Mapping[str, Any] | None = None, waiting_for: Sequence[str] = ()
) -> dict[str, Any]:
    """From the report of a daily run in its JSON form and, where there is a paper account, its newest day.

    account: "session", "pnl" (R$), "return" (fraction), "trades", "win_rate" (fraction), "equity" (R$), "drawdown" (fraction <= 0); that of
    another session than the report's is left out. waiting_for: symbols without whose bars the account cannot go on.
    """
    own = account if account is not None and account["session"] == report["session"] else {}
    named: dict[str, list[str]] = {"BUY": [], "SELL": []}
    for signal in report["signals"]:
        named.get(signal["action"], []).append(signal["symbol"])
    failed = [step["name"] for step in report.get("steps", ()) if step["status"] in ("failed", "stale", "partial")]
    return _plain(
        {
            "kind": "summary",
            "demo": report.get("demo", False),
            "run_id": report["run_id"],
            "session": report["session"],
            "status": report["status"],
            "buy": named["BUY"],
            "sell": named["SELL"],
            "anomalies": dict(Counter(item["severity"] for item in report["anomalies"])),
            "failed": failed,
            "waiting_for": list(waiting_for),
            **{key: own.get(key) for key in ("pnl", "return", "trades", "win_rate", "equity", "drawdown")},
        }
    )


def price_payload(symbol: str, session: str, close: float, limit: float, side: str, *, demo: bool = False) -> dict[str, Any]:
    """The close of a session (ISO date) has crossed a limit; side: "above" or "below"."""
    kept = {"symbol": symbol, "session": session, "price": close, "limit": limit, "side": side}
    return _plain({"kind": "price", "demo": demo, **kept})


def drawdown_payload(session: str, drawdown: float, limit: float, equity: float, *, demo: bool = False) -> dict[str, Any]:
    """The paper account is below its highest equity by `drawdown` (a fraction <= 0), which reaches `limit` (>= 0)."""
    kept = {"session": session, "drawdown": drawdown, "limit": limit, "equity": equity}
    return _plain({"kind": "drawdown", "demo": demo, **kept})


def failure_payload(run_id: str, step: str, error: PregaoError, *, demo: bool = False) -> dict[str, Any]:
    """A step of a daily run has failed, so that the run ended there."""
    return {"kind": "failure", "demo": demo, "run_id": run_id, "step": step, "error": error.message, "hint": error.hint}


def check_payload(when: str, *, demo: bool = False) -> dict[str, Any]:
    """A message that says nothing but that messages arrive. when: ISO 8601."""
    return {"kind": "test", "demo": demo, "time": when}


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    return dict(jsonable(payload))
