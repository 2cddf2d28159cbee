"""A replay shows a past session as it was known then: repeated bit for bit, blind to what came later."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.daily import plan_run, run_daily
from tests.desk_maker import DAILY, MORNING, at_desk, call, daily_csv, import_market, make_market, sessions, walk

DAYS = sessions()
PAST = DAYS[-8]
DAY = 86_400


def replay(home: Path, day: date = PAST, now: int = MORNING) -> Any:
    called = call("--run-daily", "--as-of", day.isoformat(), "--json", home=home, now=now)
    assert called.code == 0, called.err
    return called.json


def test_a_replay_has_a_run_of_its_own(home: Path) -> None:
    live = call("--run-daily", "--json", home=home).json
    past = replay(home, DAYS[-1])
    assert past["run_id"] == "2025-06-30-close-replay"
    assert past["signals"] == live["signals"]
    assert {run["id"]: run["replay"] for run in call("runs", "--json", home=home).json["runs"]} == {
        "2025-06-30-close": False,
        "2025-06-30-close-replay": True,
    }


def test_a_replay_takes_nothing_from_the_inbox(home: Path) -> None:
    make_market(home / "data" / "inbox")
    report = replay(home)
    assert report["steps"][0]["detail"] == {}
    assert len(list((home / "data" / "inbox").glob("*.csv"))) == 3


def test_a_replay_repeats_bit_for_bit(home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(home, tmp_path / "other"))
    assert replay(home)["signals"] == replay(other, now=MORNING + 30 * DAY)["signals"] == replay(home)["signals"]


def test_a_replay_equals_the_run_on_data_that_end_there(home: Path, tmp_path: Path) -> None:
    for back in (2, 8, 20):
        day = DAYS[-back]
        cut = tmp_path / f"cut{back}"
        import_market(cut, make_market(cut / "files", DAYS[: 1 - back]))
        whole, short = replay(home, day), replay(cut, day)
        assert whole["signals"] == short["signals"]
        assert [signal["time"][:10] for signal in whole["signals"]] == [day.isoformat()] * 3
        assert whole["steps"][1:] == [
            {**step, "seconds": whole["steps"][at + 1]["seconds"]} for at, step in enumerate(short["steps"][1:])
        ]


def test_a_replay_is_what_the_live_run_said_that_evening(home: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    import_market(cut, make_market(cut / "files", DAYS[:-7]))
    evening = (
        int(at_desk(cut, lambda desk: desk.calendar.close_instant(desk.calendar.session_on_or_before(_number(PAST))))) + 7200
    )
    live = call("--run-daily", "--json", home=cut, now=evening)
    assert (live.code, live.json["session"]) == (0, PAST.isoformat())
    assert replay(home)["signals"] == live.json["signals"]


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


@given(at=st.integers(60, 89), factor=st.sampled_from([0.5, 0.97, 1.03, 2.0]))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_later_revision_changes_no_earlier_replay(
    made_home: Path, tmp_path_factory: pytest.TempPathFactory, at: int, factor: float
) -> None:
    home = Path(shutil.copytree(made_home, tmp_path_factory.mktemp("revised") / "home"))
    before = replay(home)
    bars = walk("MEAA3", len(DAYS))
    bars[at, :4] = np.round(bars[at, :4] * factor, 2)
    daily_csv(home / "MEAA3.csv", DAYS, bars)
    done = call("import", str(home / "MEAA3.csv"), "--price-base", "raw", "--json", home=home, now=MORNING + DAY)
    assert done.json["files"][0]["revised"] == 1
    after = replay(home, now=MORNING + 2 * DAY)
    assert after["signals"] == before["signals"]


def test_a_revision_is_seen_from_the_session_on_after_which_it_was_known(home: Path) -> None:
    """A bar of PAST is corrected in the morning of 2025-07-01: the replay of 06-30 is blind to it, the live run is not."""
    live, past = call("--run-daily", "--json", home=home).json, replay(home, DAYS[-1])
    bars = walk("MEAA3", len(DAYS))
    bars[-1, :4] = np.round(bars[-1, :4] * 0.8, 2)
    daily_csv(home / "MEAA3.csv", DAYS, bars)
    call("import", str(home / "MEAA3.csv"), "--price-base", "raw", home=home)
    assert replay(home, DAYS[-1])["signals"] == past["signals"]
    again = call("--run-daily", "--json", home=home).json
    assert again["signals"] != live["signals"]
    assert [signal for signal in again["signals"] if signal["symbol"] != "MEAA3"] == [
        signal for signal in live["signals"] if signal["symbol"] != "MEAA3"
    ]


def test_bars_of_later_sessions_change_no_replay(tmp_path: Path) -> None:
    files = make_market(tmp_path / "files", DAYS[:-7])
    import_market(tmp_path, files)
    before = replay(tmp_path, PAST)
    import_market(tmp_path, make_market(tmp_path / "files"))
    assert replay(tmp_path, PAST)["signals"] == before["signals"]


def test_the_plan_of_a_replay_sees_nothing_after_its_close(home: Path) -> None:
    def cut(desk: Any) -> tuple[int, int]:
        plan = plan_run(desk, PAST)
        report = run_daily(plan)
        assert {signal["symbol"] for signal in report.signals} == {*DAILY, "HHHH3"}
        return plan.cut.time, plan.cut.known_at

    close = at_desk(home, lambda desk: desk.calendar.close_instant(_number(PAST)))
    assert at_desk(home, cut) == (close, close + 1800)
