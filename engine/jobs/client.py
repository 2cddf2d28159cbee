"""Starting, watching and stopping jobs, for the app and the commands. Standard library only, until a store must be made.

Every call opens the store for itself and may be made from any thread. `submit`, `cancel` and `kill` write, so they can
wait while an import publishes: an app calls them in a thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from engine.desk import utc_now
from engine.errors import PregaoError
from engine.i18n import _
from engine.store import job_ledger
from engine.store.job_ledger import LOCK_WAIT_SECONDS, Job, JobEvent
from engine.workspace import Workspace

WORKER = (sys.executable, "-P", "-m", "engine.jobs.worker")
#: A running job that has not written for so long is lost, whatever its process id says (ids are used again).
STALE_SECONDS = 15
#: A job that no process has claimed for so long was never started.
UNCLAIMED_SECONDS = 60
#: How long a living process is given to write its heartbeat once the store is free.
HEARD_SECONDS = 0.7
POLL_SECONDS = 0.5
REAP_EVERY = 4
CHUNK = 1 << 16


class JobClient:
    """The jobs of one workspace."""

    def __init__(self, workspace: Workspace, *, now: Callable[[], int] = utc_now, command: Sequence[str] = WORKER) -> None:
        self._workspace = workspace
        self._path = workspace.database
        self._now = now
        self._command = tuple(command)
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._pipes: dict[int, IO[bytes]] = {}

    def submit(self, kind: str, params: Mapping[str, Any]) -> int:
        """Write the job's row, start its process and return the id; the process goes on when this one ends.

        Makes or migrates the store first where that is due. Raises StoreError, SettingsError, UsageError for parameters that
        are no plain JSON, and PregaoError when no process can be started (the row then says so too).
        """
        from engine.store.database import open_store

        self._workspace.prepare()
        open_store(self._path)
        job_id = job_ledger.add_job(self._path, kind, params, self._now())
        try:
            child = self._start(job_id)
        except OSError as error:
            failure = PregaoError(_("The process of the job could not be started: {error}").format(error=error.strerror or error))
            job_ledger.finish_job(self._path, job_id, None, "failed", self._now(), error=failure.as_dict())
            raise failure from error
        self._children[job_id] = child
        if child.stdout is not None:
            self._pipes[job_id] = child.stdout
        return job_id

    def _start(self, job_id: int) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PREGAO_HOME": str(self._workspace.home), "PREGAO_DEMO": str(int(self._workspace.demo))}
        with self._workspace.log_file.open("ab") as log:
            return subprocess.Popen(
                [*self._command, str(job_id)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=environment,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def jobs(self, limit: int = 50, *, kind: str = "") -> list[Job]:
        """The newest jobs first (of this kind, where one is given), without their results; `note` says what came of each."""
        return job_ledger.list_jobs(self._path, limit, kind=kind)

    def active(self) -> list[Job]:
        """The jobs that wait or run, whoever started them, newest first."""
        return job_ledger.list_jobs(self._path, active=True)

    def job(self, job_id: int, *, result: bool = True) -> Job:
        """One job, with its result unless that is not wanted. Raises UsageError when there is none of this id."""
        return job_ledger.read_job(self._path, job_id, result=result)

    def events(self, job_id: int, after: int = 0) -> list[JobEvent]:
        """What the job said after event number `after`, in order."""
        return job_ledger.read_events(self._path, job_id, after)

    def cancel(self, job_id: int) -> bool:
        """Ask a job to stop at its next progress call; False when it has ended already. Raises UsageError for an unknown id.

        A job that does not listen can be ended with `kill` after a while.
        """
        child = self._children.get(job_id)
        if child is not None and os.name == "posix" and child.poll() is None and self.job(job_id).status == "running":
            child.terminate()
        self.job(job_id)
        return job_ledger.ask_to_cancel(self._path, job_id, self._now())

    def kill(self, job_id: int) -> bool:
        """End a running job's process at once and write it down as cancelled; False when there is no such process."""
        job = self.job(job_id)
        if job.status != "running" or job.pid is None or self._why_gone(job):
            return False
        child = self._children.get(job_id)
        if child is not None:
            child.kill()
            child.wait()
        else:
            with suppress(ProcessLookupError):
                os.kill(job.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        job = self.job(job_id)
        return job.status == "running" and job_ledger.give_up(
            self._path, job, "cancelled", self._now(), _stopped().as_dict(), LOCK_WAIT_SECONDS
        )

    def reap(self) -> list[Job]:
        """Mark the jobs whose process is gone as lost (cancelled, if that was asked for) and return them as they are now.

        Does not wait for the store: while it is being written to, the jobs are left for the next call. A silent job whose process
        lives may have waited for the store too, and gets a moment to speak first.
        """
        gone = []
        for job in self.active():
            reason = self._why_gone(job)
            if not reason:
                continue
            if job.pid is not None and _runs(job.pid):
                if not job_ledger.is_free(self._path):
                    continue
                time.sleep(HEARD_SECONDS)
            status, error = ("cancelled", _stopped()) if job.cancel_requested else ("lost", PregaoError(reason, _again()))
            if job_ledger.give_up(self._path, job, status, self._now(), {**error.as_dict(), "type": "JobLost"}):
                gone.append(self.job(job.id))
        return gone

    def _why_gone(self, job: Job) -> str:
        """Why the job cannot be alive, in a sentence; empty when it may be."""
        child = self._children.get(job.id)
        if child is not None and child.poll() is not None:
            return _("The process of this job ended without saying how ({code}).").format(code=child.returncode)
        if job.pid is None:
            unclaimed = self._now() - job.created_at > UNCLAIMED_SECONDS
            return _("This job was never started.") if unclaimed else ""
        if self._now() - (job.heartbeat_at or 0) > STALE_SECONDS:
            return _("This job has given no sign of life for a while.")
        return "" if _runs(job.pid) else _("The process of this job is gone: it was killed, or the machine went down.")

    async def attach(self, job_id: int) -> AsyncIterator[JobEvent]:
        """What the job says from its first event on: its own events, `progress` (done, total, note), last `finished` (status).

        The first to attach to a job that this client started hears it at once, over its pipe; all others look at the store twice
        a second. Leaving the loop does not stop the job. Raises UsageError for an unknown id.
        """
        seen = 0
        pipe = self._pipes.pop(job_id, None)
        if pipe is not None:
            async for line in _lines(pipe):
                event = _heard(job_id, line, self._now())
                if event is not None:
                    seen = max(seen, event.seq)
                    yield event
        last: tuple[int, int | None, str] | None = None
        turn = 0
        while True:
            job = self.job(job_id, result=False)
            for event in self.events(job_id, seen):
                seen = event.seq
                yield event
            if not job.active:
                yield JobEvent(job_id, 0, self._now(), "finished", {"status": job.status})
                return
            if (job.done, job.total, job.note) != last:
                last = (job.done, job.total, job.note)
                yield JobEvent(job_id, 0, self._now(), "progress", dict(zip(("done", "total", "note"), last)))
            if turn % REAP_EVERY == 0:
                await asyncio.to_thread(self.reap)
            turn += 1
            await asyncio.sleep(POLL_SECONDS)


def _again() -> str:
    return _("Start it again: what it had finished is kept, and nothing is written twice.")


def _stopped() -> PregaoError:
    return PregaoError(_("The job was ended by force."), _again())


def _runs(pid: int) -> bool:
    """Whether there is a process of this id; on Windows, where asking could end it, the heartbeat alone decides."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _heard(job_id: int, line: bytes, now: int) -> JobEvent | None:
    """The event of one line; None for a line that is not ours."""
    try:
        value = json.loads(line)
        if value["event"] == "progress":
            return JobEvent(job_id, 0, now, "progress", {name: value[name] for name in ("done", "total", "note")})
        return JobEvent(job_id, int(value["seq"]), int(value["at"]), str(value["kind"]), dict(value["payload"]))
    except (ValueError, KeyError, TypeError):
        return None


async def _lines(pipe: IO[bytes]) -> AsyncIterator[bytes]:
    """The lines of a pipe until its end; when the reader leaves, the rest is read and thrown away.

    A daemon thread reads, as no event loop reads pipes on every system, and one of an executor would hold up the exit.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    left = threading.Event()

    def tell(line: bytes | None) -> None:
        if not left.is_set():
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        rest = b""
        while chunk := os.read(pipe.fileno(), CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                tell(line)
        pipe.close()
        tell(None)

    threading.Thread(target=read, name="job pipe", daemon=True).start()
    try:
        while (line := await queue.get()) is not None:
            yield line
    finally:
        left.set()
