"""The tables. Rows are facts and indexed projections of them; figures are computed by `domain`."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from incident_store.column_types import EditedDetails, EditedTime, UtcDateTime

Key = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """All tables; constraints have names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        bytes: LargeBinary,
        str: Text,
    }


class IncidentRow(Base):
    """One incident. `component` is what it is about; `open_component` is the same while it is attended, else NULL,
    and unique: two deliveries at once cannot open two incidents. State, severity and responsible are
    projections of its events, for lists and counts."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    component: Mapped[str] = mapped_column(index=True)
    open_component: Mapped[str | None] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    service: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(String(32), index=True)
    severity: Mapped[str] = mapped_column(String(16))
    responsible: Mapped[str] = mapped_column(String(16))
    detected_at: Mapped[datetime] = mapped_column(EditedTime, index=True)
    version: Mapped[int]


class EpisodeRow(Base):
    """One continuous firing of one alert. `latest` marks the last one of its fingerprint. `gone` holds the moments
    (ISO 8601) at which polling missed it; `ix_episodes_unsettled` finds what polling has to look at."""

    __tablename__ = "episodes"
    __table_args__ = (
        Index("ix_episodes_fingerprint_started_at", "fingerprint", "started_at"),
        Index(
            "uq_episodes_latest",
            "fingerprint",
            unique=True,
            sqlite_where=text("latest"),
            postgresql_where=text("latest"),
        ),
        Index(
            "ix_episodes_unsettled",
            "fingerprint",
            sqlite_where=text("ended_at IS NULL OR to_verify"),
            postgresql_where=text("ended_at IS NULL OR to_verify"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    latest: Mapped[bool]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(16))
    to_verify: Mapped[bool]
    labels: Mapped[dict[str, Any]]
    annotations: Mapped[dict[str, Any]]
    seen_until: Mapped[datetime | None]
    gone: Mapped[list[str]] = mapped_column(JSON)
    version: Mapped[int]


class EventRow(Base):
    """One event of an incident, append-only; `hash` chains it to the event before."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("incident_id", "sequence"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(EditedTime)
    recorded_at: Mapped[datetime] = mapped_column(EditedTime)
    author: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(EditedDetails)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class CheckpointRow(Base):
    """One seal over all chains of events, append-only; `hash` chains it to the one before. `through` holds, by kind
    of chain, the newest event that its round could see."""

    __tablename__ = "checkpoints"

    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    sealed_at: Mapped[datetime] = mapped_column(index=True)
    through: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class CheckpointEntryRow(Base):
    """How far one chain had grown when a checkpoint sealed it, and the hash of its last event then; append-only."""

    __tablename__ = "checkpoint_entries"

    chain: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    events: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(Key, index=True)
    hash: Mapped[str] = mapped_column(String(64))


class DeliveryRow(Base):
    """The body of a delivery that said something new, compressed with zlib; kept for a while, as evidence."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    size: Mapped[int]
    body: Mapped[bytes]


class SignalRow(Base):
    """When something last happened that another process waits for, such as the dead-man's switch."""

    __tablename__ = "signals"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]


