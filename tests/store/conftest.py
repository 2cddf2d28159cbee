"""A new store in a folder of its own, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Store, open_store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "pregao.db"
    store = open_store(path)
    store.close()
    return path


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    path = tmp_path / "data" / "pregao.db"
    path.parent.mkdir()
    shutil.copy2(empty_database, path)
    opened = open_store(path)
    yield opened
    opened.close()
