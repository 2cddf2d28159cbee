"""config/alerts.toml: which message goes where, quiet hours, limits that are crossed, and what is said about a wrong file."""

from __future__ import annotations

import re
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import SAO_PAULO
from engine.errors import SettingsError
from engine.notifications.messages import anomaly_payload, drawdown_payload, price_payload, signal_payload
from engine.notifications.rules import (
    KINDS,
    Quiet,
    Rule,
    Rules,
    channels_for,
    crossings,
    drawdown_limits,
    load_rules,
    meets,
    quiet_until,
)
from engine.store.outbox import CHANNELS
from tests.notifications.outbox_maker import ANOMALY, SIGNAL

SHIPPED = Path(__file__).parents[2] / "config" / "alerts.toml"
SIGNALLED = signal_payload(SIGNAL)
SEEN = anomaly_payload(ANOMALY)


def rules(folder: Path, text: str) -> Rules:
    path = folder / "alerts.toml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


def at(clock: str, day: int = 30) -> int:
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2025, 6, day, hour, minute, tzinfo=SAO_PAULO).timestamp())


def test_without_a_file_or_a_rule_everything_goes_everywhere(tmp_path: Path) -> None:
    for known in (load_rules(tmp_path / "none.toml"), load_rules(SHIPPED), rules(tmp_path, "[quiet]\n")):
        assert channels_for(known, SIGNALLED) == channels_for(known, SEEN) == CHANNELS
        assert quiet_until(known, SIGNALLED, at("03:00")) is None


def test_the_shipped_sample_switched_on_is_a_sound_file(tmp_path: Path) -> None:
    known = rules(tmp_path, re.sub(r"(?m)^# ?(?=\[|[a-z_]+ *= )", "", SHIPPED.read_text(encoding="utf-8")))
    assert len(known.rules) == 5
    assert known.rules[0].symbols == ("PETR4", "VALE3")
    assert known.quiet == Quiet(time(22), time(7), ("paper",), "high")
    assert channels_for(known, SEEN) == ("telegram",)
    assert channels_for(known, SIGNALLED) == ()
    assert channels_for(known, {**SIGNALLED, "strategy": "trend_following"}) == ("telegram", "discord")


def test_a_message_goes_to_the_channels_of_every_rule_that_it_meets(tmp_path: Path) -> None:
    known = rules(
        tmp_path,
        """
        [[rule]]
        kinds = ["signal"]
        channels = ["email"]
        [[rule]]
        strength = 0.7
        channels = ["telegram", "email"]
        [[rule]]
        symbols = ["vale3"]
        channels = ["discord"]
        """,
    )
    assert channels_for(known, SIGNALLED) == ("telegram", "email")
    assert channels_for(known, {**SIGNALLED, "strength": 0.69}) == ("email",)
    assert channels_for(known, SEEN) == ("discord",)
    assert channels_for(known, {"kind": "summary"}) == ()
    assert channels_for(known, {"kind": "test"}) == CHANNELS


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (Rule(actions=("SELL",)), {"action": "SELL"}, {"action": "BUY"}),
        (Rule(strategies=("macd_crossover",)), {"strategy": "macd_crossover"}, {}),
        (Rule(symbols=("PETR4",)), {}, {"symbol": "PETR3"}),
        (Rule(strength=0.71), {"strength": 0.71}, {"strength": 0.70}),
        (Rule(strength=0.5), {}, {"strength": None}),
        (Rule(severity="medium"), {"severity": "high"}, {"severity": "low"}),
        (Rule(severity="low"), {"severity": "low"}, {}),
        (Rule(price_above=24.0), {"price": 24.01}, {"price": 24.0}),
        (Rule(price_above=24.0), {}, {"price": None}),
        (Rule(price_below=25.0), {"price": 24.99}, {"price": 25.0}),
        (Rule(price_above=20.0, price_below=25.0), {"price": 22.0}, {"price": 26.0}),
        (Rule(drawdown=0.1), {"drawdown": -0.1}, {"drawdown": -0.09}),
        (Rule(drawdown=0.1), {"drawdown": -0.2}, {}),
        (Rule(kinds=("signal",), symbols=("PETR4",), strength=0.7), {}, {"kind": "anomaly"}),
    ],
)
def test_each_condition_is_met_or_not(rule: Rule, yes: dict[str, Any], no: dict[str, Any]) -> None:
    assert meets(rule, {**SIGNALLED, **yes})
    assert not meets(rule, {**SIGNALLED, **no})


