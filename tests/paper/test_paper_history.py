"""What is kept: restarts, late bars, messages, terms, older accounts, interest and taxes."""

from __future__ import annotations

import pytest

from engine.desk import Desk, open_desk
from engine.domain import day_number
from engine.errors import UsageError
from engine.paper.account import PaperAccount
from engine.store.outbox import list_messages
from engine.workspace import Workspace
from tests.desk_maker import MORNING
from tests.paper.paper_maker import DAYS, FREE, busy, flat, import_cdi


def test_a_restart_changes_nothing(draw) -> None:
    desk = busy(draw)
    desk.account.replay_to(day_number(DAYS[40]))
    before = desk.status()
    again = open_desk(Workspace(desk.home), lambda: MORNING)
    assert PaperAccount(again).status() == before
    PaperAccount(again).replay_to()
    again.close()
    assert desk.status()["behind"] == 0


def test_every_fill_and_refusal_is_told_once(draw) -> None:
    desk = busy(draw)
    desk.order("AAAA3", 10_000_000)
    desk.account.replay_to()
    desk.account.replay_to()
    messages = list_messages(desk.desk.store, limit=1000)
    fills = desk.account.history()["fills"]
    keys = [message.dedupe_key for message in messages]
    assert len(keys) == len(set(keys))
    assert sum("-fill-" in key for key in keys) == len(fills)
    assert sum("-refused-" in key for key in keys) == 1
    newest = next(message for message in messages if message.dedupe_key.endswith(f"-fill-{len(fills)}"))
    assert newest.payload["symbol"] == fills[-1]["symbol"]
    assert newest.payload["price"] == fills[-1]["price"]
    assert newest.payload["text"]


def test_a_walk_through_the_past_says_nothing(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[3]))
    assert len(desk.fills()) == 1
    assert list_messages(desk.desk.store, limit=10) == []


def test_the_account_waits_for_bars_that_are_late_and_goes_on_when_they_come(draw) -> None:
    desk = draw(None, FREE, replay=False)
    desk.at(DAYS[0], 20)
    desk.add({"AAAA3": flat(10, 1), "BBBB3": flat(10, 1)})
    desk.order("AAAA3", 100)
    desk.order("BBBB3", 100)
    desk.at(DAYS[2], 20)
    desk.add({"AAAA3": [*flat(10, 1), *flat(11, 2)]})
    done = desk.account.replay_to()
    assert (done["sessions"], done["waiting_for"]) == (0, ["BBBB3"])
    assert desk.status()["behind"] == 2
    desk.add({"BBBB3": [*flat(10, 1), *flat(12, 2)]})
    done = desk.account.replay_to()
    assert (done["sessions"], done["fills"], done["waiting_for"]) == (2, 2, [])
    assert sorted(desk.fills()) == [("AAAA3", 100, 11.0, "entry"), ("BBBB3", 100, 12.0, "entry")]


def test_a_suspended_symbol_does_not_hold_the_account_back_for_ever(draw) -> None:
    desk = draw(None, FREE, replay=False)
    desk.at(DAYS[0], 20)
    desk.add({"AAAA3": flat(10, 1), "BBBB3": flat(10, 1)})
    desk.order("AAAA3", 100)
    desk.order("BBBB3", 100)
    desk.at(DAYS[9], 20)
    desk.add({"AAAA3": flat(11, 10)})
    assert desk.account.replay_to()["sessions"] == 4
    assert desk.fills() == [("AAAA3", 100, 11.0, "entry")]
    assert desk.rows()["2"]["state"] == "waiting"


def test_a_new_account_begins_beside_the_old_one(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[2]))
    old = desk.status()["account"]
    desk.account.reset(day_number(DAYS[1]))
    found = desk.status()
    assert found["account"] != old
    assert (found["cash"], found["positions"], found["session"]) == (100_000.0, [], DAYS[1].isoformat())
    history = desk.account.history(old)
    assert [fill["quantity"] for fill in history["fills"]] == [100]
    assert [(item["account"], item["closed_at"] is None) for item in history["accounts"]] == [
        (found["account"], True),
        (old, False),
    ]
    assert desk.account.reconcile(old)["same"]
    with pytest.raises(UsageError):
        desk.account.history(99)


def test_an_account_keeps_the_terms_that_it_was_opened_with(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    (desk.home / "config" / "pregao.toml").write_text("[paper]\ncapital = 5.0\n[costs]\nslippage = 0.1\n", encoding="utf-8")
    changed = Desk(
        desk.desk.workspace, open_desk(desk.desk.workspace, lambda: MORNING).settings, desk.desk.store, lambda: MORNING
    )
    account = PaperAccount(changed)
    assert account.status()["initial_capital"] == 100_000.0
    desk.order("AAAA3", 100)
    account.replay_to(day_number(DAYS[2]))
    assert desk.fills() == [("AAAA3", 100, 10.0, "entry")]


def test_idle_cash_earns_the_cdi_and_its_tax_is_told(draw) -> None:
    desk = draw({"AAAA3": flat(10, 10)}, FREE)
    import_cdi(desk.home, 0.05)
    desk.account.replay_to(day_number(DAYS[4]))
    found = desk.status()
    assert found["interest"] == pytest.approx(100_000 * (1.0005**4 - 1))
    assert found["taxes"]["interest_tax"] == pytest.approx(found["interest"] * 0.225, abs=0.01)
    assert found["after_tax_equity"] == pytest.approx(found["equity"] - found["taxes"]["tax"])


def test_gains_are_taxed_as_those_of_a_backtest(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 2), *flat(12, 3)]}, FREE)
    desk.order("AAAA3", 5000)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.account.close("AAAA3")
    desk.account.replay_to(day_number(DAYS[3]))
    found = desk.status()["taxes"]
    (month,) = found["months"]
    assert (month["sales"], month["gain"], month["tax"]) == (60_000.0, 10_000.0, 1_500.0)
    assert found["tax"] == 1_500.0
    assert desk.status()["cash"] == 110_000.0


def test_a_clock_that_is_set_back_reorders_nothing(draw) -> None:
    desk = draw(None, FREE, replay=False)
    desk.at(DAYS[1], 20)
    desk.add({"AAAA3": flat(10, 2)})
    desk.order("AAAA3", 100, "limit", limit=5.0)
    desk.at(DAYS[0], 9)
    desk.account.cancel(["1"])
    desk.order("AAAA3", 100)
    placed = [row["placed_at"] for row in desk.rows().values()]
    assert placed[1] >= placed[0]
    desk.at(DAYS[3], 20)
    desk.add({"AAAA3": [*flat(10, 2), *flat(11, 2)]})
    desk.account.replay_to()
    assert desk.fills() == [("AAAA3", 100, 11.0, "entry")]
    assert desk.rows()["1"]["state"] == "cancelled"
    assert desk.account.reconcile()["same"]
