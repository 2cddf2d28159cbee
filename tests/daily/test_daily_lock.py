"""One daily run at a time: who has it is said, and what a dead run left is taken over."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.daily import plan_run, run_daily
from engine.daily.lock import LEASE, hold_run
from engine.desk import Desk
from engine.errors import BusyError
from engine.store.file_lock import file_lock
from engine.store.ledger import Run, begin_run
from engine.store.run_locks import Holder, boot_id, read_lock, renew_lock, take_lock
from tests.desk_maker import MORNING, at_desk, call

ROOT = Path(__file__).parents[2]

#: Takes the lock of a workspace, says so, and waits for a line before it lets go.
HOLDING = """
import sys
from pathlib import Path
from engine.daily.lock import hold_run
from engine.desk import open_desk
from engine.workspace import Workspace
desk = open_desk(Workspace(Path(sys.argv[1])), lambda: int(sys.argv[2]))
with hold_run(desk):
    print("held", flush=True)
    sys.stdin.readline()
"""

RUNNING = """
import sys
from functools import partial
from engine import desk
from tui.cli import main
desk.open_desk = partial(desk.open_desk, now=lambda: int(sys.argv[2]))
sys.exit(main(["--run-daily", "--json", "--home", sys.argv[1]]))
"""


@contextmanager
def another(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process on this machine that has the lock."""
    words = [sys.executable, "-c", HOLDING, str(home), str(MORNING)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def elsewhere(expires_at: int, since: int = MORNING - 60) -> Holder:
    return Holder("server:42", "server", "another-boot", since, expires_at)


def test_a_second_run_says_who_has_it_since_when(home: Path) -> None:
    with another(home) as process:
        called = call("--run-daily", "--json", home=home)
        assert (called.code, called.out, called.error["type"]) == (1, "", "BusyError")
        assert f"{socket.gethostname()}:{process.pid}" in called.error["message"]
        assert "2025-07-01T08:00" in called.error["message"]
        process.communicate("\n", timeout=20)
    assert call("--run-daily", "--json", home=home).json["notes"] == []


def test_a_run_is_running_as_long_as_its_process_has_the_lock(home: Path) -> None:
    def begun(at: int, name: str) -> Run:
        return Run(name, 20_000 + MORNING - at, "close", False, "running", at, None, 0, "1", "")

    def states() -> dict[str, str]:
        return {run["id"]: run["status"] for run in call("runs", "--json", home=home).json["runs"]}

    with another(home) as process:
        at_desk(
            home, lambda desk: [begin_run(desk.store, begun(MORNING - 9, "old")), begin_run(desk.store, begun(MORNING, "new"))]
        )
        assert states() == {"old": "unfinished", "new": "running"}
        process.kill()
        process.wait(20)
        assert states() == {"old": "unfinished", "new": "unfinished"}


@pytest.mark.parametrize(("expires_at", "status"), [(MORNING + 1, "running"), (MORNING, "unfinished")])
def test_a_run_of_another_machine_is_running_until_its_lock_expires(home: Path, expires_at: int, status: str) -> None:
    def begin(desk: Desk) -> None:
        take_lock(desk.store, elsewhere(expires_at))
        begin_run(desk.store, Run("there", 20_000, "close", False, "running", MORNING - 60, None, 0, "1", ""))

    at_desk(home, begin)
    assert call("runs", "--json", home=home).json["runs"][0]["status"] == status


def test_a_killed_run_is_taken_over_at_once_and_said(home: Path) -> None:
    with another(home) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    called = call("--run-daily", "--json", home=home)
    assert called.code == 0
    (note,) = called.json["notes"]
    assert f":{process.pid})" in note
    assert at_desk(home, lambda desk: read_lock(desk.store)) is None
    shown = call("--run-daily", home=home)
    assert "done already" in shown.out


@pytest.mark.parametrize(
    ("expires_at", "free"),
    [
        (MORNING + 1, False),
        (MORNING + LEASE, False),
        (MORNING, True),
        (MORNING - 5, True),
        (MORNING + LEASE + 5, False),
        (MORNING + 2 * LEASE + 1, True),
    ],
)
def test_a_run_of_another_machine_is_waited_for_until_it_expires(home: Path, expires_at: int, free: bool) -> None:
    """One that ends a whole term later than a new one was written before a clock was set back; clocks may differ by less."""

    def run(desk: Desk) -> None:
        assert take_lock(desk.store, elsewhere(expires_at)) == (True, None)
        if not free:
            with pytest.raises(BusyError, match="server:42"):
                run_daily(plan_run(desk))
            return
        (note,) = run_daily(plan_run(desk)).notes[:1]
        assert "server:42" in note

    at_desk(home, run)


def test_a_row_of_this_machine_is_left_over_whatever_its_expiry(home: Path) -> None:
    """Its name may be that of a container, its boot that of this system, or the other way round after a restart."""

    def run(desk: Desk) -> None:
        here = boot_id()
        rows = [Holder("box:1", "box", here, MORNING, MORNING + 9)] if here else []
        for row in (*rows, Holder(f"{socket.gethostname()}:1", socket.gethostname(), "old", MORNING, MORNING + 9)):
            take_lock(desk.store, row)
            with hold_run(desk) as lock:
                assert len(lock.notes) == 1

    at_desk(home, run)


def test_the_lock_is_renewed_and_a_run_that_lost_it_stops(home: Path) -> None:
    def run(desk: Desk) -> None:
        with hold_run(desk) as lock:
            assert renew_lock(desk.store, lock.holder.owner, MORNING + 5)
            lock.renew()
            held = read_lock(desk.store)
            assert held is not None
            assert (held.owner, held.expires_at) == (f"{socket.gethostname()}:{os.getpid()}", MORNING + LEASE)
            with desk.store.write() as connection:
                connection.exec_driver_sql("UPDATE run_locks SET owner = 'server:42', host = 'server'")
            with pytest.raises(BusyError):
                lock.renew()
        left = read_lock(desk.store)
        assert left is not None
        assert left.owner == "server:42"

    at_desk(home, run)


def test_an_error_lets_go_of_the_lock(tmp_path: Path) -> None:
    assert call("--run-daily", home=tmp_path).code == 3
    assert at_desk(tmp_path, lambda desk: read_lock(desk.store)) is None


def test_runs_that_start_together_leave_one_day(home: Path) -> None:
    words = [sys.executable, "-c", RUNNING, str(home), str(MORNING)]
    started = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(process.communicate(timeout=60), process.returncode) for process in started]
    assert {code for _answer, code in ended} <= {0, 1}
    assert [code for _answer, code in ended].count(0) >= 1
    assert all(json.loads(err)["error"]["type"] == "BusyError" for (_out, err), code in ended if code)
    (run,) = call("runs", "--json", home=home).json["runs"]
    assert run["status"] == "done"


def test_somebody_who_only_looks_whether_a_run_is_alive_keeps_none_from_starting(home: Path) -> None:
    def run(desk: Desk) -> str:
        path = desk.store.path.with_name(f"{desk.store.path.stem}-daily.lock")
        held = threading.Event()

        def look() -> None:
            with file_lock(path) as free:
                assert free
                held.set()
                time.sleep(0.08)

        looking = threading.Thread(target=look)
        looking.start()
        held.wait(5)
        report = run_daily(plan_run(desk))
        looking.join()
        return report.status

    assert at_desk(home, run) == "done"
