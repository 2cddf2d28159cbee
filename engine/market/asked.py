"""What a user asks for, in words, as the engine's values: symbols, a timeframe, days and periods of Sao Paulo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from engine.domain import SAO_PAULO, TIMEFRAMES
from engine.errors import UsageError
from engine.i18n import _
from engine.market.instruments import normalise_symbol


def parse_day(text: str, option: str) -> date:
    """A date as YYYY-MM-DD (or dd/mm/yyyy). Raises UsageError naming the option."""
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=SAO_PAULO).date()
        except ValueError:
            continue
    raise UsageError(_("{option}: {text} is not a date").format(option=option, text=text), _("Write it as 2025-06-30."))


def day_bounds(first: str, last: str) -> tuple[int | None, int | None]:
    """The first and last instant of a period of days, UTC seconds; an empty day leaves that end open."""
    start = parse_day(first, "--from") if first else None
    end = parse_day(last, "--to") if last else None
    if start and end and start > end:
        raise UsageError(_("--from {start} is after --to {end}").format(start=start, end=end))
    low = None if start is None else _midnight(start)
    high = None if end is None else _midnight(end + timedelta(days=1)) - 1
    return low, high


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), SAO_PAULO).astimezone(UTC).timestamp())


def timeframe(text: str) -> str:
    """One of the known timeframes. Raises UsageError listing them."""
    if text not in TIMEFRAMES:
        raise UsageError(
            _("There is no timeframe {text}").format(text=text), _("Accepted: {list}.").format(list=", ".join(TIMEFRAMES))
        )
    return text


def symbols(words: Sequence[str]) -> list[str]:
    """The symbols as B3 writes them, each once; commas separate too. Raises UsageError for what cannot be one, or none."""
    found = list(dict.fromkeys(normalise_symbol(part) for word in words for part in word.split(",") if part.strip()))
    if words and not found:
        raise UsageError(_("Name at least one symbol"))
    return found
