"""The risk rules: what each refuses, that the refusal is recorded, and the limits that act by themselves."""

from __future__ import annotations

import pytest

from engine.backtest.execution import Execution
from engine.backtest.orders import Order
from engine.desk import open_desk
from engine.domain import day_number
from engine.errors import UsageError
from engine.paper.account import PaperAccount
from engine.paper.risk import Opening, order_risk
from engine.paper.state import State
from engine.paper.tickets import Ticket
from engine.paper.words import hint_of
from engine.settings_model import Paper
from engine.store import paper
from tests.desk_maker import MORNING
from tests.paper.paper_maker import DAYS, FREE, flat

SYMBOLS = ("AAAA3", "BBBB3", "CCCC3", "DDDD3", "EEEE3", "FFFF3")
CALM = {symbol: flat(10, 8) for symbol in SYMBOLS}


def rules(**changes: object) -> str:
    """Settings in which only these rules stand in the way."""
    text = FREE
    for name, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
        text = "\n".join([*lines, f"{name} = {value}"]) + "\n"
    return text


def refused(desk, symbol: str, units: int, **levels: float) -> list[str]:
    """The rules that an order breaks."""
    return [reason["rule"] for reason in desk.order(symbol, units, **levels).reasons]


def test_the_rules_are_those_of_the_requirements_unless_changed() -> None:
    shipped = Paper()
    assert (shipped.risk_per_trade, shipped.daily_loss, shipped.max_positions) == (0.02, 0.05, 5)


def test_cash_that_is_not_there_cannot_be_spent(draw) -> None:
    desk = draw(CALM, rules(capital=1000.0, exposure=10.0))
    assert refused(desk, "AAAA3", 1_000_000) == ["risk_per_trade", "exposure", "cash"]
    assert refused(desk, "AAAA3", 200, stop=9.0) == ["cash"]
    assert refused(desk, "AAAA3", 100) == []
    row = desk.rows()["1"]
    assert (row["state"], row["rules"]) == ("refused", ["risk_per_trade", "exposure", "cash"])
    assert all(row["reasons"])
    kinds = [event["kind"] for event in desk.account.history()["events"]]
    assert kinds == ["opened", "refused", "refused", "placed"]


def test_cash_is_checked_again_when_the_price_comes(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 1), *flat(10.4, 3)]}, rules(capital=1000.0, exposure=10.0))
    assert refused(desk, "AAAA3", 100, stop=9.5) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == []
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["rules"]) == ("refused", ["cash"])


def test_waiting_orders_count_as_if_they_were_filled(draw) -> None:
    desk = draw(CALM, rules(capital=2500.0))
    assert refused(desk, "AAAA3", 100) == []
    assert refused(desk, "BBBB3", 100) == []
    assert refused(desk, "CCCC3", 100) == ["exposure", "cash"]
    desk.account.cancel(["2"])
    assert refused(desk, "CCCC3", 100) == []


@pytest.mark.parametrize(("stop", "units", "broken"), [(8.0, 1000, []), (7.9, 1000, ["risk_per_trade"]), (None, 100, []), (None, 300, ["risk_per_trade"])])  # fmt: skip
def test_a_position_may_lose_so_much_at_its_stop(draw, stop, units, broken) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    assert refused(desk, "AAAA3", units, **({} if stop is None else {"stop": stop})) == broken


def test_adding_counts_the_risk_of_the_whole_position(draw) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 1000, stop=8.5)
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.status()["risk"]["risk_per_trade"] == pytest.approx(0.015)
    assert refused(desk, "AAAA3", 400) == ["risk_per_trade"]
    assert refused(desk, "AAAA3", 300) == []


@pytest.mark.parametrize(("side", "price", "words"), [(1, 9.0, "bought below"), (1, 9.5, "bought below"), (-1, 11.0, "sold above"), (-1, 10.5, "sold above")])  # fmt: skip
def test_nothing_is_added_at_or_beyond_the_stop_of_the_position(draw, side, price, words) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 100 * side, stop=10 - 0.5 * side)
    desk.account.replay_to(day_number(DAYS[1]))
    with pytest.raises(UsageError, match=f"{words} the stop of the position"):
        desk.order("AAAA3", 9000 * side, "limit", limit=price)
    assert list(desk.rows()) == ["1"]
    assert desk.order("AAAA3", 100 * side, "limit", limit=10 - 0.4 * side).state == "waiting"


