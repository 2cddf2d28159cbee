"""Asking for a signal in the index view: live with what is stored or a quote that is typed, or a session that is over as a replay."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from engine.domain import from_day_number
from engine.errors import PregaoError
from engine.i18n import _
from tui.index.clock import WITHOUT_PRICE, before, coming, decided_at
from tui.index.price import typed_price
from tui.index.record import Moment
from tui.index.text import gate_text, said_text, session_day
from tui.messages import sentences
from tui.views.base import View
from tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from engine.store.board_directions import BoardDirection
    from engine.store.job_ledger import Job

INDEX, FUND = "IBOV", "BOVA11"
KIND = "direction"


class AskingView(View):
    """The part of the index view that asks: `target` is the session that is shown, `newest` the last one of which anything was said,
    `quoting` the decision time and the symbol of the quote that is typed.
    """

    symbol: str
    target: int | None
    quoting: tuple[str, str] = ("", "")
    replays: dict[tuple[str, int, str], BoardDirection]

    @property
    def selected(self) -> Moment | None:
        """The decision time under the cursor."""
        raise NotImplementedError

    @property
    def newest(self) -> int | None:
        """The last session about which something was said."""
        raise NotImplementedError

    def title_of(self, time: str) -> str:
        """What a decision time predicts."""
        from engine.ml.direction.times import parse

        return parse(time).label

    def fill(self) -> None:
        """Show again what is known of the session."""
        raise NotImplementedError

    # --- what can be asked ---------------------------------------------------------------------------------------

    @property
    def following(self) -> int | None:
        """The session that a signal asked now is about; None while the calendar is not known."""
        return coming(self.desk_app.known_sessions, self.desk_app.now())

    def is_due(self, time: str, target: int | None) -> bool:
        """Whether the decision about this session has come; True where the session is not known."""
        at = None if target is None else decided_at(time, target)
        return at is None or self.desk_app.now() >= at

    def is_over(self, time: str) -> bool:
        """Whether the session that is shown can only be replayed at this decision time: it lies before what was said last, or it has closed
        and the same time of the next one has not come."""
        following = self.following
        if self.target is None or following is None or self.target >= following:
            return False
        return self.target != self.newest or not self._can_ask(time, following)

    def _can_ask(self, time: str, following: int) -> bool:
        """Whether a signal about the session to come can be asked: before the opening always, else from its decision on."""
        return time in WITHOUT_PRICE or self.is_due(time, following)

    def action_ask(self) -> None:
        """Ask for the signal of the chosen decision time with the prices that are stored; of a past session as a replay."""
        moment = self.selected
        if moment is None:
            return
        if self.is_over(moment.time):
            self._replay(moment.time)
        elif self._comes(moment.time):
            self._ask(moment.time)

    def action_price(self) -> None:
        """Ask with a quote that is typed."""
        moment, keys = self.selected, {"key": self.desk_app.key_of("index.ask")}
        if moment is None:
            return
        if moment.time in WITHOUT_PRICE:
            told = _("The signal of {time} takes no quote: it is given before the session; {key} asks for it.")
            self.desk_app.say(told.format(time=moment.time, **keys), "warning")
            return
        if self.target is not None and self.is_over(moment.time):
            told = _("The session of {day} is over: no quote can be typed for it; {key} replays it.")
            self.desk_app.say(told.format(day=session_day(self.target), **keys), "warning")
            return
        if not self._comes(moment.time):
            return
        title = _("Opening price of {symbol}") if moment.time == "open" else _("{symbol} now")
        self.quoting = moment.time, self._quoted(moment)
        self.query_one("#index-price", Prompt).open("", title.format(symbol=self._quoted(moment)))

    def _comes(self, time: str) -> bool:
        """Whether a decision time can be asked now; where it has not come that is said."""
        following = self.following
        if following is None or self._can_ask(time, following):
            return True
        self.desk_app.say(
            _("{time} of {day} has not come yet: there is no price of that session to decide on.").format(
                time=time, day=session_day(following)
            ),
            "warning",
            _("Before the opening the rows close and preopen can be asked, and past sessions with {key}.").format(
                key=self.desk_app.key_of("index.earlier")
            ),
        )
        return False

    def _quoted(self, moment: Moment) -> str:
        """What is quoted: for the opening of the index the fund that trades it, where it is stored."""
        board = self.desk_app.board
        fund = moment.time == "open" and self.symbol == INDEX and board is not None and board.row(FUND) is not None
        return FUND if fund else self.symbol

    @on(Input.Submitted, "#index-price")
    def _typed(self, event: Input.Submitted) -> None:
        board, (time, symbol) = self.desk_app.board, self.quoting
        prompt = self.query_one("#index-price", Prompt)
        if board is None or not time:
            prompt.close()
            return
        row = board.row(symbol)
        try:
            quote = typed_price(event.value, None if row is None else row.last)
        except PregaoError as error:
            prompt.refuse(sentences(error.message, error.hint))
            return
        prompt.close()
        self._back()
        self._ask(time, quote)

    @on(Prompt.Dismissed)
    def _back(self) -> None:
        target: Widget | None = self.focus_target()
        if target is not None:
            target.focus()

    # --- what is asked -------------------------------------------------------------------------------------------

    def _ask(self, time: str, quote: float | None = None) -> None:
        params: dict[str, Any] = {"do": "signal", "symbol": self.symbol, "at": time}
        if quote is not None:
            params["price"] = quote
        self.desk_app.say(_("Asking for {symbol} at {time}...").format(symbol=self.symbol, time=time))
        self.desk_app.ask_job(KIND, params, self._answered)

    def _replay(self, time: str) -> None:
        """Have the session that is shown judged by what was known then."""
        target = self.target
        day = before(self.desk_app.known_sessions, target) if time == "close" and target is not None else target
        if day is None or target is None:
            return
        told = _("Replaying {symbol} at {time} of {day}...").format(symbol=self.symbol, time=time, day=session_day(target))
        self.desk_app.say(told)
        params = {"do": "signal", "symbol": self.symbol, "at": time, "as_of": from_day_number(day).isoformat()}
        self.desk_app.ask_job(KIND, params, partial(self._replayed, self.symbol))

    def _replayed(self, symbol: str, job: Job) -> None:
        """Keep a replay while the view is there, and show it in its row."""
        from engine.store.board_directions import printed

        if job.result is not None:
            said = printed(job.result)
            self.replays[symbol, said.target, said.decision_time] = said
            self.fill()

    def _answered(self, job: Job) -> None:
        """Show what was said: in its row, or, where it came too late to be kept, on a page of its own."""
        from engine.store.board_directions import printed
        from tui.screens.dialogs import Reader

        if job.result is None or job.result["timely"]:
            self.data_changed()
            return
        said = printed(job.result)
        moment = Moment(said.decision_time, said, None)
        text = said_text(moment, said.symbol, self.title_of(said.decision_time), self.colours(), due=True)
        text.append(_("Session of {day}. Said after its time, so it is not kept.").format(day=session_day(said.target)) + "\n\n")
        text.append_text(gate_text(moment, self.colours()))
        self.app.push_screen(Reader(f"{said.symbol} {said.decision_time}", text))
