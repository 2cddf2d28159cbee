"""The daily run takes a strategy of the user only when it does not see the future."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.backtest import proofs
from tests.desk_maker import call

OWN = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.strategies.base import Decisions, Strategy, ranged


@dataclass(frozen=True)
class Own(Strategy):
    name: ClassVar[str] = "own"
    share: float = ranged(1.0, 0, 2, "Share of the close compared with")

    @property
    def warm_up(self):
        return 1

    def decide(self, bars):
        action = (bars.close < self.share * REFERENCE).astype(np.int8)
        told = np.where(action, 0.5, np.nan)
        return Decisions(action, told, told * bars.close, told * 3 * bars.close)

    def reason(self, bars, decisions, index):
        return "An idea."

    def context(self, bars):
        return {"adx": None, "atr": None, "rsi": None, "volume_avg": None}
"""


@pytest.fixture
def own(home: Path) -> Path:
    """The file of the strategy that the settings of the workspace name."""
    settings = home / "config" / "pregao.toml"
    settings.write_text('[daily]\nstrategy = "own"\n', encoding="utf-8")
    folder = home / "config" / "strategies"
    folder.mkdir(exist_ok=True)
    return folder / "own.py"


def test_a_strategy_that_sees_the_future_ends_the_run_before_any_signal(home: Path, own: Path) -> None:
    own.write_text(OWN.replace("REFERENCE", "bars.close[-1]"), encoding="utf-8")
    done = call("--run-daily", "--json", home=home)
    assert (done.code, done.out) == (4, "")
    assert done.error["type"] == "GateError"
    assert "own sees the future: the column action of the bar" in done.error["message"]
    run = call("runs", "--json", home=home).json["runs"][0]
    assert run["status"] == "failed"
    assert [step["name"] for step in run["steps"] if step["status"] == "failed"] == ["signals"]


def test_an_honest_one_is_proved_once_and_used(home: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.write_text(OWN.replace("REFERENCE", "bars.open"), encoding="utf-8")
    first = call("--run-daily", "--json", home=home)
    assert first.code == 0, first.err
    assert {signal["strategy"] for signal in first.json["signals"]} == {"own"}
    assert len(json.loads((home / "data" / "cache" / proofs.CACHE_FILE).read_text())) == 1
    monkeypatch.setattr(proofs, "examine", lambda *_: pytest.fail("checked twice"))
    (home / "config" / "pregao.toml").write_text('[daily]\nstrategy = "own"\ndecision_time = "close"\nclose_delay_minutes = 31\n')
    again = call("--run-daily", "--json", home=home)
    assert again.code == 0, again.err


def test_a_leak_that_only_stored_bars_ask_for_ends_the_run(home: Path, own: Path) -> None:
    text = OWN.replace("REFERENCE", "np.append(bars.close[1:], 0)").replace(
        "astype(np.int8)", "astype(np.int8) * (bars.quantity > 4e5)"
    )
    own.write_text(text, encoding="utf-8")
    done = call("--run-daily", "--json", home=home)
    assert (done.code, done.out, done.error["type"]) == (4, "", "GateError")
    assert "own sees the future: the column action" in done.error["message"]


def test_a_strategy_about_which_nothing_can_be_proved_is_refused(home: Path, own: Path) -> None:
    own.write_text(OWN.replace("REFERENCE", "0 * bars.open"), encoding="utf-8")
    done = call("--run-daily", "--json", home=home)
    assert (done.code, done.error["type"]) == (4, "GateError")
    assert "Nothing could be proved about own: it says nothing on a made random walk, " in done.error["message"]
    assert "pregao lookahead --strategy own --symbol" in done.error["hint"]


def test_a_context_of_nothing_is_all_unknown(home: Path, own: Path) -> None:
    text = OWN.replace("REFERENCE", "bars.open")
    own.write_text(text[: text.index("        return {")] + "        return None\n", encoding="utf-8")
    done = call("--run-daily", "--json", home=home)
    assert done.code == 0, done.err
    unknown = {"adx": None, "atr": None, "rsi": None, "volume_avg": None}
    assert all(signal["market_context"] == unknown for signal in done.json["signals"])
    assert call("signal", "MEAA3", "--strategy", "own", "--json", home=home).json["signals"][0]["market_context"] == unknown
