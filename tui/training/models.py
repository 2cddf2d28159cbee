"""What the training view asks of saved models: to compare two, to make one live, to explain its newest prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from textual import work
from textual.screen import ModalScreen
from textual.widgets import Input

from engine.errors import PregaoError
from engine.i18n import _
from tui.training.look import Look, saved_report
from tui.training.record import Symbols
from tui.views.base import View

if TYPE_CHECKING:
    from engine.store.job_ledger import Job
    from tui.training.history import HistoryPanel, Row

#: The letters of a model's id that are typed to promote it.
LETTERS = 4


class TrainingModels(View):
    """The part of the training view that is about models; the view itself says what is shown."""

    panel: str
    look: Look
    symbols: Symbols
    #: What a model said of a symbol (both named) while a dialog was open, to be shown when it is asked again.
    _said: tuple[str, str, Job] | None = None

    @property
    def report(self) -> Mapping[str, Any] | None:
        """The report of the model that is shown; None until it is there."""
        return self.look.record.report(self.symbols) if self.look.record is not None else None

    @property
    def history(self) -> HistoryPanel:
        """The list of trainings, once it was shown."""
        from tui.training.history import HistoryPanel

        return self.query_one(HistoryPanel)

    def renew(self) -> None:
        """Look at the trainings again."""
        raise NotImplementedError

    async def action_open(self, panel: str) -> None:
        """Show a panel."""
        raise NotImplementedError

    async def action_mark(self) -> None:
        """Mark a training for the comparison."""
        if self.panel != "history":
            await self.action_open("history")
            return
        row = self.history.selected
        if row is not None and not row.model_id:
            self.desk_app.say(_("This training has no model, so that there is nothing to compare."), "warning")
        self.history.turn_mark()

    async def action_compare(self) -> None:
        """Compare the two marked models."""
        if not self.query("#training-history"):
            await self.action_open("history")
        pair = self.history.pair()
        if pair is None:
            self.desk_app.say(
                _("Mark two trainings that have a model first ({key}).").format(key=self.desk_app.key_of("training.mark"))
            )
            await self.action_open("history")
            return
        await self.action_open("compare")
        self._compare(*pair)

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _compare(self, first: Row, second: Row) -> None:
        from engine.ml.model_compare import compare
        from tui.training.compare import ComparePanel, Pair

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            found = compare(desk.workspace.models, desk.store, first.model_id, second.model_id)
            pair = Pair(found, (saved_report(desk, first.model_id), saved_report(desk, second.model_id)))
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.say, error.message, "error", error.hint)
            return
        self.app.call_from_thread(lambda: self.query_one(ComparePanel).show_result(pair))

    def _model(self) -> str:
        """The id of the model that is meant: that of the marked row, else that which is shown; empty where there is none."""
        row = self.history.selected if self.panel == "history" else None
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
        model = next((model for model in self.look.models if model.id == model_id), None)
        if model is None:
            return ""
        verdict = model.summary.get("verdict")
        said = _("Its verdict: {verdict}.").format(verdict=_(verdict["label"])) if verdict else ""
        same = [other for other in self.look.models if other.live and other.id != model_id and other.scope == model.scope]
        replaced = _("It replaces {other}.").format(other=same[0].id) if same else ""
        return f"{said} {replaced}".strip()

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
        row = self.history.selected if self.panel == "history" else None
        symbols = row.symbols if row is not None else self.symbols
        last = self.desk_app.session.symbol
        symbol = last if last in symbols else symbols[0]
        said, self._said = self._said, None
        if said is not None and said[:2] == (model_id, symbol):
            self._show_explanation(said[2])
            return

        def done(job: Job) -> None:
            if self._may_open():
                self._show_explanation(job)
                return
            self._said = model_id, symbol, job
            text = _("What {model_id} says of {symbol} is there: {key} shows it.")
            self.desk_app.say(text.format(model_id=model_id, symbol=symbol, key=self.desk_app.key_of("training.explain")))

        self.desk_app.say(_("Asking {model_id} about the newest bar of {symbol}...").format(model_id=model_id, symbol=symbol))
        self._ask("explain", {"model_id": model_id, "symbol": symbol}, done)

    def _may_open(self) -> bool:
        """Whether a page may come up by itself: this view is shown, and the keys go to no dialog and no line that is typed."""
        busy = isinstance(self.app.screen, ModalScreen) or isinstance(self.app.focused, Input)
        return self.desk_app.active_view is self and not busy

    def _show_explanation(self, job: Job) -> None:
        from tui.screens.dialogs import Reader
        from tui.training.explanation import explanation_text

        if job.result is not None:
            self.app.push_screen(Reader(_("The newest prediction"), explanation_text(job.result)))

    def data_changed(self) -> None:
        """There may be a newer bar than the one that was explained."""
        self._said = None

    def _ask(self, kind: str, params: dict[str, Any], done: Callable[[Job], None]) -> None:
        self.desk_app.ask_job(kind, params, done)
