"""Connections over a real socket, with a small session behind: flow control, errors, cancel, limits, drain."""

import logging
import resource
import socket
import struct
import time
from pathlib import Path

import pytest

from core.errors import ConnectionFatal
from core.sqlstate import SqlState
from tests.support.listener import Running, eventually, names, query, running
from tests.support.session import PASSWORD
from tests.support.wire import Closed


def test_a_small_answer_is_one_write() -> None:
    with running() as server, server.connect() as wire:
        wire.send(query("rows 1 1 3"))
        answer = wire.socket.recv(65_536)
        assert answer[:1] == b"T"
        assert answer.endswith(b"Z\0\0\0\5I")


@pytest.mark.parametrize("chop", [False, True])
def test_several_statements_notices_and_settings(chop: bool) -> None:
    with running() as server, server.connect(chop=chop) as wire:
        messages = wire.query("rows 1 2 1; set TimeZone UTC; copyout; ")
        assert names(messages) == [
            "RowDescription", "DataRow", "DataRow", "CommandComplete",
            "NoticeResponse", "ParameterStatus", "CommandComplete",
            "CopyOutResponse", "CopyData", "CopyData", "CopyData", "CopyDone", "CommandComplete",
            "EmptyQueryResponse", "ReadyForQuery",
        ]  # fmt: skip
        assert messages[2].fields["values"] == ["1", "x"]


def test_a_portal_is_suspended_and_goes_on() -> None:
    with running() as server, server.connect() as wire:
        wire.send('Parse {"query": "rows 1 3 1"}', "Bind", 'Describe {"target": "P"}')
        wire.send('Execute {"rows": 2}', 'Execute {"rows": 2}', "Sync")
        assert names(wire.until()) == [
            "ParseComplete", "BindComplete", "RowDescription", "DataRow", "DataRow", "PortalSuspended",
            "DataRow", "CommandComplete", "ReadyForQuery",
        ]  # fmt: skip


def test_parameters_are_counted() -> None:
    with running() as server, server.connect() as wire:
        wire.send('Parse {"query": "rows 1 1 1"}', 'Bind {"values": ["1"]}', "Execute", "Sync")
        answer = wire.until()
        assert names(answer) == ["ParseComplete", "ErrorResponse", "ReadyForQuery"]
        assert answer[1].fields["code"] == "08P01"


def test_copy_in_and_its_failures() -> None:
    with running() as server, server.connect() as wire:
        wire.send(query("copyin"), 'CopyData {"data": "1\\n2"}', 'CopyData {"data": "\\n"}', "CopyDone")
        assert [str(message) for message in wire.until()][1] == 'CommandComplete {"tag": "COPY 2"}'
        wire.send(query("copyin"), 'CopyFail {"reason": "no"}')
        assert wire.until()[1].fields["message"] == "COPY from stdin failed: no"
        wire.send(query("copyin"), 'CopyData {"data": "bad"}', 'CopyData {"data": "1"}', "CopyDone")
        wire.send(query("rows 1 1 1"))
        assert names(wire.until()) == ["CopyInResponse", "ErrorResponse", "ReadyForQuery"]
        assert names(wire.until())[-2:] == ["CommandComplete", "ReadyForQuery"]


def test_a_client_lost_during_copy_fails_the_copy() -> None:
    with running() as server:
        with server.connect() as wire:
            wire.send(query("copyin"), 'CopyData {"data": "1\\n"}')
            wire.receive()
        session = server.sessions.opened[0]
        assert eventually(lambda: session.copy.failed is not None and session.closed)


def test_an_internal_error_tells_its_number_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with running() as server, server.connect() as wire, caplog.at_level(logging.ERROR):
        error, end = wire.query("boom")
        assert error.fields["code"] == "XX000"
        assert "secret" not in str(error)
        number = error.fields["detail"].split()[-1].rstrip(".")
        assert number in caplog.text
        assert end.name == "ReadyForQuery"
        assert names(wire.query("rows 1 1 1"))[-1] == "ReadyForQuery"


