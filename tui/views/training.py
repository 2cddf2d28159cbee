"""View 4: training a model. The form asks, a job trains, the panels show how far it is and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _, mark
from tui.actions import Action, bindings
from tui.messages import JobAsked, sentences
from tui.training.form import TrainingForm
from tui.training.frame import HINTS, PANELS
from tui.training.look import KIND, Look, look_at
from tui.training.models import TrainingModels
from tui.training.progress import ProgressPanel, state_text, title_text
from tui.training.record import Record, Symbols
from tui.widgets.form import Form
from tui.widgets.panels import PanelBar, after
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from engine.jobs.client import JobClient

#: Seconds between two looks at a training that runs.
LOOK_SECONDS = 1.0
#: Columns below which the form gets less room, and from which there is room for it beside every panel.
NARROW, BESIDE = 72, 130


class TrainingView(TrainingModels):
    """The form on the left; the state and one panel on the right, which takes the room of the form where there is little."""

    DEFAULT_CSS = """
    #training-body { height: 1fr; }
    TrainingView.-normal TrainingForm, TrainingView.-wide TrainingForm { width: 38; }
    TrainingView.-narrow TrainingForm { width: 27; }
    TrainingView.-broad TrainingForm { display: none; }
    #training-right { width: 1fr; padding: 0 0 0 1; }
    #training-panels { height: 1; }
    #training-title { height: auto; max-height: 2; }
    TrainingView.-narrow #training-title { max-height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #training-state { height: auto; max-height: 3; }
    TrainingView.-short #training-state { max-height: 2; }
    TrainingView.-short #training-log { max-height: 3; }
    """
    context: ClassVar[str] = "training"
    BINDINGS = bindings("training")

    @dataclass
    class Looked(Message):
        """The trainings have been read for this choice, or could not be."""

        chosen: int | str | None
        look: Look
        error: PregaoError | None

    def __init__(self) -> None:
        super().__init__(id="training")
        self.panel = "progress"
        self.look = Look()
        self.symbols: Symbols = ()
        self._chosen: int | str | None = None
        self._looking = self._look_again = False
        self._editing = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="training-body"):
            yield TrainingForm(id="training-left")
            with Vertical(id="training-right"):
                yield PanelBar("training", PANELS, self.desk_app.key_of, id="training-panels")
                yield Static(id="training-title")
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

    def focus_target(self) -> Widget:
        """The form with the progress, else what the panel is read or chosen with."""
        if self.panel == "progress":
            return self.form
        return self.history.table if self.panel == "history" else self.query_one(f"#training-{self.panel}")

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
            value = self.asked.parse(item, event.value.strip())
        except PregaoError as error:
            self.query_one("#training-edit", Prompt).refuse(sentences(error.message, error.hint))
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
            self._start(self.record.left_to_do())

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
    def _read(self, jobs: JobClient, before: Look, chosen: int | str | None) -> None:
        try:
            look = look_at(jobs, self.desk_app.desk, before, chosen)
        except PregaoError as error:
            self.post_message(self.Looked(chosen, before, error))
            return
        self.post_message(self.Looked(chosen, look, None))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """After a defect the trainings can be looked at again."""
        super().on_worker_state_changed(event)
        if event.state is WorkerState.ERROR and event.worker.group == "training":
            self._looking = False

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self._looking = False
        if event.error is not None:
            self.desk_app.fail(event.error)
            if isinstance(event.chosen, str) and event.chosen == self._chosen:
                self._chosen = None
                self.call_later(self.action_open, "history")
        elif event.chosen == self._chosen:
            self._take(event.look)
        if self._look_again or event.chosen != self._chosen:
            self._look_again = False
            self.renew()

    def _take(self, look: Look) -> None:
        """Show what was read; of a training that was not chosen in the list the model that is worked on."""
        before, self.look = self.look, look
        if self.record is not None and self._chosen is None:
            other = before.record is None or before.record.job.id != self.record.job.id
            self.symbols = self.record.newest() if other or self.record.job.active else self.symbols
        elif self.record is not None and self.record.model_id:
            self.symbols = self.record.newest()
        self._show_state()
        if look.content != before.content:
            self._show_panel()
            self.desk_app.show_hints()

    def _show(self) -> None:
        """Show the training that is shown as it is now."""
        self._show_state()
        self._show_panel()

    def _show_state(self) -> None:
        self._lay_out(self.size.width)
        keys = {name: self.desk_app.key_of(f"training.{name}") for name in ("run", "again")}
        text = state_text(self.record, self.symbols, self.desk_app.now(), keys)
        if self.desk_app.desk is None:
            text = Text(_("Preparing the engine..."), style="dim")
        self.query_one("#training-state", Static).update(text)
        self.query_one("#training-title", Static).update("" if self.record is None else title_text(self.record, self.symbols))

    def _show_panel(self) -> None:
        """Give the panel that is shown what it shows; the others get it when they are."""
        from tui.training.history import HistoryPanel, rows_of
        from tui.training.panels import CalibrationPanel, FeaturesPanel, ResultPanel

        panel = self.query_one(f"#training-{self.panel}")
        if isinstance(panel, ProgressPanel):
            panel.show_result(None if self.record is None else (self.record, self.symbols))
        elif isinstance(panel, (ResultPanel, FeaturesPanel, CalibrationPanel)):
            panel.show_result(self.report)
        elif isinstance(panel, HistoryPanel):
            panel.show_rows(rows_of(self.look.jobs, self.look.results, self.look.models))

    # --- the panels ----------------------------------------------------------------------------------------------

    def hinted(self, action: Action) -> bool:
        """The keys of a panel are hinted at in that panel alone, running again where a training came to nothing."""
        if action.id == "training.again":
            return self.record is not None and not self.record.job.active and self.report is None
        return super().hinted(action) and self.panel in HINTS.get(action.id, (self.panel,))

    def label_of(self, action: Action) -> str:
        """Running a training again goes on with it where something was kept."""
        if action.id == "training.again" and self.record is not None and self.record.can_go_on:
            return mark("Go on")
        return super().label_of(action)

    async def action_open(self, panel: str) -> None:
        """Show a panel, making it if this is the first time."""
        if not self.query(f"#training-{panel}"):
            await self.query_one("#training-right").mount(_make(panel))
        self.panel = self.query_one(PanelBar).active = panel
        for name in PANELS:
            self.query(f"#training-{name}").set(display=name == panel)
        self._show()
        self.focus_target().focus()

    def _lay_out(self, width: int) -> None:
        self.set_class(width < NARROW, "-narrow")
        self.set_class(self.panel != "progress" and width < BESIDE, "-broad")
        about_one = self.panel not in ("history", "compare")
        self.query_one("#training-title").display = about_one and self.record is not None
        self.query_one("#training-state").display = self.panel == "progress" or (about_one and self.report is None)

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
        row = self.history.selected
        if row is not None:
            self._chosen, self.symbols = row.job.id or row.model_id, row.symbols
            self.look = Look(self.look.jobs, None, self.look.results, self.look.models)
            await self.action_open("result" if row.report is not None else "progress")
            self.renew()


def _make(panel: str) -> Widget:
    from tui.training.compare import ComparePanel
    from tui.training.history import HistoryPanel
    from tui.training.panels import CalibrationPanel, FeaturesPanel, ResultPanel

    made: dict[str, Callable[..., Widget]] = {
        "result": ResultPanel,
        "features": FeaturesPanel,
        "calibration": CalibrationPanel,
        "history": HistoryPanel,
        "compare": ComparePanel,
    }
    return made[panel](id=f"training-{panel}")
