"""Curves: no extreme is lost, gaps stay gaps, and any size or value draws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.widget_host import Host, foreground, lines, until
from tui.widgets.line_chart import LineChart, runs
from tui.widgets.plot import Canvas, Scale, plain_format, ticks

NAN = math.nan


def drawn(chart: LineChart, width: int, height: int) -> list[str]:
    canvas = Canvas(width, height)
    chart.draw(canvas)
    return ["".join(row) for row in canvas.chars]


def chart_of(*series: list[float], labels: tuple[str, ...] = (), fill: bool = False, base: float | None = None) -> LineChart:
    chart = LineChart(fill=fill)
    chart.show([(values, "", "") for values in series], labels, base=base)
    return chart


def test_a_rising_line_is_a_diagonal_of_dots() -> None:
    assert drawn(chart_of([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 4, 2) == ["  ⡠⠊", "⡠⠊  "]


def test_points_far_apart_are_joined() -> None:
    assert drawn(chart_of([0.0, 7.0]), 4, 2) == ["  ⡠⠊", "⡠⠊  "]


def test_an_undefined_value_leaves_a_gap() -> None:
    assert drawn(chart_of([0.0, 0.0, NAN, NAN, 3.0, 3.0]), 3, 1) == ["⣀ ⠉"]
    assert drawn(chart_of([1.0, NAN, math.inf, -math.inf, 2.0, None]), 3, 1)[0][1] == " "  # type: ignore[list-item]


def test_a_constant_series_and_a_single_point_lie_in_the_middle() -> None:
    assert drawn(chart_of([5.0] * 4), 2, 3) == ["  ", "⠒⠒", "  "]
    assert drawn(chart_of([5.0]), 3, 1) == ["⠂  "]


def test_series_share_cells() -> None:
    up, down = [0.0, 3.0], [3.0, 0.0]
    both = drawn(chart_of(up, down), 1, 1)
    assert ord(both[0]) - 0x2800 == (ord(drawn(chart_of(up), 1, 1)[0]) | ord(drawn(chart_of(down), 1, 1)[0])) - 0x2800


def test_a_drawdown_is_filled_up_to_zero() -> None:
    assert drawn(chart_of([0.0, -1.0, -2.0, -3.0], fill=True), 2, 1) == ["⠙⢿"]
    assert drawn(chart_of([0.0, -3.0, -3.0, 0.0], fill=True), 2, 1) == ["⢹⡏"]


def test_a_base_line_shows_where_no_curve_runs() -> None:
    rows = drawn(chart_of([0.0, 0.0, 8.0, 8.0], base=4.0), 2, 3)
    assert rows[1] != "  "
    rows = drawn(chart_of([8.0] * 4, base=0.0), 2, 3)
    assert rows == ["⠉⠉", "  ", "┄┄"]


def test_no_extreme_is_lost_when_many_values_share_a_column() -> None:
    values = [0.0] * 5000
    values[1234], values[4001] = 100.0, -50.0
    scale = Scale(-50.0, 100.0, 40)
    found = [run for run in runs(values, 160, scale) if run is not None]
    assert min(first for first, _last in found) == 0
    assert max(last for _first, last in found) == 39


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(2, 40), st.integers(1, 40))
def test_every_value_lies_within_the_run_of_its_column(values: list[float], width: int, steps: int) -> None:
    scale = Scale(min(values), max(values), steps)
    found = runs(values, width, scale)
    covered = set()
    for run in found:
        if run is not None:
            covered |= set(range(run[0], run[1] + 1))
    assert {scale.at(min(values)), scale.at(max(values))} <= covered


def test_series_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        chart_of([1.0], [1.0, 2.0])


def test_ticks_are_round_and_within_the_range() -> None:
    assert ticks(0.0, 10.0, 5) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert ticks(13.0, 47.0, 4) == [20.0, 30.0, 40.0]
    assert ticks(3.0, 3.0, 4) == [3.0]
    assert plain_format([0.05, 0.1])(0.05) == "0.05"
    assert plain_format([1000.0, 2000.0])(1000.0) == "1,000"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 30))
def test_ticks_never_leave_the_range_nor_grow_without_bound(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high, most)
    slack = (high / 2 - low / 2) * 1e-9
    assert 1 <= len(found) <= max(most, 2) + 2
    assert all(low - slack <= value <= high + slack for value in found)


@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=80),
    st.integers(1, 70),
    st.integers(1, 20),
    st.booleans(),
    st.text(max_size=8),
    st.lists(st.text(max_size=12), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_any_values_texts_and_sizes_fill_the_canvas_exactly(
    pairs: list[tuple[float, float]], width: int, height: int, fill: bool, name: str, labels: list[str]
) -> None:
    chart = LineChart(fill=fill)
    chart.show([([a for a, _b in pairs], name, "up"), ([b for _a, b in pairs], "x", "down")], labels)
    if chart.drawable():
        assert [cell_len(row) for row in drawn(chart, width, height)] == [width] * height
    else:
        assert not any(math.isfinite(value) for pair in pairs for value in pair)


async def test_names_axis_and_times_stand_around_the_curves() -> None:
    chart = LineChart()
    async with Host(chart).run_test(size=(40, 8)):
        chart.show([([100.0, 150.0, 200.0], "hold", "dim"), ([100.0, 125.0, 150.0], "rules", "up")], ("Jan", "Feb", "Mar"))
        shown = lines(chart)
        assert shown[0] == "● hold  ◆ rules"
        assert shown[1].endswith("● 200")
        assert shown[6].endswith("  100")
        assert any("◆" in row for row in shown[3:5])
        assert shown[7].split() == ["Jan", "Feb", "Mar"]
        assert (shown[7].index("Jan"), shown[7].index("Mar") + 3) == (0, 35)


async def test_values_on_the_axis_are_written_as_asked() -> None:
    chart = LineChart()
    async with Host(chart).run_test(size=(40, 6)):
        chart.show([([0.0, 10.0], "", "")], (), lambda value: f"R$ {value:.1f}")
        assert lines(chart)[0].endswith("R$ 10.0")


async def test_a_drawdown_is_written_in_percent() -> None:
    chart = LineChart(fill=True)
    async with Host(chart).run_test(size=(40, 6)):
        chart.show([([0.0, -0.2, -0.1], "drawdown", "down")])
        assert lines(chart)[1].endswith(" 0.00%")
        assert lines(chart)[-1].endswith("-20.00%")


async def test_nothing_to_draw_says_so() -> None:
    chart = LineChart(empty="No curve.\nRun a backtest.")
    async with Host(chart).run_test(size=(21, 6)):
        chart.show([], ())
        assert lines(chart) == ["", "", "      No curve.", "   Run a backtest.", "", ""]
        chart.show([([NAN, NAN], "a", "")])
        assert "No curve." in "".join(lines(chart))


async def test_new_data_size_and_theme_are_painted_again() -> None:
    chart = LineChart()
    app = Host(chart)
    async with app.run_test(size=(30, 6)) as pilot:
        chart.show([([1.0, 2.0], "up", "up")])
        await pilot.pause()
        before = lines(chart)
        assert foreground(chart, 0, 0) == "#3fb27f"
        assert chart.render_line(2) is chart.render_line(2)
        chart.show([([2.0, 1.0], "up", "up")])
        assert lines(chart) != before
        app.theme = "pregao-light"
        await until(pilot, lambda: foreground(chart, 0, 0) == "#0f7a4c")
        await pilot.resize_terminal(20, 5)
        await until(pilot, lambda: {chart.render_line(y).cell_length for y in range(chart.size.height)} == {20})


async def test_a_very_small_chart_keeps_to_the_curve() -> None:
    chart = LineChart()
    async with Host(chart).run_test(size=(6, 2)):
        chart.show([([1.0, 2.0, 3.0], "name", "")], ("a", "b", "c"))
        assert all(set(row) <= {" ", *map(chr, range(0x2800, 0x2900))} for row in lines(chart))
