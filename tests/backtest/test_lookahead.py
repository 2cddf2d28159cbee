"""The look-ahead proof: what leaks is caught with its column and bar, what does not passes."""

import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.lookahead import check, cuts_of, glance
from engine.backtest.subjects import built_ins, examine, indicator_subjects, lag, random_walk, strategy_subject
from engine.domain import iso
from engine.errors import FileError, PregaoError, UsageError
from engine.features import indicators
from engine.strategies.base import Decisions, Strategy, ranged

WALK = random_walk(300)
N = len(WALK)
#: A walk on which every strategy gives signals.
BUSY = random_walk(400, seed=284)


def ahead(values, bars):
    """`values` so many bars early, NaN at the end."""
    return np.concatenate((values[bars:], np.full(min(bars, values.size), np.nan)))


def shifted(bars):
    return {"past": bars.close, "tomorrow": ahead(bars.close, 1)}


def z_score(bars):
    deviation = bars.close.std()
    return {"z": (bars.close - bars.close.mean()) / deviation if deviation else np.full(len(bars), np.nan)}


def pivots(bars, wing=3):
    high = bars.high
    found = np.zeros(high.size, dtype=np.int8)
    for t in range(wing, high.size - wing):
        found[t] = high[t] == high[t - wing : t + wing + 1].max()
    return {"pivot": found}


def filled_back(bars):
    average = indicators.sma(bars.close, 20)
    known = np.flatnonzero(~np.isnan(average))
    if known.size:
        average[: known[0]] = average[known[0]]
    return {"average": average}


def label(bars):
    return {"rises": ahead(bars.close, 5) / bars.close - 1}


@dataclass(frozen=True)
class Peeker(Strategy):
    """Buys the dips below the last price of the whole series."""

    name: ClassVar[str] = "peeker"
    scale: float = ranged(1.0, 0, 2, "The scale")

    @property
    def warm_up(self):
        return 10

    def decide(self, bars):
        action = (bars.close < self.scale * bars.close[-1]).astype(np.int8)
        action[:10] = 0
        levels = np.where(action, bars.close, np.nan)
        return Decisions(action, np.where(action, 0.5, np.nan), levels * 0.9, levels * 1.1)

    def reason(self, bars, decisions, index):
        return ""

    def context(self, bars):
        return {}


def violation(compute, bars=WALK, **options):
    checked = check("leak", "function", compute, bars, **options)
    assert not checked.passed
    assert checked.as_dict()["passed"] is False
    return checked.first_violation


def test_a_value_of_tomorrow_is_caught_with_column_bar_and_amount():
    found = violation(shifted)
    assert (found.test, found.column, found.index, found.time, found.seen) == ("prefix", "tomorrow", 0, WALK.time[0], 1)
    assert (found.expected, found.found, found.difference) == (WALK.close[1], None, None)


def test_the_amount_is_found_minus_expected():
    found = violation(lambda bars: {"mean": np.full(len(bars), bars.close.mean())})
    assert found.difference == pytest.approx(WALK.close[0] - WALK.close.mean())
    assert found.as_dict() | {"time": iso(WALK.time[0]), "column": "mean", "difference": found.difference} == found.as_dict()


def test_a_full_sample_z_score_is_caught_at_the_first_bar():
    found = violation(z_score)
    assert (found.column, found.index) == ("z", 0)
    assert found.expected == pytest.approx((WALK.close[0] - WALK.close.mean()) / WALK.close.std())


def test_a_centred_pivot_is_caught_at_the_first_pivot():
    first = int(np.flatnonzero(pivots(WALK)["pivot"])[0])
    found = violation(pivots)
    assert (found.column, found.index, found.seen, found.difference) == ("pivot", first, first + 1, -1.0)


def test_a_pivot_reported_when_it_is_confirmed_passes():
    def confirmed(bars):
        late = np.zeros(len(bars), dtype=np.int8)
        late[3:] = pivots(bars)["pivot"][:-3]
        return {"pivot": late}

    checked = check("pivots", "feature", confirmed, WALK)
    assert checked.passed
    assert checked.values == np.count_nonzero(pivots(WALK)["pivot"])


def test_values_filled_backwards_are_caught_at_the_first_bar():
    found = violation(filled_back)
    assert (found.column, found.index, found.found) == ("average", 0, None)
    assert found.expected == indicators.sma(WALK.close, 20)[19]


