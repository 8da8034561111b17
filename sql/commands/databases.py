"""CREATE DATABASE, ALTER DATABASE, DROP DATABASE, USE.

Redshift, "CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE", "USE".
"""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterDatabase:
    """ALTER DATABASE name RENAME TO … or options."""

    name: str
    rename_to: str | None = None
    options: DatabaseOptions = DatabaseOptions()


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
