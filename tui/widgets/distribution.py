"""How often each of some shares came, as columns, with the place of one share among them and the one that was aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tui.quick_format import number
from tui.widgets.plot import Canvas, Plot

EIGHTHS = " ▁▂▃▄▅▆▇█"
HERE, AIM = "▲", "┊"
WIDEST = 6


class Bar(NamedTuple):
    """A share (0 to 1) and how often it came."""

    share: float
    times: int


class Distribution(Plot):
    """One column a share, from left to right; those at or above `aim` in another style, `here` marked below."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(empty=empty, id=id)
        self.bars: list[Bar] = []
        self.here: float | None = None
        self.aim = 1.0

    def show(self, bars: Sequence[Bar], *, here: float | None, aim: float) -> None:
        """Draw these, which are equally far apart and rise. here: the share that is marked; None for none."""
        self.bars, self.here, self.aim = list(bars), here, aim
        self.changed()

    def drawable(self) -> bool:
        return any(bar.times for bar in self.bars)

    def draw(self, canvas: Canvas) -> None:
        """The columns, the marks below them, and the shares below these."""
        marks, labels = int(canvas.height >= 3), int(canvas.height >= 4)
        rows = canvas.height - marks - labels
        shown = self._shown(canvas.width)
        step = min(max(canvas.width // len(shown), 1), WIDEST)
        left = max((canvas.width - step * len(shown)) // 2, 0)
        centre = left + max(step - 2, 0) // 2
        most = max(bar.times for bar in shown)
        for at, bar in enumerate(shown):
            eighths = max(round(bar.times / most * rows * 8), int(bar.times > 0))
            style = "accent" if bar.share >= self.aim - 1e-9 else "flat"
            for x in range(left + at * step, left + at * step + max(step - 1, 1)):
                for row in range(rows):
                    glyph = EIGHTHS[min(max(eighths - row * 8, 0), 8)]
                    if glyph != " ":
                        canvas.put(x, rows - 1 - row, glyph, style)
        if not marks:
            return
        places = [(self._place(shown, self.aim), AIM, "accent")]
        places += [(self._place(shown, self.here), HERE, "bold")] if self.here is not None else []
        for place, glyph, style in places:
            canvas.put(centre + place * step, rows, glyph, style)
        if labels:
            for place, _glyph, style in places[::-1]:
                share = self.aim if style == "accent" else self.here
                text = f"{number((share or 0.0) * 100, 0)} %"
                x = min(max(centre + place * step - len(text) // 2, 0), max(canvas.width - len(text), 0))
                if all(canvas.chars[rows + 1][at] == " " for at in range(max(x - 1, 0), min(x + len(text) + 1, canvas.width))):
                    canvas.write(x, rows + 1, text, style)

    def _shown(self, width: int) -> list[Bar]:
        """The bars from the first to the last that tells something; two in one where there is no room."""
        told = [at for at, bar in enumerate(self.bars) if bar.times]
        wanted = [share for share in (self.here, self.aim) if share is not None]
        places = [*told, *(self._place(self.bars, share) for share in wanted)]
        found = self.bars[min(places) : max(places) + 1]
        while len(found) > max(width, 1):
            pairs = [found[at : at + 2] for at in range(0, len(found), 2)]
            found = [Bar(pair[0].share, sum(bar.times for bar in pair)) for pair in pairs]
        return found

    @staticmethod
    def _place(bars: Sequence[Bar], share: float) -> int:
        """The bar in which a share lies; the nearest end for one outside."""
        return max((at for at, bar in enumerate(bars) if bar.share <= share + 1e-9), default=0)
