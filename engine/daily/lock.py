"""One daily run at a time on one database: a lock of the operating system for this machine, a row with an expiry for the others."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.desk import Desk
from engine.domain import iso
from engine.errors import BusyError, StoreError
from engine.i18n import _
from engine.refusals import hint_of
from engine.store.file_lock import file_lock
from engine.store.run_locks import Holder, boot_id, lock_path, read_lock, release_lock, renew_lock, take_lock

log = logging.getLogger(__name__)

#: Seconds after which a run on another machine that has not renewed its lock counts as dead; each step renews it.
LEASE = 3600
#: How often the lock is tried, and seconds in between.
GLANCES, GLANCE = 4, 0.05


@dataclass(frozen=True, slots=True)
class RunLock:
    """A lock that is held. notes: what to know of the run that had it before, in sentences."""

    desk: Desk
    holder: Holder
    notes: tuple[str, ...]

    def renew(self) -> None:
        """Keep it for another LEASE. Raises BusyError when another run took it over meanwhile."""
        if not renew_lock(self.desk.store, self.holder.owner, self.desk.now() + LEASE):
            raise _busy(read_lock(self.desk.store))


@contextmanager
def hold_run(desk: Desk) -> Iterator[RunLock]:
    """Hold the lock of the daily run.

    Nobody else on this machine can have it while the file is locked: the operating system lets go of it when its process ends. So a
    row of this machine is left over from a run that was killed, and is taken over; one of another machine when it has expired, or would
    end later than a new one, for it was written before the clock was set back. Raises BusyError while another run has it,
    StoreError when the file cannot be made.
    """
    path = lock_path(desk.store)
    with ExitStack() as held:
        if not _held(held, path):
            raise _busy(read_lock(desk.store))
        lock = _take(desk)
        try:
            yield lock
        finally:
            _release(lock)


def _held(held: ExitStack, path: Path) -> bool:
    """Lock the file until `held` closes; whether nobody has it. Who only looks whether a run is alive has it for an instant."""
    for attempt in range(GLANCES):
        if attempt:
            time.sleep(GLANCE)
        try:
            if held.enter_context(file_lock(path)):
                return True
        except OSError as error:
            said = _("{name} cannot be written: {error}").format(name=path, error=error.strerror or error)
            raise StoreError(said, hint_of(error)) from error
    return False


def _take(desk: Desk) -> RunLock:
    now, host = desk.now(), socket.gethostname()
    mine = Holder(f"{host}:{os.getpid()}", host, boot_id(), now, now + LEASE)
    taken, earlier = take_lock(desk.store, mine)
    if not taken:
        raise _busy(earlier)
    if earlier is None:
        return RunLock(desk, mine, ())
    words = {"owner": earlier.owner, "since": iso(earlier.since)}
    note = _(
        "The daily run of {since} ({owner}) was killed or lost its machine; this one took over and went on from there."
    ).format(**words)
    log.warning("%s", note)
    return RunLock(desk, mine, (note,))


def _release(lock: RunLock) -> None:
    """Let go of the row; one that cannot be deleted is taken over by the next run."""
    try:
        release_lock(lock.desk.store, lock.holder.owner)
    except StoreError as error:
        log.warning("the lock of the daily run stays: %s", error.message)


def _busy(holder: Holder | None) -> BusyError:
    hint = _("It is the only one that may run now; `pregao runs` shows how far it is.")
    if holder is None:
        return BusyError(_("Another daily run is under way"), hint)
    message = _("A daily run is under way since {since}: {owner}")
    return BusyError(message.format(since=iso(holder.since), owner=holder.owner), hint)
