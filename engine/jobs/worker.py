"""The process that runs one job: `python -m engine.jobs.worker ID`, with the workspace in PREGAO_HOME and PREGAO_DEMO.

It claims the job's row, runs the kind's function and writes how it ended. JSON lines about progress go to what was stdout
at the start; stdout itself then leads to stderr, so that a stray print cannot break them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.desk import Desk, open_desk, utc_now
from engine.domain import jsonable
from engine.errors import PregaoError, UsageError
from engine.i18n import _
from engine.jobs.kinds import KINDS, Cancelled, Failed, Kind, summary
from engine.jobs.pulse import Pulse, Stream
from engine.store.job_ledger import Job, claim_job, finish_job
from engine.workspace import Workspace, find_workspace

NICENESS = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended."""

    status: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    note: str = ""


def main(argv: Sequence[str] | None = None, kinds: Mapping[str, Kind] = KINDS, now: Callable[[], int] = utc_now) -> int:
    """Run the job named on the line; 0 when it was run, however it ended, 1 when it was not this process's to run."""
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: cancelled.set())
    stream = Stream(_take_stdout())
    (word,) = sys.argv[1:] if argv is None else argv
    workspace = find_workspace(demo=os.environ.get("PREGAO_DEMO", "") not in ("", "0"))
    job = claim_job(workspace.database, int(word), os.getpid(), now())
    if job is None:
        return 1
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    pulse = Pulse(workspace, job, stream, now, cancelled)
    pulse.start()
    ending = _run(workspace, job, kinds, pulse, now)
    (done, total, note), events = pulse.end()
    if ending.status == "done" and total is not None:
        done = total
    finish_job(
        workspace.database,
        job.id,
        os.getpid(),
        ending.status,
        now(),
        progress=(done, total, ending.note or note),
        result=ending.result,
        error=ending.error,
        events=events,
    )
    stream.close()
    return 0


def _take_stdout() -> int | None:
    """A private copy of stdout, None where a pipe cannot be kept from blocking (Windows before Python 3.12)."""
    copy = os.dup(1)
    os.dup2(2, 1)
    if hasattr(os, "set_blocking"):
        return copy
    os.close(copy)
    return None


def _run(workspace: Workspace, job: Job, kinds: Mapping[str, Kind], pulse: Pulse, now: Callable[[], int]) -> Ending:
    try:
        work = kinds.get(job.kind)
        if work is None:
            raise UsageError(
                _("There is no kind of job named {name}").format(name=job.kind),
                _("Accepted: {list}.").format(list=", ".join(kinds)),
            )
        desk = open_desk(workspace, now)
        try:
            result = jsonable(_work(desk, work, job, pulse))
        finally:
            desk.close()
        return Ending("done", result, note=summary(job.kind, result))
    except Cancelled:
        log.info("job %d was cancelled", job.id)
        return Ending("cancelled")
    except Failed as failure:
        log.warning("job %d failed: %s", job.id, failure.error.message)
        return Ending("failed", jsonable(failure.result), jsonable(failure.error.as_dict()))
    except PregaoError as error:
        log.warning("job %d failed: %s", job.id, error.message)
        return Ending("failed", error=jsonable(error.as_dict()))
    except Exception as error:  # the last barrier: a defect is one sentence, with its traceback in the log
        log.exception("defect in job %d", job.id)
        sentence = _("Pregão failed by a defect of its own ({kind})").format(kind=type(error).__name__)
        return Ending(
            "failed", error=PregaoError(sentence, _("The details are in data/logs/pregao.log of the workspace.")).as_dict()
        )


def _work(desk: Desk, work: Kind, job: Job, pulse: Pulse) -> dict[str, Any]:
    pulse.progress(0, None)
    if desk.workspace.demo:
        from engine.ingestion.demo_market import refresh_demo

        refresh_demo(desk.store, desk.calendar, desk.now())
    return work(desk, job.params, pulse.progress, pulse.emit)


if __name__ == "__main__":
    raise SystemExit(main())
