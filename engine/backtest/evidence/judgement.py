"""Whether a result can be told from luck, in one label and the reasons for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.backtest.evidence.sharpe import expected_best_sharpe, probabilistic_sharpe
from engine.backtest.metrics import CONFIDENCE, mean_interval
from engine.domain import Verdict
from engine.errors import UsageError
from engine.i18n import _, language, mark, ngettext
from engine.strategies.base import decimal

if TYPE_CHECKING:
    from engine.domain import FloatArray

MIN_TRADES = 30
#: Returns that differ by less are the same but for rounding.
SAME = 1e-9
INSUFFICIENT = mark("insufficient evidence")
LUCK = mark("not distinguishable from luck")
SKILL = mark("distinguishable from luck")
#: Of a strategy of the user that was proved to see it, whatever it made.
FORESEEN = mark("sees the future")


def verdict(
    excess: FloatArray,
    periods: float,
    trades: int,
    total_return: float,
    hold_return: float,
    *,
    trials: int = 1,
    over_cdi: bool = False,
    cdi_return: float | None = None,
    trial_variance: float = math.nan,
) -> Verdict:
    """What a backtest is worth as evidence.

    Below 30 closed trades "insufficient evidence". Else "distinguishable from luck" when two tests are passed, else "not ...":
    the interval of the mean excess return lies above 0, its error level divided by the trials (Bonferroni: sound however
    the trials depend on each other, and the interval however the returns do), and the deflated Sharpe ratio, which asks for
    more than the best of so many trials would show by luck and allows for skewness and fat tails, is at least CONFIDENCE. It
    needs the Sharpe ratios of the trials; where they are not known the interval alone decides, which the reasons say. Of one
    trial, the deflated Sharpe ratio is the probabilistic one. Labels are keys and stay in English.

    excess: float64, length n, return of each bar over cash (over 0 where no CDI is known: over_cdi False). periods: bars
    per year. trades: closed ones. trials: parameter sets tried until this one was chosen. trial_variance: of their Sharpe
    ratios per bar, NaN where not known. hold_return: NaN where buying and holding bought nothing. cdi_return: what cash at the CDI made in the same time, to be compared with, or None.
    Raises UsageError when trials is less than 1.
    """
    if trials < 1:
        raise UsageError(_("The number of trials must be at least 1, not {trials}").format(trials=trials))
    confidence = 1 - (1 - CONFIDENCE) / trials
    low, high = mean_interval(excess, confidence)
    reasons = []
    if trades < MIN_TRADES:
        reasons.append(
            ngettext(
                "{count} closed trade; at least {least} are needed.",
                "{count} closed trades; at least {least} are needed.",
                trades,
            ).format(count=trades, least=MIN_TRADES)
        )
    if math.isnan(low):
        reasons.append(_("The mean return has no interval: there are too few returns, or they do not vary."))
    else:
        text = (
            _("The mean return over the CDI is between {low} and {high} a year ({confidence} confidence).")
            if over_cdi
            else _("The mean return is between {low} and {high} a year ({confidence} confidence).")
        )
        reasons.append(
            text.format(
                low=percent(low * periods), high=percent(high * periods), confidence=percent(confidence, 1 if trials > 1 else 0)
            )
        )
    if trials > 1:
        reasons.append(_("The level allows for {trials} parameter sets tried (Bonferroni).").format(trials=trials))
    hurdle = expected_best_sharpe(trials, trial_variance)
    sure = probabilistic_sharpe(excess, hurdle)
    if not math.isnan(sure):
        reasons.append(_about_sharpe(sure, trials, hurdle * math.sqrt(periods)))
    elif math.isnan(hurdle):
        reasons.append(_("The Sharpe ratios of the other trials are not known, so that the interval alone decides."))
    figures = {"own": percent(total_return), "hold": "" if math.isnan(hold_return) else percent(hold_return)}
    if math.isnan(hold_return):
        reasons.append(
            _("It made {own}; buying and holding is no measure, for the capital does not pay one lot.").format(**figures)
        )
    elif total_return > hold_return:
        reasons.append(_("It made {own}, more than the {hold} of buying and holding.").format(**figures))
    else:
        reasons.append(_("It made {own}, not more than the {hold} of buying and holding.").format(**figures))
    if cdi_return is not None:
        if math.isclose(cdi_return, total_return, abs_tol=SAME):
            text = _("Cash at the CDI made {cdi}, the same.")
        else:
            text = _("Cash at the CDI made {cdi}, more.") if cdi_return > total_return else _("Cash at the CDI made {cdi}, less.")
        reasons.append(text.format(cdi=percent(cdi_return)))
    if trades < MIN_TRADES:
        label = INSUFFICIENT
    else:
        label = LUCK if not low > 0 or sure < CONFIDENCE else SKILL
        if high < 0:
            reasons.append(_("It loses more than chance explains."))
    return Verdict(label, tuple(reasons))


def _about_sharpe(sure: float, trials: int, hurdle: float) -> str:
    level = percent(CONFIDENCE, 0)
    if trials == 1:
        text = _("Its Sharpe ratio is above 0 with {sure} confidence; {level} is needed (probabilistic Sharpe ratio).")
        return text.format(sure=percent(sure), level=level)
    text = _(
        "Its Sharpe ratio is above {hurdle} a year, the best to expect of {trials} trials without skill, with {sure} confidence;"
        " {level} is needed (deflated Sharpe ratio)."
    )
    return text.format(sure=percent(sure), level=level, trials=trials, hurdle=decimal(hurdle))


def percent(value: float, digits: int = 1) -> str:
    """A fraction as a percentage in the form of the language in force."""
    from babel.numbers import format_percent

    return str(format_percent(value, format="#,##0." + "0" * digits + "%" if digits else "#,##0%", locale=language()))
