"""One battery for every strategy: deterministic, causal, without scale, with levels on their sides and a reason for every bar."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import strategies
from engine.errors import UsageError
from tests.strategies.strategy_checks import bars_of, check_prefixes, check_strategy, check_words, columns, scaled, walk

NAMES = strategies.names()
#: Parameters under which a strategy acts often.
LOOSE = {
    "breakout": {"lookback": 5, "margin_atr": 0.1, "volume_ratio": 0.5},
    "dynamic_position_sizing": {"ema_fast": 3, "ema_slow": 8, "rsi_floor": 20, "rsi_overbought": 90, "kelly_trades": 5},
    "macd_crossover": {"volume_ratio": 0.5},
    "mean_reversion": {"bb_width": 1.0, "rsi_oversold": 45, "rsi_overbought": 55},
    "rsi_divergence": {
        "volume_ratio": 0,
        "min_adx": 0,
        "min_strength": 0,
        "divergence_threshold": 0.002,
        "sma_period": 10,
        "pivot_width": 1,
        "lookback": 60,
        "spacing": 2,
    },
    "trend_following": {"volume_ratio": 0.5, "rsi_overbought": 90, "rsi_oversold": 10},
}
#: platform_lessons 1.6: the ranges hold at least the spaces that were searched there.
SPACES = {
    "trend_following": {"ema_fast": (5, 20), "ema_slow": (15, 50), "rsi_period": (10, 20)},
    "mean_reversion": {"bb_period": (15, 30), "bb_width": (1.5, 3), "rsi_overbought": (65, 80), "rsi_oversold": (20, 35)},
    "breakout": {"lookback": (15, 30), "volume_ratio": (1.2, 2.5)},
    "macd_crossover": {"macd_fast": (8, 15), "macd_slow": (20, 30), "macd_signal": (7, 12), "volume_ratio": (1, 2)},
    "rsi_divergence": {"rsi_period": (10, 20), "lookback": (15, 30), "min_adx": (15, 30), "min_strength": (0.3, 0.7)},
    "dynamic_position_sizing": {"ema_fast": (15, 30), "ema_slow": (40, 60), "risk": (0.01, 0.03), "max_position": (0.15, 0.35)},
}


def loose(name):
    return strategies.get(name, LOOSE[name])


def test_the_six_are_there():
    assert set(NAMES) == set(LOOSE) == set(SPACES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given_params", [True, False], ids=["loose", "default"])
def test_the_contract_is_kept_on_daily_and_hourly_walks(name, given_params):
    strategy = loose(name) if given_params else strategies.get(name)
    acted = sum(check_strategy(strategy, walk(seed, 700, per_session=per)) for seed in (1, 2) for per in (1, 8))
    assert acted > (20 if given_params else 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_is_kept_without_volume(name):
    check_strategy(strategies.get(name), walk(3, 300, volume=False))
    without = loose(name) if "volume_ratio" not in LOOSE[name] else strategies.get(name, LOOSE[name] | {"volume_ratio": 0})
    assert check_strategy(without, walk(3, 300, volume=False)) > 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("volume", "per"), [(True, 1), (False, 1), (True, 8)], ids=["daily", "without volume", "hourly"])
def test_a_decision_uses_bars_up_to_its_own_only(name, volume, per):
    params = LOOSE[name] | ({"volume_ratio": 0} if "volume_ratio" in LOOSE[name] and not volume else {})
    strategy, bars = strategies.get(name, params), walk(5, 260, volume=volume, per_session=per)
    assert np.count_nonzero(strategy.decide(bars).action) > 2
    check_prefixes(strategy, bars)


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_after_does_not_change_what_was_decided(name):
    strategy, bars = loose(name), walk(7, 300)
    whole = columns(strategy.decide(bars))
    for cut in (120, 200):
        changed = scaled(bars, np.where(np.arange(300) < cut, 1.0, 3.0))
        for column, values in columns(strategy.decide(changed)).items():
            np.testing.assert_array_equal(values[:cut], whole[column][:cut])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("close", [np.full(120, 10.0), np.full(3, 10.0), np.zeros(0), np.linspace(10, 30, 150)], ids=len)
def test_flat_short_and_straight_series_break_nothing(name, close):
    bars = bars_of(close, spread=0.0, quantity=np.full(close.size, 100.0))
    decisions = loose(name).decide(bars)
    if close.size != 150:
        assert not decisions.action.any()
    if close.size:
        check_words(loose(name), bars)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_ranged_around_their_defaults_and_say_what_they_mean(name):
    ranges = strategies.strategy_class(name).ranges()
    for parameter in fields(strategies.strategy_class(name)):
        default, low, high, text = ranges[parameter.name]
        assert low <= default <= high
        assert text
        with pytest.raises(UsageError):
            strategies.get(name, {parameter.name: high + 1})
    for parameter, (low, high) in SPACES[name].items():
        assert ranges[parameter][1] <= low < high <= ranges[parameter][2]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 10_000), draw=st.data())
def test_any_accepted_parameters_keep_the_contract(name, seed, draw):
    params = {
        key: draw.draw(st.integers(low, min(high, 40)) if isinstance(default, int) else st.floats(low, high), label=key)
        for key, (default, low, high, _text) in strategies.strategy_class(name).ranges().items()
    }
    try:
        strategy = strategies.get(name, params)
    except UsageError:
        return
    bars, cut = walk(seed, 150), draw.draw(st.integers(0, 150), label="cut")
    check_strategy(strategy, bars)
    whole = columns(strategy.decide(bars))
    for column, values in columns(strategy.decide(bars.take(slice(0, cut)))).items():
        np.testing.assert_array_equal(values, whole[column][:cut])


def hourly_export():
    """Real hourly bars of a share, read plainly; None where they are not."""
    found = sorted((Path(__file__).parents[2].parent / "shared" / "data").rglob("EMBR3_B_0_60min.csv"))
    if not found:
        return None
    rows = [line.replace(",", ".").split(";") for line in found[0].read_text("latin-1").splitlines()][::-1][:1500]
    prices = np.array([row[3:9] for row in rows], dtype=float)
    return bars_of(
        prices[:, 3],
        open_=prices[:, 0],
        high=prices[:, 1],
        low=prices[:, 2],
        quantity=prices[:, 5],
        per_session=8,
        timeframe="60m",
    )


@pytest.mark.parametrize("name", NAMES)
def test_real_hourly_bars_keep_the_contract(name):
    bars = hourly_export()
    if bars is None:
        pytest.skip("the real market files are not here")
    check_strategy(strategies.get(name), bars)
    assert check_strategy(loose(name), bars) > 5
