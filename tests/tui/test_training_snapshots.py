"""The training view as text, in three sizes, against the screens stored in tests/tui/snapshots.

After an intended change: `UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/tui/test_training_snapshots.py`, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk_maker import MORNING
from tests.tui.desk_host import at_desk, until
from tests.tui.test_app_snapshots import Kept
from tests.tui.training_maker import MadeJob, asked, done_training, fold, open_training, trial, view
from tui.app import MIN_HEIGHT, MIN_WIDTH


@pytest.mark.parametrize("size", [(MIN_WIDTH, MIN_HEIGHT), (80, 24), (120, 40)])
async def test_the_panels_of_the_training(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    async with at_desk(real_home, size) as pilot:
        await open_training(pilot)
        await kept.keep(pilot, "training-none")
        done_training(real_home, skill=0.5)
        other = MadeJob(real_home, asked(["NHAA3"], trials=4), at=MORNING - 1800)
        searched = [("trial", trial(number, fold=3, symbols=["NHAA3"])) for number in range(1, 5)]
        folds = [("fold", fold(number, symbols=["NHAA3"])) for number in (1, 2)]
        other.say(*folds, *searched, done=10, total=20)
        other.end("cancelled")
        view(pilot).renew()
        await until(pilot, lambda: len(view(pilot).look.jobs) == 2)
        await kept.keep(pilot, "training-cancelled")
        await pilot.press("t", "j")
        await kept.keep(pilot, "training-history")
        await pilot.press("enter")
        await until(pilot, lambda: view(pilot).report is not None)
        await kept.keep(pilot, "training-result")
        await pilot.press("w")
        await kept.keep(pilot, "training-features")
        await pilot.press("c")
        await kept.keep(pilot, "training-calibration")
        await pilot.press("u")
        await kept.keep(pilot, "training-progress")
    kept.check()
