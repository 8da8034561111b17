"""Type declarations as commands write them, and argument lists of expressions.

Redshift, "Data types". Modifiers' ranges are checked by ``core.types.declared``.
"""

from typing import Final

from core.errors import SqlError
from core.types import VARCHAR_MAX, ColumnType, declared
from sql import intervals
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import TokenKind

_WORDS: Final = (
    # words that a declaration may begin with → the name that core.types knows, most words first
    ("NATIONAL CHARACTER VARYING", "nvarchar"),
    ("NATIONAL CHAR VARYING", "nvarchar"),
    ("NATIONAL CHARACTER", "nchar"),
    ("NATIONAL CHAR", "nchar"),
    ("CHARACTER VARYING", "character varying"),
    ("CHAR VARYING", "character varying"),
    ("BINARY VARYING", "binary varying"),
    ("DOUBLE PRECISION", "double precision"),
)
_FIELDS: Final = tuple(field.upper() for field in intervals.FIELDS)
_SEVERAL: Final = tuple((tuple(words.split()), name) for words, name in _WORDS)
_ZONED: Final = {"TIME": "time", "TIMESTAMP": "timestamp"}


def read_type(stream: Stream) -> ColumnType:
    """Take a type declaration: ``VARCHAR(MAX)``, ``TIMESTAMP WITH TIME ZONE``, ….

    Raises 42601 where no type stands, and with the place what ``core.types.declared`` raises.
    """
    position = stream.position
    if stream.at("INTERVAL"):
        return _interval(stream, position)
    name = _type_name(stream)
    arguments = _modifier(stream)
    if name in _ZONED.values():
        name = _zone(stream, name)
    try:
        return declared(name, arguments)
    except SqlError as error:
        error.position = position
        raise


def _interval(stream: Stream, position: int | None) -> ColumnType:
    stream.expect("INTERVAL")
    first = stream.take_any(*_FIELDS)
    if not first:
        return declared("interval")
    precision = _modifier(stream)
    last = first
    if stream.take("TO"):
        last = stream.expect_any(*_FIELDS)
        precision = _modifier(stream)
    try:
        return intervals.kind(first.lower(), last.lower(), precision[0] if precision else None)
    except SqlError as error:
        error.position = position
        raise


def _type_name(stream: Stream) -> str:
    for words, name in _SEVERAL:
        if stream.take(*words):
            return name
    if stream.token.kind is TokenKind.QUOTED:
        return f'"{stream.advance().value}"'
    if stream.take("PG_CATALOG", "."):
        return stream.identifier()
    return stream.identifier()


def _modifier(stream: Stream) -> tuple[int, ...]:
    if not stream.take("("):
        return ()
    values = [VARCHAR_MAX if stream.take("MAX") else stream.integer()]
    while stream.take(","):
        values.append(stream.signed())
    stream.expect(")")
    return tuple(values)


def _zone(stream: Stream, name: str) -> str:
    if stream.take("WITH", "TIME", "ZONE"):
        return f"{name}tz"
    stream.take("WITHOUT", "TIME", "ZONE")
    return name


def read_types(stream: Stream) -> tuple[ColumnType, ...]:
    """Take a parenthesised list of types, perhaps empty."""
    stream.expect("(")
    if stream.take(")"):
        return ()
    types = [read_type(stream)]
    while stream.take(","):
        types.append(read_type(stream))
    stream.expect(")")
    return tuple(types)


def read_signature(stream: Stream) -> tuple[ColumnType, ...]:
    """Take a routine's parenthesised argument types; names before the types are skipped.

    So are OUT arguments, which do not tell routines apart.
    """
    stream.expect("(")
    types: list[ColumnType] = []
    while not stream.take(")"):
        if types:
            stream.expect(",")
        _, mode = read_argument_name(stream)
        kind = read_type(stream)
        if mode != "OUT":
            types.append(kind)
    return tuple(types)


_ARGUMENT_MODES: Final = ("IN", "OUT", "INOUT")


def read_argument_name(stream: Stream) -> tuple[str | None, str]:
    """Take an argument's name and mode, which may be left out and come in either order; the mode or IN."""
    mode = stream.take_any(*_ARGUMENT_MODES)
    name = stream.identifier() if _named(stream) else None
    return name, mode or stream.take_any(*_ARGUMENT_MODES) or "IN"


def _named(stream: Stream) -> bool:
    """Return whether the next word is an argument's name, that is: whether a mode or type follows it."""
    if any(stream.at(*words) for words, _ in _SEVERAL) or stream.ended:
        return False
    following = stream.tokens[stream.index + 1]
    return following.kind in {TokenKind.WORD, TokenKind.QUOTED} and following.key not in {"WITH", "WITHOUT"}


def read_arguments(stream: Stream) -> tuple[Fragment, ...]:
    """Take a parenthesised list of expressions, perhaps empty, each kept as text."""
    stream.expect("(")
    if stream.take(")"):
        return ()
    arguments = [read_expression(stream)]
    while stream.take(","):
        arguments.append(read_expression(stream))
    stream.expect(")")
    return tuple(arguments)


def read_expression(stream: Stream, *, stops: frozenset[str] = frozenset()) -> Fragment:
    """Take an expression as text: up to a comma, an unmatched parenthesis, one of *stops*, or the end.

    *stops* count outside parentheses and CASE … END, and not as the first token (``DEFAULT NULL``).
    """
    first = stream.token
    depth, last = 0, first.start
    while stream.token.kind is not TokenKind.END:
        token = stream.token
        if depth == 0 and (token.key in {",", ")", "]"} or (token.key in stops and token is not first)):
            break
        depth += (token.key in {"(", "[", "CASE"}) - (token.key in {")", "]", "END"})
        last = stream.advance().end
    if last == first.start:
        stream.fail()
    return stream.between(first.start, last)
