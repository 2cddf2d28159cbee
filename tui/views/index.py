"""View 6: will the index close higher or lower than before? Said at each decision time of the day, with what such signals are worth."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.errors import PregaoError
from engine.i18n import _, ngettext
from tui.actions import bindings
from tui.index.asking import INDEX, KIND, AskingView
from tui.index.clock import shown_sessions
from tui.index.frame import PANELS, Shown
from tui.index.panels import CurvePanel, EvaluationPanel, SignalPanel, WindowsPanel, whole_text
from tui.index.record import JUDGED, LIVE, REPLAY, Moment, moments, outcome_of, targets
from tui.index.table import ORIGINS, cell, columns, sort_value
from tui.index.text import figures_text, session_day, side
from tui.messages import JobAsked
from tui.widgets.panels import PanelBar, ReadingPanel, after
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable

if TYPE_CHECKING:
    from engine.store.board_directions import BoardDirection, BoardEvaluation

#: Lines of the heads above and below the table, lines that the panel keeps, and lines of the table at least.
AROUND, PANEL_LINES, LEAST_TABLE = 2, 8, 4
#: Cells of the bar that shows how far an evaluation is.
BAR = 20


class IndexView(AskingView):
    """The decision times of one session from the evening before to the close; the chosen one is told in a panel."""

    DEFAULT_CSS = """
    #index-body { layout: vertical; height: 1fr; }
    #index-right { height: 1fr; width: 1fr; }
    #index-panels { height: 1; }
    #index-job { height: 1; display: none; color: $accent; text-wrap: nowrap; text-overflow: ellipsis; }
    IndexView.-wide #index-body { layout: horizontal; }
    IndexView.-wide #index-table { width: 82; }
    IndexView.-wide #index-right { padding: 0 0 0 1; border-left: solid $panel; }
    """
    context: ClassVar[str] = "index"
    BINDINGS = bindings("index")

    @dataclass
    class Loaded(Message):
        """What was said about a symbol and evaluated has been read."""

        symbol: str
        directions: list[BoardDirection]
        evaluations: list[BoardEvaluation]

    def __init__(self) -> None:
        super().__init__(id="index")
        self.symbol, self.panel = INDEX, "today"
        self._picked, self._stale = "", True
        self.directions: list[BoardDirection] = []
        self.evaluations: list[BoardEvaluation] = []
        self.moments: list[Moment] = []
        self.target: int | None = None
        #: What was replayed while the view is there, by symbol, target session and decision time.
        self.replays: dict[tuple[str, int, str], BoardDirection] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="index-head", classes="head")
        with Container(id="index-body"):
            yield VTable(
                columns(),
                lambda at, key: cell(self.moments[at], key, due=self._due(self.moments[at])),
                id="index-table",
                empty=_("Reading what was said..."),
                sort_value=lambda at, key: sort_value(self.moments[at], at, key),
            )
            with Vertical(id="index-right"):
                yield PanelBar("index", PANELS, self.desk_app.key_of, id="index-panels")
                yield Static(id="index-job")
                yield SignalPanel(id="index-today")
        yield Prompt(id="index-price")

    @property
    def table(self) -> VTable:
        return self.query_one("#index-table", VTable)

    def focus_target(self) -> Widget:
        return self.table

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._tell())

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """Above the panel the table has room for its rows, but not for more than it leaves the panel."""
        most = max(self.size.height - AROUND - PANEL_LINES, LEAST_TABLE)
        self.table.styles.height = "1fr" if self.has_class("-wide") else min(len(self.moments) + 1, most)

    # --- what there is -------------------------------------------------------------------------------------------

    def data_changed(self) -> None:
        """Read again what was said and evaluated, now or when the view is next shown."""
        self._stale = True
        if self.desk_app.active_view is self:
            self._read()

    def _read(self) -> None:
        self._stale = False
        self.symbol = self._picked or self._default_symbol()
        self._load(self.symbol)

    @work(thread=True, exclusive=True, group="index", exit_on_error=False)
    def _load(self, symbol: str) -> None:
        """Read in a thread, with a connection of its own: the evaluations of a dozen times are a megabyte."""
        from engine.store.board import open_board

        directions: list[BoardDirection] = []
        evaluations: list[BoardEvaluation] = []
        try:
            board = open_board(self.desk_app.workspace.database)
            if board is not None:
                with closing(board):
                    directions, evaluations = board.directions(symbol), board.evaluations(symbol)
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.fail, error)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Loaded(symbol, directions, evaluations))

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        """The cursor stays on its decision time while the session is the same; the newest session is followed."""
        if event.symbol != self.symbol:
            return
        before, newest = self.target, self.newest
        self.directions, self.evaluations = event.directions, event.evaluations
        if self.target is None or self.target == newest or self.target not in self._there():
            self.target = self.newest
        self.fill(keep=before == self.target and bool(self.moments))

    @property
    def newest(self) -> int | None:
        """The last session about which something was said."""
        return max(targets(self.directions), default=None)

    def _there(self) -> list[int]:
        """The sessions that can be looked at, the newest first."""
        app = self.desk_app
        row = app.board.row(self.symbol) if app.board is not None else None
        newest = None if row is None else row.session
        return shown_sessions(self.directions, self.evaluations, app.known_sessions, newest, self.following)

    def _default_symbol(self) -> str:
        """The index of the settings; where nothing was said about it, a symbol about which something was."""
        from engine.ingestion.demo import INDEX as DEMO_INDEX

        app = self.desk_app
        usual = DEMO_INDEX if app.workspace.demo else app.desk.settings.direction.symbol if app.desk is not None else INDEX
        said = app.board.direction_symbols() if app.board is not None else []
        return said[0] if said and usual not in said else usual

    def fill(self, *, keep: bool = True) -> None:
        from engine.ml.direction.times import ALL

        chosen = self.selected if keep else None
        replays = [said for (symbol, _target, _time), said in self.replays.items() if symbol == self.symbol]
        times = [time.text for time in ALL]
        self.moments = moments(times, self.directions, self.evaluations, self.target, replays)
        names = [moment.time for moment in self.moments]
        newest = max((at for at, moment in enumerate(self.moments) if moment.said and moment.origin == LIVE), default=0)
        self.table.set_rows(len(names), names.index(chosen.time) if chosen and chosen.time in names else newest)
        self._lay_out()
        self._head()
        self._tell()

    def shown(self) -> None:
        if self._stale:
            self._read()
        self.table.repaint()
        self.jobs_changed()

    @property
    def selected(self) -> Moment | None:
        """The decision time under the cursor."""
        at = self.table.cursor
        return self.moments[at] if at is not None and at < len(self.moments) else None

    def _head(self) -> None:
        shown = [moment for moment in self.moments if moment.said is not None]
        said = [moment.said for moment in shown if moment.said is not None and moment.origin == LIVE]
        facts = [self.symbol]
        if self.target is None:
            keys = {"ask": self.desk_app.key_of("index.ask"), "daily": self.desk_app.key_of("daily.run")}
            facts.append(_("nothing was said yet: {ask} asks now, {daily} starts the daily run").format(**keys))
        else:
            facts.append(_("session of {day}").format(day=session_day(self.target)))
            facts.append(_("said at {said} of {times} times").format(said=len(said), times=len(self.moments)))
            replayed, judged = (sum(moment.origin == origin for moment in shown) for origin in (REPLAY, JUDGED))
            facts += [f"{ORIGINS[REPLAY]} " + _("{count} replayed").format(count=replayed)] if replayed else []
            facts += [f"{ORIGINS[JUDGED]} " + _("{count} judged").format(count=judged)] if judged else []
            outcome = outcome_of(self.directions, self.evaluations, self.target)
            if outcome is not None:
                facts.append(f"{side(outcome)}")
            behind = self.desk_app.sessions_behind(said[0].session) if said and self.target == self.newest else None
            if behind:
                facts.append(
                    ngettext(
                        "! {count} session has closed since the last one that was known",
                        "! {count} sessions have closed since the last one that was known",
                        behind,
                    ).format(count=behind)
                )
        self.query_one("#index-head", Static).update(Text(" " + " · ".join(facts)))

    def _due(self, moment: Moment) -> bool:
        """Whether the decision time has come for the session that is shown."""
        return moment.said is not None or self.is_due(moment.time, self.target)

    # --- the chosen one ------------------------------------------------------------------------------------------

    @on(VTable.Highlighted, "#index-table")
    def _tell(self) -> None:
        """Give the panel that is shown what it shows."""
        shown = self._shown()
        for panel in self.query(f"#index-{self.panel}"):  # there is none while the screen is taken down
            if isinstance(panel, (ReadingPanel, EvaluationPanel, CurvePanel, WindowsPanel)):
                panel.show_result(shown)

    def _shown(self) -> Shown | None:
        moment = self.selected
        if moment is None:
            return None
        return Shown(self.symbol, moment, tuple(self.moments), self.title_of(moment.time), self._due(moment), self.colours())

    @on(VTable.Opened, "#index-table")
    async def _open(self) -> None:
        await self.action_open("today")

    async def action_open(self, panel: str) -> None:
        """Show a panel, making it if this is the first time."""
        if not self.query(f"#index-{panel}"):
            await self.query_one("#index-right").mount(_make(panel))
        self.panel = self.query_one(PanelBar).active = panel
        for name in PANELS:
            self.query(f"#index-{name}").set(display=name == panel)
        self._tell()

    async def action_panel(self) -> None:
        await self.action_open(after(PANELS, self.panel))

    def action_read(self) -> None:
        """The chosen decision time on a page of its own."""
        from tui.screens.dialogs import Reader

        shown = self._shown()
        if shown is not None:
            text = whole_text(shown)
            text.append("\n")
            text.append_text(figures_text(shown.moment, shown.colours))
            self.app.push_screen(Reader(f"{self.symbol} {shown.moment.time}", text))

    def action_session(self, step: int) -> None:
        """The session before or after the one that is shown."""
        there = self._there()
        if not there:
            self.desk_app.say(_("Nothing was said about {symbol} yet.").format(symbol=self.symbol))
            return
        older = [session for session in there if self.target is None or session < self.target]
        newer = [session for session in there if self.target is not None and session > self.target]
        chosen = newer[-1:] if step > 0 else older[:1]
        if not chosen:
            self.desk_app.say(_("This is the last session there is.") if step > 0 else _("This is the first session there is."))
            return
        self.target = chosen[0]
        self.fill()

    def action_symbol(self) -> None:
        self.desk_app.pick_symbol(self.choose)

    def choose(self, symbol: str) -> None:
        """Show the direction of this symbol."""
        self._picked, self.target, self.directions, self.moments = symbol, None, [], []
        self.data_changed()

    # --- jobs ----------------------------------------------------------------------------------------------------

    def action_run(self) -> None:
        """Evaluate every decision time of this symbol, as a job."""
        if self.job_to_cancel() is not None:
            self.desk_app.say(_("A job of the direction is still running."))
            return
        title = _("Evaluation of the direction of {symbol}").format(symbol=self.symbol)
        self.post_message(JobAsked(KIND, {"do": "evaluate", "symbol": self.symbol}, title))

    def job_to_cancel(self) -> int | None:
        running = self.desk_app.running(KIND)
        return running[0] if running is not None else None

    def jobs_changed(self) -> None:
        """Say how far a job of the direction is."""
        line, running = self.query_one("#index-job", Static), self.desk_app.running(KIND)
        line.display = running is not None
        if running is not None:
            _job, note, share = running
            done = round(BAR * (share or 0.0))
            bar = "" if share is None else "▓" * done + "░" * (BAR - done) + f" {share:.0%} "
            key = _("{key} cancels").format(key=self.desk_app.key_of("job.cancel"))
            line.update(Text(f"{bar}{_('Direction')} {note} · {key}"))


def _make(panel: str) -> Widget:
    made: dict[str, Callable[..., Widget]] = {"evaluation": EvaluationPanel, "calibration": CurvePanel, "windows": WindowsPanel}
    return made[panel](id=f"index-{panel}")
