"""Who runs the daily run: one row, so that two machines on one database do not run it at once, and beside the database a file that its
process keeps locked. Times are UTC seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store.file_lock import file_lock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the lock since then, until expires_at unless it renews. owner: host:pid. boot: of its running system, or empty."""

    owner: str
    host: str
    boot: str
    since: int
    expires_at: int


#: The state of a run that is recorded as running though its process is gone.
UNFINISHED = "unfinished"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
COLUMNS = "owner, host, boot, since, expires_at"


def lock_path(store: Store) -> Path:
    """The file that a daily run on this machine keeps locked."""
    return store.path.with_name(f"{store.path.stem}-daily.lock")


def boot_id() -> str:
    """What tells one running system from another: the boot id of Linux, which containers share with their host, else empty."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def with_states(store: Store, runs: Sequence[Mapping[str, Any]], now: int) -> list[dict[str, Any]]:
    """The runs as `ledger.list_runs` gives them, but for the status of those whose process is gone, which is UNFINISHED."""
    found = [dict(run) for run in runs]
    open_runs = [run for run in found if run["status"] == "running"]
    holder = read_lock(store) if open_runs else None
    alive = holder is not None and _lives(store, holder, now)
    for run in open_runs:
        if holder is None or not alive or run["started_at"] < holder.since:
            run["status"] = UNFINISHED
    return found


def _lives(store: Store, holder: Holder, now: int) -> bool:
    """Whether the process that has the row still runs: on this machine it keeps the file locked, on another the row has not expired."""
    if not _same_machine(holder, Holder("", socket.gethostname(), boot_id(), now, now)):
        return now < holder.expires_at
    path = lock_path(store)
    if not path.exists():
        return False
    try:
        with file_lock(path) as free:
            return not free
    except OSError:
        return now < holder.expires_at


def take_lock(store: Store, mine: Holder) -> tuple[bool, Holder | None]:
    """Take the lock unless a process of another machine has it: whether it was taken, and whose row was there.

    A row of this machine (the same host or boot) counts as left over: the caller knows that none of its processes has the lock. Another
    one is void when it has expired, or ends a whole term later than a new one would: it was written before a clock was set back. Clocks
    that differ by less than a term void nothing.
    """
    with store.write() as connection:
        earlier = _read(connection)
        latest = mine.expires_at + (mine.expires_at - mine.since)
        if earlier is not None and mine.since < earlier.expires_at <= latest and not _same_machine(earlier, mine):
            return False, earlier
        connection.exec_driver_sql("DELETE FROM run_locks")
        connection.exec_driver_sql(f"INSERT INTO run_locks (id, {COLUMNS}) VALUES (1, ?, ?, ?, ?, ?)", astuple(mine))
        return True, earlier


def renew_lock(store: Store, owner: str, expires_at: int) -> bool:
    """Keep the lock until then; False when it is no longer the owner's."""
    with store.write() as connection:
        done = connection.exec_driver_sql("UPDATE run_locks SET expires_at = ? WHERE owner = ?", (expires_at, owner))
        return bool(done.rowcount)


def read_lock(store: Store) -> Holder | None:
    """Who has the lock, or had it and was killed; None where nobody has."""
    with store.read() as connection:
        return _read(connection)


def release_lock(store: Store, owner: str) -> None:
    """Let go of the lock, if it is still the owner's."""
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM run_locks WHERE owner = ?", (owner,))


def _read(connection: Connection) -> Holder | None:
    row = connection.exec_driver_sql(f"SELECT {COLUMNS} FROM run_locks").first()
    return None if row is None else Holder(*row)


def _same_machine(one: Holder, other: Holder) -> bool:
    return one.host == other.host or (one.boot == other.boot != "")
