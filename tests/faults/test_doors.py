"""A server that is told to stop ends what came by its other doors, and ends."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.support import aws
from tests.support.flight import Door
from tests.support.server import Server

SLOW = "select count(*) from (select a from generate_series(1,3000000) as g(a)) x, (select b from generate_series(1,300000) as h(b)) y where x.a % 7 = y.b % 5 and x.a * y.b % 3 = 1"
HERE = {"ClusterIdentifier": "duckshift", "Database": "dev", "DbUser": "awsuser"}


def test_a_server_stops_with_everything_open(tmp_path: Path) -> None:
    (tmp_path / "duckshift.toml").write_text(aws.CONFIG)
    environment = {"DUCKSHIFT_FLIGHT_LISTEN": "grpc+tls://127.0.0.1:0", "DUCKSHIFT_SERVER_DRAIN_GRACE_S": "1"}
    server = Server(tmp_path / "data", arguments=("--config", str(tmp_path / "duckshift.toml")), environment=environment)
    with server:
        api = aws.client("redshift-data", server)
        kept = api.execute_statement(Sql="create temp table kept (a int)", SessionKeepAliveSeconds=600, WaitTimeSeconds=20, **HERE)
        assert kept["Status"] == "FINISHED"
        running = api.execute_statement(Sql=SLOW, **HERE)["Id"]
        door = Door(server)
        transaction = door.begin()
        info = door.info("select a, repeat('x', 100) as b from generate_series(1, 20000000) as g(a)")
        reader = door.client.do_get(info.endpoints[0].ticket, door.options)
        reader.read_chunk()
        assert transaction and api.describe_statement(Id=running)["Status"] in {"PICKED", "STARTED"}
        assert server.stop() == 0
        assert not (Path(server.data) / "api-results").exists()
        assert "Traceback" not in "".join(server.log)
        with pytest.raises((BotoCoreError, ClientError)):
            api.list_statements()
    with server:
        assert aws.client("redshift-data", server).list_statements()["Statements"] == []
