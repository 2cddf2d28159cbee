"""Corporate events on the command line: imported, listed, taken out of signals and applied in a backtest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.desk_maker import DAILY, at_desk, call

SYMBOL = DAILY[0]
KEYS = {"kind", "ex_session", "factor", "amount", "pay_session", "source"}


def events_csv(folder: Path, *rows: str) -> Path:
    path = folder / "proventos.csv"
    path.write_text("\n".join(["ativo;tipo;data ex;fator;valor;pagamento;fonte", *rows]) + "\n", encoding="utf-8")
    return path


def first_close(home: Path) -> float:
    from engine.store.bars import read_bars

    return float(at_desk(home, lambda desk: read_bars(desk.store, SYMBOL).close[0]))


def test_events_are_imported_listed_and_come_back_as_they_were_printed(home: Path, tmp_path: Path) -> None:
    path = events_csv(tmp_path, f"{SYMBOL};Dividendo;15/05/2025;;0,25;30/05/2025;RI", f"{SYMBOL};Desdobramento;02/06/2025;2;;;")
    dry = call("import", str(path), "--dry-run", home=home)
    assert (dry.code, "events" in dry.out + dry.err) == (0, True)
    assert call("events", SYMBOL, "--json", home=home).json["events"] == []
    done = call("import", "--events", str(path), "--json", home=home)
    assert (done.code, done.json["files"][0]["format"], done.json["files"][0]["written"]) == (0, "events", 2)
    shown = call("events", SYMBOL, "--json", home=home)
    assert (shown.code, shown.json["symbol"], shown.json["demo"]) == (0, SYMBOL, False)
    assert all(set(event) == KEYS for event in shown.json["events"])
    assert shown.json["events"][0] == {
        "kind": "dividend", "ex_session": "2025-05-15", "factor": None, "amount": 0.25, "pay_session": "2025-05-30", "source": "RI",
    }  # fmt: skip
    printed = tmp_path / "printed.json"
    printed.write_text(json.dumps(shown.json))
    again = call("import", str(printed), "--json", home=home)
    assert (again.json["files"][0]["format"], again.json["files"][0]["unchanged"]) == ("events", 2)
    table = call("events", SYMBOL, home=home)
    assert (table.code, "2025-05-15" in table.out, "dividend" in table.out) == (0, True, True)


def test_a_symbol_that_is_not_stored_is_no_data(home: Path) -> None:
    assert call("events", "NONE3", "--json", home=home).code == 3
    assert call("events", DAILY[1], home=home).code == 0


def test_events_and_a_series_are_not_one_file(home: Path, tmp_path: Path) -> None:
    path = events_csv(tmp_path, f"{SYMBOL};JCP;15/05/2025;;0,25;;")
    assert call("import", "--events", "--series", "CDI", str(path), home=home).code == 2


def test_signals_backtests_and_the_daily_run_use_the_adjusted_series(home: Path, tmp_path: Path) -> None:
    before = call("signal", SYMBOL, "--json", home=home).json["signals"][0]
    daily = call("--run-daily", "--json", home=home).json
    assert (before["price_base"], daily["status"]) == ("raw", "done")
    call("import", str(events_csv(tmp_path, f"{SYMBOL};Dividendo;15/05/2025;;0,25;;")), home=home)
    after = call("signal", SYMBOL, "--json", home=home).json["signals"][0]
    assert (after["price_base"], after["price"], after["time"]) == ("adjusted", before["price"], before["time"])
    again = call("--run-daily", "--json", home=home).json
    bases = {item["symbol"]: item["price_base"] for item in again["signals"]}
    assert (bases[SYMBOL], bases[DAILY[1]], again["status"]) == ("adjusted", "raw", "done")
    result = call("backtest", SYMBOL, "--strategy", "mean_reversion", "--costs", "none", "--json", home=home)
    assert result.json["price_base"] == "adjusted"
    assert any("1 corporate event was applied" in notice for notice in result.json["notices"])
    regime = call("regime", SYMBOL, "--json", home=home)
    assert regime.code == 0


@pytest.mark.parametrize("named", [False, True])
def test_an_impossible_event_stops_its_own_symbol_alone(home: Path, tmp_path: Path, named: bool) -> None:
    if named:
        call("watchlist", "add", *DAILY, home=home)
    amount = f"{first_close(home) * 50:.2f}".replace(".", ",")
    call("import", str(events_csv(tmp_path, f"{SYMBOL};Dividendo;15/05/2025;;{amount};;")), home=home)
    run = call("--run-daily", "--json", home=home)
    adjusted = next(step for step in run.json["steps"] if step["name"] == "adjust")
    assert (run.code, run.json["status"], list(adjusted["detail"]["impossible"])) == (1, "partial", [SYMBOL])
    assert {item["symbol"] for item in run.json["signals"]} >= {DAILY[1]}
    assert SYMBOL not in {item["symbol"] for item in run.json["signals"]}
    failed = call("signal", SYMBOL, "--json", home=home)
    assert (failed.code, failed.error["type"]) == (1, "FileError")
