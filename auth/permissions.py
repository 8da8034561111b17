"""System permissions: what roles may be given beside privileges on objects, and what the system's roles have.

Redshift, "System permissions for RBAC", "Amazon Redshift system-defined roles".
"""

from collections.abc import Iterable
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

PERMISSIONS: Final = frozenset({
    "CREATE ROLE", "DROP ROLE", "CREATE USER", "DROP USER", "ALTER USER", "CREATE SCHEMA", "DROP SCHEMA",
    "ALTER DEFAULT PRIVILEGES", "ACCESS CATALOG", "ACCESS SYSTEM TABLE", "CREATE TABLE", "DROP TABLE", "ALTER TABLE",
    "CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE EXTERNAL FUNCTION", "DROP FUNCTION",
    "CREATE OR REPLACE PROCEDURE", "DROP PROCEDURE", "CREATE OR REPLACE VIEW", "DROP VIEW", "CREATE MODEL",
    "DROP MODEL", "CREATE DATASHARE", "ALTER DATASHARE", "DROP DATASHARE", "CREATE LIBRARY", "DROP LIBRARY",
    "ANALYZE", "CANCEL", "TRUNCATE TABLE", "VACUUM", "IGNORE RLS", "EXPLAIN RLS", "EXPLAIN MASKING",
})  # fmt: skip
POLICIES: Final = "MANAGE POLICIES"
"""Making, attaching and seeing row-level security and masking policies: sys:secadmin's own, never granted."""
SUPERUSER_ROLE: Final = "sys:superuser"
_MONITOR: Final = frozenset({"ACCESS CATALOG", "ACCESS SYSTEM TABLE"})
_OPERATOR: Final = _MONITOR | {"ANALYZE", "VACUUM", "CANCEL"}
_OBJECTS: Final = frozenset({
    "CREATE SCHEMA", "DROP SCHEMA", "CREATE TABLE", "DROP TABLE", "ALTER TABLE", "TRUNCATE TABLE",
    "CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE EXTERNAL FUNCTION", "DROP FUNCTION",
    "CREATE OR REPLACE PROCEDURE", "DROP PROCEDURE", "CREATE OR REPLACE VIEW", "DROP VIEW", "CREATE MODEL",
    "DROP MODEL", "CREATE DATASHARE", "ALTER DATASHARE", "DROP DATASHARE", "CREATE LIBRARY", "DROP LIBRARY",
    "ALTER DEFAULT PRIVILEGES",
})  # fmt: skip
SYSTEM_ROLES: Final = {
    SUPERUSER_ROLE: PERMISSIONS,
    "sys:dba": _OPERATOR | _OBJECTS,
    "sys:operator": _OPERATOR,
    "sys:monitor": _MONITOR,
    "sys:secadmin": frozenset({
        "CREATE ROLE", "DROP ROLE", "CREATE USER", "ALTER USER", "DROP USER", "ACCESS CATALOG", "IGNORE RLS",
        "EXPLAIN RLS", "EXPLAIN MASKING", POLICIES,
    }),
}  # fmt: skip
"""What each of the system's roles brings."""


def meant(name: str) -> frozenset[str]:
    """Return the permissions that a word of GRANT … TO ROLE means; raises 0LP01 for one that there is not."""
    if name in {"ALL", "ALL PRIVILEGES"}:
        return PERMISSIONS
    if name not in PERMISSIONS:
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, f"invalid system privilege type {name}")
    return frozenset({name})


def held(roles: Iterable[tuple[str, frozenset[str]]]) -> frozenset[str]:
    """Return what (name, permissions) of all the roles that somebody holds amount to."""
    found: set[str] = set()
    for name, permissions in roles:
        found |= permissions | SYSTEM_ROLES.get(name, frozenset())
    return frozenset(found)
