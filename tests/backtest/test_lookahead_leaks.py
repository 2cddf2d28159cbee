"""The leaks that a research notebook makes, each beside the way to say the same without one: only the honest one passes.

The proof is asked as the rooms above ask it: a name, a kind, a callable of bars, and for a label its horizon.
"""

import numpy as np
import pandas as pd
import pytest

from engine.backtest.lookahead import check
from engine.backtest.subjects import random_walk

WALK = random_walk(260, seed=3)
N = len(WALK)


def series(bars):
    return pd.Series(bars.close)


def weeks(bars):
    """The number of the calendar week of each session."""
    return (bars.session + 3) // 7


def fitted(inputs, answers):
    """Least squares of one line; undefined for fewer than ten pairs."""
    known = ~(np.isnan(inputs) | np.isnan(answers))
    if np.count_nonzero(known) < 10:
        return np.array([np.nan, np.nan])
    return np.polyfit(inputs[known], answers[known], 1)


def momentum(bars):
    return series(bars).pct_change(5).to_numpy()


def next_return(bars, horizon=1):
    close = series(bars)
    return (close.shift(-horizon) / close - 1).to_numpy()


def growing_model(bars):
    """The line is fitted anew every 20 bars, on the answers that are known by then."""
    inputs, answers = momentum(bars), next_return(bars)
    lines = np.array([fitted(inputs[:end], answers[:end]) for end in range(0, len(bars), 20)])
    slope, level = np.repeat(lines, 20, axis=0)[: len(bars)].T
    return slope * inputs + level


def model_of_everything(bars):
    slope, level = fitted(momentum(bars), next_return(bars))
    return slope * momentum(bars) + level


PAST = random_walk(200, seed=9)
PAST_LINE = fitted(momentum(PAST), next_return(PAST))


def finished_week_high(bars):
    """The high of the last week that is over, at every bar of the next one."""
    high = pd.Series(bars.high).groupby(weeks(bars)).max().shift(1)
    return high.reindex(weeks(bars)).to_numpy()


def this_week_close(bars):
    """The close of the weekly bar of the same week, which is not finished before its last session."""
    return series(bars).groupby(weeks(bars)).transform("last").to_numpy()


LEAKS = {
    "shift(-1)": ("feature", lambda bars: series(bars).shift(-1).to_numpy()),
    "full-sample z-score": ("feature", lambda bars: ((series(bars) - series(bars).mean()) / series(bars).std()).to_numpy()),
    "full-sample quantile": ("regime", lambda bars: (series(bars) > series(bars).quantile(0.8)).to_numpy()),
    "centred rolling mean": ("feature", lambda bars: series(bars).rolling(11, center=True).mean().to_numpy()),
    "interpolation": ("feature", lambda bars: series(bars).where(bars.session % 5 > 0).interpolate().to_numpy()),
    "bfill": ("feature", lambda bars: series(bars).rolling(20).mean().bfill().to_numpy()),
    "label without horizon": ("label", next_return),
    "unfinished weekly bar": ("feature", this_week_close),
    "weekly high to its own days": (
        "feature",
        lambda bars: pd.Series(bars.high).groupby(weeks(bars)).transform("max").to_numpy(),
    ),
    "model of everything": ("model", model_of_everything),
}
HONEST = {
    "shift(1)": ("feature", lambda bars: series(bars).shift(1).to_numpy()),
    "expanding z-score": ("feature", lambda bars: ((series(bars) - series(bars).expanding().mean()) / series(bars).expanding().std()).to_numpy()),
    "expanding quantile": ("regime", lambda bars: (series(bars) > series(bars).expanding().quantile(0.8)).to_numpy()),
    "rolling mean": ("feature", lambda bars: series(bars).rolling(11).mean().to_numpy()),
    "forward fill": ("feature", lambda bars: series(bars).where(bars.session % 5 > 0).ffill().to_numpy()),
    "finished weekly bar": ("feature", finished_week_high),
    "weekly high so far": ("feature", lambda bars: pd.Series(bars.high).groupby(weeks(bars)).cummax().to_numpy()),
    "growing model": ("model", growing_model),
    "model of the past": ("model", lambda bars: PAST_LINE[0] * momentum(bars) + PAST_LINE[1]),
}  # fmt: skip


def asked(subject, **options):
    kind, compute = subject
    return check("subject", kind, lambda bars: {"close": bars.close, "made": compute(bars)}, WALK, **options)


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_of_a_notebook_is_caught_where_it_begins(name):
    kind, compute = LEAKS[name]
    checked = asked(LEAKS[name], tolerance=1e-9)
    found = checked.first_violation
    assert found is not None
    assert (checked.kind, found.test, found.column) == (kind, "prefix", "made")
    whole = pd.Series(compute(WALK)[: found.seen])
    part = pd.Series(compute(WALK.take(slice(0, found.seen))))
    same = np.isclose(whole.astype(float), part.astype(float), rtol=1e-9, atol=0, equal_nan=True)
    assert found.index == int(same.argmin())
    assert found.time == WALK.time[found.index]


@pytest.mark.parametrize("name", HONEST)
def test_the_same_without_a_leak_passes(name):
    checked = asked(HONEST[name], tolerance=1e-9)
    assert checked.first_violation is None
    assert checked.prefixes == N


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_label_passes_with_its_horizon_alone(horizon):
    label = ("label", lambda bars: next_return(bars, horizon))
    assert asked(label, horizon=horizon).passed
    found = asked(label, horizon=horizon - 1).first_violation
    assert found is not None
    assert (found.column, found.index) == ("made", 0)


def test_an_unfinished_weekly_bar_is_caught_at_the_first_day_that_is_not_its_last():
    first = next(t for t in range(N - 1) if weeks(WALK)[t] == weeks(WALK)[t + 1])
    found = asked(LEAKS["unfinished weekly bar"]).first_violation
    assert found is not None
    last = np.flatnonzero(weeks(WALK) == weeks(WALK)[first])[-1]
    assert (found.index, found.expected, found.found) == (first, WALK.close[last], WALK.close[first])


def test_a_centred_mean_is_caught_at_its_first_value():
    found = asked(LEAKS["centred rolling mean"]).first_violation
    assert found is not None
    assert (found.index, found.seen, found.found) == (5, 6, None)
    assert found.expected == pytest.approx(WALK.close[:11].mean())
