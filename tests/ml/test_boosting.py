"""XGBoost is loaded without scikit-learn, which costs more than a daily signal, and leaves scikit-learn as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIT = """
import json, sys
import numpy as np
{first}
from engine.ml.boosting import boosting
xgboost = boosting()
loaded = "sklearn" in sys.modules
X = np.random.default_rng(1).normal(size=(300, 4))
rows = xgboost.DMatrix(X, (X[:, 0] > 0).astype(float), nthread=1)
found = xgboost.train({{"objective": "binary:logistic", "nthread": 1, "seed": 1}}, rows, 5).predict(rows)
from sklearn.linear_model import LogisticRegression
LogisticRegression().fit(X, X[:, 0] > 0)
assert boosting() is xgboost
print(json.dumps([loaded, found.astype(float).sum()]))
"""


def fitted(first: str) -> tuple[bool, float]:
    done = subprocess.run([sys.executable, "-c", FIT.format(first=first)], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded, total = json.loads(done.stdout)
    return loaded, total


def test_the_models_are_the_same_with_and_without_scikit_learn_and_it_can_be_loaded_afterwards() -> None:
    without, alone = fitted("")
    beside, together = fitted("import sklearn.ensemble")
    assert (without, beside) == (False, True)
    assert alone == together
