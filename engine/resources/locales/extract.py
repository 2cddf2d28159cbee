"""The texts of the table of fees, for the extraction of messages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO


def notes(file: BinaryIO, keywords: Any, comment_tags: Any, options: Any) -> Iterator[tuple[int, str, str, list[str]]]:  # noqa: ARG001
    """Every note of costs.toml, in the form that Babel's extraction methods give: line, function, text, comments."""
    text = file.read().decode("utf-8")
    for note in dict.fromkeys(row["note"] for row in tomllib.loads(text)["rate"]):
        if note:
            yield text[: text.index(note)].count("\n") + 1, "_", note, []
