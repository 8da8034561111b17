"""The first packets: encryption requests, versions, parameters, cancel keys."""

import struct

import pytest

from core.sqlstate import SqlState
from server.wire import startup as s
from server.wire.framing import ProtocolViolation
from server.wire.protocol import Event, ServerProtocol
from server.wire.state import Happening


def packet(code: tuple[int, int], rest: bytes = b"") -> bytes:
    return struct.pack("!IHH", len(rest) + 8, *code) + rest


TLS = packet((1234, 5679))
GSS = packet((1234, 5680))


def first(data: bytes) -> Event | None:
    protocol = ServerProtocol()
    protocol.feed(data)
    return protocol.next_event()


def test_parameters_are_pairs() -> None:
    event = first(packet((3, 0), b"user\0ann\0database\0dev\0application_name\0\0\0"))
    assert event == s.Startup(minor=0, parameters=(("user", "ann"), ("database", "dev"), ("application_name", "")))


def test_odd_values_of_unimportant_parameters_are_taken() -> None:
    event = first(packet((3, 0), b"user\0ann\0os_version\0\xff\xfe\0client_encoding\0'utf-8'\0driver_version\0x\0\0"))
    assert isinstance(event, s.Startup)
    assert dict(event.parameters)["client_encoding"] == "'utf-8'"
    assert dict(event.parameters)["os_version"] == "��"


def test_an_open_last_value_is_taken_where_it_does_not_matter() -> None:
    event = first(packet((3, 0), b"user\0ann\0application_name\0tool"))
    assert isinstance(event, s.Startup)
    assert dict(event.parameters) == {"user": "ann", "application_name": "tool"}


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"user",
        b"user\0ann",  # whom one logs in as must be told properly
        b"user\0ann\0database\0dev",
        b"user\0\xff\0\0",
        b"user\0ann\0application_name",
        b"user\0ann\0\0more",
    ],
)
def test_a_broken_layout_is_refused(rest: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        first(packet((3, 0), rest))


@pytest.mark.parametrize("length", [0, 3, 4, 7, 10_001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_out_of_bounds_is_refused_at_once(length: int) -> None:
    with pytest.raises(ProtocolViolation, match="invalid length of startup packet"):
        first(struct.pack("!I", length))


def test_the_longest_packet_is_taken() -> None:
    rest = b"user\0ann\0x\0"
    event = first(packet((3, 0), rest + b"v" * (10_000 - 8 - len(rest) - 2) + b"\0\0"))
    assert isinstance(event, s.Startup)


def test_other_protocols_are_refused() -> None:
    for code in ((2, 0), (4, 0), (0, 0), (1234, 9999)):
        with pytest.raises(ProtocolViolation, match="unsupported frontend protocol") as caught:
            first(packet(code))
        assert caught.value.state is SqlState.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize(("asked", "spoken"), [(0, (3, 0)), (2, (3, 2)), (3, (3, 2)), (9999, (3, 2))])
def test_a_newer_minor_version_is_talked_down(asked: int, spoken: tuple[int, int]) -> None:
    event = first(packet((3, asked), b"user\0a\0\0"))
    assert isinstance(event, s.Startup)
    assert event.version == spoken
    assert s.needs_negotiation(event) == (asked > 2)


def test_protocol_options_are_reported_back() -> None:
    event = first(packet((3, 0), b"user\0a\0_pq_.one\0001\0_pq_.two\0002\0\0"))
    assert isinstance(event, s.Startup)
    assert event.parameters == (("user", "a"),)
    body = b"\0\3\0\0" + b"\0\0\0\2" + b"_pq_.one\0_pq_.two\0"
    assert s.negotiate(event) == b"v" + struct.pack("!I", len(body) + 4) + body


def test_compression_offered_by_redshift_drivers_is_declined_in_silence() -> None:
    event = first(packet((3, 0), b"user\0a\0client_protocol_version\0003\0_pq_.compression\0lz4:1\0\0"))
    assert isinstance(event, s.Startup)
    assert not s.needs_negotiation(event)


@pytest.mark.parametrize("size", [1, 4, 32, 256])
def test_cancel_keys_of_both_versions(size: int) -> None:
    secret = bytes(range(256))[:size]
    assert first(packet((1234, 5678), struct.pack("!i", 77) + secret)) == s.CancelRequest(pid=77, secret=secret)


@pytest.mark.parametrize("rest", [b"", b"\0\0\0\1", b"\0\0\0\1" + bytes(257)])
def test_cancel_requests_of_wrong_length(rest: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        first(packet((1234, 5678), rest))


def test_each_encryption_may_be_asked_for_once() -> None:
    protocol = ServerProtocol()
    protocol.feed(GSS + TLS)
    assert protocol.next_event() == s.GssRequest()
    assert protocol.next_event() == s.TlsRequest()
    protocol.happened(Happening.TLS_REFUSED)
    protocol.feed(TLS)
    with pytest.raises(ProtocolViolation, match=r"unsupported frontend protocol 1234\.5679"):
        protocol.next_event()


def test_no_encryption_inside_encryption() -> None:
    protocol = ServerProtocol()
    protocol.feed(TLS)
    protocol.next_event()
    protocol.happened(Happening.TLS_ACCEPTED)
    protocol.feed(GSS)
    with pytest.raises(ProtocolViolation):
        protocol.next_event()
