"""Desks whose bars are drawn by hand, for the tests of the paper account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from engine.desk import Desk, open_desk
from engine.domain import SAO_PAULO, PriceBase, day_number
from engine.ingestion.importer import import_files
from engine.ingestion.table import ImportOptions
from engine.paper.account import PaperAccount
from engine.paper.tickets import Ticket
from engine.workspace import Workspace
from tests.desk_maker import MORNING, call, sessions, walk

DAYS = sessions(90)
#: Nothing costs anything, fills are whole, no rule stands in the way; a test adds what it is about.
FREE = """
[costs]
schedule = "none"
slippage = 0.0
[paper]
volume_cap = 0.0
risk_per_trade = 1.0
daily_loss = 1.0
max_positions = 50
"""


@dataclass
class Drawn:
    """A desk on drawn bars with a clock that the test moves."""

    home: Path
    desk: Desk
    clock: list[int] = field(default_factory=lambda: [MORNING])

    @property
    def account(self) -> PaperAccount:
        return PaperAccount(self.desk)

    def status(self) -> dict[str, Any]:
        return self.account.status()

    def order(self, symbol: str, units: int, kind: str = "market", **levels: Any) -> Any:
        """Place an order, its levels rounded to a tick of 0.01; units below 0 sell."""
        rounded = {name: round(value, 2) for name, value in levels.items()}
        return self.account.place(Ticket(symbol, 1 if units > 0 else -1, abs(units), kind, **rounded))

    def fills(self) -> list[tuple[str, int, float, str]]:
        """Symbol, signed units, price and reason of every fill."""
        return [
            (f["symbol"], f["quantity"] * (1 if f["side"] == "buy" else -1), f["price"], f["reason"])
            for f in self.account.history()["fills"]
        ]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every order by its id."""
        return {row["id"]: row for row in self.account.history()["orders"]}

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Set the clock of the desk."""
        self.clock[0] = int(datetime.combine(day, time(hour, minute), SAO_PAULO).timestamp())

    def add(self, bars: Mapping[str, Sequence[Sequence[float]]], days: Sequence[date] = DAYS) -> None:
        """Import bars of (open, high, low, close[, quantity]), one for each of the first days."""
        write(self.home, self.desk, bars, days)

    def event(self, symbol: str, **facts: Any) -> None:
        """Import one corporate event."""
        path = self.home / f"{symbol}-events.json"
        path.write_text(json.dumps({"symbol": symbol, "events": [{"source": "test", **facts}]}), encoding="utf-8")
        taken(self.desk, path, ImportOptions())


def drawn_desk(
    home: Path, bars: Mapping[str, Sequence[Sequence[float]]] | None = None, toml: str = FREE, *, replay: bool = True
) -> Drawn:
    """A desk with these bars of the first sessions. replay: an account that begins after the first of them is open."""
    workspace = Workspace(home)
    workspace.config.mkdir(parents=True, exist_ok=True)
    workspace.settings_file.write_text(toml, encoding="utf-8")
    clock = [MORNING]
    made = Drawn(home, open_desk(workspace, lambda: clock[0]), clock)
    if bars:
        made.add(bars)
    if replay:
        made.account.reset(day_number(DAYS[0]))
    return made


def write(home: Path, desk: Desk, bars: Mapping[str, Sequence[Sequence[float]]], days: Sequence[date]) -> None:
    for symbol, rows in bars.items():
        lines = [f"{day},{','.join(f'{value:g}' for value in (*row, 1e6)[:5])}" for day, row in zip(days, rows)]
        path = home / f"{symbol}.csv"
        path.write_text("\n".join(["date,open,high,low,close,volume", *lines]) + "\n", encoding="utf-8")
        taken(desk, path, ImportOptions(symbol=symbol, price_base=PriceBase.RAW))


def taken(desk: Desk, path: Path, options: ImportOptions) -> None:
    (report,) = import_files(desk.store, [path], options, now=desk.now(), calendar=desk.calendar)
    assert report.error is None, report.error
    assert not report.rejected, report.rejected


def import_cdi(home: Path, daily: float) -> None:
    """Import a CDI of so many percent a day."""
    path = home / "cdi.csv"
    rows = "".join(f"{day:%d/%m/%Y};{daily:.6f}\n" for day in DAYS).replace(".", ",")
    path.write_text("data;valor\n" + rows, encoding="utf-8")
    done = call("import", str(path), "--series", "CDI", home=home)
    assert done.code == 0, done.err


def flat(price: float, count: int) -> list[tuple[float, ...]]:
    """Bars that do not move."""
    return [(price, price, price, price)] * count


#: Orders are filled in parts, at the costs of B3.
COSTLY = """
[paper]
volume_cap = 0.001
risk_per_trade = 1.0
daily_loss = 0.02
"""
SYMBOLS = ("AAAA3", "BBBB3", "CCCC3", "DDDD3")


def busy(draw) -> Drawn:
    """A live account, opened on the evening of the first session, whose orders are filled in parts over the others."""
    desk = draw(None, COSTLY, replay=False)
    desk.at(DAYS[0], 20)
    bars = {symbol: walk(symbol, len(DAYS)) for symbol in SYMBOLS}
    desk.add({symbol: rows[:1] for symbol, rows in bars.items()})
    close = {symbol: float(rows[0, 3]) for symbol, rows in bars.items()}
    desk.order("AAAA3", 2000, stop=close["AAAA3"] * 0.9, target=close["AAAA3"] * 1.1)
    desk.order("BBBB3", 1000, "limit", limit=close["BBBB3"] * 0.99, stop=close["BBBB3"] * 0.8)
    desk.order("CCCC3", -700, "stop", trigger=close["CCCC3"] * 0.98, stop=close["CCCC3"] * 1.3)
    desk.order("DDDD3", 400, "limit", limit=close["DDDD3"] * 0.5, bars=30)
    desk.clock[0] = MORNING
    desk.add(bars)
    return desk
