"""Orders of the paper account on bars drawn by hand: types, brackets, parts, average cost, events, look-ahead."""

from __future__ import annotations

import math

import pytest

from engine.desk import Desk
from engine.domain import PriceBase, day_number
from engine.errors import NoDataError, UsageError
from engine.ingestion.table import ImportOptions
from engine.paper.account import PaperAccount
from engine.paper.tickets import BRACKET, Ticket
from engine.store.bars import read_bars
from tests.desk_maker import at_desk
from tests.paper.paper_maker import DAYS, FREE, flat, taken

#: Session 0 is before the account; orders are first tried on session 1.
UP = [(10, 10, 10, 10), (11, 12, 10.5, 11.5), (12, 13, 11, 12.5), (14, 15, 13, 14), (9, 9.5, 8, 8.5), (8, 9, 7, 8)]


def test_a_market_order_is_filled_at_the_next_open_and_the_cash_is_exact(draw) -> None:
    desk = draw({"AAAA3": UP})
    placed = desk.order("AAAA3", 300)
    assert (placed.state, desk.fills()) == ("waiting", [])
    assert desk.account.replay_to(day_number(DAYS[1]))["fills"] == 1
    found = desk.status()
    assert desk.fills() == [("AAAA3", 300, 11.0, "entry")]
    assert (found["cash"], found["equity"]) == (100_000 - 3_300, 100_000 + 300 * 0.5)
    (position,) = found["positions"]
    assert {key: position[key] for key in ("side", "quantity", "average_price", "last_price", "pnl", "value")} == {
        "side": "long", "quantity": 300, "average_price": 11.0, "last_price": 11.5, "pnl": 150.0, "value": 3450.0,
    }  # fmt: skip
    assert desk.rows()["1"]["state"] == "filled"


def test_fees_brokerage_and_slippage_are_those_of_the_backtest(draw) -> None:
    toml = FREE.replace('schedule = "none"\nslippage = 0.0', "brokerage = 4.0\niss = 0.05\nslippage = 0.001")
    desk = draw({"AAAA3": UP}, toml)
    desk.order("AAAA3", 1000)
    desk.account.replay_to(day_number(DAYS[1]))
    (fill,) = desk.account.history()["fills"]
    assert fill["price"] == 11.02
    assert fill["costs"] == round(11_020 * 0.0003, 2) + 4.2
    assert desk.status()["cash"] == pytest.approx(100_000 - 11_020 - fill["costs"], abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "levels", "fills"),
    [
        ("limit", {"limit": 10.6}, [(1, 10.6)]),
        ("limit", {"limit": 13.5}, [(1, 11.0)]),
        ("limit", {"limit": 8.2}, [(4, 8.2)]),
        ("stop", {"trigger": 12.8}, [(2, 12.8)]),
        ("stop", {"trigger": 13.2}, [(3, 14.0)]),
        ("stop_limit", {"trigger": 12.8, "limit": 12.9}, [(2, 12.8)]),
        ("limit", {"limit": 6.0}, []),
    ],
)
def test_each_type_fills_when_its_price_comes(draw, kind, levels, fills) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, kind, **levels)
    desk.account.replay_to(day_number(DAYS[5]))
    found = [(f["session"], f["price"]) for f in desk.account.history()["fills"]]
    assert found == [(DAYS[at].isoformat(), price) for at, price in fills]
    assert desk.rows()["1"]["state"] == ("filled" if fills else "waiting")


def test_a_bracket_leaves_by_its_target_and_cancels_its_stop(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, BRACKET, stop=9.0, target=14.5)
    desk.account.replay_to(day_number(DAYS[1]))
    assert [order["id"] for order in desk.status()["orders"]] == ["AAAA3-stop", "AAAA3-target"]
    desk.account.replay_to(day_number(DAYS[5]))
    assert desk.fills() == [("AAAA3", 100, 11.0, "entry"), ("AAAA3", -100, 14.5, "target")]
    assert (desk.status()["positions"], desk.status()["orders"]) == ([], [])


def test_the_stop_of_a_position_is_replaced_by_one_of_ones_own(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, BRACKET, stop=9.0, target=50)
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.account.cancel(["AAAA3-stop"]) == ["AAAA3-stop"]
    desk.order("AAAA3", -100, "stop", trigger=11.2)
    assert [order["id"] for order in desk.status()["orders"]] == ["2", "AAAA3-target"]
    desk.account.replay_to(day_number(DAYS[5]))
    assert desk.fills() == [("AAAA3", 100, 11.0, "entry"), ("AAAA3", -100, 11.2, "signal")]
    assert desk.status()["orders"] == []


