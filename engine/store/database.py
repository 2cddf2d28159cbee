"""Opening the store: SQLite in WAL mode, migrated at open, safe for the app and a daily run at the same time.

Reads see one consistent state; writes are short transactions that take the write lock at once and wait for it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StoreError
from engine.i18n import _
from engine.refusals import hint_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0011"
LOCK_WAIT_SECONDS = 60
MIGRATIONS = Path(__file__).parents[1] / "resources" / "migrations"

log = logging.getLogger(__name__)


class Store:
    """One database file. Make it with `open_store`; use `read` and `write`; close it when done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def engine(self) -> Engine:
        """The SQLAlchemy engine; transactions begin only where `read` or `write` say so."""
        from sqlalchemy import URL, create_engine, event

        engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            connect_args={"timeout": LOCK_WAIT_SECONDS, "check_same_thread": False},
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
            connection.isolation_level = None
            for pragma in (
                "foreign_keys=ON",
                "synchronous=FULL",
                "temp_store=FILE",
                "cache_size=-16000",
                "wal_autocheckpoint=4000",
            ):
                connection.execute(f"PRAGMA {pragma}")

        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose reads all see the state of the first one."""
        with self._translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                _roll_back(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A short transaction that holds the write lock from the start; committed at the end, undone on an error."""
        with self._translated(), self.engine.connect() as connection, transaction(connection):
            yield connection

    @contextmanager
    def rehearse(self) -> Iterator[Connection]:
        """A transaction like that of `write` which is always undone: what it would do is seen, and nothing is changed."""
        with self._translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            finally:
                _roll_back(connection)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection without a transaction, for work that stages first and publishes with `transaction`."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from sqlalchemy.exc import DatabaseError

        try:
            yield
        except (DatabaseError, sqlite3.DatabaseError) as error:
            log.exception("the store refused")
            raise StoreError(
                _("The database {path} refused: {error}").format(path=self.path, error=getattr(error, "orig", error)),
                hint_of(getattr(error, "orig", error)),
            ) from error

    def snapshot(self) -> int:
        """The number of the newest import: what the store held when a run or a backtest read it."""
        with self.read() as connection:
            return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM imports").scalar_one())

    def close(self) -> None:
        """Close the connections, if any was ever opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Take the write lock, commit at the end, roll back on any way out by an error."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        _roll_back(connection)
        raise
    connection.exec_driver_sql("COMMIT")


def _roll_back(connection: Connection) -> None:
    """Undo the transaction, if SQLite has not already done so (on a full disk, for one)."""
    driver = connection.connection.driver_connection
    if driver is not None and driver.in_transaction:
        connection.exec_driver_sql("ROLLBACK")


def open_store(path: Path) -> Store:
    """The store at `path`, made or migrated to this program's schema first.

    Raises StoreError when the file is no database of this program, is newer than it, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _revision(path)
        if found != HEAD:
            _migrate(path, found)
    except (sqlite3.Error, OSError) as error:
        said = getattr(error, "strerror", None) or error
        raise StoreError(
            _("The database {path} cannot be opened: {error}").format(path=path, error=said), hint_of(error)
        ) from error
    return Store(path)


def _revision(path: Path) -> str | None:
    """The schema revision of the file, None for an empty or absent one."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "alembic_version" not in tables:
            raise StoreError(
                _("The database {path} belongs to another program").format(path=path),
                _("Choose another workspace with --home."),
            )
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
        return str(row[0]) if row else None
    finally:
        connection.close()


def _migrate(path: Path, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            _("The database {path} was made by a newer version (schema {found})").format(path=path, found=found),
            _("Update Pregão, or choose another workspace with --home."),
        )
    if os.name == "posix":
        path.touch()
        path.chmod(0o600)
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    store = Store(path)
    try:
        with store.write() as writer:
            config.attributes["connection"] = writer
            command.upgrade(config, "head")
    finally:
        store.close()
