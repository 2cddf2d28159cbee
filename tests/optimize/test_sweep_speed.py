"""A sweep beside a bare numba loop over the same pairs: the rules of a market must not cost many times the arithmetic."""

import time

import numpy as np

from tests.benchmarks.bare_loop import sweep_bare
from tests.benchmarks.bench_sweep import FAST, SLOW, canonical, walk

RUNS = 5


def least(function):
    """The least seconds of the processor that a call takes, after one to warm up."""
    function()
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        function()
        spent.append(time.process_time() - start)
    return min(spent)


def test_a_thousand_pairs_take_at_most_five_times_a_bare_loop_and_find_the_same():
    bars = walk()
    ours, floor = canonical(bars), sweep_bare(bars, FAST, SLOW, max(SLOW))
    np.testing.assert_allclose(ours.metrics["total_return"], floor[:, 1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.metrics["max_drawdown"], floor[:, 5], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.metrics["sharpe_ratio"], floor[:, 3], rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(ours.metrics["trades"], floor[:, 7])
    assert least(lambda: canonical(bars)) <= 5 * least(lambda: sweep_bare(bars, FAST, SLOW, max(SLOW)))
