"""The life signs of a running job: a thread that writes them to the store, and a stream of lines that never waits."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.domain import jsonable
from engine.errors import StoreError
from engine.jobs.kinds import Cancelled
from engine.store.job_ledger import BRIEFLY, Job, JobEvent, beat, is_cancel_requested, opened
from engine.workspace import Workspace

LOOK_SECONDS = 0.25
STORE_SECONDS = 0.5
HEARTBEAT_SECONDS = 1.0
LINE_SECONDS = 0.1
MOST_PENDING = 1 << 20

log = logging.getLogger(__name__)


class Stream:
    """JSON lines on a pipe. Nobody reading, a slow reader and a dead one are all the same to the job: it goes on."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._pending = b""
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def write(self, value: dict[str, Any], *, needed: bool) -> None:
        """Send one line; one that is not needed is dropped while the reader is behind."""
        if self._descriptor is None or (self._pending and not needed) or len(self._pending) > MOST_PENDING:
            return
        self._pending += json.dumps(value, ensure_ascii=False).encode() + b"\n"
        try:
            self._pending = self._pending[os.write(self._descriptor, self._pending) :]
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def close(self) -> None:
        """End the stream, which tells the reader to look at the store."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


class Pulse(threading.Thread):
    """Keeps a job's row alive while the work runs in the main thread, and brings the wish to cancel back to it.

    Only this thread writes to the store, so that a progress call inside a transaction of the work cannot wait for itself.
    """

    def __init__(
        self, workspace: Workspace, job: Job, stream: Stream, now: Callable[[], int], cancelled: threading.Event
    ) -> None:
        super().__init__(name=f"pulse of job {job.id}", daemon=True)
        self._cancelled = cancelled
        self._workspace = workspace
        self._job = job
        self._stream = stream
        self._now = now
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._progress: tuple[int, int | None, str] = (0, None, "")
        self._events: list[JobEvent] = []
        self._seq = 0
        self._sent = 0.0

    def progress(self, done: int, total: int | None, note: str = "") -> None:
        """The Progress of the work. Raises Cancelled once somebody asked the job to stop."""
        if self._cancelled.is_set():
            raise Cancelled
        with self._lock:
            self._progress = done, total, note
            if time.monotonic() - self._sent >= LINE_SECONDS:
                self._sent = time.monotonic()
                self._stream.write({"event": "progress", "done": done, "total": total, "note": note}, needed=False)

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Record something that the job says."""
        with self._lock:
            self._seq += 1
            event = JobEvent(self._job.id, self._seq, self._now(), kind, jsonable(payload))
            self._events.append(event)
            line = {"event": "said", "seq": event.seq, "at": event.at, "kind": kind, "payload": event.payload}
            self._stream.write(line, needed=True)

    def run(self) -> None:
        written = (0, None, ""), time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            try:
                with opened(self._workspace.database, BRIEFLY) as connection:
                    connection.execute("PRAGMA synchronous=NORMAL")
                    written = self._live(connection, *written)
            except StoreError as error:
                log.warning("job %d cannot write its heartbeat: %s", self._job.id, error.message)

    def _live(self, connection: sqlite3.Connection, progress: Any, at: float) -> tuple[Any, float]:
        """Look and write until the job ends; returns what was written last, and when."""
        while not self._ended.wait(LOOK_SECONDS):
            if is_cancel_requested(connection, self._job.id):
                self._cancelled.set()
            with self._lock:
                latest, events = self._progress, list(self._events)
            age = time.monotonic() - at
            if age < (STORE_SECONDS if events or latest != progress else HEARTBEAT_SECONDS):
                continue
            if beat(connection, self._job.id, os.getpid(), self._now(), latest, events):
                progress, at = latest, time.monotonic()
                with self._lock:
                    del self._events[: len(events)]
        return progress, at

    def end(self) -> tuple[tuple[int, int | None, str], list[JobEvent]]:
        """Stop, and return the last progress and the events that are not written yet."""
        self._ended.set()
        self.join()
        return self._progress, self._events
