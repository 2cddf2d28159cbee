"""The made index is as predictable as it says, and judging it finds that out."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from engine.domain import from_day_number
from engine.errors import NoDataError, UsageError
from engine.ml.direction.evaluate import evaluate
from engine.ml.direction.features import columns
from engine.ml.direction.generator import LEVELS, accuracy, correlation, planted
from engine.ml.direction.times import parse
from tests.desk_maker import calendar

FAST = ("open", "11:00")
COLUMN = {"close": "sp500_return", "preopen": "nikkei_overnight", "open": "opening_gap", "11:00": "move_so_far"}


def test_signs_agree_as_often_as_the_correlation_says() -> None:
    assert accuracy(0.0) == 0.5
    assert accuracy(1.0) == 1.0
    assert accuracy(0.5) == pytest.approx(2 / 3)
    assert correlation(accuracy(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("text", COLUMN)
def test_the_planted_value_foretells_as_often_as_it_says(text: str, level: str) -> None:
    made = planted(3, calendar(), {text: level}, sessions=4_000)
    names, X = columns(made.data, parse(text))
    value = X[:, names.index(COLUMN[text])]
    known = ~np.isnan(value) & ~np.isnan(made.data.label)
    right = ((value > 0) == (made.data.label > 0.5))[known]
    assert known.sum() > 3_900
    assert abs(right.mean() - made.truth[text]) < 4 * np.sqrt(0.25 / right.size)


def test_the_same_seed_gives_the_same_index_and_another_another() -> None:
    first, again, other = (planted(seed, calendar(), {"open": "weak"}, sessions=100).data for seed in (1, 1, 2))
    assert np.array_equal(first.bars.close, again.bars.close)
    assert np.array_equal(first.opening, again.opening, equal_nan=True)
    assert not np.array_equal(first.bars.close, other.bars.close)


def test_what_two_values_say_together_is_more_than_either() -> None:
    truth = planted(1, calendar(), {"close": "strong", "preopen": "strong"}, sessions=100).truth
    assert truth["close"] == LEVELS["strong"] < truth["preopen"] < 1
    assert planted(1, calendar(), {"close": "none", "preopen": "weak"}, sessions=100).truth["preopen"] == pytest.approx(0.55)


@pytest.mark.parametrize("skill", [{"close": "huge"}, {"noon": "weak"}, {"11:30": "weak"}])
def test_what_cannot_be_planted_is_refused(skill: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        planted(1, calendar(), skill)


def test_more_sessions_than_there_are_cannot_be_made() -> None:
    with pytest.raises(NoDataError):
        planted(1, calendar(), {"open": "weak"}, last=date(1996, 1, 2))


def recovered(seeds: int, texts: tuple[str, ...], level: str, sessions: int, judged: int, refit: int) -> tuple[dict, dict]:
    """By decision time, the share of seeds whose interval holds the truth, and the share in which skill was claimed."""
    inside: dict[str, list[bool]] = {text: [] for text in texts}
    claimed: dict[str, list[bool]] = {text: [] for text in texts}
    for seed in range(seeds):
        made = planted(seed, calendar(), dict.fromkeys(texts, level), sessions=sessions)
        start = from_day_number(int(made.data.session[-judged - 1]))
        for item in evaluate(made.data, [parse(text) for text in texts], start=start, refit=refit).times:
            low, high = item.figures["interval"]
            inside[item.time.text].append(low <= made.truth[item.time.text] <= high)
            claimed[item.time.text].append(item.figures["verdict"]["label"] == "skill")
    return ({text: np.mean(found) for text, found in part.items()} for part in (inside, claimed))


@pytest.mark.parametrize("level", LEVELS)
def test_the_truth_is_recovered_in_its_interval(level: str) -> None:
    inside, claimed = recovered(8, FAST, level, 700, 300, 150)
    assert min(inside.values()) >= 0.75
    if level == "none":
        assert max(claimed.values()) <= 0.125
    if level == "strong":
        assert min(claimed.values()) >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_the_truth_is_recovered_on_nine_of_ten_of_a_hundred_seeds(level: str) -> None:
    inside, claimed = recovered(100, FAST, level, 1_500, 500, 21)
    evening, evening_claimed = recovered(100, ("close", "preopen"), level, 3_000, 500, 250)
    assert min([*inside.values(), *evening.values()]) >= 0.9, (inside, evening)
    if level == "none":
        assert max([*claimed.values(), *evening_claimed.values()]) <= 0.05
    if level == "strong":
        assert min([*claimed.values(), *evening_claimed.values()]) >= 0.99
