"""The view of the paper account: what it shows, the order ticket, and what is done to the account only after a question."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from engine.desk import Desk
from engine.domain import Action, PriceBase, Signal, day_number, from_day_number
from engine.market.calendar import nominal_opening
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step
from tests.desk_maker import END, MORNING
from tests.desk_maker import at_desk as with_desk
from tests.tui.desk_host import Desks, app_of, at_desk, command, open_signals, said, screen_text, see, type_in, until, view_name
from tests.tui.paper_maker import fill_outbox, fill_paper, open_live, open_paper, orders, status, view
from tests.tui.widget_host import Host
from tui.paper.ticket import missing, ticket_of
from tui.screens.dialogs import Confirm, Reader
from tui.screens.order_ticket import OrderTicket
from tui.widgets.choice import Choice


async def asked(pilot: Desks) -> Confirm:
    """Wait for the question."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await pilot.pause()
    assert isinstance(pilot.app.screen, Confirm)
    return pilot.app.screen


async def fill_in(pilot: Desks, **fields: str) -> OrderTicket:
    """Type into the ticket, the side and the type with the arrows."""
    await until(pilot, lambda: isinstance(pilot.app.screen, OrderTicket))
    ticket = pilot.app.screen
    assert isinstance(ticket, OrderTicket)
    for name, text in fields.items():
        field = ticket.query_one(f"#ticket-{name}")
        field.focus()
        await pilot.pause()
        if isinstance(field, Choice):
            while field.value != text:
                await pilot.press("right")
        else:
            await pilot.press("ctrl+u")
            await type_in(pilot, text)
    return ticket


async def weighed(pilot: Desks) -> OrderTicket:
    """Wait until what was typed has been weighed."""
    ticket = pilot.app.screen
    assert isinstance(ticket, OrderTicket)
    await until(pilot, lambda: ticket._weighed is not None)
    await pilot.pause()
    return ticket


# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_money_risk_and_positions_at_a_glance(real_home: Path, size: tuple[int, int]) -> None:
    fill_paper(real_home)
    found = status(real_home)
    async with at_desk(real_home, size) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: view_name(pilot) == "paper" and view(pilot).account is not None)
        await see(
            pilot, f"R${found['equity']:,.2f}", f"cash R${found['cash']:,.2f}", "day ", "2 positions", "exposure ", "! 1 session behind",
            "simulated #1", "MEAA3", "PROV3", "Kill switch      off", "Loss at a stop", "Free for orders", "Refused: STAL3",
            "stop 16.68, target 24.09", "Equity R$",
        )  # fmt: skip
        assert len(view(pilot).rows["positions"]) == len(found["positions"]) == 2


