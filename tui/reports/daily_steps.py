"""What each step of a daily run did, in a line; what is to be known of its data; and what a correction changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.i18n import _
from tui.format import DASH, day, percent
from tui.names import action_name, anomaly_name, regime_name, severity_name, step_name
from tui.reports.filter import drift_summary, predictions_summary
from tui.reports.table import more

LISTED = 12


def step_summary(name: str, detail: Mapping[str, Any]) -> str:
    """A line on what a step did; empty for a step that this version does not know."""
    lines: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
        "fetch": _fetched,
        "import": _imported,
        "check": _checked,
        "adjust": _adjusted,
        "features": _computed,
        "regime": _regimes,
        "predictions": predictions_summary,
        "drift": drift_summary,
        "signals": _signals,
        "directions": _directions,
        "anomalies": _anomalies,
        "paper": _paper,
        "feed": _files,
        "summary": _summary,
        "notifications": _messages,
    }
    return lines[name](detail) if name in lines else ""


def check_notes(detail: Mapping[str, Any]) -> list[str]:
    """What is old, missing or odd in the data, by the detail of the step "check"."""
    notes = []
    if detail["newest"] is None or detail["newest"] < detail["session"]:
        newest = DASH if detail["newest"] is None else day(detail["newest"])
        notes.append(
            _("Stale: the newest bar is of {newest}, the last closed session is {session}. Import newer files.").format(
                newest=newest, session=day(detail["session"])
            )
        )
    elif detail["stale"]:
        behind = _listed({symbol: f"-{count}" for symbol, count in detail["stale"].items()})
        notes.append(_("Behind, so without a signal: {symbols}").format(symbols=behind))
    if detail["ended"] and detail["fresh"]:
        notes.append(
            _("Ended or suspended: {symbols}").format(
                symbols=", ".join(list(detail["ended"])[:LISTED]) + more(len(detail["ended"]), LISTED)
            )
        )
    if detail["missing"]:
        notes.append(_("Watched, but without bars: {symbols}").format(symbols=", ".join(detail["missing"])))
    if gaps := detail.get("gaps"):
        notes.append(_("Sessions without a bar of late: {symbols}").format(symbols=_listed(gaps)))
    if jumps := detail.get("jumps"):
        moves = _listed({symbol: percent(change, signed=True) for symbol, change in jumps.items()})
        notes.append(_("Jumps that no stored event explains: {symbols}").format(symbols=moves))
    return notes


def adjust_notes(detail: Mapping[str, Any]) -> list[str]:
    """The symbols whose events cannot be, by the detail of the step "adjust"."""
    return [
        _("{symbol} has no signal: {reason}").format(symbol=symbol, reason=why) for symbol, why in detail["impossible"].items()
    ]


def changed_lines(changes: Mapping[str, Any]) -> list[str]:
    """What late or corrected data changed in a day that was computed before."""
    if not changes["steps"]:
        return []
    lines = [_("Computed anew, on other data or settings: {steps}").format(steps=", ".join(map(step_name, changes["steps"])))]
    directions = {None: _("none"), 1: _("up"), 0: _("not up")}
    said: list[tuple[str, str, str]] = [
        *((item["symbol"], _action(item["before"]), _action(item["after"])) for item in changes["signals"]),
        *(
            (f"{item['symbol']} {anomaly_name(item['kind'])}", _severity(item["before"]), _severity(item["after"]))
            for item in changes["anomalies"]
        ),
        *((item["symbol"], directions[item["before"]], directions[item["after"]]) for item in changes["directions"]),
    ]
    lines += [_("{what}: was {before}, is {after}").format(what=what, before=old, after=new) for what, old, new in said[:LISTED]]
    return [*lines, more(len(said), LISTED).strip()] if len(said) > LISTED else lines


def _listed(values: Mapping[str, object]) -> str:
    shown = ", ".join(f"{symbol} ({value})" for symbol, value in list(values.items())[:LISTED])
    return shown + more(len(values), LISTED)


def _action(action: str | None) -> str:
    return _("none") if action is None else action_name(action)


def _severity(severity: str | None) -> str:
    return _("none") if severity is None else severity_name(severity)


def _fetched(detail: Mapping[str, Any]) -> str:
    parts = [
        f"{source}: {facts['error']['message']}"
        if "error" in facts
        else _("{source}: {files} files").format(source=source, files=facts["files"])
        for source, facts in detail.items()
    ]
    return "; ".join(parts) or _("no source is elsewhere")


def _imported(detail: Mapping[str, Any]) -> str:
    parts = []
    for source, facts in detail.items():
        if "error" in facts:
            parts.append(f"{source}: {facts['error']['message']}")
            continue
        parts.append(
            _("{source}: {files} files, {written} bars written").format(
                source=source, **{key: facts[key] for key in ("files", "written")}
            )
        )
        parts += [f"{error['path']}: {error['message']}" for error in facts["errors"]]
    return "; ".join(parts) or _("nothing to import")


def _checked(detail: Mapping[str, Any]) -> str:
    return _("{fresh} of {watched} symbols have the bar of {session}").format(
        fresh=detail["fresh"], watched=detail["watched"], session=day(detail["session"])
    )


def _adjusted(detail: Mapping[str, Any]) -> str:
    return _("{events} events of {symbols} symbols taken out of the prices").format(
        events=detail["events"], symbols=detail["adjusted"]
    )


def _computed(detail: Mapping[str, Any]) -> str:
    known = [facts for facts in detail.values() if "error" not in facts]
    if not detail:
        return _("no live model needs any")
    return _("{features} of {models} models").format(features=sum(facts["features"] for facts in known), models=len(known))


def _regimes(detail: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{regime_name(name)} {count}" for name, count in detail.items() if name not in ("changed", "symbols"))
    if not detail["changed"]:
        return counts or _("none")
    return _("{counts}; changed: {symbols}").format(
        counts=counts, symbols=", ".join(list(detail["changed"])[:LISTED]) + more(len(detail["changed"]), LISTED)
    )


def _signals(detail: Mapping[str, Any]) -> str:
    return _("{strategy}: {buy} BUY, {sell} SELL, {hold} HOLD").format(
        strategy=detail["strategy"], buy=detail["BUY"], sell=detail["SELL"], hold=detail["HOLD"]
    )


def _directions(detail: Mapping[str, Any]) -> str:
    from tui.reports.direction import step_line

    return step_line(detail)


def _anomalies(detail: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{item['symbol']} {anomaly_name(item['kind'])}" for item in detail["anomalies"][:LISTED])
    return listed + more(len(detail["anomalies"]), LISTED) if listed else _("none")


def _paper(detail: Mapping[str, Any]) -> str:
    from tui.reports.paper import day_line

    return day_line(detail)


def _files(detail: Mapping[str, Any]) -> str:
    if "error" in detail:
        return str(detail["error"]["message"])
    return _("{count} files in data/out").format(count=len(detail["files"])) if detail["files"] else _("none")


def _summary(detail: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in detail["wrong"].items()) or _("written")


def _messages(detail: Mapping[str, Any]) -> str:
    from tui.reports.notify import step_line

    return step_line(detail)
