"""What to do when SQLite or the disk refuses; standard library only."""

from __future__ import annotations

import errno
import sqlite3

from engine.i18n import _

#: The primary code of a result is its last byte. https://www.sqlite.org/rescode.html
PRIMARY = 0xFF
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
NO_RIGHT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def hint_of(error: BaseException | None) -> str:
    """What a user can do about an OSError or an error of the module sqlite3, empty where that is not known."""
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY
    number = error.errno if isinstance(error, OSError) else 0
    if code in BUSY:
        return _("Another program holds it: end that one and call again; nothing is lost.")
    if code in NO_ROOM or number in (errno.ENOSPC, errno.EFBIG, errno.EIO):
        return _("Make room on the disk, see that it can be written, and call again; nothing is lost.")
    if code in NO_RIGHT or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _("See that you may write to its folder and that the disk is not read-only, and call again; nothing is lost.")
    if code in DAMAGED:
        return _(
            "It is damaged or no database: move it away and put back a copy, or import the files in data/inbox/imported again."
        )
    return ""
