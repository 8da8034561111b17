"""Access control lists as values: who has which privileges on an object. What they mean is decided by ``auth``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """One grantee's privileges on an object or on columns of it."""

    grantee: int
    """OID of a user, group or role; 0 is PUBLIC."""
    grantor: int
    privileges: frozenset[str]
    """Names from ``auth.privileges``, upper case: SELECT, INSERT, …"""
    grantable: frozenset[str] = frozenset()
    """Those of them held WITH GRANT OPTION."""
    columns: tuple[str, ...] = ()
    """Column names that the grant is limited to; empty means the whole object."""


Acl = tuple[Grant, ...]
