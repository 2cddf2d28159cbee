"""What every view is: a named pane that is told when it is shown and when data have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.widget import Widget

if TYPE_CHECKING:
    from tui.app import PregaoApp


class View(Vertical):
    """Base of the views. `context` names its actions in the table of actions."""

    context: ClassVar[str] = ""

    @property
    def desk_app(self) -> PregaoApp:
        """The app with its own type."""
        return cast("PregaoApp", self.app)

    def focus_target(self) -> Widget | None:
        """The widget that has the focus when the view is shown."""
        return None

    def shown(self) -> None:
        """The view has come to the front."""

    def data_changed(self) -> None:
        """The store has changed: by this app, a job, or another process."""
