"""The gate: what chance shows over 30 sessions, when 75 % is met, not met or met by luck; and the rows it rests on."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import from_day_number
from engine.errors import FileError, UsageError
from engine.feed import SCHEMA, write_text
from engine.ml.direction.feed import COLUMNS, write_feed
from engine.ml.direction.gate import BY_LUCK, MET, NOT_MET, at_least, best_of, gate, rolled_hits
from engine.ml.direction.monitor import INSUFFICIENT, OK, WATCH, monitor
from engine.store.database import Store, open_store
from engine.store.directions import (
    StoredDirection,
    StoredEvaluation,
    Trial,
    count_trials,
    fill_outcomes,
    read_directions,
    read_evaluation,
    record_direction,
    record_evaluation,
    record_trials,
)

SKILLED = np.random.default_rng(3).random(1500) < 0.80
HARDLY = np.random.default_rng(4).random(1500) < 0.54


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "pregao.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("p", "chance"), [(0.50, 0.0026), (0.52, 0.0050), (0.55, 0.012), (0.60, 0.044), (0.65, 0.124), (0.70, 0.28), (0.75, 0.51)]
)
def test_the_chance_of_23_hits_in_30_is_that_of_the_binomial_law(p: float, chance: float) -> None:
    assert at_least(23, 30, p) == pytest.approx(chance, rel=0.03)


@pytest.mark.parametrize(("tried", "chance"), [(20, 0.095), (64, 0.27), (100, 0.39), (264, 0.73)])
def test_the_best_of_many_models_without_skill_gets_there_by_itself(tried: int, chance: float) -> None:
    assert best_of(tried, 23, 30, 0.52) == pytest.approx(chance, abs=0.006)


@given(hits=st.integers(0, 30), p=st.floats(0.01, 0.99), tried=st.integers(1, 500))
def test_chance_is_a_probability_that_grows_with_trials_and_falls_with_hits(hits: int, p: float, tried: int) -> None:
    one = best_of(tried, hits, 30, p)
    assert 0 <= one <= 1
    assert one <= best_of(tried + 1, hits, 30, p)
    assert hits == 0 or one <= best_of(tried, hits - 1, 30, p)


@pytest.mark.parametrize(
    ("hits", "history", "tried", "verdict"),
    [
        (23, SKILLED, 1, MET),
        (22, SKILLED, 1, NOT_MET),
        (23, HARDLY, 1, BY_LUCK),
        (23, SKILLED, 64, BY_LUCK),
        (30, SKILLED, 64, MET),
        (23, None, 1, MET),
        (23, None, 20, BY_LUCK),
        (16, HARDLY, 1, NOT_MET),
    ],
)
def test_the_verdict(hits: int, history: np.ndarray | None, tried: int, verdict: str) -> None:
    found = gate(hits, 30, configurations=tried, no_skill=0.52, history=history)
    assert (found.verdict, found.met, found.needed) == (verdict, verdict == MET, 23)
    assert found.reasons


def test_fewer_sessions_than_the_window_never_meet_it() -> None:
    found = gate(20, 20, no_skill=0.5)
    assert (found.verdict, found.accuracy) == (NOT_MET, 1.0)
    assert any("only 20" in reason for reason in found.reasons)
    nothing = gate(0, 0)
    assert nothing.verdict == NOT_MET
    assert math.isnan(nothing.accuracy)
    assert math.isnan(nothing.chance)
    json.dumps({key: value for key, value in nothing.as_dict().items() if key == "reasons"})


def test_the_long_run_says_whether_the_threshold_can_be_reached_at_all() -> None:
    assert gate(20, 30, history=HARDLY).attainable is False
    assert gate(20, 30, history=SKILLED).attainable is True
    assert gate(20, 30, history=SKILLED[:50]).attainable is None
    assert any("not attainable" in reason for reason in gate(20, 30, history=HARDLY).reasons)


def test_the_place_among_rolled_windows_and_the_baselines_are_told() -> None:
    history = np.array([True, False] * 60)
    found = gate(16, 30, history=history, baselines={"always_up": 18})
    assert (found.windows, found.percentile, found.share) == (91, 1.0, 0.0)
    assert gate(14, 30, history=history).percentile == 0.0
    assert found.baselines == {"always_up": {"hits": 18.0, "accuracy": 0.6}}
    assert found.interval[0] < found.accuracy < found.interval[1]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20))
def test_rolled_hits_are_the_sums_of_every_window(hits: list[bool], window: int) -> None:
    expected = [sum(hits[at : at + window]) for at in range(len(hits) - window + 1)]
    assert rolled_hits(np.array(hits, dtype=bool), window).tolist() == expected


@pytest.mark.parametrize(("hits", "n", "tried"), [(-1, 30, 1), (31, 30, 1), (10, 31, 1), (10, 30, 0)])
def test_numbers_that_cannot_be_are_refused(hits: int, n: int, tried: int) -> None:
    with pytest.raises(UsageError):
        gate(hits, n, configurations=tried)


def said(session: int, **changes: object) -> StoredDirection:
    row = {
        "symbol": "IBOV", "target_session": session, "decision_time": "close", "session": session - 1, "signal": 1,
        "probability": 0.53, "baseline": 0.52, "model": "ensemble", "direction": {"coverage": 1.0, "gate": None}, "made_at": 1000,
    }  # fmt: skip
    return StoredDirection(**{**row, **changes})  # type: ignore[arg-type]


def test_a_direction_is_kept_once_and_not_changed_after_its_outcome(store: Store) -> None:
    assert record_direction(store, said(20_000))
    assert not record_direction(store, said(20_000, made_at=2000))
    assert record_direction(store, said(20_000, signal=0, direction={"coverage": 0.5}))
    assert fill_outcomes(store, "IBOV", {20_000: 1, 20_001: 0}, 3000) == 1
    assert fill_outcomes(store, "IBOV", {20_000: 1}, 4000) == 0
    assert not record_direction(store, said(20_000, signal=1, direction={"coverage": 0.9}))
    (row,) = read_directions(store, "IBOV")
    assert (row.signal, row.outcome, row.direction) == (0, 1, {"coverage": 0.5})


def test_a_revised_close_revises_the_outcome(store: Store) -> None:
    record_direction(store, said(20_000))
    fill_outcomes(store, "IBOV", {20_000: 1}, 3000)
    assert fill_outcomes(store, "IBOV", {20_000: 0}, 4000) == 1
    assert read_directions(store, "IBOV")[0].outcome == 0


def test_one_row_for_each_session_and_decision_time_oldest_first(store: Store) -> None:
    for session in (20_002, 20_000, 20_001):
        for name in ("close", "11:00"):
            record_direction(store, said(session, decision_time=name))
    rows = read_directions(store, "IBOV")
    assert [(row.target_session, row.decision_time) for row in rows] == [
        (day, name) for day in (20_000, 20_001, 20_002) for name in ("11:00", "close")
    ]
    assert [row.target_session for row in read_directions(store, "IBOV", "close", limit=2)] == [20_001, 20_002]
    assert read_directions(store, "OTHER") == []


def test_every_configuration_on_an_overlapping_window_counts_once(store: Store) -> None:
    trials = [Trial("IBOV", "close", f"c{number}", 100, 200, 50, 30) for number in range(3)]
    record_trials(store, [*trials, trials[0]], 1)
    record_trials(store, trials[:1], 2)
    record_trials(store, [Trial("IBOV", "close", "c0", 150, 250, 50, 30), Trial("IBOV", "open", "x", 100, 200, 50, 30)], 3)
    assert count_trials(store, "IBOV", "close", 190, 230) == 3
    assert count_trials(store, "IBOV", "close", 201, 230) == 1
    assert count_trials(store, "IBOV", "close", 251, 300) == 0
    assert count_trials(store, "IBOV", "open", 100, 100) == 1


def test_the_newest_evaluation_and_the_newest_promoted_one_are_found(store: Store) -> None:
    def keep(at: int, *, promoted: bool) -> None:
        history = {"session": [1], "probability": [math.nan], "label": [1]}
        record_evaluation(
            store, StoredEvaluation(0, "IBOV", "close", "c", at, 1, {"at": at}, history, ({"name": "parser"},), promoted)
        )

    keep(10, promoted=True)
    keep(20, promoted=False)
    newest, live = (read_evaluation(store, "IBOV", "close", promoted=only) for only in (False, True))
    assert newest is not None
    assert live is not None
    assert (newest.evaluation, newest.promoted, newest.history["probability"]) == ({"at": 20}, False, [None])
    assert (live.evaluation, live.canaries) == ({"at": 10}, ({"name": "parser"},))
    before = read_evaluation(store, "IBOV", "close", before=15)
    assert before is not None
    assert before.evaluated_at == 10
    assert read_evaluation(store, "IBOV", "open") is None


def test_the_feed_says_the_same_as_json_and_as_csv(store: Store, tmp_path: Path) -> None:
    record_direction(store, said(20_000))
    record_direction(store, said(20_001, signal=None, probability=0.51))
    fill_outcomes(store, "IBOV", {20_000: 0, 20_001: 1}, 5)
    paths = write_feed(tmp_path / "out", store, "IBOV")
    assert [path.suffix for path in paths] == [".json", ".csv", ".parquet"]
    held = json.loads(paths[0].read_text(encoding="utf-8"))
    with paths[1].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["schema", *COLUMNS]
    assert (held["schema"], rows[0]["schema"]) == (SCHEMA, str(SCHEMA))
    assert [row["target_session"] for row in rows] == [row["target_session"] for row in held["directions"]]
    assert held["latest"]["close"] == held["directions"][0]
    assert [row["hit"] for row in held["directions"]] == [None, 0]
    assert [row["signal"] for row in rows] == ["", "1"]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["direction-IBOV.csv", "direction-IBOV.json", "direction-IBOV.parquet"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(FileError):
        write_text(tmp_path / "out" / "feed.json", "{}")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_text(tmp_path / "feed.json", "old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.whole_file.os.fsync", refuse)
    with pytest.raises(FileError):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["feed.json"]


def drawn(p: np.ndarray, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(p.size) < p).astype(float)


def test_calibrated_probabilities_at_the_usual_rate_raise_no_alarm() -> None:
    states = []
    for seed in range(40):
        p = np.random.default_rng(1000 + seed).uniform(0.35, 0.69, 250)
        states.append(monitor(p, drawn(p, seed), 0.52).state)
    assert states.count(OK) >= 36


def test_a_drifted_base_rate_and_lost_calibration_are_named() -> None:
    p = np.full(250, 0.52)
    falling = monitor(p, drawn(np.full(250, 0.35), 1), 0.52)
    assert falling.state == WATCH
    assert any("share of up sessions has drifted" in reason for reason in falling.reasons)
    sure = np.random.default_rng(2).choice([0.1, 0.9], 250)
    too_sure = monitor(sure, drawn(np.full(250, 0.5), 3), 0.5)
    assert any("too sure" in reason for reason in too_sure.reasons)
    assert too_sure.brier_skill < 0


def test_skill_shows_in_the_brier_score_with_its_interval() -> None:
    p = np.random.default_rng(5).choice([0.15, 0.85], 250)
    found = monitor(p, drawn(p, 6), 0.5)
    assert found.brier_skill_interval[0] > 0.2
    assert found.brier_skill_interval[0] < found.brier_skill < found.brier_skill_interval[1]


def test_only_the_last_sessions_count_and_too_few_say_nothing() -> None:
    p = np.concatenate([np.full(300, 0.9), np.full(250, 0.5)])
    y = np.concatenate([np.zeros(300), np.tile([0.0, 1.0], 125)])
    assert monitor(p, y, 0.5).state == OK
    few = monitor(p[-40:], y[-40:], 0.5)
    assert (few.state, few.sessions) == (INSUFFICIENT, 40)
    assert math.isnan(few.brier_skill)
    assert monitor(np.full(100, np.nan), np.ones(100), 0.5).sessions == 0


DAYS = np.arange(20_000, 20_030)


def test_a_gate_says_which_sessions_it_looked_at() -> None:
    found = gate(26, 30, no_skill=0.5, history=SKILLED, sessions=DAYS, behind=30)
    assert (found.first, found.last, found.stale, found.verdict) == ("2024-10-04", "2024-11-02", False, MET)
    assert "from 2024-10-04 to 2024-11-02" in found.reasons[0]
    assert (gate(26, 30).first, gate(26, 30).last) == (None, None)


def test_a_window_that_ended_long_ago_is_not_met_whatever_its_hits() -> None:
    found = gate(30, 30, no_skill=0.5, history=SKILLED, sessions=DAYS, behind=31)
    assert (found.stale, found.verdict, found.met) == (True, NOT_MET, False)
    assert any("31 sessions have come since" in reason for reason in found.reasons)
    assert found.as_dict()["last"] == "2024-11-02"


def test_monitoring_says_which_sessions_it_looked_at_and_nothing_of_the_present_from_old_ones() -> None:
    p = np.full(300, 0.5)
    y = drawn(p, 6)
    days = np.arange(20_000, 20_300)
    fresh, old = (monitor(p, y, 0.5, days=days, behind=behind) for behind in (0, 31))
    assert (fresh.first, fresh.last) == ("2024-11-23", "2025-07-30")
    assert (fresh.state, old.state) == (OK, INSUFFICIENT)
    assert "31 have come since" in old.reasons[0]


def test_a_feed_that_a_killed_process_left_behind_the_store_is_written_by_the_next_call(store: Store, tmp_path: Path) -> None:
    record_direction(store, said(20_000))
    paths = write_feed(tmp_path / "out", store, "IBOV")
    before = {path: path.stat().st_mtime_ns for path in paths}
    assert write_feed(tmp_path / "out", store, "IBOV") == paths
    assert {path: path.stat().st_mtime_ns for path in paths} == before, "the same is not written again"
    record_direction(store, said(20_001))
    left = paths[2].with_name(f".{paths[2].name}.4194305.part")
    left.write_bytes(b"half")
    write_feed(tmp_path / "out", store, "IBOV")
    assert (
        json.loads(paths[0].read_text(encoding="utf-8"))["directions"][0]["target_session"] == from_day_number(20_001).isoformat()
    )
    left.write_bytes(b"half")
    write_feed(tmp_path / "out", store, "IBOV")
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)
