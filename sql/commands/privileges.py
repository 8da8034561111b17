"""GRANT, REVOKE, ALTER DEFAULT PRIVILEGES.

Redshift, "GRANT", "REVOKE", "ALTER DEFAULT PRIVILEGES". Which privilege fits which object is decided by
``auth.privileges``; here they are words.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.types import ColumnType
from sql.commands.alterations import take_cascade
from sql.commands.datatypes import read_signature
from sql.commands.iam_roles import read_iam_commands, read_iam_roles
from sql.commands.shares import ShareWith, at_consumer, read_consumer
from sql.commands.unsupported import Unsupported
from sql.stream import Stream
from sql.tokens import TokenKind


class GranteeKind(StrEnum):
    """Whom a name in TO or FROM means."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    PUBLIC = "public"
    RLS_POLICY = "RLS policy"


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
    DATASHARE = "DATASHARE"
    """ALTER and SHARE; USAGE, which namespaces and accounts get, is ``ShareWith``."""
    COPY_JOB = "COPY JOB"
    """Of a whole database only: FOR COPY JOBS IN DATABASE."""
    IAM_ROLE = "IAM ROLE"
    """ASSUMEROLE: the privileges are the commands after FOR."""
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
    scoped: bool = False
    """FOR … IN: all objects of the kind, in the schema or in the database, also those made later."""
    in_schema: tuple[str, ...] = ()
    in_database: str = ""


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


Change = Grant | Revoke | GrantRole | RevokeRole | ShareWith | Unsupported

_ABSENT_TARGETS: Final = ("MODEL", "COPY", "TEMPLATE", "EXTERNAL")
_ABSENT_GRANTEES: Final = ("IAM_ROLE", "NAMESPACE", "ACCOUNT")
_NAMED: Final = (ObjectKind.SCHEMA, ObjectKind.DATABASE, ObjectKind.LANGUAGE, ObjectKind.DATASHARE)
_ROUTINES: Final = (ObjectKind.FUNCTION, ObjectKind.PROCEDURE)
_PLURALS: Final = {
    "TABLES": ObjectKind.TABLE,
    "FUNCTIONS": ObjectKind.FUNCTION,
    "PROCEDURES": ObjectKind.PROCEDURE,
}


_SCOPED: Final = _PLURALS | {"SCHEMAS": ObjectKind.SCHEMA, "LANGUAGES": ObjectKind.LANGUAGE}
_IN_DATABASES: Final = (ObjectKind.SCHEMA, ObjectKind.LANGUAGE, ObjectKind.COPY_JOB)


def read_grant(stream: Stream) -> Change:
    """Take GRANT in all its forms."""
    stream.expect("GRANT")
    if _at_role_names(stream):
        stream.take("ROLE")
        roles = _role_names(stream)
        stream.expect("TO")
        return GrantRole(roles=roles, grantees=_grantees(stream, option="ADMIN"))
    if stream.take("ASSUMEROLE", "ON"):
        target = _iam_roles(stream)
        stream.expect("TO")
        grantees = _grantees(stream)
        return Grant(privileges=_iam_commands(stream), target=target, grantees=grantees)
    privileges = _privileges(stream)
    if feature := _absent(stream, privileges):
        stream.rest()
        return Unsupported(feature=f"GRANT {feature}")
    target = _target(stream)
    stream.expect("TO")
    if target.kind is ObjectKind.DATASHARE and at_consumer(stream):
        return _shared(stream, privileges, target, takes=False)
    if stream.at_any(*_ABSENT_GRANTEES):
        feature = stream.token.key
        stream.rest()
        return Unsupported(feature=f"GRANT TO {feature}")
    return Grant(privileges=privileges, target=target, grantees=_grantees(stream, option="GRANT"))


