"""A run that is killed at any point is completed by the next call, with the signals it would have had."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.store.ledger import list_runs, read_signals
from tests.desk_maker import MORNING, at_desk, call, make_market

STEPS = (
    "fetch", "import", "check", "adjust", "features", "regime", "predictions", "drift", "signals", "directions", "anomalies",
    "paper", "feed", "summary", "notifications",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
RUN_ID = "2025-06-30-close"

#: Arguments: home, now, where ("before", "after", "inside"), step. Kills itself there, without a word to anybody.
KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from engine import daily, desk
from engine.daily import run
from engine.ingestion import sources
from engine.store import ledger
from engine.workspace import Workspace

home, now, where, name = sys.argv[1:]

def die(*_args):
    os.kill(os.getpid(), signal.SIGKILL)

def killed(step):
    def work(plan, findings):
        if where == "before":
            die()
        outcome = step.work(plan, findings)
        if where == "after":
            die()
        return outcome
    return replace(step, work=work)

finish = run.finish_step

def half(store, run_id, position, step, found=None, tell=None):
    if where == "inside" and step.name == name:
        with store.write() as connection:
            connection.execute(ledger.run_steps.delete().where(ledger.run_steps.c.run_id == run_id))
            connection.exec_driver_sql("DELETE FROM signals")
            die()
    finish(store, run_id, position, step, found, tell)
    if where == "done" and step.name == name:
        die()

if where in ("before", "after"):
    run.STEPS = tuple(killed(step) if step.name == name else step for step in run.STEPS)
run.finish_step = half
if where == "moved":
    sources._file_away = die
opened = desk.open_desk(Workspace(Path(home)), lambda: int(now))
found = sources.configured_sources(opened.workspace, opened.settings, opened.store, opened.now, opened.calendar)
daily.run_daily(daily.plan_run(opened, sources=found))
"""


def kill(home: Path, where: str, step: str) -> None:
    words = [sys.executable, "-c", KILLED, str(home), str(MORNING), where, step]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


def untouched(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    home = tmp_path_factory.mktemp("untouched")
    make_market(home / "data" / "inbox")
    return list(call("--run-daily", "--json", home=home).json["signals"])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.desk_maker import plain_environment

    with plain_environment():
        return json.dumps(untouched(tmp_path_factory), sort_keys=True)


def check_completed(home: Path, expected: str) -> None:
    called = call("--run-daily", "--json", home=home)
    assert called.code == 0, called.err
    report = called.json
    assert [step["name"] for step in report["steps"]] == list(STEPS)
    assert json.dumps(report["signals"], sort_keys=True) == expected
    assert json.dumps(at_desk(home, lambda desk: read_signals(desk.store, RUN_ID)), sort_keys=True) == expected
    (run,) = at_desk(home, lambda desk: list_runs(desk.store))
    assert (run["id"], run["status"], len(run["steps"])) == (RUN_ID, "done", len(STEPS))
    assert not list((home / "data" / "inbox").glob("*.csv"))
    assert len(list((home / "data" / "inbox" / "imported").glob("*.csv"))) == 3
    coverage = call("coverage", "--json", home=home).json["series"]
    assert [item["bars"] for item in coverage] == [8 * 90, 90, 90]


@pytest.mark.parametrize(
    ("where", "step"),
    [("after", "import"), ("inside", "signals"), ("moved", "import")],
)
def test_a_killed_run_is_completed_by_the_next_call(tmp_path: Path, expected: str, where: str, step: str) -> None:
    make_market(tmp_path / "data" / "inbox")
    kill(tmp_path, where, step)
    check_completed(tmp_path, expected)


def test_a_kill_leaves_the_run_open_and_the_steps_before_it_recorded(tmp_path: Path) -> None:
    make_market(tmp_path / "data" / "inbox")
    kill(tmp_path, "inside", "signals")
    (run,) = at_desk(tmp_path, lambda desk: list_runs(desk.store))
    assert (run["status"], run["finished_at"]) == ("running", None)
    assert [step["name"] for step in run["steps"]] == list(STEPS[: STEPS.index("signals")])
    assert at_desk(tmp_path, lambda desk: read_signals(desk.store, RUN_ID)) == []
    assert [run["status"] for run in call("runs", "--json", home=tmp_path).json["runs"]] == ["unfinished"]
    shown = call("runs", home=tmp_path)
    assert "ended without finishing" in " ".join(shown.out.split())
    assert "the next `pregao --run-daily` of its session completes it" in " ".join(shown.err.split())
    again = call("--run-daily", home=tmp_path)
    assert "was killed or lost its machine" in " ".join(again.out.split())
    assert call("runs", "--json", home=tmp_path).json["runs"][0]["status"] == "done"
