"""The panels of the backtest view: compare, months, evidence, costs and taxes, orders, trades."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import strategies
from engine.errors import NoDataError
from tests.tui.desk_host import (
    Desks,
    answered,
    app_of,
    at_desk,
    backtest,
    form,
    open_backtest,
    said,
    screen_text,
    see,
    until,
    view_name,
)
from tui.backtest.compare import ComparePanel
from tui.backtest.costs import CostsPanel
from tui.backtest.evidence import EvidencePanel, outcome_text
from tui.backtest.frame import PANELS
from tui.backtest.months import MonthMap, compound
from tui.screens.dialogs import Reader

NAMES = set(strategies.names())
SIZES = [(60, 15), (80, 24), (120, 40), (200, 60)]


async def resized(pilot: Desks, size: tuple[int, int]) -> None:
    await pilot.resize_terminal(*size)
    await until(pilot, lambda: backtest(pilot).size.width == size[0])
    await pilot.pause()


def compare_panel(pilot: Desks) -> ComparePanel:
    return pilot.app.query_one(ComparePanel)


async def compared(pilot: Desks) -> ComparePanel:
    """Press `c` and wait for a new ranking."""
    before = compare_panel(pilot).found if pilot.app.query(ComparePanel) else None
    await pilot.press("c")

    def new() -> bool:
        panel = compare_panel(pilot)
        return panel.found is not None and panel.found is not before and not panel._running

    await until(pilot, new)
    await pilot.pause()
    return compare_panel(pilot)


async def set_field(pilot: Desks, key: str, value: Any) -> None:
    await answered(pilot, lambda: _set(pilot, key, value))


async def _set(pilot: Desks, key: str, value: Any) -> None:
    form(pilot).set_value(key, value)


# --- compare --------------------------------------------------------------------------------------------------------


async def test_the_ranking_has_every_strategy_and_the_baselines(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        panel = await compared(pilot)
        assert panel.found is not None
        assert {result.strategy.name for result in panel.found.ranking} == NAMES
        rows = [panel._cell(row, "name") for row in panel.table.order]
        assert rows == [*(result.strategy.name for result in panel.found.ranking), ("buy and hold", "dim")]
        await see(pilot, "MEAA3 1d", "too few trades", "baseline", "Sharpe")
        assert panel.table.has_focus
        await pilot.press("G")
        await see(pilot, "Ranked by the Sharpe ratio")


async def test_a_row_chosen_goes_into_the_form_with_its_parameters(real_home: Path) -> None:
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_backtest(pilot)
        await set_field(pilot, "ema_fast", 4)
        panel = await compared(pilot)
        own = next(result for result in panel.found.ranking if result.strategy.name == "trend_following")  # type: ignore[union-attr]
        assert own.strategy.params["ema_fast"] == 4
        names = [result.strategy.name for result in panel.found.ranking]  # type: ignore[union-attr]
        panel.table.select(names.index("breakout"))
        await answered(pilot, lambda: pilot.press("enter"))
        assert backtest(pilot)._result.strategy.name == "breakout"  # type: ignore[union-attr]
        assert (form(pilot).values()["strategy"], backtest(pilot).panel, form(pilot).has_focus) == ("breakout", "charts", True)
        await pilot.press("c")
        panel.table.select(names.index("trend_following"))
        await answered(pilot, lambda: pilot.press("enter"))
        assert backtest(pilot)._result.strategy.params["ema_fast"] == 4  # type: ignore[union-attr]
        panel.table.select(len(names))
        await pilot.press("c")
        await until(pilot, lambda: panel.table.has_focus)
        values = form(pilot).values()
        await pilot.press("enter")
        await pilot.pause()
        assert (form(pilot).values(), backtest(pilot).panel) == (values, "compare")


async def test_the_verdict_counts_the_trials_of_a_comparison(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await compared(pilot)
        await see(pilot, f"(trial {len(NAMES)})")


async def test_a_ranking_of_another_question_says_so_and_is_renewed(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        panel = await compared(pilot)
        await set_field(pilot, "costs", "none")
        await see(pilot, "Of another question. c compares every strategy")
        await set_field(pilot, "costs", "b3")
        await see(pilot, "Enter puts a strategy into the form")
        await set_field(pilot, "ema_fast", 5)
        assert "another question" not in screen_text(pilot)
        await set_field(pilot, "capital", 20_000.0)
        panel = await compared(pilot)
        assert {result.config.capital for result in panel.found.ranking} == {20_000.0}  # type: ignore[union-attr]


async def test_a_panel_passed_on_the_way_compares_nothing(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("p", "p")
        await see(pilot, "c compares every strategy on these bars")
        assert compare_panel(pilot).found is None


async def test_a_comparison_that_runs_shows_how_far_it_is_and_blocks_nothing(
    real_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.backtest import answer as backtest_answer

    go_on, told = threading.Event(), threading.Event()
    true = backtest_answer.compared

    def slow(desk: Any, question: Any, progress: Any) -> Any:
        progress(2, 6, "breakout")
        told.set()
        go_on.wait(15)
        return true(desk, question, progress)

    monkeypatch.setattr(backtest_answer, "compared", slow)
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("c")
        await until(pilot, told.is_set)
        await see(pilot, "Comparing breakout, 3 of 6")
        await pilot.press("1")
        assert view_name(pilot) == "watchlist"
        await pilot.press("3")
        assert backtest(pilot).panel == "compare"
        go_on.set()
        await until(pilot, lambda: compare_panel(pilot).found is not None)
        await see(pilot, "Enter puts a strategy into the form")


async def test_a_comparison_of_an_older_question_is_given_up(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.jobs.kinds import Cancelled
    from tui.backtest import answer as backtest_answer

    go_on, ends = threading.Event(), []
    true = backtest_answer.compared

    def slow(desk: Any, question: Any, progress: Any) -> Any:
        if question.costs == "b3":
            go_on.wait(15)
        try:
            return true(desk, question, progress)
        except Cancelled:
            ends.append(question.costs)
            raise

    monkeypatch.setattr(backtest_answer, "compared", slow)
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("c")
        await set_field(pilot, "costs", "none")
        await pilot.press("c")
        await until(pilot, lambda: compare_panel(pilot).found is not None)
        go_on.set()
        await until(pilot, lambda: ends == ["b3"])
        assert compare_panel(pilot).found.ranking[0].outcome.trades["costs"].sum() == 0  # type: ignore[union-attr]


async def test_what_cannot_be_compared_is_one_sentence_and_can_be_asked_again(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await compared(pilot)
        form(pilot).set_value("from", "2031-01-01")
        await until(pilot, lambda: backtest(pilot)._result is None)
        await pilot.press("c")
        await until(pilot, lambda: compare_panel(pilot).found is None)
        await see(pilot, "✖ MEAA3 has")
        form(pilot).set_value("from", "")
        await compared(pilot)


async def test_a_broken_file_of_the_user_is_left_out_and_named(real_home: Path) -> None:
    folder = real_home / "config" / "strategies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "odd.py").write_text("1 / 0\n", encoding="utf-8")
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        panel = await compared(pilot)
        assert {result.strategy.name for result in panel.found.ranking} == NAMES  # type: ignore[union-attr]
        await pilot.press("G")
        await see(pilot, "odd.py")


async def test_a_defect_of_a_comparison_is_said(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.backtest import answer as backtest_answer

    def broken(*_arguments: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(backtest_answer, "compared", broken)
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("c")
        await see(pilot, "This comparison failed by a defect")
        assert "ZeroDivisionError" in said(pilot)
        monkeypatch.undo()
        await compared(pilot)


# --- months ---------------------------------------------------------------------------------------------------------


async def test_the_months_fit_in_every_size_and_their_signs_are_written(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("n")
        months = backtest(pilot)._result.monthly  # type: ignore[union-attr]
        for size in SIZES:
            await resized(pilot, size)
            await see(pilot, "Dec", "Year", "2025")
            heat = pilot.app.query_one(MonthMap)
            lines = heat.render().plain.splitlines()
            assert max(map(len, lines)) <= heat.size.width
            assert [line[:4] for line in lines[1:]] == sorted({str(item["year"]) for item in months})
            for line in lines[1:]:
                found = [item["return"] for item in months if str(item["year"]) == line[:4]]
                shown = line.split()[1:]
                assert len(shown) in (len(found) + 1, len(found) + 2)
                for text, value in zip(shown, [*found, compound(found)]):
                    assert float(text) == pytest.approx(value * 100, abs=0.51)
                    assert text.startswith("+") == (float(text) > 0)


async def test_gains_and_losses_have_the_colours_of_the_theme(real_home: Path) -> None:
    def grounds(pilot: Desks) -> dict[bool, set[str]]:
        text = pilot.app.query_one(MonthMap).render()
        found: dict[bool, set[str]] = {True: set(), False: set()}
        for span in text.spans:
            style = span.style
            if not isinstance(style, str) and style.bgcolor is not None:
                found[float(text.plain[span.start : span.end]) > 0].add(style.bgcolor.name)
        return found

    async with at_desk(real_home) as pilot:
        await open_backtest(pilot, "NHAA3")
        await pilot.press("n")
        dark = grounds(pilot)
        assert dark[True]
        assert dark[False]
        assert not dark[True] & dark[False]
        await pilot.press("ctrl+t")
        light = grounds(pilot)
        assert not (light[True] | light[False]) & (dark[True] | dark[False])


# --- evidence -------------------------------------------------------------------------------------------------------


async def test_the_evidence_has_luck_trials_and_trades(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("e")
        await see(
            *(pilot, "closed trades; at least 30 are needed", "probabilistic Sharpe", "Trials on this series", "deflated Sharpe"),
            *("95 % interval, from", "Winners while held", "Longest run of winners", "Kelly's stake"),
            *("b resamples the returns", "insufficient evidence: at least 30 are needed"),
        )


async def test_the_bands_are_worked_out_when_asked_for_and_go_with_their_result(real_home: Path) -> None:
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_backtest(pilot)
        await pilot.press("e")
        panel = pilot.app.query_one(EvidencePanel)
        assert panel.bands is None
        await pilot.press("b")
        await see(pilot, "Deepest drawdown", "as it came")
        assert panel.bands == backtest(pilot)._result.bands()  # type: ignore[union-attr]
        await set_field(pilot, "ema_fast", 4)
        await see(pilot, "b resamples the returns")
        assert panel.bands is None


async def test_bands_of_an_older_result_are_not_shown(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.backtest.result import BacktestResult

    go_on, done = threading.Event(), []
    true = BacktestResult.bands

    def slow(self: Any) -> Any:
        go_on.wait(15)
        done.append(self)
        return true(self, 10)

    monkeypatch.setattr(BacktestResult, "bands", slow)
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("b")
        await see(pilot, "Resampling...")
        await set_field(pilot, "ema_fast", 4)
        go_on.set()
        await until(pilot, lambda: done)
        await pilot.pause(0.1)
        await see(pilot, "b resamples the returns")
        await pilot.press("b")
        await see(pilot, "10 draws")


async def test_a_trade_that_may_have_ended_otherwise_gives_a_range(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        result = backtest(pilot)._result
        assert result is not None
        assert outcome_text(result) == ""
        doubtful = result.outcome.trades.copy()
        doubtful["ambiguous"][0] = 1
        other = replace(result, outcome=replace(result.outcome, trades=doubtful))
        other.__dict__["best_outcome"] = replace(result.outcome, equity=result.equity * np.linspace(1, 1.1, result.equity.size))
        text = outcome_text(other)
        assert "1 trade touched stop and target in one bar" in text
        assert f"{result.metrics['total_return']:+.2%}" in text
        assert f"{(1 + result.metrics['total_return']) * 1.1 - 1:+.2%}" in text


# --- costs and taxes ------------------------------------------------------------------------------------------------


async def test_costs_and_taxes_of_a_result(real_home: Path) -> None:
    async with at_desk(real_home, (120, 60)) as pilot:
        await open_backtest(pilot)
        await pilot.press("x")
        await see(
            *(pilot, "Fees and brokerage", "Slippage", "Borrowing of shares", "Interest on idle cash", "Dividends", "buy & hold"),
            *("of what the winners won", "Income tax", "after tax", "before tax"),
        )
        metrics = backtest(pilot)._result.metrics  # type: ignore[union-attr]
        whole = metrics["costs"] + metrics["slippage"] + metrics["borrow"]
        await see(pilot, f"{whole:,.2f}")
        taxed = pilot.app.query_one(CostsPanel).taxed
        assert taxed is not None
        assert taxed.equity[-1] == pytest.approx(metrics["final_equity"])


async def test_taxes_that_cannot_be_worked_out_leave_the_costs(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.backtest import taxed

    def refused(*_arguments: Any) -> Any:
        raise NoDataError("The calendar ends too early", "Import more.")

    monkeypatch.setattr(taxed, "tax_report", refused)
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("x")
        await see(pilot, "Fees and brokerage", "The calendar ends too early. Import more.")


# --- orders ---------------------------------------------------------------------------------------------------------


async def test_the_orders_of_the_second_page_are_traded_and_marked(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await see(pilot, "o  Orders: as in settings")
        before = backtest(pilot)._result
        await pilot.press("o")
        await see(pilot, "Back to the idea", "Entry order", "Trailing stop %", "Odd lots")
        await set_field(pilot, "time_exit", 2)
        result = backtest(pilot)._result
        assert result.config.execution.time_exit == 2  # type: ignore[union-attr]
        assert result.order_hash != before.order_hash  # type: ignore[union-attr]
        await see(pilot, "Exit after bars •")
        await set_field(pilot, "trail_percent", 5.0)
        assert backtest(pilot)._result.config.execution.trail_percent == pytest.approx(0.05)  # type: ignore[union-attr]
        await pilot.press("o")
        await see(pilot, "Orders: 2 changed •", "ema_fast")
        await pilot.press("o", "R")
        await until(pilot, lambda: form(pilot).values()["time_exit"] == 0)
        await until(pilot, lambda: backtest(pilot)._result.order_hash == before.order_hash)  # type: ignore[union-attr]


async def test_capital_period_costs_and_timeframe_are_marked_when_changed(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        assert "•" not in screen_text(pilot)
        for key, value, label in (
            ("capital", 50_000.0, "Capital R$ •"),
            ("costs", "none", "Costs •"),
            ("timeframe", "1w", "Timeframe •"),
            ("from", "2024-06-03", "From •"),
        ):
            form(pilot).set_value(key, value)
            await see(pilot, label)


async def test_the_page_and_the_panel_are_kept_when_the_view_is_left(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("o")
        await set_field(pilot, "entry", "limit")
        await pilot.press("n", "1")
        assert view_name(pilot) == "watchlist"
        await pilot.press("3")
        assert backtest(pilot).panel == "months"
        assert form(pilot).values()["entry"] == "limit"
        assert backtest(pilot)._result.config.execution.entry == "limit"  # type: ignore[union-attr]
        assert pilot.app.focused is backtest(pilot).focus_target()


async def test_another_symbol_is_chosen_from_the_page_of_orders(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("o")
        await set_field(pilot, "time_exit", 3)
        await open_backtest(pilot, "NHAA3")
        result = backtest(pilot)._result
        assert (result.bars.symbol, result.config.execution.time_exit) == ("NHAA3", 3)  # type: ignore[union-attr]


async def test_a_symbol_and_strategy_asked_for_before_the_engine_is_there_are_kept(
    real_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import desk

    go_on = threading.Event()
    true = desk.open_desk

    def slow(*arguments: Any) -> Any:
        go_on.wait(15)
        return true(*arguments)

    monkeypatch.setattr(desk, "open_desk", slow)
    async with at_desk(real_home, ready=False) as pilot:
        await app_of(pilot).open_backtest("NHAA3", "breakout")
        await see(pilot, "Preparing the engine...")
        go_on.set()
        await until(pilot, lambda: backtest(pilot)._result is not None)
        result = backtest(pilot)._result
        assert (result.bars.symbol, result.strategy.name) == ("NHAA3", "breakout")  # type: ignore[union-attr]


async def test_a_strategy_that_is_chosen_already_keeps_its_parameters(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await set_field(pilot, "ema_fast", 4)
        await answered(pilot, lambda: app_of(pilot).open_backtest("NHAA3", "trend_following"))
        await until(pilot, lambda: backtest(pilot)._result.bars.symbol == "NHAA3")  # type: ignore[union-attr]
        assert backtest(pilot)._result.strategy.params["ema_fast"] == 4  # type: ignore[union-attr]
        await answered(pilot, lambda: app_of(pilot).open_backtest("NHAA3", "breakout"))
        await until(pilot, lambda: backtest(pilot)._result.strategy.name == "breakout")  # type: ignore[union-attr]


async def test_every_field_of_the_form_is_reached_in_the_smallest_terminal(real_home: Path) -> None:
    async with at_desk(real_home, (60, 15)) as pilot:
        await open_backtest(pilot)
        for field in form(pilot).fields:
            await until(pilot, lambda label=field.label: f"› {label}"[:4] in screen_text(pilot))
            await pilot.press("down")


async def test_the_whole_watchlist_is_asked_with_the_same_orders(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        asked: list[dict[str, Any]] = []
        app_of(pilot).start_job = lambda kind, params, title: asked.append(params)  # type: ignore[method-assign]
        await pilot.press("o")
        await set_field(pilot, "volume_cap", 10.0)
        await pilot.press("M")
        await until(pilot, lambda: asked)
        assert asked[0]["execution"]["volume_cap"] == pytest.approx(0.1)


# --- trades ---------------------------------------------------------------------------------------------------------


async def test_a_trade_opens_the_chart_at_its_entry(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        opened: list[tuple[Any, ...]] = []

        async def open_chart(symbol: str, timeframe: str = "", instant: int | None = None, strategy: str | None = None) -> None:
            opened.append((symbol, timeframe, instant, strategy))

        app_of(pilot).open_chart = open_chart  # type: ignore[method-assign]
        await pilot.press("t", "j", "enter")
        trade = backtest(pilot)._result.trades[1]  # type: ignore[union-attr]
        await until(pilot, lambda: opened == [("MEAA3", "1d", trade.entry_time, "trend_following")])


async def test_why_a_trade_ended_is_said_in_words_and_a_doubt_is_marked(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        await pilot.press("t", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await pilot.press("q")
        await pilot.press("o")
        await set_field(pilot, "time_exit", 2)
        await pilot.press("t")
        table = backtest(pilot).trades
        assert {table._trade_cell(row, "exit_reason") for row in table.order} >= {"time"}
        table.trades[0] |= {"ambiguous": True}
        assert str(table._trade_cell(0, "exit_reason")).endswith(" ?")


# --- all of them ----------------------------------------------------------------------------------------------------


async def test_every_panel_shows_its_result_and_its_keys_in_every_size(real_home: Path) -> None:
    words = {
        "charts": ("Return", "buy & hold"),
        "trades": ("▲ R$", "Details of the trade"),
        "compare": ("c compares", "Compare"),
        "months": ("Jan", "Year"),
        "evidence": ("insufficient evidence", "Bands by resampling"),
        "costs": ("Fees and brokerage",),
    }
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        for size in SIZES:
            await resized(pilot, size)
            for panel, texts in words.items():
                assert backtest(pilot).panel == panel
                await see(pilot, *texts, PANELS[panel])
                lines = screen_text(pilot).splitlines()
                assert len(lines) == size[1]
                assert max(map(len, lines)) <= size[0]
                await pilot.press("p")


async def test_an_error_empties_every_panel_and_the_next_answer_fills_it(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_backtest(pilot)
        form(pilot).set_value("from", "2031-01-01")
        await until(pilot, lambda: backtest(pilot)._result is None)
        for key in "nex":
            await pilot.press(key)
            await see(pilot, "No result yet.", "MEAA3 has")
        await pilot.press("t")
        await see(pilot, "No trades.")
        form(pilot).set_value("from", "")
        await until(pilot, lambda: backtest(pilot)._result is not None)
        await until(pilot, lambda: len(backtest(pilot).trades.order) > 0)
        assert not math.isnan(backtest(pilot)._result.metrics["total_return"])  # type: ignore[union-attr]
