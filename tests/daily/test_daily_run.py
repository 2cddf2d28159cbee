"""The daily run: its steps and report, what it repeats and what not, and how it says that data are missing or stale."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.daily import STEPS, plan_run, run_daily
from engine.desk import Desk
from engine.domain import Bars, Progress, day_number
from engine.errors import NetworkError, NoDataError, UsageError
from engine.ingestion.importer import FileReport
from engine.store.ledger import list_runs, read_signals
from tests.desk_maker import (
    DAILY,
    END,
    HOURLY,
    MORNING,
    at_desk,
    calendar,
    call,
    daily_csv,
    import_market,
    make_market,
    sessions,
    walk,
)

NAMES = [
    "fetch", "import", "check", "adjust", "features", "regime", "predictions", "drift", "signals", "directions", "anomalies",
    "paper", "feed", "summary", "notifications",
]  # fmt: skip
DAY = 86_400


def without_seconds(report: dict[str, Any]) -> dict[str, Any]:
    return {**report, "notes": None, "steps": [{**step, "seconds": None} for step in report["steps"]]}


def step(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in report["steps"] if item["name"] == name)


def actions(report: dict[str, Any]) -> dict[str, str]:
    return {signal["symbol"]: signal["action"] for signal in report["signals"]}


def test_the_report_has_the_keys_and_steps_that_are_promised(home: Path) -> None:
    called = call("--run-daily", "--json", home=home)
    assert (called.code, called.err) == (0, "")
    report = called.json
    assert {"run_id", "session", "status", "steps", "signals", "anomalies", "directions"} <= set(report)
    assert (report["run_id"], report["session"], report["status"]) == ("2025-06-30-close", "2025-06-30", "done")
    assert [item["name"] for item in report["steps"]] == NAMES == [item.name for item in STEPS]
    assert all(set(item) == {"name", "status", "seconds", "detail"} for item in report["steps"])
    assert (report["anomalies"], report["directions"], report["demo"]) == ([], [], False)
    assert actions(report) == {"MEAA3": "BUY", "NHAA3": "SELL", HOURLY: "HOLD"}
    for signal in report["signals"]:
        assert set(signal) >= {
            "symbol", "timeframe", "time", "strategy", "regime", "action", "strength", "price", "stop_loss", "take_profit",
            "valid_until", "reason", "market_context",
        }  # fmt: skip
        assert set(signal["market_context"]) == {"adx", "atr", "rsi", "volume_avg"}
        assert signal["valid_until"].startswith("2025-07-01T17:00")
        assert signal["reason"]


def test_signals_are_those_of_the_signal_command(home: Path) -> None:
    report = call("--run-daily", "--json", home=home).json
    asked = call("signal", *DAILY, HOURLY, "--json", home=home).json
    assert sorted(asked["signals"], key=lambda signal: signal["symbol"]) == report["signals"]


def test_signals_are_recorded_under_the_run(home: Path) -> None:
    report = call("--run-daily", "--json", home=home).json
    assert at_desk(home, lambda desk: read_signals(desk.store, "2025-06-30-close")) == report["signals"]
    (run,) = call("runs", "--json", home=home).json["runs"]
    assert (run["id"], run["status"], run["session"], run["replay"]) == ("2025-06-30-close", "done", "2025-06-30", False)
    assert [item["name"] for item in run["steps"]] == NAMES


def test_a_day_is_made_of_hours_without_the_after_market(home: Path) -> None:
    days, bars = sessions(), walk(HOURLY, 7 * len(sessions()))
    shown = call("bars", HOURLY, "--json", home=home).json
    assert shown["derived_from"] == "60m"
    assert [bar["session"] for bar in shown["bars"]] == [day.isoformat() for day in days]
    last, hours = shown["bars"][-1], bars[-7:]
    assert (last["open"], last["high"], last["low"], last["close"]) == (
        hours[0, 0], hours[:, 1].max(), hours[:, 2].min(), hours[-1, 3],
    )  # fmt: skip
    assert last["quantity"] == hours[:, 4].sum()
    (signal,) = [item for item in call("--run-daily", "--json", home=home).json["signals"] if item["symbol"] == HOURLY]
    assert (signal["timeframe"], signal["price"]) == ("1d", hours[-1, 3])


def test_a_second_call_does_nothing_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = call("--run-daily", "--json", home=home)

    def never(*_: Any) -> None:
        pytest.fail("the strategy was asked again")

    monkeypatch.setattr("engine.daily.signal_steps.judged_signal", never)
    second = call("--run-daily", "--json", home=home)
    assert (first.code, second.code) == (0, 0)
    assert without_seconds(second.json) == without_seconds(first.json)
    for name in NAMES[4:-3]:
        assert step(second.json, name) == step(first.json, name)
    assert len(call("runs", "--json", home=home).json["runs"]) == 1


def test_new_bars_are_worked_in(home: Path) -> None:
    before = call("--run-daily", "--json", home=home).json
    every = sessions()
    changed = walk("MEAA3", len(every))
    changed[-1, :4] = np.round(changed[-1, :4] * 0.9, 2)
    daily_csv(home / "files" / "MEAA3.csv", every, changed)
    imported = call("import", str(home / "files" / "MEAA3.csv"), "--price-base", "raw", "--json", home=home).json
    assert imported["files"][0]["revised"] == 1
    after = call("--run-daily", "--json", home=home).json
    assert after["run_id"] == before["run_id"]
    assert actions(after)["MEAA3"] != "BUY"
    assert [item for item in after["signals"] if item["symbol"] != "MEAA3"] == [
        item for item in before["signals"] if item["symbol"] != "MEAA3"
    ]


def test_another_setting_is_worked_in(home: Path) -> None:
    call("--run-daily", home=home)
    (home / "config" / "pregao.toml").write_text('[daily]\nwatchlist = "mine"\n', encoding="utf-8")
    call("watchlist", "add", "NHAA3", "--list", "mine", home=home)
    assert actions(call("--run-daily", "--json", home=home).json) == {"NHAA3": "SELL"}


def test_files_in_the_inbox_are_imported_and_filed_away(tmp_path: Path) -> None:
    make_market(tmp_path / "data" / "inbox")
    (tmp_path / "data" / "inbox" / ".half-written.csv").write_text("x", encoding="utf-8")
    report = call("--run-daily", "--json", home=tmp_path)
    assert report.code == 0
    assert step(report.json, "import")["detail"]["inbox"] == {
        "files": 3,
        "written": 90 * 2 + 90 * 8,
        "revised": 0,
        "unchanged": 0,
        "errors": [],
    }
    assert set(actions(report.json)) == {*DAILY, HOURLY}
    inbox = tmp_path / "data" / "inbox"
    assert sorted(item.name for item in inbox.iterdir()) == [".half-written.csv", "imported"]
    assert len(list((inbox / "imported").iterdir())) == 3


def test_files_written_after_the_close_give_the_day_that_evening(tmp_path: Path) -> None:
    """The same files: written in the afternoon their last bar is provisional and the day stale, in the evening it is final."""
    close = calendar().close_instant(day_number(END))
    inbox = tmp_path / "data" / "inbox"
    for written, code, provisional in ((close - 1, 3, 1), (close, 0, 0)):
        for path in make_market(inbox):
            os.utime(path, (written, written))
        called = call("--run-daily", "--json", home=tmp_path, now=close + 3600)
        assert (called.code, called.json["session"]) == (code, "2025-06-30")
        found = {item["symbol"]: item["provisional"] for item in call("coverage", "--json", home=tmp_path).json["series"]}
        assert found["MEAA3"] == provisional
    assert len(called.json["signals"]) == 3


def test_a_refused_file_does_not_stop_the_others(tmp_path: Path) -> None:
    inbox = tmp_path / "data" / "inbox"
    make_market(inbox)
    (inbox / "A_picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    called = call("--run-daily", "--json", home=tmp_path)
    assert called.code == 1
    assert called.json["status"] == "partial"
    facts = step(called.json, "import")
    assert facts["status"] == "partial"
    assert [Path(error["path"]).name for error in facts["detail"]["inbox"]["errors"]] == ["A_picture.csv"]
    assert set(actions(called.json)) == {*DAILY, HOURLY}
    assert [item.name for item in (inbox / "refused").iterdir()] == ["A_picture.csv"]
    assert call("--run-daily", "--json", home=tmp_path).code == 0


@dataclass(frozen=True)
class Broken:
    name: str = "broken"

    def collect(self, session: date, progress: Progress) -> list[FileReport]:
        raise NetworkError("nobody answers", "try later")


@dataclass
class Counting:
    asked: list[date]
    name: str = "counting"

    def collect(self, session: date, progress: Progress) -> list[FileReport]:
        self.asked.append(session)
        return []


def test_a_failing_source_does_not_stop_the_next(home: Path) -> None:
    counting = Counting([])
    report = at_desk(home, lambda desk: run_daily(plan_run(desk, sources=[Broken(), counting])))
    assert report.status == "partial"
    assert counting.asked == [END]
    assert report.steps[1].detail["broken"]["error"] == {
        "type": "NetworkError", "message": "nobody answers", "hint": "try later",
    }  # fmt: skip
    assert len(report.signals) == 3


def test_an_unreachable_server_is_said_and_gives_one(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text(
        '[daily]\nsources = ["cotahist", "inbox"]\n[fetch]\ncotahist_url = "http://127.0.0.1:9/none"\ntimeout_seconds = 1\n',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr("engine.ingestion.download.ATTEMPTS", 1)
        called = call("--run-daily", "--json", home=home)
    assert called.code == 1
    assert step(called.json, "fetch")["detail"]["cotahist"]["error"]["type"] == "NetworkError"
    detail = step(called.json, "import")["detail"]
    assert (detail["cotahist"]["files"], detail["inbox"]["files"]) == (0, 0)
    assert len(called.json["signals"]) == 3


def test_stale_bars_give_three_and_a_sentence(home: Path) -> None:
    called = call("--run-daily", home=home, now=MORNING + DAY)
    assert called.code == 3
    assert "Stale: the newest bar is of 2025-06-30, the last closed session is 2025-07-01" in called.out
    report = call("--run-daily", "--json", home=home, now=MORNING + DAY)
    assert (report.code, report.json["status"], report.json["signals"]) == (3, "stale", [])
    assert step(report.json, "check")["detail"]["stale"] == {"MEAA3": 1, "NHAA3": 1, HOURLY: 1}


def test_a_session_is_expected_only_some_time_after_its_close(home: Path) -> None:
    close = calendar().close_instant(day_number(date(2025, 7, 1)))
    assert call("--run-daily", home=home, now=close + 29 * 60).code == 0
    assert call("--run-daily", home=home, now=close + 30 * 60).code == 3


def test_an_empty_store_gives_three(tmp_path: Path) -> None:
    called = call("--run-daily", "--json", home=tmp_path)
    assert (called.code, called.out, called.error["type"]) == (3, "", "NoDataError")
    (run,) = call("runs", "--json", home=tmp_path).json["runs"]
    assert run["status"] == "failed"
    import_market(tmp_path, make_market(tmp_path / "files"))
    assert call("--run-daily", home=tmp_path).code == 0


def test_a_watched_symbol_that_is_behind_or_unknown_gives_three(home: Path) -> None:
    days = sessions(60, date(2025, 6, 26))
    import_market(home, [daily_csv(home / "LATE3.csv", days, walk("LATE3", 60))])
    assert call("--run-daily", home=home).code == 0
    call("watchlist", "add", "MEAA3", "LATE3", home=home)
    late = call("--run-daily", "--json", home=home)
    assert (late.code, late.json["status"]) == (3, "stale")
    assert step(late.json, "check")["detail"]["stale"] == {"LATE3": 2}
    assert actions(late.json) == {"MEAA3": "BUY"}
    call("watchlist", "remove", "LATE3", home=home)
    call("watchlist", "add", "NONE3", home=home)
    missing = call("--run-daily", "--json", home=home)
    assert (missing.code, step(missing.json, "check")["detail"]["missing"]) == (3, ["NONE3"])
    call("watchlist", "remove", "NONE3", home=home)
    assert call("--run-daily", home=home).code == 0


def test_a_symbol_that_ended_long_ago_is_said_and_not_waited_for(home: Path) -> None:
    for name, end in (("GONE3", date(2025, 5, 29)), ("LATE3", date(2025, 5, 30))):
        import_market(home, [daily_csv(home / f"{name}.csv", sessions(60, end), walk(name, 60))])
    report = call("--run-daily", "--json", home=home)
    assert report.code == 0
    facts = step(report.json, "check")["detail"]
    assert (facts["ended"], facts["stale"]) == ({"GONE3": "2025-05-29"}, {"LATE3": 20})
    assert "GONE3" not in actions(report.json)
    call("watchlist", "add", "GONE3", home=home)
    assert call("--run-daily", home=home).code == 3


def test_a_short_history_is_said(home: Path) -> None:
    import_market(home, [daily_csv(home / "NEWB3.csv", sessions(5), walk("NEWB3", 5))])
    report = call("--run-daily", "--json", home=home)
    assert (report.code, step(report.json, "signals")["detail"]["too_short"]) == (0, ["NEWB3"])
    assert "NEWB3" not in actions(report.json)


@pytest.mark.parametrize(
    "day", ["2025-06-28", "2025-06-19", "2025-07-01", "2031-01-02", "1950-01-03", "2025-13-01", "yesterday", ""]
)
def test_what_cannot_be_replayed_is_wrong_usage(home: Path, day: str) -> None:
    called = call("--run-daily", "--as-of", day, "--json", home=home)
    assert (called.code, called.out, called.error["type"]) == (2, "", "UsageError")


def test_as_of_goes_with_the_daily_run_alone(home: Path) -> None:
    for words in (["--as-of", "2025-06-27"], ["--no-notify"], ["--run-daily", "coverage"]):
        assert call(*words, home=home).code == 2


@dataclass
class Closing:
    """A predictor that says the newest close of one symbol."""

    name: str = "closing"

    def predict(self, series: Mapping[str, Bars]) -> dict[str, dict[str, Any]]:
        return {symbol: {"close": float(bars.close[-1])} for symbol, bars in series.items() if symbol == "MEAA3"}


def test_models_have_their_step(home: Path) -> None:
    def run(desk: Desk) -> Any:
        return run_daily(plan_run(desk, predictors=[Closing()]))

    first, second = at_desk(home, run), at_desk(home, run)
    close = walk("MEAA3", 90)[-1, 3]
    assert first.steps[6].detail == second.steps[6].detail == {"closing": {"MEAA3": {"close": close}}}


def test_progress_is_told_of_every_step(home: Path) -> None:
    seen: list[tuple[int, int | None, str]] = []
    at_desk(home, lambda desk: run_daily(plan_run(desk, progress=lambda done, total, note="": seen.append((done, total, note)))))
    assert [(done, note) for done, total, note in seen if total == len(STEPS) and note in NAMES] == list(enumerate(NAMES))
    assert seen[-1] == (len(STEPS), len(STEPS), "")


def test_the_desk_s_clock_is_the_only_one(home: Path) -> None:
    call("--run-daily", home=home)
    (run,) = at_desk(home, lambda desk: list_runs(desk.store))
    assert (run["started_at"], run["finished_at"]) == (MORNING, MORNING)


def test_the_report_in_words_names_the_calls_and_their_reasons(home: Path) -> None:
    shown = call("--run-daily", home=home)
    assert shown.code == 0
    for word in ("Daily run 2025-06-30-close: done", "▲ BUY", "▼ SELL", "MEAA3:", "NHAA3:", "3 of 3 symbols"):
        assert word in shown.out
    assert "▼" not in shown.err


def test_errors_of_a_plan_are_typed(home: Path) -> None:
    with pytest.raises(UsageError):
        at_desk(home, lambda desk: plan_run(desk, END + timedelta(days=1)))
    with pytest.raises(NoDataError):
        at_desk(home.parent / "fresh", lambda desk: run_daily(plan_run(desk)))
