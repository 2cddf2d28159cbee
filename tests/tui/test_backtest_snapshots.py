"""The panels of the backtest view as text, in three sizes, against the screens stored in tests/tui/snapshots.

After an intended change: `UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/tui/test_backtest_snapshots.py`, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.desk_host import answered, at_desk, backtest, form, open_backtest, see, until
from tests.tui.test_app_snapshots import Kept
from tui.app import MIN_HEIGHT, MIN_WIDTH
from tui.backtest.compare import ComparePanel
from tui.backtest.costs import CostsPanel
from tui.backtest.evidence import EvidencePanel

SMALLEST = (MIN_WIDTH, MIN_HEIGHT)


@pytest.mark.parametrize("size", [SMALLEST, (80, 24), (120, 40)])
async def test_the_panels_of_the_backtest(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    async with at_desk(real_home, size) as pilot:
        await open_backtest(pilot)
        if size == SMALLEST:
            await kept.keep(pilot, "backtest-charts")
            await pilot.press("t")
            await kept.keep(pilot, "backtest-trades")
        await pilot.press("n")
        await kept.keep(pilot, "backtest-months")
        await pilot.press("e")
        await kept.keep(pilot, "backtest-evidence")
        await pilot.press("b")
        await until(pilot, lambda: pilot.app.query_one(EvidencePanel).bands is not None)
        await kept.keep(pilot, "backtest-bands")
        await pilot.press("x")
        await until(pilot, lambda: pilot.app.query_one(CostsPanel).taxed is not None)
        await kept.keep(pilot, "backtest-costs")
        await pilot.press("end")
        await kept.keep(pilot, "backtest-taxes")
        await answered(pilot, lambda: pilot.press("c"))
        await until(pilot, lambda: pilot.app.query_one(ComparePanel).found is not None)
        await kept.keep(pilot, "backtest-compare")
        await pilot.press("u", "o")

        async def hold_two_bars() -> None:
            form(pilot).set_value("time_exit", 2)

        await answered(pilot, hold_two_bars)
        await see(pilot, "Back to")
        assert backtest(pilot).panel == "charts"
        await kept.keep(pilot, "backtest-orders")
    kept.check()
