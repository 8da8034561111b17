"""Client text to statements: splitting, telling kinds apart, and dispatch to the command grammars.

Queries (SELECT, INSERT, UPDATE, DELETE, MERGE) are only recognised here, by their first words;
``sql.query`` parses them. PostgreSQL, "Lexical Structure"; Redshift, "SQL commands".
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sql.commands import (
    alterations,
    comments,
    copy,
    cursors,
    databases,
    drops,
    external,
    external_schemas,
    identity,
    maintenance,
    policies,
    prepared,
    privileges,
    routines,
    schemas,
    settings,
    shares,
    show,
    tables,
    transactions,
    unload,
    unsupported,
    users,
    views,
)
from sql.commands.datatypes import read_types
from sql.kinds import KIND_OF
from sql.selectinto import read_select_into
from sql.statement import KINDS, QUERIES, Fragment, Kind, Statement
from sql.stream import Stream, syntax_error
from sql.tokens import next_semicolon, next_stop, skip_blank

__all__ = ["Fragment", "parse_statement", "split"]


def split(text: str) -> list[Fragment]:
    """Return the statements of *text*, semicolons and blanks around them taken off, empty ones dropped.

    Raises 42601 for a string, quoted identifier, dollar quote or comment that does not end.
    """
    fragments: list[Fragment] = []
    start = place = 0
    while place < len(text):
        place = next_semicolon(text, place)
        if place < len(text):
            _append(fragments, text, start, place)
            start = place + 1
        place += 1
    _append(fragments, text, start, len(text))
    return fragments


def _append(fragments: list[Fragment], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    if skip_blank(piece, 0) == len(piece):
        return
    lead = len(piece) - len(piece.lstrip())
    fragments.append(Fragment(piece.strip(), start + lead))


_FIRST: Final = re.compile(r"[A-Za-z]+|\(")
_QUERIES: Final = {
    "SELECT": Kind.SELECT,
    "VALUES": Kind.SELECT,
    "TABLE": Kind.SELECT,
    "(": Kind.SELECT,
    "INSERT": Kind.INSERT,
    "UPDATE": Kind.UPDATE,
    "DELETE": Kind.DELETE,
    "MERGE": Kind.MERGE,
}


def parse_statement(fragment: Fragment, *, case_sensitive: bool = False) -> Statement:
    """Return the statement that *fragment* (of ``split``) holds.

    With *case_sensitive* quoted identifiers keep their case (enable_case_sensitive_identifier). Raises 42601
    where the text is no command of Redshift's; queries are recognised only, not checked.
    """
    place = skip_blank(fragment.text, 0)
    match = _FIRST.match(fragment.text, place)
    first = match[0].upper() if match else ""
    kind = _kind_of_with(fragment.text, place) if first == "WITH" else _QUERIES.get(first)
    if kind is None:
        return _command(fragment, first, case_sensitive=case_sensitive)
    if kind is Kind.SELECT and "into" in fragment.text.lower():
        into = read_select_into(Stream.of(fragment, case_sensitive=case_sensitive))
        if into is not None:
            return _statement(fragment, into)
    return Statement(kind=kind, tag=KINDS[kind].tag, text=fragment.text, offset=fragment.offset)


_NEXT: Final = re.compile(r"[^\W\d][\w$]*|.", re.DOTALL)


def _kind_of_with(text: str, place: int) -> Kind:
    """Return the kind of a statement that begins with WITH: skip the common table expressions.

    They end where a word follows a closing parenthesis that is not AS, with or without a column list.
    """
    closed = False
    while place < len(text):
        place = skip_blank(text, place)
        match = _NEXT.match(text, place)
        if match is None:
            break
        word = match[0]
        if word == "(":
            place = _past_parenthesis(text, place)
            closed = True
            continue
        kind = _QUERIES.get(word.upper()) if closed else None
        if kind is not None:
            return kind
        closed = False
        # A quoted name: skip it whole, or its words would count.
        place = _past_quoted(text, place) if word == '"' else match.end()
    return Kind.SELECT


def _past_quoted(text: str, place: int) -> int:
    end = text.find('"', place + 1)
    return len(text) if end < 0 else end + 1


def _past_parenthesis(text: str, place: int) -> int:
    depth = 0
    while (place := next_stop(text, place)) < len(text):
        depth += (text[place] == "(") - (text[place] == ")")
        place += 1
        if depth == 0:
            break
    return place


def _command(fragment: Fragment, first: str, *, case_sensitive: bool) -> Statement:
    stream = Stream.of(fragment, case_sensitive=case_sensitive)
    command: object | None = unsupported.read_unsupported(stream)
    if command is None:
        read = _COMMANDS.get(first)
        if read is None:
            stream.fail()
        command = read(stream)
        stream.finish()
    return _statement(fragment, command)


def _statement(fragment: Fragment, command: object) -> Statement:
    kind = KIND_OF[type(command)]
    tag = getattr(command, "tag", KINDS[kind].tag)
    return Statement(kind=kind, tag=tag, text=fragment.text, offset=fragment.offset, command=command)


def _create(stream: Stream) -> object:
    stream.expect("CREATE")
    or_replace = stream.take("OR", "REPLACE")
    if or_replace:
        return _CREATE_OR_REPLACE[stream.expect_any(*_CREATE_OR_REPLACE)](stream, True)
    if stream.take("LOCAL") and not stream.at_any("TEMP", "TEMPORARY"):
        stream.fail()
    if stream.take_any("TEMP", "TEMPORARY"):
        stream.expect("TABLE")
        return tables.read_create_table(stream, temporary=True)
    if stream.take("MATERIALIZED"):
        stream.expect("VIEW")
        return views.read_create_materialized_view(stream)
    if stream.take("EXTERNAL"):
        return _CREATE_EXTERNAL[stream.expect_any(*_CREATE_EXTERNAL)](stream)
    word = stream.expect_any(*_CREATE, *_CREATE_OR_REPLACE)
    if word in _CREATE:
        return _CREATE[word](stream)
    return _CREATE_OR_REPLACE[word](stream, False)


def _alter(stream: Stream) -> object:
    stream.expect("ALTER")
    if stream.take("MATERIALIZED"):
        stream.expect("VIEW")
        return views.read_alter_materialized_view(stream)
    if stream.take("DEFAULT"):
        stream.expect("PRIVILEGES")
        return privileges.read_default_privileges(stream)
    if stream.take("EXTERNAL"):
        stream.expect("SCHEMA")
        return external_schemas.read_alter_external_schema(stream)
    word = stream.expect_any(*_ALTER)
    return _ALTER[word](stream)


def _drop(stream: Stream) -> object:
    stream.expect("DROP")
    if stream.take("MATERIALIZED"):
        stream.expect("VIEW")
        return drops.read_drop(stream, "MATERIALIZED VIEW")
    if word := stream.take_any("TABLE", "VIEW", "SCHEMA"):
        return drops.read_drop(stream, word)
    if word := stream.take_any("FUNCTION", "PROCEDURE"):
        return drops.read_drop_routine(stream, word)
    return _DROP[stream.expect_any(*_DROP)](stream)


def _explain(stream: Stream) -> maintenance.Explain:
    stream.expect("EXPLAIN")
    verbose = analyze = False
    while choice := stream.take_any("VERBOSE", "ANALYZE", "ANALYSE"):
        verbose |= choice == "VERBOSE"
        analyze |= choice != "VERBOSE"
    inner = _inner(stream, QUERIES | {Kind.CREATE_TABLE_AS, Kind.DECLARE, Kind.EXECUTE})
    return maintenance.Explain(statement=inner, verbose=verbose, analyze=analyze)


def _prepare(stream: Stream) -> prepared.Prepare:
    stream.expect("PREPARE")
    name = stream.identifier()
    types = read_types(stream) if stream.at("(") else ()
    stream.expect("AS")
    return prepared.Prepare(name=name, types=types, statement=_inner(stream, QUERIES))


def _inner(stream: Stream, kinds: frozenset[Kind]) -> Statement:
    """Take the rest as a statement of one of *kinds*."""
    refused = stream.failure()
    if stream.at_any("EXPLAIN", "PREPARE"):
        # Refused before it is read: nesting is as deep as the client likes.
        raise refused
    inner = parse_statement(stream.rest(), case_sensitive=stream.case_sensitive)
    if inner.kind not in kinds:
        raise refused
    return inner


def _create_schema(stream: Stream) -> schemas.CreateSchema:
    command = schemas.read_create_schema(stream)
    if not stream.at_any("CREATE", "GRANT"):
        return command
    elements = tuple(
        parse_statement(Fragment(item.text.rstrip(), item.offset), case_sensitive=stream.case_sensitive)
        for item in schemas.element_fragments(stream)
    )
    for element in elements:
        if element.kind not in _ELEMENTS:
            raise syntax_error(element.text.split(maxsplit=1)[0], element.offset + 1)
    return replace(command, elements=elements)


_ELEMENTS: Final = frozenset({Kind.CREATE_TABLE, Kind.CREATE_TABLE_AS, Kind.CREATE_VIEW, Kind.GRANT})
Read = Callable[[Stream], object]

_CREATE: Final[dict[str, Read]] = {
    "TABLE": lambda stream: tables.read_create_table(stream, temporary=False),
    "SCHEMA": _create_schema,
    "DATABASE": databases.read_create_database,
    "DATASHARE": shares.read_create_datashare,
    "USER": users.read_create_user,
    "GROUP": users.read_create_group,
    "ROLE": users.read_create_role,
    "RLS": policies.read_create_rls,
    "MASKING": policies.read_create_masking,
    "IDENTITY": identity.read_create_identity_provider,
}
_CREATE_EXTERNAL: Final[dict[str, Read]] = {
    "SCHEMA": external_schemas.read_create_external_schema,
    "TABLE": external.read_create_external_table,
}
_CREATE_OR_REPLACE: Final[dict[str, Callable[[Stream, bool], object]]] = {
    "VIEW": lambda stream, replace: views.read_create_view(stream, or_replace=replace),
    "PROCEDURE": lambda stream, replace: routines.read_create_procedure(stream, or_replace=replace),
    "FUNCTION": lambda stream, replace: routines.read_create_function(stream, or_replace=replace),
}
_ALTER: Final[dict[str, Read]] = {
    "TABLE": alterations.read_alter_table,
    "VIEW": alterations.read_alter_view,
    "SCHEMA": schemas.read_alter_schema,
    "DATABASE": databases.read_alter_database,
    "DATASHARE": shares.read_alter_datashare,
    "USER": users.read_alter_user,
    "GROUP": users.read_alter_group,
    "ROLE": users.read_alter_role,
    "RLS": policies.read_alter_rls,
    "MASKING": policies.read_alter_masking,
    "IDENTITY": identity.read_alter_identity_provider,
    "SYSTEM": settings.read_alter_system,
    "FUNCTION": lambda stream: routines.read_alter_routine(stream, "FUNCTION"),
    "PROCEDURE": lambda stream: routines.read_alter_routine(stream, "PROCEDURE"),
}
_DROP: Final[dict[str, Read]] = {
    "DATABASE": databases.read_drop_database,
    "DATASHARE": shares.read_drop_datashare,
    "USER": users.read_drop_user,
    "GROUP": users.read_drop_group,
    "ROLE": users.read_drop_role,
    "RLS": lambda stream: policies.read_drop_policy(stream, masking=False),
    "MASKING": lambda stream: policies.read_drop_policy(stream, masking=True),
    "IDENTITY": identity.read_drop_identity_provider,
}
_COMMANDS: Final[dict[str, Read]] = {
    "ABORT": transactions.read_rollback,
    "ALTER": _alter,
    "ANALYSE": maintenance.read_analyze,
    "ANALYZE": maintenance.read_analyze,
    "ATTACH": policies.read_attach,
    "BEGIN": transactions.read_begin,
    "CALL": routines.read_call,
    "CANCEL": maintenance.read_cancel,
    "CLOSE": cursors.read_close,
    "COMMENT": comments.read_comment,
    "COMMIT": transactions.read_commit,
    "COPY": copy.read_copy,
    "CREATE": _create,
    "DEALLOCATE": prepared.read_deallocate,
    "DECLARE": cursors.read_declare,
    "DETACH": policies.read_attach,
    "DESC": show.read_desc,
    "DISCARD": maintenance.read_discard,
    "DROP": _drop,
    "END": transactions.read_commit,
    "EXECUTE": prepared.read_execute,
    "EXPLAIN": _explain,
    "FETCH": cursors.read_fetch,
    "GRANT": privileges.read_grant,
    "HANDOVER": shares.read_handover,
    "LISTEN": maintenance.read_notification,
    "LOCK": maintenance.read_lock,
    "MOVE": cursors.read_move,
    "NOTIFY": maintenance.read_notification,
    "PREPARE": _prepare,
    "REFRESH": views.read_refresh,
    "RELEASE": transactions.read_savepoint,
    "RESET": settings.read_reset,
    "REVOKE": privileges.read_revoke,
    "ROLLBACK": transactions.read_rollback,
    "SAVEPOINT": transactions.read_savepoint,
    "SET": settings.read_set,
    "SHOW": show.read_show,
    "START": transactions.read_begin,
    "TRUNCATE": tables.read_truncate,
    "UNLISTEN": maintenance.read_notification,
    "UNLOAD": unload.read_unload,
    "USE": databases.read_use,
    "VACUUM": maintenance.read_vacuum,
}
