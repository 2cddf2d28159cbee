"""What a user does from end to end: first start, demo, import, watchlist, backtest, commands, help, data."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from engine.workspace import Workspace
from tests.desk_maker import daily_csv, sessions, walk
from tests.tui.desk_host import (
    EVERY,
    Desks,
    answered,
    app_of,
    at_desk,
    backtest,
    command,
    copied,
    data_view,
    form,
    open_backtest,
    said,
    screen_text,
    see,
    shown_symbols,
    table,
    type_in,
    type_keys,
    until,
    view_name,
    watchlist,
)
from tui.actions import of_context
from tui.backtest.form import question_of
from tui.help import help_text
from tui.screens.dialogs import Ask, Reader
from tui.screens.import_file import ImportFile
from tui.widgets.frame import key_name
from tui.widgets.prompt import Prompt


def rows_in(home: Path, query: str) -> int:
    """A figure of the database; 0 while there is none."""
    path = Workspace(home).database
    if not path.exists():
        return 0
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


BARS, JOBS = "SELECT count(*) FROM bars", "SELECT count(*) FROM jobs"
TRIALS = "SELECT count(*) FROM backtests"


async def close_screen(pilot: Desks) -> None:
    screen = pilot.app.screen
    await pilot.press("escape")
    await until(pilot, lambda: pilot.app.screen is not screen)


async def name_file(pilot: Desks, path: Path) -> None:
    """Open the import dialog and type the name of a file of the folder in which the app was started."""
    await pilot.press("i")
    await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
    await type_keys(pilot, path.name)
    assert pilot.app.screen.query_one(Input).value == str(path)
    await pilot.press("enter")


# --- the first start ------------------------------------------------------------------------------------------------


async def test_the_first_start_says_where_to_begin(empty_home: Path) -> None:
    async with at_desk(empty_home) as pilot:
        await see(pilot, "Welcome to Pregão. There are no bars yet.", "COTAHIST", "demo market", "five-minute path")
        assert "DEMO" not in screen_text(pilot)
        await pilot.press("1")
        assert view_name(pilot) == "welcome"
        await pilot.press("3")
        await see(pilot, "No symbol yet: y chooses one, i imports a file.")
        await pilot.press("y")
        assert "There are no bars yet: i imports a file." in said(pilot)
        await pilot.press("0")
        await see(pilot, "Nothing is stored yet: i imports a file.")
        assert said(pilot).count("\n") == 0


async def test_the_demo_market_is_marked_on_every_screen(made_empty: Path, made_demo: Path, tmp_path: Path) -> None:
    home = copied(made_empty, tmp_path / "home")
    copied(made_demo / "data" / "demo", home / "data" / "demo")
    async with at_desk(home, (80, 24)) as pilot:
        await pilot.press("d")
        await see(pilot, "DEMO - invented data", "DEMOCA4")

        def marked() -> bool:
            return "DEMO - invented data" in screen_text(pilot)

        for key in ("3", "0", "1"):
            await pilot.press(key)
            await pilot.pause()
            assert marked(), key
            for modal in ("question_mark", "m", "ctrl+p", *{"3": ("y",), "1": ("a", "n")}.get(key, ())):
                await pilot.press(modal)
                await pilot.pause()
                assert pilot.app.screen.is_modal, modal
                await until(pilot, marked)
                await close_screen(pilot)
        await pilot.press("i")
        assert "not imported into the demo market" in said(pilot)
        assert not pilot.app.screen.is_modal
        await command(pilot, "IMPORT x.csv")
        assert said(pilot).count("not imported into the demo market") == 2
        await pilot.press("ctrl+d")
        await see(pilot, "There are no bars yet.")
        assert not marked()
    assert rows_in(home, BARS) == 0


async def test_the_demo_market_never_enters_the_real_store(
    made_empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """d is pressed while the engine of the real workspace is still being loaded."""
    from threading import Event

    from engine import desk as desk_module

    home = copied(made_empty, tmp_path / "home")
    go, opened = Event(), desk_module.open_desk

    def slow(workspace: Workspace, now: object) -> object:
        found = opened(workspace, now)  # type: ignore[arg-type]
        if not workspace.demo:
            go.wait(10)
        return found

    monkeypatch.setattr(desk_module, "open_desk", slow)
    async with at_desk(home, ready=False) as pilot:
        await pilot.pause(0.2)
        await pilot.press("d")
        await until(pilot, lambda: app_of(pilot).workspace.demo)
        go.set()
        await see(pilot, "DEMOCA4")
        await until(pilot, lambda: app_of(pilot).desk is not None)
        await pilot.pause(0.2)
        assert app_of(pilot).desk.workspace.demo  # type: ignore[union-attr]
    assert rows_in(home, BARS) == 0


async def test_from_an_empty_desk_to_a_verdict(empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    days = sessions(300)
    made = daily_csv(tmp_path / "MEAA3.csv", days, walk("MEAA3", 300))
    async with at_desk(empty_home) as pilot:
        await name_file(pilot, made)
        await see(pilot, "MEAA3 · 1d · 300 rows", "price base", "first row", "last row", str(days[-1]), "Enter imports it")
        assert rows_in(empty_home, BARS) == 0
        await pilot.press("enter")
        await until(pilot, lambda: "Import of" in said(pilot))
        await until(pilot, lambda: view_name(pilot) == "watchlist" and shown_symbols(pilot) == ["MEAA3"])
        await until(pilot, lambda: "import 1 done: MEAA3: 300 bars written" in said(pilot))
        assert rows_in(empty_home, BARS) == 300
        await see(pilot, "MEAA3", "fresh")
        await answered(pilot, lambda: pilot.press("enter"))
        await see(pilot, "insufficient evidence", "closed trades; at least 30 are needed.", "buy & hold", "(trial 1)")
        await until(pilot, lambda: rows_in(empty_home, TRIALS) == 1)
        reasons = backtest(pilot)._result.verdict.reasons  # type: ignore[union-attr]
        form(pilot)._move_to([field.key for field in form(pilot).fields].index("stop_atr"))
        await answered(pilot, lambda: pilot.press("left"))
        await see(pilot, "stop_atr •", "1.90", "(trial 2)")
        await until(pilot, lambda: rows_in(empty_home, TRIALS) == 2)
        assert backtest(pilot)._result.verdict.reasons != reasons  # type: ignore[union-attr]
        await answered(pilot, lambda: pilot.press("right"))
        await see(pilot, "2.00", "(trial 2)")
        final = backtest(pilot)._result.metrics["final_equity"]  # type: ignore[union-attr]
        form(pilot)._move_to([field.key for field in form(pilot).fields].index("capital"))
        await answered(pilot, lambda: pilot.press("right"))
        await see(pilot, "110,000")
        assert backtest(pilot)._result.metrics["final_equity"] > final  # type: ignore[union-attr]
        await pilot.press("p")
        await see(pilot, "Entry", "Why", "long", "R$")
        trades = backtest(pilot)._result.as_dict()["trades"]  # type: ignore[union-attr]
        assert len(pilot.app.query_one("#backtest-trades").order) == len(trades) > 0  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: pilot.app._exit)
    assert pilot.app.return_code == 0


# --- imports --------------------------------------------------------------------------------------------------------


async def test_a_file_that_names_no_symbol_is_asked_for_one(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = daily_csv(tmp_path / "prices.csv", sessions(40), walk("MEAA3", 40))
    async with at_desk(empty_home) as pilot:
        await name_file(pilot, made)
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await see(pilot, "The file does not name its symbol.")
        await close_screen(pilot)
        assert isinstance(pilot.app.screen, ImportFile)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, "no good")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
        await pilot.pause()
        wrong = screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, "petr4")
        await pilot.press("enter")
        await see(pilot, "PETR4 · 1d · 40 rows")
        assert "NO GOOD" in wrong.upper()
        assert rows_in(empty_home, JOBS) == 0
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.query("#watchlist") and shown_symbols(pilot) == ["PETR4"])


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.csv", "just some words\nand more of them\n"), ("empty.csv", ""), ("MEAA3.csv", "date,open,high,low,close,volume\n")],
)
async def test_a_refused_file_says_why_and_nothing_is_written(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / name
    made.write_text(content, encoding="utf-8")
    async with at_desk(empty_home) as pilot:
        await name_file(pilot, made)
        await see(pilot, "✖", "Choose another file")
        await pilot.press("enter")
        await see(pilot, "✖", "Choose another file")
        assert isinstance(pilot.app.screen, ImportFile)
    assert (rows_in(empty_home, BARS), rows_in(empty_home, JOBS)) == (0, 0)


async def test_an_import_that_fails_says_so_with_its_hint(real_home: Path, tmp_path: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "import missing.csv")
        await until(pilot, lambda: "import 3 failed" in said(pilot))
        assert "There is no file" in said(pilot) or "Check the name" in said(pilot)
        assert shown_symbols(pilot) == list(EVERY)


async def test_files_are_chosen_by_typing_a_part_of_their_name(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    for name in ("MEAA3.csv", "NHAA3.csv", ".hidden.csv"):
        daily_csv(folder / name, sessions(40), walk(name[:5], 40))
    async with at_desk(empty_home) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
        await type_in(pilot, "files/")
        await see(pilot, "sub/", "MEAA3.csv", "NHAA3.csv", "kB")
        assert ".hidden" not in screen_text(pilot)
        await type_in(pilot, "nh")
        await until(pilot, lambda: "MEAA3.csv" not in screen_text(pilot))
        await pilot.press("tab")
        assert pilot.app.screen.query_one(Input).value == f"{folder}/NHAA3.csv"
        await type_in(pilot, "x")
        await see(pilot, "Nothing here by this name.")


# --- the watchlist --------------------------------------------------------------------------------------------------


async def test_the_watchlist_tells_gain_and_loss_age_and_signals(real_home: Path) -> None:
    async with at_desk(real_home, (200, 60)) as pilot:
        await see(pilot, "5 symbols", "● data of the last session", "! 8 behind", "HOURS AND CO", "▲ BUY", "▼ SELL", "● HOLD")
        lines = {line[1:6]: line for line in screen_text(pilot).splitlines()}
        assert "*" in lines["PROV3"]
        assert "*" not in lines["MEAA3"]
        for symbol in EVERY:
            change = watchlist(pilot)._rows[symbol].change
            assert change is not None
            assert ("▲ +" if change > 0 else "▼ -") in lines[symbol]


async def test_the_filter_takes_parts_and_leaves_out(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:

        async def filtered(text: str, expected: list[str]) -> None:
            await pilot.press("slash")
            pilot.app.query_one("#watchlist-filter", Prompt).value = ""
            await type_in(pilot, text)
            await until(pilot, lambda: shown_symbols(pilot) == expected)
            await pilot.press("enter")
            assert pilot.app.focused is table(pilot)

        await filtered("aa3", ["MEAA3", "NHAA3"])
        await see(pilot, "2 of 5 symbols")
        await filtered("aa3 !new", ["MEAA3"])
        await filtered("!aa3", ["HHHH3", "PROV3", "STAL3"])
        await filtered("steel", ["STAL3"])
        await filtered("!", list(EVERY))
        await filtered("[bold]zzz", [])
        await see(pilot, "Nothing to show.", "0 of 5 symbols")
        await pilot.press("slash", "escape")
        assert shown_symbols(pilot) == list(EVERY)


async def test_a_list_is_kept_in_its_order_and_over_starts(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "LIST steel")
        await see(pilot, "a adds to list steel")
        await command(pilot, "add stal3, HHHH3 xxxx3")
        await until(pilot, lambda: shown_symbols(pilot) == ["STAL3", "HHHH3", "XXXX3"])
        await see(pilot, "List steel", "3 symbols")
        await command(pilot, "ADD STAL3")
        await until(pilot, lambda: "Added to steel: nothing new" in said(pilot))
        await command(pilot, "ADD ..")
        assert app_of(pilot).history[-1][1] == "error"
        table(pilot).select(2)
        await pilot.press("enter")
        await see(pilot, "XXXX3")
        await until(pilot, lambda: "no bars" in screen_text(pilot).lower())
    async with at_desk(real_home) as pilot:
        assert shown_symbols(pilot) == ["STAL3", "HHHH3", "XXXX3"]


# --- the backtest ---------------------------------------------------------------------------------------------------


async def type_value(pilot: Desks, key: str, text: str) -> None:
    """Choose a field, and type its value."""
    form(pilot).focus()
    form(pilot)._move_to([field.key for field in form(pilot).fields].index(key))
    await pilot.press("enter", "ctrl+u")
    await type_in(pilot, text)
    await pilot.press("enter")
    await pilot.pause()


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("from", "2025-13-01", "2025-13-01"),
        ("to", "yesterday", "yesterday"),
        ("ema_slow", "100000", "ema_slow must be from"),
        ("ema_slow", "9.5", "ema_slow must be a whole number"),
        ("stop_atr", "two", "two is not a number"),
        ("stop_atr", "", "is not a number"),
        ("capital", "1", "must be from 1000"),
        ("costs", "free", "there is no free"),
        ("timeframe", "7m", "there is no 7m"),
    ],
)
async def test_a_wrong_value_is_one_sentence_and_changes_nothing(real_home: Path, key: str, text: str, sentence: str) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        before, result = form(pilot).values(), backtest(pilot)._result
        await type_value(pilot, key, text)
        prompt = pilot.app.query_one("#backtest-edit", Prompt)
        assert sentence in str(prompt.border_subtitle)
        assert prompt.display
        await pilot.press("escape")
        assert form(pilot).has_focus
        assert (form(pilot).values(), backtest(pilot)._result) == (before, result) or backtest(pilot)._result is result


async def test_a_period_without_bars_says_so_and_another_brings_the_figures_back(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await type_value(pilot, "from", "2031-01-01")
        await until(pilot, lambda: backtest(pilot)._result is None)
        await see(pilot, "MEAA3")
        assert "buy & hold" not in screen_text(pilot)
        await answered(pilot, lambda: type_value(pilot, "from", ""))
        await see(pilot, "buy & hold")
        await type_value(pilot, "to", "2025-03-31")
        await until(pilot, lambda: backtest(pilot)._result is not None and backtest(pilot)._result.session[-1] <= 20178)
        await type_value(pilot, "from", "2025-06-30")
        await until(pilot, lambda: backtest(pilot)._result is None)
        assert date(2025, 3, 31).toordinal() - date(1970, 1, 1).toordinal() == 20178


async def test_the_answer_is_that_of_the_last_question(real_home: Path) -> None:
    """Many changes in a row end with the figures of the last one."""
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        form(pilot)._move_to([field.key for field in form(pilot).fields].index("ema_fast"))
        await pilot.press(*["right"] * 6, *["left"] * 2)
        wanted = form(pilot).values()["ema_fast"]
        await until(pilot, lambda: backtest(pilot)._result.strategy.params["ema_fast"] == wanted)  # type: ignore[union-attr]
        backtest(pilot)._work(backtest(pilot)._number - 1, question_of(form(pilot).fields))  # type: ignore[arg-type]
        kept = backtest(pilot)._result
        await pilot.pause(0.3)
        assert backtest(pilot)._result is kept


async def test_values_passed_on_the_way_are_no_trials(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        before = rows_in(real_home, TRIALS)
        form(pilot)._move_to([field.key for field in form(pilot).fields].index("ema_fast"))
        for _step in range(4):
            await answered(pilot, lambda: pilot.press("right"))
        await until(pilot, lambda: rows_in(real_home, TRIALS) > before)
        await pilot.pause(0.5)
        assert rows_in(real_home, TRIALS) <= before + 2


async def test_the_first_look_at_the_backtest_has_figures(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await pilot.press("3")
        await see(pilot, "HHHH3", "60m", "buy & hold")
        await pilot.press("y")
        await type_in(pilot, "zzz")
        await see(pilot, "No symbol like this has bars.")
        await pilot.press("enter")
        assert pilot.app.screen.is_modal
        await close_screen(pilot)
        assert form(pilot).values()["symbol"] == "HHHH3"
        await pilot.press("y", "down", "down", "up", "enter")
        await until(pilot, lambda: form(pilot).values()["symbol"] == "MEAA3")
        assert form(pilot).values()["timeframe"] == "1d"


async def test_the_whole_watchlist_is_tested_as_a_job_with_a_page(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("M")
        await until(pilot, lambda: "Backtest of 5 symbols: started" in said(pilot))
        await until(pilot, lambda: "backtest 3 done: 5 backtests" in said(pilot))
        await pilot.press("0", "t")
        await see(pilot, "5 backtests", "100%")
        assert data_view(pilot)._jobs[0].id == 3
        table_of_jobs = data_view(pilot).focus_target()
        assert table_of_jobs.cursor == 0  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await see(pilot, "backtest 3: done", "MEAA3", "NHAA3", "PROV3", "STAL3", "buy & hold", "insufficient")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_result_of_each_trade_is_seen_in_every_size(real_home: Path, size: tuple[int, int]) -> None:
    async with at_desk(real_home, size) as pilot:
        await open_backtest(pilot)
        await pilot.press("p")
        await see(pilot, "Result", "▲ R$", "Return")


# --- commands, palette, help, messages ------------------------------------------------------------------------------


async def test_commands_after_the_colon(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "data")
        await until(pilot, lambda: view_name(pilot) == "data")
        await command(pilot, "wl")
        await until(pilot, lambda: view_name(pilot) == "watchlist")
        await answered(pilot, lambda: command(pilot, "nhaa3"))
        assert (view_name(pilot), form(pilot).values()["symbol"]) == ("backtest", "NHAA3")
        await command(pilot, "bt stal3")
        await until(pilot, lambda: form(pilot).values()["symbol"] == "STAL3")
        await command(pilot, "add")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await close_screen(pilot)
        await command(pilot, "list")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await close_screen(pilot)
        await command(pilot, "theme")
        await until(pilot, lambda: pilot.app.theme == "pregao-light")
        await command(pilot, "help")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await close_screen(pilot)
        await command(pilot, "import")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
        await close_screen(pilot)
        await command(pilot, "")
        assert not app_of(pilot).history
        await command(pilot, "quit")
        await until(pilot, lambda: pilot.app._exit)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("thme", "thme is no command and no symbol with bars. Did you mean THEME?"),
        ("MEAA4", "MEAA4 is no command and no symbol with bars. Did you mean MEAA3?"),
        ("bt XXXX3", "XXXX3 is no command and no symbol with bars. ? lists the commands."),
        ("[red]", "[red] is no command and no symbol with bars. ? lists the commands."),
    ],
)
async def test_an_unknown_command_is_said_with_the_nearest(real_home: Path, typed: str, sentence: str) -> None:
    async with at_desk(real_home) as pilot:
        await pilot.press("colon")
        pilot.app.query_one("#command", Prompt).value = typed
        await pilot.press("enter")
        assert said(pilot) == sentence
        assert view_name(pilot) == "watchlist"


async def test_the_palette_finds_actions_and_symbols(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:

        async def perform(text: str, shown: str) -> None:
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
            await type_in(pilot, text)
            await see(pilot, shown)
            await pilot.pause(0.2)
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(pilot.app.screen, CommandPalette))

        await perform("Dark or", "Dark or light")
        await until(pilot, lambda: pilot.app.theme == "pregao-light")
        await perform("new lis", "New list")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await close_screen(pilot)
        await perform("NHAA", "NHAA3")
        await until(pilot, lambda: view_name(pilot) == "backtest" and form(pilot).values().get("symbol") == "NHAA3")


async def test_the_help_lists_every_action_with_the_keys_in_force(real_home: Path) -> None:
    keymap = {"table.down": "n", "view.data": "f9"}
    async with at_desk(real_home, (120, 60), keymap=keymap) as pilot:
        for show, contexts in (("watchlist", ("table", "watchlist", "app")), ("backtest", ("form", "backtest", "app"))):
            await app_of(pilot).action_show(show)
            await pilot.pause()
            lines = help_text(app_of(pilot).contexts(), keymap).plain.splitlines()
            for action in (action for name in contexts for action in of_context(name)):
                keys = " ".join(key_name(key) for key in keymap.get(action.id, action.keys).split(","))
                assert f"  {keys:<14}{action.label}" in lines, action.id
        await pilot.press("question_mark")
        await see(pilot, "Keys and commands", "In the form", "Type a value")
        await pilot.press("end")
        await see(pilot, "provisional", "drawdown")


async def test_what_was_said_is_kept_the_last_first(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "nonsense")
        await pilot.press("ctrl+x")
        await pilot.press("m")
        await see(pilot, "nonsense is no command", "No job is running.")
        text = screen_text(pilot)
        assert text.index("No job is running.") < text.rindex("nonsense is no command")


async def test_theme_symbol_and_list_are_there_at_the_next_start(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await pilot.press("ctrl+t")
        await open_backtest(pilot, "NHAA3")
    async with at_desk(real_home) as pilot:
        assert pilot.app.theme == "pregao-light"
        await pilot.press("3")
        await until(pilot, lambda: form(pilot).fields and form(pilot).values()["symbol"] == "NHAA3")


@pytest.mark.parametrize("content", ["", "[]", '{"theme": "no-such", "list_name": 3, "more": "x"}', "\x00"])
async def test_an_unreadable_session_starts_afresh(real_home: Path, content: str) -> None:
    Workspace(real_home).session_file.write_text(content, encoding="utf-8")
    async with at_desk(real_home, ready=False) as pilot:
        assert pilot.app.theme == "pregao-dark"
        assert watchlist(pilot).list_name == "default"


# --- the data -------------------------------------------------------------------------------------------------------


async def test_the_data_view_tells_coverage_jobs_and_runs(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await pilot.press("0")
        await see(pilot, "Stored data (5)", "Jobs (2)", "Daily runs (1)", "STAL3", "raw")
        await pilot.press("G")
        await pilot.press("t")
        await see(pilot, "MEAA3: 300 bars written", "failed")
        await pilot.press("enter")
        await see(pilot, "backtest 2: failed", "There are no bars of XPTO3", "Import some.")
        await pilot.press("q")
        await see(pilot, "There are no bars of XPTO3")
        assert "Filter" not in screen_text(pilot)
        await pilot.press("slash")
        await until(pilot, lambda: said(pilot) == "The rows of this view are not filtered.")
        await pilot.press("t")
        await see(pilot, "2025-06-30-close", "1.25", "1 done")
        await pilot.press("t")
        await see(pilot, "Messages (0)")
        await pilot.press("t")
        table_of_data = data_view(pilot).focus_target()
        table_of_data.select(1)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: view_name(pilot) == "backtest" and form(pilot).values()["symbol"] == "MEAA3")


async def test_oddities_of_the_marked_series_are_told(real_home: Path, tmp_path: Path) -> None:
    """A price that doubles and a session that is missing are notes of their symbol."""
    from tests.desk_maker import call

    days, bars = sessions(60), walk("ODDA3", 60)
    bars[30:, :4] *= 2
    keep = [at for at in range(60) if at != 40]
    made = daily_csv(tmp_path / "ODDA3.csv", [days[at] for at in keep], bars[keep])
    assert call("import", str(made), "--price-base", "raw", "--json", home=real_home).code == 0
    async with at_desk(real_home) as pilot:
        await pilot.press("0")
        await see(pilot, "ODDA3")
        view = data_view(pilot)
        view.focus_target().select([item.symbol for item in view._coverage].index("ODDA3"))  # type: ignore[attr-defined]
        await see(pilot, str(days[40]), str(days[30]))


@pytest.mark.parametrize("name", ["pregao-dark", "pregao-light"])
async def test_the_first_frame_has_the_colours_of_the_kept_theme(real_home: Path, name: str) -> None:
    from tui.session import Session
    from tui.themes import THEMES

    Session(theme=name).save(Workspace(real_home).session_file)
    theme = next(theme for theme in THEMES if theme.name == name)
    async with at_desk(real_home) as pilot:
        assert pilot.app.screen.styles.background.hex.lower() == theme.background
        assert pilot.app.has_class("-dark-mode") == theme.dark
        assert pilot.app.query_one("#hints").styles.background.hex.lower() == theme.panel