def test_a_stop_that_the_price_has_reached_bounds_no_loss(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 2), *flat(9.4, 3)]}, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 100, stop=9.5)
    desk.account.replay_to(day_number(DAYS[1]))
    with desk.desk.store.rehearse() as connection:
        stored = paper.read_account(connection)
        book = State.of(stored.state).account.books["AAAA3"]
    for price, loss in ((9.6, 0.1), (9.5, 9.5), (9.4, 9.4)):
        opening = Opening(book, Order("limit", 1, 1000, limit=price), price)
        assert opening.loss == pytest.approx(loss)
        assert order_risk(opening) == pytest.approx(50 + 1000 * loss)


def test_the_stop_of_a_position_that_is_being_closed_vouches_for_nothing(draw) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 100, stop=9.9)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.account.close("AAAA3")
    assert refused(desk, "AAAA3", 9000) == ["risk_per_trade"]
    desk.account.cancel(["2"])
    assert refused(desk, "AAAA3", 9000) == []
    assert desk.account.close("AAAA3").state == "waiting"
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills()[1:] == [("AAAA3", -100, 10.0, "signal"), ("AAAA3", 100, 10.0, "entry")]
    assert desk.rows()["4"]["rules"] == ["gap"]
    assert desk.account.reconcile()["same"]


def test_a_stop_that_the_open_passes_vouches_for_nothing(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 2), *flat(9.0, 4)]}, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 100, stop=9.9)
    desk.account.replay_to(day_number(DAYS[1]))
    assert refused(desk, "AAAA3", 9000) == []
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills()[1:] == [("AAAA3", -100, 9.0, "stop"), ("AAAA3", 200, 9.0, "entry")]
    assert desk.account.reconcile()["same"]


def test_a_position_that_its_time_closes_vouches_for_nothing(draw) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    desk.account.place(Ticket("AAAA3", 1, 100, stop=9.9), execution=Execution(time_exit=1))
    desk.account.replay_to(day_number(DAYS[1]))
    assert refused(desk, "AAAA3", 9000) == []
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills()[1:] == [("AAAA3", -100, 10.0, "time"), ("AAAA3", 100, 10.0, "entry")]


@pytest.mark.parametrize(("stop", "broken"), [(Ticket("AAAA3", -1, 0, "stop", trigger=9.9), []), (Ticket("AAAA3", -1, 0, "stop", trigger=9.9, bars=1), ["risk_per_trade"]), (Ticket("AAAA3", -1, 100, "stop", trigger=9.9), ["risk_per_trade"]), (Ticket("AAAA3", -1, 0, "stop_limit", trigger=9.9, limit=9.8), ["risk_per_trade"])])  # fmt: skip
def test_only_a_plain_stop_for_all_of_the_position_that_stays_protects_it(draw, stop, broken) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.account.place(stop).state == "waiting"
    assert refused(desk, "AAAA3", 9000) == broken


def test_there_are_at_most_so_many_positions_and_waiting_entries(draw) -> None:
    desk = draw(CALM, rules(max_positions=5))
    for symbol in SYMBOLS[:3]:
        assert refused(desk, symbol, 100) == []
    desk.account.replay_to(day_number(DAYS[1]))
    for symbol in SYMBOLS[3:5]:
        assert refused(desk, symbol, 100) == []
    assert refused(desk, SYMBOLS[5], 100) == ["max_positions"]
    assert refused(desk, SYMBOLS[0], 100) == []
    assert desk.status()["risk"]["positions"] == 5


def test_only_one_order_of_a_symbol_waits_to_open(draw) -> None:
    desk = draw(CALM)
    desk.order("AAAA3", 100, "limit", limit=9.0)
    assert refused(desk, "AAAA3", 100) == ["already_waiting"]


def test_exposure_counts_shorts_too(draw) -> None:
    desk = draw(CALM, rules(exposure=0.3))
    assert refused(desk, "AAAA3", -1000, stop=11.0) == []
    assert refused(desk, "BBBB3", 2100) == ["exposure"]
    assert refused(desk, "BBBB3", 2000) == []


def test_shorts_may_be_forbidden(draw) -> None:
    desk = draw(CALM, FREE + "\n[backtest]\nallow_short = false\n")
    assert refused(desk, "AAAA3", -100) == ["short"]


