"""The inbox: every file is imported once and filed away; nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from engine.domain import day_number, silent
from engine.errors import FileError, PregaoError, StoreError
from engine.ingestion import importer, sources
from engine.ingestion.importer import FileReport
from engine.ingestion.sources import Inbox
from engine.ingestion.table import ImportOptions
from engine.store.bars import read_bars
from engine.store.database import Store
from tests.store.market_maker import NOW, count, dump

SESSION = date(2024, 1, 8)
GOOD = "date,symbol,open,high,low,close\n2024-01-02,{symbol},10,11,9,10\n2024-01-03,{symbol},10,11,9,10.5\n"


@pytest.fixture
def inbox(store: Store, tmp_path: Path) -> Inbox:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Inbox(folder, store, ImportOptions(today=day_number(date(2024, 1, 9))), 1 << 20, lambda: NOW)


def drop(inbox: Inbox, name: str, content: str = GOOD.format(symbol="PETR4")) -> Path:
    path = inbox.folder / name
    path.write_text(content)
    return path


def collect(inbox: Inbox) -> list[FileReport]:
    return inbox.collect(SESSION, silent)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.is_file())


def test_files_are_imported_and_filed_away(inbox: Inbox) -> None:
    drop(inbox, "b.csv")
    drop(inbox, "a.csv", GOOD.format(symbol="VALE3"))
    drop(inbox, "bad.csv", "hello")
    reports = collect(inbox)
    assert [(Path(report.path).name, report.written) for report in reports] == [("a.csv", 2), ("b.csv", 2), ("bad.csv", 0)]
    assert names(inbox.folder) == []
    assert names(inbox.folder / "imported") == ["a.csv", "b.csv"]
    assert names(inbox.folder / "refused") == ["bad.csv"]
    assert (inbox.folder / "refused" / "bad.csv").read_text() == "hello"


def test_an_empty_inbox_and_what_was_filed_away_give_nothing(inbox: Inbox) -> None:
    assert collect(inbox) == []
    drop(inbox, "a.csv")
    collect(inbox)
    before = dump(inbox.store)
    assert collect(inbox) == []
    assert dump(inbox.store) == before


def test_hidden_files_and_folders_are_left_alone(inbox: Inbox) -> None:
    drop(inbox, ".a.csv.part")
    (inbox.folder / "mine").mkdir()
    (inbox.folder / "mine" / "b.csv").write_text(GOOD.format(symbol="PETR4"))
    assert collect(inbox) == []
    assert names(inbox.folder) == [".a.csv.part"]
    assert names(inbox.folder / "mine") == ["b.csv"]


def test_a_file_of_a_name_that_is_taken_gets_another(inbox: Inbox) -> None:
    for content in ("first", "second", "third"):
        drop(inbox, "x.csv", content)
        collect(inbox)
    kept = {path.name: path.read_text() for path in (inbox.folder / "refused").iterdir()}
    assert kept == {"x.csv": "first", "x-2.csv": "second", "x-3.csv": "third"}


def test_a_file_killed_between_publishing_and_filing_is_filed_by_the_next_call(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "a.csv")

    def killed(path: Path, place: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sources, "_file_away", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(inbox)
    assert names(inbox.folder) == ["a.csv"]
    before = dump(inbox.store)
    (report,) = collect(inbox)
    assert (report.written, report.unchanged) == (0, 2)
    assert dump(inbox.store) == before
    assert names(inbox.folder / "imported") == ["a.csv"]


def test_a_file_killed_before_publishing_is_imported_by_the_next_call(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(inbox, "a.csv")

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(importer, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(inbox)
    assert count(inbox.store, "bars") == 0
    assert [report.written for report in collect(inbox)] == [2]


def refusing(error: PregaoError) -> Callable[..., None]:
    def publish(*_arguments: object) -> None:
        raise error

    return publish


def test_a_good_file_waits_when_the_store_is_at_fault(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(inbox, "a.csv")
    with monkeypatch.context() as patched:
        patched.setattr(importer, "publish", refusing(StoreError("the disk is full")))
        (report,) = collect(inbox)
    assert isinstance(report.error, StoreError)
    assert names(inbox.folder) == ["a.csv"]
    assert [report.written for report in collect(inbox)] == [2]
    assert len(read_bars(inbox.store, "PETR4")) == 2


def test_a_file_that_cannot_be_filed_away_is_said_and_its_rows_are_kept(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(inbox, "a.csv")

    def denied(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", denied)
        with pytest.raises(FileError, match=r"cannot be moved .*Permission denied"):
            collect(inbox)
    assert count(inbox.store, "bars") == 2
    assert [report.unchanged for report in collect(inbox)] == [2]
