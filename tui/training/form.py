"""The form of the training view: its fields, what they ask of a job, and how a typed value is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Static

from engine.domain import TIMEFRAMES
from engine.errors import NoDataError, UsageError
from engine.i18n import _, ngettext
from tui.widgets.form import Field, Form, Value

if TYPE_CHECKING:
    from tui.app import PregaoApp

#: What stands before the name of a watchlist among the symbols.
LIST = "@"
MODELS = ("random_forest", "xgboost")
#: The labels, each with the bars that it looks ahead by default.
HORIZONS: Mapping[str, int] = {"fixed": 5, "scaled": 5, "triple_barrier": 10}
#: One model of all symbols, or one for each.
POOLED = ("together", "each")
#: Whether the classes count as often as they came, or the same.
BALANCE = ("as_they_come", "balanced")
AS_SETTINGS = ""
START = "start"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the form offers besides numbers. lists: the watchlists with the number of their symbols."""

    symbol: str
    lists: Mapping[str, int]
    strategies: tuple[str, ...]


def first_fields(around: Surroundings) -> list[Field]:
    """The form as it opens: the last symbol, and the requirement's parameters."""
    named = tuple(f"{LIST}{name}" for name in around.lists)
    symbols = (around.symbol, *named) if around.symbol else named

    def show_symbols(value: Value) -> str:
        text = str(value or "")
        if not text.startswith(LIST):
            return text or "–"
        count = around.lists.get(text[1:], 0)
        return _("list {name}").format(name=text[1:]) + " " + ngettext("({count})", "({count})", count).format(count=count)

    return [
        Field(
            "symbols",
            _("Symbols"),
            symbols[0] if symbols else "",
            symbols,
            show=show_symbols,
            help=_("Enter types symbols, for example PETR4 VALE3; left and right choose a list."),
        ),
        Field(
            "pooled",
            _("Of several"),
            POOLED[0],
            POOLED,
            show=_pooled,
            default=POOLED[0],
            help=_("One model that learns from all the symbols, or one each."),
        ),
        Field("model", _("Model"), MODELS[0], MODELS, show=_model, default=MODELS[0], help=_("The family of trees.")),
        Field(
            "label",
            _("Label"),
            "fixed",
            tuple(HORIZONS),
            show=label_name,
            default="fixed",
            help=_("What is to be foreseen: a move of 2 %, of the usual size, or which of two barriers is met first."),
        ),
        _whole("horizon", _("Horizon"), HORIZONS["fixed"], 1, 60, 1, _("Bars that the label looks ahead.")),
        _whole("folds", _("Folds"), 5, 2, 20, 1, _("How often it is judged on rows that come after those it learnt from.")),
        _whole("trials", _("Trials"), 0, 0, 500, 5, _("Sets of parameters that each fold tries; 0 takes the usual ones.")),
        _whole("select", _("Features"), 20, 1, 60, 1, _("The most informative features that the model looks at.")),
        Field(
            "balance",
            _("Classes"),
            BALANCE[0],
            BALANCE,
            show=_balance,
            default=BALANCE[0],
            help=_("While learning, classes count as often as they came, or all the same; the probabilities are of what came."),
        ),
        Field(
            "strategy",
            _("Strategy"),
            AS_SETTINGS,
            (AS_SETTINGS, *around.strategies),
            show=_strategy,
            default=AS_SETTINGS,
            help=_("The strategy that the model is to filter: what it does to it is judged out of sample, net of costs."),
        ),
        Field("timeframe", _("Timeframe"), "1d", tuple(TIMEFRAMES), default="1d", help=_("Length of one bar.")),
        Field("from", _("From"), "", default="", show=_or_all, help=_("First day, YYYY-MM-DD; empty: all.")),
        Field("to", _("To"), "", default="", show=_or_all, help=_("Last day, YYYY-MM-DD; empty: all.")),
        _whole("seed", _("Seed"), 42, 0, 2**31 - 1, 1, _("The same seed and bars give the same model.")),
        Field(START, _("Start training"), "⏎", help=_("Enter starts it, as r does everywhere in this view.")),
    ]


def _whole(key: str, label: str, value: int, low: int, high: int, step: int, meaning: str) -> Field:
    return Field(key, label, value, low=low, high=high, step=step, default=value, help=meaning)


def job_params(fields: Sequence[Field], symbols: Sequence[str]) -> dict[str, object]:
    """The parameters of the job that the fields ask for. symbols: what stands in the field, with lists written out."""
    values = {item.key: item.value for item in fields}
    return {
        "symbols": list(symbols),
        "pooled": values["pooled"] == POOLED[0],
        "model": values["model"],
        "label": values["label"],
        "label_params": {"horizon": values["horizon"]},
        "folds": values["folds"],
        "trials": values["trials"],
        "select": values["select"],
        "balance": values["balance"] == BALANCE[1],
        "strategy": values["strategy"] or None,
        "timeframe": values["timeframe"],
        "from": values["from"] or None,
        "to": values["to"] or None,
        "seed": values["seed"],
    }


def filled(fields: Sequence[Field], params: Mapping[str, object]) -> list[Field]:
    """The fields with the values of a training that was asked for before."""
    asked: dict[str, object] = {**params, "symbols": " ".join(cast("list[str]", params.get("symbols") or []))}
    for key in ("strategy", "from", "to"):
        asked[key] = params.get(key) or ""
    asked["pooled"] = POOLED[0 if params.get("pooled") else 1]
    asked["balance"] = BALANCE[1 if params.get("balance") else 0]
    asked["horizon"] = cast("Mapping[str, object]", params.get("label_params") or {}).get("horizon")
    return [replace(item, value=cast("Value", asked[item.key])) if asked.get(item.key) is not None else item for item in fields]


