"""Anomalies of symbols: found, listed and acknowledged."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, period, symbols, timeframe
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from engine.desk import Desk


def add_commands(commands: Any, common: Any) -> None:
    summary = _("bars that are unlike those before them: why, what explains them, what followed earlier ones")
    parser = add(commands, common, "anomalies", summary, "pregao anomalies PETR4 VALE3 --lookback 250 --severity medium")
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL")
    parser.add_argument(
        "--lookback", type=int, metavar="BARS", help=_("newest bars to look at (default: the one in the settings)")
    )
    add_period(parser)
    parser.add_argument("--severity", metavar="S", help=_("only from this on: low, medium or high"))
    parser.add_argument("--kind", metavar="KIND", help=_("only of this kind, for example jump or volume_burst"))
    parser.add_argument("--ack", action="append", default=[], metavar="ID", help=_("mark an anomaly as seen; may be given again"))
    add_timeframe(parser)
    parser.set_defaults(run=run_anomalies)


def run_anomalies(arguments: argparse.Namespace) -> int:
    from engine.ml.anomalies import KINDS, SEVERITIES

    wanted = symbols(arguments.symbols)
    if not wanted and not arguments.ack:
        raise UsageError(_("Name at least one symbol, or an anomaly with --ack"))
    for option, value, accepted in (("--severity", arguments.severity, SEVERITIES), ("--kind", arguments.kind, KINDS)):
        if value is not None and value not in accepted:
            raise UsageError(
                _("{option} cannot be {value}").format(option=option, value=value),
                _("Accepted: {list}.").format(list=", ".join(accepted)),
            )
    if arguments.lookback is not None and not 1 <= arguments.lookback <= 100_000:
        raise UsageError(_("--lookback takes a number from 1 to 100000"))
    if arguments.from_ and arguments.lookback is not None:
        raise UsageError(_("--from and --lookback both say how far back to look"), _("Give one of them."))
    timeframe(arguments.timeframe)
    start, end = period(arguments)
    with desk_of(arguments) as desk:
        seen = _acknowledge(desk, arguments.ack, quiet=is_json(arguments))
        found = [_of_symbol(desk, symbol, arguments, start, end) for symbol in wanted]
        if is_json(arguments):
            whole = {**found[0]} if len(found) == 1 else {"results": found} if found else {}
            print_json({**whole, **({"acknowledged": seen} if arguments.ack else {}), "demo": desk.workspace.demo})
        elif found:
            from tui.reports.anomalies import anomalies_report

            demo_banner(desk.workspace.demo)
            listed = [item for one in found for item in one["anomalies"]]
            nothing = (
                _("Nothing unusual on these days.")
                if arguments.from_ or arguments.to
                else _("Nothing unusual among the newest bars.")
            )
            console().print(anomalies_report(listed, nothing))
    return 0


def _acknowledge(desk: Desk, names: list[str], *, quiet: bool) -> list[str]:
    from engine.store.anomalies import acknowledge

    if not names:
        return []
    changed = acknowledge(desk.store, names, desk.now())
    narrate(_("Marked as seen: {ids}").format(ids=", ".join(changed) or _("nothing new")), quiet=quiet)
    return changed


def _of_symbol(desk: Desk, symbol: str, arguments: argparse.Namespace, start: int | None, end: int | None) -> dict[str, Any]:
    """The anomalies of one symbol in their JSON form, those asked for. start, end: UTC seconds, both included."""
    from engine.ml.anomalies import SEVERITIES
    from engine.ml.anomaly_watch import scan_stored
    from engine.store.anomalies import with_state
    from engine.store.bars import read_bars

    lookback = arguments.lookback
    if start is not None:
        lookback = max(int((read_bars(desk.store, symbol, arguments.timeframe).time >= start).sum()), 1)
    (scan,) = scan_stored(
        desk.store,
        [symbol],
        desk.settings.anomalies,
        now=desk.now(),
        timeframe=arguments.timeframe,
        lookback=lookback,
    )
    least = SEVERITIES.index(arguments.severity or SEVERITIES[0])
    kept = [
        item.as_dict()
        for item in scan.found
        if SEVERITIES.index(item.severity) >= least
        and arguments.kind in (None, item.kind)
        and (start is None or item.time >= start)
        and (end is None or item.time <= end)
    ]
    return {"symbol": symbol, "timeframe": arguments.timeframe, "anomalies": with_state(desk.store, kept)}
