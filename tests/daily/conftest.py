"""The made workspace, see `tests.desk_fixtures`."""

from __future__ import annotations

from tests.daily.fault_desk import faults
from tests.desk_fixtures import _plain, home, made_home

__all__ = ["_plain", "faults", "home", "made_home"]
