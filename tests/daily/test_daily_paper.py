"""The paper account in what a daily run tells: the result of a session is said once, as that of this session."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from engine.desk import Desk
from engine.domain import SAO_PAULO
from tests.desk_maker import at_desk, call, import_market, make_market, sessions

DAYS = sessions()


def evening(day: date) -> int:
    return int(datetime.combine(day, time(20), SAO_PAULO).timestamp())


def deliver(home: Path, until: int) -> None:
    """The files of the made market up to the `until`-th session."""
    files = make_market(home / "files", DAYS[:until])
    done = call("import", *map(str, files), "--price-base", "raw", "--json", home=home, now=evening(DAYS[until - 1]))
    assert done.code == 0, done.err


def summaries(home: Path) -> list[dict[str, Any]]:
    """What the summaries said, oldest first."""

    def payloads(desk: Desk) -> list[dict[str, Any]]:
        with desk.store.read() as connection:
            asked = "SELECT payload FROM outbox WHERE channel = 'any' AND kind = 'summary' ORDER BY id"
            return [json.loads(text) for (text,) in connection.exec_driver_sql(asked)]

    found: list[dict[str, Any]] = at_desk(home, payloads)
    return found


def feed(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "data" / "out" / "day.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def invested(tmp_path: Path) -> Path:
    """A workspace whose account holds a position since the last session but one, and has told of it."""
    deliver(tmp_path, len(DAYS) - 2)
    placed = call("paper", "order", "MEAA3", "buy", "100", "--stop", "15", "--json", home=tmp_path, now=evening(DAYS[-3]))
    assert placed.code == 0, placed.err
    deliver(tmp_path, len(DAYS) - 1)
    assert call("--run-daily", home=tmp_path, now=evening(DAYS[-2])).code == 0
    return tmp_path


def test_a_session_without_bars_has_no_result_until_they_come(invested: Path) -> None:
    (before,) = summaries(invested)
    assert before["pnl"] != 0
    assert feed(invested)["paper"]["day"]["pnl"] == pytest.approx(before["pnl"], abs=0.005)
    assert call("--run-daily", home=invested, now=evening(DAYS[-1])).code == 3
    stale = summaries(invested)[-1]
    assert (stale["session"], stale["status"], stale["waiting_for"]) == (DAYS[-1].isoformat(), "stale", ["MEAA3"])
    assert [stale[key] for key in ("pnl", "return", "trades", "win_rate", "equity", "drawdown")] == [None] * 6
    assert feed(invested)["paper"]["day"] is None
    deliver(invested, len(DAYS))
    assert call("--run-daily", home=invested, now=evening(DAYS[-1]) + 3600).code == 0
    complete = summaries(invested)[-1]
    assert (complete["session"], complete["status"], complete["waiting_for"]) == (DAYS[-1].isoformat(), "done", [])
    day = feed(invested)["paper"]["day"]
    assert (day["session"], day["pnl"]) == (DAYS[-1].isoformat(), pytest.approx(complete["pnl"], abs=0.005))
    assert complete["equity"] == pytest.approx(before["equity"] + complete["pnl"])
    assert len(summaries(invested)) == 3


def test_a_summary_without_the_result_is_told_again_with_it_though_the_run_was_done(invested: Path) -> None:
    """Only the symbol that is held comes late: the run of the others is done, and the account waits."""
    others = [path for path in make_market(invested / "files") if path.stem != "MEAA3"]
    import_market(invested, others)
    assert call("--run-daily", home=invested, now=evening(DAYS[-1])).code == 0
    assert (summaries(invested)[-1]["status"], summaries(invested)[-1]["pnl"]) == ("done", None)
    deliver(invested, len(DAYS))
    assert call("--run-daily", home=invested, now=evening(DAYS[-1]) + 3600).code == 0
    assert (summaries(invested)[-1]["status"], summaries(invested)[-1]["waiting_for"]) == ("done", [])
    assert summaries(invested)[-1]["pnl"] is not None
