"""Help, start-up and wrong usage: one sentence, the promised exit code, and JSON where JSON was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import _SubParsersAction
from pathlib import Path

import pytest

from tests.desk_maker import call
from tui.cli import build_parser

ROOT = Path(__file__).parents[2]
HEAVY = (
    "numpy",
    "pandas",
    "sqlalchemy",
    "alembic",
    "numba",
    "talib",
    "pyarrow",
    "pydantic",
    "httpx",
    "exchange_calendars",
    "textual",
    "rich",
)
PROBE = f"""
import sys
from tui.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print("HEAVY", code, *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def commands() -> list[str]:
    (found,) = [action for action in build_parser()._actions if isinstance(action, _SubParsersAction)]
    return list(found.choices)


def probe(*words: str) -> tuple[str, list[str]]:
    """What a fresh process prints, and its exit code with the heavy modules that it imported."""
    done = subprocess.run([sys.executable, "-c", PROBE, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    last = done.stderr.splitlines()[-1].split()
    assert last[0] == "HEAVY", done.stderr
    return done.stdout, last[1:]


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_with_an_example_and_imports_little_for_it(command: str) -> None:
    shown, found = probe(command, "--help")
    assert found == ["0"]
    assert f"Example: pregao {command}" in " ".join(shown.split())
    assert "--json" in shown


def test_the_first_help_lists_every_command() -> None:
    shown, found = probe("--help")
    assert found == ["0"]
    assert all(f"    {command} " in shown for command in commands())
    assert "Example: pregao" in shown


def test_no_command_shows_the_help_where_there_is_no_terminal() -> None:
    shown, found = probe()
    assert shown.startswith("usage: pregao")
    assert found[0] == "0"


def test_version_is_quick_and_light() -> None:
    assert probe("--version") == ("pregao 0.1.0\n", ["0"])
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tui.cli", "--version"], cwd=ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.5


def test_wrong_usage_is_said_before_anything_heavy_is_imported() -> None:
    assert probe("--frob")[1] == ["2"]
    assert probe("bars", "PETR4", "--frob")[1] == ["2"]


WRONG = {
    "--frob": "unrecognized arguments: --frob",
    "--jso": "unrecognized arguments: --jso",
    "frobnicate": "frobnicate",
    "bars": "SYMBOL",
    "bars MEAA3 --frob": "--frob",
    "bars MEAA3 NHAA3": "NHAA3",
    "bars MEAA3 --timeframe 2d": "no timeframe 2d",
    "bars MEAA3 --from 2025-02-30": "--from: 2025-02-30 is not a date",
    "bars MEAA3 --from=": "--from:  is not a date",
    "bars MEAA3 --to tomorrow": "--to: tomorrow is not a date",
    "bars MEAA3 --from 2025-06-02 --to 2025-06-01": "is after",
    "bars MEAA3 --limit 0": "--limit",
    "bars MEAA3 --limit many": "--limit",
    "bars M!": "'M!' cannot be a symbol",
    "bars MEAA3;DROP": "cannot be a symbol",
    "signal ,": "Name at least one symbol",
    "signal MEAA3 --strategy trend": "no strategy trend",
    "signal MEAA3 --param ema_fst=3": "no parameter ema_fst",
    "signal MEAA3 --param ema_fast": "is not NAME=VALUE",
    "signal MEAA3 --param =3": "is not NAME=VALUE",
    "signal MEAA3 --param ema_fast=three": "three is not a possible ema_fast",
    "signal MEAA3 --param ema_fast=1000": "1000 is not a possible ema_fast",
    "signal MEAA3 --param rsi_oversold=nan": "nan is not a possible rsi_oversold",
    "backtest MEAA3 --capital 0": "--capital",
    "backtest MEAA3 --capital=-5": "--capital",
    "backtest MEAA3 --capital nan": "--capital",
    "backtest MEAA3 --capital inf": "--capital",
    "backtest MEAA3 --capital much": "--capital",
    "backtest MEAA3 --costs free": "--costs",
    "backtest MEAA3 --bands 0": "draws must be from 1",
    "backtest MEAA3 --bands many": "--bands",
    "compare": "SYMBOL",
    "compare MEAA3 NHAA3": "NHAA3",
    "compare MEAA3,NHAA3": "one symbol",
    "compare MEAA3 --strategies trend": "no strategy trend",
    "compare MEAA3 --strategies ,": "--strategies names no strategy",
    "compare MEAA3 --capital 0": "--capital",
    "compare MEAA3 --timeframe 2d": "no timeframe 2d",
    "compare MEAA3 --from 2025-06-02 --to 2025-06-01": "is after",
    "runs --limit 0": "--limit",
    "watchlist add": "Name at least one symbol",
    "watchlist add ,": "Name at least one symbol",
    "watchlist drop MEAA3": "drop",
    "import": "FILE",
    "import files --markets moon": "no market moon",
    "import files --price-base odd": "odd",
    "import files --symbol M!": "cannot be a symbol",
    "import files --timeframe 2d": "no timeframe 2d",
    "fetch moon 2024": "moon",
    "fetch cotahist 20x4": "'20x4' is not a period",
    "fetch cotahist 2099": "2099 is in the future",
    "strategies show": "show",
    "--run-daily --as-of 2025-06-28": "not a session",
    "--run-daily coverage": "--run-daily takes no command",
}


def check_refusal(words: list[str], said: str, code: int, home: Path) -> None:
    """The same error twice: as a sentence with its hint, and as one JSON object; nothing on stdout."""
    shown, told = call(*words, home=home), call(*words, "--json", home=home)
    assert (shown.code, shown.out, told.code, told.out) == (code, "", code, "")
    assert shown.err.startswith("pregao: ")
    assert said in shown.err.splitlines()[0]
    assert len(shown.err.splitlines()) <= 2
    assert "Traceback" not in shown.err
    assert set(told.error) == {"type", "message", "hint"}
    assert list(json.loads(told.err)) == ["error"]
    assert shown.err.splitlines()[0] == f"pregao: {told.error['message']}"


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_gives_two(home: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(home)
    check_refusal(line.split(), WRONG[line], 2, home)


NOTHING = {
    "bars NONE3": "no bars of NONE3",
    "signal NONE3": "no bars of NONE3",
    "backtest NONE3": "no bars of NONE3",
    "compare NONE3": "no bars of NONE3",
    "coverage NONE3": "no bars of NONE3",
    "coverage MEAA3 NONE3": "no bars of NONE3",
    "bars MEAA3 --timeframe 60m": "no bars from which 60m can be built",
    "bars MEAA3 --from 2030-01-01": "no bars in this period",
    "signal MEAA3 --param ema_slow=400": "the strategy trend_following needs",
}


@pytest.mark.parametrize("line", NOTHING)
def test_data_that_are_not_there_give_three(home: Path, line: str) -> None:
    check_refusal(line.split(), NOTHING[line], 3, home)


@pytest.mark.parametrize("line", ["coverage", "bars PETR4", "signal PETR4", "backtest PETR4", "--run-daily"])
def test_an_empty_store_gives_three_and_says_what_to_do(tmp_path: Path, line: str) -> None:
    check_refusal(line.split(), "There are no bars", 3, tmp_path)
    assert "pregao import" in call(*line.split(), home=tmp_path).err


def test_a_near_symbol_and_a_near_strategy_are_offered(home: Path) -> None:
    assert "MEAA3" in call("bars", "MEAA4", home=home).err
    assert "Did you mean trend_following?" in call("signal", "MEAA3", "--strategy", "trendfollowing", home=home).err
    assert "Did you mean ema_fast?" in call("signal", "MEAA3", "--param", "ema_fst=3", home=home).err


@pytest.mark.parametrize("line", ["import none.csv", "import none*.csv", "watchlist import none.txt"])
def test_a_file_that_is_not_there_gives_one(home: Path, line: str) -> None:
    check_refusal(line.split(), "none", 1, home)


def test_a_wrong_setting_stops_every_command_that_needs_it(home: Path) -> None:
    (home / "config" / "pregao.toml").write_text("[daily]\nstrateg = 'x'\n", encoding="utf-8")
    check_refusal(["runs"], "no setting daily.strateg", 2, home)
    (home / "config" / "pregao.toml").write_text("[daily]\nstrategy = 'x'\n", encoding="utf-8")
    check_refusal(["--run-daily"], "There is no strategy x", 2, home)
    assert call("coverage", home=home).code == 0


@pytest.mark.parametrize(("language", "said"), [("en", "pregao: "), ("pt_BR", "pregao: ")])
def test_errors_are_said_in_any_language(home: Path, language: str, said: str) -> None:
    (home / "config" / "pregao.toml").write_text(f"[general]\nlanguage = '{language}'\n", encoding="utf-8")
    shown = call("bars", "NONE3", home=home)
    assert (shown.code, shown.err.startswith(said)) == (3, True)
    assert "NONE3" in shown.err
