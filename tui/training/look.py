"""What is known of the trainings: their jobs, the one that is shown, the results and the models in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.training.record import Record, of_model

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.jobs.client import JobClient
    from engine.store.job_ledger import Job
    from engine.store.models import StoredModel

KIND = "train"
#: Trainings that are listed.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of the trainings. jobs: without results; record: the one that is shown; models: every saved one."""

    jobs: list[Job] = field(default_factory=list)
    record: Record | None = None
    results: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    models: Sequence[StoredModel] = ()

    @property
    def content(self) -> tuple[object, ...]:
        """What the panels show rests on: it changes with events and endings, not with every sign of life."""
        shown = (
            None if self.record is None else (self.record.job.id, self.record.model_id, self.record.seq, self.record.job.status)
        )
        models = [(model.id, model.live) for model in self.models]
        return shown, [(job.id, job.status) for job in self.jobs], list(self.results), models


def look_at(jobs: JobClient, desk: Desk | None, before: Look, chosen: int | str | None) -> Look:
    """Read what there is now; what cannot have changed since `before` is not read again. chosen: the training to show, by the number
    of its job or the id of its model; None for the newest job. Raises StoreError, UsageError when the chosen one does not exist, and
    ModelError when the report of the chosen model cannot be read."""
    from engine.store.models import read_models

    listed = jobs.jobs(LISTED, kind=KIND)
    results = {job.id: before.results.get(job.id) or jobs.job(job.id).result or {} for job in listed if job.status == "done"}
    newest = listed[0].id if listed else None
    if isinstance(chosen, str):
        record = before.record if desk is None else _saved(desk, before.record, chosen)
    else:
        record = _record(jobs, before.record, newest if chosen is None else chosen)
    return Look(listed, record, results, read_models(desk.store) if desk is not None else ())


def _saved(desk: Desk, before: Record | None, model_id: str) -> Record:
    """The training of a model as its manifest tells it; what was read before does not change."""
    from engine.ml import registry

    if before is not None and before.model_id == model_id:
        return before
    return of_model(registry.find(desk.store, model_id), saved_report(desk, model_id))


def saved_report(desk: Desk, model_id: str) -> dict[str, Any]:
    """The report that was saved with a model. Raises UsageError and ModelError as the registry."""
    from engine.ml import registry

    return {**registry.read_manifest(desk.workspace.models, desk.store, model_id)["report"], "model_id": model_id}


def _record(jobs: JobClient, before: Record | None, wanted: int | None) -> Record | None:
    """The wanted training as it is now; of the one that was shown before only what is new is read."""
    if wanted is None:
        return None
    job = jobs.job(wanted)
    known = before if before is not None and before.job.id == wanted else Record(job)
    return known.grown(job, jobs.events(wanted, known.seq))
