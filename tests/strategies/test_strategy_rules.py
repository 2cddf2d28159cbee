"""The rules of each strategy on hand-made series, and the trades that sizes are computed from."""

import numpy as np
import pytest

from engine import strategies
from engine.errors import UsageError
from engine.features import indicators
from engine.strategies.base import Decisions
from engine.strategies.conditions import crosses
from engine.strategies.outcomes import outcomes
from engine.strategies.rsi_divergence import pivot_lows
from engine.strategies.signals import latest_signal
from tests.strategies.strategy_checks import bars_of, walk


def acted(decisions):
    return [(int(row), int(decisions.action[row])) for row in np.flatnonzero(decisions.action)]


def mirrored(bars, about):
    """The same path upside down."""
    return bars_of(
        about - bars.close, open_=about - bars.open, high=about - bars.low, low=about - bars.high, quantity=bars.quantity
    )


def test_a_cross_needs_a_new_side():
    rows, side = crosses(np.array([np.nan, 1, 1, 0, 0, 2, -1, 0, -3, np.nan, 5]))
    assert (rows.tolist(), side.tolist()) == ([5, 6, 8], [1, -1, -1])


# --- mean reversion -----------------------------------------------------------------------------------------------------

SMALL_BANDS = {"bb_period": 5, "bb_width": 1.5, "rsi_period": 3, "atr_period": 3}


def test_a_close_below_the_band_is_bought_back_to_the_middle():
    bars = bars_of([20, 20.2, 20, 20.2, 20, 20.1, 17, 18, 19])
    strategy = strategies.get("mean_reversion", SMALL_BANDS)
    decisions = strategy.decide(bars)
    assert acted(decisions) == [(6, 1)]
    upper, middle, lower = (band[6] for band in indicators.bollinger(bars.close, 5, 1.5))
    assert decisions.target[6] == pytest.approx(np.mean([20, 20.2, 20, 20.1, 17]))
    assert decisions.stop[6] == pytest.approx(17 - 1.5 * indicators.atr(bars.high, bars.low, bars.close, 3)[6])
    assert decisions.strength[6] == pytest.approx(0.5 + (lower - 17) / (upper - lower))
    assert middle == decisions.target[6]
    assert "below the lower Bollinger band" in strategy.reason(bars, decisions, 6)
    assert acted(strategy.decide(mirrored(bars, 40))) == [(6, -1)]


def test_the_strength_of_a_reversion_grows_with_the_depth():
    strategy = strategies.get("mean_reversion", SMALL_BANDS)
    depths = [strategy.decide(bars_of([20, 20.2, 20, 20.2, 20, 20.1, last])).strength[6] for last in (19.6, 19, 17)]
    assert 0.5 <= depths[0] < depths[1] < depths[2] <= 1


def test_a_close_below_the_band_without_rsi_says_so():
    bars = bars_of([20, 20.2, 20, 20.2, 20, 20.1, 17])
    strategy = strategies.get("mean_reversion", SMALL_BANDS | {"rsi_oversold": 1})
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert "is not below 1: no signal" in strategy.reason(bars, decisions, 6)


# --- breakout -----------------------------------------------------------------------------------------------------------

SMALL_RANGE = {"lookback": 4, "atr_period": 3, "volume_period": 3}
QUIET, BUSY = [100] * 8, [100] * 6 + [300, 100]
RISING_OUT = [10, 10.2, 10, 10.1, 10, 10.1, 12, 12]


def test_a_close_beyond_the_range_on_volume_is_followed():
    bars = bars_of(RISING_OUT, quantity=BUSY)
    strategy = strategies.get("breakout", SMALL_RANGE)
    decisions = strategy.decide(bars)
    assert acted(decisions) == [(6, 1)]
    atr, resistance = indicators.atr(bars.high, bars.low, bars.close, 3)[6], bars.high[2:6].max()
    assert decisions.stop[6] == pytest.approx(resistance - 0.5 * atr)
    assert decisions.target[6] == pytest.approx(12 + 4 * atr)
    assert decisions.strength[6] == pytest.approx(0.5 + 300 / (500 / 3) / 6)
    assert acted(strategy.decide(mirrored(bars, 20))) == [(6, -1)]


