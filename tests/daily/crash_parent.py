"""A warm process that makes workspaces and forks runs which are killed; a script of the tests, asked by `CrashParent`.

It reads one JSON object a line, {"do": "make" | "run", "home", "after", "behind", "hook"}, and answers with one. It runs on one thread, so
that a child begins in a sound state, and every module is loaded, so that a kill falls into the run and not into its start.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
#: Seconds that a run may take when nobody kills it.
LONGEST = 120.0
#: BLAS and OpenMP begin no threads of their own.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Ran:
    """How a run ended: its exit code, or minus the signal that killed it, and what it printed. seconds: how long it lived; marks: how
    long it had lived when it told of each point of its hook.
    """

    code: int
    seconds: float
    out: str
    err: str
    marks: tuple[float, ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class CrashParent:
    """The warm process, as the tests see it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def make(self, home: Path) -> int:
        """Make the workspace of `crash_desk`; how many threads the process has."""
        return int(self._ask(do="make", home=str(home))["threads"])

    def run(self, home: Path, after: float | None = None, behind: int = 0, hook: Mapping[str, Any] | None = None) -> Ran:
        """The day's run in a child, killed so many seconds `after` it told of the point of that number (`behind`; 0: after it began)
        or where a hook says (see `_set_hook`), else to its end.
        """
        said = self._ask(do="run", home=str(home), after=after, behind=behind, hook=hook)
        return Ran(said["code"], said["seconds"], said["out"], said["err"], tuple(said["marks"]))

    def _ask(self, **words: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the warm process has ended"
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def crash_parent() -> Iterator[CrashParent]:
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("PREGAO_")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.daily.crash_parent"],
        cwd=ROOT,
        env={**clean, **ONE_THREAD, "LC_ALL": "C"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield CrashParent(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)


def serve() -> None:
    """Answer until nobody asks any more."""
    from engine.notifications.discord import DiscordChannel
    from tests.daily.crash_desk import make_desk

    DiscordChannel.pace = 0.0
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "make":
            make_desk(Path(asked["home"]))
            said: dict[str, Any] = {"threads": threading.active_count()}
        else:
            said = _fork(asked)
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _fork(asked: Mapping[str, Any]) -> dict[str, Any]:
    reads, writes = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if not child:
        os.close(reads)
        _child(asked, writes)
    os.close(writes)
    text, marks = b"", list[float]()
    while True:
        until = began + LONGEST
        if asked["after"] is not None and len(marks) >= asked["behind"]:
            until = began + (marks[asked["behind"] - 1] if asked["behind"] else 0.0) + asked["after"]
        ready, _, _ = select.select([reads], [], [], max(until - time.perf_counter(), 0.0))
        if not ready:
            os.kill(child, signal.SIGKILL)
            break
        part = os.read(reads, 1 << 16)
        text += part
        marks += [time.perf_counter() - began] * part.count(b"\n")
        if not part:
            break
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - began
    os.close(reads)
    last = text.decode(errors="replace").rpartition("\n")[2]
    out, err = json.loads(last) if last.startswith("[") and os.WIFEXITED(status) else ("", "")
    return {"code": os.waitstatus_to_exitcode(status), "seconds": seconds, "out": out, "err": err, "marks": marks}


def _child(asked: Mapping[str, Any], writes: int) -> NoReturn:
    from tests.daily.crash_desk import NOW
    from tests.desk_maker import call

    code = 70
    try:
        _set_hook(asked["hook"] or {}, lambda mark: os.write(writes, f"{mark}\n".encode()))
        called = call("--run-daily", "--json", home=Path(asked["home"]), now=NOW)
        os.write(writes, json.dumps([called.out, called.err]).encode())
        code = called.code
    finally:
        os._exit(code)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _set_hook(hook: Mapping[str, Any], tell: Callable[[str], object]) -> None:
    """Die at one point of the run, {"at", "number"}: "step" (before the work of the step of that number), "worked" (after it),
    "commit" (before the commit of that number), "committed" (after it), "replace" (before a file takes its place),
    "answer" (a message was taken by the other side, and that is not written down yet). Without a number each such point is told.
    """
    if not hook:
        return
    number, count = hook.get("number"), iter(range(1 << 30))

    def point() -> None:
        at = next(count)
        if number is None:
            tell(hook["at"])
        elif at == number:
            _die()

    _HOOKS[hook["at"]](point)


def _at_steps(point: Callable[[], None], *, before: bool) -> None:
    from dataclasses import replace

    from engine.daily import run

    def watched(step: Any) -> Any:
        def work(plan: Any, findings: Any) -> Any:
            if before:
                point()
            outcome = step.work(plan, findings)
            if not before:
                point()
            return outcome

        return replace(step, work=work)

    run.STEPS = tuple(watched(step) for step in run.STEPS)


def _at_commits(point: Callable[[], None], *, before: bool) -> None:
    from engine.store import database, publish

    whole = database.transaction

    @contextmanager
    def watched(connection: Any) -> Iterator[None]:
        with whole(connection):
            yield
            if before:
                point()
        if not before:
            point()

    database.transaction = publish.transaction = watched


def _at_replaces(point: Callable[[], None]) -> None:
    whole = Path.replace

    def watched(self: Path, target: Any) -> Path:
        point()
        return whole(self, target)

    Path.replace = watched  # type: ignore[method-assign]


def _at_answers(point: Callable[[], None]) -> None:
    from engine.store import outbox

    whole = outbox.mark_sent

    def watched(*arguments: Any) -> None:
        point()
        whole(*arguments)

    outbox.mark_sent = watched


_HOOKS: dict[str, Callable[[Callable[[], None]], None]] = {
    "step": lambda point: _at_steps(point, before=True),
    "worked": lambda point: _at_steps(point, before=False),
    "commit": lambda point: _at_commits(point, before=True),
    "committed": lambda point: _at_commits(point, before=False),
    "replace": _at_replaces,
    "answer": _at_answers,
}


if __name__ == "__main__":
    serve()
