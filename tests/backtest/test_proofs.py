"""Files of the user: loaded, checked once per content, refused when they see the future."""

import json
from pathlib import Path

import pytest

from engine.backtest import proofs
from engine.backtest.lookahead import check
from engine.backtest.subjects import built_ins, load_subjects, random_walk
from engine.errors import FileError, GateError, UsageError

GOOD = "import numpy as np\ndef compute(bars):\n    return {'range': bars.high - bars.low}\n"
LEAK = "import numpy as np\ndef compute(bars):\n    return {'next': np.append(bars.close[1:], np.nan)}\n"
STRATEGY = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from engine.strategies.base import Decisions, Strategy, ranged
from engine.strategies.trend_following import TrendFollowing

@dataclass(frozen=True)
class Mine(Strategy):
    """Buys after a close above the one of `bars_back` bars ago."""
    name: ClassVar[str] = "mine"
    bars_back: int = ranged(3, 1, 50, "Bars back")

    @property
    def warm_up(self):
        return self.bars_back

    def decide(self, bars):
        action = np.zeros(len(bars), dtype=np.int8)
        action[self.bars_back:] = bars.close[self.bars_back:] > bars.close[:-self.bars_back]
        told = action != 0
        stop = np.where(told, REFERENCE, np.nan)
        return Decisions(action, np.where(told, 0.5, np.nan), stop, np.where(told, bars.close * 1.1, np.nan))

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}
'''
HONEST, PEEKING = STRATEGY.replace("REFERENCE", "bars.low"), STRATEGY.replace("REFERENCE", "bars.low.min()")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def test_a_strategy_of_a_file_is_checked_by_its_name(file: Path, tmp_path: Path) -> None:
    file.write_text(HONEST)
    (checked,) = proofs.proved(file, tmp_path)
    assert (checked.name, checked.kind, checked.passed, checked.prefixes) == ("mine", "strategy", True, 5_000)
    assert checked.lag is not None
    assert checked.lag["trades"] > 0
    proofs.require_proof(file, tmp_path)


def test_a_strategy_that_peeks_is_refused_with_its_column_and_bar(file: Path, tmp_path: Path) -> None:
    file.write_text(PEEKING)
    (checked,) = proofs.proved(file, tmp_path)
    assert checked.first_violation is not None
    assert checked.first_violation.column == "stop"
    with pytest.raises(GateError, match=r"mine sees the future: the column stop of the bar \S+ is .* on all bars, but") as caught:
        proofs.require_proof(file, tmp_path)
    assert caught.value.exit_code == 4


def test_a_content_is_checked_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(LEAK)
    first = proofs.proved(file, tmp_path / "cache")
    assert first == proofs.proved(file, tmp_path / "cache"), "without a folder for the cache it still works"
    (tmp_path / "cache").mkdir()
    again = proofs.proved(file, tmp_path / "cache")
    monkeypatch.setattr(proofs, "examine", lambda *_: pytest.fail("checked twice"))
    assert proofs.proved(file, tmp_path / "cache") == again == first
    copy = file.with_name("another.py")
    copy.write_text(LEAK)
    assert proofs.proved(copy, tmp_path / "cache") == first
    monkeypatch.undo()
    file.write_text(GOOD)
    assert proofs.proved(file, tmp_path / "cache")[0].passed


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"KEY": 5}', '{"KEY": [{"name": "x"}]}', '{"KEY": [7]}'])
def test_a_damaged_cache_is_made_anew(file: Path, tmp_path: Path, damage: str) -> None:
    file.write_text(LEAK)
    first = proofs.proved(file, tmp_path)
    cache = tmp_path / proofs.CACHE_FILE
    (key,) = json.loads(cache.read_text())
    cache.write_text(damage.replace("KEY", key))
    assert proofs.proved(file, tmp_path) == first
    assert list(json.loads(cache.read_text())) == [key]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("def compute(bars:\n", FileError, "mine.py, line 1, failed: SyntaxError"),
        ("import no_such_module_at_all\n", FileError, "ModuleNotFoundError"),
        ("raise SystemExit(3)\n", FileError, "SystemExit"),
        ("\0", FileError, "mine.py.* failed"),
        ("x = 1\n", UsageError, "neither a strategy nor a function compute"),
        ("compute = 5\n", UsageError, "neither a strategy nor a function compute"),
        ("HORIZON = -1\ndef compute(bars): return {}\n", UsageError, "HORIZON"),
        (HONEST.replace('    name: ClassVar[str] = "mine"\n', ""), FileError, "must be that of its file, mine"),
        (HONEST.replace("ranged(3,", "ranged(0,"), FileError, "its defaults cannot be used: 0 is not a possible bars_back"),
        (HONEST.replace("return self.bars_back", "return self.bars"), FileError, r"line 17, failed: AttributeError"),
        (HONEST.replace("return self.bars_back", "return 'many'"), FileError, "warm_up must be a whole number"),
        (HONEST + "\nclass Second(Mine):\n    pass\n", FileError, "must hold one class derived from Strategy, not 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(file: Path, content: str, error: type[Exception], words: str) -> None:
    file.write_text(content)
    with pytest.raises(error, match=words):
        load_subjects(file)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    for question in (lambda: load_subjects(tmp_path / "none.py"), lambda: proofs.proved(tmp_path, tmp_path)):
        with pytest.raises(FileError, match="cannot be read"):
            question()


def test_a_horizon_in_the_file_makes_a_label(file: Path) -> None:
    file.write_text("HORIZON = 1\n" + LEAK)
    (subject,) = load_subjects(file)
    assert (subject.kind, subject.horizon) == ("label", 1)
    bars = random_walk(100)
    assert check("x", "label", subject.compute, bars, horizon=subject.horizon).passed
    assert not check("x", "label", subject.compute, bars).passed


def test_two_processes_find_what_one_does() -> None:
    bars = random_walk(40)
    alone, shared = proofs.prove_built_ins(bars, 1), proofs.prove_built_ins(bars, 2)
    assert [item.name for item in shared] == [subject.name for subject in built_ins()]
    assert [item.as_dict() | {"lag": None} for item in shared] == [item.as_dict() | {"lag": None} for item in alone]
