"""Engine SQL that several families' queries share: which rows of the sources the session's user sees."""

from typing import Final

from catalog.system.spec import SUPERUSER

ME: Final = "getvariable('current_user_id')"
HERE: Final = "getvariable('current_database')"

RELATIONS_HERE: Final = f"sys_relations AS r WHERE COALESCE(r.database, {HERE}) = {HERE}"
"""The relations of the current database."""


def in_scope(kind: str, privilege: str = "") -> str:
    """Return whether the user holds a scoped permission (*privilege*, or any) on ``r``, an object of *kind*."""
    exact = f" AND s.privilege = '{privilege}'" if privilege else ""
    return (
        "EXISTS (SELECT 1 FROM sys_scoped_grants AS s JOIN sys_members AS m ON m.grantee = s.grantee"
        f" WHERE m.member = {ME} AND s.object_kind = '{kind}'{exact} AND s.database = r.database"
        " AND s.schema IN (0, r.schema))"
    )


SEES: Final = (
    f"({SUPERUSER} OR r.owner = {ME} OR r.system OR EXISTS (SELECT 1 FROM sys_grants AS g"
    f" JOIN sys_members AS m ON m.grantee = g.grantee WHERE g.object = r.oid AND m.member = {ME})"
    f" OR {in_scope('TABLES')})"
)
"""Of ``sys_relations AS r``: whether the user may see it in the views that show only what one may use."""
SEES_ROUTINE: Final = (
    f"({SUPERUSER} OR r.owner = {ME} OR EXISTS (SELECT 1 FROM sys_grants AS e JOIN sys_members AS m"
    f" ON m.grantee = e.grantee WHERE e.object = r.oid AND m.member = {ME} AND e.privilege = 'EXECUTE')"
    f" OR {in_scope('FUNCTIONS', 'EXECUTE')})"
)
"""Of ``sys_routines AS r``: whether the user owns it or may call it."""


def relations(*, kinds: str = "'r', 'v'", everywhere: bool = False, system: bool = True) -> str:
    """Return FROM … WHERE … over ``sys_relations AS r`` for relations that the user may see."""
    here = "" if everywhere else f" AND COALESCE(r.database, {HERE}) = {HERE}"
    users = "" if system else " AND NOT r.system"
    return f"sys_relations AS r WHERE r.kind IN ({kinds}){here}{users} AND {SEES}"


def columns(*, everywhere: bool = False, system: bool = True) -> str:
    """Return FROM … WHERE … over ``sys_columns AS c`` and its relation, for relations that the user may see."""
    chosen = relations(everywhere=everywhere, system=system)
    return f"sys_columns AS c JOIN (SELECT r.* FROM {chosen}) AS r ON r.oid = c.relation"


def late_columns() -> str:
    """Return the same over the columns of late-binding views, as their queries have them now."""
    return f"sys_late_columns AS c JOIN (SELECT r.* FROM {relations()}) AS r ON r.oid = c.relation"


MATERIALIZED: Final = (
    "sys_materialized AS m JOIN sys_relations AS r ON r.oid = m.relation JOIN sys_users AS u ON u.oid = r.owner"
    " LEFT JOIN sys_stale AS s ON s.relation = m.relation"
)
"""Materialized views, with their relation ``r``, owner ``u`` and staleness ``s``."""
MATERIALIZED_ON: Final = (
    "sys_dependencies AS d JOIN sys_materialized AS v ON v.relation = d.dependent"
    " JOIN sys_relations AS r ON r.oid = d.dependent"
    " JOIN sys_relations AS o ON o.oid = d.referenced AND o.oid <> v.storage"
)
"""Materialized views ``r`` with what they read, ``o``."""


def switch(condition: str) -> str:
    """Return engine SQL for a flag that is shown as t or f."""
    return f"CASE WHEN {condition} THEN 't' ELSE 'f' END"


CHARACTER_LENGTH: Final = "CASE WHEN c.type IN (1042, 1043) AND c.modifier >= 4 THEN c.modifier - 4 END"
PRECISION: Final = (
    "CASE c.type WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53"
    " WHEN 1700 THEN CASE WHEN c.modifier >= 4 THEN (c.modifier - 4) >> 16 END END"
)
SCALE: Final = (
    "CASE WHEN c.type IN (20, 21, 23) THEN 0 WHEN c.type = 1700 AND c.modifier >= 4 THEN (c.modifier - 4) & 65535 END"
)
TYPE_NAME: Final = "regexp_replace(c.format, '\\(.*\\)', '')"
