"""The view of the direction as text, in four sizes, against the screens stored in tests/tui/snapshots.

After an intended change: `UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/tui/test_index_snapshots.py`, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.desk_host import app_of, at_desk
from tests.tui.direction_maker import DURING, evaluation, fill, open_index, put, view
from tests.tui.direction_maker import said as made_said
from tests.tui.test_app_snapshots import SIZES, Kept
from tests.tui.test_index_view import runs
from tui.app import MIN_HEIGHT, MIN_WIDTH
from tui.index.frame import PANELS


@pytest.mark.parametrize("size", [(MIN_WIDTH, MIN_HEIGHT), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_panels_of_the_direction(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    fill(real_home)
    async with at_desk(real_home, size) as pilot:
        await open_index(pilot)
        for panel in PANELS:
            await kept.keep(pilot, f"index-{panel}")
            await pilot.press("p")
        await pilot.press("left", "home")
        await kept.keep(pilot, "index-session-before")
        app_of(pilot).now = lambda: float(DURING)
        view(pilot).table.repaint()
        await pilot.press("right", "G", *"kkkkk", "x")
        await kept.keep(pilot, "index-quote")
        await pilot.press("escape")
        runs(pilot, 0.4, "fold 12 of 130")
        await kept.keep(pilot, "index-running")
        await pilot.press("home", "v")
        await kept.keep(pilot, "index-read")
    kept.check()


@pytest.mark.parametrize("size", SIZES[:1], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_without_signals_and_with_a_failed_canary(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    async with at_desk(real_home, size) as pilot:
        await open_index(pilot)
        await kept.keep(pilot, "index-none")
        canary = {"name": "too_good", "passed": False, "meaning": "no honest model is right so often at the close"}
        put(real_home, [made_said("close", None, 0.5)], [evaluation("close", canaries=[canary])])
        view(pilot).data_changed()
        await pilot.press("enter", "G", "home")
        await kept.keep(pilot, "index-canary")
    kept.check()
