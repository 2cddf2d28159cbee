"""Writing a file so that it is there whole or not at all, whatever ends the process; standard library only."""

from __future__ import annotations

import os
from contextlib import suppress
from glob import escape
from pathlib import Path
from threading import get_ident

ENDING = ".part"


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` into the file `path` in one step: a reader sees the file before or after it, never a part of either.

    It is written beside its place first, under a hidden name, and on the disk when it takes its place; what a process that was
    killed left there is cleared away. The folder must exist. Raises OSError, with the file as it was.
    """
    clear_parts(path)
    part = path.with_name(f".{path.name}.{get_ident()}.{os.getpid()}{ENDING}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def clear_parts(path: Path) -> None:
    """Delete the parts of this file whose processes have ended; on Windows, where asking could end one, they stay."""
    for part in path.parent.glob(f".{escape(path.name)}.*{ENDING}"):
        number = part.name.removesuffix(ENDING).rpartition(".")[2]
        if os.name == "posix" and number.isdecimal() and not _runs(int(number)):
            with suppress(OSError):
                part.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
