"""Anomalies on the command line and in the daily run: found, kept, explained, acknowledged; never twice, never lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.desk import Desk
from engine.store.anomalies import acknowledge, revised_bars
from engine.store.bars import read_bars
from engine.workspace import Workspace
from tests.desk_maker import DAILY, MORNING, at_desk, call, daily_csv, plain_environment, sessions, walk

SYMBOL, QUIET = "WILD3", "QUIE3"
DAYS = 120
KEYS = {
    "id", "symbol", "timeframe", "time", "session", "score", "raw", "severity", "kind", "direction", "drivers", "explained_by",
    "followed_by", "advice", "acknowledged",
}  # fmt: skip


def wild(days: Sequence[date], at: int = -1, size: float = 1.2) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A walk whose close of one day is `size` times what it was, with all that comes after."""
    bars = walk(QUIET, len(days))
    start = at % len(days)
    bars[start:, 3] *= size
    bars[start + 1 :, :3] *= size
    bars[start, 1] = max(bars[start, 1], bars[start, 3])
    bars[start, 2] = min(bars[start, 2], bars[start, 3])
    bars[:, :4] = bars[:, :4].round(2)
    return bars


def put(home: Path, symbol: str, bars: Any, days: Sequence[date]) -> None:
    path = daily_csv(home / f"{symbol}.csv", days, bars)
    assert call("import", str(path), "--price-base", "raw", home=home).code == 0


@pytest.fixture(scope="module")
def wild_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, days = tmp_path_factory.mktemp("wild"), sessions(DAYS)
    with plain_environment():
        put(home, SYMBOL, wild(days), days)
        put(home, QUIET, walk(QUIET, DAYS), days)
    return home


@pytest.fixture
def wild_home(wild_made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(wild_made, tmp_path / "wild"))


def stored(home: Path) -> list[tuple[Any, ...]]:
    def rows(desk: Desk) -> list[tuple[Any, ...]]:
        with desk.store.read() as connection:
            return [
                tuple(row) for row in connection.exec_driver_sql("SELECT id, anomaly, found_at, acknowledged_at FROM anomalies")
            ]

    return list(at_desk(home, rows))


def found(home: Path, *words: str) -> list[dict[str, Any]]:
    return list(call("anomalies", SYMBOL, *words, "--json", home=home).json["anomalies"])


def test_the_json_has_the_keys_that_are_promised_and_the_jump_is_in_it(wild_home: Path) -> None:
    done = call("anomalies", SYMBOL, "--json", home=wild_home)
    assert (done.code, done.err) == (0, "")
    shown = done.json
    assert set(shown) == {"symbol", "timeframe", "anomalies", "demo"}
    assert all(set(item) == KEYS for item in shown["anomalies"])
    last = shown["anomalies"][-1]
    assert (last["id"], last["kind"], last["severity"], last["direction"]) == (f"{SYMBOL}-1d-20250630", "jump", "high", 1)
    assert (last["session"], last["time"][:10], last["acknowledged"]) == ("2025-06-30", "2025-06-30", False)
    assert [after["bars"] for after in last["followed_by"]] == [1, 5, 20]
    assert last["advice"] == "Reduce exposure."
    times = [item["time"] for item in shown["anomalies"]]
    assert times == sorted(times)


def test_several_symbols_are_several_results(wild_home: Path) -> None:
    shown = call("anomalies", f"{SYMBOL},{QUIET}", "--json", home=wild_home).json
    assert [item["symbol"] for item in shown["results"]] == [SYMBOL, QUIET]


def test_lookback_severity_and_kind_narrow_what_is_listed(wild_home: Path) -> None:
    every = found(wild_home)
    assert found(wild_home, "--lookback", "1") == [item for item in every if item["session"] == "2025-06-30"]
    assert found(wild_home, "--severity", "high") == [item for item in every if item["severity"] == "high"]
    assert {item["kind"] for item in found(wild_home, "--kind", "jump")} == {"jump"}
    assert found(wild_home, "--kind", "frozen_price") == []


