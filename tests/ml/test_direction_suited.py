"""Which other markets a decision rests on: those that are long enough and known lately enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.ml.direction.data import IndexData
from engine.ml.direction.features import OVERNIGHT, columns
from engine.ml.direction.known import Known
from engine.ml.direction.sources import BY_NAME, known_values
from engine.ml.direction.suited import for_evaluation, for_signal, known_at
from engine.ml.direction.times import parse
from tests.ml.direction_maker import made_data

CLOSE, PREOPEN = parse("close"), parse("preopen")


def market(data: IndexData, name: str, *, without: int = 0, first: int = 0) -> Known:
    """A market that moves, without its newest sessions."""
    days = data.bars.session[first : len(data) - without]
    values = 1_000 * np.exp(np.cumsum(np.random.default_rng(days.size).normal(0, 0.01, days.size)))
    return known_values(BY_NAME[name], days, values)


def with_markets(**without: int) -> IndexData:
    data = made_data()
    return replace(data, series={name: market(data, name, without=missing) for name, missing in without.items()})


def test_a_series_that_is_too_old_is_left_out_and_the_rest_is_used() -> None:
    used, left = for_signal(with_markets(SP500=0, EWZ=30), CLOSE)
    assert list(used.series) == ["SP500"]
    assert [item.name for item in left] == ["EWZ"]
    assert [age.name for age in used.ages] == ["SP500"]
    assert "10 days" in left[0].reason
    assert left[0].as_dict()["last"] == str(np.datetime64(int(made_data().bars.session[-31]), "D"))
    assert not any(name.startswith("ewz") for name in columns(used, CLOSE)[0])


def test_with_new_york_too_old_the_bars_themselves_are_asked() -> None:
    data = with_markets(SP500=30, EWZ=30)
    assert np.isnan(columns(data, CLOSE)[1][-1]).all()
    used, left = for_signal(data, CLOSE)
    assert [item.name for item in left] == ["SP500", "EWZ"]
    names, X = columns(used, CLOSE)
    assert "rsi14" in names
    assert len(names) == 34
    assert np.isfinite(X[-1]).all()
    assert [item.name for item in for_evaluation(data, CLOSE)[1]] == ["SP500", "EWZ"]


def test_a_series_that_is_too_short_to_learn_from_is_left_out_everywhere() -> None:
    data = made_data()
    data = replace(data, series={"SP500": market(data, "SP500", first=len(data) - 100)})
    for chosen in (for_signal, for_evaluation):
        used, left = chosen(data, CLOSE)
        assert (used.series, [item.name for item in left]) == ({}, ["SP500"])
        assert "100 values; at least 450" in left[0].reason


def test_the_past_is_judged_with_a_series_that_has_ended_since() -> None:
    data = with_markets(SP500=0, EWZ=30)
    used, left = for_evaluation(data, CLOSE)
    assert (set(used.series), left) == ({"SP500", "EWZ"}, ())


def test_nothing_of_the_night_leaves_the_model_before_the_opening_as_it_was() -> None:
    used, left = for_signal(with_markets(SP500=0, NIKKEI=30), PREOPEN)
    assert {"SP500", "NIKKEI"} == set(used.series)
    assert [item.name for item in left] == ["NIKKEI"]
    assert np.isnan(columns(used, PREOPEN)[1][-1]).all()
    assert not any(name in for_signal(with_markets(SP500=0), PREOPEN)[0].series for name in OVERNIGHT)


@pytest.mark.parametrize("text", ["open", "11:00"])
def test_times_that_look_at_no_other_market_leave_none_out(text: str) -> None:
    used, left = for_signal(with_markets(SP500=30), parse(text))
    assert (list(used.series), left) == (["SP500"], ())


def test_only_what_was_known_at_the_decision_is_listed() -> None:
    """The DAX closes in the afternoon of the target session, after the decision of the evening before."""
    data = made_data()
    days = np.append(data.bars.session, data.session[-1])
    data = replace(data, series={"DAX": known_values(BY_NAME["DAX"], days, np.arange(days.size) + 1.0)})
    (age,) = known_at(data, int(data.decisions(CLOSE)[-1])).ages
    assert age.last == data.bars.session[-1]
