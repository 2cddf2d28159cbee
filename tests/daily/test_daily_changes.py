"""What a later call of a day does: corrected data change what they change and are told, idle days and failures are said once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from engine.daily import run_daily
from engine.daily.changes import changed
from engine.desk import open_desk
from engine.domain import SAO_PAULO, day_number
from engine.errors import FileError, StoreError
from engine.jobs.work import plan_day
from engine.store import outbox
from engine.store.ledger import finish_step
from engine.workspace import Workspace
from tests.desk_maker import MORNING, at_desk, calendar, call, daily_csv, import_market, sessions, walk
from tests.notifications.webhook_server import Hook, webhook_server

#: The steps that have something to compute without models, an index and a paper account.
COMPUTED = ["regime", "signals", "anomalies"]
NONE = {"revised": {"count": 0, "values": []}, "steps": [], "signals": [], "anomalies": [], "directions": []}


@pytest.fixture
def hook(home: Path) -> Iterator[Hook]:
    """A Discord webhook that is set up in the workspace."""
    with webhook_server() as server, patch.dict("os.environ", {"PREGAO_SECRETS__DISCORD_WEBHOOK_URL": server.url}):
        yield server


def at(text: str) -> int:
    """An instant of Sao Paulo."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SAO_PAULO).timestamp())


def correct(home: Path, symbol: str, factor: float) -> None:
    """Import another newest bar of a symbol."""
    days = sessions()
    bars = walk(symbol, len(days))
    bars[-1, :4] = np.round(bars[-1, :4] * factor, 2)
    import_market(home, [daily_csv(home / "files" / f"{symbol}.csv", days, bars)])


def step(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in report["steps"] if item["name"] == name)


def market_until(home: Path, end: date) -> None:
    home.mkdir(exist_ok=True)
    import_market(home, [daily_csv(home / "MEAA3.csv", sessions(60, end), walk("MEAA3", 60))])


def test_a_first_run_changes_nothing(home: Path) -> None:
    assert call("--run-daily", "--json", home=home).json["changes"] == NONE


def test_a_correction_names_the_signals_that_are_no_longer_as_they_were(home: Path) -> None:
    before = {item["symbol"]: item["action"] for item in call("--run-daily", "--json", home=home).json["signals"]}
    correct(home, "MEAA3", 0.9)
    report = call("--run-daily", "--json", home=home).json
    after = {item["symbol"]: item["action"] for item in report["signals"]}
    assert report["changes"]["steps"] == COMPUTED
    (said,) = report["changes"]["signals"]
    assert said == {
        "symbol": "MEAA3", "timeframe": "1d", "strategy": "trend_following", "before": before["MEAA3"], "after": after["MEAA3"],
    }  # fmt: skip
    assert said["before"] == "BUY" != said["after"]
    assert step(report, "signals")["detail"]["changed"] == [said]
    third = call("--run-daily", "--json", home=home).json
    assert third["changes"] == NONE
    assert step(third, "signals")["detail"]["changed"] == [said]
    assert "done already" in third["notes"][0]


def test_a_correction_is_shown_in_words(home: Path) -> None:
    call("--run-daily", home=home)
    correct(home, "MEAA3", 0.9)
    shown = call("--run-daily", home=home).out
    assert "Computed anew, on other data or settings: regime, signals, anomalies" in shown
    assert "1 bar was revised since the run before:" in shown
    close = float(walk("MEAA3", len(sessions()))[-1, 3])
    assert f"MEAA3 2025-06-30 close: was {close:.2f}, is {np.round(close * 0.9, 2):.2f}" in shown
    assert "MEAA3: was ▲ BUY, is" in shown or "MEAA3: was BUY, is" in shown


def test_a_correction_names_what_was_revised_since_the_run_before(home: Path) -> None:
    assert call("--run-daily", "--json", home=home).json["changes"]["revised"] == NONE["revised"]
    days = sessions()
    bars = walk("MEAA3", len(days))
    bars[-2, 3] = np.round(bars[-2, 3] * 1.001, 2)
    inbox = home / "data" / "inbox"
    inbox.mkdir(exist_ok=True)
    daily_csv(inbox / "MEAA3.csv", days, bars)
    shown = call("--run-daily", "--json", home=home).json
    close = float(walk("MEAA3", len(days))[-2, 3])
    said = {"symbol": "MEAA3", "timeframe": "1d", "session": days[-2].isoformat(), "field": "close"}
    assert shown["changes"]["revised"] == {"count": 1, "values": [{**said, "before": close, "after": float(bars[-2, 3])}]}
    assert step(shown, "import")["detail"]["inbox"]["revised"] == 1
    assert call("--run-daily", "--json", home=home).json["changes"] == NONE


