"""The view of the signals: what it lists, tells and filters, and where it leads."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from engine.desk import Desk
from engine.domain import Action, PriceBase, Signal, day_number, from_day_number
from engine.market.calendar import nominal_opening
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step
from engine.workspace import Workspace
from tests.desk_maker import END, MORNING, sessions
from tests.tui.desk_host import (
    Desks,
    answered,
    app_of,
    at_desk,
    charted,
    form,
    open_signals,
    opened,
    screen_text,
    see,
    signals_view,
    type_in,
    until,
    view_name,
)
from tui.signal_text import strength_bar
from tui.widgets.prompt import Prompt

CONTEXT = {"adx": 31.5, "atr": 0.5, "rsi": 61.0, "volume_avg": 1_234_000.0}


def record(desk: Desk, day: date, *found: tuple[str, Action, float]) -> None:
    """A live run of that session with these signals."""
    session = day_number(day)
    bar = int(nominal_opening(np.array([session]))[0])
    name = f"{from_day_number(session)}-late"
    begin_run(desk.store, Run(name, session, "late", False, "running", MORNING, None, 1, "0", ""))
    signals = [
        Signal(
            symbol, "1d", bar, "breakout", action, strength, 20.0, 19.0, 24.0, bar + 90_000, f"{symbol} broke out of its range",
            CONTEXT, "trending_up", PriceBase.RAW, 1, 0.25,
        )
        for symbol, action, strength in found
    ]  # fmt: skip
    finish_step(desk.store, name, 0, StepRecord("signals", "done", 0.0, "", {}), signals)
    end_run(desk.store, name, "done", 1, MORNING + 1)


def make_runs(home: Path) -> None:
    """Beside the run of the last session, one of three sessions before it."""
    desk = opened(Workspace(home))
    record(desk, sessions(4, END)[0], ("STAL3", Action.SELL, 0.8), ("NHAA3", Action.BUY, 0.9))
    desk.close()


def listed(pilot: Desks) -> list[str]:
    view = signals_view(pilot)
    return [view.signals[row].symbol for row in view.table.order]


async def test_newest_run_first_with_age_levels_and_reason(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home, (200, 40)) as pilot:
        table = await open_signals(pilot)
        assert listed(pilot) == ["MEAA3", "NHAA3", "NHAA3", "STAL3"]
        table.select(3)
        await see(
            pilot, "▼ SELL", "3 sessions", "today", "trending up", "19.00", "24.00", "STAL3 broke out of its range",
            "! given on data 1 session old", "Valid until: ", " - over", "Size: 25.00%", "Stop: 19.00 (-5.00%)",
            "ADX 31.5, RSI 61.0, ATR 0.5000, mean volume 1.23 M", "Price: 20.00 (raw)", "newest run 2025-06-30",
        )  # fmt: skip


async def test_the_filter_takes_parts_of_symbol_strategy_and_name(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home) as pilot:
        await open_signals(pilot)
        await pilot.press("slash")
        await type_in(pilot, "harbour breakout")
        await until(pilot, lambda: listed(pilot) == ["NHAA3"])
        await see(pilot, "1 of 4 signals", "filter: harbour breakout")
        await pilot.press("enter")
        assert pilot.app.focused is signals_view(pilot).table
        await pilot.press("slash", "escape")
        await until(pilot, lambda: len(listed(pilot)) == 4)
        pilot.app.query_one("#signals-filter", Prompt).value = "!nhaa3"
        await until(pilot, lambda: listed(pilot) == ["MEAA3", "STAL3"])


async def test_it_sorts_by_strength(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        table.sort_by("strength", reverse=True)
        assert listed(pilot)[:2] == ["NHAA3", "STAL3"]
        assert signals_view(pilot).signals[table.order[0]].strength == 0.9


async def test_enter_opens_the_chart_at_the_bar_of_the_signal(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        table.select(2)
        await pilot.press("enter")
        plot = await charted(pilot, "NHAA3")
        assert view_name(pilot) == "chart"
        assert plot.viewport.cursor == plot.viewport.count - 4
        await see(pilot, "signal BUY of breakout at 20.00: NHAA3 broke out of its range")


async def test_b_opens_the_backtest_of_symbol_and_strategy(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        table.select(2)
        await answered(pilot, lambda: pilot.press("b"))
        await until(pilot, lambda: (form(pilot).values()["symbol"], form(pilot).values()["strategy"]) == ("NHAA3", "breakout"))


async def test_a_run_of_another_process_appears_and_the_cursor_stays(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        table.select(1)
        desk = opened(Workspace(real_home))
        record(desk, END, ("HHHH3", Action.BUY, 1.0))
        desk.close()
        await until(pilot, lambda: len(listed(pilot)) == 3)
        chosen = signals_view(pilot).selected
        assert chosen is not None
        assert chosen.symbol == "NHAA3"


async def test_without_a_run_it_says_how_to_get_signals(demo_home: Path) -> None:
    async with at_desk(demo_home, demo=True) as pilot:
        await pilot.press("2")
        await see(pilot, "No signals yet: ^r starts the daily run")
        await pilot.press("h", "v", "b", "enter")
        assert view_name(pilot) == "signals"


async def test_a_run_that_only_held_is_told_apart_from_none(real_home: Path) -> None:
    desk = opened(Workspace(real_home))
    with desk.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM signals WHERE action != 'HOLD'")
    desk.close()
    async with at_desk(real_home) as pilot:
        await pilot.press("2")
        await see(pilot, "No BUY and no SELL in the newest daily runs; h shows HOLD.")
        await pilot.press("h")
        await see(pilot, "● HOLD", "PROV3")


async def test_the_newest_run_is_named_also_when_it_only_held(real_home: Path) -> None:
    desk = opened(Workspace(real_home))
    record(desk, sessions(4, END)[0], ("STAL3", Action.SELL, 0.8))
    with desk.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM signals WHERE action != 'HOLD' AND run_id NOT LIKE '%-late'")
    desk.close()
    async with at_desk(real_home) as pilot:
        await pilot.press("2")
        await see(pilot, "1 signal", "newest run 2025-06-30", "without HOLD")


async def test_the_state_is_kept_when_the_view_is_left(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        await pilot.press("h", "G", "1", "2")
        await until(pilot, lambda: view_name(pilot) == "signals")
        assert (len(listed(pilot)), table.cursor, app_of(pilot).focused) == (3, 2, table)


async def test_a_low_terminal_keeps_rows_and_the_reason(real_home: Path) -> None:
    make_runs(real_home)
    async with at_desk(real_home, (60, 15)) as pilot:
        await open_signals(pilot)
        signals_view(pilot).table.select(2)
        await see(pilot, "▲ BUY", "NHAA3 broke out of its range")
        assert all(len(line) <= 60 for line in screen_text(pilot).splitlines())


def test_a_strength_is_a_bar_of_five_cells() -> None:
    assert [strength_bar(value) for value in (0.0, 0.5, 1.0, 7.0, -1.0)] == ["     ", "██▌  ", "█████", "█████", "     "]
