"""What is known of the trainings: their jobs, the one that is shown, the results and the models in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.training.record import Record

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.jobs.client import JobClient
    from engine.store.job_ledger import Job

KIND = "train"
#: Trainings that are listed.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of the trainings. jobs: without results; record: the one that is shown; live: the models in force."""

    jobs: list[Job] = field(default_factory=list)
    record: Record | None = None
    results: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    live: frozenset[str] = frozenset()

    @property
    def content(self) -> tuple[object, ...]:
        """What the panels show rests on: it changes with events and endings, not with every sign of life."""
        shown = None if self.record is None else (self.record.job.id, self.record.seq, self.record.job.status)
        return shown, [(job.id, job.status) for job in self.jobs], list(self.results), self.live


def look_at(jobs: JobClient, desk: Desk | None, before: Look, chosen: int | None) -> Look:
    """Read what there is now; what cannot have changed since `before` is not read again. chosen: the training to show, None for the
    newest. Raises StoreError, and UsageError when the chosen one does not exist."""
    from engine.store.models import read_models

    listed = jobs.jobs(LISTED, kind=KIND)
    results = {job.id: before.results.get(job.id) or jobs.job(job.id).result or {} for job in listed if job.status == "done"}
    newest = listed[0].id if listed else None
    record = _record(jobs, before.record, newest if chosen is None else chosen)
    live = frozenset(model.id for model in read_models(desk.store) if model.live) if desk is not None else frozenset()
    return Look(listed, record, results, live)


def _record(jobs: JobClient, before: Record | None, wanted: int | None) -> Record | None:
    """The wanted training as it is now; of the one that was shown before only what is new is read."""
    if wanted is None:
        return None
    job = jobs.job(wanted)
    known = before if before is not None and before.job.id == wanted else Record(job)
    return known.grown(job, jobs.events(wanted, known.seq))
