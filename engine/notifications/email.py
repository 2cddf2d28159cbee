"""E-mail: one plain message to all addresses of the settings, by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from engine.domain import sao_paulo
from engine.errors import SettingsError
from engine.i18n import _
from engine.notifications.channel import Delivered, Refused, Retry, digest
from engine.notifications.forms import plain, subject
from engine.notifications.http import LOOPBACK

if TYPE_CHECKING:
    from engine.settings_model import Notifications, Settings
    from engine.store.database import Store

WRONG_PASSWORD = 535


class EmailChannel:
    """One SMTP server, opened anew for each message. A repeated message has the same Message-ID."""

    name = "email"
    pace = 0.0

    def __init__(self, settings: Notifications, password: str) -> None:
        self._settings = settings
        self._password = password
        parts = (
            settings.smtp_host,
            str(settings.smtp_port),
            settings.smtp_user,
            password,
            settings.email_from,
            *settings.email_to,
        )
        self.address = digest("\n".join(parts))

    def recipients(self, store: Store) -> tuple[str, ...]:  # noqa: ARG002
        return ("",)

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:  # noqa: ARG002
        """Send one message. Raises Retry for no answer and 4xx replies, Refused for 5xx; the channel is dead when the login is wrong."""
        message = self._written(payload, reference, written_at)
        host = self._settings.smtp_host
        try:
            with self._connected() as server:
                if self._settings.smtp_user:
                    server.login(self._settings.smtp_user, self._password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _said in error.recipients.values()}
            raise _failed(_("{host} takes nothing for these addresses").format(host=host), max(codes)) from error
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
            words = _("{host} answered {status}").format(host=host, status=error.smtp_code)
            raise _failed(f"{words}: {ascii(said)[1:-1][:200]}", error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            said = str(error) or type(error).__name__
            raise Retry(_("{host} did not answer: {error}").format(host=host, error=said)) from error
        return Delivered(message["Message-ID"])

    def close(self) -> None:
        """Nothing stays open."""

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        place = (settings.smtp_host, settings.smtp_port)
        if settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(*place, timeout=settings.timeout_seconds, context=ssl.create_default_context())
        server = smtplib.SMTP(*place, timeout=settings.timeout_seconds)
        if settings.smtp_security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except (smtplib.SMTPException, OSError):
                server.close()
                raise
        return server

    def _written(self, payload: Mapping[str, Any], reference: str, written_at: int) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"Pregão: {subject(payload)}"
        message["From"] = self._settings.email_from
        message["To"] = ", ".join(self._settings.email_to)
        message["Date"] = format_datetime(sao_paulo(written_at))
        message["Message-ID"] = f"<pregao.{written_at}.{reference}@{self._settings.email_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(plain(payload, reference))
        return message


def open_channel(settings: Settings, store: Store) -> EmailChannel | None:  # noqa: ARG001
    """The server of the settings, None without addresses or a server. Raises SettingsError for what cannot be sent with."""
    mail, password = settings.notifications, settings.secrets.smtp_password.get_secret_value()
    if not mail.email_to and not mail.smtp_host:
        return None
    for key, value in (("email_to", mail.email_to), ("email_from", mail.email_from), ("smtp_host", mail.smtp_host)):
        if not value:
            raise SettingsError(_("[notifications]: e-mail needs {key}").format(key=key))
    for address in (mail.email_from, *mail.email_to):
        name, at, domain = address.rpartition("@")
        if not (name and at and domain) or not address.isprintable() or set(address) & set(' ,;<>"'):
            raise SettingsError(_("[notifications]: {address} is no e-mail address").format(address=ascii(address)))
    if mail.smtp_security == "none" and password and mail.smtp_host not in LOOPBACK:
        raise SettingsError(
            _("The password of {host} would be sent without encryption").format(host=mail.smtp_host),
            _('Set smtp_security to "starttls" or "tls".'),
        )
    return EmailChannel(mail, password)


def _failed(reason: str, code: int) -> Retry | Refused:
    """4xx may pass (RFC 5321, 4.2.1), 5xx does not; a wrong name or password will not be right next time."""
    return Refused(reason, channel_dead=code == WRONG_PASSWORD) if code >= 500 else Retry(reason)
