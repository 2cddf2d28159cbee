"""Several processes on one store: two writers and a reader, none of which waits for long or sees half of anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.store.bars import read_bars, read_many
from engine.store.database import open_store
from tests.store.market_maker import count
from tests.store.processes import OTHERS, SYMBOLS, check


def run_together(database: Path, seconds: float) -> dict[str, int]:
    open_store(database).close()
    command = [sys.executable, "-m", "tests.store.processes"]
    running = {
        role: subprocess.Popen(
            [*command, role, str(database), str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for role in ("append", "revise", "read")
    }
    done = {}
    for role, process in running.items():
        out, said = process.communicate(timeout=seconds + 60)
        assert process.returncode == 0, f"{role}: {said}"
        done[role] = int(out.split()[-1])
    return done


def check_together(database: Path, seconds: float) -> None:
    done = run_together(database, seconds)
    assert done["append"] > 10
    assert done["revise"] > 10
    assert done["read"] > 3
    store = open_store(database)
    assert {len(bars) for bars in read_many(store, SYMBOLS).values()} == {done["append"]}
    assert len(read_many(store, SYMBOLS)) == len(SYMBOLS)
    for symbol in (*SYMBOLS[:3], *OTHERS):
        bars = read_bars(store, symbol)
        check(bars.time, bars.open, bars.high, bars.low, bars.close, bars.quantity, bars.turnover)
    np.testing.assert_array_equal(read_bars(store, OTHERS[0]).close, 99.0 + done["revise"])
    assert count(store, "imports") == done["append"] + done["revise"]
    assert count(store, "bar_revisions") == 200 * (done["revise"] - 1)
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    store.close()


def test_two_writers_and_a_reader_get_along(tmp_path: Path) -> None:
    check_together(tmp_path / "pregao.db", 6.0)


@pytest.mark.slow
def test_two_writers_and_a_reader_get_along_for_longer(tmp_path: Path) -> None:
    check_together(tmp_path / "pregao.db", 20.0)
