"""A day of many symbols: how long it takes, how much memory, and that twice the symbols take no more than twice as long."""

from __future__ import annotations

import pytest

from tests.benchmarks.bench_daily import LINEAR, MEGABYTES, measure


@pytest.mark.slow
def test_time_and_memory_grow_no_faster_than_the_symbols() -> None:
    """A fifth of the benchmark in each, with time to spare for a machine that does something else besides."""
    half, _memory = measure(50, 1_250)
    whole, memory = measure(100, 1_250)
    assert whole <= max(LINEAR * half, half + 10.0)
    assert whole <= 30.0
    assert memory <= MEGABYTES / 2
