"""Chapter 2 of the written analysis: what each column is for, how it behaves over time, and what it does to the accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.i18n import _, ngettext
from engine.ml.direction import exploration, influence, plots
from engine.ml.direction.openings import opening_words, repeated_share
from engine.ml.direction.words import column_words, group, number_words, points_words, purpose, share_words
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.ml.direction.analysis import Plan, Split, Trialled
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.document import Document
    from engine.ml.direction.influence import Walk, Worth

#: Columns after the close that are shown; all are tried, and their number is told.
SHOWN = 15
#: A mean that moved by more than this many standard deviations has drifted.
DRIFTED = 1.0


def chapter(document: Document, data: IndexData, parts: Split, plans: Sequence[Plan], tried: Sequence[Trialled]) -> None:
    """Write the chapter. plans: the requirement's columns with the tree and the ensemble, then those after the close."""
    tree, ensemble, usual = plans[:3]
    document.heading(_("2. The columns: what for, how they behave over time, and what they do to the accuracy"))
    document.text(
        _("Each column is judged on the sessions before the held-out ones. The area under the ROC curve (AUC) is the chance that a session"
          " that rose had the higher value: 0.5 is nothing, and |z| above 2 comes by itself in one column of twenty.")
    )  # fmt: skip
    seed = influence.worth(data, parts, tree.features, tree.X)
    document.subheading(_("The requirement's columns: what for"))
    _worth_table(document, seed)
    document.text(
        _("Prices, their means and volume in points say where the index stands, not where it goes: a tree that splits on a level of the"
          " past meets levels it has never seen as soon as the index makes a new high. The return and its lags are the memory, and the"
          " table says what that memory is worth.")
    )  # fmt: skip
    if repeated_share(data) > 0.5:
        document.text(_("Of the column \"open\": {caveat}").format(caveat=opening_words(data)))  # fmt: skip
    _over_time(document, seed)
    held = exploration.completeness(data)
    if held["in_shares"] and held["in_money"]:
        document.text(
            _(
                "The volume as printed is in shares on {shares} sessions and in R$ on {money}: what moved there is the unit."
            ).format(shares=held["in_shares"], money=held["in_money"])
        )
    for plan in (tree, ensemble):
        _influence(document, data, parts, plan, _walk_of(tried, plan), each=plan is tree)
    others = sorted(
        influence.worth(data, parts, usual.features, usual.X), key=lambda item: -abs(item.z) if item.z == item.z else 0.0
    )
    shown = others[:SHOWN]
    document.subheading(
        _("The columns after the close: the {shown} strongest of {count}").format(shown=len(shown), count=len(others))
    )
    _worth_table(document, shown)
    unusual = sum(abs(item.z) > exploration.UNUSUAL for item in others)
    said = ngettext(
        "{found} of {count} columns has |z| above 2; {expected} would by chance alone.",
        "{found} of {count} columns have |z| above 2; {expected} would by chance alone.",
        unusual,
    )
    document.text(said.format(found=unusual, count=len(others), expected=decimal(0.05 * len(others), 1)))
    _over_time(document, shown)
    _influence(document, data, parts, usual, _walk_of(tried, usual), each=False, most=[item.name for item in shown])


def _walk_of(tried: Sequence[Trialled], plan: Plan) -> Walk | None:
    return next((item.before for item in tried if (item.kind, item.features, item.time) == (plan.kind, plan.features, plan.time.text)), None)  # fmt: skip


def _worth_table(document: Document, found: Sequence[Worth]) -> None:
    document.table(
        (_("Column"), _("What for"), _("Sessions"), _("AUC"), _("z")),
        [
            (column_words(item.name), purpose(item.name), str(item.rows), number_words(item.auc), number_words(item.z, 1))
            for item in found
        ],
    )


