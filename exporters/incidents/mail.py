"""The mailroom's queues as metrics: what waits for whom, since when, and which way is closed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import Connection

from incident_store.inbox import count_waiting
from incident_store.mail_ways import Standing, Trouble, Way, standings
from incident_store.outbox import NoticeCount, count_notices


@dataclass(frozen=True)
class Mail:
    """Notices that have not ended, messages that wait for a person (how many, since when), and the ways."""

    notices: NoticeCount
    unread: int
    oldest_unread: datetime | None
    ways: Mapping[Way, Standing]


def read_mail(connection: Connection) -> Mail:
    """The queues as the store has them."""
    return Mail(count_notices(connection), *count_waiting(connection), standings(connection))


def mail_families(mail: Mail) -> Iterator[Metric]:
    """Every family; a time that there is none of is absent, never 0."""
    counted = mail.notices
    yield GaugeMetricFamily(
        "renteseg_notices_pending",
        "Notices on their way: approved and not delivered, or due and without a text.",
        value=counted.pending,
    )
    yield _since("renteseg_notice_oldest_timestamp_seconds", "Since when the oldest of them waits.", counted.oldest)
    yield GaugeMetricFamily("renteseg_notices_drafts", "Notices that wait for a supervisor.", value=counted.drafts)
    yield _since(
        "renteseg_notice_draft_oldest_timestamp_seconds", "Since when the oldest draft waits.", counted.oldest_draft
    )
    yield GaugeMetricFamily("renteseg_notices_failed", "Notices that did not arrive.", value=counted.failed)
    yield GaugeMetricFamily("renteseg_mailbox_unread", "Mails that wait for a decision.", value=mail.unread)
    yield _since(
        "renteseg_mailbox_unread_oldest_timestamp_seconds",
        "When the oldest of them was received.",
        mail.oldest_unread,
    )
    yield _closed(mail.ways)


def _since(name: str, help_text: str, at: datetime | None) -> Metric:
    family = GaugeMetricFamily(name, f"{help_text} Unix seconds; absent without one.")
    if at is not None:
        family.add_metric([], at.timestamp())
    return family


def _closed(ways: Mapping[Way, Standing]) -> Metric:
    family = GaugeMetricFamily(
        "renteseg_mail_way_closed", "1 while a way in or out does not work, for this reason.", labels=["way", "reason"]
    )
    for way, trouble in product(Way, Trouble):
        standing = ways.get(way)
        family.add_metric([way.value, trouble.value], float(standing is not None and standing.trouble is trouble))
    return family
