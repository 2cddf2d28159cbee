"""The Isolation Forest: the scores of scikit-learn, the same forest for the same seed, and what it cannot be given."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ml import isolation


def cloud(count: int = 600, seed: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    rows[:, 5] = rows[:, 4] + 0.1 * rows[:, 5]
    rows[7] = 6.0
    return rows


def test_scores_are_those_of_scikit_learn() -> None:
    from scipy.stats import spearmanr
    from sklearn.ensemble import IsolationForest

    rows = cloud()
    own = isolation.fit(rows).scores(rows)
    others = [
        -IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(rows).score_samples(rows) for seed in (1, 2)
    ]
    among = float(spearmanr(*others).statistic)
    assert float(spearmanr(own, others[0]).statistic) > among - 0.02
    assert np.abs(own - others[0]).mean() < 1.2 * np.abs(others[1] - others[0]).mean()
    assert own.argmax() == others[0].argmax() == 7


def test_the_same_seed_gives_the_same_forest_and_another_another() -> None:
    rows = cloud()
    first, same, other = (isolation.fit(rows, trees=20, seed=seed).scores(rows) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_rows_and_their_order_of_memory_are_left_alone() -> None:
    rows = cloud()
    kept = rows.copy()
    scores = isolation.fit(rows, trees=20).scores(rows)
    assert np.array_equal(rows, kept)
    turned = np.asfortranarray(rows)
    assert np.array_equal(isolation.fit(turned, trees=20).scores(turned), scores)


def test_equal_rows_are_equally_usual() -> None:
    rows = np.ones((50, 3))
    scores = isolation.fit(rows, trees=10).scores(np.vstack([rows[:2], [[9.0, 9.0, 9.0]]]))
    assert scores == pytest.approx(scores[0])
    assert scores[0] == pytest.approx(0.5)


def test_two_rows_make_a_forest() -> None:
    scores = isolation.fit(np.array([[0.0], [1.0]]), trees=5).scores(np.array([[0.0], [1.0], [100.0]]))
    assert scores == pytest.approx([0.5, 0.5, 0.5])


def test_mean_paths_are_those_of_the_paper() -> None:
    assert [isolation.mean_path(size) for size in (0, 1, 2)] == [0.0, 0.0, 1.0]
    assert isolation.mean_path(256) == pytest.approx(10.2448, abs=1e-4)


def test_plain_python_grows_the_same_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = cloud(60)
    compiled = isolation.fit(rows, trees=5, sample=32)
    monkeypatch.setattr(isolation, "compiled", lambda: (isolation.grow, isolation.follow))
    plain = isolation.fit(rows, trees=5, sample=32)
    for name in ("feature", "threshold", "left", "path"):
        assert np.array_equal(getattr(plain, name), getattr(compiled, name))
    assert np.array_equal(plain.scores(rows), compiled.scores(rows))