def test_from_and_to_look_as_far_back_as_they_ask(wild_home: Path) -> None:
    bars = wild(sessions(DAYS))
    bars[[-40, -30, -20], 4] *= 50
    put(wild_home, SYMBOL, bars, sessions(DAYS))
    every = found(wild_home, "--lookback", "1000")
    days = sorted({item["session"] for item in every})
    assert len(days) > 2
    middle = [item for item in every if days[1] <= item["session"] <= days[-2]]
    assert found(wild_home, "--from", days[1], "--to", days[-2]) == middle
    assert found(wild_home, "--from", days[-1]) == [item for item in every if item["session"] == days[-1]]
    assert found(wild_home, "--to", days[0], "--lookback", "1000") == [item for item in every if item["session"] == days[0]]
    assert found(wild_home, "--from", "2030-01-01") == []
    assert "Nothing unusual on these days." in call("anomalies", SYMBOL, "--from", "2030-01-01", home=wild_home).out
    for words in (
        ("--from", "2025-06-01", "--lookback", "5"),
        ("--from", "soon"),
        ("--from", "2025-06-02", "--to", "2025-06-01"),
    ):
        assert call("anomalies", SYMBOL, *words, home=wild_home).code == 2


def test_the_same_again_changes_nothing(wild_home: Path) -> None:
    found(wild_home)
    before = stored(wild_home)
    assert before
    assert call("anomalies", SYMBOL, "--json", home=wild_home, now=MORNING + 60).code == 0
    assert stored(wild_home) == before


def test_what_is_acknowledged_stays_so(wild_home: Path) -> None:
    name = found(wild_home)[-1]["id"]
    done = call("anomalies", "--ack", name, "--json", home=wild_home)
    assert (done.code, done.json["acknowledged"]) == (0, [name])
    assert call("anomalies", "--ack", name, "--json", home=wild_home).json["acknowledged"] == []
    assert [item["acknowledged"] for item in found(wild_home)][-1] is True
    both = call("anomalies", SYMBOL, "--ack", name, "--json", home=wild_home).json
    assert (both["acknowledged"], both["symbol"]) == ([], SYMBOL)
    assert at_desk(wild_home, lambda desk: acknowledge(desk.store, [name], MORNING, undo=True)) == [name]
    assert [item["acknowledged"] for item in found(wild_home)][-1] is False


def test_an_unknown_id_changes_nothing(wild_home: Path) -> None:
    name = found(wild_home)[-1]["id"]
    done = call("anomalies", "--ack", name, "--ack", "NONE3-1d-20250630", "--json", home=wild_home)
    assert (done.code, done.error["type"]) == (2, "UsageError")
    assert "NONE3-1d-20250630" in done.error["message"]
    assert all(row[3] is None for row in stored(wild_home))


def test_one_that_a_new_import_takes_back_goes_unless_it_was_seen(wild_home: Path) -> None:
    name = found(wild_home)[-1]["id"]
    put(wild_home, SYMBOL, walk(QUIET, DAYS), sessions(DAYS))
    assert name not in [item["id"] for item in found(wild_home)]
    assert name not in [row[0] for row in stored(wild_home)]
    put(wild_home, SYMBOL, wild(sessions(DAYS)), sessions(DAYS))
    call("anomalies", SYMBOL, home=wild_home)
    call("anomalies", "--ack", name, home=wild_home)
    put(wild_home, SYMBOL, walk(QUIET, DAYS), sessions(DAYS))
    found(wild_home)
    assert name in [row[0] for row in stored(wild_home)]


def test_a_revised_bar_and_a_corporate_event_explain_what_they_make(wild_home: Path, tmp_path: Path) -> None:
    days = sessions(DAYS)
    put(wild_home, SYMBOL, wild(days, size=1.25), days)
    last = found(wild_home)[-1]
    assert last["explained_by"] == "data: the values of this bar were replaced by an import of 2025-07-01"
    assert last["advice"] == "Check the data before acting on it."
    assert len(at_desk(wild_home, lambda desk: revised_bars(desk.store, read_bars(desk.store, SYMBOL)))) == 1
    assert at_desk(wild_home, lambda desk: revised_bars(desk.store, read_bars(desk.store, SYMBOL), MORNING - 1)) == {}
    events = tmp_path / "eventos.csv"
    events.write_text(
        f"ativo;tipo;data ex;fator;valor;pagamento;fonte\n{SYMBOL};Dividendo;30/06/2025;;0,01;;RI\n", encoding="utf-8"
    )
    assert call("import", str(events), home=wild_home).code == 0
    assert found(wild_home)[-1]["explained_by"] == "event: dividend of R$ 0.01 a unit, ex on 2025-06-30"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["NONE3"], 3),
        ([SYMBOL, "--severity", "extreme"], 2),
        ([SYMBOL, "--kind", "odd"], 2),
        ([SYMBOL, "--lookback", "0"], 2),
        ([SYMBOL, "--timeframe", "2d"], 2),
        ([SYMBOL, "--timeframe", "1m"], 3),
    ],
)
def test_bad_questions_are_refused_with_a_sentence(wild_home: Path, words: list[str], code: int) -> None:
    done = call("anomalies", *words, "--json", home=wild_home)
    assert (done.code, done.out) == (code, "")
    assert done.error["message"]
    assert "Traceback" not in done.err


