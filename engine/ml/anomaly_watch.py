"""Looking for anomalies in stored bars: adjusted for events, explained by what the store knows, kept in the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.errors import NoDataError
from engine.i18n import _
from engine.ml.anomalies import Facts, Sensitivity, detect
from engine.ml.anomaly_measures import LEAST
from engine.store.anomalies import Scan, record, revised_bars
from engine.store.bars import read_bars
from engine.store.events import adjusted, read_events

if TYPE_CHECKING:
    from engine.domain import Bars
    from engine.settings_model import Anomalies
    from engine.store.database import Store


def sensitivity_of(settings: Anomalies) -> Sensitivity:
    """The settings of a workspace, as the detectors take them."""
    return Sensitivity(
        limit=settings.limit,
        window=settings.window,
        training=settings.training,
        refit=settings.refit,
        false_alarm=settings.false_alarm,
    )


def scan(store: Store, bars: Bars, settings: Anomalies, *, lookback: int, known_at: int | None = None) -> Scan:
    """The anomalies among the newest `lookback` of some bars, explained by the events and revisions known at `known_at` (UTC seconds,
    None: now)."""

    def facts() -> Facts:
        return Facts(read_events(store, bars.symbol, known_at), revised_bars(store, bars, known_at))

    found = detect(bars, lookback=lookback, sensitivity=sensitivity_of(settings), facts=facts)
    first = max(len(bars) - lookback, 0)
    return Scan(bars.symbol, bars.timeframe, int(bars.time[first]), int(bars.time[-1]), found)


def scan_stored(
    store: Store, symbols: Iterable[str], settings: Anomalies, *, now: int, timeframe: str = "1d", lookback: int | None = None
) -> list[Scan]:
    """The same for the stored, adjusted bars of each symbol, recorded. lookback: None for that of the settings.

    Raises NoDataError for a symbol without bars, or with too few of them to tell what is usual.
    """
    found = []
    for symbol in symbols:
        bars, _events = adjusted(store, read_bars(store, symbol, timeframe))
        if len(bars) <= LEAST:
            raise NoDataError(
                _("{symbol} has {count} bars of {timeframe}, too few to tell what is usual").format(
                    symbol=symbol, count=len(bars), timeframe=timeframe
                ),
                _("More than {count} are needed.").format(count=LEAST),
            )
        found.append(scan(store, bars, settings, lookback=settings.lookback if lookback is None else lookback))
    record(store, found, now)
    return found
