"""CREATE, ALTER and DROP DATASHARE, and who may use one: GRANT USAGE ON DATASHARE … TO NAMESPACE or ACCOUNT.

Redshift, "CREATE DATASHARE", "ALTER DATASHARE", "DROP DATASHARE", "GRANT".
"""

from dataclasses import dataclass
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql.commands.datatypes import read_signature
from sql.stream import Stream

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDatashare:
    """CREATE DATASHARE name."""

    name: str
    public: bool = False
    managed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterDatashare:
    """ALTER DATASHARE name ADD | REMOVE objects, or SET a property."""

    name: str
    adds: bool | None = None
    """None: a property is set."""
    objects: str = ""
    """TABLE, SCHEMA, FUNCTION, ALL TABLES or ALL FUNCTIONS."""
    names: tuple[Name, ...] = ()
    signatures: tuple[tuple[ColumnType, ...] | None, ...] = ()
    """Of functions, one for each name."""
    public: bool | None = None
    include_new: bool | None = None
    """FOR SCHEMA, which is the one of ``names``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropDatashare:
    """DROP DATASHARE name[, …]."""

    names: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareWith:
    """GRANT or REVOKE USAGE ON DATASHARE … TO or FROM a namespace or account."""

    names: tuple[str, ...]
    takes: bool
    account: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromDatashare:
    """What CREATE DATABASE … FROM DATASHARE says of it."""

    share: str
    account: str = ""
    namespace: str = ""
    permissions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """HANDOVER 'request': what one server asks another of a datashare; no statement of Redshift's."""

    request: str


def read_handover(stream: Stream) -> Handover:
    """Take HANDOVER and its request."""
    stream.expect("HANDOVER")
    return Handover(request=stream.string())


_KINDS: Final = ("TABLE", "SCHEMA", "FUNCTION", "ALL")
_ALL: Final = ("TABLES", "FUNCTIONS")


def read_create_datashare(stream: Stream) -> CreateDatashare:
    """Take what follows CREATE DATASHARE."""
    name = stream.identifier()
    public, managed = False, ""
    while not stream.ended:
        stream.take(",")
        stream.take("SET")
        if stream.expect_any("PUBLICACCESSIBLE", "MANAGEDBY") == "PUBLICACCESSIBLE":
            public = _flag(stream)
        else:
            stream.take("=")
            managed = stream.expect_any("ADX")
    return CreateDatashare(name=name, public=public, managed_by=managed)


def _flag(stream: Stream) -> bool:
    stream.take("=")
    return stream.expect_any("TRUE", "FALSE") == "TRUE"


def read_alter_datashare(stream: Stream) -> AlterDatashare:
    """Take what follows ALTER DATASHARE."""
    name = stream.identifier()
    if stream.take("SET"):
        if stream.expect_any("PUBLICACCESSIBLE", "INCLUDENEW") == "PUBLICACCESSIBLE":
            return AlterDatashare(name=name, public=_flag(stream))
        new = _flag(stream)
        stream.expect("FOR", "SCHEMA")
        return AlterDatashare(name=name, include_new=new, names=(stream.name(2),))
    adds = stream.expect_any("ADD", "REMOVE") == "ADD"
    kind = stream.expect_any(*_KINDS)
    if kind == "ALL":
        kind = f"ALL {stream.expect_any(*_ALL)}"
        stream.expect("IN", "SCHEMA")
    names: list[Name] = []
    signatures: list[tuple[ColumnType, ...] | None] = []
    while not names or stream.take(","):
        names.append(stream.name() if kind in {"TABLE", "FUNCTION"} else stream.name(2))
        signatures.append(read_signature(stream) if kind == "FUNCTION" and stream.at("(") else None)
    return AlterDatashare(name=name, adds=adds, objects=kind, names=tuple(names), signatures=tuple(signatures))


def read_drop_datashare(stream: Stream) -> DropDatashare:
    """Take what follows DROP DATASHARE."""
    if_exists = stream.take("IF", "EXISTS")
    return DropDatashare(names=stream.identifiers(), if_exists=if_exists)


def at_consumer(stream: Stream) -> bool:
    """Tell whether a namespace or an account follows."""
    return stream.at_any("NAMESPACE", "ACCOUNT")


def read_consumer(stream: Stream, names: tuple[str, ...], *, takes: bool) -> ShareWith:
    """Take NAMESPACE 'guid' or ACCOUNT 'number' [VIA DATA CATALOG]."""
    word = stream.expect_any("NAMESPACE", "ACCOUNT")
    found = stream.string()
    if word == "ACCOUNT":
        stream.take("VIA", "DATA", "CATALOG")
        return ShareWith(names=names, takes=takes, account=found)
    return ShareWith(names=names, takes=takes, namespace=found)


def read_from_datashare(stream: Stream, *, permissions: bool) -> FromDatashare:
    """Take what follows CREATE DATABASE name [WITH PERMISSIONS] FROM DATASHARE."""
    share = stream.identifier()
    account, namespace = read_producer(stream)
    permissions = stream.take("WITH", "PERMISSIONS") or permissions
    return FromDatashare(share=share, account=account, namespace=namespace, permissions=permissions)


def read_producer(stream: Stream) -> tuple[str, str]:
    """Take [OF [ACCOUNT 'number'] NAMESPACE 'guid']."""
    if not stream.take("OF"):
        return "", ""
    account = stream.string() if stream.take("ACCOUNT") else ""
    stream.expect("NAMESPACE")
    namespace = stream.string()
    if not namespace:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "the namespace of a datashare is empty")
    return account, namespace
