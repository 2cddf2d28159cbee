"""Opening what the user gives: a plain file or one member of a ZIP, bounded in size, as a binary stream."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from engine.errors import FileError, RefusedFileError
from engine.i18n import _

HEAD = 65_536
MAX_MEMBERS = 200
MAX_RATIO = 200
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Files of these signatures are archives: with members, and without any.
SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
#: What zipfile raises for a damaged directory, and for a damaged member while it is read.
UNSOUND = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, KeyError, struct.error)
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to import. `name` is only shown and used as a hint for the symbol, never to choose the format."""

    path: Path
    name: str
    size: int
    member: str = ""

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The content as a binary stream; raises FileError in plain words."""
        with ExitStack() as stack:
            try:
                stream = self._enter(stack)
            except UNSOUND as error:
                raise _unsound(self.name, error) from error
            except OSError as error:
                raise _unreadable(self.name, error) from error
            try:
                yield stream
            except BROKEN as error:
                raise _unsound(self.name, error) from error
            except OSError as error:
                raise _unreadable(self.name, error) from error

    def _enter(self, stack: ExitStack) -> IO[bytes]:
        if not self.member:
            return stack.enter_context(self.path.open("rb"))
        archive = stack.enter_context(zipfile.ZipFile(self.path))
        return stack.enter_context(archive.open(self.member))

    def head(self, limit: int = HEAD) -> bytes:
        """The first bytes of the content, for recognising the format."""
        with self.open() as stream:
            return stream.read(limit)

    def read(self, limit: int) -> bytes:
        """The whole content; refuses a file of more than `limit` bytes, whatever its directory entry claims."""
        with self.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise RefusedFileError(
                _("{name} is larger than {limit} MB, too large for a file of this format").format(
                    name=self.name, limit=limit >> 20
                )
            )
        return data


def open_files(path: Path, max_bytes: int) -> list[SourceFile]:
    """The files in `path`: itself, or the members of a ZIP.

    Raises RefusedFileError for an archive with absolute or climbing member names, two members of one name, encrypted
    members, nested archives, more than MAX_MEMBERS members, an expansion above MAX_RATIO or a total above `max_bytes`, and
    FileError for what is not a file or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileError(_("{name} is not a file").format(name=path))
        size = path.stat().st_size
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise _unreadable(str(path), error) from error
    if magic not in SIGNATURES:
        if size > max_bytes:
            raise RefusedFileError(_("{name} is larger than {limit} MB").format(name=path.name, limit=max_bytes >> 20))
        return [SourceFile(path, path.name, size)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (*UNSOUND, OSError) as error:
        raise _unsound(path.name, error) from error
    if not members or len(members) > MAX_MEMBERS:
        raise RefusedFileError(
            _("{name} holds {count} files; a ZIP of 1 to {limit} is accepted").format(
                name=path.name, count=len(members), limit=MAX_MEMBERS
            )
        )
    for info in members:
        _check_member(path.name, info)
    if len({info.filename for info in members}) < len(members):
        raise RefusedFileError(_("{name} holds two members of the same name").format(name=path.name))
    if sum(info.file_size for info in members) > max_bytes:
        raise RefusedFileError(_("{name} would unpack to more than {limit} MB").format(name=path.name, limit=max_bytes >> 20))
    return [SourceFile(path, f"{path.name}:{_shown(info.filename)}", info.file_size, info.filename) for info in members]


def _check_member(archive: str, info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in info.filename:
        raise RefusedFileError(
            _("{name} holds a member with a dangerous path: {member}").format(name=archive, member=_shown(info.filename))
        )
    if info.flag_bits & 0x1:
        raise RefusedFileError(_("{name} is protected by a password; unpack it first").format(name=archive))
    if info.compress_type not in METHODS:
        raise RefusedFileError(_("{name} is compressed by a method that is not supported; unpack it first").format(name=archive))
    if name.suffix.lower() == ".zip":
        raise RefusedFileError(_("{name} holds another ZIP; unpack it first").format(name=archive))
    if info.file_size > MAX_RATIO * max(info.compress_size, 1) and info.file_size > 10 << 20:
        raise RefusedFileError(
            _("{name} unpacks to {ratio} times its size and looks like a ZIP bomb").format(
                name=archive, ratio=info.file_size // max(info.compress_size, 1)
            )
        )


def _shown(name: str) -> str:
    """A member's name without the control characters that it may bring to the terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _unsound(name: str, error: Exception) -> RefusedFileError:
    return RefusedFileError(_("{name} is not a sound ZIP file: {error}").format(name=name, error=error))


def _unreadable(name: str, error: OSError) -> FileError:
    return FileError(_("{name} cannot be read: {error}").format(name=name, error=error.strerror or error))
