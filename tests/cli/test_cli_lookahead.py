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
        assert (item["bars"], item["prefixes"], item["passed"], item["first_violation"]) == (60, 60, True, None)


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
    assert done.code == 0
    assert "nothing was proved" in done.out
    assert "passed" not in done.out


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
