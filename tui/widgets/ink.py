"""Styles by name and texts cut to a width: what every widget on the line API draws with.

The style names are `""`, `up`, `down`, `flat`, `dim`, `warn`, `accent` and `bold`; the colours come from the variables of
the theme in force.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Span, Text
from textual.color import Color, ColorParseError
from textual.widget import Widget

#: Each coloured style and the variable of Textual's own themes that stands in where a theme does not name it.
COLOURED: Mapping[str, str] = {
    "up": "success",
    "down": "error",
    "flat": "foreground",
    "dim": "foreground-muted",
    "warn": "warning",
    "accent": "primary",
}
_VARIATION = "\ufe0e\ufe0f"

PaletteKey = tuple[object, ...]


def palette_key(widget: Widget) -> PaletteKey:
    """What the styles of a widget depend on: its own style and the colours of the theme. Cheap; compare with `==`."""
    variables = widget.app.theme_variables
    return (widget.visual_style.rich_style, *map(variables.get, COLOURED), *map(variables.get, COLOURED.values()))


def palette(widget: Widget) -> dict[str, Style]:
    """The full Rich style (foreground on the widget's background) of each style name."""
    base = widget.visual_style.rich_style
    variables = widget.app.theme_variables
    styles = {"": base, "bold": base + Style(bold=True)}
    for name, other in COLOURED.items():
        try:
            color = Color.parse(variables.get(name, variables.get(other, "")))
        except ColorParseError:
            styles[name] = base + Style(dim=name == "dim")
            continue
        under = Color.from_rich_color(base.bgcolor)
        styles[name] = base + Style(color=(under + color if color.a < 1 else color).rich_color)
    return styles


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """`text` as one line that no terminal acts on: controls and odd spaces become spaces, invisible format characters go.

    Joiners and variation selectors go too, because terminals disagree about the width of what they build; then the width of
    a text is the sum of the widths of its characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_clean_character, text))


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" or character in _VARIATION else character


@lru_cache(maxsize=8192)
def fit(text: str, width: int, right: bool = False) -> str:
    """`text` in exactly `width` terminal cells: padded, or cut with an ellipsis. Wide and combining characters count as shown."""
    if width <= 0:
        return ""
    text = clean(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    pad = " " * (width - length)
    return pad + text if right else text + pad


def fit_rich(text: Text, width: int, styles: Mapping[str, Style], *, right: bool = False) -> Text:
    """A Rich text as `fit` makes plain ones; its own styles may be names of `styles`."""

    def style_of(style: str | Style) -> str | Style:
        return styles.get(style, style) if isinstance(style, str) else style

    plain = clean(text.plain)
    spans = [Span(span.start, span.end, style_of(span.style)) for span in text.spans] if plain == text.plain else []
    drawn = Text(plain, style=style_of(text.style), spans=spans, no_wrap=True, end="")
    drawn.truncate(width, overflow="ellipsis")
    pad = " " * (width - drawn.cell_len)
    return Text.assemble(pad, drawn, end="") if right else Text.assemble(drawn, pad, end="")


def centred(text: str, width: int, height: int) -> list[str]:
    """`text` in the middle of `height` lines of `width` cells; long lines are wrapped, what has no room below is left out."""
    lines = [part for line in text.splitlines() for part in (wrap(clean(line), max(width - 2, 1)) or [""])]
    padded = [""] * max((height - len(lines)) // 2, 0) + lines
    padded += [""] * (height - len(padded))
    return [fit(" " * max((width - cell_len(line)) // 2, 0) + line, width) for line in padded[:height]]
