"""The views as text, in every size and state, against the screens stored in tests/tui/snapshots.

After an intended change: `UPDATE_SNAPSHOTS=1 .venv/bin/pytest tests/tui/test_app_snapshots.py`, then read the diff.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.i18n import LOCALES, set_language
from tests.desk_maker import daily_csv, sessions, walk
from tests.tui.desk_host import (
    EVERY,
    SNAPSHOTS,
    Desks,
    app_of,
    at_desk,
    backtest,
    charted,
    command,
    data_view,
    form,
    open_backtest,
    open_chart,
    open_signals,
    screen_text,
    see,
    until,
    updating,
    watchlist,
)
from tui.app import MIN_HEIGHT, MIN_WIDTH, PregaoApp
from tui.screens.import_file import ImportFile

SIZES = [(80, 24), (120, 40), (200, 60)]
LANGUAGES = ["en", *(["pt_BR"] if (LOCALES / "pt_BR").is_dir() else [])]
CASES = [(language, size) for language in LANGUAGES for size in (SIZES if language == "en" else SIZES[:1])]
#: How often a screen is looked at until it is as stored.
TURNS = 75
IDS = [f"{language}-{width}x{height}" for language, (width, height) in CASES]


class Kept:
    """The screens of one walk through the app; at its end all must equal the stored ones."""

    def __init__(self, language: str, size: tuple[int, int]) -> None:
        self.tail = f"{size[0]}x{size[1]}" + ("" if language == "en" else f"-{language}")
        self.size = size
        self.wrong: list[str] = []

    async def keep(self, pilot: Desks, name: str) -> None:
        path = SNAPSHOTS / f"{name}-{self.tail}.txt"
        if updating():
            await pilot.pause(0.5)
            SNAPSHOTS.mkdir(exist_ok=True)
            path.write_text(screen_text(pilot) + "\n", encoding="utf-8")
        stored = path.read_text(encoding="utf-8") if path.is_file() else "(none is stored)\n"
        text = screen_text(pilot) + "\n"
        for _turn in range(TURNS):
            if text == stored:
                break
            await pilot.pause(0.02)
            text = screen_text(pilot) + "\n"
        lines = text.splitlines()
        assert all(len(line) <= self.size[0] for line in lines)
        assert len(lines) == self.size[1]
        if text != stored:
            self.wrong.append(f"{path.name}\n--- stored\n{stored}--- shown\n{text}")

    def check(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)


@pytest.fixture
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    language, size = request.param
    monkeypatch.setenv("LC_ALL", language)
    set_language("auto")
    yield Kept(language, size)
    set_language("en")


everywhere = pytest.mark.parametrize("kept", CASES, ids=IDS, indirect=True)


@everywhere
async def test_the_screens_of_a_desk_with_data(
    real_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    daily_csv(files / "MEAA3.csv", sessions(40), walk("MEAA3", 40))
    daily_csv(files / "prices.csv", sessions(40), walk("MEAA3", 40))
    (files / "notes.csv").write_text("just some words\n", encoding="utf-8")
    (files / "older").mkdir()
    monkeypatch.chdir(files)
    async with at_desk(real_home, kept.size) as pilot:
        await until(pilot, lambda: len(watchlist(pilot)._rows) == len(EVERY))
        await pilot.press("j")
        await kept.keep(pilot, "watchlist")
        await pilot.press("question_mark")
        await kept.keep(pilot, "help-watchlist")
        await pilot.press("q", "slash", "z", "z")
        await kept.keep(pilot, "watchlist-nothing-found")
        await pilot.press("escape")
        pilot.app.push_screen(ImportFile(app_of(pilot).desk, "./"))
        await kept.keep(pilot, "import")
        await pilot.press("M", "E", "enter")
        await until(pilot, lambda: "✔" in screen_text(pilot))
        await kept.keep(pilot, "import-understood")
        await pilot.press("ctrl+u", "full_stop", "slash", "n", "o", "enter")
        await until(pilot, lambda: "✖" in screen_text(pilot))
        await kept.keep(pilot, "import-refused")
        await pilot.press("escape")
        await open_backtest(pilot)
        await kept.keep(pilot, "backtest-charts")
        await pilot.press("p")
        await kept.keep(pilot, "backtest-trades")
        await pilot.press("u", "y")
        await kept.keep(pilot, "symbols")
        await pilot.press("escape")
        form(pilot).set_value("from", "2031-01-01")
        await until(pilot, lambda: backtest(pilot)._result is None)
        await kept.keep(pilot, "backtest-error")
        await pilot.press("0")
        await until(pilot, lambda: len(data_view(pilot)._coverage) == len(EVERY))
        for tab in ("coverage", "jobs", "runs", "messages"):
            await kept.keep(pilot, f"data-{tab}")
            await pilot.press("t")
        await open_signals(pilot)
        await kept.keep(pilot, "signals")
        await pilot.press("h")
        await kept.keep(pilot, "signals-with-hold")
        await open_chart(pilot)
        await kept.keep(pilot, "chart")
        await pilot.press("e", "b", "n", "L", "plus", *"hhhhh")
        await kept.keep(pilot, "chart-indicators")
        await command(pilot, "GP HHHH3")
        await charted(pilot, "HHHH3")
        await pilot.press("t", "t")
        await charted(pilot, "HHHH3", "60m")
        await kept.keep(pilot, "chart-hours")
    kept.check()


@everywhere
async def test_the_screens_of_an_empty_desk(empty_home: Path, kept: Kept) -> None:
    async with at_desk(empty_home, kept.size) as pilot:
        await kept.keep(pilot, "welcome")
        await pilot.press("h")
        await kept.keep(pilot, "path")
        await pilot.press("q", "3")
        await until(pilot, lambda: "y" in str(pilot.app.query_one("#backtest-verdict").render()))
        await pilot.pause(0.3)
        await kept.keep(pilot, "backtest-no-symbol")
        await pilot.press("0")
        await until(pilot, lambda: not data_view(pilot)._stale)
        for tab in ("coverage", "jobs", "runs"):
            await kept.keep(pilot, f"data-{tab}-empty")
            await pilot.press("t")
        await pilot.press("2")
        await kept.keep(pilot, "signals-empty")
        await pilot.press("7")
        await kept.keep(pilot, "chart-no-symbol")
        await pilot.press("m")
        await kept.keep(pilot, "messages-empty")
    kept.check()


@everywhere
async def test_the_screens_while_the_engine_is_prepared(real_home: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept) -> None:
    monkeypatch.setattr(PregaoApp, "_load_engine", lambda _app: None)
    async with at_desk(real_home, kept.size, ready=False) as pilot:
        await see(pilot, EVERY[0])
        await pilot.press("3")
        await kept.keep(pilot, "backtest-preparing")
        await pilot.press("0")
        await kept.keep(pilot, "data-preparing")
        await pilot.press("7")
        await kept.keep(pilot, "chart-preparing")
    kept.check()


@everywhere
async def test_the_screens_of_the_demo_market(demo_home: Path, kept: Kept) -> None:
    async with at_desk(demo_home, kept.size, demo=True) as pilot:
        await see(pilot, "DEMOCA4")
        await until(pilot, lambda: not watchlist(pilot)._pending)
        await kept.keep(pilot, "demo-watchlist")
    kept.check()


def test_no_stored_screen_is_left_over() -> None:
    """Every stored screen belongs to a size and language that is tested."""
    tails = {f"{width}x{height}" for width, height in (*SIZES, (MIN_WIDTH, MIN_HEIGHT))} | {
        f"80x24-{language}" for language in LANGUAGES if language != "en"
    }
    names = [path.stem for path in SNAPSHOTS.glob("*.txt")]
    assert names
    assert [name for name in names if not any(name.endswith(f"-{tail}") for tail in tails)] == []
