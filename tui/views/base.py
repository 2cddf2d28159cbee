"""What every view is: a named pane that is told when it is shown and when data have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.widget import Widget
from textual.worker import Worker

from tui.widgets.ink import COLOURED

if TYPE_CHECKING:
    from textual.events import Resize

    from tui.actions import Action
    from tui.app import PregaoApp

#: Columns from which a view has room for more, and lines below which it leaves something out.
NORMAL, WIDE, TALL = 100, 150, 32


class View(Vertical):
    """Base of the views. `context` names its actions in the table of actions."""

    context: ClassVar[str] = ""
    #: Whether the rows of its table can be filtered.
    filters: ClassVar[bool] = False

    def on_resize(self, event: Resize) -> None:
        """Classes for the layout: only this view is styled again, which a breakpoint of the screen would do to everything."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(NORMAL <= event.size.width < WIDE, "-normal")
        self.set_class(event.size.height < TALL, "-short")

    @property
    def desk_app(self) -> PregaoApp:
        """The app with its own type."""
        return cast("PregaoApp", self.app)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect in a worker of this view is said like one of the app."""
        self.desk_app.on_worker_state_changed(event)

    def colours(self) -> dict[str, str]:
        """The colour of each style name (see `tui.widgets.ink`) in the theme in force, for Rich texts."""
        return {"": "", **{name: self.app.theme_variables.get(name, "") for name in COLOURED}}

    def focus_target(self) -> Widget | None:
        """The widget that has the focus when the view is shown."""
        return None

    def hinted(self, action: Action) -> bool:
        """Whether the line of hints shows an action."""
        return action.footer and (action.id != "table.filter" or self.filters)

    def label_of(self, action: Action) -> str:
        """What the line of hints calls an action: a msgid."""
        return action.label

    def shown(self) -> None:
        """The view has come to the front."""

    def data_changed(self) -> None:
        """The store has changed: by this app, a job, or another process."""

    def store_written(self) -> None:
        """Anything was committed to the store; only the view in front is told, and asks what concerns it."""

    def jobs_changed(self) -> None:
        """A job has gone on, begun or ended."""

    def job_to_cancel(self) -> int | None:
        """The job that is meant by cancelling; None leaves it to the app."""
        return None
