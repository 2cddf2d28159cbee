"""The texts of argparse in the reader's language."""

from __future__ import annotations

import argparse

from engine.i18n import _, mark, ngettext

#: What argparse itself says, as it writes it, so that the extraction finds it.
TEXTS = (
    mark("usage: "),
    mark("options"),
    mark("positional arguments"),
    mark("show this help message and exit"),
    mark("show program's version number and exit"),
    mark("argument %(argument_name)s: %(message)s"),
    mark("unrecognized arguments: %s"),
    mark("the following arguments are required: %s"),
    mark("one of the arguments %s is required"),
    mark("not allowed with argument %s"),
    mark("expected one argument"),
    mark("expected at most one argument"),
    mark("expected at least one argument"),
    mark("expected %s argument", "expected %s arguments"),
    mark("ignored explicit argument %r"),
    mark("invalid %(type)s value: %(value)r"),
    mark("invalid choice: %(value)r (choose from %(choices)s)"),
    mark("unknown parser %(parser_name)r (choices: %(choices)s)"),
)


def translate_argparse() -> None:
    """Let argparse speak through our catalogue: its own look-up follows the environment alone, not the settings."""
    vars(argparse).update(_=_, ngettext=ngettext)
