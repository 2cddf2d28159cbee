"""The table: cursor, order, sorting, columns that fit, texts that keep their place, keys and mouse."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tests.tui.widget_host import Host, foreground, lines, until
from tui.actions import of_context
from tui.widgets.columns import fitting
from tui.widgets.ink import clean, fit
from tui.widgets.table import Cell, Column, VTable

COLUMNS = (Column("name", "Name", 8), Column("price", "Price", 8, right=True), Column("note", "Note", 6, priority=1))
PRICES: list[float | None] = [3.0, None, 1.0, 2.0, 2.0, math.nan]


def cell(row: int, key: str) -> Cell:
    return {"name": f"row {row}", "price": (f"{row}.50", "up"), "note": "·"}[key]


def value(row: int, key: str) -> float | int | None:
    return PRICES[row] if key == "price" else row


def table_of(draw: Callable[[int, str], Cell] = cell, columns: Sequence[Column] = COLUMNS, **more: Any) -> tuple[VTable, Host]:
    table = VTable(columns, draw, **more)
    return table, Host(table)


# --- what is shown --------------------------------------------------------------------------------------------------


async def test_header_rows_and_cursor_stand_in_columns() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 5)):
        table.set_rows(3)
        assert lines(table) == [
            " Name        Price Note",
            "▸row 0        0.50 ·",
            " row 1        1.50 ·",
            " row 2        2.50 ·",
            "",
        ]


async def test_only_visible_rows_are_asked_for() -> None:
    asked: set[int] = set()

    def draw(row: int, key: str) -> str:
        asked.add(row)
        return key

    table, app = table_of(draw)
    async with app.run_test(size=(30, 11)) as pilot:
        table.set_rows(50_000)
        await pilot.pause()
        assert asked == set(range(10))
        await pilot.press("end")
        await pilot.pause()
        assert asked == set(range(10)) | set(range(49_990, 50_000))


async def test_an_empty_table_shows_its_text_in_the_middle() -> None:
    table, app = table_of(empty="No symbols.\nPress a to add some.")
    async with app.run_test(size=(30, 7)) as pilot:
        table.set_rows(0)
        assert lines(table)[1:] == ["", "", "         No symbols.", "     Press a to add some.", "", ""]
        table.empty = "Other " * 8
        assert [line.strip() for line in lines(table)[1:]] == [
            "",
            "",
            "Other Other Other Other",
            "Other Other Other Other",
            "",
            "",
        ]
        table.set_rows(2)
        table.set_order([])
        assert "Other" in lines(table)[3]
        assert table.cursor is None
        await pilot.press("down", "up", "home", "end", "pageup", "pagedown", "enter", "s", "S")
        await pilot.click(table, offset=(3, 3))
        assert table.cursor is None
        assert "opened" not in dict(app.told)


def test_columns_are_dropped_by_priority_and_one_takes_the_rest() -> None:
    columns = [Column("a", "", 5), Column("b", "", 5, priority=1), Column("c", "", 5, priority=2), Column("d", "", 5, priority=2), Column("e", "", 4, grow=True)]  # fmt: skip

    def shown(width: int) -> str:
        return " ".join(f"{column.key}{size}" for column, size in fitting(columns, width))

    assert shown(40) == "a5 b5 c5 d5 e15"
    assert shown(29) == "a5 b5 c5 d5 e4"
    assert shown(28) == "a5 b5 c5 e9"
    assert shown(22) == "a5 b5 e9"
    assert shown(16) == "a5 e9"
    assert shown(3) == "a5 e4"


@given(
    st.lists(
        st.builds(Column, st.just("k"), st.just(""), st.integers(1, 30), priority=st.integers(0, 4), grow=st.booleans()),
        max_size=8,
    ),
    st.integers(0, 120),
)
def test_columns_fit_whenever_those_always_shown_do(columns: list[Column], width: int) -> None:
    found = fitting(columns, width)
    kept = [column for column, _size in found]
    assert [column for column in columns if column.priority == 0] == [column for column in kept if column.priority == 0]
    assert all(size >= column.width for column, size in found)
    if sum(column.width + 1 for column in columns if column.priority == 0) <= width:
        assert sum(size + 1 for _column, size in found) <= width
    dropped = [column.priority for column in columns if all(column is not other for other in kept)]
    assert not dropped or max((column.priority for column in kept), default=0) <= max(dropped)


async def test_columns_are_chosen_again_when_the_terminal_changes() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 5)) as pilot:
        table.set_rows(1)
        await pilot.resize_terminal(20, 5)
        await until(pilot, lambda: lines(table)[:2] == [" Name        Price", "▸row 0        0.50"])
        await pilot.resize_terminal(12, 5)
        await until(pilot, lambda: {table.render_line(y).cell_length for y in range(5)} == {12})


def test_texts_are_cut_and_padded_by_the_cells_they_take() -> None:
    assert fit("abc", 5) == "abc  "
    assert fit("abc", 5, True) == "  abc"
    assert fit("abcdef", 4) == "abc…"
    assert fit("日本語", 6) == "日本語"
    assert fit("日本語", 5) == "日本…"
    assert fit("日本語", 4) == "日 …"
    assert fit("ação", 4) == "ação"
    assert fit("e\u0301e\u0301e\u0301", 4) == "e\u0301e\u0301e\u0301 "
    assert fit("x", 0) == ""


def test_texts_from_outside_cannot_act_on_the_terminal() -> None:
    assert clean("a\x1b[31mb\nc\td\x9be") == "a [31mb c d e"
    assert clean("PETR\u202e4\u200d") == "PETR4"
    clean("\ud800").encode()


@given(st.text(), st.integers(0, 30), st.booleans())
def test_any_text_takes_exactly_its_width(text: str, width: int, right: bool) -> None:
    found = fit(text, width, right)
    assert cell_len(found) == width
    assert sum(map(cell_len, found)) == width
    assert all(character.isprintable() or not character.isspace() for character in found.replace(" ", ""))


async def test_any_cell_keeps_the_columns_in_place() -> None:
    shown: dict[str, Cell] = {"a": "", "b": "", "c": ""}
    table, app = table_of(
        lambda _row, key: shown[key], [Column("a", "日本", 7), Column("b", "B", 5, right=True), Column("c", "C", 4)]
    )
    async with app.run_test(size=(24, 3)) as pilot:
        table.set_rows(1)
        await pilot.pause()
        styled = st.text().map(lambda text: Text(text, style="up"))
        spanned = st.text(min_size=1).map(lambda text: Text.assemble((text, "down"), "x", ("y", "bold red")))
        cells = (
            st.text()
            | st.tuples(st.text(), st.sampled_from(["", "up", "down", "flat", "dim", "warn", "accent", "bold"]))
            | styled
            | spanned
        )

        @given(cells, cells)
        @settings(max_examples=150, deadline=None)
        def check(first: Cell, second: Cell) -> None:
            shown.update(a=first, b=second, c="end")
            strip = table.render_line(1)
            assert strip.cell_length == 24
            assert cell_len(strip.text) == 24
            assert strip.text.endswith("end" + " " * 6)

        check()


async def test_markup_in_data_is_shown_as_it_is() -> None:
    table, app = table_of(lambda _row, _key: "[red]x[/]")
    async with app.run_test(size=(30, 3)):
        table.set_rows(1)
        assert "[red]x[…" in lines(table)[1]


async def test_styles_follow_the_theme_and_the_cursor_stays_readable() -> None:
    table, app = table_of(lambda row, key: Text("t", style="down") if key == "note" else cell(row, key))
    async with app.run_test(size=(30, 5)) as pilot:
        table.set_rows(2)
        await pilot.pause()
        at_cursor = foreground(table, 1, 14)
        assert foreground(table, 2, 14) == "#3fb27f"
        assert foreground(table, 2, 19) == "#e5606c"
        assert at_cursor != "#3fb27f"
        app.theme = "pregao-light"
        await until(pilot, lambda: foreground(table, 2, 14) == "#0f7a4c")
        app.screen.set_focus(None)
        await until(pilot, lambda: foreground(table, 1, 14) == "#0f7a4c")
        assert lines(table)[1].startswith("▸")


async def test_without_colour_cursor_and_sort_are_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    table, app = table_of(sort_value=value)
    async with app.run_test(size=(30, 5)) as pilot:
        table.set_rows(2)
        await pilot.press("s")
        assert "Name▲" in lines(table)[0]
        assert lines(table)[1].startswith("▸")


async def test_changed_values_show_after_repaint_and_equal_lines_are_not_built_again() -> None:
    values = ["a", "b"]
    table, app = table_of(lambda row, key: values[row] if key == "name" else "")
    async with app.run_test(size=(30, 4)) as pilot:
        table.set_rows(2)
        await pilot.pause()
        first, second = table.render_line(1), table.render_line(2)
        values[1] = "changed"
        table.repaint()
        await pilot.pause()
        assert table.render_line(1) is first
        assert table.render_line(2) is not second
        assert "changed" in lines(table)[2]


# --- cursor and rows ------------------------------------------------------------------------------------------------


async def test_every_key_of_the_table_does_what_it_says() -> None:
    done: dict[str, tuple[str, Callable[[VTable, Host], object], object]] = {
        "table.up": ("3", lambda table, _app: table.cursor, 2),
        "table.down": ("3", lambda table, _app: table.cursor, 4),
        "table.page_up": ("30", lambda table, _app: table.cursor, 22),
        "table.page_down": ("30", lambda table, _app: table.cursor, 38),
        "table.first": ("30", lambda table, _app: table.cursor, 0),
        "table.last": ("30", lambda table, _app: table.cursor, 99),
        "table.open": ("3", lambda _table, app: app.told[-1], ("opened", 3)),
        "table.sort": ("3", lambda _table, app: app.told[-1], ("sort", ("name", False))),
        "table.reverse": ("3", lambda _table, app: app.told[-1], ("sort", ("price", True))),
        "table.filter": ("3", lambda _table, app: app.told[-1], ("filter", None)),
    }
    assert {action.id for action in of_context("table")} == set(done)
    for action in of_context("table"):
        start, found, expected = done[action.id]
        for key in action.keys.split(","):
            table, app = table_of()
            async with app.run_test(size=(30, 10)) as pilot:
                table.set_rows(100)
                table.select(int(start))
                if action.id == "table.reverse":
                    table.sort_by("price")
                await pilot.pause()
                await pilot.press(key)
                await pilot.pause()
                assert found(table, app) == expected, (action.id, key)


async def test_the_cursor_stays_in_view_and_within_the_rows() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 6)) as pilot:
        table.set_rows(20)
        await pilot.press("up")
        assert table.cursor == 0
        for _step in range(7):
            await pilot.press("down")
        assert [line[:7].strip() for line in lines(table)[1:]] == ["row 3", "row 4", "row 5", "row 6", "▸row 7"]
        await pilot.press("end", "down")
        assert table.cursor == 19
        assert lines(table)[5].startswith("▸row 19")
        await pilot.resize_terminal(30, 4)
        await until(pilot, lambda: lines(table)[-1].startswith("▸row 19"))
        await pilot.press("home")
        assert lines(table)[1].startswith("▸row 0")


async def test_the_cursor_stays_on_its_source_row() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 6)) as pilot:
        table.set_rows(10)
        table.select(7)
        table.set_order([9, 7, 8])
        assert (table.cursor, list(table.order)) == (7, [9, 7, 8])
        assert lines(table)[2].startswith("▸row 7")
        table.set_order([2, 3])
        assert table.cursor == 2
        table.set_order(range(10))
        assert table.cursor == 2
        table.set_rows(30)
        assert table.cursor == 2
        table.set_rows(30, keep=25)
        assert table.cursor == 25
        await pilot.pause()
        assert lines(table)[5].startswith("▸row 25")
        table.set_rows(20)
        assert table.cursor == 19
        assert not table.select(20)
        with pytest.raises(ValueError, match="does not exist"):
            table.set_order([20])


async def test_the_cursor_is_told_when_it_moves_and_when_the_rows_are_new() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 6)) as pilot:
        table.set_rows(5)
        await pilot.pause()
        assert app.told == [("highlighted", 0)]
        await pilot.press("down")
        table.set_order([1, 0])
        await pilot.pause()
        assert app.told == [("highlighted", 0), ("highlighted", 1)]
        table.set_order([0])
        await pilot.pause()
        assert app.told[-1] == ("highlighted", 0)
        table.set_rows(0)
        await pilot.pause()
        assert len(app.told) == 3


async def test_scrolling_away_from_the_cursor_survives_new_rows() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 6)) as pilot:
        table.set_rows(100)
        await pilot.pause()
        table.scroll_to(y=50, animate=False)
        table.set_rows(100)
        await pilot.pause()
        assert lines(table)[1].startswith(" row 50")
        await pilot.press("down")
        assert lines(table)[1].startswith("▸row 1")


async def test_rows_may_be_set_before_the_table_is_shown() -> None:
    table, app = table_of()
    table.set_rows(50, keep=40)
    async with app.run_test(size=(30, 6)) as pilot:
        await pilot.pause()
        assert table.cursor == 40
        assert any(line.startswith("▸row 40") for line in lines(table))


# --- sorting --------------------------------------------------------------------------------------------------------


async def test_sorting_is_stable_with_undefined_values_last_either_way() -> None:
    table, app = table_of(sort_value=value)
    async with app.run_test(size=(30, 8)) as pilot:
        table.set_rows(6)
        table.select(3)
        await pilot.press("s", "s")
        assert (table.sort_key, table.sort_reverse, list(table.order)) == ("price", False, [2, 3, 4, 0, 1, 5])
        assert table.cursor == 3
        assert "Price▲" in lines(table)[0]
        await pilot.press("S")
        assert (table.sort_reverse, list(table.order)) == (True, [0, 3, 4, 2, 1, 5])
        assert "Price▼" in lines(table)[0]
        table.set_order([5, 2, 0])
        assert list(table.order) == [0, 2, 5]
        await pilot.press("s", "s")
        assert (table.sort_key, list(table.order)) == (None, [5, 2, 0])
        assert [told for told in app.told if told[0] == "sort"][-3:] == [("sort", ("price", True)), ("sort", ("note", False)), ("sort", (None, False))]  # fmt: skip


@given(st.lists(st.none() | st.integers(-5, 5), max_size=40), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_sorting_equals_the_sort_of_the_library(values: list[int | None], reverse: bool, chance: random.Random) -> None:
    table = VTable(COLUMNS, cell, sort_value=lambda row, _key: values[row])
    table._sort_key, table._sort_reverse = "price", reverse
    base = list(range(len(values)))
    chance.shuffle(base)
    known = [row for row in base if values[row] is not None]
    expected = sorted(known, key=lambda row: values[row] or 0, reverse=reverse) + [row for row in base if values[row] is None]
    assert list(table._sorted(base)) == expected


async def test_a_table_that_does_not_sort_only_asks_its_owner() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 5)) as pilot:
        table.set_rows(3)
        await pilot.press("S")
        assert not [told for told in app.told if told[0] == "sort"]
        await pilot.press("s", "S")
        assert [told for told in app.told if told[0] == "sort"] == [("sort", ("name", False)), ("sort", ("name", True))]
        assert list(table.order) == [0, 1, 2]


# --- mouse ----------------------------------------------------------------------------------------------------------


async def test_a_click_selects_and_a_second_one_opens() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 8)) as pilot:
        table.set_rows(20)
        await pilot.click(table, offset=(3, 1))
        assert "opened" not in dict(app.told)
        await pilot.click(table, offset=(3, 4))
        assert table.cursor == 3
        assert "opened" not in dict(app.told)
        await pilot.click(table, offset=(9, 4))
        assert app.told[-1] == ("opened", 3)
        await pilot.click(table, offset=(3, 5))
        await pilot.press("down")
        await pilot.click(table, offset=(3, 5))
        assert [told for told in app.told if told[0] == "opened"] == [("opened", 3)]


async def test_a_click_on_the_header_sorts_and_another_reverses() -> None:
    table, app = table_of(sort_value=value)
    async with app.run_test(size=(30, 8)) as pilot:
        table.set_rows(6)
        await pilot.click(table, offset=(14, 0))
        assert (table.sort_key, table.sort_reverse) == ("price", False)
        await pilot.click(table, offset=(14, 0))
        assert (table.sort_key, table.sort_reverse) == ("price", True)
        await pilot.click(table, offset=(2, 0))
        assert (table.sort_key, table.sort_reverse) == ("name", False)
        await pilot.click(table, offset=(28, 0))
        assert table.sort_key == "name"


async def test_the_wheel_scrolls_without_moving_the_cursor() -> None:
    table, app = table_of()
    async with app.run_test(size=(30, 6)) as pilot:
        table.set_rows(100)
        await pilot.pause()
        for _turn in range(3):
            await pilot._post_mouse_events([_wheel()], table, offset=(3, 3))
        await until(pilot, lambda: table.scroll_offset.y > 0)
        assert table.cursor == 0


def _wheel() -> Any:
    from textual.events import MouseScrollDown

    return MouseScrollDown


async def test_every_theme_gives_every_style() -> None:
    table, app = table_of(lambda row, key: ("x", ("", "up", "down", "flat", "dim", "warn", "accent", "bold")[row]))
    async with app.run_test(size=(30, 10)) as pilot:
        table.set_rows(8)
        for theme in ("textual-dark", "textual-light", "nord", "ansi-dark", "pregao-dark"):
            app.theme = theme
            await pilot.pause()
            assert [line[1] for line in lines(table)[1:9]] == ["x"] * 8
        assert foreground(table, 3, 1) == "#e5606c"
        app.theme = "textual-dark"
        success = app.theme_variables["success"].lower()
        await until(pilot, lambda: foreground(table, 2, 1) == app.theme_variables["success"].lower() != success)


async def test_the_screen_shows_what_the_lines_say() -> None:
    values = ["before"] * 30
    table, app = table_of(lambda row, key: f"{row} {values[row]}" if key == "name" else "", [Column("name", "Name", 12)])
    async with app.run_test(size=(20, 6)) as pilot:

        def screen() -> list[str]:
            return [strip.text.rstrip("▁▂▃▄▅▆▇█ ") for strip in app.screen._compositor.render_strips()]

        table.set_rows(30)
        await pilot.press("end")
        await until(pilot, lambda: screen()[5].startswith("▸29 before"))
        values[28] = "after"
        table.repaint()
        await until(pilot, lambda: screen()[4].startswith(" 28 after"))
        assert screen() == lines(table)
        await pilot.press("home", "down")
        await until(pilot, lambda: screen()[2].startswith("▸1 before"))
        assert screen() == lines(table)