def _over_time(document: Document, found: Sequence[Worth]) -> None:
    """The stability of each column and its drift."""
    document.subheading(_("How they behave over time"))
    document.text(
        _("Each third of the time by itself: a column that tells something keeps its AUC on one side of 0.5. Drift is how far the mean moved"
          " from the first third to the last, in standard deviations of the first. The last column is the share of the held-out sessions"
          " with a value beyond every value that was learnt: there a tree can only repeat its outermost leaf.")
    )  # fmt: skip
    document.table(
        (_("Column"), _("AUC, first third"), _("second"), _("last"), _("Drift"), _("Held out beyond what was learnt")),
        [
            (
                column_words(item.name), *(number_words(value) for value in item.periods), number_words(item.drift, 1),
                share_words(item.outside),
            )
            for item in found
        ],
    )  # fmt: skip
    turned = [item for item in found if min(item.periods) < 0.5 < max(item.periods)]
    drifted = [item for item in found if abs(item.drift) > DRIFTED]
    document.text(
        _("{turned} of {count} columns change the side of 0.5 from one third to another, and {drifted} drifted by more than one standard"
          " deviation{names}.").format(
            turned=len(turned), drifted=len(drifted), count=len(found),
            names=": " + "; ".join(column_words(item.name) for item in drifted) if drifted else "",
        )
    )  # fmt: skip


def _influence(
    document: Document,
    data: IndexData,
    parts: Split,
    plan: Plan,
    whole: Walk | None,
    *,
    each: bool,
    most: Sequence[str] | None = None,
) -> None:
    """Accuracy without a column (each) or a group of columns, learnt anew, and with it shuffled, on out-of-sample sessions."""
    document.subheading(_("What they do to the accuracy: {model}").format(model=plan.name))
    if whole is None:
        document.text(_("Too few sessions for a walk through the time before the held-out ones: this cannot be said here."))
        return
    accuracy = float(whole.hits.mean())
    document.text(
        _(
            "Walked through the time before the held-out sessions, {count} sessions out of sample, it is right on {accuracy}."
        ).format(count=whole.rows.size, accuracy=percent(accuracy))
    )
    if each:
        document.text(
            _("\"Without\" is the accuracy when the columns are left out and everything is learnt anew; \"shuffled\" when their values are put"
              " in a random order and the models stay. A column helps where its gain is surely above nothing.")
        )  # fmt: skip
    groups: dict[str, list[str]] = {}
    for name in plan.features:
        groups.setdefault(column_words(name) if each else group(name), []).append(name)
    removed = influence.without(data, parts, plan.time, plan.kind, plan.features, plan.X, groups, whole)
    mixed = influence.shuffled(plan.features, plan.X, whole)
    shuffled = {column_words(name): mixed[name] for name in most or plan.features}
    if each:
        _gains_table(document, accuracy, _("Column"), [(name, removed.get(name), shuffled[name]) for name in shuffled])
    else:
        listed = [(f"{name} ({len(groups[name])})", found, None) for name, found in removed.items()]
        _gains_table(document, accuracy, _("Columns for (how many)"), listed)
        _gains_table(document, accuracy, _("Column"), [(name, None, found) for name, found in shuffled.items()])
    title = _("Gain of accuracy by each column against the same shuffled, in points, with 95 % intervals: {model}").format(
        model=plan.name
    )
    gains, intervals = ([item[key] for item in shuffled.values()] for key in ("difference", "interval"))
    document.plot(title, plots.gains(list(shuffled), gains, intervals, title))
    judged = [*shuffled.items(), *removed.items()]
    surely = list(dict.fromkeys(name for name, item in judged if item["interval"][0] > 0))
    document.text(
        _("Surely above nothing: {names}. Of {count} that were tried, {expected} would be by chance alone.").format(
            names="; ".join(surely), count=len(judged), expected=decimal(0.025 * len(judged), 1)
        )
        if surely
        else _("None of them is surely above nothing: on these sessions no column adds to the accuracy beyond chance.")
    )


def _gains_table(
    document: Document, accuracy: float, head: str, rows: Sequence[tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]]
) -> None:
    """One line a column or group; the two columns of a way that was not gone are left out."""
    ways = [(place, name) for place, name in ((1, _("without")), (2, _("shuffled"))) if any(row[place] for row in rows)]
    if not ways:
        return
    heads = [head]
    for _place, name in ways:
        heads += [_("Accuracy {way}").format(way=name), _("Gain in points (95 %)")]
    drawn = []
    for row in rows:
        cells = [row[0]]
        for place, _name in ways:
            found = row[place]
            cells += ["-", "-"] if not isinstance(found, Mapping) else [percent(accuracy - found["difference"]), _gain(found)]
        drawn.append(cells)
    document.table(heads, drawn)


def _gain(found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    return _("{gain} ({low} to {high})").format(
        gain=points_words(found["difference"]), low=points_words(low), high=points_words(high)
    )
