"""The log: a rotating file in the workspace, with secrets removed from the final formatted text."""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

MASK = "***"
SHORTEST = 4
PATTERNS = (
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]+"),
    re.compile(r"(?i)(?<=token=)[^&\s\"']+"),
    re.compile(r"(?i)(?<=api_key=)[^&\s\"']+"),
    re.compile(r"(?<=/bot)\d+:[\w-]+"),
    re.compile(r"(?<=/api/webhooks/)[\w./-]+"),
    re.compile(r"(?<=://)[^/\s\"']+(?=@)"),
)


def redact(text: str, secrets: Sequence[str] = ()) -> str:
    """`text` without the given secret values, however they are quoted, and without anything shaped like a token, webhook or
    user and password in a URL. A secret of fewer than four characters is none.
    """
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    for pattern in PATTERNS:
        text = pattern.sub(MASK, text)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as it stands in plain text, in a repr, in either JSON and in an address."""
    written = (repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False))
    return secret, *(form[1:-1] for form in written), quote(secret, safe="")


class RedactingFormatter(logging.Formatter):
    """Formats first, traceback included, and removes secrets from the result. Times are UTC."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)


class FileHandler(logging.handlers.RotatingFileHandler):
    """A line that cannot be written (a full or read-only disk) is lost, and stops neither the work nor anything that it prints."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: there is no other place to say it, and a traceback in the terminal says nothing to its reader."""


def start_log(path: Path, level: str = "INFO", secrets: Sequence[str] = ()) -> logging.Handler:
    """Send everything to `path` (1 MB, five kept) and quieten the libraries that log full addresses."""
    handler = FileHandler(path, maxBytes=1 << 20, backupCount=5, encoding="utf-8", delay=True)
    handler.setFormatter(RedactingFormatter(secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "urllib3", "telegram", "alembic", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler
