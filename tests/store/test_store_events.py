"""Stored corporate events: idempotent, revised, seen as they were known; and bars adjusted by them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.domain import PriceBase, day_number, from_day_number
from engine.errors import FileError
from engine.ingestion.events import EventFile
from engine.ingestion.files import SourceFile
from engine.ingestion.importer import FileReport, Understood, import_files, look_into
from engine.ingestion.table import ImportOptions
from engine.market.adjust import CorporateEvent
from engine.store.bars import Cut, read_bars
from engine.store.coverage import coverage
from engine.store.database import HEAD, MIGRATIONS, Store, open_store
from engine.store.events import adjusted, publish_events, read_events
from engine.store.publish import Published
from tests.store.market_maker import DATA, NOW, count, dump, hours, put, table, weekdays
from tests.store.test_store_coverage import CALENDAR

DAYS = weekdays(40)
DIVIDEND = CorporateEvent("PETR4", "dividend", int(DAYS[10]), amount=1.0, pay_session=int(DAYS[20]), source="RI")
SPLIT = CorporateEvent("PETR4", "split", int(DAYS[20]), factor=4.0)


def put_events(store: Store, *events: CorporateEvent, now: int = NOW) -> Published:
    symbols = tuple(dict.fromkeys(event.symbol for event in events))
    return publish_events(store, EventFile(symbols, events, len(events), (), ()), "events.csv", "0" * 64, now)


def test_events_come_back_in_order_of_their_ex_dates(store: Store) -> None:
    assert read_events(store, "PETR4") == ()
    assert put_events(store, SPLIT, DIVIDEND) == Published(2, 0, 0, 0, (), 1)
    assert read_events(store, "PETR4") == (DIVIDEND, SPLIT)
    assert read_events(store, "VALE3") == ()


def test_the_same_events_again_change_nothing_at_all(store: Store) -> None:
    put_events(store, DIVIDEND, SPLIT)
    before = dump(store)
    elsewhere = CorporateEvent("PETR4", "split", int(DAYS[20]), factor=4.0, source="another")
    assert put_events(store, SPLIT, DIVIDEND, elsewhere, now=NOW + 1) == Published(0, 2, 0, 0)
    assert dump(store) == before


def test_an_event_that_differs_keeps_the_old_one_which_is_seen_as_of_then(store: Store) -> None:
    put_events(store, DIVIDEND, SPLIT)
    right = CorporateEvent("PETR4", "dividend", int(DAYS[10]), amount=1.1, pay_session=int(DAYS[20]), source="B3")
    published = put_events(store, right, SPLIT, now=NOW + 60)
    assert (published.written, published.unchanged, published.revised) == (1, 1, 1)
    day, paid = (from_day_number(int(DAYS[at])) for at in (10, 20))
    assert published.revisions == (f"PETR4 dividend {day}: 1 ({paid}) -> 1.1 ({paid})",)
    assert read_events(store, "PETR4") == read_events(store, "PETR4", NOW + 60) == (right, SPLIT)
    assert read_events(store, "PETR4", NOW + 59) == (DIVIDEND, SPLIT)
    put_events(store, DIVIDEND, now=NOW + 90)
    assert read_events(store, "PETR4", NOW + 60) == (right, SPLIT)
    assert count(store, "corporate_event_revisions") == 2


def test_a_file_gives_all_parts_of_an_event(store: Store) -> None:
    first, second = (CorporateEvent("PETR4", "dividend", int(DAYS[10]), amount=0.5, pay_session=int(DAYS[at])) for at in (20, 30))
    assert put_events(store, first, second).written == 2
    jcp = CorporateEvent("PETR4", "jcp", int(DAYS[10]), amount=0.5)
    assert put_events(store, jcp).revised == 0
    assert read_events(store, "PETR4") == (first, second, jcp)
    assert (put_events(store, first).written, put_events(store, first).revised) == (0, 0)
    assert read_events(store, "PETR4") == (first, jcp)


def test_the_snapshot_changes_with_the_events(store: Store) -> None:
    before = store.snapshot()
    put_events(store, DIVIDEND)
    assert store.snapshot() == before + 1


def test_a_database_of_the_schema_before_keeps_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.store import database

    versions = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, versions, ignore=shutil.ignore_patterns("000[3-9]*", "001*", "__pycache__"))
    path = tmp_path / "pregao.db"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", versions)
        patch.setattr(database, "HEAD", "0002")
        open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO corporate_events (symbol, kind, ex_session, factor, source) VALUES ('VALE3', 'split', 20000, 4.0, 'x')"
        )
    connection.close()
    opened = open_store(path)
    assert read_events(opened, "VALE3") == (CorporateEvent("VALE3", "split", 20_000, 4.0, source="x"),)
    with opened.read() as reading:
        assert reading.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == HEAD
    opened.close()


def test_raw_bars_are_adjusted_by_the_events_inside_them(store: Store) -> None:
    time = DAYS * 86_400 + 46_800
    close = np.where(np.arange(40) < 10, 21.0, np.where(np.arange(40) < 20, 20.0, 5.0))
    put(store, table(time, close, spread=0.0))
    bars = read_bars(store, "PETR4")
    assert adjusted(store, bars) == (bars, None)
    put_events(store, DIVIDEND, SPLIT, CorporateEvent("PETR4", "split", int(DAYS[-1]) + 5, factor=2.0))
    found, events = adjusted(store, bars)
    assert found.price_base is PriceBase.ADJUSTED
    np.testing.assert_allclose(found.close, 5.0, rtol=1e-12)
    np.testing.assert_allclose(found.quantity, np.where(np.arange(40) < 20, 400.0, 100.0))
    assert events is not None
    assert (events.split[20], events.dividend[10], events.pay[10]) == (4.0, 1.0, 20)
    early = adjusted(store, bars, Cut(int(time[15]), NOW))[0]
    np.testing.assert_allclose(early.close, found.close)


def test_a_replay_adjusts_by_what_was_known(store: Store) -> None:
    time = DAYS * 86_400 + 46_800
    put(store, table(time, 20.0, spread=0.0))
    put_events(store, DIVIDEND, now=NOW)
    put_events(store, CorporateEvent("PETR4", "dividend", int(DAYS[10]), amount=2.0), now=NOW + 10)
    bars = read_bars(store, "PETR4")
    for known, first in ((NOW, 19.0), (NOW + 10, 18.0)):
        assert adjusted(store, bars, Cut(int(time[-1]), known))[0].close[0] == pytest.approx(first)


def test_bars_of_another_base_are_left_alone(store: Store) -> None:
    put(store, table(DAYS * 86_400 + 46_800, 20.0), price_base=PriceBase.ADJUSTED)
    put_events(store, DIVIDEND)
    bars = read_bars(store, "PETR4")
    assert adjusted(store, bars) == (bars, None)


def test_weekly_bars_are_built_from_adjusted_days(store: Store) -> None:
    wednesday = next(at for at in range(10, 20) if (int(DAYS[at]) + 3) % 7 == 2)
    put(store, table(DAYS * 86_400 + 46_800, np.where(np.arange(40) < wednesday, 40.0, 10.0), spread=0.0))
    put_events(store, CorporateEvent("PETR4", "split", int(DAYS[wednesday]), factor=4.0))
    raw = read_bars(store, "PETR4", "1w")
    found, events = adjusted(store, raw)
    assert events is None
    assert found.price_base is PriceBase.ADJUSTED
    np.testing.assert_array_equal(found.time, raw.time)
    for prices in (found.open, found.high, found.low, found.close):
        np.testing.assert_allclose(prices, 10.0)


def test_hours_change_at_the_first_bar_of_the_ex_session(store: Store) -> None:
    time = hours(DAYS)
    put(store, table(time, np.where(np.arange(time.size) < 70, 40.0, 10.0), spread=0.0), "60m")
    put_events(store, CorporateEvent("PETR4", "split", int(DAYS[10]), factor=4.0))
    found, events = adjusted(store, read_bars(store, "PETR4", "60m"))
    assert events is not None
    assert np.flatnonzero(events.present).tolist() == [70]
    np.testing.assert_allclose(found.close, 10.0)


def test_a_payment_above_the_price_is_named(store: Store) -> None:
    put(store, table(DAYS * 86_400 + 46_800, 20.0))
    put_events(store, CorporateEvent("PETR4", "dividend", int(DAYS[10]), amount=20.0))
    with pytest.raises(FileError, match=f"PETR4 would pay R\\$ 20 a unit on {from_day_number(int(DAYS[10]))}") as caught:
        adjusted(store, read_bars(store, "PETR4"))
    assert "pregao events PETR4" in caught.value.hint


CONTENT = (
    "symbol,kind,ex_date,factor,amount\nPETR4,dividend,2024-01-16,,1\nPETR4,merger,2024-01-16,,1\nVALE3,split,2024-01-30,4,\n"
)


def imported(store: Store, path: Path, **options: object) -> FileReport:
    (report,) = import_files(store, [path], ImportOptions(), now=NOW, **options)  # type: ignore[arg-type]
    return report


def test_the_importer_recognises_a_file_of_events_and_reports_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_text(CONTENT)
    said: list[Understood] = []
    dry = imported(store, path, dry_run=True, on_understood=said.append)
    assert (dry.written, dry.error, count(store, "corporate_events"), count(store, "imports")) == (0, None, 0, 0)
    assert (said[0].format, said[0].symbols, said[0].price_base) == ("events", ("PETR4", "VALE3"), None)
    assert said[0].first == "PETR4  2024-01-16  dividend 1"
    assert look_into(SourceFile(path, path.name, 0), ImportOptions()) == said[0]
    report = imported(store, path)
    assert json.loads(json.dumps(report.as_dict())) == {
        "path": str(path), "format": "events", "symbols": ["PETR4", "VALE3"], "timeframe": None, "rows": 3, "written": 2,
        "unchanged": 0, "revised": 0, "rejected": [{"line": 3, "reason": "'merger' is not a kind of event that is known"}],
        "provisional": 0, "price_base": None, "first": "2024-01-16", "last": "2024-01-30", "notices": [], "revisions": [],
        "error": None,
    }  # fmt: skip
    again = imported(store, path)
    assert (again.written, again.unchanged) == (0, 2)
    assert count(store, "imports") == 1


def test_a_file_said_to_hold_events_is_read_as_one(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "PETR4.csv"
    path.write_text("date,open,high,low,close\n2024-01-02,1,1,1,1\n")
    (report,) = import_files(store, [path], ImportOptions(events=True), now=NOW)
    assert report.error is not None
    assert "no column for kind" in report.error.message


def test_a_jump_at_a_stored_event_is_explained(store: Store) -> None:
    put(store, table(DAYS * 86_400 + 46_800, np.where(np.arange(40) < 20, 20.0, 5.0)))
    assert [jump.session for jump in coverage(store, CALENDAR)[0].jumps] == [from_day_number(int(DAYS[20])).isoformat()]
    put_events(store, SPLIT)
    assert coverage(store, CALENDAR)[0].jumps == ()


GERDAU = DATA / "profit" / "GGBR4_B_0_60min.csv"


@pytest.mark.skipif(not GERDAU.is_file(), reason="the market files are not here")
def test_the_bonus_of_a_real_share_is_taken_out_of_its_prices(store: Store) -> None:
    (done,) = import_files(store, [GERDAU], ImportOptions(price_base=PriceBase.RAW), now=NOW)
    assert done.error is None
    ex = day_number(date(2024, 4, 18))
    put_events(store, CorporateEvent("GGBR4", "bonus", ex, factor=1.2))
    raw = read_bars(store, "GGBR4", "1d")
    found, events = adjusted(store, raw)
    at = int(np.searchsorted(raw.session, ex))
    assert events is not None
    assert np.flatnonzero(events.present).tolist() == [at]
    assert raw.open[at] / raw.close[at - 1] == pytest.approx(1 / 1.2, abs=0.02)
    assert found.open[at] / found.close[at - 1] == pytest.approx(1.0, abs=0.02)
