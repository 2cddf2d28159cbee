"""Opening files and ZIP members: what is dangerous, damaged or too large is refused in plain words."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from engine.errors import FileError, RefusedFileError
from engine.ingestion.files import MAX_MEMBERS, open_files

LIMIT = 64 << 20


def zip_file(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def refused(path: Path, words: str, limit: int = LIMIT) -> None:
    with pytest.raises(RefusedFileError, match=words):
        open_files(path, limit)


def test_a_plain_file_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"date;close\n" * 10)
    (file,) = open_files(path, LIMIT)
    assert (file.name, file.size, file.member) == ("a.csv", 110, "")
    assert file.head(4) == b"date"
    assert file.read(110) == path.read_bytes()
    with pytest.raises(RefusedFileError, match="larger"):
        file.read(109)


def test_the_members_of_a_zip_are_read_in_its_order_whatever_its_name(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a.txt", {"folder/": b"", "folder/one.csv": b"1", "two.csv": b"22"})
    files = open_files(path, LIMIT)
    assert [(file.name, file.size) for file in files] == [("a.txt:folder/one.csv", 1), ("a.txt:two.csv", 2)]
    assert [file.read(10) for file in files] == [b"1", b"22"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.csv", "a/../../up.csv", "..\\up.csv", "C:\\a.csv", "\\\\server\\a.csv"])
def test_a_member_outside_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    refused(zip_file(tmp_path / "a.zip", {"good.csv": b"1", name: b"2"}), "dangerous path")


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"bomb.txt": b"0" * (30 << 20)})
    refused(path, "bomb")


def test_more_than_the_limit_is_refused_in_one_member_in_all_and_in_a_plain_file(tmp_path: Path) -> None:
    noise = os.urandom(3 << 20)
    refused(zip_file(tmp_path / "one.zip", {"a.txt": noise}), "unpack to more", 2 << 20)
    refused(zip_file(tmp_path / "two.zip", {"a.txt": noise, "b.txt": noise}), "unpack to more", 5 << 20)
    (tmp_path / "plain.txt").write_bytes(noise)
    refused(tmp_path / "plain.txt", "larger than 2 MB", 2 << 20)


def test_a_member_that_is_larger_than_its_entry_says_is_refused_when_read(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"a.txt": b"0" * 100_000})
    data = path.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    (file,) = open_files(path, LIMIT)
    assert file.size == 10
    with pytest.raises(RefusedFileError):
        file.read(LIMIT)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(zip_file(tmp_path / "a.zip", {"a.txt": b"secret"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    refused(tmp_path / "a.zip", "password")


@pytest.mark.parametrize("name", ["inner.zip", "inner.ZIP"])
def test_a_zip_in_a_zip_is_refused(tmp_path: Path, name: str) -> None:
    inner = zip_file(tmp_path / "inner.zip", {"a.txt": b"1"}).read_bytes()
    refused(zip_file(tmp_path / "a.zip", {name: inner}), "another ZIP")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_is_refused(tmp_path: Path, method: int) -> None:
    refused(zip_file(tmp_path / "a.zip", {"a.txt": b"1" * 1000}, method), "not supported")


def test_too_many_members_none_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    refused(zip_file(tmp_path / "many.zip", {f"{number}.txt": b"" for number in range(MAX_MEMBERS + 1)}), "holds 201 files")
    refused(zip_file(tmp_path / "none.zip", {}), "holds 0 files")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.txt", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", "2")
    refused(tmp_path / "twice.zip", "same name")


def test_what_only_looks_like_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and nothing of the kind")
    refused(path, "not a sound ZIP")


def test_a_zip_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data = zip_file(tmp_path / "a.zip", {"a.txt": os.urandom(100)}).read_bytes()
    for size in range(4, len(data)):
        (tmp_path / "a.zip").write_bytes(data[:size])
        refused(tmp_path / "a.zip", "not a sound ZIP")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_with_one_wrong_byte_is_read_whole_or_refused(tmp_path: Path, method: int) -> None:
    content = bytes(range(256)) * 2
    data = zip_file(tmp_path / "a.zip", {"a.txt": content}, method).read_bytes()
    refusals = 0
    for position in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= change
            (tmp_path / "a.zip").write_bytes(damaged)
            try:
                read = [file.read(LIMIT) for file in open_files(tmp_path / "a.zip", LIMIT)]
            except FileError:
                refusals += 1
            else:
                assert read in ([content], [bytes(damaged)])
    assert refusals > len(data)


def test_a_member_name_brings_no_control_characters_to_the_terminal(tmp_path: Path) -> None:
    (file,) = open_files(zip_file(tmp_path / "a.zip", {"a\x1b[2J.txt": b"1"}), LIMIT)
    assert file.name == "a.zip:a?[2J.txt"
    assert file.read(10) == b"1"


def test_what_is_missing_no_file_or_not_readable_is_a_file_error(tmp_path: Path) -> None:
    paths = [tmp_path / "none.csv", tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths.append(tmp_path / "pipe")
    for path in paths:
        with pytest.raises(FileError, match=r"cannot be read|not a file"):
            open_files(path, LIMIT)


def test_a_file_that_vanishes_or_changes_after_it_was_opened_is_a_file_error(tmp_path: Path) -> None:
    (plain,) = open_files(zip_file(tmp_path / "a.zip", {"a.txt": b"1"}), LIMIT)
    zip_file(tmp_path / "a.zip", {"b.txt": b"1"})
    with pytest.raises(RefusedFileError):
        plain.head()
    (tmp_path / "a.zip").unlink()
    with pytest.raises(FileError, match="cannot be read"):
        plain.head()


def test_an_error_of_the_reader_is_not_taken_for_an_error_of_the_file(tmp_path: Path) -> None:
    (file,) = open_files(zip_file(tmp_path / "a.zip", {"a.txt": b"one"}), LIMIT)
    with pytest.raises(ValueError, match="invalid literal"), file.open() as stream:
        int(stream.read())
