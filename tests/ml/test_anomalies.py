"""Anomalies: what is planted is found, calm markets are left in peace, nothing sees the future, and each is told with its reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.lookahead import check
from engine.domain import Anomaly, Bars, day_number, from_day_number, iso, jsonable
from engine.market.adjust import CorporateEvent
from engine.ml import anomalies
from engine.ml.anomalies import KINDS, Facts, Sensitivity, columns, detect, followed_by, ringing
from engine.ml.anomaly_measures import measure, moving_median, standing, still_run
from tests.ml.anomaly_maker import COUNT, PLANTED, burst, calm, freeze, gap, jump, melt, shift

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SERIES = 40
#: From here to the end, the bars that are judged in the tests of planted things.
JUDGED = COUNT - PLANTED + 60
FAST = Sensitivity(trees=20, refit=120, training=300)

#: What is planted, its kind, and within how many bars it must be told.
PLANTS: dict[str, tuple[Callable[[Bars], Bars], tuple[str, ...], int]] = {
    "jump up": (jump, ("jump",), 1),
    "jump down": (lambda bars: jump(bars, size=-0.1), ("jump",), 1),
    "gap": (gap, ("gap", "jump"), 1),
    "volume burst": (burst, ("volume_burst",), 1),
    "volatility shift": (shift, ("volatility_shift",), 15),
    "frozen price": (freeze, ("frozen_price",), 6),
}


@cache
def market(seed: int) -> Bars:
    return calm(seed)


def told(bars: Bars, lookback: int = JUDGED, sensitivity: Sensitivity = FAST) -> tuple[Anomaly, ...]:
    return detect(bars, lookback=lookback, sensitivity=sensitivity)


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_is_found(name: str) -> None:
    plant, kinds, within = PLANTS[name]
    found = 0
    for seed in range(SERIES):
        bars = plant(market(seed))
        span = bars.time[PLANTED], bars.time[PLANTED + within - 1]
        found += any(item.kind in kinds and span[0] <= item.time <= span[1] for item in told(bars))
    assert found >= 0.9 * SERIES


def test_calm_markets_are_left_in_peace() -> None:
    alarms = sum(len(told(market(seed))) for seed in range(SERIES))
    assert alarms <= 0.02 * SERIES * JUDGED


def test_the_share_of_alarms_is_an_outcome_and_no_setting() -> None:
    quiet = sum(len(detect(market(seed), lookback=JUDGED)) for seed in range(8))
    restless = sum(len(detect(shift(jump(market(seed), PLANTED - 30), times=5.0), lookback=JUDGED)) for seed in range(8))
    assert quiet <= 0.02 * 8 * JUDGED
    assert restless > 5 * max(quiet, 8)


def test_a_slow_melt_up_is_an_unusual_combination_that_names_the_momentum() -> None:
    found = [item for seed in range(12) for item in detect(melt(market(seed)), lookback=COUNT - PLANTED)]
    combined = [item for item in found if item.kind == "unusual_combination"]
    assert len({item.followed_by[0].usual for item in combined}) >= 6
    assert sum("in 10 bars" in text for item in combined for text in item.drivers) >= len(combined) / 2
    assert all("volume" not in item.drivers[0] for item in combined)


def test_every_score_passes_the_look_ahead_proof() -> None:
    bars = shift(freeze(burst(jump(calm(3, 200), 130), 140), 150), 165)
    small = Sensitivity(trees=10, refit=60, training=150, window=60)
    checked = check("anomalies", "anomaly", lambda part: columns(part, small), bars, perturbations=32)
    assert checked.passed, checked.first_violation
    assert checked.prefixes == 200
    assert checked.values > 120


def test_the_proof_fails_for_a_threshold_that_has_seen_the_future() -> None:
    bars = jump(calm(3, 120), 80)

    def leaking(part: Bars) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        values = np.nan_to_num(measure(part, "return"))
        return {"z": values / (1e-9 + values.std())}

    assert not check("leak", "anomaly", leaking, bars, perturbations=4).passed


@pytest.mark.parametrize("lookback", [1, 5, 60])
def test_what_is_said_of_a_bar_depends_neither_on_the_lookback_nor_on_later_bars(lookback: int) -> None:
    bars = freeze(burst(jump(market(1)), PLANTED + 9), PLANTED + 30)
    whole = {item.id: item for item in told(bars, COUNT)}
    assert {item.id: item for item in told(bars, lookback)} == {
        name: item for name, item in whole.items() if item.time >= bars.time[-lookback]
    }
    cut = bars.take(slice(0, PLANTED + 10))
    assert told(cut, COUNT) == tuple(item for item in whole.values() if item.time <= cut.time[-1])


def test_an_anomaly_says_what_it_is_and_its_json_has_the_keys() -> None:
    bars = jump(burst(market(2)))
    (item,) = [item for item in told(bars) if item.time == bars.time[PLANTED]]
    assert (item.kind, item.direction, item.severity, item.explained_by) == ("jump", 1, "high", None)
    assert item.score == pytest.approx(item.raw / (1 + item.raw))
    assert item.drivers[0].startswith("price +1") or item.drivers[0].startswith("range of")
    assert any(text.startswith("volume ") and "times its 20-bar median" in text for text in item.drivers)
    assert item.advice == "Reduce exposure."
    shown = item.as_dict()
    assert set(shown) >= {"id", "time", "score", "severity", "kind", "drivers", "explained_by", "followed_by", "acknowledged"}
    assert shown["time"] == iso(item.time)
    assert shown["id"] == f"CALM3-1d-{from_day_number(item.session):%Y%m%d}"
    assert json.loads(json.dumps(jsonable(shown)))["followed_by"][0].keys() == {
        "bars",
        "count",
        "mean",
        "median",
        "low",
        "high",
        "usual",
    }


def test_a_state_that_lasts_is_told_when_it_begins_and_when_it_becomes_worse() -> None:
    strength = np.array([0.2, 1.1, 1.2, 1.6, 1.2, 0.5, *[0.0] * 15, 1.1, *[0.0] * 21, 1.1])
    assert np.flatnonzero(ringing("shift", strength)).tolist() == [1, 3, 43]
    assert np.flatnonzero(ringing("return", strength)).tolist() == [1, 2, 3, 4, 21, 43]
    assert not ringing("frozen", np.array([np.nan, 0.9])).any()
    assert ringing("frozen", np.array([])).size == 0


def test_a_stretch_of_still_bars_is_counted_from_its_first_repetition() -> None:
    bars = calm(1, 10)
    close = bars.close.copy()
    close[4:7] = close[3]
    flat = replace(bars, close=close, open=close, high=close, low=close)
    assert still_run(flat).tolist() == [0, 0, 0, 0, 1, 2, 3, 0, 0, 0]
    assert still_run(replace(bars, close=close)).tolist() == [0] * 10


def test_a_share_that_often_stands_still_is_not_called_frozen_for_it() -> None:
    bars = market(4)
    for at in range(60, PLANTED - 12, 12):
        bars = freeze(bars, at, 5)
    assert [item for item in told(freeze(bars)) if item.kind == "frozen_price"] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=60, max_size=90), st.integers(41, 59))
def test_what_is_usual_rests_on_the_past_alone(values: list[float], row: int) -> None:
    column, rows = np.array(values), np.array([row])
    slot = np.zeros(column.size, dtype=np.int64)
    median, spread = standing(column, rows, slot, 50)
    past = column[max(row - 50, 0) : row]
    away = np.abs(past - np.median(past))
    assert median[0] == np.median(past)
    assert spread[0] == pytest.approx(1.482602218505602 * np.median(away) or 1.2533141373155001 * away.mean())
    column[row:] = 9.0
    assert standing(column, rows, slot, 50) == (median, spread)


def test_undefined_values_are_left_out_of_what_is_usual() -> None:
    column = np.arange(100.0)
    column[::2] = np.nan
    median, _spread = standing(column, np.array([99]), np.zeros(100, dtype=np.int64), 60)
    assert median[0] == np.median(column[1:99:2])
    assert np.isnan(standing(column, np.array([79]), np.zeros(100, dtype=np.int64), 60)[0][0])


def test_a_median_that_moves_is_undefined_until_its_window_is_full() -> None:
    assert moving_median(np.array([3.0, 1.0, 2.0, 9.0]), 3).tolist()[2:] == [2.0, 2.0]
    assert np.isnan(moving_median(np.array([3.0, 1.0]), 3)).all()


def test_a_corporate_event_on_the_day_explains_it_and_one_of_another_day_does_not() -> None:
    bars = gap(market(5))
    session = int(bars.session[PLANTED])

    def explained(event: CorporateEvent) -> Anomaly:
        found = detect(bars, lookback=JUDGED, sensitivity=FAST, facts=lambda: Facts(events=[event]))
        return next(item for item in found if item.time == bars.time[PLANTED])

    paid = explained(CorporateEvent("CALM3", "dividend", session, amount=2.5))
    assert paid.explained_by == f"event: dividend of R$ 2.5 a unit, ex on {from_day_number(session)}"
    assert paid.advice == "Check the data before acting on it."
    between = int(bars.session[PLANTED - 1]) + 1
    assert explained(CorporateEvent("CALM3", "split", between, factor=2.0)).explained_by is not None
    assert explained(CorporateEvent("CALM3", "dividend", session + 1, amount=2.5)).explained_by is None


def test_defects_of_the_data_explain_it() -> None:
    bars = burst(jump(market(6)), times=0.5)
    at = int(bars.time[PLANTED])

    def explanation(bars: Bars, facts: Callable[[], Facts] = Facts) -> str | None:
        return next(item.explained_by for item in detect(bars, lookback=JUDGED, sensitivity=FAST, facts=facts) if item.time == at)

    assert explanation(bars) is None
    assert explanation(bars, lambda: Facts(revised={at: at})) == (
        f"data: the values of this bar were replaced by an import of {from_day_number(int(bars.session[PLANTED]))}"
    )
    provisional = np.arange(len(bars)) == PLANTED
    assert "provisional" in str(explanation(replace(bars, provisional=provisional)))
    assert "nothing was traded" in str(explanation(burst(bars, times=0.0)))


def test_an_opening_at_a_split_ratio_on_a_calm_day_may_be_a_split_and_on_a_wild_day_not() -> None:
    bars = gap(market(7), size=1 / 1.2 - 1)
    first = bars.open[PLANTED] / bars.close[PLANTED - 1]
    bars = gap(bars, size=(1 / 1.2) / first - 1)
    (item,) = [item for item in told(bars) if item.time == bars.time[PLANTED]]
    assert "as after a split or bonus of 6:5 that is not stored" in str(item.explained_by)
    (wild,) = [item for item in told(burst(bars)) if item.time == bars.time[PLANTED]]
    assert wild.explained_by is None


def test_what_followed_counts_only_what_was_over_by_then() -> None:
    bars = calm(8, 100)
    close = bars.close
    after = followed_by(bars, 60, np.array([10, 50, 57]))
    assert [item.bars for item in after] == [1, 5, 20]
    assert [item.count for item in after] == [3, 2, 1]
    assert after[1].mean == pytest.approx((close[15] / close[10] + close[55] / close[50]) / 2 - 1)
    assert after[2].median == pytest.approx(close[30] / close[10] - 1)
    assert after[0].usual == pytest.approx((close[1:61] / close[:60] - 1).mean())
    assert (after[0].low, after[0].high) == (None, None)


def test_the_interval_of_what_followed_is_student_s() -> None:
    from scipy import stats

    bars, earlier = calm(9, 100), np.arange(10, 40, 4)
    change = bars.close[earlier + 5] / bars.close[earlier] - 1
    low, high = stats.t.interval(0.95, change.size - 1, change.mean(), stats.sem(change))
    found = followed_by(bars, 90, earlier)[1]
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_earlier_anomalies_of_the_same_kind_and_direction_are_followed() -> None:
    bars = market(1)
    for at, size in ((100, 0.1), (150, 0.1), (200, -0.1), (250, 0.1), (PLANTED, 0.1)):
        bars = jump(bars, at, size)
    item = next(item for item in told(bars) if item.time == bars.time[PLANTED])
    assert item.direction == 1
    assert item.followed_by[0].count == 3


def test_too_short_and_empty_histories_give_nothing() -> None:
    bars = calm(1, 60)
    assert detect(jump(bars.take(slice(0, 30)), 20), lookback=30) == ()
    assert detect(bars.take(slice(0, 0))) == ()
    assert all(column.size == 0 for column in columns(bars.take(slice(0, 0))).values())


def test_a_source_without_volumes_is_judged_by_its_prices() -> None:
    bars = market(2)
    nothing = np.full(len(bars), np.nan)
    bare = replace(jump(bars), quantity=nothing, turnover=nothing)
    found = told(bare)
    assert [item.kind for item in found if item.time == bare.time[PLANTED]] == ["jump"]
    assert not np.isnan(columns(bare, FAST)["combination"][-1])
    by_turnover = burst(replace(bars, quantity=nothing))
    assert "volume_burst" in [item.kind for item in told(by_turnover) if item.time == bars.time[PLANTED]]


def test_intraday_bars_are_compared_with_those_of_the_same_hour() -> None:
    days, hours = 130, 7
    daily = calm(11, days * hours)
    session = np.repeat(daily.session[:days], hours)
    time = np.repeat(daily.time[:days], hours) + np.tile(np.arange(hours) * 3600, days)
    busy = np.tile([9.0, 1, 1, 1, 1, 1, 12.0], days)
    bars = replace(daily, timeframe="60m", session=session, time=time, quantity=daily.quantity * busy)
    quiet = [item for item in told(bars, 200) if item.kind == "volume_burst"]
    assert len(quiet) <= 4
    loud = told(burst(bars, len(bars) - 4, 8.0), 200)
    assert (loud[-1].kind, loud[-1].id) == ("volume_burst", f"CALM3-60m-{from_day_number(int(session[-4])):%Y%m%d}T1300")


@pytest.mark.parametrize(
    ("symbol", "day", "direction", "explained"),
    [
        ("GGBR4", "2024-04-18", -1, "split or bonus of 6:5"),
        ("PETR4", "2024-03-08", -1, None),
        ("PETR4", "2024-05-15", -1, None),
        ("VALE3", "2025-12-12", -1, None),
        ("EMBR3", "2025-02-05", 1, None),
    ],
)
def test_the_great_moves_of_real_files_are_found_and_kept(symbol: str, day: str, direction: int, explained: str | None) -> None:
    bars = real(symbol)
    session = next(int(number) for number in bars.session if from_day_number(int(number)).isoformat() == day)
    at = int(np.searchsorted(bars.session, session))
    assert session == day_number(from_day_number(session))
    (item,) = detect(bars.take(slice(0, at + 1)), lookback=1)
    assert (item.severity, item.direction) == ("high", direction)
    assert item.kind in ("jump", "gap")
    assert (item.explained_by is None) if explained is None else (explained in str(item.explained_by))


def test_most_days_of_real_files_are_quiet() -> None:
    for symbol in ("GGBR4", "PETR4", "VALE3", "ITUB4"):
        bars = real(symbol)
        found = detect(bars, lookback=250)
        assert 0 < len(found) < 0.06 * 250
        assert {item.kind for item in found} <= set(KINDS)


@cache
def real(symbol: str) -> Bars:
    path = DATA / "profit" / f"{symbol}_B_0_60min.csv"
    if not path.is_file():
        pytest.skip("the real market files are not here")
    import tempfile

    from engine.store.bars import read_bars
    from tests.desk_maker import at_desk, call

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        assert call("import", str(path), home=home).code == 0
        return at_desk(home, lambda desk: read_bars(desk.store, symbol, "1d"))  # type: ignore[no-any-return]


def test_the_words_for_severities_match_their_limits() -> None:
    assert len(anomalies.SEVERITIES) == len(anomalies.FROM)


def test_a_fall_of_a_share_whose_events_are_not_stored_says_that_a_payment_would_look_the_same() -> None:
    bars = gap(market(2))
    at = bars.time[PLANTED]
    (fall,) = [item for item in told(bars) if item.time == at]
    assert (fall.kind, fall.direction) == ("gap", -1)
    assert "a payment or split of that day would look the same" in fall.advice
    elsewhere = CorporateEvent(bars.symbol, "dividend", int(bars.session[PLANTED]) - 40, amount=0.1)
    known = detect(bars, lookback=JUDGED, sensitivity=FAST, facts=lambda: Facts([elsewhere]))
    assert all("would look the same" not in item.advice for item in known)
    index = replace(bars, symbol="IBOV")
    assert all("would look the same" not in item.advice for item in told(index))
