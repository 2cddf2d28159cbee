"""The help, made from the table of actions with the keys in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from engine.i18n import _
from tui.actions import Action, of_context
from tui.widgets.frame import key_name


def help_text(contexts: Sequence[str], keymap: Mapping[str, str]) -> Text:
    """The actions of these contexts, in this order, then the `:` commands."""
    titles = {
        "app": _("Everywhere"),
        "table": _("In tables"),
        "form": _("In the form"),
        "watchlist": _("Watchlist"),
        "signals": _("Signals"),
        "backtest": _("Backtest"),
        "training": _("Training"),
        "anomalies": _("Anomalies"),
        "index": _("Index"),
        "chart": _("Chart"),
        "paper": _("Paper account"),
        "data": _("Data and jobs"),
        "welcome": _("To begin"),
    }
    text = Text()
    for context in contexts:
        if context not in titles:
            continue
        text.append(f"{titles[context]}\n", style="bold underline")
        for action in of_context(context):
            text.append(f"  {_keys(action, keymap):<14}", style="bold")
            text.append(f"{_(action.label)}\n")
        text.append("\n")
    text.append(_("Commands (type : first)") + "\n", style="bold underline")
    for action in of_context("app") + of_context("watchlist") + of_context("paper"):
        if action.code:
            words = " ".join(part for part in (action.code[0], _(action.takes) if action.takes else "") if part)
            text.append(f"  {words:<22}", style="bold")
            text.append(f"{_(action.label)}\n")
    others = (
        ("PETR4", _("A symbol alone opens its backtest")),
        (_("LIST name"), _("Change to a watchlist, or begin one")),
        (_("SERIES CDI file"), _("Import a daily series: CDI, Selic ...")),
    )
    for words, meaning in others:
        text.append(f"  {words:<22}", style="bold")
        text.append(f"{meaning}\n")
    text.append("\n" + _("Glossary") + "\n", style="bold underline")
    for word, meaning in _glossary():
        text.append(f"  {word}: ", style="bold")
        text.append(f"{meaning}\n")
    return text


def five_minutes() -> Text:
    """The path of the README, in short."""
    steps = (
        _(
            "Import a file: i, then type or choose it. COTAHIST, Investing.com, ProfitChart, CSV and Parquet are recognised by their content."
        ),
        _("No file at hand? ctrl+d shows the demo market: invented companies, stored apart from real data."),
        _("In the watchlist, / filters, s sorts, Enter opens the backtest of the marked symbol."),
        _("In the backtest, up and down choose a field, left and right change it; every change runs the test again."),
        _("Read the verdict first: under 30 trades it says insufficient evidence, whatever the return."),
        _("After the close, `pregao --run-daily` does the day by itself; ctrl+r starts it from here."),
    )
    text = Text()
    for at, step in enumerate(steps, 1):
        text.append(f"{at}. ", style="bold")
        text.append(f"{step}\n\n")
    return text


def _keys(action: Action, keymap: Mapping[str, str]) -> str:
    return " ".join(key_name(key) for key in keymap.get(action.id, action.keys).split(","))


def _glossary() -> tuple[tuple[str, str], ...]:
    return (
        (
            _("filter"),
            _("words that a row must have; !word leaves out; among the anomalies 2025-04..2025-06 is from April to June"),
        ),
        (_("Sharpe"), _("mean return over cash divided by its deviation, a year")),
        (_("drawdown"), _("fall from the highest equity so far")),
        (_("verdict"), _("whether the result can be told from luck, given the number of trades and of trials")),
        (_("price base"), _("raw: as traded; adjusted: changed for dividends and splits; unknown: not said by the source")),
        (_("provisional"), _("the session was not over when the bar was written; it is never traded")),
    )
