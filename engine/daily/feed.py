"""The day as files for dashboards: day.json, and one table each of signals, anomalies, directions and the paper account's sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import iso, jsonable
from engine.feed import Columns, write_json, write_tables
from engine.ml.direction import feed as index_feed
from engine.paper.report import history, status

if TYPE_CHECKING:
    from engine.desk import Desk

SIGNALS: Columns = {
    **dict.fromkeys(("run_id", "session", "symbol", "timeframe", "time", "strategy", "regime", "action"), str),
    **dict.fromkeys(("strength", "size", "price", "stop_loss", "take_profit"), float),
    **dict.fromkeys(("valid_until", "reason", "price_base", "model", "model_says"), str),
}
ANOMALIES: Columns = {
    **dict.fromkeys(("run_id", "session", "symbol", "timeframe", "time", "kind", "severity"), str),
    "score": float,
    "direction": int,
    **dict.fromkeys(("drivers", "explained_by", "advice"), str),
}
#: Those of the index's own feed but for what is known only later.
DIRECTIONS: Columns = {
    "run_id": str,
    **{name: kind for name, kind in index_feed.COLUMNS.items() if name not in ("outcome", "hit", "made_at")},
}
#: What is money, R$, in the paper account.
MONEY = frozenset({"initial_capital", "cash", "equity", "pnl", "value", "costs", "income"})
PAPER: Columns = {"account": int, "session": str, **dict.fromkeys(("cash", "equity", "pnl", "return", "drawdown"), float)}


def write_day(desk: Desk, report: Mapping[str, Any]) -> list[Path]:
    """Write the day of a live run into data/out; the paths. report: in its JSON form, with the detail of "paper".

    Raises FileError when the folder cannot be written.
    """
    run_id, folder, day = report["run_id"], desk.workspace.out, report["paper"]
    account = None if day.get("account") is None else _account(desk)
    if account is not None and account["account"] != day["account"]:
        account = None
    tables: dict[str, tuple[Columns, list[dict[str, Any]]]] = {
        "signals": (SIGNALS, [_signal(report, item) for item in report["signals"]]),
        "anomalies": (ANOMALIES, [_anomaly(report, item) for item in report["anomalies"]]),
        "directions": (DIRECTIONS, [_direction(run_id, item) for item in report["directions"]]),
        "paper": (PAPER, [] if account is None else _sessions(desk, account)),
    }
    rows = {name: [{key: row.get(key) for key in columns} for row in found] for name, (columns, found) in tables.items()}
    whole = {
        **{key: report[key] for key in ("run_id", "session", "status", "demo")},
        "written_at": iso(desk.now()),
        "direction": rows["directions"][-1] if rows["directions"] else None,
        **{name: rows[name] for name in ("signals", "anomalies", "directions")},
        "paper": None if account is None else {**account, "day": _cents(_day(report))},
    }
    paths = [path for name, (columns, _rows) in tables.items() for path in write_tables(folder, name, columns, rows[name])]
    return [write_json(folder / "day.json", jsonable(whole)), *paths]


def _signal(report: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    judged = item.get("filter") or {}
    own = {"run_id": report["run_id"], "session": report["session"]}
    return {**item, **own, "model": judged.get("model"), "model_says": judged.get("state")}


def _anomaly(report: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    own = {"run_id": report["run_id"], "session": report["session"]}
    return {**item, **own, "drivers": "; ".join(item["drivers"])}


def _direction(run_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    gate = item.get("gate") or {}
    return {**item, "run_id": run_id, "gate": gate.get("verdict") if isinstance(gate, Mapping) else gate}


def _account(desk: Desk) -> dict[str, Any]:
    found = status(desk)
    kept = ("account", "initial_capital", "session", "cash", "equity", "positions", "orders")
    return dict(_cents({key: found[key] for key in kept}))


def _day(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the session did to the account; None where it is not replayed yet."""
    found: Mapping[str, Any] | None = report["paper"].get("summary")
    return found if found is not None and found["session"] == report["session"] else None


def _cents(value: Any, name: str = "") -> Any:
    """`value` with its money to the cent."""
    if isinstance(value, Mapping):
        return {key: _cents(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_cents(item) for item in value]
    return round(value, 2) if name in MONEY and isinstance(value, float) else value


def _sessions(desk: Desk, account: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each session did to the open account."""
    rows = []
    before = top = account["initial_capital"]
    for item in history(desk, account["account"])["equity"]:
        equity = item["equity"]
        top = max(top, equity)
        change = equity / before - 1.0 if before > 0 else None
        gained = {"pnl": equity - before, "return": change, "drawdown": equity / top - 1.0}
        rows.append(_cents({**item, **gained, "account": account["account"]}))
        before = equity
    return rows
