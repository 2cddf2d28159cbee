"""Scores against scikit-learn, baselines by hand, intervals that cover, and edges that give NaN."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from engine.errors import UsageError
from engine.ml.labels import UNDEFINED
from engine.ml.scores import BOOTSTRAPPED, _Figures, frequencies, last_known, scores, wilson

FIGURES = ("accuracy", *BOOTSTRAPPED)


def judged(seed, m, skill=0.0, ties=False):
    """Labels of three classes and probabilities that lean to the truth by `skill`."""
    random = np.random.default_rng(seed)
    y = random.choice(np.array([-1, 0, 1], dtype=np.int8), m, p=[0.3, 0.5, 0.2])
    y[:3] = (-1, 0, 1)
    p = random.dirichlet([2, 3, 2], m)
    p = (1 - skill) * p + skill * np.eye(3)[y + 1]
    if ties:
        p = np.round(p * 4) / 4
        p[:, 1] += 1 - p.sum(axis=1)
        p = np.abs(p) / np.abs(p).sum(axis=1, keepdims=True)
    return y, p


def from_sklearn(y, p, counts=None):
    said = p.argmax(axis=1) - 1
    return {
        "accuracy": metrics.accuracy_score(y, said, sample_weight=counts),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, said, sample_weight=counts),
        "mcc": metrics.matthews_corrcoef(y, said, sample_weight=counts),
        "auc": np.mean([metrics.roc_auc_score(y == label, p[:, label + 1], sample_weight=counts) for label in (-1, 0, 1)]),
        "log_loss": metrics.log_loss(y, p, labels=[-1, 0, 1], sample_weight=counts),
        "brier": metrics.brier_score_loss(y, p, labels=[-1, 0, 1], sample_weight=counts),
    }


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(6, 200), skill=st.floats(0, 0.8), ties=st.booleans())
def test_the_figures_are_those_of_scikit_learn(seed, m, skill, ties):
    y, p = judged(seed, m, skill, ties)
    found = scores(y, p, draws=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = from_sklearn(y, p)
        assert expected["auc"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr"), abs=1e-12)
        for name in FIGURES:
            assert found[name] == pytest.approx(expected[name], abs=1e-12), name
        assert found["confusion"] == metrics.confusion_matrix(y, p.argmax(axis=1) - 1).tolist()
        counts = np.random.default_rng(seed).integers(1, 4, m).astype(float)
        resampled, expected = _Figures(y.astype(np.int64) + 1, p).of(counts), from_sklearn(y, p, counts)
        for name in FIGURES:
            assert resampled[name] == pytest.approx(expected[name], abs=1e-12), name


def test_the_calibration_curve_is_that_of_scikit_learn():
    y, p = judged(3, 800, 0.2)
    found = scores(y, p, draws=1)["calibration"]
    assert list(found) == ["SELL", "HOLD", "BUY"]
    for place, bins in enumerate(found.values()):
        observed, predicted = calibration_curve(y == place - 1, p[:, place], n_bins=10)
        np.testing.assert_allclose([item["observed"] for item in bins], observed, atol=1e-12)
        np.testing.assert_allclose([item["predicted"] for item in bins], predicted, atol=1e-12)
        assert sum(item["rows"] for item in bins) == 800
        assert all(item["from"] <= item["predicted"] <= item["to"] for item in bins)
        assert all(item["interval"][0] <= item["observed"] <= item["interval"][1] for item in bins)


def test_a_probability_of_one_lies_in_the_last_bin():
    y, p = np.array([1, -1], dtype=np.int8), np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    bins = scores(y, p)["calibration"]["BUY"]
    assert [(item["from"], item["to"], item["rows"], item["observed"]) for item in bins] == [
        (0.0, 0.1, 1, 0.0),
        (0.9, 1.0, 1, 1.0),
    ]


def test_baselines_by_hand():
    y = np.array([1, 1, 0, -1, 1], dtype=np.int8)
    prior = np.array([[0.2, 0.5, 0.3]] * 2 + [[0.2, 0.3, 0.5]] * 3)
    known = np.array([UNDEFINED, 1, 1, -1, 0], dtype=np.int8)
    found = scores(y, np.full((5, 3), 1 / 3), prior=prior, known=known)["baselines"]
    assert found["majority"] == {"class": "BUY", "accuracy": 1 / 5}
    assert found["naive"] == {"rows": 4, "accuracy": 2 / 4}
    losses = -np.log([0.3, 0.3, 0.3, 0.2, 0.5])
    squares = [0.04 + 0.25 + 0.49] * 2 + [0.04 + 0.49 + 0.25, 0.64 + 0.09 + 0.25, 0.04 + 0.09 + 0.25]
    assert found["prior"]["log_loss"] == pytest.approx(losses.mean(), abs=1e-12)
    assert found["prior"]["brier"] == pytest.approx(np.mean(squares), abs=1e-12)


def test_without_a_prior_the_baselines_know_the_judged_rows():
    y, p = judged(1, 300)
    found = scores(y, p)["baselines"]
    shares = frequencies(y)
    assert found["majority"] == {"class": "HOLD", "accuracy": pytest.approx(shares[1])}
    assert found["prior"]["log_loss"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert found["naive"]["rows"] == 0
    assert math.isnan(found["naive"]["accuracy"])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(0, 60))
def test_the_last_known_label_had_ended_before_the_row(seed, m):
    random = np.random.default_rng(seed)
    start, symbol = random.permutation(100)[:m], random.integers(0, 3, m)
    end = start + random.integers(1, 9, m)
    y = random.integers(-1, 2, m).astype(np.int8)
    found = last_known(y, start, end, symbol)
    for row in range(m):
        ended = [at for at in range(m) if symbol[at] == symbol[row] and end[at] < start[row]]
        expected = y[max(ended, key=lambda at: start[at])] if ended else UNDEFINED
        assert found[row] == expected


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (7, 10), (34, 42), (10, 10), (521, 1000)])
def test_wilson_is_that_of_scipy(hits, rows):
    expected = binomtest(hits, rows).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(hits / rows, rows), (expected.low, expected.high), atol=1e-12)


def test_overlapping_labels_widen_every_interval():
    y, p = judged(4, 600, 0.1)
    apart = scores(y, p)
    overlapping = scores(y, p, np.full(600, 0.2))
    assert overlapping["effective_rows"] == pytest.approx(120)
    assert apart["effective_rows"] == 600
    for name in FIGURES:
        assert overlapping[name] == apart[name]
    low, high = overlapping["intervals"]["accuracy"]
    assert (low, high) == wilson(apart["accuracy"], overlapping["effective_rows"])
    assert high - low > 2 * (apart["intervals"]["accuracy"][1] - apart["intervals"]["accuracy"][0])


def width(*judgement, **options):
    low, high = scores(*judgement, **options, draws=1_000)["intervals"]["log_loss"]
    return high - low


def test_blocks_see_that_neighbours_repeat_each_other():
    y, p = judged(4, 150, 0.1)
    repeated = np.repeat(y, 8), np.repeat(p, 8, axis=0)
    assert width(*repeated) < 0.7 * width(y, p)
    assert width(*repeated, np.full(1200, 1 / 8)) == pytest.approx(width(y, p), rel=0.2)


def test_symbols_of_one_instant_stay_together():
    y, p = judged(4, 150, 0.1)
    repeated = np.repeat(y, 8), np.repeat(p, 8, axis=0)
    assert width(*repeated, time=np.repeat(np.arange(150), 8)) == pytest.approx(width(y, p), rel=1e-9)


def test_intervals_cover_the_truth_and_a_model_without_skill():
    """Of 60 made samples without skill, the 95 % intervals of AUC and MCC hold the value of no skill nearly always."""
    held = {"auc": 0, "mcc": 0}
    for seed in range(60):
        intervals = scores(*judged(seed, 300))["intervals"]
        held["auc"] += intervals["auc"][0] <= 0.5 <= intervals["auc"][1]
        held["mcc"] += intervals["mcc"][0] <= 0.0 <= intervals["mcc"][1]
    assert min(held.values()) >= 51
    skilled = scores(*judged(1, 300, 0.3))["intervals"]
    assert skilled["auc"][0] > 0.5
    assert skilled["mcc"][0] > 0


def test_the_same_seed_gives_the_same_report():
    y, p = judged(8, 120)
    assert scores(y, p, seed=3) == scores(y, p, seed=3)
    assert scores(y, p, seed=3)["intervals"]["auc"] != scores(y, p, seed=4)["intervals"]["auc"]


def test_rows_without_probabilities_are_left_out_and_counted():
    y, p = judged(2, 80, 0.2)
    holes = p.copy()
    holes[::4] = np.nan
    told = np.arange(80) % 4 > 0
    found = scores(y, holes, np.full(80, 0.5), time=np.arange(80), prior=frequencies(y), known=np.roll(y, 1))
    clean = scores(y[told], p[told], np.full(60, 0.5), time=np.arange(80)[told], prior=frequencies(y), known=np.roll(y, 1)[told])
    assert found == {**clean, "unscored": 20}
    assert (found["rows"], found["effective_rows"]) == (60, 30.0)


@pytest.mark.parametrize("label", [-1, 0, 1])
def test_one_class_alone_cannot_tell_skill(label):
    y, p = np.full(40, label, dtype=np.int8), judged(1, 40)[1]
    found = scores(y, p)
    for name in ("balanced_accuracy", "mcc", "auc"):
        assert math.isnan(found[name])
        assert np.isnan(found["intervals"][name]).all()
    for name in ("accuracy", "log_loss", "brier"):
        assert math.isfinite(found[name])
        assert np.isfinite(found["intervals"][name]).all()


def test_two_classes_are_judged_by_the_two():
    y, p = judged(5, 90, 0.2)
    y[y == 1] = 0
    found = scores(y, p)
    areas = [metrics.roc_auc_score(y == label, p[:, label + 1]) for label in (-1, 0)]
    assert found["auc"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert np.isfinite(found["balanced_accuracy"])


def test_a_model_that_says_one_thing_only_has_no_correlation():
    y, p = judged(5, 90)[0], np.tile([0.2, 0.5, 0.3], (90, 1))
    found = scores(y, p)
    assert (found["mcc"], found["auc"]) == (0.0, 0.5)
    assert found["balanced_accuracy"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("m", [0, 5])
def test_no_judged_row_gives_nan_and_no_error(m):
    found = scores(np.zeros(m, dtype=np.int8), np.full((m, 3), np.nan))
    assert (found["rows"], found["unscored"], found["effective_rows"]) == (0, m, 0.0)
    assert all(math.isnan(found[name]) for name in FIGURES)
    assert np.isnan(list(found["intervals"].values())).all()
    assert found["confusion"] == [[0] * 3] * 3
    assert found["baselines"]["majority"]["class"] is None
    assert found["calibration"] == {"SELL": [], "HOLD": [], "BUY": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"y": np.array([0, 1, 2])},
        {"y": np.array([0, 1])},
        {"p": np.full((3, 2), 0.5)},
        {"weights": np.ones(2)},
        {"time": np.arange(4)},
        {"prior": np.ones((2, 3))},
        {"known": np.zeros(1)},
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(wrong):
    right = {"y": np.array([0, 1, -1]), "p": np.full((3, 3), 1 / 3)}
    with pytest.raises(UsageError, match="three probabilities"):
        scores(**{**right, **wrong})
