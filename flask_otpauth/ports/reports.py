"""What a provider posts about messages that it took, and who checks that it comes from the provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.core.record import frozen


class ForgedReport(Exception):
    """A request does not come from the provider, or is too old. It is answered with 403."""


@frozen
class ReportRequest:
    """A request to the path of a provider's reports, as it was sent."""

    #: The whole URL that the provider called, with its query. Behind a proxy, it is what ``ProxyFix`` says.
    url: str = field(repr=False)
    #: The headers, by name in lower case.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@frozen
class ProviderReport:
    """
    What a provider reports about one message that it took.

    It says what became of the message. It never says that a code is right: only a guess does.
    """

    #: The id that the provider gave the message: that of the sender's receipt.
    provider_id: str
    #: ``accepted``, ``delivered``, ``undeliverable``, ``opted_out`` or ``complained``.
    status: DeliveryStatus
    #: The id that we gave the message, if the provider repeats it; otherwise empty.
    id: str = ""
    #: The price of the message, in ``currency`` (ISO 4217); ``None`` if the report has none.
    cost: Decimal | None = None
    currency: str = ""
    #: When it happened, as far as the provider says.
    at: datetime | None = None


class ReportScheme(Protocol):
    """How one provider signs and writes its reports."""

    def read(self, request: ReportRequest, now: datetime) -> Sequence[ProviderReport]:
        """
        Check the signature of ``request`` and return the reports in it.

        A genuine request in which nothing is understood has no reports: providers post other events too.

        :raises ForgedReport: if the signature is not right, or its time is too far from ``now``.
        """


@runtime_checkable
class Handshake(Protocol):
    """A scheme whose provider asks with GET, before it posts reports, whether the path is right."""

    def handshake(self, query: Mapping[str, str]) -> str:
        """
        Return what the provider expects in the answer.

        :raises ForgedReport: if the provider is another one.
        """
