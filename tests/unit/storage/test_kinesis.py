"""Shards that are split: their order, their ends, and what is kept of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from core.errors import SqlError
from core.sqlstate import SqlState
from storage import kinesis
from storage.database import S3Access
from storage.kinesis import KinesisStreams

NOW = datetime(2024, 1, 1, tzinfo=UTC)


class Service:
    """Two shards that came from a third, which has ended; two records are handed out at once."""

    def __init__(self) -> None:
        self.records = {"a": ["1", "2", "3"], "b": ["4"], "c": []}
        self.parents = {"a": "gone", "b": "a", "c": "a"}
        self.asked: list[tuple[str, str]] = []

    def list_shards(self, **given: Any) -> dict[str, Any]:
        # Children first, over two pages.
        names = ["c", "b"] if "NextToken" not in given else ["a"]
        found: dict[str, Any] = {"Shards": [{"ShardId": name, "ParentShardId": self.parents[name]} for name in names]}
        return found | ({} if "NextToken" in given else {"NextToken": "more"})

    def get_shard_iterator(self, **given: Any) -> dict[str, Any]:
        self.asked.append((given["ShardId"], given.get("StartingSequenceNumber", given["ShardIteratorType"])))
        records = self.records[given["ShardId"]]
        start = given.get("StartingSequenceNumber")
        return {"ShardIterator": f"{given['ShardId']}:{0 if start is None else records.index(start) + 1}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803 - the service's own names
        shard, _, place = ShardIterator.partition(":")
        start, size = int(place), min(Limit, 2)
        found = self.records[shard][start : start + size]
        end = start + len(found)
        left = len(self.records[shard]) - end
        return {
            "Records": [
                {"SequenceNumber": each, "PartitionKey": "k", "Data": b"xy", "ApproximateArrivalTimestamp": NOW}
                for each in found
            ],
            "MillisBehindLatest": left * 1000,
            "NextShardIterator": None if shard == "a" and not left else f"{shard}:{end}",
        }


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setattr(kinesis, "service_client", lambda access, name: made)
    return made


def test_a_shard_is_read_to_its_end_before_those_it_became(service: Service) -> None:
    streams = KinesisStreams(S3Access())
    positions: dict[str, str] = {}
    assert streams.pending("s", positions)
    service.asked.clear()
    seen = []
    for chunk in streams.chunks("s", positions, NOW):
        positions[chunk.part] = chunk.position
        seen += [(chunk.part, row["sequence_number"]) for row in chunk.records.to_pylist()]
    assert seen == [("a", "1"), ("a", "2"), ("a", "3"), ("b", "4")]
    assert positions == {"a": "closed:3", "b": "4"}
    assert service.asked == [("a", "TRIM_HORIZON"), ("b", "TRIM_HORIZON"), ("c", "TRIM_HORIZON")]
    assert not streams.pending("s", positions)
    service.asked.clear()
    service.records["c"].append("5")
    assert [chunk.part for chunk in streams.chunks("s", positions, NOW)] == ["c"]
    # What has ended is not asked again.
    assert service.asked == [("b", "4"), ("c", "TRIM_HORIZON")]


def test_a_chunk_tells_its_size_and_its_records(service: Service) -> None:
    streams = KinesisStreams(S3Access())
    chunk = next(streams.chunks("s", {}, NOW))
    assert (chunk.records.num_rows, chunk.size_bytes, chunk.shown) == (2, 4, "2")
    record = streams.record(chunk, 1)
    assert (record.part, record.position, record.arrived) == ("a", "2", NOW.replace(tzinfo=None))


@pytest.mark.parametrize(("code", "state"), [
    ("ResourceNotFoundException", SqlState.UNDEFINED_TABLE), ("AccessDeniedException", SqlState.INSUFFICIENT_PRIVILEGE),
    ("InvalidArgumentException", SqlState.IO_ERROR),
])  # fmt: skip
def test_what_is_refused_says_why(monkeypatch: pytest.MonkeyPatch, code: str, state: SqlState) -> None:
    class Refusing:
        def describe_stream_summary(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStreamSummary")

    monkeypatch.setattr(kinesis, "service_client", lambda access, name: Refusing())
    with pytest.raises(SqlError) as caught:
        KinesisStreams(S3Access()).check("s")
    assert caught.value.state is state
