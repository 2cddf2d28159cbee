"""The app over made workspaces, on a clock that stands still: how tests open it, wait for it and read it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.widgets import Input

from engine.desk import Desk, open_desk
from engine.domain import Action, Instrument, PriceBase, Signal, day_number, from_day_number
from engine.ingestion.demo_market import refresh_demo
from engine.ingestion.rows import piece
from engine.ingestion.table import BarTable
from engine.market.calendar import nominal_opening
from engine.store.job_ledger import add_job, claim_job, finish_job
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step
from engine.store.publish import Origin, publish
from engine.workspace import Workspace
from tests.desk_maker import END, MORNING, sessions, walk
from tui.app import PregaoApp
from tui.views.backtest import BacktestView
from tui.views.data import DataView
from tui.views.signals import SignalsView
from tui.views.watchlist import WatchlistView
from tui.widgets.form import Form
from tui.widgets.price_chart import PriceChart
from tui.widgets.table import VTable

DAILY = {"MEAA3": "MADE ENERGY", "NHAA3": "NEW HARBOUR", "PROV3": "PROVISIONAL", "STAL3": "STALE STEEL"}
HOURLY, HOURLY_NAME = "HHHH3", "HOURS AND CO"
EVERY = ("HHHH3", "MEAA3", "NHAA3", "PROV3", "STAL3")
BEHIND = 8
DAYS = 300
HOURS = 60
PATIENCE = 15.0
STEP = 0.02
Desks = Pilot[int]


def opened(workspace: Workspace) -> Desk:
    return open_desk(workspace, lambda: MORNING)


def _table(symbol: str, time: Any, session: Any) -> BarTable:
    bars = walk(symbol, len(time))
    opening, high, low, close, quantity = bars.T
    made = piece(
        symbol_index=np.zeros(len(time), dtype=np.int64),
        line=np.arange(2, len(time) + 2),
        time=time,
        session=session,
        open=opening,
        high=high,
        low=low,
        close=close,
        quantity=quantity,
        turnover=(close * quantity).round(2),
    )
    return replace(made, symbols=(symbol,))


def daily_table(symbol: str, days: list[date]) -> BarTable:
    """A made walk on these sessions."""
    session = np.array([day_number(day) for day in days])
    return _table(symbol, nominal_opening(session), session)


def _hourly_table(symbol: str, days: list[date]) -> BarTable:
    session = np.repeat([day_number(day) for day in days], 7)
    return _table(symbol, nominal_opening(session) + np.tile(np.arange(7) * 3600, len(days)), session)


def put(desk: Desk, table: BarTable, timeframe: str, name: str) -> None:
    """Publish one made symbol."""
    symbol = table.symbols[0]
    origin = Origin(f"{symbol}.csv", symbol.rjust(64, "0"), "ohlcv_csv", "made", timeframe, PriceBase.RAW, len(table), 0, {})
    publish(desk.store, table, origin, {symbol: Instrument(symbol, name=name)}, MORNING)


def make_real(home: Path) -> None:
    """Daily symbols (one stale, one provisional), one of hours, the run of the last session, and two jobs that ended."""
    workspace = Workspace(home)
    desk = opened(workspace)
    days = sessions(DAYS)
    for symbol, name in DAILY.items():
        table = daily_table(symbol, days[:-BEHIND] if symbol == "STAL3" else days)
        if symbol == "PROV3":
            table = replace(table, provisional=np.arange(len(table)) == len(table) - 1)
        put(desk, table, "1d", name)
    put(desk, _hourly_table(HOURLY, days[-HOURS:]), "60m", HOURLY_NAME)
    desk.calendar  # noqa: B018 - leaves its cache, so that no test builds it again
    session = day_number(END)
    bar = int(nominal_opening(np.array([session]))[0])
    run = Run(f"{from_day_number(session)}-close", session, "close", False, "running", MORNING, None, 1, "0", "")
    begin_run(desk.store, run)
    found = [
        Signal(symbol, "1d", bar, "trend_following", action, 0.5, 20.0, None, None, bar, "made")
        for symbol, action in zip(("MEAA3", "NHAA3", "PROV3"), Action, strict=True)
    ]
    finish_step(desk.store, run.id, 0, StepRecord("signals", "done", 1.25, "", {}), found)
    end_run(desk.store, run.id, "done", desk.store.snapshot(), MORNING)
    desk.close()
    for kind, status, note, error in (
        ("import", "done", "MEAA3: 300 bars written, 0 unchanged", None),
        ("backtest", "failed", "", {"type": "NoDataError", "message": "There are no bars of XPTO3", "hint": "Import some."}),
    ):
        job = add_job(workspace.database, kind, {}, MORNING)
        claim_job(workspace.database, job, 1, MORNING)
        finish_job(workspace.database, job, 1, status, MORNING + 2, progress=(2, 2, note), error=error)


def make_demo(home: Path) -> None:
    """The demo market up to the last session of the made clock."""
    desk = opened(Workspace(home, demo=True))
    refresh_demo(desk.store, desk.calendar, desk.now())
    desk.close()


def make_empty(home: Path) -> None:
    """Folders, settings and a calendar; no database."""
    desk = opened(Workspace(home))
    desk.calendar  # noqa: B018
    desk.close()
    for path in Workspace(home).data.glob("pregao.db*"):
        path.unlink()


def copied(made: Path, to: Path) -> Path:
    return Path(shutil.copytree(made, to))


@asynccontextmanager
async def at_desk(
    home: Path,
    size: tuple[int, int] = (120, 40),
    *,
    demo: bool = False,
    keymap: dict[str, str] | None = None,
    ready: bool = True,
    toasts: bool = False,
) -> AsyncIterator[Desks]:
    """The app over a workspace; with `ready`, its engine is loaded."""
    app = PregaoApp(Workspace(home, demo), keymap, now=lambda: MORNING)
    async with app.run_test(size=size, notifications=toasts) as pilot:
        if ready:
            await until(pilot, lambda: app.desk is not None)
            await pilot.pause()
        yield pilot


def app_of(pilot: Desks) -> PregaoApp:
    return cast("PregaoApp", pilot.app)


def screen_text(pilot: Desks) -> str:
    """What is on the screen, line by line, modal screens and what is behind them included."""
    visible_screen_stack.set(pilot.app._background_screens)
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def until(pilot: Desks, condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a state. Fails with the screen and what was said when it does not come."""
    for _turn in range(int(patience / STEP)):
        if condition():
            return
        await pilot.pause(STEP)
    raise AssertionError(f"it did not come to pass; said {app_of(pilot).history}\n{screen_text(pilot)}")


