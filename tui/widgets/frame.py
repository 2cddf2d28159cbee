"""The frame around every view: the bar above, the strip of running jobs, the hints below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from engine.i18n import _
from tui.actions import Action

#: Hints that are shown however narrow the terminal.
ALWAYS = ("help.open", "quit")
TABS = ("watchlist", "signals", "backtest", "training", "anomalies", "index", "chart", "paper", "data")
KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "enter": "⏎",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def key_name(keys: str) -> str:
    """The first of some keys as a keyboard shows it."""
    first = keys.split(",")[0].strip()
    return KEY_NAMES.get(first, first.replace("ctrl+", "^"))


class TopBar(Widget):
    """Name, views, and what can change: demo, data in work."""

    active: reactive[str] = reactive("watchlist")
    demo: reactive[bool] = reactive(False)
    note: reactive[str] = reactive("")

    def __init__(self, key_of: Callable[[str], str], *, id: str) -> None:  # noqa: A002
        """key_of: the key in force of an action, by its id."""
        super().__init__(id=id)
        self._key_of = key_of

    def render(self) -> Text:
        right = Text(self.note + " " if self.note else "")
        if self.demo:
            right.append(_(" DEMO - invented data "), style="bold reverse")
        line = self._tabs(named=True)
        if line.cell_len + right.cell_len + 2 > self.size.width:
            line = self._tabs(named=False)
        line.append(" " * max(self.size.width - line.cell_len - right.cell_len, 2))
        line.append_text(right)
        return line

    def _tabs(self, *, named: bool) -> Text:
        """The views by key and name; without room for all names, only the active one is named."""
        names = {
            "watchlist": _("Watchlist"),
            "signals": _("Signals"),
            "backtest": _("Backtest"),
            "training": _("Training"),
            "anomalies": _("Anomalies"),
            "index": _("Index"),
            "chart": _("Chart"),
            "paper": _("Paper"),
            "data": _("Data"),
        }
        line = Text(no_wrap=True, overflow="crop")
        line.append(" PREGÃO ", style="bold reverse")
        for name in TABS:
            active = name == self.active
            text = f" {names[name]}" if named or active else ""
            line.append("  ")
            line.append(f"{self._key_of(f'view.{name}')}{text}", style="bold underline" if active else "")
        return line


class HintBar(Widget):
    """The keys that matter where the focus is."""

    actions: reactive[tuple[tuple[Action, str], ...]] = reactive(())

    def show(self, actions: Sequence[tuple[Action, str]]) -> None:
        """`actions` with the keys in force."""
        self.actions = tuple(actions)

    def render(self) -> Text:
        kept = [item for item in self.actions if item[0].id in ALWAYS]
        right = _hints(kept)
        left = _hints([item for item in self.actions if item not in kept])
        left.truncate(max(self.size.width - right.cell_len, 0), overflow="ellipsis", pad=True)
        left.append_text(right)
        return left


def _hints(actions: Sequence[tuple[Action, str]]) -> Text:
    line = Text(no_wrap=True)
    for action, keys in actions:
        line.append(f" {key_name(keys)} ", style="bold reverse")
        line.append(f" {_(action.label)}  ")
    return line


class JobStrip(Widget):
    """One line about the job that runs; hidden while there is none."""

    text: reactive[str] = reactive("")
    share: reactive[float | None] = reactive(None)

    def __init__(self, cancel_key: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._cancel_key = cancel_key

    def render(self) -> Text:
        width = 20
        line = Text(" ⏳ ", no_wrap=True, overflow="ellipsis")
        line.append(self.text + " ")
        if self.share is not None:
            done = round(width * min(max(self.share, 0.0), 1.0))
            line.append("▓" * done + "░" * (width - done))
            line.append(f" {self.share:.0%}")
        line.append(_("   {key} cancels").format(key=self._cancel_key), style="dim")
        return line

    def show(self, text: str, share: float | None) -> None:
        """Say what runs and how far it is; an empty text hides the strip."""
        self.text, self.share = text, share
        self.display = bool(text)
