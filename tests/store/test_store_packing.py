"""A bar as bytes."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import SAO_PAULO, PriceBase, day_number
from engine.store.packing import DTYPE, pack, sessions_of, to_bars, unpack
from engine.store.series import AFTER_MARKET, FORMAT, PROVISIONAL
from tests.store.market_maker import table

NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(float("nan")))
FIELDS = ("open", "high", "low", "close", "quantity", "turnover")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4_000_000_000), *[NUMBERS] * 7, st.booleans(), st.booleans()),
        min_size=1, max_size=20, unique_by=lambda row: row[0],
    )
)  # fmt: skip
def test_what_is_packed_comes_back_and_reads_as_plain_structs(rows: list[tuple[object, ...]]) -> None:
    columns = [np.array(column) for column in zip(*rows)]
    made = replace(
        table(columns[0], 1.0),
        **dict(zip((*FIELDS, "trades"), columns[1:8])),
        provisional=columns[8],
        after_market=columns[9],
    )
    packed = [item.tobytes() for item in pack(made)]
    bars = to_bars(unpack(packed), "PETR4", "60m", PriceBase.RAW, "file")
    np.testing.assert_array_equal(bars.time, made.time)
    for name in (*FIELDS, "provisional", "after_market"):
        np.testing.assert_array_equal(getattr(bars, name), getattr(made, name))
        assert getattr(bars, name).flags.c_contiguous
    for number, bar in enumerate(packed):
        time, *values, flags = struct.unpack("<q7dq", bar)
        assert time == made.time[number]
        np.testing.assert_array_equal(values, [getattr(made, name)[number] for name in (*FIELDS, "trades")])
        assert flags == made.provisional[number] * PROVISIONAL + made.after_market[number] * AFTER_MARKET


def test_the_layout_is_as_described() -> None:
    assert FORMAT == "<q7dq"
    assert DTYPE.itemsize == struct.calcsize(FORMAT) == 72


def test_one_symbol_and_price_base_are_named_for_all() -> None:
    bars = to_bars(pack(table([0, 3600], 10.0)), "PETR4", "60m", PriceBase.ADJUSTED, "profit")
    assert (bars.symbol, bars.timeframe, bars.price_base, bars.source, bars.derived_from) == (
        "PETR4", "60m", PriceBase.ADJUSTED, "profit", "",
    )  # fmt: skip


def test_no_bars_are_no_bars() -> None:
    assert len(to_bars(unpack([]), "PETR4", "1d", PriceBase.RAW, "file")) == 0


def test_equal_values_give_equal_bytes() -> None:
    usual = table([0], 10.0, turnover=0.0, trades=np.nan)
    odd = replace(usual, turnover=np.array([-0.0]), trades=np.copysign(np.array([np.nan]), -1.0))
    assert pack(odd).tobytes() == pack(usual).tobytes()


@pytest.mark.parametrize(
    "day",
    [
        "1995-01-02",
        "2003-02-12",
        "2010-11-01",
        "2018-11-05",
        "2019-02-15",
        "2019-02-18",
        "2019-07-01",
        "2024-01-02",
        "2025-12-30",
    ],
)
def test_every_hour_of_a_trading_day_belongs_to_its_session(day: str) -> None:
    at = [
        datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}").replace(tzinfo=SAO_PAULO)
        for hour in range(1, 24)
        for minute in (0, 59)
    ]
    instants = np.array([int(instant.timestamp()) for instant in at])
    assert set(sessions_of(instants).tolist()) == {day_number(at[0].date())}