def read_revoke(stream: Stream) -> Change:
    """Take REVOKE in all its forms."""
    stream.expect("REVOKE")
    admin_option_only = stream.take("ADMIN", "OPTION", "FOR")
    if admin_option_only or _at_role_names(stream):
        stream.take("ROLE")
        roles = _role_names(stream)
        stream.expect("FROM")
        return RevokeRole(roles=roles, grantees=_grantees(stream), admin_option_only=admin_option_only)
    if stream.take("ASSUMEROLE", "ON"):
        target = _iam_roles(stream)
        stream.expect("FROM")
        grantees = _grantees(stream)
        return Revoke(privileges=_iam_commands(stream), target=target, grantees=grantees)
    grant_option_only = stream.take("GRANT", "OPTION", "FOR")
    privileges = _privileges(stream)
    if feature := _absent(stream, privileges):
        stream.rest()
        return Unsupported(feature=f"REVOKE {feature}")
    target = _target(stream)
    stream.expect("FROM")
    if target.kind is ObjectKind.DATASHARE and at_consumer(stream):
        return _shared(stream, privileges, target, takes=True)
    if stream.at_any(*_ABSENT_GRANTEES):
        feature = stream.token.key
        stream.rest()
        return Unsupported(feature=f"REVOKE FROM {feature}")
    grantees = _grantees(stream)
    return Revoke(
        privileges=privileges,
        target=target,
        grantees=grantees,
        grant_option_only=grant_option_only,
        cascade=take_cascade(stream),
    )


def _shared(
    stream: Stream, privileges: tuple[PrivilegeItem, ...], target: PrivilegeTarget, *, takes: bool
) -> ShareWith:
    """Take the namespace or account that USAGE of datashares is granted to."""
    if [item.name for item in privileges] != ["USAGE"]:
        stream.fail()
    return read_consumer(stream, tuple(name[-1] for name in target.names), takes=takes)


def _iam_roles(stream: Stream) -> PrivilegeTarget:
    return PrivilegeTarget(kind=ObjectKind.IAM_ROLE, names=tuple((name,) for name in read_iam_roles(stream)))


def _iam_commands(stream: Stream) -> tuple[PrivilegeItem, ...]:
    return tuple(PrivilegeItem(name=name) for name in read_iam_commands(stream))


def _at_role_names(stream: Stream) -> bool:
    return stream.at("ROLE") and stream.tokens[stream.index + 1].kind in {TokenKind.WORD, TokenKind.QUOTED}


def read_role_name(stream: Stream) -> str:
    """Take the name of a role; those with a namespace need no quotes: sys:dba."""
    name = stream.identifier()
    return f"{name}:{stream.identifier()}" if stream.take(":") else name


def read_user_name(stream: Stream) -> str:
    """Take the name of a user, perhaps with a namespace: myco_aad:bob."""
    name = stream.user()
    return f"{name}:{stream.user()}" if stream.take(":") else name


def _role_names(stream: Stream) -> tuple[str, ...]:
    names = [read_role_name(stream)]
    while stream.take(","):
        names.append(read_role_name(stream))
    return tuple(names)


def _privileges(stream: Stream) -> tuple[PrivilegeItem, ...]:
    items = [_privilege(stream)]
    while stream.take(","):
        items.append(_privilege(stream))
    return tuple(items)


def _privilege(stream: Stream) -> PrivilegeItem:
    words: list[str] = []
    while stream.token.kind is TokenKind.WORD and not stream.at_any("ON", "TO", "FROM", "FOR"):
        words.append(stream.advance().key)
    if not words:
        stream.fail()
    name = " ".join(words)
    columns = stream.columns() if stream.at("(") else ()
    return PrivilegeItem(name=_SPELLED.get(name, name), columns=columns)


_SPELLED: Final = {"ALL PRIVILEGES": "ALL", "TEMP": "TEMPORARY"}


def _absent(stream: Stream, privileges: tuple[PrivilegeItem, ...]) -> str:
    """Return the name of the feature, where what follows is one that duckshift does not have."""
    if stream.at("FOR", "TEMPLATES"):
        return "FOR TEMPLATES"
    following = stream.tokens[min(stream.index + 1, len(stream.tokens) - 1)]
    if stream.at("ON") and following.key in _ABSENT_TARGETS and not _is_name(stream):
        return f"ON {following.key}"
    return ""


def _is_name(stream: Stream) -> bool:
    """Return whether the word after ON is itself the table's name: TO, FROM, a comma or a dot follows."""
    return stream.tokens[min(stream.index + 2, len(stream.tokens) - 1)].key in {"TO", "FROM", ",", "."}


