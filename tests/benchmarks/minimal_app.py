"""The smallest Textual app that fills a screen: what any app of this kind costs at least."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Static

READY = ("first line", "last line")


class Minimal(App[None]):
    """One text from the first line to the last."""

    BINDINGS: ClassVar = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Static("\n".join([READY[0], *(f"line {n}" for n in range(2, 40)), READY[1]]))


if __name__ == "__main__":
    Minimal().run()
