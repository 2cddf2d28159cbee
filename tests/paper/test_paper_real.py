"""A year of real bars, followed signal by signal, and the proof that the backtester gives the same."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from engine import strategies
from engine.domain import day_number
from engine.ingestion.table import ImportOptions
from engine.paper.following import signal_now
from tests.paper.paper_maker import taken

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "cotahist" / "four_tickers_2025.csv"
SYMBOLS = ("BBDC4", "ITUB4", "PETR4", "VALE3")
START, UNTIL = date(2025, 5, 30), date(2025, 12, 30)


@pytest.mark.skipif(not REAL.is_file(), reason="the real market files are not here")
def test_half_a_year_of_real_signals_reconciles_to_the_cent(draw) -> None:
    desk = draw(None, "", replay=False)
    desk.at(date(2026, 1, 5), 12)
    taken(desk.desk, REAL, ImportOptions())
    desk.account.reset(day_number(START))
    strategy, took, count = strategies.get("trend_following"), 0.0, 0
    until = day_number(UNTIL)
    while (session := day_number(date.fromisoformat(desk.status()["session"]))) < until:
        desk.account.follow([signal_now(desk.desk, symbol, strategy) for symbol in SYMBOLS])
        began = time.perf_counter()
        done = desk.account.replay_to(min(session + 7, until))
        took, count = took + time.perf_counter() - began, count + done["sessions"]
        assert done["sessions"] > 0
    found, proof = desk.status(), desk.account.reconcile()
    assert proof["same"], proof
    assert proof["fills"] >= 4
    assert proof["sessions"] == count
    assert found["risk"]["positions"] <= 5
    assert found["risk"]["exposure"] <= 1.01
    assert all(fill["quantity"] % 100 == 0 for fill in desk.account.history()["fills"])
    assert took / count < 0.5
