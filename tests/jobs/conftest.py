from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.client import JobClient
from engine.store.database import open_store
from engine.workspace import Workspace
from tests.desk_maker import plain_environment
from tests.jobs.made_worker import COMMAND


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "pregao.db"
    open_store(path)
    return path.read_bytes()


@pytest.fixture
def workspace(tmp_path: Path, empty_database: bytes) -> Workspace:
    """A workspace with an empty store of the present schema."""
    made = Workspace(tmp_path / "home")
    made.prepare()
    made.database.write_bytes(empty_database)
    return made


@pytest.fixture
def client(workspace: Workspace) -> Iterator[JobClient]:
    """A client whose workers also know the made kinds; what still runs at the end is killed."""
    made = JobClient(workspace, command=COMMAND)
    yield made
    for job in made.active():
        made.kill(job.id)