def test_a_label_is_caught_without_its_horizon_and_passes_with_it():
    found = violation(label)
    assert (found.column, found.index, found.expected) == ("rises", 0, WALK.close[5] / WALK.close[0] - 1)
    assert violation(label, horizon=4).index == 0
    assert check("label", "label", label, WALK, horizon=5).passed


def test_a_label_that_says_no_before_it_can_know_is_caught():
    def hasty(bars):
        return {"rises": (np.nan_to_num(label(bars)["rises"]) > 0).astype(np.int8)}

    first = int(np.flatnonzero(hasty(WALK)["rises"])[0])
    found = violation(hasty, horizon=5)
    assert (found.column, found.index, found.expected, found.found) == ("rises", first, 1, 0)


def test_a_label_may_be_final_before_its_horizon():
    def touched(bars):
        """1.0 where one of the next 5 closes is higher, known at once when it is; 0.0 after 5 bars."""
        future = np.array([ahead(bars.close, step) for step in range(1, 6)])
        with np.errstate(invalid="ignore"):
            higher = (future > bars.close).any(axis=0)
        return {"touched": np.where(higher, 1.0, np.where(np.isnan(future).any(axis=0), np.nan, 0.0))}

    assert check("label", "label", touched, WALK, horizon=5).passed
    assert not check("label", "label", touched, WALK, horizon=4).passed


def test_a_strategy_that_peeks_at_the_last_bar_is_caught():
    checked = examine(strategy_subject(Peeker()), WALK)
    found = checked.first_violation
    assert found is not None
    assert found.column == "action"
    decided = [Peeker().decide(WALK.take(slice(0, n))).action for n in range(1, N + 1)]
    whole = Peeker().decide(WALK).action
    seen = next(n for n in range(1, N + 1) if (decided[n - 1] != whole[:n]).any())
    assert (found.seen, found.index) == (seen, int(np.flatnonzero(decided[seen - 1] != whole[:seen])[0]))
    assert checked.lag is None


def test_a_leak_that_these_prices_hide_is_caught_by_other_futures():
    """No close of the walk is above 1000, so every prefix agrees; among noise some future is."""
    high = replace(WALK, close=WALK.close + 900)

    def crash(bars):
        return {"calm": np.full(len(bars), bars.close.max() < 1_500)}

    found = violation(crash, high)
    assert (found.test, found.column, found.index, found.seen) == ("perturbation", "calm", 0, 1)


def test_a_leak_through_a_missing_volume_of_the_future_is_caught():
    def which(bars):
        return {"volume": bars.turnover if np.isnan(bars.quantity).any() else bars.quantity}

    assert violation(which).test == "perturbation"


def test_values_that_change_from_run_to_run_are_no_proof():
    random = np.random.default_rng(1)
    found = violation(lambda bars: {"luck": random.normal(size=len(bars))})
    assert (found.test, found.index) == ("repeat", 0)


def test_the_earliest_bar_is_named_whatever_the_order_of_the_columns():
    def two(bars):
        late = bars.close.copy()
        late[3:] = ahead(bars.close, 1)[3:]
        return {"late": late, "early": ahead(bars.close, 2)}

    assert (violation(two).column, violation(two).index) == ("early", 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(0, 39), st.integers(2, 60))
def test_a_leak_of_any_size_at_any_bar_is_caught_there(size, at, n):
    at %= n

    def leak(bars):
        values = bars.close.copy()
        if at + size < len(bars):
            values[at] = bars.close[at + size]
        return {"leak": values}

    bars = WALK.take(slice(0, n))
    checked = check("leak", "function", leak, bars, perturbations=0)
    assert checked.passed == (at + size >= n)
    if checked.first_violation is not None:
        assert (checked.first_violation.index, checked.first_violation.seen) == (at, at + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(2, 80))
def test_what_is_causal_passes_on_every_prefix(period, n):
    bars = WALK.take(slice(0, n))
    checked = check("average", "feature", lambda part: {"average": indicators.sma(part.close, period)}, bars)
    assert checked.passed is (True if n >= period else None)
    assert checked.prefixes == n
    assert checked.values == max(n - period + 1, 0)


