"""What the strategies and the regime say on made walks, to the last bit, as it was stored: a faster way must say the same.

The walks are whole numbers of centavos and of shares, so that every machine makes the same ones. The figures are hashes of
the columns; `golden_decisions.json` is written anew by `python -m tests.strategies.test_golden_decisions`, and only when a
strategy is meant to decide otherwise.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from engine import strategies
from engine.features.regime import regimes
from engine.strategies.outcomes import outcomes
from tests.strategies.strategy_checks import bars_of, columns
from tests.strategies.test_all_strategies import LOOSE

STORED = Path(__file__).with_name("golden_decisions.json")
PARAMS = {"default": {name: {} for name in LOOSE}, "loose": LOOSE}


def cents_walk(seed, n, *, per_session=1, known=1.0):
    """A walk in whole centavos that never falls below 5.00; of the volumes a share of `known` is given."""
    random = np.random.default_rng(seed)
    close = np.abs(2_500 + np.cumsum(random.integers(-70, 71, n))) + 500
    opening = np.concatenate(([3_000], close[:-1])) + random.integers(-15, 16, n)
    high = np.maximum(opening, close) + random.integers(0, 30, n)
    low = np.minimum(opening, close) - random.integers(0, 30, n)
    quantity = np.where(random.integers(0, 1_000, n) < 1_000 * known, random.integers(1, 400, n) * 100.0, np.nan)
    prices = {"high": high / 100, "low": low / 100, "open_": opening / 100}
    return bars_of(
        close / 100, **prices, quantity=quantity, per_session=per_session, timeframe="1d" if per_session == 1 else "60m"
    )


WALKS = {
    "daily": lambda: cents_walk(1, 2_000),
    "hourly": lambda: cents_walk(2, 1_000, per_session=8),
    "gaps": lambda: cents_walk(3, 1_000, known=0.99),
    "short": lambda: cents_walk(4, 60),
}


def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def said(name, params, bars):
    """The signals, the hash of every column and of what became of the signals."""
    decisions = strategies.get(name, params).decide(bars)
    closed = outcomes(bars, decisions)
    return {
        "signals": int(np.count_nonzero(decisions.action)),
        **{column: digest(values) for column, values in columns(decisions).items()},
        "outcomes": [closed.signal.size, *(digest(values) for values in (closed.signal, closed.exit, closed.return_))],
    }


def all_said():
    found = {}
    for walk, make in WALKS.items():
        bars = make()
        found[f"regime {walk}"] = digest(regimes(bars))
        for kind, params in PARAMS.items():
            for name in strategies.names():
                found[f"{name} {kind} {walk}"] = said(name, params[name], bars)
    return found


@pytest.mark.parametrize("walk", WALKS)
def test_every_decision_is_the_stored_one_to_the_last_bit(walk):
    stored, bars = json.loads(STORED.read_text("utf-8")), WALKS[walk]()
    assert digest(regimes(bars)) == stored[f"regime {walk}"]
    for kind, params in PARAMS.items():
        for name in strategies.names():
            assert said(name, params[name], bars) == stored[f"{name} {kind} {walk}"], (name, kind)


def test_the_stored_decisions_act_and_close_trades():
    stored = json.loads(STORED.read_text("utf-8"))
    for name in strategies.names():
        assert all(stored[f"{name} {kind} daily"]["outcomes"][0] > 0 for kind in PARAMS), name
        assert stored[f"{name} loose daily"]["signals"] > 30, name


if __name__ == "__main__":
    STORED.write_text(json.dumps(all_said(), indent=1) + "\n", "utf-8")
