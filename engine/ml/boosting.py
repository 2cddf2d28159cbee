"""XGBoost, loaded without what is not used of it."""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

_ONE = Lock()


def boosting() -> Any:
    """The module xgboost, without its wrappers for scikit-learn unless that is loaded already.

    XGBoost does without scikit-learn where there is none; nothing here uses the wrappers, and to load what they need takes longer than
    all the rest of a daily signal. While it is loaded for the first time no other thread may import scikit-learn for the first time.
    """
    with _ONE:
        if "xgboost" not in sys.modules and "sklearn" not in sys.modules:
            sys.modules["sklearn"] = None  # type: ignore[assignment]
            try:
                import xgboost
            finally:
                del sys.modules["sklearn"]
    import xgboost

    return xgboost
