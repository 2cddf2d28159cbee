"""What an order would do is said before it is placed, by the very rules that it is placed by, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import NoDataError, UsageError
from engine.paper.tickets import Ticket
from tests.paper.paper_maker import DAYS, FREE, Drawn, flat
from tests.paper.test_paper_follow import signal

LIMITED = '[costs]\nschedule = "none"\nslippage = 0.0\n[paper]\nvolume_cap = 0.0\nrisk_per_trade = 0.02\nmax_positions = 2\n'


def kept(desk: Drawn) -> Any:
    """Everything that is stored of the accounts."""
    with desk.desk.store.read() as connection:
        tables = ("paper_accounts", "paper_orders", "paper_fills", "paper_events", "outbox")
        return [connection.exec_driver_sql(f"SELECT * FROM {name}").fetchall() for name in tables]


def limits(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {item["rule"]: (item["value"], item["limit"]) for item in found["limits"]}


def test_an_order_is_weighed_without_being_placed(draw) -> None:
    desk = draw({"AAAA3": flat(10.0, 20)}, LIMITED)
    before = kept(desk)
    found = desk.account.preview(Ticket("AAAA3", 1, 1000, stop=9.0, target=13.0))
    assert kept(desk) == before
    assert (found["refused"], found["order"]["state"], found["price"], found["last"]) == (False, "waiting", 10.0, 10.0)
    assert (found["units"], found["value"], found["cash"], found["loss"], found["gain"]) == (
        1000,
        10_000.0,
        10_000.0,
        1000.0,
        3000.0,
    )
    assert found["share"] == pytest.approx(0.01)
    assert found["session"] == DAYS[1].isoformat()
    assert limits(found) == {
        "max_positions": (1, 2),
        "risk_per_trade": (pytest.approx(0.01), 0.02),
        "exposure": (pytest.approx(0.1), 1.0),
        "cash": (10_000.0, 100_000.0),
    }


def test_costs_are_those_that_the_fill_takes(draw) -> None:
    desk = draw({"AAAA3": flat(10.0, 20)}, FREE.replace('schedule = "none"', 'schedule = "b3"\nbrokerage = 4.9'))
    found = desk.account.preview(Ticket("AAAA3", 1, 1000))
    desk.order("AAAA3", 1000)
    desk.account.replay_to(None, most=1)
    (fill,) = desk.account.history()["fills"]
    assert found["costs"] == pytest.approx(fill["costs"], abs=0.006)
    assert found["cash"] == pytest.approx(10_000 + fill["costs"], abs=0.006)


def test_what_waits_counts_and_every_broken_rule_is_said(draw) -> None:
    desk = draw({name: flat(10.0, 20) for name in ("AAAA3", "BBBB3", "CCCC3")}, LIMITED)
    desk.order("AAAA3", 1000, stop=9.0)
    desk.order("BBBB3", 1000, stop=9.0)
    before = kept(desk)
    found = desk.account.preview(Ticket("CCCC3", 1, 9000, stop=9.0))
    assert (found["refused"], found["order"]["rules"]) == (True, ["max_positions", "risk_per_trade", "exposure", "cash"])
    assert limits(found)["cash"] == (90_000.0, 80_000.0)
    assert found["hint"]
    assert kept(desk) == before
    row = desk.order("CCCC3", 9000, stop=9.0)
    assert [reason["rule"] for reason in row.reasons] == found["order"]["rules"]


def test_an_order_that_closes_has_no_limits_and_takes_all_that_is_held(draw) -> None:
    desk = draw({"AAAA3": flat(10.0, 20)})
    desk.order("AAAA3", 1000)
    desk.account.replay_to(None, most=1)
    found = desk.account.preview(Ticket("AAAA3", -1, 0))
    assert (found["units"], found["value"], found["cash"], found["limits"], found["order"]["closes"]) == (
        1000,
        10_000.0,
        None,
        [],
        True,
    )


@pytest.mark.parametrize(("ticket", "error"), [(Ticket("AAAA3", 1, 150), UsageError), (Ticket("NONE3", 1, 100), NoDataError)])
def test_an_order_that_makes_no_sense_is_an_error(draw, ticket: Ticket, error: type[Exception]) -> None:
    desk = draw({"AAAA3": flat(10.0, 20)})
    with pytest.raises(error):
        desk.account.preview(ticket)


def test_a_preview_opens_no_account(draw) -> None:
    desk = draw({"AAAA3": flat(10.0, 20)}, replay=False)
    assert not desk.account.preview(Ticket("AAAA3", 1, 100))["refused"]
    assert desk.status()["account"] is None


def test_a_signal_is_weighed_as_it_would_be_followed(draw) -> None:
    desk = draw({"AAAA3": flat(20.0, 20)}, LIMITED)
    made, before = signal(desk), kept(desk)
    found = desk.account.preview_follow(made)
    assert kept(desk) == before
    (done,) = desk.account.follow([made])
    placed = desk.rows()[str(done["order"])]
    assert found["result"] == done["result"] == "placed"
    assert {key: found["order"][key] for key in ("id", "quantity", "stop", "target", "type")} == {
        key: placed[key] for key in ("id", "quantity", "stop", "target", "type")
    }
    assert desk.account.preview_follow(made) == {"result": "known"}
    assert desk.account.preview_follow(made | {"action": "HOLD"}) == {"result": "hold"}


def test_a_signal_that_the_rules_refuse_says_so(draw) -> None:
    desk = draw({"AAAA3": flat(20.0, 20)}, LIMITED)
    desk.account.kill_switch(True)
    found = desk.account.preview_follow(signal(desk))
    assert (found["result"], found["refused"], found["order"]["rules"]) == ("refused", True, ["kill_switch"])
