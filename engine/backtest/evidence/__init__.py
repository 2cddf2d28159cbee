"""How far a result can be trusted: the verdict, the Sharpe ratio against luck and trials, and bands by resampling."""

from __future__ import annotations

from engine.backtest.evidence.judgement import FORESEEN, INSUFFICIENT, LUCK, MIN_TRADES, SKILL, verdict

__all__ = ["FORESEEN", "INSUFFICIENT", "LUCK", "MIN_TRADES", "SKILL", "verdict"]