def parse(field: Field, text: str) -> Value:
    """The typed value of a field. Raises UsageError saying what is accepted."""
    if field.key == "symbols":
        return text if text.startswith(LIST) else " ".join(symbols_in(text))
    from tui.backtest.form import parse as parse_other

    return parse_other(field, text)


def symbols_in(text: str) -> list[str]:
    """The symbols of a typed line, each once. Raises UsageError for none, and for what is no symbol."""
    from engine.market.instruments import normalise_symbol

    found = list(dict.fromkeys(normalise_symbol(word) for word in text.replace(",", " ").split()))
    if not found:
        raise UsageError(_("Name at least one symbol to train on"))
    return found


def label_name(value: Value) -> str:
    """A kind of label in words."""
    names = {"fixed": _("fixed move"), "scaled": _("move by volatility"), "triple_barrier": _("three barriers")}
    return names.get(str(value), str(value))


def _model(value: Value) -> str:
    from tui.reports.training import model_name

    return model_name(str(value))


def _pooled(value: Value) -> str:
    return _("one model") if value == POOLED[0] else _("one each")


def _balance(value: Value) -> str:
    return _("as they came") if value == BALANCE[0] else _("balanced")


def _strategy(value: Value) -> str:
    return str(value) if value else _("as in settings")


def _or_all(value: Value) -> str:
    return str(value) if value else _("all")


class TrainingForm(VerticalScroll, can_focus=False):
    """The fields, and the meaning of the chosen one below."""

    DEFAULT_CSS = """
    TrainingForm { width: 34; border-right: solid $panel; scrollbar-size: 1 1; }
    #training-form { height: auto; }
    #training-help { height: auto; margin-top: 1; padding: 0 1; }
    """

    class Started(Message):
        """The training is to begin."""

    def compose(self) -> ComposeResult:
        yield Form(id="training-form")
        yield Static(id="training-help")

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    @property
    def _app(self) -> PregaoApp:
        return cast("PregaoApp", self.app)

    def fill(self) -> None:
        """The form as it opens. Needs the engine."""
        from engine import strategies

        board = self._app.board
        known = board.all_symbols() if board is not None else []
        last = self._app.session.symbol
        symbol = last if last in known else known[0] if known else ""
        around = Surroundings(
            symbol, board.lists() if board is not None else {}, strategies.names(self._app.workspace.strategies)
        )
        self.form.show(first_fields(around))
        self._show_help(self.form.current)

    def repeat(self, params: Mapping[str, object]) -> None:
        """Put in what a training was asked before."""
        self.form.show(filled(self.form.fields, params))

    def symbols(self) -> list[str]:
        """The symbols that are asked for, lists written out. Raises UsageError where there is none."""
        text = str(self.form.values().get("symbols") or "")
        board = self._app.board
        if text.startswith(LIST) and board is not None:
            return board.symbols(text[1:])
        return symbols_in(text)

    def parse(self, item: Field, text: str) -> Value:
        """The typed value of a field. Raises UsageError saying what is accepted, NoDataError for a symbol without bars."""
        value, board = parse(item, text), self._app.board
        if item.key != "symbols" or board is None:
            return value
        typed, lists = str(value), board.lists()
        if typed.startswith(LIST) and typed[1:] not in lists:
            known = ", ".join(f"{LIST}{name}" for name in lists) or _("none")
            raise UsageError(
                _("There is no watchlist {name}").format(name=typed[1:] or "''"), _("Watchlists: {list}.").format(list=known)
            )
        stored = set(board.all_symbols())
        unknown = [] if typed.startswith(LIST) else [symbol for symbol in symbols_in(typed) if symbol not in stored]
        if unknown:
            raise NoDataError(
                _("There are no bars of {symbol}").format(symbol=", ".join(unknown)),
                _("{key} chooses a stored symbol, {other} imports a file.").format(
                    key=self._app.key_of("training.symbol"), other=self._app.key_of("import.open")
                ),
            )
        return value

    def params(self) -> dict[str, object]:
        """The parameters of the job. Raises UsageError."""
        return job_params(self.form.fields, self.symbols())

    @on(Form.Moved)
    def _moved(self, event: Form.Moved) -> None:
        self._show_help(event.field)
        self.scroll_to_region(Region(0, self.form.cursor, 1, 1), animate=False)

    def _show_help(self, field: Field) -> None:
        self.query_one("#training-help", Static).update(Text(field.help, style="dim italic"))

    @on(Form.Unmoved)
    def _unmoved(self, event: Form.Unmoved) -> None:
        if event.field.key == "symbols":
            keys = {name: self._app.key_of(name) for name in ("form.edit", "training.symbol", "view.watchlist")}
            text = _("There is no watchlist to choose: {edit} types symbols, {symbol} chooses one, view {view} makes a list.")
            self._app.say(text.format(edit=keys["form.edit"], symbol=keys["training.symbol"], view=keys["view.watchlist"]))

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        if event.field.key == "label":
            horizon = HORIZONS[str(event.field.value)]
            self.form.show(
                [replace(item, value=horizon, default=horizon) if item.key == "horizon" else item for item in self.form.fields]
            )

    @on(Form.EditAsked)
    def _edit(self, event: Form.EditAsked) -> None:
        if event.field.key == START:
            event.stop()
            self.post_message(self.Started())
