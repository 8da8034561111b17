"""The grammar of PL/pgSQL: a body's text to its tree.

Redshift, "Structure of PL/pgSQL" and "Supported PL/pgSQL statements". Declarations are ``declarations``' business,
loops ``loops``'.
"""

from collections.abc import Callable
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.plpgsql import tree
from sql.plpgsql.declarations import read_declarations
from sql.plpgsql.loops import read_for
from sql.plpgsql.source import Source, comma_list
from sql.statement import Fragment
from sql.tokens import TokenKind

LEVELS: Final = ("DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "EXCEPTION")
_TRANSACTIONS: Final = {"COMMIT": "COMMIT", "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}
_OPTIONS: Final = ("ERRCODE", "MESSAGE", "DETAIL", "HINT")


def parse(body: Fragment, *, nonatomic: bool = False, case_sensitive: bool = False) -> tree.Program:
    """Return the program that *body* is; raises 42601 with the place in what the client sent."""
    source = Source.of(body, case_sensitive=case_sensitive)
    source.nonatomic = nonatomic
    label = _label(source)
    block = _block(source, label)
    source.stream.take(";")
    source.stream.finish()
    return tree.Program(block=block)


def _label(source: Source) -> str:
    stream = source.stream
    if not stream.take("<", "<"):
        return ""
    name = stream.identifier()
    stream.expect(">", ">")
    return name


def _block(source: Source, label: str) -> tree.Block:
    stream, line = source.stream, source.line
    declarations: tuple[tree.Declaration, ...] = ()
    while stream.take("DECLARE"):
        declarations += read_declarations(source)
    stream.expect("BEGIN")
    body = statements(source, "END", "EXCEPTION")
    handler = _handler(source) if stream.take("EXCEPTION") else None
    stream.expect("END")
    _end_label(source, label)
    return tree.Block(line=line, label=label, declarations=declarations, body=body, handler=handler)


def _handler(source: Source) -> tree.Handler:
    stream = source.stream
    choice = stream.take_any("CONTINUE_HANDLER", "EXIT_HANDLER")
    if choice and not source.nonatomic:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f"{choice} can only be used in NONATOMIC stored procedures",
            position=stream.position,
        )  # fmt: skip
    stream.expect("WHEN")
    if not stream.at("OTHERS"):
        raise not_supported("an exception condition other than OTHERS", position=stream.position)
    stream.expect("OTHERS", "THEN")
    return tree.Handler(body=statements(source, "END"), goes_on=choice == "CONTINUE_HANDLER")


def _end_label(source: Source, label: str) -> None:
    stream = source.stream
    if stream.at(";") or stream.ended:
        return
    given = stream.identifier()
    if given != label:
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            f'end label "{given}" differs from block\'s label "{label}"',
            position=stream.position,
        )


def statements(source: Source, *ends: str) -> tuple[tree.Statement, ...]:
    """Read statements up to one of the words *ends*, which is left."""
    found: list[tree.Statement] = []
    while not source.stream.at_any(*ends):
        if source.stream.ended:
            source.stream.fail()
        found.append(_statement(source))
    return tuple(found)


def _statement(source: Source) -> tree.Statement:
    source.entered()
    label = _label(source)
    stream = source.stream
    read = _STATEMENTS.get(stream.token.key)
    if stream.at_any("DECLARE", "BEGIN"):
        found: tree.Statement = _block(source, label)
    elif stream.at_any("LOOP", "WHILE"):
        found = _loop(source, label)
    elif stream.at("FOR"):
        found = read_for(source, label, lambda: statements(source, "END"))
    elif label:
        stream.fail()
    elif read is not None and not _is_assignment(source):
        found = read(source)
    else:
        found = _assignment(source) if _is_assignment(source) else _sql(source)
    stream.expect(";")
    source.left()
    return found


