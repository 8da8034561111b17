"""The codec: cutting, reading, legality, limits. Expectations are PostgreSQL's protocol chapter."""

import struct

import pytest

from core.sqlstate import SqlState
from server.wire import messages as m
from server.wire import startup as s
from server.wire.framing import ProtocolViolation
from server.wire.protocol import Event, ServerProtocol
from server.wire.state import TABLE, TRANSITIONS, Happening, State


def packet(code: tuple[int, int], rest: bytes = b"") -> bytes:
    return struct.pack("!IHH", len(rest) + 8, *code) + rest


def frame(tag: bytes, body: bytes = b"") -> bytes:
    return tag + struct.pack("!I", len(body) + 4) + body


STARTUP = packet((3, 0), b"user\0ann\0\0")


def ready(limit: int = 1 << 20) -> ServerProtocol:
    protocol = ServerProtocol(max_message_bytes=limit)
    protocol.feed(STARTUP)
    assert isinstance(protocol.next_event(), s.Startup)
    protocol.happened(Happening.AUTHENTICATED)
    protocol.happened(Happening.READY)
    return protocol


def events(protocol: ServerProtocol) -> list[Event]:
    return list(iter(protocol.next_event, None))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (frame(b"Q", b"select 1\0"), m.Query(text="select 1")),
        (frame(b"Q", b"\0"), m.Query(text="")),
        (frame(b"Q", "sélect\0".encode()), m.Query(text="sélect")),
        (frame(b"P", b"s\0select $1\0\0\1\0\0\0\x17"), m.Parse(name="s", text="select $1", parameter_oids=(23,))),
        (frame(b"P", b"\0select 1\0\0\0"), m.Parse(name="", text="select 1")),
        (
            frame(b"B", b"p\0s\0\0\1\0\1\0\2\0\0\0\2hi\xff\xff\xff\xff\0\1\0\0"),
            m.Bind(portal="p", statement="s", parameter_formats=(1,), values=(b"hi", None), result_formats=(0,)),
        ),
        (frame(b"B", b"\0\0\0\0\0\1\0\0\0\0\0\0"), m.Bind(portal="", statement="", values=(b"",))),
        (frame(b"D", b"Sname\0"), m.Describe(target="S", name="name")),
        (frame(b"D", b"P\0"), m.Describe(target="P", name="")),
        (frame(b"E", b"p\0\0\0\0\5"), m.Execute(portal="p", max_rows=5)),
        (frame(b"C", b"Ps\0"), m.Close(target="P", name="s")),
        (frame(b"H"), m.Flush()),
        (frame(b"S"), m.Sync()),
        (frame(b"X"), m.Terminate()),
        (frame(b"F", b"anything"), m.FunctionCall()),
    ],
)
def test_messages_are_read(data: bytes, message: Event) -> None:
    protocol = ready()
    protocol.feed(data)
    assert events(protocol) == [message]
    assert protocol.buffered == 0


@pytest.mark.parametrize(
    ("data", "state", "text"),
    [
        (frame(b"Q", b"select 1"), "08P01", "invalid string in message"),
        (frame(b"Q", b"a\0b"), "08P01", "invalid message format"),
        (frame(b"Q", b"'\xff'\0"), "22021", 'invalid byte sequence for encoding "UTF8": 0xff'),
        (frame(b"P", b"\0\0"), "08P01", "insufficient data left in message"),
        (frame(b"P", b"\0\0\xff\xff"), "08P01", "insufficient data left in message"),
        (frame(b"B", b"\0\0\xff\xff"), "08P01", "insufficient data left in message"),
        (frame(b"B", b"\0\0\0\0\xff\xff"), "08P01", "insufficient data left in message"),
        (frame(b"B", b"\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"), "08P01", "insufficient data left in message"),
        (frame(b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), "08P01", "insufficient data left in message"),
        (frame(b"B", b"\0\0\0\0\0\0\0\0x"), "08P01", "invalid message format"),
        (frame(b"D", b"Xname\0"), "08P01", "invalid DESCRIBE message subtype 88"),
        (frame(b"C", b"Xname\0"), "08P01", "invalid CLOSE message subtype 88"),
        (frame(b"E", b"p\0\0\0"), "08P01", "insufficient data left in message"),
        (frame(b"S", b"x"), "08P01", "invalid message format"),
    ],
)
def test_a_wrong_body_spoils_its_own_message_only(data: bytes, state: str, text: str) -> None:
    protocol = ready()
    protocol.feed(data + frame(b"X"))
    event = protocol.next_event()
    assert event == m.Rejected(tag=data[:1], state=SqlState(state), message=text)
    assert protocol.state is not State.CLOSED


