"""What the view of the paper account shows of it, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.desk import Desk

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """The open account in its JSON forms, see `engine.paper.report`; as it would be opened where there is none."""

    status: Row
    history: Row

    @property
    def there(self) -> bool:
        """Whether an account is open."""
        return self.status["account"] is not None

    @property
    def live(self) -> bool:
        """Whether it follows the market; another one walks through the past."""
        return bool(self.status["mode"] == "live")

    @property
    def positions(self) -> Sequence[Row]:
        return list(self.status["positions"])

    @property
    def orders(self) -> Sequence[Row]:
        """Those that wait, by number, then those that ended, the newest first."""
        ended = [row for row in reversed(self.history["orders"]) if row["state"] != "waiting"]
        return [*self.status["orders"], *ended]

    @property
    def fills(self) -> Sequence[Row]:
        """The newest first."""
        return list(reversed(self.history["fills"]))

    @property
    def trades(self) -> Sequence[Row]:
        """The newest first."""
        return list(reversed(self.history["trades"]))

    @property
    def refused(self) -> Row | None:
        """The newest order that was refused."""
        return next((row for row in reversed(self.history["orders"]) if row["state"] == "refused"), None)

    @property
    def equity(self) -> list[float]:
        """The capital, then the equity at the close of each session."""
        return [self.status["initial_capital"], *(row["equity"] for row in self.history["equity"])]

    @property
    def sessions(self) -> list[str]:
        """The sessions replayed, ISO dates."""
        return [row["session"] for row in self.history["equity"]]

    @property
    def day(self) -> tuple[float, float] | None:
        """Gain of the newest session, R$ and as a fraction of the equity before; None before the first session."""
        curve = self.equity
        return (curve[-1] - curve[-2], curve[-1] / curve[-2] - 1.0 if curve[-2] > 0 else 0.0) if len(curve) > 1 else None


def read_shown(desk: Desk) -> Shown:
    """The open account of a desk. Raises StoreError."""
    from engine.paper.account import PaperAccount

    account = PaperAccount(desk)
    return Shown(account.status(), account.history())
