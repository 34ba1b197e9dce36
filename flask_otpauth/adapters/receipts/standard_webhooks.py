"""
Reports that are signed as Standard Webhooks says: those of Resend, and of gateways of a host's own.

The body is one JSON object: ``{"type": "email.delivered", "timestamp": …, "data": {…}}``. What became of the
message is the part of ``type`` after the last dot. ``data`` has the id of the provider (``email_id`` or
``message_id``) and may have our ``id``, ``cost`` and ``currency``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from flask_otpauth.adapters.receipts.reading import (
    an_id,
    an_object,
    demand_one_of,
    demand_recent,
    iso_instant,
    json_object,
    price,
)
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ProviderReport, ReportRequest

_STATUSES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(("accepted", "sent", "delivery_delayed"), DeliveryStatus.ACCEPTED),
    "delivered": DeliveryStatus.DELIVERED,
    **dict.fromkeys(("bounced", "failed", "suppressed", "undeliverable"), DeliveryStatus.UNDELIVERABLE),
    "opted_out": DeliveryStatus.OPTED_OUT,
    "complained": DeliveryStatus.COMPLAINED,
}
#: Svix, which signs for Resend, has its own names for the headers, from before the standard.
_PREFIXES = ("webhook-", "svix-")
_SECRET = "whsec_"


class StandardWebhooks:
    """
    Reports that are signed with HMAC-SHA256 over id, time and body (Standard Webhooks 1.0, symmetric).

    A request whose time is more than five minutes away is refused.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        """
        Take the secrets, each ``whsec_`` and base64.

        :raises ValueError: if a secret is not base64.
        """
        try:
            self._keys = [base64.b64decode(token.removeprefix(_SECRET), validate=True) for token in tokens]
        except binascii.Error:
            raise ValueError("the token of Standard Webhooks is 'whsec_' and base64") from None

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """Return the report, if the request is genuine."""
        name, sent_at, signatures = (_header(request, each) for each in ("id", "timestamp", "signature"))
        signed = f"{name}.{sent_at}.".encode() + request.body
        expected = [
            f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in self._keys
        ]
        demand_one_of(signatures.split(" "), expected)
        demand_recent(sent_at, now)
        return _reports(json_object(request.body))


def _header(request: ReportRequest, name: str) -> str:
    return next(filter(None, (request.headers.get(f"{prefix}{name}") for prefix in _PREFIXES)), "")


def _reports(event: Mapping[str, object]) -> list[ProviderReport]:
    status = _STATUSES.get(str(event.get("type")).rpartition(".")[2])
    data = an_object(event.get("data"))
    provider_id = an_id(data.get("email_id") or data.get("message_id"))
    own_id = an_id(data.get("id"))
    if status is None or not (provider_id or own_id):
        return []
    cost, currency = price(data.get("cost"), data.get("currency"))
    at = iso_instant(event.get("timestamp") or event.get("created_at"))
    return [ProviderReport(provider_id, status, own_id, cost, currency, at)]
