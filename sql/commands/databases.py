"""CREATE DATABASE, ALTER DATABASE, DROP DATABASE, USE.

Redshift, "CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE", "USE".
"""

from dataclasses import dataclass, replace

from core.errors import not_supported
from sql.commands.columns import read_collation
from sql.commands.integrations import (
    FromIntegration,
    IntegrationOptions,
    RefreshTables,
    read_alter_integration,
    read_from_integration,
)
from sql.commands.schemas import UNLIMITED
from sql.commands.shares import FromDatashare, read_from_datashare
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """What CREATE and ALTER DATABASE may set; None when not given."""

    owner: str | None = None
    connection_limit: int | None = None
    """-1 is UNLIMITED."""
    collate: str | None = None
    """case_sensitive or case_insensitive."""
    isolation: str | None = None
    """SNAPSHOT or SERIALIZABLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDatabase:
    """CREATE DATABASE name options."""

    name: str
    options: DatabaseOptions = DatabaseOptions()
    share: FromDatashare | None = None
    integration: FromIntegration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterDatabase:
    """ALTER DATABASE name RENAME TO …, INTEGRATION … or options."""

    name: str
    rename_to: str | None = None
    options: DatabaseOptions = DatabaseOptions()
    integration: RefreshTables | IntegrationOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropDatabase:
    """DROP DATABASE [IF EXISTS] name [FORCE]."""

    name: str
    if_exists: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """USE database; RESET USE and USE NONE give None."""

    database: str | None


def read_create_database(stream: Stream) -> CreateDatabase:
    """Take what follows CREATE DATABASE."""
    name = stream.identifier()
    permissions = stream.take("WITH", "PERMISSIONS")
    if permissions or stream.at("FROM", "DATASHARE"):
        stream.expect("FROM", "DATASHARE")
        return CreateDatabase(name=name, share=read_from_datashare(stream, permissions=permissions))
    integration = None
    if stream.take("FROM"):
        if stream.at("ARN"):
            raise not_supported("CREATE DATABASE FROM ARN", position=stream.position)
        integration = read_from_integration(stream)
    stream.take("WITH")
    options = _options(stream)
    if stream.at("IAM_ROLE"):
        raise not_supported("CREATE DATABASE IAM_ROLE", position=stream.position)
    return CreateDatabase(name=name, options=options, integration=integration)


def read_alter_database(stream: Stream) -> AlterDatabase:
    """Take what follows ALTER DATABASE."""
    name = stream.identifier()
    if stream.take("RENAME", "TO"):
        return AlterDatabase(name=name, rename_to=stream.identifier())
    if stream.take("INTEGRATION"):
        return AlterDatabase(name=name, integration=read_alter_integration(stream))
    stream.take("WITH")
    if stream.ended:
        stream.fail()
    return AlterDatabase(name=name, options=_options(stream))


def _options(stream: Stream) -> DatabaseOptions:
    options = DatabaseOptions()
    while (following := _option(stream, options)) is not None:
        options = following
    return options


def _option(stream: Stream, given: DatabaseOptions) -> DatabaseOptions | None:
    if stream.take("OWNER"):
        stream.take_any("=", "TO")
        return replace(given, owner=stream.user())
    if stream.take("CONNECTION", "LIMIT"):
        stream.take("=")
        return replace(given, connection_limit=read_limit(stream))
    if stream.take("COLLATE"):
        stream.take("=")
        return replace(given, collate=read_collation(stream))
    if stream.take("ISOLATION", "LEVEL"):
        return replace(given, isolation=stream.expect_any("SNAPSHOT", "SERIALIZABLE"))
    return None


def read_limit(stream: Stream) -> int:
    """Take a number or UNLIMITED, which is -1."""
    return UNLIMITED if stream.take("UNLIMITED") else stream.integer()


def read_drop_database(stream: Stream) -> DropDatabase:
    """Take what follows DROP DATABASE."""
    if_exists = stream.take("IF", "EXISTS")
    name = stream.identifier()
    return DropDatabase(name=name, if_exists=if_exists, force=stream.take("FORCE"))


def read_use(stream: Stream) -> Use:
    """Take USE database, USE NONE."""
    stream.expect("USE")
    if stream.take("NONE"):
        return Use(database=None)
    database = stream.identifier()
    if stream.at("@"):
        raise not_supported("database of an external catalog", position=stream.position)
    return Use(database=database)