@pytest.mark.parametrize(
    ("params", "quantity", "said"),
    [
        ({}, QUIET, "volume is only 1.00 times"),
        ({"margin_atr": 5}, BUSY, "by less than the margin"),
        ({}, None, "cannot be judged"),
    ],
)
def test_a_breakout_that_lacks_something_says_what(params, quantity, said):
    bars = bars_of(RISING_OUT, quantity=quantity)
    strategy = strategies.get("breakout", SMALL_RANGE | params)
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert said in strategy.reason(bars, decisions, 6)


def test_the_range_is_that_of_the_bars_before():
    bars = bars_of(RISING_OUT, quantity=BUSY)
    strategy = strategies.get("breakout", SMALL_RANGE)
    assert "within the range of the last 4 bars" in strategy.reason(bars, strategy.decide(bars), 7)


# --- MACD ---------------------------------------------------------------------------------------------------------------


def test_the_macd_is_followed_where_it_crosses_and_its_strength_knows_no_scale():
    close = np.concatenate((np.linspace(30, 20, 40), np.linspace(20.5, 26, 12)))
    strategy = strategies.get("macd_crossover", {"volume_ratio": 0})
    bars = bars_of(close)
    decisions = strategy.decide(bars)
    histogram = indicators.macd(close)[2]
    row = int(np.flatnonzero((histogram[1:] > 0) & (histogram[:-1] <= 0))[-1]) + 1
    assert (row, 1) in acted(decisions)
    atr = indicators.atr(bars.high, bars.low, close, 14)[row]
    assert decisions.strength[row] == pytest.approx(0.6 + 0.4 * min(histogram[row] / (0.25 * atr), 1))
    assert decisions.stop[row] == pytest.approx(close[row] - 2 * atr)
    assert "crossed above its signal line" in strategy.reason(bars, decisions, row)
    dear = strategy.decide(bars_of(close * 10_000))
    np.testing.assert_allclose(dear.strength, decisions.strength, rtol=1e-9)


def test_a_fast_macd_must_be_faster():
    with pytest.raises(UsageError, match="macd_fast"):
        strategies.get("macd_crossover", {"macd_fast": 26})


# --- RSI divergence -----------------------------------------------------------------------------------------------------


def line(*points):
    """Straight segments through (bar, close)."""
    at, close = zip(*points)
    return np.interp(np.arange(at[-1] + 1), at, close)


DOWN = line((0, 100), (30, 104), (44, 118), (56, 92), (64, 103), (78, 89), (90, 95))
HIDDEN_UP = line((0, 70), (40, 110), (46, 99), (56, 110), (63, 103), (71, 110))
PATTERNS = {
    "Bullish divergence": (DOWN, 1, False),
    "Bearish divergence": (220 - DOWN, -1, False),
    "Hidden bullish divergence": (HIDDEN_UP, 1, True),
    "Hidden bearish divergence": (220 - HIDDEN_UP, -1, True),
}
OPEN_FILTERS = {"volume_ratio": 0, "min_adx": 0, "min_strength": 0, "lookback": 40}


