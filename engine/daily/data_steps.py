"""The steps that bring the data in and judge them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.daily.step import Findings, Outcome
from engine.domain import Bars, RemoteSource, from_day_number
from engine.errors import FileError, NoDataError, PregaoError
from engine.i18n import _
from engine.store.bars import read_many, symbols_with_bars
from engine.store.coverage import event_sessions, unexplained_jumps
from engine.store.events import adjusted

if TYPE_CHECKING:
    from engine.daily.plan import Plan

#: A symbol without a bar for so many sessions has ended or is suspended; it is said, and not waited for.
ENDED_AFTER = 20
#: Sessions among which gaps are looked for.
GAPS_IN = 60


def fetch(plan: Plan, _findings: Findings) -> Outcome:
    """Bring the files of the sources that are elsewhere to this machine; one that does not answer does not stop the others."""
    fetched: dict[str, Any] = {}
    for source in plan.sources:
        if not isinstance(source, RemoteSource):
            continue
        try:
            fetched[source.name] = {"files": source.fetch(from_day_number(plan.session), plan.progress)}
        except PregaoError as error:
            fetched[source.name] = {"error": error.as_dict()}
    refused = any("error" in facts for facts in fetched.values())
    return Outcome("partial" if refused else "done", fetched)


def collect(plan: Plan, _findings: Findings) -> Outcome:
    """Import what the sources have; a refused file does not stop the others."""
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
            "revised": sum(report["revised"] for report in reports),
            "unchanged": sum(report["unchanged"] for report in reports),
            "errors": [{"path": report["path"], **report["error"]} for report in reports if report["error"]],
        }
    return Outcome("partial" if refused else "done", collected)


def check(plan: Plan, findings: Findings) -> Outcome:
    """Compare the newest bar of every watched symbol with the target session, and look for gaps and for jumps that nothing explains."""
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
    newest_all = max((int(bars.session[-1]) for bars in findings.bars.values()), default=None)
    fresh = {symbol: findings.bars[symbol] for symbol in findings.fresh}
    detail = {
        "session": from_day_number(plan.session).isoformat(),
        "newest": None if newest_all is None else from_day_number(newest_all).isoformat(),
        "watched": len(symbols),
        "fresh": len(fresh),
        "stale": stale,
        "ended": ended,
        "missing": missing if findings.named else [],
        "gaps": _gaps(plan, fresh),
        "jumps": _jumps(plan, fresh),
    }
    blocked = not fresh or (findings.named and (stale or missing))
    return Outcome("stale" if blocked else "done", detail)


def _gaps(plan: Plan, fresh: Mapping[str, Bars]) -> dict[str, int]:
    """Symbols with sessions without a bar among the newest ones, and how many; those before its first bar do not count."""
    sessions = plan.desk.calendar.sessions
    newest = sessions[: np.searchsorted(sessions, plan.session, side="right")][-GAPS_IN:]
    counts = {
        symbol: int(np.count_nonzero(~np.isin(newest[newest >= bars.session[0]], bars.session))) for symbol, bars in fresh.items()
    }
    return {symbol: count for symbol, count in counts.items() if count}


def _jumps(plan: Plan, fresh: Mapping[str, Bars]) -> dict[str, float]:
    """Symbols whose first price of the session is far from the close before, by how much, where no stored event explains it."""
    events = event_sessions(plan.desk.store)
    newest = {symbol: bars.take(slice(len(bars) - 2, len(bars))) for symbol, bars in fresh.items() if len(bars) > 1}
    return {
        symbol: jump.change
        for symbol, bars in newest.items()
        for jump in unexplained_jumps(bars, events.get(symbol, frozenset()))
    }


def adjust(plan: Plan, findings: Findings) -> Outcome:
    """Take the events known by then out of the prices; a symbol with one that cannot be is no longer fresh."""
    by_events: dict[str, int] = {}
    impossible: dict[str, str] = {}
    for symbol in findings.fresh:
        try:
            findings.bars[symbol], events = adjusted(plan.desk.store, findings.bars[symbol], plan.cut)
        except FileError as error:
            impossible[symbol] = error.message
            continue
        if events is not None:
            by_events[symbol] = int(np.count_nonzero(events.present))
    findings.fresh = [symbol for symbol in findings.fresh if symbol not in impossible]
    detail = {"adjusted": len(by_events), "events": sum(by_events.values()), "impossible": impossible}
    return Outcome("partial" if impossible else "done", detail)
