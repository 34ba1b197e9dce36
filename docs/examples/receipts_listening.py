"""docs/howto/receipts.md: a listener. tests/docs/test_receipts_page.py runs it."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from flask import Flask

from flask_otpauth.receipts import DeliveryStatus, ProviderReport
from flask_otpauth.signals import delivery_reported

spent: defaultdict[str, Decimal] = defaultdict(Decimal)
opted_out: list[str] = []


@delivery_reported.connect
def note(app: Flask, channel: str, sender_name: str, report: ProviderReport, **more: Any) -> None:
    """Add up what messages cost, and note who wants none."""
    if report.status is DeliveryStatus.DELIVERED and report.cost is not None:
        spent[report.currency] += report.cost
    if report.status is DeliveryStatus.OPTED_OUT:
        opted_out.append(f"{channel} {report.provider_id}")
