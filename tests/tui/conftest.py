from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import _wait

from engine.i18n import set_language
from tests.desk_maker import plain_environment
from tests.tui.desk_host import copied, make_demo, make_empty, make_real


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the machine is in force, and the pilot looks four times as often whether the app is idle."""
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", _wait.SLEEP_GRANULARITY / 4)
    with plain_environment():
        yield
    set_language("en")


@pytest.fixture(scope="session")
def made_real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("real") / "home"
    with plain_environment():
        make_real(home)
    return home


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with plain_environment():
        make_demo(home)
    return home


@pytest.fixture(scope="session")
def made_empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("empty") / "home"
    with plain_environment():
        make_empty(home)
    return home


@pytest.fixture
def real_home(made_real: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with the made market."""
    return copied(made_real, tmp_path / "home")


@pytest.fixture
def demo_home(made_demo: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with the demo market and nothing else."""
    return copied(made_demo, tmp_path / "home")


@pytest.fixture
def empty_home(made_empty: Path, tmp_path: Path) -> Path:
    """A workspace of one's own without any bars."""
    return copied(made_empty, tmp_path / "home")
