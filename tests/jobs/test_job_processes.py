"""Jobs in real processes: they report, end, fail, stop and survive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from textual.app import App

from engine.errors import PregaoError
from engine.jobs.client import JobClient
from engine.store.job_ledger import JobEvent, add_job
from engine.workspace import Workspace
from tests.jobs.made_worker import COMMAND, log_text, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and process ids of POSIX")

LONG = {"n": 400, "pause": 0.05}
PARENT = """
import asyncio, sys
from pathlib import Path
from engine.jobs.client import JobClient
from engine.workspace import Workspace
async def watch():
    client = JobClient(Workspace(Path(sys.argv[1])), command=sys.argv[2:])
    job_id = client.submit("count", {"n": 10, "pause": 0.1, "say": 10})
    async for event in client.attach(job_id):
        if event.kind == "number":
            print(job_id, flush=True)
asyncio.run(watch())
"""


async def heard(client: JobClient, job_id: int) -> list[JobEvent]:
    return [event async for event in client.attach(job_id)]


async def test_a_job_reports_on_its_way_and_leaves_its_result(client: JobClient) -> None:
    job_id = client.submit("count", {"n": 6, "pause": 0.15, "say": 5})
    events = await heard(client, job_id)
    assert [event.payload["number"] for event in events if event.kind == "number"] == list(range(6))
    progress = [event.payload for event in events if event.kind == "progress"]
    assert {"done": 3, "total": 6, "note": "number 3"} in progress
    assert (events[-1].kind, events[-1].payload) == ("finished", {"status": "done"})
    job = client.job(job_id)
    assert (job.status, job.done, job.total, job.error) == ("done", 6, 6, None)
    assert job.result == {"counted": 6, "undefined": None}
    assert [event.seq for event in client.events(job_id)] == [1, 2, 3, 4, 5, 6]
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at


async def test_progress_comes_fast_but_not_too_fast(client: JobClient) -> None:
    job_id = client.submit("count", {"n": 100, "pause": 0.005})
    arrived = [time.monotonic() async for event in client.attach(job_id) if event.kind == "progress" and event.payload["total"]]
    assert 3 <= len(arrived) <= 1 + (arrived[-1] - arrived[0]) / 0.05


async def test_who_attaches_later_or_from_another_client_hears_the_rest_and_the_end(
    client: JobClient, workspace: Workspace
) -> None:
    job_id = client.submit("count", {"n": 5, "pause": 0.1, "say": 5})
    async for event in client.attach(job_id):
        if event.kind == "number":
            break
    for late in (client, JobClient(workspace)):
        events = await heard(late, job_id)
        assert [event.payload["number"] for event in events if event.kind == "number"] == list(range(5))
        assert events[-1].payload == {"status": "done"}


def test_a_typed_error_is_kept_as_it_is(client: JobClient, workspace: Workspace) -> None:
    job = wait_until(client, client.submit("refuse", {}))
    assert job.status == "failed"
    assert job.error == {"type": "NoDataError", "message": "There are no bars of XPTO3", "hint": "Import some."}
    assert "Traceback" not in log_text(workspace.home)


def test_a_defect_is_one_sentence_with_its_traceback_in_the_log(client: JobClient, workspace: Workspace) -> None:
    job = wait_until(client, client.submit("broken", {}))
    assert job.status == "failed"
    assert job.error is not None
    assert "defect" in job.error["message"]
    assert "secret detail" not in str(job.error)
    assert "pregao.log" in job.error["hint"]
    assert "ZeroDivisionError: a secret detail" in log_text(workspace.home)


def test_an_unknown_kind_and_wrong_settings_fail_as_typed_errors(client: JobClient, workspace: Workspace) -> None:
    job = wait_until(client, client.submit("nonsense", {}))
    assert job.error is not None
    assert (job.error["type"], "nonsense" in job.error["message"]) == ("UsageError", True)
    workspace.settings_file.write_text("[daily]\nnonsense = 1\n", encoding="utf-8")
    job = wait_until(client, client.submit("count", LONG))
    assert job.error is not None
    assert job.error["type"] == "SettingsError"


async def test_what_is_printed_goes_to_the_log_and_not_between_the_events(client: JobClient, workspace: Workspace) -> None:
    events = await heard(client, client.submit("noisy", {}))
    assert [event.kind for event in events if event.kind != "progress"] == ["proper", "finished"]
    assert all(event.payload["total"] != 666 for event in events if event.kind == "progress")
    text = log_text(workspace.home)
    assert "garbage" in text
    assert "from a shell" in text
    assert "no newline" in text


def test_a_running_job_is_cancelled_at_its_next_progress_call(client: JobClient) -> None:
    job_id = client.submit("count", LONG)
    wait_until(client, job_id, lambda job: job.done > 0)
    began = time.monotonic()
    assert client.cancel(job_id)
    job = wait_until(client, job_id)
    assert time.monotonic() - began < 2
    assert (job.status, job.cancel_requested, job.result, job.error) == ("cancelled", True, None, None)
    assert job.done < LONG["n"]
    assert not client.cancel(job_id)


def test_a_job_is_cancelled_through_the_store_by_who_did_not_start_it(client: JobClient, workspace: Workspace) -> None:
    job_id = client.submit("count", LONG)
    wait_until(client, job_id, lambda job: job.done > 0)
    began = time.monotonic()
    assert JobClient(workspace).cancel(job_id)
    assert wait_until(client, job_id).status == "cancelled"
    assert time.monotonic() - began < 2


def test_a_signal_to_terminate_cancels(client: JobClient) -> None:
    job = wait_until(client, client.submit("count", LONG), lambda job: job.done > 0)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGTERM)
    assert wait_until(client, job.id).status == "cancelled"


def test_a_job_that_does_not_listen_can_be_killed(client: JobClient, workspace: Workspace) -> None:
    job_id = client.submit("deaf", {})
    wait_until(client, job_id, lambda job: job.done == 1)
    client.cancel(job_id)
    time.sleep(0.3)
    assert client.job(job_id).status == "running"
    assert client.kill(job_id)
    job = client.job(job_id)
    assert job.status == "cancelled"
    assert job.error is not None
    assert "by force" in job.error["message"]
    assert not client.kill(job_id)
    assert client.reap() == []


async def test_a_killed_worker_is_lost_and_who_listens_is_told(client: JobClient) -> None:
    job_id = client.submit("count", LONG)
    events = []
    async for event in client.attach(job_id):
        events.append(event)
        job = client.job(job_id)
        if event.payload.get("done") == 0 and job.pid is not None and job.active:
            os.kill(job.pid, signal.SIGKILL)
    assert events[-1].payload == {"status": "lost"}
    job = client.job(job_id)
    assert job.error is not None
    assert job.error["type"] == "JobLost"


def test_a_job_outlives_the_kill_of_the_process_that_listens_to_it(client: JobClient, workspace: Workspace) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(workspace.home), *COMMAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    job_id = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert client.job(job_id).status == "running"
    assert client.reap() == []
    job = wait_until(client, job_id)
    assert (job.status, job.result) == ("done", {"counted": 10, "undefined": None})
    assert [event.payload["number"] for event in client.events(job_id)] == list(range(10))


async def test_a_job_does_not_wait_for_a_reader_that_sleeps_and_nothing_it_said_is_lost(client: JobClient) -> None:
    job_id = client.submit("count", {"n": 1500, "pause": 0, "say": 400})
    assert wait_until(client, job_id).status == "done"
    numbers = [event.payload["number"] async for event in client.attach(job_id) if event.kind == "number"]
    assert numbers == list(range(1500))


def test_progress_from_inside_a_write_transaction_does_not_block_the_work(client: JobClient) -> None:
    job = wait_until(client, client.submit("hold", {}))
    assert (job.status, job.result) == ("done", {"held": True})
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.finished_at - job.started_at < 6
    assert len(client.events(job.id)) == 8


def test_two_workers_never_run_one_job(workspace: Workspace, client: JobClient) -> None:
    job_id = add_job(workspace.database, "count", {"n": 3, "pause": 0.1, "say": 1}, 1)
    environment = {**os.environ, "PREGAO_HOME": str(workspace.home)}
    workers = [
        subprocess.Popen([*COMMAND, str(job_id)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _count in range(2)
    ]
    assert sorted(worker.wait(20) for worker in workers) == [0, 1]
    assert client.job(job_id).status == "done"
    assert len(client.events(job_id)) == 3


def test_a_worker_runs_apart_from_the_terminal_in_the_workspace_it_was_given(client: JobClient, workspace: Workspace) -> None:
    job = wait_until(client, client.submit("setting", {}))
    assert job.result is not None
    assert job.result["home"] == str(workspace.home)
    assert job.result["demo"] is False
    assert job.result["stdin"] == ""
    assert job.result["nice"] >= 5
    assert job.result["session"] == job.pid
    assert "in the log" in log_text(workspace.home)


def test_a_process_that_cannot_be_started_is_said_and_written_down(workspace: Workspace) -> None:
    client = JobClient(workspace, command=[str(workspace.home / "no such program")])
    with pytest.raises(PregaoError, match="could not be started"):
        client.submit("count", {})
    (job,) = client.jobs()
    assert job.status == "failed"


def test_a_worker_that_dies_before_it_claims_is_lost(workspace: Workspace) -> None:
    client = JobClient(workspace, command=[sys.executable, "-c", "raise SystemExit(7)"])
    job_id = client.submit("count", {})
    limit = time.monotonic() + 10
    while client.job(job_id).active and time.monotonic() < limit:
        client.reap()
        time.sleep(0.05)
    job = client.job(job_id)
    assert job.status == "lost"
    assert job.error is not None
    assert "(7)" in job.error["message"]


async def test_jobs_start_and_report_inside_a_running_app(client: JobClient) -> None:
    files: list[int] = []
    events: list[JobEvent] = []

    class Desk(App[None]):
        async def on_mount(self) -> None:
            self.run_worker(self.watch(), exit_on_error=False)

        async def watch(self) -> None:
            files.append(sys.stderr.fileno())
            job_id = client.submit("count", {"n": 3, "pause": 0.02, "say": 3})
            events.extend([event async for event in client.attach(job_id)])
            self.exit()

    app = Desk()
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
    assert files == [-1]
    assert events[-1].payload == {"status": "done"}
