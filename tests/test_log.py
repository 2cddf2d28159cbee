"""The log: it rotates, and no secret reaches it by any way in."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.log import MASK, RedactingFormatter, redact, start_log
from tests.desk_maker import call, plain_environment

SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x17F, categories=("L", "N", "P", "S")), min_size=8, max_size=40
).filter(lambda text: MASK[0] not in text and len(set(text)) > 4)
FILLING = st.text(st.sampled_from("abc 01\n=:/&?%"), max_size=12)


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    with plain_environment():
        yield


def written(secret: str, *, message: str, args: tuple[object, ...] = (), error: BaseException | None = None) -> str:
    """What one record becomes."""
    record = logging.LogRecord("test", logging.INFO, "x.py", 1, message, args, None)
    if error is not None:
        try:
            raise error
        except type(error) as caught:
            record.exc_info = (type(caught), caught, caught.__traceback__)
    return RedactingFormatter([secret]).format(record)


@given(secret=SECRETS, before=FILLING, after=FILLING)
@settings(deadline=None, max_examples=50)
def test_a_secret_is_removed_wherever_it_stands(secret: str, before: str, after: str) -> None:
    text = before + secret + after
    error = ValueError(f"no answer to {text}")
    error.__cause__ = KeyError(secret)
    shown = [
        written(secret, message=text),
        written(secret, message="%s", args=(text,)),
        written(secret, message="%r", args=(text,)),
        written(secret, message="%s", args=({"headers": [text]},)),
        written(secret, message="%s", args=(json.dumps({"token": secret}),)),
        written(secret, message="%s", args=(json.dumps({"token": secret}, ensure_ascii=False),)),
        written(secret, message="https://host/path?q=%s&x=1", args=(quote(secret, safe=""),)),
        written(secret, message="failed", error=error),
    ]
    for line in shown:
        assert secret not in line
        assert repr(secret)[1:-1] not in line
        assert MASK in line


@given(first=SECRETS, second=SECRETS, between=FILLING)
@settings(deadline=None)
def test_of_two_secrets_both_are_removed(first: str, second: str, between: str) -> None:
    longer = first + second
    shown = redact(f"{first} {between} {longer} {between} {second}", [first, longer, second])
    assert first not in shown
    assert second not in shown


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Authorization: Bearer abc.DEF-123_4~+/=", "abc.DEF"),
        ("authorization: bearer abc.DEF", "abc.DEF"),
        ("GET https://brapi.dev/api/quote/PETR4?token=k1J2&range=1d", "k1J2"),
        ("api_key=k1J2 next", "k1J2"),
        ("POST https://api.telegram.org/bot123456:AAE-xyz_9/sendMessage", "123456:AAE"),
        ("https://discord.com/api/webhooks/998877/aB-c_d.E", "998877"),
        ("postgresql://user:p4ss@db.host:5432/pregao", "p4ss"),
        ("postgresql://user:p@ss@db.host/pregao", "p@ss"),
        ("https://:p4ss@db.host/x", "p4ss"),
        ("https://tok3n@db.host/x", "tok3n"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_removed_unasked(text: str, gone: str) -> None:
    shown = redact(text)
    assert gone not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "import of PETR4.csv: 3 written",
        "https://bvmf.bmfbovespa.com.br/InstDados/SerHist/COTAHIST_A2024.ZIP",
        "mail to a@b.c",
        "",
    ],
)
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert redact(text, ["", "abc"]) == text


def test_what_is_near_a_secret_stays() -> None:
    assert redact("GET https://x/y?token=abc&range=1d failed") == f"GET https://x/y?token={MASK}&range=1d failed"
    assert redact("postgresql://u:p@db.host/pregao") == f"postgresql://{MASK}@db.host/pregao"


def test_the_log_rotates_and_keeps_five(tmp_path: Path) -> None:
    path = tmp_path / "pregao.log"
    start_log(path)
    line = "x" * 10_000
    for _ in range(800):
        logging.getLogger("test").info(line)
    kept = sorted(item.name for item in tmp_path.iterdir())
    assert kept == ["pregao.log", *(f"pregao.log.{number}" for number in range(1, 6))]
    assert all(item.stat().st_size <= 1 << 20 for item in tmp_path.iterdir())


def test_lines_carry_utc_level_process_and_name(tmp_path: Path) -> None:
    start_log(tmp_path / "pregao.log", "INFO", ["hush-hush"])
    logging.getLogger("engine.daily").info("token is %s", "hush-hush")
    logging.getLogger("engine.daily").debug("not this")
    text = (tmp_path / "pregao.log").read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \d+ engine\.daily: token is \*{3}\n", text)


def test_libraries_that_log_whole_addresses_are_quiet(tmp_path: Path) -> None:
    start_log(tmp_path / "pregao.log", "DEBUG")
    for name in ("httpx", "httpcore", "urllib3", "telegram"):
        logging.getLogger(name).info("GET https://x/y?token=abc")
        logging.getLogger(name).warning("said by %s", name)
    text = (tmp_path / "pregao.log").read_text(encoding="utf-8")
    assert "GET" not in text
    assert text.count("said by") == 4


def test_the_log_has_one_handler_however_often_it_is_started(tmp_path: Path) -> None:
    for _ in range(3):
        start_log(tmp_path / "pregao.log")
    logging.getLogger("test").info("once")
    assert (tmp_path / "pregao.log").read_text(encoding="utf-8").count("once") == 1


def test_secrets_of_the_private_file_are_kept_out_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / ".env").write_text("PREGAO_SECRETS__DISCORD_WEBHOOK_URL=hush-hush-hush\n", encoding="utf-8")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("while posting to hush-hush-hush")

    monkeypatch.setattr("engine.store.ledger.list_runs", broken)
    shown = call("runs", home=tmp_path)
    text = (tmp_path / "data" / "logs" / "pregao.log").read_text(encoding="utf-8")
    assert shown.code == 1
    assert "RuntimeError: while posting to ***" in text
    assert "hush-hush" not in text + shown.err + shown.out


def test_nothing_but_the_file_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    start_log(tmp_path / "pregao.log")
    logging.getLogger("test").error("to the file alone")
    assert stream.getvalue() == ""


def test_a_log_that_cannot_be_written_stops_nothing_and_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    start_log(tmp_path / "logs" / "pregao.log")
    logging.getLogger("test").warning("lost")
    assert capsys.readouterr() == ("", "")