def test_a_stop_passed_over_night_is_filled_at_the_open(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, BRACKET, stop=9.8, target=50)
    desk.account.replay_to(day_number(DAYS[5]))
    assert desk.fills()[-1] == ("AAAA3", -100, 9.0, "stop")
    (trade,) = desk.account.history()["trades"]
    assert (trade["symbol"], trade["exit_reason"], trade["pnl"]) == ("AAAA3", "stop", -200.0)
    assert trade["return"] == pytest.approx(-200 / 1100)


def test_an_order_is_filled_in_parts_as_the_bars_allow(draw) -> None:
    bars = [(10, 10, 10, 10, 5000), (10, 10, 10, 10, 3000), (11, 11, 11, 11, 4900), (12, 12, 12, 12, 90_000)]
    desk = draw({"AAAA3": bars}, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    desk.order("AAAA3", 1000)
    states = []
    for at in (1, 2, 3):
        desk.account.replay_to(day_number(DAYS[at]))
        row = desk.rows()["1"]
        states.append((row["state"], row["filled"]))
    assert states == [("waiting", 300), ("waiting", 700), ("filled", 1000)]
    assert desk.rows()["1"]["average_price"] == pytest.approx((300 * 10 + 400 * 11 + 300 * 12) / 1000)
    assert desk.status()["positions"][0]["average_price"] == pytest.approx(11.0)


def test_what_is_left_of_an_entry_goes_with_the_position(draw) -> None:
    bars = [(10, 10, 10, 10, 9e5), (10, 10, 10, 10, 3000), (9, 9, 8, 8, 9e5), (9, 9, 9, 9, 9e5)]
    desk = draw({"AAAA3": bars}, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    desk.order("AAAA3", 1000, "limit", limit=10.0, stop=8.5)
    desk.account.replay_to(day_number(DAYS[3]))
    assert [fill[1] for fill in desk.fills()] == [300, 700, -1000]
    bars[2] = (8.4, 8.4, 8.4, 8.4, 9e5)
    other = draw({"AAAA3": bars}, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    other.order("AAAA3", 1000, "limit", limit=10.0, stop=8.5)
    other.account.replay_to(day_number(DAYS[3]))
    assert other.fills() == [("AAAA3", 300, 10.0, "entry"), ("AAAA3", -300, 8.4, "stop")]
    assert (other.rows()["1"]["state"], other.rows()["1"]["rules"]) == ("filled", ["part"])
    assert (other.status()["positions"], other.status()["orders"]) == ([], [])
    assert other.account.reconcile()["same"]


def test_a_bar_without_a_quantity_fills_nothing_and_says_so(draw) -> None:
    desk = draw(None, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    path = desk.home / "AAAA3.csv"
    rows = [f"{day},10,10,10,10" for day in DAYS[:3]]
    path.write_text("\n".join(["date,open,high,low,close", *rows]), encoding="utf-8")
    taken(desk.desk, path, ImportOptions(symbol="AAAA3", price_base=PriceBase.RAW))
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.fills() == []
    assert any("AAAA3" in line and "quantity" in line for line in desk.status()["notices"])


def test_adding_moves_the_average_and_a_partial_sale_does_not(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.order("AAAA3", 300)
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.status()["positions"][0]["average_price"] == pytest.approx((100 * 11 + 300 * 12) / 400)
    desk.order("AAAA3", -100)
    desk.account.replay_to(day_number(DAYS[3]))
    (position,) = desk.status()["positions"]
    assert (position["quantity"], position["average_price"]) == (300, pytest.approx(11.75))
    desk.account.close("AAAA3")
    desk.account.replay_to(day_number(DAYS[4]))
    assert [fill[1] for fill in desk.fills()] == [100, 300, -100, -300]
    assert desk.status()["positions"] == []
    assert desk.status()["cash"] == 100_000 - 1100 - 3600 + 1400 + 2700


def test_a_sale_never_turns_a_position_and_a_short_is_a_short(draw) -> None:
    desk = draw({"AAAA3": UP, "BBBB3": UP})
    desk.order("AAAA3", 100)
    desk.order("BBBB3", -100, stop=20.0)
    desk.account.replay_to(day_number(DAYS[1]))
    refused = desk.order("AAAA3", -200)
    assert (refused.state, [reason["rule"] for reason in refused.reasons]) == ("refused", ["more_than_held"])
    assert [position["side"] for position in desk.status()["positions"]] == ["long", "short"]
    desk.account.close_all()
    desk.account.replay_to(day_number(DAYS[2]))
    assert desk.status()["positions"] == []
    assert desk.status()["cash"] == 100_000 + 100 - 100


def test_orders_that_end_say_why(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, "limit", limit=5.0, bars=2)
    desk.account.replay_to(day_number(DAYS[2]))
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["rules"]) == ("expired", ["expired"])
    desk.order("AAAA3", 100, "limit", limit=5.0)
    assert desk.account.cancel(["2"]) == ["2"]
    assert desk.rows()["2"]["state"] == "cancelled"
    with pytest.raises(UsageError):
        desk.account.cancel(["2"])
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[3]))
    desk.order("AAAA3", -100, "limit", limit=99.0)
    desk.account.close("AAAA3")
    desk.account.replay_to(day_number(DAYS[4]))
    assert [(row["state"], row["rules"]) for row in desk.rows().values()][3:] == [("cancelled", ["closed"]), ("filled", [])]


@pytest.mark.parametrize(("first", "second", "state", "reason"), [
    (4000, 3000, "expired", "700 of 1000 were dealt; its 2 bars are over"),
    (4000, 0, "expired", "400 of 1000 were dealt; its 2 bars are over"),
    (4000, 90_000, "filled", ""),
])  # fmt: skip
def test_an_order_whose_bars_are_over_has_expired_though_a_part_was_dealt(draw, first, second, state, reason) -> None:
    second_bar = (10, 10, 10, 10, second) if second else (11, 11, 11, 11, 9e5)
    bars = [(10, 10, 10, 10, 9e5), (10, 10, 10, 10, first), second_bar, (10, 10, 10, 10, 9e5)]
    desk = draw({"AAAA3": bars}, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    desk.order("AAAA3", 1000, "limit", limit=10.0, bars=2)
    desk.account.replay_to(day_number(DAYS[3]))
    row = desk.rows()["1"]
    assert (row["state"], "; ".join(row["reasons"])) == (state, reason)
    assert desk.account.reconcile()["same"]


def test_an_order_that_no_longer_could_be_paid_on_its_last_bar_has_not_expired(draw) -> None:
    desk = draw({"AAAA3": [*flat(10, 1), *flat(10.4, 3)]}, FREE.replace("[paper]", "[paper]\ncapital = 2050.0\nexposure = 10.0"))
    desk.order("AAAA3", 200, stop=9.5, bars=1)
    desk.account.replay_to(day_number(DAYS[1]))
    assert (desk.rows()["1"]["state"], desk.rows()["1"]["rules"], desk.rows()["1"]["filled"]) == ("filled", ["part"], 100)


def test_a_sale_whose_bars_are_over_leaves_the_rest_of_the_position(draw) -> None:
    bars = [(10, 10, 10, 10, 9e5), (10, 10, 10, 10, 9e5), (12, 12, 12, 12, 3000), (11, 11, 11, 11, 9e5)]
    desk = draw({"AAAA3": bars}, FREE.replace("volume_cap = 0.0", "volume_cap = 0.1"))
    desk.order("AAAA3", 1000)
    desk.account.replay_to(day_number(DAYS[1]))
    desk.order("AAAA3", -1000, "limit", limit=12.0, bars=2)
    desk.account.replay_to(day_number(DAYS[3]))
    row = desk.rows()["2"]
    assert (row["state"], row["reasons"]) == ("expired", ["300 of 1000 were dealt; its 2 bars are over"])
    assert desk.status()["positions"][0]["quantity"] == 700


def test_cancelling_is_all_or_none(draw) -> None:
    desk = draw({"AAAA3": UP})
    desk.order("AAAA3", 100, "limit", limit=5.0)
    with pytest.raises(UsageError):
        desk.account.cancel(["1", "9"])
    assert desk.rows()["1"]["state"] == "waiting"


@pytest.mark.parametrize(
    ("units", "kind", "levels"),
    [
        (150, "market", {}), (0, "market", {}), (100, "limit", {}), (100, "market", {"limit": 9.0}), (100, "stop", {"limit": 9.0}),
        (100, BRACKET, {"stop": 9.0}), (100, "market", {"stop": 11.0}), (100, "market", {"target": 9.0}),
        (100, "limit", {"limit": -1.0}), (100, "limit", {"limit": math.inf}), (100, "iceberg", {}), (100, "market", {"bars": -1}),
        (-100, "market", {"stop": 9.0}),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_not_recorded(draw, units, kind, levels) -> None:
    desk = draw({"AAAA3": flat(10, 5)})
    with pytest.raises(UsageError) as caught:
        desk.order("AAAA3", units, kind, **levels)
    assert "\n" not in caught.value.message
    assert desk.rows() == {}


def test_an_unknown_symbol_and_an_index_are_not_traded(draw) -> None:
    desk = draw({"AAAA3": UP, "IBOV": UP})
    with pytest.raises(NoDataError):
        desk.order("ZZZZ3", 100)
    with pytest.raises(UsageError, match="index"):
        desk.order("IBOV", 1)


def test_levels_of_an_order_lie_on_the_tick(draw) -> None:
    desk = draw({"AAAA3": UP})
    with pytest.raises(UsageError, match=r"limit 10\.605 is not on the tick of 0\.01") as caught:
        desk.account.place(Ticket("AAAA3", 1, 100, "limit", limit=10.605, stop=9.0))
    assert caught.value.hint == "The nearest prices are 10.6 and 10.61."
    with pytest.raises(UsageError, match=r"stop 9\.001"):
        desk.account.preview(Ticket("AAAA3", 1, 100, "limit", limit=10.6, stop=9.001))
    placed = desk.account.place(Ticket("AAAA3", 1, 100, "limit", limit=10.6, stop=9.0))
    assert (placed.order["limit"], placed.order["stop"]) == (10.6, 9.0)


def test_single_shares_are_traded_where_the_settings_say_so(draw) -> None:
    desk = draw({"AAAA3": UP}, FREE + "\n[orders]\nfractional = true\n")
    desk.order("AAAA3", 150)
    desk.account.replay_to(day_number(DAYS[1]))
    assert desk.fills() == [("AAAA3", 100, 11.0, "entry"), ("AAAA3F", 50, 11.0, "entry")]
    assert desk.status()["positions"][0]["quantity"] == 150
    assert desk.account.reconcile()["same"]


def test_splits_and_dividends_reach_positions_orders_and_cash(draw) -> None:
    bars = [(20, 20, 20, 20), (20, 20, 20, 20), (10, 10, 10, 10), (9, 9, 9, 9), (9, 9, 9, 9), (9, 9, 9, 9)]
    desk = draw({"AAAA3": bars})
    desk.event("AAAA3", kind="split", ex_session=DAYS[2].isoformat(), factor=2.0)
    desk.order("AAAA3", 100, stop=15.0)
    desk.account.replay_to(day_number(DAYS[2]))
    (position,) = desk.status()["positions"]
    assert (position["quantity"], position["average_price"], position["stop"]) == (200, 10.0, 7.5)
    assert desk.status()["equity"] == 100_000
    desk.event("AAAA3", kind="dividend", ex_session=DAYS[3].isoformat(), amount=1.0, pay_session=DAYS[5].isoformat())
    desk.account.replay_to(day_number(DAYS[3]))
    found = desk.status()
    assert (found["receivable"], found["equity"]) == (200.0, 100_000.0)
    desk.account.replay_to(day_number(DAYS[4]))
    assert desk.status()["receivable"] == 200.0
    desk.account.replay_to(day_number(DAYS[5]))
    assert (desk.status()["receivable"], desk.status()["cash"]) == (0.0, 100_000 - 2000 + 200)
    assert desk.account.reconcile()["same"]


def test_a_dividend_paid_after_the_stored_bars_waits_for_its_day(draw) -> None:
    desk = draw({"AAAA3": flat(10, 4)})
    desk.event("AAAA3", kind="dividend", ex_session=DAYS[2].isoformat(), amount=0.5, pay_session=DAYS[6].isoformat())
    desk.order("AAAA3", 100)
    desk.account.replay_to(day_number(DAYS[3]))
    assert desk.status()["receivable"] == 50.0
    desk.add({"AAAA3": flat(10, 8)})
    desk.account.replay_to(day_number(DAYS[5]))
    assert desk.status()["receivable"] == 50.0
    desk.account.replay_to(day_number(DAYS[6]))
    assert desk.status()["receivable"] == 0.0
    assert desk.account.reconcile()["same"]


def test_an_order_sees_no_bar_that_opened_before_it(draw) -> None:
    desk = draw({"AAAA3": flat(10, 90)}, replay=False)
    desk.at(DAYS[80], 14)
    desk.add({"AAAA3": [*flat(10, 80)]})
    desk.order("AAAA3", 100)
    desk.at(DAYS[81], 20)
    desk.add({"AAAA3": [*flat(10, 80), (11, 11, 11, 11), (12, 12, 12, 12)]})
    desk.account.replay_to()
    assert desk.status()["session"] == DAYS[81].isoformat()
    assert desk.fills() == [("AAAA3", 100, 12.0, "entry")]


def test_hours_are_replayed_bar_by_bar(home) -> None:
    (home / "config" / "pregao.toml").write_text(FREE.replace("[paper]", '[paper]\ntimeframe = "60m"'), encoding="utf-8")

    def work(desk: Desk):
        bars = read_bars(desk.store, "HHHH3", "60m")
        close = float(bars.close[bars.session <= day_number(DAYS[10])][-1])
        account = PaperAccount(desk)
        account.reset(day_number(DAYS[10]))
        account.place(Ticket("HHHH3", 1, 100, BRACKET, stop=round(close * 0.99, 2), target=round(close * 1.01, 2)))
        account.replay_to(day_number(DAYS[20]))
        return account.history()["fills"], account.reconcile()

    fills, proof = at_desk(home, work)
    assert [fill["reason"] == "entry" for fill in fills] == [True, False]
    assert fills[0]["time"].endswith("T10:00:00-03:00")
    assert fills[1]["session"] in {day.isoformat() for day in DAYS[11:14]}
    assert proof["same"]
