"""What the app remembers from one time to the next: list, symbol, theme. A small JSON file, written atomically."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from engine.whole_file import write_whole


@dataclass
class Session:
    """The state that is kept; an unreadable file starts afresh."""

    list_name: str = "default"
    symbol: str = ""
    theme: str = "pregao-dark"

    @classmethod
    def load(cls, path: Path) -> Session:
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        known = {item.name for item in fields(cls)}
        held = stored if isinstance(stored, dict) else {}
        return cls(**{name: value for name, value in held.items() if name in known and isinstance(value, str)})

    def save(self, path: Path) -> None:
        """Write the state; a folder that cannot be written loses only this."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(self)).encode())
        except OSError:
            return