def test_a_stop_order_whose_trigger_is_passed_is_no_order(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, rules(risk_per_trade=0.02))
    for units, kind, levels in (
        (100, "stop", {"trigger": 9.0, "stop": 8.9}), (100, "stop_limit", {"trigger": 9.99, "limit": 11.0}),
        (-100, "stop", {"trigger": 12.0, "stop": 12.2}), (-100, "stop_limit", {"trigger": 10.01, "limit": 9.0}),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="would fill at once, since the last price is 10") as caught:
            desk.order("AAAA3", units, kind, **levels)
        assert "Use a market order" in caught.value.hint
    assert desk.rows() == {}
    assert refused(desk, "AAAA3", 100, kind="stop", trigger=10.0, stop=9.5) == []


def test_a_stop_against_a_position_waits_for_a_price_that_has_not_come(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[1]))
    with pytest.raises(UsageError, match=r"sell at 10\.5 would fill at once"):
        desk.order("AAAA3", -100, "stop", trigger=10.5)
    assert desk.order("AAAA3", -100, "stop", trigger=9.5).state == "waiting"


def test_the_rules_take_the_worse_of_the_price_of_an_order_and_the_newest_close(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    book, at = desk.account, desk.order("AAAA3", 100, "stop", trigger=12.0)
    assert at.state == "waiting"
    book.cancel(["1"])

    def measured(side: int, kind: str, **levels: float) -> dict[str, float]:
        found = desk.account.preview(Ticket("AAAA3", side, 1000, kind, **levels))
        return {item["rule"]: item["value"] for item in found["limits"]}

    bought = measured(1, "stop", trigger=12.0, stop=9.0)
    assert (bought["risk_per_trade"], bought["exposure"], bought["cash"]) == (0.03, 0.12, 12_000.0)
    sold = measured(-1, "stop", trigger=8.0, stop=11.0)
    assert (sold["risk_per_trade"], sold["exposure"], sold["cash"]) == (0.03, 0.1, 10_000.0)
    low = measured(1, "limit", limit=8.0, stop=7.0)
    assert (low["risk_per_trade"], low["exposure"], low["cash"]) == (0.01, 0.08, 8_000.0)


def test_a_gap_over_night_reduces_an_order_to_what_the_rules_allow(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 1), *flat(12, 4)]}, rules(risk_per_trade=0.02))
    assert refused(desk, "AAAA3", 1900, stop=9.0) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", 600, 12.0, "entry")]
    row = desk.rows()["1"]
    assert (row["state"], row["filled"], row["quantity"], row["rules"]) == ("filled", 600, 1900, ["gap"])
    assert row["reasons"] == ["At R$ 12.00, where its price came, the risk rules allowed 600 of 1900"]
    assert desk.status()["risk"]["risk_per_trade"] == pytest.approx(0.018)
    (event,) = [event for event in desk.account.history()["events"] if event["kind"] == "reduced"]
    assert event["detail"] == {"symbol": "AAAA3", "tag": "order-1", "quantity": 600, "price": 12.0, "filled": 0}
    desk.account.replay_to(day_number(DAYS[4]))
    assert desk.account.reconcile()["same"]


def test_a_gap_beyond_all_that_is_allowed_refuses_the_order(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 1), *flat(40, 4)]}, rules(risk_per_trade=0.02))
    assert refused(desk, "AAAA3", 1000, stop=9.0) == []
    desk.account.replay_to(day_number(DAYS[2]))
    row = desk.rows()["1"]
    assert (desk.fills(), row["state"], row["rules"]) == ([], "refused", ["gap"])
    assert desk.status()["orders"] == []
    assert desk.account.reconcile()["same"]


def test_the_exposure_holds_at_the_price_that_comes_with_all_that_fills_there(draw) -> None:
    bars = [*flat(10, 1), *flat(12, 4)]
    desk = draw({"AAAA3": bars, "BBBB3": bars}, rules(exposure=0.5))
    assert refused(desk, "AAAA3", 2500) == refused(desk, "BBBB3", 2500) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert [fill[1] for fill in desk.fills()] == [1600, 2500]
    assert desk.status()["risk"]["exposure"] <= 0.5
    assert desk.account.reconcile()["same"]