class QuarantineRow(Base):
    """A body or an alert that could not be understood, once however often it came; it waits until it is settled."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str]
    body: Mapped[bytes]
    first_received_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    times: Mapped[int]
    settled_at: Mapped[datetime | None]
    settlement: Mapped[str | None] = mapped_column(String(16))


class BlobRow(Base):
    """Bytes kept by what they are: `sha256` (hex) and `size` are those of the bytes as they came. See `blobs.py`."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class BlobChunkRow(Base):
    """A piece of a blob, by its place from 0; `body` is compressed with zlib where that makes it smaller."""

    __tablename__ = "blob_chunks"

    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("blobs.sha256"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    compressed: Mapped[bool]
    body: Mapped[bytes]


class MaintenanceWindowRow(Base):
    """One maintenance window; its span is a projection of its events, for finding it."""

    __tablename__ = "maintenance_windows"
    __table_args__ = (Index("ix_maintenance_windows_span", "starts_at", "ends_at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class MaintenanceEventRow(Base):
    """One event of a maintenance window, append-only; `hash` chains it to the event before."""

    __tablename__ = "maintenance_events"
    __table_args__ = (UniqueConstraint("window_id", "sequence"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    window_id: Mapped[int] = mapped_column(ForeignKey("maintenance_windows.id"))
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    recorded_at: Mapped[datetime] = mapped_column(EditedTime)
    author: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(EditedDetails)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class ConfirmedOutageRow(Base):
    """An outage that a closing confirmed; `listed` once its owed loads are known."""

    __tablename__ = "confirmed_outages"
    __table_args__ = (
        Index(
            "ix_confirmed_outages_unlisted", "id", sqlite_where=text("NOT listed"), postgresql_where=text("NOT listed")
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime]
    listed: Mapped[bool]


class RegularisationRow(Base):
    """A load owed because of an incident; `processed_at` closes it. `data_day` is ISO 8601."""

    __tablename__ = "regularisations"
    __table_args__ = (
        UniqueConstraint("incident_id", "operator", "file_type", "data_day"),
        Index(
            "ix_regularisations_open",
            "outage_id",
            sqlite_where=text("processed_at IS NULL"),
            postgresql_where=text("processed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    outage_id: Mapped[int] = mapped_column(ForeignKey("confirmed_outages.id"))
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    operator: Mapped[str] = mapped_column(String(64))
    file_type: Mapped[str] = mapped_column(String(64))
    data_day: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]


class SignedReportRow(Base):
    """A month's figures as somebody signed them; a correction is a further version. Each digest names a blob."""

    __tablename__ = "signed_reports"
    __table_args__ = (UniqueConstraint("month", "version"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    version: Mapped[int]
    signed_by: Mapped[str]
    signed_at: Mapped[datetime]
    as_of: Mapped[datetime]
    reason: Mapped[str]
    figures: Mapped[str] = mapped_column(String(64))
    pdf: Mapped[str] = mapped_column(String(64))
    xlsx: Mapped[str] = mapped_column(String(64))
    json: Mapped[str] = mapped_column(String(64))


class ReportDayRow(Base):
    """A signed report's minutes of one component or service on one day, for the views of the schema `reporting`."""

    __tablename__ = "report_days"
    __table_args__ = (UniqueConstraint("report_id", "kind", "name", "day"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("signed_reports.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str]
    service: Mapped[str]
    day: Mapped[str] = mapped_column(String(10))
    up: Mapped[int]
    down: Mapped[int]
    unknown: Mapped[int]
    maintenance: Mapped[int]
    excluded: Mapped[int]


class ReportClockRow(Base):
    """A signed report's reading of one SLA clock of one incident."""

    __tablename__ = "report_clocks"
    __table_args__ = (UniqueConstraint("report_id", "incident", "clock"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("signed_reports.id"))
    incident: Mapped[int]
    clock: Mapped[str] = mapped_column(String(16))
    severity: Mapped[str] = mapped_column(String(16))
    responsible: Mapped[str] = mapped_column(String(16))
    target_seconds: Mapped[float]
    contractual: Mapped[bool]
    elapsed_seconds: Mapped[float]
    paused_seconds: Mapped[float]
    due_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16))


class ReportLoadRow(Base):
    """A signed report's state of the load of one operator, file type and data day."""

    __tablename__ = "report_loads"
    __table_args__ = (UniqueConstraint("report_id", "operator", "file_type", "day"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("signed_reports.id"))
    operator: Mapped[str]
    file_type: Mapped[str]
    day: Mapped[str] = mapped_column(String(10))
    state: Mapped[str]


class UserRow(Base):
    """A person who may log in until they are disabled. The password is kept as an argon2id hash; without one ("") only
    the identity provider lets the person in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class AccessEventRow(Base):
    """A login, a refused one, or a change of what somebody may do; append-only. `person` is whom it is about."""

    __tablename__ = "access_events"
    __table_args__ = (Index("ix_access_events_person_id", "person", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    person: Mapped[str]
    author: Mapped[str]
    details: Mapped[dict[str, Any]]


class TokenRow(Base):
    """A personal token of the JSON API: its person's, with its person's role. Only its SHA-256 is kept."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AnswerRow(Base):
    """What was answered to a request that carried an Idempotency-Key; `digest` tells whether it comes again."""

    __tablename__ = "answers"
    __table_args__ = (UniqueConstraint("person", "key"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[str]
    answered_at: Mapped[datetime] = mapped_column(index=True)
