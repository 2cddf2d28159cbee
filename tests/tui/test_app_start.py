"""What is loaded up to the first frame: the standard library and Textual, nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "babel",
    "exchange_calendars",
    "httpx",
    "numba",
    "numpy",
    "pandas",
    "plotext",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "talib",
}
#: The command as on a terminal, but with a screen in memory; when the first frame is there, it tells what is loaded.
SCRIPT = """
import asyncio, json, sys
import tui.app
from tui.cli import main

def first_frame(app):
    strips = app.screen._compositor.render_strips()
    text = "\\n".join("".join(segment.text for segment in strip) for strip in strips)
    sys.__stdout__.write(json.dumps({"modules": sorted(sys.modules), "screen": text}))
    app.exit(0)

tui.app.PregaoApp._after_first_frame = first_frame

async def headless(workspace, keymap):
    app = tui.app.PregaoApp(workspace, keymap)
    async with app.run_test(size=(200, 40)) as pilot:
        while not app._exit:
            await pilot.pause(0.01)

def run(workspace, keymap):
    asyncio.run(headless(workspace, keymap))
    return 0

tui.app.run = run
sys.stdin.isatty = sys.stdout.isatty = lambda: True
raise SystemExit(main(sys.argv[1:]))
"""


def first_frame(home: Path, *words: str) -> dict[str, object]:
    environment = {**os.environ, "PREGAO_HOME": str(home)}
    command = [sys.executable, "-c", SCRIPT, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def heavy(found: dict[str, object]) -> set[str]:
    modules = found["modules"]
    assert isinstance(modules, list)
    assert "engine" in modules or "tui" in modules
    return HEAVY & {name.split(".")[0] for name in modules}


def test_nothing_heavy_is_loaded_before_the_first_frame_of_the_watchlist(real_home: Path) -> None:
    found = first_frame(real_home)
    assert heavy(found) == set()
    for text in ("MEAA3", "MADE ENERGY", "▲ BUY", "Quit"):
        assert text in str(found["screen"])


def test_nothing_heavy_is_loaded_before_the_first_frame_of_the_welcome(tmp_path: Path) -> None:
    found = first_frame(tmp_path / "new")
    assert heavy(found) == set()
    assert "Welcome to Pregão" in str(found["screen"])
    assert not (tmp_path / "new" / "data" / "pregao.db").exists()


def test_options_change_nothing_of_this(made_real: Path, demo_home: Path) -> None:
    assert heavy(first_frame(demo_home, "--home", str(made_real))) == set()
    found = first_frame(demo_home, "--demo")
    assert heavy(found) == set()
    assert "DEMO" in str(found["screen"])


@pytest.mark.parametrize("name", ["engine.store.board", "engine.market.session_cache", "tui.actions", "tui.quick_format"])
def test_the_parts_of_the_first_frame_load_nothing_heavy_by_themselves(name: str) -> None:
    script = f"import {name}, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert heavy({"modules": json.loads(done.stdout)}) == set()
