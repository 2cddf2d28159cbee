"""What one import changes, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.domain import Instrument, Market, PriceBase, iso
from engine.errors import StoreError
from engine.market.calendar import nominal_opening
from engine.store.bars import Cut, read_bars, read_instrument
from engine.store.database import Store
from engine.store.publish import Published
from tests.store.market_maker import NOW, count, dump, put, table, together, weekdays

DAYS = weekdays(5)
TIME = nominal_opening(DAYS)
FAR = 1 << 40


def closes(store: Store, known_at: int | None = None, symbol: str = "PETR4") -> list[float]:
    cut = None if known_at is None else Cut(FAR, known_at)
    return read_bars(store, symbol, cut=cut, provisional=True).close.tolist()


def test_new_bars_are_written_and_their_import_is_recorded(store: Store) -> None:
    published = put(store, table(TIME, 10.0))
    assert published == Published(5, 0, 0, 0, (), 1)
    with store.read() as connection:
        row = connection.exec_driver_sql(
            "SELECT published_at, file, format, rows, written, unchanged, revised, rejected FROM imports"
        ).one()
    assert tuple(row) == (NOW, "made.csv", "ohlcv_csv", 5, 5, 0, 0, 0)
    assert count(store, "bars", "available_at IS NULL AND import_id = 1") == 5


def test_the_same_rows_again_change_nothing_at_all(store: Store) -> None:
    rows = table(TIME, [10, 11, 12, 13, 14], quantity=np.nan, provisional=[0, 0, 0, 0, 1])
    put(store, rows, price_base=PriceBase.ADJUSTED)
    before = dump(store)
    assert put(store, rows, price_base=PriceBase.ADJUSTED, now=NOW + 1) == Published(0, 5, 0, 1)
    assert dump(store) == before


def test_the_same_single_provisional_bar_again_changes_nothing(store: Store) -> None:
    rows = table(TIME[:1], 10.0, provisional=True)
    put(store, rows, price_base=PriceBase.ADJUSTED)
    assert put(store, rows, price_base=PriceBase.ADJUSTED) == Published(0, 1, 0, 1)
    assert put(store, table(TIME, 10.0), price_base=PriceBase.ADJUSTED).written == 5


def test_a_longer_file_adds_only_what_is_new(store: Store) -> None:
    put(store, table(TIME[:3], 10.0))
    assert put(store, table(TIME, 10.0)) == Published(2, 3, 0, 0, (), 2)
    assert count(store, "bars", "import_id = 1") == 3
    assert count(store, "bars", "import_id = 2") == 2


def test_a_provisional_bar_gives_way_to_any_newer_value(store: Store) -> None:
    put(store, table(TIME, [10, 11, 12, 13, 14], provisional=[0, 0, 0, 0, 1]))
    assert put(store, table(TIME, [10, 11, 12, 13, 15], provisional=[0, 0, 0, 0, 1])).written == 1
    assert closes(store)[-1] == 15
    final = put(store, table(TIME, [10, 11, 12, 13, 16]))
    assert (final.written, final.revised, final.revisions) == (1, 0, ())
    assert closes(store) == closes(store, 0) == [10, 11, 12, 13, 16]
    assert not read_bars(store, "PETR4").provisional.any()
    assert count(store, "bar_revisions") == 0


def test_a_provisional_bar_becomes_final_even_at_the_same_price(store: Store) -> None:
    put(store, table(TIME[:1], 10.0, provisional=True))
    assert put(store, table(TIME[:1], 10.0)).written == 1
    assert count(store, "bars", "provisional = 0") == 1


def test_a_provisional_row_never_replaces_a_final_bar(store: Store) -> None:
    put(store, table(TIME, 10.0))
    before = dump(store)
    assert put(store, table(TIME, 11.0, provisional=True)) == Published(0, 5, 0, 5)
    assert dump(store) == before


def test_a_final_bar_that_differs_is_kept_as_a_revision(store: Store) -> None:
    put(store, table(TIME, [10, 11, 12, 13, 14]), now=NOW)
    published = put(store, table(TIME, [10, 11, 12.5, 13, 14], quantity=[100, 100, 200, 100, 100]), now=NOW + 60)
    assert (published.written, published.unchanged, published.revised) == (1, 4, 1)
    assert published.revisions == (
        f"PETR4 {iso(int(TIME[2]))}: open 12 -> 12.5, high 12.5 -> 13, low 11.5 -> 12, close 12 -> 12.5, quantity 100 -> 200",
    )
    with store.read() as connection:
        kept = connection.exec_driver_sql(
            "SELECT time, available_at, superseded_at, import_id, superseded_by FROM bar_revisions"
        ).all()
        now = connection.exec_driver_sql("SELECT time, available_at, import_id FROM bars WHERE available_at IS NOT NULL").all()
    assert [tuple(row) for row in kept] == [(TIME[2], None, NOW + 60, 1, 2)]
    assert [tuple(row) for row in now] == [(TIME[2], NOW + 60, 2)]


def test_a_cut_shows_what_was_known_then(store: Store) -> None:
    for step, value in enumerate([10.0, 20.0, 30.0]):
        put(store, table(TIME[:1], value), now=NOW + 100 * step)
    assert closes(store) == [30]
    assert [closes(store, NOW + at) for at in (-FAR, 0, 99, 100, 199, 200, FAR)] == [[10], [10], [10], [20], [20], [30], [30]]


def test_revisions_stay_in_order_when_the_clock_goes_back(store: Store) -> None:
    for at, value in ((1000, 10.0), (2000, 20.0), (1500, 30.0)):
        put(store, table(TIME[:1], value), now=at)
    assert [closes(store, at) for at in (0, 1499, 1500, 1999, 2000)] == [[10], [10], [10], [10], [30]]


def test_many_revisions_are_counted_and_the_first_are_listed(store: Store) -> None:
    time = nominal_opening(weekdays(50))
    put(store, table(time, 10.0))
    published = put(store, table(time, 11.0))
    assert published.revised == 50
    assert len(published.revisions) == 20
    assert published.revisions[0].startswith(f"PETR4 {iso(int(time[0]))}: ")


def test_a_value_that_becomes_known_is_a_revision_with_words(store: Store) -> None:
    put(store, table(TIME[:1], 10.0, turnover=np.nan))
    published = put(store, table(TIME[:1], 10.0, turnover=1000.0))
    assert published.revised == 1
    assert published.revisions == (f"PETR4 {iso(int(TIME[0]))}: turnover nan -> 1000",)


def test_many_symbols_of_one_file_are_one_import(store: Store) -> None:
    rows = together([table(TIME, 10.0 + number, f"AAAA{number}") for number in range(3, 9)])
    assert put(store, rows) == Published(30, 0, 0, 0, (), 1)
    assert [closes(store, symbol=f"AAAA{number}") for number in range(3, 9)] == [[10.0 + number] * 5 for number in range(3, 9)]
    changed = replace(rows, quantity=np.where(rows.symbol_index == 2, 7.0, rows.quantity))
    assert put(store, changed).revised == 5


def test_the_order_of_rows_does_not_matter(store: Store) -> None:
    rows = table(TIME, [10, 11, 12, 13, 14])
    order = np.array([3, 0, 4, 1, 2])
    put(store, replace(rows, time=rows.time[order], close=rows.close[order], open=rows.close[order]))
    assert closes(store) == [10, 11, 12, 13, 14]
    np.testing.assert_array_equal(read_bars(store, "PETR4").time, TIME)


def test_series_of_another_timeframe_source_or_base_are_apart(store: Store) -> None:
    put(store, table(TIME, 10.0))
    for timeframe, base, source in (
        ("60m", PriceBase.RAW, "file"),
        ("1d", PriceBase.ADJUSTED, "file"),
        ("1d", PriceBase.RAW, "cotahist"),
    ):
        assert put(store, table(TIME, 11.0), timeframe, base, source=source).revised == 0
    assert count(store, "series") == 4
    assert count(store, "bars") == 20


def test_what_cannot_be_stored_leaves_nothing_and_the_store_usable(store: Store) -> None:
    rows = table(np.concatenate([TIME, TIME[:1]]), 10.0)
    before = dump(store)
    with pytest.raises(StoreError):
        put(store, rows)
    assert dump(store) == before
    assert put(store, table(TIME, 10.0)).written == 5


def test_instruments_are_saved_and_a_better_description_is_not_lost(store: Store) -> None:
    assert read_instrument(store, "PETR4").name == ""
    known = Instrument("PETR4", Market.CASH, "PETROBRAS PN", "BRPETRACNPR6", 100)
    put(store, table(TIME[:2], 10.0), instruments={"PETR4": known})
    assert read_instrument(store, "PETR4") == known
    put(store, table(TIME[:3], 10.0), instruments={"PETR4": Instrument("PETR4", Market.CASH, lot=1)})
    assert read_instrument(store, "PETR4") == known
    renamed = replace(known, name="PETROBRAS")
    put(store, table(TIME[:4], 10.0), instruments={"PETR4": renamed})
    assert read_instrument(store, "PETR4") == renamed


def test_no_rows_change_nothing(store: Store) -> None:
    before = dump(store)
    assert put(store, replace(table(TIME[:0], 10.0), symbols=())) == Published(0, 0, 0, 0)
    assert dump(store) == before


def test_progress_is_told(store: Store) -> None:
    from engine.store.publish import publish
    from tests.store.market_maker import origin

    told: list[tuple[int, int | None]] = []
    publish(store, table(TIME, 10.0), origin(), {}, NOW, lambda done, total, note="": told.append((done, total)))
    assert told[-1] == (5, 5)


def test_a_file_that_does_not_say_what_was_traded_takes_nothing_away(store: Store) -> None:
    put(store, table(TIME, 10.0, quantity=700.0))
    before = dump(store)
    poorer = table(TIME, 10.0, quantity=np.nan)
    assert put(store, poorer, now=NOW + 1).written == 0
    assert dump(store) == before
    other = table(TIME, [10.0, 10.0, 11.0, 10.0, 10.0], quantity=np.nan)
    assert put(store, other, now=NOW + 2).revised == 1
    kept = read_bars(store, "PETR4").quantity
    assert np.isnan(kept).tolist() == [False, False, True, False, False]
