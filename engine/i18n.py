"""What the user reads: gettext for words, Babel for numbers, dates and money.

English is the source language; Brazilian Portuguese is complete. The language is chosen once at start-up by
`set_language`; until then everything is English. Log keys, JSON keys and file headers are never translated.
"""

from __future__ import annotations

import gettext as _gettext
import os
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("en", "pt_BR")
LOCALES = Path(__file__).parent / "resources" / "locales"

_active = "en"


def set_language(language: str = "auto") -> str:
    """Choose the language of everything shown from here on and return it.

    `auto` follows LC_ALL, LC_MESSAGES and LANG: Portuguese of any country gives `pt_BR`, all else English.
    """
    global _active
    if language == "auto":
        wanted = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "en")
        language = "pt_BR" if wanted.lower().startswith("pt") else "en"
    _active = language if language in LANGUAGES else "en"
    return _active


def language() -> str:
    """The language in force, `en` or `pt_BR`."""
    return _active


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(name: str) -> _gettext.NullTranslations:
    return _gettext.translation("pregao", LOCALES, languages=[name], fallback=True)


def _(message: str) -> str:
    """The translation of `message` in the language in force."""
    return message if _active == "en" else _catalogue(_active).gettext(message)


def mark(singular: str, plural: str = "") -> str:  # noqa: ARG001
    """`singular` itself: marks a text that is shown later through `_(variable)`, so that the extraction finds it."""
    return singular


def pgettext(context: str, message: str) -> str:
    """The translation of a word that means different things in different contexts."""
    return message if _active == "en" else _catalogue(_active).pgettext(context, message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The translation that fits the count `n`."""
    return _catalogue(_active).ngettext(singular, plural, n)
