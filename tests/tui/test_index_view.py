"""The view of the direction: what it says at each decision time, how it fared, what it is worth, and what it starts."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from engine.domain import day_number
from engine.errors import UsageError
from engine.ml.direction.gate import rolled_hits
from engine.ml.direction.times import ALL
from engine.store.board import open_board
from engine.store.job_ledger import Job
from engine.workspace import Workspace
from tests.tui.desk_host import Desks, app_of, at_desk, command, said, screen_text, see, type_in, until, view_name
from tests.tui.direction_maker import (
    DURING,
    JUDGED,
    REASONS,
    SKILL,
    SYMBOL,
    TODAY,
    evaluation,
    figures,
    fill,
    open_index,
    put,
    view,
)
from tests.tui.direction_maker import said as made_said
from tests.tui.widget_host import Host, lines
from tui.actions import BY_ID
from tui.index.asking import KIND
from tui.index.frame import PANELS
from tui.index.panels import intervals, windows_line
from tui.index.price import typed_price
from tui.index.record import WINDOW, Moment, Past, moments, order, record, rolled, targets
from tui.index.table import columns
from tui.index.text import gate_text, record_text, said_text, strip
from tui.screens.dialogs import PickSymbol, Reader
from tui.widgets.distribution import Bar, Distribution
from tui.widgets.learning_chart import CalibrationChart, IntervalChart
from tui.widgets.prompt import Prompt

PLAIN = dict.fromkeys(("", "up", "down", "flat", "dim", "warn", "accent"), "")


def started(pilot: Desks) -> list[tuple[str, dict[str, Any]]]:
    """What the app is asked to start or to answer from now on; nothing is."""
    found: list[tuple[str, dict[str, Any]]] = []
    app = app_of(pilot)
    app.start_job = lambda kind, params, title: found.append((kind, params))  # type: ignore[method-assign]
    app.ask_job = lambda kind, params, done: found.append((kind, params))  # type: ignore[assignment, method-assign]
    return found


def runs(pilot: Desks, share: float | None, note: str) -> None:
    """An evaluation runs and is so far."""
    app_of(pilot)._followed[7] = (KIND, note, share)
    app_of(pilot)._show_jobs()


def named(pilot: Desks, time: str) -> Moment:
    return next(moment for moment in view(pilot).moments if moment.time == time)


# --- the store ------------------------------------------------------------------------------------------------------


def test_the_board_reads_what_was_recorded(real_home: Path) -> None:
    fill(real_home)
    board = open_board(Workspace(real_home).database)
    assert board is not None
    found = board.directions(SYMBOL)
    assert (len(found), found[0].target, {item.target for item in found[:2]}) == (7, TODAY, {TODAY})
    first = next(item for item in found if (item.target, item.decision_time) == (TODAY, "open"))
    assert (first.signal, first.probability, first.baseline, first.coverage) == (None, 0.51, 0.521, 0.48)
    assert (first.model, first.reasons, first.outcome) == ("made-open", REASONS, None)
    assert first.gate is not None
    assert first.gate["verdict"] == "not met"
    done = {item.decision_time: item for item in board.evaluations(SYMBOL)}
    assert set(done) == set(SKILL)
    assert done["close"].figures["accuracy"] == figures("close")["accuracy"]
    assert len(done["close"].sessions) == len(done["close"].probabilities) == len(done["close"].labels) == JUDGED
    assert (board.direction_symbols(), board.directions("NOSUCH3"), board.evaluations("NOSUCH3")) == ([SYMBOL], [], [])
    board.close()


def test_the_newest_evaluation_counts_and_the_state_of_the_board_tells_each_change(real_home: Path) -> None:
    put(real_home, [], [evaluation("close")])
    board = open_board(Workspace(real_home).database)
    assert board is not None
    states = [board.state()]
    canary = {"name": "too_good", "passed": False, "meaning": "it is too good"}
    put(real_home, [], [evaluation("close", canaries=[canary])])
    states.append(board.state())
    (newest,) = board.evaluations(SYMBOL)
    assert (newest.promoted, newest.canaries) == (False, (canary,))
    put(real_home, [made_said("close", 1, 0.53, back=1)])
    states.append(board.state())
    put(real_home, back_1=1)
    states.append(board.state())
    assert len(set(states)) == 4
    board.close()


# --- the record -----------------------------------------------------------------------------------------------------


def test_decision_times_come_in_the_order_of_the_day() -> None:
    assert sorted(["16:00", "open", "10:30", "close", "preopen"], key=order) == ["close", "preopen", "open", "10:30", "16:00"]


def test_live_sessions_follow_the_judged_ones_and_abstained_ones_count_by_the_likelier_side(real_home: Path) -> None:
    fill(real_home)
    board = open_board(Workspace(real_home).database)
    assert board is not None
    directions, evaluations = board.directions(SYMBOL), board.evaluations(SYMBOL)
    close = next(item for item in evaluations if item.decision_time == "close")
    live = [item for item in directions if item.decision_time == "close"]
    past = record(live, close)
    assert len(past) == JUDGED + 2
    assert past[-1] == Past(targets(directions)[1], hit=False, rose=True, said=True, live=True)
    assert past[-2] == Past(targets(directions)[2], hit=True, rose=True, said=False, live=True)
    assert not any(item.live for item in past[:-2])
    found = moments(["12:00"], directions, evaluations, TODAY)
    assert found[0].past() == past
    assert found[0].window == past[-WINDOW:]
    assert [moment.time for moment in found] == ["close", "open", "11:00", "12:00"]
    assert [moment.said is not None for moment in found] == [True, True, False, False]
    assert record([], None) == ()
    assert record(live, close, past[-1].session) == past[:-1]
    assert record(live, close, most=3) == past[-3:]
    again = replace(
        close, sessions=(*close.sessions, past[-1].session), probabilities=(*close.probabilities, 0.9), labels=(*close.labels, 1)
    )
    assert record(live, again)[-1] == Past(past[-1].session, hit=True, rose=True)
    board.close()


@given(st.lists(st.booleans(), max_size=90))
def test_rolled_hits_are_those_of_the_gate(hits: list[bool]) -> None:
    import numpy as np

    past = [Past(at, hit, hit) for at, hit in enumerate(hits)]
    assert rolled(past) == rolled_hits(np.array(hits, dtype=np.bool_), WINDOW).tolist()


# --- words ----------------------------------------------------------------------------------------------------------


def test_a_strip_has_one_glyph_a_session_and_tells_abstention_apart() -> None:
    window = [Past(1, True, True), Past(2, False, True), Past(3, True, False, said=False), Past(4, False, False, said=False)]
    assert strip(window, lambda past: past.hit, PLAIN, abstained=True).plain == "✔✖✓✗"
    assert strip(window, lambda past: past.rose, PLAIN).plain == "✔✔✖✖"
    text = record_text(Moment("open", window=tuple(window)), PLAIN).plain
    for part in ("Last 4 sessions", "(0 live)", "✔✖✓✗ 2/4 50.0 %", "✔✔✖✖ 2/4", "✓ ✗ it abstained on 2 sessions; 1 of 2 right"):
        assert part in text
    assert "No session of this decision time is over yet." in record_text(Moment("open"), PLAIN).plain


def test_a_gate_that_is_not_met_says_so_with_its_doubts() -> None:
    from engine.store.board_directions import BoardEvaluation

    done = BoardEvaluation(1, "close", 0, figures("close"), (), (), (), (), True)
    text = gate_text(Moment("close", evaluation=done), PLAIN)
    for part in (
        "Gate, 75 % over 30 sessions: ✖ not met",
        "95 % interval",
        "Without skill",
        "In the same window: always up",
        "rolled",
    ):
        assert part in text.plain
    assert "an evaluation does it" in gate_text(Moment("close"), PLAIN).plain


def test_what_was_not_said_is_to_come_or_was_not_asked() -> None:
    assert "to come" in said_text(Moment("11:00"), SYMBOL, "title", PLAIN, due=False).plain
    assert "not asked" in said_text(Moment("11:00"), SYMBOL, "title", PLAIN, due=True).plain


def test_the_windows_in_words() -> None:
    line = windows_line("close", [10, 15, 24, 20])
    for part in ("4 windows of 30", "at most 15 hits", "which 25.0 % of them reach", "20 hits, 66.7 %; 75.0 % of all"):
        assert part in line


@pytest.mark.parametrize(
    ("text", "last", "value"),
    [
        ("137.412", 136_900.0, 137_412.0),
        ("137,412", 136_900.0, 137_412.0),
        ("137.412,5", 136_900.0, 137_412.5),
        ("137,412.50", 136_900.0, 137_412.5),
        ("137412.5", 136_900.0, 137_412.5),
        ("137 412", 136_900.0, 137_412.0),
        ("134,15", 133.0, 134.15),
        ("134.150", 133.0, 134.15),
        ("134.15", None, 134.15),
        ("1.234.567", 1_200_000.0, 1_234_567.0),
    ],
)
def test_a_quote_is_read_with_either_separator(text: str, last: float | None, value: float) -> None:
    assert typed_price(text, last) == value


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "1.2.3", "1e5", "nan", "12..5", "137.41.2"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        typed_price(text, None)


@pytest.mark.parametrize("text", ["13.7", "1374125", "137,4"])
def test_a_quote_far_from_the_last_close_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="too far"):
        typed_price(text, 136_900.0)


@given(st.floats(1.0, 1e6), st.sampled_from([".", ","]), st.booleans())
def test_every_quote_is_read_back(value: float, decimal: str, grouped: bool) -> None:
    written = f"{value:,.2f}" if grouped else f"{value:.2f}"
    swapped = written if decimal == "." else written.translate(str.maketrans(".,", ",."))
    assert math.isclose(typed_price(swapped, value), value, abs_tol=0.006)


# --- the distribution -----------------------------------------------------------------------------------------------


async def test_the_columns_are_as_high_as_they_came_and_the_marks_lie_below_theirs() -> None:
    chart = Distribution()
    async with Host(chart).run_test(size=(40, 10)) as pilot:
        chart.show([Bar(at / 10, times) for at, times in enumerate((0, 1, 4, 8, 0, 2, 0, 0, 0, 0, 0))], here=0.2, aim=0.7)
        await pilot.pause()
        shown = lines(chart)
        marks = next(line for line in shown if "▲" in line)
        top = next(line for line in shown if "█" in line)
        assert marks.index("▲") < top.index("█") < marks.index("┊")
        assert "20 %" in shown[-1]
        assert "70 %" in shown[-1]
        columns = [sum(line.ljust(40)[x] == "█" for line in shown) for x in (marks.index("▲"), top.index("█") + 1)]
        assert columns == [4, 8]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (8, 3), (12, 30), (200, 4)])
async def test_a_distribution_fits_in_every_size(size: tuple[int, int]) -> None:
    chart = Distribution(empty="nothing")
    async with Host(chart).run_test(size=size) as pilot:
        for here in (None, 0.0, 0.75, 1.0):
            chart.show([Bar(at / 30, at % 5) for at in range(31)], here=here, aim=0.75)
            await pilot.pause()
            assert any(line for line in lines(chart))
        chart.show([], here=None, aim=0.75)
        await pilot.pause()
        assert "█" not in "".join(lines(chart))


# --- the view -------------------------------------------------------------------------------------------------------


async def test_every_decision_time_of_the_session_is_a_row_of_the_timeline(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await command(pilot, "idx")
        await until(pilot, lambda: view_name(pilot) == "index")
        await see(
            pilot, f"{SYMBOL} · session of 2025-07-01 · said at 2 of 11 times", "● close", "▲ up", "53.0 %", "● open", "● abstains",
            "48 %", "○ 10:30", "to come", "✖ not met", "! met by luck",
        )  # fmt: skip
        times = [moment.time for moment in view(pilot).moments]
        assert times[:3] == ["close", "preopen", "open"]
        assert times[3:] == sorted(times[3:])
        assert view(pilot).selected == named(pilot, "open")
        await see(
            pilot, "probability of up 51.0 %", "base rate 52.1 %", "48 % of the sessions", *REASONS, "Said on 2025-07-01 08:00"
        )
        view(pilot).table.select(0)
        await see(pilot, "▲ up (1)", "after the close", "Last 30 sessions", "always up", "(2 live)", "it abstained on 1 session")


async def test_sessions_before_are_stepped_through_with_what_came(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        await pilot.press("right")
        assert "the last session" in said(pilot)
        await pilot.press("left")
        await see(pilot, "session of 2025-06-30", "said at 3 of 11 times · ▲ up")
        view(pilot).table.select(0)
        await see(pilot, "▼ down (0)", "it rose: wrong")
        await pilot.press("left")
        await see(pilot, "session of 2025-06-27", "not asked")
        for _session in range(4):
            await pilot.press("left")
        await see(pilot, "session of 2025-06-23", "said at 0 of 11 times", "◇ 3 judged", "◇ close", "◇ 11:00", "Not said live")
        view(pilot).target = min(view(pilot).evaluations[0].sessions)
        await pilot.press("left")
        assert "the first session" in said(pilot)


async def test_what_another_process_says_appears_and_the_cursor_stays(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        view(pilot).table.select(0)
        put(real_home, [made_said("preopen", 0, 0.31, at=made_said("close", 1, 0.5).made_at + 60)])
        await until(pilot, lambda: named(pilot, "preopen").said is not None)
        await see(pilot, "▼ down", "said at 3 of 11 times")
        assert view(pilot).selected == named(pilot, "close")


async def test_the_panels_show_the_evaluation_of_the_chosen_time(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (120, 50)) as pilot:
        await open_index(pilot)
        await pilot.press("e")
        await see(
            pilot,
            "accuracy, 95 % interval",
            "┃ always up",
            "n = 400",
            "✔ skill",
            "Balanced accuracy",
            "Brier",
            "By year",
            "ranging",
        )
        assert [row.label for row in pilot.app.query_one(IntervalChart).rows] == ["close", "open", "11:00"]
        view(pilot).table.select(0)
        await see(pilot, "✖ no skill", "Against always up:")
        await pilot.press("c")
        await see(pilot, "close. Across: the probability of up", "▲ up", "100 %")
        assert pilot.app.query_one(CalibrationChart).drawable()
        await pilot.press("w")
        past = named(pilot, "close").past()
        chart = pilot.app.query_one(Distribution)
        assert (sum(bar.times for bar in chart.bars), chart.here) == (
            JUDGED + 2 - WINDOW + 1,
            sum(item.hit for item in past[-WINDOW:]) / WINDOW,
        )
        await see(pilot, "windows of 30 sessions", "75 %", "▲", "┊")
        view(pilot).table.select(1)
        await see(pilot, "There are no 30 sessions out of sample yet.")
        await pilot.press("enter")
        assert view(pilot).panel == "today"


async def test_a_failed_canary_is_told(real_home: Path) -> None:
    canary = {"name": "too_good", "passed": False, "meaning": "no honest model is right so often at the close"}
    put(real_home, [made_said("close", 1, 0.53)], [evaluation("close", canaries=[canary])])
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        await see(pilot, "✖ Canary too_good: no honest model is right so often", "is not used")


async def test_without_anything_it_says_how_to_begin(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        shown = await open_index(pilot)
        assert (shown.symbol, shown.target) == ("IBOV", None)
        await see(
            pilot, "IBOV · nothing was said yet: a asks now, ^r starts the daily run", "not asked", "The gate was not judged yet"
        )
        for key in ("e", "c", "w", "u", "v"):
            await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await pilot.press("q", "left")
        assert "Nothing was said about IBOV yet." in said(pilot)


@pytest.mark.parametrize("size", [(60, 15), (200, 60)])
async def test_every_panel_opens_in_every_size_and_the_view_keeps_its_state(real_home: Path, size: tuple[int, int]) -> None:
    fill(real_home)
    async with at_desk(real_home, size) as pilot:
        await open_index(pilot)
        seen = []
        for _panel in PANELS:
            await pilot.press("p")
            seen.append(view(pilot).panel)
            await pilot.pause()
            assert view(pilot).query_one(f"#index-{seen[-1]}").size.height > 2
            assert all(len(line) <= size[0] for line in screen_text(pilot).splitlines())
        assert seen == [*list(PANELS)[1:], "today"]
        await pilot.press("w", "k", "1")
        await until(pilot, lambda: view_name(pilot) == "watchlist")
        await pilot.press("6")
        await until(pilot, lambda: view_name(pilot) == "index")
        assert (view(pilot).panel, view(pilot).selected) == ("windows", named(pilot, "preopen"))


def test_the_panels_have_actions() -> None:
    assert {f"index.{panel}" for panel in PANELS} <= set(BY_ID)


async def test_it_reads_in_colours_of_each_theme(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        colours = []
        for _theme in range(2):
            shown = view(pilot)._shown()
            assert shown is not None
            text = record_text(shown.moment, shown.colours)
            assert isinstance(text, Text)
            colours.append({str(span.style) for span in text.spans if str(span.style).startswith("#")})
            await pilot.press("ctrl+t")
            await pilot.pause()
        assert colours[0]
        assert not colours[0] & colours[1]


# --- what it starts -------------------------------------------------------------------------------------------------


async def test_a_key_asks_for_the_signal_and_a_quote_can_be_typed(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        found = started(pilot)
        app_of(pilot).now = lambda: float(DURING)
        await pilot.press("a")
        assert found == [(KIND, {"do": "signal", "symbol": SYMBOL, "at": "open"})]
        await pilot.press("x")
        prompt = pilot.app.query_one("#index-price", Prompt)
        assert prompt.display
        assert f"Opening price of {SYMBOL}" in str(prompt.border_title)
        await type_in(pilot, "abc")
        await pilot.press("enter")
        await until(pilot, lambda: "is no price" in str(prompt.border_subtitle))
        row = app_of(pilot).board.row(SYMBOL)  # type: ignore[union-attr]
        assert row is not None
        await pilot.press("ctrl+u")
        await type_in(pilot, "900000")
        await pilot.press("enter")
        await until(pilot, lambda: "too far from the last close" in str(prompt.border_subtitle))
        await pilot.press("ctrl+u")
        await type_in(pilot, f"{row.last * 1.01:.2f}".replace(".", ","))
        await pilot.press("enter")
        await until(pilot, lambda: len(found) == 2)
        assert found[1] == (KIND, {"do": "signal", "symbol": SYMBOL, "at": "open", "price": round(row.last * 1.01, 2)})
        assert pilot.app.focused is view(pilot).table
        view(pilot).table.select(0)
        await pilot.press("x")
        assert "takes no quote" in said(pilot)
        assert not prompt.display
        view(pilot).table.select(5)
        await pilot.press("x", "escape")
        assert not prompt.display
        assert len(found) == 2


@pytest.mark.parametrize("key", ["a", "x"])
async def test_a_time_that_has_not_come_is_said_before_anything_is_asked(real_home: Path, key: str) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        found = started(pilot)
        for row in (2, 5):
            view(pilot).table.select(row)
            await pilot.press(key)
            assert "2025-07-01 has not come yet" in said(pilot).splitlines()[0]
            assert "--at" not in said(pilot)
            assert not pilot.app.query_one("#index-price", Prompt).display
        assert found == []
        view(pilot).table.select(1)
        await pilot.press("a")
        assert found == [(KIND, {"do": "signal", "symbol": SYMBOL, "at": "preopen"})]


async def test_a_session_that_is_over_is_replayed_and_marked(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        asked: list[dict[str, Any]] = []

        def answer(kind: str, params: dict[str, Any], done: Any) -> None:
            asked.append(params)
            done(Job(1, kind, params, "done", 0, result=dict(made_said(params["at"], 1, 0.71, back=1, timely=False).direction)))

        app_of(pilot).ask_job = answer  # type: ignore[assignment, method-assign]
        await pilot.press("left")
        view(pilot).table.select(1)
        await pilot.press("x")
        assert "takes no quote" in said(pilot).splitlines()[0]
        view(pilot).table.select(3)
        await pilot.press("x")
        assert "is over" in said(pilot).splitlines()[0]
        await pilot.press("a")
        assert asked == [{"do": "signal", "symbol": SYMBOL, "at": "10:30", "as_of": "2025-06-30"}]
        await see(pilot, "↺ 10:30", "↺ 1 replayed", "it rose: right", "Replay: not said live", REASONS[0])
        assert named(pilot, "10:30").window == ()
        await pilot.press("right", "left")
        await see(pilot, "↺ 10:30")
        view(pilot).table.select(1)
        await pilot.press("left", "a")
        view(pilot).table.select(0)
        view(pilot).target = min(view(pilot).evaluations[0].sessions) + 1
        await pilot.press("a")
        assert [item.get("as_of") for item in asked[1:2]] == ["2025-06-27"]
        close = asked[-1]
        assert (close["at"], day_number(date.fromisoformat(close["as_of"])) < view(pilot).target) == ("close", True)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_decision_time_and_column_is_seen(real_home: Path, size: tuple[int, int]) -> None:
    fill(real_home)
    async with at_desk(real_home, size) as pilot:
        await open_index(pilot)
        await see(
            pilot, "close", "preopen", "open", *(f"{hour}:00" for hour in range(11, 17)), "Speaks", "48 %", "Alw. up", "Came"
        )


async def test_the_evaluation_opens_at_its_first_row(real_home: Path) -> None:
    put(real_home, [made_said("close", 1, 0.53)], [replace(evaluation("close"), decision_time=time.text) for time in ALL])
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_index(pilot)
        await pilot.press("e")
        await until(pilot, lambda: len(pilot.app.query_one(IntervalChart).rows) == len(ALL))
        panel = view(pilot).query_one("#index-evaluation")
        chart = pilot.app.query_one(IntervalChart)
        await until(pilot, lambda: chart.size.height == len(ALL) + 2)
        assert panel.scroll_offset.y == 0
        assert panel.max_scroll_y > 0


@pytest.mark.parametrize("keeps", [True, False])
async def test_the_answer_is_shown_when_it_comes_and_where_it_is_not_kept_on_a_page(real_home: Path, keeps: bool) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        app = app_of(pilot)

        def answer(kind: str, params: dict[str, Any], done: Any) -> None:
            answered = made_said(params["at"], 0, 0.2, timely=keeps)
            if keeps:
                put(real_home, [answered])
            done(Job(1, kind, params, "done", 0, result=dict(answered.direction)))

        app.ask_job = answer  # type: ignore[assignment, method-assign]
        app.now = lambda: float(DURING)
        view(pilot).table.select(5)
        await pilot.press("a")
        if keeps:
            await see(
                pilot,
                "▼ down (0)",
                "said at 3 of 11 times",
                "S&P 500 in the night",
                "Behind the index: SP500 (2025-06-25).",
                "Monitoring",
            )
            assert not isinstance(pilot.app.screen, Reader)
        else:
            await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
            await see(
                pilot, "▼ down (0)", "Session of 2025-07-01. Said after its time, so it is not kept.", "S&P 500 in the night"
            )
            assert named(pilot, "11:00").said is None


async def test_a_real_job_is_asked_and_what_came_is_told(real_home: Path) -> None:
    """300 made sessions are too few to learn from; the process of the job says so, and the app passes it on."""
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        view(pilot).table.select(0)
        await pilot.press("a")
        await until(
            pilot, lambda: SYMBOL in said(pilot).splitlines()[0] and "Asking" not in said(pilot).splitlines()[0], patience=60
        )
        await pilot.pause(0.2)
        assert "defect" not in said(pilot)
        assert said(pilot).count("MEAA3 is of 2025-06-30") == 1


async def test_an_evaluation_is_started_followed_and_cancelled(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        await open_index(pilot)
        found = started(pilot)
        await pilot.press("r")
        await until(pilot, lambda: found)
        assert found == [(KIND, {"do": "evaluate", "symbol": SYMBOL})]
        runs(pilot, 0.25, "after the close")
        await see(pilot, "▓▓▓▓▓░", "25%", "Direction after the close", "^x cancels")
        await pilot.press("r")
        assert "still running" in said(pilot)
        assert len(found) == 1
        assert view(pilot).job_to_cancel() == 7
        del app_of(pilot)._followed[7]
        app_of(pilot)._show_jobs()
        assert not pilot.app.query_one("#index-job").display
        assert view(pilot).job_to_cancel() is None


async def test_another_symbol_is_chosen(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home) as pilot:
        await open_index(pilot)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
        pilot.app.screen.dismiss("STAL3")
        await see(pilot, "STAL3 · nothing was said yet")
        assert all(moment.evaluation is None for moment in view(pilot).moments)


async def test_it_sorts_and_the_rows_are_still_the_right_ones(real_home: Path) -> None:
    fill(real_home)
    async with at_desk(real_home, (160, 40)) as pilot:
        shown = await open_index(pilot)
        for key, reverse, first in (("probability", True, "close"), ("record", True, "11:00"), ("time", True, "16:00")):
            shown.table.sort_by(key, reverse=reverse)
            assert shown.moments[shown.table.order[0]].time == first
        for column in columns():
            shown.table.sort_by(column.key)
            assert len(shown.table.order) == len(shown.moments)


def test_intervals_leave_out_what_was_not_evaluated() -> None:
    assert intervals((Moment("close"),)) == []


async def test_a_job_that_goes_on_while_a_view_is_being_made_breaks_nothing(real_home: Path) -> None:
    from tui.views.index import IndexView

    async with at_desk(real_home) as pilot:
        app = app_of(pilot)
        made = app.switcher.mount(IndexView())
        app._show_jobs()
        await made
        app._show_jobs()
