"""`pregao direction` when the data are old, missing or of two sources: what is said, what is recorded, what blocks."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from engine.desk import Desk
from engine.domain import SAO_PAULO, day_number
from engine.store.directions import read_directions, read_evaluation, record_evaluation
from tests.desk_maker import Called, at_desk, call
from tests.direction_desk import AFTER_ELEVEN, LAST, NEXT, fill


def at(day: date, hour: int, minute: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=SAO_PAULO).timestamp())


EVENING, MORNING = at(LAST, 21), at(NEXT, 9, 50)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made index that is long enough for every decision time."""
    home = tmp_path_factory.mktemp("long")
    fill(home, sessions=620)
    return home


@pytest.fixture
def home(long: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(long, tmp_path / "home"))


def say(home: Path, *words: str, now: int = EVENING) -> Called:
    return call("direction", *words, "--json", home=home, now=now)


def market(home: Path, name: str, last: date) -> None:
    """Store a market that goes up and down each day until `last`."""
    days = [last - timedelta(days=back) for back in range(900)]
    lines = [f"{day},{1000 + day.toordinal() % 7}" for day in days]
    path = home / f"{name}.csv"
    path.write_text("\n".join(["date,close", *lines]) + "\n", encoding="utf-8")
    assert call("import", "--series", name, str(path), home=home, now=EVENING).code == 0


def test_a_series_that_ended_takes_no_signal_away(home: Path) -> None:
    alone = say(home).json
    market(home, "SP500", LAST - timedelta(days=60))
    found = say(home).json
    assert (found["signal"], found["probability"]) == (alone["signal"], alone["probability"])
    assert (found["series_used"], [item["name"] for item in found["series_left_out"]]) == ([], ["SP500"])
    assert found["series_left_out"][0]["last"] == (LAST - timedelta(days=60)).isoformat()
    market(home, "EWZ", LAST)
    with_one = say(home).json
    assert [item["name"] for item in with_one["series_used"]] == ["EWZ"]
    assert with_one["model"] != found["model"]


def test_the_time_before_the_opening_says_which_series_it_needs(home: Path) -> None:
    done = say(home, "--at", "preopen", now=MORNING)
    assert done.code == 3
    assert "at least one of NIKKEI, HANGSENG, SHANGHAI, DAX_OPEN is needed" in done.error["message"]


def test_that_nothing_could_be_said_in_time_is_recorded_and_in_the_feed(home: Path) -> None:
    market(home, "NIKKEI", LAST - timedelta(days=60))
    said = say(home, "--at", "preopen", now=MORNING)
    assert (said.code, said.json["signal"], said.json["probability"], said.json["timely"]) == (0, None, None, True)
    (row,) = at_desk(home, lambda desk: read_directions(desk.store, "IBOV"))
    assert (row.decision_time, row.signal, row.probability) == ("preopen", None, None)
    held = json.loads((home / "data" / "out" / "direction-IBOV.json").read_text(encoding="utf-8"))
    assert held["latest"]["preopen"]["signal"] is None


def test_what_was_said_is_not_replaced_by_nothing(home: Path) -> None:
    first = say(home, "--at", "11:00", "--price", "85000", now=AFTER_ELEVEN)
    assert first.json["probability"] is not None
    at_desk(home, lambda desk: _forget_hours(desk))
    again = say(home, "--at", "11:00", now=AFTER_ELEVEN + 60)
    assert again.code != 0 or again.json["probability"] is None
    (row,) = at_desk(home, lambda desk: read_directions(desk.store, "IBOV"))
    assert row.probability == first.json["probability"]


def test_a_second_call_of_the_evening_is_the_first_one_again_and_fits_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.ml.direction import models

    first = say(home)
    monkeypatch.setattr(models, "fit", lambda *_given, **_more: pytest.fail("fitted again"))
    assert say(home).json == first.json


def test_the_reasons_add_up_to_the_probability(home: Path) -> None:
    import math

    found = say(home).json
    names = [part["name"] for part in found["contributions"]]
    assert (names[0], names[-1]) == ("usual", "rest")
    odds = math.fsum(part["log_odds"] for part in found["contributions"])
    assert 1 / (1 + math.exp(-odds)) == pytest.approx(found["probability"])
    assert found["reasons"][0].startswith(("Up because", "Down because"))


