"""The steps that bring the data in and judge them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.daily.step import Findings, Outcome
from engine.domain import from_day_number
from engine.errors import FileError, NoDataError, PregaoError
from engine.i18n import _
from engine.store.bars import read_many, symbols_with_bars
from engine.store.events import adjusted

if TYPE_CHECKING:
    from engine.daily.plan import Plan

#: A symbol without a bar for so many sessions has ended or is suspended; it is said, and not waited for.
ENDED_AFTER = 20


def collect(plan: Plan, _findings: Findings) -> Outcome:
    """Bring in what the sources have; a refused file does not stop the others."""
    collected: dict[str, Any] = {}
    refused = 0
    for source in plan.sources:
        try:
            reports = [report.as_dict() for report in source.collect(from_day_number(plan.session), plan.progress)]
        except PregaoError as error:
            refused += 1
            collected[source.name] = {"error": error.as_dict()}
            continue
        refused += sum(report["error"] is not None for report in reports)
        collected[source.name] = {
            "files": len(reports),
            "written": sum(report["written"] for report in reports),
            "unchanged": sum(report["unchanged"] for report in reports),
            "errors": [{"path": report["path"], **report["error"]} for report in reports if report["error"]],
        }
    return Outcome("partial" if refused else "done", collected)


def check_freshness(plan: Plan, findings: Findings) -> Outcome:
    """Compare the newest bar of every watched symbol with the target session."""
    store, calendar = plan.desk.store, plan.desk.calendar
    symbols = findings.watched or symbols_with_bars(store)
    if not symbols:
        raise NoDataError(
            _("There are no bars yet."),
            _("Import a file with `pregao import FILE`, or look at the demo with `pregao --demo --run-daily`."),
        )
    findings.bars = read_many(store, symbols, "1d", cut=plan.cut)
    stale: dict[str, int] = {}
    ended: dict[str, str] = {}
    for symbol, bars in findings.bars.items():
        newest = int(bars.session[-1])
        behind = int(np.searchsorted(calendar.sessions, plan.session) - np.searchsorted(calendar.sessions, newest))
        if behind > ENDED_AFTER and not findings.named:
            ended[symbol] = from_day_number(newest).isoformat()
        elif behind > 0:
            stale[symbol] = behind
    missing = [symbol for symbol in symbols if symbol not in findings.bars]
    findings.fresh = [symbol for symbol in findings.bars if symbol not in stale and symbol not in ended]
    impossible = _adjust(plan, findings)
    newest_all = max((int(bars.session[-1]) for bars in findings.bars.values()), default=None)
    detail = {
        "session": from_day_number(plan.session).isoformat(),
        "newest": None if newest_all is None else from_day_number(newest_all).isoformat(),
        "watched": len(symbols),
        "fresh": len(findings.fresh),
        "stale": stale,
        "ended": ended,
        "missing": missing if findings.named else [],
    }
    if impossible:
        detail["impossible_events"] = impossible
    blocked = not findings.fresh or (findings.named and (stale or missing))
    return Outcome("stale" if blocked else "partial" if impossible else "done", detail)


def _adjust(plan: Plan, findings: Findings) -> dict[str, str]:
    """Take the events known by then out of the prices; a symbol with one that cannot be is no longer fresh: symbol and reason."""
    impossible: dict[str, str] = {}
    for symbol in findings.fresh:
        try:
            findings.bars[symbol], _events = adjusted(plan.desk.store, findings.bars[symbol], plan.cut)
        except FileError as error:
            impossible[symbol] = error.message
    findings.fresh = [symbol for symbol in findings.fresh if symbol not in impossible]
    return impossible
