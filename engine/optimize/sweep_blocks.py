"""The points of a sweep in blocks: their orders, formed from crossings or from decisions, and their figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.backtest import kernel
from engine.backtest.simulation import tick_ratio
from engine.errors import UsageError
from engine.i18n import _
from engine.optimize import sweep_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.backtest.result import BacktestResult
    from engine.domain import Bars, FloatArray, IntArray
    from engine.strategies.base import Strategy
    from engine.strategies.crossing import Crosses, Crossing

#: Points of a block at most, and the room for their orders and for the lines they share, in values.
POINTS, ORDERS, LINES = 256, 8_000_000, 8_000_000


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of P points, as `sweep_kernel.score` takes them."""

    begin: IntArray
    row: IntArray
    side: IntArray
    stop: FloatArray
    target: FloatArray
    weight: FloatArray

    def columns(self) -> tuple[NDArray[Any], ...]:
        """The arrays in the order of the arguments."""
        return self.begin, self.row, self.side, self.stop, self.target, self.weight


#: How many points a block has, and the function that forms their orders.
Block = tuple[int, Callable[[], Orders]]


class Scorer:
    """The bars, costs and rules of a sweep in the form of `sweep_kernel.score`, those of the full backtest `probe`.

    signals: the bars of the decisions, n of them, as many as those of the fills. fast: whether the loops are compiled.
    Raises UsageError where only the full backtest can trade: other orders than market orders, futures.
    """

    def __init__(self, probe: BacktestResult, signals: Bars, *, fast: bool) -> None:
        simulation = probe.simulation
        check_simple(simulation.simple)
        bars, events, costs, config = simulation.bars, simulation.events, simulation.costs, simulation.config
        self.first, self.last, self.signals, self.fast = simulation.first, simulation.last, signals, fast
        self.factor = bars.close / signals.close if probe.raw_fills else np.ones(len(bars))
        rate = earned(simulation.rate, bars.session, self.first)
        cash = np.zeros(len(bars))
        if probe.risk_free is not None:
            cash[self.first :] = probe.risk_free
        self._arrays = (
            *(bars.open, bars.high, bars.low, bars.close),
            *(np.maximum(bars.open, bars.high), np.minimum(bars.open, bars.low), bars.session),
            *(events.split, events.dividend, events.present.astype(np.int8), costs.fee, costs.fee_day_trade, rate, events.pay),
            *(cash, sums_of_cash(rate - cash, self.first)),
        )
        self._scalars = (
            *(self.first, self.last, float(config.capital)),
            *(kernel.RISK if config.sizing == "risk" else kernel.FRACTION, config.size, config.allow_short),
            *(simulation.instrument.lot, float(simulation.instrument.point_value), *tick_ratio(simulation.instrument.tick)),
            *(float(costs.slippage), float(costs.brokerage), costs.borrow_per_session, bool(rate.any())),
            *(probe.periods, float(probe.session[-1] - probe.session[0] + 1)),
        )

    def score(self, orders: Orders, figures: FloatArray) -> None:
        """Write the figures (float64, P x `FIGURES`) of the points."""
        given = (*self._arrays, *orders.columns())
        arriving = np.zeros(len(self.signals))
        _function("score", self.fast)(*_columns(given, self.fast), *self._scalars, arriving, figures)

    def orders(self, lines: NDArray[Any], indices: Sequence[Any]) -> Orders:
        """The orders of crossings given as in `sweep_kernel.crossing_orders`."""
        points, room = len(indices[0]), len(indices[0]) * (self.last - self.first)
        begin, row, side = np.empty(points + 1, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
        stop, target = np.empty(room), np.empty(room)
        given = (self.signals.close, self.factor, lines, *indices)
        written = (begin, row, side, stop, target)
        count = _function("crossing_orders", self.fast)(*_columns(given, self.fast), self.first, self.last, *written)
        return Orders(begin, row[:count], side[:count], stop[:count], target[:count], np.empty(0))


def crossing_blocks(scorer: Scorer, strategies: Sequence[Strategy], most: int) -> Iterator[Block]:
    """Blocks of at most `most` points of strategies that declare a crossing."""
    n = len(scorer.signals)
    most = max(1, min(most, ORDERS // n))
    block = None
    for strategy in strategies:
        crossing = cast("Crosses", strategy).crossing(scorer.signals)
        room = max(crossing.most_lines, min(LINES // n, crossing.most_lines * len(strategies)))
        if block is None:
            block = _CrossingBlock(_Lines(n, room))
        elif block.size == most or not block.lines.takes(crossing.most_lines):
            yield block.size, block.maker(scorer)
            block = _CrossingBlock(block.lines if block.lines.takes(crossing.most_lines) else _Lines(n, room))
        block.add(crossing)
    if block is not None:
        yield block.size, block.maker(scorer)


class _Lines:
    """At most `count` lines of n bars as rows of one array, those that are the same object once."""

    def __init__(self, n: int, count: int) -> None:
        self.rows = np.empty((count, n))
        self._held: dict[int, tuple[int, FloatArray]] = {}

    def takes(self, count: int) -> bool:
        """Whether there is room for so many more lines."""
        return len(self._held) + count <= len(self.rows)

    def place(self, line: FloatArray) -> int:
        """The row of a line."""
        held = self._held.get(id(line))
        if held is None:
            held = self._held[id(line)] = len(self._held), line
            self.rows[held[0]] = line
        return held[0]


@dataclass
class _CrossingBlock:
    """Crossings as columns."""

    lines: _Lines
    fast: list[int] = field(default_factory=list)
    slow: list[int] = field(default_factory=list)
    distance: list[int] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    filters: list[list[int]] = field(default_factory=list)
    bounds: list[list[tuple[float, ...]]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many points there are."""
        return len(self.fast)

    def add(self, crossing: Crossing) -> None:
        """Take one more point."""
        place = self.lines.place
        self.fast.append(place(crossing.fast))
        self.slow.append(place(crossing.slow))
        self.distance.append(-1 if crossing.distance is None else place(crossing.distance))
        self.levels.append((crossing.stop, crossing.target))
        self.filters.append([place(item.line) for item in crossing.filters])
        self.bounds.append([(*item.buy, *item.sell) for item in crossing.filters])

    def maker(self, scorer: Scorer) -> Callable[[], Orders]:
        """The function that forms the orders of these points."""
        most = max(len(filters) for filters in self.filters)
        filters = np.full((self.size, most), -1, dtype=np.int64)
        bounds = np.zeros((self.size, most, 4))
        for point, used in enumerate(self.filters):
            if used:
                filters[point, : len(used)], bounds[point, : len(used)] = used, self.bounds[point]
        places = [np.array(column, dtype=np.int64) for column in (self.fast, self.slow, self.distance)]
        levels = np.array(self.levels).T
        lines, indices = self.lines.rows, (*places, *levels, filters.ravel(), bounds.ravel())
        return lambda: scorer.orders(lines, indices)


def decision_blocks(scorer: Scorer, strategies: Sequence[Strategy], most: int) -> Iterator[Block]:
    """Blocks of at most `most` points of any strategies, by what they decide. Raises UsageError as `Scorer` does."""
    for begin in range(0, len(strategies), most):
        parts = [_decided(scorer, strategy) for strategy in strategies[begin : begin + most]]
        counts = [part[0].size for part in parts]
        row, side, stop, target, weight = (np.concatenate(column) for column in zip(*parts))
        orders = Orders(np.concatenate(([0], np.cumsum(counts))), row, side, stop, target, weight)
        yield len(parts), lambda orders=orders: orders  # type: ignore[misc]


def _decided(scorer: Scorer, strategy: Strategy) -> tuple[NDArray[Any], ...]:
    """The orders of one point: row, side, stop, target, weight."""
    decisions = strategy.decide(scorer.signals)
    check_simple(all(level is None or np.isnan(level).all() for level in (decisions.limit, decisions.trigger)))
    row = scorer.first + np.flatnonzero(decisions.action[scorer.first : scorer.last])
    weight = np.full(row.size, np.nan) if decisions.size is None else decisions.size[row]
    factor = scorer.factor[row]
    return row, decisions.action[row].astype(np.int64), decisions.stop[row] * factor, decisions.target[row] * factor, weight


def check_simple(simple: bool) -> None:
    """Raises UsageError unless the sweep's kernel can trade it."""
    if not simple:
        raise UsageError(
            _("A sweep trades market orders in shares, with the strategy's own stop and target"),
            _("Use the default [orders] of the settings, or test the parameters one by one with a backtest."),
        )


def scored(scorer: Scorer, blocks: Iterator[Block], figures: FloatArray, workers: int) -> Iterator[int]:
    """Write the figures of all blocks, in threads while the next block is prepared; yields how many points are done."""
    done = begin = 0
    if workers == 1:
        for count, orders in blocks:
            scorer.score(orders(), figures[done : done + count])
            done += count
            yield done
        return
    waiting: deque[tuple[int, Future[None]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for count, orders in blocks:
            waiting.append((count, pool.submit(_score, scorer, orders, figures[begin : begin + count])))
            begin += count
            if len(waiting) > workers:
                done += _finish(waiting)
                yield done
        while waiting:
            done += _finish(waiting)
            yield done


def _score(scorer: Scorer, orders: Callable[[], Orders], figures: FloatArray) -> None:
    scorer.score(orders(), figures)


def _finish(waiting: deque[tuple[int, Future[None]]]) -> int:
    count, future = waiting.popleft()
    future.result()
    return count


def earned(rate: FloatArray | None, session: IntArray, first: int) -> FloatArray:
    """What settled cash earns over each bar: `rate` (None for nothing) on bars that begin a session or the window, else 0."""
    if rate is None:
        return np.zeros(session.size)
    begins = np.append(True, session[1:] != session[:-1])
    begins[first] = True
    return np.where(begins, rate, 0.0)


def sums_of_cash(excess: FloatArray, first: int) -> FloatArray:
    """The sums that `sweep_kernel.score` calls `flat`, float64, (3, n + 1), of the excess return of settled cash."""
    around = excess - excess[first]
    sums = np.zeros((3, excess.size + 1))
    np.cumsum((around, around**2, np.minimum(excess, 0.0) ** 2), axis=1, out=sums[:, 1:])
    return sums


def _function(name: str, fast: bool) -> Any:
    functions: Mapping[str, Any] = sweep_kernel.compiled() if fast else sweep_kernel.PLAIN
    return functions[name]


def _columns(arrays: Sequence[NDArray[Any]], fast: bool) -> list[Any]:
    return [np.ascontiguousarray(array) if fast else array.tolist() for array in arrays]
