"""The features of a symbol on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.output import console, demo_banner, narrate, print_json


def add_commands(commands: Any, common: Any) -> None:
    summary = _("what models learn from: the features of a symbol, shown or written to a file")
    parser = add(commands, common, "features", summary, "pregao features PETR4 --groups momentum,volume --out petr4.csv")
    parser.add_argument("symbol", metavar="SYMBOL")
    groups = "momentum, volatility, trend, volume, pattern, position, regime, calendar"
    parser.add_argument("--groups", metavar="A,B,...", help=_("only these groups of {groups}").format(groups=groups))
    parser.add_argument("--names", metavar="A,B,...", help=_("only these features, or these besides the groups"))
    add_timeframe(parser)
    add_period(parser)
    parser.add_argument("--out", metavar="FILE", help=_("write every bar to a file that ends in .csv, .parquet or .json"))
    parser.add_argument("--force", action="store_true", help=_("with --out: replace a file that exists"))
    parser.set_defaults(run=run_features)


def run_features(arguments: argparse.Namespace) -> int:
    from engine.features.catalogue import select
    from engine.features.table import check_file, read_table, write_table

    named, chosen, (start, end) = symbols([arguments.symbol]), timeframe(arguments.timeframe), period(arguments)
    if len(named) != 1:
        raise UsageError(_("The features are those of one symbol"))
    features = select(_words(arguments.groups), _words(arguments.names))
    file = None if arguments.out is None else Path(arguments.out)
    if file is not None:
        check_file(file, force=arguments.force)
    elif arguments.force:
        raise UsageError(_("--force goes with --out"))
    with desk_of(arguments) as desk:
        table = read_table(desk.store, named[0], features, timeframe=chosen, start=start, end=end)
        if file is not None:
            write_table(table, file, force=arguments.force)
        if is_json(arguments):
            print_json(table.as_dict() | {"file": None if file is None else str(file), "demo": desk.workspace.demo})
            return 0
        from tui.reports.features import features_report

        demo_banner(desk.workspace.demo)
        console().print(features_report(table.as_dict()))
        if file is not None:
            narrate(_("{path} was written.").format(path=file))
        return 0


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
