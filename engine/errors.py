"""The errors a user can meet: one small tree, one clear sentence each, one exit code each.

Every error carries a message (what is wrong) and, where there is one, a hint (what to do). Exit codes: 1 failed,
2 wrong usage, 3 no data or stale data, 4 a gate was not met.
"""

from __future__ import annotations


class PregaoError(Exception):
    """Base of all errors that are shown to the user as one sentence, without a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str | None]:
        """The JSON form printed on stderr by `--json`."""
        return {"type": type(self).__name__, "message": self.message, "hint": self.hint or None}


class UsageError(PregaoError):
    """A command, option, symbol, date or parameter that cannot be understood."""

    exit_code = 2


class SettingsError(UsageError):
    """A key or value of the settings that is unknown or wrong."""


class FileError(PregaoError):
    """A file that cannot be read, recognised or trusted; nothing of it was imported."""


class UnrecognisedFileError(FileError):
    """A file whose content matches no known format."""


class RefusedFileError(FileError):
    """A file of a known format that is refused whole (truncated, contradictory, dangerous, another price base)."""


class StoreError(PregaoError):
    """The database cannot be opened, is newer than this program, or refused a write."""


class BusyError(PregaoError):
    """Another process does what may be done only once at a time."""


class ModelError(PregaoError):
    """A model that does not exist, cannot be trusted, or does not fit this version or these features."""


class LookAheadError(PregaoError):
    """Something asked for a value that was not yet known at the instant of its decision."""


class NetworkError(PregaoError):
    """A server did not answer, or not with what was asked for."""


class NoDataError(PregaoError):
    """There are no bars for what was asked."""

    exit_code = 3


class GateError(PregaoError):
    """A quality gate was not met."""

    exit_code = 4
