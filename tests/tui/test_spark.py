"""The spark line: one block a value, nothing wider than asked."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.spark import BLOCKS, spark


def test_eight_steps_are_the_eight_blocks() -> None:
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"


def test_undefined_values_are_spaces() -> None:
    assert spark([1.0, math.nan, 2.0, math.inf, -math.inf], 5) == "▁ █  "


def test_a_constant_series_lies_in_the_middle() -> None:
    assert spark([5.0, 5.0, 5.0], 3) == "▄▄▄"


def test_a_short_series_stands_at_the_right() -> None:
    assert spark([1.0, 2.0], 5) == "   ▁█"


def test_a_long_series_shows_the_last_value_of_each_part() -> None:
    assert spark([9.0, 1.0, 0.0, 5.0, 9.0, math.nan], 3) == "▁▅█"


def test_nothing_to_show_is_blank() -> None:
    assert spark([], 3) == "   "
    assert spark([math.nan], 3) == "   "
    assert spark([1.0], 0) == ""
    assert spark([1.0], -1) == ""


def test_opposite_extremes_do_not_overflow() -> None:
    assert spark([-1.7e308, 1.7e308], 2) == "▁█"


@given(st.lists(st.floats()), st.integers(-2, 60))
def test_any_values_fill_exactly_the_width(values: list[float], width: int) -> None:
    text = spark(values, width)
    assert len(text) == max(width, 0)
    assert set(text) <= set(BLOCKS + " ")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_higher_value_never_has_a_lower_block(values: list[float]) -> None:
    heights = [BLOCKS.index(block) for block in spark(values, len(values))]
    pairs = sorted(zip(values, heights))
    assert [height for _value, height in pairs] == sorted(heights)
