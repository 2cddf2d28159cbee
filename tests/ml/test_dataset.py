"""The table to learn from: which rows it holds, in which order, and that nothing in it comes from later."""

import csv
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import NoDataError, UsageError
from engine.features import catalogue
from engine.features.feature import Feature
from engine.ml import dataset, labels
from engine.ml.splits import walk_forward
from engine.ml.weights import uniqueness
from tests.strategies.strategy_checks import bars_of, walk

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def feature(name, compute):
    return Feature(name, "momentum", 0, name, "made", "", "", compute)


def change(bars):
    return np.concatenate(([np.nan], bars.close[1:] / bars.close[:-1] - 1))


def weekly(bars):
    return np.where(np.arange(len(bars)) % 5 == 0, bars.close / bars.open, np.nan)


CHANGE, WEEKLY = feature("change", change), feature("weekly", weekly)


def named(seed, symbol, n=80):
    return replace(walk(seed, n), symbol=symbol)


def test_one_symbol_by_hand():
    bars = bars_of([100, 103, 100, 100, 104, 104])
    found = dataset.build({"ABCD3": bars}, (CHANGE,), "fixed", {"horizon": 2})
    assert found.row.tolist() == [1, 2, 3]
    assert found.y.tolist() == [-1, 1, 1]
    np.testing.assert_allclose(found.X[:, 0], [0.03, 100 / 103 - 1, 0])
    assert found.start.tolist() == bars.time[[1, 2, 3]].tolist()
    assert found.end.tolist() == bars.time[[3, 4, 5]].tolist()
    np.testing.assert_allclose(found.weights, [0.75, 0.5, 0.75])
    assert (found.symbol.tolist(), found.symbols, found.features) == ([0, 0, 0], ("ABCD3",), ("change",))
    assert found.label == {"kind": "fixed", "horizon": 2, "up": 0.02, "down": 0.02}
    assert len(found) == 3


def test_shapes_and_types():
    found = dataset.build({"A": named(1, "A"), "B": named(2, "B")}, (CHANGE, WEEKLY))
    m = len(found)
    assert found.X.shape == (m, 2)
    assert found.X.flags.c_contiguous
    assert (found.X.dtype, found.weights.dtype, found.y.dtype) == (np.float64, np.float64, np.int8)
    for name in ("start", "end", "symbol", "row"):
        assert getattr(found, name).dtype == np.int64, name
        assert getattr(found, name).shape == (m,)


def test_every_row_has_a_label_and_a_feature_and_holes_stay_holes():
    bars = named(3, "A")
    found = dataset.build({"A": bars}, (WEEKLY, CHANGE), "triple_barrier", {"volatility_period": 5})
    label = labels.triple_barrier(bars, volatility_period=5)
    assert found.row.tolist() == np.flatnonzero(label.defined).tolist()
    assert set(found.y) <= {-1, 0, 1}
    np.testing.assert_array_equal(found.y, label.value[found.row])
    np.testing.assert_array_equal(found.X, np.column_stack([weekly(bars), change(bars)])[found.row])
    assert np.isnan(found.X[:, 0]).mean() > 0.7
    lonely = dataset.build({"A": bars}, (WEEKLY,), "fixed", {"horizon": 3})
    assert (lonely.row % 5 == 0).all()
    assert len(lonely) == 16


def test_symbols_are_pooled_by_instant():
    late = named(2, "B", 60)
    late = replace(late, time=late.time + 30 * 86_400)
    found = dataset.build({"B": late, "A": named(1, "A", 60)}, (CHANGE,))
    assert found.symbols == ("B", "A")
    assert (np.diff(found.start) >= 0).all()
    assert (np.diff(found.symbol)[np.diff(found.start) == 0] > 0).all()
    for code, bars in enumerate((late, named(1, "A", 60))):
        rows = found.symbol == code
        np.testing.assert_array_equal(found.start[rows], bars.time[found.row[rows]])
        np.testing.assert_allclose(found.X[rows, 0], change(bars)[found.row[rows]])
        np.testing.assert_allclose(found.weights[rows], uniqueness(found.row[rows], found.row[rows] + 5))
    fold = walk_forward(found.start, found.end, folds=1)[0]
    assert set(found.symbol[fold.test]) == {0, 1}


