"""The strategies, built in and of the user, and the one that suits a symbol's regime."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.errors import PregaoError, UsageError
from engine.i18n import _
from tui.commands.common import add, add_timeframe, desk_of, is_json, symbols, timeframe
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from pathlib import Path


def add_commands(commands: Any, common: Any) -> None:
    summary = _("the regime of a symbol and the strategy that suits it, with the evidence")
    parser = add(commands, common, "regime", summary, "pregao regime PETR4 --timeframe 60m")
    parser.add_argument("symbol", metavar="SYMBOL")
    add_timeframe(parser)
    parser.set_defaults(run=run_regime)

    summary = _("the strategies and their parameters, or a new one of yours")
    parser = add(commands, common, "strategies", summary, "pregao strategies new my_idea")
    parser.add_argument("action", choices=("list", "new"), metavar="{list,new}")
    parser.add_argument("name", nargs="?", metavar="NAME", help=_("with new: the name of the strategy and of its file"))
    parser.set_defaults(run=run_strategies)


def run_regime(arguments: argparse.Namespace) -> int:
    named, chosen = symbols([arguments.symbol]), timeframe(arguments.timeframe)
    if len(named) != 1:
        raise UsageError(_("The regime is that of one symbol"))
    with desk_of(arguments) as desk:
        from engine.domain import iso
        from engine.signals import current_regime

        found = current_regime(desk.store, desk.settings, named[0], timeframe=chosen)
        if is_json(arguments):
            shown = {"symbol": named[0], "timeframe": chosen, "regime": str(found.regime), "since": iso(found.since)}
            print_json(shown | {"strategy": found.strategy, "evidence": found.evidence(), "demo": desk.workspace.demo})
            return 0
        from tui.format import instant

        demo_banner(desk.workspace.demo)
        line = _("{symbol} {timeframe}: {regime} since {since}; strategy {strategy}").format(
            symbol=named[0], timeframe=chosen, regime=found.regime.words, since=instant(iso(found.since)), strategy=found.strategy
        )
        for text in (line, *(f"  {reason}" for reason in found.reasons)):
            console().print(text, markup=False, highlight=False, soft_wrap=True)
        return 0


def run_strategies(arguments: argparse.Namespace) -> int:
    from tui.cli import find

    folder = find(arguments).strategies
    if arguments.action == "new":
        return _create(folder, arguments.name, as_json=is_json(arguments))
    if arguments.name is not None:
        raise UsageError(_("list takes no name"), _("Did you mean `pregao strategies new {name}`?").format(name=arguments.name))
    listed = _listed(folder)
    if is_json(arguments):
        print_json({"strategies": listed})
        return 0
    from tui.reports.signals import strategies_table

    console().print(strategies_table(listed))
    for item in listed:
        if item["error"]:
            narrate(item["error"]["message"])
    return 0


def _create(folder: Path, name: str | None, *, as_json: bool) -> int:
    from engine import strategies

    if name is None:
        raise UsageError(_("Name the new strategy, as in `pregao strategies new my_idea`"))
    path = strategies.create(folder, name)
    if as_json:
        print_json({"name": name, "file": str(path)})
        return 0
    narrate(_("{path} was written: it works, change it.").format(path=path))
    narrate(_("Prove it with `pregao lookahead --strategy {name}`, then trade it with --strategy {name}.").format(name=name))
    return 0


def _listed(folder: Path) -> list[dict[str, Any]]:
    """Every strategy; one of the user's whose file cannot be used has no parameters and an error."""
    from engine import strategies
    from engine.strategies import user

    own = user.files(folder)
    listed: list[dict[str, Any]] = []
    for name in strategies.names(folder):
        item: dict[str, Any] = {"name": name, "file": str(own[name]) if name in own else None, "params": [], "error": None}
        try:
            ranges = strategies.strategy_class(name, folder).ranges()
        except PregaoError as error:
            listed.append(item | {"error": error.as_dict()})
            continue
        params = [
            {"name": param, "default": default, "low": low, "high": high, "help": text}
            for param, (default, low, high, text) in ranges.items()
        ]
        listed.append(item | {"params": params})
    return listed
