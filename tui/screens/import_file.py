"""Choosing a file with the keyboard, seeing what it was understood to be, and importing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from tui.messages import sentences
from tui.quick_format import number
from tui.screens.dialogs import Dialog
from tui.widgets.table import Column, VTable

if TYPE_CHECKING:
    from engine.desk import Desk
    from tui.app import PregaoApp

LISTED = 2_000


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be imported, and under which symbol when its content names none."""

    path: str
    symbol: str


class ImportFile(Dialog[Choice]):
    """Typing narrows the list of files, Enter opens a folder or looks at a file, Enter again imports it."""

    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    @dataclass
    class Understood(Message):
        """A file was looked at."""

        path: Path
        text: Text
        sound: bool
        needs_symbol: bool

    def __init__(self, desk: Desk | None, start: str) -> None:
        super().__init__()
        self._desk = desk
        self._start = start
        self._entries: list[Path] = []
        self._looked: Path | None = None
        self._symbol = ""
        self._asking_symbol = False
        self._whole = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(_("Import a file"), style="bold"), id="import-title")
            yield Input(self._start, id="import-path", select_on_focus=False)
            table = VTable(
                [Column("name", _("Name"), 40, grow=True), Column("size", _("Size"), 10, right=True)],
                self._cell,
                id="import-table",
                empty=_("Nothing here by this name."),
            )
            table.can_focus = False
            yield table
            yield Static(id="import-facts")
            yield Static(id="import-hint")

    def on_mount(self) -> None:
        self.query_one(Input).cursor_position = len(self._start)
        self._list()
        self._hint(_("Type or choose with the arrows · Tab completes · Enter opens · Esc closes"))

    def _hint(self, text: str) -> None:
        self.query_one("#import-hint", Static).update(Text(text, style="dim"))

    @property
    def _typed(self) -> str:
        return self.query_one("#import-path", Input).value

    def _list(self) -> None:
        """The entries of the typed folder whose names begin with (or hold) what follows it."""
        folder, part = _split(self._typed)
        try:
            found = [item for item in folder.iterdir() if not item.name.startswith(".") or part.startswith(".")]
        except OSError:
            found = []
        word = part.lower()
        ranked = [
            (not item.name.lower().startswith(word), not item.is_dir(), item.name.lower(), item)
            for item in found
            if word in item.name.lower()
        ]
        whole = [folder] if not part and sum(item.is_file() for item in found) > 1 else []
        self._entries = whole + [item for *_key, item in sorted(ranked)][:LISTED]
        self._whole = bool(whole)
        table = self.query_one(VTable)
        table.set_rows(len(self._entries))
        if self._entries:
            table.select(1 if whole and len(self._entries) > 1 else 0)

    def _cell(self, row: int, key: str) -> str | tuple[str, str]:
        item = self._entries[row]
        if self._whole and row == 0:
            return (_("(all files of this folder)"), "accent") if key == "name" else ""
        if key == "name":
            return (f"{item.name}/", "accent") if item.is_dir() else item.name
        if item.is_dir():
            return ""
        try:
            size = item.stat().st_size
        except OSError:
            return "–"
        return f"{number(size / 1024, 0)} kB" if size < 10 << 20 else f"{number(size / (1 << 20), 0)} MB"

    @on(Input.Changed, "#import-path")
    def _changed(self) -> None:
        field = self.query_one("#import-path", Input)
        begun = max(field.value.rfind("//") + 1, field.value.rfind("/~") + 1)
        if begun > 0:
            # A path pasted behind the folder that was there begins anew.
            field.value = field.value[begun:]
            field.cursor_position = len(field.value)
            return
        self._looked = None
        self.query_one("#import-facts", Static).update("")
        self._list()

    def action_move(self, step: int) -> None:
        table = self.query_one(VTable)
        if self._entries and table.cursor is not None:
            table.select(min(max(table.cursor + step, 0), len(self._entries) - 1))

    def action_complete(self) -> None:
        item = self._marked()
        if item is not None and not self._is_whole():
            self._put(item)

    def _is_whole(self) -> bool:
        """Whether the marked line stands for the whole folder."""
        return self._whole and self.query_one(VTable).cursor == 0

    def _marked(self) -> Path | None:
        at = self.query_one(VTable).cursor
        return self._entries[at] if at is not None and at < len(self._entries) else None

    def _put(self, item: Path) -> None:
        field = self.query_one("#import-path", Input)
        field.value = f"{item}/" if item.is_dir() else str(item)
        field.cursor_position = len(field.value)

    @on(VTable.Opened)
    def _clicked(self, event: VTable.Opened) -> None:
        if self._is_whole():
            self.dismiss(Choice(str(self._entries[0]), self._symbol))
        else:
            self._open(self._entries[event.row])

    @on(Input.Submitted, "#import-path")
    def _entered(self) -> None:
        typed = Path(self._typed).expanduser()
        if self._asking_symbol:
            return
        if self._looked is not None and self._looked == typed:
            self.dismiss(Choice(str(typed), self._symbol))
            return
        if self._is_whole():
            self.dismiss(Choice(str(self._entries[0]), self._symbol))
            return
        item = typed if typed.is_file() else self._marked()
        if item is not None:
            self._open(item)

    def _open(self, item: Path) -> None:
        self._put(item)
        if item.is_dir():
            return
        self.query_one("#import-facts", Static).update(Text(_("Looking at the file..."), style="dim"))
        self.call_after_refresh(self._look, item)

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look(self, path: Path) -> None:
        """Understand the file without writing anything."""
        from tui.import_panel import facts_text

        text, sound, needs_symbol = facts_text(path, self._desk, self._symbol)
        self.post_message(self.Understood(path, text, sound, needs_symbol))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect while a file was looked at is said; another file can be chosen."""
        cast("PregaoApp", self.app).on_worker_state_changed(event)
        if event.state is WorkerState.ERROR:
            self.query_one("#import-facts", Static).update("")
            self._hint(_("Choose another file · Esc closes"))

    @on(Understood)
    def _understood(self, event: Understood) -> None:
        self.query_one("#import-facts", Static).update(event.text)
        if event.needs_symbol:
            from tui.screens.dialogs import Ask

            self._asking_symbol = True
            self.app.push_screen(
                Ask(_("The file does not name its symbol. Which is it?"), _("For example PETR4 or IBOV.")), self._symbol_given
            )
            return
        self._looked = event.path if event.sound else None
        self._hint(_("Enter imports it · Esc closes") if event.sound else _("Choose another file · Esc closes"))

    def _symbol_given(self, answer: str | None) -> None:
        self._asking_symbol = False
        if not answer:
            return
        from engine.market.instruments import normalise_symbol

        try:
            self._symbol = normalise_symbol(answer)
        except PregaoError as error:
            self.query_one("#import-facts", Static).update(Text(sentences(error.message, error.hint), style="bold red"))
            return
        self._look(Path(self._typed).expanduser())


def _split(typed: str) -> tuple[Path, str]:
    """The folder of what was typed, and the part of a name behind it."""
    path = Path(typed).expanduser() if typed else Path.cwd()
    if typed.endswith("/") or typed in ("", "~", ".", ".."):
        return path, ""
    return path.parent, path.name
