"""View 4: training a model. The form asks, a job trains, the panels show how far it is and what it is worth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import Action, bindings
from tui.messages import JobAsked
from tui.training_form import TrainingForm, parse, problem
from tui.training_frame import HINTS, PANELS
from tui.training_progress import ProgressPanel, state_text
from tui.training_record import Record, Symbols
from tui.views.base import View
from tui.widgets.form import Form
from tui.widgets.panels import PanelBar, after
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from engine.jobs.client import JobClient
    from engine.store.job_ledger import Job
    from tui.training_history import HistoryPanel, Row

KIND = "train"
#: Trainings that are listed.
LISTED = 100
#: Seconds between two looks at a training that runs.
LOOK_SECONDS = 1.0
#: Columns below which the form gets less room, and from which there is room for it beside every panel.
NARROW, BESIDE = 72, 130
#: The letters of a model's id that are typed to promote it.
LETTERS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of the trainings. jobs: without results; record: the one that is shown; live: the models in force."""

    jobs: list[Job] = field(default_factory=list)
    record: Record | None = None
    results: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    live: frozenset[str] = frozenset()


class TrainingView(View):
    """The form on the left; the state and one panel on the right, which takes the room of the form where there is little."""

    DEFAULT_CSS = """
    #training-body { height: 1fr; }
    TrainingView.-normal TrainingForm, TrainingView.-wide TrainingForm { width: 38; }
    TrainingView.-narrow TrainingForm { width: 27; }
    TrainingView.-broad TrainingForm { display: none; }
    #training-right { width: 1fr; padding: 0 0 0 1; }
    #training-panels { height: 1; }
    #training-state { height: auto; max-height: 4; }
    TrainingView.-short #training-state { max-height: 3; }
    """
    context: ClassVar[str] = "training"
    BINDINGS = bindings("training")

    @dataclass
    class Looked(Message):
        """The trainings have been read for this choice, or could not be."""

        chosen: int | None
        look: Look
        error: PregaoError | None

    def __init__(self) -> None:
        super().__init__(id="training")
        self.panel = "progress"
        self.look = Look()
        self.symbols: Symbols = ()
        self._chosen: int | None = None
        self._looking = self._look_again = False
        self._editing = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="training-body"):
            yield TrainingForm(id="training-left")
            with Vertical(id="training-right"):
                yield PanelBar("training", PANELS, self.desk_app.key_of, id="training-panels")
                yield Static(id="training-state")
                yield ProgressPanel(id="training-progress")
        yield Prompt(id="training-edit")

    def on_mount(self) -> None:
        self.set_interval(LOOK_SECONDS, self._tick)

    @property
    def asked(self) -> TrainingForm:
        return self.query_one(TrainingForm)

    @property
    def form(self) -> Form:
        return self.query_one("#training-form", Form)

    @property
    def record(self) -> Record | None:
        """The training that is shown."""
        return self.look.record

    @property
    def report(self) -> Mapping[str, Any] | None:
        """The report of the model that is shown; None until it is there."""
        return self.record.report(self.symbols) if self.record is not None else None

    def focus_target(self) -> Widget:
        """The form with the progress, else what the panel is read or chosen with."""
        if self.panel == "progress":
            return self.form
        return self._history.table if self.panel == "history" else self.query_one(f"#training-{self.panel}")

    @property
    def _history(self) -> HistoryPanel:
        from tui.training_history import HistoryPanel

        return self.query_one(HistoryPanel)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._lay_out(event.size.width)
        self.call_after_refresh(self._show_panel)

    def shown(self) -> None:
        self.desk_ready()
        self._show()

    def desk_ready(self) -> None:
        """The engine has been loaded."""
        if self.desk_app.desk is not None:
            if not self.form.fields:
                self.asked.fill()
            self.renew()

    def jobs_changed(self) -> None:
        if self.desk_app.active_view is self:
            self.renew()

    def job_to_cancel(self) -> int | None:
        """The training that is shown, while it runs."""
        return self.record.job.id if self.record is not None and self.record.job.active else None

    # --- the question --------------------------------------------------------------------------------------------

    @on(Form.EditAsked)
    def _edit(self, event: Form.EditAsked) -> None:
        self._editing = event.field.key
        text = "" if event.field.value is None else str(event.field.value)
        self.query_one("#training-edit", Prompt).open(text, f"{event.field.label}: {event.field.help}", chosen=True)

    @on(Input.Submitted, "#training-edit")
    def _typed(self, event: Input.Submitted) -> None:
        item = next(item for item in self.form.fields if item.key == self._editing)
        try:
            value = parse(item, event.value.strip())
        except PregaoError as error:
            self.query_one("#training-edit", Prompt).refuse(problem(error))
            return
        self.query_one("#training-edit", Prompt).close()
        self.form.focus()
        self.form.set_value(item.key, value)

    @on(Prompt.Dismissed)
    def _edit_left(self) -> None:
        self.form.focus()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(lambda symbol: self.form.set_value("symbols", symbol))

    @on(TrainingForm.Started)
    def action_run(self) -> None:
        """Start what the form asks."""
        if not self.form.fields:
            return
        try:
            params = self.asked.params()
        except PregaoError as error:
            self.desk_app.say(error.message, "error", error.hint)
            return
        self._start(params)

    def action_again(self) -> None:
        """Start the training that is shown once more, with all that it was asked."""
        if self.record is None:
            self.action_run()
        elif self.record.job.active:
            self.desk_app.say(_("This training is still running."))
        else:
            if self.form.fields:
                self.asked.repeat(self.record.job.params)
            self._start(dict(self.record.job.params))

    def _start(self, params: dict[str, Any]) -> None:
        self._chosen = None
        self.post_message(JobAsked(KIND, params, _("Training of {symbols}").format(symbols=" ".join(params["symbols"][:4]))))

    # --- what there is -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self.desk_app.active_view is self and self.job_to_cancel() is not None:
            self.renew()

    def renew(self) -> None:
        """Look at the trainings again, in a thread; one look at a time."""
        if self.desk_app.jobs is None:
            return
        if self._looking:
            self._look_again = True
            return
        self._looking = True
        self._read(self.desk_app.jobs, self.look, self._chosen)

    @work(thread=True, group="training", exit_on_error=False)
    def _read(self, jobs: JobClient, before: Look, chosen: int | None) -> None:
        from engine.store.models import read_models

        desk = self.desk_app.desk
        try:
            listed = jobs.jobs(LISTED, kind=KIND)
            results = {
                job.id: before.results.get(job.id) or jobs.job(job.id).result or {} for job in listed if job.status == "done"
            }
            record = _record(jobs, before.record, chosen if chosen is not None else listed[0].id if listed else None)
            live = frozenset(model.id for model in read_models(desk.store) if model.live) if desk is not None else frozenset()
        except PregaoError as error:
            self.post_message(self.Looked(chosen, before, error))
            return
        self.post_message(self.Looked(chosen, Look(listed, record, results, live), None))

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self._looking = False
        if event.error is not None:
            self.desk_app.fail(event.error)
        elif event.chosen == self._chosen:
            self._take(event.look)
        if self._look_again or event.chosen != self._chosen:
            self._look_again = False
            self.renew()

    def _take(self, look: Look) -> None:
        """Show what was read; of a training that was not chosen in the list the model that is worked on."""
        before, self.look = self.record, look
        if self.record is not None and self._chosen is None:
            other = before is None or before.job.id != self.record.job.id
            self.symbols = self.record.newest() if other or self.record.job.active else self.symbols
        self._show()

    def _show(self) -> None:
        """Show the training that is shown as it is now."""
        keys = {name: self.desk_app.key_of(f"training.{name}") for name in ("run", "again")}
        text = state_text(self.record, self.symbols, self.desk_app.now(), keys)
        if self.desk_app.desk is None:
            text = Text(_("Preparing the engine..."), style="dim")
        self.query_one("#training-state", Static).update(text)
        self._show_panel()

    def _show_panel(self) -> None:
        """Give the panel that is shown what it shows; the others get it when they are."""
        from tui.training_history import HistoryPanel, rows_of
        from tui.training_panels import CalibrationPanel, FeaturesPanel, ResultPanel

        panel = self.query_one(f"#training-{self.panel}")
        if isinstance(panel, ProgressPanel):
            panel.show_result(None if self.record is None else (self.record, self.symbols))
        elif isinstance(panel, (ResultPanel, FeaturesPanel, CalibrationPanel)):
            panel.show_result(self.report)
        elif isinstance(panel, HistoryPanel):
            panel.show_rows(rows_of(self.look.jobs, self.look.results, self.look.live))

    # --- the panels ----------------------------------------------------------------------------------------------

    def hinted(self, action: Action) -> bool:
        """The keys of a panel are hinted at in that panel alone."""
        return super().hinted(action) and self.panel in HINTS.get(action.id, (self.panel,))

    async def action_open(self, panel: str) -> None:
        """Show a panel, making it if this is the first time."""
        if not self.query(f"#training-{panel}"):
            await self.query_one("#training-right").mount(_make(panel))
        self.panel = self.query_one(PanelBar).active = panel
        for name in PANELS:
            self.query(f"#training-{name}").set(display=name == panel)
        self._lay_out(self.size.width)
        self._show()
        self.focus_target().focus()

    def _lay_out(self, width: int) -> None:
        self.set_class(width < NARROW, "-narrow")
        self.set_class(self.panel != "progress" and width < BESIDE, "-broad")
        self.query_one("#training-state").display = self.panel != "history" or self.size.height >= 24

    async def action_panel(self) -> None:
        """The next panel; after the last one the progress with the form."""
        await self.action_open(after(PANELS, self.panel))

    async def action_form(self) -> None:
        """Back to the form, which is shown in every size with the progress."""
        if self.has_class("-broad"):
            await self.action_open("progress")
        self.form.focus()

    @on(VTable.Opened, "#history-table")
    async def _open_training(self) -> None:
        row = self._history.selected
        if row is not None:
            self._chosen, self.symbols = row.job.id, row.symbols
            self.look = Look(self.look.jobs, None, self.look.results, self.look.live)
            await self.action_open("result" if row.report is not None else "progress")
            self.renew()

    # --- models --------------------------------------------------------------------------------------------------

    async def action_mark(self) -> None:
        """Mark a training for the comparison."""
        if self.panel == "history":
            self._history.turn_mark()
        else:
            await self.action_open("history")

    async def action_compare(self) -> None:
        """Compare the two marked models."""
        if not self.query("#training-history"):
            await self.action_open("history")
        pair = self._history.pair()
        if pair is None:
            self.desk_app.say(
                _("Mark two models in the list of trainings first ({key}).").format(key=self.desk_app.key_of("training.mark"))
            )
            await self.action_open("history")
            return
        await self.action_open("compare")
        self._compare(*pair)

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _compare(self, first: Row, second: Row) -> None:
        from engine.ml.model_compare import compare
        from tui.training_compare import ComparePanel, Pair

        desk = self.desk_app.desk
        if desk is None or first.report is None or second.report is None:
            return
        try:
            found = compare(desk.workspace.models, desk.store, first.model_id, second.model_id)
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.say, error.message, "error", error.hint)
            return
        self.app.call_from_thread(self.query_one(ComparePanel).show_result, Pair(found, (first.report, second.report)))

    def _model(self) -> str:
        """The id of the model that is meant: that of the marked row, else that which is shown; empty where there is none."""
        row = self._history.selected if self.panel == "history" else None
        model_id = row.model_id if row is not None else str((self.report or {}).get("model_id") or "")
        if not model_id:
            self.desk_app.say(_("There is no model here: the training is not done."), "warning")
        return model_id

    def action_promote(self) -> None:
        """Make the model the live one, once the end of its name was typed."""
        from tui.screens.dialogs import Ask

        model_id = self._model()
        if not model_id:
            return
        letters = model_id[-LETTERS:]

        def answered(answer: str | None) -> None:
            if answer == letters:
                self._promote(model_id)
            elif answer is not None:
                self.desk_app.say(_("Not promoted: {typed} is not {letters}.").format(typed=answer, letters=letters), "warning")

        title = _("Promote {model_id}: signals and the daily run use it from then on.").format(model_id=model_id)
        hint = _("Type {letters}, the end of its name, and Enter; Esc leaves everything as it is.").format(letters=letters)
        self.app.push_screen(Ask(f"{title} {self._instead_of(model_id)}", hint), answered)

    def _instead_of(self, model_id: str) -> str:
        """The verdict of the model, and which one it stands in for."""
        reports = {report["model_id"]: report for result in self.look.results.values() for report in result.get("trainings", ())}
        report = reports.get(model_id)
        if report is None:
            return ""
        verdict = report["verdict"]
        same = [
            other
            for name, other in reports.items()
            if name in self.look.live and name != model_id and _scope(other) == _scope(report)
        ]
        said = _("Its verdict: {verdict}.").format(verdict=_(verdict["label"]))
        return said + " " + _("It replaces {other}.").format(other=same[0]["model_id"]) if same else said

    def _promote(self, model_id: str) -> None:
        def done(job: Job) -> None:
            promoted = (job.result or {}).get("promoted")
            text = _("{model_id} is live.") if promoted else _("{model_id} was live already.")
            self.desk_app.say(text.format(model_id=model_id))
            self.renew()

        self.desk_app.say(_("Checking the files of {model_id}...").format(model_id=model_id))
        self._ask("promote", {"model_id": model_id}, done)

    def action_explain(self) -> None:
        """Why the model says what it says about the newest bar."""
        model_id = self._model()
        if not model_id:
            return
        row = self._history.selected if self.panel == "history" else None
        symbols = row.symbols if row is not None else self.symbols
        last = self.desk_app.session.symbol
        symbol = last if last in symbols else symbols[0]

        def done(job: Job) -> None:
            from tui.screens.dialogs import Reader
            from tui.training_explanation import explanation_text

            if job.result is not None:
                self.app.push_screen(Reader(_("The newest prediction"), explanation_text(job.result)))

        self.desk_app.say(_("Asking {model_id} about the newest bar of {symbol}...").format(model_id=model_id, symbol=symbol))
        self._ask("explain", {"model_id": model_id, "symbol": symbol}, done)

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def _ask(self, kind: str, params: Mapping[str, object], done: Callable[[Job], None]) -> None:
        """Do something with a model in a process of its own, where its libraries are loaded, and go on with what came of it."""
        jobs = self.desk_app.jobs
        if jobs is None:
            return
        try:
            job_id = await asyncio.to_thread(jobs.submit, kind, params)
            async for event in jobs.attach(job_id):
                if event.kind == "finished":
                    break
            job = jobs.job(job_id)
        except PregaoError as error:
            self.desk_app.say(error.message, "error", error.hint)
            return
        if job.status == "done":
            done(job)
        else:
            error_said = job.error or {}
            self.desk_app.say(str(error_said.get("message") or job.note), "error", str(error_said.get("hint") or ""))


def _record(jobs: JobClient, before: Record | None, wanted: int | None) -> Record | None:
    """The wanted training as it is now; of the one that was shown before only what is new is read."""
    if wanted is None:
        return None
    job = jobs.job(wanted)
    known = before if before is not None and before.job.id == wanted else Record(job)
    return known.grown(job, jobs.events(wanted, known.seq))


def _scope(report: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Of the models of one scope one is live."""
    return report["timeframe"], tuple(sorted(report["symbols"]))


def _make(panel: str) -> Widget:
    from tui.training_compare import ComparePanel
    from tui.training_history import HistoryPanel
    from tui.training_panels import CalibrationPanel, FeaturesPanel, ResultPanel

    made: dict[str, Callable[..., Widget]] = {
        "result": ResultPanel,
        "features": FeaturesPanel,
        "calibration": CalibrationPanel,
        "history": HistoryPanel,
        "compare": ComparePanel,
    }
    return made[panel](id=f"training-{panel}")
