"""The decision: may this principal do this to that object.

Owners may do everything to what is theirs, superusers everything to everything, others what was granted to
them, to a group of theirs, or to PUBLIC. A privilege on columns suffices for what touches no others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from auth.grants import PUBLIC, Entry
from core.errors import SqlError
from core.sqlstate import SqlState


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    oid: int
    name: str
    superuser: bool
    groups: frozenset[int] = frozenset()


def allowed(
    who: Principal, privilege: str, owner: int, acl: Iterable[Entry], columns: frozenset[str] = frozenset()
) -> bool:
    """Tell whether *who* holds *privilege* on an object, or on all of *columns*."""
    if who.superuser or who.oid == owner:
        return True
    covered: set[str] = set()
    some = False
    for entry in acl:
        if privilege in entry.privileges and _is_for(entry.grantee, who):
            if not entry.columns:
                return True
            covered.update(entry.columns)
            some = True
    # Naming no column (COUNT(*)) asks for any one, as in PostgreSQL.
    return some if not columns else columns <= covered


def grantable(who: Principal, privilege: str, owner: int, acl: Iterable[Entry]) -> bool:
    """Tell whether *who* may grant *privilege* on an object to others."""
    if who.superuser or who.oid == owner:
        return True
    return any(privilege in entry.grantable and _is_for(entry.grantee, who) for entry in acl)


def check(  # noqa: PLR0913 - the object's four facts stay flat: values of the caller's own model
    who: Principal,
    privilege: str,
    owner: int,
    acl: Iterable[Entry],
    *,
    kind: str,
    name: str,
    columns: frozenset[str] = frozenset(),
) -> None:
    """Raise 42501 unless *who* holds *privilege*; *kind* and *name* tell of the object."""
    if not allowed(who, privilege, owner, acl, columns):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for {kind} {name}")


def _is_for(grantee: int, who: Principal) -> bool:
    return grantee in {PUBLIC, who.oid} or grantee in who.groups
