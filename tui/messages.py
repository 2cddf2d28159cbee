"""What views and widgets tell the app. Facts go up as messages; the app decides and hands state down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.message import Message

Severity = Literal["information", "warning", "error"]


def sentences(text: str, hint: str) -> str:
    """What is wrong and what to do about it, one behind the other."""
    if not hint:
        return text
    return f"{text} {hint}" if text.endswith((".", "!", "?", ":", "…")) else f"{text}. {hint}"


@dataclass
class Said(Message):
    """Something for the user to read: a toast now, and a line in the message history."""

    text: str
    severity: Severity = "information"
    hint: str = ""


@dataclass
class BacktestAsked(Message):
    """Show the backtest of a symbol, with this strategy unless it is empty."""

    symbol: str
    strategy: str = ""


@dataclass
class ChartAsked(Message):
    """Show the chart of a symbol; with a timeframe and an instant (UTC seconds) the bar that was open then.

    strategy: whose trades to mark; None for those that the chart marks by itself.
    """

    symbol: str
    timeframe: str = ""
    instant: int | None = None
    strategy: str | None = None


@dataclass
class JobAsked(Message):
    """Start a job of this kind."""

    kind: str
    params: dict[str, object]
    title: str
