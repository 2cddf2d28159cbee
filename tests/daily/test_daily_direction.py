"""The direction in the daily run: after the close and at later decision times, recorded once, never for a session that is over."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.desk import Desk
from engine.domain import SAO_PAULO, day_number
from engine.store.directions import read_directions
from engine.store.outbox import said
from tests.desk_maker import Called, at_desk, call
from tests.direction_desk import AFTER_ELEVEN, LAST, NEXT, fill

EVENING = int(datetime(2025, 6, 30, 21, tzinfo=SAO_PAULO).timestamp())


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made index, long enough for the model after the close."""
    home = tmp_path_factory.mktemp("indexed")
    fill(home, sessions=560)
    return home


@pytest.fixture
def index(indexed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed, tmp_path / "index"))


def run(home: Path, *words: str, now: int) -> Called:
    return call("--run-daily", *words, "--json", home=home, now=now)


def step(report: dict[str, Any], name: str = "directions") -> dict[str, Any]:
    return next(item for item in report["steps"] if item["name"] == name)


def rows(home: Path) -> list[Any]:
    return list(at_desk(home, lambda desk: read_directions(desk.store, "IBOV")))


def test_after_the_close_the_run_says_the_next_session(index: Path) -> None:
    done = run(index, now=EVENING)
    assert done.code == 0, done.err
    (said,) = done.json["directions"]
    assert done.json["run_id"] == "2025-06-30-close"
    assert (said["session"], said["target_session"], said["decision_time"]) == (LAST.isoformat(), NEXT.isoformat(), "close")
    assert 0.45 <= said["probability"] <= 0.57
    assert said["signal"] in (0, 1)
    (row,) = rows(index)
    assert (row.target_session, row.decision_time, row.probability) == (day_number(NEXT), "close", said["probability"])
    assert (index / "data" / "out" / "direction-IBOV.json").exists()
    asked = call("direction", "--json", home=index, now=EVENING)
    assert asked.json["probability"] == said["probability"]
    again = run(index, now=EVENING)
    assert again.json["directions"] == done.json["directions"]
    assert step(again.json) == step(done.json)
    assert len(rows(index)) == 1


@pytest.mark.parametrize(("words", "now"), [((), EVENING), (("--at", "11:00"), AFTER_ELEVEN)])
def test_a_folder_that_cannot_be_written_makes_the_run_partial_and_loses_nothing(
    index: Path, words: tuple[str, ...], now: int
) -> None:
    folder = index / "data" / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("in the way", encoding="utf-8")
    called = run(index, *words, now=now)
    assert (called.code, called.json["status"], len(called.json["directions"])) == (1, "partial", 1)
    assert step(called.json)["status"] == "partial"
    assert step(called.json)["detail"]["error"]["type"] == "FileError"
    assert len(rows(index)) == 1
    assert "cannot be written" in " ".join(call("--run-daily", *words, home=index, now=now).out.split())
    folder.unlink()
    again = run(index, *words, now=now)
    assert (again.code, again.json["status"]) == (0, "done")
    assert again.json["directions"] == called.json["directions"]
    assert (folder / "direction-IBOV.json").exists()


def test_a_run_during_the_session_is_one_of_its_own(index: Path) -> None:
    done = run(index, "--at", "11:00", now=AFTER_ELEVEN)
    assert done.code == 0, done.err
    assert done.json["run_id"] == "2025-07-01-1100"
    assert done.json["session"] == NEXT.isoformat()
    assert [item["name"] for item in done.json["steps"]] == ["fetch", "import", "directions", "summary", "notifications"]
    (said,) = done.json["directions"]
    assert (said["target_session"], said["decision_time"], said["signal"] in (0, 1)) == (NEXT.isoformat(), "11:00", True)
    run(index, now=EVENING)
    assert [row.decision_time for row in rows(index)] == ["11:00", "close"]
    listed = call("runs", "--json", home=index).json["runs"]
    assert {item["id"]: item["decision_time"] for item in listed} == {"2025-07-01-1100": "11:00", "2025-06-30-close": "close"}


def test_new_bars_are_worked_in_until_the_outcome_is_known(index: Path) -> None:
    first = run(index, "--at", "11:00", now=AFTER_ELEVEN).json["directions"][0]
    again = run(index, "--at", "11:00", now=AFTER_ELEVEN + 60).json["directions"][0]
    assert again == first
    assert len(rows(index)) == 1


def test_without_a_price_there_is_nothing_to_say_and_the_run_is_stale(index: Path) -> None:
    done = run(index, "--at", "open", now=int(datetime(2025, 7, 1, 10, 20, tzinfo=SAO_PAULO).timestamp()))
    assert done.code == 3
    assert done.json["status"] == "stale"
    assert done.json["directions"][0]["probability"] is None
    (row,) = rows(index)
    assert (row.decision_time, row.signal, row.probability) == ("open", None, None)


def test_a_replay_repeats_and_records_nothing(index: Path) -> None:
    past = date(2025, 5, 14)
    first = run(index, "--at", "11:00", "--as-of", past.isoformat(), now=EVENING)
    assert first.code == 0, first.err
    assert first.json["run_id"] == "2025-05-14-1100-replay"
    assert first.json["directions"][0]["target_session"] == past.isoformat()
    after_close = run(index, "--as-of", past.isoformat(), now=EVENING)
    assert after_close.json["directions"][0]["target_session"] == "2025-05-15"
    assert rows(index) == []
    again = run(index, "--at", "11:00", "--as-of", past.isoformat(), now=AFTER_ELEVEN)
    assert again.json["directions"] == first.json["directions"]


def test_a_market_without_the_index_is_told_and_nothing_fails(home: Path) -> None:
    done = call("--run-daily", "--json", home=home)
    assert (done.code, done.json["directions"]) == (0, [])
    assert "IBOV" in step(done.json)["detail"]["skipped"]["message"]
    shown = call("--run-daily", home=home)
    assert "There are no bars of IBOV" in shown.out


def test_it_is_a_message_when_it_is_said_in_time(index: Path) -> None:
    def told() -> list[str]:
        def read(desk: Desk) -> list[str]:
            with desk.store.read() as connection:
                return said(connection, "direction/")

        return list(at_desk(index, read))

    run(index, "--at", "11:00", now=AFTER_ELEVEN + 3600)
    assert told() == []
    run(index, now=EVENING)
    (subject,) = told()
    assert subject.startswith("direction/IBOV/2025-07-01/close")
    run(index, now=EVENING)
    assert told() == [subject]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--run-daily", "--at", "noon"), "noon"),
        (("--run-daily", "--at", "15:00"), "has not come"),
        (("--run-daily", "--at", "open", "--as-of", "2025-03-15"), "not a session"),
        (("--at", "open"), "--run-daily"),
        (("--at", "open", "runs"), "--run-daily"),
    ],
)
def test_a_time_that_cannot_be_is_wrong_usage(indexed: Path, words: tuple[str, ...], part: str) -> None:
    done = call(*words, "--json", home=indexed, now=AFTER_ELEVEN)
    assert (done.code, done.out) == (2, "")
    assert part in done.error["message"]
