"""Kafka brokers on loopback for tests: librdkafka's own mock cluster, in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cluster:
    """Running brokers; a topic is there once something is put to it."""

    address: str
    producer: Any

    def put(self, topic: str, *values: bytes | None, **more: Any) -> None:
        """Append records, the first to partition 0, the next to 1, then 0 again, unless *more* says otherwise."""
        for number, value in enumerate(values):
            self.producer.produce(topic, value=value, **{"partition": number % 2} | more)
        assert self.producer.flush(20) == 0

    def put_headed(self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> None:
        """Append a record with headers."""
        self.put(topic, value, headers=list(headers), key=b"\x00key", timestamp=1_700_000_000_123)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a broker."""
    from confluent_kafka import Producer

    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    yield Cluster(f"{broker.host}:{broker.port}", producer)
