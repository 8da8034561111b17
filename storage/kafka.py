"""Topics of Apache Kafka, Amazon MSK and what speaks their protocol, read partition by partition.

A partition's position is the offset of what comes next. The client library is the package ``confluent-kafka``, which is
not needed for anything else. Redshift, "CREATE EXTERNAL SCHEMA" (FROM MSK, FROM KAFKA).
"""

import base64
import functools
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from core.clock import SystemClock
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from storage.database import S3Access
from storage.streams import CHUNK_RECORDS, Chunk, Positions, Record

_ANSWER_S: Final = 5.0
_TOKEN_S: Final = 900
_ENCRYPTED: Final = ("9094", "9194")
"""Ports at which brokers of MSK speak TLS to clients that do not say who they are."""
_KINDS: Final = {0: "U", 1: "C", 2: "L"}
_SCHEMA: Final = pa.schema([
    ("kafka_partition", pa.int64()), ("kafka_offset", pa.int64()), ("kafka_timestamp_type", pa.string()),
    ("kafka_timestamp", pa.timestamp("us")), ("kafka_key", pa.large_binary()), ("kafka_value", pa.large_binary()),
    ("kafka_headers", pa.string()),
])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """Where brokers are and who asks them."""

    addresses: str
    """``host:port,host:port``."""
    access: S3Access | None = None
    """AUTHENTICATION IAM: the role's credentials."""
    certificate: str = field(default="", repr=False)
    """AUTHENTICATION MTLS: the JSON document with the certificate, its key and, if need be, the authority's."""


def require_package() -> None:
    """Raise 0A000 where the client library is not installed."""
    if importlib.util.find_spec("confluent_kafka") is None:
        raise not_supported("a schema over Kafka without the package confluent-kafka")


class KafkaStreams:
    """The topics of one cluster; see ``storage.streams.Streams``."""

    def __init__(self, brokers: Brokers) -> None:
        """Ask *brokers*."""
        require_package()
        self._brokers = brokers

    def check(self, stream: str) -> None:
        """Raise where there is no such topic."""
        self._partitions(_watching(self._brokers), stream)

    def chunks(self, stream: str, positions: Positions, until: datetime) -> Iterator[Chunk]:
        """Yield what comes after *positions*, up to what there is when a partition is begun."""
        consumer = _consumer(self._brokers)
        try:
            for partition in self._partitions(consumer, stream):
                start, end = _span(consumer, stream, partition, positions)
                if start < end:
                    yield from _partition(consumer, stream, partition, start, end)
        finally:
            consumer.close()

    def pending(self, stream: str, positions: Positions) -> bool:
        """Tell whether there is anything after *positions*."""
        consumer = _watching(self._brokers)
        spans = (_span(consumer, stream, each, positions) for each in self._partitions(consumer, stream))
        return any(start < end for start, end in spans)

    def record(self, chunk: Chunk, row: int) -> Record:
        """Return what is told of one record of a chunk."""
        columns = ["kafka_offset", "kafka_timestamp_type", "kafka_timestamp"]
        offset, kind, arrived = chunk.records.select(columns).slice(row, 1).to_pylist()[0].values()
        return Record(part=chunk.part, position=str(offset), arrived=arrived, kind=kind)

    def _partitions(self, consumer: Any, stream: str) -> list[int]:
        topic = _asked(lambda: consumer.list_topics(stream, timeout=_ANSWER_S)).topics[stream]
        if topic.error is not None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'Kafka topic "{stream}" does not exist')
        return sorted(topic.partitions)


def _span(consumer: Any, stream: str, partition: int, positions: Positions) -> tuple[int, int]:
    """Return the first offset that is to be read and the one after the last."""
    from confluent_kafka import TopicPartition

    where = TopicPartition(stream, partition)
    low, high = _asked(lambda: consumer.get_watermark_offsets(where, timeout=_ANSWER_S))
    return max(low, int(positions.get(str(partition), 0))), high


def _partition(consumer: Any, stream: str, partition: int, start: int, end: int) -> Iterator[Chunk]:
    from confluent_kafka import TopicPartition

    consumer.assign([TopicPartition(stream, partition, start)])
    while start < end:
        records: list[Any] = []
        position = start
        while position < end and len(records) < CHUNK_RECORDS:
            for message in _next(consumer, CHUNK_RECORDS - len(records)):
                ended = _ended(message)
                # What is between two offsets is none of a client's business: the marks of transactions.
                position = max(position, message.offset() + (0 if ended else 1))
                if not ended:
                    records.append(message)
        yield _chunk(partition, records, position)
        start = position


def _next(consumer: Any, most: int) -> list[Any]:
    """Return messages that have arrived, once there are any."""
    first = _asked(lambda: consumer.poll(_ANSWER_S))
    if first is None:
        raise SqlError(SqlState.CONNECTION_FAILURE, "the Kafka brokers do not answer")
    return [first, *(_asked(lambda: consumer.consume(most - 1, timeout=0)) if most > 1 else ())]


