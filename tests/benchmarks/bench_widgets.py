"""What the table and the charts cost, each app in a process of its own under a terminal of 120x40 cells.

    .venv/bin/python -m tests.benchmarks.bench_widgets

The table of 500 rows that change ten times a second is measured beside Textual's DataTable in the same run.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import math
import os
import pty
import random
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS, HERTZ, SECONDS = 500, 10, 6
MOVES = 200
COLUMNS, LINES = 120, 40
CURSOR_TARGET_MS, CHART_TARGETS_MS = 16.0, {"line": 10.0, "candles": 15.0}
NAMES = ("symbol", "last", "change", "volume", "open", "high", "low", "name")


class Market:
    """Prices that move in place."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.prices = [self.chance.uniform(5, 90) for _row in range(ROWS)]

    def tick(self) -> None:
        self.prices = [price * (1 + self.chance.gauss(0, 0.001)) for price in self.prices]

    def cell(self, row: int, key: str) -> str | tuple[str, str]:
        price = self.prices[row % ROWS]
        if key == "symbol":
            return f"row {row}", "bold"
        if key == "change":
            return f"▲ {price / 10:+.2f}%", "up"
        return f"{price:,.2f}" if key in ("last", "volume") else "fixed text"


def app_of(kind: str) -> Any:
    from textual.app import App
    from textual.widgets import DataTable

    from tui.widgets.table import Column, VTable

    market = Market()

    class Bench(App[None]):
        def compose(self) -> Any:
            if kind == "datatable":
                yield DataTable(cursor_type="row")
            else:
                yield VTable([Column(name, name, 12) for name in NAMES], market.cell)

        def fill(self) -> None:
            if kind == "datatable":
                table = self.query_one(DataTable)
                for name in NAMES:
                    table.add_column(name, key=name, width=12)
                for row in range(ROWS):
                    table.add_row(*(text(market.cell(row, name)) for name in NAMES), key=str(row))
            else:
                self.query_one(VTable).set_rows(ROWS)

        def on_mount(self) -> None:
            self.fill()

        ticks = 0

        def tick(self) -> None:
            self.ticks += 1
            market.tick()
            if kind == "datatable":
                table = self.query_one(DataTable)
                for row in range(ROWS):
                    for name in ("last", "change", "volume"):
                        table.update_cell(str(row), name, text(market.cell(row, name)))
            else:
                self.query_one(VTable).repaint()

    return Bench()


def text(cell: str | tuple[str, str]) -> str:
    return cell if isinstance(cell, str) else cell[0]


def child(kind: str, task: str, out: str) -> None:
    """Run one app in this terminal and leave its figures in a file."""
    app = app_of(kind)

    async def share() -> None:
        await asyncio.sleep(1)
        app.set_interval(1 / HERTZ, app.tick)
        await asyncio.sleep(1)
        lags, ticks, cpu, start = [], app.ticks, time.process_time(), time.perf_counter()
        while (now := time.perf_counter()) - start < SECONDS:
            await asyncio.sleep(0.005)
            lags.append((time.perf_counter() - now - 0.005) * 1000)
        used, ticks = time.process_time() - cpu, app.ticks - ticks
        share = used / (time.perf_counter() - start)
        Path(out).write_text(
            json.dumps({"cpu": share, "tick": used / ticks * 1000, "lag_p95": percentile(lags), "lag_max": max(lags)})
        )
        app.exit()

    if task == "share":
        app.call_later(lambda: asyncio.ensure_future(share()))
    app.run()


def percentile(values: list[float], share: float = 0.95) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def in_terminal(kind: str, task: str, out: str, drive: Callable[[int], Any]) -> Any:
    """Fork an app under a pseudo terminal, let `drive` read and write it, and end it."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.bench_widgets", "child", kind, task, out])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    try:
        return drive(terminal)
    finally:
        os.kill(process, 9)
        os.close(terminal)
        os.waitpid(process, 0)


def read(terminal: int, timeout: float) -> bytes:
    ready, _write, _error = select.select([terminal], [], [], timeout)
    if not ready:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def cpu_share(kind: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"

        def drain(terminal: int) -> None:
            limit = time.monotonic() + SECONDS + 30
            while not out.exists() or not out.stat().st_size:
                read(terminal, 0.1)
                if time.monotonic() > limit:
                    raise SystemExit(f"{kind}: no figures within {SECONDS + 30} s")

        in_terminal(kind, "share", str(out), drain)
        found: dict[str, float] = json.loads(out.read_text())
        return found


def key_to_paint(kind: str) -> list[float]:
    """Milliseconds from a key written to the terminal to the row it selects painted."""

    def drive(terminal: int) -> list[float]:
        seen = b""
        while b"row 20" not in seen:
            seen += read(terminal, 10)
        time.sleep(1)
        while read(terminal, 0.3):
            pass
        found = []
        for row in range(1, MOVES + 1):
            start = time.perf_counter()
            os.write(terminal, b"\x1b[B")
            seen = b""
            while f"row {row} ".encode() not in seen:
                part = read(terminal, 5)
                if not part:
                    raise SystemExit(f"{kind}: row {row} was not painted within 5 s")
                seen += part
            found.append((time.perf_counter() - start) * 1000)
            while read(terminal, 0.03):
                pass
        return found

    result: list[float] = in_terminal(kind, "keys", "", drive)
    return result


async def pilot_moves() -> list[float]:
    """Milliseconds of the work of one key in the app without a terminal, from Pilot's press to the next idle moment."""
    app = app_of("vtable")
    found = []
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        await pilot.pause()
        for _move in range(MOVES):
            start = time.perf_counter()
            await pilot.press("down")
            found.append((time.perf_counter() - start) * 1000)
    return found


