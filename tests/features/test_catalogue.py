"""The catalogue: choosing, computing, the schema, and what every feature keeps: no future, no unit, nothing filled."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.lookahead import check, cuts_of
from engine.backtest.subjects import feature_subjects, random_walk
from engine.domain import BAR_ARRAYS
from engine.errors import UsageError
from engine.features import catalogue
from engine.features.catalogue import FEATURES, GROUPS, Feature, compute, schema_hash, select
from tests.strategies.strategy_checks import bars_of, walk

ROOT = Path(__file__).parents[2]
#: Features that do not look at prices or volumes; they are the same for every series of the same sessions.
CALENDAR = {feature.name for feature in FEATURES if feature.group == "calendar"}
REQUIRED = [
    "momentum_5",
    "momentum_10",
    "momentum_20",
    "volatility_5",
    "volatility_20",
    "atr_ratio",
    "ema_diff",
    "ema_diff_slope",
    "adx",
    "volume_ratio",
    "volume_trend",
    "doji",
    "hammer",
    "engulfing",
    "price_vs_ma20",
    "distance_to_high",
    "distance_to_low",
    "regime_trending_up",
    "regime_trending_down",
    "regime_ranging",
    "regime_volatile",
]
DAILY = random_walk(320, seed=5)
HOURLY = walk(6, 420, per_session=7)


def ticks(bars):
    """The same bars with prices on whole cents, where ties are common."""
    return replace(bars, **{name: np.round(getattr(bars, name), 2) for name in ("open", "high", "low", "close")})


def named(bars, *names):
    return compute(bars, select(names=names)).T


def assert_equal(left, right, features=FEATURES, **options):
    for at, feature in enumerate(features):
        np.testing.assert_allclose(left[:, at], right[:, at], err_msg=feature.name, equal_nan=True, **options)


def test_the_catalogue_holds_what_was_asked_for_and_every_name_once():
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert set(REQUIRED) <= set(names)
    assert {feature.group for feature in FEATURES} == set(GROUPS)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_says_what_it_is(feature):
    assert feature.formula
    assert feature.source
    assert feature.nan_rule.endswith(".")
    assert not feature.departs or feature.departs.endswith(".")
    assert feature.name.isidentifier()
    assert feature.name == feature.name.lower()


def test_what_departs_from_the_requirement_says_so():
    departing = {feature.name for feature in FEATURES if feature.departs}
    assert {"volatility_5", "volatility_20", "ema_diff", "ema_diff_slope"} <= departing
    assert departing.isdisjoint({"momentum_5", "volume_ratio", "price_vs_ma20", "distance_to_high"})


# --- choosing -----------------------------------------------------------------------------------------------------------


def test_groups_come_in_the_order_of_the_catalogue_and_names_in_the_order_given():
    assert select() == FEATURES
    assert [feature.name for feature in select(names=["adx", "momentum_5"])] == ["adx", "momentum_5"]
    chosen = select(groups=["volume", "momentum"], names=["adx", "momentum_5", "adx"])
    assert [feature.group for feature in chosen[:11]] == ["momentum"] * 11
    assert [feature.name for feature in chosen].count("momentum_5") == 1
    assert chosen[-1].name == "adx"


@pytest.mark.parametrize(
    ("groups", "names", "said", "hint"),
    [
        (["momentun"], None, "no feature group momentun", "Did you mean momentum?"),
        (["zzz"], None, "no feature group zzz", "calendar"),
        (None, ["rsi14"], "no feature rsi14", "Did you mean rsi_14?"),
        (["trend"], [""], "no feature ''", "Choose one of"),
        ([], None, "No feature is named", "momentum"),
        (None, [], "No feature is named", "momentum"),
    ],
)
def test_an_unknown_group_or_name_is_refused_with_the_nearest(groups, names, said, hint):
    with pytest.raises(UsageError) as caught:
        select(groups, names)
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_the_schema_is_the_names_and_formulas_in_order(monkeypatch):
    names = ["adx", "rsi_14", "gap"]
    own = schema_hash(names)
    assert own == schema_hash(names)
    assert len(own) == 64
    assert own != schema_hash(names[::-1])
    assert own != schema_hash(names[:2])
    changed = replace(select(names=["gap"])[0], formula="(open[t] - close[t-1]) / ATR(20)[t-1]")
    monkeypatch.setattr(catalogue, "_BY_NAME", {**catalogue._BY_NAME, "gap": changed})
    assert own != schema_hash(names)
    with pytest.raises(UsageError):
        schema_hash(["adx", "adz"])


# --- computing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bars", [DAILY, HOURLY, replace(walk(3, 80), timeframe="1w")], ids=["daily", "hourly", "weekly"])
def test_columns_are_those_of_the_features_and_bars_are_not_touched(bars):
    before = {name: getattr(bars, name).copy() for name in BAR_ARRAYS}
    found = compute(bars, FEATURES)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((len(bars), len(FEATURES)), np.float64, True)
    assert not np.isinf(found).any()
    for at, feature in enumerate(FEATURES):
        alone = feature.compute(bars)
        assert alone.dtype == np.float64
        np.testing.assert_array_equal(found[:, at], alone, err_msg=feature.name)
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(bars, name), values)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_the_first_value_of_a_daily_series_stands_after_the_look_back(feature):
    defined = np.flatnonzero(~np.isnan(feature.compute(DAILY)))
    assert defined[0] == feature.lookback
    assert defined.size == len(DAILY) - feature.lookback


@pytest.mark.parametrize("count", [0, 1, 2, 19])
def test_few_bars_give_few_values_and_no_error(count):
    found = compute(DAILY.take(slice(0, count)), FEATURES)
    assert found.shape == (count, len(FEATURES))
    late = [at for at, feature in enumerate(FEATURES) if feature.lookback >= count]
    assert np.isnan(found[:, late]).all()


SUBJECTS = feature_subjects()
CUTS = {"daily": cuts_of(DAILY), "hourly": cuts_of(HOURLY), "on ticks": cuts_of(ticks(HOURLY))}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_no_feature_sees_the_future(subject):
    values = 0
    for cuts in CUTS.values():
        checked = check(subject.name, subject.kind, subject.compute, cuts[-1], cuts=cuts)
        assert checked.first_violation is None
        values += checked.values
    assert values or subject.name in ("regime_volatile",)
    assert [subject.name for subject in SUBJECTS] == [feature.name for feature in FEATURES]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1, 1, 6]), st.booleans(), st.floats(1e-3, 1e3), st.floats(1e-3, 1e6))
def test_features_have_no_unit(seed, per_session, volume, price, traded):
    bars = walk(seed, 300, per_session=per_session, volume=volume)
    other = replace(
        bars, **{name: price * getattr(bars, name) for name in ("open", "high", "low", "close")}, quantity=traded * bars.quantity
    )
    assert_equal(compute(bars, FEATURES), compute(other, FEATURES), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bars", [DAILY, HOURLY], ids=["daily", "hourly"])
def test_prices_times_seven_and_volumes_times_three_change_nothing(bars):
    bars = replace(bars, turnover=bars.close * bars.quantity)
    own = compute(bars, FEATURES)
    dearer = replace(bars, **{name: 7 * getattr(bars, name) for name in ("open", "high", "low", "close", "turnover")})
    busier = replace(bars, quantity=3 * bars.quantity, turnover=3 * bars.turnover)
    assert_equal(compute(dearer, FEATURES), own, rtol=1e-7, atol=1e-9)
    assert_equal(compute(busier, FEATURES), own, rtol=1e-7, atol=1e-9)


def test_a_market_that_stands_still_is_undefined_where_a_formula_divides_by_its_moves():
    bars = bars_of(np.full(300, 10.1), spread=0.0, quantity=np.full(300, 100.0))
    found = dict(zip([feature.name for feature in FEATURES], compute(bars, FEATURES).T))
    for name in [
        "rsi_14",
        "stochastic_k",
        "williams_r",
        "range_ratio",
        "skewness_20",
        "kurtosis_20",
        "adx",
        "plus_di",
        "autocorrelation_20",
        "mfi",
        "doji",
        "hammer",
        "gap",
        "bollinger_position",
        "z_score_20",
        "close_location",
        "illiquidity",
    ]:
        assert np.isnan(found[name]).all(), name
    for name in [
        "momentum_20",
        "volatility_20",
        "atr_ratio",
        "parkinson_20",
        "ema_diff",
        "macd_histogram",
        "slope_20",
        "distance_to_52w_high",
    ]:
        assert np.nanmax(np.abs(found[name])) < 1e-12, name
    assert found["volume_ratio"][-1] == 1


def test_a_move_after_a_long_standstill_is_measured_and_then_forgotten():
    close = np.full(300, 10.1)
    close[100] = 11.0
    found = named(bars_of(close, spread=0.0), "z_score_20", "skewness_20", "bollinger_position")
    assert np.isfinite(found[:, 101]).all()
    assert np.isnan(found[:, 130:]).all()


@pytest.mark.parametrize("holes", [[], [50], [50, 51, 90, 140]])
def test_a_volume_that_is_not_known_blanks_the_windows_that_hold_it_and_nothing_else(holes):
    bars = random_walk(200, seed=8)
    quantity = bars.quantity.copy()
    quantity[holes] = np.nan
    bars = replace(bars, quantity=quantity, turnover=np.full(200, np.nan))
    windows = {"volume_ratio": 20, "volume_trend": 20, "turnover_trend": 20, "mfi": 14, "illiquidity": 60}
    for feature, column in zip(select(names=list(windows)), named(bars, *windows)):
        blank = {at for hole in holes for at in range(hole, hole + windows[feature.name])} | set(range(feature.lookback))
        assert set(np.flatnonzero(np.isnan(column)).tolist()) == {at for at in blank if at < 200}, feature.name
    prices = [feature for feature in FEATURES if feature.group != "volume"]
    np.testing.assert_array_equal(compute(bars, prices), compute(random_walk(200, seed=8), prices))


def test_turnover_serves_where_quantity_is_missing_and_the_other_way_round():
    bars = random_walk(200, seed=8)
    none = np.full(200, np.nan)
    money = replace(bars, quantity=none)
    ratio, flow = named(money, "volume_ratio", "mfi")
    np.testing.assert_allclose(ratio[30], bars.turnover[30] / bars.turnover[11:31].mean())
    assert np.isfinite(flow[14:]).all()
    np.testing.assert_allclose(*(named(item, "illiquidity") for item in (replace(bars, turnover=none), bars)))
    assert np.isnan(compute(replace(money, turnover=none), select(groups=["volume"]))).all()


def test_a_session_without_trades_is_no_division_by_zero():
    bars = random_walk(200, seed=8)
    quantity = bars.quantity.copy()
    quantity[100:125] = 0.0
    found = compute(replace(bars, quantity=quantity, turnover=quantity * bars.close), select(groups=["volume"]))
    assert not np.isinf(found).any()
    assert np.isnan(found[122, 0])
    assert np.isfinite(found[199, 0])


# --- leaks --------------------------------------------------------------------------------------------------------------


def last_of_month_by_bars(bars):
    month = bars.session.astype("datetime64[D]").astype("datetime64[M]")
    return np.append(month[1:] != month[:-1], True).astype(float)


def session_high(bars):
    starts = np.flatnonzero(np.diff(bars.session, prepend=-1))
    return np.repeat(np.maximum.reduceat(bars.high, starts), np.diff(np.append(starts, len(bars)))) / bars.close - 1


def filled_backwards(bars):
    values = compute(bars, select(names=["rsi_14"]))[:, 0]
    return np.where(np.isnan(values), values[min(14, len(bars) - 1)], values)


LEAKS = {
    "z-score of all bars": lambda bars: (bars.close - bars.close.mean()) / bars.close.std(),
    "next return": lambda bars: np.append(bars.close[1:] / bars.close[:-1] - 1, np.nan),
    "centred mean": lambda bars: (
        np.convolve(bars.close, np.ones(3) / 3, "same") / bars.close if len(bars) > 2 else np.ones(len(bars))
    ),
    "rank among all bars": lambda bars: np.argsort(np.argsort(bars.quantity)) / len(bars),
    "high of the whole session": session_high,
    "month end by the next bar": last_of_month_by_bars,
    "filled backwards": filled_backwards,
    "over the last close": lambda bars: bars.close / bars.close[-1],
    "distance to the highest high": lambda bars: bars.high.max() / bars.close - 1,
    "sum from the end": lambda bars: np.cumsum(bars.quantity[::-1])[::-1] / bars.quantity,
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_feature_that_leaks_is_caught(name):
    leaking = Feature(name, "momentum", 0, "leak", "none", "none", "", LEAKS[name])
    checked = check(name, "feature", lambda bars: {name: leaking.compute(bars)}, HOURLY, cuts=CUTS["hourly"])
    assert not checked.passed
    assert checked.first_violation.column == name


# --- the page -----------------------------------------------------------------------------------------------------------


def test_the_page_of_the_features_is_that_of_the_catalogue():
    page = (ROOT / "docs" / "features.md").read_text("utf-8")
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert [heading for heading in headings if heading in GROUPS] == list(GROUPS)
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    made = [
        f"| `{item.name}` | {item.lookback} | {item.formula.replace('|', chr(92) + '|')} | {item.source} |" for item in FEATURES
    ]
    assert rows == made
    assert f"{len(FEATURES)} numbers for each bar" in page
    for feature in FEATURES:
        assert not feature.departs or f"- `{feature.name}`: {feature.departs}" in page


# --- real files ---------------------------------------------------------------------------------------------------------


PROFIT = ROOT.parent / "shared" / "data" / "profit"


@pytest.mark.skipif(not PROFIT.is_dir(), reason="the real market files are not here")
@pytest.mark.parametrize("file", ["GGBR4_B_0_60min.csv", "IBOV_B_0_15min.csv"])
def test_real_intraday_bars_give_finite_features_that_know_no_unit(file):
    lines = [line.split(";") for line in (PROFIT / file).read_text("latin-1").splitlines()[:1500]][::-1]
    stamps = np.array(["-".join(line[1].split("/")[::-1]) + "T" + line[2] for line in lines], dtype="datetime64[s]")
    values = np.array([[float(cell.replace(".", "").replace(",", ".")) for cell in line[3:9]] for line in lines])
    bars = bars_of(values[:, 3], open_=values[:, 0], high=values[:, 1], low=values[:, 2], quantity=values[:, 5], timeframe="60m")
    bars = replace(
        bars,
        time=stamps.astype(np.int64) + 3 * 3600,
        session=stamps.astype("datetime64[D]").astype(np.int64),
        turnover=values[:, 4],
    )
    found = compute(bars, FEATURES)
    assert not np.isinf(found).any()
    defined = ~np.isnan(found)
    early = [at for at, feature in enumerate(FEATURES) if feature.name in REQUIRED]
    assert defined[200:, early].mean() > 0.95
    eightfold = replace(bars, **{name: 8 * getattr(bars, name) for name in ("open", "high", "low", "close", "turnover")})
    assert_equal(compute(eightfold, FEATURES), found, rtol=1e-7, atol=1e-9)
    sessions = bars.session
    for name in sorted(CALENDAR):
        (column,) = named(bars, name)
        assert all(a == b for (a, b), (s, t) in zip(pairwise(column), pairwise(sessions)) if s == t)
