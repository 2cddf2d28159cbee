"""A made workspace for measurements: invented symbols with years of daily bars, a live run with a signal for each.

.venv/bin/python -m tests.benchmarks.workspace_maker FOLDER [symbols sessions [FILE rows]]
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from engine.desk import Desk, open_desk
from engine.domain import Action, Instrument, PriceBase, Signal, from_day_number
from engine.ingestion.rows import piece
from engine.ingestion.table import BarTable
from engine.market.calendar import nominal_opening
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step
from engine.store.publish import Origin, publish
from engine.workspace import Workspace

SEED = 7


def symbols(count: int) -> list[str]:
    """`count` different tickers of four letters and a digit, in alphabetical order: AAAA3, AAAB3 ..."""
    letters = ascii_uppercase
    return [f"A{letters[n // 676]}{letters[n // 26 % 26]}{letters[n % 26]}3" for n in range(count)]


def daily_bars(names: list[str], sessions: np.ndarray) -> BarTable:  # type: ignore[type-arg]
    """Random walks of `names` on `sessions`, one table."""
    random = np.random.default_rng(SEED)
    size = sessions.size
    time = np.tile(nominal_opening(sessions), len(names))
    close = 20 * np.exp(np.cumsum(random.normal(0, 0.015, (len(names), size)), axis=1)).ravel()
    opening = close * (1 + random.normal(0, 0.004, close.size))
    table = piece(
        symbol_index=np.repeat(np.arange(len(names)), size),
        line=np.arange(2, time.size + 2),
        time=time,
        session=np.tile(sessions, len(names)),
        open=opening.round(2),
        high=(np.maximum(opening, close) * 1.004).round(2),
        low=(np.minimum(opening, close) * 0.996).round(2),
        close=close.round(2),
        quantity=random.integers(1000, 1_000_000, time.size).astype(float) * 100,
        turnover=random.uniform(1e5, 1e8, time.size).round(2),
    )
    return replace(table, symbols=tuple(names))


def fill_bars(desk: Desk, names: list[str], length: int) -> np.ndarray:  # type: ignore[type-arg]
    """Publish `length` bars of each symbol up to the last closed session; returns the sessions."""
    newest = desk.calendar.last_closed_session(desk.now(), desk.settings.daily.close_delay_minutes * 60)
    sessions = desk.calendar.sessions[: np.searchsorted(desk.calendar.sessions, newest, side="right")][-length:]
    table = daily_bars(names, sessions)
    origin = Origin("made.csv", "0" * 64, "ohlcv_csv", "made", "1d", PriceBase.RAW, len(table), 0, {})
    publish(desk.store, table, origin, {name: Instrument(name, name=f"INVENTED {name}") for name in names}, desk.now())
    return sessions


def fill(desk: Desk, count: int, length: int) -> list[str]:
    """Publish the bars up to the last closed session and record one live run; returns the symbols."""
    names = symbols(count)
    sessions = fill_bars(desk, names, length)
    newest = int(sessions[-1])
    run = Run(f"{from_day_number(newest)}-close", newest, "close", False, "running", desk.now(), None, 1, "0", "")
    bar = int(nominal_opening(sessions[-1:])[0])
    actions = tuple(Action)
    found = [
        Signal(name, "1d", bar, "trend_following", actions[at % len(actions)], 0.5, 20.0, None, None, bar, "")
        for at, name in enumerate(names)
    ]
    begin_run(desk.store, run)
    finish_step(desk.store, run.id, 0, StepRecord("signals", "done", 0.0, "", {}), found)
    end_run(desk.store, run.id, "done", desk.store.snapshot(), desk.now())
    return names


def write_csv(path: Path, rows: int) -> None:
    """A plain file of one symbol with `rows` one-minute bars, for an import that takes a while."""
    random = np.random.default_rng(SEED)
    first = np.datetime64("2015-01-05T10:00:00")
    minutes = np.arange(rows)
    stamps = first + (minutes // 420 * 1440 + minutes % 420).astype("timedelta64[m]")
    price = (30 * np.exp(np.cumsum(random.normal(0, 0.0004, rows)))).round(2)
    with path.open("w", encoding="ascii") as stream:
        stream.write("date,open,high,low,close,volume\n")
        stream.writelines(f"{stamp},{p},{p + 0.02:.2f},{p - 0.02:.2f},{p},100\n" for stamp, p in zip(stamps, price))


def main(folder: str, count: str = "500", length: str = "750", file: str = "", rows: str = "0") -> None:
    began = time.perf_counter()
    desk = open_desk(Workspace(Path(folder).absolute()))
    names = fill(desk, int(count), int(length))
    desk.close()
    if file:
        write_csv(Path(file), int(rows))
    print(f"     made {len(names)} symbols of {length} sessions in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