async def test_the_tables_by_their_keys_and_one_after_the_other(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        for key, name in (("o", "orders"), ("f", "fills"), ("t", "trades"), ("u", "positions")):
            await pilot.press(key)
            assert (shown.panel, pilot.app.focused) == (name, shown.table)
        seen = []
        for _turn in range(4):
            await pilot.press("p")
            seen.append(shown.panel)
        assert seen == ["orders", "fills", "trades", "positions"]
        await pilot.press("o")
        assert [row["state"] for row in shown.rows["orders"][-5:]] == ["cancelled", "refused", "filled", "filled", "filled"]
        assert all(row["state"] == "waiting" for row in shown.rows["orders"][:-5])
        shown.table.select(next(at for at, row in enumerate(shown.rows["orders"]) if row["state"] == "refused"))
        await see(pilot, "refused", "Without a stop all of it counts as its risk")
        await pilot.press("v")
        await see(pilot, "State: refused", "Why: All positions would be worth")
        await pilot.press("escape", "t")
        await see(pilot, "NHAA3", "target")
        assert [row["pnl"] > 0 for row in shown.rows["trades"]] == [True]


async def test_rows_are_filtered_in_the_table_that_is_shown(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        await pilot.press("o", "slash")
        await type_in(pilot, "stal3 refused")
        await until(pilot, lambda: len(shown.table.order) == 1)
        await see(pilot, "filter: stal3 refused", f"1 of {len(shown.rows['orders'])}")
        await pilot.press("escape")
        assert len(shown.table.order) == len(shown.rows["orders"])


async def test_without_an_account_one_sentence_names_the_keys_which_open_one(real_home: Path) -> None:
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_paper(pilot)
        await see(
            pilot,
            "No paper account is open: R opens one with R$100,000.00, n by its first order.",
            "n  New order",
            "R  New account",
        )
        for key in "Kdcre":
            await pilot.press(key)
            assert view_name(pilot) == "paper"
            assert not isinstance(pilot.app.screen, Confirm)
        await pilot.press("R")
        assert "R$100,000.00" in str((await asked(pilot)).query_one("#confirm-text").render())
        await pilot.press("enter")
        await until(pilot, lambda: "Paper account 1 is open." in said(pilot))
        await see(pilot, "No positions: n places an order, f in the signals follows one.")
    assert status(real_home)["account"] == 1


async def test_while_the_engine_is_prepared_it_says_so(real_home: Path) -> None:
    async with at_desk(real_home, ready=False) as pilot:
        app_of(pilot)._load_engine = lambda: None  # type: ignore[method-assign]
        await app_of(pilot).action_show("paper")
        await see(pilot, "Reading the account...")
        await pilot.press("n")
        assert "still being prepared" in said(pilot) or app_of(pilot).desk is not None


async def test_what_another_process_does_is_shown(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        with_desk(real_home, lambda desk: _account(desk).kill_switch(True))
        await see(pilot, "✖ KILL SWITCH ON", "ON: nothing opens")
        assert shown.account is not None
        assert shown.account.status["risk"]["kill_switch"]


def _account(desk: Desk):  # type: ignore[no-untyped-def]
    from engine.paper.account import PaperAccount

    return PaperAccount(desk)


# --- the ticket -----------------------------------------------------------------------------------------------------


async def test_an_order_is_weighed_as_it_is_typed_and_placed_after_a_question(real_home: Path) -> None:
    open_live(real_home)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_paper(pilot)
        await pilot.press("n")
        await fill_in(pilot, symbol="meaa3")
        await see(pilot, "Still needed: Quantity.")
        await fill_in(pilot, quantity="150")
        await see(pilot, "✖ MEAA3 is traded in lots of 100; 150 is not a multiple.")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, OrderTicket)
        await fill_in(pilot, quantity="300")
        await see(
            pilot, "✖ may lose 5.98% of the equity, as it has no stop; the limit is 2.00%", "Refused: it would only be recorded"
        )
        await fill_in(pilot, stop="30")
        await see(pilot, "✖ The stop 30 is on the wrong side of the expected price")
        await fill_in(pilot, stop="18,5", target="22")
        await see(
            pilot, "buy 300 MEAA3, market at about 19.92", "stop 18.50 loses R$426.00", "target 22.00 gains R$624.00",
            "✔ position 1 of 5", "✔ loses 0.43% of the equity at the stop; the limit is 2.00%", "✔ exposure 5.98%",
            "It is tried from the session of 2025-07-01 on.",
        )  # fmt: skip
        assert orders(real_home) == []
        await pilot.press("enter")
        question = await asked(pilot)
        assert "stop 18.50 loses R$426.00" in str(question.query_one("#confirm-text").render())
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, OrderTicket)
        assert orders(real_home) == []
        await pilot.press("enter")
        await asked(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Order 1 is placed: buy 300 MEAA3, market." in said(pilot))
        await until(pilot, lambda: len(view(pilot).rows["orders"]) == 1)
    (row,) = orders(real_home)
    assert (row["state"], row["quantity"], row["stop"], row["target"], row["origin"]) == ("waiting", 300, 18.5, 22.0, "hand")


@pytest.mark.parametrize(
    ("kind", "levels", "stored"),
    [
        ("limit", {"limit": "19", "stop": "18"}, "limit"),
        ("stop", {"trigger": "20", "stop": "19"}, "stop"),
        ("stop_limit", {"trigger": "20", "limit": "20.1", "stop": "19"}, "stop_limit"),
        ("bracket", {"limit": "19", "stop": "18", "target": "22"}, "limit"),
    ],
)
async def test_every_type_of_order_shows_its_prices_and_is_placed(
    real_home: Path, kind: str, levels: dict[str, str], stored: str
) -> None:
    open_live(real_home)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_paper(pilot)
        await pilot.press("n")
        ticket = await fill_in(pilot, symbol="MEAA3", type=kind, quantity="100", **levels)
        shown = {name for name in ("trigger", "limit") if ticket.query_one(f"#line-{name}").display}
        assert shown == {"limit": {"limit"}, "stop": {"trigger"}}.get(kind, {"trigger", "limit"})
        await weighed(pilot)
        await pilot.press("enter")
        await asked(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Order 1 is placed" in said(pilot))
    (row,) = orders(real_home)
    assert row["type"] == stored
    assert {name: row[name] for name in levels} == {name: float(text) for name, text in levels.items()}


async def test_a_refused_order_is_recorded_with_its_reasons(real_home: Path) -> None:
    open_live(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("n")
        await fill_in(pilot, symbol="MEAA3", quantity="9000")
        await weighed(pilot)
        await pilot.press("enter")
        await asked(pilot)
        await see(pilot, "✖ takes R$179,", "Enter: record the refusal")
        await pilot.press("enter")
        await until(pilot, lambda: "Order 1 is refused and recorded" in said(pilot))
        await pilot.press("o")
        await see(pilot, "refused")
        await see(pilot, "Refused: MEAA3")
    assert [row["state"] for row in orders(real_home)] == ["refused"]


async def test_the_ticket_begins_with_the_marked_symbol_and_all_closes(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("n")
        ticket = await fill_in(pilot, side="sell", quantity="all")
        assert ticket.typed["symbol"] == "MEAA3"
        await see(pilot, "sell 300 MEAA3, market", "It closes a position, which no limit holds back.")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, OrderTicket))


async def test_an_unknown_symbol_and_a_word_for_a_number_are_said_at_once(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("n")
        await fill_in(pilot, symbol="XPTO3", quantity="100")
        await see(pilot, "✖ ", "XPTO3")
        await fill_in(pilot, symbol="MEAA3", quantity="ten")
        await see(pilot, "✖ Quantity must be a whole number")
        await pilot.press("escape")
    assert status(real_home)["account"] is None


def test_a_typed_ticket_is_that_of_the_engine() -> None:
    typed = dict.fromkeys(("symbol", "quantity", "trigger", "limit", "stop", "target", "bars"), "") | {
        "side": "sell",
        "type": "stop",
    }
    assert missing(typed) == ["symbol", "quantity", "trigger"]
    made = ticket_of(typed | {"symbol": "petr4", "quantity": "100", "trigger": "29,90", "limit": "1", "bars": "5"})
    assert (made.symbol, made.side, made.quantity, made.kind, made.trigger, made.bars) == ("PETR4", -1, 100, "stop", 29.9, 5)
    assert np.isnan([made.limit, made.stop, made.target]).all()


async def test_a_choice_is_changed_by_arrows_and_clicks() -> None:
    choice = Choice(("a", "b", "c"), str.upper, id="choice")
    async with Host(choice).run_test() as pilot:
        choice.focus()
        await pilot.press("right")
        assert choice.value == "b"
        await pilot.press("left", "left")
        assert choice.value == "c"
        await pilot.click(choice, offset=(2, 0))
        assert choice.value == "a"


# --- what is done ---------------------------------------------------------------------------------------------------


async def test_an_order_is_cancelled_after_a_question(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        await pilot.press("d")
        await until(pilot, lambda: "Mark an order that waits" in said(pilot))
        await pilot.press("o")
        waiting = next(at for at, row in enumerate(shown.rows["orders"]) if row["id"] == "6")
        shown.table.select(waiting)
        await pilot.press("d")
        assert "buy 100 STAL3, limit 5.00" in str((await asked(pilot)).query_one("#confirm-text").render())
        await pilot.press("escape", "d")
        await asked(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Order 6 is taken back." in said(pilot))
        await see(pilot, "It is cancelled before the next bar")
    assert {row["id"]: row["rules"] for row in orders(real_home)}["6"] == ["cancelling"]


async def test_taking_the_stop_of_a_position_away_warns(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        await pilot.press("o")
        shown.table.select(next(at for at, row in enumerate(shown.rows["orders"]) if row["id"] == "MEAA3-stop"))
        await pilot.press("d")
        assert "It protects the position in MEAA3" in str((await asked(pilot)).query_one("#confirm-text").render())
        await pilot.press("escape")
        shown.table.select(next(at for at, row in enumerate(shown.rows["orders"]) if row["id"] == "MEAA3-target"))
        await pilot.press("d")
        text = str((await asked(pilot)).query_one("#confirm-text").render())
        assert "protects" not in text
        assert "It takes the gain of the position in MEAA3, which is kept without it." in text
        await pilot.press("escape")


async def test_a_position_is_closed_after_a_question(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("c")
        text = str((await asked(pilot)).query_one("#confirm-text").render())
        assert text.startswith("300 MEAA3 at the next open, about 19.77")
        await pilot.press("enter")
        await until(pilot, lambda: "is placed: sell all MEAA3, market." in said(pilot))
    assert [(row["symbol"], row["closes"], row["state"]) for row in orders(real_home)][-1] == ("MEAA3", True, "waiting")


async def test_the_kill_switch_is_turned_on_and_off_and_stops_orders(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("K")
        await asked(pilot)
        await pilot.press("escape")
        assert not status(real_home)["risk"]["kill_switch"]
        await pilot.press("K")
        await asked(pilot)
        await pilot.press("enter")
        await see(pilot, "✖ KILL SWITCH ON", "ON: nothing opens")
        assert "Cancelled: 6" in said(pilot)
        assert status(real_home)["risk"]["kill_switch"]
        await pilot.press("n")
        await fill_in(pilot, symbol="NHAA3", quantity="100", stop="15")
        await see(pilot, "✖ The kill switch is on: nothing opens")
        await pilot.press("escape", "K")
        await asked(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "The kill switch is off." in said(pilot))
    assert not status(real_home)["risk"]["kill_switch"]


async def test_a_new_account_needs_the_typed_word(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("R")
        await asked(pilot)
        await pilot.press("enter")
        await see(pilot, "Type reset and press Enter")
        assert status(real_home)["account"] == 1
        await type_in(pilot, "reset")
        await pilot.press("enter")
        await until(pilot, lambda: "Paper account 2 is open." in said(pilot))
        await see(pilot, "simulated #2")
    assert status(real_home)["positions"] == []


async def test_replaying_goes_on_and_says_what_is_missing(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "0 sessions replayed, 0 fills. Bars are missing of: PROV3" in said(pilot))


async def test_an_account_in_the_past_goes_on_session_by_session(real_home: Path) -> None:
    with_desk(real_home, lambda desk: _account(desk).reset(day_number(END) - 28))
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        await see(pilot, "simulated in the past #1")
        await pilot.press("r")
        await until(pilot, lambda: "1 session replayed, 0 fills." in said(pilot))
        await until(pilot, lambda: shown.account is not None and len(shown.account.sessions) == 1)


async def test_reconciling_shows_the_proof(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await see(pilot, "to the cent: 4 fills in 39 sessions")


async def test_opening_a_row_shows_its_chart_and_the_commands_lead_here(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: view_name(pilot) == "chart")
        await command(pilot, "paper")
        await until(pilot, lambda: view_name(pilot) == "paper")
        await pilot.press("1")
        await command(pilot, "order")
        await until(pilot, lambda: isinstance(pilot.app.screen, OrderTicket))


async def test_nothing_that_is_done_holds_the_loop(real_home: Path) -> None:
    """A slow engine is waited for in threads: the app answers keys meanwhile."""
    fill_paper(real_home)
    async with at_desk(real_home) as pilot:
        shown = await open_paper(pilot)
        app = app_of(pilot)
        app.do_paper(lambda account: time.sleep(0.6) or _said(account))
        began = time.monotonic()
        await pilot.press("o", "f", "t", "u")
        assert time.monotonic() - began < 0.5
        assert shown.panel == "positions"
        await until(pilot, lambda: "done" in said(pilot))


def _said(_account: object):  # type: ignore[no-untyped-def]
    from tui.messages import Said

    return Said("done")


# --- following ------------------------------------------------------------------------------------------------------


def record_signal(home: Path) -> None:
    """A run of the last session with one signal that is good for the next one."""

    def work(desk: Desk) -> None:
        session = day_number(END)
        bar = int(nominal_opening(np.array([session]))[0])
        name = f"{from_day_number(session)}-late"
        begin_run(desk.store, Run(name, session, "late", False, "running", MORNING, None, 1, "0", ""))
        until_ = MORNING + 86_400
        found = Signal(
            "MEAA3", "1d", bar, "breakout", Action.BUY, 0.9, 19.77, 18.5, 23.0, until_, "it broke out", {}, None, PriceBase.RAW, 0
        )
        finish_step(desk.store, name, 0, StepRecord("signals", "done", 0.0, "", {}), [found])
        end_run(desk.store, name, "done", 1, MORNING + 1)

    with_desk(home, work)


async def test_a_signal_is_followed_after_a_question_with_the_size_of_the_rules(real_home: Path) -> None:
    record_signal(real_home)
    open_live(real_home)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_signals(pilot)
        await pilot.press("f")
        await asked(pilot)
        await see(pilot, "Follow the signal of MEAA3?", "breakout: it broke out", "buy 1,000 MEAA3", "✔ exposure 19.92%")
        await pilot.press("escape")
        assert orders(real_home) == []
        await pilot.press("f")
        await asked(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Order 1 is placed: buy 1,000 MEAA3, market." in said(pilot))
        await pilot.press("f")
        await until(pilot, lambda: "MEAA3: followed before" in said(pilot))
    (row,) = orders(real_home)
    assert (row["quantity"], row["stop"], row["target"], row["origin"]) == (1000, 18.64, 23.18, "signal")


async def test_a_refusal_to_follow_is_said_and_recorded(real_home: Path) -> None:
    record_signal(real_home)
    open_live(real_home)
    with_desk(real_home, lambda desk: _account(desk).kill_switch(True))
    async with at_desk(real_home) as pilot:
        await open_signals(pilot)
        await pilot.press("f")
        await asked(pilot)
        await see(pilot, "✖ The kill switch is on: nothing opens", "Enter: record the refusal")
        await pilot.press("enter")
        await until(pilot, lambda: "Order 1 is refused and recorded" in said(pilot))
    assert [(row["state"], row["rules"]) for row in orders(real_home)] == [("refused", ["kill_switch"])]


async def test_a_signal_that_asks_for_nothing_places_nothing(real_home: Path) -> None:
    open_live(real_home)
    async with at_desk(real_home) as pilot:
        table = await open_signals(pilot)
        await pilot.press("h")
        await until(pilot, lambda: len(table.order) == 3)
        await pilot.press("G", "f")
        await until(pilot, lambda: "PROV3: nothing to do" in said(pilot))
        assert not isinstance(pilot.app.screen, Confirm)
    assert orders(real_home) == []


# --- messages and runs ----------------------------------------------------------------------------------------------


async def open_tab(pilot: Desks, name: str) -> None:
    from tests.tui.desk_host import data_view

    await app_of(pilot).action_show("data")
    while data_view(pilot).tab != name:
        await pilot.press("t")


async def test_messages_with_their_states_and_errors(real_home: Path) -> None:
    fill_outbox(real_home)
    async with at_desk(real_home) as pilot:
        await open_tab(pilot, "messages")
        await see(pilot, "Messages (3)", "telegram", "discord", "webhook", "dead", "waiting", "sent", "HTTP 404: no such hook")
        await see(pilot, "Telegram bot is off (^g) · 0 chats may ask it · ^o shows a code that pairs one")
        await pilot.press("enter")
        await see(pilot, "Last error: HTTP 404: no such hook", "300 MEAA3 bought")
        await pilot.press("escape", "w")
        await see(pilot, "state: waiting", "Messages (1)")
        for _turn in range(3):
            await pilot.press("w")
        await see(pilot, "state: dead", "Messages (1)")
        await pilot.press("w")
        await see(pilot, "state: all", "Messages (3)")


async def test_a_dead_message_goes_out_again_and_one_that_arrived_only_after_a_question(real_home: Path) -> None:
    from tests.tui.desk_host import data_view

    fill_outbox(real_home)
    async with at_desk(real_home) as pilot:
        await open_tab(pilot, "messages")
        await until(pilot, lambda: len(data_view(pilot).outbox.messages) == 3)
        assert data_view(pilot).outbox.messages[0].message.state == "dead"
        await pilot.press("e")
        await until(pilot, lambda: "Message 3: " in said(pilot))
        await until(pilot, lambda: data_view(pilot).outbox.messages[0].message.state == "waiting")
        await pilot.press("G", "e")
        await asked(pilot)
        await see(pilot, "It has arrived already")
        await pilot.press("escape")
        assert data_view(pilot).outbox.messages[-1].message.state == "sent"


async def test_the_code_that_pairs_a_chat_stays_in_sight(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        await open_tab(pilot, "messages")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        await pilot.press("escape")
        pairing = app_of(pilot).pairing
        assert pairing is not None
        await see(pilot, f"send /start {pairing.code} to it before 08:10")


async def test_a_run_tells_the_time_of_its_steps_and_what_failed(real_home: Path) -> None:
    def work(desk: Desk) -> None:
        session = day_number(END)
        begin_run(desk.store, Run("failed-run", session, "late", False, "running", MORNING, None, 1, "0", ""))
        finish_step(desk.store, "failed-run", 0, StepRecord("import", "done", 2.5, "", {}))
        finish_step(desk.store, "failed-run", 1, StepRecord("signals", "failed", 0.25, "", {"message": "no bars", "hint": ""}))
        end_run(desk.store, "failed-run", "failed", 1, MORNING + 60)

    with_desk(real_home, work)
    async with at_desk(real_home) as pilot:
        await open_tab(pilot, "runs")
        await pilot.press("G")
        await see(pilot, "failed-run", "2025-07-01 08:00", "2.75", "signals failed: no bars", "import 2.50 s, signals 0.25 s")


async def test_a_message_and_its_hint_are_two_sentences(real_home: Path) -> None:
    async with at_desk(real_home) as pilot:
        app = app_of(pilot)
        app.say("There are no bars", "error", "Import some.")
        app.say("Done.", "information", "Go on.")
        app.say("Alone")
        assert [line for _at, _severity, line in app.history] == ["There are no bars. Import some.", "Done. Go on.", "Alone"]


async def test_no_toast_tears_the_proof_and_the_working_notice_ends_with_it(real_home: Path) -> None:
    fill_paper(real_home)
    async with at_desk(real_home, (80, 24), toasts=True) as pilot:
        shown = await open_paper(pilot)
        await pilot.press("r")
        await see(pilot, "0 sessions replayed, 0 fills.")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        app_of(pilot).say("said meanwhile", "warning")
        await see(pilot, "The same fills")
        seen = screen_text(pilot)
        assert not [word for word in ("replayed,", "said meanwhile", "Trading the history") if word in seen]
        assert all(line.rstrip()[-1:] in "╮│╯" for line in seen.splitlines() if line.lstrip()[:1] in tuple("╭│╰"))
        await pilot.press("escape")
        await see(pilot, "said meanwhile")
        assert "Trading the history" not in str(shown.query_one("#paper-note").render())


async def test_an_empty_table_of_trades_says_that_there_are_none(real_home: Path) -> None:
    open_live(real_home)
    async with at_desk(real_home, (80, 24)) as pilot:
        await open_paper(pilot)
        await pilot.press("t")
        await see(pilot, "No position was closed yet.")


async def test_what_is_free_names_what_waiting_orders_reserve(real_home: Path) -> None:
    fill_paper(real_home)
    found = status(real_home)
    assert found["reserved"] > 0
    async with at_desk(real_home) as pilot:
        await open_paper(pilot)
        await see(pilot, f"Free for orders  R${found['buying_power']:,.2f} (R${found['reserved']:,.2f} reserved)")