def test_a_wrong_password_and_an_unknown_database_end_the_connection() -> None:
    with running() as server:
        for user, password, database, code in (
            ("ann", "wrong", "dev", "28P01"),
            ("ann", PASSWORD, "nowhere", "3D000"),
        ):
            with server.connect(login=False) as wire:
                with pytest.raises(ConnectionError, match=code):
                    wire.login(user, password, database)
                assert wire.at_end()


def cancel(server: Running, pid: int, secret: bytes) -> None:
    with server.connect(login=False) as wire:
        wire.send_bytes(struct.pack("!IHHi", 12 + len(secret), 1234, 5678, pid) + secret)
        with pytest.raises(Closed):
            wire.receive_bytes(1)


@pytest.mark.parametrize(("version", "size"), [((3, 0), 4), ((3, 2), 32)])
def test_cancel_interrupts_the_right_session_only(version: tuple[int, int], size: int) -> None:
    with running() as server, server.connect(version=version) as wire, server.connect() as other:
        pid, secret = wire.key["pid"], bytes.fromhex(wire.key["secret"])
        assert len(secret) == size
        first, second = server.sessions.opened
        other.send(query("sleep 0.5"))
        wire.send(query("sleep 20"))
        assert eventually(lambda: first.sleeps)
        cancel(server, pid, bytes(size))
        cancel(server, pid + 999, secret)
        assert first.canceled == 0
        cancel(server, pid, secret)
        assert wire.until()[0].fields["code"] == "57014"
        assert names(other.until()) == ["CommandComplete", "ReadyForQuery"]
        assert (first.canceled, second.canceled) == (1, 0)


def test_cancel_reaches_a_copy_that_waits_for_data() -> None:
    with running() as server, server.connect() as wire:
        wire.send(query("copyin"))
        wire.receive()
        cancel(server, wire.key["pid"], bytes.fromhex(wire.key["secret"]))
        assert wire.until()[0].fields["code"] == "57014"


def test_a_cancel_during_copy_ends_that_copy_alone() -> None:
    with running() as server, server.connect() as wire:
        wire.send(query("copyin"), 'CopyData {"data": "slow"}')
        wire.receive()
        assert eventually(lambda: server.sessions.opened[0].sleeps)
        cancel(server, wire.key["pid"], bytes.fromhex(wire.key["secret"]))
        assert wire.until()[0].fields["code"] == "57014"
        wire.send(query("copyin"), 'CopyData {"data": "1\\n"}', "CopyDone")
        assert names(wire.until()) == ["CopyInResponse", "CommandComplete", "ReadyForQuery"]


def test_a_client_that_leaves_takes_its_statement_along() -> None:
    with running() as server:
        wire = server.connect()
        wire.send(query("sleep 20; sleep 20"))
        session = server.sessions.opened[0]
        assert eventually(lambda: session.sleeps)
        wire.close()
        assert eventually(lambda: session.closed)
        assert session.canceled
        assert session.finished == []
        assert eventually(lambda: server.listener.connections == 0)


def test_a_slow_reader_holds_up_production() -> None:
    """A result of 100 MB: what has been produced stays within the socket's buffers, and arrives whole."""
    batches, size = 100, 1000
    with running() as server, server.connect(login=False) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        wire.login("ann", PASSWORD, "dev")
        wire.send(query(f"rows {batches} {size} 1000"))
        session = server.sessions.opened[0]
        assert eventually(lambda: session.produced > 0)
        at_rest = 0
        while session.produced > at_rest:
            at_rest = session.produced
            time.sleep(0.5)
        assert at_rest < 30  # megabytes: the kernel's buffers of both ends, and ours
        received, tail = 0, b""
        while not tail.endswith(b"Z\0\0\0\5I"):
            piece = wire.socket.recv(1 << 20)
            received, tail = received + len(piece), (tail + piece)[-6:]
        assert session.produced == batches
        assert received > 100_000_000


def test_requests_pile_up_only_so_far() -> None:
    """A client that sends without end while its statement runs is no longer read."""
    with running() as server, server.connect() as wire:
        wire.send(query("sleep 1"))
        wire.socket.settimeout(0.3)
        flood = b"".join([b"Q\0\0\0\x0frows 1 1 1\0"] * 1000)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 1 << 26:
                sent += wire.socket.send(flood)
        assert sent < 1 << 25


