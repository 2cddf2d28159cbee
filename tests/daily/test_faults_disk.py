"""A full or read-only disk and a database that cannot be used: one sentence, exit code 1, nothing lost, and the next call completes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from engine.store import database
from tests.daily.crash_desk import rows
from tests.daily.fault_desk import Faults, _at_once, run, said, step

__all__ = ["_at_once"]


@contextmanager
def every_connection(pragma: str) -> Iterator[None]:
    """Every connection to a database that is opened meanwhile begins with this pragma."""

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(Engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(Engine, "connect", prepare)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own of so many megabytes; skips where it may not be mounted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a file system may be mounted by root on Linux alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 1, 3, 8])
def test_a_database_that_cannot_grow_ends_the_run_and_loses_nothing(faults: Faults, tmp_path: Path, room: int) -> None:
    """SQLite is allowed so many pages more: the disk is full at another point of the run each time."""
    home = faults.copy(tmp_path / "home")
    pages = rows(home, "PRAGMA page_count")[0][0]
    with every_connection(f"max_page_count = {pages + room}"):
        error = said(run(home))
    assert error["type"] == "StoreError"
    assert "disk is full" in error["message"]
    assert "Make room" in error["hint"]
    faults.check_completed(home, again=True)


def test_a_full_disk_ends_the_run_and_loses_nothing(faults: Faults, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        home = faults.copy(disk / "home")
        for kilobytes_left in (0, 40, 200):
            free = shutil.disk_usage(disk).free
            (disk / "ballast").write_bytes(bytes(max(free - kilobytes_left * 1024, 0)))
            error = said(run(home))
            assert error["type"] in ("StoreError", "FileError")
            (disk / "ballast").unlink()
        faults.check_completed(home, again=True)


def test_a_file_of_the_feed_that_cannot_be_written_makes_the_run_partial_and_loses_nothing(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = faults.copy(tmp_path / "home")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        called = run(home)
    assert (called.code, called.err, called.json["status"]) == (1, "", "partial")
    assert {item["name"] for item in called.json["steps"] if item["status"] != "done"} == {"directions", "feed"}
    for name in ("directions", "feed"):
        error = step(called, name)["detail"]["error"]
        assert error["type"] == "FileError"
        assert "No space left on device" in error["message"]
    assert not list((home / "data").rglob("*.part"))
    faults.check_completed(home, but_for=("outbox",))


def test_a_database_that_is_read_only_ends_the_run(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    with every_connection("query_only = ON"):
        error = said(run(home))
    assert error["type"] == "StoreError"
    assert "readonly" in error["message"]
    assert "read-only" in error["hint"]
    faults.check_completed(home)


def test_a_read_only_disk_ends_the_run(faults: Faults, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        home = faults.copy(disk / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        error = said(run(home))
        assert error["type"] == "StoreError"
        assert "read-only" in error["hint"]
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        faults.check_completed(home)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="rights of folders bind neither root nor Windows")
def test_a_read_only_folder_ends_the_run(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    (home / "data").chmod(0o555)
    error = said(run(home))
    (home / "data").chmod(0o755)
    assert error["type"] == "StoreError"
    faults.check_completed(home)


def test_a_database_that_another_program_holds_ends_the_run(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = faults.copy(tmp_path / "home")
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.1)
    with closing(sqlite3.connect(home / "data" / "pregao.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        error = said(run(home))
        other.execute("ROLLBACK")
    assert error["type"] == "StoreError"
    assert "locked" in error["message"]
    assert "Another program" in error["hint"]
    faults.check_completed(home)


def test_a_database_that_another_program_takes_while_messages_are_sent_repeats_one_with_its_id(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = faults.copy(tmp_path / "home")
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.1)
    other = sqlite3.connect(home / "data" / "pregao.db", isolation_level=None, check_same_thread=False)

    def hold() -> None:
        if not other.in_transaction and len(faults.servers.webhook.taken) == 3:
            other.execute("BEGIN IMMEDIATE")

    faults.servers.webhook.on_taken = hold
    error = said(run(home))
    faults.servers.webhook.on_taken = None
    other.close()
    assert "locked" in error["message"]
    assert faults.check_completed(home, again=True) == 1


def test_a_database_file_that_is_no_database_is_refused_and_left_as_it_is(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    path = home / "data" / "pregao.db"
    aside = path.rename(home / "aside")
    path.write_bytes(b"date,open,high,low,close\n" * 200)
    before = path.read_bytes()
    error = said(run(home))
    assert error["type"] == "StoreError"
    assert "not a database" in error["message"]
    assert "put back a copy" in error["hint"]
    assert path.read_bytes() == before
    aside.replace(path)
    faults.check_completed(home)


def test_a_damaged_database_is_refused(faults: Faults, tmp_path: Path) -> None:
    home = faults.copy(tmp_path / "home")
    path = home / "data" / "pregao.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    error = said(run(home))
    assert error["type"] == "StoreError"
    assert "malformed" in error["message"]
    assert "put back a copy" in error["hint"]
    for name in ("pregao.db-wal", "pregao.db-shm"):
        (home / "data" / name).unlink(missing_ok=True)
    path.write_bytes(whole)
    faults.check_completed(home)
