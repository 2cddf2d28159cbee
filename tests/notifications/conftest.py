"""A new store for each test, and the made workspace of the command line."""

from __future__ import annotations

from tests.desk_fixtures import _plain, home, made_home
from tests.store.conftest import empty_database, store

__all__ = ["_plain", "empty_database", "home", "made_home", "store"]
