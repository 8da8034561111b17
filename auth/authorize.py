"""May this user do that: the decision, from an object's owner and its access control list.

PostgreSQL, "Privileges"; Redshift, "GRANT": the owner and superusers may everything, columns can be granted
singly for SELECT and UPDATE, objects are reached through USAGE on their schema (the caller checks both).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from auth.privileges import PRIVILEGES
from core.errors import SqlError
from core.sqlstate import SqlState

PUBLIC: Final = 0
"""The grantee that means everyone."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    oid: int
    name: str
    superuser: bool
    groups: frozenset[int] = frozenset()
    """OIDs of the groups that the user is in and of the roles that it holds."""
    permissions: frozenset[str] = frozenset()
    """System permissions of its roles (``auth.permissions``)."""

    def may(self, permission: str) -> bool:
        """Tell whether the user is a superuser or holds a system permission."""
        return self.superuser or permission in self.permissions


class Held(Protocol):
    """What is looked at of an ACL's entry (``catalog.model.Grant``)."""

    @property
    def grantee(self) -> int:
        """OID of a user, group or role; 0 is PUBLIC."""
        ...

    @property
    def privileges(self) -> frozenset[str]:
        """Names of ``auth.privileges``."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """What the grant is limited to; empty is the whole object."""
        ...


def allowed(
    who: Principal,
    privilege: str,
    owner: int,
    acl: Iterable[Held],
    columns: Iterable[str] | None = None,
) -> bool:
    """Tell whether *who* holds *privilege*.

    *columns* are those concerned; none named (an empty set, as of COUNT(*)) asks for any one of them, None
    for the privilege on the whole object.
    """
    if who.superuser or who.oid == owner:
        return True
    mine = [(entry.privileges, entry.columns) for entry in acl if _concerns(entry.grantee, who)]
    if not mine:
        return False
    if columns is None or not PRIVILEGES[privilege].columns:
        return counts_for(mine, privilege, ())
    wanted = tuple(columns)
    return counts_for(mine, privilege, wanted) or (not wanted and any(privilege in held for held, _ in mine))


def check(  # noqa: PLR0913 - the object's four facts stay flat: values of the caller's own model
    who: Principal,
    privilege: str,
    owner: int,
    acl: Iterable[Held],
    *,
    kind: str,
    name: str,
    columns: frozenset[str] = frozenset(),
) -> None:
    """Raise 42501 unless *who* holds *privilege*; *kind* and *name* are for the message."""
    if not allowed(who, privilege, owner, acl, columns):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for {kind} {name}")


def check_owner(who: Principal, owner: int, *, kind: str, name: str) -> None:
    """Raise 42501 unless *who* owns the object or is a superuser."""
    if not who.superuser and who.oid != owner:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of {kind} {name}")


def counts_for(
    held: Iterable[tuple[frozenset[str], tuple[str, ...]]], privilege: str, columns: tuple[str, ...]
) -> bool:
    """Tell whether (privileges, columns) pairs give *privilege* on all *columns*, or on the whole for none."""
    of_columns: set[str] = set()
    for privileges, limited in held:
        if privilege not in privileges:
            continue
        if not limited:
            return True
        of_columns.update(limited)
    return bool(columns) and of_columns.issuperset(columns)


def _concerns(grantee: int, who: Principal) -> bool:
    return grantee in {PUBLIC, who.oid} or grantee in who.groups
