"""Queues with real clients: who waits, who is let in, who is ended or moved. Nothing here depends on speed.

A place is held without work by a client that does not read what it asked for.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
_PATIENCE_S = 60


def _rule(name: str, metric: str, limit: int, action: str) -> dict[str, object]:
    return {
        "rule_name": name, "predicate": [{"metric_name": metric, "operator": ">", "value": limit}], "action": action,
    }  # fmt: skip


MANUAL = [
    {"name": "single", "query_group": ["single"], "query_concurrency": 1},
    {"name": "pair", "query_group": ["pair"], "query_concurrency": 2},
    {"name": "timed", "query_group": ["timed"], "query_concurrency": 1, "max_execution_time": 300},
    {"name": "watched", "query_group": ["watched"], "query_concurrency": 1,
     "rules": [
         _rule("many", "return_row_count", 3, "log"),
         _rule("joins", "join_row_count", 10_000, "log"), _rule("loops", "nested_loop_join_row_count", 500_000, "log"),
         _rule("works", "query_cpu_time", 100, "log"),
     ]},
    {"name": "brief", "query_group": ["brief"], "query_concurrency": 1,
     "rules": [_rule("too_long", "query_execution_time", 1, "abort")]},
    {"name": "first", "query_group": ["hop*"], "query_group_wild_card": 1, "query_concurrency": 1,
     "rules": [_rule("go_on", "query_execution_time", 1, "hop")]},
    {"name": "second", "query_group": ["hop_on", "second"], "query_concurrency": 1},
    {"query_concurrency": 2},
    {"short_query_queue": True},
]  # fmt: skip
# Works until it is told to stop.
ENDLESS = "SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.x + b.x + c.x + d.x < 0"
# Sends more than a connection holds.
FLOOD = "COPY (SELECT a.x FROM numbers a, numbers b, numbers c) TO STDOUT"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with manual queues."""
    environment = {"DUCKSHIFT_WLM_JSON_CONFIGURATION": json.dumps(MANUAL)}
    with Server(tmp_path_factory.mktemp("busy") / "data", environment=environment) as running:
        with _session(running) as connection:
            connection.execute("CREATE TABLE numbers (x int)")
            connection.execute(f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(1_000))}")
            connection.execute("CREATE TABLE notes (note varchar(20))")
        yield running


def _session(server: Server, label: str = "", **settings: str) -> Connection:
    # What comes from the result cache stands in no queue.
    connection = psycopg.connect(server.dsn, autocommit=True, options="-c enable_result_cache_for_session=off")
    if label:
        connection.execute(f"SET query_group TO '{label}'")
    for name, value in settings.items():
        connection.execute(f"SET {name} TO {value}")
    return connection


@contextlib.contextmanager
def holding(server: Server, label: str) -> Iterator[None]:
    """Keep a place of a queue."""
    with _session(server, label) as connection:
        copy = connection.cursor().copy(FLOOD)
        with copy as flood:
            flood.read()
            try:
                yield
            finally:
                connection.cancel()
                with contextlib.suppress(psycopg.errors.QueryCanceled):
                    while flood.read():
                        pass


class Running(threading.Thread):
    """A statement that runs while the test goes on."""

    def __init__(self, connection: Connection, sql: str) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.sql = sql
        self.rows: list[tuple[Any, ...]] = []
        self.error: psycopg.Error | None = None
        self.start()

    def run(self) -> None:
        try:
            cursor = self.connection.execute(self.sql)
            self.rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            self.error = error

    def ended(self) -> "Running":
        """Wait for its end."""
        self.join(_PATIENCE_S)
        assert not self.is_alive()
        return self


def _until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not wanted():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.05)


