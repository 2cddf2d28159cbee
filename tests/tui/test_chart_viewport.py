"""Zoom, pan and cursor of a chart, as arithmetic on a frozen value."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.viewport import LEVELS, Level, Viewport

ONE = LEVELS.index(Level(1, 1))
views = st.builds(
    Viewport,
    count=st.integers(1, 6000),
    width=st.integers(1, 220),
    level=st.integers(0, len(LEVELS) - 1),
    end=st.integers(-10, 7000),
    cursor=st.integers(-10, 7000),
)
steps = st.lists(
    st.sampled_from(["left", "right", "page", "back", "nearer", "farther", "first", "last", "narrow", "wide"]), max_size=12
)


def walked(view: Viewport, step: str) -> Viewport:
    moves = {
        "left": lambda: view.moved(-1),
        "right": lambda: view.moved(1),
        "page": lambda: view.paged(1),
        "back": lambda: view.paged(-1),
        "nearer": lambda: view.zoomed(-1),
        "farther": lambda: view.zoomed(1),
        "first": lambda: view.jumped(0),
        "last": lambda: view.jumped(view.count - 1),
        "narrow": lambda: replace(view, width=max(view.width // 2, 1)),
        "wide": lambda: replace(view, width=view.width * 2),
    }
    return moves[step]()


@given(views, steps)
def test_the_cursor_is_always_in_sight_and_no_room_is_wasted(view: Viewport, taken: list[str]) -> None:
    for step in taken:
        view = walked(view, step)
        assert 0 <= view.cursor < view.count
        assert view.shows(view.at_cursor)
        assert 0 <= view.first < view.last <= view.candles
        assert view.last - view.first == min(view.slots, view.candles)
        assert 0 < view.end <= view.count
        columns = [view.column(candle) for candle in range(view.first, view.last)]
        assert columns == sorted(set(columns))
        assert 0 <= columns[0] <= columns[-1] < view.width


@given(views)
def test_a_click_on_a_candle_finds_it(view: Viewport) -> None:
    for candle in (view.first, (view.first + view.last) // 2, view.last - 1):
        assert view.clicked(view.column(candle)).at_cursor == candle


def test_it_opens_on_the_newest_bars() -> None:
    view = Viewport(300, 100)
    assert (view.first, view.last, view.cursor) == (200, 300, 299)


def test_the_window_follows_the_cursor_only_at_its_edge() -> None:
    view = Viewport(300, 100).moved(-99)
    assert (view.first, view.cursor) == (200, 200)
    assert (view.moved(-1).first, view.moved(-1).cursor) == (199, 199)
    assert view.moved(50).first == 200


def test_a_page_keeps_one_candle_in_sight() -> None:
    view = Viewport(300, 100).paged(-1)
    assert (view.first, view.last, view.cursor) == (101, 201, 200)
    assert view.paged(1) == Viewport(300, 100)
    assert (view.paged(-9).first, view.paged(-9).cursor) == (0, 0)


def test_a_zoom_keeps_the_cursor_where_it_stands() -> None:
    view = Viewport(5000, 100).jumped(2500)
    before = view.column(view.at_cursor)
    for nearer in (view.zoomed(-1), view.zoomed(-2), view.zoomed(3)):
        assert nearer.cursor == 2500
        assert abs(nearer.column(nearer.at_cursor) - before) <= nearer.step


def test_farther_ends_where_everything_is_seen() -> None:
    view = Viewport(300, 100)
    for _turn in range(9):
        view = view.zoomed(1)
    assert (view.first, view.end) == (0, 300)
    assert view.size == 3
    assert Viewport(50, 100).zoomed(1).step == 2, "there is no need for one column a bar"


def test_candles_of_several_bars_are_never_regrouped_by_a_pan() -> None:
    view = Viewport(1000, 100, level=LEVELS.index(Level(5, 1)))
    assert all(view.moved(-by).first == view.first - max(by - 99, 0) for by in range(0, 120, 7))
    assert view.moved(-1).cursor == 994


def test_a_jump_out_of_sight_shows_both_sides() -> None:
    view = Viewport(3000, 100).jumped(1000)
    assert (view.first, view.last) == (950, 1050)
