"""The command paper: what it prints, what it refuses and with which exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.desk import Desk
from engine.store import paper
from tests.desk_maker import END, at_desk, call, sessions

FIRST = sessions()[60]


@pytest.fixture
def past(home: Path) -> Path:
    """A workspace whose account walks through the past from the 61st session on."""
    assert call("paper", "reset", "--from", FIRST.isoformat(), "--json", home=home).code == 0
    return home


def told(home: Path, *words: str):
    found = call("paper", *words, "--json", home=home)
    assert (found.code, found.err) == (0, ""), found.err
    return found.json


def close_of(home: Path, symbol: str) -> float:
    bars = call("bars", symbol, "--to", FIRST.isoformat(), "--json", home=home).json["bars"]
    return float(bars[-1]["close"])


def test_without_an_account_the_status_says_how_it_would_begin(home: Path) -> None:
    found = told(home, "status")
    assert {"cash", "equity", "positions", "orders", "risk"} <= set(found)
    assert (found["account"], found["cash"], found["positions"], found["orders"]) == (None, 100_000.0, [], [])
    assert found["risk"]["limits"] == {"risk_per_trade": 0.02, "daily_loss": 0.05, "positions": 5, "exposure": 1.0}
    assert told(home) == found
    assert "No paper account is open" in call("paper", "status", home=home).out
    assert told(home, "reconcile")["same"] is True
    assert told(home, "history")["orders"] == []


def test_an_order_is_placed_filled_shown_and_reconciled(past: Path) -> None:
    price = close_of(past, "MEAA3")
    words = ("order", "MEAA3", "buy", "500", "--stop", f"{price * 0.97:.2f}", "--target", f"{price * 1.5:.2f}")
    placed = told(past, *words)["order"]
    assert (placed["id"], placed["type"], placed["state"], placed["quantity"]) == ("1", "market", "waiting", 500)
    done = told(past, "replay", "--sessions", "1")
    assert (done["sessions"], done["fills"], done["waiting_for"]) == (1, 1, [])
    found = told(past, "status")
    (position,) = found["positions"]
    assert (position["symbol"], position["quantity"], position["side"]) == ("MEAA3", 500, "long")
    assert [order["id"] for order in found["orders"]] == ["MEAA3-stop", "MEAA3-target"]
    shown = call("paper", "status", home=past).out
    for text in ("SIMULATED", "MEAA3", "MEAA3-stop", "Largest loss at a stop"):
        assert text in shown
    done = told(past, "replay", "--to", END.isoformat())
    assert done["session"] == END.isoformat()
    proof = told(past, "reconcile")
    assert (proof["same"], proof["cause"]) == (True, None)
    assert "The same" in call("paper", "reconcile", home=past).out
    history = told(past, "history")
    assert set(history) == {"account", "accounts", "events", "orders", "fills", "trades", "equity", "demo"}
    assert len(history["equity"]) == 29
    assert "MEAA3" in call("paper", "history", home=past).out


def test_a_refusal_is_recorded_and_fails_the_gate(past: Path) -> None:
    refused = call("paper", "order", "MEAA3", "buy", "1000000", "--json", home=past)
    assert (refused.code, refused.out, refused.error["type"]) == (4, "", "GateError")
    assert "equity" in refused.error["message"]
    (row,) = told(past, "history")["orders"]
    assert (row["state"], row["rules"]) == ("refused", ["risk_per_trade", "exposure", "cash"])
    assert call("paper", "order", "MEAA3", "buy", "1000000", home=past).err.count("pregao:") == 1


def test_orders_are_cancelled_and_positions_closed(past: Path) -> None:
    price = close_of(past, "MEAA3")
    told(past, "order", "MEAA3", "buy", "100", "--limit", "1", "--stop", "0.90")
    assert told(past, "cancel", "1")["cancelled"] == ["1"]
    assert call("paper", "cancel", "1", home=past).code == 2
    told(past, "order", "MEAA3", "buy", "100", "--stop", f"{price * 0.9:.2f}")
    told(past, "replay", "--sessions", "1")
    assert call("paper", "close", "NHAA3", home=past).code == 2
    (order,) = told(past, "close", "MEAA3")["orders"]
    assert (order["quantity"], order["closes"]) == (None, True)
    told(past, "replay", "--sessions", "1")
    assert told(past, "status")["positions"] == []
    assert told(past, "close", "--all") == {"orders": [], "demo": False}


def test_signals_are_followed_by_hand(past: Path) -> None:
    followed = told(past, "follow", "MEAA3", "NHAA3", "--strategy", "trend_following")["followed"]
    assert {item["symbol"] for item in followed} == {"MEAA3", "NHAA3"}
    assert all(set(item) == {"symbol", "action", "result", "order"} for item in followed)
    assert "MEAA3" in call("paper", "follow", "MEAA3", home=past).out


def test_the_kill_switch_is_shown_until_it_is_off(past: Path) -> None:
    assert told(past, "risk", "--kill-switch", "on")["risk"]["kill_switch"] is True
    assert "kill switch is on" in call("paper", "risk", home=past).out
    assert call("paper", "order", "MEAA3", "buy", "100", "--json", home=past).code == 4
    assert told(past, "risk", "--kill-switch", "off")["risk"]["kill_switch"] is False


def test_a_reset_keeps_the_history(past: Path) -> None:
    before = told(past, "status")["account"]
    after = told(past, "reset")
    assert (after["mode"], after["account"] > before) == ("live", True)
    assert told(past, "history", "--account", str(before))["account"] == before
    assert call("paper", "history", "--account", "99", home=past).code == 2


def test_a_reconciliation_that_fails_exits_with_1(past: Path) -> None:
    told(past, "order", "MEAA3", "buy", "100", "--stop", f"{close_of(past, 'MEAA3') * 0.9:.2f}")
    told(past, "replay", "--sessions", "2")

    def tamper(desk: Desk) -> None:
        with desk.store.write() as connection:
            connection.exec_driver_sql("UPDATE paper_fills SET quantity = 200")

    at_desk(past, tamper)
    done = call("paper", "reconcile", "--json", home=past)
    assert (done.code, done.json["same"], done.json["cause"]) == (1, False, "defect")
    assert "so this is a defect" in call("paper", "reconcile", home=past).out


def test_an_order_on_bars_long_past_says_that_nothing_can_fill_it(home: Path) -> None:
    late = 1_780_000_000
    done = call("paper", "order", "MEAA3", "buy", "100", "--stop", "20", home=home, now=late)
    assert done.code == 0
    assert "MEAA3 (2025-06-30)" in done.err
    assert "paper reset --from" in done.err


@pytest.mark.parametrize(
    "line",
    ["order", "order MEAA3", "order MEAA3 hold 100", "order MEAA3 buy ten", "order MEAA3 buy -100", "order MEAA3 buy 150",
     "order MEAA3 buy 0", "order MEAA3 buy 100 --bars 0", "order MEAA3 buy 100 --bars -1", "order MEAA3 buy 100 --limit 18.305",
     "order MEAA3 buy 100 --trigger 0.05", "order MEAA3 buy 100 --limit x", "order MEAA3 buy 100 --type iceberg", "order MEAA3 buy 100 --type bracket",
     "order MEAA3 buy 100 --stop 9999", "cancel", "cancel 9", "cancel MEAA3-stop", "close", "close MEAA3 --all", "follow",
     "replay --to tomorrow", "replay --sessions 0", "reset --from 2025-06-29", "reset --from 2099-01-04", "risk --kill-switch maybe",
     "burn"],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_changes_nothing(past: Path, line: str) -> None:
    done = call("paper", *line.split(), "--json", home=past)
    assert done.code == 2, done.err
    assert done.error["message"]

    def orders(desk: Desk) -> list[paper.StoredOrder]:
        with desk.store.read() as connection:
            stored = paper.read_account(connection)
            assert stored is not None
            return paper.list_orders(connection, stored.id)

    assert at_desk(past, orders) == []


def test_a_symbol_without_bars_is_no_data(past: Path) -> None:
    assert call("paper", "order", "ZZZZ3", "buy", "100", home=past).code == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("buy 100 --bars 0", "--bars takes a number from 1 up"),
        ("buy 100 --bars -1", "--bars takes a number from 1 up"),
        ("buy -100", "The quantity must be 1 or more, not -100"),
        ("buy 0", "The quantity must be 1 or more, not 0"),
        ("buy ten", "The quantity must be a whole number, not ten"),
        ("buy 100 --limit 18.305", "limit 18.305 is not on the tick of 0.01"),
        ("buy 100 --trigger 0.05", "A stop order to buy at 0.05 would fill at once"),
    ],
)
def test_what_is_wrong_with_an_order_is_named(past: Path, line: str, said: str) -> None:
    assert said in call("paper", "order", "MEAA3", *line.split(), "--json", home=past).error["message"]


def test_the_kill_switch_names_the_orders_that_it_cancels(past: Path) -> None:
    told(past, "order", "MEAA3", "buy", "100", "--limit", "1", "--stop", "0.90")
    done = call("paper", "risk", "--kill-switch", "on", home=past)
    assert "Cancelled: 1" in done.out + done.err
    again = call("paper", "risk", "--kill-switch", "on", home=past)
    assert "No order waited to open a position." in again.out + again.err
    assert told(past, "risk", "--kill-switch", "on")["cancelled"] == []
    assert "cancelled" not in told(past, "risk")


def test_what_waiting_orders_reserve_is_not_free(past: Path) -> None:
    told(past, "order", "MEAA3", "buy", "1000", "--limit", "1", "--stop", "0.90")
    found = told(past, "status")
    assert (found["cash"], found["buying_power"], found["reserved"]) == (100_000.0, 98_999.7, 1_000.3)
    assert "R$98,999.70 (R$1,000.30 reserved for waiting orders)" in call("paper", "status", home=past).out


def test_money_is_to_the_cent(past: Path) -> None:
    price = close_of(past, "MEAA3")
    told(past, "order", "MEAA3", "buy", "300", "--stop", f"{price * 0.95:.2f}", "--target", f"{price * 1.03:.2f}")
    told(past, "replay", "--to", END.isoformat())
    assert "No position was closed yet." not in call("paper", "history", home=past).out
    status, history = told(past, "status"), told(past, "history")
    assert history["trades"]
    rows = [status, told(past, "reconcile"), *status["positions"]]
    rows += [*history["accounts"], *history["fills"], *history["trades"], *history["equity"]]
    names = {"cash", "equity", "buying_power", "reserved", "receivable", "interest", "after_tax_equity", "replayed_cash",
             "replayed_equity", "value", "costs", "income", "pnl"}  # fmt: skip
    money = [row[name] for row in rows for name in names & set(row)]
    assert len(money) > 60
    assert money == [round(value, 2) for value in money]


def test_a_history_without_trades_says_so(past: Path) -> None:
    told(past, "order", "MEAA3", "buy", "100", "--limit", "1", "--stop", "0.90")
    assert "No position was closed yet." in call("paper", "history", home=past).out