def test_a_price_that_is_better_than_expected_reduces_nothing(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 1), *flat(9.5, 4)]}, rules(risk_per_trade=0.02))
    assert refused(desk, "AAAA3", 2000, stop=9.0) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert (desk.fills(), desk.rows()["1"]["rules"]) == ([("AAAA3", 2000, 9.5, "entry")], [])


def test_a_split_is_no_gap(draw) -> None:
    desk = draw({"AAAA3": [*flat(20, 1), *flat(10, 4)]}, rules(risk_per_trade=0.02))
    desk.event("AAAA3", kind="split", ex_session=DAYS[1].isoformat(), factor=2.0)
    assert refused(desk, "AAAA3", 1000, stop=18.0) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", 2000, 10.0, "entry")]
    assert desk.account.reconcile()["same"]


def test_a_reduced_order_that_fills_in_parts_waits_with_what_is_left(draw) -> None:
    bars = [(10, 10, 10, 10, 9e6), (12, 12, 12, 12, 4000), (12, 12, 12, 12, 9e6), (12, 12, 12, 12, 9e6)]
    desk = draw({"AAAA3": bars}, rules(risk_per_trade=0.02, volume_cap=0.1))
    assert refused(desk, "AAAA3", 1900, stop=9.0) == []
    desk.account.replay_to(day_number(DAYS[1]))
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["filled"], desk.status()["reserved"]) == ("waiting", 400, 2400.0)
    desk.account.replay_to(day_number(DAYS[2]))
    assert [fill[1] for fill in desk.fills()] == [400, 200]
    row = desk.rows()["1"]
    assert (row["state"], row["rules"], row["filled"]) == ("filled", ["gap"], 600)
    assert desk.account.reconcile()["same"]


def test_what_is_free_is_the_same_everywhere_and_names_what_is_reserved(draw) -> None:
    desk = draw(CALM, rules(capital=10_000.0, exposure=10.0))
    desk.order("AAAA3", 300, "limit", limit=9.0, stop=8.0)
    found = desk.status()
    assert (found["cash"], found["buying_power"], found["reserved"]) == (10_000.0, 7_300.0, 2_700.0)
    weighed = desk.account.preview(Ticket("BBBB3", 1, 800, stop=9.0))
    assert {item["rule"]: item["limit"] for item in weighed["limits"]}["cash"] == 7_300.0
    refusal = desk.order("BBBB3", 800, stop=9.0)
    assert refusal.reasons[0]["limit"] == 7_300.0
    desk.account.cancel(["1"])
    assert (desk.status()["buying_power"], desk.status()["reserved"]) == (10_000.0, 0.0)


def test_a_refusal_without_a_stop_speaks_of_none(draw) -> None:
    desk = draw(CALM, rules(risk_per_trade=0.02))
    bare, guarded = desk.order("AAAA3", 300), desk.order("BBBB3", 2100, stop=9.0)
    rows = desk.rows()
    assert "Without a stop" in rows["1"]["reasons"][0]
    assert "at its stop" not in rows["1"]["reasons"][0]
    assert "at its stop" in rows["2"]["reasons"][0]
    assert (hint_of(bare.reasons), hint_of(guarded.reasons)) == (
        "Give a stop, or a smaller quantity.",
        "Give a closer stop or a smaller quantity.",
    )


FALL = [(10, 10, 10, 10), (10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9), (9, 9, 9, 9)]


def test_after_a_days_loss_nothing_opens_until_a_better_one_is_over(draw) -> None:
    desk = draw({"AAAA3": FALL, "BBBB3": flat(10, 5)}, rules(daily_loss=0.05))
    desk.order("AAAA3", 6000)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.order("BBBB3", 100, "limit", limit=5.0)
    desk.account.replay_to(day_number(DAYS[2]))
    found = desk.status()["risk"]
    assert (found["blocked"], found["daily_loss"]) == (True, pytest.approx(0.06))
    assert (desk.rows()["2"]["state"], desk.rows()["2"]["rules"]) == ("cancelled", ["daily_loss"])
    assert desk.rows()["2"]["reasons"] == [
        text := "The session lost 6.00 % of the equity, with a limit of 5.00 %; nothing opens until a better one is over"
    ]
    assert refused(desk, "BBBB3", 100) == ["daily_loss"]
    (desk.home / "config" / "pregao.toml").write_text(rules(daily_loss=0.5), encoding="utf-8")
    calm = open_desk(desk.desk.workspace, lambda: MORNING)
    (reason,) = PaperAccount(calm).place(Ticket("BBBB3", 1, 100)).reasons
    calm.close()
    assert reason == {"rule": "daily_loss", "value": pytest.approx(0.06), "limit": 0.05}
    assert f"{text}." in desk.status()["notices"]
    assert desk.account.close("AAAA3").state == "waiting"
    desk.account.replay_to(day_number(DAYS[3]))
    assert desk.status()["risk"]["blocked"] is False
    assert refused(desk, "BBBB3", 100) == []
    desk.account.replay_to(day_number(DAYS[4]))
    assert desk.account.reconcile()["same"]


