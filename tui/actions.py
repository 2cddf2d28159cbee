"""The one table of what a user can do. Bindings, footer, palette, `:` commands, help and the user's key map come from it.

Only the standard library is imported here; `bindings` imports Textual when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import SettingsError
from engine.i18n import _, mark

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    id: stable name, used by the key map. keys: default keys, comma separated, in Textual's names. label: msgid.
    context: where it works: `app` everywhere, else the name of the widget or view that has the focus inside it.
    method: the `action_...` method of that context, with its argument. code: the words of the `:` command, most used
    first; takes: what may follow the code, for the help. footer: whether the footer shows it. priority: taken before the
    key is handed on, so that a key typed right behind it meets what the action opened.
    """

    id: str
    keys: str
    label: str
    context: str
    method: str
    code: tuple[str, ...] = ()
    takes: str = ""
    footer: bool = False
    priority: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("view.watchlist", "1,f2", mark("Watchlist"), "app", "show('watchlist')", ("WL",)),
    Action("view.signals", "2", mark("Signals"), "app", "show('signals')", ("SIG",)),
    Action("view.backtest", "3,f4", mark("Backtest"), "app", "show('backtest')", ("BT",), mark("[symbol]")),
    Action("view.training", "4", mark("Training"), "app", "show('training')", ("TRN",)),
    Action("view.anomalies", "5,f6", mark("Anomalies"), "app", "show('anomalies')", ("ANM",)),
    Action("view.index", "6,f7", mark("Index"), "app", "show('index')", ("IDX",)),
    Action("view.chart", "7,f8", mark("Chart"), "app", "show('chart')", ("GP",), mark("[symbol]")),
    Action("view.paper", "8,f9", mark("Paper account"), "app", "show('paper')", ("PAPER",)),
    Action("view.data", "0,f11", mark("Data and jobs"), "app", "show('data')", ("DATA",)),
    Action("command.open", "colon", mark("Command"), "app", "command", footer=True, priority=True),
    Action("palette.open", "ctrl+p", mark("Palette"), "app", "command_palette"),
    Action("help.open", "question_mark,f1", mark("Help"), "app", "help", ("HELP",), footer=True),
    Action("import.open", "i", mark("Import a file"), "app", "import_file", ("IMPORT",), mark("[file]"), footer=True),
    Action("demo.open", "ctrl+d", mark("Demo market on or off"), "app", "demo", ("DEMO",)),
    Action("theme.switch", "ctrl+t", mark("Dark or light"), "app", "theme", ("THEME",)),
    Action("messages.open", "m", mark("Messages"), "app", "messages", ("LOG",)),
    Action("daily.run", "ctrl+r", mark("Daily run now"), "app", "daily", ("DLY",)),
    Action("bot.switch", "ctrl+g", mark("Telegram bot on or off"), "app", "bot", ("BOT",)),
    Action("bot.pair", "ctrl+o", mark("Pair a Telegram chat"), "app", "pair", ("PAIR",)),
    Action("job.cancel", "ctrl+x", mark("Cancel the running job"), "app", "cancel_job", ("CANCEL",)),
    Action("quit", "q", mark("Quit"), "app", "leave", ("Q", "QUIT"), footer=True),
    Action("table.up", "up,k", mark("Up"), "table", "up"),
    Action("table.down", "down,j", mark("Down"), "table", "down"),
    Action("table.page_up", "pageup,ctrl+b", mark("Page up"), "table", "page_up"),
    Action("table.page_down", "pagedown,ctrl+f", mark("Page down"), "table", "page_down"),
    Action("table.first", "home,g", mark("First row"), "table", "first"),
    Action("table.last", "end,G", mark("Last row"), "table", "last"),
    Action("table.open", "enter", mark("Open"), "table", "open", footer=True),
    Action("table.sort", "s", mark("Sort by the next column"), "table", "sort"),
    Action("table.reverse", "S", mark("Reverse the order"), "table", "reverse"),
    Action("table.filter", "slash,f3", mark("Filter"), "table", "filter", footer=True, priority=True),
    Action("watchlist.add", "a", mark("Add symbols"), "watchlist", "add", ("ADD",), mark("symbols"), footer=True),
    Action("watchlist.remove", "d,delete", mark("Remove from the list"), "watchlist", "remove"),
    Action("watchlist.next_list", "right_square_bracket", mark("Next list"), "watchlist", "next_list(1)"),
    Action("watchlist.previous_list", "left_square_bracket", mark("Previous list"), "watchlist", "next_list(-1)"),
    Action("watchlist.new_list", "n", mark("New list"), "watchlist", "new_list"),
    Action("watchlist.chart", "c", mark("Chart"), "watchlist", "chart", footer=True),
    Action("signals.backtest", "b", mark("Backtest"), "signals", "backtest", footer=True),
    Action("signals.follow", "f", mark("Follow"), "signals", "follow", footer=True),
    Action("signals.hold", "h", mark("HOLD too, or not"), "signals", "hold", footer=True),
    Action("signals.read", "v", mark("Read in full"), "signals", "read", footer=True),
    Action("chart.symbol", "y", mark("Symbol"), "chart", "symbol", footer=True),
    Action("chart.timeframe", "t", mark("Timeframe"), "chart", "timeframe", footer=True),
    Action("chart.nearer", "plus,equals_sign", mark("Nearer"), "chart", "zoom(-1)", footer=True),
    Action("chart.farther", "minus", mark("Farther"), "chart", "zoom(1)", footer=True),
    Action("chart.sma", "a", mark("SMA"), "chart", "overlay('sma')", footer=True),
    Action("chart.ema", "e", mark("EMA"), "chart", "overlay('ema')", footer=True),
    Action("chart.bollinger", "b", mark("Bollinger"), "chart", "overlay('bollinger')", footer=True),
    Action("chart.lower", "n", mark("RSI MACD ADX ATR"), "chart", "lower", footer=True),
    Action("chart.date", "g", mark("Go to a day"), "chart", "date", footer=True),
    Action("chart.log", "L", mark("Logarithmic scale"), "chart", "log"),
    Action("chart.strategy", "s", mark("Trades of the next strategy"), "chart", "strategy"),
    Action("chart.read", "v", mark("Read the marks in full"), "chart", "read"),
    Action("chart.backtest", "enter", mark("Backtest"), "chart", "backtest", footer=True),
    Action("chart.left", "left,h", mark("One candle back"), "chart", "move(-1)"),
    Action("chart.right", "right,l", mark("One candle on"), "chart", "move(1)"),
    Action("chart.page_left", "shift+left,pageup,H", mark("One window back"), "chart", "page(-1)"),
    Action("chart.page_right", "shift+right,pagedown", mark("One window on"), "chart", "page(1)"),
    Action("chart.first", "home", mark("First bar"), "chart", "first"),
    Action("chart.last", "end", mark("Last bar"), "chart", "last"),
    Action("backtest.trade", "d", mark("Details of the trade"), "backtest", "trade", footer=True),
    Action("backtest.bands", "b", mark("Bands by resampling"), "backtest", "bands", footer=True),
    Action("backtest.compare", "c", mark("Compare the strategies"), "backtest", "compare", footer=True),
    Action("backtest.panel", "p", mark("Next panel"), "backtest", "panel", footer=True),
    Action("backtest.form", "f", mark("Form"), "backtest", "form", footer=True),
    Action("backtest.orders", "o", mark("Orders"), "backtest", "orders", footer=True),
    Action("backtest.run", "r,f5", mark("Run again"), "backtest", "run", footer=True),
    Action("backtest.symbol", "y", mark("Choose the symbol"), "backtest", "symbol", footer=True),
    Action("backtest.read", "v", mark("Verdict in full"), "backtest", "read", footer=True),
    Action("backtest.charts", "u", mark("Charts"), "backtest", "open('charts')"),
    Action("backtest.trades", "t", mark("Trades"), "backtest", "open('trades')"),
    Action("backtest.months", "n", mark("Months"), "backtest", "open('months')"),
    Action("backtest.evidence", "e", mark("Evidence"), "backtest", "open('evidence')"),
    Action("backtest.costs", "x", mark("Costs and taxes"), "backtest", "open('costs')"),
    Action("backtest.reset", "R", mark("Page as delivered"), "backtest", "reset"),
    Action("backtest.many", "M", mark("Run on the whole watchlist"), "backtest", "many"),
    Action("training.run", "r,f5", mark("Train"), "training", "run", footer=True),
    Action("training.again", "a", mark("Run again"), "training", "again", footer=True),
    Action("training.panel", "p", mark("Next panel"), "training", "panel", footer=True),
    Action("training.form", "f", mark("Form"), "training", "form", footer=True),
    Action("training.mark", "space", mark("Mark to compare"), "training", "mark", footer=True),
    Action("training.compare", "b", mark("Compare"), "training", "compare", footer=True),
    Action("training.promote", "P", mark("Promote the model"), "training", "promote", footer=True),
    Action("training.explain", "x", mark("Explain the newest prediction"), "training", "explain", footer=True),
    Action("training.symbol", "y", mark("Choose the symbol"), "training", "symbol", footer=True),
    Action("training.progress", "u", mark("Progress"), "training", "open('progress')"),
    Action("training.result", "e", mark("Result"), "training", "open('result')"),
    Action("training.features", "w", mark("Features"), "training", "open('features')"),
    Action("training.calibration", "c", mark("Calibration"), "training", "open('calibration')"),
    Action("training.history", "t", mark("Trainings"), "training", "open('history')"),
    Action("anomalies.acknowledge", "a", mark("Seen, or not"), "anomalies", "acknowledge", footer=True),
    Action("anomalies.severity", "w", mark("Severity"), "anomalies", "severity", footer=True),
    Action("anomalies.kind", "t", mark("Kind"), "anomalies", "kind", footer=True),
    Action("anomalies.sessions", "d", mark("Newest sessions"), "anomalies", "sessions", footer=True),
    Action("anomalies.unseen", "u", mark("Only those not seen"), "anomalies", "unseen", footer=True),
    Action("anomalies.symbol", "y", mark("Only one symbol"), "anomalies", "symbol"),
    Action("anomalies.clear", "escape", mark("Clear the filters"), "anomalies", "clear"),
    Action("anomalies.read", "v", mark("Read in full"), "anomalies", "read", footer=True),
    Action("anomalies.export", "x", mark("Write to files"), "anomalies", "export", footer=True),
    Action("index.ask", "a", mark("Signal now"), "index", "ask", footer=True),
    Action("index.price", "x", mark("Type the quote"), "index", "price", footer=True),
    Action("index.run", "r,f5", mark("Evaluate"), "index", "run", footer=True),
    Action("index.panel", "p", mark("Next panel"), "index", "panel", footer=True),
    Action("index.symbol", "y", mark("Choose the symbol"), "index", "symbol", footer=True),
    Action("index.earlier", "left_square_bracket,left", mark("Session before"), "index", "session(-1)", footer=True),
    Action("index.later", "right_square_bracket,right", mark("Session after"), "index", "session(1)"),
    Action("index.read", "v", mark("Read in full"), "index", "read", footer=True),
    Action("index.today", "u", mark("Signal"), "index", "open('today')"),
    Action("index.evaluation", "e", mark("Evaluation"), "index", "open('evaluation')"),
    Action("index.calibration", "c", mark("Calibration"), "index", "open('calibration')"),
    Action("index.windows", "w", mark("Windows of 30"), "index", "open('windows')"),
    Action("form.less", "left,h", mark("Less"), "form", "step(-1)"),
    Action("form.more", "right,l", mark("More"), "form", "step(1)"),
    Action("form.edit", "enter", mark("Type a value"), "form", "edit", footer=True),
    Action("form.up", "up,k", mark("Up"), "form", "up"),
    Action("form.down", "down,j", mark("Down"), "form", "down"),
    Action("paper.order", "n", mark("New order"), "paper", "order", ("ORDER",), footer=True),
    Action("paper.cancel", "d,delete", mark("Cancel order"), "paper", "cancel", footer=True),
    Action("paper.close", "c", mark("Close position"), "paper", "close", footer=True),
    Action("paper.kill", "K", mark("Kill switch"), "paper", "kill", footer=True),
    Action("paper.replay", "r,f5", mark("Replay"), "paper", "replay", footer=True),
    Action("paper.panel", "p", mark("Next table"), "paper", "panel", footer=True),
    Action("paper.read", "v", mark("Read in full"), "paper", "read", footer=True),
    Action("paper.reconcile", "e", mark("Reconcile"), "paper", "reconcile", footer=True),
    Action("paper.reset", "R", mark("New account"), "paper", "reset", footer=True),
    Action("paper.positions", "u", mark("Positions"), "paper", "open('positions')"),
    Action("paper.orders", "o", mark("Orders"), "paper", "open('orders')"),
    Action("paper.fills", "f", mark("Fills"), "paper", "open('fills')"),
    Action("paper.trades", "t", mark("Trades"), "paper", "open('trades')"),
    Action("data.next_tab", "t", mark("Next tab"), "data", "next_tab", footer=True),
    Action("data.state", "w", mark("State"), "data", "state", footer=True),
    Action("data.resend", "e", mark("Send again"), "data", "resend", footer=True),
    Action("welcome.demo", "d", mark("Look at the demo market"), "welcome", "demo", footer=True),
    Action("welcome.path", "h", mark("The five-minute path"), "welcome", "path", footer=True),
    Action("dialog.accept", "enter", mark("Accept"), "dialog", "accept"),
    Action("dialog.close", "escape", mark("Close"), "dialog", "close", footer=True),
    Action("reader.close", "escape,q", mark("Close"), "reader", "close", footer=True),
)

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def of_context(context: str) -> tuple[Action, ...]:
    """The actions that work in one context, in the order of the table."""
    return tuple(action for action in ACTIONS if action.context == context)


