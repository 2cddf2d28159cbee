"""The forms that a message takes: Telegram's HTML, an embed of Discord, plain text; each within the limits of its channel."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from engine.notifications.words import Content, content

#: Telegram: characters of one message, as UTF-16 units. https://core.telegram.org/bots/api#sendmessage
TELEGRAM_TEXT = 4096
#: Discord: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
EMBED_TITLE, EMBED_DESCRIPTION, EMBED_FIELDS, EMBED_NAME, EMBED_VALUE, EMBED_FOOTER, EMBED_TOTAL = (
    256,
    4096,
    25,
    256,
    1024,
    2048,
    6000,
)
COLOURS = {"good": 0x00FF00, "bad": 0xFF0000, "warning": 0xFFC107, "neutral": 0x3498DB}
#: What Discord reads as markup, a link or a mention.
MARKUP = re.compile(r"([\\*_~`|>\[\]<#@])")
#: Longest lead, value or note that a message shows.
LONGEST = 1000


def render(payload: Mapping[str, Any], form: str, reference: str = "") -> Any:
    """A payload as "telegram" (HTML, str), "discord" (one embed, dict) or "plain" (str). reference: the message's id, shown at the end."""
    return {"telegram": telegram, "discord": discord, "plain": plain}[form](payload, reference)


def subject(payload: Mapping[str, Any]) -> str:
    """One line that says what the message is about."""
    said = content(payload)
    return " ".join(shorten(f"{said.title}: {said.brief}" if said.brief else said.title, 120).split())


def telegram(payload: Mapping[str, Any], reference: str = "") -> str:
    """HTML with every value escaped, at most 4,096 UTF-16 units, cut between lines; every tag closes on its own line."""
    said = content(payload)
    head = f"{said.sign} <b>{_html(said.title.upper())}</b>"
    facts = [f"{fact.sign} {_html(fact.label)}: {_html(fact.value)}".strip() for fact in said.facts]
    notes = [f"<i>{_html(note)}</i>" for note in said.notes]
    foot = [f"#{_html(reference)}"] if reference else []
    lines = [head, "", *([_html(said.lead), ""] if said.lead else []), *facts, *([""] if notes else []), *notes]
    while length("\n".join([*lines, *foot])) > TELEGRAM_TEXT:
        lines.pop()
    return "\n".join([*lines, *foot])


def discord(payload: Mapping[str, Any], reference: str = "") -> dict[str, Any]:
    """One embed within every limit of Discord, with what it would read as markup escaped; too much is cut from the end."""
    said = content(payload)
    embed: dict[str, Any] = {
        "title": shorten(f"{said.sign} {_marked(said.title)}", EMBED_TITLE),
        "description": shorten(
            "\n".join(_marked(shorten(line, LONGEST)) for line in (said.lead, *said.notes) if line), EMBED_DESCRIPTION
        ),
        "color": COLOURS[said.tone],
        "fields": [
            {
                "name": shorten(f"{fact.sign} {_marked(fact.label)}".strip(), EMBED_NAME),
                "value": shorten(_marked(fact.value), EMBED_VALUE),
                "inline": len(fact.value) <= 40,
            }
            for fact in said.facts[:EMBED_FIELDS]
        ],
        "footer": {"text": shorten(f"Pregão #{reference}" if reference else "Pregão", EMBED_FOOTER)},
    }
    if said.when:
        embed["timestamp"] = said.when
    while embed["fields"] and embed_length(embed) > EMBED_TOTAL:
        embed["fields"].pop()
    return embed


def embed_length(embed: Mapping[str, Any]) -> int:
    """The characters of an embed that Discord counts towards its limit of 6,000."""
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [text for field in embed.get("fields", ()) for text in (field["name"], field["value"])]
    return sum(length(text) for text in texts)


def plain(payload: Mapping[str, Any], reference: str = "") -> str:
    """Lines of text without signs or markup."""
    said: Content = content(payload)
    parts = [said.title, said.lead, *(f"{fact.label}: {fact.value}" for fact in said.facts), *said.notes]
    return "\n".join([part for part in parts if part] + ([f"#{reference}"] if reference else []))


def length(text: str) -> int:
    """The length of a text in UTF-16 units, which is what Telegram counts and never less than what Discord does."""
    return len(text.encode("utf-16-le")) // 2


def shorten(text: str, limit: int) -> str:
    """`text`, or as much of its beginning as fits into `limit` UTF-16 units with an ellipsis."""
    if length(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip("\\") + "…"


def _html(text: str) -> str:
    return html.escape(shorten(text, LONGEST), quote=False)


def _marked(text: str) -> str:
    return MARKUP.sub(r"\\\1", text)
