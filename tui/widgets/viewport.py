"""Which bars of a series a chart shows: zoom, pan and cursor, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


class Level(NamedTuple):
    """One zoom: so many bars are drawn as one candle, which takes so many columns."""

    bars: int
    columns: int


#: From the nearest to the farthest.
LEVELS = (
    *(Level(1, columns) for columns in (6, 4, 3, 2, 1)),
    *(Level(bars, 1) for bars in (2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181)),
)
FIRST_LEVEL = LEVELS.index(Level(1, 1))


@dataclass(frozen=True, slots=True)
class Viewport:
    """A window of `width` columns over `count` bars (at least one), newest at the right.

    Candle k spans the bars k x level.bars on, whatever the window, so that a pan never regroups them. end: the bar after the
    last one shown. cursor: the bar that is looked at, always within the window.
    """

    count: int
    width: int
    level: int = FIRST_LEVEL
    end: int = 1 << 62
    cursor: int = 1 << 62

    def __post_init__(self) -> None:
        object.__setattr__(self, "cursor", min(max(self.cursor, 0), self.count - 1))
        last = max(-(-self.end // self.size), min(self.slots, self.candles), self.at_cursor + 1)
        last = min(last, self.at_cursor + self.slots, self.candles)
        object.__setattr__(self, "end", min(last * self.size, self.count))

    @property
    def size(self) -> int:
        """Bars in a candle."""
        return LEVELS[self.level].bars

    @property
    def step(self) -> int:
        """Columns of a candle."""
        return LEVELS[self.level].columns

    @property
    def slots(self) -> int:
        """Candles that have room."""
        return max(self.width // self.step, 1)

    @property
    def candles(self) -> int:
        """Candles of the whole series."""
        return -(-self.count // self.size)

    @property
    def last(self) -> int:
        """The candle after the last one shown."""
        return -(-self.end // self.size)

    @property
    def first(self) -> int:
        """The first candle shown."""
        return max(self.last - self.slots, 0)

    @property
    def at_cursor(self) -> int:
        """The candle of the cursor."""
        return self.cursor // self.size

    def column(self, candle: int) -> int:
        """The column in which a candle that is shown is drawn."""
        return max(self.width - (self.last - candle) * self.step + (self.step - 1) // 2, 0)

    def shows(self, candle: int) -> bool:
        """Whether a candle is within the window."""
        return self.first <= candle < self.last

    def moved(self, candles: int) -> Viewport:
        """The cursor so many candles further, on the last bar of its candle; the window follows."""
        candle = min(max(self.at_cursor + candles, 0), self.candles - 1)
        return replace(self, cursor=(candle + 1) * self.size - 1)

    def paged(self, pages: int) -> Viewport:
        """Window and cursor so many windows further, less one candle that stays in sight."""
        by = pages * max(self.slots - 1, 1)
        moved = self.moved(by)
        return replace(moved, end=max(self.end + by * self.size, 0))

    def jumped(self, bar: int) -> Viewport:
        """The cursor on a bar; where that is out of sight, in the middle of the window."""
        if self.shows(bar // self.size):
            return replace(self, cursor=bar)
        return replace(self, cursor=bar, end=bar + self.slots * self.size // 2)

    def zoomed(self, levels: int) -> Viewport:
        """So many levels farther, negative for nearer; the cursor stays about where it stands."""
        level = min(max(self.level + levels, 0), self._farthest)
        right = (self.last - self.at_cursor) * self.step
        new = LEVELS[level]
        candle = self.cursor // new.bars
        return replace(self, level=level, end=(candle + max(right // new.columns, 1)) * new.bars)

    @property
    def _farthest(self) -> int:
        """The nearest level at which everything is seen."""
        return next(
            (at for at, level in enumerate(LEVELS) if self.width * level.bars >= self.count * level.columns), len(LEVELS) - 1
        )

    def clicked(self, x: int) -> Viewport:
        """The cursor on the candle drawn at a column."""
        candle = self.last - 1 - (self.width - 1 - x) // self.step
        return self.moved(min(max(candle, self.first), self.last - 1) - self.at_cursor)
