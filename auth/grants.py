"""What GRANT and REVOKE do to an access control list: pure functions from entries to entries.

An entry is one grantee's privileges by one grantor, on the whole object or on some columns of it.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

PUBLIC = 0
"""The grantee that means everyone."""


class Entry(Protocol):
    """One entry of an access control list (``catalog.model.Grant``)."""

    @property
    def grantee(self) -> int:
        """OID of a user or group, 0 for PUBLIC."""
        ...

    @property
    def grantor(self) -> int:
        """OID of who granted it."""
        ...

    @property
    def privileges(self) -> frozenset[str]:
        """What was granted."""
        ...

    @property
    def grantable(self) -> frozenset[str]:
        """What the grantee may grant on."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is limited to; empty is the whole object."""
        ...


E = TypeVar("E", bound=Entry)
Make = Callable[[int, int, frozenset[str], frozenset[str], tuple[str, ...]], E]
"""Builds an entry: grantee, grantor, privileges, grantable, columns."""


def granted(acl: Iterable[E], new: E, make: Make[E]) -> tuple[E, ...]:
    """Return *acl* with *new* in it, joined to the entry of the same grantee, grantor and columns."""
    result = list(acl)
    for place, entry in enumerate(result):
        if _same(entry, new):
            result[place] = make(
                new.grantee,
                new.grantor,
                entry.privileges | new.privileges,
                entry.grantable | new.grantable,
                tuple(new.columns),
            )
            return tuple(result)
    return (*result, new)


def revoked(acl: Iterable[E], gone: E, make: Make[E], *, option_only: bool = False) -> tuple[E, ...]:
    """Return *acl* without the privileges of *gone*, whoever granted them.

    With *option_only* the privileges stay and only the right to grant them on goes. Revoking from the whole
    object takes the same privileges on columns away too.
    """
    result: list[E] = []
    for entry in acl:
        if entry.grantee != gone.grantee or (gone.columns and set(entry.columns) - set(gone.columns)):
            result.append(entry)
            continue
        left = entry.privileges if option_only else entry.privileges - gone.privileges
        if left:
            grantable = entry.grantable - gone.privileges
            result.append(make(entry.grantee, entry.grantor, left, grantable, tuple(entry.columns)))
    return tuple(result)


def _same(entry: Entry, other: Entry) -> bool:
    return (entry.grantee, entry.grantor, tuple(entry.columns)) == (
        other.grantee,
        other.grantor,
        tuple(other.columns),
    )
