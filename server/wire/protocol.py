"""One client's side of the conversation: bytes in, messages out, nothing illegal let through.

The buffer is the queue between the socket and execution: bytes are fed whenever they come, a message is
taken when the server is ready for it and judged by the state of that moment. No I/O, no time, no session.
"""

from typing import Final

from server.wire import messages, startup
from server.wire.framing import Frames, ProtocolViolation
from server.wire.messages import FrontendMessage, Rejected
from server.wire.startup import StartupMessage
from server.wire.state import BEFORE_STARTUP, TABLE, Happening, State

Event = FrontendMessage | StartupMessage | Rejected

DEFAULT_MESSAGE_BYTES: Final = 64 * 1024 * 1024
LARGEST_MESSAGE_BYTES: Final = 1024 * 1024 * 1024
_WAITING: Final = -1


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
            self._frames.feed(data)

    def ready(self) -> bool:
        """Return whether ``next_event`` has something to say (a violation included) without more bytes."""
        try:
            size = self._next_size()
        except ProtocolViolation:
            return True
        return size != _WAITING and len(self._frames) >= size

    def next_event(self) -> Event | None:
        """Return the next message that is to be acted upon, None when more bytes are needed.

        Raises ``ProtocolViolation`` when the stream is broken or a message is illegal now; the connection is
        closed then.
        """
        try:
            return self._next_event()
        except ProtocolViolation:
            self.happened(Happening.CLOSED)
            raise

    def happened(self, what: Happening) -> None:
        """Move to the state that follows *what* the server did."""
        self._state = TABLE[self._state, what].next
        if self._state is State.CLOSED:
            self._frames.clear()

    def _next_event(self) -> Event | None:
        while self._state is not State.CLOSED:
            size = self._next_size()
            if size == _WAITING or len(self._frames) < size:
                return None
            event, kind = self._take_startup(size) if self._state in BEFORE_STARTUP else self._take(size)
            if self._advance(kind):
                return event
        return None

    def _next_size(self) -> int:
        """Return the bytes of the next frame, its header checked; _WAITING before the header is complete."""
        if self._state in BEFORE_STARTUP:
            length = self._frames.first_length()
            if length is None:
                return _WAITING
            startup.check_length(length)
            return length
        form = self._form()  # refuses an unknown type by its first byte
        header = self._frames.header()
        if form is None or header is None:
            return _WAITING
        length = header[1]
        if length < 4:
            raise ProtocolViolation("invalid message length")
        if length > (self._limit if form.limit is None else min(form.limit, self._limit)):
            raise ProtocolViolation(f"invalid message length: {length} bytes exceed the limit")
        return length + 1

    def _form(self) -> messages.Form | None:
        tag = self._frames.tag()
        if tag is None:
            return None
        authenticating = self._state in {State.AUTHENTICATING, State.STARTING}
        form = (messages.AUTHENTICATION_BY_TAG if authenticating else messages.BY_TAG).get(bytes((tag,)))
        if form is None:
            raise ProtocolViolation(f"invalid frontend message type {tag}")
        return form

    def _take_startup(self, size: int) -> tuple[Event, type]:
        event = startup.read(self._frames.take(size, 4))
        return event, type(event)

    def _take(self, size: int) -> tuple[Event, type]:
        form = self._form()
        assert form is not None  # noqa: S101 - the frame is complete
        return messages.read(form, self._frames.take(size, 5)), form.message

    def _advance(self, kind: type) -> bool:
        """Make the transition that a message of *kind* asks for; return whether it is to be delivered."""
        transition = TABLE.get((self._state, kind))
        if transition is None:
            raise self._illegal(kind)
        self._state = transition.next
        return transition.deliver

    def _illegal(self, kind: type) -> ProtocolViolation:
        if kind is startup.TlsRequest:
            return startup.unsupported(1234, 5679)
        if kind is startup.GssRequest:
            return startup.unsupported(1234, 5680)
        if self._state in {State.COPY_SIMPLE, State.COPY_EXTENDED}:
            return ProtocolViolation(f"unexpected message {kind.__name__} during COPY from stdin")
        return ProtocolViolation(f"unexpected message {kind.__name__} while {self._state}")
