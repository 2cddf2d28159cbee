"""A sweep: one strategy at every point of a grid of parameters, on one series, with the figures that a search needs.

Every point is scored on the same bars, from the first one after the longest warm-up of the grid, by the rules of
`engine.backtest.engine.backtest`: its final equity is that of a backtest of the point with the same warm-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.engine import BacktestConfig, backtest
from engine.domain import Progress, iso, jsonable, silent
from engine.errors import UsageError
from engine.features.memo import remembering
from engine.i18n import _
from engine.optimize import sweep_kernel
from engine.optimize.grid import points_of
from engine.optimize.sweep_blocks import POINTS, Scorer, crossing_blocks, decision_blocks, scored
from engine.strategies.base import Strategy
from engine.strategies.crossing import is_crossing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.backtest.result import BacktestResult
    from engine.domain import Bars, FloatArray, Instrument, IntArray
    from engine.market.adjust import EventArrays
    from engine.market.costs import CostModel

#: From this many points x bars on, a process that has not imported numba yet gains by doing so.
COMPILE_FROM = 1_000_000
FIGURES = np.dtype([(name, np.int64 if name == "trades" else np.float64) for name in sweep_kernel.FIGURES])


@dataclass(frozen=True)
class SweepResult:
    """The points of a sweep in the order of the grid.

    points: a structured array with the fields "params" (a value for each parameter of the grid) and "metrics" (`FIGURES`;
    NaN where undefined). fixed: the parameters that the grid leaves at their defaults. impossible: points of the grid that
    the strategy refuses, which are not among the points. probe: the full backtest of the point with the longest warm-up.
    """

    points: NDArray[np.void]
    strategy: type[Strategy]
    fixed: Mapping[str, Any]
    impossible: int
    probe: BacktestResult

    def __len__(self) -> int:
        return int(self.points.size)

    @property
    def params(self) -> NDArray[np.void]:
        """The parameters of each point."""
        return np.asarray(self.points["params"])

    @property
    def metrics(self) -> NDArray[np.void]:
        """The figures of each point."""
        return np.asarray(self.points["metrics"])

    def ranked(self, metric: str = "sharpe_ratio", least_trades: int = 0) -> IntArray:
        """The points (int64, indices) by a metric, greatest first; those of equal value in the order of the grid.

        Points where it is undefined, or with fewer closed trades than `least_trades`, are left out. Raises UsageError for an
        unknown metric.
        """
        if metric not in sweep_kernel.FIGURES:
            raise UsageError(
                _("A sweep has no metric {name}").format(name=metric),
                _("Choose one of: {words}.").format(words=", ".join(sweep_kernel.FIGURES)),
            )
        values = self.metrics[metric].astype(np.float64)
        rows = np.flatnonzero(~np.isnan(values) & (self.metrics["trades"] >= least_trades))
        return rows[np.argsort(-values[rows], kind="stable")]

    def best(self, metric: str = "sharpe_ratio", least_trades: int = 0) -> int | None:
        """The first of `ranked`; None where no point has the metric and the trades."""
        order = self.ranked(metric, least_trades)
        return int(order[0]) if order.size else None

    def at(self, point: int) -> Strategy:
        """The strategy at a point."""
        return self.strategy(**self._params(point))

    def as_dict(self, metric: str = "sharpe_ratio", *, least_trades: int = 0, top: int | None = None) -> dict[str, Any]:
        """The JSON form: the points by `ranked`, those without the metric left out, the first `top` or all of them."""
        bars, first, last = self.probe.bars, self.probe.first, self.probe.last
        order = self.ranked(metric, least_trades)
        return {
            "symbol": bars.symbol,
            "timeframe": bars.timeframe,
            "price_base": str(self.probe.price_base),
            "strategy": self.strategy.name,
            "period": {"start": iso(int(bars.time[first])), "end": iso(int(bars.time[last]))},
            "fixed": dict(self.fixed),
            "metric": metric,
            "trials": len(self),
            "impossible": self.impossible,
            "ranked": int(order.size),
            "points": [{"params": self._params(point), "metrics": self._figures(point)} for point in order[:top].tolist()],
        }

    def _params(self, point: int) -> dict[str, Any]:
        return dict(zip(self.params.dtype.names or (), self.params[point].item()))

    def _figures(self, point: int) -> dict[str, Any]:
        figures: dict[str, Any] = jsonable(dict(zip(sweep_kernel.FIGURES, self.metrics[point].item())))
        return figures


def sweep(
    bars: Bars,
    strategy: type[Strategy],
    grid: Mapping[str, Sequence[object]],
    config: BacktestConfig | None = None,
    *,
    instrument: Instrument,
    costs: CostModel,
    raw: Bars | None = None,
    events: EventArrays | None = None,
    risk_free: FloatArray | None = None,
    idle_cash: bool | FloatArray = False,
    start: int | None = None,
    end: int | None = None,
    workers: int = 1,
    compiled: bool | None = None,
    progress: Progress = silent,
) -> SweepResult:
    """Trade `strategy` at every point of `grid` on `bars`.

    grid: the values of each parameter; the others keep their defaults. workers: threads that score points while the next
    ones are prepared; results do not depend on it. compiled: as in `backtest`, which explains the other arguments too.
    progress: counts points. Memory does not grow with the points but for their figures.
    Raises UsageError for an impossible grid, as `points_of` says, and for orders, a market or levels that only the full
    backtest can trade; NoDataError and UsageError as `backtest` does.
    """
    strategies, impossible = points_of(strategy, grid)
    if workers < 1:
        raise UsageError(_("The number of workers must be at least 1, not {count}").format(count=workers))
    slowest = max(strategies, key=lambda item: item.warm_up)
    fast = sweep_kernel.is_compiled() or len(strategies) * len(bars) >= COMPILE_FROM if compiled is None else compiled
    probe = backtest(
        bars,
        slowest,
        config,
        instrument=instrument,
        costs=costs,
        raw=raw,
        events=events,
        risk_free=risk_free,
        idle_cash=idle_cash,
        start=start,
        end=end,
        compiled=fast,
    )
    signals = bars.take(np.searchsorted(bars.time, probe.bars.time))
    scorer = Scorer(probe, signals, fast=fast)
    crosses = is_crossing(strategy)
    found = np.empty((len(strategies), len(sweep_kernel.FIGURES)))
    with remembering(signals, shared=crosses):
        most = min(POINTS, -(-len(strategies) // workers))
        blocks = (crossing_blocks if crosses else decision_blocks)(scorer, strategies, most)
        for done in scored(scorer, blocks, found, workers):
            progress(done, len(strategies))
    return SweepResult(
        points=_points(strategies, tuple(grid), found),
        strategy=strategy,
        fixed={name: value for name, value in slowest.params.items() if name not in grid},
        impossible=impossible,
        probe=probe,
    )


def _points(strategies: Sequence[Strategy], names: Sequence[str], found: FloatArray) -> NDArray[np.void]:
    kinds = {item.name: np.int64 if isinstance(item.default, int) else np.float64 for item in fields(strategies[0])}
    params = np.dtype([(name, kinds[name]) for name in names])
    points = np.zeros(len(strategies), dtype=[("params", params), ("metrics", FIGURES)])
    for name in names:
        points["params"][name] = [getattr(strategy, name) for strategy in strategies]
    for column, name in enumerate(sweep_kernel.FIGURES):
        points["metrics"][name] = found[:, column]
    return points
