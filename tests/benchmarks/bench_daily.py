"""How long a whole daily run takes, and how much memory: 500 made symbols with five years of sessions, and half as many.

    .venv/bin/python -m tests.benchmarks.bench_daily [symbols sessions]

A fresh workspace each: bars of a random walk, an event of every tenth symbol, an index, a paper account that follows the signals, no network;
the last one also with a live XGBoost model of all symbols, which learnt from a few of them.
The run is a process of its own, so that its memory and its start count. Then the same run again, which finds everything done.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.desk import Desk

SYMBOLS, SESSIONS = 500, 1_250
SECONDS, MEGABYTES = 60.0, 1024.0
#: Twice the symbols may take so many times as long, and no more.
LINEAR = 2.3
#: Symbols that the live model learns from, though it is asked about all; its features look back less than so many bars.
TAUGHT, WARM_UP, FEATURES = 4, 21, 20
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


def make(home: Path, count: int, length: int, *, model: bool = False) -> None:
    """A workspace with `count` symbols, an index and settings of a working desk; with `model`, a live one of them all."""
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
    if model:
        promote_model(desk, names[:-1])
    desk.close()


def promote_model(desk: Desk, names: list[str]) -> None:
    """Train a pooled XGBoost model on the first of `names`, and let it be the live one of all."""
    from engine.features.catalogue import FEATURES as KNOWN
    from engine.ml import registry
    from engine.ml.training import TrainingPlan, train
    from engine.store.bars import read_bars

    features = tuple(feature.name for feature in KNOWN if feature.lookback < WARM_UP)[:FEATURES]
    taught = {name: read_bars(desk.store, name, "1d") for name in names[:TAUGHT]}
    found = train(taught, TrainingPlan(tuple(taught), "xgboost", features))
    pooled = replace(found, report={**found.report, "symbols": names})
    model_id = registry.save(desk.workspace.models, desk.store, pooled, now=desk.now())
    registry.promote(desk.workspace.models, desk.store, model_id, now=desk.now())


def run(home: Path, asked: int = 0) -> tuple[float, float, dict[str, float]]:
    """Seconds, peak megabytes, and the seconds of each step. asked: of how many symbols a live model must have spoken."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", CHILD, str(home)], cwd=ROOT, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    told = json.loads(done.stdout)["steps"]
    spoken = [len(of_symbol) for step in told if step["name"] == "predictions" for of_symbol in step["detail"].values()]
    assert spoken == ([asked] if asked else []), spoken
    steps = {step["name"]: step["seconds"] for step in told}
    return seconds, float(done.stderr.strip().splitlines()[-1]), steps


def measure(count: int, length: int, *, model: bool = False) -> tuple[float, float]:
    """Print a first and a second run; seconds and megabytes of the first."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make(home, count, length, model=model)
        asked = count - 1 if model else 0
        seconds, memory, steps = run(home, asked)
        again, _memory, _steps = run(home, asked)
    longest = ", ".join(f"{name} {steps[name]:.1f}" for name in sorted(steps, key=steps.__getitem__, reverse=True)[:6])
    about = ", a live model" if model else ""
    print(
        f"{count} symbols x {length} sessions{about}: {seconds:.1f} s, {memory:.0f} MB; again {again:.1f} s ({longest})",
        flush=True,
    )
    return seconds, memory


def main() -> int:
    count, length = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (SYMBOLS, SESSIONS)
    half, _memory = measure(count // 2, length)
    seconds, memory = measure(count, length)
    judged, filled = measure(count, length, model=True)
    targets = {
        f"{SECONDS:g} s, with a live model too": max(seconds, judged) <= SECONDS,
        f"{MEGABYTES:g} MB, with a live model too": max(memory, filled) <= MEGABYTES,
        f"linear ({seconds / half:.2f} times for twice the symbols, at most {LINEAR})": seconds <= LINEAR * half,
    }
    for name, met in targets.items():
        print(f"{name}: {'met' if met else 'MISS'}")
    return 0 if all(targets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
