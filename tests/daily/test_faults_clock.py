"""A clock that jumps: no session of the future is made, no duration is negative, and nothing that was done is done again."""

from __future__ import annotations

import itertools
from pathlib import Path
from unittest.mock import patch

import pytest

from engine import desk
from engine.domain import day_number
from tests.daily.crash_desk import CROSSING, DAYS, NOW, kept, rows
from tests.daily.fault_desk import Faults, _at_once, run, step
from tests.desk_maker import call

__all__ = ["_at_once"]

DAY = 86_400
YEAR = 365 * DAY


def test_a_clock_set_back_a_day_between_two_calls_does_nothing_again(faults: Faults, tmp_path: Path) -> None:
    """A day before lies a session that the account has passed: its run is made up for, and neither trades nor takes anything back."""
    home = faults.copy(tmp_path / "home")
    assert run(home).code == 0
    before = kept(home)
    called = run(home, NOW - 3 * DAY)
    assert called.code == 0, called.err
    assert called.json["session"] == DAYS[-2].isoformat()
    assert step(called, "paper")["detail"]["fills"] == 0
    after = kept(home)
    for name in ("paper_fills", "bars", "bar_revisions", "anomalies"):
        assert after[name] == before[name], name
    assert set(before["signals"]) <= set(after["signals"])
    assert set(before["outbox"]) <= set(after["outbox"])
    faults.check_completed(
        home, but_for=("runs", "run_steps", "signals", "directions", "outbox", "out", "paper_orders", "paper_events")
    )


@pytest.mark.parametrize("imported_before", [True, False])
def test_a_clock_set_forward_a_year_makes_no_session_of_the_future(faults: Faults, tmp_path: Path, imported_before: bool) -> None:
    """The data are stale then: exit code 3, no order, no signal; when the clock is right again, the day is as it would have been."""
    home = faults.copy(tmp_path / "home")
    if imported_before:
        assert run(home).code == 0
    called = run(home, NOW + YEAR)
    assert called.code == 3
    assert called.json["status"] == "stale"
    assert (called.json["signals"], called.json["directions"]) == ([], [])
    assert rows(home, "SELECT session FROM paper_accounts") == [(day_number(DAYS[-1]),)]
    assert rows(home, "SELECT count(*) FROM paper_events WHERE session > (SELECT session FROM paper_accounts)") == [(0,)]
    faults.check_completed(home, but_for=("runs", "run_steps", "outbox", "out", "paper_events", "paper_accounts"))
    for name in ("paper_fills", "paper_orders"):
        assert kept(home)[name] == faults.alone[name], name


def test_a_clock_that_runs_backwards_during_the_run_gives_no_negative_duration(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    ticks = itertools.count()

    def now() -> int:
        return NOW - 7 * next(ticks)

    whole = desk.open_desk
    with patch.object(desk, "open_desk", lambda workspace, **_words: whole(workspace, now)):
        called = call("--run-daily", "--json", home=home)
    assert next(ticks) > 5
    assert called.code == 0, called.err
    assert all(item["seconds"] >= 0 for item in called.json["steps"])
    assert rows(home, "SELECT count(*) FROM runs WHERE finished_at < started_at") == [(0,)]
    faults.check_completed(home, but_for=("paper_accounts", "paper_orders", "paper_events", "outbox", "runs", "directions"))
    assert kept(home)["paper_fills"] == faults.alone["paper_fills"]


def test_a_correction_counts_at_once_though_something_was_imported_while_the_clock_was_ahead(
    faults: Faults, tmp_path: Path
) -> None:
    home = faults.copy(tmp_path / "home")
    assert run(home, NOW + YEAR).code == 3
    symbol = CROSSING[0]
    *lines, last = (home / "data" / "inbox" / "imported" / f"{symbol}-3.csv").read_text().splitlines()
    day, opening, high, low, close, quantity = last.split(",")
    corrected = f"{float(close) + 0.01:.2f}"
    changed = ",".join((day, opening, f"{float(high) + 1:.2f}", low, corrected, quantity))
    (home / "data" / "inbox" / f"{symbol}.csv").write_text("\n".join([*lines, changed]) + "\n")
    called = run(home)
    assert called.code == 0, called.err
    (signal,) = [item for item in called.json["signals"] if item["symbol"] == symbol]
    assert signal["price"] == float(corrected)
