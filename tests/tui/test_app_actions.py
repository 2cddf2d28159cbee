"""Every action of the table, by every one of its default keys, in its context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from engine import strategies
from engine.errors import SettingsError
from tests.tui import direction_maker, paper_maker, training_maker
from tests.tui.desk_host import (
    EVERY,
    Desks,
    answered,
    app_of,
    at_desk,
    backtest,
    charted,
    copied,
    data_view,
    form,
    open_backtest,
    open_chart,
    open_signals,
    said,
    screen_text,
    see,
    shown_symbols,
    signals_view,
    table,
    type_in,
    until,
    view_name,
    watchlist,
)
from tests.tui.test_anomalies_view import open_view as open_anomalies
from tests.tui.test_anomalies_view import store as store_anomalies
from tests.tui.test_anomalies_view import view as anomalies_view
from tui.actions import ACTIONS, BY_ID, Action, bindings, checked_keymap, codes, find_code
from tui.backtest.frame import PANELS
from tui.index.frame import PANELS as INDEX_PANELS
from tui.screens.dialogs import Ask, Confirm, PickSymbol, Reader
from tui.screens.import_file import ImportFile
from tui.screens.order_ticket import OrderTicket
from tui.training.frame import PANELS as TRAINING_PANELS
from tui.widgets.price_chart import Look
from tui.widgets.prompt import Prompt
from tui.widgets.viewport import Viewport

Expectation = Callable[[Desks, str], Awaitable[None]]
EXPECTED: dict[str, Expectation] = {}


def expect(action_id: str) -> Callable[[Expectation], Expectation]:
    def keep(function: Expectation) -> Expectation:
        EXPECTED[action_id] = function
        return function

    return keep


def opens_view(name: str, start: str) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        await app_of(pilot).action_show(start)
        assert view_name(pilot) == start
        await pilot.press(key)
        await until(pilot, lambda: view_name(pilot) == name)

    return check


EXPECTED["view.watchlist"] = opens_view("watchlist", "data")
EXPECTED["view.backtest"] = opens_view("backtest", "watchlist")
EXPECTED["view.data"] = opens_view("data", "watchlist")


@expect("command.open")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    prompt = pilot.app.query_one("#command", Prompt)
    assert prompt.display
    assert pilot.app.focused is prompt
    await pilot.press("escape")
    assert not prompt.display
    assert pilot.app.focused is table(pilot)


@expect("palette.open")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))


def reads(*texts: str) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await see(pilot, *texts)

    return check


EXPECTED["help.open"] = reads("Keys and commands", "In tables")
EXPECTED["messages.open"] = reads("Messages", "Nothing was said yet.")


@expect("import.open")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ImportFile))
    assert pilot.app.screen.query_one(Input).value == f"{Path.cwd()}/"


@expect("demo.open")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: app_of(pilot).workspace.demo and app_of(pilot).desk is not None)
    await see(pilot, "DEMO - invented data", "DEMOCA4")
    await pilot.press(key)
    await until(pilot, lambda: not app_of(pilot).workspace.demo and app_of(pilot).desk is not None)
    await see(pilot, "MEAA3")
    assert "DEMO" not in screen_text(pilot)


@expect("theme.switch")
async def _(pilot: Desks, key: str) -> None:
    seen = [pilot.app.theme]
    for _turn in range(2):
        await pilot.press(key)
        seen.append(pilot.app.theme)
    assert seen == ["pregao-dark", "pregao-light", "pregao-dark"]


@expect("daily.run")
async def _(pilot: Desks, key: str) -> None:
    asked: list[tuple[str, object]] = []
    app_of(pilot).start_job = lambda kind, params, title: asked.append((kind, params))  # type: ignore[method-assign]
    await pilot.press(key)
    assert asked == [("daily", {})]


@expect("bot.switch")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: "There is no Telegram bot token" in said(pilot))


@expect("bot.pair")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
    await see(pilot, "/start ", "before 08:10")


@expect("job.cancel")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    assert "No job is running." in said(pilot)
    stopped: list[int] = []
    app_of(pilot)._cancel = stopped.append  # type: ignore[method-assign, assignment]
    app_of(pilot)._followed[7] = ("import", "", None)
    await pilot.press(key)
    assert stopped == [7]
    assert "Cancelling job 7" in said(pilot)


@expect("quit")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: pilot.app._exit)
    assert pilot.app.return_value == 0


def moves(start: int, end: int) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        table(pilot).select(start)
        await pilot.press(key)
        await until(pilot, lambda: table(pilot).cursor == end)

    return check


EXPECTED["table.up"] = moves(2, 1)
EXPECTED["table.down"] = moves(2, 3)
EXPECTED["table.page_up"] = moves(4, 0)
EXPECTED["table.page_down"] = moves(0, 4)
EXPECTED["table.first"] = moves(3, 0)
EXPECTED["table.last"] = moves(1, 4)


@expect("table.open")
async def _(pilot: Desks, key: str) -> None:
    table(pilot).select(1)
    await answered(pilot, lambda: pilot.press(key))
    assert view_name(pilot) == "backtest"
    assert form(pilot).values()["symbol"] == "MEAA3"


@expect("table.sort")
async def _(pilot: Desks, key: str) -> None:
    keys = [table(pilot).sort_key]
    for _turn in range(3):
        await pilot.press(key)
        keys.append(table(pilot).sort_key)
    assert keys == [None, "symbol", "last", "change"]
    changes = [watchlist(pilot)._rows[symbol].change for symbol in shown_symbols(pilot)]
    assert changes == sorted(changes)


@expect("table.reverse")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press("s", key)
    assert shown_symbols(pilot) == sorted(EVERY, reverse=True)
    await pilot.press(key)
    assert shown_symbols(pilot) == sorted(EVERY)


@expect("table.filter")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    prompt = pilot.app.query_one("#watchlist-filter", Prompt)
    assert prompt.display
    await type_in(pilot, "MEA")
    await until(pilot, lambda: shown_symbols(pilot) == ["MEAA3"])


@expect("watchlist.add")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await type_in(pilot, "nhaa3 STAL3")
    await pilot.press("enter")
    await until(pilot, lambda: shown_symbols(pilot) == ["NHAA3", "STAL3"])
    assert "Added to default: NHAA3, STAL3" in said(pilot)


@expect("watchlist.remove")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: "not a list but every symbol" in said(pilot))
    app_of(pilot)._add("default", "MEAA3 NHAA3")
    await until(pilot, lambda: shown_symbols(pilot) == ["MEAA3", "NHAA3"])
    table(pilot).select(0)
    await pilot.press(key)
    await until(pilot, lambda: shown_symbols(pilot) == ["NHAA3"])
    assert "Removed from default: MEAA3" in said(pilot)


def walks_lists(expected: list[str]) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        for name in ("banks", "steel"):
            app_of(pilot)._add(name, "MEAA3")
        await until(pilot, lambda: len(app_of(pilot).board.lists()) == 2)  # type: ignore[union-attr]
        names = []
        for _turn in range(3):
            await pilot.press(key)
            names.append(watchlist(pilot).list_name)
        assert names == expected

    return check


EXPECTED["watchlist.next_list"] = walks_lists(["steel", "banks", "default"])
EXPECTED["watchlist.previous_list"] = walks_lists(["banks", "steel", "default"])


@expect("watchlist.new_list")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await type_in(pilot, "banks")
    await pilot.press("enter")
    await until(pilot, lambda: watchlist(pilot).list_name == "banks")
    await see(pilot, "a adds to list banks")


EXPECTED["view.anomalies"] = opens_view("anomalies", "watchlist")


def on_anomalies(key_does: Callable[[Desks], object]) -> Expectation:
    """With the made anomalies in the store, the key brings about what `key_does` looks for."""

    async def check(pilot: Desks, key: str) -> None:
        store_anomalies(app_of(pilot).workspace.home)
        await open_anomalies(pilot)
        await pilot.press(key)
        await until(pilot, lambda: key_does(pilot))

    return check


EXPECTED["anomalies.acknowledge"] = on_anomalies(lambda pilot: anomalies_view(pilot).found[0].acknowledged)
EXPECTED["anomalies.severity"] = on_anomalies(lambda pilot: len(anomalies_view(pilot).listed) == 3)
EXPECTED["anomalies.kind"] = on_anomalies(lambda pilot: {item.kind for item in anomalies_view(pilot).listed} == {"jump"})
EXPECTED["anomalies.sessions"] = on_anomalies(lambda pilot: len(anomalies_view(pilot).listed) == 2)
EXPECTED["anomalies.unseen"] = on_anomalies(lambda pilot: "only those not seen yet" in screen_text(pilot))
EXPECTED["anomalies.symbol"] = on_anomalies(lambda pilot: isinstance(pilot.app.screen, PickSymbol))
EXPECTED["anomalies.read"] = on_anomalies(lambda pilot: isinstance(pilot.app.screen, Reader))
EXPECTED["anomalies.export"] = on_anomalies(lambda pilot: "anomalies written to" in said(pilot))


@expect("anomalies.clear")
async def _(pilot: Desks, key: str) -> None:
    store_anomalies(app_of(pilot).workspace.home)
    await open_anomalies(pilot)
    await pilot.press("w")
    await until(pilot, lambda: len(anomalies_view(pilot).listed) == 3)
    await pilot.press(key)
    await until(pilot, lambda: len(anomalies_view(pilot).listed) == 4)


EXPECTED["view.index"] = opens_view("index", "watchlist")


def on_index(key_does: Callable[[Desks], object]) -> Expectation:
    """With made directions in the store, the key brings about what `key_does` looks for; nothing is started."""

    async def check(pilot: Desks, key: str) -> None:
        direction_maker.fill(app_of(pilot).workspace.home)
        app = app_of(pilot)
        app.ask_job = lambda kind, params, done: app.say(f"asked {kind} {params['do']}")  # type: ignore[assignment, method-assign]
        app.start_job = lambda kind, params, title: app.say(f"started {kind} {params['do']}")  # type: ignore[method-assign]
        await direction_maker.open_index(pilot)
        app.now = lambda: float(direction_maker.DURING)
        if BY_ID["index.later"].keys.split(",").count(key):
            await pilot.press("left")
        await pilot.press(key)
        await until(pilot, lambda: key_does(pilot))

    return check


def index_panel(name: str) -> Expectation:
    return on_index(lambda pilot: direction_maker.view(pilot).panel == name and pilot.app.query_one(f"#index-{name}").display)


EXPECTED["index.ask"] = on_index(lambda pilot: "asked direction signal" in said(pilot))
EXPECTED["index.price"] = on_index(lambda pilot: pilot.app.query_one("#index-price", Prompt).display)
EXPECTED["index.run"] = on_index(lambda pilot: "started direction evaluate" in said(pilot))
EXPECTED["index.panel"] = index_panel("evaluation")
EXPECTED["index.symbol"] = on_index(lambda pilot: isinstance(pilot.app.screen, PickSymbol))
EXPECTED["index.earlier"] = on_index(lambda pilot: direction_maker.view(pilot).target == direction_maker.TODAY - 1)
EXPECTED["index.later"] = on_index(lambda pilot: direction_maker.view(pilot).target == direction_maker.TODAY)
EXPECTED["index.read"] = on_index(lambda pilot: isinstance(pilot.app.screen, Reader))
for panel_name in INDEX_PANELS:
    EXPECTED[f"index.{panel_name}"] = index_panel(panel_name)

EXPECTED["view.signals"] = opens_view("signals", "watchlist")
EXPECTED["view.chart"] = opens_view("chart", "watchlist")


@expect("watchlist.chart")
async def _(pilot: Desks, key: str) -> None:
    table(pilot).select(2)
    await pilot.press(key)
    await charted(pilot, "NHAA3")


@expect("signals.backtest")
async def _(pilot: Desks, key: str) -> None:
    await open_signals(pilot)
    await answered(pilot, lambda: pilot.press(key))
    assert form(pilot).values()["symbol"] == "MEAA3"


@expect("signals.hold")
async def _(pilot: Desks, key: str) -> None:
    await open_signals(pilot)
    for symbols in (["MEAA3", "NHAA3", "PROV3"], ["MEAA3", "NHAA3"]):
        await pilot.press(key)
        assert [item.symbol for item in signals_view(pilot).signals] == symbols


@expect("signals.read")
async def _(pilot: Desks, key: str) -> None:
    await open_signals(pilot)
    await reads("MEAA3 ▲ BUY", "Valid until")(pilot, key)


def looks(change: Callable[[Look], Look]) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        chart = await open_chart(pilot)
        before = chart.look
        await pilot.press(key)
        assert chart.look == change(before)
        assert chart.look != before

    return check


EXPECTED["chart.sma"] = looks(lambda look: look.toggled("sma"))
EXPECTED["chart.ema"] = looks(lambda look: look.toggled("ema"))
EXPECTED["chart.bollinger"] = looks(lambda look: look.toggled("bollinger"))
EXPECTED["chart.lower"] = looks(lambda look: replace(look, lower="rsi"))
EXPECTED["chart.log"] = looks(lambda look: replace(look, log=True))


def views(change: Callable[[Viewport], Viewport]) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        chart = await open_chart(pilot)
        chart.viewport = chart.viewport.jumped(150)
        before = chart.viewport
        await pilot.press(key)
        assert chart.viewport == change(before)
        assert chart.viewport != before

    return check


EXPECTED["chart.left"] = views(lambda view: view.moved(-1))
EXPECTED["chart.right"] = views(lambda view: view.moved(1))
EXPECTED["chart.page_left"] = views(lambda view: view.paged(-1))
EXPECTED["chart.page_right"] = views(lambda view: view.paged(1))
EXPECTED["chart.first"] = views(lambda view: view.jumped(0))
EXPECTED["chart.last"] = views(lambda view: view.jumped(299))
EXPECTED["chart.nearer"] = views(lambda view: view.zoomed(-1))
EXPECTED["chart.farther"] = views(lambda view: view.zoomed(1))


@expect("chart.symbol")
async def _(pilot: Desks, key: str) -> None:
    await open_chart(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
    await type_in(pilot, "harb")
    await see(pilot, "NEW HARBOUR")
    await pilot.press("enter")
    await charted(pilot, "NHAA3")


@expect("chart.timeframe")
async def _(pilot: Desks, key: str) -> None:
    await open_chart(pilot, "HHHH3")
    for timeframe in ("1w", "60m", "1d"):
        await pilot.press(key)
        await charted(pilot, "HHHH3", timeframe)


@expect("chart.date")
async def _(pilot: Desks, key: str) -> None:
    chart = await open_chart(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await type_in(pilot, "2025-06-01")
    await pilot.press("enter")
    await see(pilot, " 2025-06-02 O ")
    assert chart.viewport.cursor < chart.viewport.count - 1


@expect("chart.strategy")
async def _(pilot: Desks, key: str) -> None:
    chart = await open_chart(pilot)
    for name in strategies.names():
        await pilot.press(key)
        await until(pilot, lambda name=name: chart.chart is not None and chart.chart.strategy == name)
    await pilot.press(key)
    await see(pilot, "no trades marked")
    await pilot.press(key)
    await see(pilot, "trades of trend_following")


@expect("chart.read")
async def _(pilot: Desks, key: str) -> None:
    await open_chart(pilot)
    await reads("signal BUY of trend_following at 20.00: made")(pilot, key)


@expect("chart.backtest")
async def _(pilot: Desks, key: str) -> None:
    await open_chart(pilot, "NHAA3")
    await answered(pilot, lambda: pilot.press(key))
    assert form(pilot).values()["symbol"] == "NHAA3"


@expect("backtest.run")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await answered(pilot, lambda: pilot.press(key))


@expect("backtest.read")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
    await see(pilot, "Verdict in full", "Profit factor")


@expect("backtest.symbol")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
    await type_in(pilot, "harb")
    await see(pilot, "NEW HARBOUR")
    await answered(pilot, lambda: pilot.press("enter"))
    assert form(pilot).values()["symbol"] == "NHAA3"


@expect("backtest.panel")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    seen = [backtest(pilot).panel]
    for _turn in PANELS:
        await pilot.press(key)
        seen.append(backtest(pilot).panel)
        assert pilot.app.focused is backtest(pilot).focus_target()
    assert seen == [*PANELS, "charts"]
    assert form(pilot).has_focus


def opens_panel(name: str) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        await open_backtest(pilot)
        await pilot.press("p" if name == "charts" else "u", key)
        shown = [panel for panel in PANELS if any(found.display for found in pilot.app.query(f"#backtest-{panel}"))]
        assert shown == [backtest(pilot).panel] == [name]

    return check


for panel in PANELS:
    EXPECTED[f"backtest.{panel}"] = opens_panel(panel)


@expect("backtest.bands")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await pilot.press(key)
    await see(pilot, "Stationary bootstrap: 1,000 draws")


@expect("backtest.trade")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
    await see(pilot, "Worst and best while held")


@expect("backtest.form")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    await pilot.press("n", key)
    assert (backtest(pilot).panel, form(pilot).has_focus) == ("months", True)


@expect("backtest.orders")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    pages = []
    for _turn in range(2):
        await pilot.press("n", key)
        assert form(pilot).has_focus
        pages.append(form(pilot).fields[0].key)
    assert pages == ["entry", "symbol"]


@expect("backtest.reset")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    delivered = form(pilot).values()["ema_fast"]
    form(pilot).set_value("ema_fast", 3)
    await until(pilot, lambda: form(pilot).values()["ema_fast"] == 3)
    await answered(pilot, lambda: pilot.press(key))
    assert form(pilot).values()["ema_fast"] == delivered


@expect("backtest.many")
async def _(pilot: Desks, key: str) -> None:
    await open_backtest(pilot)
    asked: list[tuple[str, dict[str, object]]] = []
    app_of(pilot).start_job = lambda kind, params, title: asked.append((kind, params))  # type: ignore[method-assign]
    form(pilot).set_value("capital", 50_000.0)
    form(pilot).set_value("costs", "none")
    await pilot.press(key)
    await until(pilot, lambda: asked)
    kind, params = asked[0]
    assert (kind, params["symbols"], params["capital"], params["costs"]) == ("backtest", list(EVERY), 50_000.0, "none")


EXPECTED["view.training"] = opens_view("training", "watchlist")


@expect("training.run")
async def _(pilot: Desks, key: str) -> None:
    await training_maker.open_training(pilot)
    asked: list[str] = []
    app_of(pilot).start_job = lambda kind, params, title: asked.append(kind)  # type: ignore[method-assign]
    await pilot.press(key)
    await until(pilot, lambda: asked == ["train"])


@expect("training.again")
async def _(pilot: Desks, key: str) -> None:
    training_maker.done_training(app_of(pilot).workspace.home, trials=7)
    await training_maker.open_training(pilot)
    asked: list[object] = []
    app_of(pilot).start_job = lambda kind, params, title: asked.append(params["trials"])  # type: ignore[method-assign]
    await pilot.press(key)
    await until(pilot, lambda: asked == [7])


@expect("training.panel")
async def _(pilot: Desks, key: str) -> None:
    view = await training_maker.open_training(pilot)
    await pilot.press(key)
    assert view.panel == "result"


@expect("training.form")
async def _(pilot: Desks, key: str) -> None:
    view = await training_maker.open_training(pilot)
    await pilot.press("t", key)
    assert (view.panel, view.form.has_focus) == ("progress", True)


def opens_training_panel(name: str) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        view = await training_maker.open_training(pilot)
        await pilot.press("p" if name == "progress" else "u", key)
        shown = [panel for panel in TRAINING_PANELS if any(found.display for found in pilot.app.query(f"#training-{panel}"))]
        assert shown == [view.panel] == [name]

    return check


for panel in ("progress", "result", "features", "calibration", "history"):
    EXPECTED[f"training.{panel}"] = opens_training_panel(panel)


@expect("training.symbol")
async def _(pilot: Desks, key: str) -> None:
    view = await training_maker.open_training(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, PickSymbol))
    await type_in(pilot, "STAL")
    await pilot.press("enter")
    await until(pilot, lambda: view.form.values()["symbols"] == "STAL3")


@expect("training.mark")
async def _(pilot: Desks, key: str) -> None:
    training_maker.done_training(app_of(pilot).workspace.home)
    await training_maker.open_training(pilot)
    await pilot.press("t", key)
    await see(pilot, "▸◆")


@expect("training.compare")
async def _(pilot: Desks, key: str) -> None:
    view = await training_maker.open_training(pilot)
    await pilot.press(key)
    await until(pilot, lambda: view.panel == "history")
    assert "Mark two trainings" in said(pilot)


@expect("training.promote")
async def _(pilot: Desks, key: str) -> None:
    training_maker.done_training(app_of(pilot).workspace.home)
    await training_maker.open_training(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))


@expect("training.explain")
async def _(pilot: Desks, key: str) -> None:
    training_maker.done_training(app_of(pilot).workspace.home)
    view = await training_maker.open_training(pilot)
    asked: list[str] = []
    view._ask = lambda kind, params, done: asked.append(kind)  # type: ignore[method-assign, assignment]
    await pilot.press(key)
    assert asked == ["explain"]


async def at_field(pilot: Desks, name: str) -> None:
    await open_backtest(pilot)
    form(pilot)._move_to([field.key for field in form(pilot).fields].index(name))


def steps(change: int) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        await at_field(pilot, "ema_slow")
        before = form(pilot).current.value
        assert isinstance(before, int)
        await answered(pilot, lambda: pilot.press(key))
        assert form(pilot).current.value == before + change

    return check


EXPECTED["form.less"], EXPECTED["form.more"] = steps(-1), steps(1)


@expect("form.edit")
async def _(pilot: Desks, key: str) -> None:
    await at_field(pilot, "ema_slow")
    await pilot.press(key)
    prompt = pilot.app.query_one("#backtest-edit", Prompt)
    assert (prompt.display, prompt.value) == (True, "21")
    await pilot.press("backspace", "backspace", "3", "0")
    await answered(pilot, lambda: pilot.press("enter"))
    assert form(pilot).current.value == 30
    assert form(pilot).has_focus


def walks_form(change: int) -> Expectation:
    async def check(pilot: Desks, key: str) -> None:
        await at_field(pilot, "from")
        before = form(pilot).cursor
        await pilot.press(key)
        assert form(pilot).cursor == before + change
        await see(pilot, form(pilot).current.help[:20])

    return check


EXPECTED["form.up"], EXPECTED["form.down"] = walks_form(-1), walks_form(1)


@expect("data.next_tab")
async def _(pilot: Desks, key: str) -> None:
    await app_of(pilot).action_show("data")
    tabs = [data_view(pilot).tab]
    for _turn in range(4):
        await pilot.press(key)
        tabs.append(data_view(pilot).tab)
        assert pilot.app.focused is data_view(pilot).focus_target()
    assert tabs == ["coverage", "jobs", "runs", "messages", "coverage"]


def on_messages(key_does: Callable[[Desks], object]) -> Expectation:
    """Beside the made messages, the key brings about what `key_does` looks for."""

    async def check(pilot: Desks, key: str) -> None:
        paper_maker.fill_outbox(app_of(pilot).workspace.home)
        await app_of(pilot).action_show("data")
        await pilot.press("t", "t", "t")
        await until(pilot, lambda: len(data_view(pilot).outbox.messages) == 3)
        await pilot.press(key)
        await until(pilot, lambda: key_does(pilot))

    return check


EXPECTED["data.state"] = on_messages(lambda pilot: len(data_view(pilot).outbox.messages) == 1)
EXPECTED["data.resend"] = on_messages(lambda pilot: "Message 3: " in said(pilot))
EXPECTED["view.paper"] = opens_view("paper", "watchlist")


def on_paper(key_does: Callable[[Desks], object], *before: str) -> Expectation:
    """Over the made account, the key behind some others brings about what `key_does` looks for."""

    async def check(pilot: Desks, key: str) -> None:
        paper_maker.fill_paper(app_of(pilot).workspace.home)
        await paper_maker.open_paper(pilot)
        await pilot.press(*before, key)
        await until(pilot, lambda: key_does(pilot))

    return check


def asks(title: str) -> Callable[[Desks], object]:
    return lambda pilot: isinstance(pilot.app.screen, Confirm) and title in screen_text(pilot)


def shows(panel: str) -> Callable[[Desks], object]:
    return lambda pilot: paper_maker.view(pilot).panel == panel


EXPECTED["paper.order"] = on_paper(lambda pilot: isinstance(pilot.app.screen, OrderTicket))
EXPECTED["paper.cancel"] = on_paper(asks("Cancel the order 6?"), "o")
EXPECTED["paper.close"] = on_paper(asks("Close the position in MEAA3?"))
EXPECTED["paper.kill"] = on_paper(asks("Turn the kill switch on?"))
EXPECTED["paper.replay"] = on_paper(lambda pilot: "0 sessions replayed" in said(pilot))
EXPECTED["paper.read"] = on_paper(lambda pilot: isinstance(pilot.app.screen, Reader))
EXPECTED["paper.reconcile"] = on_paper(
    lambda pilot: isinstance(pilot.app.screen, Reader) and "The same fills" in screen_text(pilot)
)
EXPECTED["paper.reset"] = on_paper(asks("Begin a new account?"))
EXPECTED["paper.panel"] = EXPECTED["paper.orders"] = on_paper(shows("orders"))
EXPECTED["paper.positions"] = on_paper(shows("positions"), "o")
EXPECTED["paper.fills"] = on_paper(shows("fills"))
EXPECTED["paper.trades"] = on_paper(shows("trades"))


@expect("signals.follow")
async def _(pilot: Desks, key: str) -> None:
    await open_signals(pilot)
    await pilot.press(key)
    await until(pilot, lambda: asks("Follow the signal of ")(pilot))


@expect("welcome.demo")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press(key)
    await see(pilot, "DEMO - invented data", "DEMOCA4")


EXPECTED["welcome.path"] = reads("Five minutes to the first insight", "insufficient evidence")


@expect("dialog.accept")
async def _(pilot: Desks, key: str) -> None:
    answers: list[str | None] = []
    pilot.app.push_screen(Ask("Which?", value="PETR4"), answers.append)
    await pilot.pause()
    await pilot.press(key)
    await until(pilot, lambda: answers == ["PETR4"])


@expect("dialog.close")
async def _(pilot: Desks, key: str) -> None:
    for dialog in (Ask("Which?", value="PETR4"), PickSymbol([("PETR4", "")]), ImportFile(None, "/")):
        answers: list[object] = []
        pilot.app.push_screen(dialog, answers.append)
        await pilot.pause()
        await pilot.press(key)
        await until(pilot, lambda answers=answers: answers == [None])


@expect("reader.close")
async def _(pilot: Desks, key: str) -> None:
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
    await pilot.press(key)
    await until(pilot, lambda: not isinstance(pilot.app.screen, Reader))
    assert pilot.app.is_running


def keys_of(action: Action) -> list[str]:
    return action.keys.split(",")


#: The first key of every action; with `make test-slow` the others too.
CASES = [
    pytest.param(action.id, key, id=f"{action.id}-{key}", marks=[pytest.mark.slow] if at else [])
    for action in ACTIONS
    for at, key in enumerate(keys_of(action))
]


def test_every_action_has_an_expectation() -> None:
    assert set(EXPECTED) == set(BY_ID)


@pytest.mark.parametrize(("action_id", "key"), CASES)
async def test_its_key_does_what_the_action_says(
    made_real: Path, made_demo: Path, made_empty: Path, tmp_path: Path, action_id: str, key: str
) -> None:
    home = copied(made_empty if BY_ID[action_id].context == "welcome" else made_real, tmp_path / "home")
    if "demo" in action_id:
        copied(made_demo / "data" / "demo", home / "data" / "demo")
    async with at_desk(home) as pilot:
        if BY_ID[action_id].context != "welcome":
            await until(pilot, lambda: len(watchlist(pilot)._rows) == len(EVERY))
        await EXPECTED[action_id](pilot, key)


async def test_function_keys_work_everywhere_and_while_something_is_typed(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        for key, view in (("f4", "backtest"), ("f11", "data"), ("f2", "watchlist")):
            await pilot.press("colon")
            await type_in(pilot, "x")
            await pilot.press(key)
            await until(pilot, lambda view=view: view_name(pilot) == view)
        await pilot.press("f3")
        assert pilot.app.query_one("#watchlist-filter", Prompt).display
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))


def test_no_key_means_two_things_in_one_context() -> None:
    pairs = [(action.context, key) for action in ACTIONS for key in keys_of(action)]
    assert len(pairs) == len(set(pairs))


def test_no_key_of_a_view_hides_one_of_its_widgets() -> None:
    """Where a table or the form has the focus, the view's keys still reach the view."""
    inner = {(name, key) for name in ("table", "form") for action in ACTIONS if action.context == name for key in keys_of(action)}
    hosts = {
        "watchlist": ("table",),
        "signals": ("table",),
        "backtest": ("table", "form"),
        "training": ("table", "form"),
        "data": ("table",),
        "app": ("table",),
    }
    for action in ACTIONS:
        for host in hosts.get(action.context, ()):
            assert not {(host, key) for key in keys_of(action)} & inner, action.id


