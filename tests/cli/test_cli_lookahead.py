"""`pregao lookahead` from the line to the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import strategies
from tests.desk_maker import DAILY, call

LEAK = """
import numpy as np

def compute(bars):
    print("a line of the user")
    return {"close": bars.close, "next": np.append(bars.close[1:], np.nan)}
"""


@pytest.fixture
def leak(tmp_path: Path) -> str:
    path = tmp_path / "leak.py"
    path.write_text(LEAK, encoding="utf-8")
    return str(path)


def test_every_built_in_passes_in_json() -> None:
    done = call("lookahead", "--bars", "60", "--json")
    assert (done.code, done.err) == (0, "")
    checked = done.json["checked"]
    assert set(strategies.names()) | {"rsi", "atr", "macd"} <= {item["name"] for item in checked}
    for item in checked:
        assert set(item) >= {"name", "kind", "bars", "prefixes", "passed", "first_violation"}
        assert (item["bars"], item["prefixes"], item["first_violation"]) == (60, 60, None)
        assert item["passed"] is (True if item["values"] else None)
    assert {item["passed"] for item in checked} == {True, None}


def test_a_leak_is_exit_code_4_with_column_bar_and_amount(home: Path, leak: str) -> None:
    done = call("lookahead", leak, "--symbol", DAILY[0], "--json", home=home)
    assert done.code == 4
    assert "a line of the user" in done.err
    bars = call("bars", DAILY[0], "--json", "--limit", "1000", home=home).json["bars"]
    (item,) = done.json["checked"]
    assert (item["name"], item["kind"], item["passed"], item["bars"]) == ("leak", "function", False, len(bars))
    found = item["first_violation"]
    assert (found["time"], found["column"], found["difference"]) == (bars[0]["time"], "next", None)
    assert (found["expected"], found["found"]) == (bars[1]["close"], None)
    assert done.json["demo"] is False


def test_the_report_says_it_in_words(leak: str) -> None:
    done = call("lookahead", leak, "--bars", "100")
    assert done.code == 4
    assert "sees the future" in done.out
    text = " ".join(done.out.split())
    assert "leak sees the future: the column next of the bar" in text
    assert "but undefined on the first 1, as known then" in text


def test_one_strategy_on_stored_bars(home: Path) -> None:
    done = call("lookahead", "--strategy", "trend_following", "--symbol", DAILY[0], "--timeframe", "1d", home=home)
    assert done.code == 0
    assert "trend_following" in done.out
    assert "passed" in done.out
    assert DAILY[0] in done.out


PEEKING = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.strategies.base import Decisions, Strategy, ranged


@dataclass(frozen=True)
class Peeker(Strategy):
    name: ClassVar[str] = "peeker"
    share: float = ranged(1.0, 0, 2, "Share of the last close")

    @property
    def warm_up(self):
        return 1

    def decide(self, bars):
        action = (bars.close < self.share * bars.close[-1]).astype(np.int8)
        told = np.where(action, 0.5, np.nan)
        return Decisions(action, told, told * bars.close, told * 3 * bars.close)

    def reason(self, bars, decisions, index):
        return "It looked ahead."

    def context(self, bars):
        return {"adx": None, "atr": None, "rsi": None, "volume_avg": None}
"""


def test_a_strategy_of_the_workspace_is_checked_by_its_name(home: Path) -> None:
    folder = home / "config" / "strategies"
    folder.mkdir(parents=True)
    (folder / "peeker.py").write_text(PEEKING, encoding="utf-8")
    done = call("lookahead", "--strategy", "peeker", "--bars", "100", "--json", home=home)
    assert done.code == 4
    assert done.json["checked"][0]["first_violation"]["column"] == "action"


def test_what_says_nothing_is_not_called_proved() -> None:
    done = call("lookahead", "--strategy", "trend_following", "--bars", "15")
    assert done.code == 4
    assert "nothing was proved" in done.out
    assert "passed" not in done.out
    assert "sees the future" not in done.out
    few = call("lookahead", "--strategy", "trend_following", "--bars", "5", "--json")
    assert (few.code, few.json["checked"][0]["values"], few.json["checked"][0]["passed"]) == (4, 0, None)
    assert call("lookahead", "--bars", "2", "--json").code == 4, "nothing at all was proved"


CONDITIONAL = (
    PEEKING.replace("Peeker", "Condi")
    .replace('"peeker"', '"condi"')
    .replace(
        "action = (bars.close < self.share * bars.close[-1]).astype(np.int8)",
        "action = np.zeros(len(bars), dtype=np.int8)\n"
        "        action[:-1] = (bars.close[1:] > bars.close[:-1]) & (bars.quantity[:-1] > 4e5)",
    )
)


@pytest.fixture
def condi(home: Path) -> Path:
    """A strategy that sees the close of tomorrow, on days of such a volume as the made walk never has."""
    folder = home / "config" / "strategies"
    folder.mkdir(parents=True)
    path = folder / "condi.py"
    path.write_text(CONDITIONAL, encoding="utf-8")
    return path


