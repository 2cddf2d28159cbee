"""The app against the smallest Textual app in the same run, and how long its keys wait, also while jobs run.

    .venv/bin/python -m tests.benchmarks.bench_app [--runs 7] [--keep FOLDER]

The figures are those of a user: bytecode is compiled first, and everything is in the page cache. The texts and keys
that name places of the app stand at the top.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks import minimal_app  # noqa: E402
from tests.benchmarks.startup_harness import (  # noqa: E402
    Frame,
    Terminal,
    clean_environment,
    first_frame,
    left_edge,
    moves,
    percentile,
)

SYMBOLS, SESSIONS = 500, 750
#: On the screen when the first frame is full: the first row, a late one with its values, and the line of hints.
READY = ("AAAA3", "INVENTED AABD3", "Quit")
DOWN, UP = b"\x1b[B", b"\x1b[A"
WINDOW = 25
#: Each view by its key and a text that only it shows.
VIEWS = ((b"3", "rsi_overbought"), (b"1", "INVENTED AAAZ3"))
#: Starts a backtest of everything and an import, and comes back to the table.
BACKTEST_ALL = (b"3", b"M")
TRAINING = (b"4", b"r")
IMPORT = b"IMPORT %s\r"
COMMAND, TABLE = b":", b"1"
RUNNING = "⏳"
IMPORT_SYMBOL, IMPORT_ROWS = "AZZZ3", 150_000

RATIO, CURSOR_P95, VIEW_P95, LONGEST = 1.5, 0.016, 0.040, 0.050


@dataclass(frozen=True, slots=True)
class Line:
    """One figure with its target; a missed target makes the measurement fail."""

    name: str
    value: float
    target: float
    shown: str

    @property
    def met(self) -> bool:
        return self.value <= self.target

    def __str__(self) -> str:
        return f"{'ok  ' if self.met else 'MISS'} {self.name:34} {self.shown}"


def minimal_command() -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.minimal_app"]


def app_command(home: Path) -> list[str]:
    return [str(Path(sys.executable).with_name("pregao")), "--home", str(home)]


def prepare(home: Path) -> None:
    """Compile the bytecode, fill the workspace, write the file to import; all in processes of their own."""
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "engine", "tui", "tests/benchmarks"],
        cwd=ROOT,
        check=True,
        env=clean_environment(),
    )
    maker = [
        sys.executable,
        "-m",
        "tests.benchmarks.workspace_maker",
        str(home),
        str(SYMBOLS),
        str(SESSIONS),
        str(import_file(home)),
        str(IMPORT_ROWS),
    ]
    subprocess.run(maker, cwd=ROOT, check=True, env=clean_environment())


def import_file(home: Path) -> Path:
    return home / f"{IMPORT_SYMBOL}.csv"


def compare_starts(home: Path, runs: int) -> list[Line]:
    """Both apps in turn, so that they meet the same machine; the first run of each only warms up."""
    frames: dict[str, list[Frame]] = {"minimal": [], "pregao": []}
    for _number in range(runs + 1):
        frames["minimal"].append(first_frame(minimal_command(), minimal_app.READY, folder=ROOT))
        frames["pregao"].append(first_frame(app_command(home), READY, folder=ROOT))
    middle = {name: statistics.median(frame.wall for frame in found[1:]) for name, found in frames.items()}
    for name, found in frames.items():
        walls = [frame.wall for frame in found[1:]]
        cpu = statistics.median(frame.cpu for frame in found[1:])
        first = statistics.median(frame.first_output for frame in found[1:])
        print(
            f"     {name:8} first full frame {middle[name]:.3f} s [{min(walls):.3f} - {max(walls):.3f}],"
            f" first output {first:.3f} s, cpu@frame {cpu:.2f} s"
        )
    ratio = middle["pregao"] / middle["minimal"]
    return [Line("first full frame / minimal app", ratio, RATIO, f"{ratio:.2f} (target {RATIO})")]


def walk(terminal: Terminal, rounds: int) -> list[float]:
    """Down a window of rows and up again, `rounds` times: seconds from key to paint."""
    waits: list[float] = []
    for _number in range(rounds):
        waits += moves(terminal, DOWN, left_edge(), WINDOW)
        waits += moves(terminal, UP, left_edge(), WINDOW)
    return waits


def switch(terminal: Terminal, rounds: int) -> tuple[list[float], list[float]]:
    """Through the views and back: seconds of the first visit of each, and of the later ones."""
    waits: list[list[float]] = []
    for _number in range(rounds):
        for key, text in VIEWS:
            terminal.settle()
            waits.append([terminal.paint(key, lambda _screen, text=text: text in terminal.text())])
    flat = [wait for (wait,) in waits]
    return flat[: len(VIEWS)], flat[len(VIEWS) :]


def begin_backtest_and_import(terminal: Terminal, home: Path) -> None:
    """Start a backtest of everything and an import."""
    for key in BACKTEST_ALL:
        terminal.press(key)
        terminal.settle(0.2)
    terminal.press(COMMAND)
    terminal.settle(0.2)
    terminal.press(IMPORT % str(import_file(home)).encode())


def begin_training(terminal: Terminal) -> None:
    """Start a training, as the form of its view opens."""
    for key in TRAINING:
        terminal.press(key)
        terminal.settle(0.5)


def under_load(terminal: Terminal, limit: float = 60.0) -> tuple[list[float], float]:
    """Keys in the table while jobs run: seconds from key to paint, and how long it went on."""
    terminal.wait_text(RUNNING)
    terminal.settle(0.2)
    terminal.press(TABLE)
    terminal.wait_text(VIEWS[-1][1])
    began = time.perf_counter()
    waits: list[float] = []
    while RUNNING in terminal.text() and time.perf_counter() - began < limit:
        waits += moves(terminal, DOWN, left_edge(), 5, pause=0.02)
        waits += moves(terminal, UP, left_edge(), 5, pause=0.02)
        terminal.settle(0.02, 0.1)
    return waits, time.perf_counter() - began


def in_words(waits: list[float]) -> str:
    middle, late, worst = (1000 * percentile(waits, share) for share in (0.5, 0.95, 1.0))
    return f"p50 {middle:.1f}, p95 {late:.1f}, longest {worst:.1f} ms of {len(waits)}"


def milliseconds(name: str, waits: list[float], target: float, share: float = 0.95) -> Line:
    return Line(name, percentile(waits, share), target, f"{in_words(waits)} (target {1000 * target:.0f})")


def measure(home: Path, runs: int) -> list[Line]:
    lines = compare_starts(home, runs)
    with Terminal(minimal_command(), folder=ROOT) as terminal:
        terminal.wait_text(*minimal_app.READY)
        terminal.wait_idle()
        print(f"     keys of the minimal app, for scale: {in_words(walk(terminal, 2))}")
    with Terminal(app_command(home), folder=ROOT) as terminal:
        terminal.wait_text(*READY)
        print(f"     keys while the engine is loaded: {in_words(walk(terminal, 1))}")
        terminal.wait_idle()
        lines.append(milliseconds("cursor down and up, p95", walk(terminal, 4), CURSOR_P95))
        first, later = switch(terminal, 20)
        print("     first visit of each view: " + ", ".join(f"{1000 * wait:.0f} ms" for wait in first))
        for at, (key, text) in enumerate(VIEWS):
            print(f"     to view {key.decode()} ({text}): {in_words(later[at :: len(VIEWS)])}")
        lines.append(milliseconds("view switch, p95", later, VIEW_P95))
        begin_backtest_and_import(terminal, home)
        waits, lasted = under_load(terminal)
        print(f"     backtest of {SYMBOLS} symbols and import of {IMPORT_ROWS} rows: {lasted:.1f} s")
        lines.append(milliseconds("key while jobs run, longest", waits, LONGEST, 1.0))
        begin_training(terminal)
        waits, lasted = under_load(terminal)
        print(f"     training of a forest on {SESSIONS} sessions: {lasted:.1f} s")
        lines.append(milliseconds("key during a training, longest", waits, LONGEST, 1.0))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Start-up and keys of the app, under an emulated terminal.")
    parser.add_argument("--runs", type=int, default=7, help="starts of each app")
    parser.add_argument("--keep", type=Path, help="workspace to make or, when it is there, to use again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = (arguments.keep or Path(folder)).absolute()
        if not import_file(home).exists():
            prepare(home)
        lines = measure(home, arguments.runs)
    print("\n".join(map(str, lines)))
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
