"""The risk rules: what each refuses, that the refusal is recorded, and the limits that act by themselves."""

from __future__ import annotations

import pytest

from engine.domain import day_number
from engine.settings_model import Paper
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
    desk = draw({"AAAA3": [*flat(10, 1), *flat(30, 3)]}, rules(capital=1000.0))
    assert refused(desk, "AAAA3", 100) == []
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
    assert refused(desk, "BBBB3", 100) == ["daily_loss"]
    assert desk.account.close("AAAA3").state == "waiting"
    desk.account.replay_to(day_number(DAYS[3]))
    assert desk.status()["risk"]["blocked"] is False
    assert refused(desk, "BBBB3", 100) == []
    desk.account.replay_to(day_number(DAYS[4]))
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
    desk.account.kill_switch(True)
    assert (desk.rows()["2"]["state"], desk.rows()["2"]["rules"]) == ("cancelled", ["kill_switch"])
    assert refused(desk, "CCCC3", 100) == ["kill_switch"]
    assert [order["id"] for order in desk.status()["orders"]] == ["AAAA3-stop"]
    assert desk.account.close("AAAA3").state == "waiting"
    desk.account.kill_switch(False)
    assert refused(desk, "CCCC3", 100) == []
    desk.account.replay_to(day_number(DAYS[2]))
    assert [position["symbol"] for position in desk.status()["positions"]] == ["CCCC3"]


def test_a_ruined_account_opens_nothing_more(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 2), *flat(40, 3)], "BBBB3": flat(10, 5)})
    desk.order("AAAA3", -5000)
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills()[-1][3] == "liquidation"
    assert refused(desk, "BBBB3", 100)[-1] == "ruined"