@pytest.mark.parametrize(("hour", "fall"), [(14, 9.0), (14, 9.8), (20, 9.0)])
def test_a_days_loss_ends_what_was_placed_while_the_session_went_on(draw, hour, fall) -> None:
    desk = draw(None, rules(daily_loss=0.05), replay=False)
    desk.at(DAYS[0], 20)
    desk.add({"AAAA3": flat(10, 1), "BBBB3": flat(10, 1), "CCCC3": flat(10, 1)})
    desk.order("AAAA3", 6000)
    desk.at(DAYS[1], 20)
    desk.add({"AAAA3": flat(10, 2), "BBBB3": flat(10, 2), "CCCC3": flat(10, 2)})
    desk.account.replay_to()
    desk.at(DAYS[2], hour)
    assert [desk.order("BBBB3", 100).state, desk.order("CCCC3", 100).state] == ["waiting", "waiting"]
    desk.account.cancel(["3"])
    assert desk.order("AAAA3", -100).state == "waiting"
    desk.at(DAYS[2], 21)
    later = {"AAAA3": [*flat(10, 2), *flat(fall, 3)], "BBBB3": flat(10, 5), "CCCC3": flat(10, 5)}
    desk.add({symbol: bars[:3] for symbol, bars in later.items()})
    desk.account.replay_to()
    lost = fall < 9.5
    assert desk.status()["risk"]["blocked"] is lost
    assert desk.rows()["2"]["state"] == ("cancelled" if lost else "waiting")
    assert desk.rows()["2"]["rules"] == (["daily_loss"] if lost else [])
    desk.at(DAYS[4], 21)
    desk.add(later)
    desk.account.replay_to()
    expected = [("AAAA3", -100, fall, "signal"), *([] if lost else [("BBBB3", 100, 10.0, "entry")])]
    assert desk.fills()[1:] == expected
    assert desk.rows()["3"]["state"] == "cancelled"
    assert desk.account.reconcile()["same"]


def test_a_loss_of_less_than_the_limit_stops_nothing(draw) -> None:
    desk = draw({"AAAA3": FALL, "BBBB3": flat(10, 5)}, rules(daily_loss=0.05))
    desk.order("AAAA3", 4900)
    desk.order("BBBB3", 100, "limit", limit=5.0)
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.status()["risk"]["blocked"] is False
    assert desk.rows()["2"]["state"] == "waiting"


def test_the_kill_switch_cancels_entries_and_refuses_new_ones_but_lets_positions_close(draw) -> None:
    desk = draw(CALM)
    desk.order("AAAA3", 100, stop=9.0)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.order("BBBB3", 100, "limit", limit=9.0)
    assert desk.account.kill_switch(True) == ["2"]
    assert (desk.rows()["2"]["state"], desk.rows()["2"]["rules"]) == ("cancelled", ["kill_switch"])
    assert refused(desk, "CCCC3", 100) == ["kill_switch"]
    assert [order["id"] for order in desk.status()["orders"]] == ["AAAA3-stop"]
    assert desk.account.close("AAAA3").state == "waiting"
    assert desk.account.kill_switch(False) == []
    assert refused(desk, "CCCC3", 100) == []
    desk.account.replay_to(day_number(DAYS[2]))
    assert [position["symbol"] for position in desk.status()["positions"]] == ["CCCC3"]


def test_a_ruined_account_opens_nothing_more(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 2), *flat(40, 3)], "BBBB3": flat(10, 5)})
    desk.order("AAAA3", -5000)
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills()[-1][3] == "liquidation"
    assert refused(desk, "BBBB3", 100)[-1] == "ruined"
