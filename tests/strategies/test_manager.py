"""The choice of a strategy by regime, and the evidence for it."""

from dataclasses import replace

import numpy as np
import pytest

from engine import strategies
from engine.errors import NoDataError
from engine.features.regime import REGIMES, Regime, regimes, since
from engine.strategies import manager
from engine.strategies.manager import ENOUGH, SUITED, Rules, choose, judged_signal
from engine.strategies.outcomes import outcomes
from tests.strategies.strategy_checks import bars_of, walk


def test_every_regime_has_strategies_that_exist():
    assert set(SUITED) == set(Regime)
    assert {name for listed in SUITED.values() for name in listed} <= set(strategies.names())


def test_thin_evidence_falls_back_on_the_table_and_says_so():
    bars = walk(1, 300)
    choice = choose(bars)
    assert choice.regime is REGIMES[regimes(bars)[-1]]
    assert choice.since == bars.time[since(regimes(bars))]
    assert (choice.strategy, choice.proven) == (SUITED[choice.regime][0], False)
    assert "The evidence is thin" in choice.reasons[-1]
    assert [item.strategy for item in choice.candidates] == list(SUITED[choice.regime])


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_trades_from_signals_in_the_regime(seed):
    bars = walk(seed, 1500)
    codes = regimes(bars)
    for item in choose(bars).candidates:
        closed = outcomes(bars, strategies.get(item.strategy).decide(bars))
        returns = closed.return_[codes[closed.signal] == codes[-1]]
        assert item.trades == returns.size
        assert np.isnan(item.low) == (returns.size < ENOUGH)
        if returns.size:
            assert item.mean_return == pytest.approx(returns.mean())
            assert item.win_rate == pytest.approx((returns > 0).mean())
        if returns.size >= ENOUGH:
            assert (item.low + item.high) / 2 == pytest.approx(item.mean_return)


def test_a_proven_candidate_is_taken_before_the_first_of_the_table(monkeypatch):
    figures = {"mean_reversion": (50, 0.001, -0.001), "rsi_divergence": (50, 0.01, 0.002), "breakout": (ENOUGH - 1, 0.05, 0.04)}

    def made(name, bars, codes):
        trades, mean, low = figures[name]
        return manager.Candidate(name, trades, 0.5, mean, low, 2 * mean - low)

    monkeypatch.setattr(manager, "_candidate", made)
    bars = bars_of(10 + 0.05 * np.sin(np.arange(90) * 2.3), spread=0.005)
    choice = choose(bars)
    assert (choice.regime, choice.strategy, choice.proven) == (Regime.RANGING, "rsi_divergence", True)
    assert "rsi_divergence: closed trades in this regime: 50, 50 % won, 1.00 %" in choice.reasons[1]
    assert choice.evidence()["candidates"][1]["low"] == 0.002


def test_a_choice_does_not_see_what_comes_after():
    bars = walk(5, 500)
    for cut in (60, 200, 350):
        part = bars.take(slice(0, cut))
        changed = replace(bars, close=np.where(np.arange(500) < cut, bars.close, 2 * bars.close))
        early, late = choose(part), choose(replace(changed, provisional=np.arange(500) >= cut))
        assert early.evidence() == late.evidence()
        assert (early.regime, early.since, early.strategy) == (late.regime, late.since, late.strategy)


def test_an_adaptive_signal_carries_regime_choice_and_context():
    bars = walk(7, 400)
    signal, choice = judged_signal(bars, None, 9), choose(bars)
    assert (signal.strategy, signal.regime, signal.valid_until) == (choice.strategy, str(choice.regime), 9)
    assert signal.reason.startswith(f"Regime {choice.regime.words}: {choice.strategy} is asked. ")
    assert set(signal.market_context) == {"adx", "atr", "rsi", "volume_avg"}


def test_the_signal_of_a_named_strategy_carries_the_regime_by_the_rules():
    bars = walk(7, 400)
    assert judged_signal(bars, strategies.get("breakout"), 0).regime == str(choose(bars).regime)
    assert judged_signal(bars, strategies.get("breakout"), 0, Rules(volatile_atr=0.0001)).regime == "volatile"


def test_a_short_series_is_unknown_and_an_empty_one_is_no_data():
    assert choose(walk(1, 30)).regime is Regime.UNKNOWN
    assert choose(walk(1, 1)).strategy == "macd_crossover"
    with pytest.raises(NoDataError):
        choose(walk(1, 1).take(slice(0, 0)))
    with pytest.raises(NoDataError):
        judged_signal(walk(1, 5), None, 0)
