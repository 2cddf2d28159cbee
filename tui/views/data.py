"""View 0: what is stored, the jobs, and the imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import bindings
from tui.messages import BacktestAsked
from tui.names import status_name, steps_line
from tui.quick_format import day, number
from tui.views.base import View
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.store.coverage import Coverage

TABS = ("coverage", "jobs", "runs")


class DataView(View):
    """Three tables in tabs: coverage, jobs, runs."""

    DEFAULT_CSS = """
    ContentSwitcher { height: 1fr; }
    VTable { height: 1fr; }
    #data-note { height: auto; max-height: 3; padding: 0 1; }
    """
    context: ClassVar[str] = "data"
    BINDINGS = bindings("data")

    class Loaded(Message):
        """The tables of the store have been read."""

        def __init__(self, coverage: list[Coverage], runs: list[dict[str, Any]], error: str) -> None:
            super().__init__()
            self.coverage, self.runs, self.error = coverage, runs, error

    def __init__(self) -> None:
        super().__init__(id="data")
        self._coverage: list[Coverage] = []
        self._jobs: list[Any] = []
        self._runs: list[dict[str, Any]] = []
        self._stale = True

    def compose(self) -> ComposeResult:
        yield Static(id="data-head", classes="head")
        with ContentSwitcher(initial="coverage"):
            yield VTable(self._coverage_columns(), self._coverage_cell, id="coverage", empty=_("Reading what is stored..."))
            yield VTable(self._job_columns(), self._job_cell, id="jobs", empty=_("No job was started yet."))
            yield VTable(self._run_columns(), self._run_cell, id="runs", empty=_("No daily run yet: ctrl+r starts one."))
        yield Static(id="data-note")

    def on_mount(self) -> None:
        self._head()

    @property
    def tab(self) -> str:
        return self.query_one(ContentSwitcher).current or TABS[0]

    def focus_target(self) -> Widget:
        return self.query_one(f"#{self.tab}", VTable)

    def shown(self) -> None:
        self.jobs_changed()
        if self._stale:
            self._read()

    def desk_ready(self) -> None:
        self._read()

    def data_changed(self) -> None:
        self._stale = True
        if self.desk_app.active_view is self:
            self._read()

    def _read(self) -> None:
        if self.desk_app.desk is not None:
            self._load()

    @work(thread=True, exclusive=True, group="coverage", exit_on_error=False)
    def _load(self) -> None:
        from engine.store.coverage import coverage
        from engine.store.ledger import list_runs

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            message = self.Loaded(coverage(desk.store, desk.calendar), list_runs(desk.store), "")
        except PregaoError as error:
            message = self.Loaded([], [], f"{error.message}. {error.hint}")
        self.post_message(message)

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        self._stale = False
        self._coverage, self._runs = event.coverage, event.runs
        table = self.query_one("#coverage", VTable)
        table.empty = event.error or _("Nothing is stored yet: i imports a file.")
        table.set_rows(len(self._coverage))
        self.query_one("#runs", VTable).set_rows(len(self._runs))
        self._head()

    def jobs_changed(self) -> None:
        """The rows of the jobs have changed."""
        try:
            self._jobs = self.desk_app.jobs.jobs() if self.desk_app.jobs is not None else []
        except PregaoError as error:
            self.desk_app.fail(error)
        self.query_one("#jobs", VTable).set_rows(len(self._jobs))
        self._head()

    def _head(self) -> None:
        names = {"coverage": _("Stored data"), "jobs": _("Jobs"), "runs": _("Daily runs")}
        counts = {"coverage": len(self._coverage), "jobs": len(self._jobs), "runs": len(self._runs)}
        line = Text(" ")
        for name in TABS:
            line.append(f"{names[name]} ({counts[name]})", style="bold underline" if name == self.tab else "")
            line.append("   ")
        line.append(_("t: next tab"), style="dim")
        self.query_one("#data-head", Static).update(line)

    def action_next_tab(self) -> None:
        switcher = self.query_one(ContentSwitcher)
        switcher.current = TABS[(TABS.index(self.tab) + 1) % len(TABS)]
        self.focus_target().focus()
        self.query_one("#data-note", Static).update("")
        self._head()

    @on(VTable.Highlighted, "#coverage")
    def _say_oddities(self, event: VTable.Highlighted) -> None:
        from tui.reports.bars import coverage_notes

        if event.row is not None and event.row < len(self._coverage):
            notes = coverage_notes(self._coverage[event.row])
            self.query_one("#data-note", Static).update(Text("\n".join(notes[:3]), style="dim"))

    @on(VTable.Opened, "#coverage")
    def _open_symbol(self, event: VTable.Opened) -> None:
        self.post_message(BacktestAsked(self._coverage[event.row].symbol))

    @on(VTable.Opened, "#runs")
    def _open_run(self, event: VTable.Opened) -> None:
        from tui.reports.daily import run_text
        from tui.screens.dialogs import Reader

        self.app.push_screen(Reader(_("Daily run"), run_text(self._runs[event.row])))

    @on(VTable.Opened, "#jobs")
    def _open_job(self, event: VTable.Opened) -> None:
        self.desk_app.show_job(self._jobs[event.row].id)

    @staticmethod
    def _coverage_columns() -> list[Column]:
        return [
            Column("symbol", _("Symbol"), 10),
            Column("timeframe", _("TF"), 4),
            Column("first", _("First"), 10, priority=1),
            Column("last", _("Last"), 10),
            Column("bars", _("Bars"), 9, right=True),
            Column("missing", _("Missing"), 8, right=True),
            Column("jumps", _("Jumps"), 6, right=True, priority=2),
            Column("base", _("Base"), 9),
            Column("source", _("Source"), 10, priority=1),
            Column("zero", _("Zero vol."), 9, right=True, priority=3),
            Column("provisional", _("Provisional"), 11, right=True, priority=3),
        ]

    def _coverage_cell(self, row: int, key: str) -> str | tuple[str, str]:
        item = self._coverage[row]
        if key == "missing":
            missing = item.missing_sessions
            return ("–", "dim") if missing is None else (number(missing, 0), "warn" if missing else "")
        cells = {
            "symbol": item.symbol,
            "timeframe": item.timeframe,
            "first": day(item.first),
            "last": day(item.last),
            "bars": number(item.bars, 0),
            "jumps": number(len(item.jumps), 0),
            "base": _(item.price_base),
            "source": ", ".join(item.sources),
            "zero": number(item.zero_volume, 0),
            "provisional": number(item.provisional, 0),
        }
        return cells[key]

    @staticmethod
    def _job_columns() -> list[Column]:
        return [
            Column("id", _("Job"), 6, right=True),
            Column("kind", _("What"), 13),
            Column("status", _("Status"), 11),
            Column("done", _("Done"), 6, right=True),
            Column("created", _("Started"), 16, priority=1),
            Column("note", _("Note"), 30, grow=True),
        ]

    def _job_cell(self, row: int, key: str) -> str | tuple[str, str]:
        from tui.job_panel import job_cell

        return job_cell(self._jobs[row], key)

    @staticmethod
    def _run_columns() -> list[Column]:
        return [
            Column("id", _("Run"), 24),
            Column("status", _("Status"), 13),
            Column("seconds", _("Seconds"), 9, right=True),
            Column("steps", _("Steps"), 40, grow=True),
        ]

    def _run_cell(self, row: int, key: str) -> str | tuple[str, str]:
        run = self._runs[row]
        if key == "seconds":
            return number(sum(step["seconds"] for step in run["steps"]))
        if key == "steps":
            return steps_line(run["steps"])
        if key == "status":
            return status_name(run["status"]), "" if run["status"] == "done" else "warn"
        return str(run["id"])
