"""DECLARE: variables, constants, aliases, cursors. Redshift, "Structure of PL/pgSQL"."""

from typing import Final

from core.types import ColumnType
from sql.commands.datatypes import read_type
from sql.plpgsql import tree
from sql.plpgsql.source import Source, comma_list
from sql.stream import Stream
from sql.tokens import TokenKind

_STOPS: Final = ("BEGIN", "DECLARE")
_UNBOUNDED: Final = frozenset({"varchar", "varbyte"})


def read_declarations(source: Source) -> tuple[tree.Declaration, ...]:
    """Take declarations up to BEGIN, which is left."""
    found: list[tree.Declaration] = []
    while not source.stream.at_any(*_STOPS):
        found.append(_declaration(source))
        source.stream.expect(";")
    return tuple(found)


def _declaration(source: Source) -> tree.Declaration:
    stream, line = source.stream, source.line
    name = stream.identifier()
    if stream.take("ALIAS", "FOR"):
        return tree.Alias(line=line, name=name, target=source.target())
    if stream.at("CURSOR") or stream.at("NO", "SCROLL") or stream.at("SCROLL"):
        return _cursor(source, name, line)
    constant = stream.take("CONSTANT")
    kind = _kind(stream)
    not_null = stream.take("NOT", "NULL")
    default = source.until(";") if stream.take_any("DEFAULT", ":=", "=") else None
    return tree.Variable(line=line, name=name, kind=kind, constant=constant, not_null=not_null, default=default)


def _kind(stream: Stream) -> tree.Kind:
    if stream.take("RECORD"):
        return tree.Kind()
    index = stream.index
    if stream.token.kind in {TokenKind.WORD, TokenKind.QUOTED}:
        name = [stream.advance().value]
        while stream.take("."):
            name.append(stream.advance().value)
        if stream.take("%", "TYPE"):
            return tree.Kind(like=tuple(name))
        if stream.take("%", "ROWTYPE"):
            return tree.Kind(row=tuple(name))
    stream.index = index
    return tree.Kind(type=declared(stream))


def declared(stream: Stream) -> ColumnType:
    """Take a type; a string's without a length holds any."""
    kind = read_type(stream)
    if kind.type.name in _UNBOUNDED and stream.tokens[stream.index - 1].key != ")":
        return ColumnType(kind.type)
    return kind


def _cursor(source: Source, name: str, line: int) -> tree.CursorVariable:
    stream = source.stream
    stream.take("NO")
    stream.take("SCROLL")
    stream.expect("CURSOR")
    parameters: tuple[tuple[str, ColumnType], ...] = ()
    if stream.take("("):
        parameters = comma_list(stream, lambda: (stream.identifier(), declared(stream)))
        stream.expect(")")
    stream.expect_any("FOR", "IS")
    return tree.CursorVariable(line=line, name=name, parameters=parameters, query=source.until(";"))
