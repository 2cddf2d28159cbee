"""The trainings that were started and the models that were saved, one row a model; two of them can be marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.domain import iso
from engine.i18n import _
from tui.names import status_name
from tui.quick_format import DASH, day, number
from tui.training.form import label_name
from tui.training.record import NO_JOB, Symbols, asked_of
from tui.widgets.table import Cell, Column, VTable

if TYPE_CHECKING:
    from engine.store.job_ledger import Job
    from engine.store.models import StoredModel

STATUS_STYLE = {"failed": "down", "lost": "down", "cancelled": "dim"}


@dataclass(frozen=True, slots=True)
class Row:
    """One model of a training, or a training that has none. live: whether the model is in force.

    job: that of a model which no job of the app trained has the number NO_JOB. report: of such a model its summary.
    """

    job: Job
    symbols: Symbols
    report: Mapping[str, Any] | None
    live: bool = False

    @property
    def model_id(self) -> str:
        return str((self.report or {}).get("model_id") or "")

    @property
    def key(self) -> tuple[int, Symbols, str]:
        return self.job.id, self.symbols, self.model_id


def rows_of(jobs: Sequence[Job], results: Mapping[int, Mapping[str, Any]], models: Sequence[StoredModel]) -> list[Row]:
    """The newest first. results: by job, those of the trainings that are done; models: every saved one."""
    found, live = [], {model.id for model in models if model.live}
    for job in jobs:
        reports = (results.get(job.id) or {}).get("trainings") or ()
        found += [Row(job, tuple(report["symbols"]), report, report["model_id"] in live) for report in reports]
        if not reports:
            found.append(Row(job, tuple(job.params.get("symbols") or ()), None))
    known = {row.model_id for row in found}
    found += [_of_model(model) for model in models if model.id not in known]
    return sorted(found, key=lambda row: -row.job.created_at)


def _of_model(model: StoredModel) -> Row:
    from engine.store.job_ledger import Job

    report = model.as_dict()
    return Row(Job(NO_JOB, "train", asked_of(report), "done", model.created_at), model.symbols, report, model.live)


class HistoryPanel(Vertical):
    """The table of the trainings; the marked ones can be compared."""

    DEFAULT_CSS = """
    HistoryPanel { height: 1fr; }
    #history-table { height: 1fr; }
    #history-about { height: 1; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows: list[Row] = []
        self.marked: list[tuple[int, Symbols, str]] = []

    def compose(self) -> ComposeResult:
        yield VTable(columns(), self._cell, id="history-table", empty=_("No training was started yet."), sort_value=self._value)
        yield Static(
            _("Enter shows a training, space marks it; two marked ones are compared."),
            id="history-about",
        )

    @property
    def table(self) -> VTable:
        return self.query_one(VTable)

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        at = self.table.cursor
        return self.rows[at] if at is not None and at < len(self.rows) else None

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on its training."""
        chosen = self.selected
        self.rows = list(rows)
        keys = [row.key for row in rows]
        self.marked = [key for key in self.marked if key in keys]
        if keys:
            self.table.set_rows(len(rows), keys.index(chosen.key) if chosen and chosen.key in keys else 0)
        else:
            self.table.set_rows(0)

    def turn_mark(self) -> None:
        """Mark the row under the cursor or take its mark away; of more than two the oldest mark goes. One without a model is left."""
        row = self.selected
        if row is not None and row.model_id:
            kept = [key for key in self.marked if key != row.key]
            self.marked = kept if len(kept) < len(self.marked) else [*kept, row.key][-2:]
            self.table.repaint()

    def pair(self) -> tuple[Row, Row] | None:
        """The two marked models, or the marked one and that under the cursor; None where there are not two."""
        keys = list(dict.fromkeys([*self.marked, *([self.selected.key] if self.selected else [])]))[:2]
        found = [row for key in keys for row in self.rows if row.key == key and row.model_id]
        return (found[0], found[1]) if len(found) == 2 else None

    def _cell(self, at: int, key: str) -> Cell:
        from tui.reports.training import model_name

        row, params = self.rows[at], self.rows[at].job.params
        if key == "mark":
            return "◆" if row.key in self.marked else ""
        if key == "verdict":
            return _verdict(row)
        if key == "live":
            return ("●", "up") if row.live else ""
        if key in ("accuracy", "over", "auc"):
            value = self._value(at, key)
            shown = number(value if key == "auc" or value is None else value * 100, 2 if key == "auc" else 1)
            return (shown if value is None or key != "over" or value <= 0 else f"+{shown}", _tone(key, value))
        cells = {
            "id": DASH if row.job.id == NO_JOB else str(row.job.id),
            "started": f"{day(iso(row.job.created_at))} {iso(row.job.created_at)[11:16]}",
            "symbols": " ".join(row.symbols),
            "model": model_name(params.get("model") or "random_forest"),
            "label": label_name(params.get("label") or "fixed"),
            "trials": DASH if row.job.id == NO_JOB else str(params.get("trials") or 0),
        }
        return cells[key]

    def _value(self, at: int, key: str) -> Any:
        row = self.rows[at]
        metrics = (row.report or {}).get("metrics") or {}
        if key in ("accuracy", "auc"):
            return metrics.get(key)
        if key == "over":
            if row.report is None or metrics.get("accuracy") is None:
                return None
            majority = row.report["baselines"]["majority"]["accuracy"]
            return None if majority is None else metrics["accuracy"] - majority
        values = {
            "mark": row.key not in self.marked,
            "id": -row.job.id,
            "started": -row.job.created_at,
            "symbols": " ".join(row.symbols),
            "model": str(row.job.params.get("model")),
            "label": str(row.job.params.get("label")),
            "trials": row.job.params.get("trials") or 0,
            "verdict": row.report["verdict"]["label"] if row.report else row.job.status,
            "live": not row.live,
        }
        return values[key]


def _tone(key: str, value: float | None) -> str:
    if key != "over" or value is None or value == 0:
        return ""
    return "up" if value > 0 else "down"


def _verdict(row: Row) -> Cell:
    if row.report is None:
        return status_name(row.job.status), STATUS_STYLE.get(row.job.status, "accent")
    label = row.report["verdict"]["label"]
    return (f"✔ {_(label)}", "up") if label == "skill" else (f"✖ {_(label)}", "down")


def columns() -> list[Column]:
    """The columns of the table."""
    return [
        Column("mark", "◆", 1),
        Column("id", _("Job"), 6, right=True, priority=4),
        Column("started", _("Started"), 16, priority=5),
        Column("symbols", _("Symbols"), 14),
        Column("model", _("Model"), 13, priority=1),
        Column("label", _("Label"), 18, priority=6),
        Column("trials", _("Trials"), 10, right=True, priority=7),
        Column("accuracy", _("Acc. %"), 7, right=True),
        Column("over", _("± maj."), 7, right=True, priority=2),
        Column("auc", "AUC", 5, right=True, priority=3),
        Column("live", _("Live"), 5),
        Column("verdict", _("Verdict"), 16, grow=True),
    ]
