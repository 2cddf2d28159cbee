"""The smallest Textual app that fills a screen: what any app of this kind costs at least."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Static

READY = ("first line", "last line")


class Minimal(App[None]):
    """One text from the first line to the last; the arrow keys count in the first one."""

    BINDINGS: ClassVar = [("down", "count(1)", "More"), ("up", "count(-1)", "Less")]
    counted = 0

    def compose(self) -> ComposeResult:
        yield Static(READY[0], id="first")
        yield Static("\n".join([*(f"line {n}" for n in range(2, 40)), READY[1]]))

    def action_count(self, step: int) -> None:
        self.counted += step
        self.query_one("#first", Static).update(f"{self.counted} {READY[0]}")


if __name__ == "__main__":
    Minimal().run()