@pytest.mark.parametrize("kind", list(labels.KINDS))
def test_a_table_of_fewer_bars_is_the_part_of_the_whole_that_was_known(kind):
    """Values, labels and weights alike: with an end inside the cut, nothing in a row changes when later bars come."""
    features = catalogue.select(groups=["momentum", "volatility", "regime"])
    whole = dataset.build({"A": named(4, "A", 200)}, features, kind, {"horizon": 4})
    for cut in (60, 111, 150, 199):
        part = dataset.build({"A": named(4, "A", 200).take(slice(0, cut))}, features, kind, {"horizon": 4})
        same = whole.row < cut - 4
        assert part.row.tolist() == whole.row[same].tolist()
        for name in ("X", "y", "start", "end"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[same], err_msg=name)
        settled = part.row < cut - 8
        np.testing.assert_allclose(part.weights[settled], whole.weights[same][settled], rtol=1e-9)


def test_the_catalogue_gives_its_names():
    features = catalogue.select(groups=["volume", "calendar"])
    found = dataset.build({"A": named(1, "A", 120)}, features)
    assert found.features == tuple(item.name for item in features)
    assert found.X.shape[1] == len(features)
    assert np.isfinite(found.X).any(axis=1).all()


def test_a_symbol_without_rows_is_no_error_beside_another():
    found = dataset.build({"A": named(1, "A", 4), "B": named(2, "B")}, (CHANGE,))
    assert found.symbols == ("A", "B")
    assert set(found.symbol) == {1}


def test_nothing_to_learn_from_is_one_sentence():
    with pytest.raises(NoDataError, match="No bar of A, B has both a feature and a label"):
        dataset.build({"A": named(1, "A", 4), "B": named(2, "B", 5)}, (CHANGE,))
    empty = feature("empty", lambda bars: np.full(len(bars), np.nan))
    with pytest.raises(NoDataError):
        dataset.build({"A": named(1, "A")}, (empty,))
    with pytest.raises(NoDataError):
        dataset.build({}, (CHANGE,))


def test_what_does_not_fit_is_refused():
    hourly = replace(named(2, "B"), timeframe="60m")
    with pytest.raises(UsageError, match="one timeframe"):
        dataset.build({"A": named(1, "A"), "B": hourly}, (CHANGE,))
    with pytest.raises(UsageError, match="at least one feature"):
        dataset.build({"A": named(1, "A")}, ())
    with pytest.raises(UsageError, match="There is no label"):
        dataset.build({"A": named(1, "A")}, (CHANGE,), "fix")
    with pytest.raises(UsageError, match="has no parameter"):
        dataset.build({"A": named(1, "A")}, (CHANGE,), "fixed", {"width": 1})


def test_equal_bars_give_equal_tables():
    one, other = (dataset.build({"A": named(1, "A"), "B": named(2, "B")}, (CHANGE, WEEKLY)) for _again in range(2))
    for item in fields(one):
        np.testing.assert_array_equal(getattr(one, item.name), getattr(other, item.name))


def daily(symbol):
    path = DATA / "series" / f"{symbol}.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    session = np.array([row["Date"] for row in rows], dtype="datetime64[D]").astype(np.int64)
    prices = {name.lower(): np.array([float(row[name]) for row in rows]) for name in ("Open", "High", "Low", "Close")}
    bars = bars_of(prices["close"], high=prices["high"], low=prices["low"], open_=prices["open"])
    quantity = np.array([float(row["Volume"]) for row in rows])
    return replace(bars, symbol=symbol, session=session, time=session * 86_400 + 13 * 3_600, quantity=quantity)


def test_three_real_shares_are_pooled_without_a_leak():
    bars = {symbol: daily(symbol) for symbol in ("PETR4", "VALE3", "ITUB4")}
    features = catalogue.select(groups=["momentum", "volatility", "trend", "volume", "position"])
    found = dataset.build(bars, features, "triple_barrier")
    assert len(found) > 5_000
    assert len(found) <= sum(map(len, bars.values())) - 30
    assert (np.bincount(found.y + 1, minlength=3) > 100).all()
    assert not np.isinf(found.X).any()
    for fold in walk_forward(found.start, found.end):
        assert set(found.symbol[fold.train]) == set(found.symbol[fold.test]) == {0, 1, 2}
        assert found.end[fold.train].max() < found.start[fold.test].min()
    assert 0.05 < found.weights.mean() < 0.6
