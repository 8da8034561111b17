"""Starting, draining and stopping the real program with real signals."""

import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.canceling import until_it_runs
from tests.support.server import ROOT, Server


@pytest.fixture(autouse=True)
def from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start and end the program as a command does, not as a fork."""
    monkeypatch.setattr(Server, "nursery", None)


def connect(server: Server) -> psycopg.Connection:
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.database,
        autocommit=True,
    )


def test_a_second_server_is_refused_the_folder(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, pytest.raises(RuntimeError) as caught:
        Server(server.data).start()
    assert "is in use by another duckshift server" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_generated_password_is_kept_privately_and_works(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", environment={"DUCKSHIFT_ADMIN_PASSWORD": ""})
    with server:
        place = tmp_path / "data" / "admin-password"
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        password = place.read_text().strip()
        assert sum(password in line for line in server.log) == 1
        server.password = password
        with connect(server) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("awsuser",)
        assert server.stop() == 0
        server.start()
        assert sum(password in line for line in server.log) == 1
        with connect(server) as connection:
            connection.execute("SELECT 1")


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        with connect(server) as connection:
            connection.execute("CREATE SCHEMA s")
            connection.execute("CREATE TABLE s.t (id int IDENTITY(1,1), a varchar(10) DEFAULT 'x') DISTSTYLE ALL")
            connection.execute("INSERT INTO s.t (a) VALUES ('one')")
            connection.execute("CREATE VIEW s.v AS SELECT a FROM s.t")
            connection.execute("CREATE USER reader PASSWORD 'Reader123x'")
            connection.execute("GRANT USAGE ON SCHEMA s TO reader")
            connection.execute("GRANT SELECT ON s.v TO reader")
        assert server.stop() == 0
        server.start()
        with connect(server) as connection:
            connection.execute("INSERT INTO s.t DEFAULT VALUES")
            rows = connection.execute("SELECT id, a FROM s.t ORDER BY id").fetchall()
            assert [row[1] for row in rows] == ["one", "x"]
            assert rows[0][0] == 1
            assert rows[1][0] > 1
        reader = f"host={server.host} port={server.port} user=reader password=Reader123x dbname=dev"
        with psycopg.connect(reader) as connection:
            assert connection.execute("SELECT count(*) FROM s.v").fetchone() == (2,)


@pytest.mark.fault("SIGTERM while statements run")
def test_sigterm_lets_a_running_statement_end(tmp_path: Path) -> None:
    with Server(tmp_path / "data", environment={"DUCKSHIFT_SERVER_DRAIN_GRACE_S": "30"}) as server:
        busy, idle = connect(server), connect(server)
        answers: list[object] = []

        def work() -> None:
            sql = "SELECT count(*) FROM generate_series(1, 12000) a, generate_series(1, 12000) b WHERE a * b % 7 = 3"
            answers.append(busy.execute(sql).fetchone())

        thread = threading.Thread(target=work)
        thread.start()
        until_it_runs(idle, busy.info.backend_pid)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(psycopg.OperationalError) as caught:
            for _ in range(1_000):
                idle.execute("SELECT 1")
                time.sleep(0.02)
        assert caught.value.sqlstate in {"57P01", None}
        thread.join(60)
        idle.close()
        busy.close()
        assert len(answers) == 1
        assert server.process.wait(60) == 0


@pytest.mark.fault("SIGTERM while statements run")
def test_sigterm_ends_what_outlives_the_grace_period(tmp_path: Path) -> None:
    with Server(tmp_path / "data", environment={"DUCKSHIFT_SERVER_DRAIN_GRACE_S": "1"}) as server:
        busy, idle = connect(server), connect(server)
        states: list[str | None] = []

        def work() -> None:
            try:
                busy.execute(
                    "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a * b % 7 = 3"
                )
            except psycopg.Error as error:
                states.append(error.sqlstate)

        thread = threading.Thread(target=work)
        thread.start()
        until_it_runs(idle, busy.info.backend_pid)
        assert server.stop(60) == 0
        thread.join(60)
        busy.close()
        idle.close()
        assert states == ["57P01"]


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    config = tmp_path / "duckshift.toml"
    config.write_text("[server]\nprot = 5439\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "server.main", "serve", "--config", str(config)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "port" in done.stderr
    assert "Traceback" not in done.stderr
