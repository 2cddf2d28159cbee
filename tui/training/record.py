"""One training as far as it has come, read from its job: the row, what it said, and its reports once it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.i18n import _, ngettext

if TYPE_CHECKING:
    from engine.store.job_ledger import Job, JobEvent
    from engine.store.models import StoredModel

Payload = Mapping[str, Any]
Symbols = tuple[str, ...]

#: Units of work that must be done before the time that is left is guessed.
LEAST_UNITS = 2
LOG_LINES = 50
#: The number of the job of a model that no job of the app trained.
NO_JOB = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A training: the row of its job and what it has said so far. It makes one model, or several of some symbols each.

    log: the last events as sentences, oldest first, each with its time (UTC seconds). model_id: of a model that no job of the app
    trained, whose report is all that is known of its training.
    """

    job: Job
    events: tuple[JobEvent, ...] = ()
    log: tuple[tuple[int, str], ...] = ()
    model_id: str = ""

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
        """How long the rest takes if its units take as long as those that it did itself; None while these are too few."""
        total, done = self.job.total, self.job.done
        own = done - sum(event.payload["trials"] for event in self.taken_over)
        if not self.job.active or not total or own < LEAST_UNITS:
            return None
        return int(self.seconds(now) * (total - done) / own)

    @property
    def taken_over(self) -> list[JobEvent]:
        """The searches that an earlier training had finished and that this one did not have to do."""
        return [event for event in self.events if event.kind == "kept"]

    def _saved(self) -> set[Symbols]:
        """The symbols of the models that were saved."""
        return {tuple(event.payload["symbols"]) for event in self.events if event.kind == "trained"}

    def searches_kept(self) -> int:
        """The whole searches of a training that was not done, from which the same training goes on.

        The one whose last trial is the last thing that was said may not have been written down, and is not counted; those of saved
        models are thrown away.
        """
        trials = self.job.params.get("trials") or 0
        told = [event.payload for event in self.events[:-1] if event.kind == "trial" and event.payload["number"] == trials]
        told += [event.payload for event in self.taken_over]
        searches = {(tuple(said["symbols"]), said["fold"]) for said in told}
        return sum(symbols not in self._saved() for symbols, _fold in searches)

    def left_to_do(self) -> dict[str, Any]:
        """What to ask for to start it once more: what it was asked, without the models that were saved where it was not done."""
        asked, saved = dict(self.job.params), self._saved()
        if saved and self.job.status != "done" and not asked.get("pooled"):
            asked["symbols"] = [symbol for symbol in asked["symbols"] if (symbol,) not in saved] or asked["symbols"]
        return asked

    @property
    def can_go_on(self) -> bool:
        """Whether starting it once more has something to go on from."""
        ended = not self.job.active and self.job.status != "done"
        return ended and bool(self.searches_kept() or self.left_to_do() != self.job.params)

    def kept(self, key: str) -> str:
        """What is left of a training that was not done, and what the key does with it, in words."""
        searches, models = self.searches_kept(), len(self._saved())
        saved = ngettext("{count} model was saved.", "{count} models were saved.", models).format(count=models) if models else ""
        if searches:
            pattern = ngettext(
                "{key} goes on: {count} whole search is kept.",
                "{key} goes on: {count} whole searches are kept.",
                searches,
            )
        else:
            pattern = _("{key} goes on with the others.") if self.can_go_on else _("{key} runs it again from the start.")
        return f"{saved} {pattern.format(key=key, count=searches)}".strip()


def of_model(model: StoredModel, report: Payload) -> Record:
    """The training of a saved model, as far as its report tells of it."""
    from engine.store.job_ledger import Job, JobEvent

    at, folds = model.created_at, report["folds"]
    job = Job(NO_JOB, "train", asked_of(report), "done", at, at, at, result={"trainings": [report]})
    said = [{**fold, "of": len(folds), "symbols": report["symbols"]} for fold in folds]
    events = tuple(JobEvent(NO_JOB, number, at, "fold", payload) for number, payload in enumerate(said, 1))
    return Record(job, events, model_id=model.id)


def asked_of(report: Payload) -> dict[str, Any]:
    """The parameters of a job that asks for the same, as far as a report or its summary tells them; the period is not among them."""
    label, params, folds = dict(report.get("label") or {}), report.get("params") or {}, report.get("folds")
    search, effect = report.get("search"), report.get("strategy_effect") or {}
    return {
        "symbols": list(report["symbols"]),
        "pooled": True,
        "model": report["model"],
        "label": label.pop("kind", None),
        "label_params": label,
        "folds": len(folds) if isinstance(folds, list) else folds,
        "trials": search["trials"] // (len(folds) + 1) if search and folds else None,
        "features": report["features"] if isinstance(report.get("features"), list) else None,
        "select": params.get("select_k"),
        "balance": params.get("balance"),
        "strategy": effect.get("strategy"),
        "timeframe": report["timeframe"],
        "seed": params.get("seed"),
    }


def line_of(event: JobEvent, *, named: bool) -> str:
    """An event in a sentence. named: with the symbols of the model that it is about before it."""
    from tui.reports.training import event_line

    said = event.payload
    text = event_line(event.kind, said)
    if event.kind == "trained":
        text = _("Saved: {model_id}").format(model_id=said["model_id"])
    return f"{' '.join(said['symbols'])}: {text}" if named else text or event.kind


def place(fold: int | None) -> str:
    """A fold by its number; None is the model that learns from every row."""
    return _("all rows") if fold is None else _("fold {number}").format(number=fold)


def clock(seconds: int) -> str:
    """A duration as 01:02 or 1:02:03."""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes:02}:{seconds % 60:02}"
