"""Training models on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from engine.domain import jsonable
from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, add_period, add_timeframe, desk_of, is_json, parse_number, period, symbols, timeframe
from tui.output import console, demo_banner, narrate, print_json, progress_bar

SIGNALS = "signals"


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        commands,
        common,
        "train",
        _("train a model and say, on data it did not see, what it is worth"),
        "pregao train signals PETR4 VALE3 --pooled --model xgboost",
    )
    parser.add_argument("what", choices=(SIGNALS,), help=_("signals: a classifier of BUY, HOLD and SELL"))
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
    parser.add_argument(
        "--model", choices=("random_forest", "xgboost"), default="random_forest", help=_("the family (default random_forest)")
    )
    parser.add_argument("--pooled", action="store_true", help=_("one model of all the symbols instead of one each"))
    parser.add_argument(
        "--label",
        choices=("fixed", "scaled", "triple_barrier"),
        default="fixed",
        help=_("what is to be foretold (default fixed)"),
    )
    parser.add_argument(
        "--label-param", action="append", default=[], metavar="K=V", help=_("a parameter of the label, as horizon=5 or up=0.03")
    )
    parser.add_argument("--groups", metavar="A,B,...", help=_("only features of these groups"))
    parser.add_argument("--features", metavar="A,B,...", help=_("only these features, or these besides the groups"))
    parser.add_argument("--select", type=int, metavar="N", help=_("keep the N most informative features (default 20)"))
    parser.add_argument(
        "--balance", action="store_true", help=_("let every class count the same while learning, however rare it is")
    )
    parser.add_argument("--folds", type=int, metavar="N", help=_("steps of the walk-forward (default 5)"))
    parser.add_argument(
        "--trials", type=int, metavar="N", help=_("search for parameters inside each fold with N trials (default 0: no search)")
    )
    parser.add_argument("--seed", type=int, metavar="N", help=_("of everything that is drawn (default 42)"))
    parser.add_argument(
        "--strategy",
        default="",
        metavar="NAME",
        help=_("the strategy to filter with the model (default: the one in the settings)"),
    )
    parser.add_argument("--name", default="", metavar="TEXT", help=_("a note on the model"))
    add_timeframe(parser)
    add_period(parser)
    parser.set_defaults(run=run_train)


def run_train(arguments: argparse.Namespace) -> int:
    """`pregao train signals`: the work of a job of the kind "train", in this process."""
    from engine.jobs.kinds import train_job

    period(arguments)
    params = {
        "symbols": list(symbols(arguments.symbols)),
        "timeframe": timeframe(arguments.timeframe),
        "from": arguments.from_,
        "to": arguments.to,
        "label_params": _label_params(arguments.label_param),
        "features": _words(arguments.features, "--features"),
        "groups": _words(arguments.groups, "--groups"),
        **{key: getattr(arguments, key) for key in ("model", "label", "strategy", "name")},
        **{key: getattr(arguments, key) for key in ("select", "balance", "folds", "trials", "seed", "pooled")},
    }
    quiet = is_json(arguments)

    def told(kind: str, payload: dict[str, Any]) -> None:
        from tui.reports.training import event_line

        narrate(event_line(kind, payload), quiet=quiet)

    with desk_of(arguments) as desk:
        with progress_bar(_("Training"), quiet=quiet) as progress:
            found = jsonable(train_job(desk, params, progress, told))
        if quiet:
            single = arguments.pooled or len(params["symbols"]) == 1
            print_json({**found["trainings"][0], "demo": found["demo"]} if single else found)
            return 0
        from tui.reports.training import training_report

        demo_banner(found["demo"])
        for report in found["trainings"]:
            console().print(training_report(report))
        return 0


def _words(text: str | None, option: str) -> list[str] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(_("{option} names nothing").format(option=option))
    return words


def _label_params(texts: list[str]) -> dict[str, float]:
    """`horizon=5` as a whole number, `up=0.03` as a fraction."""
    found: dict[str, float] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(_("--label-param {text} is not NAME=VALUE").format(text=text))
        number = parse_number(value.strip(), "--label-param")
        whole = value.strip().lstrip("+-").isdigit()
        found[name.strip()] = int(number) if whole else number
    return found
