"""Which language is spoken, by the settings and by the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.i18n import _, language, ngettext, set_language
from tests.desk_maker import plain_environment


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield
    set_language("en")


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt_PT"}, "pt_BR"),
        ({"LANG": "PT_br"}, "pt_BR"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "pt_BR", "LC_MESSAGES": "en_GB"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "pt_BR"}, "pt_BR"),
        ({"LANG": "en_US", "LC_MESSAGES": "en_US", "LC_ALL": "pt_BR"}, "pt_BR"),
        ({"LANG": "pt_BR", "LC_ALL": ""}, "pt_BR"),
    ],
)
def test_auto_follows_the_machine(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], spoken: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert set_language("auto") == spoken == language()


@pytest.mark.parametrize(("asked", "spoken"), [("en", "en"), ("pt_BR", "pt_BR"), ("fr", "en"), ("", "en")])
def test_a_named_language_stands_over_the_machine(monkeypatch: pytest.MonkeyPatch, asked: str, spoken: str) -> None:
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8" if spoken == "en" else "C")
    assert set_language(asked) == spoken


def test_english_is_the_text_itself() -> None:
    set_language("en")
    assert _("There are no bars yet.") == "There are no bars yet."
    assert [ngettext("{count} line", "{count} lines", n) for n in (0, 1, 2)] == ["{count} lines", "{count} line", "{count} lines"]


def test_a_text_without_translation_stays_english() -> None:
    set_language("pt_BR")
    assert _("a text that no catalogue has") == "a text that no catalogue has"
    assert ngettext("a thing that none has", "things that none has", 2) == "things that none has"


def test_no_text_is_empty() -> None:
    """gettext answers the empty string with its header: it must never be asked."""
    from ast import Call, Constant, Name, parse, walk

    root = Path(__file__).parents[1]
    for path in [*root.glob("engine/**/*.py"), *root.glob("tui/**/*.py")]:
        for node in walk(parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Call) and isinstance(node.func, Name) and node.func.id == "_" and node.args:
                first = node.args[0]
                assert not (isinstance(first, Constant) and first.value == ""), f"{path}:{node.lineno}"
                assert type(first).__name__ != "JoinedStr", f"{path}:{node.lineno}: an f-string cannot be translated"
