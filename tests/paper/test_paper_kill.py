"""Kills at any instant, two processes at once, and writes that fail: each session is replayed whole and once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from engine.desk import open_desk
from engine.errors import UsageError
from engine.paper.account import PaperAccount
from engine.paper.work import Work
from engine.workspace import Workspace
from tests.desk_maker import MORNING
from tests.paper.paper_maker import busy


def kept(home: Path) -> dict[str, Any]:
    """All that a replay changes: state, orders, fills, events and messages."""
    connection = sqlite3.connect(home / "data" / "pregao.db")
    tables = {
        "paper_accounts": "id, session, kill_switch, state",
        "paper_orders": "*",
        "paper_fills": "*",
        "paper_events": "id, at, session, kind, payload",
        "outbox": "kind, dedupe_key, payload",
    }
    found = {
        name: connection.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2").fetchall() for name, columns in tables.items()
    }
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return found


def replay_alone(home: Path) -> None:
    desk = open_desk(Workspace(home), lambda: MORNING)
    PaperAccount(desk).replay_to()
    desk.close()


def started(home: Path) -> BaseProcess:
    """A process that replays, forked from this one so that the kills fall into the replay and not into its start."""
    process = get_context("fork").Process(target=replay_alone, args=(home,))
    process.start()
    return process


def killed(home: Path, pauses: random.Random, longest: float) -> bool:
    """Kill a replay after a while; False where it was done before."""
    process = started(home)
    time.sleep(pauses.uniform(0.0, longest))
    done = process.exitcode is not None
    if not done:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    return process.exitcode == -signal.SIGKILL


def check_kills(draw, tmp_path: Path, wanted: int, seed: int) -> None:
    """Replays that are killed `wanted` times end as the one that was left alone, to the cent and to the message."""
    desk = busy(draw)
    desk.desk.close()
    alone = Path(shutil.copytree(desk.home, tmp_path / "alone"))
    began = time.perf_counter()
    whole = started(alone)
    whole.join(120)
    took = time.perf_counter() - began
    assert whole.exitcode == 0
    expected, pauses, kills, rounds = kept(alone), random.Random(seed), 0, 0
    assert len(expected["paper_fills"]) > 8
    while kills < wanted:
        home = Path(shutil.copytree(desk.home, tmp_path / f"killed{rounds}"))
        rounds += 1
        while killed(home, pauses, took / 2):
            kills += 1
        replay_alone(home)
        assert kept(home) == expected
        shutil.rmtree(home)


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does")
def test_a_replay_killed_at_any_instant_ends_like_one_left_alone(draw, tmp_path: Path) -> None:
    check_kills(draw, tmp_path, 6, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does")
def test_a_replay_killed_two_hundred_times_ends_like_one_left_alone(draw, tmp_path: Path) -> None:
    check_kills(draw, tmp_path, 200, seed=2)


@pytest.mark.skipif(os.name != "posix", reason="processes are forked")
def test_two_processes_at_once_replay_each_session_once(draw, tmp_path: Path) -> None:
    desk = busy(draw)
    desk.desk.close()
    alone = Path(shutil.copytree(desk.home, tmp_path / "alone"))
    replay_alone(alone)
    processes = [started(desk.home) for _ in range(3)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert kept(desk.home) == kept(alone)


def test_what_cannot_be_written_whole_is_not_written_at_all(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = busy(draw)
    before = kept(desk.home)

    def broken(self: Work) -> None:
        raise UsageError("stopped here")

    with monkeypatch.context() as patch:
        patch.setattr(Work, "save", broken)
        for work in (desk.account.replay_to, lambda: desk.order("AAAA3", 100), lambda: desk.account.cancel(["4"])):
            with pytest.raises(UsageError, match="stopped here"):
                work()
    assert kept(desk.home) == before
