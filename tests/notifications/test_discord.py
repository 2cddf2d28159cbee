"""Discord on a real server on loopback: the request, every answer, the addresses that are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.notifications.channel import Delivered, Refused, Retry
from engine.notifications.discord import DiscordChannel, open_channel
from engine.notifications.http import checked_url
from engine.notifications.messages import signal_payload
from engine.notifications.sender import deliver
from engine.store import outbox
from engine.store.database import Store
from tests.notifications.outbox_maker import NOW, SIGNAL, Moved, made_settings, put
from tests.notifications.webhook_server import Fault, Hook, webhook_server

SIGNALLED = signal_payload(SIGNAL)
REAL = "https://discord.com/api/webhooks/1234567890/AbC-d_ef"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def channel(hook: Hook, store: Store) -> Iterator[DiscordChannel]:
    opened = open_channel(made_settings(secrets={"discord_webhook_url": hook.url}, timeout_seconds=2.0), store)
    assert opened is not None
    yield opened
    opened.close()


def send(channel: DiscordChannel) -> Delivered:
    return channel.send(SIGNALLED, recipient="", reference="12", written_at=NOW)


def test_an_embed_is_sent_that_mentions_nobody_and_is_confirmed(hook: Hook, channel: DiscordChannel) -> None:
    assert send(channel) == Delivered("1001", 0.0)
    (body,) = hook.taken
    assert set(body) == {"embeds", "allowed_mentions"}
    assert body["allowed_mentions"] == {"parse": []}
    assert len(body["embeds"]) == 1
    assert hook.refused == []
    assert hook.paths == ["/api/webhooks/123456/s3cr3t-t0ken?wait=true"]
    assert hook.headers[0]["content-type"] == "application/json"
    assert hook.headers[0]["user-agent"].startswith("pregao/")


def test_a_thread_in_the_address_is_kept(hook: Hook, store: Store) -> None:
    opened = open_channel(made_settings(secrets={"discord_webhook_url": f"{hook.url}?thread_id=77"}), store)
    assert opened is not None
    send(opened)
    opened.close()
    assert hook.paths == ["/api/webhooks/123456/s3cr3t-t0ken?thread_id=77&wait=true"]


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (
            Fault(429, {"message": "You are being rate limited.", "retry_after": 0.35, "global": False}, {"Retry-After": "1"}),
            0.35,
        ),
        (Fault(429, {"retry_after": 64.57, "global": True}), 64.57),
        (Fault(429, b"<html>", {"Retry-After": "9"}), 9.0),
        (Fault(429, {"retry_after": -1}, {"Retry-After": "2"}), 2.0),
        (Fault(429, {"retry_after": 1e99}), 86_400.0),
        (Fault(429, {"retry_after": "soon"}), None),
        (Fault(503, {}, {"Retry-After": "Mon, 30 Jun 2025 19:01:00 GMT", "Date": "Mon, 30 Jun 2025 19:00:00 GMT"}), 60.0),
        (Fault(503, {}, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT", "Date": "Mon, 30 Jun 2025 19:00:00 GMT"}), 0.0),
        (Fault(503, {}, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}), None),
        (Fault(503, {}, {"Retry-After": "never"}), None),
        (Fault(500), None),
        (Fault(302, {}, {"Location": "http://127.0.0.1:1/"}), None),
        (Fault(200, b"<html>a portal</html>"), None),
        (Fault(204, b""), None),
        (Fault(cut=True), None),
    ],
)
def test_what_may_pass_is_tried_again_when_the_server_says(
    hook: Hook, channel: DiscordChannel, fault: Fault, after: float | None
) -> None:
    hook.fault(fault)
    with pytest.raises(Retry) as caught:
        send(channel)
    assert caught.value.after == (None if after is None else pytest.approx(after))
    assert "t0ken" not in caught.value.reason
    assert send(channel).remote_id


@pytest.mark.parametrize(("status", "dead"), [(400, False), (413, False), (401, True), (403, True), (404, True), (410, True)])
def test_what_will_never_pass_is_refused_and_a_webhook_that_is_gone_is_dead(
    hook: Hook, channel: DiscordChannel, status: int, dead: bool
) -> None:
    hook.fault(Fault(status, {"code": 10015, "message": "Unknown Webhook"}))
    with pytest.raises(Refused) as caught:
        send(channel)
    assert caught.value.channel_dead is dead
    assert caught.value.reason == f"127.0.0.1 answered {status}: Unknown Webhook"


def test_the_end_of_a_bucket_is_waited_for(hook: Hook, channel: DiscordChannel) -> None:
    for headers, pause in (
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.5"}, 1.5),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset-After": "1.5"}, 0.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "nan"}, 0.0),
        ({"X-RateLimit-Remaining": "0"}, 0.0),
    ):
        hook.fault(Fault(200, {"id": "9"}, headers))
        assert send(channel) == Delivered("9", pause)


def test_a_server_that_is_not_there_is_asked_again_later(store: Store) -> None:
    opened = open_channel(made_settings(secrets={"discord_webhook_url": "http://127.0.0.1:9/api/webhooks/1/x"}), store)
    assert opened is not None
    with pytest.raises(Retry, match=r"127\.0\.0\.1 did not answer"):
        send(opened)
    opened.close()


def test_a_rate_limit_in_the_outbox_is_waited_for_and_a_webhook_that_is_gone_stops_the_channel(
    hook: Hook, channel: DiscordChannel, store: Store
) -> None:
    put(store, "a", "b", "c", payload=SIGNALLED)
    moved = Moved()
    hook.fault(Fault(429, {"retry_after": 5.2}), Fault(200, {"id": "1"}), Fault(404, {"message": "Unknown Webhook"}))
    done = deliver(store, made_settings(), moved.clock, [channel], patience=10)["discord"]
    assert (done.sent, done.again, done.dead) == (1, 1, 2)
    assert moved.at - NOW == pytest.approx(6.5, abs=0.5)
    assert len(hook.paths) == 3
    put(store, "d", payload=SIGNALLED)
    assert deliver(store, made_settings(), moved.clock, [channel])["discord"].disabled == {
        "": "127.0.0.1 answered 404: Unknown Webhook"
    }
    assert len(hook.paths) == 3
    assert [item.state for item in outbox.list_messages(store)] == ["dead", "dead", "dead", "sent"]


def test_without_an_address_there_is_no_channel(store: Store) -> None:
    assert open_channel(made_settings(), store) is None


@pytest.mark.parametrize(
    "url",
    [REAL, REAL.replace("discord.com", "discordapp.com"), REAL.replace("/api/", "/api/v10/"), REAL.replace("discord", "ptb.discord"), f"{REAL}?thread_id=1"],
)  # fmt: skip
def test_addresses_of_discord_are_accepted(store: Store, url: str) -> None:
    opened = open_channel(made_settings(secrets={"discord_webhook_url": url}), store)
    assert opened is not None
    opened.close()


@pytest.mark.parametrize(
    "url",
    [
        REAL.replace("https", "http"),
        "https://discord.com.evil.example/api/webhooks/1/x",
        "https://evil.example/api/webhooks/1/x",
        "https://discord.com@evil.example/api/webhooks/1/x",
        "https://evil-discord.com/api/webhooks/1/x",
        "https://127.0.0.1.evil.example/api/webhooks/1/x",
        "https://discord.com/api/users/@me",
        "https://discord.com/api/webhooks/1/x/../../../users",
        "https://discord.com",
        "discord.com/api/webhooks/1/x",
        "ftp://127.0.0.1/x",
        "https://[::1",
        "not an address",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(store: Store, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_channel(made_settings(secrets={"discord_webhook_url": url}), store)
    assert "DISCORD_WEBHOOK_URL" in caught.value.message
    assert "/api/" not in caught.value.message


@pytest.mark.parametrize("url", ["http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]:80/x", "https://localhost/x"])
def test_this_machine_itself_is_always_accepted(url: str) -> None:
    hosts: Any = ("discord.com",)
    assert checked_url(url, "X", hosts).host in ("localhost", "127.0.0.1", "::1")
