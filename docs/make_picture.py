"""Makes the picture of the README from the demo market: `python docs/make_picture.py`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from engine.workspace import Workspace
from tui.app import PregaoApp

PICTURE = Path(__file__).with_name("backtest.svg")


async def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        app = PregaoApp(Workspace(Path(home), demo=True))
        async with app.run_test(size=(120, 36)) as pilot:
            while app.desk is None or app.board is None:
                await pilot.pause(0.1)
            await pilot.press("down", "enter")
            await pilot.pause(3)
            PICTURE.write_text(app.export_screenshot(title="Pregão"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