def test_a_leak_that_the_made_walk_hides_is_no_pass_and_then_known_everywhere(home: Path, condi: Path) -> None:
    unproved = call("lookahead", "--strategy", "condi", "--json", home=home)
    assert (unproved.code, unproved.json["checked"][0]["passed"]) == (4, None)
    for words in (("--strategy", "condi"), (str(condi),)):
        found = call("lookahead", *words, "--symbol", DAILY[0], "--json", home=home)
        assert (found.code, found.json["checked"][0]["passed"]) == (4, False)
    (home / "config" / "pregao.toml").write_text('[daily]\nstrategy = "condi"\n', encoding="utf-8")
    assert "condi sees the future" in call("--run-daily", "--json", home=home).error["message"]


def test_a_backtest_catches_the_leak_itself(home: Path, condi: Path) -> None:
    found = call("backtest", DAILY[0], "--strategy", "condi", "--json", home=home).json
    assert found["verdict"]["label"] == "sees the future"
    assert "condi sees the future: the column" in found["verdict"]["reasons"][0]
    assert "condi sees the future: nobody could have traded these signals." in found["notices"]
    shown = " ".join(call("backtest", DAILY[1], "--strategy", "condi", home=home).out.split())
    assert "Note: condi sees the future" in shown
    signals = call("signal", DAILY[1], "--strategy", "condi", "--json", home=home).json
    assert signals["notices"] == ["condi sees the future: nobody could have traded these signals."]
    assert "Note: condi sees the future" in " ".join(call("signal", DAILY[1], "--strategy", "condi", home=home).out.split())
    ranked = call("compare", DAILY[0], "--json", home=home).json
    assert ranked["ranking"][-1]["strategy"] == "condi"
    assert ranked["ranking"][-1]["verdict"]["label"] == "sees the future"
    assert any("condi sees the future" in text for text in ranked["notices"])
    account = call("backtest", *DAILY, "--strategy", "condi", "--one-account", "--json", home=home).json
    assert account["verdict"]["label"] == "sees the future"
    assert sum("condi sees the future" in text for text in account["notices"]) == 1


def test_what_is_not_proved_is_said_beside_its_figures_until_it_is(home: Path) -> None:
    call("strategies", "new", "my_idea", home=home)
    text = "It is not proved that my_idea does not see the future: `pregao lookahead --strategy my_idea` proves it."
    asked = (("backtest", DAILY[0], "--strategy", "my_idea"), ("signal", DAILY[0], "--strategy", "my_idea"))
    for words in (*asked, ("compare", DAILY[0])):
        assert text in call(*words, "--json", home=home).json["notices"]
    assert "sees the future" not in call(*asked[0], home=home).out
    assert call("lookahead", "--strategy", "my_idea", "--bars", "300", home=home).code == 0
    for words in (*asked, ("compare", DAILY[0])):
        assert text not in call(*words, "--json", home=home).json["notices"]


def test_a_broken_file_is_left_out_of_a_comparison_and_said(home: Path) -> None:
    folder = home / "config" / "strategies"
    folder.mkdir(parents=True)
    (folder / "odd.py").write_text("1 +\n", encoding="utf-8")
    done = call("compare", DAILY[0], "--json", home=home)
    assert done.code == 0
    assert {item["strategy"] for item in done.json["ranking"]} == set(strategies.names())
    assert any("odd is left out" in text and "SyntaxError" in text for text in done.json["notices"])
    assert "Note: odd is left out" in call("compare", DAILY[0], home=home).out
    assert call("compare", DAILY[0], "--strategies", "odd,breakout", home=home).code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def compute(bars):\n    raise SystemExit(0)\n", "SystemExit: 0"),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
        ("def compute(bars):\n    return 3\n", "must give columns by name, not int"),
        ("def compute(bars:\n", "SyntaxError"),
        ("x = 1\n", "neither a strategy nor a function"),
        ("def compute(bars):\n    return {}\n", "no column"),
    ],
)
def test_every_file_that_cannot_be_used_is_one_sentence_and_one_code(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    done = call("lookahead", str(path), "--bars", "50", "--json")
    assert (done.code, done.out, done.error["type"]) == (1, "", "FileError")
    assert said in done.error["message"]
    assert "mine.py" in done.error["message"]


def test_another_length_on_a_prefix_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = "import numpy as np\ndef compute(bars):\n    return {'x': np.convolve(bars.close, np.ones(9) / 9, mode='same')}\n"
    path.write_text(text, encoding="utf-8")
    done = call("lookahead", str(path), "--bars", "50")
    assert done.code == 4
    assert "the column x has 9 values, not 1" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("FILE --strategy trend_following", 2, "not both"),
        ("--timeframe 1d", 2, "--timeframe goes with --symbol"),
        ("--bars 1", 2, "--bars"),
        ("--strategy trend_folowing", 2, "There is no strategy"),
        ("none.py", 1, "none.py cannot be read"),
    ],
)
def test_wrong_usage_is_one_sentence(leak: str, words: str, code: int, said: str) -> None:
    done = call("lookahead", *words.replace("FILE", leak).split(), "--json")
    assert (done.code, done.out) == (code, "")
    assert said in done.error["message"]


def test_a_symbol_without_bars_is_no_data(home: Path) -> None:
    assert call("lookahead", "--symbol", "ZZZZ3", "--json", home=home).code == 3