def test_a_revision_is_named_by_the_first_run_after_it_though_that_of_another_session(tmp_path: Path) -> None:
    market_until(tmp_path, date(2025, 6, 27))
    assert call("--run-daily", home=tmp_path, now=at("2025-06-27T20:00")).code == 0
    days, bars = sessions(61, date(2025, 6, 30)), np.vstack([walk("MEAA3", 60), walk("MEAA3", 60)[-1:]])
    bars[59, 4] += 100
    import_market(tmp_path, [daily_csv(tmp_path / "MEAA3.csv", days, bars)])
    called = call("--run-daily", "--json", home=tmp_path).json["changes"]
    assert (called["steps"], called["revised"]["count"], called["revised"]["values"][0]["field"]) == ([], 1, "quantity")


def test_a_step_that_is_only_tried_again_is_not_said_to_be_computed_on_other_data(home: Path) -> None:
    shutil.rmtree(home / "data" / "out", ignore_errors=True)
    (home / "data" / "out").write_text("in the way", encoding="utf-8")
    for _again in range(2):
        assert call("--run-daily", "--json", home=home).json["changes"] == NONE


def test_a_signal_that_was_sent_and_has_changed_is_told(home: Path, hook: Hook) -> None:
    call("--run-daily", home=home)
    told = len(hook.taken)
    correct(home, "MEAA3", 0.9)
    call("--run-daily", home=home)
    titles = [body["embeds"][0]["title"] for body in hook.taken[told:]]
    assert any("Signal withdrawn" in title or "Corrected trading signal" in title for title in titles)
    call("--run-daily", home=home)
    assert len(hook.taken) == told + len(titles)


def test_a_correction_that_changes_no_signal_is_not_told(home: Path, hook: Hook) -> None:
    call("--run-daily", home=home)
    told = len(hook.taken)
    correct(home, "MEAA3", 1.001)
    report = call("--run-daily", "--json", home=home).json
    assert (report["changes"]["steps"], report["changes"]["signals"]) == (COMPUTED, [])
    assert len(hook.taken) == told


def test_changed_items_are_named_whether_they_came_went_or_turned() -> None:
    def anomaly(symbol: str, severity: str) -> dict[str, str]:
        return {"symbol": symbol, "timeframe": "1d", "session": "2025-06-30", "kind": "jump", "severity": severity}

    before = [anomaly("GONE3", "low"), anomaly("SAME3", "low"), anomaly("TURN3", "low")]
    after = [anomaly("NEWB3", "high"), anomaly("SAME3", "low"), anomaly("TURN3", "high")]
    found = [(item["symbol"], item["before"], item["after"]) for item in changed("anomalies", before, after)]
    assert found == [("GONE3", "low", None), ("NEWB3", None, "high"), ("TURN3", "low", "high")]


@pytest.mark.parametrize(
    ("last", "now"), [("2025-06-27", "2025-06-28T12:00"), ("2025-06-18", "2025-06-19T20:00"), ("2025-04-17", "2025-04-18T20:00")]
)
def test_a_day_without_a_session_does_nothing_and_says_so(tmp_path: Path, last: str, now: str) -> None:
    """A Saturday, Corpus Christi and Good Friday."""
    market_until(tmp_path, date.fromisoformat(last))
    first = call("--run-daily", "--json", home=tmp_path, now=at(now))
    assert first.code == 0
    assert first.json["notes"] == [f"No session today, {now[:10]}; this is the run of the last one, {last}."]
    with patch("engine.daily.signal_steps.judged_signal", side_effect=AssertionError):
        second = call("--run-daily", "--json", home=tmp_path, now=at(now) + 60)
    assert (second.code, second.json["changes"]) == (0, NONE)
    assert second.json["notes"] == [f"No session today, {now[:10]}; the last one, {last}, is done already."]
    assert "is done already" in call("--run-daily", home=tmp_path, now=at(now) + 120).out


def test_an_early_close_is_the_end_of_its_session(tmp_path: Path) -> None:
    """While New York is on daylight time the session ends at 17:00, else at 18:00; half an hour later it is expected."""
    for day, before, expected in ((date(2025, 6, 30), date(2025, 6, 27), True), (date(2025, 12, 1), date(2025, 11, 28), False)):
        home = tmp_path / day.isoformat()
        market_until(home, day if expected else before)
        report = call("--run-daily", "--json", home=home, now=at(f"{day}T17:40"))
        assert (report.code, report.json["session"]) == (0, str(day if expected else before))
        again = call("--run-daily", "--json", home=home, now=at(f"{day}T17:41")).json
        word = "nothing has changed" if expected else "is not over yet"
        assert word in again["notes"][0]
        assert calendar().is_session(day_number(day))


