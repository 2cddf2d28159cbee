"""The indicators: by hand, without look-ahead, and with one rule for NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.features import indicators


def walk(seed, n=160):
    random = np.random.default_rng(seed)
    close = 30 * np.exp(np.cumsum(random.normal(0, 0.02, n)))
    high = close * (1 + random.uniform(0, 0.02, n))
    low = close * (1 - random.uniform(0, 0.02, n))
    return high, low, close


ALL = {
    "ema": lambda high, low, close: (indicators.ema(close, 9),),
    "sma": lambda high, low, close: (indicators.sma(close, 9),),
    "rsi": lambda high, low, close: (indicators.rsi(close),),
    "atr": lambda high, low, close: (indicators.atr(high, low, close),),
    "adx": lambda high, low, close: (indicators.adx(high, low, close),),
    "bollinger": lambda high, low, close: indicators.bollinger(close),
    "macd": lambda high, low, close: indicators.macd(close),
}
WARM_UP = {"ema": 8, "sma": 8, "rsi": 14, "atr": 14, "adx": 27, "bollinger": 19, "macd": 33}


@pytest.mark.parametrize("name", ALL)
def test_the_value_at_t_uses_values_up_to_t_only(name):
    series = walk(7)
    whole = ALL[name](*series)
    for cut in range(1, len(series[0]) + 1):
        for full, part in zip(whole, ALL[name](*(values[:cut] for values in series))):
            assert part.size == cut
            np.testing.assert_array_equal(part, full[:cut])


@pytest.mark.parametrize("name", ALL)
def test_the_warm_up_is_nan_and_the_rest_finite(name):
    for values in ALL[name](*walk(3)):
        assert values.dtype == np.float64
        assert np.isnan(values[: WARM_UP[name]]).all()
        assert np.isfinite(values[WARM_UP[name] :]).all()


@pytest.mark.parametrize("name", ALL)
def test_inputs_are_not_changed(name):
    series = walk(4)
    for values in series:
        values.flags.writeable = False
    ALL[name](*series)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_series_too_short_or_all_nan_gives_all_nan(name, n):
    for series in ((np.full(n, 10.0),) * 3, (np.full(60, np.nan),) * 3):
        for values in ALL[name](*series):
            assert values.size == series[0].size
            assert np.isnan(values).all()


def test_nan_at_the_start_only_move_the_warm_up():
    close = walk(5)[2]
    late = np.concatenate((np.full(10, np.nan), close))
    for function in (indicators.ema, indicators.sma, indicators.rsi):
        np.testing.assert_array_equal(function(late, 9)[10:], function(close, 9))


def test_a_nan_inside_blanks_only_the_windows_of_a_simple_average():
    values = np.arange(12, dtype=float)
    values[5] = np.nan
    found = indicators.sma(values, 3)
    assert np.isnan(found).tolist() == [True, True, False, False, False, True, True, True, False, False, False, False]
    assert found[8] == 7


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.floats(1, 1e6), st.just(float("nan"))), min_size=1, max_size=40), st.integers(2, 6))
def test_a_simple_average_with_gaps_has_no_look_ahead(values, period):
    series = np.array(values)
    whole = indicators.sma(series, period)
    for cut in range(1, series.size + 1):
        np.testing.assert_array_equal(indicators.sma(series[:cut], period), whole[:cut])


def test_the_exponential_average_is_seeded_with_a_simple_one():
    found = indicators.ema(np.array([1.0, 2, 3, 4, 8]), 3)
    assert found[2:].tolist() == [2.0, 3.0, 5.5]


def test_rsi_is_wilders():
    close = np.array([10.0, 11, 10.5, 11.5, 11, 12])
    gains, losses = np.array([1, 0, 1, 0, 1.0]), np.array([0, 0.5, 0, 0.5, 0])
    gain, loss = gains[:2].mean(), losses[:2].mean()
    expected = [100 * gain / (gain + loss)]
    for up, down in zip(gains[2:], losses[2:]):
        gain, loss = (gain + up) / 2, (loss + down) / 2
        expected.append(100 * gain / (gain + loss))
    np.testing.assert_allclose(indicators.rsi(close, 2)[2:], expected)


def test_atr_is_wilders():
    high, low, close = np.array([11.0, 12, 14, 13]), np.array([9.0, 10, 12, 9]), np.array([10.0, 11, 13, 10])
    ranges = [2, 3, 4]
    np.testing.assert_allclose(indicators.atr(high, low, close, 2)[2:], [2.5, 3.25])
    assert np.isnan(indicators.atr(high, low, close, 2)[: len(ranges) - 1]).all()


def test_bollinger_bands_use_the_population_deviation():
    close = np.array([1.0, 2, 3, 4])
    upper, middle, lower = indicators.bollinger(close, 4, 2.0)
    assert (upper[-1], middle[-1], lower[-1]) == pytest.approx((2.5 + 2 * close.std(), 2.5, 2.5 - 2 * close.std()))


def test_the_macd_histogram_is_the_difference():
    line, signal, histogram = indicators.macd(walk(6)[2])
    np.testing.assert_allclose(histogram, line - signal)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: indicators.ema(x, 1),
        lambda x: indicators.sma(x, 0),
        lambda x: indicators.rsi(x, -3),
        lambda x: indicators.macd(x, 26, 12),
        lambda x: indicators.atr(x, x[1:], x),
    ],
)
def test_impossible_periods_and_lengths_are_refused(call):
    with pytest.raises(UsageError):
        call(np.arange(1.0, 50.0))
