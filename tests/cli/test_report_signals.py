"""The report of signals: what a model said stands below its signal."""

from __future__ import annotations

import io

from rich.console import Console

from tui.reports.signals import signals_report

SIGNAL = {
    "symbol": "MEAA3", "action": "HOLD", "strength": 0.0, "price": 30.0, "stop_loss": None, "take_profit": None,
    "time": "2025-06-30T10:00:00-03:00", "valid_until": "2025-07-01T18:00:00-03:00", "reason": "No signal.", "stale_sessions": 0,
}  # fmt: skip
OPINION = {"model": "signals-xgb-1", "state": "no signal", "threshold": 0.6, "reason": ""}


def shown(**more: object) -> str:
    console = Console(width=200, file=io.StringIO())
    console.print(signals_report([{**SIGNAL, **more}]))
    return console.file.getvalue()


def test_a_model_that_was_asked_is_named_with_its_answer_also_where_the_strategy_says_nothing() -> None:
    said = shown(filter={**OPINION, "probabilities": {"SELL": 0.125, "HOLD": 0.5, "BUY": 0.375}})
    assert "model signals-xgb-1 says SELL 12.50%, HOLD 50.00%, BUY 37.50%; a signal needs 60.00%" in said


def test_without_an_answer_nothing_is_made_up() -> None:
    assert "says" not in shown(filter={**OPINION, "probabilities": None})
    assert "says" not in shown(filter=None)
