"""A workspace that holds a made index of known predictability: its daily bars, its hours, BOVA11 and other markets as files."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import SAO_PAULO, from_day_number, sao_paulo
from engine.ml.direction.generator import planted
from tests.desk_maker import calendar, call

if TYPE_CHECKING:
    from engine.domain import Bars
    from engine.ml.direction.data import IndexData

#: The last session of the made index, a Monday, and the session after it.
LAST, NEXT = date(2025, 6, 30), date(2025, 7, 1)
#: On the day of NEXT, when the bar that ends at 11:00 is complete.
AFTER_ELEVEN = int(datetime(2025, 7, 1, 11, 2, tzinfo=SAO_PAULO).timestamp())
#: Predictable at 11:00 and at the opening, not after the close: as the real index.
SKILL = {"open": "strong", "11:00": "strong"}


def made_index(seed: int = 5, sessions: int = 420) -> IndexData:
    """The made index up to LAST; the session after it has hours and an opening, and no daily bar."""
    return planted(seed, calendar(), SKILL, sessions=sessions, last=NEXT).data


def fill(home: Path, sessions: int = 420, seed: int = 5) -> None:
    """Import the made index up to LAST into a workspace, as raw prices."""
    folder = home / "made"
    folder.mkdir(parents=True)
    data = made_index(seed, sessions)
    daily, hours = folder / "index.csv", folder / "hours.csv"
    _write_days(daily, data.bars)
    _write_hours(hours, data.intraday["60m"])
    fund = folder / "BOVA11.csv"
    openings = [
        (from_day_number(day), opening, before)
        for day, opening, before in zip(data.previous.tolist()[1:], data.opening.tolist(), data.opening_previous.tolist()[1:])
    ]
    lines = ["date,open,high,low,close,volume"]
    lines += [f"{day},{o:.6f},{max(o, c):.6f},{min(o, c):.6f},{c:.6f},1000" for day, o, c in openings]
    fund.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path, symbol, timeframe in ((daily, "IBOV", "1d"), (hours, "IBOV", "60m"), (fund, "BOVA11", "1d")):
        options = ("--symbol", symbol, "--timeframe", timeframe, "--price-base", "raw")
        done = call("import", str(path), *options, "--json", home=home, now=AFTER_ELEVEN)
        assert done.code == 0, done.err or done.out


def _write_days(path: Path, bars: Bars) -> None:
    lines = ["date,open,high,low,close,volume"]
    for at, day in enumerate(bars.session.tolist()):
        prices = ",".join(f"{getattr(bars, name)[at]:.4f}" for name in ("open", "high", "low", "close"))
        lines.append(f"{from_day_number(day)},{prices},{np.round(bars.quantity[at]):.0f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_hours(path: Path, bars: Bars) -> None:
    lines = ["datetime,open,high,low,close,volume"]
    for at, time in enumerate(bars.time.tolist()):
        prices = ",".join(f"{getattr(bars, name)[at]:.4f}" for name in ("open", "high", "low", "close"))
        lines.append(f"{sao_paulo(time):%Y-%m-%d %H:%M:%S},{prices},1000")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
