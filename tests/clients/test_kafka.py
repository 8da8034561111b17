"""Streaming ingestion from Kafka: librdkafka's own mock brokers, over the network.

Redshift, "CREATE EXTERNAL SCHEMA" (FROM MSK, FROM KAFKA), "Streaming ingestion to a materialized view".
"""

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.support import kafka
from tests.support.server import Server

if importlib.util.find_spec("confluent_kafka") is None:
    pytest.skip("the package confluent-kafka is not installed", allow_module_level=True)


@dataclass
class Place:
    server: Server
    brokers: kafka.Cluster

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.dsn, autocommit=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("kafka")
    quick = {"DUCKSHIFT_EXTERNAL_STREAM_POLL_MS": "100"}
    with kafka.cluster() as brokers, Server(folder / "data", environment=quick) as server:
        found = Place(server, brokers)
        with found.connect() as connection:
            connection.execute(f"CREATE EXTERNAL SCHEMA k FROM KAFKA AUTHENTICATION none URI '{brokers.address}'")
        yield found


def test_a_view_has_what_records_have(place: Place) -> None:
    place.brokers.put_headed("facts", b'{"a": [1, 2]}', [("trace", b"x1"), ("raw", b"\xff"), ("none", None)])
    place.brokers.put("facts", None, partition=1)
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW facts AS SELECT kafka_partition, kafka_offset, kafka_timestamp_type, kafka_timestamp,"
            " kafka_key, kafka_value, kafka_headers, refresh_time FROM k.facts"
        )
        types = connection.execute(
            "SELECT column_name, data_type FROM svv_columns WHERE table_name = 'facts' ORDER BY ordinal_position"
        ).fetchall()
        assert types == [
            ("kafka_partition", "bigint"), ("kafka_offset", "bigint"), ("kafka_timestamp_type", "character"),
            ("kafka_timestamp", "timestamp without time zone"), ("kafka_key", "binary varying"),
            ("kafka_value", "binary varying"), ("kafka_headers", "super"),
            ("refresh_time", "timestamp without time zone"),
        ]  # fmt: skip
        connection.execute("REFRESH MATERIALIZED VIEW facts")
        rows = connection.execute(
            "SELECT kafka_partition, kafka_offset, kafka_timestamp_type, kafka_timestamp, to_hex(kafka_key),"
            " from_varbyte(kafka_value, 'utf-8'), kafka_headers[0].value::varchar, json_serialize(kafka_headers[1]),"
            " kafka_headers[2].value IS NULL, get_array_length(kafka_headers) FROM facts ORDER BY 1"
        ).fetchall()
        moment = datetime(2023, 11, 14, 22, 13, 20, 123_000)
        assert rows[0] == (
            0, 0, "C", moment, "006b6579", '{"a": [1, 2]}', "x1", '{"key":"raw","value":"ff"}', True, 3,
        )  # fmt: skip
        assert rows[1][:3] == (1, 0, "C")
        assert rows[1][4:7] == (None, None, None)
        assert rows[1][9] == 0


def test_each_record_is_taken_in_once(place: Place) -> None:
    place.brokers.put("once", *(b"%d" % number for number in range(25_000)))
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW once AS SELECT kafka_partition, kafka_offset,"
            " from_varbyte(kafka_value, 'utf-8')::int AS n FROM k.once"
        )
        totals = "SELECT count(*), count(DISTINCT n), sum(n) FROM once"
        connection.execute("REFRESH MATERIALIZED VIEW once")
        assert connection.execute(totals).fetchone() == (25_000, 25_000, sum(range(25_000)))
        connection.execute("REFRESH MATERIALIZED VIEW once")
        assert connection.execute(totals).fetchone() == (25_000, 25_000, sum(range(25_000)))
        place.brokers.put("once", b"25000", b"no number", b"25001")
        connection.execute("REFRESH MATERIALIZED VIEW once")
        assert connection.execute(totals).fetchone() == (25_002, 25_002, sum(range(25_002)))
        told = connection.execute(
            "SELECT trim(stream_name), trim(partition_id), trim(position), stream_timestamp_type"
            " FROM sys_stream_scan_errors WHERE mv_name = 'once'"
        ).fetchall()
        assert told == [("once", "1", "12500", "C")]
        states = connection.execute(
            "SELECT trim(partition_id), sum(scanned_rows), sum(skipped_rows), max(trim(latest_position)::int)"
            " FROM sys_stream_scan_states WHERE mv_name = 'once' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert states == [("0", 12_502, 0, 12_501), ("1", 12_501, 1, 12_500)]


def test_a_view_follows_by_itself(place: Place) -> None:
    place.brokers.put("auto", b"1")
    with place.connect() as connection:
        connection.execute("CREATE MATERIALIZED VIEW auto AUTO REFRESH YES AS SELECT kafka_value FROM k.auto")
        for wanted in (1, 4):
            for _ in range(600):
                if connection.execute("SELECT count(*) FROM auto").fetchone() == (wanted,):
                    break
                time.sleep(0.1)
            assert connection.execute("SELECT count(*) FROM auto").fetchone() == (wanted,)
            place.brokers.put("auto", b"2", b"3", b"4")
        connection.execute("DROP MATERIALIZED VIEW auto")


def test_what_cannot_be_read_says_so(place: Place) -> None:
    with place.connect() as connection:
        with pytest.raises(psycopg.errors.UndefinedTable, match='topic "nothing" does not exist'):
            connection.execute("CREATE MATERIALIZED VIEW nothing AS SELECT kafka_value FROM k.nothing")
        connection.execute("CREATE EXTERNAL SCHEMA nowhere FROM MSK AUTHENTICATION none URI '127.0.0.1:1'")
        kind = "SELECT eskind, esoptions FROM svv_external_schemas WHERE schemaname = 'nowhere'"
        assert connection.execute(kind).fetchone() == (10, '{"AUTHENTICATION":"none","URI":"127.0.0.1:1"}')
        with pytest.raises(psycopg.OperationalError, match="do not answer"):
            connection.execute("CREATE MATERIALIZED VIEW nothing AS SELECT kafka_value FROM nowhere.topic")
        for options, message in (
            ("AUTHENTICATION none", "needs URI"), ("URI 'a:1'", "needs AUTHENTICATION"),
            ("AUTHENTICATION none URI 'file:///etc/passwd'", "no host:port"),
            ("AUTHENTICATION iam URI 'a:1'", "needs IAM_ROLE"),
            ("AUTHENTICATION mtls URI 'a:1'", "without SECRET_ARN"),
            ("AUTHENTICATION kerberos URI 'a:1'", "syntax error"),
        ):  # fmt: skip
            with pytest.raises(psycopg.Error, match=message):
                connection.execute(f"CREATE EXTERNAL SCHEMA other FROM KAFKA {options}")