def test_too_short_a_history_is_no_data(wild_home: Path) -> None:
    put(wild_home, "NEWW3", walk("NEWW3", 40), sessions(40))
    done = call("anomalies", "NEWW3", "--json", home=wild_home)
    assert (done.code, "too few to tell what is usual" in done.error["message"]) == (3, True)


def test_the_table_says_why_and_what_followed(wild_home: Path) -> None:
    days = sessions(DAYS)
    bars = wild(days)
    bars[70:, :4] = (bars[70:, :4] * 1.2).round(2)
    put(wild_home, SYMBOL, bars, days)
    shown = call("anomalies", SYMBOL, "--lookback", "100", home=wild_home)
    assert shown.code == 0
    for text in ("!!! high", "jump", "robust standard deviations", "What followed earlier ones", "after 5 bars:", "n = "):
        assert text in shown.out
    assert "Nothing unusual" in call("anomalies", SYMBOL, "--kind", "frozen_price", home=wild_home).out


def test_the_settings_say_how_sensitive_it_is(wild_home: Path) -> None:
    before = len(found(wild_home))
    (wild_home / "config" / "pregao.toml").write_text("[anomalies]\nlimit = 20.0\nfalse_alarm = 0.000001\n", encoding="utf-8")
    assert len(found(wild_home)) < before


def test_the_daily_run_reports_the_anomalies_of_its_session_and_keeps_them(wild_home: Path) -> None:
    done = call("--run-daily", "--json", home=wild_home)
    assert done.code == 0, done.err
    report = done.json
    (item,) = [item for item in report["anomalies"] if item["symbol"] == SYMBOL]
    assert set(item) == KEYS
    assert item == found(wild_home)[-1]
    (step,) = [step for step in report["steps"] if step["name"] == "anomalies"]
    assert (step["status"], step["detail"]["jump"]) == ("done", 1)
    assert item["id"] in [row[0] for row in stored(wild_home)]
    call("anomalies", "--ack", item["id"], home=wild_home)
    again = call("--run-daily", "--json", home=wild_home).json
    assert [one["acknowledged"] for one in again["anomalies"] if one["symbol"] == SYMBOL] == [True]
    text = call("--run-daily", home=wild_home).out
    assert f"{SYMBOL} jump" in text
    assert "!!! high" in text


def test_a_replay_keeps_nothing_and_says_what_was_known_then(wild_home: Path) -> None:
    live = call("--run-daily", "--json", home=wild_home).json
    kept = stored(wild_home)
    days = sessions(DAYS)
    put(wild_home, QUIET, wild(days, at=-3), days)
    replay = call("--run-daily", "--as-of", "2025-06-30", "--json", home=wild_home, now=MORNING + 90_000).json
    assert [item["id"] for item in replay["anomalies"]] == [item["id"] for item in live["anomalies"]]
    assert stored(wild_home) == kept
    early = call("--run-daily", "--as-of", "2025-06-27", "--json", home=wild_home).json
    assert SYMBOL not in [item["symbol"] for item in early["anomalies"]]


def test_a_day_without_a_run_is_made_up_for(wild_home: Path) -> None:
    days = sessions(DAYS)
    put(wild_home, SYMBOL, wild(days, at=-3), days)
    report = call("--run-daily", "--json", home=wild_home).json
    day = days[-3]
    assert not any(item["session"] == day.isoformat() for item in report["anomalies"])
    assert f"{SYMBOL}-1d-{day:%Y%m%d}" in [row[0] for row in stored(wild_home)]


def test_the_demo_market_is_looked_at_too(tmp_path: Path) -> None:
    shown = call("anomalies", "DEMOCA4", "--demo", "--lookback", "250", "--json", home=tmp_path)
    assert (shown.code, shown.json["demo"]) == (0, True)
    assert not Workspace(tmp_path).database.exists()


def test_the_made_market_of_the_other_tests_is_quiet_enough(home: Path) -> None:
    report = call("--run-daily", "--json", home=home).json
    assert len(report["anomalies"]) <= len(DAILY)
