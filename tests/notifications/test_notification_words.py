"""What messages say, and that every form stays within the limits of its channel whatever the payload holds."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.i18n import set_language
from engine.notifications.forms import TELEGRAM_TEXT, embed_length, length, shorten
from engine.notifications.messages import (
    anomaly_payload,
    check_payload,
    direction_payload,
    drawdown_payload,
    price_payload,
    render,
    signal_payload,
    subject,
    summary_payload,
)
from tests.notifications.outbox_maker import ANOMALY, SIGNAL
from tests.notifications.webhook_server import objection

DIRECTION: dict[str, Any] = {
    "symbol": "IBOV",
    "session": "2025-06-30",
    "target_session": "2025-07-01",
    "decision_time": "close",
    "signal": 1,
    "probability": 0.58,
    "baseline": 0.52,
    "model": "direction-close-1",
    "reasons": ["the best of 4 models without skill reaches it in 12 % of cases"],
    "gate": {"verdict": "not met", "hits": 19},
}
REPORT: dict[str, Any] = {
    "run_id": "2025-06-30-close",
    "session": "2025-06-30",
    "status": "done",
    "demo": False,
    "steps": [{"name": "import", "status": "partial", "seconds": 0.1, "detail": {}}],
    "signals": [SIGNAL, {**SIGNAL, "symbol": "VALE3", "action": "SELL"}, {**SIGNAL, "symbol": "ITUB4", "action": "HOLD"}],
    "anomalies": [ANOMALY],
}
DAY = {
    "session": "2025-06-30",
    "pnl": -150.5,
    "return": -0.0015,
    "trades": 3,
    "win_rate": 1 / 3,
    "equity": 99_849.5,
    "drawdown": -0.02,
}
PAYLOADS = {
    "signal": signal_payload(SIGNAL),
    "corrected": signal_payload(SIGNAL, corrects="SELL"),
    "withdrawn": signal_payload({**SIGNAL, "action": "HOLD"}, corrects="BUY"),
    "anomaly": anomaly_payload(ANOMALY),
    "direction": direction_payload(DIRECTION),
    "summary": summary_payload(REPORT, DAY),
    "price": price_payload("PETR4", "2025-06-30", 41.0, 40.0, "above"),
    "drawdown": drawdown_payload("2025-06-30", -0.12, 0.1, 88_000.0),
    "test": check_payload("2025-06-30T16:00:00-03:00"),
    "paper": {"kind": "paper", "demo": False, "title": "Order filled", "symbol": "PETR4", "quantity": 100, "price": 24.05},
}


class Tags(HTMLParser):
    """The tags of Telegram's HTML; every one must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_signal_says_what_the_requirements_ask_for() -> None:
    text = render(PAYLOADS["signal"], "telegram", "12")
    for words in ("<b>NEW TRADING SIGNAL</b>", "📊 Symbol: PETR4", "📈 Action: BUY", "💪 Strength: 0.71", "💰 Price: R$ 24.05",
                  "🛑 Stop loss: R$ 22.10", "🎯 Take profit: R$ 27.90", "📅 Bar of: 2025-06-30", "#12"):  # fmt: skip
        assert words in text
    embed = render(PAYLOADS["signal"], "discord", "12")
    assert embed["color"] == 0x00FF00
    assert [field["value"] for field in embed["fields"][:6]] == ["PETR4", "BUY", "0.71", "R$ 24.05", "R$ 22.10", "R$ 27.90"]
    assert embed["footer"]["text"] == "Pregão #12"
    assert render(signal_payload({**SIGNAL, "action": "SELL"}), "discord")["color"] == 0xFF0000


def test_an_index_is_in_points() -> None:
    text = render(signal_payload({**SIGNAL, "symbol": "IBOV", "price": 135_000.0}), "plain")
    assert "Price: 135,000.00" in text
    assert "R$" not in text


def test_a_level_that_is_not_there_is_left_out() -> None:
    assert "Take profit" not in render(signal_payload({**SIGNAL, "take_profit": None}), "plain")


def test_late_data_are_said_to_correct_or_withdraw_a_signal() -> None:
    assert "Corrected trading signal" in render(PAYLOADS["corrected"], "plain")
    withdrawn = render(PAYLOADS["withdrawn"], "plain")
    assert withdrawn.startswith("Signal withdrawn\nLate or corrected data: rsi_divergence no longer says BUY for PETR4.")


def test_what_a_model_said_goes_with_the_signal() -> None:
    judged = {"model": "m1", "state": "rejected", "reason": "BUY at 31 %, threshold 55 %"}
    assert "Model: m1: does not confirm. BUY at 31 %" in render(signal_payload({**SIGNAL, "filter": judged}), "plain")


def test_a_fill_is_in_words_and_its_subject_names_the_symbol() -> None:
    facts = {"symbol": "PETR4", "side": 1, "quantity": 600, "price": 31.23, "reason": "entry"}
    fill = {"kind": "paper", "demo": False, "tone": "neutral", **facts}
    said = {**fill, "title": "Paper account: fill", "text": "600 PETR4 bought at R$ 31.23"}
    assert render(said, "plain").splitlines() == [
        "Fill in the paper account", "600 PETR4 bought at R$ 31.23", "Symbol: PETR4", "Action: bought", "Quantity: 600",
        "Price: R$ 31.23", "Reason: entry",
    ]  # fmt: skip
    assert subject(said) == "Fill in the paper account: 600 PETR4 bought at R$ 31.23"
    stopped = render({**said, "side": -1, "reason": "trailing"}, "plain")
    assert "Action: sold" in stopped
    assert "Reason: trailing stop" in stopped


