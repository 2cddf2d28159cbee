"""Parts of one position are one trade for every figure that counts trades."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backtest.kernel import OPEN, PARTIAL, STOP, TARGET, TRADE
from engine.backtest.round_trips import round_trips


def made(*rows: tuple[int, int, int, int, int, float]) -> np.ndarray:
    """(side, quantity, entry, exit, reason, pnl) as trades."""
    trades = np.zeros(len(rows), dtype=TRADE)
    for trade, (side, quantity, entry, leave, reason, pnl) in zip(trades, rows):
        trade["side"], trade["quantity"], trade["entry"], trade["exit"] = side, quantity, entry, leave
        trade["reason"], trade["pnl"], trade["costs"] = reason, pnl, 1.0
        trade["entry_price"], trade["exit_price"] = 10.0 * quantity, 20.0 * quantity
        trade["mae"], trade["mfe"] = -0.01 * quantity, 0.01 * quantity
    return trades


def test_a_partial_exit_and_the_rest_are_one_trade() -> None:
    (trade,) = round_trips(made((1, 300, 2, 4, PARTIAL, 30.0), (1, 100, 2, 7, STOP, -5.0)))
    assert (trade["quantity"], trade["entry"], trade["exit"], trade["reason"]) == (400, 2, 7, STOP)
    assert (trade["pnl"], trade["costs"]) == (25.0, 2.0)
    assert trade["entry_price"] == pytest.approx((3000 * 300 + 1000 * 100) / 400)
    assert (trade["mae"], trade["mfe"]) == (-3.0, 3.0)


def test_an_entry_over_several_bars_is_one_trade() -> None:
    assert round_trips(made((1, 1, 2, 9, STOP, 1.0), (1, 1, 3, 9, STOP, 1.0), (1, 1, 5, 9, STOP, 1.0))).size == 1


def test_an_open_part_keeps_the_trade_open() -> None:
    (trade,) = round_trips(made((1, 1, 2, 4, PARTIAL, 1.0), (1, 1, 2, -1, OPEN, 1.0)))
    assert (trade["exit"], trade["reason"]) == (-1, OPEN)


@pytest.mark.parametrize(
    "second", [(-1, 1, 4, 6, STOP, 1.0), (1, 1, 4, 6, STOP, 1.0), (1, 1, 5, 6, TARGET, 1.0)], ids=["turned", "again", "later"]
)
def test_positions_after_one_another_stay_apart(second: tuple[int, int, int, int, int, float]) -> None:
    trades = made((1, 1, 2, 4, STOP, 1.0), second)
    assert np.array_equal(round_trips(trades), trades)