def test_the_bindings_of_a_context_carry_the_names_of_its_actions() -> None:
    assert {binding.id for binding in bindings("form")} == {action.id for action in ACTIONS if action.context == "form"}


def test_every_code_is_found_in_any_case_and_only_once() -> None:
    assert len(codes()) == len(set(codes()))
    for code in codes():
        found = find_code(code.lower())
        assert found is not None
        assert code in found.code
    assert find_code("NOTHING") is None


# --- the user's keys ------------------------------------------------------------------------------------------------

#: One action of every context, on a key that is free there.
MOVED = {
    "view.data": "f12",
    "table.down": "n,z",
    "watchlist.new_list": "N",
    "backtest.panel": "P",
    "form.more": "plus",
    "data.next_tab": "tab",
    "dialog.close": "f7",
    "reader.close": "x",
}


async def test_the_users_keys_are_in_force(real_home: Path) -> None:
    async with at_desk(real_home, keymap=checked_keymap(MOVED)) as pilot:
        await pilot.press("z", "n")
        assert table(pilot).cursor == 2
        await pilot.press("j")
        assert table(pilot).cursor == 2
        await pilot.press("N")
        assert isinstance(pilot.app.screen, Ask)
        await pilot.press("f7")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Ask))
        await pilot.press("question_mark")
        await see(pilot, "n z", "f12")
        await pilot.press("x")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Reader))
        await pilot.press("f12")
        await until(pilot, lambda: view_name(pilot) == "data")
        await pilot.press("tab")
        assert data_view(pilot).tab == "jobs"
        await see(pilot, "f12 Data")
        await at_field(pilot, "ema_slow")
        await answered(pilot, lambda: pilot.press("plus"))
        assert form(pilot).current.value == 22
        await pilot.press("P")
        assert backtest(pilot).panel == "trades"
        assert backtest(pilot).context == "backtest"


@pytest.mark.parametrize(
    ("keymap", "sentence", "hint"),
    [
        ({"table.dwn": "n"}, "there is no action table.dwn", "Did you mean table.down?"),
        ({"nonsense": "n"}, "there is no action nonsense", "lists them all"),
        ({"table.down": "k"}, "k is given to both table.up and table.down", "another key"),
    ],
)
def test_wrong_keys_are_one_sentence(keymap: dict[str, str], sentence: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        checked_keymap(keymap)
    assert sentence in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
