"""Files of the user: loaded, checked once per content, refused when they see the future."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.backtest import proofs
from engine.backtest.lookahead import check
from engine.backtest.subjects import built_ins, examine, load_subjects, random_walk
from engine.errors import FileError, GateError
from engine.strategies import user

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


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"KEY": 5}', '{"KEY": [7]}', '{"KEY": {"DATA": [{"name": "x"}]}}', '{"KEY": {"DATA": 7}}']
)
def test_a_damaged_cache_is_made_anew(file: Path, tmp_path: Path, damage: str) -> None:
    file.write_text(LEAK)
    first = proofs.proved(file, tmp_path)
    cache = tmp_path / proofs.CACHE_FILE
    (key,) = json.loads(cache.read_text())
    cache.write_text(damage.replace("KEY", key).replace("DATA", proofs.digest(random_walk())))
    assert proofs.proved(file, tmp_path) == first
    assert list(json.loads(cache.read_text())) == [key]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("def compute(bars:\n", FileError, "mine.py, line 1, failed: SyntaxError"),
        ("import no_such_module_at_all\n", FileError, "ModuleNotFoundError"),
        ("raise SystemExit(3)\n", FileError, "SystemExit"),
        ("\0", FileError, "mine.py.* failed"),
        ("x = 1\n", FileError, "neither a strategy nor a function compute"),
        ("compute = 5\n", FileError, "neither a strategy nor a function compute"),
        ("HORIZON = -1\ndef compute(bars): return {}\n", FileError, "HORIZON"),
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


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 3.5", "mine must give columns by name, not float"),
        ("return {'x': bars.nothing}", "mine.py, line 2, failed: AttributeError"),
        ("raise SystemExit(0)", "mine.py, line 2, failed: SystemExit: 0"),
        ("return {'x': bars.close[1:]}", r"mine gives a column x of shape \(39,\) for 40 bars"),
    ],
)
def test_a_function_that_cannot_be_asked_is_an_error_of_its_file(file: Path, body: str, words: str) -> None:
    file.write_text(f"def compute(bars):\n    {body}\n")
    (subject,) = load_subjects(file)
    with pytest.raises(FileError, match=words) as caught:
        examine(subject, random_walk(40))
    assert "mine.py" in caught.value.message


#: Signals only on heavy turnover, of which the made walk has none; then on the close of tomorrow.
SELDOM = (
    STRATEGY.replace("REFERENCE", "bars.low")
    .replace("> bars.close[:-self.bars_back]", "> 0")
    .replace("told = action != 0", "action[bars.turnover < 1e9] = 0; CHANGE; told = action != 0")
)
CONDITIONAL = SELDOM.replace("CHANGE", "action[:-1][bars.close[1:] < bars.close[:-1]] = 0")
SOUND = SELDOM.replace("CHANGE", "action[bars.close < bars.open] = 0")


def heavy(symbol: str, count: int, times: float = 1e4, seed: int = 3):
    walk = random_walk(count, seed)
    return replace(walk, symbol=symbol, turnover=walk.turnover * times)


def test_a_leak_that_the_made_walk_does_not_ask_for_is_found_on_stored_bars(file: Path, tmp_path: Path) -> None:
    file.write_text(CONDITIONAL)
    assert proofs.proved(file, tmp_path)[0].passed is None
    with pytest.raises(GateError, match="mine sees the future"):
        proofs.require_proof(file, tmp_path, [heavy("ABCD3", 300)])
    with pytest.raises(GateError, match="mine sees the future"):
        proofs.require_proof(file, tmp_path), "what was found once is known"


def test_what_says_nothing_anywhere_is_refused_until_it_is_proved(file: Path, tmp_path: Path) -> None:
    file.write_text(SOUND)
    light = heavy("LIGT3", 300, 1.0)
    with pytest.raises(
        GateError, match="Nothing could be proved about mine: it says nothing on a made random walk, LIGT3"
    ) as caught:
        proofs.require_proof(file, tmp_path, [light])
    assert "pregao lookahead --strategy mine --symbol" in caught.value.hint
    bars = heavy("HEVY3", 200)
    proofs.remember(user.digest(file), bars, proofs.prove(load_subjects(file), bars), tmp_path)
    proofs.require_proof(file, tmp_path, [light])
    file.write_text(SOUND + "# another content\n")
    with pytest.raises(GateError, match="Nothing could be proved"):
        proofs.require_proof(file, tmp_path, [light])


def test_the_sample_is_of_the_longest_and_most_traded_and_does_not_move_with_every_bar() -> None:
    series = [heavy(f"S{at}", 700 + at, 1.0 + at) for at in range(6)] + [heavy("LONG", 2_600, 0.1), heavy("WIDE", 1_100, 0.2)]
    sample = proofs.sample_of(series)
    assert [(bars.symbol, len(bars)) for bars in sample] == [("WIDE", 1_000), ("LONG", 1_000), ("S5", 500)]
    assert sample[1].time[-1] == series[-2].time[2_499]
    grown = [bars.take(slice(0, len(bars) - 1)) for bars in series]
    assert [proofs.digest(bars) for bars in proofs.sample_of(grown)] == [proofs.digest(bars) for bars in sample]
    assert [len(bars) for bars in proofs.sample_of([heavy("NEW3", 40), heavy("ONE3", 1)])] == [40]


def test_the_standing_of_a_strategy_follows_what_was_proved(file: Path, tmp_path: Path) -> None:
    bars, light = heavy("HEVY3", 300), heavy("LIGT3", 300, 1.0)
    file.write_text(SOUND)
    sound = user.load(file)()
    for series in (bars, light):
        unproved = proofs.standing(sound, series, tmp_path)
        assert not unproved.leak
        assert "It is not proved that mine does not see the future" in unproved.notice
    proofs.remember(user.digest(file), bars, proofs.prove(load_subjects(file), bars), tmp_path)
    assert proofs.standing(sound, light, tmp_path) == proofs.Standing()
    file.write_text(CONDITIONAL)
    leaking = user.load(file)()
    assert not proofs.standing(leaking, light, tmp_path).leak
    found = proofs.standing(leaking, bars, tmp_path)
    assert "mine sees the future: the column" in found.leak
    assert "mine sees the future: nobody could have traded" in found.notice
    assert proofs.standing(leaking, light, tmp_path) == found, "a leak that was found once is known"
    assert not proofs.standing(leaking, light, None).leak
    for built_in in built_ins():
        if built_in.strategy is not None:
            assert proofs.standing(built_in.strategy, bars, tmp_path) == proofs.Standing()
