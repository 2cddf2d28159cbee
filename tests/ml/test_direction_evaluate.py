"""The walk-forward of the direction: nothing but the past is learnt from, and what is said of it is complete and honest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from engine.domain import day_number, from_day_number
from engine.errors import NoDataError, UsageError
from engine.ml.direction.data import IndexData
from engine.ml.direction.evaluate import Evaluation, evaluate, folds, judge, out_of_sample
from engine.ml.direction.features import columns
from engine.ml.direction.times import ALL, parse
from tests.ml.direction_maker import made_data

TIMES = tuple(parse(text) for text in ("close", "preopen", "open", "11:00"))
JUDGED = 200
KEYS = {
    "decision_time", "label", "model", "features", "sessions", "first", "last", "accuracy", "interval", "balanced_accuracy",
    "mcc", "auc", "brier", "brier_skill", "baselines", "difference_to", "verdict", "by_year", "by_regime", "calibration",
    "windows_30", "selective", "abstention", "gate",
}  # fmt: skip


def begin(data: IndexData, judged: int = JUDGED) -> date:
    return from_day_number(int(data.session[-judged - 1]))


@cache
def evaluated(level: str = "strong") -> Evaluation:
    data = made_data(level)
    return evaluate(data, TIMES, start=begin(data), refit=100)


def test_every_fold_learns_only_from_sessions_closed_before_its_first_decision() -> None:
    data = made_data()
    for time in TIMES:
        X = columns(data, time)[1]
        steps = folds(data, time, X, 120, 0, 21)
        decisions = data.decisions(time)
        assert len(steps) > 10
        for fold in steps:
            assert (data.closed[fold.train] < decisions[fold.test[0]]).all()
            assert fold.train.size >= 120
            assert not np.isnan(data.label[fold.train]).any()
        judged = np.concatenate([fold.test for fold in steps])
        assert np.array_equal(judged, np.arange(judged[0], judged[-1] + 1))
        assert [fold.test.size for fold in steps[:-1]] == [21] * (len(steps) - 1)
        assert all(earlier.train.size < later.train.size for earlier, later in pairwise(steps))


def test_the_outcome_of_the_day_before_is_learnt_from_in_the_evening() -> None:
    data = made_data()
    first = folds(data, TIMES[0], columns(data, TIMES[0])[1], 500, 0, 21)[0]
    assert first.train[-1] == first.test[0] - 1


@pytest.mark.parametrize("at", [1, 3])
def test_other_outcomes_later_on_change_no_earlier_answer(at: int) -> None:
    data = made_data()
    time = TIMES[at]
    names, X = columns(data, time)
    steps = folds(data, time, X, 120 if at > 1 else 250, 0, 21)
    last = int(steps[9].test[-1])
    flipped = np.where(np.arange(len(data)) > last, 1 - data.label, data.label)
    kind = "logistic" if at == 1 else "move"
    before = out_of_sample(data, kind, names, X, steps)[0]
    after = out_of_sample(replace(data, label=flipped), kind, names, X, steps)[0]
    judged = np.concatenate([fold.test for fold in steps])
    assert np.array_equal(before[judged <= last + 1], after[judged <= last + 1])
    assert not np.array_equal(before, after)


def test_every_figure_of_the_json_is_there_and_beside_its_baselines() -> None:
    found = evaluated().as_dict()
    assert [item["decision_time"] for item in found["decision_times"]] == [time.text for time in TIMES]
    for item in found["decision_times"]:
        assert set(item) == KEYS
        assert item["sessions"] == JUDGED
        assert item["interval"][0] < item["accuracy"] < item["interval"][1]
        assert {"always_up", "majority", "momentum"} <= set(item["baselines"]) == set(item["difference_to"])
        assert sum(year["n"] for year in item["by_year"].values()) == JUDGED
        assert sum(kind["n"] for kind in item["by_regime"].values()) == JUDGED
        assert sum(row["rows"] for row in item["calibration"]) == JUDGED
        assert item["selective"][0]["coverage"] == 1
        assert item["windows_30"]["windows"] == JUDGED - 29
        assert item["gate"]["sessions"] == 30
    assert "requirement" in found["decision_times"][0]["baselines"]
    assert found["series"] == [{"name": name, "last": last, "behind": 0} for name, last in _last_days()]


def _last_days() -> list[tuple[str, str]]:
    data = made_data()
    return [(name, from_day_number(int(known.day[-1])).isoformat()) for name, known in data.series.items()]


def test_the_answers_are_kept_by_session() -> None:
    data = made_data()
    for item in evaluated().times:
        assert item.session.size == item.probability.size == item.label.size == item.band.size == JUDGED
        place = np.searchsorted(data.session, item.session)
        assert np.array_equal(item.label, data.label[place])
        assert item.figures["accuracy"] == item.hits.mean()


def test_strong_skill_is_called_skill_and_none_is_not() -> None:
    assert {item["verdict"]["label"] for item in evaluated().as_dict()["decision_times"]} == {"skill"}
    nothing = evaluated("none").as_dict()["decision_times"]
    assert {item["verdict"]["label"] for item in nothing} == {"no skill"}
    assert {item["gate"]["verdict"] for item in nothing} == {"not met"}


def test_a_band_is_chosen_on_earlier_answers_alone() -> None:
    item = evaluated().times[-1]
    assert np.isnan(item.band[:100]).all()
    assert item.band[-1] > 0
    said = np.abs(item.probability[:100] - 0.5) >= item.band[-1] - 1e-9
    assert item.hits[:100][said].mean() >= 0.75


def test_without_a_band_that_reached_the_target_every_session_is_called() -> None:
    for item in evaluated("none").as_dict()["decision_times"]:
        assert item["abstention"]["reached"] is False
        assert (item["abstention"]["band"], item["abstention"]["coverage"]) == (0.0, 1.0)
        assert item["abstention"]["accuracy"] == item["accuracy"]
    strong = evaluated().as_dict()["decision_times"][-1]["abstention"]
    assert strong["reached"] is True
    assert strong["n"] < 100
    assert strong["coverage"] == strong["n"] / 100


def test_progress_counts_every_fit_and_can_cancel() -> None:
    data = made_data()
    told: list[tuple[int, int | None]] = []
    heard: list[str] = []
    evaluate(data, TIMES[2:], start=begin(data), progress=lambda done, total, note="": told.append((done, total)),
             emit=lambda kind, payload: heard.append(f"{kind} {payload['decision_time']}"))  # fmt: skip
    assert [done for done, _total in told] == [*range(1, 21), 20]
    assert {total for _done, total in told} == {20}
    assert heard == ["decision_time open", "decision_time 11:00"]

    class CancelledError(Exception):
        pass

    def cancel(done: int, total: int | None, note: str = "") -> None:
        if done == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        evaluate(data, TIMES[2:], start=begin(data), progress=cancel)


def test_a_time_without_prices_is_skipped_with_the_reason() -> None:
    data = replace(made_data(), intraday={})
    found = evaluate(data, TIMES[2:], start=begin(data))
    assert [item.time.text for item in found.times] == ["open"]
    assert found.skipped["11:00"] == "There are no bars of IBOV within the session."
    with pytest.raises(NoDataError, match="no bars of IBOV within the session"):
        evaluate(data, TIMES[3:], start=begin(data))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("preopen", "at least one of NIKKEI"),
        ("12:00", "ends at 12:00"),
        ("open", "no opening prices of BOVA11"),
        ("close", "449 sessions"),
    ],
)
def test_what_a_time_lacks_is_said(text: str, part: str) -> None:
    data = made_data(sessions=450)
    blank = np.full(len(data), np.nan)
    data = replace(data, series={}, opening=blank)
    with pytest.raises(NoDataError, match=part):
        judge(data, parse(text), start=begin(data))


def test_fewer_sessions_than_a_window_are_not_judged() -> None:
    data = made_data()
    with pytest.raises(NoDataError, match="30 judged"):
        judge(data, TIMES[3], start=begin(data, 29))
    assert judge(data, TIMES[3], start=begin(data, 30)).session.size == 30


def test_an_evaluation_says_which_sessions_its_gate_looked_at() -> None:
    (item,) = evaluate(made_data(), TIMES[3:], start=begin(made_data())).times
    judged = [from_day_number(int(day)).isoformat() for day in item.session[-30:]]
    gate = item.figures["gate"]
    assert (gate["first"], gate["last"], gate["behind"], gate["stale"]) == (judged[0], judged[-1], 0, False)


def test_openings_that_ended_long_ago_meet_no_gate() -> None:
    data = made_data()
    opening = data.opening.copy()
    opening[-60:] = np.nan
    found = judge(replace(data, opening=opening), TIMES[2], start=begin(data, 300)).figures["gate"]
    assert (found["behind"], found["stale"], found["verdict"]) == (59, True, "not met")


def test_an_impossible_step_is_refused() -> None:
    with pytest.raises(UsageError):
        evaluate(made_data(), ALL, refit=0)


def test_sessions_before_2005_are_not_learnt_from() -> None:
    data = made_data()
    old = replace(data, session=data.session - day_number(date(2030, 1, 1)) + day_number(date(2005, 6, 20)))
    usable = folds(old, TIMES[3], columns(data, TIMES[3])[1], 1, 0, 21)
    assert usable == () or min(fold.train.min() for fold in usable) > 0
