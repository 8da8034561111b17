"""CALL, CREATE PROCEDURE, CREATE FUNCTION, ALTER PROCEDURE, ALTER FUNCTION.

Redshift, "CALL", "CREATE PROCEDURE", "CREATE FUNCTION". Bodies are kept as text.
"""

from dataclasses import dataclass
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql.commands.datatypes import read_argument_name, read_arguments, read_signature, read_type
from sql.commands.settings import read_values
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import literal_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A parameter of a routine."""

    name: str | None
    mode: str
    """IN, OUT or INOUT."""
    type: ColumnType | None
    """None for REFCURSOR, RECORD, ANYELEMENT: ``type_name`` tells."""
    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProcedure:
    """CREATE [OR REPLACE] PROCEDURE."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    body: Fragment
    language: str = "plpgsql"
    or_replace: bool = False
    nonatomic: bool = False
    security_definer: bool = False
    settings: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction:
    """CREATE [OR REPLACE] FUNCTION."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    returns: ColumnType | None
    """None for a pseudo type (ANYELEMENT)."""
    body: Fragment
    language: str
    volatility: str
    """VOLATILE, STABLE or IMMUTABLE."""
    or_replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterRoutine:
    """ALTER FUNCTION | PROCEDURE name(types) RENAME TO | OWNER TO: one of them is given."""

    object: str
    """FUNCTION or PROCEDURE."""
    name: tuple[str, ...]
    signature: tuple[ColumnType, ...] | None
    rename_to: str | None = None
    owner: str | None = None

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"ALTER {self.object}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """CALL procedure(expression[, …])."""

    name: tuple[str, ...]
    arguments: tuple[Fragment, ...] = ()


_UNBOUNDED: Final = frozenset({"varchar", "numeric", "varbyte"})
_PSEUDO: Final = frozenset({"REFCURSOR", "RECORD", "ANYELEMENT"})


def read_call(stream: Stream) -> Call:
    """Take CALL procedure(expressions)."""
    stream.expect("CALL")
    name = stream.name()
    return Call(name=name, arguments=read_arguments(stream))


def read_create_procedure(stream: Stream, *, or_replace: bool) -> CreateProcedure:
    """Take what follows CREATE [OR REPLACE] PROCEDURE."""
    name = stream.name()
    arguments = _parameters(stream)
    nonatomic = stream.take("NONATOMIC")
    clauses = _Clauses()
    while clauses.read(stream):
        pass
    return CreateProcedure(
        name=name,
        arguments=arguments,
        body=clauses.required_body(stream),
        language=clauses.language or "plpgsql",
        or_replace=or_replace,
        nonatomic=nonatomic or clauses.nonatomic,
        security_definer=clauses.security_definer,
        settings=tuple(clauses.settings),
    )


def read_create_function(stream: Stream, *, or_replace: bool) -> CreateFunction:
    """Take what follows CREATE [OR REPLACE] FUNCTION."""
    name = stream.name()
    arguments = _parameters(stream)
    stream.expect("RETURNS")
    returns, _ = _argument_type(stream)
    clauses = _Clauses()
    while clauses.read(stream):
        pass
    body = clauses.required_body(stream)
    if clauses.language is None:
        raise SqlError(SqlState.INVALID_OBJECT_DEFINITION, "no language specified")
    return CreateFunction(
        name=name,
        arguments=arguments,
        returns=returns,
        body=body,
        language=clauses.language,
        volatility=clauses.volatility,
        or_replace=or_replace,
    )


class _Clauses:
    """What follows a routine's parameters, in any order."""

    def __init__(self) -> None:
        self.body: Fragment | None = None
        self.language: str | None = None
        self.volatility = "VOLATILE"
        self.nonatomic = False
        self.security_definer = False
        self.settings: list[tuple[str, tuple[str, ...]]] = []

    def read(self, stream: Stream) -> bool:
        """Take one clause; return whether there was one."""
        if stream.take("AS"):
            self.body = _body(stream)
        elif stream.take("LANGUAGE"):
            self.language = stream.string().lower() if stream.at_string() else stream.identifier()
        elif volatility := stream.take_any("VOLATILE", "STABLE", "IMMUTABLE"):
            self.volatility = volatility
        elif stream.take("NONATOMIC"):
            self.nonatomic = True
        elif stream.take("SECURITY"):
            self.security_definer = stream.expect_any("DEFINER", "INVOKER") == "DEFINER"
        elif stream.take("SET"):
            self._setting(stream)
        else:
            return False
        return True

    def _setting(self, stream: Stream) -> None:
        name = ".".join(stream.name(2))
        stream.expect_any("TO", "=")
        self.settings.append((name, read_values(stream) or ()))

    def required_body(self, stream: Stream) -> Fragment:
        """Return the body, or raise."""
        if self.body is None:
            stream.finish()
            raise SqlError(SqlState.INVALID_OBJECT_DEFINITION, "no function body specified")
        return self.body


def _body(stream: Stream) -> Fragment:
    token = stream.token
    return Fragment(stream.string(), stream.offset + literal_start(stream.text, token))


def _parameters(stream: Stream) -> tuple[Argument, ...]:
    stream.expect("(")
    if stream.take(")"):
        return ()
    arguments = [_parameter(stream)]
    while stream.take(","):
        arguments.append(_parameter(stream))
    stream.expect(")")
    return tuple(arguments)


def _parameter(stream: Stream) -> Argument:
    name, mode = read_argument_name(stream)
    type_, type_name = _argument_type(stream)
    return Argument(name=name, mode=mode, type=type_, type_name=type_name)


def _argument_type(stream: Stream) -> tuple[ColumnType | None, str]:
    if stream.token.key in _PSEUDO:
        return None, stream.advance().value
    type_ = read_type(stream)
    if stream.tokens[stream.index - 1].key != ")" and type_.type.name in _UNBOUNDED:
        # Without a length of its own an argument takes what comes, as pg_proc keeps no modifiers.
        type_ = ColumnType(type_.type)
    return type_, str(type_)


def read_alter_routine(stream: Stream, object_: str) -> AlterRoutine:
    """Take what follows ALTER FUNCTION or ALTER PROCEDURE."""
    name = stream.name()
    signature = read_signature(stream) if stream.at("(") else None
    choice = stream.expect_any("RENAME", "OWNER")
    stream.expect("TO")
    if choice == "RENAME":
        return AlterRoutine(object=object_, name=name, signature=signature, rename_to=stream.identifier())
    return AlterRoutine(object=object_, name=name, signature=signature, owner=stream.user())