def test_a_refused_order_is_in_words_and_its_subject_names_the_symbol() -> None:
    facts = {"symbol": "PETR4", "refused": True, "title": "Paper account: order refused", "text": "PETR4: The kill switch is on"}
    said = {"kind": "paper", "demo": False, "tone": "warning", **facts}
    assert render(said, "plain") == "Order refused in the paper account\nPETR4: The kill switch is on\nSymbol: PETR4"
    assert subject(said) == "Order refused in the paper account: PETR4"


def test_a_gate_that_was_never_evaluated_is_not_said_to_be_missed() -> None:
    said = render(direction_payload({**DIRECTION, "gate": None}), "plain")
    assert "never evaluated" in said
    assert "not met" not in said
    assert "The quality gate is not met" in render(PAYLOADS["direction"], "plain")
    lucky = render(direction_payload({**DIRECTION, "gate": {"verdict": "met by luck"}}), "plain")
    assert "met by luck" in lucky
    assert "not met" not in lucky


def test_an_anomaly_advises_to_reduce_exposure_and_shows_how_severe_it_is() -> None:
    text = render(PAYLOADS["anomaly"], "telegram")
    for words in ("🔴 <b>ANOMALY DETECTED</b>", "📊 Score: 0.812", "⚡ Recommendation: Reduce exposure.", "6.2 robust"):
        assert words in text
    assert render(anomaly_payload({**ANOMALY, "severity": "medium"}), "telegram").startswith("🟡")


def test_a_direction_says_when_its_gate_is_not_met() -> None:
    assert "🔴 The quality gate is not met" in render(PAYLOADS["direction"], "telegram")
    assert render(PAYLOADS["direction"], "discord")["color"] == 0xFF0000
    met = render(direction_payload({**DIRECTION, "gate": {"verdict": "met"}}), "plain")
    assert "gate" not in met
    assert "Probability of up: 58.00%\nShare of up sessions: 52.00%" in met
    assert "no signal" in render(direction_payload({**DIRECTION, "signal": None, "probability": None, "gate": None}), "plain")


def test_a_summary_has_the_day_of_the_account_where_there_is_one() -> None:
    text = render(PAYLOADS["summary"], "plain")
    for words in (
        "P&L: -R$150.50",
        "Return: -0.15%",
        "Trades: 3",
        "Win rate: 33.33%",
        "BUY: 1 (PETR4)",
        "SELL: 1 (VALE3)",
        "high 1",
    ):
        assert words in text
    without = render(summary_payload({**REPORT, "status": "stale"}), "plain")
    assert "P&L" not in without
    assert "not complete" in without


def test_a_summary_has_no_result_of_another_session() -> None:
    said = render(summary_payload(REPORT, {**DAY, "session": "2025-06-27"}, ("PETR4", "VALE3")), "plain")
    assert "R$" not in said
    assert "The paper account waits for the bars of PETR4, VALE3." in said


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_demo_is_marked_in_every_message(payload: dict[str, Any]) -> None:
    demo = {**payload, "demo": True}
    assert "nothing here is real" in render(demo, "telegram")
    assert render(demo, "discord")["title"].split(" ", 1)[1].startswith("DEMO")
    assert subject(demo).startswith("DEMO")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_every_form_is_sound(payload: dict[str, Any]) -> None:
    text = render(payload, "telegram", "7")
    assert Tags(text).seen <= {"b", "i"}
    assert text.endswith("#7")
    assert objection({"allowed_mentions": {"parse": []}, "embeds": [render(payload, "discord", "7")]}) == ""
    assert "\n" not in subject(payload)
    assert "<b>" not in render({**payload, "reason": ""}, "plain", "7")


def test_markup_and_mentions_in_values_are_escaped() -> None:
    text = render(PAYLOADS["signal"], "telegram")
    assert "RSI &lt; 30 &amp; &lt;b&gt;turning&lt;/b&gt;" in text
    assert html.unescape(re.sub("</?[bi]>", "", text)).count("<b>turning</b> *up* @everyone") == 1
    embed = render(PAYLOADS["signal"], "discord")
    assert r"\<b\>turning\</b\> \*up\* \@everyone" in embed["description"]
    assert r"rsi\_divergence" in embed["description"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=3000) | st.sampled_from(["<" * 2000, "𝄞" * 2500, "*_" * 1200, "&" * 1100])


@settings(deadline=None, max_examples=40)
@given(TEXT, st.lists(TEXT, max_size=12))
def test_no_text_breaks_a_limit(text: str, drivers: list[str]) -> None:
    payload = anomaly_payload({**ANOMALY, "symbol": text or "X", "advice": text, "explained_by": text, "drivers": drivers})
    for demo in (False, True):
        said = render({**payload, "demo": demo}, "telegram", "1")
        assert length(said) <= TELEGRAM_TEXT
        Tags(said)
        embed = render({**payload, "demo": demo}, "discord", "1")
        assert embed_length(embed) <= 6000
        assert objection({"allowed_mentions": {"parse": []}, "embeds": [embed]}) == ""
        assert length(subject(payload)) <= 120


@given(TEXT, st.integers(1, 50))
def test_a_shortened_text_fits_and_is_a_beginning(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert length(short) <= limit
    assert short == text or text.startswith(short[:-1])


def test_a_payload_of_another_version_is_shown_as_it_is() -> None:
    assert render({"kind": "signal", "symbol": "PETR4", "level": 3}, "plain") == "signal\nsymbol: PETR4\nlevel: 3"
    assert render({"kind": "weather", "text": "rain"}, "plain") == "weather\nrain"


def test_words_and_figures_are_those_of_the_reader() -> None:
    set_language("pt_BR")
    try:
        assert "R$ 24,05" in render(PAYLOADS["signal"], "plain")
    finally:
        set_language("en")
