"""The daily run: what it is about, its steps in order, and what it says when it ends."""

from engine.daily.plan import Plan, plan_run
from engine.daily.report import Report
from engine.daily.run import run_daily
from engine.daily.steps import STEPS

__all__ = ["STEPS", "Plan", "Report", "plan_run", "run_daily"]
