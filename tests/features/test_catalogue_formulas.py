"""Every feature beside its formula written out for one bar, candles drawn by hand, sessions and the calendar."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import talib

from engine.backtest.subjects import random_walk
from engine.domain import day_number
from engine.features import indicators
from engine.features.catalogue import FEATURES, compute, select
from engine.features.windows import autocorrelation, deviation, mean, moment, slope, total
from tests.strategies.strategy_checks import bars_of, walk

BARS = random_walk(400, seed=11)
START, H, L, C, Q, T = (getattr(BARS, name) for name in ("open", "high", "low", "close", "quantity", "turnover"))
R = pd.Series(C).pct_change().to_numpy()
N = len(BARS)


def values_of(bars, *names):
    found = compute(bars, select(names=names)).T
    return found[0] if len(names) == 1 else found


def last(values, at, count):
    return values[at - count + 1 : at + 1]


def spread(at):
    return ema(9)[at] - ema(21)[at]


def ema(period):
    found = np.full(N, np.nan)
    found[period - 1] = C[:period].mean()
    for at in range(period, N):
        found[at] = found[at - 1] + 2 / (period + 1) * (C[at] - found[at - 1])
    return found


def atr(at):
    true = np.maximum(H[1:], C[:-1]) - np.minimum(L[1:], C[:-1])
    found = true[:14].mean()
    for value in true[14:at]:
        found = (13 * found + value) / 14
    return found


def stochastic(at):
    low, high = last(L, at, 14).min(), last(H, at, 14).max()
    return 100 * (C[at] - low) / (high - low)


def money_flow(at):
    price = (H + L + C) / 3
    up = sum(price[i] * Q[i] for i in range(at - 13, at + 1) if price[i] > price[i - 1])
    return 100 * up / sum(price[i] * Q[i] for i in range(at - 13, at + 1))


def least_squares(at):
    return np.polyfit(np.arange(20), last(C, at, 20), 1)[0] / C[at]


def serial(at):
    away = last(R, at, 20) - last(R, at, 20).mean()
    return (away[1:] * away[:-1]).sum() / (away**2).sum()


def moment_of(at, order):
    return ((last(R, at, 20) - last(R, at, 20).mean()) ** order).mean()


def streak(at):
    side, count = np.sign(C[at] - C[at - 1]), 0
    while at and np.sign(C[at] - C[at - 1]) == side:
        at, count = at - 1, count + 1
    return side * count


FORMULAS = {
    "momentum_5": lambda t: C[t] / C[t - 5] - 1,
    "momentum_10": lambda t: C[t] / C[t - 10] - 1,
    "momentum_20": lambda t: C[t] / C[t - 20] - 1,
    "stochastic_k": lambda t: np.mean([stochastic(at) for at in range(t - 2, t + 1)]),
    "stochastic_d": lambda t: np.mean([stochastic(at) for k in range(t - 2, t + 1) for at in range(k - 2, k + 1)]),
    "williams_r": lambda t: -100 * (last(H, t, 14).max() - C[t]) / (last(H, t, 14).max() - last(L, t, 14).min()),
    "overnight_return": lambda t: START[t] / C[t - 1] - 1,
    "intraday_return": lambda t: C[t] / START[t] - 1,
    "volatility_5": lambda t: last(R, t, 5).std(ddof=1),
    "volatility_20": lambda t: last(R, t, 20).std(ddof=1),
    "atr_ratio": lambda t: atr(t) / C[t],
    "bollinger_width": lambda t: 4 * last(C, t, 20).std() / last(C, t, 20).mean(),
    "parkinson_20": lambda t: np.sqrt((np.log(last(H, t, 20) / last(L, t, 20)) ** 2).mean() / (4 * np.log(2))),
    "garman_klass_20": lambda t: np.sqrt(
        (
            0.5 * np.log(last(H, t, 20) / last(L, t, 20)) ** 2
            - (2 * np.log(2) - 1) * np.log(last(C, t, 20) / last(START, t, 20)) ** 2
        ).mean()
    ),
    "range_ratio": lambda t: (H[t] - L[t]) / (last(H, t, 20) - last(L, t, 20)).mean(),
    "skewness_20": lambda t: moment_of(t, 3) / moment_of(t, 2) ** 1.5,
    "kurtosis_20": lambda t: moment_of(t, 4) / moment_of(t, 2) ** 2 - 3,
    "ema_diff": lambda t: spread(t) / C[t],
    "ema_diff_slope": lambda t: (spread(t) - spread(t - 1)) / C[t],
    "aroon_up": lambda t: 100 * (25 - last(H, t, 26)[::-1].argmax()) / 25,
    "aroon_down": lambda t: 100 * (25 - last(L, t, 26)[::-1].argmin()) / 25,
    "slope_20": least_squares,
    "autocorrelation_20": serial,
    "volume_ratio": lambda t: Q[t] / last(Q, t, 20).mean(),
    "volume_trend": lambda t: last(Q, t, 5).mean() / last(Q, t, 20).mean(),
    "turnover_trend": lambda t: last(T, t, 5).mean() / last(T, t, 20).mean(),
    "mfi": money_flow,
    "illiquidity": lambda t: (abs(last(R, t, 20)) / last(T, t, 20)).mean() / (abs(last(R, t, 60)) / last(T, t, 60)).mean(),
    "gap": lambda t: (START[t] - C[t - 1]) / atr(t - 1),
    "streak": streak,
    "price_vs_ma20": lambda t: (C[t] - last(C, t, 20).mean()) / C[t],
    "distance_to_high": lambda t: (last(H, t, 20).max() - C[t]) / C[t],
    "distance_to_low": lambda t: (C[t] - last(L, t, 20).min()) / C[t],
    "bollinger_position": lambda t: 0.5 + (C[t] - last(C, t, 20).mean()) / (4 * last(C, t, 20).std()),
    "z_score_20": lambda t: (R[t] - last(R, t, 20).mean()) / last(R, t, 20).std(ddof=1),
    "close_location": lambda t: (2 * C[t] - H[t] - L[t]) / (H[t] - L[t]),
    "distance_to_52w_high": lambda t: last(H, t, 252).max() / C[t] - 1,
    "distance_to_52w_low": lambda t: 1 - last(L, t, 252).min() / C[t],
}
#: TA-Lib's own functions serve where the formula is a long recursion.
TALIB = {
    "rsi_7": lambda: talib.RSI(C, 7),
    "rsi_14": lambda: talib.RSI(C, 14),
    "rsi_21": lambda: talib.RSI(C, 21),
    "adx": lambda: talib.ADX(H, L, C, 14),
    "plus_di": lambda: talib.PLUS_DI(H, L, C, 14),
    "minus_di": lambda: talib.MINUS_DI(H, L, C, 14),
    "macd_histogram": lambda: talib.MACD(C)[2] / C,
    "mfi": lambda: talib.MFI(H, L, C, Q, 14),
    "williams_r": lambda: talib.WILLR(H, L, C, 14),
    "slope_20": lambda: talib.LINEARREG_SLOPE(C, 20) / C,
    "stochastic_d": lambda: talib.STOCH(H, L, C, 14, 3, 0, 3, 0)[1],
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_feature_is_its_formula(name):
    found = values_of(BARS, name)
    bars = [max(select(names=[name])[0].lookback, 1), 260, 333, N - 1]
    np.testing.assert_allclose(found[bars], [FORMULAS[name](t) for t in bars], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("name", TALIB)
def test_a_feature_is_that_of_talib(name):
    np.testing.assert_allclose(values_of(BARS, name), TALIB[name](), rtol=1e-7, atol=1e-9)


def test_every_feature_is_compared_with_something():
    drawn = {"doji", "hammer", "engulfing", "regime_trending_up", "regime_trending_down", "regime_ranging", "regime_volatile"}
    dated = {feature.name for feature in FEATURES if feature.group == "calendar"}
    assert {feature.name for feature in FEATURES} == FORMULAS.keys() | TALIB.keys() | drawn | dated


def test_the_bands_are_those_of_the_indicators():
    upper, middle, lower = indicators.bollinger(C, 20)
    position, width = values_of(BARS, "bollinger_position", "bollinger_width")
    np.testing.assert_allclose(position, (C - lower) / (upper - lower), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(width, (upper - lower) / middle, rtol=1e-7)


# --- windows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [2, 5, 20, 60])
def test_windows_are_those_of_pandas_also_with_holes(period):
    values = np.random.default_rng(4).normal(1.0, 2.0, 150)
    values[[0, 40, 41, 100]] = np.nan
    window = pd.Series(values).rolling(period)
    np.testing.assert_allclose(total(values, period), window.sum(), rtol=1e-12)
    np.testing.assert_allclose(mean(values, period), window.mean(), rtol=1e-12)
    np.testing.assert_allclose(deviation(values, period, ddof=1), window.std(), rtol=1e-9)
    np.testing.assert_allclose(
        moment(values, period, 3), window.apply(lambda x: ((x - x.mean()) ** 3).mean(), raw=True), rtol=1e-9, atol=1e-14
    )


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_series_shorter_than_its_window_has_no_value(count):
    values = np.arange(float(count))
    for found in (total(values, 5), mean(values, 5), deviation(values, 5), autocorrelation(values, 5), slope(values, 5)):
        assert found.shape == (count,)
        assert np.isnan(found).all()


def test_a_window_does_not_remember_what_came_before_it():
    values = np.concatenate(([1e15, -1e15, 1e-3], np.random.default_rng(4).normal(0, 1, 60)))
    np.testing.assert_array_equal(deviation(values, 20)[30:], deviation(values[5:], 20)[25:])


# --- what other platforms had wrong -------------------------------------------------------------------------------------


def test_adx_is_finite_and_not_constant_after_its_look_back():
    adx, plus, minus = values_of(BARS, "adx", "plus_di", "minus_di")
    assert np.isfinite(adx[27:]).all()
    assert np.unique(adx[27:]).size > 300
    assert ((plus[14:] > minus[14:]) != (plus[14] > minus[14])).any()


def test_aroon_of_a_rising_series_is_100_up():
    rising = bars_of(np.linspace(10, 20, 60))
    up, down = values_of(rising, "aroon_up", "aroon_down")
    assert (up[25:] == 100).all()
    assert (down[25:] == 0).all()
    up, down = values_of(bars_of(np.linspace(20, 10, 60)), "aroon_up", "aroon_down")
    assert (up[25:] == 0).all()
    assert (down[25:] == 100).all()


def test_features_do_not_depend_on_where_the_sample_starts():
    smoothed = ("rsi", "atr", "adx", "plus_di", "minus_di", "ema", "macd", "gap", "regime")
    finite = [feature for feature in FEATURES if not feature.name.startswith(smoothed)]
    assert len(finite) > 35
    late = compute(BARS.take(slice(100, None)), finite)
    whole = compute(BARS, finite)[100:]
    for at, feature in enumerate(finite):
        begin = max(feature.lookback, 40)
        np.testing.assert_allclose(late[begin:, at], whole[begin:, at], rtol=1e-12, atol=1e-13, err_msg=feature.name)


# --- candles ------------------------------------------------------------------------------------------------------------


def candles(*rows):
    """Bars of (open, high, low, close)."""
    open_, high, low, close = np.array(rows, dtype=float).T
    return bars_of(close, open_=open_, high=high, low=low)


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((10.00, 10.50, 9.50, 10.05), 1),
        ((10.00, 10.50, 9.50, 10.10), 1),
        ((10.00, 10.50, 9.50, 9.90), 1),
        ((10.00, 10.50, 9.50, 10.11), 0),
        ((10.00, 10.00, 10.00, 10.00), np.nan),
    ],
    ids=["small body", "a tenth", "a tenth down", "more than a tenth", "no range"],
)
def test_a_doji_has_a_body_of_a_tenth_of_its_range(bar, expected):
    np.testing.assert_equal(values_of(candles(bar), "doji")[0], expected)


FALL = [(close + 0.1, close + 0.2, close - 0.2, close) for close in (13.0, 12.6, 12.2, 11.8, 11.4, 11.0)]
RISE = FALL[::-1]


@pytest.mark.parametrize(
    ("before", "bar", "expected"),
    [
        (FALL, (10.90, 11.00, 10.00, 11.00), 1),
        (FALL, (11.00, 11.05, 10.00, 10.90), 1),
        (RISE, (12.90, 13.00, 12.00, 13.00), 0),
        (FALL, (10.60, 11.00, 10.00, 11.00), 0),
        (FALL, (10.20, 11.00, 10.00, 10.30), 0),
        (FALL, (11.0, 11.0, 11.0, 11.0), np.nan),
        (FALL[1:], (10.90, 11.00, 10.00, 11.00), np.nan),
    ],
    ids=["hammer", "falling body", "after a rise", "short shadow", "body at the bottom", "no range", "too early"],
)
def test_a_hammer_hangs_below_its_body_after_a_fall(before, bar, expected):
    np.testing.assert_equal(values_of(candles(*before, bar), "hammer")[-1], expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((10.2, 10.3, 9.9, 10.0), (9.9, 10.4, 9.8, 10.3), 1),
        ((10.0, 10.3, 9.9, 10.2), (10.3, 10.4, 9.8, 9.9), -1),
        ((10.2, 10.3, 9.9, 10.0), (10.0, 10.4, 9.8, 10.3), 1),
        ((10.2, 10.3, 9.9, 10.0), (10.0, 10.4, 9.8, 10.2), 0),
        ((10.0, 10.3, 9.9, 10.2), (9.9, 10.4, 9.8, 10.3), 0),
        ((10.2, 10.3, 9.9, 10.0), (10.1, 10.4, 9.8, 10.3), 0),
        ((10.0, 10.3, 9.9, 10.0), (9.9, 10.4, 9.8, 10.3), 0),
    ],
    ids=["bullish", "bearish", "equal at one end", "equal bodies", "same direction", "not below", "no body before"],
)
def test_an_engulfing_body_holds_the_opposite_one_before_it(first, second, expected):
    found = values_of(candles(first, second), "engulfing")
    assert np.isnan(found[0])
    assert found[1] == expected


def test_a_streak_counts_closes_in_one_direction():
    found = values_of(bars_of([10, 11, 12, 13, 12, 12, 12, 13, 12, 11]), "streak")
    np.testing.assert_array_equal(found, [np.nan, 1, 2, 3, -1, 0, 0, 1, -1, -2])


# --- regime -------------------------------------------------------------------------------------------------------------


def test_the_regime_is_one_of_four_flags():
    flags = compute(walk(1, 250), select(groups=["regime"]))
    assert np.isnan(flags[:49]).all()
    np.testing.assert_array_equal(flags[49:].sum(axis=1), 1)
    up = compute(bars_of(np.linspace(10, 20, 90)), select(groups=["regime"]))
    np.testing.assert_array_equal(up[-1], [1, 0, 0, 0])


# --- sessions -----------------------------------------------------------------------------------------------------------


def test_intraday_bars_know_their_session_up_to_themselves():
    bars = bars_of(
        [10, 11, 12, 11, 10, 13], open_=[9, 10, 11, 14, 11, 10], high=[10, 11, 15, 14, 12, 13], low=[9, 10, 11, 10, 9, 10],
        timeframe="60m", per_session=3,
    )  # fmt: skip
    overnight, intraday = values_of(bars, "overnight_return", "intraday_return")
    np.testing.assert_allclose(overnight, [np.nan] * 3 + [14 / 12 - 1] * 3)
    np.testing.assert_allclose(intraday, [10 / 9 - 1, 11 / 9 - 1, 12 / 9 - 1, 11 / 14 - 1, 10 / 14 - 1, 13 / 14 - 1])


@pytest.mark.parametrize(("timeframe", "per_session", "sessions"), [("1d", 1, 252), ("60m", 3, 252), ("1w", 1, 52)])
def test_a_year_is_counted_in_sessions(timeframe, per_session, sessions):
    bars = replace(walk(2, 270 * per_session, per_session=per_session), timeframe=timeframe)
    high, low = values_of(bars, "distance_to_52w_high", "distance_to_52w_low")
    first = (sessions - 1) * per_session
    assert np.isnan(high[:first]).all()
    assert np.isfinite(high[first:]).all()
    for at in (first, first + 1, len(bars) - 2, len(bars) - 1):
        seen = (bars.session > bars.session[at] - sessions) & (np.arange(len(bars)) <= at)
        assert high[at] == pytest.approx(bars.high[seen].max() / bars.close[at] - 1)
        assert low[at] == pytest.approx(1 - bars.low[seen].min() / bars.close[at])


def on(*days):
    bars = bars_of(np.full(len(days), 10.0))
    return replace(bars, session=np.array([day_number(date.fromisoformat(day)) for day in days]))


def test_the_calendar_is_known_before_the_session():
    days = ("2025-02-27", "2025-02-28", "2025-03-05", "2025-04-16", "2025-04-17", "2025-12-29", "2025-12-30")
    week, month, end, holiday = values_of(on(*days), "day_of_week", "day_of_month", "month_end", "sessions_to_holiday")
    np.testing.assert_array_equal(week, [3, 4, 2, 2, 3, 0, 1])
    np.testing.assert_array_equal(month, [27, 28, 5, 16, 17, 29, 30])
    np.testing.assert_array_equal(end, [0, 1, 0, 0, 0, 0, 1])
    np.testing.assert_array_equal(holiday[[0, 1, 3, 4, 5, 6]], [1, 0, 1, 0, 1, 0])


def test_days_outside_the_calendar_are_unknown_and_weekends_are_not():
    end, holiday = values_of(on("1994-12-30", "2025-03-01", "2025-06-07", "2150-01-04"), "month_end", "sessions_to_holiday")
    assert np.isnan(end[[0, 3]]).all()
    assert np.isnan(holiday[[0, 3]]).all()
    assert np.isfinite([*end[1:3], *holiday[1:3]]).all()


def test_all_bars_of_a_session_share_the_calendar():
    bars = walk(5, 70, per_session=7)
    for column in compute(bars, select(groups=["calendar"])).T:
        assert (column.reshape(10, 7) == column[::7, None]).all()