def _loop(source: Source, label: str) -> tree.Loop:
    line = source.line
    condition = source.until("LOOP") if source.stream.take("WHILE") else None
    source.stream.expect("LOOP")
    body = statements(source, "END")
    source.stream.expect("END", "LOOP")
    _end_label(source, label)
    return tree.Loop(line=line, label=label, condition=condition, body=body)


# Assignment and SQL


def _is_assignment(source: Source) -> bool:
    """Tell whether ``name[.name] :=`` or ``=`` is next."""
    stream = source.stream
    index = stream.index
    if stream.tokens[index].kind not in {TokenKind.WORD, TokenKind.QUOTED, TokenKind.PARAMETER}:
        return False
    index += 1
    while stream.tokens[index].key == ".":
        index += 2
    return index < len(stream.tokens) and stream.tokens[index].key in {":=", "="}


def _assignment(source: Source) -> tree.Assign:
    line, target = source.line, source.target()
    source.stream.expect_any(":=", "=")
    return tree.Assign(line=line, target=target, value=source.until(";"))


def _sql(source: Source) -> tree.Statement:
    line = source.line
    fragment, into = source.statement()
    return tree.Sql(line=line, fragment=fragment, into=into)


def _perform(source: Source) -> tree.Perform:
    line = source.line
    source.stream.expect("PERFORM")
    return tree.Perform(line=line, query=source.until(";"))


def _execute(source: Source) -> tree.Execute:
    line = source.line
    source.stream.expect("EXECUTE")
    command = source.until(";", "INTO", "USING")
    into = source.targets() if source.stream.take("INTO") else ()
    if source.stream.at("USING"):
        raise not_supported("EXECUTE … USING", position=source.stream.position)
    return tree.Execute(line=line, command=command, into=into)


def _call(source: Source) -> tree.Call:
    line, stream = source.line, source.stream
    stream.expect("CALL")
    name = stream.name()
    return tree.Call(line=line, name=name, arguments=source.arguments())


# Conditions


def _if(source: Source) -> tree.If:
    line, stream = source.line, source.stream
    stream.expect("IF")
    branches = []
    while True:
        condition = source.until("THEN")
        stream.expect("THEN")
        branches.append((condition, statements(source, "ELSIF", "ELSEIF", "ELSE", "END")))
        if not stream.take_any("ELSIF", "ELSEIF"):
            break
    otherwise = statements(source, "END") if stream.take("ELSE") else ()
    stream.expect("END", "IF")
    return tree.If(line=line, branches=tuple(branches), otherwise=otherwise)


def _case(source: Source) -> tree.Case:
    line, stream = source.line, source.stream
    stream.expect("CASE")
    search = None if stream.at("WHEN") else source.until("WHEN")
    branches = []
    while stream.take("WHEN"):
        condition = source.until("THEN")
        stream.expect("THEN")
        branches.append((condition, statements(source, "WHEN", "ELSE", "END")))
    otherwise = statements(source, "END") if stream.take("ELSE") else None
    stream.expect("END", "CASE")
    return tree.Case(line=line, search=search, branches=tuple(branches), otherwise=otherwise)


def _exit(source: Source) -> tree.Exit:
    line, stream = source.line, source.stream
    goes_on = stream.expect_any("EXIT", "CONTINUE") == "CONTINUE"
    label = "" if stream.at_any("WHEN", ";") else stream.identifier()
    when = source.until(";") if stream.take("WHEN") else None
    return tree.Exit(line=line, label=label, when=when, goes_on=goes_on)


def _return(source: Source) -> tree.Return:
    line, stream = source.line, source.stream
    stream.expect("RETURN")
    if not stream.at(";"):
        raise SqlError(
            SqlState.DATATYPE_MISMATCH, "RETURN cannot have a parameter in a procedure", position=stream.position
        )
    return tree.Return(line=line)


def _nothing(source: Source) -> tree.Nothing:
    line = source.line
    source.stream.expect("NULL")
    return tree.Nothing(line=line)


# Messages, cursors, diagnostics, transactions


