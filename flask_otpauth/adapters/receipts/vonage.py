"""The reports of Vonage: the status webhooks of the Messages API and the events of the Voice API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from flask_otpauth.adapters.receipts.reading import (
    an_id,
    an_object,
    demand_recent,
    demand_signature,
    iso_instant,
    json_object,
    price,
)
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.core.keys import from_base64url, to_base64url
from flask_otpauth.ports.reports import ForgedReport, ProviderReport, ReportRequest

#: The values of ``status`` (Vonage, "Messages API status callbacks" and "Voice API webhook reference").
_STATUSES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(("submitted", "started", "ringing"), DeliveryStatus.ACCEPTED),
    **dict.fromkeys(("delivered", "read", "answered", "completed"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(
        (
            "rejected",
            "undeliverable",
            "busy",
            "cancelled",  # codespell:ignore
            "failed",
            "timeout",
            "unanswered",
        ),
        DeliveryStatus.UNDELIVERABLE,
    ),
}
#: Vonage charges calls in this currency, and their events do not name it.
_CURRENCY_OF_CALLS = "EUR"


class VonageReports:
    """
    Reports with a token (JWT, HS256) that is signed with the signature secret of the account.

    The token has the hash of the body and the time (Vonage, "Decoding signed webhooks"). It is checked here
    and not by PyJWT, which reads the clock of the system.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = [token.encode() for token in tokens]

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """Return the report, if the request is genuine."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        signed, _, signature = token.rpartition(".")
        expected = [to_base64url(hmac.digest(key, signed.encode(), hashlib.sha256)) for key in self._tokens]
        demand_signature(signature, expected)
        header, claims = (_part(each) for each in (*signed.split("."), "", "")[:2])
        if scheme.lower() != "bearer" or header.get("alg") != "HS256":
            raise ForgedReport
        demand_recent(claims.get("iat"), now)
        demand_signature(str(claims.get("payload_hash")).lower(), [hashlib.sha256(request.body).hexdigest()])
        return _reports(json_object(request.body))


def _part(text: str) -> Mapping[str, object]:
    try:
        return json_object(from_base64url(text))
    except ValueError:
        return {}


def _reports(event: Mapping[str, object]) -> list[ProviderReport]:
    status = _STATUSES.get(str(event.get("status")))
    provider_id = an_id(event.get("message_uuid") or event.get("uuid"))
    if status is None or not provider_id:
        return []
    usage = an_object(event.get("usage")) or {"price": event.get("price"), "currency": _CURRENCY_OF_CALLS}
    cost, currency = price(usage.get("price"), usage.get("currency"))
    return [
        ProviderReport(
            provider_id,
            status,
            id=an_id(event.get("client_ref")),
            cost=cost,
            currency=currency,
            at=iso_instant(event.get("timestamp")),
        )
    ]
