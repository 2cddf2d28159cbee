"""View 0: what is stored, the jobs, the daily runs, and the messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from engine.errors import PregaoError
from engine.i18n import _
from tui import message_panel
from tui.actions import Action, bindings
from tui.message_panel import STATES, Listed, Outbox
from tui.messages import BacktestAsked, Said, sentences
from tui.names import status_name, step_name, steps_line
from tui.quick_format import day, number
from tui.views.base import View
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.store.coverage import Coverage

TABS = ("coverage", "jobs", "runs", "messages")
#: The actions whose key is shown beside one tab only.
OF_TAB = {"data.state": "messages", "data.resend": "messages"}


class DataView(View):
    """Four tables in tabs: coverage, jobs, runs, messages."""

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

    @dataclass
    class OutboxLoaded(Message):
        """The messages have been read."""

        outbox: Outbox
        state: object
        only: str

    def __init__(self) -> None:
        super().__init__(id="data")
        self.outbox, self.only = Outbox(), STATES[0]
        self._outbox_state: object = None
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
            yield VTable(message_panel.columns(), self._message_cell, id="messages")
        yield Static(id="data-note")

    def on_mount(self) -> None:
        self._head()

    @property
    def tab(self) -> str:
        return self.query_one(ContentSwitcher).current or TABS[0]

    def focus_target(self) -> Widget:
        return self.query_one(f"#{self.tab}", VTable)

    def hinted(self, action: Action) -> bool:
        return super().hinted(action) and OF_TAB.get(action.id, self.tab) == self.tab

    def shown(self) -> None:
        self.jobs_changed()
        if self._stale:
            self._read()
        self.store_written()

    def store_written(self) -> None:
        """Read the messages again when one was written or has gone on."""
        board = self.desk_app.board
        if board is not None and board.outbox_state() != self._outbox_state:
            self._read_messages()
        self._note()

    def desk_ready(self) -> None:
        self._read()

    def data_changed(self) -> None:
        self._stale = True
        if self.desk_app.active_view is self:
            self._read()

    def _read(self) -> None:
        if self.desk_app.desk is not None:
            self._load()
            self._read_messages()

    def _read_messages(self) -> None:
        board = self.desk_app.board
        if self.desk_app.desk is not None and board is not None:
            self._load_messages(self.only, board.outbox_state())

    @work(thread=True, exclusive=True, group="outbox", exit_on_error=False)
    def _load_messages(self, only: str, state: object) -> None:
        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            self.post_message(self.OutboxLoaded(message_panel.read_outbox(desk, only), state, only))
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.fail, error)

    @work(thread=True, exclusive=True, group="coverage", exit_on_error=False)
    def _load(self) -> None:
        from engine.store.coverage import coverage
        from engine.store.ledger import list_runs
        from engine.store.run_locks import with_states

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            message = self.Loaded(
                coverage(desk.store, desk.calendar), with_states(desk.store, list_runs(desk.store), desk.now()), ""
            )
        except PregaoError as error:
            message = self.Loaded([], [], sentences(error.message, error.hint))
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

    @on(OutboxLoaded)
    def _outbox_loaded(self, event: OutboxLoaded) -> None:
        """The cursor stays on its message. What was read for another filter comes too late."""
        if event.only != self.only:
            return
        table, chosen = self.query_one("#messages", VTable), self._message
        self.outbox, self._outbox_state = event.outbox, event.state
        ids = [listed.message.id for listed in self.outbox.messages]
        table.empty = (
            _("No message is in this state: {key} shows the others.").format(key=self.desk_app.key_of("data.state"))
            if self.only
            else _("Nothing was to be told yet: daily runs and fills of the paper account write messages.")
        )
        table.set_rows(len(ids), ids.index(chosen.message.id) if chosen is not None and chosen.message.id in ids else 0)
        self._head()
        self._note()

    def jobs_changed(self) -> None:
        """The rows of the jobs have changed."""
        try:
            self._jobs = self.desk_app.jobs.jobs() if self.desk_app.jobs is not None else []
        except PregaoError as error:
            self.desk_app.fail(error)
        self.query_one("#jobs", VTable).set_rows(len(self._jobs))
        self._head()

    def _head(self) -> None:
        names = {"coverage": _("Stored data"), "jobs": _("Jobs"), "runs": _("Daily runs"), "messages": _("Messages")}
        counts = {"coverage": len(self._coverage), "jobs": len(self._jobs), "runs": len(self._runs)}
        counts["messages"] = len(self.outbox.messages)
        line = Text(" ")
        for name in TABS:
            line.append(f"{names[name]} ({counts[name]})", style="bold underline" if name == self.tab else "")
            line.append("   ")
        if self.tab == "messages":
            line.append(_("state: {state}").format(state=message_panel.state_name(self.only)), style="dim")
        else:
            line.append(_("t: next tab"), style="dim")
        self.query_one("#data-head", Static).update(line)

    def action_next_tab(self) -> None:
        switcher = self.query_one(ContentSwitcher)
        switcher.current = TABS[(TABS.index(self.tab) + 1) % len(TABS)]
        self.focus_target().focus()
        self._head()
        self._note()
        self.desk_app.show_hints()

    @on(VTable.Highlighted)
    def _note(self) -> None:
        """What is to be known of the marked row of the tab that is shown."""
        at = self.query_one(f"#{self.tab}", VTable).cursor
        lines: list[str] = []
        if self.tab == "coverage" and at is not None and at < len(self._coverage):
            from tui.reports.bars import coverage_notes

            lines = coverage_notes(self._coverage[at])
        elif self.tab == "runs" and at is not None and at < len(self._runs):
            lines = run_notes(self._runs[at])
        elif self.tab == "messages":
            app = self.desk_app
            keys = {"switch": app.key_of("bot.switch"), "pair": app.key_of("bot.pair")}
            bot = message_panel.bot_line(self.outbox, on=app.bot_on, code=app.pairing, now=int(app.now()), keys=keys)
            lines = [line for line in (message_panel.note(self._message), bot) if line]
        self.query_one("#data-note", Static).update(Text("\n".join(lines[:3]), style="dim"))

    @property
    def _message(self) -> Listed | None:
        """The message under the cursor."""
        at = self.query_one("#messages", VTable).cursor
        return self.outbox.messages[at] if at is not None and at < len(self.outbox.messages) else None

    def _message_cell(self, row: int, key: str) -> str | tuple[str, str]:
        return message_panel.cell(self.outbox.messages[row], key)

    def action_state(self) -> None:
        """Only the messages in the next state, then all."""
        if self.tab == "messages":
            self.only = STATES[(STATES.index(self.only) + 1) % len(STATES)]
            self._read_messages()

    def action_resend(self) -> None:
        """Send the marked message again, after a question if it has already arrived."""
        from tui.screens.dialogs import Confirm

        found = self._message
        if self.tab != "messages" or found is None or self.desk_app.ready_desk() is None:
            return

        def done(confirmed: bool | None) -> None:
            if confirmed:
                self._send(found.message.id)

        if found.message.state != "sent":
            self._send(found.message.id)
            return
        text = Text(_("It has arrived already: {subject}").format(subject=found.subject))
        self.app.push_screen(Confirm(_("Send it again?"), text, _("send it again")), done)

    @work(thread=True, group="resend", exit_on_error=False)
    def _send(self, number: int) -> None:
        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            said = Said(message_panel.send_again(desk, number))
        except PregaoError as error:
            said = Said(error.message, "error", error.hint)
        self.post_message(said)
        self.app.call_from_thread(self._read_messages)

    @on(VTable.Opened, "#messages")
    def _open_message(self, event: VTable.Opened) -> None:
        from tui.screens.dialogs import Reader

        self.app.push_screen(Reader(_("Message"), message_panel.message_text(self.outbox.messages[event.row])))

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
            Column("id", _("Run"), 20),
            Column("status", _("Status"), 13),
            Column("started", _("Started"), 16, priority=1),
            Column("seconds", _("Seconds"), 8, right=True),
            Column("steps", _("Steps"), 30, grow=True),
        ]

    def _run_cell(self, row: int, key: str) -> str | tuple[str, str]:
        run = self._runs[row]
        if key == "started":
            return message_panel.moment(run["started_at"])
        if key == "seconds":
            return number(sum(step["seconds"] for step in run["steps"]))
        if key == "steps":
            return steps_line(run["steps"])
        if key == "status":
            return status_name(run["status"]), "" if run["status"] == "done" else "warn"
        return str(run["id"])


def run_notes(run: dict[str, Any]) -> list[str]:
    """What failed in a run, then how long each step took."""
    failed = [
        _("{step} failed: {message}").format(step=step_name(step["name"]), message=step["detail"].get("message", ""))
        for step in run["steps"]
        if step["status"] == "failed"
    ]
    times = ", ".join(f"{step_name(step['name'])} {number(step['seconds'])} s" for step in run["steps"])
    return [*failed, times]
