"""Signals as orders: sized by the rules, each once, and what is not followed."""

from __future__ import annotations

from datetime import date

import pytest

from engine import strategies
from engine.domain import day_number, iso
from engine.paper.account import PaperAccount
from engine.paper.following import signal_now
from tests.desk_maker import at_desk, call
from tests.paper.paper_maker import DAYS, FREE, flat

RULES = FREE.replace("risk_per_trade = 1.0", "risk_per_trade = 0.02").replace("max_positions = 50", "max_positions = 5")


def signal(desk, symbol="AAAA3", action="BUY", *, day: date = DAYS[0], **changes):
    """A signal at the close of a day, good for the next session."""
    calendar, session = desk.desk.calendar, day_number(day)
    until = calendar.close_instant(calendar.next_session(session))
    found = {
        "symbol": symbol, "timeframe": "1d", "time": iso(calendar.open_instant(session)), "strategy": "made", "action": action,
        "strength": 0.5, "price": 10.0, "stop_loss": 9.5, "take_profit": 12.0, "size": None, "valid_until": iso(until),
        "stale_sessions": 0, "filter": None,
    }  # fmt: skip
    return found | changes


def results(done) -> list[str]:
    return [item["result"] for item in done]


def test_a_signal_becomes_a_bracket_of_the_size_that_the_rules_allow(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    assert results(desk.account.follow([signal(desk)])) == ["placed"]
    (row,) = desk.rows().values()
    assert (row["quantity"], row["stop"], row["target"], row["origin"]) == (2000, 9.5, 12.0, "signal")
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", 2000, 10.0, "entry")]


@pytest.mark.parametrize(
    ("changes", "units"),
    [({"stop_loss": 8.0}, 1000), ({"stop_loss": None}, 200), ({"size": 0.05}, 500), ({"stop_loss": 9.9}, 2000)],
)
def test_the_size_follows_the_risk_the_share_of_the_exposure_and_the_signal(draw, changes, units) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    desk.account.follow([signal(desk, **changes)])
    assert desk.rows()["1"]["quantity"] == units


def test_levels_of_adjusted_prices_are_moved_to_prices_of_the_day(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    desk.account.follow([signal(desk, price=5.0, stop_loss=4.5, take_profit=6.0)])
    row = desk.rows()["1"]
    assert (row["stop"], row["target"]) == (9.0, 12.0)


def test_each_signal_is_followed_once(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    assert results(desk.account.follow([signal(desk)])) == ["placed"]
    assert results(desk.account.follow([signal(desk)])) == ["known"]
    desk.account.cancel(["1"])
    assert results(desk.account.follow([signal(desk)])) == ["known"]


@pytest.mark.parametrize(
    ("changes", "result"),
    [({"action": "HOLD"}, "hold"), ({"stale_sessions": 1}, "stale"), ({"filter": {"state": "rejected"}}, "rejected"),
     ({"filter": {"state": "confirmed"}}, "placed"), ({"valid_until": "2020-01-01T17:00:00-03:00"}, "refused")],
)  # fmt: skip
def test_what_is_not_to_be_followed_says_why(draw, changes, result) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    assert results(desk.account.follow([signal(desk, **changes)])) == [result]


def test_a_signal_against_a_position_closes_it(draw) -> None:
    desk = draw({"AAAA3": flat(10, 6)}, RULES)
    desk.account.follow([signal(desk)])
    desk.account.replay_to(day_number(DAYS[1]))
    assert results(desk.account.follow([signal(desk, day=DAYS[1])])) == ["held"]
    assert results(desk.account.follow([signal(desk, action="SELL", day=DAYS[1])])) == ["placed"]
    desk.account.replay_to(day_number(DAYS[2]))
    assert [fill[1] for fill in desk.fills()] == [2000, -2000]
    assert desk.account.reconcile()["same"]


def test_an_order_whose_signal_no_longer_stands_is_cancelled(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    desk.account.follow([signal(desk)])
    assert results(desk.account.follow([signal(desk, action="HOLD", strength=0.0)])) == ["hold"]
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["rules"]) == ("cancelled", ["signal"])


@pytest.mark.parametrize(
    ("changes", "result"),
    [({"action": "HOLD"}, "hold"), ({"action": "SELL", "stale_sessions": 1}, "stale"), ({}, "refused"),
     ({"action": "SELL", "filter": {"state": "rejected"}}, "rejected"), ({"action": "SELL", "stop_loss": 1e5}, "refused"),
     ({"action": "SELL", "valid_until": "2020-01-01T17:00:00-03:00"}, "refused")],
)  # fmt: skip
def test_a_signal_that_cannot_be_followed_leaves_the_order_of_another_strategy(draw, changes, result) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    desk.account.follow([signal(desk)])
    before = desk.status()["orders"]
    assert results(desk.account.follow([signal(desk, strategy="other", **changes)])) == [result]
    assert desk.status()["orders"] == before
    assert [row["state"] for row in desk.rows().values()] == ["waiting"] + ["refused"] * (result == "refused")
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", 2000, 10.0, "entry")]
    assert desk.account.reconcile()["same"]


def test_a_signal_that_is_followed_cancels_what_it_contradicts(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)}, RULES)
    desk.account.follow([signal(desk)])
    against = signal(desk, action="SELL", strategy="other", stop_loss=10.5, take_profit=8.0)
    assert desk.account.preview_follow(against)["result"] == "placed"
    assert desk.rows()["1"]["state"] == "waiting"
    assert results(desk.account.follow([against])) == ["placed"]
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["rules"]) == ("cancelled", ["signal"])
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", -2000, 10.0, "entry")]
    assert desk.account.reconcile()["same"]


