"""The two themes. What means something (gain, loss, warning) is a variable, told by a glyph and a sign as well."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="pregao-dark",
    primary="#4c9be8",
    secondary="#8aa4c8",
    accent="#e0a33e",
    foreground="#d8dee6",
    background="#10141a",
    surface="#161c24",
    panel="#1d2530",
    success="#3fb27f",
    warning="#e0a33e",
    error="#e5606c",
    dark=True,
    variables={"up": "#3fb27f", "down": "#e5606c", "flat": "#8b97a6", "dim": "#8b97a6", "warn": "#e0a33e"},
)
LIGHT = Theme(
    name="pregao-light",
    primary="#1f5fa8",
    secondary="#51688a",
    accent="#8a5a00",
    foreground="#1b2430",
    background="#f6f7f9",
    surface="#ffffff",
    panel="#e6eaf0",
    success="#0f7a4c",
    warning="#8a5a00",
    error="#b3202f",
    dark=False,
    variables={"up": "#0f7a4c", "down": "#b3202f", "flat": "#5b6776", "dim": "#5b6776", "warn": "#8a5a00"},
)
THEMES = (DARK, LIGHT)
