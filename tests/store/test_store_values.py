"""Daily values that are not bars, and the return of cash."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ingestion.series import SeriesFile
from engine.store.database import Store
from engine.store.publish import Published
from engine.store.values import OUTDATED_AFTER, cash_return, list_values, publish_values, read_values
from tests.store.market_maker import NOW, count, dump, weekdays

DAYS = weekdays(10)


def rates(values: object, name: str = "CDI", unit: str = "annual_percent", days: object = DAYS) -> SeriesFile:
    value = np.asarray(values, dtype=np.float64)
    day = np.asarray(days, dtype=np.int64)[: value.size]
    return SeriesFile(name, "valor", day, value, value.size, (), (), unit)


def put(store: Store, parsed: SeriesFile, now: int = NOW) -> Published:
    return publish_values(store, parsed, "cdi.csv", "0" * 64, now)


def test_values_come_back_with_their_unit(store: Store) -> None:
    assert read_values(store, "CDI") is None
    assert put(store, rates([11.65, 11.65, 11.15])) == Published(3, 0, 0, 0, (), 1)
    found = read_values(store, "CDI")
    assert found is not None
    days, values, unit = found
    assert (days.dtype, values.dtype, unit) == (np.int64, np.float64, "annual_percent")
    np.testing.assert_array_equal(days, DAYS[:3])
    np.testing.assert_array_equal(values, [11.65, 11.65, 11.15])
    assert list_values(store) == [("CDI", "annual_percent", DAYS[0], DAYS[2], 3)]


def test_the_same_values_again_change_nothing_at_all(store: Store) -> None:
    put(store, rates([11.65, 11.15]))
    before = dump(store)
    assert put(store, rates([11.65, 11.15]), NOW + 1) == Published(0, 2, 0, 0)
    assert dump(store) == before


def test_a_value_that_differs_keeps_the_old_one(store: Store) -> None:
    put(store, rates([11.65, 11.15]))
    published = put(store, rates([11.65, 10.9, 10.9]), NOW + 60)
    assert (published.written, published.unchanged, published.revised, published.import_id) == (2, 1, 1, 2)
    assert published.revisions == ("2024-01-03: 11.15 -> 10.9",)
    with store.read() as connection:
        kept = connection.exec_driver_sql(
            "SELECT name, session, value, available_at, superseded_at FROM daily_value_revisions"
        ).all()
        changed = connection.exec_driver_sql("SELECT session, import_id FROM daily_values WHERE available_at IS NOT NULL").all()
    assert [tuple(row) for row in kept] == [("CDI", DAYS[1], 11.15, None, NOW + 60)]
    assert [tuple(row) for row in changed] == [(DAYS[1], 2)]
    put(store, rates([11.65, 10.5]), NOW + 90)
    assert (
        count(store, "daily_value_revisions", f"available_at = {NOW + 60} AND superseded_at = {NOW + 90} AND value = 10.9") == 1
    )


def test_series_of_other_names_are_apart(store: Store) -> None:
    put(store, rates([11.0]))
    put(store, rates([5.0, 5.1], "USDBRL", "level"))
    assert [row[0] for row in list_values(store)] == ["CDI", "USDBRL"]
    assert count(store, "daily_values") == 3


def test_cash_earns_one_business_day_of_an_annual_rate(store: Store) -> None:
    put(store, rates([13.65, 13.65, 10.0]))
    found = cash_return(store, DAYS[:3])
    assert found is not None
    name, earned = found
    assert name == "CDI"
    np.testing.assert_allclose(earned, [0.000507880, 0.000507880, 0.000378287], atol=5e-10)
    assert (1 + earned[2]) ** 252 == pytest.approx(1.10, abs=1e-12)


def test_cash_earns_a_daily_rate_as_it_stands(store: Store) -> None:
    put(store, rates([0.05, 0.04], unit="daily_percent"))
    found = cash_return(store, DAYS[:2])
    assert found is not None
    np.testing.assert_allclose(found[1], [0.0005, 0.0004], rtol=1e-12)


def test_only_the_first_bar_of_a_session_earns(store: Store) -> None:
    put(store, rates([0.05] * 3, unit="daily_percent"))
    found = cash_return(store, np.repeat(DAYS[:3], 4))
    assert found is not None
    np.testing.assert_allclose(found[1], [0.0005, 0, 0, 0] * 3)


def test_the_rate_in_force_is_the_newest_not_after_the_session(store: Store) -> None:
    put(store, rates([0.05, 0.04], unit="daily_percent", days=[DAYS[2], DAYS[5]]))
    found = cash_return(store, DAYS)
    assert found is not None
    np.testing.assert_allclose(found[1], [np.nan, np.nan, 5e-4, 5e-4, 5e-4, 4e-4, 4e-4, 4e-4, 4e-4, 4e-4])


def test_long_after_the_newest_rate_none_is_known(store: Store) -> None:
    put(store, rates([0.05], unit="daily_percent"))
    sessions = DAYS[0] + np.array([0, OUTDATED_AFTER, OUTDATED_AFTER + 1, 1000])
    found = cash_return(store, sessions)
    assert found is not None
    np.testing.assert_allclose(found[1], [5e-4, 5e-4, np.nan, np.nan])


def test_selic_stands_in_for_cdi_and_nothing_for_both(store: Store) -> None:
    assert cash_return(store, DAYS) is None
    put(store, rates([0.04], "SELIC", "daily_percent"))
    found = cash_return(store, DAYS[:1])
    assert found is not None
    assert found[0] == "SELIC"
    put(store, rates([0.05], unit="daily_percent"))
    found = cash_return(store, DAYS[:1])
    assert found is not None
    assert (found[0], found[1].tolist()) == ("CDI", [0.0005])
    assert cash_return(store, np.empty(0, dtype=np.int64)) is not None
