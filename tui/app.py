"""The desk: one screen with a bar, the views in a switcher, a strip for jobs and a line of hints.

Until the first frame is painted only the standard library and Textual are imported; the engine is loaded in a thread
right after it. Views tell facts upward as messages; the app routes them and hands state down.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult, SystemCommand
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import ContentSwitcher, Static

from engine.errors import PregaoError
from engine.i18n import _
from engine.store.board import open_board
from engine.workspace import Workspace
from tui.actions import BY_ID, bindings, of_context
from tui.app_commands import DeskCommands
from tui.desk_board import DeskBoard
from tui.messages import BacktestAsked, ChartAsked
from tui.session import Session
from tui.themes import THEMES
from tui.views.base import View
from tui.views.make import make_view
from tui.widgets.frame import HintBar, JobStrip, TopBar, key_name
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.command import Provider

    from engine.desk import Desk
    from engine.jobs.client import JobClient
    from engine.market.session_cache import CachedSessions


WATCH_SECONDS = 1.0
TODAY_SECONDS = 30
CLOSE_DELAY = 1800
MIN_WIDTH, MIN_HEIGHT = 60, 15


def _commands() -> type[Provider]:
    from tui.palette import Commands

    return Commands


class PregaoApp(DeskCommands):
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
        self.unseen: list[tuple[str, str]] = []
        self._version = 0
        self._state: tuple[object, ...] = ()
        self._followed: dict[int, tuple[str, str, float | None]] = {}
        self._asked: set[int] = set()
        self._sessions: CachedSessions | None = None
        self._today: tuple[float, int | None] = (0.0, None)
        self._loading = False
        self._one_loads = Lock()
        for theme in THEMES:
            self.register_theme(theme)
        known = {theme.name for theme in THEMES}
        # Set without the watcher, which would style everything twice; what it does is done here.
        self.set_reactive(PregaoApp.theme, self.session.theme if self.session.theme in known else THEMES[0].name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_class(self.current_theme.dark, "-dark-mode", update=False)
        self.set_class(not self.current_theme.dark, "-light-mode", update=False)
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
            yield make_view(first)
        yield JobStrip(self.key_of("job.cancel"), id="jobs-strip")
        yield Prompt(id="command", placeholder=_("PETR4 · BT PETR4 · IMPORT file · ADD VALE3 · HELP · Q"))
        yield HintBar(id="hints")
        yield Static(id="too-small")

    async def on_mount(self) -> None:
        self.default_screen.screen_layout_refresh_signal.subscribe(self, self._paint_behind)
        self.query_one(TopBar).demo = self.workspace.demo
        await self._show_first()
        self.call_after_refresh(self._after_first_frame)

    def _paint_behind(self, screen: Screen[Any]) -> None:
        """Paint again what is behind a dialog once it was laid out anew, which Textual leaves as it was."""
        if self.screen is not screen:
            self.screen.refresh()

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
            await switcher.mount(make_view(name))
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
            self.show_hints()

    async def open_backtest(self, symbol: str, strategy: str = "") -> None:
        """Show the backtest of a symbol, with this strategy unless it is empty."""
        self.session.symbol = symbol
        await self.action_show("backtest")
        from tui.views.backtest import BacktestView

        self.query_one(BacktestView).choose(symbol, strategy)

    async def open_chart(self, symbol: str, timeframe: str = "", instant: int | None = None, strategy: str | None = None) -> None:
        """Show the chart of a symbol; see `ChartAsked`."""
        self.session.symbol = symbol
        await self.action_show("chart")
        from tui.views.chart import ChartView

        self.query_one(ChartView).choose(symbol, timeframe, instant, strategy)

    @on(VTable.FilterAsked)
    def _filter_asked(self) -> None:
        if not self.active_view.filters:
            self.say(_("The rows of this view are not filtered."))

    @on(BacktestAsked)
    async def _backtest_asked(self, event: BacktestAsked) -> None:
        await self.open_backtest(event.symbol, event.strategy)

    @on(ChartAsked)
    async def _chart_asked(self, event: ChartAsked) -> None:
        await self.open_chart(event.symbol, event.timeframe, event.instant, event.strategy)

    # --- hints ---------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        self.show_hints()

    def contexts(self) -> list[str]:
        """The contexts in force, the innermost first."""
        found: list[str] = []
        if isinstance(self.focused, VTable):
            found.append("table")
        elif self.focused is not None and self.focused.__class__.__name__ == "Form":
            found.append("form")
        return [*found, self.active_view.context, "app"]

    def show_hints(self) -> None:
        """Write the line of hints again, as what can be done has changed."""
        if not self.query("#views") or not self.query(HintBar) or self.switcher.current is None:
            return  # the focus still moves while the screen is taken down
        shown = [
            (replace(action, label=self.active_view.label_of(action)), self.keys.get(action.id, action.keys))
            for name in self.contexts()
            for action in of_context(name)
            if self.active_view.hinted(action)
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

    @property
    def known_sessions(self) -> tuple[int, ...]:
        """The sessions of B3, days since 1970-01-01, increasing; empty while the calendar is not known."""
        return self._sessions.sessions if self._sessions is not None else ()

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
            self.active_view.store_written()
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

    # --- the end -------------------------------------------------------------------------------------------------

    def close_data(self) -> None:
        """Close what is open; the store and its jobs are left as they are."""
        if self.board is not None:
            self.board.close()
        if self.desk is not None:
            self.desk.close()
        self.board = self.desk = self.jobs = None

    async def on_unmount(self) -> None:
        await self.leave_bot()
        self.session.save(self.workspace.session_file)
        self.close_data()


def run(workspace: Workspace, keymap: dict[str, str]) -> int:
    """Open the desk and return the exit code."""
    app = PregaoApp(workspace, keymap)
    app.run()
    return app.return_code or 0
