"""The words of the paper account in the reader's language; an unknown one stays as it is."""

from __future__ import annotations

from engine.i18n import _, pgettext


def type_name(kind: str) -> str:
    """A type of order."""
    names = {
        "market": _("market"),
        "limit": _("limit"),
        "stop": pgettext("order", "stop"),
        "stop_limit": _("stop-limit"),
        "bracket": _("bracket"),
    }
    return names.get(kind, kind)


def state_name(state: str) -> str:
    """What has become of an order."""
    names = {
        "waiting": _("waiting"),
        "filled": _("filled"),
        "cancelled": _("cancelled"),
        "expired": _("expired"),
        "refused": _("refused"),
    }
    return names.get(state, state)


def side_name(side: str) -> str:
    """The side of an order or of a position."""
    names = {"long": _("long"), "short": _("short"), "buy": _("buy"), "sell": _("sell")}
    return names.get(side, side)


def result_name(result: str) -> str:
    """What following a signal came to."""
    names = {
        "placed": _("order placed"),
        "refused": _("order refused"),
        "known": _("followed before"),
        "hold": _("nothing to do"),
        "rejected": _("rejected by the model"),
        "stale": _("stale data"),
        "held": _("held already"),
        "nothing to sell": _("nothing to sell"),
    }
    return names.get(result, result)
