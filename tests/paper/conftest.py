"""The made workspace, see `tests.desk_fixtures`, and desks with bars drawn by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.store.database import open_store
from tests.desk_fixtures import _plain, home, made_home
from tests.paper.paper_maker import Drawn, drawn_desk

__all__ = ["_plain", "home", "made_home"]


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an empty store; not to be changed."""
    made = tmp_path_factory.mktemp("empty")
    open_store(made / "data" / "pregao.db").close()
    return made


@pytest.fixture
def draw(empty_home: Path, tmp_path: Path) -> Iterator[Callable[..., Drawn]]:
    """`drawn_desk` in a workspace of one's own; may be called again."""
    made: list[Drawn] = []

    def draw(*arguments: object, **options: object) -> Drawn:
        home = Path(shutil.copytree(empty_home, tmp_path / f"desk{len(made)}"))
        made.append(drawn_desk(home, *arguments, **options))
        return made[-1]

    yield draw
    for drawn in made:
        drawn.desk.close()
