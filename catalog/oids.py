"""OIDs that are derived: of constraints, their indexes and column defaults, and of things built in.

Objects of ``catalog.model`` carry their own OID. What hangs on a relation without one of its own gets an
OID from the relation's, above 2**31, where no relation's can be; it is the same in every session and
after a restart. Built-in objects lie below 16384, as PostgreSQL's do.
"""

from typing import Final

from catalog.model import FIRST_OID

DERIVED: Final = 1 << 31
SLOTS: Final = 64
"""OIDs that one relation may need: two a constraint."""
_SPAN: Final = (1 << 31) // SLOTS

PG_CATALOG: Final = 11
PG_TOAST: Final = 99
PG_INTERNAL: Final = 9_998
"""The schema pg_internal."""
CLASS_PG_TYPE: Final = 1247
CLASS_PG_ATTRIBUTE: Final = 1249
CLASS_PG_PROC: Final = 1255
CLASS_PG_CLASS: Final = 1259
CLASS_PG_CONSTRAINT: Final = 2606
CLASS_PG_REWRITE: Final = 2618
CLASS_PG_NAMESPACE: Final = 2615
CLASS_PG_DATABASE: Final = 1262
DEFAULT_TABLESPACE: Final = 1663
BTREE: Final = 403
DEFAULT_COLLATION: Final = 100
LANGUAGE_INTERNAL: Final = 12
LANGUAGE_SQL: Final = 14

TEMPLATE_DATABASES: Final = ((1, "template1"), (9_990, "template0"), (9_991, "padb_harvest"))
"""Databases that every cluster lists beside its own; nobody can use them."""


def constraint(relation: int, place: int) -> int:
    """Return the OID of a relation's constraint at *place*, from 0."""
    return _slot(relation, 2 * place)


def index(relation: int, place: int) -> int:
    """Return the OID of the index that stands for the key at *place*."""
    return _slot(relation, 2 * place + 1)


def _slot(relation: int, slot: int) -> int:
    return DERIVED + (relation - FIRST_OID) % _SPAN * SLOTS + slot % SLOTS
