"""The emulated terminal sees what a terminal would, and its clocks are right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("fcntl", reason="the emulated terminal needs a POSIX system")

from tests.benchmarks import minimal_app
from tests.benchmarks.startup_harness import Terminal, first_frame, left_edge, moves, percentile

ROOT = Path(__file__).parents[2]
DOWN = b"\x1b[B"


def script(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time, os\n{text}"]


def test_a_text_is_timed_when_it_is_complete_on_the_screen() -> None:
    frame = first_frame(
        script("print('one', flush=True); time.sleep(0.4); print('two', flush=True); time.sleep(5)"), ["one", "two"]
    )
    assert 0.35 < frame.wall - frame.first_output < 2


def test_a_text_counts_only_while_it_is_on_the_screen() -> None:
    with Terminal(script("print('old' + chr(27) + '[2J' + chr(27) + '[Hnew', flush=True); time.sleep(5)")) as terminal:
        terminal.wait_text("new")
        assert terminal.text().splitlines()[0] == "new"
        assert "old" not in terminal.text()


def test_sequences_may_be_cut_anywhere_and_unknown_ones_leave_no_trace() -> None:
    text = "\x1b[?2026$p\x1b[>1u\x1b[31mred\x1b[0m\x1b[2;5Hplace ▲\x1b[<u"
    program = (
        f"data = {text.encode()!r}\nfor at in range(len(data)): os.write(1, data[at:at + 1]); time.sleep(0.001)\ntime.sleep(5)"
    )
    with Terminal(script(program)) as terminal:
        terminal.wait_text("▲")
        terminal.settle(0.1)
        assert terminal.text().rstrip() == "red\n    place ▲"
        assert terminal.screen.buffer[0][0].fg == "red"


def test_a_program_that_ends_or_stays_silent_is_an_error_that_shows_the_screen() -> None:
    with Terminal(script("print('last words'); sys.exit(3)")) as terminal, pytest.raises(TimeoutError, match="last words"):
        terminal.wait_text("never")
    with (
        Terminal(script("print('still here', flush=True); time.sleep(5)")) as terminal,
        pytest.raises(TimeoutError, match="still here"),
    ):
        terminal.wait_text("never", timeout=0.5)


def test_the_program_has_a_terminal_of_the_given_size_and_is_ended() -> None:
    with Terminal(
        script("print(*os.get_terminal_size(), sys.stdout.isatty(), flush=True); time.sleep(60)"), columns=90, lines=20
    ) as terminal:
        terminal.wait_text("90 20 True")
    assert terminal.process.returncode is not None


def test_the_keys_of_a_textual_app_are_timed_to_their_paint() -> None:
    with Terminal([sys.executable, "-m", "tests.benchmarks.minimal_app"], folder=ROOT) as terminal:
        piece = terminal.wait_text(*minimal_app.READY)
        assert 0 < terminal.first_output <= piece.at - terminal.began
        waits = moves(terminal, DOWN, left_edge(), 5)
        assert terminal.text().startswith(f"5 {minimal_app.READY[0]}")
        assert all(0 < wait < 2 for wait in waits)


def test_a_slow_paint_shows_in_its_time() -> None:
    echo = "import tty; tty.setraw(0); print('ready', flush=True)\nwhile True: os.read(0, 1); time.sleep(0.2); os.write(1, b'x')"
    with Terminal(script(echo)) as terminal:
        terminal.wait_text("ready")
        terminal.settle()
        wait = terminal.paint(b"k", lambda _screen: "x" in terminal.text())
        assert 0.19 < wait < 2


def test_percentiles_are_values_of_the_sample() -> None:
    assert [percentile([4, 1, 3, 2], share) for share in (0.0, 0.25, 0.5, 0.95, 1.0)] == [1, 1, 2, 4, 4]