def _raise(source: Source) -> tree.Raise:
    line, stream = source.line, source.stream
    stream.expect("RAISE")
    if stream.at(";"):
        return tree.Raise(line=line)
    level = stream.take_any(*LEVELS) or "EXCEPTION"
    text = stream.string()
    arguments = []
    while stream.take(","):
        arguments.append(source.until(",", ";", "USING"))
    options = _raise_options(source) if stream.take("USING") else ()
    wanted = text.replace("%%", "").count("%")
    if wanted != len(arguments):
        few = "few" if len(arguments) < wanted else "many"
        raise SqlError(
            SqlState.SYNTAX_ERROR, f"too {few} parameters specified for RAISE", position=stream.position
        )
    return tree.Raise(line=line, level=level, format=text, arguments=tuple(arguments), options=options)


def _raise_options(source: Source) -> tuple[tuple[str, Fragment], ...]:
    found: list[tuple[str, Fragment]] = []
    while not found or source.stream.take(","):
        name = source.stream.expect_any(*_OPTIONS)
        source.stream.expect_any("=", ":=")
        found.append((name, source.until(",", ";")))
    return tuple(found)


def _open(source: Source) -> tree.Open:
    line, stream = source.line, source.stream
    stream.expect("OPEN")
    cursor = stream.identifier()
    if stream.take("FOR"):
        dynamic = stream.take("EXECUTE")
        return tree.Open(line=line, cursor=cursor, query=source.until(";"), dynamic=dynamic)
    arguments = source.arguments() if stream.at("(") else ()
    return tree.Open(line=line, cursor=cursor, arguments=arguments)


def _fetch(source: Source) -> tree.Fetch:
    line, stream = source.line, source.stream
    moves = stream.expect_any("FETCH", "MOVE") == "MOVE"
    stream.take_any("NEXT", "FORWARD")
    count = None
    if stream.token.kind is TokenKind.NUMBER:
        start = stream.advance()
        count = stream.between(start.start, start.end)
    elif stream.take("ALL"):
        count = Fragment("ALL")
    stream.take_any("FROM", "IN")
    cursor = stream.identifier()
    if moves:
        return tree.Fetch(line=line, cursor=cursor, count=count or Fragment("1"))
    stream.expect("INTO")
    return tree.Fetch(line=line, cursor=cursor, into=source.targets())


def _close(source: Source) -> tree.Close:
    line = source.line
    source.stream.expect("CLOSE")
    return tree.Close(line=line, cursor=source.stream.identifier())


def _diagnostics(source: Source) -> tree.Statement:
    line, stream = source.line, source.stream
    stream.expect("GET", "DIAGNOSTICS")

    def item() -> tree.Name:
        target = source.target()
        stream.expect_any(":=", "=")
        stream.expect("ROW_COUNT")
        return target

    return tree.Diagnostics(line=line, targets=comma_list(stream, item))


def _transaction(source: Source) -> tree.Transaction:
    line, stream = source.line, source.stream
    action = _TRANSACTIONS[stream.expect_any(*_TRANSACTIONS)]
    stream.take_any("WORK", "TRANSACTION")
    return tree.Transaction(line=line, action=action)


def _start(source: Source) -> tree.Transaction:
    line = source.line
    source.stream.expect("START", "TRANSACTION")
    return tree.Transaction(line=line, action="START TRANSACTION")


_STATEMENTS: Final[dict[str, Callable[[Source], tree.Statement]]] = {
    "ABORT": _transaction,
    "CALL": _call,
    "CASE": _case,
    "CLOSE": _close,
    "COMMIT": _transaction,
    "CONTINUE": _exit,
    "EXECUTE": _execute,
    "EXIT": _exit,
    "FETCH": _fetch,
    "GET": _diagnostics,
    "IF": _if,
    "MOVE": _fetch,
    "NULL": _nothing,
    "OPEN": _open,
    "PERFORM": _perform,
    "RAISE": _raise,
    "RETURN": _return,
    "ROLLBACK": _transaction,
    "START": _start,
}