@pytest.mark.parametrize(
    "data",
    [
        b"Q\0\0\0\3",  # shorter than its own length
        b"Q\xff\xff\xff\xff",
        b"Q\x7f\xff\xff\xff",
        frame(b"S", bytes(10_000)),  # small messages have a small limit
        b"z",  # no such type, known by its first byte
        b"\0",
        frame(b"p", b"password\0"),  # a password when none was asked for
    ],
)
def test_a_broken_stream_closes(data: bytes) -> None:
    protocol = ready()
    protocol.feed(data)
    assert protocol.ready()
    with pytest.raises(ProtocolViolation) as caught:
        protocol.next_event()
    assert caught.value.state is SqlState.PROTOCOL_VIOLATION
    assert caught.value.severity == "FATAL"
    assert protocol.state is State.CLOSED
    protocol.feed(frame(b"Q", b"\0"))
    assert protocol.next_event() is None
    assert protocol.buffered == 0


def test_an_oversized_message_is_refused_by_its_header_alone() -> None:
    protocol = ready(limit=1000)
    protocol.feed(b"Q" + struct.pack("!I", 1001))
    with pytest.raises(ProtocolViolation):
        protocol.next_event()
    protocol = ready(limit=1000)
    protocol.feed(frame(b"Q", b"a" * 995 + b"\0"))
    assert isinstance(protocol.next_event(), m.Query)


def test_nothing_is_allocated_for_a_length_that_is_only_claimed() -> None:
    protocol = ServerProtocol(max_message_bytes=1 << 30)
    protocol.feed(STARTUP)
    protocol.next_event()
    protocol.happened(Happening.AUTHENTICATED)
    protocol.happened(Happening.READY)
    protocol.feed(b"Q" + struct.pack("!I", 1 << 30))
    assert protocol.next_event() is None
    assert protocol.buffered == 5


def test_pipelined_messages_come_one_by_one() -> None:
    protocol = ready()
    protocol.feed(frame(b"P", b"\0select 1\0\0\0") + frame(b"E", b"\0\0\0\0\0") + frame(b"S") + frame(b"Q", b"\0"))
    assert isinstance(protocol.next_event(), m.Parse)
    assert isinstance(protocol.next_event(), m.Execute)
    assert isinstance(protocol.next_event(), m.Sync)
    protocol.happened(Happening.READY)
    assert isinstance(protocol.next_event(), m.Query)


def test_after_an_error_everything_up_to_sync_is_dropped() -> None:
    protocol = ready()
    protocol.feed(frame(b"P", b"\0bad\0\0\0"))
    protocol.next_event()
    protocol.happened(Happening.FAILED)
    skipped = frame(b"B", b"garbage") + frame(b"E", b"\0\0\0\0\0") + frame(b"Q", b"select 1\0") + frame(b"d", b"x")
    protocol.feed(skipped + frame(b"S"))
    assert protocol.next_event() == m.Sync()
    assert protocol.state is State.SYNCING


def test_an_error_in_a_simple_query_skips_nothing() -> None:
    protocol = ready()
    protocol.feed(frame(b"Q", b"bad\0") + frame(b"Q", b"good\0"))
    protocol.next_event()
    protocol.happened(Happening.FAILED)
    protocol.happened(Happening.READY)
    assert protocol.next_event() == m.Query(text="good")


