"""What is printed: JSON without NaN, text without markup, and a quiet end when the reader goes away or we fail."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desk_maker import call, daily_csv, sessions, walk
from tui.output import jsonable, plain

ROOT = Path(__file__).parents[2]
NUMBERS = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=5))
VALUES = st.recursive(
    NUMBERS | st.floats().map(np.float64) | st.integers(-5, 5).map(np.int64) | st.lists(st.floats(), max_size=3).map(np.array),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner),
    max_leaves=8,
)


def strict(text: str) -> Any:
    """The JSON of `text`; NaN and Infinity, which are no JSON, fail."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@given(VALUES)
def test_every_value_becomes_sound_json(value: Any) -> None:
    strict(json.dumps(jsonable(value)))


@given(st.floats())
def test_a_number_is_kept_or_null(value: float) -> None:
    expected = value if math.isfinite(value) else None
    assert jsonable({"a": [value]}) == {"a": [expected]}
    assert jsonable(np.array([value])) == [expected]


def test_undefined_figures_are_null(home: Path) -> None:
    days = sessions(60)
    rows = [f"{day},{o:.2f},{h:.2f},{low:.2f},{c:.2f}" for day, (o, h, low, c, _q) in zip(days, walk("QUIE3", 60), strict=True)]
    (home / "QUIE3.csv").write_text("date,open,high,low,close\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert call("import", str(home / "QUIE3.csv"), "--price-base", "raw", home=home).code == 0
    bar = strict(call("bars", "QUIE3", "--json", home=home).out)["bars"][0]
    assert (bar["quantity"], bar["turnover"]) == (None, None)
    tested = strict(call("backtest", "QUIE3", "--json", home=home).out)
    assert tested["metrics"]["trades"] == 0
    assert tested["metrics"]["win_rate"] is None


@pytest.mark.parametrize(
    "line",
    ["coverage", "bars MEAA3", "signal MEAA3", "backtest MEAA3", "backtest MEAA3 NHAA3", "compare MEAA3", "strategies list", "watchlist list", "runs", "--run-daily"],
)  # fmt: skip
def test_json_is_one_object_and_nothing_else(home: Path, line: str) -> None:
    shown = call(*line.split(), "--json", home=home)
    assert (shown.code, shown.err) == (0, "")
    assert isinstance(strict(shown.out), dict)
    assert shown.out.endswith("}\n")


def test_text_in_brackets_is_no_markup(home: Path) -> None:
    for name in ("[red]x.csv", "[bold red]y.csv"):
        daily_csv(home / name, sessions(5), walk("x", 5))
        done = call("import", str(home / name), "--symbol", "XPTO3", home=home)
        assert done.code == 0
        assert name in done.err
    inbox = home / "data" / "inbox"
    (inbox / "[bold]z.csv").write_text("nothing known", encoding="utf-8")
    assert "[bold]z.csv" in "".join(call("--run-daily", home=home).out.split())
    assert call("watchlist", "list", "--list", "[red]", home=home).err.count("[red]") == 1


def test_a_name_cannot_steer_the_terminal(home: Path) -> None:
    name = "\x1b[31mred\x07.csv"
    (home / name).write_text("nothing known", encoding="utf-8")
    shown = call("import", str(home / name), home=home)
    assert shown.code == 1
    assert "\x1b" not in shown.err
    assert "\\x1b[31mred\\x07.csv" in shown.err


@given(st.text())
def test_plain_text_is_printable_and_keeps_what_is(text: str) -> None:
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)
    assert text.isprintable() == (plain(text) == text)


def started(home: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREGAO_")}
    line = [sys.executable, "-m", "tui.cli", *words, "--home", str(home)]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("words", [["bars", "MEAA3", "--json"], ["bars", "MEAA3"], ["strategies", "list"], ["runs", "--json"]])
def test_a_reader_that_goes_away_ends_the_command_quietly(home: Path, words: list[str]) -> None:
    process = started(home, *words)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_defect_is_one_sentence_with_its_traceback_in_the_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the defect")

    monkeypatch.setattr("engine.store.ledger.list_runs", broken)
    shown, told = call("runs", home=home), call("runs", "--json", home=home)
    assert (shown.code, shown.out, told.code, told.out) == (1, "", 1, "")
    assert "failed by a defect of its own (ZeroDivisionError)" in shown.err
    assert len(shown.err.splitlines()) == 2
    assert "Traceback" not in shown.err + told.err
    assert told.error["type"] == "PregaoError"
    text = (home / "data" / "logs" / "pregao.log").read_text(encoding="utf-8")
    assert text.count("Traceback") == 2
    assert "ZeroDivisionError: the secret of the defect" in text


def test_a_defect_before_the_log_is_open_is_one_sentence_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise KeyError("x")

    monkeypatch.setattr("tui.cli.build_parser", broken)
    shown = call("runs", home=home)
    assert (shown.code, shown.out) == (1, "")
    assert "before the log was open" in shown.err
    assert "Traceback" not in shown.err


def test_an_interrupt_gives_130(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.store.ledger.list_runs", interrupted)
    shown = call("runs", home=home)
    assert (shown.code, shown.out, shown.err) == (130, "", "")
