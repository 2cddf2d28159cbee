"""What a view with a table that is filtered by typing is: the prompt, what was typed, and which rows it lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from engine.i18n import _
from tui.views.base import View
from tui.widgets.prompt import Prompt
from tui.widgets.table import VTable


def matches(text: str, words: Sequence[str]) -> bool:
    """Whether all words are parts of the text, in capitals or not, and none of those behind a `!` is."""
    held = text.upper()
    return all((word[1:] not in held) if word.startswith("!") else word in held for word in words if word != "!")


class FilteredView(View):
    """Its prompt is `filter_prompt(...)`, composed once. Subclasses say which table it is, and what `apply_filter` does."""

    filters: ClassVar[bool] = True

    @property
    def table(self) -> VTable:
        """The table whose rows are filtered."""
        raise NotImplementedError

    def on_mount(self) -> None:
        for table in self.query(VTable):
            table.on_filter = self.ask_filter

    def focus_target(self) -> Widget:
        return self.table

    def apply_filter(self) -> None:
        """Show the rows that `words` lets through."""
        raise NotImplementedError

    def filter_prompt(self, placeholder: str) -> Prompt:
        """The prompt; placeholder: what may be typed."""
        prompt = Prompt(id=f"{self.context}-filter", placeholder=placeholder)
        return prompt.add_class("filter")

    @property
    def typed(self) -> str:
        """What was typed."""
        return self._prompt.value.strip()

    @typed.setter
    def typed(self, text: str) -> None:
        self._prompt.value = text

    @property
    def words(self) -> list[str]:
        """The words of what was typed, in capitals."""
        return self.typed.upper().split()

    def counted(self, shown: int, every: int, count: str) -> list[str]:
        """For the heading: how many rows are shown of all, and the filter in force. count: all of them in words."""
        facts = [count if shown == every else _("{shown} of {count}").format(shown=shown, count=count)]
        return [*facts, _("filter: {text}").format(text=self.typed)] if self.typed else facts

    def ask_filter(self) -> None:
        """Open the prompt with what was typed before."""
        self._prompt.open(self._prompt.value)

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(f"#{self.context}-filter", Prompt)

    @on(Input.Changed, ".filter")
    def _filter_typed(self) -> None:
        self.apply_filter()

    @on(Input.Submitted, ".filter")
    def _filter_accepted(self) -> None:
        self._prompt.close()
        self.table.focus()

    @on(Prompt.Dismissed, ".filter")
    def _filter_left(self, event: Prompt.Dismissed) -> None:
        event.prompt.value = ""
        self.table.focus()