def test_copy_in_takes_its_own_messages_and_ignores_flush_and_sync() -> None:
    protocol = ready()
    protocol.feed(frame(b"Q", b"copy\0"))
    protocol.next_event()
    protocol.happened(Happening.COPY_STARTED)
    protocol.feed(frame(b"d", b"1\n") + frame(b"H") + frame(b"S") + frame(b"d", b"2\n") + frame(b"c"))
    assert [protocol.next_event() for _ in range(3)] == [m.CopyData(b"1\n"), m.CopyData(b"2\n"), m.CopyDone()]
    assert protocol.state is State.SIMPLE


def test_a_query_in_the_middle_of_copy_is_a_violation() -> None:
    protocol = ready()
    protocol.feed(frame(b"Q", b"copy\0"))
    protocol.next_event()
    protocol.happened(Happening.COPY_STARTED)
    protocol.feed(frame(b"Q", b"select 1\0"))
    with pytest.raises(ProtocolViolation, match="during COPY from stdin"):
        protocol.next_event()


def test_what_is_left_of_a_failed_copy_is_dropped() -> None:
    protocol = ready()
    protocol.feed(frame(b"Q", b"copy\0") + frame(b"d", b"1") + frame(b"d", b"2") + frame(b"c") + frame(b"Q", b"\0"))
    protocol.next_event()
    protocol.happened(Happening.COPY_STARTED)
    protocol.next_event()
    protocol.happened(Happening.FAILED)
    protocol.happened(Happening.READY)
    assert protocol.next_event() == m.Query(text="")


def test_only_authentication_is_legal_before_it_is_over() -> None:
    protocol = ServerProtocol()
    protocol.feed(STARTUP + frame(b"p", b"secret\0") + frame(b"Q", b"\0"))
    assert isinstance(protocol.next_event(), s.Startup)
    assert protocol.next_event() == m.AuthenticationResponse(b"secret\0")
    with pytest.raises(ProtocolViolation):
        protocol.next_event()


def test_an_authentication_message_is_limited_in_size() -> None:
    protocol = ServerProtocol()
    protocol.feed(STARTUP + b"p" + struct.pack("!I", 65_536))
    protocol.next_event()
    with pytest.raises(ProtocolViolation):
        protocol.next_event()


@pytest.mark.parametrize("tag", [b"d", b"i", b"p"])
def test_redshift_answers_to_authentication_are_taken(tag: bytes) -> None:
    protocol = ServerProtocol()
    protocol.feed(STARTUP + frame(tag, b"x"))
    protocol.next_event()
    assert protocol.next_event() == m.AuthenticationResponse(b"x")


def test_what_comes_again_is_the_same_and_what_was_wrong_stays_wrong() -> None:
    protocol = ready()
    right, wrong = frame(b"E", b"again\0\0\0\0\5"), frame(b"D", b"Qagain\0")
    protocol.feed((right + wrong) * 2 + frame(b"D", b"Pagain\0") + frame(b"E", b"again\0\0\0\0\6"))
    found = events(protocol)
    assert found[0] == found[2] == m.Execute(portal="again", max_rows=5)
    assert isinstance(found[1], m.Rejected)
    assert found[3] == found[1]
    assert found[4:] == [m.Describe(target="P", name="again"), m.Execute(portal="again", max_rows=6)]


def test_each_transition_is_listed_once() -> None:
    assert len(TABLE) == len(TRANSITIONS)


def test_every_state_but_the_last_can_be_left_and_reached() -> None:
    assert {row.state for row in TRANSITIONS} == set(State)
    assert {row.next for row in TRANSITIONS} | {State.INITIAL} == set(State)


def test_every_state_says_what_each_message_means_once_ready() -> None:
    kinds = {form.message for form in m.FORMS}
    for state in (State.READY, State.EXTENDED, State.SKIPPING):
        assert {kind for kind in kinds if (state, kind) in TABLE} == kinds