def bindings(context: str) -> list[Binding]:
    """The Textual bindings of one context; each has the action's id, so that the key map can change its keys.

    Their descriptions stay untranslated: what is shown (footer, help, palette) translates the table at that moment.
    """
    from textual.binding import Binding

    return [
        Binding(action.keys, action.method, action.label, show=action.footer, id=action.id, priority=action.priority)
        for action in of_context(context)
    ]


def find_code(word: str) -> Action | None:
    """The action whose `:` code is `word`, in any case."""
    wanted = word.upper()
    return next((action for action in ACTIONS if wanted in action.code), None)


def codes() -> tuple[str, ...]:
    """Every `:` code."""
    return tuple(code for action in ACTIONS for code in action.code)


def checked_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The user's keys by action id. Raises SettingsError for an unknown id or a key used twice in one context."""
    from difflib import get_close_matches

    for name in keymap:
        if name not in BY_ID:
            close = get_close_matches(name, BY_ID, n=1)
            hint = _("Did you mean {name}?").format(name=close[0]) if close else _("`?` in the app lists them all.")
            raise SettingsError(_("[keys]: there is no action {name}").format(name=name), hint)
    taken: dict[tuple[str, str], str] = {}
    for action in ACTIONS:
        for key in keymap.get(action.id, action.keys).split(","):
            other = taken.setdefault((action.context, key.strip()), action.id)
            if other != action.id:
                raise SettingsError(
                    _("[keys]: {key} is given to both {first} and {second}").format(
                        key=key.strip(), first=other, second=action.id
                    ),
                    _("Give one of them another key."),
                )
    return dict(keymap)
