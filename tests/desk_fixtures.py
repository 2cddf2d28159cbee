"""The made workspace of the command line and of the daily run, as fixtures for their `conftest.py`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk_maker import import_market, make_market, plain_environment


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that holds the made market; not to be changed."""
    home = tmp_path_factory.mktemp("made")
    with plain_environment():
        import_market(home, make_market(home / "files"))
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A workspace of one's own that holds the made market."""
    return Path(shutil.copytree(made_home, tmp_path / "home"))
