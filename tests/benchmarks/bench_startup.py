"""How long commands take from a fresh process, against starting Python alone. Run it: python tests/benchmarks/bench_startup.py

The workspace holds the demo market, and bytecode is present, as after an installation.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUNDS = 5
#: Seconds in which a command should be done on a machine of two ordinary cores; the other commands have no target.
TARGETS = {"--version": 0.5, "backtest": 2.5}


def measure(*words: str) -> float:
    """Median seconds of a fresh process; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREGAO_")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> int:
    for room in ("engine", "tui"):
        compileall.compile_dir(ROOT / room, quiet=1)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        common = ["--demo", "--home", folder]
        lines = {
            "--version": ["--version"],
            "--help": ["--help"],
            "bars": ["bars", "DEMOCA4", "--limit", "5", *common],
            "signal": ["signal", "DEMOCA4", *common],
            "backtest": ["backtest", "DEMOCA4", "--json", *common],
            "--run-daily": ["--run-daily", *common],
        }
        first = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tui.cli", *lines["--run-daily"]], cwd=ROOT, check=True, capture_output=True)
        print(f"{'first --run-daily':<18} {time.perf_counter() - first:6.3f} s   (makes the demo market)")
        python = measure("-c", "pass")
        print(f"{'python -c pass':<18} {python:6.3f} s")
        for name, words in lines.items():
            seconds = measure("-m", "tui.cli", *words)
            target = TARGETS.get(name)
            missed += target is not None and seconds > target
            said = "" if target is None else f"   target {target} s: {'met' if seconds <= target else 'MISSED'}"
            print(f"{name:<18} {seconds:6.3f} s   {seconds / python:5.1f} x python{said}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