def test_the_strongest_signals_come_first(draw) -> None:
    symbols = [f"{letter * 4}3" for letter in "ABCDEF"]
    desk = draw({symbol: flat(10, 5) for symbol in symbols}, RULES)
    signals = [signal(desk, symbol, strength=0.1 * at) for at, symbol in enumerate(symbols, start=1)]
    done = desk.account.follow(signals)
    assert [item["symbol"] for item in done] == symbols[::-1]
    assert results(done) == ["placed"] * 5 + ["refused"]
    assert [row["quantity"] for row in desk.rows().values()][:5] == [2000, 2000, 2000, 2000, 1900]


def test_the_orders_of_the_settings_are_used(draw) -> None:
    toml = RULES + '\n[orders]\nentry = "limit"\nentry_atr = 1.0\nentry_bars = 3\ntrail_percent = 0.05\n'
    bars = [(10, 10.5, 9.5, 10)] * 20 + [(10, 10.2, 8.9, 10), (10, 12, 10, 12), (12, 12, 11, 11), *flat(11, 3)]
    desk = draw({"AAAA3": bars}, toml)
    desk.account.reset(day_number(DAYS[19]))
    desk.account.follow([signal(desk, day=DAYS[19], stop_loss=8.0, take_profit=None)])
    (row,) = desk.rows().values()
    assert (row["type"], row["limit"], row["bars"]) == ("limit", 9.0, 3)
    desk.account.replay_to(day_number(DAYS[24]))
    assert desk.fills() == [("AAAA3", row["quantity"], 9.0, "entry"), ("AAAA3", -row["quantity"], 11.4, "trailing")]
    assert desk.account.reconcile()["same"]


def test_a_time_exit_counts_bars(draw) -> None:
    desk = draw({"AAAA3": flat(10, 9)}, RULES + "\n[orders]\ntime_exit = 3\n")
    desk.account.follow([signal(desk, take_profit=None)])
    desk.account.replay_to(day_number(DAYS[8]))
    history = desk.account.history()["fills"]
    assert [(fill["session"], fill["reason"]) for fill in history] == [
        (DAYS[1].isoformat(), "entry"),
        (DAYS[4].isoformat(), "time"),
    ]


def test_the_signal_of_a_past_day_knows_nothing_later(home) -> None:
    def work(desk):
        account, strategy = PaperAccount(desk), strategies.get("trend_following")
        said = []
        for day in DAYS[55:70]:
            account.reset(day_number(day))
            said.append(signal_now(desk, "MEAA3", strategy))
        return said

    said = at_desk(home, work)
    assert [item["time"][:10] for item in said] == [day.isoformat() for day in DAYS[55:70]]
    for day, item in zip(DAYS[55:70], said):
        report = call("--run-daily", "--as-of", day.isoformat(), "--json", home=home).json
        expected = next(other for other in report["signals"] if other["symbol"] == "MEAA3")
        assert {k: v for k, v in item.items() if k != "filter"} == {k: v for k, v in expected.items() if k != "filter"}


def test_the_daily_run_follows_where_the_settings_say_so_and_only_once(home) -> None:
    (home / "config" / "pregao.toml").write_text("[paper]\nfollow = true\n", encoding="utf-8")
    first = call("--run-daily", "--json", home=home)
    assert first.code == 0, first.err
    detail = next(step["detail"] for step in first.json["steps"] if step["name"] == "paper")
    placed = {item["symbol"]: item["result"] for item in detail["followed"]}
    assert placed == {"MEAA3": "placed", "NHAA3": "placed", "HHHH3": "hold"}
    call("--run-daily", home=home)
    orders = call("paper", "history", "--json", home=home).json["orders"]
    assert sorted(order["symbol"] for order in orders) == ["MEAA3", "NHAA3"]
    assert all(order["state"] == "waiting" for order in orders)


def test_the_daily_run_leaves_the_account_alone_unless_it_is_open_and_live(home) -> None:
    detail = next(step["detail"] for step in call("--run-daily", "--json", home=home).json["steps"] if step["name"] == "paper")
    assert detail == {"account": None}
    assert call("paper", "status", "--json", home=home).json["account"] is None
    call("paper", "reset", "--from", DAYS[-5].isoformat(), home=home)
    (home / "config" / "pregao.toml").write_text("[paper]\nfollow = true\n", encoding="utf-8")
    call("--run-daily", home=home)
    status = call("paper", "status", "--json", home=home).json
    assert (status["mode"], status["session"], status["orders"]) == ("replay", DAYS[-5].isoformat(), [])


def test_reading_a_signal_opens_no_account(home) -> None:
    said = at_desk(home, lambda desk: signal_now(desk, "MEAA3", strategies.get("trend_following")))
    assert said["symbol"] == "MEAA3"
    assert call("paper", "follow", "TYPO3", home=home).code != 0
    assert call("paper", "status", "--json", home=home).json["account"] is None