@pytest.mark.parametrize("subject", built_ins(), ids=lambda subject: subject.name)
def test_every_built_in_passes_exactly(subject):
    assert subject.tolerance == 0
    checked = examine(subject, BUSY)
    assert checked.first_violation is None
    assert checked.prefixes == checked.bars == len(BUSY)
    assert checked.perturbations == 64
    assert checked.values > 0


def test_every_indicator_is_among_the_built_ins():
    assert {"ema", "sma", "rsi", "atr", "adx", "bollinger", "macd"} <= {subject.name for subject in indicator_subjects()}
    macd = next(subject for subject in indicator_subjects() if subject.name == "macd")
    assert list(macd.compute(WALK)) == ["macd_0", "macd_1", "macd_2"]
    atr = next(subject for subject in indicator_subjects() if subject.name == "atr")
    np.testing.assert_array_equal(atr.compute(WALK)["atr"], indicators.atr(WALK.high, WALK.low, WALK.close, 14))


def test_rounding_passes_with_a_tolerance_only_and_whole_numbers_never():
    def rounded(bars):
        return {"x": bars.close * (1 + 1e-12 * len(bars))}

    assert not check("x", "feature", rounded, WALK).passed
    assert check("x", "feature", rounded, WALK, tolerance=1e-8).passed
    assert not check("x", "feature", lambda bars: {"n": np.full(len(bars), 10**12 + len(bars))}, WALK, tolerance=1e-8).passed


def test_words_and_objects_are_compared_too():
    def regime(bars):
        rises = np.diff(bars.close, prepend=bars.close[0]) > 0
        return {"regime": np.where(rises, "trending_up", "ranging"), "or_none": np.where(rises, "up", None)}

    assert check("regime", "regime", regime, WALK).passed
    found = violation(lambda bars: {"regime": np.where(bars.close < bars.close[-1], "up", "down")})
    assert {found.expected, found.found} == {"up", "down"}
    assert found.difference is None


