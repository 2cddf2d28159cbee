"""What a step of the daily run is, what it hands to the next ones and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.domain import Bars, Signal
from engine.notifications.day import Teller
from engine.store.ledger import StepRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.daily.plan import Plan


@dataclass
class Findings:
    """What the steps of one run hand to one another."""

    watched: list[str] = field(default_factory=list)
    named: bool = False
    bars: dict[str, Bars] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    directions: list[dict[str, Any]] = field(default_factory=list)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    drift: dict[str, dict[str, Any]] = field(default_factory=dict)
    paper: dict[str, Any] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended; `signals` and the messages that `tell` writes are recorded together with it. idle: it had nothing to compute."""

    status: str
    detail: dict[str, Any]
    signals: tuple[Signal, ...] | None = None
    tell: Callable[[Connection], None] | None = None
    idle: bool = False


def nothing(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:
    """The `recall` of a step whose findings no other step asks for."""


def nothing_else(plan: Plan) -> None:
    """The `reads` of a step that reads nothing besides."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `always` steps run again in every call; the others only when what they read has changed, else `recall` puts what
    they had found, as recorded, into the findings. `later` steps are those of every decision time. reads: what a step reads besides
    bars, settings and the findings of the steps before.
    """

    name: str
    work: Callable[[Plan, Findings], Outcome]
    always: bool = False
    later: bool = False
    recall: Callable[[Plan, Findings, Mapping[str, Any]], None] = nothing
    reads: Callable[[Plan], object] = nothing_else


def teller(plan: Plan) -> Teller:
    """What writes the messages of a run."""
    return Teller(plan.run_id, plan.desk.now(), plan.desk.workspace.demo)
