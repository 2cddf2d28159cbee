"""The rows of jobs: who may change them, and what becomes of those whose process is gone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from engine.errors import StoreError, UsageError
from engine.jobs.client import STALE_SECONDS, UNCLAIMED_SECONDS, JobClient
from engine.store import job_ledger
from engine.store.database import HEAD, MIGRATIONS, Store, open_store
from engine.store.job_ledger import JobEvent
from engine.workspace import Workspace

NOW = 1_750_000_000
HEAVY = {"numpy", "pandas", "sqlalchemy", "alembic", "pydantic", "numba", "babel", "httpx"}
WATCH = """
import sys
from pathlib import Path
from engine.jobs.client import JobClient
from engine.workspace import Workspace
client = JobClient(Workspace(Path(sys.argv[1])), command=[sys.executable, "-c", ""])
client.reap(), client.jobs(), client.active(), client.events(1)
client.submit("import", {"paths": []})
print(*{name.split(".")[0] for name in sys.modules})
"""


@pytest.fixture
def path(workspace: Workspace) -> Path:
    return workspace.database


def running(path: Path, pid: int, at: int = NOW) -> int:
    job_id = job_ledger.add_job(path, "import", {}, at)
    assert job_ledger.claim_job(path, job_id, pid, at) is not None
    return job_id


def gone_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_job_is_what_was_asked_for_and_waits(path: Path) -> None:
    params = {"paths": ["ação.csv"], "symbol": None, "n": 1.5}
    job = job_ledger.read_job(path, job_ledger.add_job(path, "import", params, NOW))
    assert (job.status, job.params, job.created_at, job.pid, job.result) == ("queued", params, NOW, None, None)
    assert job.as_dict()["created_at"] == "2025-06-15T12:06:40-03:00"


@pytest.mark.parametrize("params", [{"path": Path("x")}, {"value": float("nan")}])
def test_parameters_that_are_no_json_are_refused(path: Path, params: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="plain JSON"):
        job_ledger.add_job(path, "import", params, NOW)
    assert job_ledger.list_jobs(path) == []


def test_of_many_claims_one_succeeds(path: Path) -> None:
    job_id = job_ledger.add_job(path, "import", {}, NOW)
    won: list[int] = []
    start = threading.Barrier(8)

    def claim(pid: int) -> None:
        start.wait()
        if job_ledger.claim_job(path, job_id, pid, NOW + 1) is not None:
            won.append(pid)

    threads = [threading.Thread(target=claim, args=(pid,)) for pid in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job_ledger.read_job(path, job_id).pid] == won


def test_only_the_process_that_claimed_a_job_may_end_it(path: Path) -> None:
    job_id = running(path, 100)
    assert not job_ledger.finish_job(path, job_id, 200, "done", NOW, result={}, events=[JobEvent(job_id, 1, NOW, "x")])
    assert job_ledger.read_job(path, job_id).status == "running"
    assert job_ledger.read_events(path, job_id) == []
    events = [JobEvent(job_id, 1, NOW, "file", {"path": "a"}), JobEvent(job_id, 2, NOW, "file", {"path": "b"})]
    assert job_ledger.finish_job(path, job_id, 100, "done", NOW + 5, progress=(3, 3, "x"), result={"a": 1}, events=events)
    job = job_ledger.read_job(path, job_id)
    assert (job.status, job.finished_at, job.result, job.done, job.note) == ("done", NOW + 5, {"a": 1}, 3, "x")
    assert job_ledger.read_events(path, job_id) == events
    assert job_ledger.read_events(path, job_id, after=1) == events[1:]
    assert not job_ledger.finish_job(path, job_id, 100, "failed", NOW + 9, error={})
    assert not job_ledger.ask_to_cancel(path, job_id, NOW)


def test_lists_are_newest_first_limited_and_without_results(path: Path) -> None:
    first, second, third = (running(path, 100) for _count in range(3))
    job_ledger.finish_job(path, first, 100, "done", NOW, result={"large": 1})
    assert [job.id for job in job_ledger.list_jobs(path)] == [third, second, first]
    assert [job.id for job in job_ledger.list_jobs(path, 2)] == [third, second]
    assert [job.id for job in job_ledger.list_jobs(path, active=True)] == [third, second]
    assert job_ledger.list_jobs(path)[-1].result is None
    assert job_ledger.read_job(path, first).result == {"large": 1}


def test_a_waiting_job_that_is_cancelled_is_never_started(path: Path) -> None:
    job_id = job_ledger.add_job(path, "import", {}, NOW)
    assert job_ledger.ask_to_cancel(path, job_id, NOW + 1)
    assert job_ledger.claim_job(path, job_id, 100, NOW + 2) is None
    assert job_ledger.read_job(path, job_id).status == "cancelled"


def test_a_heartbeat_waits_only_briefly_for_the_lock(path: Path) -> None:
    job_id = running(path, 100)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    event = JobEvent(job_id, 1, NOW, "file", {})
    with job_ledger.opened(path, job_ledger.BRIEFLY) as connection:
        began = time.monotonic()
        assert not job_ledger.beat(connection, job_id, 100, NOW + 1, (1, 2, ""), [event])
        assert time.monotonic() - began < 2
        other.execute("ROLLBACK")
        assert job_ledger.beat(connection, job_id, 100, NOW + 2, (1, 2, "x"), [event])
    other.close()
    job = job_ledger.read_job(path, job_id)
    assert (job.heartbeat_at, job.done, job.total, job.note) == (NOW + 2, 1, 2, "x")
    assert job_ledger.read_events(path, job_id) == [event]


def test_a_job_without_a_sign_of_life_is_lost_though_its_process_id_is_in_use(workspace: Workspace) -> None:
    job_id = running(workspace.database, os.getpid())
    assert JobClient(workspace, now=lambda: NOW + STALE_SECONDS).reap() == []
    (lost,) = JobClient(workspace, now=lambda: NOW + STALE_SECONDS + 1).reap()
    assert (lost.id, lost.status, lost.finished_at) == (job_id, "lost", NOW + STALE_SECONDS + 1)
    assert lost.error is not None
    assert lost.error["type"] == "JobLost"
    assert "sign of life" in lost.error["message"]


def test_a_job_whose_process_is_gone_is_lost_at_once_or_cancelled_if_that_was_asked(workspace: Workspace) -> None:
    client = JobClient(workspace, now=lambda: NOW + 1)
    lost, cancelled = (running(workspace.database, gone_pid()) for _count in range(2))
    client.cancel(cancelled)
    assert {job.id: job.status for job in client.reap()} == {lost: "lost", cancelled: "cancelled"}
    assert client.reap() == []


def test_a_silent_job_that_waited_for_the_store_is_heard_before_it_is_lost(workspace: Workspace) -> None:
    path = workspace.database
    job_id = running(path, os.getpid())

    def speak() -> None:
        with job_ledger.opened(path) as connection:
            job_ledger.beat(connection, job_id, os.getpid(), NOW + 3600, (0, None, ""))

    late = threading.Timer(0.3, speak)
    late.start()
    assert JobClient(workspace, now=lambda: NOW + 3600).reap() == []
    late.join()
    assert job_ledger.read_job(path, job_id).status == "running"


def test_a_job_that_nobody_started_is_lost_after_a_while(workspace: Workspace) -> None:
    job_ledger.add_job(workspace.database, "import", {}, NOW)
    assert JobClient(workspace, now=lambda: NOW + UNCLAIMED_SECONDS).reap() == []
    (lost,) = JobClient(workspace, now=lambda: NOW + UNCLAIMED_SECONDS + 1).reap()
    assert lost.error is not None
    assert "never started" in lost.error["message"]


def test_a_job_taken_for_lost_is_running_again_when_it_speaks(workspace: Workspace) -> None:
    path = workspace.database
    job_id = running(path, os.getpid())
    assert JobClient(workspace, now=lambda: NOW + 3600).reap()
    with job_ledger.opened(path) as connection:
        assert job_ledger.beat(connection, job_id, os.getpid(), NOW + 3601, (0, None, ""))
    job = job_ledger.read_job(path, job_id)
    assert (job.status, job.finished_at, job.error) == ("running", None, None)


def test_nothing_is_reaped_while_the_store_is_busy(workspace: Workspace) -> None:
    running(workspace.database, gone_pid())
    client = JobClient(workspace, now=lambda: NOW + 1)
    other = sqlite3.connect(workspace.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert client.reap() == []
    assert time.monotonic() - began < 2
    other.execute("ROLLBACK")
    other.close()
    assert len(client.reap()) == 1


def test_a_job_that_stirs_between_the_look_and_the_verdict_is_left_alone(path: Path) -> None:
    job_id = running(path, 100)
    seen = job_ledger.read_job(path, job_id)
    with job_ledger.opened(path) as connection:
        job_ledger.beat(connection, job_id, 100, NOW + 60, (0, None, ""))
    assert not job_ledger.give_up(path, seen, "lost", NOW + 61, {})
    assert job_ledger.read_job(path, job_id).status == "running"


def test_an_unknown_job_is_said_in_one_sentence(workspace: Workspace) -> None:
    client = JobClient(workspace)
    for ask in (client.job, client.cancel, client.kill):
        with pytest.raises(UsageError, match="There is no job 7"):
            ask(7)
    assert client.events(7) == []


def test_without_a_store_there_are_no_jobs_and_none_is_made(tmp_path: Path) -> None:
    client = JobClient(Workspace(tmp_path / "none"))
    assert (client.jobs(), client.active(), client.reap()) == ([], [], [])
    with pytest.raises(UsageError):
        client.job(1)
    assert not (tmp_path / "none").exists()


def test_a_damaged_store_is_said_in_one_sentence(workspace: Workspace) -> None:
    workspace.database.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="refused"):
        JobClient(workspace).jobs()


def test_the_client_needs_the_standard_library_alone(workspace: Workspace) -> None:
    done = subprocess.run([sys.executable, "-c", WATCH, str(workspace.home)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "sqlite3" in loaded
    assert not HEAVY & loaded
    assert len(JobClient(workspace).jobs()) == 1


def test_a_store_of_the_first_schema_is_migrated_with_its_data(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.prepare()
    first = sqlite3.connect(workspace.database)
    first.execute("PRAGMA journal_mode=WAL")
    first.close()
    store = Store(workspace.database)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'PETR4', 1)")
    store.close()
    client = JobClient(workspace, command=[sys.executable, "-c", ""])
    assert client.jobs() == []
    assert client.reap() == []
    job_id = client.submit("import", {})
    assert client.job(job_id).status == "queued"
    with open_store(workspace.database).read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD
        assert connection.exec_driver_sql("SELECT symbol FROM watchlists").scalar_one() == "PETR4"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