def test_a_failed_run_is_told_once_for_each_error(home: Path, hook: Hook) -> None:
    def fail(reason: str) -> Any:
        with patch("engine.daily.signal_steps.scan", side_effect=FileError(reason, "Look there.")):
            return call("--run-daily", "--json", home=home)

    for reason in ("no disk", "no disk", "no chair", "no disk"):
        called = fail(reason)
        assert (called.code, called.error["message"]) == (1, reason)
    bodies = [body["embeds"][0] for body in hook.taken if "failed" in body["embeds"][0]["title"]]
    assert [body["description"].split("\n")[0] for body in bodies] == ["no disk", "no chair"]
    assert "2025-06-30-close" in str(bodies[0])
    assert "anomalies" in str(bodies[0])
    (run,) = call("runs", "--json", home=home).json["runs"]
    assert (run["status"], run["steps"][-1]["status"], run["steps"][-1]["detail"]["message"]) == ("failed", "failed", "no disk")
    assert "no disk" in call("runs", home=home).out
    assert call("--run-daily", home=home).code == 0
    assert sum("failed" in body["embeds"][0]["title"] for body in hook.taken) == 2


def test_a_failed_replay_or_silent_run_is_not_told(home: Path, hook: Hook) -> None:
    with patch("engine.daily.signal_steps.scan", side_effect=FileError("no disk")):
        assert call("--run-daily", "--no-notify", home=home).code == 1
        assert call("--run-daily", "--as-of", "2025-06-27", home=home).code == 1
    assert hook.taken == []
    assert at_desk(home, lambda desk: outbox.list_messages(desk.store)) == []


def test_a_failure_that_cannot_be_recorded_is_still_the_error_that_is_shown(home: Path) -> None:
    def full(store: Any, run_id: str, position: int, record: Any, *rest: Any, **named: Any) -> None:
        if record.status == "failed":
            raise StoreError("disk is full")
        finish_step(store, run_id, position, record, *rest, **named)

    with (
        patch("engine.daily.signal_steps.scan", side_effect=FileError("no disk")),
        patch("engine.daily.run.finish_step", full),
    ):
        called = call("--run-daily", "--json", home=home)
    assert (called.code, called.error["message"]) == (1, "no disk")
    assert call("--run-daily", home=home).code == 0


def test_gaps_and_unexplained_jumps_are_said(home: Path) -> None:
    days = sessions()
    bars = walk("GAPS3", len(days))
    bars[-1, :4] *= 1.5
    kept = [at for at in range(len(days)) if at not in (80, 85)]
    import_market(home, [daily_csv(home / "GAPS3.csv", [days[at] for at in kept], bars[kept])])
    called = call("--run-daily", "--json", home=home)
    detail = step(called.json, "check")["detail"]
    assert detail["gaps"] == {"GAPS3": 2}
    assert detail["jumps"]["GAPS3"] > 0.3
    shown = call("--run-daily", home=home).out
    assert "Sessions without a bar of late: GAPS3 (2)" in shown
    assert "Jumps that no stored event explains: GAPS3" in shown


def test_the_regime_of_every_symbol_is_recorded(home: Path) -> None:
    report = call("--run-daily", "--json", home=home).json
    detail = step(report, "regime")["detail"]
    assert detail["symbols"] == {signal["symbol"]: signal["regime"] for signal in report["signals"]}
    assert sum(detail[name] for name in set(detail["symbols"].values())) == len(report["signals"])


def test_one_run_of_the_history_is_shown_with_its_steps_and_seconds(home: Path) -> None:
    call("--run-daily", home=home)
    shown = call("runs", "2025-06-30-close", home=home)
    assert shown.code == 0
    assert "signals: done, " in shown.out
    assert call("runs", "2025-06-27-close", home=home).code == 2
    assert [run["id"] for run in call("runs", "2025-06-30-close", "--json", home=home).json["runs"]] == ["2025-06-30-close"]


def test_the_later_decision_time_has_a_report_in_words_too(home: Path) -> None:
    assert call("--run-daily", "--at", "preopen", home=home, now=MORNING).code in (0, 3)


def test_a_correction_that_a_run_imports_itself_is_seen_by_its_own_steps(home: Path) -> None:
    """The clock moves on while a run imports: what it has just taken in is known to it."""
    assert call("--run-daily", "--json", home=home).code == 0
    days = sessions()
    bars = walk("MEAA3", len(days))
    bars[-1, :4] = np.round(bars[-1, :4] * 0.97, 2)
    inbox = home / "data" / "inbox"
    inbox.mkdir(exist_ok=True)
    daily_csv(inbox / "MEAA3.csv", days, bars)
    ticking = count(MORNING + 60)
    opened = open_desk(Workspace(home), lambda: next(ticking))
    try:
        report = run_daily(plan_day(opened)).as_dict()
    finally:
        opened.close()
    (signal,) = [item for item in report["signals"] if item["symbol"] == "MEAA3"]
    assert signal["price"] == float(bars[-1, 3])
