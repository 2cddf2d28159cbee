"""Candles: hand-drawn bars, aggregation, volume, marks and the crosshair."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.widget_host import Host, foreground, lines, until
from tui.widgets.candles import CandleChart, Mark, candle_of, columns
from tui.widgets.plot import Canvas

NAN = math.nan


def drawn(bars: list[tuple[float, float, float, float]], width: int, height: int, **more: object) -> list[str]:
    chart = CandleChart()
    opens, highs, lows, closes = ([bar[at] for bar in bars] for at in range(4))
    chart.show(opens, highs, lows, closes, **more)  # type: ignore[arg-type]
    canvas = Canvas(width, height)
    chart.draw(canvas)
    return ["".join(row) for row in canvas.chars]


def test_bodies_and_wicks_are_drawn_in_half_cells() -> None:
    # Three rows are six half cells, for the prices 5 (top) to 0.
    bars = [(1.0, 5.0, 0.0, 4.0), (4.0, 5.0, 0.0, 1.0), (3.0, 3.0, 2.0, 2.0), (0.0, 5.0, 0.0, 5.0), (2.0, 2.0, 2.0, 2.0)]
    assert drawn(bars, 5, 3) == [
        "╽╽ ┃ ",
        "┃▌▌┃╻",
        "╿╿ ┃ ",
    ]


def test_a_falling_bar_is_told_by_its_glyph_even_when_its_body_is_small() -> None:
    rising, falling = (2.0, 3.0, 0.0, 2.5), (2.5, 3.0, 0.0, 2.0)
    for bars in ([rising, falling], [(1.0, 3.0, 0.0, 1.5), (1.5, 3.0, 0.0, 1.0)], [(0.0, 3.0, 0.0, 3.0), (3.0, 3.0, 0.0, 0.0)]):
        rows = drawn(bars, 2, 2)
        assert [row[0] for row in rows] != [row[1] for row in rows]


def test_few_bars_are_spread_and_end_at_the_right() -> None:
    assert list(columns(([1.0] * 3, [1.0] * 3, [1.0] * 3, [1.0] * 3, [1.0] * 3), 10)) == [2, 5, 8]


def test_more_bars_than_columns_are_drawn_as_longer_bars() -> None:
    bars = ([1.0, 2.0, 3.0, 4.0], [9.0, 2.0, 3.0, 8.0], [1.0, 0.5, 3.0, 4.0], [2.0, 1.5, 3.5, 7.0], [10.0, NAN, 5.0, 5.0])
    first, second = columns(bars, 2).values()
    assert first == (0, 2, 1.0, 9.0, 0.5, 1.5, 10.0)
    assert second == (2, 4, 3.0, 8.0, 3.0, 7.0, 10.0)


@given(st.lists(st.tuples(*[st.floats(0.01, 1e6)] * 4), min_size=1, max_size=200), st.integers(1, 50))
def test_aggregation_keeps_extremes_first_open_and_last_close(bars: list[tuple[float, float, float, float]], width: int) -> None:
    opens, highs, lows, closes = ([bar[at] for bar in bars] for at in range(4))
    found = list(columns((opens, highs, lows, closes, [1.0] * len(bars)), width).values())
    assert max(candle.high for candle in found) == max(map(max, bars))
    assert min(candle.low for candle in found) == min(map(min, bars))
    assert (found[0].open, found[-1].close) == (opens[0], closes[-1])
    assert sum(candle.volume for candle in found) == len(bars)
    assert [candle.first for candle in found[1:]] == [candle.end for candle in found[:-1]]


def test_an_incomplete_bar_is_a_gap() -> None:
    bars = [(0.0, 3.0, 0.0, 3.0), (NAN, 3.0, 0.0, 3.0), (0.0, 3.0, 0.0, 3.0)]
    assert drawn(bars, 3, 2) == ["┃ ┃", "┃ ┃"]
    assert math.isnan(candle_of(([NAN], [1.0], [1.0], [1.0], [1.0]), 0, 1).close)


def test_marks_stand_below_and_above_their_bars() -> None:
    bars = [(2.0, 3.0, 2.0, 3.0), (0.0, 1.0, 0.0, 1.0), (2.0, 3.0, 2.0, 3.0)]
    rows = drawn(bars, 3, 6, marks=[Mark(0, "▲", "up"), Mark(1, "▼", "down"), (2, "◆", "warn"), Mark(7, "◆")])
    assert [row[0] for row in rows].index("▲") > max(at for at, row in enumerate(rows) if row[0] in "┃╻╹")
    assert [row[1] for row in rows].index("▼") < min(at for at, row in enumerate(rows) if row[1] in "┃╻╹")
    assert [row[2] for row in rows].index("◆") < min(at for at, row in enumerate(rows) if row[2] in "┃╻╹")
    assert "".join(rows).count("◆") == 1


def test_volume_has_its_own_rows_below() -> None:
    bars = [(1.0, 2.0, 1.0, 2.0)] * 3
    rows = drawn(bars, 3, 10, volume=[50.0, 100.0, None])
    assert rows[8:] == [" █ ", "██ "]
    assert not set("".join(rows[:8])) & set("▁▂▃▄▅▆▇█")
    assert "█" not in "".join(drawn(bars, 3, 6, volume=[50.0, 100.0, None]))


def test_prices_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        CandleChart().show([1.0], [1.0], [1.0], [1.0, 2.0])


@given(
    st.lists(st.tuples(*[st.floats()] * 5), max_size=60),
    st.integers(1, 60),
    st.integers(1, 24),
    st.text(max_size=9),
    st.lists(st.text(max_size=9), max_size=3),
    st.none() | st.integers(-3, 70),
)
@settings(max_examples=150, deadline=None)
def test_any_bars_texts_and_sizes_fill_the_canvas_exactly(
    bars: list[tuple[float, ...]], width: int, height: int, title: str, labels: list[str], crosshair: int | None
) -> None:
    chart = CandleChart()
    chart.set_reactive(CandleChart.crosshair, crosshair)
    opens, highs, lows, closes, volume = ([bar[at] for bar in bars] for at in range(5))
    chart.show(opens, highs, lows, closes, volume=volume, x_labels=labels, title=title, marks=[(0, "▲", "up"), (3, "◆", "warn")])
    assert chart.drawable() == any(all(map(math.isfinite, bar[:4])) for bar in bars)
    if chart.drawable():
        canvas = Canvas(width, height)
        chart.draw(canvas)
        assert [cell_len("".join(row)) for row in canvas.chars] == [width] * height


async def test_title_axis_and_times_stand_around_the_candles() -> None:
    chart = CandleChart()
    app = Host(chart)
    async with app.run_test(size=(40, 10)) as pilot:
        chart.show([10.0, 20.0], [20.0, 20.0], [10.0, 10.0], [20.0, 10.0], x_labels=("2024-01-02", "2024-01-03"), title="ABCD3")
        shown = lines(chart)
        assert shown[0] == "ABCD3"
        assert (shown[1][-3:], shown[8][-3:]) == (" 20", " 10")
        assert shown[9].split() == ["2024-01-02", "2024-01-03"]
        await pilot.pause()
        column = shown[3].index("┃"), shown[3].index("▌")
        assert [foreground(chart, 3, x) for x in column] == ["#3fb27f", "#e5606c"]
        app.theme = "pregao-light"
        await until(pilot, lambda: [foreground(chart, 3, x) for x in column] == ["#0f7a4c", "#b3202f"])


async def test_the_crosshair_marks_the_column_of_a_bar() -> None:
    chart = CandleChart()
    async with Host(chart).run_test(size=(30, 8)):
        chart.show([10.0, 12.0], [12.0, 20.0], [10.0, 12.0], [12.0, 20.0])
        plain = lines(chart)
        chart.crosshair = 0
        crossed = lines(chart)
        assert [row.count("┊") for row in crossed] != [0] * 8
        assert len({row.index("┊") for row in crossed if "┊" in row}) == 1
        chart.crosshair = 99
        assert lines(chart) == plain
        chart.crosshair = None
        assert lines(chart) == plain


async def test_no_bars_say_so() -> None:
    chart = CandleChart()
    async with Host(chart).run_test(size=(30, 5)):
        assert lines(chart)[2].strip() == "Nothing to draw yet."
        chart.show([NAN], [1.0], [1.0], [1.0])
        assert lines(chart)[2].strip() == "Nothing to draw yet."
