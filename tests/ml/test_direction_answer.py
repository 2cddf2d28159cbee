"""What a model says is kept for the day, and its parts add up to what is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NoDataError
from engine.ml.direction import models
from engine.ml.direction.answer import Answer, answer
from engine.ml.direction.reasons import REST, USUAL, in_words, of_probability, parts

NAMES = ("sp500_return", "monday", "vix")


def rows(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    X = random.normal(size=(count, 3))
    X[:, 1] = X[:, 1] > 1
    return X, (random.random(count) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)


def test_a_second_answer_on_the_same_data_fits_nothing_and_is_the_same_to_the_bit(tmp_path: Path) -> None:
    X, y = rows()
    kept = tmp_path / "cache" / "IBOV-close.json"
    first = answer("ensemble", NAMES, X, y, X[-1], kept=kept, about="a")
    with patch.object(models, "fit", side_effect=AssertionError):
        assert answer("ensemble", NAMES, X, y, X[-1], kept=kept, about="a") == first
    assert first == answer("ensemble", NAMES, X, y, X[-1])
    model = models.fit("ensemble", NAMES, X, y)
    assert first.probability == model.probability(X[-1:])[0]
    assert (first.base_rate, first.rows) == (model.base_rate, 600)


@pytest.mark.parametrize("change", ["row", "outcome", "value", "configuration", "kind"])
def test_anything_else_is_fitted_anew(tmp_path: Path, change: str) -> None:
    X, y = rows()
    kept = tmp_path / "a.json"
    answer("logistic", NAMES, X, y, X[-1], kept=kept, about="a")
    values, labels, row = X.copy(), y.copy(), X[-1].copy()
    row[0] += 1e-12 * (change == "row")
    labels[0] = 1 - labels[0] if change == "outcome" else labels[0]
    values[0, 0] += 1e-12 * (change == "value")
    kind, about = "opening" if change == "kind" else "logistic", "b" if change == "configuration" else "a"
    with patch.object(models, "fit", wraps=models.fit) as fitted:
        answer(kind, NAMES, values, labels, row, kept=kept, about=about)
    assert fitted.call_count == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "[]",
        "{}",
        '{"digest": "x", "answer": {}}',
        None,
        {"probability": 2.0},
        {"contributions": [0.1]},
        {"base_rate": 0},
        {"rows": "x"},
    ],
)
def test_a_spoilt_file_is_no_answer(tmp_path: Path, spoilt: str | dict[str, object] | None) -> None:
    X, y = rows()
    kept = tmp_path / "a.json"
    right = answer("logistic", NAMES, X, y, X[-1], kept=kept)
    if isinstance(spoilt, dict):
        held = json.loads(kept.read_text(encoding="utf-8"))
        held["answer"] |= spoilt
        kept.write_text(json.dumps(held), encoding="utf-8")
    elif spoilt is None:
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_text(spoilt, encoding="utf-8")
    assert answer("logistic", NAMES, X, y, X[-1], kept=kept) == right


def test_too_few_rows_have_no_answer(tmp_path: Path) -> None:
    X, y = rows(100)
    with pytest.raises(NoDataError):
        answer("logistic", NAMES, X, y, X[-1], kept=tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


@given(
    st.floats(1e-6, 1 - 1e-6), st.floats(0.01, 0.99), st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.lists(st.floats(-9, 9), min_size=3, max_size=3)
)  # fmt: skip
def test_the_parts_add_up_to_what_is_said(p: float, base: float, adds: list[float], row: list[float]) -> None:
    told = parts(Answer(p, base, 500, tuple(adds)), NAMES, np.array(row))
    assert (told[0].name, told[-1].name) == (USUAL, REST)
    assert math.fsum(part.log_odds for part in told) == pytest.approx(math.log(p / (1 - p)), abs=1e-9)
    assert 2 <= len(told) <= 5
    assert len(in_words(told)) == len(told)


def test_what_is_not_known_or_not_the_case_is_in_the_rest() -> None:
    told = parts(Answer(0.6, 0.5, 500, (0.1, 0.3, 0.2)), NAMES, np.array([math.nan, 0.0, 15.0]))
    assert [part.name for part in told] == [USUAL, "vix", REST]
    assert told[-1].log_odds == pytest.approx(math.log(1.5) - 0.2)


@pytest.mark.parametrize(
    ("p", "signal", "words"),
    [
        (0.5149, 1, "Up because 51.49 % is at least 50 %; it is below what is usual (52.01 %)."),
        (0.55, 1, "Up because 55.00 % is at least 50 %, and not below what is usual (52.01 %)."),
        (0.45, 0, "Down because 45.00 % is below 50 %, and not above what is usual (52.01 %)."),
    ],
)
def test_a_signal_and_what_is_usual_are_not_confused(p: float, signal: int, words: str) -> None:
    assert of_probability(p, 0.5201, 0.0, signal) == words


def test_down_and_yet_more_than_usual() -> None:
    assert of_probability(0.49, 0.48, 0.0, 0) == "Down because 49.00 % is below 50 %; it is above what is usual (48.00 %)."
    assert "nothing is said between 35.0 % and 65.0 %" in of_probability(0.6, 0.48, 0.15, None)
