"""The files of a model: read without following a link, written so that a folder is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from engine.errors import ModelError
from engine.i18n import _

LARGEST = 1 << 30
#: The ending of a folder that is being written.
PART = ".part"


def read_whole(folder: Path, name: str) -> bytes:
    """The content of one regular file that lies in `folder` itself.

    Raises ModelError for a missing or unreadable file, for a link in place of the folder or of the file, for anything else
    that is no regular file, and for more than `LARGEST` bytes.
    """
    path = folder / name
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if folder.is_symlink() or path.is_symlink():
            raise ModelError(_("{path} is a link, which is not followed").format(path=path))
        with os.fdopen(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ModelError(_("{path} is no regular file").format(path=path))
            if about.st_size > LARGEST:
                raise ModelError(_("{path} is too large for a model").format(path=path))
            return file.read(LARGEST)
    except FileNotFoundError as error:
        raise ModelError(
            _("{path} is missing").format(path=path), _("Put it back, or delete the model and train it again.")
        ) from error
    except OSError as error:
        raise ModelError(_("{path} cannot be read: {error}").format(path=path, error=error.strerror or error)) from error


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` with these files: written beside it first, on the disk before it gets its name.

    What an earlier attempt left in its place is replaced. Raises ModelError when it cannot be written.
    """
    part = folder.with_name(folder.name + PART)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove(part)
        remove(folder)
        part.mkdir(mode=0o700)
        for name, content in files.items():
            with (part / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync(part)
        part.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        raise ModelError(_("{path} cannot be written: {error}").format(path=folder, error=error.strerror or error)) from error


def remove(folder: Path) -> None:
    """Remove a folder with its files, or the link in its place but not what it points to; nothing where there is none.

    Raises OSError.
    """
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system knows how."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
