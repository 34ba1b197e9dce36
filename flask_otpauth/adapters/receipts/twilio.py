"""The reports of Twilio: the status callbacks of messages and of calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from flask_otpauth.adapters.receipts.reading import an_id, demand_signature, form, json_object
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ForgedReport, ProviderReport, ReportRequest

#: The values of ``MessageStatus`` and of ``CallStatus`` (Twilio, "Track the message status of outbound
#: messages" and "Call resource").
_STATUSES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(
        ("accepted", "scheduled", "queued", "sending", "sent", "initiated", "ringing", "in-progress"),
        DeliveryStatus.ACCEPTED,
    ),
    **dict.fromkeys(("delivered", "read", "completed"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(("undelivered", "failed", "canceled", "busy", "no-answer"), DeliveryStatus.UNDELIVERABLE),
}
#: The recipient answered STOP (Twilio, error 21610).
_OPTED_OUT = "21610"


class TwilioReports:
    """
    Reports that are signed with the auth token (Twilio, "Webhooks security").

    The signature is HMAC-SHA1 over the URL and the sorted fields of the form. For a body of JSON it is over
    the URL alone, whose parameter ``bodySHA256`` has the hash of the body. It has no time, so the order of
    the statuses alone makes a repeated request harmless.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = [token.encode() for token in tokens]

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """Return the report, if the request is genuine."""
        hashes = parse_qs(urlsplit(request.url).query).get("bodySHA256")
        fields = [] if hashes else form(request.body)
        if hashes and not hmac.compare_digest(hashes[0].encode(), _sha256(request.body)):
            raise ForgedReport
        signed = "".join(f"{name}{value}" for name, value in sorted(set(fields)))
        expected = [
            _signature(token, f"{url}{signed}") for token in self._tokens for url in _spellings(request.url)
        ]
        demand_signature(request.headers.get("x-twilio-signature"), expected)
        return _reports(json_object(request.body) if hashes else dict(fields))


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _signature(token: bytes, signed: str) -> str:
    return base64.b64encode(hmac.digest(token, signed.encode(), hashlib.sha1)).decode()


def _spellings(url: str) -> list[str]:
    """Return the URL with and without its port: Twilio signs either, whatever the port is."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return [parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()]


def _reports(fields: Mapping[str, object]) -> list[ProviderReport]:
    status = _STATUSES.get(str(fields.get("MessageStatus") or fields.get("CallStatus")))
    provider_id = an_id(fields.get("MessageSid") or fields.get("CallSid"))
    if status is None or not provider_id:
        return []
    if status is DeliveryStatus.UNDELIVERABLE and str(fields.get("ErrorCode")) == _OPTED_OUT:
        status = DeliveryStatus.OPTED_OUT
    return [ProviderReport(provider_id, status)]
