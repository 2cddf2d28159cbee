"""The rows of jobs, with the standard library alone: the app reads and writes them around its first frame.

queued -> running -> done | failed | cancelled; a queued or running job whose process is gone is lost. One process owns a
running job: it claims it by compare-and-set, and only its own pid may change it from then on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.domain import iso
from engine.errors import StoreError, UsageError
from engine.i18n import _

ACTIVE = ("queued", "running")
LOCK_WAIT_SECONDS = 60.0
#: How long a write that may be left for the next time waits for the lock.
BRIEFLY = 0.2

COLUMNS = (
    "id, kind, params, status, created_at, started_at, finished_at, heartbeat_at, pid, cancel_requested, done, total, note, error"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Times are UTC seconds. done of total units of its present stage; total is None while it is not known.

    result is None until the job is done, and in lists, which leave it out.
    """

    id: int
    kind: str
    params: dict[str, Any]
    status: str
    created_at: int
    started_at: int | None = None
    finished_at: int | None = None
    heartbeat_at: int | None = None
    pid: int | None = None
    cancel_requested: bool = False
    done: int = 0
    total: int | None = None
    note: str = ""
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether it may still change by itself."""
        return self.status in ACTIVE

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, without the result."""
        return {
            "id": self.id,
            "kind": self.kind,
            "params": self.params,
            "status": self.status,
            "created_at": iso(self.created_at),
            "started_at": None if self.started_at is None else iso(self.started_at),
            "finished_at": None if self.finished_at is None else iso(self.finished_at),
            "heartbeat_at": None if self.heartbeat_at is None else iso(self.heartbeat_at),
            "pid": self.pid,
            "cancel_requested": self.cancel_requested,
            "done": self.done,
            "total": self.total,
            "note": self.note,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that a job said. seq counts from 1; `progress` and `finished` are not stored and have seq 0."""

    job: int
    seq: int
    at: int
    kind: str
    payload: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"seq": self.seq, "time": iso(self.at), "kind": self.kind, "payload": self.payload}


@contextmanager
def opened(path: Path, wait: float = LOCK_WAIT_SECONDS) -> Iterator[sqlite3.Connection]:
    """A connection that commits each statement, waits `wait` seconds for the write lock, and raises StoreError in words."""
    try:
        connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
    except sqlite3.Error as error:
        raise _refused(path, error) from error
    try:
        yield connection
    except sqlite3.Error as error:
        raise _refused(path, error) from error
    finally:
        connection.close()


def _refused(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(_("The database {path} refused: {error}").format(path=path, error=error))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _has_jobs(path: Path) -> bool:
    """Whether there is a store that knows jobs; neither an absent nor an older one does."""
    if not path.exists():
        return False
    with opened(path) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'job_events'").fetchone() is not None


def add_job(path: Path, kind: str, params: Mapping[str, Any], now: int) -> int:
    """Write a queued job and return its id. params must be plain JSON; UsageError when they are not."""
    try:
        text = json.dumps(dict(params), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(_("The parameters of a job must be plain JSON: {error}").format(error=error)) from error
    with opened(path) as connection:
        made = connection.execute(
            "INSERT INTO jobs (kind, params, status, created_at, cancel_requested, done, note) VALUES (?, ?, 'queued', ?, 0, 0, '')",
            (kind, text, now),
        )
        return int(made.lastrowid or 0)


def list_jobs(path: Path, limit: int = 50, *, active: bool = False, kind: str = "") -> list[Job]:
    """The newest jobs first, without their results; with `active` only those queued or running, with `kind` only those of it."""
    if not _has_jobs(path):
        return []
    chosen = "AND status IN ('queued', 'running')" if active else ""
    with opened(path) as connection:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM jobs WHERE ?1 IN ('', kind) {chosen} ORDER BY id DESC LIMIT ?2", (kind, limit)
        )
        return [_job(row) for row in rows]


def read_job(path: Path, job_id: int, *, result: bool = True) -> Job:
    """One job, with its result unless that is not wanted (it can be megabytes). Raises UsageError when there is none of this id."""
    row = None
    if _has_jobs(path):
        columns = f"{COLUMNS}, result" if result else COLUMNS
        with opened(path) as connection:
            row = connection.execute(f"SELECT {columns} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise UsageError(_("There is no job {id}").format(id=job_id), _("`pregao jobs` lists them."))
    return _job(row)


def _job(row: Sequence[Any]) -> Job:
    names = COLUMNS.split(", ")
    values = dict(zip([*names, "result"], row))
    for name in ("params", "error", "result"):
        values[name] = json.loads(values[name]) if values.get(name) else None
    return Job(**{**values, "cancel_requested": bool(values["cancel_requested"])})


def read_events(path: Path, job_id: int, after: int = 0) -> list[JobEvent]:
    """What the job said after event number `after`, in order."""
    if not _has_jobs(path):
        return []
    with opened(path) as connection:
        rows = connection.execute(
            "SELECT job_id, seq, at, kind, payload FROM job_events WHERE job_id = ? AND seq > ? ORDER BY seq", (job_id, after)
        )
        return [JobEvent(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows]


def claim_job(path: Path, job_id: int, pid: int, now: int) -> Job | None:
    """Make a queued job the running one of process `pid`; None when another has it or it is no longer queued."""
    with opened(path) as connection:
        claimed = connection.execute(
            "UPDATE jobs SET status = 'running', pid = ?, started_at = ?, heartbeat_at = ? WHERE id = ? AND status = 'queued'",
            (pid, now, now, job_id),
        )
        if claimed.rowcount != 1:
            return None
    return read_job(path, job_id)


def ask_to_cancel(path: Path, job_id: int, now: int) -> bool:
    """Ask a running job to stop, and end a queued one at once; False when it has ended already."""
    with opened(path) as connection, _transaction(connection):
        queued = connection.execute(
            "UPDATE jobs SET status = 'cancelled', cancel_requested = 1, finished_at = ? WHERE id = ? AND status = 'queued'",
            (now, job_id),
        )
        running = connection.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND status = 'running'", (job_id,))
        return queued.rowcount + running.rowcount > 0


def is_cancel_requested(connection: sqlite3.Connection, job_id: int) -> bool:
    """Whether somebody asked this job to stop."""
    row = connection.execute("SELECT cancel_requested FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row is not None and bool(row[0])


def beat(
    connection: sqlite3.Connection,
    job_id: int,
    pid: int,
    now: int,
    progress: tuple[int, int | None, str],
    events: Sequence[JobEvent] = (),
) -> bool:
    """Write that the job is alive, how far it is and what it said; False when the lock was not free in time.

    A job that was taken for lost while its machine slept is running again when it speaks.
    """
    try:
        with _transaction(connection):
            connection.execute(
                "UPDATE jobs SET heartbeat_at = ?, done = ?, total = ?, note = ?, status = 'running', finished_at = NULL, error = NULL"
                " WHERE id = ? AND pid = ? AND status IN ('running', 'lost')",
                (now, *progress, job_id, pid),
            )
            _write_events(connection, events)
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    return True


def _write_events(connection: sqlite3.Connection, events: Sequence[JobEvent]) -> None:
    connection.executemany(
        "INSERT INTO job_events (job_id, seq, at, kind, payload) VALUES (?, ?, ?, ?, ?)",
        [(event.job, event.seq, event.at, event.kind, json.dumps(event.payload, ensure_ascii=False)) for event in events],
    )


def finish_job(
    path: Path,
    job_id: int,
    pid: int | None,
    status: str,
    now: int,
    *,
    progress: tuple[int, int | None, str] = (0, None, ""),
    result: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
    events: Sequence[JobEvent] = (),
) -> bool:
    """Write how the job ended, with its result or error and its last events, in one transaction.

    pid is that of the process which claimed it, None for a job that never started. False when it was not this process's.
    """
    with opened(path) as connection, _transaction(connection):
        ended = connection.execute(
            "UPDATE jobs SET status = ?, finished_at = ?, heartbeat_at = ?, done = ?, total = ?, note = ?, result = ?, error = ?"
            " WHERE id = ? AND pid IS ? AND status IN ('queued', 'running', 'lost')",
            (status, now, now, *progress, _text(result), _text(error), job_id, pid),
        )
        if ended.rowcount == 1:
            _write_events(connection, events)
        return ended.rowcount == 1


def is_free(path: Path) -> bool:
    """Whether nobody is writing to the store just now."""
    with opened(path, BRIEFLY) as connection:
        try:
            with _transaction(connection):
                return True
        except sqlite3.OperationalError as failure:
            if _is_busy(failure):
                return False
            raise


def give_up(path: Path, job: Job, status: str, now: int, error: Mapping[str, Any], wait: float = BRIEFLY) -> bool:
    """End a job as `lost` or `cancelled` unless it has stirred since `job` was read; False also while the store is busy."""
    with opened(path, wait) as connection:
        try:
            ended = connection.execute(
                "UPDATE jobs SET status = ?, finished_at = ?, error = ? WHERE id = ? AND status = ? AND heartbeat_at IS ?",
                (status, now, _text(error), job.id, job.status, job.heartbeat_at),
            )
        except sqlite3.OperationalError as failure:
            if _is_busy(failure):
                return False
            raise
        return ended.rowcount == 1


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
