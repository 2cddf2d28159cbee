"""What the backtest view asks of the engine; called in threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import PregaoError
from tui.backtest.form import Question

if TYPE_CHECKING:
    from engine.backtest.compare import Comparison
    from engine.backtest.result import BacktestResult
    from engine.desk import Desk
    from engine.domain import Progress


def answer(desk: Desk, question: Question) -> BacktestResult:
    """The judged result of one question, with what its panels show worked out; not recorded as a trial.

    Raises PregaoError for what cannot be traded.
    """
    from engine import strategies
    from engine.backtest.run import judged, read_inputs, trade, vouched
    from engine.store.ledger import read_trials
    from tui.commands.common import day_bounds

    start, end = day_bounds(question.start, question.end)
    inputs = read_inputs(
        desk.store,
        desk.settings,
        question.symbol,
        timeframe=question.timeframe,
        start=start,
        end=end,
        capital=question.capital,
        costs=question.costs,
        execution=question.execution,
    )
    strategy = strategies.get(question.strategy, dict(question.params), desk.workspace.strategies)
    result = vouched(inputs, trade(inputs, strategy), desk.workspace.cache)
    result = judged(result, read_trials(desk.store, question.symbol, question.timeframe))
    result.as_dict(monthly=True)
    return result


def compared(desk: Desk, question: Question, progress: Progress) -> tuple[Comparison, tuple[PregaoError, ...]]:
    """Every strategy on the ground of the question, the one of the question with its parameters, the others as delivered.

    Each is recorded as a trial. Files of the user that cannot be used are left out and their errors returned.
    Raises PregaoError for what cannot be traded, and whatever `progress` raises.
    """
    from engine import strategies
    from engine.backtest.compare import compare
    from tui.commands.common import day_bounds

    folder, broken, found = desk.workspace.strategies, [], []
    for name in strategies.names(folder):
        try:
            found.append(strategies.get(name, dict(question.params) if name == question.strategy else {}, folder))
        except PregaoError as error:
            broken.append(error)
    start, end = day_bounds(question.start, question.end)
    comparison = compare(
        desk.store,
        desk.settings,
        question.symbol,
        found,
        now=desk.now(),
        timeframe=question.timeframe,
        start=start,
        end=end,
        capital=question.capital,
        costs=question.costs,
        execution=question.execution,
        progress=progress,
        proofs=desk.workspace.cache,
    )
    return comparison, tuple(broken)
