"""Pictures for messages: the bars of a symbol with the levels of a signal, and an equity curve, as PNG."""

from __future__ import annotations

import io
import logging
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import TIMEFRAMES, day_number, from_day_number, sao_paulo
from engine.errors import NoDataError, PregaoError
from engine.figures import day, instant, money, number, percent, price
from engine.i18n import _

if TYPE_CHECKING:
    from PIL import ImageDraw

    from engine.domain import Bars, FloatArray, IntArray
    from engine.store.database import Store

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 960, 540
LEFT, TOP, RIGHT, BOTTOM = 16, 48, 104, 36
#: Newest bars that a picture shows.
BARS = 60
BACK, GRID, INK, FAINT = "#ffffff", "#e6e6e6", "#222222", "#777777"
UP, DOWN, LINE = "#1a7f4b", "#c0392b", "#1f5fa8"


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line at a price (R$ or points), with its name."""

    name: str
    price: float
    colour: str = FAINT


def picture_of(store: Store, payload: Mapping[str, Any]) -> bytes | None:
    """The picture that goes with a message: of a signal that says to trade, and of a summary where there is a paper account."""
    try:
        if payload["kind"] == "signal" and payload["action"] != "HOLD":
            return signal_picture(store, payload)
        if payload["kind"] == "summary":
            return account_picture(store, until=date.fromisoformat(payload["session"]))
    except (PregaoError, KeyError, TypeError, ValueError) as error:
        log.warning("no picture of %s: %s", payload["kind"], error)
    return None


def account_picture(store: Store, until: date | None = None) -> bytes | None:
    """The equity of the paper account: what it began with, then the close of each session (up to one); None before the first."""
    from engine.store.paper import list_events, read_account

    with store.read() as connection:
        account = read_account(connection)
        events = [] if account is None else list_events(connection, account.id, ("opened", "session"))
    known: dict[date, float] = {}
    for event in events:
        known[date.fromisoformat(event.payload["session"])] = float(
            event.payload["capital" if event.kind == "opened" else "equity"]
        )
    days = sorted(day for day in known if until is None or day <= until)
    if len(days) < 2:
        return None
    equity = np.array([known[day] for day in days])
    name = _("Paper account")
    title = f"{name}  {money(float(equity[-1]))}  {percent(float(equity[-1] / equity[0] - 1), signed=True)}"
    return equity_picture(np.array([day_number(day) for day in days]), equity, title)


def signal_picture(store: Store, signal: Mapping[str, Any]) -> bytes:
    """The bars up to a signal (in its JSON form) with its price, stop and target. Raises NoDataError without stored bars."""
    time = int(datetime.fromisoformat(signal["time"]).timestamp())
    bars = read_adjusted(store, signal["symbol"], signal["timeframe"], end=time)
    named = ((_("price"), "price", INK), (_("stop"), "stop_loss", DOWN), (_("target"), "take_profit", UP))
    levels = [Level(name, float(signal[key]), colour) for name, key, colour in named if signal.get(key) is not None]
    return candles(bars, f"{signal['symbol']} {signal['timeframe']}  {_when(bars)}  {signal['action']}", levels)


def symbol_picture(store: Store, symbol: str, timeframe: str) -> bytes:
    """The newest bars of a symbol. Raises NoDataError without stored bars."""
    bars = read_adjusted(store, symbol, timeframe)
    change = bars.close[-1] / bars.close[-2] - 1 if len(bars) > 1 else math.nan
    title = f"{symbol} {timeframe}  {_when(bars)}  {price(float(bars.close[-1]))}  {percent(float(change), signed=True)}"
    return candles(bars, title)


def read_adjusted(store: Store, symbol: str, timeframe: str, *, end: int | None = None) -> Bars:
    """The finished bars that opened by `end`, adjusted by stored events. Raises NoDataError where there are none."""
    from engine.store.bars import read_bars
    from engine.store.events import adjusted

    bars, _events = adjusted(store, read_bars(store, symbol, timeframe, end=end))
    if not len(bars):
        raise NoDataError(_("{symbol} has no finished bar of {timeframe}").format(symbol=symbol, timeframe=timeframe))
    return bars


def candles(bars: Bars, title: str, levels: Sequence[Level] = ()) -> bytes:
    """The newest bars as candles, with levels; bars: at least one."""
    shown = bars.take(slice(max(len(bars) - BARS, 0), len(bars)))
    prices = [level.price for level in levels]
    canvas = _Canvas(title, float(min([shown.low.min(), *prices])), float(max([shown.high.max(), *prices])), len(shown), price)
    half = max(canvas.step * 0.3, 1.0)
    for at, (opening, high, low, close) in enumerate(zip(shown.open, shown.high, shown.low, shown.close)):
        x, colour = canvas.x(at), UP if close >= opening else DOWN
        canvas.draw.line([(x, canvas.y(high)), (x, canvas.y(low))], fill=colour, width=2)
        top, bottom = canvas.y(max(opening, close)), canvas.y(min(opening, close))
        canvas.draw.rectangle([x - half, top, x + half, max(bottom, top + 1)], fill=colour)
    for level in levels:
        canvas.level(level)
    canvas.sessions(shown.session)
    return canvas.png()


def equity_picture(sessions: IntArray, equity: FloatArray, title: str) -> bytes:
    """An equity curve from the left edge to the right one.

    sessions: int64, days since 1970-01-01; equity: float64, R$, as long and without NaN, at least one.
    """
    start = float(equity[0])
    canvas = _Canvas(title, float(min(equity.min(), start)), float(equity.max()), len(equity), lambda value: number(value, 0))
    canvas.level(Level(_("start"), start))
    points = [(x, canvas.y(float(value))) for x, value in zip(np.linspace(LEFT, WIDTH - RIGHT, len(equity)).tolist(), equity)]
    if len(points) > 1:
        canvas.draw.line(points, fill=LINE, width=3, joint="curve")
    x, y = points[-1]
    canvas.draw.ellipse([x - 5, y - 5, x + 5, y + 5], fill=LINE)
    canvas.sessions(sessions)
    return canvas.png()


def _when(bars: Bars) -> str:
    if TIMEFRAMES[bars.timeframe] >= TIMEFRAMES["1d"]:
        return day(from_day_number(int(bars.session[-1])))
    return instant(sao_paulo(int(bars.time[-1])))


class _Canvas:
    """A white picture with a title, a grid of values at the right and `count` places from left to right."""

    def __init__(self, title: str, low: float, high: float, count: int, form: Any) -> None:
        from PIL import Image, ImageDraw, ImageFont

        room = (high - low or abs(high) or 1.0) * 0.05
        self.low, self.high, self.count = low - room, high + room, count
        self.image = Image.new("RGB", (WIDTH, HEIGHT), BACK)
        self.draw: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)
        self.font, self.small = ImageFont.load_default(22), ImageFont.load_default(15)
        self.draw.text((LEFT, 12), drawable(title), fill=INK, font=self.font)
        for value in ticks(self.low, self.high):
            y = self.y(value)
            self.draw.line([(LEFT, y), (WIDTH - RIGHT, y)], fill=GRID)
            self.draw.text((WIDTH - RIGHT + 8, y - 9), drawable(form(value)), fill=FAINT, font=self.small)

    @property
    def step(self) -> float:
        return (WIDTH - LEFT - RIGHT) / self.count

    def x(self, at: int) -> float:
        return LEFT + (at + 0.5) * self.step

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def level(self, level: Level) -> None:
        y = self.y(level.price)
        self.draw.line([(LEFT, y), (WIDTH - RIGHT, y)], fill=level.colour, width=2)
        words = drawable(f"{level.name} {price(level.price)}")
        self.draw.text((LEFT + 4, y - 19), words, fill=level.colour, font=self.small, stroke_width=2, stroke_fill=BACK)

    def sessions(self, sessions: IntArray) -> None:
        """The first and the last day, below."""
        y = HEIGHT - BOTTOM + 10
        self.draw.text((LEFT, y), day(from_day_number(int(sessions[0]))), fill=FAINT, font=self.small)
        self.draw.text((WIDTH - RIGHT, y), day(from_day_number(int(sessions[-1]))), fill=FAINT, font=self.small, anchor="ra")

    def png(self) -> bytes:
        found = io.BytesIO()
        self.image.save(found, "PNG", optimize=True)
        return found.getvalue()


def ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round values within [low, high], about `wanted` of them: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [float(value) for value in np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step]


def drawable(text: str) -> str:
    """`text` in the letters that Pillow's own font has: without accents, everything else as a question mark."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return bare.replace("–", "-").encode("ascii", "replace").decode()