async def reset(rows: int) -> float:
    """Milliseconds from new rows to all visible lines drawn."""
    from tui.widgets.table import VTable

    app = app_of("vtable")
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        await pilot.pause()
        table = app.query_one(VTable)
        start = time.perf_counter()
        table.set_rows(rows)
        for y in range(table.size.height):
            table.render_line(y)
        return (time.perf_counter() - start) * 1000


async def charts() -> dict[str, float]:
    """Milliseconds of CPU (median of 15) to paint new data at 120x40."""
    from textual.app import App

    from tui.widgets.candles import CandleChart
    from tui.widgets.line_chart import LineChart

    chance = random.Random(11)

    def walk(count: int) -> list[float]:
        values = [100.0]
        while len(values) < count:
            values.append(values[-1] * math.exp(chance.gauss(0, 0.015)))
        return values

    series = [(walk(5000), name, style) for name, style in (("a", "dim"), ("b", "up"), ("c", "accent"))]
    close = walk(1000)
    bars = ([close[0], *close[:-1]], [value * 1.01 for value in close], [value * 0.99 for value in close], close)
    found = {}
    for name, kind in (("line", LineChart), ("candles", CandleChart)):

        class Bench(App[None]):
            def compose(self, kind: Any = kind) -> Any:
                yield kind()

        app = Bench()
        async with app.run_test(size=(COLUMNS, LINES)) as pilot:
            await pilot.pause()
            chart: Any = app.query_one(kind)
            times = []
            for _turn in range(15):
                chart.show(*((series, ("a", "b", "c")) if name == "line" else bars))
                start = time.process_time()
                for y in range(LINES):
                    chart.render_line(y)
                times.append((time.process_time() - start) * 1000)
            found[name] = statistics.median(times)
    return found


def main() -> int:
    mine, theirs = cpu_share("vtable"), cpu_share("datatable")
    print(f"{ROWS} rows x {HERTZ} Hz for {SECONDS} s, in a terminal of {COLUMNS}x{LINES}:")
    for name, found in (("VTable", mine), ("DataTable", theirs)):
        print(
            f"  {name:<10} {found['cpu']:6.1%} of a core, {found['tick']:.1f} ms CPU a tick, loop lag p95 {found['lag_p95']:.1f} ms, max {found['lag_max']:.0f} ms"
        )
    print(f"  ratio of CPU a tick {theirs['tick'] / mine['tick']:.1f}")
    print("cursor down, key to paint, within the page and scrolling:")
    for name, kind in (("DataTable", "datatable"), ("VTable", "vtable")):
        moves = key_to_paint(kind)
        page, scroll = moves[: LINES - 5], moves[LINES:]
        print(
            f"  {name:<10} median {statistics.median(page):.1f} ms, p95 {percentile(page):.1f} ms; scrolling {statistics.median(scroll):.1f} ms, {percentile(scroll):.1f} ms"
        )
    piloted = asyncio.run(pilot_moves())
    print(
        f"cursor down, Pilot (with its own waits): median {statistics.median(piloted):.1f} ms, p95 {percentile(piloted):.1f} ms"
    )
    print(f"reset to 50,000 rows and paint: {asyncio.run(reset(50_000)):.1f} ms")
    painted = asyncio.run(charts())
    print(
        f"CPU to paint at {COLUMNS}x{LINES}: 3 lines x 5,000 points {painted['line']:.1f} ms, 1,000 candles {painted['candles']:.1f} ms"
    )
    held = percentile(moves) <= CURSOR_TARGET_MS and all(painted[name] <= limit for name, limit in CHART_TARGETS_MS.items())
    print(f"targets (cursor p95 <= {CURSOR_TARGET_MS:.0f} ms, lines <= 10 ms, candles <= 15 ms): {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:5])
    else:
        raise SystemExit(main())