async def see(pilot: Desks, *texts: str, patience: float = PATIENCE) -> None:
    """Wait until all of these texts are on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts), patience)


async def type_in(pilot: Desks, text: str) -> None:
    """Type a text into what has the focus: the last character as a key, what stands before it at once."""
    field = pilot.app.focused
    assert isinstance(field, Input)
    field.insert_text_at_cursor(text[:-1])
    await type_keys(pilot, text[-1:])


async def type_keys(pilot: Desks, text: str) -> None:
    """Type a text key by key."""
    names = {" ": "space", "/": "slash", ".": "full_stop", "!": "exclamation_mark", "-": "minus", ":": "colon", "_": "underscore"}
    await pilot.press(*(names.get(char, char) for char in text))


async def command(pilot: Desks, text: str) -> None:
    """Type a command after the colon."""
    await pilot.press("colon")
    await type_in(pilot, text)
    await pilot.press("enter")


def said(pilot: Desks) -> str:
    """Everything that was said, the last first."""
    return "\n".join(line for _at, _severity, line in reversed(app_of(pilot).history))


def view_name(pilot: Desks) -> str:
    return app_of(pilot).active_view.context


def watchlist(pilot: Desks) -> WatchlistView:
    return pilot.app.query_one(WatchlistView)


def table(pilot: Desks) -> VTable:
    return watchlist(pilot).table


def shown_symbols(pilot: Desks) -> list[str]:
    """The symbols of the watchlist in the order shown; none while there is no watchlist."""
    if not pilot.app.query("#watchlist-table"):
        return []
    view = watchlist(pilot)
    return [view.symbols[row] for row in view.table.order]


def backtest(pilot: Desks) -> BacktestView:
    return pilot.app.query_one(BacktestView)


def form(pilot: Desks) -> Form:
    return backtest(pilot).form


def data_view(pilot: Desks) -> DataView:
    return pilot.app.query_one(DataView)


async def answered(pilot: Desks, work: Callable[[], Awaitable[object]]) -> None:
    """Do something that starts a backtest, and wait for its answer."""
    before = backtest(pilot)._result if pilot.app.query(BacktestView) else None
    await work()

    def new() -> bool:
        result = backtest(pilot)._result if pilot.app.query(BacktestView) else None
        return result is not None and result is not before

    await until(pilot, new)
    await pilot.pause()


async def open_backtest(pilot: Desks, symbol: str = "MEAA3") -> None:
    """The backtest of a symbol, answered."""
    await answered(pilot, lambda: app_of(pilot).open_backtest(symbol))
    await until(pilot, lambda: backtest(pilot)._result.bars.symbol == symbol)  # type: ignore[union-attr]


def signals_view(pilot: Desks) -> SignalsView:
    return pilot.app.query_one(SignalsView)


async def open_signals(pilot: Desks) -> VTable:
    """The view of the signals, with its rows."""
    await app_of(pilot).action_show("signals")
    await until(pilot, lambda: signals_view(pilot).signals)
    return signals_view(pilot).table


async def charted(pilot: Desks, symbol: str, timeframe: str = "1d") -> PriceChart:
    """Wait for the chart of a symbol."""

    def there() -> bool:
        chart = pilot.app.query_one(PriceChart).chart if pilot.app.query(PriceChart) else None
        return chart is not None and (chart.bars.symbol, chart.bars.timeframe) == (symbol, timeframe)

    await until(pilot, there)
    await pilot.pause()
    return pilot.app.query_one(PriceChart)


async def open_chart(pilot: Desks, symbol: str = "MEAA3") -> PriceChart:
    """The chart of a symbol, read."""
    await app_of(pilot).open_chart(symbol)
    return await charted(pilot, symbol)


def updating() -> bool:
    """Whether the stored screens are to be written again."""
    return os.environ.get("UPDATE_SNAPSHOTS", "") not in ("", "0")


SNAPSHOTS = Path(__file__).with_name("snapshots")
