"""CREATE and ALTER EXTERNAL SCHEMA.

Redshift, "CREATE EXTERNAL SCHEMA", "ALTER EXTERNAL SCHEMA". A source is a row of ``_SOURCES``: what stands after FROM
and which options it must have.
"""

from dataclasses import dataclass
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.stream import Stream

Pairs = tuple[tuple[str, str], ...]
Name = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateExternalSchema:
    """CREATE EXTERNAL SCHEMA [IF NOT EXISTS] name FROM … options."""

    name: Name
    source: str
    """DATA CATALOG, POSTGRES, MYSQL, REDSHIFT, KINESIS or KAFKA."""
    database: str = ""
    options: Pairs = ()
    """IAM_ROLE, REGION, CATALOG_ROLE, URI, PORT, SCHEMA, SECRET_ARN, AUTHENTICATION: those that were given."""
    if_not_exists: bool = False
    create_database: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterExternalSchema:
    """ALTER EXTERNAL SCHEMA name options."""

    name: Name
    options: Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What may stand after FROM."""

    words: tuple[str, ...]
    name: str
    needs: tuple[str, ...] = ("DATABASE",)


_SOURCES: Final = (
    _Source(words=("DATA", "CATALOG"), name="DATA CATALOG"),
    _Source(words=("POSTGRES",), name="POSTGRES", needs=("DATABASE", "URI", "SECRET_ARN")),
    _Source(words=("MYSQL",), name="MYSQL", needs=("DATABASE", "URI", "SECRET_ARN")),
    _Source(words=("REDSHIFT",), name="REDSHIFT"),
    _Source(words=("KINESIS",), name="KINESIS", needs=("IAM_ROLE",)),
    _Source(words=("MSK",), name="KAFKA", needs=("AUTHENTICATION", "URI")),
    _Source(words=("KAFKA",), name="KAFKA", needs=("AUTHENTICATION", "URI")),
)
_CATALOG: Final = _Source(words=(), name="DATA CATALOG")
_ABSENT: Final = (("HIVE", "METASTORE"),)
_TEXTS: Final = (
    "SCHEMA", "REGION", "SECRET_ARN", "CATALOG_ID", "AUTHENTICATION_ARN", "CLUSTER_ARN", "STREAM_ARN", "URI",
)  # fmt: skip
_ROLES: Final = ("IAM_ROLE", "CATALOG_ROLE")
_AUTHENTICATIONS: Final = ("NONE", "IAM", "MTLS")


def read_create_external_schema(stream: Stream) -> CreateExternalSchema:
    """Take what follows CREATE EXTERNAL SCHEMA."""
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    name = stream.name(2)
    stream.expect("FROM")
    for words in _ABSENT:
        if stream.at(*words):
            raise not_supported(f"CREATE EXTERNAL SCHEMA FROM {' '.join(words)}", position=stream.position)
    source = next((row for row in _SOURCES if stream.take(*row.words)), _CATALOG)
    options: dict[str, str] = {}
    create = False
    while not stream.ended:
        if source.name == "DATA CATALOG" and stream.take("CREATE", "EXTERNAL", "DATABASE", "IF", "NOT", "EXISTS"):
            create = True
        else:
            _option(stream, options, databases="DATABASE" in source.needs)
    for need in source.needs:
        if not options.get(need):
            word = "DATABASE 'name'" if need == "DATABASE" else need
            shown = "" if source.name == "DATA CATALOG" else f" FROM {source.name}"
            raise SqlError(SqlState.SYNTAX_ERROR, f"CREATE EXTERNAL SCHEMA{shown} needs {word}")
    return CreateExternalSchema(
        name=name,
        source=source.name,
        database=options.pop("DATABASE", ""),
        options=tuple(options.items()),
        if_not_exists=if_not_exists,
        create_database=create,
    )


def read_alter_external_schema(stream: Stream) -> AlterExternalSchema:
    """Take what follows ALTER EXTERNAL SCHEMA."""
    name = stream.name(2)
    options: dict[str, str] = {}
    while not stream.ended:
        _option(stream, options, databases=False)
    if not options:
        stream.fail()
    return AlterExternalSchema(name=name, options=tuple(options.items()))


def _option(stream: Stream, options: dict[str, str], *, databases: bool) -> None:
    position = stream.position
    name = stream.expect_any(*(("DATABASE",) if databases else ()), *_TEXTS, *_ROLES, "PORT", "AUTHENTICATION")
    if name in options:
        raise SqlError(SqlState.SYNTAX_ERROR, "conflicting or redundant options", position=position)
    if name == "PORT":
        options[name] = str(stream.integer())
    elif name in _ROLES and stream.take("DEFAULT"):
        options[name] = "default"
    elif name == "AUTHENTICATION":
        options[name] = _authentication(stream)
    else:
        options[name] = stream.string()


def _authentication(stream: Stream) -> str:
    position = stream.position
    word = stream.string().upper() if stream.at_string() else stream.expect_any(*_AUTHENTICATIONS)
    if word not in _AUTHENTICATIONS:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"'{word}' is no way to authenticate", position=position)
    return word.lower()
