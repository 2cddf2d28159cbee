"""The made workspace, see `tests.desk_fixtures`."""

from __future__ import annotations

from tests.desk_fixtures import _plain, home, made_home

__all__ = ["_plain", "home", "made_home"]
