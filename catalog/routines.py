"""Functions, procedures and the languages they are written in, as immutable values.

Redshift, "CREATE FUNCTION", "CREATE PROCEDURE", "UDF security and privileges". Which of several routines of one
name a call means is decided in ``sql.overloads``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from catalog.model import BOOTSTRAP_USER, PUBLIC, Acl, CatalogState, Grant, Kind


class RoutineKind(StrEnum):
    """pg_proc.prokind."""

    FUNCTION = "f"
    PROCEDURE = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a routine, or a function's result."""

    type: str
    """pg_type.typname, or ``anyelement``."""
    modifier: int = -1
    name: str = ""
    mode: str = "IN"
    """IN, OUT or INOUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A user-defined function or a stored procedure; its body is the text that was given."""

    oid: int
    schema: int
    name: str
    owner: int
    type: RoutineKind = RoutineKind.FUNCTION
    parameters: tuple[Parameter, ...] = ()
    returns: Parameter | None = None
    """None for a procedure."""
    language: str = "sql"
    body: str = ""
    volatility: str = "VOLATILE"
    security_definer: bool = False
    nonatomic: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    acl: Acl = ()
    comment: str | None = None

    kind = Kind.ROUTINE

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The parameters that a call gives values for."""
        return tuple(item for item in self.parameters if item.mode != "OUT")

    @property
    def outputs(self) -> tuple[Parameter, ...]:
        """The parameters that a call answers with."""
        return tuple(item for item in self.parameters if item.mode != "IN")

    @property
    def signature(self) -> tuple[str, ...]:
        """The types that tell it from others of its name; their modifiers do not count."""
        return tuple(item.type for item in self.inputs)

    @property
    def identity(self) -> str:
        """The name that is unique in the schema."""
        return f"{self.name}({','.join(self.signature)})"

    @property
    def word(self) -> str:
        """What messages call it."""
        return "procedure" if self.type is RoutineKind.PROCEDURE else "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What routines are written in."""

    oid: int
    name: str
    trusted: bool
    owner: int = BOOTSTRAP_USER
    acl: Acl = ()

    kind = Kind.LANGUAGE


_EVERYONE_USES: Final = (Grant(grantee=PUBLIC, grantor=BOOTSTRAP_USER, privileges=frozenset({"USAGE"})),)
LANGUAGES: Final = {
    item.name: item
    for item in (
        Language(oid=14, name="sql", trusted=True, acl=_EVERYONE_USES),
        Language(oid=15, name="plpgsql", trusted=True, acl=_EVERYONE_USES),
        Language(oid=16, name="plpythonu", trusted=False),
    )
}
"""The languages as they are where nobody has changed their privileges."""


def routines(state: CatalogState, schema: int | None = None, name: str | None = None) -> list[Routine]:
    """Return the routines called *name* of a schema, or all of a schema, or all."""
    if schema is not None and name is not None:
        found = [state.objects[oid] for oid in state.overloads.get((schema, name), ())]
    else:
        found = [
            state.objects[oid]
            for (place, _), oids in state.overloads.items()
            if schema in (None, place)
            for oid in oids
        ]
    return [item for item in found if isinstance(item, Routine)]


def language(state: CatalogState, name: str) -> Language | None:
    """Return the language called *name*."""
    oid = state.names.get((Kind.LANGUAGE, 0, name))
    found = None if oid is None else state.objects.get(oid)
    return found if isinstance(found, Language) else LANGUAGES.get(name)


def languages(state: CatalogState) -> list[Language]:
    """Return all languages."""
    return [found for name in LANGUAGES if (found := language(state, name)) is not None]
