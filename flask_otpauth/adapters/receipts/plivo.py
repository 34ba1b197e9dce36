"""The reports of Plivo: the status callbacks of messages and of calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from flask_otpauth.adapters.receipts.reading import an_id, demand_one_of, form, price
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ForgedReport, ProviderReport, ReportRequest

#: The values of ``Status`` and ``CallStatus`` (Plivo, "Message status callbacks" and "Call status").
_STATUSES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(("queued", "sent", "ringing", "in-progress"), DeliveryStatus.ACCEPTED),
    **dict.fromkeys(("delivered", "read", "completed"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(
        ("failed", "undelivered", "rejected", "busy", "timeout", "no-answer", "cancel"),
        DeliveryStatus.UNDELIVERABLE,
    ),
}
#: The recipient asked for no more messages (Plivo, "Messaging error codes", 200).
_OPTED_OUT = "200"
#: Plivo charges in this currency, and its reports do not name it.
_CURRENCY = "USD"


class PlivoReports:
    """
    Reports that are signed with the auth token, in version 3 (Plivo, "Signature validation").

    The signature is HMAC-SHA256 over the URL, the sorted fields of the form and a nonce. Version 2 is not
    accepted, because it does not cover the fields. There is no time in it, so the order of the statuses
    alone makes a repeated request harmless.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = [token.encode() for token in tokens]

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """Return the report, if the request is genuine."""
        nonce = request.headers.get("x-plivo-signature-v3-nonce")
        if not nonce:
            raise ForgedReport
        fields = form(request.body)
        signed = f"{_signed(request.url, fields)}.{nonce}".encode()
        expected = [
            base64.b64encode(hmac.digest(token, signed, hashlib.sha256)).decode() for token in self._tokens
        ]
        # While a token is replaced, there are several signatures.
        demand_one_of(request.headers.get("x-plivo-signature-v3", "").split(","), expected)
        return _reports(dict(fields))


def _signed(url: str, fields: list[tuple[str, str]]) -> str:
    """Return what is signed, apart from the nonce."""
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    posted = "".join(f"{name}{value}" for name, value in sorted(fields))
    base = parts._replace(query="", fragment="").geturl()
    if not posted:
        return f"{base}?{query}" if query else base
    return f"{base}?{query}.{posted}" if query else f"{base}?{posted}"


def _reports(fields: Mapping[str, str]) -> list[ProviderReport]:
    status = _STATUSES.get(fields.get("Status") or fields.get("CallStatus") or "")
    provider_id = an_id(fields.get("MessageUUID") or fields.get("RequestUUID") or fields.get("CallUUID"))
    if status is None or not provider_id:
        return []
    if status is DeliveryStatus.UNDELIVERABLE and fields.get("ErrorCode") == _OPTED_OUT:
        status = DeliveryStatus.OPTED_OUT
    cost, currency = price(fields.get("TotalAmount") or fields.get("TotalCost"), _CURRENCY)
    return [ProviderReport(provider_id, status, cost=cost, currency=currency)]
