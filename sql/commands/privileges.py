"""GRANT, REVOKE, ALTER DEFAULT PRIVILEGES.

Redshift, "GRANT", "REVOKE", "ALTER DEFAULT PRIVILEGES". Which privilege fits which object is decided by
``auth.privileges``; here they are words.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.types import ColumnType


class GranteeKind(StrEnum):
    """Whom a name in TO or FROM means."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """One grantee."""

    kind: GranteeKind
    name: str = ""
    """Empty for PUBLIC."""
    grant_option: bool = False
    """WITH GRANT OPTION (or, for roles granted, WITH ADMIN OPTION)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegeItem:
    """One privilege: ``SELECT``, ``ALL``, ``TEMP`` reads as ``TEMPORARY``."""

    name: str
    """Upper case, single blanks: ALL stands for ALL PRIVILEGES too."""
    columns: tuple[str, ...] = ()
    """Of the table that it is limited to; empty means all."""


class ObjectKind(StrEnum):
    """What privileges are granted on."""

    TABLE = "TABLE"
    """Also views."""
    SCHEMA = "SCHEMA"
    DATABASE = "DATABASE"
    FUNCTION = "FUNCTION"
    PROCEDURE = "PROCEDURE"
    LANGUAGE = "LANGUAGE"
    SYSTEM = "SYSTEM"
    """System permissions, granted to roles; there is no object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegeTarget:
    """What follows ON."""

    kind: ObjectKind
    names: tuple[tuple[str, ...], ...] = ()
    all_in_schemas: tuple[tuple[str, ...], ...] = ()
    """ALL TABLES | FUNCTIONS | PROCEDURES IN SCHEMA; names is empty then."""
    signatures: tuple[tuple[ColumnType, ...] | None, ...] = ()
    """Of routines, one for each name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """GRANT privileges ON target TO grantees."""

    privileges: tuple[PrivilegeItem, ...]
    target: PrivilegeTarget
    grantees: tuple[Grantee, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """REVOKE [GRANT OPTION FOR] privileges ON target FROM grantees [CASCADE | RESTRICT]."""

    privileges: tuple[PrivilegeItem, ...]
    target: PrivilegeTarget
    grantees: tuple[Grantee, ...]
    grant_option_only: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole:
    """GRANT ROLE role[, …] TO grantees."""

    roles: tuple[str, ...]
    grantees: tuple[Grantee, ...]
    """Users and roles; ``grant_option`` is WITH ADMIN OPTION."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRole:
    """REVOKE [ADMIN OPTION FOR] ROLE role[, …] FROM grantees."""

    roles: tuple[str, ...]
    grantees: tuple[Grantee, ...]
    admin_option_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterDefaultPrivileges:
    """ALTER DEFAULT PRIVILEGES [FOR USER …] [IN SCHEMA …] GRANT | REVOKE on all objects made later."""

    change: Grant | Revoke
    """Its target has a kind (TABLE, FUNCTION, PROCEDURE) and no names."""
    users: tuple[str, ...] = ()
    """Empty means the one who says it."""
    schemas: tuple[str, ...] = ()