def _target(stream: Stream) -> PrivilegeTarget:
    if stream.take("FOR"):
        return _scope(stream)
    if not stream.take("ON"):
        # System permissions are granted on nothing.
        return PrivilegeTarget(kind=ObjectKind.SYSTEM)
    if stream.take("ALL"):
        kind = _PLURALS[stream.expect_any(*_PLURALS)]
        stream.expect("IN", "SCHEMA")
        return PrivilegeTarget(kind=kind, all_in_schemas=stream.names(2))
    for kind in _NAMED:
        if _takes(stream, kind):
            return PrivilegeTarget(kind=kind, names=stream.names(2))
    for kind in _ROUTINES:
        if stream.take(kind):
            return _routines(stream, kind)
    stream.take("TABLE")
    return PrivilegeTarget(kind=ObjectKind.TABLE, names=stream.names())


def _takes(stream: Stream, kind: ObjectKind) -> bool:
    """Take the word for a kind of object, unless a table is called so."""
    following = stream.tokens[min(stream.index + 1, len(stream.tokens) - 1)].key
    return following not in {"TO", "FROM", ",", "."} and stream.take(kind)


def _scope(stream: Stream) -> PrivilegeTarget:
    kind = ObjectKind.COPY_JOB if stream.take("COPY", "JOBS") else _SCOPED[stream.expect_any(*_SCOPED)]
    stream.expect("IN")
    schema: tuple[str, ...] = ()
    if kind not in _IN_DATABASES and stream.take("SCHEMA"):
        schema = stream.name(2)
        database = stream.identifier() if stream.take("DATABASE") else ""
    else:
        stream.expect("DATABASE")
        database = stream.identifier()
    return PrivilegeTarget(kind=kind, scoped=True, in_schema=schema, in_database=database)


def _routines(stream: Stream, kind: ObjectKind) -> PrivilegeTarget:
    names: list[tuple[str, ...]] = []
    signatures: list[tuple[ColumnType, ...] | None] = []
    while not names or stream.take(","):
        names.append(stream.name())
        signatures.append(read_signature(stream) if stream.at("(") else None)
    return PrivilegeTarget(kind=kind, names=tuple(names), signatures=tuple(signatures))


def _grantees(stream: Stream, *, option: str = "") -> tuple[Grantee, ...]:
    if stream.take("RLS", "POLICY"):
        names = stream.names(2)
        return tuple(Grantee(kind=GranteeKind.RLS_POLICY, name=name[-1]) for name in names)
    grantees = [read_grantee(stream, option=option)]
    while stream.take(","):
        grantees.append(read_grantee(stream, option=option))
    return tuple(grantees)


def read_grantee(stream: Stream, *, option: str = "") -> Grantee:
    """Take a user, GROUP name, ROLE name or PUBLIC, with WITH *option* OPTION where that may stand."""
    kind, name = GranteeKind.USER, ""
    if stream.take("PUBLIC"):
        kind = GranteeKind.PUBLIC
    elif choice := stream.take_any("GROUP", "ROLE"):
        kind = GranteeKind(choice.lower())
        name = read_role_name(stream) if choice == "ROLE" else stream.identifier()
    else:
        name = read_user_name(stream)
    granted = bool(option) and stream.take("WITH", option, "OPTION")
    return Grantee(kind=kind, name=name, grant_option=granted)


def read_default_privileges(stream: Stream) -> AlterDefaultPrivileges:
    """Take what follows ALTER DEFAULT PRIVILEGES."""
    users = stream.users() if stream.take("FOR", "USER") else ()
    schemas = stream.identifiers() if stream.take("IN", "SCHEMA") else ()
    if stream.take("GRANT"):
        privileges, target = _future(stream)
        stream.expect("TO")
        change: Grant | Revoke = Grant(privileges=privileges, target=target, grantees=_grantees(stream, option="GRANT"))
        return AlterDefaultPrivileges(change=change, users=users, schemas=schemas)
    stream.expect("REVOKE")
    grant_option_only = stream.take("GRANT", "OPTION", "FOR")
    privileges, target = _future(stream)
    stream.expect("FROM")
    change = Revoke(
        privileges=privileges,
        target=target,
        grantees=_grantees(stream),
        grant_option_only=grant_option_only,
        cascade=take_cascade(stream),
    )
    return AlterDefaultPrivileges(change=change, users=users, schemas=schemas)


def _future(stream: Stream) -> tuple[tuple[PrivilegeItem, ...], PrivilegeTarget]:
    privileges = _privileges(stream)
    stream.expect("ON")
    return privileges, PrivilegeTarget(kind=_PLURALS[stream.expect_any(*_PLURALS)])
