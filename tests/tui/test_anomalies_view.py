"""The view of the anomalies: what it lists, tells, draws and filters, what it writes, and where it leads."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis.strategies import dates
from textual.widgets import Static

from engine.domain import Aftermath, Anomaly, day_number, jsonable
from engine.market.calendar import nominal_opening
from engine.store.anomalies import Scan, record
from engine.store.board import open_board
from engine.workspace import Workspace
from tests.desk_maker import END, MORNING, sessions
from tests.tui.desk_host import (
    Desks,
    app_of,
    at_desk,
    charted,
    command,
    opened,
    said,
    screen_text,
    see,
    type_in,
    until,
    view_name,
)
from tui.screens.dialogs import PickSymbol, Reader
from tui.views.anomalies import AnomaliesView
from tui.views.days import in_span, is_span
from tui.widgets.candles import CandleChart
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

AFTER = (
    Aftermath(1, 7, -0.012, -0.01, -0.03, 0.006, 0.0004),
    Aftermath(5, 3, 0.02, 0.018, None, None, 0.002),
    Aftermath(20, 0, None, None, None, None, 0.008),
)
ADVICE = {"low": "Take note.", "medium": "Watch it closely.", "high": "Reduce exposure."}


def anomaly(symbol: str, back: int, severity: str, kind: str, direction: int = 0, explained: str | None = None) -> Anomaly:
    """One made anomaly, of `back` sessions before the last."""
    session = day_number(sessions(back + 1, END)[0])
    time = int(nominal_opening(np.array([session]))[0])
    raw = {"low": 1.1, "medium": 1.7, "high": 3.0}[severity]
    drivers = (f"{kind} of {symbol}", "volume 6.2 times its 20-bar median")
    return Anomaly(
        symbol, "1d", time, session, raw / (1 + raw), raw, severity, kind, direction, drivers, explained, AFTER, ADVICE[severity]
    )  # fmt: skip


MADE = (
    anomaly("MEAA3", 0, "high", "jump", -1),
    anomaly("NHAA3", 0, "low", "volume_burst"),
    anomaly("NHAA3", 3, "medium", "gap", 1, "event: dividend of R$ 0.5 a unit, ex on 2025-06-25"),
    anomaly("STAL3", 120, "high", "frozen_price"),
)


def store(home: Path, found: Sequence[Anomaly] = MADE) -> None:
    desk = opened(Workspace(home))
    record(desk.store, [Scan(item.symbol, "1d", item.time, item.time, (item,)) for item in found], MORNING)
    desk.close()


def view(pilot: Desks) -> AnomaliesView:
    return pilot.app.query_one(AnomaliesView)


async def open_view(pilot: Desks, count: int = len(MADE)) -> VTable:
    await app_of(pilot).action_show("anomalies")
    await until(pilot, lambda: len(view(pilot).found) == count)
    return view(pilot).table


def listed(pilot: Desks) -> list[tuple[str, str]]:
    return [(item.symbol, item.kind) for item in view(pilot).listed]


def test_the_board_reads_what_was_recorded(real_home: Path) -> None:
    store(real_home)
    board = open_board(Workspace(real_home).database)
    assert board is not None
    found = board.anomalies()
    assert [item.id for item in found] == [MADE[0].id, MADE[1].id, MADE[2].id, MADE[3].id]
    first, made = found[0], jsonable(MADE[0].as_dict())
    assert {name: getattr(first, name) for name in ("score", "raw", "severity", "kind", "direction", "advice")} == {
        name: made[name] for name in ("score", "raw", "severity", "kind", "direction", "advice")
    }
    assert (list(first.drivers), list(first.followed_by), first.time) == (made["drivers"], made["followed_by"], MADE[0].time)
    assert (first.name, first.acknowledged) == ("MADE ENERGY", False)
    board.close()


async def test_the_newest_first_with_severity_drivers_and_what_followed(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (200, 50)) as pilot:
        await open_view(pilot)
        assert listed(pilot) == [(item.symbol, item.kind) for item in MADE]
        await see(
            pilot, "4 anomalies · 4 not seen yet", "!!! high", "!!  medium", "!   low", "jump ▼", "gap ▲", "frozen price", "2025-06-30",
            "jump of MEAA3", "volume 6.2 times its 20-bar median", "Advice: Reduce exposure.", "Score: 0.75 (3.0 times the alarm limit)",
            "1 bar: mean -1.20%, median -1.00%", "95 % interval -3.00% to", "too few to tell", "n = 7", MADE[0].id, "not seen yet",
        )  # fmt: skip
        view(pilot).table.select(2)
        await see(pilot, "Explained by: event: dividend of R$ 0.5 a unit", "Watch it closely.")


async def test_candles_around_the_bar_are_drawn_with_a_mark(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (200, 50)) as pilot:
        table = await open_view(pilot)
        table.select(3)
        chart = view(pilot).query_one(CandleChart)
        await until(pilot, lambda: chart._title == "STAL3")
        assert len(chart._bars[0]) == 61
        assert [mark.bar for mark in chart._marks] == [45]
        await see(pilot, "◆")


async def test_words_filter_by_symbol_severity_kind_and_day(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_view(pilot)
        await pilot.press("slash")
        await type_in(pilot, "nhaa3 medium")
        await until(pilot, lambda: listed(pilot) == [("NHAA3", "gap")])
        await see(pilot, "1 of 4 anomalies", "filter: nhaa3 medium")
        prompt = pilot.app.query_one("#anomalies-filter", Prompt)
        for words, expected in (
            ("2025-06-30", 2), ("!2025-06", 1), ("2025-06..2025-06", 3), ("2025-06-26..", 2), ("!2025-06..", 1), ("..2025-05 high", 1), ("volume burst", 1), ("volume_burst", 1), ("harbour", 2), ("high !frozen", 1), ("xyz", 0),
        ):  # fmt: skip
            prompt.value = words
            await until(pilot, lambda expected=expected: len(listed(pilot)) == expected)
        await see(pilot, "No anomaly matches the filters; esc clears them.")
        prompt.value = ""
        await until(pilot, lambda: len(listed(pilot)) == 4)


async def test_keys_filter_by_severity_kind_sessions_and_what_was_seen(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_view(pilot)
        seen = []
        for _turn in range(3):
            await pilot.press("w")
            seen.append(len(listed(pilot)))
        assert seen == [3, 2, 4]
        kinds = []
        for _turn in range(5):
            await pilot.press("t")
            kinds.append([kind for _symbol, kind in listed(pilot)])
        assert kinds == [["jump"], ["volume_burst"], ["gap"], ["frozen_price"], [item.kind for item in MADE]]
        spans = []
        for _turn in range(4):
            await pilot.press("d")
            spans.append(len(listed(pilot)))
        assert spans == [2, 4, 4, 4]
        await pilot.press("u", "w", "d")
        await see(pilot, "from medium on", "newest session", "only those not seen yet", "1 of 4 anomalies")


async def test_one_key_clears_every_filter(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_view(pilot)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
        pilot.app.screen.dismiss("STAL3")
        await until(pilot, lambda: len(listed(pilot)) == 1)
        await pilot.press("w", "t", "d", "u")
        await see(pilot, "0 of 4 anomalies", "No anomaly matches the filters; esc clears them.")
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(pilot)) == len(MADE))
        assert "filter" not in screen_text(pilot)


async def test_without_any_anomaly_it_says_what_finds_some(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_view(pilot, 0)
        await see(pilot, "No anomalies yet: ^r starts the daily run")


def test_an_end_of_a_span_is_as_much_of_a_day_as_was_typed() -> None:
    day = date(2025, 6, 30)
    inside = (
        "2025-06-30..2025-06-30",
        "2025-06..2025-06",
        "2025..2025",
        "2025-04..",
        "..2025-06",
        "..2025-07-01",
        "!2026..",
        "2025..2",
    )
    assert all(is_span(word) and in_span(day, word) for word in inside)
    outside = ("2025-07..", "..2025-05", "2024..2024", "!2025..", "..2025-06-29")
    assert all(is_span(word) and not in_span(day, word) for word in outside)
    assert not any(is_span(word) for word in ("2025-06", "..", "PETR..", "!", "2025.06"))


@given(first=dates(), last=dates(), day=dates())
def test_a_span_of_whole_days_has_the_days_between_its_ends(first: date, last: date, day: date) -> None:
    assert in_span(day, f"{first}..{last}") == (first <= day <= last)
    assert in_span(day, f"!{first}..{last}") != in_span(day, f"{first}..{last}")


async def test_a_symbol_is_chosen_from_the_list(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home) as pilot:
        await open_view(pilot)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
        pilot.app.screen.dismiss("STAL3")
        await until(pilot, lambda: listed(pilot) == [("STAL3", "frozen_price")])


async def test_acknowledging_is_kept_and_undone_and_the_cursor_stays(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        table = await open_view(pilot)
        table.select(1)
        await pilot.press("a")
        await until(pilot, lambda: view(pilot).found[1].acknowledged)
        await see(pilot, "4 anomalies · 3 not seen yet", " · seen")
        chosen = view(pilot).selected
        assert chosen is not None
        assert chosen.id == MADE[1].id
        store(real_home)
        await pilot.press("u")
        await until(pilot, lambda: len(listed(pilot)) == 3)
        await pilot.press("u")
        table.select(1)
        await pilot.press("a")
        await until(pilot, lambda: not view(pilot).found[1].acknowledged)


async def test_enter_opens_the_chart_at_the_bar(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home) as pilot:
        table = await open_view(pilot)
        table.select(2)
        await pilot.press("enter")
        plot = await charted(pilot, "NHAA3")
        assert view_name(pilot) == "chart"
        assert plot.viewport.cursor == plot.viewport.count - 4


async def test_what_is_shown_is_written_to_files(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home) as pilot:
        await open_view(pilot)
        await pilot.press("w", "w", "x")
        await until(pilot, lambda: "2 anomalies written to" in said(pilot))
    out = Workspace(real_home).out
    assert sorted(path.name for path in out.iterdir()) == ["anomalies-2025-07-01.csv", "anomalies-2025-07-01.json"]
    with (out / "anomalies-2025-07-01.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["severity"], row["acknowledged"]) for row in rows] == [
        (MADE[0].id, "high", "False"), (MADE[3].id, "high", "False"),
    ]  # fmt: skip
    assert rows[0]["drivers"] == "jump of MEAA3; volume 6.2 times its 20-bar median"
    whole = json.loads((out / "anomalies-2025-07-01.json").read_text(encoding="utf-8"))["anomalies"]
    expected = jsonable(MADE[0].as_dict())
    assert {name: whole[0][name] for name in expected} == expected


async def test_a_folder_that_cannot_be_written_is_said(real_home: Path) -> None:
    store(real_home)
    Workspace(real_home).out.write_text("a file stands in its place", encoding="utf-8")
    async with at_desk(real_home) as pilot:
        await open_view(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "cannot be written" in said(pilot))


async def test_those_of_another_process_appear(real_home: Path) -> None:
    store(real_home, MADE[1:])
    async with at_desk(real_home) as pilot:
        table = await open_view(pilot, 3)
        table.select(1)
        store(real_home)
        await until(pilot, lambda: len(listed(pilot)) == 4)
        chosen = view(pilot).selected
        assert chosen is not None
        assert chosen.id == MADE[2].id


async def test_one_anomaly_is_read_on_a_page_of_its_own(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (60, 15)) as pilot:
        await open_view(pilot)
        await see(pilot, "!!! high", "MEAA3")
        assert all(len(line) <= 60 for line in screen_text(pilot).splitlines())
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await see(pilot, "MEAA3 jump ▼ !!! high")


async def test_without_any_it_says_how_to_find_them(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await command(pilot, "anm")
        await until(pilot, lambda: view_name(pilot) == "anomalies")
        await see(pilot, "No anomalies yet: ^r starts the daily run")
        await pilot.press("a", "x", "v", "enter", "w", "t", "d", "u")
        assert view_name(pilot) == "anomalies"


async def test_it_sorts_by_severity_and_score(real_home: Path) -> None:
    store(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        table = await open_view(pilot)
        table.sort_by("severity", reverse=True)
        assert [item.severity for item in view(pilot).listed] == ["high", "high", "medium", "low"]
        table.sort_by("score")
        assert listed(pilot)[0] == ("NHAA3", "volume_burst")
        assert "anomalies" in str(pilot.app.query_one("#anomalies-head", Static).render())
