"""The app beside other processes: their changes appear, jobs outlive it, defects and damage do not end it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from engine.jobs.client import JobClient
from engine.store.job_ledger import Job
from engine.workspace import Workspace
from tests.desk_maker import call, daily_csv, sessions, walk
from tests.jobs.made_worker import COMMAND, wait_until
from tests.tui.desk_host import (
    EVERY,
    Desks,
    app_of,
    at_desk,
    backtest,
    command,
    copied,
    data_view,
    open_backtest,
    said,
    screen_text,
    see,
    shown_symbols,
    table,
    until,
    view_name,
    watchlist,
)
from tui.screens.import_file import ImportFile
from tui.widgets.frame import JobStrip

posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals and signals of POSIX")
ROOT = Path(__file__).parents[2]
SOON = 2.0
#: Wall clock of the other process until it has committed is not counted; this is from its end to the screen.
LONG = {"n": 400, "pause": 0.05}


# --- other processes ------------------------------------------------------------------------------------------------


async def another_process(pilot: Desks, *words: str) -> None:
    """`pregao WORDS...` in a process of its own, while the app goes on."""
    home = app_of(pilot).workspace.home
    done = subprocess.Popen([sys.executable, "-m", "tui.cli", *words, "--home", str(home)], cwd=ROOT, stdout=subprocess.PIPE)
    await until(pilot, lambda: done.poll() is not None, 30)
    assert done.stdout is not None
    done.stdout.close()
    assert done.returncode in (0, 3), words


async def test_a_symbol_added_by_another_process_appears(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        table(pilot).select(2)
        await another_process(pilot, "watchlist", "add", "STAL3", "NHAA3")
        await until(pilot, lambda: shown_symbols(pilot) == ["STAL3", "NHAA3"], SOON)
        assert watchlist(pilot).selected == "NHAA3"


async def test_bars_and_runs_of_another_process_appear(real_home: Path, tmp_path: Path) -> None:
    made = daily_csv(tmp_path / "NEWB3.csv", sessions(40), walk("NEWB3", 40))
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        before = backtest(pilot)._number
        await app_of(pilot).action_show("data")
        await see(pilot, "Stored data (5)", "Daily runs (1)")
        await another_process(pilot, "import", str(made), "--price-base", "raw")
        await see(pilot, "Stored data (6)", "NEWB3", patience=SOON)
        await until(pilot, lambda: backtest(pilot)._number == before + 1, SOON)
        await another_process(pilot, "--run-daily")
        await see(pilot, "Daily runs (2)", patience=SOON)
        await pilot.press("1")
        assert "NEWB3" in shown_symbols(pilot)


async def test_the_first_bars_of_another_process_end_the_welcome(empty_home: Path, tmp_path: Path) -> None:
    made = daily_csv(tmp_path / "NEWB3.csv", sessions(40), walk("NEWB3", 40))
    async with at_desk(empty_home) as pilot:
        assert view_name(pilot) == "welcome"
        await another_process(pilot, "import", str(made), "--price-base", "raw")
        await until(pilot, lambda: view_name(pilot) == "watchlist" and shown_symbols(pilot) == ["NEWB3"], SOON)


async def test_the_progress_of_a_job_does_not_run_the_backtest_again(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        before = backtest(pilot)._number
        jobs = with_made_jobs(pilot)
        app_of(pilot).start_job("count", {"n": 20, "pause": 0.05, "say": 5}, "Count")
        await until(pilot, lambda: "done" in said(pilot))
        assert jobs.job(3).status == "done"
        await pilot.pause(0.3)
        assert backtest(pilot)._number == before


# --- jobs -----------------------------------------------------------------------------------------------------------


def with_made_jobs(pilot: Desks) -> JobClient:
    """Let the app start also the kinds of work that are made for tests."""
    app_of(pilot).jobs = client = JobClient(app_of(pilot).workspace, command=COMMAND)
    return client


def strip_text(pilot: Desks) -> str:
    strip = pilot.app.query_one(JobStrip)
    return strip.render().plain if strip.display else ""


@posix
async def test_the_strip_shows_the_running_job_and_a_key_cancels_it(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        jobs = with_made_jobs(pilot)
        assert strip_text(pilot) == ""
        app_of(pilot).start_job("count", LONG, "Count")
        await until(pilot, lambda: "count 3 number" in strip_text(pilot))
        await see(pilot, "⏳ count 3 number", "░", "%", "^x cancels")
        await pilot.press("0", "t")
        await see(pilot, "running")
        assert data_view(pilot)._jobs[0].status == "running"
        await pilot.press("question_mark")
        await pilot.pause(0.2)
        await pilot.press("q", "ctrl+x")
        await until(pilot, lambda: jobs.job(3).status == "cancelled")
        await until(pilot, lambda: strip_text(pilot) == "")
        assert "Cancelling job 3..." in said(pilot)
        assert "count 3 cancelled" in said(pilot)
        await see(pilot, "cancelled")


@posix
async def test_a_job_goes_on_without_the_app_and_the_next_one_shows_it_to_its_end(real_home: Path) -> None:
    client = JobClient(Workspace(real_home), command=COMMAND)
    async with at_desk(real_home) as pilot:
        with_made_jobs(pilot)
        app_of(pilot).start_job("count", {"n": 40, "pause": 0.05}, "Count")
        await until(pilot, lambda: "count 3 number" in strip_text(pilot))
    assert client.job(3).status == "running"
    async with at_desk(real_home) as pilot:
        await until(pilot, lambda: "count 3 number" in strip_text(pilot))
        await until(pilot, lambda: "count 3 done" in said(pilot))
        await until(pilot, lambda: strip_text(pilot) == "")
    assert client.job(3).result == {"counted": 40, "undefined": None}


@posix
async def test_a_job_of_another_process_is_shown_while_a_dialog_is_open(real_home: Path) -> None:
    client = JobClient(Workspace(real_home), command=COMMAND)
    async with at_desk(real_home) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
        job = client.submit("count", {"n": 15, "pause": 0.05})
        await until(pilot, lambda: f"count {job} number" in strip_text(pilot))
        await until(pilot, lambda: f"count {job} done" in said(pilot))
        assert isinstance(pilot.app.screen, ImportFile)


@posix
async def test_jobs_of_the_real_market_are_not_shown_in_the_demo(made_real: Path, made_demo: Path, tmp_path: Path) -> None:
    home = copied(made_real, tmp_path / "home")
    copied(made_demo / "data" / "demo", home / "data" / "demo")
    client = JobClient(Workspace(home), command=COMMAND)
    async with at_desk(home) as pilot:
        job = client.submit("count", LONG)
        await until(pilot, lambda: f"count {job} number" in strip_text(pilot))
        await pilot.press("ctrl+d")
        await see(pilot, "DEMOCA4")
        await pilot.pause(1.2)
        assert strip_text(pilot) == ""
        await pilot.press("ctrl+d")
        await see(pilot, "MEAA3")
        await until(pilot, lambda: f"count {job} number" in strip_text(pilot))
        assert "defect" not in said(pilot)
    client.kill(job)


@posix
async def test_a_failed_job_says_why(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        with_made_jobs(pilot)
        app_of(pilot).start_job("refuse", {}, "Refuse")
        await until(pilot, lambda: "refuse 3 failed" in said(pilot))
        assert "Import some." in said(pilot)
        assert "There are no bars of XPTO3" in said(pilot)
        assert app_of(pilot).history[-1][1] == "error"


@posix
@pytest.mark.slow
def test_a_job_survives_the_kill_of_the_app(made_empty: Path, tmp_path: Path) -> None:
    """SIGKILL on the app itself, under a terminal; the next app follows the job to its end."""
    from tests.benchmarks.startup_harness import Terminal
    from tests.benchmarks.workspace_maker import write_csv

    home, made = copied(made_empty, tmp_path / "home"), tmp_path / "AZZZ3.csv"
    write_csv(made, 100_000)
    client = JobClient(Workspace(home))
    words = [sys.executable, "-m", "tui.cli", "--home", str(home)]
    with Terminal(words, folder=ROOT) as terminal:
        terminal.wait_text("There are no bars yet.")
        preparing = "still being prepared"
        while "⏳ import 1" not in terminal.text():
            terminal.wait(lambda _screen: preparing not in terminal.text())
            terminal.press(b":")
            terminal.settle(0.2)
            terminal.press(f"IMPORT {made}\r".encode())
            terminal.wait(lambda _screen: preparing in terminal.text() or "⏳ import 1" in terminal.text())
        terminal.process.kill()
        terminal.process.wait()
    assert client.job(1).status == "running"
    with Terminal(words, folder=ROOT) as terminal:
        terminal.wait_text("⏳ import 1")
        terminal.wait_text("AZZZ3", "! ", timeout=60)
    job: Job = wait_until(client, 1)
    assert (job.status, job.error) == ("done", None)
    assert "100000 bars written" in job.note.replace(",", "")


# --- defects and damage ---------------------------------------------------------------------------------------------


async def test_a_defect_in_a_worker_is_said_and_logged(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.backtest import run
    from engine.store import coverage
    from tui import import_panel

    def broken(*_words: Any, **_options: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        monkeypatch.setattr(run, "trade", broken)
        await pilot.press("r")
        await see(pilot, "This backtest failed by a defect")
        assert "buy & hold" not in screen_text(pilot)
        monkeypatch.setattr(coverage, "coverage", broken)
        await pilot.press("0")
        await until(pilot, lambda: said(pilot).count("Something failed by a defect (ZeroDivisionError)") == 2)
        monkeypatch.setattr(import_panel, "facts_text", broken)
        await pilot.press("i")
        pilot.app.screen.query_one(Input).value = __file__
        await pilot.press("enter")
        await see(pilot, "Choose another file")
        assert said(pilot).count("Something failed by a defect (ZeroDivisionError)") == 3
        assert "secret" not in said(pilot)
        await pilot.press("escape", "1")
        await until(pilot, lambda: view_name(pilot) == "watchlist")
        monkeypatch.undo()
        await open_backtest(pilot, "NHAA3")
    assert "ZeroDivisionError: a secret detail" in Workspace(real_home).log_file.read_text(encoding="utf-8")


async def test_a_file_that_is_no_database_is_one_sentence(real_home: Path) -> None:
    Workspace(real_home).database.write_bytes(b"no database at all " * 400)
    async with at_desk(real_home, ready=False) as pilot:
        await see(pilot, "✖ The database", "cannot be read")
        await until(pilot, lambda: len(app_of(pilot).history) == 2)
        await pilot.pause(2.2)
        assert len(app_of(pilot).history) == 2
        for key in ("3", "0", "1", "question_mark", "q", "y", "i", "escape"):
            await pilot.press(key)
        assert "Traceback" not in screen_text(pilot)
        assert pilot.app.return_code is None


async def test_a_page_that_is_damaged_while_the_app_runs_is_one_sentence(real_home: Path) -> None:
    path = Workspace(real_home).database
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    async with at_desk(real_home) as pilot:
        size = path.stat().st_size
        with path.open("r+b") as stream:
            stream.seek(4096)
            stream.write(b"\xa5" * (size - 4096))
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA user_version = 7")
        connection.close()
        await until(pilot, lambda: "cannot be read" in said(pilot), 5)
        count = len(app_of(pilot).history)
        for key in ("j", "s", "3", "y", "0", "t", "1", "bracketright"):
            await pilot.press(key)
            await pilot.pause(0.05)
        assert len(app_of(pilot).history) - count <= 8
        assert pilot.app.is_running


async def test_a_locked_database_is_one_sentence_and_the_lists_come_back(
    real_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.store import board

    monkeypatch.setattr(board, "LOCK_WAIT_SECONDS", 0.05)
    path = Workspace(real_home).database
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("PRAGMA locking_mode = EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    lock.execute("UPDATE instruments SET name = name")
    async with at_desk(real_home, ready=False) as pilot:
        await see(pilot, "cannot be read", "locked")
        lock.execute("COMMIT")
        lock.close()
        await until(pilot, lambda: view_name(pilot) == "watchlist" and shown_symbols(pilot) == list(EVERY), 5)
        assert said(pilot).count("locked") <= 2


async def test_a_change_of_a_list_waits_for_the_writer_without_stopping_the_app(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "ADD MEAA3 NHAA3")
        await until(pilot, lambda: shown_symbols(pilot) == ["MEAA3", "NHAA3"])
        writer = sqlite3.connect(Workspace(real_home).database, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        table(pilot).select(0)
        began = time.monotonic()
        await pilot.press("d", "j")
        assert table(pilot).cursor == 1
        assert time.monotonic() - began < 2
        assert shown_symbols(pilot) == ["MEAA3", "NHAA3"]
        writer.execute("ROLLBACK")
        writer.close()
        await until(pilot, lambda: shown_symbols(pilot) == ["NHAA3"])


async def test_wrong_settings_are_one_sentence(real_home: Path) -> None:
    Workspace(real_home).settings_file.write_text("[daily]\nnonsense = 1\n", encoding="utf-8")
    async with at_desk(real_home, ready=False) as pilot:
        await until(pilot, lambda: "nonsense" in said(pilot))
        assert len(app_of(pilot).history) == 1
        await pilot.press("ctrl+r")
        assert app_of(pilot).history[-1][2].startswith("The engine is still being prepared")
        assert pilot.app.is_running


async def test_a_small_terminal_says_so_and_comes_back(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        note = pilot.app.query_one("#too-small")
        assert not note.display
        await pilot.resize_terminal(40, 10)
        await see(pilot, "This terminal is too small", "60x15")
        await pilot.resize_terminal(60, 15)
        await until(pilot, lambda: not note.display)
        await see(pilot, "MEAA3")
        for view in ("3", "0", "1"):
            for size in ((40, 10), (1, 1), (200, 60), (80, 24)):
                await pilot.resize_terminal(*size)
                await pilot.press(view)
                await pilot.pause()
        await see(pilot, "MEAA3", "▲")
        assert "too small" not in screen_text(pilot)


async def test_without_colours_gain_and_loss_are_told_apart(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with at_desk(real_home) as pilot:
        changes = [watchlist(pilot)._rows[symbol].change for symbol in EVERY]
        assert min(changes) < 0 < max(changes)  # type: ignore[type-var, operator]
        text = screen_text(pilot)
        assert (text.count("▲ +"), text.count("▼ -")) == (
            sum(change > 0 for change in changes),  # type: ignore[operator]
            sum(change < 0 for change in changes),  # type: ignore[operator]
        )
        colours = {
            (segment.style.color.name if segment.style and segment.style.color else None)
            for strip in pilot.app.screen._compositor.render_strips()
            for segment in strip
        }
        assert all(_is_grey(name) for name in colours if name)
        await open_backtest(pilot)
        await pilot.press("p")
        await see(pilot, "▲ R$")


def _is_grey(name: str) -> bool:
    return not name.startswith("#") or len({name[1:3], name[3:5], name[5:7]}) == 1


# --- the exit code --------------------------------------------------------------------------------------------------


def test_an_app_that_fell_does_not_end_with_zero(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import app as app_module

    class Fallen(app_module.PregaoApp):
        def run(self, *_words: Any, **_options: Any) -> None:  # type: ignore[override]
            self._return_code = 1

    monkeypatch.setattr(app_module, "PregaoApp", Fallen)
    assert app_module.run(Workspace(real_home), {}) == 1


@posix
def test_wrong_keys_end_the_command_with_two(real_home: Path) -> None:
    """On a terminal, as only there the app opens."""
    import pty

    Workspace(real_home).settings_file.write_text('[keys]\n"table.dwn" = "n"\n', encoding="utf-8")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", "--home", str(real_home)],
        cwd=ROOT,
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(slave)
    _out, err = process.communicate(timeout=20)
    os.close(master)
    assert process.returncode == 2
    assert "there is no action table.dwn" in err
    assert "Did you mean table.down?" in err
    assert "Traceback" not in err


def test_the_commands_see_what_the_app_changed(real_home: Path) -> None:
    import asyncio

    async def change() -> None:
        async with at_desk(real_home) as pilot:
            await command(pilot, "ADD STAL3")
            await until(pilot, lambda: "Added to default: STAL3" in said(pilot))

    asyncio.run(change())
    assert call("watchlist", "list", "--json", home=real_home).json["symbols"] == ["STAL3"]
