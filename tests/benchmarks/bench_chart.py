"""What a key costs in the chart of 5,000 bars, in milliseconds of CPU: the move and every line drawn again.

.venv/bin/python -m tests.benchmarks.bench_chart
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from tests.tui.test_chart_plot import walked
from tests.tui.widget_host import Host
from tui.widgets.price_chart import OVERLAYS, Look, PriceChart
from tui.widgets.viewport import Viewport

BARS, TURNS, TARGET_MS = 5_000, 40, 16.0
SIZES = ((80, 24), (120, 40), (200, 60))
LOOKS = {"as it opens": Look(), "everything on": Look(frozenset(OVERLAYS), "macd")}
KEYS: dict[str, Callable[[Viewport], Viewport]] = {
    "cursor": lambda view: view.moved(-1),
    "page": lambda view: view.paged(-1),
    "farther": lambda view: view.zoomed(1) if view.first else view.zoomed(-9),
    "nearer": lambda view: view.zoomed(-1) if view.level else view.zoomed(9),
}


async def measure(size: tuple[int, int], look: Look, key: Callable[[Viewport], Viewport]) -> float:
    """The median of one key."""
    plot = PriceChart()
    async with Host(plot).run_test(size=size):
        plot.set_look(look)
        plot.show(walked(BARS))
        spent = []
        for _turn in range(TURNS):
            began = time.process_time()
            plot.viewport = key(plot.viewport)
            for y in range(size[1]):
                plot.render_line(y)
            spent.append((time.process_time() - began) * 1000)
    return statistics.median(spent)


def main() -> None:
    for size in SIZES:
        for name, look in LOOKS.items():
            found = {key: asyncio.run(measure(size, look, change)) for key, change in KEYS.items()}
            figures = "  ".join(f"{key} {value:5.1f}" for key, value in found.items())
            verdict = "ok" if max(found.values()) <= TARGET_MS else "too slow"
            print(f"{size[0]:>3}x{size[1]}  {name:<14} {figures}  (target {TARGET_MS}) {verdict}")


if __name__ == "__main__":
    main()
