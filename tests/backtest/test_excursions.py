"""How far trades went while held, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.excursions import excursions
from engine.backtest.kernel import TRADE


def trades(*rows: tuple[float, float, float], still_open: int = 0) -> np.ndarray:
    """Closed trades of (pnl, mae, mfe), the last `still_open` of them open."""
    made = np.zeros(len(rows), dtype=TRADE)
    for at, (pnl, mae, mfe) in enumerate(rows):
        made[at]["pnl"], made[at]["mae"], made[at]["mfe"] = pnl, mae, mfe
        made[at]["exit"] = -1 if at >= len(rows) - still_open else 5
    return made


def test_winners_and_losers_are_told_apart_and_open_trades_left_out() -> None:
    found = excursions(trades((10, -0.01, 0.05), (20, -0.03, 0.07), (0, -0.02, 0.01), (99, -0.5, 0.9), still_open=1))
    assert found["winners"] == pytest.approx({"trades": 2, "mae": -0.02, "mae_far": -0.028, "mfe": 0.06, "mfe_far": 0.068})
    assert found["losers"] == pytest.approx({"trades": 1, "mae": -0.02, "mae_far": -0.02, "mfe": 0.01, "mfe_far": 0.01})


def test_without_trades_there_is_nothing_to_say() -> None:
    for kind in excursions(trades()).values():
        assert kind["trades"] == 0
        assert all(math.isnan(kind[name]) for name in ("mae", "mae_far", "mfe", "mfe_far"))


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-1, 0), st.floats(0, 1)), min_size=1, max_size=30))
def test_the_far_is_never_nearer_than_the_median(rows: list[tuple[float, float, float]]) -> None:
    found = excursions(trades(*rows))
    assert sum(kind["trades"] for kind in found.values()) == len(rows)
    for kind in found.values():
        if kind["trades"]:
            assert kind["mae_far"] <= kind["mae"] + 1e-12
            assert kind["mfe_far"] >= kind["mfe"] - 1e-12
