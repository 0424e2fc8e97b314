"""The figures of the attachment service, read when somebody asks for `/metrics`.

| name | kind | meaning |
|---|---|---|
| `order_chat_attachments_reserved_total` | counter | uploads announced since the start |
| `order_chat_attachments_opened_total` | counter | links given out |
| `order_chat_attachment_checks_passed_total` | counter | files found ready |
| `order_chat_attachment_checks_rejected_total` | counter | files rejected, by `reason` |
| `order_chat_attachment_checks_put_off_total` | counter | checks that a store or scanner kept from their end |
| `order_chat_attachment_checks` | gauge | checks under way, or waiting for their turn |
| `order_chat_attachment_inspection_network` | gauge | 1 if inspections could reach the network, 0 if not, NaN before the first |
| `order_chat_attachment_uploads_expired_total` | counter | uploads that nobody completed, or sent |
| `order_chat_attachment_objects_removed_total` | counter | objects that nobody needed, removed |
| `order_chat_attachment_objects_unknown` | gauge | clean files without a record: are uploads older than the store? |
"""  # noqa: E501 (a table)

import math
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from attachment_service.checks import Checks
from attachment_service.inspection import Inspection
from attachment_service.janitor import Janitor
from attachment_service.service import Attachments


class AttachmentMetrics(Collector):
    """See the module's table."""

    def __init__(
        self, attachments: Attachments, checks: Checks, inspection: Inspection, janitor: Janitor
    ) -> None:
        self._attachments = attachments
        self._checks = checks
        self._inspection = inspection
        self._janitor = janitor

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        for name, meaning, value in (
            ("attachments_reserved", "Uploads announced.", self._attachments.reserved),
            ("attachments_opened", "Links given out.", self._attachments.opened),
            ("attachment_checks_passed", "Files found ready.", self._checks.passed),
            ("attachment_checks_put_off", "Checks kept from their end.", self._checks.put_off),
            ("attachment_uploads_expired", "Uploads expired.", self._janitor.expired_uploads),
            ("attachment_objects_removed", "Objects removed.", self._janitor.removed_objects),
        ):
            yield CounterMetricFamily(f"order_chat_{name}", meaning, value)
        rejected = CounterMetricFamily(
            "order_chat_attachment_checks_rejected", "Files rejected.", labels=["reason"]
        )
        for reason, count in self._checks.rejected.items():
            rejected.add_metric([reason], count)
        yield rejected
        yield GaugeMetricFamily(
            "order_chat_attachment_checks", "Checks under way.", self._checks.under_way
        )
        yield GaugeMetricFamily(
            "order_chat_attachment_objects_unknown",
            "Clean files without a record.",
            self._janitor.unknown_objects,
        )
        network = self._inspection.network
        yield GaugeMetricFamily(
            "order_chat_attachment_inspection_network",
            "Whether inspections could reach the network.",
            math.nan if network is None else int(network),
        )
