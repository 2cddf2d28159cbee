"""Trend following on hand-made crosses, its parameters, and the proof that it does not look ahead."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from engine import strategies
from engine.domain import Action, Bars, PriceBase
from engine.errors import NoDataError, UsageError
from engine.features import indicators
from engine.strategies.signals import latest_signal

SMALL = {
    "ema_fast": 2,
    "ema_slow": 4,
    "rsi_period": 3,
    "atr_period": 3,
    "volume_period": 3,
    "rsi_overbought": 100,
    "rsi_oversold": 0,
}


def make_bars(close, quantity=None, turnover=None, spread=1.0):
    close = np.asarray(close, dtype=float)
    n = close.size
    nan = np.full(n, np.nan)
    session = np.arange(n) + 20_000
    return Bars(
        "ABCD3", "1d", session * 86_400, session, close, close + spread, close - spread, close,
        nan if quantity is None else np.asarray(quantity, dtype=float),
        nan if turnover is None else np.asarray(turnover, dtype=float),
        np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), PriceBase.ADJUSTED,
    )  # fmt: skip


def walk(seed, n=240):
    random = np.random.default_rng(seed)
    return make_bars(30 * np.exp(np.cumsum(random.normal(0, 0.02, n))), random.lognormal(10, 0.6, n))


FALL_AND_RISE = [20, 19, 18, 17, 16, 15, 14, 18, 22, 23, 24, 25]
BUSY_AT_7 = [100] * 7 + [300] + [100] * 4


def test_a_confirmed_cross_up_is_a_buy_with_levels_from_the_close():
    bars = make_bars(FALL_AND_RISE, BUSY_AT_7)
    strategy = strategies.get("trend_following", SMALL)
    decisions = strategy.decide(bars)
    assert decisions.action.tolist() == [0] * 7 + [1] + [0] * 4
    atr = indicators.atr(bars.high, bars.low, bars.close, 3)[7]
    rsi = indicators.rsi(bars.close, 3)[7]
    assert decisions.stop[7] == pytest.approx(18 - 2 * atr)
    assert decisions.target[7] == pytest.approx(18 + 3 * atr)
    assert decisions.strength[7] == pytest.approx(0.5 + (50 - rsi) / 100)
    assert np.isnan(np.delete(decisions.stop, 7)).all()
    assert np.isnan(np.delete(decisions.strength, 7)).all()


def test_a_mirrored_path_gives_the_mirrored_signal():
    bars = make_bars([40 - price for price in FALL_AND_RISE], BUSY_AT_7)
    decisions = strategies.get("trend_following", SMALL).decide(bars)
    assert decisions.action.tolist() == [0] * 7 + [-1] + [0] * 4
    assert decisions.stop[7] > bars.close[7] > decisions.target[7]


def test_a_cross_without_volume_is_not_a_signal_and_says_why():
    bars = make_bars(FALL_AND_RISE, [100] * 12)
    strategy = strategies.get("trend_following", SMALL)
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert "volume is only 1.00 times" in strategy.reason(bars, decisions, 7)


def test_an_overbought_cross_is_not_a_signal_and_says_why():
    strategy = strategies.get("trend_following", SMALL | {"rsi_overbought": 50})
    bars = make_bars(FALL_AND_RISE, BUSY_AT_7)
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert "is not below 50" in strategy.reason(bars, decisions, 7)


def test_without_any_volume_the_filter_cannot_be_judged():
    bars = make_bars(FALL_AND_RISE)
    strategy = strategies.get("trend_following", SMALL)
    decisions = strategy.decide(bars)
    assert not decisions.action.any()
    assert "cannot be judged" in strategy.reason(bars, decisions, 7)
    off = strategies.get("trend_following", SMALL | {"volume_ratio": 0})
    assert off.decide(bars).action[7] == 1
    assert "volume filter is off" in off.reason(bars, off.decide(bars), 7)


def test_turnover_serves_where_quantity_is_not_known():
    bars = make_bars(FALL_AND_RISE, turnover=BUSY_AT_7)
    assert strategies.get("trend_following", SMALL).decide(bars).action[7] == 1


def test_a_zero_volume_is_no_confirmation():
    bars = make_bars(FALL_AND_RISE, [0] * 12)
    strategy = strategies.get("trend_following", SMALL)
    assert not strategy.decide(bars).action.any()


@pytest.mark.parametrize("index", range(12))
def test_every_bar_has_a_reason(index):
    bars = make_bars(FALL_AND_RISE, BUSY_AT_7)
    strategy = strategies.get("trend_following", SMALL)
    decisions = strategy.decide(bars)
    text = strategy.reason(bars, decisions, index)
    assert text == strategy.reason(bars, decisions, index - 12)
    if index < strategy.warm_up:
        assert "needs 5 bars" in text
    elif index == 7:
        assert "crossed above" in text
    else:
        assert text.startswith("No signal")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_decision_uses_bars_up_to_its_own_only(seed):
    bars = walk(seed)
    quantity = bars.quantity.copy()
    quantity[40:43] = np.nan
    gaps = replace(bars, quantity=quantity, turnover=bars.quantity * bars.close)
    strategy = strategies.get("trend_following", {"volume_ratio": 0.5, "rsi_overbought": 90, "rsi_oversold": 10})
    for series in (bars, gaps):
        whole = strategy.decide(series)
        assert np.count_nonzero(whole.action) > 3
        for cut in range(len(series) + 1):
            part = strategy.decide(series.take(slice(0, cut)))
            for name in ("action", "strength", "stop", "target"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:cut])


def test_nothing_is_decided_during_the_warm_up_and_something_may_be_right_after():
    found = set()
    for seed in range(400):
        bars = walk(seed, 30)
        strategy = strategies.get("trend_following", {"volume_ratio": 0})
        acted = np.flatnonzero(strategy.decide(bars).action)
        assert (acted >= strategy.warm_up).all()
        found |= set((acted - strategy.warm_up).tolist())
    assert 0 in found


def test_strength_stays_between_0_and_1_and_levels_on_their_sides():
    strategy = strategies.get("trend_following", {"volume_ratio": 0, "rsi_overbought": 100, "rsi_oversold": 0})
    for seed in range(20):
        bars = walk(seed)
        decisions = strategy.decide(bars)
        acted = decisions.action != 0
        assert ((decisions.strength[acted] >= 0) & (decisions.strength[acted] <= 1)).all()
        side = decisions.action[acted]
        assert ((bars.close[acted] - decisions.stop[acted]) * side > 0).all()
        assert ((decisions.target[acted] - bars.close[acted]) * side > 0).all()


def test_bars_are_not_changed():
    bars = walk(1)
    for name in ("close", "high", "low", "quantity"):
        getattr(bars, name).flags.writeable = False
    strategies.get("trend_following").decide(bars)


def test_texts_become_numbers_of_the_parameters_type():
    strategy = strategies.get("trend_following", {"ema_fast": " 5 ", "stop_atr": "1.5", "target_atr": 4})
    assert (strategy.ema_fast, strategy.stop_atr, strategy.target_atr) == (5, 1.5, 4.0)
    assert isinstance(strategy.target_atr, float)
    assert strategy.params["ema_fast"] == 5


def test_an_unknown_strategy_or_parameter_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        strategies.get("trend_folowing")
    assert "trend_following" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        strategies.get("trend_following", {"ema_fst": 5})
    assert "Did you mean ema_fast?" in caught.value.hint
    assert "ema_fast 2..100" in caught.value.hint


@pytest.mark.parametrize(
    "params",
    [
        {"ema_fast": 1},
        {"ema_fast": "nine"},
        {"ema_fast": "9.5"},
        {"ema_fast": 9.0},
        {"ema_fast": True},
        {"ema_fast": None},
        {"ema_fast": 30, "ema_slow": 30},
        {"stop_atr": float("nan")},
        {"stop_atr": "inf"},
        {"volume_ratio": -1},
    ],
)
def test_impossible_parameters_are_refused_with_the_range(params):
    with pytest.raises(UsageError) as caught:
        strategies.get("trend_following", params)
    assert caught.value.hint


def test_ranges_hold_the_search_space_and_the_defaults():
    ranges = strategies.strategy_class("trend_following").ranges()
    for name, (low, high) in {"ema_fast": (5, 20), "ema_slow": (15, 50), "rsi_period": (10, 20), "rsi_overbought": (65, 80),
                              "rsi_oversold": (20, 35)}.items():  # fmt: skip
        assert ranges[name][1] <= low < high <= ranges[name][2]
    assert "trend_following" in strategies.names()


def test_a_strategy_is_frozen():
    with pytest.raises(FrozenInstanceError):
        strategies.get("trend_following").ema_fast = 3


def test_the_latest_signal_carries_levels_reason_and_context():
    bars = make_bars(FALL_AND_RISE[:8], BUSY_AT_7[:8])
    signal = latest_signal(bars, strategies.get("trend_following", SMALL), 2_000_000_000)
    assert (signal.action, signal.price, signal.price_base) == (Action.BUY, 18.0, PriceBase.ADJUSTED)
    assert signal.stop_loss < 18 < signal.take_profit
    assert signal.valid_until == 2_000_000_000
    assert set(signal.market_context) == {"adx", "atr", "rsi", "volume_avg"}
    assert signal.market_context["adx"] is None
    assert signal.market_context["volume_avg"] == pytest.approx(500 / 3)
    assert "crossed above" in signal.reason


def test_the_latest_signal_of_a_quiet_bar_is_hold():
    signal = latest_signal(make_bars(FALL_AND_RISE, BUSY_AT_7), strategies.get("trend_following", SMALL), 0)
    assert (signal.action, signal.strength, signal.stop_loss, signal.take_profit) == (Action.HOLD, 0.0, None, None)
    assert signal.reason.startswith("No signal")


def test_an_unfinished_bar_gives_no_signal():
    bars = make_bars(FALL_AND_RISE[:8], BUSY_AT_7[:8])
    provisional = replace(bars, provisional=np.arange(8) == 7)
    signal = latest_signal(provisional, strategies.get("trend_following", SMALL), 0)
    assert signal.time == int(bars.time[6])
    assert signal.action is Action.HOLD


def test_too_few_bars_for_a_signal_is_no_data():
    with pytest.raises(NoDataError):
        latest_signal(make_bars([10, 11, 12, 13]), strategies.get("trend_following", SMALL), 0)
