"""Messages by Telegram, against a real server on loopback that keeps to the Bot API's contract and fails as servers do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.desk import Desk
from engine.notifications.channel import Refused, Retry
from engine.notifications.messages import check_payload, signal_payload
from engine.notifications.sender import Sent, deliver
from engine.notifications.telegram import TelegramChannel, open_channel, plain_of
from engine.store import outbox
from engine.store.telegram import Chat, list_chats, set_code, use_code
from tests.notifications.telegram_desk import Time, put, telegram_desk
from tests.notifications.telegram_server import FAULTS, TAKEN, TOKEN, TelegramServer, telegram_server

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
ANA, BEA, GROUP = 1001, 1002, -5001
SIGNAL = {
    "symbol": "MEAA3", "timeframe": "1d", "time": "2025-06-30T10:00:00-03:00", "strategy": "trend_following", "regime": "trending_up",
    "action": "BUY", "strength": 0.82, "price": 20.0, "stop_loss": 19.0, "take_profit": 22.0, "valid_until": "2025-07-01T17:00:00-03:00",
    "reason": "EMA(9) above EMA(21) & volume < usual", "stale_sessions": 0, "filter": None, "price_base": "raw",
}  # fmt: skip


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server(time: Time) -> Iterator[TelegramServer]:
    with telegram_server(chats={ANA, BEA, GROUP}, now=time.elapsed) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, server: TelegramServer, time: Time) -> Iterator[Desk]:
    with telegram_desk(tmp_path, server, time) as made:
        yield made


@pytest.fixture
def channel(desk: Desk) -> Iterator[TelegramChannel]:
    made = open_channel(desk.settings, desk.store)
    assert made is not None
    yield made
    made.close()


def note(text: str) -> dict[str, Any]:
    return {"kind": "paper", "demo": False, "title": "Paper", "text": text}


def send(channel: TelegramChannel, payload: dict[str, Any], chat: int = ANA, reference: str = "7") -> str:
    return channel.send(payload, recipient=str(chat), reference=reference, written_at=0).remote_id


def run(desk: Desk, time: Time, channel: TelegramChannel, patience: float = 1e7) -> Sent:
    return deliver(desk.store, desk.settings, time.clock, [channel], patience=patience)["telegram"]


def test_without_a_token_there_is_no_channel(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    with telegram_desk(tmp_path, server, time, token="") as desk:
        assert open_channel(desk.settings, desk.store) is None


def test_a_message_arrives_with_its_id_and_the_servers(channel: TelegramChannel, server: TelegramServer) -> None:
    assert send(channel, check_payload("2025-07-01T08:00:00-03:00"), reference="41") == "1"
    assert server.said[0].chat_id == ANA
    assert server.said[0].text.endswith("#41")


def test_every_value_is_escaped(channel: TelegramChannel, server: TelegramServer) -> None:
    hostile = signal_payload(
        {**SIGNAL, "symbol": "<b>X&Y</b>", "strategy": "</b><a href='x'>", "reason": "1 < 2 & 3 > 2 <script>"}
    )
    send(channel, hostile)
    assert "<b>X&Y</b>" in server.said[0].text
    assert "1 < 2 & 3 > 2 <script>" in server.said[0].text


def test_too_long_a_text_is_cut_to_what_telegram_takes(channel: TelegramChannel, server: TelegramServer) -> None:
    payload = {**note("x"), **{f"key_{number}": "𝄞" * 900 for number in range(12)}}
    send(channel, payload, reference="99")
    assert server.said[0].text.endswith("#99")
    assert len(server.said[0].text.encode("utf-16-le")) // 2 <= 4096


def test_refused_html_goes_out_as_plain_text(
    channel: TelegramChannel, server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.telegram.render", lambda *_args: "<b>open &amp; <i>never closed</b>")
    send(channel, note("x"))
    assert server.said[0].text == "open & never closed"
    assert server.requests == ["sendMessage", "sendMessage"]


def test_a_group_is_given_three_seconds(channel: TelegramChannel) -> None:
    pauses = [channel.send(note("x"), recipient=str(chat), reference="1", written_at=0).pause for chat in (ANA, GROUP)]
    assert pauses == [0.0, 3.0]


@pytest.mark.parametrize(
    ("fault", "after"), [("429", 3.0), ("500", None), ("502", None), ("cut", None), ("garbage", None), ("cut_after", None)]
)
def test_what_passes_is_tried_again(channel: TelegramChannel, server: TelegramServer, fault: str, after: float | None) -> None:
    server.faults = [fault]
    with pytest.raises(Retry) as caught:
        send(channel, note("x"))
    assert caught.value.after == after
    assert len(server.said) == (fault in TAKEN)


def test_silence_ends_with_the_time_of_the_settings(tmp_path: Path, server: TelegramServer, time: Time) -> None:
    server.faults = ["silence"]
    with telegram_desk(tmp_path, server, time, timeout_seconds="0.2") as desk:
        channel = TelegramChannel(desk.settings, desk.store)
        with pytest.raises(Retry) as caught:
            send(channel, note("x"))
        channel.close()
    assert caught.value.reason == "Telegram did not answer in time"


def test_a_server_that_is_down_is_tried_again(desk: Desk, server: TelegramServer, tmp_path: Path, time: Time) -> None:
    with telegram_server() as gone:
        url = gone.url
    with telegram_desk(tmp_path / "b", server, time, telegram_api=url) as desk:
        channel = TelegramChannel(desk.settings, desk.store)
        with pytest.raises(Retry):
            send(channel, note("x"))
        channel.close()


def test_a_chat_that_blocked_the_bot_or_is_gone_is_dead(channel: TelegramChannel, server: TelegramServer) -> None:
    server.blocked = {BEA}
    for chat, words in ((BEA, "blocked"), (4242, "Chat not found")):
        with pytest.raises(Refused, match=words) as caught:
            send(channel, note("x"), chat)
        assert caught.value.channel_dead
    assert server.requests == ["sendMessage", "sendMessage"]


@pytest.mark.parametrize("token", ["987654321:AAE-another_loopback_token_of_tests", "not-a-token"])
def test_an_unknown_token_is_said_without_it(tmp_path: Path, server: TelegramServer, time: Time, token: str) -> None:
    with telegram_desk(tmp_path, server, time, token=token) as desk:
        channel = TelegramChannel(desk.settings, desk.store)
        with pytest.raises(Refused) as caught:
            send(channel, note("x"))
        channel.close()
    assert caught.value.channel_dead
    assert token not in caught.value.reason
    assert caught.value.__cause__ is None


def test_a_group_that_became_a_supergroup_is_followed(channel: TelegramChannel, desk: Desk, server: TelegramServer) -> None:
    set_code(desk.store, "d", desk.now() + 60)
    assert use_code(desk.store, "d", desk.now(), 5, Chat(GROUP, ANA, "desk", desk.now(), False))
    server.migrated, server.chats = {GROUP: -100777}, {-100777}
    send(channel, note("moved"), GROUP)
    assert server.said[0].chat_id == -100777
    assert [(chat.chat_id, chat.user_id, chat.title) for chat in list_chats(desk.store)] == [(-100777, ANA, "desk")]
    assert channel.recipients(desk.store) == ("-100777",)


def test_the_token_is_nowhere_written(desk: Desk, channel: TelegramChannel, server: TelegramServer, time: Time) -> None:
    """Not in the log at its most talkative, not in the outbox."""
    import logging

    root = logging.getLogger()
    for name in ("", "httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    server.faults = ["502", "cut", "garbage", "429"]
    put(desk, ANA, note("x"), "a")
    assert run(desk, time, channel).sent == 1
    for handler in root.handlers:
        handler.flush()
    log = desk.workspace.log_file.read_text("utf-8")
    assert "sendMessage" in log
    secret = TOKEN.partition(":")[2]
    assert secret not in log
    assert secret not in str(outbox.list_messages(desk.store))
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)


def test_one_message_a_second_to_a_chat_and_three_to_a_group(
    desk: Desk, channel: TelegramChannel, server: TelegramServer, time: Time
) -> None:
    for number in range(4):
        for chat in (ANA, BEA, GROUP):
            put(desk, chat, note(f"{number}"), f"{number}")
    assert run(desk, time, channel).sent == 12
    for chat, least in ((ANA, 1.0), (BEA, 1.0), (GROUP, 3.0)):
        at = [one.at for one in server.answers(chat)]
        assert min(later - earlier for earlier, later in pairwise(at)) >= least
    assert time.elapsed() < 12


@pytest.mark.parametrize("count", [250, pytest.param(1000, marks=pytest.mark.slow)])
def test_messages_with_faults_each_arrive_once_and_in_order(tmp_path: Path, time: Time, count: int) -> None:
    """Twice only where the server took a message and its answer was lost: the repeat carries the same id."""
    chats = [ANA, BEA, 1003, GROUP, -5002]
    rng = random.Random(20250701)
    faults = [rng.choice(FAULTS) if rng.random() < 0.15 else None for _ in range(3 * count)]
    # A silence is waited out by the wall clock: a few are enough.
    silent = [at for at, fault in enumerate(faults) if fault and fault.startswith("silence")]
    faults[silent[0]], faults[silent[1]] = "silence", "silence_after"
    for at in silent[4:]:
        faults[at] = "cut_after" if faults[at] == "silence_after" else "cut"
    with (
        telegram_server(chats=set(chats), now=time.elapsed, pace=1.0, faults=faults, silence=0.5) as server,
        telegram_desk(tmp_path, server, time, timeout_seconds="0.25") as desk,
    ):
        with desk.store.write() as connection:
            for number in range(count):
                chat = chats[number % len(chats)]
                outbox.enqueue(connection, "telegram", "paper", f"{number}", note(f"n{number}"), desk.now(), recipient=str(chat))
        channel = TelegramChannel(desk.settings, desk.store)
        counts = run(desk, time, channel)
        channel.close()
        messages = outbox.list_messages(desk.store, limit=2 * count)
    assert (counts.sent, counts.dead, counts.waiting) == (count, 0, 0)
    assert {message.state for message in messages} == {"sent"}
    lost = [fault for fault in server.happened if fault in TAKEN]
    assert len(lost) > count // 50
    assert set(server.happened) == set(FAULTS)
    assert len(server.said) == count + len(lost)
    for place, chat in enumerate(chats):
        texts = [one.text for one in server.answers(chat)]
        once = list(dict.fromkeys(texts))
        assert [int(re.search(r"n(\d+)", text)[1]) for text in once] == list(range(place, count, len(chats)))
        assert [text for at, text in enumerate(texts) if texts.index(text) != at and texts[at - 1] != text] == []
    repeats = Counter(one.text for one in server.said)
    assert sum(count - 1 for count in repeats.values()) == len(lost)
    assert len({text.rsplit("#", 1)[1] for text in repeats}) == count


def test_plain_text_keeps_what_was_escaped() -> None:
    assert plain_of("<b>A</b> &lt;b&gt; &amp;amp;\n<i>x</i>") == "A <b> &amp;\nx"
