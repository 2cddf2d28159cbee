"""Each of the eight mechanisms by which the direction of an index seems to be foretold is planted, caught and named."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.domain import Bars
from engine.market.calendar import nominal_opening
from engine.ml.direction.canaries import Canary, run
from engine.ml.direction.data import IndexData, build
from engine.ml.direction.features import columns
from engine.ml.direction.times import ALL, DecisionTime, parse
from tests.desk_maker import calendar

if TYPE_CHECKING:
    from engine.ml.direction.canaries import Columns, Walk

SESSIONS, TESTED = 1300, 900
CLOSE = DecisionTime("close")
FloatArray = np.ndarray


def made_bars(seed: int = 1, count: int = SESSIONS) -> Bars:
    """A random walk with opening prices that stand halfway to the close."""
    days = calendar().sessions
    days = days[np.searchsorted(days, 18_300) :][:count]
    rng = np.random.default_rng(seed)
    step = rng.normal(0.0004, 0.012, count)
    close = 100_000 * np.exp(np.cumsum(step))
    before = np.concatenate(([100_000.0], close[:-1]))
    opening = before * np.exp(step / 2 + rng.normal(0, 0.002, count))
    blank = np.zeros(count, dtype=np.bool_)
    return Bars(
        "IBOV", "1d", nominal_opening(days), days, opening, np.maximum(opening, close) * 1.001, np.minimum(opening, close) * 0.999,
        close, np.full(count, np.nan), rng.lognormal(23, 0.2, count), blank, blank,
    )  # fmt: skip


@cache
def data(seed: int = 1) -> IndexData:
    return build(made_bars(seed), calendar())


def walk(given: IndexData, asked: Columns, *, cheat: bool = False, seed: int | None = None) -> FloatArray:
    """A ridge classifier of a few columns, trained anew every 60 sessions on what came before (or, to cheat, on everything)."""
    values = asked(given, CLOSE)[1]
    values = np.nan_to_num((values - np.nanmean(values, axis=0)) / (np.nanstd(values, axis=0) + 1e-12))
    if cheat:
        values = np.hstack([values, np.random.default_rng(7).normal(size=(len(given), 250))])
    if seed is not None:
        values = values + np.random.default_rng(seed).normal(size=values.shape)
    known = ~np.isnan(given.label)
    found = np.full(len(given), np.nan)
    step = TESTED if cheat else 60
    for start in range(len(given) - 1 - TESTED, len(given) - 1, step):
        stop = min(start + step, len(given) - 1)
        rows = np.flatnonzero(known & (np.arange(len(given)) < (len(given) if cheat else start)))
        gram = values[rows].T @ values[rows] + 5.0 * np.eye(values.shape[1])
        weight = np.linalg.solve(gram, values[rows].T @ (given.label[rows] - 0.5))
        found[start:stop] = np.clip(0.5 + values[start:stop] @ weight, 0.01, 0.99)
    return found


def few(given: IndexData, time: DecisionTime) -> tuple[tuple[str, ...], FloatArray]:
    """Five of the real columns, so that the walk is quick."""
    names, values = columns(given, time)
    kept = [names.index(name) for name in ("return0", "return1", "return_sum5", "rsi14", "volatility21")]
    return tuple(names[at] for at in kept), values[:, kept]


def asked(leak: Columns | None = None, given: IndexData | None = None, how: Walk = walk, **options: object) -> dict[str, Canary]:
    given = data() if given is None else given
    used = few if leak is None else leak
    found = run(given, CLOSE, how(given, used), columns=used, again=how(given, used), walk=how, **options)  # type: ignore[arg-type]
    assert len({canary.name for canary in found}) == len(found)
    assert all(canary.meaning for canary in found)
    return {canary.name: canary for canary in found}


def failed(found: dict[str, Canary]) -> set[str]:
    return {name for name, canary in found.items() if not canary.passed}


def with_column(name: str, make: object) -> Columns:
    def leaking(given: IndexData, time: DecisionTime) -> tuple[tuple[str, ...], FloatArray]:
        names, values = few(given, time)
        return (*names, name), np.column_stack([values, make(given)])  # type: ignore[operator]

    return leaking


def test_an_honest_training_passes_every_check() -> None:
    found = asked()
    assert failed(found) == set()
    assert set(found) == {
        "parser", "later_sessions", "own_outcome", "target_open", "changed_target", "picked_window", "selection", "too_good",
        "not_reproducible", "permuted_labels", "shifted_features",
    }  # fmt: skip


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_no_honest_market_raises_an_alarm(seed: int) -> None:
    assert failed(asked(given=data(seed))) == set()


@pytest.mark.parametrize("time", [item for item in ALL if item.name in ("close", "preopen", "open")], ids=lambda item: item.text)
def test_the_columns_of_the_house_see_nothing_too_early(time: DecisionTime) -> None:
    given = data()
    probabilities = np.where(np.arange(len(given)) > 500, 0.5, np.nan)
    found = {canary.name: canary.passed for canary in run(given, time, probabilities)}
    assert found["later_sessions"]
    assert found["own_outcome"]
    assert found["target_open"]


def test_choosing_on_the_test_window_is_caught() -> None:
    given = data()
    rng = np.random.default_rng(11)
    tried = 600
    best = max((np.where(np.arange(len(given)) < 300, np.nan, rng.uniform(0.3, 0.7, len(given))) for _at in range(tried)),
               key=lambda p: int(((p > 0.5) == (given.label > 0.5))[-31:-1].sum()))  # fmt: skip
    found = {canary.name: canary for canary in run(given, CLOSE, best, configurations=tried)}
    assert failed(found) == {"selection"}
    assert "600 configurations" in found["selection"].meaning


def test_one_lucky_window_of_a_single_honest_configuration_is_no_mining() -> None:
    given = data()
    p = np.where(np.arange(len(given)) < 300, np.nan, np.random.default_rng(12).uniform(0.3, 0.7, len(given)))
    p[-31:-1] = np.where(given.label[-31:-1] > 0.5, 0.6, 0.4)
    p[-35:-27] = 0.9 - given.label[-35:-27] * 0.8
    found = {canary.name: canary for canary in run(given, CLOSE, p, configurations=1)}
    assert found["selection"].passed


def test_prices_that_lost_their_last_zero_are_caught() -> None:
    bars = made_bars()
    close = np.round(bars.close, -1)
    damaged = np.where(np.arange(len(bars)) % 10 == 3, close / 10, close)
    broken = build(replace(bars, close=damaged, low=np.minimum(bars.low, damaged)), calendar())
    found = asked(given=broken)
    assert "parser" in failed(found)
    assert "read wrongly" in found["parser"].meaning


def test_a_mean_over_a_newest_first_file_is_caught() -> None:
    def backwards(given: IndexData) -> FloatArray:
        close = given.bars.close[::-1]
        mean = np.array([close[max(0, at - 4) : at + 1].mean() for at in range(close.size)])[::-1]
        return mean / given.bars.close - 1

    found = asked(with_column("mean5", backwards))
    assert "later_sessions" in failed(found)
    assert "own_outcome" not in failed(found)
    assert "mean5" in found["later_sessions"].meaning
    assert {"too_good", "shifted_features"} <= failed(found)


def test_the_opening_of_the_target_day_is_caught() -> None:
    found = asked(with_column("open_tomorrow", lambda given: given.open_print / given.previous_close - 1))
    assert "target_open" in failed(found)
    assert not {"own_outcome", "later_sessions"} & failed(found)
    assert "open_tomorrow" in found["target_open"].meaning


@pytest.mark.parametrize("horizon", [1, 5])
def test_another_target_is_caught(horizon: int) -> None:
    given = data()
    ahead = np.append(given.close[horizon - 1 :], np.full(horizon - 1, np.nan))
    limit = 1.005 if horizon == 1 else 1.0
    label = np.where(np.isnan(ahead), np.nan, (ahead > given.previous_close * limit).astype(float))
    found = {
        canary.name: canary for canary in run(given, CLOSE, walk(replace(given, label=label), few), columns=few, labels=label)
    }
    assert "changed_target" in failed(found)
    assert "share of up" in found["changed_target"].meaning


def test_todays_return_among_the_columns_is_caught() -> None:
    found = asked(with_column("return_today", lambda given: given.close / given.previous_close - 1))
    assert "own_outcome" in failed(found)
    assert "later_sessions" not in failed(found)
    assert {"too_good", "shifted_features", "permuted_labels"} & failed(found)


def test_a_window_picked_by_hand_is_caught() -> None:
    given = data()
    p = walk(given, few)
    picked = np.where((np.arange(len(given)) > 800) & (np.arange(len(given)) <= 820), p, np.nan)
    found = {canary.name: canary for canary in run(given, CLOSE, picked, columns=few)}
    assert failed(found) == {"picked_window"}
    assert "picked" in found["picked_window"].meaning


def test_training_on_later_sessions_is_caught() -> None:
    given = data()
    p = walk(given, few)
    trained_until = np.full(len(given), int(given.session[-2]))
    found = {canary.name: canary for canary in run(given, CLOSE, p, columns=few, trained_until=trained_until)}
    assert failed(found) == {"picked_window"}
    before = np.where(np.arange(len(given)) > 0, given.session - 30, 0)
    assert not failed({canary.name: canary for canary in run(given, CLOSE, p, columns=few, trained_until=before)})


def test_learning_from_the_sessions_that_are_judged_shows_in_shuffled_outcomes() -> None:
    found = asked(how=lambda given, used: walk(given, used, cheat=True))
    assert {"permuted_labels", "too_good"} <= failed(found)


def test_a_claim_that_cannot_be_made_again_is_caught() -> None:
    seeds = iter(range(100))
    found = asked(how=lambda given, used: walk(given, used, seed=next(seeds)))
    assert failed(found) == {"not_reproducible"}


def test_planted_predictability_that_declares_itself_is_no_alarm() -> None:
    bars = made_bars(6)
    rng = np.random.default_rng(6)
    signs = np.sign(rng.normal(size=len(bars)))
    steps = np.abs(np.diff(np.log(bars.close), prepend=np.log(100_000))) * np.concatenate(([1], signs[:-1]))
    close = 100_000 * np.exp(np.cumsum(steps))
    opening = np.concatenate(([100_000.0], close[:-1]))
    planted = build(
        replace(bars, open=opening, close=close, high=np.maximum(opening, close) * np.where(signs > 0, 1.02, 1.001),
                low=np.minimum(opening, close) * 0.999), calendar(),
    )  # fmt: skip

    def told(given: IndexData) -> FloatArray:
        return np.log(given.bars.high / np.maximum(given.bars.open, given.bars.close))

    known = with_column("wick", told)
    assert failed(asked(known, planted)) == {"too_good", "shifted_features"}
    assert failed(asked(known, planted, declared=True)) == set()


@pytest.mark.parametrize("text", ["open", "11:00"])
def test_later_decision_times_are_allowed_what_they_know(text: str) -> None:
    given = data()
    p = np.where(np.arange(len(given)) > 400, np.where(given.label > 0.5, 0.9, 0.1), np.nan)
    p[-1] = 0.5
    found = {canary.name: canary for canary in run(given, parse(text), p)}
    assert not {"too_good", "shifted_features"} & set(found)
    assert failed(found) <= {"picked_window"}
