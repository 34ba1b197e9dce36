"""Note what providers report about messages that they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, DeliveryStatus
from flask_otpauth.core.service import service
from flask_otpauth.engine.kept_messages import KeptMessages
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.reports import ProviderReport, ReportRequest, ReportScheme
from flask_otpauth.ports.storage import Storage

#: The message will not arrive, so a workflow need not wait.
_FAILURES = (DeliveryStatus.UNDELIVERABLE, DeliveryStatus.OPTED_OUT)
#: A message may have been sent in these states, so its provider can know of it.
_SENT = (DeliveryState.HANDED_OVER, DeliveryState.FAILED)


@service
class Reports:
    """Takes the reports of providers: notes them, tells the listeners, and lets workflows go on."""

    #: How each provider signs and writes its reports, by the name of its sender.
    schemes: Mapping[str, ReportScheme]
    storage: Storage
    clock: Clock
    events: Events
    #: The messages of workflows. ``None``: there are none.
    kept: KeptMessages | None = None

    def receive(self, sender: str, request: ReportRequest) -> None:
        """
        Note the reports in a request of the provider of ``sender``.

        A report about an unknown message, or one that tells nothing new, changes nothing.

        :raises ForgedReport: if the request does not come from the provider, or is too old.
        """
        for report in self.schemes[sender].read(request, self.clock()):
            row = self._find(sender, report)
            if row is not None:
                self._note(row, sender, report)

    def _find(self, sender: str, report: ProviderReport) -> DeliveryRow | None:
        """Return the row of the message, if it was this sender that handed it over."""
        deliveries = self.storage.deliveries
        row = deliveries.find(report.id) if report.id else None
        # The report may come before the receipt of the sender is noted, so the sender may be unknown.
        if row is not None and row.sender in (sender, "") and row.state in _SENT:
            return row
        return deliveries.find_sent(sender, report.provider_id) if report.provider_id else None

    def _note(self, row: DeliveryRow, sender: str, report: ProviderReport) -> None:
        cost = "" if report.cost is None else str(report.cost)
        told = DeliveryReport(report.status, sender, report.provider_id, cost, report.currency)
        if not self.storage.deliveries.report(row.id, told):
            return
        self.events(
            "delivery_reported", channel=row.channel, sender_name=sender, report=replace(report, id=row.id)
        )
        if self.kept is not None and report.status in _FAILURES and self.kept.hasten_after(row):
            self.kept.timer.wake_in(0)
