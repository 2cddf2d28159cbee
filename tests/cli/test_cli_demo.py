"""The demo market: works without a file, is marked wherever it shows, and never meets real data."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.domain import Market
from engine.market.instruments import describe
from tests.desk_maker import MORNING, call, daily_csv, make_market, plain_environment, sessions, walk


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which only the demo market was looked at."""
    home = tmp_path_factory.mktemp("demo")
    with plain_environment():
        shown = call("--run-daily", "--demo", "--json", home=home)
    assert (shown.code, shown.err, shown.json["status"]) == (0, "", "done")
    return home


LINES = [
    "--run-daily",
    "--run-daily --as-of 2025-06-02",
    "coverage",
    "bars DEMOCA4 --limit 9",
    "signal DEMOCA4",
    "backtest DEMOCA4",
    "runs",
]


@pytest.mark.parametrize("line", LINES)
def test_every_output_is_marked(demo: Path, line: str) -> None:
    told = call("--demo", *line.split(), home=demo)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("DEMO - invented companies and prices, nothing here is real\n")
    assert call("--demo", *line.split(), "--json", home=demo).json["demo"] is True


def test_the_watchlist_of_the_demo_is_marked_and_its_own(demo: Path) -> None:
    assert call("watchlist", "add", "DEMOCA4", "--demo", "--list", "w", home=demo).code == 0
    assert call("watchlist", "list", "--demo", "--list", "w", home=demo).out.startswith("DEMO - ")
    assert call("watchlist", "list", "--list", "w", "--json", home=demo).json["symbols"] == []


def test_the_day_of_the_demo_has_signals_of_invented_symbols_alone(demo: Path) -> None:
    report = call("--run-daily", "--demo", "--json", home=demo).json
    assert (report["session"], report["demo"], len(report["signals"])) == ("2025-06-30", True, 13)
    for signal in report["signals"]:
        assert "DEMO" in signal["symbol"]
        assert describe(signal["symbol"]).market is Market.OTHER
    checked = next(step["detail"] for step in report["steps"] if step["name"] == "check")
    assert checked["ended"] == {"DEMOLU3": "2024-06-28"}


def test_the_demo_grows_with_the_days_and_changes_nothing_of_the_past(tmp_path: Path) -> None:
    before = call("bars", "DEMOCA4", "--demo", "--json", home=tmp_path).json["bars"]
    after = call("bars", "DEMOCA4", "--demo", "--json", home=tmp_path, now=MORNING + 86_400).json["bars"]
    assert after[:-1] == before
    assert after[-1]["session"] == "2025-07-01"


@pytest.mark.parametrize("line", ["import files", "fetch cotahist 2024", "import files --series CDI", "import files --dry-run"])
def test_real_data_are_kept_out_of_the_demo(demo: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    make_market(demo / "files")
    monkeypatch.chdir(demo)
    shown = call(*line.split(), "--demo", "--json", home=demo)
    assert (shown.code, shown.out, shown.error["type"]) == (2, "", "UsageError")
    assert shown.error["hint"] == "Leave out --demo."


def test_the_demo_never_takes_from_the_real_inbox_nor_from_its_own(demo: Path) -> None:
    for folder in (demo / "data" / "inbox", demo / "data" / "demo" / "inbox"):
        daily_csv(folder / "MEAA3.csv", sessions(), walk("MEAA3", 90))
    report = call("--run-daily", "--demo", "--json", home=demo).json
    assert [step["detail"] for step in report["steps"][:2]] == [{}, {}]
    assert call("bars", "MEAA3", "--demo", home=demo).code == 3
    assert all((folder / "MEAA3.csv").exists() for folder in (demo / "data" / "inbox", demo / "data" / "demo" / "inbox"))
    for folder in (demo / "data" / "inbox", demo / "data" / "demo" / "inbox"):
        (folder / "MEAA3.csv").unlink()


def test_the_real_store_knows_nothing_of_the_demo(demo: Path) -> None:
    for line in ("coverage", "bars DEMOCA4", "signal DEMOCA4", "backtest DEMOCA4", "--run-daily"):
        shown = call(*line.split(), "--json", home=demo)
        assert (shown.code, shown.error["type"]) == (3, "NoDataError")
    connection = sqlite3.connect(demo / "data" / "pregao.db")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "bars" in tables
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
        for column in columns:
            asked = f'SELECT count(*) FROM "{table}" WHERE CAST("{column}" AS TEXT) GLOB \'*DEMO*\''
            found = connection.execute(asked).fetchone()[0]
            assert found == 0, f"{table}.{column}"
    connection.close()


def test_real_reports_carry_no_mark(home: Path) -> None:
    for line in ("coverage", "bars MEAA3", "signal MEAA3", "backtest MEAA3", "--run-daily"):
        assert "DEMO" not in call(*line.split(), home=home).out
        assert call(*line.split(), "--json", home=home).json["demo"] is False


def test_the_environment_can_ask_for_the_demo(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREGAO_DEMO", "1")
    assert call("bars", "DEMOCA4", "--json", home=demo).json["demo"] is True
    monkeypatch.setenv("PREGAO_DEMO", "0")
    assert call("bars", "DEMOCA4", "--json", home=demo).code == 3