def _state(watcher: Connection, pid: int) -> tuple[str, str] | None:
    """Return in which queue a session's statement is, and how it stands."""
    row = watcher.execute(
        "SELECT trim(c.name), trim(w.state) FROM stv_wlm_query_state w JOIN stv_wlm_service_class_config c"
        " ON c.service_class = w.service_class JOIN stv_recents r ON r.status = 'Running' AND r.pid = %s"
        " WHERE w.query IN (SELECT query_id FROM sys_query_history h WHERE h.session_id = r.pid AND h.end_time IS NULL)",
        (pid,),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def _waiting(watcher: Connection) -> int:
    row = watcher.execute("SELECT count(*) FROM stv_wlm_query_queue_state").fetchone()
    return row[0] if row else 0


def _waits(watcher: Connection, running: Running, queue: str) -> None:
    pid = running.connection.info.backend_pid
    _until(lambda: _state(watcher, pid) == (queue, "QueuedWaiting"))


def test_a_statement_waits_for_a_slot_and_the_leaders_do_not(busy: Server) -> None:
    with _session(busy) as watcher, _session(busy, "single") as writer, _session(busy, "single") as leader:
        with holding(busy, "single"):
            insert = Running(writer, "INSERT INTO notes VALUES ('waited')")
            _waits(watcher, insert, "single")
            queued = watcher.execute("SELECT position, slot_count FROM stv_wlm_query_queue_state").fetchall()
            assert queued == [(0, 1)]
            assert watcher.execute(
                "SELECT num_queued_queries, num_executing_queries FROM stv_wlm_service_class_state"
                " WHERE service_class = 6"
            ).fetchall() == [(1, 1)]
            # Neither in flight nor running, and what is the leader's own does not stand behind it.
            status = "SELECT trim(status) FROM sys_query_history WHERE query_text LIKE %s AND end_time IS NULL"
            assert leader.execute(status, ("INSERT INTO notes VALUES (''waited%",)).fetchall() in ([], [("queued",)])
            assert leader.execute("SHOW query_group").fetchone() == ("single",)
            leader.execute("BEGIN")
            leader.execute("CREATE TABLE made (x int)")
            leader.execute("ROLLBACK")
        assert insert.ended().error is None
        found = watcher.execute(
            "SELECT w.service_class, w.total_queue_time > 0, trim(w.final_state) FROM stl_wlm_query w"
            " JOIN stl_query q ON q.query = w.query WHERE q.querytxt LIKE 'INSERT INTO notes VALUES (''waited%'"
        ).fetchall()
        assert found == [(6, True, "Completed")]


def test_a_wait_can_be_canceled_timed_and_lost(busy: Server) -> None:
    with _session(busy) as watcher, holding(busy, "single"):
        canceled = Running(_session(busy, "single"), "INSERT INTO notes VALUES ('no')")
        _waits(watcher, canceled, "single")
        canceled.connection.cancel()
        assert isinstance(canceled.ended().error, psycopg.errors.QueryCanceled)
        # statement_timeout counts the time in the queue.
        timed = Running(_session(busy, "single", statement_timeout="100"), "INSERT INTO notes VALUES ('no')")
        error = timed.ended().error
        assert isinstance(error, psycopg.errors.QueryCanceled)
        assert "statement timeout" in str(error)
        lost = _session(busy, "single")
        with lost.cursor() as cursor:
            lost.pgconn.send_query(b"INSERT INTO notes VALUES ('no')")
            _until(lambda: _state(watcher, lost.info.backend_pid) == ("single", "QueuedWaiting"))
            del cursor
        lost.pgconn.finish()
        _until(lambda: not _waiting(watcher))
        for each in (canceled, timed):
            each.connection.close()
        assert watcher.execute("SELECT count(*) FROM notes WHERE note = 'no'").fetchone() == (0,)


def test_superusers_have_a_queue_of_their_own(busy: Server) -> None:
    with _session(busy, "superuser") as boss, contextlib.ExitStack() as full:
        for label in ("single", "pair", "pair", "", ""):
            full.enter_context(holding(busy, label))
        assert boss.execute("SELECT count(*) FROM numbers").fetchone() == (1_000,)
    with _session(busy) as watcher:
        assert watcher.execute(
            "SELECT service_class FROM stl_wlm_query ORDER BY query DESC LIMIT 1"
        ).fetchone() == (5,)  # fmt: skip


def test_a_short_statement_runs_beside_a_full_queue(busy: Server) -> None:
    with _session(busy, "single") as reader:
        with holding(busy, "single"):
            assert reader.execute("SELECT max(x) FROM numbers").fetchone() == (999,)
        assert reader.execute(
            "SELECT service_class_id, trim(short_query_accelerated) FROM sys_query_history"
            " WHERE query_text = 'SELECT max(x) FROM numbers'"
        ).fetchall() == [(14, "true")]


def test_slots(busy: Server) -> None:
    insert = "INSERT INTO notes VALUES ('two')"
    with _session(busy) as watcher, _session(busy, "pair", wlm_query_slot_count="2") as large:
        assert Running(large, insert).ended().error is None
        with holding(busy, "pair"):
            waiting = Running(large, insert)
            _waits(watcher, waiting, "pair")
        assert waiting.ended().error is None
        large.execute("SET wlm_query_slot_count TO 3")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="wlm_query_slot_count"):
            large.execute(insert)
        assert watcher.execute(
            "SELECT DISTINCT slots FROM svl_query_queue_info WHERE querytxt LIKE 'INSERT INTO notes VALUES (''two%'"
        ).fetchall() == [(2,)]


