"""Hostile bytes over a real socket: an error or a closed connection, and the server serves on."""

import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.test_wire_chunking import STREAMS, frames
from tests.support.listener import Running, names, running
from tests.support.wire import Closed, encode


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(authentication_timeout_s=5) as started:
        yield started


GOOD = st.sampled_from(
    [
        encode(line)
        for line in (
            'Query {"query": "rows 1 2 3"}',
            'Query {"query": "copyin"}',
            'Query {"query": "nonsense"}',
            'Query {"query": "boom"}',
            'Parse {"query": "rows 1 2 $1"}',
            'Bind {"values": ["1"]}',
            'Describe {"target": "S"}',
            'Execute {"rows": 1}',
            "Execute",
            'CopyData {"data": "1\\n"}',
            "CopyDone",
            'CopyFail {"reason": "x"}',
            'Close {"target": "S"}',
            "Flush",
            "Sync",
        )
    ]
)


@pytest.mark.parametrize("login", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent(server: Running, caplog: pytest.LogCaptureFixture, login: bool, data: st.DataObject) -> None:
    stream = data.draw(st.lists(st.one_of(GOOD, frames()), max_size=15).map(b"".join) if login else STREAMS)
    with server.connect(login=login) as wire, caplog.at_level(logging.ERROR):
        wire.socket.settimeout(0.1)
        wire.send_bytes(stream + encode("Terminate"))
        # Where the last frame is not complete, the server rightly waits for more.
        with suppress(Closed, TimeoutError):
            while wire.receive_bytes(1):
                pass
    assert "ended badly" not in caplog.text
    with server.connect() as wire:
        assert names(wire.query("rows 1 1 1"))[-1] == "ReadyForQuery"