@pytest.mark.parametrize("said", PATTERNS)
def test_each_pattern_is_seen_at_the_bar_that_confirms_its_second_pivot(said):
    close, side, hidden = PATTERNS[said]
    bars = bars_of(close, spread=0.002)
    strategy = strategies.get("rsi_divergence", OPEN_FILTERS)
    decisions = strategy.decide(bars)
    price = bars.low if side > 0 else -bars.high
    first, second = pivot_lows(price, 3)[-2:]
    assert acted(decisions) == [(second + 3, side)]
    assert (side * price[second] > side * price[first]) == (hidden if side > 0 else not hidden)
    assert strategy.reason(bars, decisions, int(second) + 3).startswith(said)
    live = latest_signal(bars.take(slice(0, second + 4)), strategy, 0)
    assert (live.action, live.reason) == ("BUY" if side > 0 else "SELL", strategy.reason(bars, decisions, int(second) + 3))
    early = strategy.decide(bars.take(slice(0, second + 3)))
    assert not early.action.any()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"min_strength": 0.99}, "is below 0.99"),
        ({"min_adx": 90}, "is below 90"),
        ({"volume_ratio": 1.2, "min_strength": 0}, "cannot be judged"),
        ({"divergence_threshold": 0.2}, "do not diverge"),
        ({"lookback": 15}, "do not diverge"),
    ],
)
def test_a_divergence_that_lacks_something_says_what(params, said):
    bars = bars_of(DOWN, spread=0.002)
    strategy = strategies.get("rsi_divergence", OPEN_FILTERS | params)
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert said in strategy.reason(bars, decisions, 81)


def test_signals_keep_their_distance_and_say_so():
    bars = walk(3, 800)
    params = OPEN_FILTERS | {"pivot_width": 1, "divergence_threshold": 0, "sma_period": 10, "lookback": 60}
    close_by = strategies.get("rsi_divergence", params | {"spacing": 0})
    spaced = strategies.get("rsi_divergence", params | {"spacing": 30})
    rows = np.flatnonzero(spaced.decide(bars).action)
    assert 0 < rows.size < np.count_nonzero(close_by.decide(bars).action)
    assert np.diff(rows).min() > 30
    left_out = np.setdiff1d(np.flatnonzero(close_by.decide(bars).action), rows)
    assert any("must lie between" in spaced.reason(bars, spaced.decide(bars), int(row)) for row in left_out)


def test_a_pivot_is_the_first_least_value_of_its_window():
    assert pivot_lows(np.array([3.0, 2, 1, 2, 3, 1, 1, 2, 2]), 2).tolist() == [2, 5]
    assert pivot_lows(np.array([1.0, 2]), 2).size == 0


# --- sizes --------------------------------------------------------------------------------------------------------------


def decisions_of(n, *acts):
    """Decisions of (bar, side, stop, target)."""
    action, levels = np.zeros(n, dtype=np.int8), np.full((3, n), np.nan)
    for row, side, stop, target in acts:
        action[row] = side
        levels[:, row] = 0.5, stop, target
    return Decisions(action, *levels)


def test_trades_follow_the_rules_of_the_backtest():
    nan = np.nan
    rows = np.array([
        (10, 10, 10, 10), (10, 10.5, 9.5, 10), (10, 12, 9, 11),  # bought at 10; stop 9 and target 12 in bar 2: the stop
        (11, 11, 11, 11), (11, 11, 11, 11), (15, 16, 14, 15),  # bought at 11; the open of bar 5 is beyond the target 13
        (15, 15, 15, 15), (14, 14, 13, 13), (12, 12, 12, 12), (11, 11, 11, 11),  # sold at 14, closed by a BUY at 11
        (12, 12, 12, 12),
    ], dtype=float)  # fmt: skip
    bars = bars_of(rows[:, 3], open_=rows[:, 0], high=rows[:, 1], low=rows[:, 2])
    acts = [(0, 1, 9, 12), (1, 1, 5, 50), (3, 1, 9, 13), (6, -1, nan, nan), (8, 1, nan, nan)]
    found = outcomes(bars, decisions_of(11, *acts))
    assert found.signal.tolist() == [0, 3, 6]
    assert found.exit.tolist() == [2, 5, 9]
    np.testing.assert_allclose(found.return_, [-0.1, 4 / 11, 3 / 14])


