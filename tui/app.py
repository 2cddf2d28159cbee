"""The desk: one screen with a bar, the views in a switcher, a strip for jobs and a line of hints.

Until the first frame is painted only the standard library and Textual are imported; the engine is loaded in a thread
right after it. Views tell facts upward as messages; the app routes them and hands state down.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import App, ComposeResult, SystemCommand
from textual.command import CommandPalette
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static
from textual.worker import Worker, WorkerState

from engine.errors import PregaoError
from engine.i18n import _
from engine.store.board import open_board
from engine.workspace import Workspace
from tui.actions import BY_ID, Action, bindings, find_code, of_context
from tui.desk_board import DeskBoard
from tui.messages import BacktestAsked, JobAsked, Said
from tui.session import Session
from tui.themes import THEMES
from tui.views.base import View
from tui.views.watchlist import WatchlistView
from tui.views.welcome import Welcome
from tui.widgets.frame import HintBar, JobStrip, TopBar, key_name
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.command import Provider

    from engine.desk import Desk
    from engine.jobs.client import JobClient
    from engine.market.session_cache import CachedSessions

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
TODAY_SECONDS = 30
CLOSE_DELAY = 1800
TOAST_SECONDS = 6
LAST_SAID = 3
MIN_WIDTH, MIN_HEIGHT = 60, 15


def _commands() -> type[Provider]:
    from tui.palette import Commands

    return Commands


class PregaoApp(App[int]):
    """The app over one workspace."""

    CSS_PATH = "pregao.tcss"
    TITLE = "Pregão"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {_commands}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS = bindings("app")
    _theme_held: Theme | None = None

    class DeskReady(Message):
        """The engine is loaded and the store is open, or it could not be."""

        def __init__(self, workspace: Workspace, desk: Desk | None, error: PregaoError | None) -> None:
            super().__init__()
            self.workspace, self.desk, self.error = workspace, desk, error

    def __init__(self, workspace: Workspace, keymap: dict[str, str] | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.now = now
        self.workspace = workspace
        self.keys = dict(keymap or {})
        self.session = Session.load(workspace.session_file)
        self.board: DeskBoard | None = None
        self.store_error: PregaoError | None = None
        self.desk: Desk | None = None
        self.jobs: JobClient | None = None
        self.history: list[tuple[float, str, str]] = []
        self._version = 0
        self._state: tuple[object, ...] = ()
        self._followed: dict[int, tuple[str, str, float | None]] = {}
        self._sessions: CachedSessions | None = None
        self._today: tuple[float, int | None] = (0.0, None)
        self._loading = False
        self._one_loads = Lock()
        for theme in THEMES:
            self.register_theme(theme)
        known = {theme.name for theme in THEMES}
        self.set_reactive(PregaoApp.theme, self.session.theme if self.session.theme in known else THEMES[0].name)
        self.animation_level = "none"
        self.set_keymap(self.keys)

    @property
    def current_theme(self) -> Theme:
        """The theme in force, looked up once: Textual asks for it with every line that it paints."""
        if self._theme_held is None or self._theme_held.name != self.theme:
            self._theme_held = super().current_theme
        return self._theme_held

    # --- the frame -----------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield TopBar(self.key_of, id="top")
        self._open_board()
        first = "watchlist" if self._has_bars() else "welcome"
        with ContentSwitcher(id="views", initial=first):
            yield self._make(first)
        yield JobStrip(self.key_of("job.cancel"), id="jobs-strip")
        yield Prompt(id="command", placeholder=_("PETR4 · BT PETR4 · IMPORT file · ADD VALE3 · HELP · Q"))
        yield HintBar(id="hints")
        yield Static(id="too-small")

    async def on_mount(self) -> None:
        self.query_one(TopBar).demo = self.workspace.demo
        await self._show_first()
        self.call_after_refresh(self._after_first_frame)

    def _after_first_frame(self) -> None:
        self._read_sessions()
        self._load_engine()
        self.set_interval(WATCH_SECONDS, self._watch)

    def on_resize(self, event: events.Resize) -> None:
        small = event.size.width < MIN_WIDTH or event.size.height < MIN_HEIGHT
        note = self.query_one("#too-small", Static)
        note.display = small
        if small:
            note.update(_("This terminal is too small; {width}x{height} are needed.").format(width=MIN_WIDTH, height=MIN_HEIGHT))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        return ()

    # --- views ---------------------------------------------------------------------------------------------------

    @property
    def switcher(self) -> ContentSwitcher:
        return self.query_one("#views", ContentSwitcher)

    @property
    def active_view(self) -> View:
        return self.switcher.query_one(f"#{self.switcher.current}", View)

    async def _show_first(self) -> None:
        await self.action_show("watchlist" if self._has_bars() else "welcome")

    def _has_bars(self) -> bool:
        return self.board is not None and bool(self.board.all_symbols())

    async def action_show(self, name: str) -> None:
        """Bring a view to the front, making it if this is the first time."""
        if name == "watchlist" and not self._has_bars():
            name = "welcome"
        switcher = self.switcher
        if not switcher.query(f"#{name}"):
            await switcher.mount(self._make(name))
        if not switcher.is_attached:
            return
        with self.batch_update():
            self.switcher.current = name
            self.query_one(TopBar).active = "watchlist" if name == "welcome" else name
            view = self.active_view
            view.shown()
            target = view.focus_target()
            if target is not None:
                target.focus()
            self._hints()

    @staticmethod
    def _make(name: str) -> View:
        if name == "backtest":
            from tui.views.backtest import BacktestView

            return BacktestView()
        if name == "data":
            from tui.views.data import DataView

            return DataView()
        return Welcome() if name == "welcome" else WatchlistView()

    async def open_backtest(self, symbol: str) -> None:
        """Show the backtest of a symbol."""
        self.session.symbol = symbol
        await self.action_show("backtest")
        from tui.views.backtest import BacktestView

        self.query_one(BacktestView).choose(symbol)

    @on(VTable.FilterAsked)
    def _filter_asked(self) -> None:
        if self.active_view.context != "watchlist":
            self.say(_("Only the watchlist is filtered."))

    @on(BacktestAsked)
    async def _backtest_asked(self, event: BacktestAsked) -> None:
        await self.open_backtest(event.symbol)

    # --- hints ---------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self._hints()

    def contexts(self) -> list[str]:
        """The contexts in force, the innermost first."""
        found: list[str] = []
        if isinstance(self.focused, VTable):
            found.append("table")
        elif self.focused is not None and self.focused.__class__.__name__ == "Form":
            found.append("form")
        return [*found, self.active_view.context, "app"]

    def _hints(self) -> None:
        if not self.is_mounted or self.switcher.current is None:
            return
        shown = [
            (action, self.keys.get(action.id, action.keys))
            for name in self.contexts()
            for action in of_context(name)
            if action.footer and (action.id != "table.filter" or self.active_view.context == "watchlist")
        ]
        self.query_one(HintBar).show(shown)

    def key_of(self, action_id: str) -> str:
        """The key in force of an action, as a keyboard shows it."""
        return key_name(self.keys.get(action_id, BY_ID[action_id].keys))

    # --- the engine ----------------------------------------------------------------------------------------------

    def _open_board(self) -> None:
        self.store_error = None
        with self._told():
            board = open_board(self.workspace.database)
            if board is not None:
                self.board = DeskBoard(board, self.fail)
                self._version = self.board.version()
                self._state = self.board.state()

    def fail(self, error: PregaoError) -> None:
        """Say an error of the engine, not again while it is among the last said, and keep it for the view that stands in."""
        self.store_error = error
        whole = f"{error.message} {error.hint}".strip()
        if whole not in [line for _at, _severity, line in self.history[-LAST_SAID:]]:
            self.say(error.message, "error", error.hint)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """An error of the engine inside is said, and the rest of the block is left."""
        try:
            yield
        except PregaoError as error:
            self.fail(error)

    @work(thread=True, exclusive=True, group="engine", exit_on_error=False)
    def _load_engine(self) -> None:
        from engine.desk import open_desk

        workspace = self.workspace
        try:
            with self._one_loads:
                desk = open_desk(workspace, lambda: int(self.now()))
                desk.calendar  # noqa: B018 - built (or read from its cache) here, not when a key waits for it
                if workspace.demo:
                    from engine.ingestion.demo_market import refresh_demo

                    refresh_demo(desk.store, desk.calendar, desk.now())
                from engine.backtest import run  # noqa: F401 - loaded now, so that the first backtest is quick
                from engine.features.indicators import warm_up

                warm_up()
        except PregaoError as error:
            self.post_message(self.DeskReady(workspace, None, error))
            return
        self.post_message(self.DeskReady(workspace, desk, None))

    @on(DeskReady)
    async def _desk_ready(self, event: DeskReady) -> None:
        if event.workspace != self.workspace:
            if event.desk is not None:
                event.desk.close()
            return
        self._loading = False
        self.query_one(TopBar).note = ""
        if event.error is not None:
            self.fail(event.error)
            self.active_view.shown()
            return
        from engine.jobs.client import JobClient

        # What the engine's libraries made stays: without this, collections would walk it again and hold a key for 0.1 s.
        gc.freeze()
        self.desk = event.desk
        self.jobs = JobClient(self.workspace)
        with self._told():
            self.jobs.reap()
        self._follow_jobs()
        self._read_sessions()
        if self.board is None:
            self._open_board()
        if self.switcher.current == "welcome":
            await self._show_first()
        for view in self.switcher.query(View):
            ready = getattr(view, "desk_ready", None)
            if ready is not None:
                ready()
            view.data_changed()

    def board_snapshot(self) -> object:
        """The newest import: what a result rests on."""
        return self.board.state()[0] if self.board is not None else None

    def _read_sessions(self) -> None:
        from engine.market.session_cache import find_sessions

        market = self.desk.settings.market if self.desk is not None else None
        corrections = (market.extra_sessions, market.extra_closures) if market is not None else ()
        self._sessions = find_sessions(self.workspace.cache, *corrections)
        self._today = (0.0, None)

    def sessions_behind(self, session: int) -> int | None:
        """How many sessions have closed since `session`; None while the calendar is not known."""
        from engine.market.session_cache import last_closed_session, sessions_behind

        now = self.now()
        if now - self._today[0] > TODAY_SECONDS:
            self._today = (now, last_closed_session(self._sessions, int(now), CLOSE_DELAY))
        return sessions_behind(session, self._today[1], self._sessions)

    # --- changes -------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Notice what other processes have written."""
        if self.board is None or (self.store_error is not None and self.switcher.current == "welcome"):
            self._reopen_board()
            if self.board is None:
                self.active_view.shown()
                return
            await self._show_first()
        version = self.board.version()
        if version != self._version:
            self._version = version
            self._follow_jobs()
            state = self.board.state()
            if state != self._state:
                self._state = state
                await self._data_changed()

    def _reopen_board(self) -> None:
        if self.board is not None:
            self.board.close()
        self.board = None
        self._open_board()

    async def _data_changed(self) -> None:
        if self.switcher.current == "welcome":
            await self._show_first()
        for view in self.switcher.query(View):
            view.data_changed()

    # --- jobs ----------------------------------------------------------------------------------------------------

    @on(JobAsked)
    def _job_asked(self, event: JobAsked) -> None:
        self.start_job(event.kind, event.params, event.title)

    def start_job(self, kind: str, params: dict[str, Any], title: str) -> None:
        """Start a job in a process of its own; it goes on if the app is closed."""
        if self.jobs is None:
            self.say(_("The engine is still being prepared; try again in a moment."), "warning")
            return
        self._submit(kind, params)
        self.say(_("{title}: started; view 0 shows the jobs").format(title=title))

    @work(thread=True, group="submit", exit_on_error=False)
    def _submit(self, kind: str, params: dict[str, Any]) -> None:
        jobs = self.jobs
        if jobs is None:
            return
        try:
            jobs.submit(kind, params)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self._follow_jobs)

    def _follow_jobs(self) -> None:
        """Listen to every job that runs, whoever started it."""
        with self._told():
            for job in self.jobs.active() if self.jobs is not None else ():
                if job.id not in self._followed:
                    self._followed[job.id] = (job.kind, "", None)
                    self._follow(self.jobs, job.id, job.kind)  # type: ignore[arg-type]

    @work(group="jobs", exit_on_error=False)
    async def _follow(self, jobs: JobClient, job_id: int, kind: str) -> None:
        with self._told():
            async for event in jobs.attach(job_id):
                if event.kind == "progress":
                    done, total = event.payload["done"], event.payload["total"]
                    self._followed[job_id] = (kind, str(event.payload["note"] or ""), done / total if total else None)
                elif event.kind == "finished":
                    self._job_ended(jobs, job_id)
                    break
                self._show_jobs()
        self._followed.pop(job_id, None)
        self._show_jobs()

    def _job_ended(self, jobs: JobClient, job_id: int) -> None:
        from tui.names import kind_name, status_name

        job = jobs.job(job_id, result=False)
        hint = str(job.error.get("hint") or "") if job.error else ""
        came = str(job.error.get("message") or "") if job.error else job.note
        text = f"{kind_name(job.kind)} {job.id} {status_name(job.status)}: {came}"
        self.say(text, "information" if job.status == "done" else "error", hint)
        self.call_later(self._watch)

    def _show_jobs(self) -> None:
        from tui.names import kind_name

        strip = self.query_one(JobStrip)
        if self._followed:
            job_id, (kind, note, share) = next(iter(self._followed.items()))
            strip.show(f"{kind_name(kind)} {job_id} {note}", share)
        else:
            strip.show("", None)
        if self.switcher.query("#data"):
            from tui.views.data import DataView

            self.query_one(DataView).jobs_changed()

    def action_cancel_job(self) -> None:
        """Ask the job in the strip to stop."""
        if not self._followed:
            self.say(_("No job is running."))
            return
        job_id = next(iter(self._followed))
        self._cancel(job_id)
        self.say(_("Cancelling job {id}...").format(id=job_id))

    @work(thread=True, group="submit", exit_on_error=False)
    def _cancel(self, job_id: int) -> None:
        try:
            if self.jobs is not None:
                self.jobs.cancel(job_id)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)

    def show_job(self, job_id: int) -> None:
        """A page about one job."""
        from tui.job_panel import job_text
        from tui.screens.dialogs import Reader

        if self.jobs is not None:
            with self._told():
                self.push_screen(Reader(_("Job"), job_text(self.jobs.job(job_id), self.jobs.events(job_id))))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect in a worker never ends the app: it is said, and its traceback goes to the log."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            log.error("defect in %s", event.worker.name, exc_info=event.worker.error)
            name = type(event.worker.error).__name__
            self.say(_("Something failed by a defect ({name}); the log has the details.").format(name=name), "error")
            if event.worker.group == "engine":
                self._loading, self.query_one(TopBar).note = False, ""

    # --- what was said -------------------------------------------------------------------------------------------

    @on(Said)
    def _said(self, event: Said) -> None:
        self.say(event.text, event.severity, event.hint)

    def say(self, text: str, severity: str = "information", hint: str = "") -> None:
        """A toast, and a line in the history of messages: an error is never only a toast."""
        whole = f"{text} {hint}".strip()
        self.history.append((time.time(), severity, whole))
        self.notify(whole, severity=severity, timeout=TOAST_SECONDS, markup=False)  # type: ignore[arg-type]

    def action_messages(self) -> None:
        from tui.screens.dialogs import Reader

        text = Text()
        for at, severity, line in reversed(self.history):
            text.append(time.strftime("%H:%M:%S ", time.localtime(at)), style="dim")
            text.append(f"{line}\n", style="" if severity == "information" else "bold")
        self.push_screen(Reader(_("Messages"), text if self.history else Text(_("Nothing was said yet."))))

    # --- actions -------------------------------------------------------------------------------------------------

    async def perform(self, action: Action) -> None:
        """Do an action of the table from the palette or the command bar, in its own view."""
        if action.context in ("watchlist", "backtest", "data") and action.context != self.active_view.context:
            await self.action_show(action.context)
        target: Widget | PregaoApp = self if action.context == "app" else self.active_view
        if action.context in ("table", "form") and self.focused is not None:
            target = self.focused
        self.call_later(self.run_action, action.method, target)

    def action_command_palette(self) -> None:
        """The palette, with its prompt in the reader's language."""
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder=_("Search for commands..."), id="--command-palette"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A colon is a letter while something is typed, and no command while a dialog asks."""
        if action == "command" and (isinstance(self.focused, Input) or len(self.screen_stack) > 1):
            return False
        return super().check_action(action, parameters)

    def action_help_quit(self) -> None:
        """Ctrl+C, which Textual keeps for copying."""
        self.say(_("{key} quits.").format(key=self.key_of("quit")))

    def action_command(self) -> None:
        self.query_one("#command", Prompt).open()

    @on(Input.Submitted, "#command")
    def _command_typed(self, event: Input.Submitted) -> None:
        self.query_one("#command", Prompt).close()
        self._refocus()
        words = event.value.split()
        if words:
            self._command(words)

    @on(Prompt.Dismissed, "#command")
    def _command_left(self) -> None:
        self._refocus()

    def _refocus(self) -> None:
        target = self.active_view.focus_target()
        if target is not None:
            target.focus()

    def _command(self, words: list[str]) -> None:
        """Carry out what was typed after the colon."""
        code, rest = words[0].upper(), words[1:]
        if code == "BT" and rest:
            self._symbol_command(rest[0])
        elif code == "IMPORT" and rest:
            self.start_import(" ".join(rest), "")
        elif code == "SERIES" and len(rest) > 1:
            params = {"paths": [" ".join(rest[1:])], "series": rest[0].upper()}
            self.start_job("import", params, _("Import of {path}").format(path=rest[1]))
        elif code == "ADD" and rest:
            self._add(self.session.list_name, " ".join(rest))
        elif code == "LIST":
            self._show_list(rest[0]) if rest else self.ask_list()
        elif (action := find_code(code)) is not None:
            self.call_later(self.perform, action)
        else:
            self._symbol_command(words[0])

    def _symbol_command(self, word: str) -> None:
        from difflib import get_close_matches

        from engine.market.instruments import normalise_symbol
        from tui.actions import codes

        known = self.board.all_symbols() if self.board is not None else []
        try:
            symbol = normalise_symbol(word)
        except PregaoError:
            symbol = word.upper()
        if symbol in known:
            self.call_later(self.open_backtest, symbol)
            return
        close = get_close_matches(word.upper(), [*codes(), *known], n=1)
        hint = _("Did you mean {name}?").format(name=close[0]) if close else _("? lists the commands.")
        self.say(_("{word} is no command and no symbol with bars.").format(word=word), "warning", hint)

    def action_help(self) -> None:
        from tui.help import help_text
        from tui.screens.dialogs import Reader

        order = list(dict.fromkeys([*self.contexts(), "watchlist", "backtest", "data"]))
        self.push_screen(Reader(_("Keys and commands"), help_text(order, self.keys)))

    def action_import_file(self) -> None:
        from pathlib import Path

        from tui.screens.import_file import Choice, ImportFile

        if self.workspace.demo:
            self.say(_("Real files are not imported into the demo market; ctrl+d leaves it."), "warning")
            return

        def chosen(choice: Choice | None) -> None:
            if choice is not None:
                self.start_import(choice.path, choice.symbol)

        self.push_screen(ImportFile(self.desk, f"{Path.cwd()}/"), chosen)

    def start_import(self, path: str, symbol: str) -> None:
        """Import a file, folder or glob as a job."""
        if self.workspace.demo:
            self.say(_("Real files are not imported into the demo market; ctrl+d leaves it."), "warning")
            return
        self.start_job("import", {"paths": [path], "symbol": symbol or None}, _("Import of {path}").format(path=path))

    async def action_demo(self) -> None:
        """Change between the real data and the demo market; nothing of either is touched."""
        if self._loading:
            return
        from dataclasses import replace

        self._loading = True
        self.workers.cancel_group(self, "jobs")
        self.close_data()
        self.store_error = None
        self.workspace = replace(self.workspace, demo=not self.workspace.demo)
        self.session.symbol, self.session.list_name = "", "default"
        self.query_one(TopBar).demo = self.workspace.demo
        self.query_one(TopBar).note = _("preparing...")
        self._version, self._followed = 0, {}
        self.query_one(JobStrip).show("", None)
        for view in list(self.switcher.query(View)):
            if view.id != "welcome":
                await view.remove()
        await self.action_show("welcome")
        self._load_engine()

    def action_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.session.theme = self.theme

    def action_daily(self) -> None:
        self.start_job("daily", {}, _("Daily run"))

    def action_leave(self) -> None:
        """Quit; jobs go on by themselves."""
        self.exit(0)

    # --- symbols and lists ---------------------------------------------------------------------------------------

    def pick_symbol(self, chosen: Callable[[str], None]) -> None:
        """Ask for a symbol with bars."""
        from tui.screens.dialogs import PickSymbol

        board = self.board
        if board is None or not board.all_symbols():
            self.say(_("There are no bars yet: i imports a file."), "warning")
            return
        names = board.names()

        def done(answer: str | None) -> None:
            if answer:
                chosen(answer)

        self.push_screen(PickSymbol([(symbol, names.get(symbol, "")) for symbol in board.all_symbols()]), done)

    def ask_symbols(self, list_name: str) -> None:
        """Ask for symbols to add to a list."""
        from tui.screens.dialogs import Ask

        def done(answer: str | None) -> None:
            if answer:
                self._add(list_name, answer)

        self.push_screen(
            Ask(
                _("Add to the list {name}").format(name=list_name),
                _("Symbols, for example PETR4 VALE3. Enter accepts, Esc closes."),
            ),
            done,
        )

    def ask_list(self) -> None:
        """Ask for the name of a new list."""
        from tui.screens.dialogs import Ask

        def done(answer: str | None) -> None:
            if answer:
                self._show_list(answer)

        self.push_screen(Ask(_("Name of the list"), _("It begins empty; a adds symbols to it.")), done)

    def _show_list(self, name: str) -> None:
        self.session.list_name = name

        async def show() -> None:
            await self.action_show("watchlist")
            if self.switcher.query("#watchlist"):
                self.query_one(WatchlistView).show_list(name)

        self.call_later(show)

    def _add(self, list_name: str, text: str) -> None:
        from engine.market.instruments import normalise_symbol
        from engine.store.watchlists import add_symbols

        try:
            wanted = [normalise_symbol(word) for word in text.replace(",", " ").split()]
        except PregaoError as error:
            self.say(error.message, "error", error.hint)
            return

        def add(desk: Desk) -> str:
            added = add_symbols(desk.store, wanted, list_name)
            known = self.board.all_symbols() if self.board is not None else []
            unknown = [symbol for symbol in added if symbol not in known]
            text = _("Added to {name}: {symbols}.").format(name=list_name, symbols=", ".join(added) or _("nothing new"))
            return text + (" " + _("No bars yet of {symbols}.").format(symbols=", ".join(unknown)) if unknown else "")

        self._change_list(add)

    def remove_symbol(self, list_name: str, symbol: str) -> None:
        """Take one symbol out of a list."""
        from engine.store.watchlists import remove_symbols

        def remove(desk: Desk) -> str:
            remove_symbols(desk.store, [symbol], list_name)
            return _("Removed from {name}: {symbols}").format(name=list_name, symbols=symbol)

        self._change_list(remove)

    @work(thread=True, group="lists", exit_on_error=False)
    def _change_list(self, change: Callable[[Desk], str]) -> None:
        """Change a list in a thread, as writing waits while an import publishes, and say what came of it."""
        desk = self.desk
        if desk is None:
            self.call_from_thread(self.say, _("The engine is still being prepared; try again in a moment."), "warning")
            return
        try:
            text = change(desk)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self.say, text)
        self.call_from_thread(self._watch)

    # --- the end -------------------------------------------------------------------------------------------------

    def close_data(self) -> None:
        """Close what is open; the store and its jobs are left as they are."""
        if self.board is not None:
            self.board.close()
        if self.desk is not None:
            self.desk.close()
        self.board = self.desk = self.jobs = None

    def on_unmount(self) -> None:
        self.session.save(self.workspace.session_file)
        self.close_data()


def run(workspace: Workspace, keymap: dict[str, str]) -> int:
    """Open the desk and return the exit code."""
    app = PregaoApp(workspace, keymap)
    app.run()
    return app.return_code or 0