def test_rules_abort_and_log(busy: Server) -> None:
    words = r"by WLM abort action of .* Rule \"too_long\"\."
    with _session(busy, "brief") as brief, pytest.raises(psycopg.errors.QueryCanceled, match=words):
        brief.execute(ENDLESS)
    with _session(busy, "watched") as watched:
        watched.execute("SELECT x FROM numbers LIMIT 4").fetchall()
        watched.execute("SELECT x FROM numbers LIMIT 3").fetchall()
        found = watched.execute(
            "SELECT trim(rule), trim(action), trim(service_class_name) FROM stl_wlm_rule_action"
            " WHERE rule IN ('too_long', 'many') ORDER BY recordtime"
        ).fetchall()
        assert found == [("too_long", "abort", "brief"), ("many", "log", "watched")]


def test_rules_log_what_a_statement_has_cost(busy: Server) -> None:
    with _session(busy, "watched") as watched:
        for text in (
            "SELECT 'one', count(*) FROM numbers a, numbers b, numbers c WHERE c.x < 9 AND a.x + b.x + c.x > 0",
            "SELECT 'two', count(*) FROM numbers a JOIN numbers b ON a.x % 10 = b.x % 10 JOIN numbers c ON c.x % 9 = b.x % 9",
            "SELECT 'six', count(*) FROM numbers a JOIN numbers b ON a.x = b.x",
        ):
            # From the lake, and from copies.
            for _ in range(8):
                watched.execute(text)
        found = watched.execute(
            "SELECT trim(rule), substring(querytxt, 9, 3), count(*) FROM stl_wlm_rule_action r"
            " JOIN stl_query q ON q.query = r.query WHERE rule IN ('joins', 'loops', 'works') GROUP BY 1, 2 ORDER BY 2, 1"
        ).fetchall()
        assert found == [("joins", "one", 8), ("loops", "one", 8), ("joins", "two", 8)]


def test_to_fetch_takes_a_place(busy: Server) -> None:
    with _session(busy) as watcher, _session(busy, "single") as reader:
        reader.execute("BEGIN")
        reader.execute("DECLARE c CURSOR FOR SELECT a.x FROM numbers a, numbers b ORDER BY a.x")
        with holding(busy, "single"):
            fetching = Running(reader, "FETCH 5 FROM c")
            _waits(watcher, fetching, "single")
        assert fetching.ended().rows == [(0,)] * 5
        reader.execute("COMMIT")


def test_a_time_out_of_a_queue(busy: Server) -> None:
    with _session(busy, "timed") as timed, pytest.raises(psycopg.errors.QueryCanceled, match="by WLM timeout"):
        timed.execute(ENDLESS)


def test_a_statement_goes_on_in_the_next_queue(busy: Server) -> None:
    with _session(busy) as watcher, _session(busy, "hop_on") as hopping:
        moved = Running(hopping, ENDLESS)
        _until(lambda: _state(watcher, hopping.info.backend_pid) == ("second", "Running"))
        hopping.cancel()
        assert isinstance(moved.ended().error, psycopg.errors.QueryCanceled)
        states = watcher.execute(
            "SELECT trim(service_class_name), trim(final_state) FROM stl_wlm_query WHERE service_class_name IN"
            " ('first', 'second') ORDER BY queue_start_time"
        ).fetchall()
        assert states == [("first", "Evicted"), ("second", "Completed")]


