"""The reports of the WhatsApp Cloud API: the ``statuses`` of its webhook."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from flask_otpauth.adapters.receipts.reading import (
    a_list,
    an_id,
    an_object,
    demand_signature,
    instant_of,
    json_object,
)
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ProviderReport, ReportRequest

_STATUSES: Mapping[str, DeliveryStatus] = {
    "sent": DeliveryStatus.ACCEPTED,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.UNDELIVERABLE,
}
#: The user stopped such messages (WhatsApp Cloud API, "Error codes").
_OPTED_OUT = 131050
#: So many reports of one request are read. The platform puts fewer in one.
_MOST = 1000


class WhatsAppReports:
    """
    Reports that are signed with the app secret: HMAC-SHA256 over the body (``X-Hub-Signature-256``).

    There is no time in the signature, so the order of the statuses alone makes a repeated request harmless.
    """

    def __init__(self, tokens: Sequence[str], verify_token: str) -> None:
        self._tokens = [token.encode() for token in tokens]
        self._verify_token = verify_token

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """Return the reports, if the request is genuine."""
        expected = [
            f"sha256={hmac.digest(token, request.body, hashlib.sha256).hex()}" for token in self._tokens
        ]
        demand_signature(request.headers.get("x-hub-signature-256"), expected)
        found = (_report(status) for status in list(_statuses(json_object(request.body)))[:_MOST])
        return [report for report in found if report is not None]

    def handshake(self, query: Mapping[str, str]) -> str:
        """Return ``hub.challenge``, if the platform knows the verify token that the host chose."""
        demand_signature(query.get("hub.verify_token"), [self._verify_token])
        return query.get("hub.challenge", "")


def _statuses(event: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for entry in a_list(event.get("entry")):
        for change in a_list(an_object(entry).get("changes")):
            value = an_object(an_object(change).get("value"))
            yield from (an_object(status) for status in a_list(value.get("statuses")))


def _report(status: Mapping[str, object]) -> ProviderReport | None:
    reported = _STATUSES.get(str(status.get("status")))
    provider_id = an_id(status.get("id"))
    if reported is None or not provider_id:
        return None
    codes = [an_object(error).get("code") for error in a_list(status.get("errors"))]
    if reported is DeliveryStatus.UNDELIVERABLE and _OPTED_OUT in codes:
        reported = DeliveryStatus.OPTED_OUT
    return ProviderReport(
        provider_id,
        reported,
        id=an_id(status.get("biz_opaque_callback_data")),
        at=instant_of(status.get("timestamp")),
    )
