"""
What a provider reports about a message that it took, and the types for a scheme of your own.

A scheme is an object with one method, ``read(request, now) -> list of ProviderReport``. Set it as
``receipts`` of a sender in ``OTPAUTH_PROVIDERS``.
"""

from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ForgedReport, ProviderReport, ReportRequest, ReportScheme

__all__ = [
    "DeliveryStatus",
    "ForgedReport",
    "ProviderReport",
    "ReportRequest",
    "ReportScheme",
]