@pytest.mark.parametrize("sql", [ENDLESS, f"CREATE TABLE copied AS {ENDLESS}"])
def test_a_statement_begins_again_in_the_next_queue(busy: Server, sql: str) -> None:
    with _session(busy) as watcher, _session(busy, "hop_on") as hopping:
        before = watcher.execute("SELECT max(query) FROM stl_query").fetchone()
        with holding(busy, "second"):
            again = Running(hopping, sql)
            _waits(watcher, again, "second")
            assert watcher.execute(
                "SELECT trim(action) FROM stl_wlm_rule_action WHERE query > %s AND rule = 'go_on'", before
            ).fetchall() == [("hop(restart)",)]
        _until(lambda: _state(watcher, hopping.info.backend_pid) == ("second", "Running"))
        hopping.cancel()
        assert isinstance(again.ended().error, psycopg.errors.QueryCanceled)
        # Its numbers differ, but not that of its task.
        tasks = watcher.execute(
            "SELECT count(DISTINCT task), count(DISTINCT query) FROM stl_wlm_query WHERE query > %s"
            " AND service_class_name IN ('first', 'second') AND userid = 100 AND task IN"
            " (SELECT task FROM stl_wlm_query WHERE final_state = 'Evicted' AND query > %s)",
            (before[0], before[0]) if before else (0, 0),
        ).fetchone()
        assert tasks == (1, 2)
        assert hopping.execute("SELECT 1").fetchone() == (1,)


def test_no_queue_is_left(busy: Server) -> None:
    words = r"by WLM hop action of .* Rule \"go_on\"\."
    with _session(busy, "hop_off") as hopping, pytest.raises(psycopg.errors.QueryCanceled, match=words):
        hopping.execute(ENDLESS)


def test_a_waiting_statement_and_a_waiting_lock_do_not_wait_for_each_other(busy: Server) -> None:
    """One has the lock and needs the place, the other has the place and needs the lock."""
    with _session(busy) as watcher, _session(busy, "single") as owner, _session(busy, "single") as other:
        owner.execute("BEGIN")
        owner.execute("CREATE TABLE copied_too (x int)")
        # Takes the queue's one place, and waits for those who change the catalog.
        second = Running(other, "CREATE TABLE another AS SELECT x FROM numbers")
        _until(
            lambda: watcher.execute(
                "SELECT num_serviced_queries > 0 FROM stv_wlm_service_class_state WHERE service_class = 6"
            ).fetchone()
            == (True,)
        )
        assert owner.execute("INSERT INTO copied_too SELECT x FROM numbers").rowcount == 1_000
        owner.execute("COMMIT")
        assert second.ended().error is None


def test_priorities(tmp_path_factory: pytest.TempPathFactory) -> None:
    queues = [
        {"query_group": ["lowly"], "priority": "low", "queue_type": "auto"},
        {"query_group": ["lofty"], "priority": "highest", "queue_type": "auto"},
        {"auto_wlm": True},
    ]
    # Six of the workers are for others than the queues.
    environment = {"DUCKSHIFT_WLM_JSON_CONFIGURATION": json.dumps(queues), "DUCKSHIFT_ENGINE_WORKERS": "7"}
    folder = tmp_path_factory.mktemp("ranked") / "data"
    with Server(folder, environment=environment) as server, _session(server) as watcher:
        watcher.execute("CREATE TABLE numbers (x int)")
        watcher.execute(f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(1_000))}")
        with holding(server, ""):
            started = []
            for label in ("lowly", "plain", "lofty"):
                watcher.execute(f"CREATE TABLE {label} (x int)")
                one = Running(_session(server, label), f"DELETE FROM {label}")
                started.append(one)
                _until(lambda: _waiting(watcher) == len(started))
            ranked = "SELECT trim(query_priority) FROM stv_wlm_query_state w JOIN stv_wlm_query_queue_state q"
            assert watcher.execute(f"{ranked} ON q.query = w.query ORDER BY q.position").fetchall() == [
                ("Highest",), ("Normal",), ("Low",),
            ]  # fmt: skip
        for one in started:
            assert one.ended().error is None
            one.connection.close()
        order = watcher.execute(
            "SELECT trim(query_priority) FROM stl_wlm_query w JOIN stl_query q ON q.query = w.query"
            " WHERE q.querytxt LIKE 'DELETE%' ORDER BY w.exec_start_time"
        ).fetchall()
        assert order == [("Highest",), ("Normal",), ("Low",)]
