"""The chart of a symbol as drawn: the scale of the prices, curves, marks, panes and the cursor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from textual import events

from engine.chart import Chart, ChartMark, indicator_columns
from engine.domain import Bars, PriceBase
from tests.desk_maker import walk
from tests.tui.widget_host import Host, foreground, lines, until
from tui.widgets.candles import Candle, draw_candle
from tui.widgets.pane import Pane
from tui.widgets.plot import Canvas, LogScale, Scale
from tui.widgets.price_chart import LOWER, Look, PriceChart
from tui.widgets.viewport import LEVELS

BARE = Look(frozenset())
BRAILLE = range(0x2801, 0x2900)


def chart_of(close: list[float], marks: tuple[ChartMark, ...] = (), **columns: list[float]) -> Chart:
    """Bars that rise or fall from the close before, with columns of one's own."""
    closes = np.array(close)
    opens = np.concatenate((closes[:1], closes[:-1]))
    day = np.arange(closes.size) + 20_000
    no = np.zeros(closes.size, dtype=np.bool_)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    quantity = np.arange(1.0, closes.size + 1)
    bars = Bars("MADE3", "1d", day * 86_400, day, opens, high, low, closes, quantity, quantity, no, no, PriceBase.RAW, "made")
    own = {name: np.array(values) for name, values in columns.items()}
    return Chart(bars, indicator_columns(bars) | own, marks, "made")


def walked(count: int) -> Chart:
    return chart_of(walk("MEAA3", count)[:, 3].tolist())


def has_braille(rows: list[str]) -> bool:
    return any(ord(char) in BRAILLE for row in rows for char in row)


def test_a_logarithmic_scale_puts_equal_ratios_equally_far_apart() -> None:
    scale = LogScale(1.0, 100.0, 101)
    assert [scale.at(value) for value in (100.0, 10.0, 1.0)] == [0, 50, 100]
    assert (scale.at(0.0), scale.at(-1.0)) == (100, 100)
    assert scale.places([100.0, 10.0, math.nan, -1.0, 1000.0]) == [0, 50, None, None, -50]


def test_places_beyond_the_scale_are_told() -> None:
    assert Scale(0.0, 10.0, 11).places([0.0, 10.0, 20.0, -5.0, math.nan]) == [10, 0, -10, 15, None]
    assert Scale(3.0, 3.0, 11).places([3.0, 9.0]) == [5, 5]


def pane(rows: int = 2, width: int = 6) -> Pane:
    return Pane(Canvas(width, rows), 0, width, Scale(0.0, 7.0, rows))


def drawn(made: Pane) -> list[str]:
    return ["".join(row) for row in made.canvas.chars]


def test_a_curve_joins_its_points_and_a_gap_stays_a_gap() -> None:
    made = pane()
    made.curve([(0, 0.0), (1, 7.0), (2, math.nan), (4, 7.0)], "accent")
    top, bottom = drawn(made)
    assert has_braille([bottom[0]])
    assert has_braille([top[1]])
    assert top[4] == "⠁"
    assert (top[2:4], bottom[2:4]) == ("  ", "  ")


def test_what_lies_beyond_the_scale_is_cut_off() -> None:
    made = pane()
    made.curve([(0, 100.0), (2, 100.0)], "accent")
    assert drawn(made) == [" " * 6] * 2
    made.curve([(0, 100.0), (5, -93.0)], "accent")
    assert has_braille(drawn(made))
    assert drawn(made)[0][0] == drawn(made)[1][5] == " "


def test_an_area_is_up_above_zero_and_down_below() -> None:
    made = Pane(Canvas(2, 4), 0, 2, Scale(-8.0, 8.0, 4))
    made.fill([(0, 8.0), (1, -8.0)])
    assert [row[0] for row in made.canvas.styles][:2] == ["up", "up"]
    assert [row[1] for row in made.canvas.styles][2:] == ["down", "down"]


def test_a_dashed_curve_has_gaps() -> None:
    solid, dashed = pane(1, 12), pane(1, 12)
    points = [(x, 3.0) for x in range(12)]
    solid.curve(points, "accent")
    dashed.curve(points, "accent", dashed=True)
    assert " " not in drawn(solid)[0]
    assert " " in drawn(dashed)[0]
    assert has_braille(drawn(dashed))


def test_wide_bodies_are_told_apart_by_their_glyphs() -> None:
    rows = []
    for opened, closed in ((1.0, 4.0), (4.0, 1.0)):
        canvas = Canvas(3, 3)
        draw_candle(canvas, 1, 0, Candle(0, 1, opened, 5.0, 0.0, closed, 1.0), Scale(0.0, 5.0, 6), wings=1)
        rows.append(["".join(row) for row in canvas.chars])
    assert rows == [["╻╽╻", "┃┃┃", "╹╿╹"], ["▄▄▄", "███", "▀▀▀"]]


async def test_the_scale_follows_the_prices_not_the_curves() -> None:
    closes = [10.0, 11.0, 10.0, 11.0, 10.0, 11.0]
    for far in (10.5, 1000.0):
        plot = PriceChart()
        async with Host(plot).run_test(size=(40, 12)):
            plot.show(chart_of(closes, sma_20=[far] * 6, sma_50=[10.5] * 6))
            shown = lines(plot)
            assert "11.00" in shown[1]
            assert any("10.00" in row for row in shown)
            assert not any("1,000" in row for row in shown)


