"""Regimes on made series, their order, and that they do not look ahead."""

import numpy as np
import pytest

from engine.features.regime import REGIMES, Regime, regimes, since
from tests.strategies.strategy_checks import bars_of, walk


def last(bars, **rules):
    return REGIMES[regimes(bars, **rules)[-1]]


CLIMB = np.linspace(10, 20, 90)


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        (bars_of(CLIMB), Regime.TRENDING_UP),
        (bars_of(CLIMB[::-1].copy()), Regime.TRENDING_DOWN),
        (bars_of(10 + 0.05 * np.sin(np.arange(90) * 2.3), spread=0.005), Regime.RANGING),
        (bars_of(CLIMB, spread=0.03), Regime.VOLATILE),
        (bars_of(CLIMB[:49]), Regime.UNKNOWN),
        (bars_of(CLIMB[:50]), Regime.TRENDING_UP),
    ],
    ids=["up", "down", "ranging", "volatile before trend", "49 bars", "50 bars"],
)
def test_a_regime_is_known_by_range_trend_and_average(bars, expected):
    assert last(bars) is expected


def test_the_thresholds_are_settings():
    assert last(bars_of(CLIMB), trend_adx=100) is Regime.RANGING
    assert last(bars_of(CLIMB), volatile_atr=0.001) is Regime.VOLATILE
    assert last(bars_of(CLIMB[:49]), sma=20) is Regime.TRENDING_UP


@pytest.mark.parametrize("seed", [1, 2])
def test_a_regime_uses_bars_up_to_its_own_and_no_scale(seed):
    bars = walk(seed, 250)
    whole = regimes(bars)
    assert whole.dtype == np.int8
    assert len(set(whole.tolist())) > 3
    for cut in range(len(bars) + 1):
        np.testing.assert_array_equal(regimes(bars.take(slice(0, cut))), whole[:cut])
    eightfold = bars_of(bars.close * 8, high=bars.high * 8, low=bars.low * 8)
    np.testing.assert_array_equal(regimes(eightfold), whole)


def test_a_flat_market_ranges():
    assert last(bars_of(np.full(80, 10.0), spread=0.0)) is Regime.RANGING


def test_since_is_the_first_bar_of_the_last_run():
    assert since(np.array([1, 1, 2, 2, 2], dtype=np.int8)) == 2
    assert since(np.array([3, 3], dtype=np.int8)) == 0


def test_every_regime_has_words():
    assert len({regime.words for regime in Regime}) == 5
