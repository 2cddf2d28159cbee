"""The outbox: rows in the transaction of what they report, once per key, in order per recipient."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.store import outbox
from engine.store.database import Store
from tests.notifications.outbox_maker import NOW, SIGNAL, put


def ids(messages: list[outbox.Message]) -> list[int]:
    return [message.id for message in messages]


def fail(store: Store, number: int, retry_at: int | None, error: str = "no") -> None:
    assert outbox.claim(store, number)
    outbox.mark_failed(store, number, error, retry_at)


def test_a_message_is_stored_with_what_it_reports_or_not_at_all(store: Store) -> None:
    def report_that_fails() -> None:
        with store.write() as connection:
            outbox.enqueue(connection, "discord", "signal", "a", SIGNAL, NOW)
            raise KeyError("the report failed")

    with pytest.raises(KeyError):
        report_that_fails()
    assert outbox.list_messages(store) == []
    put(store, "a", payload={"kind": "signal", **SIGNAL})
    (message,) = outbox.list_messages(store)
    assert message.payload == {"kind": "signal", **SIGNAL}
    assert (message.channel, message.kind, message.state, message.attempts) == ("discord", "signal", "waiting", 0)
    assert (message.created_at, message.next_at, message.sent_at, message.last_error) == (NOW, NOW, None, "")


def test_the_same_key_is_one_message_for_each_recipient_of_a_channel(store: Store) -> None:
    with store.write() as connection:
        added = [
            outbox.enqueue(connection, channel, "test", "a", {"kind": "test"}, NOW, recipient=recipient)
            for channel, recipient in (("discord", ""), ("discord", ""), ("telegram", "1"), ("telegram", "2"), ("telegram", "1"))
        ]
    assert added == [True, False, True, True, False]


def test_a_number_that_is_no_number_is_stored_as_null(store: Store) -> None:
    put(store, "a", payload={"kind": "signal", "strength": float("nan")})
    assert outbox.list_messages(store)[0].payload == {"kind": "signal", "strength": None}


def test_an_unknown_channel_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="pigeon"):
        put(store, "a", channel="pigeon")


def test_the_oldest_of_each_recipient_is_due_and_what_is_tried_again_holds_back_the_others(store: Store) -> None:
    put(store, "a", "b", channel="telegram", recipient="1")
    put(store, "c", "d", channel="telegram", recipient="2")
    assert ids(outbox.due(store, NOW, "telegram")) == [1, 3]
    assert outbox.due(store, NOW - 1, "telegram") == []
    assert outbox.due(store, NOW, "discord") == []
    fail(store, 1, NOW + 60)
    assert ids(outbox.due(store, NOW + 59, "telegram")) == [3]
    assert ids(outbox.due(store, NOW + 60, "telegram")) == [1, 3]
    assert outbox.next_due(store, "telegram") == NOW
    outbox.mark_sent(store, 1, NOW, "x")
    assert ids(outbox.due(store, NOW, "telegram")) == [2, 3]


def test_what_waits_for_its_first_time_holds_nothing_back(store: Store) -> None:
    put(store, "a", "b")
    outbox.postpone(store, 1, NOW + 3600)
    assert ids(outbox.due(store, NOW, "discord")) == [2]
    assert ids(outbox.due(store, NOW + 3600, "discord")) == [1]


def test_a_clock_that_was_set_back_leaves_nothing_waiting_for_years(store: Store) -> None:
    put(store, "a")
    year = 365 * 86_400
    assert ids(outbox.due(store, NOW - year, "discord")) == [1]
    assert outbox.due(store, NOW - 3600, "discord") == []


def test_a_message_is_claimed_once_and_counts_the_attempt(store: Store) -> None:
    put(store, "a")
    assert (outbox.claim(store, 1), outbox.claim(store, 1)) == (True, False)
    assert (outbox.read_message(store, 1).state, outbox.read_message(store, 1).attempts) == ("sending", 1)
    assert outbox.due(store, NOW, "discord") == []
    assert outbox.recover(store, "telegram", NOW) == set()
    assert outbox.recover(store, "discord", NOW + 5) == {1}
    assert ids(outbox.due(store, NOW + 5, "discord")) == [1]


def test_a_dead_message_stays_visible_and_can_be_sent_again_with_its_id(store: Store) -> None:
    put(store, "a", "b")
    fail(store, 1, None, "400")
    assert ids(outbox.list_messages(store)) == [2, 1]
    (dead,) = outbox.list_messages(store, "dead")
    assert (dead.id, dead.attempts, dead.last_error) == (1, 1, "400")
    assert ids(outbox.due(store, NOW, "discord")) == [2]
    again = outbox.resend(store, 1, NOW + 9)
    assert (again.id, again.state, again.attempts, again.next_at) == (1, "waiting", 0, NOW + 9)


def test_what_cannot_be_sent_again_is_refused(store: Store) -> None:
    put(store, "a")
    with pytest.raises(UsageError, match="no message 7"):
        outbox.resend(store, 7, NOW)
    outbox.claim(store, 1)
    with pytest.raises(UsageError, match="being sent"):
        outbox.resend(store, 1, NOW)
    with pytest.raises(UsageError, match="lost"):
        outbox.list_messages(store, "lost")


def test_a_disabled_recipient_buries_what_waits_for_it_until_it_is_tried_again(store: Store) -> None:
    put(store, "a", "b", channel="telegram", recipient="1")
    put(store, "c", channel="telegram", recipient="2")
    assert outbox.disable(store, "telegram", "1", "here", "blocked", NOW) == 2
    assert outbox.disabled(store, "telegram", "here") == {"1": "blocked"}
    assert outbox.disabled(store, "telegram", "elsewhere") == {}
    assert [message.state for message in outbox.list_messages(store)] == ["waiting", "dead", "dead"]
    outbox.resend(store, 1, NOW)
    assert outbox.disabled(store, "telegram", "here") == {}


def test_what_has_no_channel_waits_until_it_is_addressed_and_is_remembered(store: Store) -> None:
    put(store, "a#1:BUY", "ab#1:BUY", channel=outbox.ANY)
    assert [item.state for item in outbox.list_messages(store)] == ["waiting", "waiting"]
    with store.write() as connection:
        assert ids(outbox.unaddressed(connection)) == [1, 2]
        outbox.mark_addressed(connection, 1)
        assert ids(outbox.unaddressed(connection)) == [2]
        assert outbox.said(connection, "a") == ["a#1:BUY", "ab#1:BUY"]
        assert outbox.said(connection, "a#") == ["a#1:BUY"]
        assert not outbox.enqueue(connection, outbox.ANY, "test", "a#1:BUY", {"kind": "test"}, NOW)
    assert ids(outbox.list_messages(store)) == [2]


def test_the_json_form_says_what_is_promised(store: Store) -> None:
    put(store, "a")
    shown = outbox.list_messages(store)[0].as_dict()
    assert {"id", "channel", "kind", "state", "attempts", "last_error"} <= set(shown)
    assert (shown["created_at"], shown["last_error"]) == ("2025-06-30T16:00:00-03:00", None)
