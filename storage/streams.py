"""Streams outside the warehouse: what a record has, and what any of them can be asked.

A stream is in parts (Kinesis' shards, Kafka's partitions), each with its own order and its own positions. Redshift,
"Streaming ingestion to a materialized view". ``storage.kinesis`` and ``storage.kafka`` ask the services.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import pyarrow as pa

Positions = Mapping[str, str]
"""Part → up to where it was read; a part that is absent has not been read yet."""
CHUNK_RECORDS: Final = 10_000
"""Records that are handed on at once, of one part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Records of one part that follow each other, and where they end."""

    part: str
    position: str
    """Up to where the part is read with them, as ``Positions`` keeps it."""
    shown: str
    """The last record's position as people know it; empty where there is no record."""
    records: pa.Table
    """Columns by name, as the service has them; may be without rows."""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What error reports tell of a record."""

    part: str
    position: str
    arrived: datetime | None
    kind: str = ""
    """What its time is: C (client creation), L (log append), U (not available)."""


class Streams(Protocol):
    """One service that has streams. Methods block and raise ``SqlError``."""

    def check(self, stream: str) -> None:
        """Raise where there is no such stream."""
        ...

    def chunks(self, stream: str, positions: Positions, until: datetime) -> Iterator[Chunk]:
        """Yield what comes after *positions*, up to what was there at the moment *until*."""
        ...

    def pending(self, stream: str, positions: Positions) -> bool:
        """Tell whether there is anything after *positions*."""
        ...

    def record(self, chunk: Chunk, row: int) -> Record:
        """Return what is told of one record of a chunk."""
        ...


def plain(moment: datetime) -> datetime:
    """Return a moment as TIMESTAMP has it: in UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
