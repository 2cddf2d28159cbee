"""`kill -9` at any instant of an import: all of the file or nothing of it, and importing again completes it."""

from __future__ import annotations

import os
import random
import signal
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from engine.store.bars import read_bars
from engine.store.database import open_store
from tests.store.market_maker import count
from tests.store.processes import ROWS, check, import_file, write_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does")


def start(database: Path, file: Path) -> BaseProcess:
    """A process that imports `file`, forked from this one so that the kills fall into the import and not into its start."""
    process = get_context("fork").Process(target=import_alone, args=(database, file))
    process.start()
    return process


def import_alone(database: Path, file: Path) -> None:
    store = open_store(database)
    import_file(store, str(file))
    store.close()


def whole_import(database: Path, file: Path) -> float:
    """Import `file` undisturbed and return the seconds it took."""
    began = time.perf_counter()
    process = start(database, file)
    process.join(120)
    assert process.exitcode == 0
    return time.perf_counter() - began


def check_state(database: Path, before: int, base: int) -> int:
    """The number of bars, which must be the state before the killed import or after it; `base` is the newest close."""
    store = open_store(database)
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    imports = count(store, "imports")
    assert imports in (before, before + 1)
    assert count(store, "bars") == (ROWS if imports else 0)
    assert count(store, "bar_revisions") == ROWS * max(imports - 1, 0)
    newest = base if imports == before + 1 else base - 10
    for number in range(8 if imports else 0):
        bars = read_bars(store, f"CCCC{number}")
        check(bars.time, bars.open, bars.high, bars.low, bars.close, bars.quantity, bars.turnover)
        assert (bars.close == newest + number).all()
    store.close()
    return imports


def kill_often(folder: Path, kills: int, seed: int) -> None:
    """Import one version of a file after the other until `kills` of them were killed at a random instant."""
    chance = random.Random(seed)
    database, file, scratch = folder / "pregao.db", folder / "made.txt", folder / "scratch.db"
    write_file(file, 100)
    open_store(database).close()
    import_alone(scratch, file)
    check_state(scratch, 0, 100)
    write_file(file, 110)
    seconds = whole_import(scratch, file)
    done = killed = 0
    while killed < kills:
        base = 100 + 10 * done
        write_file(file, base)
        process = start(database, file)
        time.sleep(chance.uniform(0.05, 1.0) * seconds)
        process.kill()
        process.join(60)
        if process.exitcode == 0:
            seconds *= 0.9
        else:
            assert process.exitcode == -signal.SIGKILL
            killed += 1
        done = check_state(database, done, base)
    base = 100 + 10 * done
    write_file(file, base)
    for _again in range(2):
        whole_import(database, file)
        assert check_state(database, done, base) == done + 1


def test_an_import_killed_at_any_instant_is_all_or_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 12, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 5, 6])
def test_an_import_killed_at_any_of_many_instants_is_all_or_nothing(tmp_path: Path, seed: int) -> None:
    kill_often(tmp_path, 20, seed)
