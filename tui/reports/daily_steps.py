"""What each step of a daily run did, in a line; what is to be known of its data; and what a correction changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.i18n import _, ngettext, pgettext
from tui.format import DASH, day, number, percent
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
    """What was revised since the run before, and what late or corrected data changed in a day that was computed before."""
    lines = _revised_lines(changes["revised"])
    if not changes["steps"]:
        return lines
    lines += [_("Computed anew, on other data or settings: {steps}").format(steps=", ".join(map(step_name, changes["steps"])))]
    directions = {None: _("none"), 1: _("up"), 0: _("not up")}
    said: list[tuple[str, str, str]] = [
        *((item["symbol"], _action(item["before"]), _action(item["after"])) for item in changes["signals"]),
        *(
            (f"{item['symbol']} {anomaly_name(item['kind'])}", _severity(item["before"]), _severity(item["after"]))
            for item in changes["anomalies"]
        ),
        *((item["symbol"], directions[item["before"]], directions[item["after"]]) for item in changes["directions"]),
    ]
    return [*lines, *_was_is(said)]


def _revised_lines(revised: Mapping[str, Any]) -> list[str]:
    """How many bars were revised, and the values of the newest of them."""
    if not revised["count"]:
        return []
    head = ngettext(
        "{count} bar was revised since the run before:", "{count} bars were revised since the run before:", revised["count"]
    ).format(count=number(revised["count"], 0))
    return [head, *_was_is([_revision(item) for item in revised["values"]])]


def _revision(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """A revised value: which one, what it was and what it is, with as many digits as it takes to tell them apart."""
    words = {
        **{"open": _("open"), "high": _("high"), "low": _("low"), "close": pgettext("price", "Close").lower()},
        **{"quantity": _("quantity"), "turnover": _("turnover"), "trades": _("trades")},
    }
    both = [value for value in (item["before"], item["after"]) if value is not None]
    digits = next((count for count in (0, 2) if all(value == round(value, count) for value in both)), 6)
    digits = digits if item["field"] in ("quantity", "turnover", "trades") else max(digits, 2)
    before, after = (_("unknown") if item[key] is None else number(item[key], digits) for key in ("before", "after"))
    frame = "" if item["timeframe"] == "1d" else f" {item['timeframe']}"
    return f"{item['symbol']}{frame} {day(item['session'])} {words.get(item['field'], item['field'])}", before, after


def _was_is(said: Sequence[tuple[str, str, str]]) -> list[str]:
    lines = [_("{what}: was {before}, is {after}").format(what=what, before=old, after=new) for what, old, new in said[:LISTED]]
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
        f"{source}: {facts['error']['message']}" if "error" in facts else f"{source}: {_file_count(facts['files'])}"
        for source, facts in detail.items()
    ]
    return "; ".join(parts) or _("no source is elsewhere")


def _imported(detail: Mapping[str, Any]) -> str:
    parts = []
    for source, facts in detail.items():
        if "error" in facts:
            parts.append(f"{source}: {facts['error']['message']}")
            continue
        parts.append(f"{source}: {_file_count(facts['files'])}, {_written(facts['written'], facts.get('revised', 0))}")
        parts += [f"{error['path']}: {error['message']}" for error in facts["errors"]]
    return "; ".join(parts) or _("nothing to import")


def _file_count(count: int) -> str:
    return ngettext("{count} file", "{count} files", count).format(count=count)


def _written(written: int, revised: int) -> str:
    """How many bars an import wrote, and how many of them took the place of another value."""
    new = ngettext("{count} bar written", "{count} bars written", written).format(count=written)
    if not revised:
        return new
    old = _("of them revised: {count}").format(count=revised)
    return f"{new} ({old})"


def _checked(detail: Mapping[str, Any]) -> str:
    told = ngettext(
        "{fresh} of {watched} symbol has the bar of {session}",
        "{fresh} of {watched} symbols have the bar of {session}",
        detail["watched"],
    )
    return told.format(fresh=detail["fresh"], watched=detail["watched"], session=day(detail["session"]))


def _adjusted(detail: Mapping[str, Any]) -> str:
    symbols = ngettext("{count} symbol", "{count} symbols", detail["adjusted"]).format(count=detail["adjusted"])
    told = ngettext(
        "{count} event of {symbols} taken out of the prices",
        "{count} events of {symbols} taken out of the prices",
        detail["events"],
    )
    return told.format(count=detail["events"], symbols=symbols)


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

    line = step_line(detail)
    return f"{line}; {detail['error']['message']}" if "error" in detail else line


def _anomalies(detail: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{item['symbol']} {anomaly_name(item['kind'])}" for item in detail["anomalies"][:LISTED])
    return listed + more(len(detail["anomalies"]), LISTED) if listed else _("none")


def _paper(detail: Mapping[str, Any]) -> str:
    from tui.reports.paper import day_line

    return day_line(detail)


def _files(detail: Mapping[str, Any]) -> str:
    if "error" in detail:
        return str(detail["error"]["message"])
    count = len(detail["files"])
    return ngettext("{count} file in data/out", "{count} files in data/out", count).format(count=count) if count else _("none")


def _summary(detail: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in detail["wrong"].items()) or _("written")


def _messages(detail: Mapping[str, Any]) -> str:
    from tui.reports.notify import step_line

    return step_line(detail)
