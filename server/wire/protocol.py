"""One client's side of the conversation: bytes in, messages out, nothing illegal let through.

The buffer is the queue between the socket and execution: bytes are fed whenever they come, a message is
taken when the server is ready for it and judged by the state of that moment. No I/O, no time, no session.
"""

from typing import Final

from server.wire import messages, startup
from server.wire.framing import HEADER, HEADER_BYTES, Frames, ProtocolViolation
from server.wire.messages import LONG_BYTES, FrontendMessage, Rejected, Unread
from server.wire.startup import StartupMessage
from server.wire.state import BEFORE_STARTUP, TABLE, Happening, State

Event = FrontendMessage | StartupMessage | Rejected

DEFAULT_MESSAGE_BYTES: Final = 64 * 1024 * 1024
LARGEST_MESSAGE_BYTES: Final = 1024 * 1024 * 1024
_WAITING: Final = -1
_PROVING: Final = frozenset({State.AUTHENTICATING, State.STARTING})
_TALKING: Final = {form.tag[0]: form for form in messages.FORMS}
_AUTHENTICATING: Final = {form.tag[0]: form for form in messages.AUTHENTICATION_FORMS}


class ServerProtocol:
    """The state of one connection's protocol."""

    def __init__(self, *, max_message_bytes: int = DEFAULT_MESSAGE_BYTES) -> None:
        self._limit = min(max_message_bytes, LARGEST_MESSAGE_BYTES)
        self._frames = Frames()
        self._state = State.INITIAL

    @property
    def state(self) -> State:
        """Return where the connection is."""
        return self._state

    @property
    def buffered(self) -> int:
        """Return how many bytes wait to be taken."""
        return len(self._frames)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append received bytes; nothing is looked at yet."""
        if self._state is not State.CLOSED:
            self._frames += data

    def ready(self) -> bool:
        """Return whether ``next_event`` has something to say (a violation included) without more bytes."""
        try:
            _, size = self._next_frame()
        except ProtocolViolation:
            return True
        return size != _WAITING and len(self._frames) >= size

    def next_event(self) -> Event | Unread | None:
        """Return the next message that is to be acted upon, None when more bytes are needed.

        Raises ``ProtocolViolation`` when the stream is broken or a message is illegal now; the connection is
        closed then.
        """
        try:
            while self._state is not State.CLOSED:
                form, size = self._next_frame()
                if size == _WAITING or len(self._frames) < size:
                    return None
                event: Event | Unread
                if form is None:
                    event = startup.read(self._frames.take(size, 4))
                    kind: type = type(event)
                else:
                    data, kind = self._frames.take(size, 5), form.message
                    long = form.many and len(data) > LONG_BYTES
                    event = Unread(form, data) if long else messages.read(form, data)
                transition = TABLE.get((self._state, kind))
                if transition is None:
                    raise self._illegal(kind)
                self._state = transition.next
                if transition.deliver:
                    return event
        except ProtocolViolation:
            self.happened(Happening.CLOSED)
            raise
        return None

    def happened(self, what: Happening) -> None:
        """Move to the state that follows *what* the server did."""
        self._state = TABLE[self._state, what].next
        if self._state is State.CLOSED:
            self._frames.clear()

    def _next_frame(self) -> tuple[messages.Form | None, int]:
        """Return the next frame's form, None before start-up, and its bytes; _WAITING before the header is complete."""
        if self._state in BEFORE_STARTUP:
            return None, self._first_frame()
        frames = self._frames
        if len(frames) >= HEADER_BYTES:
            tag, length = HEADER.unpack_from(frames)
        elif frames:
            # An unknown type is refused by its first byte.
            tag, length = frames[0], None
        else:
            return None, _WAITING
        form = (_AUTHENTICATING if self._state in _PROVING else _TALKING).get(tag)
        if form is None:
            raise ProtocolViolation(f"invalid frontend message type {tag}")
        if length is None:
            return form, _WAITING
        if length < 4:
            raise ProtocolViolation("invalid message length")
        if length > (self._limit if form.limit is None else min(form.limit, self._limit)):
            raise ProtocolViolation(f"invalid message length: {length} bytes exceed the limit")
        return form, length + 1

    def _first_frame(self) -> int:
        first = self._frames.first_length()
        if first is None:
            return _WAITING
        startup.check_length(first)
        return first

    def _illegal(self, kind: type) -> ProtocolViolation:
        if kind is startup.TlsRequest:
            return startup.unsupported(1234, 5679)
        if kind is startup.GssRequest:
            return startup.unsupported(1234, 5680)
        if self._state in {State.COPY_SIMPLE, State.COPY_EXTENDED}:
            return ProtocolViolation(f"unexpected message {kind.__name__} during COPY from stdin")
        return ProtocolViolation(f"unexpected message {kind.__name__} while {self._state}")
