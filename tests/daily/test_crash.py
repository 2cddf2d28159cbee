"""A run that is killed at any instant: the store is sound, the next call completes the day, and every message goes out once.

A message is taken twice only where the run was killed after the other side had taken it and before that was written down; then the
repeat carries the same id, which is what is counted here.
"""

from __future__ import annotations

import os
import random
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.daily.crash_desk import Servers, both_servers, has_table, kept, make_first_desk, rows
from tests.daily.crash_parent import CrashParent, crash_parent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed as POSIX does")

#: Tells of each commit and kills nowhere.
TIMED = {"at": "committed"}
#: Points of a run at which it is killed; see `crash_parent._set_hook`.
POINTS = ("step", "worked", "commit", "replace", "answer")


@dataclass
class Bench:
    """Where runs are killed. made: the workspace before its run; alone: what a run that nobody kills leaves behind.

    seconds: how long that one takes; commits: how long it had lived after each of them; repeats: messages that were taken twice.
    """

    parent: CrashParent
    servers: Servers
    folder: Path
    made: Path
    alone: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    commits: tuple[float, ...] = ()
    repeats: int = 0
    numbers: Iterator[int] = field(default_factory=count)

    def copy(self) -> Path:
        """A workspace of one's own; what the servers took before is forgotten."""
        self.servers.taken()
        return Path(shutil.copytree(self.made, self.folder / f"run{next(self.numbers)}"))

    def measure(self) -> None:
        """Run it to its end twice, which leaves the same behind."""
        for _ in range(2):
            home = self.copy()
            ran = self.parent.run(home, hook=TIMED)
            assert ran.code == 0, ran.err
            left = kept(home)
            assert left == (self.alone or left)
            self.alone = left
            self.check_taken(home, set())
            self.seconds, self.commits = ran.seconds, ran.marks

    def complete(self, home: Path) -> None:
        """The next call of a killed run completes it; what is left behind is what it would have been."""
        unsure: set[int] = set()
        if has_table(home, "outbox"):
            assert rows(home, "PRAGMA integrity_check") == [("ok",)]
            unsure = {number for (number,) in rows(home, "SELECT id FROM outbox WHERE state = 'sending'")}
            assert len(unsure) <= 1
        ran = self.parent.run(home)
        assert ran.code == 0, ran.err
        left = kept(home)
        for name, expected in self.alone.items():
            assert left[name] == expected, name
        self.check_taken(home, unsure)
        shutil.rmtree(home)

    def check_taken(self, home: Path, unsure: set[int]) -> None:
        """Every message was taken once, or twice where its sender was killed before it knew of the answer."""
        wanted = Counter(number for (number,) in rows(home, "SELECT id FROM outbox WHERE channel <> 'any'"))
        twice = self.servers.taken() - wanted
        assert set(twice) <= unsure
        assert all(number == 1 for number in twice.values())
        self.repeats += len(twice)

    def points(self, at: str) -> int:
        """How many points of a kind one run passes."""
        home = self.copy()
        ran = self.parent.run(home, hook={"at": at})
        assert ran.code == 0, ran.err
        self.check_taken(home, set())
        shutil.rmtree(home)
        return len(ran.marks)

    def kill_at(self, at: str, number: int) -> Path:
        """A workspace whose run was killed at one point."""
        home = self.copy()
        assert self.parent.run(home, hook={"at": at, "number": number}).killed
        return home

    def kill_at_random(self, wanted: int, seed: int) -> None:
        """Kill so many runs at instants that are spread over the whole run as measured, and complete each.

        An instant is kept as the commit before it and the time since then: a machine that has become slower kills where it would have.
        """
        draw, killed = random.Random(seed), 0
        while killed < wanted:
            instant = self.seconds * draw.uniform(killed, killed + 1) / wanted
            behind = bisect_right(self.commits, instant)
            after = instant - (self.commits[behind - 1] if behind else 0.0)
            home = self.copy()
            ran = self.parent.run(home, after=after, behind=behind, hook=TIMED)
            killed += ran.killed
            if ran.killed:
                self.complete(home)
            else:
                self.check_taken(home, set())


@pytest.fixture(scope="module")
def parent() -> Iterator[CrashParent]:
    with crash_parent() as process:
        yield process


@pytest.fixture(scope="module")
def bench(parent: CrashParent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("crash")
    assert parent.make(folder / "made") == 1
    with both_servers() as servers:
        servers.set_up(folder / "made")
        made = Bench(parent, servers, folder, folder / "made")
        made.measure()
        yield made


@pytest.fixture(scope="module")
def first(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace in which nothing was ever started."""
    folder = tmp_path_factory.mktemp("first")
    bench.servers.set_up(make_first_desk(folder / "made"))
    made = Bench(bench.parent, bench.servers, folder, folder / "made")
    made.measure()
    return made


def test_a_run_left_alone_trades_and_says_everything_once(bench: Bench) -> None:
    """What the kills are compared with is worth comparing."""
    kinds = Counter(row[2] for row in bench.alone["outbox"] if row[0] == "discord")
    assert kinds == {"paper": 7, "signal": 1, "anomaly": 1, "direction": 1, "summary": 1}
    assert len(bench.alone["paper_fills"]) > 8
    assert {row[5] for row in bench.alone["paper_orders"]} >= {"filled", "waiting"}
    assert bench.alone["directions"]
    assert bench.alone["anomalies"]
    assert bench.alone["out"]


def test_a_run_killed_at_ten_random_instants_is_completed_by_the_next_call(bench: Bench) -> None:
    bench.kill_at_random(10, seed=1)


@pytest.mark.parametrize("number", [0, 7, 15])
def test_a_message_that_was_taken_and_not_written_down_is_repeated_with_the_same_id(bench: Bench, number: int) -> None:
    before = bench.repeats
    bench.complete(bench.kill_at("answer", number))
    assert bench.repeats == before + 1


@pytest.mark.slow
def test_a_run_killed_at_two_hundred_random_instants_is_completed_by_the_next_call(bench: Bench) -> None:
    before = bench.repeats
    bench.kill_at_random(200, seed=2)
    print(f"200 instants over {bench.seconds:.2f} s, {bench.repeats - before} messages repeated with their id")


@pytest.mark.slow
@pytest.mark.parametrize("at", POINTS)
def test_a_run_killed_at_every_point_is_completed_by_the_next_call(bench: Bench, at: str) -> None:
    """Before and after each step, before each commit and each file that takes its place, between each answer and its commit."""
    before, points = bench.repeats, bench.points(at)
    for number in range(points):
        bench.complete(bench.kill_at(at, number))
    print(f"{points} points {at}, {bench.repeats - before} messages repeated with their id")
    assert points >= 9
    assert bench.repeats - before == (points if at == "answer" else 0) or at == "commit"


@pytest.mark.slow
def test_a_run_killed_again_and_again_is_completed(bench: Bench) -> None:
    """Each call is killed 41 commits after it began, most of which say only that it is alive, until one comes to its end."""
    home, calls = bench.copy(), 0
    while bench.parent.run(home, hook={"at": "committed", "number": 40}).killed:
        calls += 1
        assert calls < 100
    assert calls > 2
    bench.complete(home)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "every"), [("commit", 3), ("replace", 1)])
def test_the_very_first_run_killed_at_a_point_is_completed(first: Bench, at: str, every: int) -> None:
    for number in range(0, first.points(at), every):
        first.complete(first.kill_at(at, number))


@pytest.mark.slow
def test_the_very_first_run_killed_at_random_instants_is_completed(first: Bench) -> None:
    first.kill_at_random(30, seed=3)
