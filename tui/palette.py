"""The command palette: every action of the table, and every symbol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from engine.i18n import _
from tui.actions import ACTIONS
from tui.widgets.frame import key_name

if TYPE_CHECKING:
    from tui.app import PregaoApp

SYMBOLS_SHOWN = 20


class Commands(Provider):
    """Actions by their label, symbols by their ticker."""

    @property
    def desk_app(self) -> PregaoApp:
        return cast("PregaoApp", self.app)

    async def discover(self) -> Hits:
        for action in ACTIONS:
            if action.context in ("app", self.desk_app.active_view.context):
                yield DiscoveryHit(_(action.label), partial(self.desk_app.perform, action), help=key_name(action.keys))

    async def search(self, query: str) -> AsyncIterator[Hit]:
        matcher = self.matcher(query)
        for action in ACTIONS:
            if action.context not in ("app", self.desk_app.active_view.context):
                continue
            label = _(action.label)
            score = matcher.match(label)
            if score > 0:
                yield Hit(score, matcher.highlight(label), partial(self.desk_app.perform, action), help=key_name(action.keys))
        board = self.desk_app.board
        found = 0
        for symbol in board.all_symbols() if board is not None else ():
            score = matcher.match(symbol)
            if score > 0 and found < SYMBOLS_SHOWN:
                found += 1
                yield Hit(score, matcher.highlight(symbol), partial(self.desk_app.open_backtest, symbol), help=_("Backtest"))
