"""A made market in files, and the command line run inside the test on a clock that stands still."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from engine import desk
from engine.domain import SAO_PAULO, day_number, from_day_number
from engine.i18n import set_language
from engine.market.calendar import Calendar, load_calendar
from engine.workspace import Workspace
from tui.cli import main

END = date(2025, 6, 30)
#: The next morning, before the session of 2025-07-01 opens.
MORNING = int(datetime(2025, 7, 1, 8, 0, tzinfo=SAO_PAULO).timestamp())
SESSIONS = 90
#: Their walks end on a day on which the trend-following strategy says BUY and SELL.
DAILY = ("MEAA3", "NHAA3")
HOURLY = "HHHH3"


@dataclass(frozen=True)
class Called:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        return json.loads(self.err)["error"]


def call(*words: str, home: Path | None = None, now: int = MORNING) -> Called:
    """`pregao WORDS...` in this process, at the instant `now`."""
    out, err = StringIO(), StringIO()
    named = [] if home is None else ["--home", str(home)]
    opened = partial(desk.open_desk, now=lambda: now)
    with patch.object(desk, "open_desk", opened), redirect_stdout(out), redirect_stderr(err):
        code = main([*words, *named])
    return Called(code, out.getvalue(), err.getvalue())


def at_desk(home: Path, work: Callable[[desk.Desk], Any], now: int = MORNING) -> Any:
    """What `work` returns for the open desk of a workspace, at the instant `now`."""
    opened = desk.open_desk(Workspace(home), lambda: now)
    try:
        return work(opened)
    finally:
        opened.close()


@contextmanager
def plain_environment() -> Iterator[None]:
    """No setting of the machine reaches the test; it begins in English, and the log handlers are as before afterwards."""
    set_language("en")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PREGAO_")}
    root.handlers = []
    with patch.dict(os.environ, {**kept, "LANG": "C", "LC_ALL": "C", "LC_MESSAGES": "C"}, clear=True):
        yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)


@cache
def calendar() -> Calendar:
    return load_calendar(until=date(2027, 12, 31))


def sessions(count: int = SESSIONS, end: date = END) -> list[date]:
    """The last `count` sessions of B3 up to `end`, oldest first."""
    known = calendar().sessions
    last = int(np.searchsorted(known, day_number(end), side="right"))
    return [from_day_number(day) for day in known[last - count : last]]


def walk(symbol: str, count: int) -> NDArray[np.float64]:
    """Prices and quantity of `count` bars, shape (count, 5): open, high, low, close on cents, and shares in lots."""
    rng = np.random.default_rng(int.from_bytes(symbol.encode(), "big"))
    close = 20 * np.exp(np.cumsum(rng.normal(0.001, 0.02, count)))
    opening = close * np.exp(rng.normal(0, 0.005, count))
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.005, count)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.005, count)))
    quantity = np.round(np.exp(rng.normal(9, 0.6, count))) * 100
    return np.column_stack([*(np.round(prices, 2) for prices in (opening, high, low, close)), quantity])


def daily_csv(path: Path, days: Sequence[date], bars: NDArray[np.float64]) -> Path:
    """A plain daily table."""
    rows = [f"{day},{o:.2f},{h:.2f},{low:.2f},{c:.2f},{q:.0f}" for day, (o, h, low, c, q) in zip(days, bars, strict=True)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    return path


def hourly_csv(path: Path, symbol: str, days: Sequence[date], after_market: float | None = None) -> Path:
    """Seven 60-minute bars a session in the form of ProfitChart and, at this price, one bar of the after-market."""
    hours = list(range(10, 17)) + ([18] if after_market else [])
    bars = walk(symbol, SESSIONS * 7)
    rows = []
    for at, day in enumerate(days):
        for hour in hours:
            o, h, low, c, q = bars[at * 7 + hour - 10] if hour < 18 else (after_market,) * 4 + (100.0,)
            cells = (f"{value:.2f}".replace(".", ",") for value in (o, h, low, c, c * q))
            rows.append(";".join([symbol, f"{day:%d/%m/%Y}", f"{hour}:00:00", *cells, f"{q:.0f}"]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def make_market(folder: Path, days: Sequence[date] | None = None) -> list[Path]:
    """The files of the made market: one plain daily table a symbol, and one of hours."""
    folder.mkdir(parents=True, exist_ok=True)
    every = sessions()
    days = every if days is None else days
    files = [daily_csv(folder / f"{name}.csv", days, walk(name, len(every))[: len(days)]) for name in DAILY]
    return [*files, hourly_csv(folder / "hours.csv", HOURLY, days, after_market=1.0)]


def import_market(home: Path, files: Sequence[Path]) -> None:
    """Import the made market as raw prices."""
    done = call("import", *map(str, files), "--price-base", "raw", "--json", home=home)
    assert done.code == 0, done.err or done.out