async def test_marks_stand_below_what_is_bought_and_above_what_is_sold() -> None:
    marks = (
        ChartMark(1, "entry", 1, 10.0, "made"), ChartMark(1, "signal", 1, 10.0, "made", "why"), ChartMark(5, "exit", -1, 11.0, "made"),
        ChartMark(5, "signal", -1, 11.0, "made", "why"),
    )  # fmt: skip
    plot = PriceChart()
    async with Host(plot).run_test(size=(40, 16)):
        plot.set_look(BARE)
        plot.show(chart_of([10.5, 10.6, 10.0, 12.0, 10.8, 10.2], marks), cursor=0)
        shown = lines(plot)
        x = plot.viewport.column(1)
        column = [row.ljust(40)[x] for row in shown]
        assert column.index("▲") > max(at for at, char in enumerate(column) if char in "┃╻╹")
        assert column[column.index("▲") + 1] == "△"
        column = [row.ljust(40)[plot.viewport.column(5)] for row in shown]
        assert column[column.index("▼") - 1] == "▽"
        assert foreground(plot, column.index("▼"), plot.viewport.column(5)) == "#e5606c"
        assert [mark.kind for mark in plot.marks_at(5)] == ["exit", "signal"]
        assert plot.marks_at(0) == []


async def test_several_trades_of_one_candle_are_one_mark_a_side() -> None:
    marks = tuple(ChartMark(at, "entry" if at % 2 else "exit", 1 if at % 2 else -1, 10.0, "made") for at in range(4000, 4040))
    plot = PriceChart()
    async with Host(plot).run_test(size=(60, 20)):
        plot.set_look(BARE)
        plot.show(replace(walked(5000), marks=marks), cursor=0)
        for _turn in range(len(LEVELS)):
            plot.viewport = plot.viewport.zoomed(1)
        text = "".join(lines(plot))
        candles = 4039 // plot.viewport.size - 4000 // plot.viewport.size + 1
        assert (text.count("▲"), text.count("▼")) == (candles, candles)
        assert len(plot.marks_at(4000 // plot.viewport.size)) > 1


@pytest.mark.parametrize("lower", [name for name in LOWER if name])
async def test_every_indicator_has_its_own_pane_below(lower: str) -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(80, 24)):
        plot.set_look(BARE)
        plot.show(walked(200))
        before = lines(plot)
        assert not has_braille(before)
        plot.set_look(replace(BARE, lower=lower))
        after = lines(plot)
        label = LOWER[lower][0].label
        assert [label in row for row in after].count(True) == 1
        top = next(at for at, row in enumerate(after) if label in row)
        assert has_braille(after[top:])
        assert not has_braille(after[:top])


async def test_a_pane_below_has_no_room_in_a_low_terminal_but_the_prices_have() -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(60, 7)):
        plot.set_look(Look(lower="rsi"))
        plot.show(walked(100))
        shown = lines(plot)
        assert not any("RSI" in row for row in shown)
        assert sum(any(char in "┃▌│" for char in row) for row in shown) >= 4


async def test_the_cursor_is_a_line_with_the_close_on_the_axis() -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(60, 16)):
        plot.set_look(BARE)
        chart = walked(120)
        plot.show(chart)
        plot.viewport = plot.viewport.jumped(100)
        x = plot.viewport.column(100)
        shown = lines(plot)
        assert sum(row.ljust(60)[x] == "┊" for row in shown) > 3
        close = f"{chart.bars.close[100]:.2f}"
        row = next(at for at, row in enumerate(shown) if row.endswith(close))
        assert foreground(plot, row, 58) == foreground(plot, 5, x)
        plot.viewport = plot.viewport.moved(-1)
        moved = lines(plot)
        assert sum(row.ljust(60)[x - 1] == "┊" for row in moved) > 3
        assert sum(row.ljust(60)[x] == "┊" for row in moved) == 0


async def test_zoomed_out_candles_hold_the_extremes_of_all_bars() -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(60, 20)):
        chart = walked(5000)
        plot.show(chart)
        for _turn in range(len(LEVELS)):
            plot.viewport = plot.viewport.zoomed(1)
        cut = plot.stretch()
        assert plot.viewport.first == 0
        assert (max(cut.high), min(cut.low)) == (chart.bars.high.max(), chart.bars.low.min())
        assert len(lines(plot)) == 20


async def test_a_click_reads_a_candle_and_the_wheel_zooms() -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(60, 16)) as pilot:
        plot.show(walked(200))
        await pilot.pause()
        await pilot.click(PriceChart, offset=(10, 5))
        assert plot.viewport.column(plot.viewport.at_cursor) == 10
        size = plot.viewport.step
        await pilot._post_mouse_events([events.MouseScrollUp], PriceChart, offset=(10, 5))
        await until(pilot, lambda: plot.viewport.step > size)


async def test_nothing_is_drawn_and_no_key_does_harm_without_a_chart() -> None:
    plot = PriceChart()
    async with Host(plot).run_test(size=(40, 9)):
        plot.empty = "…"
        plot.show(None)
        plot.viewport = plot.viewport.moved(-5).zoomed(1).paged(-1)
        assert [row.strip() for row in lines(plot) if row.strip()] == ["…"]
        plot.show(walked(50))
        assert plot.viewport.cursor == 49


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (12, 4), (30, 5), (200, 60)])
async def test_any_size_is_filled_exactly(size: tuple[int, int]) -> None:
    for count in (1, 2, 700):
        plot = PriceChart()
        async with Host(plot).run_test(size=size):
            plot.show(walked(count))
            for look in (BARE, Look(frozenset({"sma", "ema", "bollinger"}), "macd", True)):
                plot.set_look(look)
                for move in (-1, -400, 400):
                    plot.viewport = plot.viewport.moved(move).zoomed(1 if move > 0 else -1)
                    assert [plot.render_line(y).cell_length for y in range(size[1])] == [size[0]] * size[1]
