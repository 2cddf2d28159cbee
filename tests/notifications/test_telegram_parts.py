"""The parts of Telegram that need no server: who is allowed, codes, commands, pages, and pictures read back by Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.desk import Desk
from engine.domain import Bars, day_number
from engine.errors import NoDataError, UsageError
from engine.notifications import charts
from engine.notifications.charts import candles, drawable, equity_picture, picture_of, ticks
from engine.notifications.forms import length
from engine.notifications.messages import signal_payload
from engine.notifications.pairing import ALPHABET, Allowed, allowed, known_chats, new_code, pair, recipients, unpair
from engine.notifications.replies import command_of, page
from engine.notifications.telegram import TelegramChannel
from engine.store import outbox, paper
from engine.store.telegram import read_code, set_paused
from tests.desk_fixtures import _plain, home, made_home
from tests.desk_maker import MORNING
from tests.notifications.telegram_desk import Time, put, telegram_desk
from tests.notifications.telegram_server import TelegramServer, plain_of, telegram_server
from tests.notifications.test_telegram_send import ANA, SIGNAL

__all__ = ["_plain", "home", "made_home"]
BEA, GROUP = 1002, -5001


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with telegram_server(chats={ANA}) as made:
        yield made


@pytest.fixture
def desk(home: Path, server: TelegramServer) -> Iterator[Desk]:
    with telegram_desk(home, server, Time(), telegram_chat_ids=f"[{ANA}]") as made:
        yield made


def image(data: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def colours(picture: Any) -> set[str]:
    return {f"#{r:02x}{g:02x}{b:02x}" for _count, (r, g, b) in picture.getcolors(1 << 20)}


# --- who is allowed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chat", "user", "may"),
    [(1, 1, True), (2, 2, False), (-9, 1, False), (-9, 5, True), (-8, 5, False), (-9, None, False), (1, 5, True), (1, 7, False)],
)
def test_a_private_chat_needs_its_own_number_a_group_also_its_user(chat: int, user: int | None, may: bool) -> None:
    assert Allowed(frozenset({1, -9}), frozenset({5})).may(chat, user) is may


def test_empty_lists_allow_nobody() -> None:
    assert not Allowed(frozenset(), frozenset({1})).may(1, 1)


def test_a_code_is_stored_as_a_digest_and_used_once(desk: Desk) -> None:
    letters = iter("ABCDEFGH")
    made = new_code(desk.store, desk.now(), lambda _alphabet: next(letters))
    assert (made.code, made.expires_at) == ("ABCD-EFGH", MORNING + 600)
    assert "ABCD" not in str(read_code(desk.store))
    ask: dict[str, Any] = {"user_id": BEA, "title": "desk", "now": desk.now()}
    assert not pair(desk.store, "ABCD-EFGJ", chat_id=BEA, **ask)
    assert pair(desk.store, " abcdefgh ", chat_id=BEA, **ask)
    assert not pair(desk.store, "ABCD-EFGH", chat_id=GROUP, **ask)
    assert recipients(desk.store, desk.settings) == (str(ANA), str(BEA))


def test_codes_are_drawn_from_letters_that_are_not_confused(desk: Desk) -> None:
    made = {new_code(desk.store, desk.now()).code for _ in range(20)}
    assert len(made) == 20
    assert set("".join(made)) - {"-"} <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)


def test_a_paired_chat_is_listed_and_taken_out_with_what_waits_for_it(desk: Desk) -> None:
    code = new_code(desk.store, desk.now()).code
    assert pair(desk.store, code, chat_id=GROUP, user_id=BEA, title="desk & co", now=desk.now())
    set_paused(desk.store, ANA, True)
    assert known_chats(desk.store, desk.settings) == [
        {"chat_id": GROUP, "user_id": BEA, "title": "desk & co", "paired_at": "2025-07-01T08:00:00-03:00", "paused": False},
        {"chat_id": ANA, "user_id": None, "title": "", "paired_at": None, "paused": True},
    ]
    put(desk, GROUP, {"kind": "paper", "demo": False}, "x")
    unpair(desk.store, desk.settings, GROUP)
    assert [message.state for message in outbox.list_messages(desk.store)] == ["dead"]
    assert allowed(desk.store, desk.settings) == Allowed(frozenset({ANA}), frozenset())
    with pytest.raises(UsageError, match="is not paired") as caught:
        unpair(desk.store, desk.settings, ANA)
    assert "telegram_chat_ids" in caught.value.hint


def test_a_pause_alone_allows_nobody(desk: Desk) -> None:
    set_paused(desk.store, BEA, True)
    set_paused(desk.store, BEA, False)
    assert recipients(desk.store, desk.settings) == (str(ANA),)


# --- commands and pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/status", ("status", ())),
        ("/Chart@Desk_Bot  PETR4 60m", ("chart", ("PETR4", "60m"))),
        ("/status@other_bot", None),
        ("status", None),
        ("", None),
        ("  ", None),
        ("/", ("", ())),
    ],
)
def test_a_command_is_read_as_telegram_writes_it(text: str, asked: Any) -> None:
    assert command_of(text, "desk_bot") == asked


@given(title=st.text(max_size=60), lines=st.lists(st.text(st.characters(codec="utf-8"), max_size=400), max_size=40))
def test_a_page_is_always_html_that_telegram_takes(title: str, lines: list[str]) -> None:
    text = page("🎯", title, lines, demo=True).text
    assert length(text) <= 4096
    assert "DEMO" in plain_of(text)


def test_what_does_not_fit_is_left_out_by_the_line() -> None:
    text = page("x", "t", [f"{number:>99}" for number in range(100)]).text
    assert text.endswith("…")
    assert [int(line) for line in text.splitlines()[2:-1]] == list(range(40))


# --- pictures ----------------------------------------------------------------------------------------------------------------


def bars_of(count: int, price: float = 20.0) -> Bars:
    close = price * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, count)))
    opening = np.roll(close, 1)
    opening[0] = price
    session = np.arange(20_000, 20_000 + count)
    nothing, off = np.full(count, np.nan), np.zeros(count, dtype=bool)
    high, low = np.maximum(opening, close) * 1.01, np.minimum(opening, close) * 0.99
    return Bars("MEAA3", "1d", session * 86_400, session, opening, high, low, close, nothing, nothing, off, off)


@pytest.mark.parametrize(("count", "price"), [(1, 20.0), (2, 0.05), (59, 20.0), (500, 130_000.0)])
def test_candles_of_any_number_and_size_are_a_picture(count: int, price: float) -> None:
    picture = image(candles(bars_of(count, price), "MEAA3 – preço"))
    assert picture.size == (960, 540)
    assert {charts.UP, charts.DOWN} & colours(picture)


def test_a_flat_series_is_drawn() -> None:
    flat = np.full(3, 5.0)
    bars = bars_of(3)
    same = Bars("X", "1d", bars.time, bars.session, flat, flat, flat, flat, flat, flat, bars.provisional, bars.after_market)
    assert charts.UP in colours(image(candles(same, "X")))


def test_levels_outside_the_bars_are_inside_the_picture() -> None:
    bars = bars_of(60)
    levels = [
        charts.Level("target", float(bars.high.max()) * 1.5, "#123456"),
        charts.Level("stop", float(bars.low.min()) / 2, "#654321"),
    ]
    picture = image(candles(bars, "x", levels))
    assert {"#123456", "#654321"} <= colours(picture)


def test_an_equity_curve_is_a_picture() -> None:
    days = np.arange(20_000, 20_100)
    for equity in (np.linspace(1e5, 1.2e5, 100), np.full(100, 1e9), np.linspace(-5.0, 5.0, 100)):
        assert charts.LINE in colours(image(equity_picture(days, equity, "x")))
    assert charts.LINE in colours(image(equity_picture(days[:1], np.array([1e5]), "x")))


@given(low=st.floats(-1e9, 1e9), span=st.floats(1e-6, 1e9))
def test_ticks_are_round_few_and_inside(low: float, span: float) -> None:
    if low + span == low or span < abs(low) * 1e-9:
        return
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 8
    assert all(low - span * 1e-6 <= value <= low + span * (1 + 1e-6) for value in found)


@given(st.text())
def test_what_is_drawn_is_in_the_letters_of_the_font(text: str) -> None:
    assert drawable(text).isascii()


def test_accents_are_drawn_without_them() -> None:
    assert drawable("Patrimônio – preço à vista") == "Patrimonio - preco a vista"


def signal_of(desk: Desk, **changes: Any) -> dict[str, Any]:
    return signal_payload({**SIGNAL, "symbol": "MEAA3", **changes})


def test_a_signal_that_says_to_trade_has_a_picture(desk: Desk) -> None:
    assert picture_of(desk.store, signal_of(desk)) is not None
    assert picture_of(desk.store, signal_of(desk, action="HOLD")) is None
    assert picture_of(desk.store, signal_of(desk, symbol="ABSENT3")) is None
    assert picture_of(desk.store, {"kind": "signal", "action": "BUY"}) is None
    assert picture_of(desk.store, {"kind": "test"}) is None
    with pytest.raises(NoDataError):
        charts.symbol_picture(desk.store, "ABSENT3", "1d")


def test_the_picture_of_a_signal_shows_nothing_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Bars] = []
    monkeypatch.setattr(charts, "candles", lambda bars, *_rest: seen.append(bars) or b"")
    picture_of(desk.store, signal_of(desk, time="2025-05-15T10:00:00-03:00"))
    assert int(seen[0].session[-1]) == day_number(date(2025, 5, 15))


def test_an_equity_curve_begins_at_the_left_edge_and_ends_at_the_right_one() -> None:
    for count in (2, 3, 100):
        picture = image(equity_picture(np.arange(20_000, 20_000 + count), np.linspace(1e5, 1.2e5, count), "x"))
        blue = tuple(int(charts.LINE[at : at + 2], 16) for at in (1, 3, 5))
        drawn = [x for x in range(picture.width) for y in range(charts.TOP, charts.HEIGHT) if picture.getpixel((x, y)) == blue]
        assert abs(min(drawn) - charts.LEFT) <= 2
        assert abs(max(drawn) - (charts.WIDTH - charts.RIGHT)) <= 6


def test_a_summary_has_the_equity_from_the_beginning_to_its_session(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = {"kind": "summary", "session": "2025-06-27"}
    assert picture_of(desk.store, payload) is None
    with desk.store.write() as connection:
        account = paper.make_account(connection, opened_at=MORNING, session=20_000, terms={}, state={})
        paper.add_event(connection, account.id, MORNING, 0, "opened", {"session": "2025-06-25", "capital": 9.9e4})
    assert picture_of(desk.store, payload) is None
    with desk.store.write() as connection:
        for day, equity in (("2025-06-26", 1e5), ("2025-06-27", 1.01e5), ("2025-06-30", 9e4)):
            paper.add_event(connection, account.id, MORNING, 0, "session", {"session": day, "equity": equity})
    seen: list[Any] = []
    monkeypatch.setattr(charts, "equity_picture", lambda *given: seen.append(given) or b"png")
    assert picture_of(desk.store, payload) == b"png"
    sessions, equity, title = seen[0]
    assert equity.tolist() == [9.9e4, 1e5, 1.01e5]
    assert sessions.tolist() == [day_number(date(2025, 6, day)) for day in (25, 26, 27)]
    assert "+2.02%" in title


def test_a_signal_goes_out_as_a_picture_with_its_words_below(desk: Desk, server: TelegramServer) -> None:
    channel = TelegramChannel(desk.settings, desk.store)
    channel.send(signal_of(desk), recipient=str(ANA), reference="5", written_at=0)
    server.no_pictures = {ANA}
    channel.send(signal_of(desk), recipient=str(ANA), reference="6", written_at=0)
    channel.close()
    with_picture, without = server.said
    assert image(with_picture.picture).size == (960, 540)
    assert without.picture is None
    assert "Take profit: R$ 22.00" in with_picture.text
    assert with_picture.text.endswith("#5")
    assert without.text.endswith("#6")
    assert server.requests == ["sendPhoto", "sendPhoto", "sendMessage"]