def test_silent_clients_hold_nobody_up_and_are_dropped() -> None:
    with running(authentication_timeout_s=1) as server, server.connect() as before:
        silent = [server.connect(login=False) for _ in range(20)]
        with server.connect() as wire:
            assert names(wire.query("rows 1 1 1"))[-1] == "ReadyForQuery"
        for idle in silent:
            assert idle.at_end()
            idle.close()
        # That time is over for this one, too.
        assert names(before.query("rows 1 1 1"))[-1] == "ReadyForQuery"


def test_slow_authentication_is_told_why() -> None:
    with running(authentication_timeout_s=1) as server, server.connect(login=False) as wire:
        wire.send('Startup {"parameters": {"user": "ann", "database": "dev"}}')
        assert wire.receive().name == "Authentication"
        assert wire.receive().fields["message"] == "canceling authentication due to timeout"
        assert wire.at_end()


def test_unauthenticated_connections_are_limited() -> None:
    with running(max_unauthenticated=3) as server:
        silent = [server.connect(login=False) for _ in range(3)]
        with server.connect(login=False) as wire:
            assert wire.receive().fields["code"] == "53300"
            assert wire.at_end()
        silent.pop().close()
        assert eventually(lambda: server.listener.connections == 2)
        server.connect().close()
        for idle in silent:
            idle.close()


def test_connections_are_limited() -> None:
    refused = pytest.raises(ConnectionError, match="53300")
    with running(max_connections=1) as server, server.connect(), server.connect(login=False) as wire, refused:
        wire.login("ann", PASSWORD, "dev")


def test_running_out_of_descriptors_is_survived() -> None:
    with running(max_unauthenticated=1000) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        in_use = len(list(Path("/proc/self/fd").iterdir()))
        clients: list[socket.socket] = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 7, hard))
            with pytest.raises(OSError, match="Too many open files"):
                while True:
                    clients.append(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            time.sleep(0.3)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for client in clients:
                client.close()
        time.sleep(1.2)
        with server.connect() as wire:
            assert names(wire.query("rows 1 1 1"))[-1] == "ReadyForQuery"


def test_drain_ends_the_idle_at_once_and_the_running_when_they_have_finished() -> None:
    with running() as server, server.connect() as idle, server.connect() as busy, server.connect() as endless:
        busy.send(query("sleep 0.5"))
        endless.send(query("sleep 60"))
        sessions = server.sessions.opened
        assert eventually(lambda: sessions[1].sleeps and sessions[2].sleeps)
        drained = server.begin(server.listener.drain(1.0))
        assert idle.receive().fields == {
            "severity": "FATAL",
            "code": "57P01",
            "message": "terminating connection due to administrator command",
        }
        assert idle.at_end()
        with pytest.raises(ConnectionRefusedError):
            server.connect(login=False)
        assert names(busy.until("ErrorResponse")) == ["CommandComplete", "ReadyForQuery", "ErrorResponse"]
        assert busy.at_end()
        assert endless.receive().fields["code"] == "57P01"
        assert endless.at_end()
        drained.result(20)
        assert server.sessions.closed == sessions


def test_terminate_ends_one_session() -> None:
    with running() as server, server.connect() as wire, server.connect() as other:
        wire.send(query("sleep 20"))
        assert eventually(lambda: server.sessions.opened[0].sleeps)
        reason = ConnectionFatal(SqlState.ADMIN_SHUTDOWN, "terminating connection due to administrator command")

        async def terminate(pid: int) -> bool:
            return server.listener.terminate(pid, reason)

        assert server.call(terminate(wire.key["pid"]))
        assert wire.receive().fields["code"] == "57P01"
        assert wire.at_end()
        assert not server.call(terminate(999_999))
        assert names(other.query("rows 1 1 1"))[-1] == "ReadyForQuery"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0\0\0\0",
        b"\xff" * 20,
        b"\0\0\0\x09\0\3\0\0\0",
        b"\x16\3\1\2\0\1\0\1\xfc\3\3",
    ],
)
def test_strangers_are_sent_away(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with running() as server, server.connect(login=False) as wire:
        wire.send_bytes(data)
        assert wire.at_end()
        assert "Traceback" not in caplog.text
