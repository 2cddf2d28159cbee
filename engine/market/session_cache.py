"""The sessions of B3 as the calendar keeps them in a file, for readers without NumPy; standard library only.

Days are integers since 1970-01-01, instants UTC seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from engine.domain import day_number
from engine.market.hours import close_of


@dataclass(frozen=True, slots=True)
class CachedSessions:
    """Every session up to the day `last`, increasing; later days are not known."""

    sessions: tuple[int, ...]
    last: int


def cache_path(folder: Path, release: str) -> Path:
    """The file for one release of exchange_calendars."""
    return folder / f"sessions-bvmf-{release}.json"


def read_sessions(path: Path) -> CachedSessions | None:
    """The sessions in one file; None when it is absent or damaged."""
    try:
        content = json.loads(path.read_bytes())
        sessions, last = content["sessions"], content["last"]
        sound = content["sha256"] == _digest(sessions, last)
        return CachedSessions(tuple(sessions), int(last)) if sound else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_sessions(path: Path, sessions: Sequence[int], last: int) -> None:
    """Replace the file at once; a folder that cannot be written costs only the time of the next build."""
    days = list(sessions)
    content = {"sessions": days, "last": last, "sha256": _digest(days, last)}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "w") as stream:
                json.dump(content, stream)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def find_sessions(
    folder: Path, extra_sessions: Iterable[date] = (), extra_closures: Iterable[date] = ()
) -> CachedSessions | None:
    """The sessions in the newest sound file of `folder`, with the user's corrections; None when there is no such file."""
    found = None
    with suppress(OSError):
        paths = sorted(folder.glob(cache_path(folder, "*").name), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        found = next((item for path in paths if (item := read_sessions(path)) is not None), None)
    added, closed = ({day_number(day) for day in days} for days in (extra_sessions, extra_closures))
    if found is None or not (added or closed):
        return found
    return CachedSessions(tuple(sorted((set(found.sessions) | added) - closed)), found.last)


def last_closed_session(known: CachedSessions | None, now: int, delay: int = 0) -> int | None:
    """The newest session whose regular close lies at least `delay` seconds before `now`; None when it is not known."""
    if known is None or now >= (known.last + 1) * 86_400:
        return None
    at = bisect_right(known.sessions, now // 86_400) - 1
    while at >= 0 and close_of(known.sessions[at]) + delay > now:
        at -= 1
    return known.sessions[at] if at >= 0 else None


def sessions_behind(day: int, today: int | None, known: CachedSessions | None) -> int | None:
    """How many sessions lie after `day` up to and with `today`; 0 when `day` is not earlier.

    `today` is the newest session that could be there, as `last_closed_session` gives it. None ("unknown yet") when
    `today` or the sessions are not known.
    """
    if known is None or today is None or today > known.last or not known.sessions or day < known.sessions[0]:
        return None
    return max(bisect_right(known.sessions, today) - bisect_right(known.sessions, day), 0)


def _digest(sessions: Sequence[int], last: int) -> str:
    return sha256(json.dumps([list(sessions), last]).encode()).hexdigest()
