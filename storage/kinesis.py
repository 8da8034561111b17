"""Amazon Kinesis Data Streams, read shard by shard.

A shard's position is the sequence number of its last record that was read; after ``closed:`` where the shard was
split or merged and has no more to come.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.aws import service_client
from storage.database import S3Access
from storage.streams import CHUNK_RECORDS, Chunk, Positions, Record, plain

_CLOSED: Final = "closed:"
_SCHEMA: Final = pa.schema([
    ("approximate_arrival_timestamp", pa.timestamp("us")), ("partition_key", pa.string()), ("shard_id", pa.string()),
    ("sequence_number", pa.string()), ("kinesis_data", pa.large_binary()),
])  # fmt: skip
_SIZE: Final = "kinesis_data"


class KinesisStreams:
    """The streams of one account and region; see ``storage.streams.Streams``."""

    def __init__(self, access: S3Access) -> None:
        """Ask as *access*."""
        self._access = access

    def check(self, stream: str) -> None:
        """Raise where there is no such stream."""
        self._asked("describe_stream_summary", stream, StreamName=stream)

    def chunks(self, stream: str, positions: Positions, until: datetime) -> Iterator[Chunk]:
        """Yield what comes after *positions*; a shard ends at its tip, or with what arrived after *until*."""
        for shard in self._shards(stream):
            yield from self._shard(stream, shard, positions.get(shard), until)

    def pending(self, stream: str, positions: Positions) -> bool:
        """Tell whether there is anything after *positions*."""
        for shard in self._shards(stream):
            iterator = self._iterator(stream, shard, positions.get(shard))
            while iterator:
                answer = self._asked("get_records", stream, ShardIterator=iterator, Limit=1)
                if answer["Records"]:
                    return True
                iterator = answer.get("NextShardIterator") if answer.get("MillisBehindLatest") else None
        return False

    def record(self, chunk: Chunk, row: int) -> Record:
        """Return what is told of one record of a chunk."""
        facts = chunk.records.slice(row, 1).drop_columns([_SIZE]).to_pylist()[0]
        return Record(
            part=chunk.part, position=facts["sequence_number"], arrived=facts["approximate_arrival_timestamp"], kind="L"
        )

    def _shards(self, stream: str) -> list[str]:
        """Return the shards, those that others came from first."""
        found: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"StreamName": stream}
        while asked:
            answer = self._asked("list_shards", stream, **asked)
            found += answer["Shards"]
            asked = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
        parents = {
            item["ShardId"]: {item.get("ParentShardId"), item.get("AdjacentParentShardId")} & {
                other["ShardId"] for other in found
            }
            for item in found
        }  # fmt: skip
        ordered: dict[str, None] = {}
        while len(ordered) < len(parents):
            ordered |= {name: None for name in sorted(parents) if parents[name] <= ordered.keys()}
        return list(ordered)

    def _iterator(self, stream: str, shard: str, position: str | None) -> str | None:
        if position is not None and position.startswith(_CLOSED):
            return None
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if position:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position}
        answer = self._asked("get_shard_iterator", stream, StreamName=stream, ShardId=shard, **where)
        return str(answer["ShardIterator"])

    def _shard(self, stream: str, shard: str, position: str | None, until: datetime) -> Iterator[Chunk]:
        iterator, last = self._iterator(stream, shard, position), position or ""
        while iterator:
            answer = self._asked("get_records", stream, ShardIterator=iterator, Limit=CHUNK_RECORDS)
            records, iterator = answer["Records"], answer.get("NextShardIterator")
            last = records[-1]["SequenceNumber"] if records else last
            if records or not iterator:
                yield _chunk(shard, records, last if iterator else f"{_CLOSED}{last}")
            tip = not answer.get("MillisBehindLatest")
            if tip or (records and records[-1]["ApproximateArrivalTimestamp"] > until):
                return

    def _asked(self, operation: str, stream: str, **arguments: Any) -> Any:
        try:
            return getattr(service_client(self._access, "kinesis"), operation)(**arguments)
        except ClientError as error:
            raise _refused(error, stream) from None
        except BotoCoreError:
            raise SqlError(SqlState.CONNECTION_FAILURE, "Amazon Kinesis cannot be reached") from None


def _refused(error: ClientError, stream: str) -> SqlError:
    facts = error.response.get("Error", {})
    if facts.get("Code") == "ResourceNotFoundException":
        return SqlError(SqlState.UNDEFINED_TABLE, f'Kinesis stream "{stream}" does not exist')
    denied = facts.get("Code") in {"AccessDeniedException", "UnrecognizedClientException"}
    return SqlError(
        SqlState.INSUFFICIENT_PRIVILEGE if denied else SqlState.IO_ERROR,
        f'Kinesis stream "{stream}" cannot be read: {facts.get("Message", "")}',
    )


def _chunk(shard: str, records: list[dict[str, Any]], position: str) -> Chunk:
    data = [item["Data"] for item in records]
    table = pa.table(
        {
            "approximate_arrival_timestamp": [plain(item["ApproximateArrivalTimestamp"]) for item in records],
            "partition_key": [item["PartitionKey"] for item in records],
            "shard_id": [shard] * len(records),
            "sequence_number": [item["SequenceNumber"] for item in records],
            "kinesis_data": data,
        },
        schema=_SCHEMA,
    )
    shown = str(records[-1]["SequenceNumber"]) if records else ""
    return Chunk(part=shard, position=position, shown=shown, records=table, size_bytes=sum(map(len, data)))
