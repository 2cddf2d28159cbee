"""A file of a daily series that is hardly the stored one is refused; a trial run writes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RefusedFileError
from engine.ingestion.importer import import_series
from engine.ingestion.series import SeriesFile
from engine.ingestion.series_change import change_of, refuse_another_series
from engine.store.database import Store, open_store
from engine.store.values import read_values

NOW = 1_700_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "pregao.db")
    yield opened
    opened.close()


def parsed(days: list[int], values: list[float]) -> SeriesFile:
    return SeriesFile("SP500", "close", np.array(days), np.array(values, dtype=float), len(days), (), (), "level")


def stored(days: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(days), np.array(values, dtype=float)


def file(folder: Path, values: list[float], first: int = 1, name: str = "x.csv") -> Path:
    path = folder / name
    rows = [f"2024-01-{first + at:02},{value}" for at, value in enumerate(values)]
    path.write_text("\n".join(["date,close", *rows]) + "\n", encoding="utf-8")
    return path


def test_what_a_file_changes_is_counted() -> None:
    change = change_of(stored([1, 2, 3, 4], [10, 11, 12, 13]), parsed([2, 3, 4, 5, 6], [11, 12, 99, 14, 15]))
    assert (change.new, change.unchanged, change.revised, change.stored) == (2, 2, 1, 4)
    assert (change.day, change.before, change.after) == (4, 12.0, 12.0)
    assert change_of(None, parsed([1], [1])).day is None


@pytest.mark.parametrize(("revised", "refused"), [(10, False), (11, True)])
def test_more_than_a_tenth_of_changed_values_is_refused(revised: int, refused: bool) -> None:
    values = [100.0 + at for at in range(100)]
    other = [value + 1 if at < revised else value for at, value in enumerate(values)]
    change = change_of(stored(list(range(100)), values), parsed(list(range(100)), other))
    if refused:
        with pytest.raises(RefusedFileError, match="11 of the 100 stored values of SP500") as caught:
            refuse_another_series("x.csv", "SP500", change)
        assert "--force" in str(caught.value.hint)
    else:
        refuse_another_series("x.csv", "SP500", change)


@given(st.floats(0.01, 100), st.booleans())
def test_a_level_of_another_order_is_refused_also_where_no_day_is_common(factor: float, common: bool) -> None:
    days = [1, 2, 3] if common else [4, 5, 6]
    change = change_of(stored([1, 2, 3], [50, 50, 50]), parsed(days, [50 * factor] * 3))
    level = not 0.1 < factor < 10
    many = common and not math.isclose(50 * factor, 50, rel_tol=0, abs_tol=0)
    if level or many:
        with pytest.raises(RefusedFileError):
            refuse_another_series("x.csv", "SP500", change)
    else:
        refuse_another_series("x.csv", "SP500", change)


def test_values_below_zero_have_no_order() -> None:
    refuse_another_series("x.csv", "WTI", change_of(stored([1, 2], [-37.0, 10.0]), parsed([3], [11.0])))


def test_a_trial_run_writes_nothing_and_says_what_it_would(store: Store, tmp_path: Path) -> None:
    told = import_series(store, file(tmp_path, [10, 11]), "SP500", "", now=NOW, dry_run=True)
    assert read_values(store, "SP500") is None
    assert (told.written, told.revised) == (0, 0)
    assert "would add 2 values to SP500" in told.notices[-1]
    assert store.snapshot() == 0


def test_another_series_is_refused_and_nothing_is_lost_unless_it_is_forced(store: Store, tmp_path: Path) -> None:
    import_series(store, file(tmp_path, [4000, 4100, 4200]), "SP500", "", now=NOW)
    before = read_values(store, "SP500")
    assert before is not None
    other = file(tmp_path, [14, 15, 16], name="vix.csv")
    for dry_run in (True, False):
        with pytest.raises(RefusedFileError, match="level of 15 where the stored series SP500 has 4100"):
            import_series(store, other, "SP500", "", now=NOW + 1, dry_run=dry_run)
    after = read_values(store, "SP500")
    assert after is not None
    assert np.array_equal(after[1], before[1])
    assert import_series(store, other, "SP500", "", now=NOW + 2, force=True).revised == 3


def test_new_days_of_the_same_series_are_taken_unasked(store: Store, tmp_path: Path) -> None:
    import_series(store, file(tmp_path, [4000, 4100, 4200]), "SP500", "", now=NOW)
    report = import_series(store, file(tmp_path, [4200, 4300], first=3), "SP500", "", now=NOW + 1)
    assert (report.written, report.unchanged) == (1, 1)
