"""A worker with kinds of work made for tests, run as a script, and how tests wait for it."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.desk import Desk
from engine.domain import Progress
from engine.errors import NoDataError
from engine.jobs.client import JobClient
from engine.jobs.kinds import KINDS, Emit
from engine.jobs.worker import main
from engine.store.job_ledger import Job

COMMAND = (sys.executable, "-P", __file__)
PATIENCE = 20.0


def count(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """Count to n with a pause before each number."""
    for number in range(params["n"]):
        progress(number, params["n"], f"number {number}")
        if params.get("say"):
            emit("number", {"number": number, "text": "x" * params["say"]})
        time.sleep(params["pause"])
    return {"counted": params["n"], "undefined": float("nan")}


def refuse(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    raise NoDataError("There are no bars of XPTO3", "Import some.")


def broken(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    raise ZeroDivisionError("a secret detail")


def noisy(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """Print on stdout in every way there is, around one proper event."""
    print('{"event": "progress", "done": 666, "total": 666, "note": "a lie"}', flush=True)
    os.write(1, b"\xff\xfe garbage\n")
    os.system("echo from a shell")
    emit("proper", {"number": 1})
    print("no newline", end="")
    return {}


def deaf(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """Work that reports once and never again."""
    progress(1, None)
    time.sleep(60)
    return {}


def hold(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    """Report from inside a long write transaction."""
    with desk.store.write():
        for number in range(8):
            progress(number, 8)
            emit("number", {"number": number})
            time.sleep(0.1)
    return {"held": True}


def setting(desk: Desk, params: dict[str, Any], progress: Progress, emit: Emit) -> dict[str, Any]:
    logging.getLogger("made").warning("in the log")
    stdin = sys.stdin.read()
    return {
        "home": str(desk.workspace.home),
        "demo": desk.workspace.demo,
        "nice": os.nice(0),
        "stdin": stdin,
        "session": os.getsid(0),
    }


MADE = {"count": count, "refuse": refuse, "broken": broken, "noisy": noisy, "deaf": deaf, "hold": hold, "setting": setting}


def wait_until(client: JobClient, job_id: int, wanted: Callable[[Job], bool] = lambda job: not job.active) -> Job:
    """The job as soon as it is as wanted (by default: ended)."""
    limit = time.monotonic() + PATIENCE
    while not wanted(job := client.job(job_id)):
        assert time.monotonic() < limit, f"still {job}"
        time.sleep(0.02)
    return job


def log_text(home: Path) -> str:
    return (home / "data" / "logs" / "pregao.log").read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    raise SystemExit(main(kinds={**KINDS, **MADE}))