def _ended(message: Any) -> bool:
    """Tell whether a message only says that there are no more; raises for one that says what went wrong."""
    from confluent_kafka import KafkaError

    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - it has no other name
        raise SqlError(SqlState.IO_ERROR, f"the Kafka brokers answer: {error.str()}")
    return error is not None


def _asked(question: Callable[[], Any]) -> Any:
    from confluent_kafka import KafkaException

    try:
        return question()
    except KafkaException as error:
        raise SqlError(
            SqlState.CONNECTION_FAILURE, "the Kafka brokers do not answer", detail=str(error.args[0].str())
        ) from None


def _chunk(partition: int, messages: list[Any], position: int) -> Chunk:
    times = [message.timestamp() for message in messages]
    table = pa.table(
        {
            "kafka_partition": [partition] * len(messages),
            "kafka_offset": [message.offset() for message in messages],
            "kafka_timestamp_type": [_KINDS.get(kind, "U") for kind, _ in times],
            "kafka_timestamp": pa.array([value * 1_000 if kind else None for kind, value in times], pa.int64()).cast(
                pa.timestamp("us")
            ),
            "kafka_key": [message.key() for message in messages],
            "kafka_value": [message.value() for message in messages],
            "kafka_headers": [_headers(message.headers()) for message in messages],
        },
        schema=_SCHEMA,
    )
    size = sum(len(message.value() or b"") for message in messages)
    shown = str(messages[-1].offset()) if messages else ""
    return Chunk(part=str(partition), position=str(position), shown=shown, records=table, size_bytes=size)


def _headers(headers: list[tuple[str, bytes | None]] | None) -> str:
    """Return a record's headers as JSON; what is no text is written as hexadecimal digits."""
    return json.dumps([{"key": key, "value": _text(value)} for key, value in headers or ()])


def _text(value: bytes | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


# Clients


@functools.lru_cache(maxsize=16)
def _watching(brokers: Brokers) -> Any:
    """Return a client that reads nothing and is kept: to make one takes a thread and a connection."""
    return _consumer(brokers)


def _consumer(brokers: Brokers) -> Any:
    from confluent_kafka import Consumer

    consumer = Consumer(settings(brokers))
    if brokers.access is not None:
        # The token is asked for when events are looked at.
        consumer.poll(0)
    return consumer


def settings(brokers: Brokers) -> dict[str, Any]:
    """Return the client library's settings."""
    found: dict[str, Any] = {
        "bootstrap.servers": brokers.addresses,
        # Offsets are ours to keep: the group is a word that the library wants.
        "group.id": "duckshift", "enable.auto.commit": False, "enable.auto.offset.store": False,
        "enable.partition.eof": True, "auto.offset.reset": "earliest", "isolation.level": "read_committed",
        "allow.auto.create.topics": False, "socket.connection.setup.timeout.ms": int(_ANSWER_S * 1_000),
        "queued.max.messages.kbytes": 65_536, "log_level": 0,
    }  # fmt: skip
    if brokers.access is not None:
        access = brokers.access
        return found | {
            "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "oauth_cb": lambda _: token(access),
        }  # fmt: skip
    if brokers.certificate:
        return found | {"security.protocol": "SSL"} | _certificate(brokers.certificate)
    ports = {address.rpartition(":")[2] for address in brokers.addresses.split(",")}
    return found | {"security.protocol": "SSL" if ports <= set(_ENCRYPTED) else "PLAINTEXT"}


def _certificate(document: str) -> dict[str, str]:
    try:
        given = json.loads(document)
        found = {"ssl.certificate.pem": str(given["certificate"]), "ssl.key.pem": str(given["privateKey"])}
    except (ValueError, KeyError, TypeError):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, 'the secret is no JSON object with "certificate" and "privateKey"'
        ) from None
    more = (("privateKeyPassphrase", "ssl.key.password"), ("certificateAuthority", "ssl.ca.pem"))
    return found | {setting: str(given[name]) for name, setting in more if name in given}


def token(access: S3Access) -> tuple[str, float]:
    """Return what says who a role is to MSK, and until when: a signed address, as AWS's own clients make it."""
    # Imported here: few servers read topics.
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    region = access.region or "us-east-1"
    request = AWSRequest(
        method="GET", url=f"https://kafka.{region}.amazonaws.com/", params={"Action": "kafka-cluster:Connect"}
    )
    credentials = Credentials(access.access_key_id, access.secret_access_key, access.session_token or None)
    SigV4QueryAuth(credentials, "kafka-cluster", region, expires=_TOKEN_S).add_auth(request)
    signed = f"{request.url}&User-Agent=duckshift"
    return base64.urlsafe_b64encode(signed.encode()).decode().rstrip("="), SystemClock().now().timestamp() + _TOKEN_S
