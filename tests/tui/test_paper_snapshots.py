"""The view of the paper account as text, in four sizes, against the screens stored in tests/tui/snapshots.

After an intended change: `UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/tui/test_paper_snapshots.py`, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.desk_host import app_of, at_desk, data_view, until
from tests.tui.paper_maker import fill_outbox, fill_paper, open_live, open_paper
from tests.tui.test_app_snapshots import SIZES, Kept
from tests.tui.test_paper_view import asked, fill_in, weighed
from tui.app import MIN_HEIGHT, MIN_WIDTH
from tui.paper.tables import TABLES


@pytest.mark.parametrize("size", [(MIN_WIDTH, MIN_HEIGHT), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_tables_of_the_account(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    fill_paper(real_home)
    async with at_desk(real_home, size) as pilot:
        await open_paper(pilot)
        for table in TABLES:
            await kept.keep(pilot, f"paper-{table}")
            await pilot.press("p")
        await pilot.press("v")
        await kept.keep(pilot, "paper-read")
    kept.check()


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_ticket_and_the_questions(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    async with at_desk(real_home, size) as pilot:
        await open_paper(pilot)
        await kept.keep(pilot, "paper-none")
        await pilot.press("n")
        await fill_in(pilot, symbol="MEAA3", type="bracket", quantity="9000", stop="18.50", target="22")
        await weighed(pilot)
        await kept.keep(pilot, "paper-ticket-refused")
        await fill_in(pilot, quantity="300")
        await weighed(pilot)
        await kept.keep(pilot, "paper-ticket")
        await pilot.press("enter")
        await asked(pilot)
        await kept.keep(pilot, "paper-question")
    kept.check()


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_messages(real_home: Path, size: tuple[int, int]) -> None:
    kept = Kept("en", size)
    open_live(real_home)
    fill_outbox(real_home)
    async with at_desk(real_home, size) as pilot:
        await app_of(pilot).action_show("data")
        await pilot.press("t", "t", "t")
        await until(pilot, lambda: len(data_view(pilot).outbox.messages) == 3)
        await kept.keep(pilot, "data-messages-made")
    kept.check()