@pytest.mark.parametrize("seed", range(4))
def test_trades_equal_those_of_the_kernel_without_costs_and_lots(seed):
    from engine.backtest import kernel

    bars = walk(seed, 600)
    strategy = strategies.get("trend_following", {"volume_ratio": 0, "rsi_overbought": 90, "rsi_oversold": 10, "stop_atr": 1})
    decisions = strategy.decide(bars)
    found = outcomes(bars, decisions)
    prices = (bars.open, bars.high, bars.low, bars.close)
    arrays = (*prices, bars.session, decisions.action, decisions.stop, decisions.target, np.ones(600), *np.zeros((3, 600)))
    scalars = (0, 599, 0, 1e9, kernel.FRACTION, 0.1, True, 1, 1.0, 0, 1, 0.0, 0.0)
    trades = kernel.run(arrays, scalars, fast=False).trades
    closed = trades[trades["exit"] >= 0]
    assert closed.size > 5
    assert found.signal.tolist() == (closed["entry"] - 1).tolist()
    assert found.exit.tolist() == closed["exit"].tolist()
    np.testing.assert_allclose(found.return_, closed["side"] * (closed["exit_price"] / closed["entry_price"] - 1), atol=1e-12)


SIZED = {"ema_fast": 3, "ema_slow": 8, "rsi_floor": 0, "rsi_overbought": 100, "rsi_oversold": 0}


def test_a_size_by_volatility_loses_the_risk_at_the_stop():
    bars = walk(2, 200)
    strategy = strategies.get("dynamic_position_sizing", SIZED | {"kelly_fraction": 0, "max_position": 1, "risk": 0.01})
    decisions = strategy.decide(bars)
    rows = np.flatnonzero(decisions.action)
    distance = np.abs(decisions.stop[rows] / bars.close[rows] - 1)
    np.testing.assert_allclose(decisions.size[rows] * distance, 0.01)
    capped = strategies.get("dynamic_position_sizing", SIZED | {"kelly_fraction": 0, "max_position": 0.05}).decide(bars)
    assert np.nanmax(capped.size) == pytest.approx(0.05)
    assert "by volatility" in strategy.reason(bars, decisions, int(rows[-1]))


def test_kelly_uses_only_trades_closed_before_the_signal():
    bars = walk(4, 800)
    params = SIZED | {"kelly_trades": 10, "max_position": 1, "kelly_fraction": 0.5, "risk": 0.2}
    strategy = strategies.get("dynamic_position_sizing", params)
    decisions = strategy.decide(bars)
    closed, seen = outcomes(bars, decisions), 0
    for row in np.flatnonzero(decisions.action):
        past = closed.return_[closed.exit < row]
        by_volatility = min(0.2 * bars.close[row] / abs(bars.close[row] - decisions.stop[row]), 1)
        if past.size < 10:
            assert decisions.size[row] == pytest.approx(by_volatility)
            continue
        seen += 1
        gains, losses = past[past > 0], -past[past < 0]
        edge = gains.size / past.size
        edge -= (1 - edge) / (gains.mean() / losses.mean())
        assert decisions.size[row] == pytest.approx(min(max(0.5 * edge, 0), by_volatility))
    assert seen > 10


def test_a_floor_above_overbought_is_refused():
    with pytest.raises(UsageError, match="rsi_floor"):
        strategies.get("dynamic_position_sizing", {"rsi_floor": 55, "rsi_overbought": 50})


def test_the_latest_signal_carries_the_size():
    bars = walk(2, 200)
    strategy = strategies.get("dynamic_position_sizing", SIZED)
    row = int(np.flatnonzero(strategy.decide(bars).action)[-1])
    signal = latest_signal(bars.take(slice(0, row + 1)), strategy, 0)
    assert signal.size == strategy.decide(bars).size[row]
    assert signal.as_dict()["size"] == signal.size
    assert latest_signal(bars.take(slice(0, row + 1)), strategies.get("breakout"), 0).size is None