@pytest.mark.parametrize("change", ["nothing", "configuration", "data", "long ago"])
def test_a_failed_check_blocks_only_what_it_checked(home: Path, change: str) -> None:
    done = call("direction", "evaluate", "--at", "11:00", "--json", home=home, now=EVENING)
    assert done.code == 0, done.err

    def spoil(desk: Desk) -> None:
        kept = read_evaluation(desk.store, "IBOV", "11:00")
        assert kept is not None
        figures = {**kept.evaluation, "data": "another" if change == "data" else kept.evaluation["data"]}
        history = dict(kept.history)
        if change == "long ago":
            history = {
                name: {call_name: call[:-40] for call_name, call in values.items()} if name == "calls" else values[:-40]
                for name, values in kept.history.items()
            }
            figures["data"] = None
        name = "move refit=1 seed=1 other" if change == "configuration" else kept.configuration
        failed = ({"name": "own_outcome", "passed": False, "meaning": "leak"},)
        spoilt = replace(kept, configuration=name, evaluation=figures, history=history, canaries=failed, promoted=False)
        record_evaluation(desk.store, replace(spoilt, evaluated_at=EVENING + 1))

    at_desk(home, spoil)
    found = say(home, "--at", "11:00", now=AFTER_ELEVEN).json
    assert (found["probability"] is None) == (change == "nothing")
    assert any("own_outcome" in reason for reason in found["reasons"])
    assert any("blocks nothing" in reason for reason in found["reasons"]) == (change != "nothing")


def test_a_gate_of_long_ago_is_not_met(home: Path) -> None:
    assert call("direction", "evaluate", "--at", "11:00", "--json", home=home, now=EVENING).code == 0
    fresh = say(home, "--at", "11:00", now=AFTER_ELEVEN).json
    assert (fresh["gate"]["stale"], fresh["gate"]["last"]) == (False, LAST.isoformat())

    def grow_old(desk: Desk) -> None:
        kept = read_evaluation(desk.store, "IBOV", "11:00")
        assert kept is not None
        shifted = [day - 60 for day in kept.history["session"]]
        record_evaluation(desk.store, replace(kept, history={**kept.history, "session": shifted}, evaluated_at=EVENING + 1))

    at_desk(home, grow_old)
    old = say(home, "--at", "11:00", "--gate", now=AFTER_ELEVEN)
    assert (old.code, old.json["gate"]["stale"], old.json["gate"]["verdict"]) == (4, True, "not met")
    assert old.json["gate"]["last"] == str(date.fromordinal(LAST.toordinal() - 60))


def test_a_price_of_the_index_is_judged_though_bova11_has_no_newer_bars(home: Path) -> None:
    at_desk(home, lambda desk: _forget(desk, "BOVA11", since=day_number(LAST) - 5))
    typed = say(home, "--at", "open", "--price", "87500", now=at(NEXT, 10, 20))
    assert (typed.code, typed.json["signal"]) == (0, 1)
    fund = say(home, "--at", "open", "--price", "87.5", now=at(NEXT, 10, 20))
    assert fund.code == 3
    assert "BOVA11" in fund.error["message"]
    assert "type the price of IBOV" in fund.error["hint"]
    past = say(home, "--at", "open", "--as-of", LAST.isoformat(), now=AFTER_ELEVEN)
    assert past.code == 0, past.err
    assert any("first print of IBOV" in notice for notice in past.json["notices"])


def _forget_hours(desk: Desk) -> None:
    with desk.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM bars WHERE series_id IN (SELECT id FROM series WHERE timeframe = '60m')")


def _forget(desk: Desk, symbol: str, since: int) -> None:
    with desk.store.write() as connection:
        connection.exec_driver_sql(
            "DELETE FROM bars WHERE series_id IN (SELECT id FROM series WHERE symbol = ?) AND time >= ?", (symbol, since * 86_400)
        )
