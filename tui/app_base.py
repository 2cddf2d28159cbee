"""What every part of the app stands on: its state, what it says, and defects that do not end it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from tui.messages import Said, sentences
from tui.widgets.frame import TopBar

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.jobs.client import JobClient
    from engine.workspace import Workspace
    from tui.desk_board import DeskBoard
    from tui.session import Session

log = logging.getLogger(__name__)

TOAST_SECONDS = 6
LAST_SAID = 3


class DeskBase(App[int]):
    """The state that the parts of the app share; `PregaoApp` fills it."""

    workspace: Workspace
    session: Session
    board: DeskBoard | None
    desk: Desk | None
    jobs: JobClient | None
    store_error: PregaoError | None
    history: list[tuple[float, str, str]]
    unseen: list[tuple[str, str]]
    keys: dict[str, str]
    now: Callable[[], float]

    def fail(self, error: PregaoError) -> None:
        """Say an error of the engine, not again while it is among the last said, and keep it for the view that stands in."""
        self.store_error = error
        whole = sentences(error.message, error.hint)
        if whole not in [line for _at, _severity, line in self.history[-LAST_SAID:]]:
            self.say(error.message, "error", error.hint)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """An error of the engine inside is said, and the rest of the block is left."""
        try:
            yield
        except PregaoError as error:
            self.fail(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect in a worker never ends the app: it is said, and its traceback goes to the log."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            log.error("defect in %s", event.worker.name, exc_info=event.worker.error)
            name = type(event.worker.error).__name__
            self.say(_("Something failed by a defect ({name}); the log has the details.").format(name=name), "error")
            if event.worker.group == "engine":
                self._loading, self.query_one(TopBar).note = False, ""

    @on(Said)
    def _said(self, event: Said) -> None:
        self.say(event.text, event.severity, event.hint)

    def say(self, text: str, severity: str = "information", hint: str = "") -> None:
        """A toast, and a line in the history of messages: an error is never only a toast. Behind a dialog it waits for its end."""
        whole = sentences(text, hint)
        self.history.append((time.time(), severity, whole))
        self.unseen.append((whole, severity))
        self._show_unseen()

    def _show_unseen(self) -> None:
        if any(screen.is_modal for screen in self.screen_stack):
            return
        for whole, severity in self.unseen[-LAST_SAID:]:
            self.notify(whole, severity=severity, timeout=TOAST_SECONDS, markup=False)  # type: ignore[arg-type]
        self.unseen.clear()

    def pop_screen(self) -> AwaitComplete:
        """Close the dialog on top; then what was said meanwhile is shown."""
        closing = super().pop_screen()
        self._show_unseen()
        return closing

    def action_messages(self) -> None:
        from tui.screens.dialogs import Reader

        text = Text()
        for at, severity, line in reversed(self.history):
            text.append(time.strftime("%H:%M:%S ", time.localtime(at)), style="dim")
            text.append(f"{line}\n", style="" if severity == "information" else "bold")
        self.push_screen(Reader(_("Messages"), text if self.history else Text(_("Nothing was said yet."))))
