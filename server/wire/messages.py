"""What a client can say after start-up: one value a message, one table row a type.

Owns the fields and how they are read. When a message is legal stands in ``state``; answers are built in
``replies``, ``copy``, ``authentication`` and ``diagnostics``. PostgreSQL, "Message Formats".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from core.sqlstate import SqlState
from server.wire.framing import Body, Malformed

Target = Literal["S", "P"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Run these statements (the simple protocol)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse:
    """Prepare a statement."""

    name: str
    text: str
    parameter_oids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Make a portal of a prepared statement."""

    portal: str
    statement: str
    parameter_formats: tuple[int, ...] = ()
    values: tuple[bytes | None, ...] = ()
    result_formats: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """Tell the shape of a statement or portal."""

    target: Target
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """Run a portal; no limit when *max_rows* is not positive."""

    portal: str
    max_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Forget a statement or portal."""

    target: Target
    name: str


@dataclass(frozen=True, slots=True)
class Flush:
    """Send what has been answered so far."""


@dataclass(frozen=True, slots=True)
class Sync:
    """End a batch of the extended protocol."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """Good-bye."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast path call, which is known and refused."""


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of a COPY stream, cut anywhere."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CopyDone:
    """The COPY stream is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFail:
    """The COPY stream is given up."""

    reason: str


@dataclass(frozen=True, slots=True)
class AuthenticationResponse:
    """The body of an answer to an authentication request; what it means is the method's business."""

    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message whose body is wrong in a way that leaves the next one readable."""

    tag: bytes
    state: SqlState
    message: str


FrontendMessage = (
    Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Flush
    | Sync
    | Terminate
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | AuthenticationResponse
)

SMALL_BYTES: Final = 10_000
"""PostgreSQL's PQ_SMALL_MESSAGE_LIMIT."""
AUTHENTICATION_BYTES: Final = 65_535
"""PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH."""


LONG_BYTES: Final = 8_192
"""What takes a millisecond to read where it has many fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one type of message is read."""

    tag: bytes
    message: type[FrontendMessage]
    read: Callable[[Body], FrontendMessage]
    limit: int | None = SMALL_BYTES
    """Bytes that its length may claim; None for the connection's own limit."""
    many: bool = False
    """Whether it may have very many fields, so that a long one is not read at once."""
    same: bool = False
    """Whether clients send it byte by byte the same time and again, with nothing in it that is theirs alone."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that takes long to read: who has the time calls ``read``."""

    form: Form
    data: bytes

    def read(self) -> "FrontendMessage | Rejected":
        """Return the message, or why it is none."""
        return read(self.form, self.data)


def _query(body: Body) -> Query:
    return Query(text=body.text())


def _parse(body: Body) -> Parse:
    name, text = body.text(), body.text()
    return Parse(name=name, text=text, parameter_oids=tuple(body.oid() for _ in range(body.count(4))))


def _bind(body: Body) -> Bind:
    portal, statement = body.text(), body.text()
    return Bind(
        portal=portal,
        statement=statement,
        parameter_formats=body.int16s(),
        values=body.values(),
        result_formats=body.int16s(),
    )


def _target(body: Body, command: str) -> Target:
    kind = body.byte()
    if kind == ord("S"):
        return "S"
    if kind == ord("P"):
        return "P"
    raise Malformed(f"invalid {command} message subtype {kind}")


def _describe(body: Body) -> Describe:
    return Describe(target=_target(body, "DESCRIBE"), name=body.text())


def _close(body: Body) -> Close:
    return Close(target=_target(body, "CLOSE"), name=body.text())


def _execute(body: Body) -> Execute:
    return Execute(portal=body.text(), max_rows=body.int32())


def _flush(_: Body) -> Flush:
    return Flush()


def _sync(_: Body) -> Sync:
    return Sync()


def _terminate(body: Body) -> Terminate:
    body.rest()
    return Terminate()


def _function_call(body: Body) -> FunctionCall:
    body.rest()
    return FunctionCall()


def _copy_data(body: Body) -> CopyData:
    return CopyData(body.rest())


def _copy_done(_: Body) -> CopyDone:
    return CopyDone()


def _copy_fail(body: Body) -> CopyFail:
    return CopyFail(reason=body.text())


def _authentication_response(body: Body) -> AuthenticationResponse:
    return AuthenticationResponse(body.rest())


FORMS: Final = (
    Form(tag=b"B", message=Bind, read=_bind, limit=None, many=True),
    Form(tag=b"C", message=Close, read=_close),
    Form(tag=b"D", message=Describe, read=_describe, same=True),
    Form(tag=b"E", message=Execute, read=_execute, same=True),
    Form(tag=b"F", message=FunctionCall, read=_function_call, limit=None),
    Form(tag=b"H", message=Flush, read=_flush, same=True),
    Form(tag=b"P", message=Parse, read=_parse, limit=None, many=True),
    Form(tag=b"Q", message=Query, read=_query, limit=None),
    Form(tag=b"S", message=Sync, read=_sync, same=True),
    Form(tag=b"X", message=Terminate, read=_terminate),
    Form(tag=b"c", message=CopyDone, read=_copy_done),
    Form(tag=b"d", message=CopyData, read=_copy_data, limit=None),
    Form(tag=b"f", message=CopyFail, read=_copy_fail),
)
AUTHENTICATION_FORMS: Final = (
    Form(tag=b"X", message=Terminate, read=_terminate),
    # Redshift's drivers answer its digest with 'd' and an identity provider's request with 'i'.
    *(
        Form(tag=tag, message=AuthenticationResponse, read=_authentication_response, limit=AUTHENTICATION_BYTES)
        for tag in (b"d", b"i", b"p")
    ),
)


_KNOWN: Final[dict[tuple[bytes, bytes], FrontendMessage]] = {}
"""What short messages were read as that come again and again."""
_KNOWN_MAX: Final = 1_000
_SHORT_BYTES: Final = 64


def read(form: Form, data: bytes) -> FrontendMessage | Rejected:
    """Return the message that *data* holds, or why it holds none."""
    if not form.same or len(data) > _SHORT_BYTES:
        return _read(form, data)
    key = (form.tag, data)
    known = _KNOWN.get(key)
    if known is not None:
        return known
    message = _read(form, data)
    if not isinstance(message, Rejected):
        if len(_KNOWN) >= _KNOWN_MAX:
            _KNOWN.clear()
        _KNOWN[key] = message
    return message


def _read(form: Form, data: bytes) -> FrontendMessage | Rejected:
    body = Body(data)
    try:
        message = form.read(body)
        body.end()
    except Malformed as error:
        return Rejected(tag=form.tag, state=error.state, message=error.message)
    return message
