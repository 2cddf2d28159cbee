"""Any sequence of imports against a plain history of every bar: what was known at any time is what is read."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market.calendar import nominal_opening
from engine.store.bars import Cut, read_bars
from engine.store.database import Store, open_store
from tests.store.market_maker import put, table, weekdays

TIME = nominal_opening(weekdays(6)).tolist()
AFTER_ALL = 1 << 50
IMPORT = st.tuples(
    st.integers(0, 8),
    st.dictionaries(st.sampled_from(range(len(TIME))), st.tuples(st.integers(1, 3), st.booleans()), min_size=1),
)


@dataclass
class Model:
    """Every bar as the list of (known since, value, provisional), newest last; -1 is the bar's own close."""

    bars: dict[int, list[tuple[int, int, bool]]] = field(default_factory=dict)

    def put(self, now: int, rows: dict[int, tuple[int, bool]]) -> tuple[int, int]:
        """Take one import; returns how many bars it changes and how many of them were final."""
        written = revised = 0
        for at, (value, provisional) in rows.items():
            history = self.bars.setdefault(at, [])
            if not history:
                history.append((-1, value, provisional))
            elif history[-1][1:] == (value, provisional):
                continue
            elif history[-1][2]:
                history[-1] = (history[-1][0], value, provisional)
            elif provisional:
                continue
            else:
                history.append((now, value, False))
                revised += 1
            written += 1
        return written, revised

    def seen(self, known_at: int) -> dict[int, tuple[int, bool]]:
        found = {}
        for at, history in self.bars.items():
            known = [entry for entry in history if entry[0] <= known_at]
            found[TIME[at]] = known[-1][1:]
        return found


def read(store: Store, known_at: int | None) -> dict[int, tuple[int, bool]]:
    cut = None if known_at is None else Cut(AFTER_ALL, known_at)
    bars = read_bars(store, "PETR4", cut=cut, provisional=True)
    assert (np.diff(bars.time) > 0).all()
    np.testing.assert_array_equal(bars.high, bars.close + 0.5)
    np.testing.assert_array_equal(bars.quantity, bars.close * 100)
    return {
        int(time): (int(close), bool(provisional)) for time, close, provisional in zip(bars.time, bars.close, bars.provisional)
    }


def check(imports: list[tuple[int, dict[int, tuple[int, bool]]]]) -> None:
    model, now = Model(), 1_000
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "pregao.db")
        for later, rows in imports:
            now += later
            items = sorted(rows.items())
            close = np.array([value for _at, (value, _provisional) in items], dtype=float)
            flags = [provisional for _at, (_value, provisional) in items]
            made = table([TIME[at] for at, _row in items], close, provisional=flags, quantity=close * 100)
            published = put(store, made, now=now)
            assert (published.written, published.revised) == model.put(now, rows)
            assert published.written + published.unchanged == len(rows)
        for known_at in (0, *range(999, now + 2)):
            assert read(store, known_at) == model.seen(known_at)
        assert read(store, None) == model.seen(AFTER_ALL)
        store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(IMPORT, min_size=1, max_size=8))
def test_what_was_known_at_any_time_is_what_is_read(imports: list[tuple[int, dict[int, tuple[int, bool]]]]) -> None:
    check(imports)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(IMPORT, min_size=1, max_size=25))
def test_what_was_known_at_any_time_is_what_is_read_at_length(imports: list[tuple[int, dict[int, tuple[int, bool]]]]) -> None:
    check(imports)