@pytest.mark.parametrize("kind", [ValueError, FileError])
def test_a_strategy_may_fail_on_fewer_bars_than_its_warm_up(kind):
    def picky(bars):
        if len(bars) <= 40:
            raise kind("too short")
        return {"x": bars.close}

    checked = check("picky", "strategy", picky, WALK, warm_up=40)
    assert checked.prefixes == N - 40
    assert [(step.bars, step.difference) for step in checked.start_up] == [(32, None), (64, 0), (128, 0), (256, 0)]
    with pytest.raises(PregaoError, match="too short"):
        check("picky", "strategy", picky, WALK, warm_up=39)


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda bars: {}, "no column"),
        (lambda bars: {"x": bars.close[1:]}, r"column x of shape \(299,\)"),
        (lambda bars: {"x": bars.close.astype(complex)}, "type complex128"),
        (lambda bars: {"x": bars.close, **({"y": bars.close} if len(bars) == N else {})}, "other columns on 1 bars"),
        (lambda bars: {"x": np.sort(bars.close, out=bars.close)}, "failed on 300 bars"),
        (lambda bars: {"x": bars.close.fill(0)}, "read-only"),
        (lambda bars: bars.close, "must give columns by name, not ndarray"),
        (lambda bars: 3.5, "must give columns by name, not float"),
        (lambda bars: sys.exit(0), "failed on 300 bars: SystemExit: 0"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_sentence(compute, words):
    with pytest.raises(UsageError, match=words):
        check("wrong", "function", compute, WALK)
    assert WALK.close.min() > 0


@pytest.mark.parametrize(("bars", "options"), [(1, {}), (0, {}), (5, {"horizon": -1}), (5, {"tolerance": 1.0})])
def test_a_check_that_makes_no_sense_is_refused(bars, options):
    with pytest.raises(UsageError, match="at least 2 bars"):
        check("x", "function", lambda part: {"x": part.close}, WALK.take(slice(0, bars)), **options)


def test_the_start_up_sweep_follows_the_decay_of_an_exponential_average():
    """The weight of what is left out of an EMA of period p is about (1 - 2 / (p + 1)) ** bars."""
    bars = random_walk(3_000)
    checked = check("ema", "indicator", lambda part: {"ema": indicators.ema(part.close, 50)}, bars)
    differences = {step.bars: step.difference for step in checked.start_up}
    assert list(differences) == [32, 64, 128, 256, 512, 1024, 2048]
    assert differences[32] is None
    assert all(0 < differences[bars] < (1 - 2 / 51) ** (bars - 50) for bars in (64, 128, 256, 512))
    assert checked.settled_after is not None
    assert differences[checked.settled_after] <= 1e-6 < differences[checked.settled_after // 2]
    window = check("sma", "indicator", lambda part: {"sma": indicators.sma(part.close, 20)}, bars)
    assert window.settled_after == 32
    endless = check("sum", "feature", lambda part: {"sum": np.cumsum(part.close)}, bars)
    assert endless.settled_after is None


def test_one_bar_late_costs_a_strategy_that_needs_the_very_bar():
    """It buys at the open of a bar that jumps and sells at the next open; a bar later the jump is gone."""
    n = 120
    jump = np.arange(n) % 10 == 5
    close = np.where(jump, 110.0, 100.0)
    opening = np.full(n, 100.0)
    after = np.roll(jump, 1)
    opening[after] = 110.0
    bars = replace(
        random_walk(n), open=opening, close=close, high=np.maximum(opening, close) + 0.1, low=np.minimum(opening, close) - 0.1
    )

    class Timed(Peeker):
        def decide(self, bars):
            phase = np.arange(len(bars)) % 10
            action = np.where(phase == 4, 1, np.where(phase == 5, -1, 0)).astype(np.int8)
            nothing = np.full(len(bars), np.nan)
            return Decisions(action, np.where(action, 1.0, np.nan), nothing, nothing)

    figures = lag(Timed(), bars)
    assert figures is not None
    assert figures["total_return"] > 0.5
    assert figures["total_return_late"] < 0
    assert lag(Timed(), bars.take(slice(0, 11))) is None


def test_shared_cuts_change_nothing():
    subject = strategy_subject(Peeker())
    assert examine(subject, WALK, cuts_of(WALK)) == examine(subject, WALK)


def test_progress_ends_at_the_last_bar():
    told = []
    check(
        "x",
        "feature",
        lambda bars: {"x": bars.close},
        WALK,
        progress=lambda done, total, note="": told.append((done, total, note)),
    )
    assert told == [(250, N, "x"), (N, N, "x")]


@pytest.mark.parametrize("bars", [2, 5, 19])
def test_what_says_nothing_is_neither_passed_nor_failed(bars):
    checked = check("average", "feature", lambda part: {"average": indicators.sma(part.close, 20)}, WALK.take(slice(0, bars)))
    assert (checked.values, checked.passed, checked.as_dict()["passed"]) == (0, None, None)


def test_another_length_on_a_prefix_is_a_violation_of_it():
    def smoothed(bars):
        return {"smooth": np.convolve(bars.close, np.full(20, 0.05), mode="same")}

    found = violation(smoothed)
    assert (found.test, found.column, found.index, found.seen) == ("length", "smooth", 0, 1)
    assert (found.expected, found.found, found.difference) == (1, 20, 19)
    warmed = violation(smoothed, warm_up=19)
    assert (warmed.test, warmed.seen) == ("prefix", 20), (
        "during the warm-up the length does not matter; it is centred all the same"
    )


def test_a_glance_finds_a_leak_of_one_bar_and_of_the_whole_series():
    for leak in (shifted, z_score, label, pivots):
        found = glance("leak", "function", leak, WALK)
        assert found.passed is False
    rare = np.zeros(N, dtype=np.bool_)
    rare[[70, 191]] = True

    def seldom(bars):
        return {"x": np.where(rare[: len(bars)], ahead(bars.close, 1), 0.0)}

    found = glance("seldom", "function", seldom, WALK).first_violation
    assert found is not None
    assert found.index in (70, 191)


def test_a_glance_lets_what_is_causal_pass_and_ends_in_time():
    def average(bars):
        return {"average": indicators.sma(bars.close, 20)}

    checked = glance("average", "feature", average, random_walk(2_000))
    assert checked.passed
    assert 200 < checked.prefixes <= 384
    assert checked.perturbations == 16
    ticks = iter(range(1_000))
    short = glance("average", "feature", average, WALK, seconds=10, clock=lambda: float(next(ticks)))
    assert (short.prefixes, short.perturbations, short.passed) == (10, 0, True)
    at_once = glance("average", "feature", average, WALK, seconds=-1)
    assert (at_once.prefixes, at_once.passed) == (0, None)
    with pytest.raises(UsageError, match="at least 2 bars"):
        glance("average", "feature", average, WALK.take(slice(0, 1)))
