"""What a file would change in a stored daily series, and whether it looks like the same series at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import from_day_number
from engine.errors import RefusedFileError
from engine.figures import percent
from engine.i18n import _
from engine.store.publish import Published
from engine.store.values import publish_values, read_values

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ingestion.series import SeriesFile
    from engine.store.database import Store

#: A file that changes a larger part of the stored values is another series, or the same one counted otherwise.
MOST_REVISED = 0.1
#: A level that differs by this factor is in another unit.
ORDER = 10.0


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """new, unchanged, revised: values of the file against those stored; stored: their number.

    day: that on which the two levels are compared (None: nothing is stored); before, after: the stored level and that of the file.
    """

    new: int
    unchanged: int
    revised: int
    stored: int
    day: int | None
    before: float
    after: float


def publish_checked(
    store: Store, parsed: SeriesFile, file: str, sha256: str, now: int, *, dry_run: bool, force: bool
) -> tuple[Published, tuple[str, ...]]:
    """Write a series, or with dry_run only say what would be written; what was published, and the notices.

    Raises RefusedFileError for a file that is hardly the stored series, unless it is forced.
    """
    known = read_values(store, parsed.name)
    change = change_of(None if known is None else known[:2], parsed)
    if not force:
        refuse_another_series(file, parsed.name, change)
    if not dry_run:
        return publish_values(store, parsed, file, sha256, now), parsed.notices
    said = _("It would add {new} values to {name}, change {revised} and leave {unchanged} as they are.").format(
        name=parsed.name, new=change.new, revised=change.revised, unchanged=change.unchanged
    )
    return Published(0, 0, 0, 0), (*parsed.notices, said)


def change_of(stored: tuple[IntArray, FloatArray] | None, parsed: SeriesFile) -> SeriesChange:
    """What publishing `parsed` would do. stored: the days since 1970-01-01 (int64, increasing) and values (float64) of the series.

    The levels are compared by their medians on common days, else where the two come nearest to one another.
    """
    if stored is None or not stored[0].size:
        return SeriesChange(len(parsed), 0, 0, 0, None, np.nan, np.nan)
    days, values = stored
    common, here, there = np.intersect1d(days, parsed.day, return_indices=True)
    same = int(np.count_nonzero(values[here] == parsed.value[there]))
    counts = (len(parsed) - common.size, same, int(common.size) - same, int(days.size))
    if common.size:
        return SeriesChange(*counts, int(common[-1]), float(np.median(values[here])), float(np.median(parsed.value[there])))
    place = np.clip(np.searchsorted(days, parsed.day), 1, days.size) - 1
    nearest = int(np.argmin(np.abs(days[place] - parsed.day)))
    return SeriesChange(*counts, int(parsed.day[nearest]), float(values[place[nearest]]), float(parsed.value[nearest]))


def refuse_another_series(file: str, name: str, change: SeriesChange) -> None:
    """Raises RefusedFileError, with the figures, for a file that is hardly the stored series."""
    hint = _(
        "Look at the file and the name of the series. If the file is right, import it with --force; the old values are kept as revisions."
    )
    if change.day is None:
        return
    if change.before > 0 and change.after > 0 and not 1 / ORDER < change.after / change.before < ORDER:
        raise RefusedFileError(
            _("{file} has a level of {after:g} where the stored series {name} has {before:g} (about {date})").format(
                file=file, name=name, after=change.after, before=change.before, date=from_day_number(change.day).isoformat()
            ),
            hint,
        )
    if change.revised > MOST_REVISED * change.stored:
        raise RefusedFileError(
            _("{file} would change {revised} of the {stored} stored values of {name} ({share}; at most {most} are changed unasked)").format(
                file=file, name=name, revised=change.revised, stored=change.stored,
                share=percent(change.revised / change.stored), most=percent(MOST_REVISED),
            ),
            hint,
        )  # fmt: skip
