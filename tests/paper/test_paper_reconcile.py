"""The backtester gives the same fills from the history of an account, and says why where it does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from engine.domain import day_number
from engine.errors import UsageError
from engine.store import paper
from tests.desk_maker import walk
from tests.paper.paper_maker import COSTLY, DAYS, SYMBOLS, Drawn, busy, flat, import_cdi


def test_reconciling_finds_the_same_fills(draw) -> None:
    desk = busy(draw)
    desk.account.replay_to()
    proof = desk.account.reconcile()
    assert (proof["same"], proof["cause"], proof["differences"], proof["changed_bars"]) == (True, None, [], [])
    assert proof["fills"] == proof["replayed_fills"] == len(desk.fills()) > 8
    assert proof["cash"] == proof["replayed_cash"]
    assert proof["equity"] == proof["replayed_equity"]


def check_at_random(draw, seed: int, sessions: int, risk: float = 1.0) -> Drawn:
    """Orders of every type at random instants, with fees, volume, splits, dividends and interest on the cash."""
    rng = np.random.default_rng(seed)
    toml = COSTLY.replace("0.001", "0.01").replace("risk_per_trade = 1.0", f"risk_per_trade = {risk}")
    desk = draw(None, toml + "\n[costs]\nbrokerage = 3.0\n", replay=False)
    bars = {symbol: walk(f"{symbol[:-1]}{seed}", len(DAYS)) for symbol in SYMBOLS}
    desk.add(bars)
    desk.event("AAAA3", kind="split", ex_session=DAYS[15].isoformat(), factor=2.0)
    desk.event("BBBB3", kind="dividend", ex_session=DAYS[12].isoformat(), amount=0.4, pay_session=DAYS[20].isoformat())
    import_cdi(desk.home, 0.05)
    desk.account.reset(day_number(DAYS[0]))
    for at in range(1, sessions):
        status = desk.status()
        held = {position["symbol"]: position["side"] for position in status["positions"]}
        for symbol in SYMBOLS:
            if rng.random() < 0.3:
                place_at_random(desk, symbol, held.get(symbol), float(bars[symbol][at - 1, 3]), rng)
        waiting = [order["id"] for order in status["orders"]]
        if waiting and rng.random() < 0.2:
            desk.account.cancel([str(rng.choice(waiting))])
        desk.account.replay_to(day_number(DAYS[at]))
    proof = desk.account.reconcile()
    assert proof["same"], proof
    assert proof["fills"] > 4
    assert desk.status()["interest"] > 0
    assert {"filled", "refused"} <= {row["state"] for row in desk.rows().values()}
    return desk


def place_at_random(desk: Drawn, symbol: str, held: str | None, price: float, rng: np.random.Generator) -> None:
    kind = str(rng.choice(["market", "limit", "stop", "stop_limit"]))
    side = int(rng.choice([1, -1]))
    levels: dict[str, Any] = {"bars": int(rng.integers(0, 4))}
    if "limit" in kind:
        levels["limit"] = price * float(rng.uniform(0.97, 1.03))
    if "stop" in kind:
        levels["trigger"] = price * (1.0 + side * float(rng.uniform(0.0, 0.03)))
    if held is None:
        levels |= {"stop": price * (1 - 0.1 * side), "target": price * (1 + 0.1 * side)}
    try:
        desk.order(symbol, int(rng.integers(1, 30)) * 100 * side, kind, **levels)
    except UsageError as error:
        if "the stop of the position" not in error.message:
            raise


@pytest.mark.parametrize("seed", range(4))
def test_reconciling_holds_for_orders_and_events_at_random(draw, seed: int) -> None:
    check_at_random(draw, seed, 50)


@pytest.mark.parametrize("seed", [1, 6])
def test_reconciling_holds_where_the_rules_reduce_orders_as_they_fill(draw, seed: int) -> None:
    desk = check_at_random(draw, seed, 50, risk=0.05)
    reduced = [event for event in desk.account.history()["events"] if event["kind"] == "reduced"]
    assert reduced
    assert any("gap" in row["rules"] for row in desk.rows().values())


@pytest.mark.slow
@pytest.mark.parametrize("risk", [1.0, 0.05])
@pytest.mark.parametrize("seed", range(2, 32))
def test_reconciling_holds_for_many_more(draw, seed: int, risk: float) -> None:
    check_at_random(draw, seed, 88, risk)


def test_changed_bars_are_named_as_the_cause(draw) -> None:
    bars = [*flat(10, 2), (10, 11, 9, 10), *flat(10, 2)]
    desk = draw({"AAAA3": bars})
    desk.order("AAAA3", 100, "limit", limit=9.5)
    desk.account.replay_to(day_number(DAYS[4]))
    assert desk.account.reconcile()["same"]
    desk.add({"AAAA3": [*bars[:2], (10, 11, 9.8, 10), *bars[3:]]})
    proof = desk.account.reconcile()
    assert (proof["same"], proof["cause"]) == (False, "data")
    assert [item["time"][:10] for item in proof["changed_bars"]] == [DAYS[2].isoformat()]
    assert [(item["in"], item["price"]) for item in proof["differences"]] == [("account", 9.5)]


def test_an_order_of_a_symbol_without_bars_does_not_keep_the_others_from_being_compared(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.add({"BBBB3": flat(10, 2)}, [DAYS[0], DAYS[4]])
    desk.order("AAAA3", 100)
    desk.order("BBBB3", 100)
    desk.account.replay_to(day_number(DAYS[3]))
    proof = desk.account.reconcile()
    assert (proof["same"], proof["fills"], proof["replayed_fills"]) == (True, 1, 1)
    desk.account.replay_to(day_number(DAYS[4]))
    proof = desk.account.reconcile()
    assert (proof["same"], proof["fills"], proof["replayed_fills"]) == (True, 2, 2)


def test_a_fill_that_was_tampered_with_is_a_defect(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[4]))
    with desk.desk.store.write() as connection:
        connection.exec_driver_sql("UPDATE paper_fills SET price = 9.99")
    proof = desk.account.reconcile()
    assert (proof["same"], proof["cause"]) == (False, "defect")
    assert [item["in"] for item in proof["differences"]] == ["account", "backtest"]


def test_a_state_that_was_tampered_with_is_a_defect(draw) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[3]))
    with desk.desk.store.write() as connection:
        stored = paper.read_account(connection)
        assert stored is not None
        state = json.loads(json.dumps(stored.state))
        state["account"]["cash"] += 0.01
        paper.save_state(connection, stored.id, stored.session, state)
    assert desk.account.reconcile()["cause"] == "defect"
