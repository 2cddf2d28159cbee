"""How long a whole daily run takes, and how much memory: 500 made symbols with five years of sessions, and half as many.

    .venv/bin/python -m tests.benchmarks.bench_daily [symbols sessions]

A fresh workspace each: bars of a random walk, an event of every tenth symbol, an index, a paper account that follows the signals, no network.
The run is a process of its own, so that its memory and its start count. Then the same run again, which finds everything done.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SYMBOLS, SESSIONS = 500, 1_250
SECONDS, MEGABYTES = 60.0, 1024.0
#: Twice the symbols may take so many times as long, and no more.
LINEAR = 2.3
ROOT = Path(__file__).parents[2]

CHILD = """
import sys
from pathlib import Path
from tui.cli import main
code = main(["--run-daily", "--json", "--home", sys.argv[1]])
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024, file=sys.stderr)
raise SystemExit(code)
"""


def make(home: Path, count: int, length: int) -> None:
    """A workspace with `count` symbols, an index and settings of a working desk."""
    from engine.desk import open_desk
    from engine.ingestion.events import EventFile
    from engine.market.adjust import CorporateEvent
    from engine.store.events import publish_events
    from engine.workspace import Workspace
    from tests.benchmarks.workspace_maker import fill_bars, symbols

    (home / "config").mkdir(parents=True)
    (home / "config" / "pregao.toml").write_text("[paper]\nfollow = true\n", encoding="utf-8")
    desk = open_desk(Workspace(home))
    names = [*symbols(count - 1), "IBOV"]
    sessions = fill_bars(desk, names, length)
    middle = int(sessions[length // 2])
    events = tuple(CorporateEvent(name, "dividend", middle, amount=0.05, source="made") for name in names[::10])
    publish_events(desk.store, EventFile(tuple(names[::10]), events, len(events), (), ()), "made.json", "0" * 64, desk.now())
    desk.close()


def run(home: Path) -> tuple[float, float, dict[str, float]]:
    """Seconds, peak megabytes, and the seconds of each step."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", CHILD, str(home)], cwd=ROOT, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    steps = {step["name"]: step["seconds"] for step in json.loads(done.stdout)["steps"]}
    return seconds, float(done.stderr.strip().splitlines()[-1]), steps


def measure(count: int, length: int) -> tuple[float, float]:
    """Print a first and a second run; seconds and megabytes of the first."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make(home, count, length)
        seconds, memory, steps = run(home)
        again, _memory, _steps = run(home)
    longest = ", ".join(f"{name} {steps[name]:.1f}" for name in sorted(steps, key=steps.__getitem__, reverse=True)[:6])
    print(f"{count} symbols x {length} sessions: {seconds:.1f} s, {memory:.0f} MB; again {again:.1f} s ({longest})", flush=True)
    return seconds, memory


def main() -> int:
    count, length = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (SYMBOLS, SESSIONS)
    half, _memory = measure(count // 2, length)
    seconds, memory = measure(count, length)
    targets = {
        f"{SECONDS:g} s": seconds <= SECONDS,
        f"{MEGABYTES:g} MB": memory <= MEGABYTES,
        f"linear ({seconds / half:.2f} times for twice the symbols, at most {LINEAR})": seconds <= LINEAR * half,
    }
    for name, met in targets.items():
        print(f"{name}: {'met' if met else 'MISS'}")
    return 0 if all(targets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
