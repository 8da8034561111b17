"""Privileges as a table: what they are called, how an ACL shows them, what they are held on.

Redshift, "GRANT"; PostgreSQL 8.0, "GRANT", for the letters, Redshift's own D, P and A after them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

ALL: Final = "ALL"


class ObjectKind(StrEnum):
    """What privileges are held on, as messages name it."""

    RELATION = "relation"
    """A table or view."""
    SCHEMA = "schema"
    DATABASE = "database"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    LANGUAGE = "language"
    DATASHARE = "datashare"
    COPY_JOB = "copy job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """One privilege."""

    name: str
    letter: str
    """In an ACL's text."""
    kinds: frozenset[ObjectKind]
    columns: bool = False
    """Whether it may be limited to columns."""
    doc: str


_R, _S, _D = ObjectKind.RELATION, ObjectKind.SCHEMA, ObjectKind.DATABASE
_J = ObjectKind.COPY_JOB
_L, _H, _ROUTINES = ObjectKind.LANGUAGE, ObjectKind.DATASHARE, frozenset({ObjectKind.FUNCTION, ObjectKind.PROCEDURE})

# In the order in which an ACL shows them.
_ROWS: Final = (
    Privilege(name="INSERT", letter="a", kinds=frozenset({_R}), doc="Load rows with INSERT or COPY."),
    Privilege(name="SELECT", letter="r", kinds=frozenset({_R}), columns=True, doc="Read."),
    Privilege(name="UPDATE", letter="w", kinds=frozenset({_R}), columns=True, doc="Change rows."),
    Privilege(name="DELETE", letter="d", kinds=frozenset({_R}), doc="Delete rows."),
    Privilege(name="RULE", letter="R", kinds=frozenset({_R}), doc="Without effect; part of ALL."),
    Privilege(name="REFERENCES", letter="x", kinds=frozenset({_R}), doc="Refer to it by a foreign key."),
    Privilege(name="TRIGGER", letter="t", kinds=frozenset({_R}), doc="Without effect; part of ALL."),
    Privilege(name="USAGE", letter="U", kinds=frozenset({_S, _D, _L}), doc="Reach what is in it; write in it."),
    Privilege(name="EXECUTE", letter="X", kinds=_ROUTINES, doc="Call it."),
    Privilege(name="CREATE", letter="C", kinds=frozenset({_S, _D, _J}), doc="Make objects (schemas) in it."),
    Privilege(name="TEMPORARY", letter="T", kinds=frozenset({_D}), doc="Make temporary tables."),
    Privilege(name="DROP", letter="D", kinds=frozenset({_R, _S, _J}), doc="Drop it."),
    Privilege(name="TRUNCATE", letter="P", kinds=frozenset({_R}), doc="Empty it."),
    Privilege(name="ALTER", letter="A", kinds=frozenset({_R, _S, _D, _H, _J}), doc="Change its definition."),
    Privilege(name="SHARE", letter="S", kinds=frozenset({_H}), doc="Let namespaces and accounts use it."),
)
PRIVILEGES: Final = {row.name: row for row in _ROWS}


def all_of(kind: ObjectKind, *, columns: bool = False) -> frozenset[str]:
    """Return what ALL means on an object, or on columns of it."""
    return frozenset(row.name for row in _ROWS if kind in row.kinds and (row.columns or not columns))


def meant(name: str, kind: ObjectKind, *, columns: bool = False) -> frozenset[str]:
    """Return the privileges that a word of GRANT means; raises 0LP01 where it does not fit the object."""
    if name == ALL:
        return all_of(kind, columns=columns)
    if name not in all_of(kind):
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, f"invalid privilege type {name} for {kind}")
    if columns and not PRIVILEGES[name].columns:
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, f"invalid privilege type {name} for column")
    return frozenset({name})
