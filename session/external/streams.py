"""Streams as the translator sees them, and the services that are asked for their records.

A stream is read by the refresh of a materialized view over it (``session.ingestion``) and by nothing else: in any
other query it may be named, described and not run. Redshift, "Streaming ingestion to a materialized view".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from catalog.external import STREAMS, Origin, OriginKind, external_oid
from catalog.model import CatalogState, Database, Relation, Schema
from core import types
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType
from session.external.federated import Reached
from sql.facts import Source, SourceColumn, SourceKind
from storage.kafka import Brokers, KafkaStreams, require_package
from storage.kinesis import KinesisStreams
from storage.streams import Streams

_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.-]+:\d{1,5}")
_MOMENT: Final = types.of("timestamp")
_BYTES: Final = types.of("varbyte")
REFRESHED: Final = "refresh_time"
"""The column that no record has: when the refresh began."""
COLUMNS: Final[dict[OriginKind, tuple[tuple[str, ColumnType], ...]]] = {
    OriginKind.KINESIS: (
        ("approximate_arrival_timestamp", _MOMENT), ("partition_key", types.with_length("varchar", 256)),
        ("shard_id", types.with_length("bpchar", 20)), ("sequence_number", types.with_length("varchar", 128)),
        (REFRESHED, _MOMENT), ("kinesis_data", _BYTES),
    ),
    OriginKind.KAFKA: (
        ("kafka_partition", types.of("int8")), ("kafka_offset", types.of("int8")),
        ("kafka_timestamp_type", types.with_length("bpchar", 1)), ("kafka_timestamp", _MOMENT),
        ("kafka_key", _BYTES), ("kafka_value", _BYTES), ("kafka_headers", types.of("super")), (REFRESHED, _MOMENT),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream that a name means: what ``Source.external`` holds."""

    oid: int
    schema: Schema
    origin: Origin
    name: str


def columns_of(origin: Origin) -> tuple[tuple[str, ColumnType], ...]:
    """Return what a record of a schema's streams has."""
    return COLUMNS[OriginKind(origin.kind)]


def is_stream(origin: Origin) -> bool:
    """Tell whether an external schema's tables are streams."""
    return origin.kind in STREAMS


def source(state: CatalogState, schema: Schema, origin: Origin, name: str) -> Source:
    """Return a stream as the translator sees it; whether there is one is asked when a view is made of it."""
    stream = Stream(oid=external_oid(schema, name), schema=schema, origin=origin, name=name)
    database = state.objects.get(schema.database)
    shown = ", ".join(f"CAST(NULL AS {kind.engine()}) AS {quote(column)}" for column, kind in columns_of(origin))
    return Source(
        oid=stream.oid,
        kind=SourceKind.EXTERNAL,
        database=database.name if isinstance(database, Database) else "",
        schema=schema.name,
        name=name,
        owner=schema.owner,
        columns=tuple(SourceColumn(name=column, type=kind) for column, kind in columns_of(origin)),
        engine_name=f"(SELECT {shown} WHERE false)",
        external=stream,
    )


def stream_of(external: Iterable[object]) -> Stream | None:
    """Return the stream among what a plan reads, None where there is none."""
    return next((item for item in external if isinstance(item, Stream)), None)


def stream_over(state: CatalogState, view: Relation) -> Stream | None:
    """Return the stream that a materialized view takes in, None for none; raises 3F000 where its schema is gone."""
    info = view.materialized
    if info is None or not info.stream:
        return None
    schema, name = state.objects.get(int(info.stream[0])), str(info.stream[1])
    if not isinstance(schema, Schema) or schema.external is None:
        raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'the external schema of stream "{name}" does not exist')
    return Stream(oid=external_oid(schema, name), schema=schema, origin=schema.external, name=name)


def kept_rows(state: CatalogState, view: Relation) -> Relation | None:
    """Return the table that keeps the rows of a materialized view over a stream, None of anything else."""
    info = view.materialized
    found = state.objects.get(info.table) if info is not None and info.stream else None
    return found if isinstance(found, Relation) else None


def refuse_reading(external: Iterable[object]) -> None:
    """Raise 0A000 where a plan that is to be run reads a stream."""
    stream = stream_of(external)
    if stream is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            f'stream "{stream.name}" cannot be queried directly',
            hint="Create a materialized view over it.",
        )


def check(origin: Origin) -> None:
    """Raise where an external schema over streams could not be read from."""
    if origin.kind != OriginKind.KAFKA:
        return
    require_package()
    for address in origin.option("URI").split(","):
        if _ADDRESS.fullmatch(address.strip()) is None:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"'{address.strip()}' is no host:port of a broker")
    way = origin.option("AUTHENTICATION")
    if way == "iam" and not origin.option("IAM_ROLE"):
        raise SqlError(SqlState.SYNTAX_ERROR, "AUTHENTICATION IAM needs IAM_ROLE")
    if way == "mtls" and not origin.option("SECRET_ARN"):
        raise not_supported("AUTHENTICATION MTLS without SECRET_ARN")


def service(reached: Reached, origin: Origin) -> Streams:
    """Return the service that an external schema's streams are at; raises 42501 for a role that is not known."""
    role, region = origin.option("IAM_ROLE"), origin.option("REGION")
    access = reached.stores.role(role).access if role else None
    if access is not None and region:
        access = replace(access, region=region)
    if origin.kind == OriginKind.KINESIS and access is not None:
        return KinesisStreams(access)
    way, addresses = origin.option("AUTHENTICATION"), origin.option("URI").replace(" ", "")
    if way == "mtls":
        document = reached.secrets.document(origin.option("SECRET_ARN"), access)
        return KafkaStreams(Brokers(addresses=addresses, certificate=document))
    return KafkaStreams(Brokers(addresses=addresses, access=access if way == "iam" else None))
