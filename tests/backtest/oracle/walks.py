"""Seeded walks with orders, made of whole ticks by Python's own generator, so that every machine makes the same ones."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

TICKS = 100
BARS = 300
SEEDS = range(200)


class Walk(NamedTuple):
    """Prices (R$), and orders at the close: action +1, -1, 0 with stop and target levels (0 where there is none)."""

    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    action: list[int]
    stop: list[float]
    target: list[float]


def walk(seed: int, bars: int = BARS) -> Walk:
    """A walk around R$ 100 with gaps, some wild bars that touch both levels, and an order on about one bar in eight.

    Levels lie far enough apart that a bar never opens beyond its target and then falls to its stop: the two engines
    disagree there by design (the other one takes the stop although the open came first).
    """
    random = Random(seed)
    rows = []
    close = 10_000
    for t in range(bars):
        wild = random.randint(1, 20) == 1
        at_open = close if wild else close + random.randint(-30, 30)
        close = max(at_open + random.randint(-100, 100), 3_000)
        reach = 400 if wild else 50
        high = max(at_open, close) + random.randint(0, reach)
        low = min(at_open, close) - random.randint(0, reach)
        action = random.choice((1, -1)) if t >= 2 and random.randint(1, 8) == 1 else 0
        stop = close - action * random.randint(80, 300)
        target = close + action * random.randint(130, 400)
        rows.append((at_open / TICKS, high / TICKS, low / TICKS, close / TICKS, action, stop / TICKS, target / TICKS))
    return Walk(*map(list, zip(*rows)))