def test_a_price_alert_meets_the_rule_whose_limit_was_crossed() -> None:
    above, below = Rule(kinds=("price",), symbols=("PETR4",), price_above=40.0), Rule(kinds=("price",), price_below=30.0)
    known = Rules((above, below))
    assert crossings(known, "PETR4", 39.0, 41.0) == ((40.0, "above"),)
    assert crossings(known, "PETR4", 40.0, 40.01) == ((40.0, "above"),)
    assert crossings(known, "PETR4", 41.0, 42.0) == ()
    assert crossings(known, "PETR4", 40.0, 40.0) == ()
    assert crossings(known, "PETR4", 41.0, 29.0) == ((30.0, "below"),)
    assert crossings(known, "VALE3", 29.0, 41.0) == ()
    assert crossings(Rules(), "PETR4", 1.0, 100.0) == ()
    said = price_payload("PETR4", "2025-06-30", 41.0, 40.0, "above")
    assert meets(above, said)
    assert not meets(below, said)
    assert meets(Rule(), said)


def test_a_drawdown_is_told_at_each_limit_that_it_reaches() -> None:
    known = Rules((Rule(drawdown=0.1), Rule(kinds=("drawdown",), drawdown=0.2), Rule(kinds=("summary",), drawdown=0.05)))
    assert drawdown_limits(known, 0.09) == ()
    assert drawdown_limits(known, 0.1) == (0.1,)
    assert drawdown_limits(known, 0.3) == (0.1, 0.2)
    assert meets(known.rules[0], drawdown_payload("2025-06-30", -0.12, 0.1, 88_000.0))


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (Quiet(time(22), time(7)), at("22:00"), at("07:00", 30) + 86_400),
        (Quiet(time(22), time(7)), at("06:59"), at("07:00")),
        (Quiet(time(22), time(7)), at("07:00"), None),
        (Quiet(time(22), time(7)), at("21:59"), None),
        (Quiet(time(12), time(13)), at("12:30"), at("13:00")),
        (Quiet(time(12), time(13)), at("13:00"), None),
        (Quiet(time(8), time(8)), at("08:00"), None),
    ],
)
def test_quiet_hours_end_on_sao_paulo_s_clock(quiet: Quiet, now: int, until: int | None) -> None:
    assert quiet_until(Rules(quiet=quiet), SIGNALLED, now) == until


def test_what_is_urgent_does_not_wait() -> None:
    night = Rules(quiet=Quiet(time(22), time(7), ("paper",), "high"))
    assert quiet_until(night, SEEN, at("23:00")) is None
    assert quiet_until(night, {**SEEN, "severity": "medium"}, at("23:00")) is not None
    assert quiet_until(night, {"kind": "paper"}, at("23:00")) is None
    assert quiet_until(night, {"kind": "test"}, at("23:00")) is None
    assert quiet_until(Rules(quiet=Quiet(time(22), time(7), severity="")), SEEN, at("23:00")) is not None


@given(st.times(), st.times(), st.integers(at("00:00", 1), at("00:00", 29)))
def test_quiet_hours_end_within_a_day_and_are_over_when_they_end(start: time, end: time, now: int) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    known = Rules(quiet=Quiet(start, end))
    until = quiet_until(known, SIGNALLED, now)
    if until is not None:
        assert now < until <= now + 86_400
        assert quiet_until(known, SIGNALLED, until) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]]\nstrenght = 1", "there is no strenght"),
        ('[[rule]]\nchannels = ["pigeon"]', "channels cannot be pigeon"),
        ('[[rule]]\nchannels = "discord"', "takes a list"),
        ('[[rule]]\nkinds = ["weather"]', "kinds cannot be weather"),
        ('[[rule]]\nactions = ["buy"]', "actions cannot be buy"),
        ('[[rule]]\nseverity = "grave"', "severity cannot be grave"),
        ("[[rule]]\nstrength = true", "takes a number"),
        ("[[rule]]\ndrawdown = -0.1", "takes a number from 0 up"),
        ('[[rule]]\n\n[[rule]]\nkinds = ["price"]', "rule 2: an alert of prices needs"),
        ("[rule]\nstrength = 1", "under [[rule]]"),
        ("quiet = 3", "under [quiet]"),
        ('[quiet]\nfrom = "25:00"', "takes a time"),
        ("[quiet]\nfrom = 22", "takes a time"),
        ('[quiet]\nseverity = "grave"', "severity cannot be grave"),
        ('[silence]\nfrom = "22:00"', "there is no silence"),
        ("[[rule]\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_the_place_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)) as caught:
        rules(tmp_path, text)
    assert "alerts.toml" in caught.value.message


def test_every_kind_of_message_can_be_named_in_a_rule(tmp_path: Path) -> None:
    for kind in KINDS:
        limit = "price_above = 1" if kind == "price" else ""
        assert rules(tmp_path, f'[[rule]]\nkinds = ["{kind}"]\n{limit}').rules[0].kinds == (kind,)
