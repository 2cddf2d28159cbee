"""The feed of the day: its files, their columns, types and version, and that each is there whole."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from pyarrow import parquet

from engine.daily.feed import ANOMALIES, DIRECTIONS, PAPER, SIGNALS, write_day
from engine.feed import SCHEMA, Columns, write_tables
from engine.ml.direction.feed import COLUMNS
from tests.desk_maker import MORNING, at_desk, call

TABLES = {"signals": SIGNALS, "anomalies": ANOMALIES, "directions": DIRECTIONS, "paper": PAPER}
DOCUMENT = Path(__file__).parents[2] / "docs" / "daily.md"


def out(home: Path) -> Path:
    return home / "data" / "out"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out(home) / "day.json").read_text(encoding="utf-8"))
    return found


def test_the_day_is_written_in_three_forms_that_say_the_same(home: Path) -> None:
    report = call("--run-daily", "--json", home=home).json
    files = next(step["detail"]["files"] for step in report["steps"] if step["name"] == "feed")
    assert sorted(files) == sorted(["day.json", *(f"{name}.{form}" for name in TABLES for form in ("csv", "parquet"))])
    whole = day(home)
    assert (whole["schema"], whole["run_id"], whole["session"], whole["status"]) == (1, "2025-06-30-close", "2025-06-30", "done")
    for name, columns in TABLES.items():
        texts = rows_of(out(home) / f"{name}.csv")
        table = parquet.read_table(out(home) / f"{name}.parquet")
        assert table.column_names == ["schema", *columns]
        assert len(texts) == table.num_rows
        assert [list(row) for row in texts] == [["schema", *columns]] * len(texts)
        if name != "paper":
            assert [{key: value for key, value in row.items() if key != "schema"} for row in table.to_pylist()] == whole[name]
    assert {row["symbol"]: row["action"] for row in whole["signals"]} == {
        item["symbol"]: item["action"] for item in report["signals"]
    }
    assert [row["price"] for row in whole["signals"]] == [item["price"] for item in report["signals"]]


def test_the_version_is_in_every_file(home: Path) -> None:
    call("--run-daily", home=home)
    assert SCHEMA == day(home)["schema"] == 1
    for name in TABLES:
        header = (out(home) / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header.startswith("schema,")
        found = parquet.read_schema(out(home) / f"{name}.parquet")
        assert found.metadata[b"schema"] == str(SCHEMA).encode()
        assert found.field("schema").type == pa.int64()
    assert {row["schema"] for row in rows_of(out(home) / "signals.csv")} == {str(SCHEMA)}


def test_types_do_not_depend_on_what_a_day_brings(tmp_path: Path) -> None:
    columns: Columns = {"name": str, "price": float, "count": int}
    kinds = [pa.int64(), pa.string(), pa.float64(), pa.int64()]
    for rows in ([], [{"name": "A", "price": 1.5, "count": 2}], [{"name": None}]):
        _text, path = write_tables(tmp_path, "table", columns, rows)
        assert parquet.read_schema(path).types == kinds
    assert rows_of(tmp_path / "table.csv") == [{"schema": "1", "name": "", "price": "", "count": ""}]


def test_the_directions_have_the_columns_of_the_index_s_own_feed() -> None:
    assert set(DIRECTIONS) - {"run_id"} == set(COLUMNS) - {"outcome", "hit", "made_at"}


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_documented(name: str) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split(f"### {name}", 1)[1].split("\n#", 1)[0]
    documented = [word for line in section.splitlines() if line.startswith("| `") for word in line.split("|")[1].split("`")[1::2]]
    assert documented == list(TABLES[name])


def test_the_paper_account_has_a_row_for_each_session(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text("[paper]\nfollow = true\n", encoding="utf-8")
    assert call("--run-daily", "--json", home=home).code == 0
    account = day(home)["paper"]
    assert account["account"] == 1
    assert account["orders"]
    for row in rows_of(out(home) / "paper.csv"):
        assert float(row["equity"]) > 0
        assert float(row["drawdown"]) <= 0


def test_money_is_to_the_cent_in_every_file(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text("[paper]\nfollow = true\n", encoding="utf-8")
    made = {
        "account": 1, "initial_capital": 1e5, "session": "2025-06-30", "cash": 1000.0000000001, "equity": 100_012.33 + 1e-9, "orders": [],
        "positions": [{"symbol": "MEAA3", "average_price": 12.3456, "value": 99_012.330000000002, "costs": 3.1000000001, "pnl": 12.330000000001746}],
    }  # fmt: skip
    noisy = {"equity": [{"session": "2025-06-27", "cash": 1e5, "equity": 1e5}, {**made, "session": "2025-06-30"}]}
    told = {
        "account": 1,
        "summary": {"session": "2025-06-30", "pnl": 12.330000000001746, "equity": 100_012.33 + 1e-9, "drawdown": -0.0123456},
    }
    report = {
        "run_id": "r", "session": "2025-06-30", "status": "done", "demo": False, "paper": told, "signals": [], "anomalies": [], "directions": [],
    }  # fmt: skip
    with patch("engine.daily.feed.status", lambda _desk: made), patch("engine.daily.feed.history", lambda _desk, _number: noisy):
        at_desk(home, lambda desk: write_day(desk, report))
    paper = day(home)["paper"]
    assert [paper[key] for key in ("cash", "equity")] == [1000.0, 100_012.33]
    assert [paper["positions"][0][key] for key in ("average_price", "value", "costs", "pnl")] == [12.3456, 99_012.33, 3.1, 12.33]
    assert (paper["day"]["pnl"], paper["day"]["equity"], paper["day"]["drawdown"]) == (12.33, 100_012.33, -0.0123456)
    newest = rows_of(out(home) / "paper.csv")[-1]
    assert [newest[key] for key in ("cash", "equity", "pnl")] == ["1000.0", "100012.33", "12.33"]
    assert parquet.read_table(out(home) / "paper.parquet").to_pylist()[-1]["pnl"] == 12.33


def test_unchanged_tables_are_left_alone_without_loading_what_writes_parquet(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("--run-daily", home=home)
    kept = {path: path.stat().st_mtime_ns for path in out(home).iterdir() if path.name != "day.json"}
    monkeypatch.setattr("engine.feed._parquet", lambda *_given: pytest.fail("nothing has changed"))
    assert call("--run-daily", home=home, now=MORNING + 60).code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert day(home)["written_at"].startswith("2025-07-01T08:01")


def test_a_table_without_its_parquet_is_written_again(tmp_path: Path) -> None:
    columns: Columns = {"name": str}
    for _again in range(2):
        _text, path = write_tables(tmp_path, "table", columns, [{"name": "A"}])
        assert parquet.read_table(path).num_rows == 1
        path.unlink()


def test_a_later_call_replaces_the_files_and_a_replay_does_not(home: Path) -> None:
    call("--run-daily", home=home)
    (out(home) / "signals.csv").write_text("torn", encoding="utf-8")
    call("--run-daily", home=home, now=MORNING + 60)
    assert len(rows_of(out(home) / "signals.csv")) == 3
    before = (out(home) / "day.json").read_bytes()
    assert call("--run-daily", "--as-of", "2025-06-27", home=home).code == 0
    assert (out(home) / "day.json").read_bytes() == before
    assert not list(out(home).glob(".*"))


def test_a_folder_that_cannot_be_written_makes_the_run_partial_and_stops_nothing(home: Path) -> None:
    shutil.rmtree(out(home), ignore_errors=True)
    out(home).write_text("in the way", encoding="utf-8")
    called = call("--run-daily", "--json", home=home)
    assert (called.code, called.json["status"], len(called.json["signals"])) == (1, "partial", 3)
    (detail,) = [step["detail"] for step in called.json["steps"] if step["name"] == "feed"]
    assert detail["error"]["type"] == "FileError"
    out(home).unlink()
    assert call("--run-daily", home=home).code == 0
    assert day(home)["status"] == "done"
