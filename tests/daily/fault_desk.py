"""The workspace of `crash_desk` before its run, what a run without a fault leaves behind, and the call after a fault."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.notifications.discord import DiscordChannel
from tests.daily.crash_desk import NOW, Servers, both_servers, has_table, kept, make_desk, rows
from tests.desk_maker import Called, call, plain_environment

__all__ = ["_at_once", "faults"]


@dataclass
class Faults:
    """Where faults are tried. made: the workspace before its run; alone: what a run without a fault leaves behind."""

    servers: Servers
    made: Path
    alone: Mapping[str, Any]

    def copy(self, place: Path) -> Path:
        """A workspace of one's own; what the servers took before is forgotten."""
        self.servers.taken()
        return Path(shutil.copytree(self.made, place))

    def check_completed(self, home: Path, *, now: int = NOW, but_for: tuple[str, ...] = (), again: bool = False) -> int:
        """The call after the fault is gone completes the day, and nobody was told anything twice; how many messages were repeated
        with their id because their sender did not come to write the answer down. but_for: what differs from a run without a fault.
        """
        unsure: set[int] = set()
        if has_table(home, "outbox"):
            unsure = {number for (number,) in rows(home, "SELECT id FROM outbox WHERE state = 'sending'")}
        called = run(home, now)
        assert called.code == 0, called.err or called.out
        left = dict(kept(home))
        left["outbox"] = [row for row in left["outbox"] if row[2] != "failure"]
        for name, expected in self.alone.items():
            assert name in but_for or left[name] == expected, name
        wanted = Counter(number for (number,) in rows(home, "SELECT id FROM outbox WHERE channel <> 'any'"))
        taken = self.servers.taken()
        assert taken.keys() == wanted.keys()
        twice = taken - wanted
        assert set(twice) <= unsure
        assert again or not twice
        return len(twice)


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    """The workspace before its run, and the same after it."""
    folder = tmp_path_factory.mktemp("faults")
    with plain_environment(), both_servers() as servers, pytest.MonkeyPatch.context() as patch:
        patch.setattr(DiscordChannel, "pace", 0.0)
        made = make_desk(folder / "made")
        servers.set_up(made)
        alone = Path(shutil.copytree(made, folder / "alone"))
        called = run(alone)
        assert called.code == 0, called.err or called.out
        yield Faults(servers, made, kept(alone))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook of the tests takes as many messages as come."""
    monkeypatch.setattr(DiscordChannel, "pace", 0.0)


def run(home: Path, now: int = NOW) -> Called:
    return call("--run-daily", "--json", home=home, now=now)


def said(called: Called, code: int = 1) -> dict[str, str]:
    """The error of a call: one object on stderr with one sentence and a hint, and the exit code."""
    assert called.code == code, called.err or "no error"
    error = called.error
    assert "Traceback" not in called.err
    assert "\n" not in error["message"]
    assert error["hint"]
    return error


def step(called: Called, name: str) -> dict[str, Any]:
    """One step of the report of a call."""
    found: dict[str, Any] = next(item for item in called.json["steps"] if item["name"] == name)
    return found
