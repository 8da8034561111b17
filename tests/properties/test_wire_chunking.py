"""Any bytes in any chunks: the same events, and never anything but events or a protocol violation."""

import itertools
import struct
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from server.wire import startup as s
from server.wire.framing import ProtocolViolation
from server.wire.messages import FORMS, Query, Sync
from server.wire.protocol import ServerProtocol
from server.wire.state import Happening, State

TAGS = st.sampled_from([form.tag for form in FORMS] + [b"p", b"z", b"\0"])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    body = draw(
        st.one_of(
            st.binary(max_size=40),
            st.lists(st.sampled_from([b"\0", b"\xff", b"name\0", b"\0\1", b"\0\0\0\4", b"S", b"P"]), max_size=8).map(
                b"".join
            ),
        )
    )
    length = draw(st.one_of(st.just(len(body) + 4), st.sampled_from([0, 3, 2**31, 2**32 - 1, len(body) + 5])))
    return draw(TAGS) + struct.pack("!I", length) + body


STARTUP = struct.pack("!IHH", 16, 3, 0) + b"user\0a\0\0"
STREAMS = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda tail: STARTUP + tail),
    st.lists(frames(), max_size=12).map(lambda parts: STARTUP + b"".join(parts)),
)


def drive(chunks: Sequence[bytes]) -> list[object]:
    """Feed chunk by chunk and do to the protocol what a server does, failing every third statement."""
    protocol = ServerProtocol(max_message_bytes=4096)
    seen: list[object] = []
    try:
        for chunk in chunks:
            protocol.feed(chunk)
            while protocol.ready():
                event = protocol.next_event()
                if event is None:
                    break
                seen.append(event)
                react(protocol, event, len(seen))
    except ProtocolViolation as error:
        seen.append((error.state, error.message))
    return [*seen, protocol.state]


def react(protocol: ServerProtocol, event: object, number: int) -> None:
    if isinstance(event, s.TlsRequest):
        protocol.happened(Happening.TLS_REFUSED)
    elif isinstance(event, s.Startup):
        protocol.happened(Happening.AUTHENTICATED)
        protocol.happened(Happening.READY)
    elif isinstance(event, Query) and number % 2:
        protocol.happened(Happening.COPY_STARTED)
    elif number % 3 == 0 and protocol.state in {State.EXTENDED, State.COPY_EXTENDED, State.COPY_SIMPLE}:
        protocol.happened(Happening.FAILED)
    if protocol.state is State.SIMPLE or isinstance(event, Sync):
        protocol.happened(Happening.READY)


@given(STREAMS, st.data())
def test_chunking_changes_nothing(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    whole = drive([stream])
    assert drive([stream[start:end] for start, end in itertools.pairwise(edges)]) == whole
    assert drive([stream[at : at + 1] for at in range(len(stream))]) == whole


@given(st.lists(frames(), max_size=20))
def test_the_buffer_never_outgrows_what_was_sent(parts: list[bytes]) -> None:
    protocol = ServerProtocol(max_message_bytes=4096)
    stream = STARTUP + b"".join(parts)
    protocol.feed(stream)
    assert protocol.buffered <= len(stream)
    drive([stream])
