"""`pregao jobs`: list, show, cancel."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.client import JobClient
from engine.store import job_ledger
from engine.store.job_ledger import JobEvent
from engine.workspace import Workspace
from tests.desk_maker import call
from tests.jobs.made_worker import wait_until

KEYS = {"id", "kind", "params", "status", "created_at", "started_at", "finished_at", "heartbeat_at", "pid"}
KEYS |= {"cancel_requested", "done", "total", "note", "error"}


def test_jobs_are_listed_newest_first(workspace: Workspace, client: JobClient) -> None:
    first = wait_until(client, client.submit("count", {"n": 2, "pause": 0, "say": 3})).id
    second = wait_until(client, client.submit("refuse", {})).id
    listed = call("jobs", "--json", home=workspace.home).json
    assert listed["demo"] is False
    assert [job["id"] for job in listed["jobs"]] == [second, first]
    assert all(set(job) == KEYS for job in listed["jobs"])
    assert listed["jobs"][0]["error"]["type"] == "NoDataError"
    limited = call("jobs", "list", "--limit", "1", "--json", home=workspace.home).json
    assert [job["id"] for job in limited["jobs"]] == [second]
    shown = call("jobs", home=workspace.home)
    assert shown.code == 0
    assert "There are no bars of XPTO3" in shown.out


def test_one_job_is_shown_with_its_result_and_events(workspace: Workspace, client: JobClient) -> None:
    job_id = wait_until(client, client.submit("count", {"n": 2, "pause": 0, "say": 3})).id
    (shown,) = call("jobs", "show", str(job_id), "--json", home=workspace.home).json["jobs"]
    assert shown["result"] == {"counted": 2, "undefined": None}
    assert [(event["seq"], event["kind"]) for event in shown["events"]] == [(1, "number"), (2, "number")]
    assert shown["events"][0]["payload"]["number"] == 0
    failed = wait_until(client, client.submit("refuse", {})).id
    said = call("jobs", "show", str(failed), home=workspace.home)
    assert (said.code, "Import some." in said.err) == (0, True)


def test_a_job_is_cancelled(workspace: Workspace, client: JobClient) -> None:
    job_id = client.submit("count", {"n": 400, "pause": 0.05})
    wait_until(client, job_id, lambda job: job.done > 0)
    (asked,) = call("jobs", "cancel", str(job_id), "--json", home=workspace.home).json["jobs"]
    assert asked["cancel_requested"] is True
    assert wait_until(client, job_id).status == "cancelled"
    again = call("jobs", "cancel", str(job_id), home=workspace.home)
    assert again.code == 1
    assert "has ended already" in again.err


def test_a_job_whose_process_is_gone_is_listed_as_lost(workspace: Workspace) -> None:
    job_id = job_ledger.add_job(workspace.database, "import", {}, 1)
    listed = call("jobs", "--json", home=workspace.home).json["jobs"]
    assert [(job["id"], job["status"]) for job in listed] == [(job_id, "lost")]


def test_what_a_job_says_is_not_read_as_markup(workspace: Workspace) -> None:
    path = workspace.database
    job_id = job_ledger.add_job(path, "[red]import", {}, 1)
    job_ledger.claim_job(path, job_id, 5, 1)
    event = JobEvent(job_id, 1, 1, "file", {"path": "[bold]x.csv", "written": 1, "unchanged": 0, "error": None})
    job_ledger.finish_job(path, job_id, 5, "done", 2, progress=(1, 1, "[blue]note"), result={}, events=[event])
    shown = call("jobs", "show", str(job_id), home=workspace.home)
    assert "[red]import" in shown.out
    assert "[blue]note" in shown.out
    assert "[bold]x.csv: 1 written" in shown.err


def test_wrong_usage_is_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    for words in (["show"], ["cancel"], ["list", "3"], ["show", "9"], ["nonsense"], ["show", "x"], ["--limit", "0"]):
        called = call("jobs", *words, "--json", home=workspace.home)
        assert (called.code, called.out) == (2, ""), words
        assert called.error["message"]
    empty = call("jobs", "--json", home=tmp_path / "none")
    assert (empty.code, empty.json["jobs"]) == (0, [])
    assert "No job" in call("jobs", home=workspace.home).err
