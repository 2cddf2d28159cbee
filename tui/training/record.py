"""One training as far as it has come, read from its job: the row, what it said, and its reports once it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.i18n import _, ngettext

if TYPE_CHECKING:
    from engine.store.job_ledger import Job, JobEvent

Payload = Mapping[str, Any]
Symbols = tuple[str, ...]

#: Units of work that must be done before the time that is left is guessed.
LEAST_UNITS = 2
LOG_LINES = 50


@dataclass(frozen=True, slots=True)
class Record:
    """A training: the row of its job and what it has said so far. It makes one model, or several of some symbols each.

    log: the last events as sentences, oldest first, each with its time (UTC seconds).
    """

    job: Job
    events: tuple[JobEvent, ...] = ()
    log: tuple[tuple[int, str], ...] = ()

    def grown(self, job: Job, events: Sequence[JobEvent]) -> Record:
        """The same training with its row as it is now, and with what it has said since."""
        several = len(job.params.get("symbols") or ()) > 1 and not job.params.get("pooled")
        new = [(event.at, line_of(event, named=several)) for event in events[-LOG_LINES:]]
        return replace(self, job=job, events=(*self.events, *events), log=(*self.log, *new)[-LOG_LINES:])

    @property
    def seq(self) -> int:
        """The number of the last event."""
        return self.events[-1].seq if self.events else 0

    @property
    def reports(self) -> tuple[Payload, ...]:
        """The reports of the models; empty until it is done."""
        return tuple((self.job.result or {}).get("trainings") or ())

    def newest(self) -> Symbols:
        """The symbols of the model that was worked on last."""
        if self.events:
            return tuple(self.events[-1].payload.get("symbols") or ())
        asked = tuple(self.job.params.get("symbols") or ())
        return asked if self.job.params.get("pooled") else asked[:1]

    def report(self, symbols: Symbols) -> Payload | None:
        """The report of the model of these symbols; None until it is there."""
        return next((report for report in self.reports if tuple(report["symbols"]) == symbols), None)

    def folds(self, symbols: Symbols) -> list[Payload]:
        """The folds of one model that were judged."""
        return [event.payload for event in self.events if event.kind == "fold" and tuple(event.payload["symbols"]) == symbols]

    def search(self, symbols: Symbols) -> list[Payload]:
        """The trials of one model in the fold that was searched last, or of its fit on all rows."""
        trials = [event.payload for event in self.events if event.kind == "trial" and tuple(event.payload["symbols"]) == symbols]
        return [trial for trial in trials if trial["fold"] == trials[-1]["fold"]]

    def seconds(self, now: float) -> int:
        """How long it has run, or ran."""
        end = now if self.job.active or self.job.finished_at is None else self.job.finished_at
        return max(int(end - (self.job.started_at or self.job.created_at)), 0)

    def seconds_left(self, now: float) -> int | None:
        """How long the rest takes if its units take as long as those before; None while too few are done."""
        done, total = self.job.done, self.job.total
        if not self.job.active or not total or done < LEAST_UNITS:
            return None
        return int(self.seconds(now) * (total - done) / done)

    def kept(self) -> str:
        """What is left of a training that was not done, in words."""
        folds, trials, models = (sum(event.kind == kind for event in self.events) for kind in ("fold", "trial", "trained"))
        parts = [
            ngettext("{count} fold", "{count} folds", folds).format(count=folds),
            ngettext("{count} trial", "{count} trials", trials).format(count=trials),
            ngettext("{count} model saved", "{count} models saved", models).format(count=models),
        ]
        return ", ".join(parts)


def line_of(event: JobEvent, *, named: bool) -> str:
    """An event in a sentence. named: with the symbols of the model that it is about before it."""
    from tui.reports.training import event_line

    said = event.payload
    text = event_line(event.kind, said)
    if event.kind == "trained":
        text = _("Saved as {model_id}.").format(model_id=said["model_id"])
    return f"{' '.join(said['symbols'])}: {text}" if named else text or event.kind


def place(fold: int | None) -> str:
    """A fold by its number; None is the model that learns from every row."""
    return _("all rows") if fold is None else _("fold {number}").format(number=fold)


def clock(seconds: int) -> str:
    """A duration as 01:02 or 1:02:03."""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes:02}:{seconds % 60:02}"
