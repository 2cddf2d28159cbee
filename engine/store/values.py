"""Daily values that are not bars: CDI, Selic, foreign indices. Same rules: idempotent, changes kept as revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain import from_day_number
from engine.store.publish import Published
from engine.store.schema import imports

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ingestion.series import SeriesFile
    from engine.store.database import Store

BUSINESS_DAYS = 252
OUTDATED_AFTER = 31


def publish_values(store: Store, parsed: SeriesFile, file: str, sha256: str, now: int) -> Published:
    """Write one series, all or nothing; a value that differs keeps the old one as a revision known until `now`."""
    incoming = list(zip(parsed.day.tolist(), parsed.value.tolist()))
    with store.write() as connection:
        known = connection.exec_driver_sql("SELECT session, value FROM daily_values WHERE name = ?", (parsed.name,))
        stored: dict[int, float] = {row[0]: row[1] for row in known}
        new = [(day, value) for day, value in incoming if day not in stored]
        changed = [(day, value) for day, value in incoming if day in stored and stored[day] != value]
        if not new and not changed:
            return Published(0, len(incoming), 0, 0)
        connection.exec_driver_sql(
            'INSERT INTO daily_series (name, unit, "column") VALUES (?, ?, ?)'
            ' ON CONFLICT (name) DO UPDATE SET unit = excluded.unit, "column" = excluded."column"',
            (parsed.name, parsed.unit, parsed.column),
        )
        made = connection.execute(
            imports.insert().values(
                published_at=now,
                file=file,
                sha256=sha256,
                format="series",
                rows=parsed.rows,
                written=len(new) + len(changed),
                unchanged=len(incoming) - len(new) - len(changed),
                revised=len(changed),
                rejected=len(parsed.rejected),
                detail={"name": parsed.name, "unit": parsed.unit, "notices": list(parsed.notices)},
            )
        )
        import_id = int(made.lastrowid)
        if changed:
            connection.exec_driver_sql(
                "INSERT INTO daily_value_revisions (name, session, value, available_at, superseded_at)"
                " SELECT name, session, value, available_at, ? FROM daily_values WHERE name = ? AND session = ?",
                [(now, parsed.name, day) for day, _value in changed],
            )
            connection.exec_driver_sql(
                "UPDATE daily_values SET value = ?, available_at = ?, import_id = ? WHERE name = ? AND session = ?",
                [(value, now, import_id, parsed.name, day) for day, value in changed],
            )
        if new:
            connection.exec_driver_sql(
                "INSERT INTO daily_values (name, session, value, available_at, import_id) VALUES (?, ?, ?, NULL, ?)",
                [(parsed.name, day, value, import_id) for day, value in new],
            )
    lines = tuple(f"{from_day_number(day)}: {stored[day]:g} -> {value:g}" for day, value in changed[:20])
    return Published(len(new) + len(changed), len(incoming) - len(new) - len(changed), len(changed), 0, lines, import_id)


def read_values(store: Store, name: str) -> tuple[IntArray, FloatArray, str] | None:
    """One series as (session days int64, values float64, unit), oldest first; None when it was never imported."""
    with store.read() as connection:
        unit = connection.exec_driver_sql("SELECT unit FROM daily_series WHERE name = ?", (name,)).scalar_one_or_none()
        if unit is None:
            return None
        rows = connection.exec_driver_sql(
            "SELECT session, value FROM daily_values WHERE name = ? ORDER BY session", (name,)
        ).all()
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64), str(unit)


def list_values(store: Store) -> list[tuple[str, str, int, int, int]]:
    """Each stored series as (name, unit, first session, last session, count)."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, unit, min(session), max(session), count(*) FROM daily_values JOIN daily_series USING (name) GROUP BY name"
        )
        return [(str(row[0]), str(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in rows]


def cash_return(store: Store, sessions: IntArray) -> tuple[str, FloatArray] | None:
    """The return of cash over each bar, from CDI (else SELIC): (name, float64 array (n,)).

    A bar earns one business day of the rate in force on its session when it is the first bar of that session, else 0.
    The rate in force is the newest one not after the session; before the first known rate, and more than OUTDATED_AFTER
    days after the newest one, it is NaN. An annual rate r
    in percent gives (1 + r/100)^(1/252) - 1, the market's convention of 252 business days. None without a series.
    """
    for name in ("CDI", "SELIC"):
        found = read_values(store, name)
        if found is None or not len(found[0]):
            continue
        days, values, unit = found
        daily = (1 + values / 100) ** (1 / BUSINESS_DAYS) - 1 if unit == "annual_percent" else values / 100
        at = np.searchsorted(days, sessions, side="right") - 1
        held = np.maximum(at, 0)
        rate = np.where((at >= 0) & (sessions - days[held] <= OUTDATED_AFTER), daily[held], np.nan)
        first = np.empty(len(sessions), bool)
        first[:1] = True
        first[1:] = sessions[1:] != sessions[:-1]
        return name, np.where(first, rate, 0.0)
    return None
