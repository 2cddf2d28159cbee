"""The user's own webhook and e-mail on real servers on loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.notifications import email, webhook
from engine.notifications.channel import Channel, Refused, Retry
from engine.notifications.messages import anomaly_payload, signal_payload
from engine.store.database import Store
from tests.notifications.outbox_maker import ANOMALY, NOW, SIGNAL, made_settings
from tests.notifications.webhook_server import Fault, Mailbox, smtp_server, webhook_server

SIGNALLED = signal_payload(SIGNAL)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp_server() as server:
        yield server


def mail(box: Mailbox, store: Store, *, password: str = "", **named: Any) -> Channel:
    known: dict[str, Any] = {"email_to": ("ana@example.org", "bia@example.org"), "email_from": "desk@example.org"}
    known |= {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none", "timeout_seconds": 2.0}
    opened = email.open_channel(made_settings(secrets={"smtp_password": password}, **(known | named)), store)
    assert opened is not None
    return opened


def test_a_webhook_gets_the_plain_data_and_the_words_signed(store: Store) -> None:
    with webhook_server(strict=False) as hook:
        channel = webhook.open_channel(made_settings(secrets={"webhook_url": hook.url, "webhook_secret": "key"}), store)
        assert channel is not None
        assert channel.send(SIGNALLED, recipient="", reference="12", written_at=NOW).remote_id == "1001"
        channel.send(SIGNALLED, recipient="", reference="12", written_at=NOW)
        channel.close()
    body = hook.taken[0]
    assert {key: body[key] for key in ("version", "id", "kind", "demo", "written_at", "payload")} == {
        "version": 1,
        "id": "12",
        "kind": "signal",
        "demo": False,
        "written_at": "2025-06-30T16:00:00-03:00",
        "payload": SIGNALLED,
    }
    assert body["text"].startswith("New trading signal\n")
    assert hook.headers[0]["x-pregao-signature"] == "sha256=" + hmac.new(b"key", hook.raw[0], hashlib.sha256).hexdigest()
    assert hook.headers[0]["idempotency-key"] == hook.headers[1]["idempotency-key"] == f"pregao-{NOW}-12"
    assert json.loads(hook.raw[0]) == json.loads(hook.raw[1])


def test_a_webhook_takes_with_any_2xx_and_says_when_to_come_back(store: Store) -> None:
    with webhook_server(strict=False) as hook:
        channel = webhook.open_channel(made_settings(secrets={"webhook_url": hook.url}), store)
        assert channel is not None
        hook.fault(Fault(204, b""), Fault(202, b"not json"), Fault(429, {}, {"Retry-After": "30"}), Fault(410))
        for _taken in range(2):
            assert channel.send(SIGNALLED, recipient="", reference="1", written_at=NOW).remote_id == ""
        with pytest.raises(Retry) as asked:
            channel.send(SIGNALLED, recipient="", reference="1", written_at=NOW)
        assert asked.value.after == 30.0
        with pytest.raises(Refused) as gone:
            channel.send(SIGNALLED, recipient="", reference="1", written_at=NOW)
        assert gone.value.channel_dead
        channel.close()
    assert "x-pregao-signature" not in hook.headers[0]


def test_a_webhook_is_https_or_on_this_machine(store: Store) -> None:
    assert webhook.open_channel(made_settings(), store) is None
    with pytest.raises(SettingsError, match="https"):
        webhook.open_channel(made_settings(secrets={"webhook_url": "http://example.org/hook"}), store)


def test_a_message_goes_to_every_address_with_the_same_id_when_it_is_repeated(box: Mailbox, store: Store) -> None:
    channel = mail(box, store)
    seen = anomaly_payload({**ANOMALY, "symbol": "VALE3"})
    first = channel.send(seen, recipient="", reference="12", written_at=NOW)
    assert channel.send(seen, recipient="", reference="12", written_at=NOW) == first
    sender, recipients, text = box.taken[0]
    assert sender.startswith("mail FROM:<desk@example.org>")
    assert [line.split(":")[1] for line in recipients] == ["<ana@example.org>", "<bia@example.org>"]
    message = message_from_string(text, policy=default)
    assert message["Subject"] == "Pregão: Anomaly detected: VALE3 jump"
    assert message["Date"] == "Mon, 30 Jun 2025 16:00:00 -0300"
    assert message["Message-ID"] == first.remote_id == f"<pregao.{NOW}.12@example.org>"
    body = message.get_content()
    assert "Recommendation: Reduce exposure." in body
    assert "#12" in body


def test_a_symbol_cannot_add_a_header(box: Mailbox, store: Store) -> None:
    mail(box, store).send(
        anomaly_payload({**ANOMALY, "symbol": "X\r\nBcc: all@example.org"}), recipient="", reference="1", written_at=NOW
    )
    message = message_from_string(box.taken[0][2], policy=default)
    assert message["Bcc"] is None
    assert len(box.taken[0][1]) == 2


def test_a_password_is_used_and_a_wrong_one_stops_the_channel(box: Mailbox, store: Store) -> None:
    channel = mail(box, store, smtp_user="ana", password="pass")
    assert channel.send(SIGNALLED, recipient="", reference="1", written_at=NOW).remote_id
    box.replies["AUTH"] = "535 authentication failed"
    with pytest.raises(Refused) as caught:
        channel.send(SIGNALLED, recipient="", reference="2", written_at=NOW)
    assert caught.value.channel_dead
    assert caught.value.reason == "127.0.0.1 answered 535: authentication failed"


@pytest.mark.parametrize(
    ("word", "reply", "kind"),
    [
        ("RCPT", "550 no such user", Refused),
        ("RCPT", "450 mailbox busy", Retry),
        ("MAIL", "451 try later", Retry),
        ("MAIL", "552 too much", Refused),
        ("DATA", "421 closing", Retry),
        ("DATA", "554 rejected", Refused),
    ],
)
def test_a_reply_of_4xx_may_pass_and_one_of_5xx_does_not(
    box: Mailbox, store: Store, word: str, reply: str, kind: type[Exception]
) -> None:
    box.replies[word] = reply
    with pytest.raises(kind) as caught:
        mail(box, store).send(SIGNALLED, recipient="", reference="1", written_at=NOW)
    assert not getattr(caught.value, "channel_dead", False)


def test_a_server_that_is_not_there_or_offers_no_encryption_is_asked_again_later(box: Mailbox, store: Store) -> None:
    with pytest.raises(Retry, match="did not answer"):
        mail(box, store, smtp_port=9).send(SIGNALLED, recipient="", reference="1", written_at=NOW)
    with pytest.raises(Retry, match="STARTTLS"):
        mail(box, store, smtp_security="starttls").send(SIGNALLED, recipient="", reference="1", written_at=NOW)
    with pytest.raises(Retry):
        mail(box, store, smtp_security="tls").send(SIGNALLED, recipient="", reference="1", written_at=NOW)
    assert box.taken == []


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"email_from": ""}, "needs email_from"),
        ({"smtp_host": ""}, "needs smtp_host"),
        ({"email_to": ()}, "needs email_to"),
        ({"email_to": ("ana",)}, "no e-mail address"),
        ({"email_to": ("ana@example.org, bia@example.org",)}, "no e-mail address"),
        ({"email_from": "desk@example.org\n"}, "no e-mail address"),
        ({"smtp_host": "mail.example.org"}, "without encryption"),
    ],
)
def test_settings_that_cannot_work_are_refused(box: Mailbox, store: Store, named: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        mail(box, store, password="pass", smtp_user="ana", **named)


def test_without_addresses_there_is_no_e_mail(store: Store) -> None:
    assert email.open_channel(made_settings(), store) is None
