"""The Sharpe ratio against luck and trials, and bands by resampling: papers' examples, other programs, and properties."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.evidence import LUCK, SKILL, bootstrap, sharpe, verdict
from engine.errors import UsageError
from tests.backtest.oracle.walks import walk

GOLDEN = json.loads((Path(__file__).parent / "oracle" / "evidence.json").read_text("utf-8"))
TRIALS = (2, 10, 100, 1_000)
BLOCK, DRAWS = 12, 8_000


def returns_of(seed, bars=5_000):
    close = np.array(walk(seed, bars).close)
    return close[1:] / close[:-1] - 1


def noise(seed=1, n=500, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 0.01, n)


def test_the_example_of_the_paper_is_met():
    """Bailey and Lopez de Prado 2014: a Sharpe ratio of 2.5 a year, five years of days, 100 trials of variance 1/2."""
    hurdle = sharpe.expected_best_sharpe(100, 0.5 / 250)
    assert hurdle == pytest.approx(0.1132, abs=5e-5)
    found = sharpe.Moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0)
    assert sharpe.sharpe_confidence(found, hurdle) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize("seed", range(len(GOLDEN["deflated"])))
def test_the_deflated_sharpe_ratio_equals_that_of_ffn(seed):
    """ffn takes unbiased moments; on 5,000 bars that is a difference in the sixth digit."""
    returns = returns_of(seed)
    for trials, expected in zip(TRIALS, GOLDEN["deflated"][seed]):
        sharpes = 0.02 * np.sin(1.0 + seed + 7.3 * np.arange(trials))
        variance = sharpe.trial_variance(sharpes)
        assert sharpe.deflated_sharpe(returns, trials, variance) == pytest.approx(expected, abs=2e-6)


def test_the_moments_are_those_of_the_definitions():
    returns = np.array([0.01, -0.02, 0.03, 0.0, -0.01, 0.05])
    found = sharpe.moments(returns)
    centred = returns - returns.mean()
    assert found.n == 6
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert found.skewness == pytest.approx(np.mean(centred**3) / returns.std() ** 3)
    assert found.kurtosis == pytest.approx(np.mean(centred**4) / returns.std() ** 4)


def test_a_normal_sample_has_no_skewness_and_a_kurtosis_of_three():
    found = sharpe.moments(noise(n=200_000))
    assert found.skewness == pytest.approx(0, abs=0.03)
    assert found.kurtosis == pytest.approx(3, abs=0.06)


def test_rare_great_losses_lower_the_confidence():
    steady = np.where(np.arange(1000) % 20 == 0, -0.04, 0.003)
    mirrored = 2 * steady.mean() - steady
    assert sharpe.moments(steady).sharpe == pytest.approx(sharpe.moments(mirrored).sharpe)
    assert sharpe.probabilistic_sharpe(steady) < sharpe.probabilistic_sharpe(mirrored)


@given(st.integers(0, 10**6), st.floats(-0.05, 0.05), st.floats(0.001, 0.05))
def test_a_higher_benchmark_is_harder_and_its_own_ratio_is_even(seed, benchmark, more):
    returns = noise(seed, 100)
    low, high = (sharpe.probabilistic_sharpe(returns, value) for value in (benchmark, benchmark + more))
    assert 0 <= high < low <= 1
    assert sharpe.probabilistic_sharpe(returns, sharpe.moments(returns).sharpe) == pytest.approx(0.5)


@given(st.integers(2, 10**6), st.floats(1e-8, 1.0))
def test_more_trials_and_more_spread_raise_the_hurdle(trials, variance):
    hurdle = sharpe.expected_best_sharpe(trials, variance)
    assert 0 < hurdle < sharpe.expected_best_sharpe(trials + 1, variance)
    assert hurdle < sharpe.expected_best_sharpe(trials, 2 * variance)


@pytest.mark.parametrize("trials", [5, 50])
def test_the_hurdle_is_what_the_best_of_so_many_shows(trials):
    best = np.random.default_rng(3).normal(0, 1, (20_000, trials)).max(axis=1).mean()
    assert sharpe.expected_best_sharpe(trials, 1.0) == pytest.approx(best, rel=0.04)


def test_one_trial_has_no_hurdle_and_unknown_trials_an_unknown_one():
    assert sharpe.expected_best_sharpe(1, math.nan) == 0
    assert sharpe.deflated_sharpe(noise(), 1, math.nan) == sharpe.probabilistic_sharpe(noise())
    assert math.isnan(sharpe.deflated_sharpe(noise(), 2, math.nan))
    assert math.isnan(sharpe.trial_variance(np.array([0.1, math.nan])))
    assert sharpe.trial_variance(np.array([0.1, math.nan, 0.3])) == pytest.approx(0.02)


def test_returns_that_do_not_vary_have_no_confidence():
    assert math.isnan(sharpe.probabilistic_sharpe(np.zeros(100)))
    assert math.isnan(sharpe.probabilistic_sharpe(np.full(100, 0.001)))
    assert math.isnan(sharpe.probabilistic_sharpe(np.array([0.1])))


# --- the verdict ----------------------------------------------------------------------------------------------------


def judge(returns, **options):
    return verdict(returns, 252.0, 50, 0.2, 0.1, **options)


def told(found, text):
    return any(text in reason for reason in found.reasons)


def test_skill_must_pass_the_interval_and_the_deflated_sharpe_ratio():
    returns = noise(1, 500, 0.0022)
    close_together = judge(returns, trials=20, trial_variance=1e-5)
    assert close_together.label == SKILL
    assert told(close_together, "(deflated Sharpe ratio)")
    assert told(close_together, "(Bonferroni)")
    far_apart = judge(returns, trials=20, trial_variance=0.01)
    assert far_apart.label == LUCK
    assert far_apart.reasons[0] == close_together.reasons[0]


def test_the_interval_decides_alone_where_the_trials_are_not_known_and_says_so():
    found = judge(noise(1, 500, 0.0022), trials=20)
    assert found.label == SKILL
    assert told(found, "the interval alone decides")
    assert not told(found, "deflated")


def test_a_single_trial_is_judged_by_the_probabilistic_sharpe_ratio():
    assert told(judge(noise()), "(probabilistic Sharpe ratio)")


def test_the_best_of_many_strategies_without_skill_is_luck():
    """What the discount is for: undiscounted, nearly every best of 200 would be called skill."""
    fooled = naive = 0
    for seed in range(40):
        tried = np.random.default_rng(seed).normal(0, 0.01, (200, 500))
        sharpes = tried.mean(axis=1) / tried.std(axis=1, ddof=1)
        best = tried[int(sharpes.argmax())]
        naive += judge(best).label == SKILL
        fooled += judge(best, trials=200, trial_variance=sharpe.trial_variance(sharpes)).label == SKILL
    assert naive > 30
    assert fooled <= 1


def test_an_edge_that_is_great_is_recognised_among_many():
    tried = np.random.default_rng(5).normal(0, 0.01, (200, 1500))
    tried[0] += 0.002
    sharpes = tried.mean(axis=1) / tried.std(axis=1, ddof=1)
    assert judge(tried[0], trials=200, trial_variance=sharpe.trial_variance(sharpes)).label == SKILL


# --- the bootstrap --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(len(GOLDEN["blocks"])))
def test_the_block_length_equals_that_of_arch(seed):
    """arch lets a block be shorter than one return; here the least is one."""
    returns = returns_of(seed)
    for series, expected in zip((returns, np.convolve(returns, np.full(10, 0.1), "valid")), GOLDEN["blocks"][seed]):
        assert bootstrap.block_length(series) == pytest.approx(max(expected, 1.0), rel=1e-9)


@pytest.mark.parametrize("seed", range(len(GOLDEN["bands"])))
def test_the_bands_equal_those_of_arch_but_for_chance(seed):
    returns = returns_of(seed, 600)
    statistics = {
        "cagr": bootstrap.cagr_of(returns.size * 365.25 / 252),
        "max_drawdown": bootstrap.deepest_drawdown,
        "sharpe_ratio": bootstrap.sharpe_of(252),
    }
    found = bootstrap.bootstrap_bands(returns, statistics, draws=DRAWS, block=BLOCK)
    for name, (low, middle, high) in GOLDEN["bands"][seed].items():
        band, chance = found[name], 0.03 * (high - low)
        assert (band.p5, band.p50, band.p95) == pytest.approx((low, middle, high), abs=chance), name


def test_the_spread_of_the_mean_is_that_of_the_formula():
    """Politis and Romano 1994, Lemma 1: the variance of the resampled mean is known without drawing."""
    returns = np.convolve(noise(4, 205), np.full(6, 1 / 6), "valid")
    n, chance = returns.size, 1 / 8
    centred = returns - returns.mean()
    lags = np.arange(1, n)
    covariance = np.array([centred[lag:] @ centred[:-lag] for lag in lags]) / n
    weight = (1 - lags / n) * (1 - chance) ** lags + lags / n * (1 - chance) ** (n - lags)
    expected = (centred @ centred / n + 2 * weight @ covariance) / n
    means = np.concatenate([returns[rows].mean(axis=1) for rows in bootstrap.resampled_rows(n, 40_000, 8.0, 1)])
    assert means.var() == pytest.approx(expected, rel=0.04)


@settings(max_examples=30, deadline=None)
@given(st.integers(30, 400), st.integers(1, 30), st.floats(1.0, 50.0), st.integers(0, 1000))
def test_resampled_rows_are_rows_and_repeat_by_their_seed(n, draws, block, seed):
    first, second = (np.concatenate(list(bootstrap.resampled_rows(n, draws, block, seed))) for _ in range(2))
    assert first.shape == (draws, n)
    assert first.min() >= 0
    assert first.max() < n
    assert np.array_equal(first, second)


def test_blocks_have_the_length_that_was_asked():
    rows = np.concatenate(list(bootstrap.resampled_rows(1000, 200, 20.0, 1)))
    broken = (np.diff(rows, axis=1) % 1000 != 1).mean()
    assert 1 / broken == pytest.approx(20, rel=0.05)
    alone = next(bootstrap.resampled_rows(1000, 1, 1.0, 1))
    assert (np.diff(alone, axis=1) % 1000 == 1).mean() < 0.01


def test_many_draws_come_in_chunks_that_fit_in_memory():
    sizes = [rows.size for rows in bootstrap.resampled_rows(5_000, 1_000, 5.0, 1)]
    assert max(sizes) <= bootstrap.CHUNK
    assert sum(sizes) == 5_000_000


def test_a_draw_of_the_returns_as_they_came_gives_the_figures_as_they_are():
    returns = np.array([[-0.5, 0.2, 0.1, -0.3]])
    equity = np.cumprod(1 + returns[0])
    assert bootstrap.deepest_drawdown(returns)[0] == pytest.approx(-0.538)
    assert bootstrap.cagr_of(365.25)(returns)[0] == pytest.approx(equity[-1] - 1)
    assert bootstrap.sharpe_of(252)(returns)[0] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))


def test_ruin_ends_a_sample():
    ruined = np.array([[0.1, -1.5, 0.9, -0.9]])
    assert bootstrap.deepest_drawdown(ruined)[0] == -1
    assert bootstrap.cagr_of(100)(ruined)[0] == -1


@pytest.mark.parametrize("returns", [np.zeros(100), np.full(100, 0.001), noise(n=29)], ids=["none", "constant", "few"])
def test_bands_of_nothing_are_undefined(returns):
    band = bootstrap.bootstrap_bands(returns, {"max_drawdown": bootstrap.deepest_drawdown}, draws=10)["max_drawdown"]
    assert all(map(math.isnan, (band.p5, band.p50, band.p95)))


@pytest.mark.parametrize("draws", [0, -1, bootstrap.MOST_DRAWS + 1])
def test_an_impossible_number_of_draws_is_refused(draws):
    with pytest.raises(UsageError, match="draws"):
        bootstrap.bootstrap_bands(noise(), {}, draws=draws)
