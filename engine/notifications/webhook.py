"""A webhook of the user's own: one JSON object for each message, signed where a secret is set.

Body: {"version", "id", "kind", "demo", "written_at", "text", "payload"}. The header Idempotency-Key is the same when a message is
repeated; X-Pregao-Signature is `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.domain import iso
from engine.notifications.channel import Delivered, digest
from engine.notifications.forms import plain
from engine.notifications.http import checked_url, open_client, post

if TYPE_CHECKING:
    import httpx

    from engine.settings_model import Settings
    from engine.store.database import Store

VERSION = 1
SETTING = "PREGAO_SECRETS__WEBHOOK_URL"


class WebhookChannel:
    """One address; every 2xx answer counts as taken."""

    name = "webhook"
    pace = 0.0

    def __init__(self, url: httpx.URL, secret: str, timeout: float) -> None:
        self.address = digest(str(url))
        self._url = url
        self._secret = secret
        self._client = open_client(url, timeout)

    def recipients(self, store: Store) -> tuple[str, ...]:  # noqa: ARG002
        return ("",)

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:  # noqa: ARG002
        """Send one object. Raises Retry and Refused."""
        said = {
            "version": VERSION,
            "id": reference,
            "kind": payload["kind"],
            "demo": bool(payload.get("demo")),
            "written_at": iso(written_at),
            "text": plain(payload, reference),
            "payload": payload,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {"Idempotency-Key": f"pregao-{written_at}-{reference}"}
        if self._secret:
            signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Pregao-Signature"] = f"sha256={signature}"
        number = post(self._client, self._url, body, headers).json().get("id")
        return Delivered(str(number)[:100] if isinstance(number, (str, int)) else "")

    def close(self) -> None:
        self._client.close()


def open_channel(settings: Settings, store: Store) -> WebhookChannel | None:  # noqa: ARG001
    """The webhook in the secrets, None without one. Raises SettingsError for an address that is neither https nor this machine."""
    text = settings.secrets.webhook_url.get_secret_value()
    if not text:
        return None
    secret = settings.secrets.webhook_secret.get_secret_value()
    return WebhookChannel(checked_url(text, SETTING), secret, settings.notifications.timeout_seconds)
