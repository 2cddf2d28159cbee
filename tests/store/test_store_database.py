"""Opening, migrating and protecting the database file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store.database import HEAD, Store, open_store
from engine.store.schema import metadata
from tests.store.market_maker import NOW, count, put, table, weekdays

WITHOUT_ROWID = {"bars", "daily_values"}
OPEN_AND_TELL = """
import sys
from pathlib import Path
from engine.store.database import open_store
store = open_store(Path(sys.argv[1]))
with store.read() as connection:
    connection.exec_driver_sql("SELECT count(*) FROM bars").scalar_one()
print(sorted({name.split(".")[0] for name in sys.modules} & {"alembic", "mako", "pandas", "pyarrow", "numba"}))
"""
OPEN_AS_NOBODY = """
import os, sys
from pathlib import Path
import alembic.command, alembic.config, alembic.script, sqlalchemy
from engine.errors import StoreError
from engine.store.database import open_store
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    open_store(Path(sys.argv[1]))
except StoreError as error:
    print("refused:", error.message)
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def one_sentence(error: StoreError) -> None:
    assert error.message
    assert "\n" not in error.message
    assert "Traceback" not in error.message
    assert error.exit_code == 1


def test_a_new_file_is_migrated_to_this_schema_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "pregao.db"
    store = open_store(path)
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_only_the_owner_can_read_the_database_and_its_journal(tmp_path: Path) -> None:
    store = open_store(tmp_path / "pregao.db")
    put(store, table(weekdays(3) * 86_400 + 46_800, 10.0))
    modes = {item.name: item.stat().st_mode & 0o777 for item in tmp_path.iterdir()}
    assert modes["pregao.db"] == 0o600
    assert set(modes) == {"pregao.db", "pregao.db-wal", "pregao.db-shm"}
    assert set(modes.values()) == {0o600}
    store.close()


def test_opening_again_migrates_nothing_and_imports_no_alembic(tmp_path: Path) -> None:
    path = tmp_path / "pregao.db"
    assert "alembic" in run(OPEN_AND_TELL, str(path))
    before = path.read_bytes()
    assert run(OPEN_AND_TELL, str(path)) == "[]"
    assert path.read_bytes() == before


def test_the_migrated_schema_is_the_declared_one(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = {row[1]: row for row in connection.exec_driver_sql("PRAGMA table_list") if not row[1].startswith("sqlite_")}
    assert set(made) - {"alembic_version"} == set(metadata.tables)
    assert {name for name, row in made.items() if row[4]} == WITHOUT_ROWID
    declared = {name for name, item in metadata.tables.items() if item.dialect_options["sqlite"]["with_rowid"] is False}
    assert declared == WITHOUT_ROWID


def test_every_column_and_index_is_as_the_declared_schema_makes_them(store: Store, tmp_path: Path) -> None:
    declared = Store(tmp_path / "declared.db")
    metadata.create_all(declared.engine)

    def shape(of: Store) -> dict[str, list[tuple[object, ...]]]:
        with of.read() as connection:
            return {
                f"{pragma} {name}": sorted(
                    (tuple(row)[1:] for row in connection.exec_driver_sql(f"PRAGMA {pragma}({name})")), key=repr
                )
                for pragma in ("table_xinfo", "index_list", "foreign_key_list")
                for name in metadata.tables
            }

    assert shape(store) == shape(declared)
    declared.close()


def test_the_checks_of_the_declared_schema_are_in_force(store: Store) -> None:
    with pytest.raises(StoreError, match="price_base_known"), store.write() as connection:
        connection.exec_driver_sql("INSERT INTO series (symbol, timeframe, source, price_base) VALUES ('A', '1d', 'x', 'split')")
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.write() as connection:
        connection.exec_driver_sql("INSERT INTO bars VALUES (99, 0, x'00', 0, NULL, 99)")


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pregao.db"
    open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer version") as caught:
        open_store(path)
    one_sentence(caught.value)
    assert "9999" in caught.value.message
    assert caught.value.hint
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pregao.db"
    path.write_bytes(b"date,open,high,low,close\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        open_store(path)
    one_sentence(caught.value)
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pregao.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (title TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program") as caught:
        open_store(path)
    one_sentence(caught.value)
    assert path.read_bytes() == before


def test_a_place_that_cannot_hold_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").write_text("x")
    for path in (tmp_path / "file" / "pregao.db", tmp_path / "folder"):
        with pytest.raises(StoreError, match="cannot be opened") as caught:
            open_store(path)
        one_sentence(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="folders are made read-only as POSIX does")
def test_a_read_only_folder_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        said = run(OPEN_AS_NOBODY, str(Path(folder) / "pregao.db"))
        Path(folder).chmod(0o755)
    assert said.startswith("refused: The database")
    assert "Permission denied" in said


def test_an_empty_file_and_a_bare_wal_header_become_a_store(tmp_path: Path) -> None:
    empty, bare = tmp_path / "empty.db", tmp_path / "bare.db"
    empty.touch()
    connection = sqlite3.connect(bare)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    assert bare.stat().st_size > 0
    for path in (empty, bare):
        store = open_store(path)
        assert count(store, "bars") == 0
        store.close()


def test_an_error_inside_a_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="stop"), store.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'PETR4', 1)")
        raise ValueError("stop")
    assert count(store, "watchlists") == 0
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'PETR4', 1)")
    assert count(store, "watchlists") == 1


def test_a_transaction_that_sqlite_undid_itself_tells_the_true_reason(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'PETR4', 1)")
    with pytest.raises(StoreError, match="UNIQUE"), store.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'VALE3', 2)")
        connection.exec_driver_sql("INSERT OR ROLLBACK INTO watchlists VALUES ('default', 'PETR4', 3)")
    assert count(store, "watchlists") == 1


def test_a_read_sees_one_state_while_others_write(store: Store) -> None:
    with store.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM watchlists").scalar_one()
        with store.write() as writer:
            writer.exec_driver_sql("INSERT INTO watchlists VALUES ('default', 'PETR4', 1)")
        assert connection.exec_driver_sql("SELECT count(*) FROM watchlists").scalar_one() == before
    assert count(store, "watchlists") == before + 1


def test_a_damaged_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    from engine.store.bars import read_bars

    path = tmp_path / "pregao.db"
    store = open_store(path)
    put(store, table(weekdays(2000) * 86_400 + 46_800, 10.0), now=NOW)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 4096 * 3 // 4, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))
    store = open_store(path)
    with pytest.raises(StoreError, match="refused") as caught:
        read_bars(store, "PETR4")
    one_sentence(caught.value)
    store.close()


def test_programs_that_open_a_new_store_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "pregao.db"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_TELL, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _number in range(3)
    ]
    for process in running:
        _out, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    store = open_store(path)
    assert count(store, "alembic_version") == 1
    store.close()


def test_the_snapshot_is_the_number_of_the_newest_import(store: Store) -> None:
    assert store.snapshot() == 0
    time = weekdays(3) * 86_400 + 46_800
    assert put(store, table(time, 10.0)).import_id == store.snapshot() == 1
    put(store, table(time, 10.0))
    assert store.snapshot() == 1
    put(store, table(time, 11.0))
    assert store.snapshot() == 2
