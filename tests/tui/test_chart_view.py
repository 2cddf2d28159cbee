"""The view of the chart: what it reads out, what it keeps, and what it says when there is nothing to draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.chart import Chart
from engine.domain import from_day_number
from engine.workspace import Workspace
from tests.desk_maker import sessions
from tests.tui.desk_host import (
    DAYS,
    app_of,
    at_desk,
    charted,
    command,
    daily_table,
    open_chart,
    opened,
    put,
    said,
    screen_text,
    see,
    type_in,
    until,
    view_name,
)
from tests.tui.widget_host import foreground
from tui.app import PregaoApp
from tui.screens.dialogs import Ask
from tui.views.chart import ChartView
from tui.widgets.price_chart import PriceChart


def chart_view(app: PregaoApp) -> ChartView:
    return app.query_one(ChartView)


async def test_the_read_out_tells_the_bar_under_the_cursor(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot)
        assert isinstance(plot.chart, Chart)
        bars = plot.chart.bars
        await pilot.press("h", "h")
        at = len(bars) - 3
        change = (bars.close[at] / bars.close[at - 1] - 1) * 100
        await see(
            pilot,
            f" {from_day_number(int(bars.session[at]))} O {bars.open[at]:.2f} H {bars.high[at]:.2f} L {bars.low[at]:.2f}"
            f" C {bars.close[at]:.2f} {'▲' if change > 0 else '▼'} {change:+.2f}%",
            f"● SMA 20 {plot.chart.columns['sma_20'][at]:.2f}",
        )


async def test_marks_are_told_in_words(real_home: Path) -> None:
    async with at_desk(real_home, (160, 40)) as pilot:
        plot = await open_chart(pilot)
        await see(pilot, "△ signal BUY of trend_following at 20.00: made")
        assert plot.chart is not None
        exit_mark = next(mark for mark in plot.chart.marks if mark.kind == "exit")
        plot.viewport = plot.viewport.jumped(exit_mark.index)
        verb = "buys" if exit_mark.direction > 0 else "sells"
        await see(pilot, f"trend_following {verb} at {exit_mark.price:.2f} (", f"{exit_mark.return_ * 100:+.2f}%)")


async def test_the_view_keeps_its_state_when_it_is_left(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot)
        await pilot.press("plus", "b", "n", "L", "pageup", "h")
        view, look = plot.viewport, plot.look
        await pilot.press("1", "7")
        await until(pilot, lambda: view_name(pilot) == "chart")
        assert (plot.viewport, plot.look) == (view, look)
        assert pilot.app.focused is plot


async def test_the_cursor_stays_at_its_day_over_timeframes(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot, "HHHH3")
        plot.viewport = plot.viewport.jumped(30)
        session = int(plot.chart.bars.session[30])  # type: ignore[union-attr]
        await pilot.press("t")
        plot = await charted(pilot, "HHHH3", "1w")
        await pilot.press("t")
        plot = await charted(pilot, "HHHH3", "60m")
        assert plot.chart is not None
        shown = int(plot.chart.bars.session[plot.viewport.cursor])
        assert abs(shown - session) < 7
        await see(pilot, f" {from_day_number(shown)} 10:00 O ")


async def test_new_bars_appear_and_the_cursor_goes_on_with_the_newest(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot, "STAL3")
        count = plot.viewport.count
        assert plot.viewport.cursor == count - 1
        desk = opened(Workspace(real_home))
        put(desk, daily_table("STAL3", sessions(DAYS)), "1d", "STALE STEEL")
        desk.close()
        await until(pilot, lambda: plot.viewport.count > count)
        assert plot.viewport.cursor == plot.viewport.count - 1


@pytest.mark.parametrize("typed", ["GP NHAA3", "nhaa3 gp"])
async def test_the_command_takes_the_symbol_before_or_behind_it(real_home: Path, typed: str) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, typed)
        await charted(pilot, "NHAA3")
        assert view_name(pilot) == "chart"
        assert app_of(pilot).session.symbol == "NHAA3"


async def test_an_unknown_symbol_is_said_with_the_nearest(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "GP MEAA4")
        await until(pilot, lambda: "Did you mean MEAA3?" in said(pilot))
        assert view_name(pilot) == "watchlist"


async def test_a_day_that_is_none_is_one_sentence(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot)
        before = plot.viewport
        await pilot.press("g")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await type_in(pilot, "tomorrow")
        await pilot.press("enter")
        await until(pilot, lambda: "tomorrow is not a date" in said(pilot))
        assert plot.viewport == before


async def test_a_strategy_that_fails_is_said_and_the_candles_stay(real_home: Path) -> None:
    (real_home / "config" / "strategies").mkdir(parents=True, exist_ok=True)
    async with at_desk(real_home) as pilot:
        plot = await open_chart(pilot)
        folder = app_of(pilot).workspace.strategies
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "aaa.py").write_text("x = 1\n", encoding="utf-8")
        await pilot.press("s")
        await until(pilot, lambda: plot.chart is not None and plot.chart.note)
        assert plot.chart is not None
        await see(pilot, plot.chart.note[:30])
        assert any("┃" in line for line in screen_text(pilot).splitlines())


async def test_without_a_symbol_it_says_where_to_begin(empty_home: Path) -> None:
    async with at_desk(empty_home) as pilot:
        await pilot.press("7")
        await see(pilot, "No symbol yet: y chooses one, i imports a file.")
        await pilot.press("t", "plus", "h", "g", "s", "v", "enter", "n")
        assert view_name(pilot) == "chart"


async def test_while_the_engine_is_prepared_it_waits_and_keeps_the_question(
    real_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = PregaoApp._load_engine
    monkeypatch.setattr(PregaoApp, "_load_engine", lambda _app: None)
    async with at_desk(real_home, ready=False) as pilot:
        await app_of(pilot).open_chart("NHAA3")
        await see(pilot, " NHAA3 · 1d", "…")
        assert pilot.app.query_one(PriceChart).chart is None
        load(app_of(pilot))
        await charted(pilot, "NHAA3")


async def test_a_series_that_is_gone_is_one_sentence_in_the_view(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_chart(pilot)
        chart_view(app_of(pilot)).choose("GONE3")
        await see(pilot, "There are no bars of GONE3")
        assert pilot.app.query_one(PriceChart).chart is None


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_a_narrow_terminal_keeps_prices_and_read_out(real_home: Path, size: tuple[int, int]) -> None:
    async with at_desk(real_home, size) as pilot:
        await open_chart(pilot)
        shown = screen_text(pilot).splitlines()
        assert any(" O " in line and " C " in line and ("▲" in line or "▼" in line) for line in shown)
        assert sum(any(glyph in line for glyph in "┃▌│╽╿╻╹▖▘╷╵") for line in shown) >= 6
        assert all(len(line) <= size[0] for line in shown)


async def test_both_themes_colour_the_read_out(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_chart(pilot)
        static = chart_view(app_of(pilot)).query_one("#chart-curves")
        before = foreground(static, 0, 1)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: foreground(static, 0, 1) != before)
