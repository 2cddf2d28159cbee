"""One POST to a webhook, and what its answer means for the message."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import SettingsError
from engine.i18n import _
from engine.notifications.channel import Refused, Retry

if TYPE_CHECKING:
    import httpx

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Bytes of an answer that are read; no answer worth reading is longer.
LONGEST_ANSWER = 1 << 18
LONGEST_PAUSE = 86_400.0
AGENT = f"pregao/{__version__}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: status, headers by name in small letters, the beginning of the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, empty when it is none."""
        import json

        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def checked_url(text: str, setting: str, hosts: Collection[str] = ()) -> httpx.URL:
    """The address in a setting: https to one of `hosts` (empty: to any), or anything on this machine itself.

    Raises SettingsError, which does not repeat the address: it is a secret.
    """
    import httpx

    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.host in LOOPBACK and url.scheme in ("http", "https"):
        return url
    if url.scheme != "https" or not url.host:
        raise SettingsError(_("{setting} is not an address that begins with https://").format(setting=setting))
    if hosts and url.host not in hosts:
        raise SettingsError(
            _("{setting} leads to {host}, where no message is sent").format(setting=setting, host=ascii(url.host)[1:-1]),
            _("Accepted: {list}.").format(list=", ".join(sorted(hosts))),
        )
    return url


def open_client(url: httpx.URL, timeout: float) -> httpx.Client:
    """A client for this address: no redirect is followed; a proxy of the environment is used, but not for this machine itself."""
    import httpx

    return httpx.Client(
        timeout=timeout, follow_redirects=False, trust_env=url.host not in LOOPBACK, headers={"User-Agent": AGENT}
    )


def post(client: httpx.Client, url: httpx.URL, body: bytes, headers: dict[str, str]) -> Answer:
    """Send the body and return the answer of a server that has taken it (2xx).

    Raises Retry for no answer, 408, 425, 429, 5xx and redirects; Refused for other answers, with the channel dead for 401, 403,
    404 and 410: the webhook was taken away.
    """
    import httpx

    try:
        with client.stream("POST", url, content=body, headers={"Content-Type": "application/json", **headers}) as response:
            answer = Answer(response.status_code, dict(response.headers.items()), _beginning(response))
    except (httpx.TransportError, httpx.DecodingError) as error:
        said = str(error) or type(error).__name__
        raise Retry(_("{host} did not answer: {error}").format(host=url.host, error=said)) from error
    if 200 <= answer.status < 300:
        return answer
    reason = _("{host} answered {status}").format(host=url.host, status=answer.status)
    if answer.status == 429:
        raise Retry(reason, asked_pause(answer))
    if answer.status in (408, 425) or answer.status >= 500 or answer.status < 400:
        raise Retry(reason, _retry_after(answer))
    raise Refused(_with_words(reason, answer), channel_dead=answer.status in (401, 403, 404, 410))


def asked_pause(answer: Answer) -> float | None:
    """Seconds that a 429 asks for: `retry_after` of its JSON, else the header; None when it does not say, or nothing sensible."""
    told = answer.json().get("retry_after")
    seconds = float(told) if isinstance(told, (int, float)) and not isinstance(told, bool) else math.nan
    return min(seconds, LONGEST_PAUSE) if math.isfinite(seconds) and seconds >= 0 else _retry_after(answer)


def _retry_after(answer: Answer) -> float | None:
    """The header Retry-After in seconds; a date counts from the header Date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            asked, sent = (parsedate_to_datetime(value) for value in (text, answer.headers.get("date", "")))
        except ValueError:
            return None
        seconds = (asked.replace(tzinfo=asked.tzinfo or UTC) - sent.replace(tzinfo=sent.tzinfo or UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE) if math.isfinite(seconds) else None


def _beginning(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes(1 << 14):
        body += chunk
        if len(body) >= LONGEST_ANSWER:
            break
    return body


def _with_words(reason: str, answer: Answer) -> str:
    """The reason with what the server says about it, on one line."""
    said = answer.json().get("message")
    return f"{reason}: {ascii(said)[1:-1][:200]}" if isinstance(said, str) and said else reason
