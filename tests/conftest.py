"""Every test begins in English, whatever the one before it chose."""

from __future__ import annotations

import pytest

from engine.i18n import set_language


@pytest.fixture(autouse=True)
def in_english() -> None:
    set_language("en")
