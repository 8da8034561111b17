"""What GRANT and REVOKE do to an access control list.

An ACL is a tuple of entries (``catalog.model.Grant``); the owner's own rights are implied and not in it.
PostgreSQL, "GRANT" and "REVOKE": a grant belongs to its grantor, one without its grantor's grant option
does not outlive it, and taking a privilege from a table takes it from the columns too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from auth.authorize import Held, Principal, counts_for
from core.errors import SqlError
from core.sqlstate import SqlState


class Entry(Held, Protocol):
    """One grantee's privileges from one grantor (``catalog.model.Grant``)."""

    @property
    def grantor(self) -> int:
        """OID of a user."""
        ...

    @property
    def grantable(self) -> frozenset[str]:
        """Those of the privileges held WITH GRANT OPTION."""
        ...


E = TypeVar("E", bound=Entry)
E_co = TypeVar("E_co", bound=Entry, covariant=True)


class Make(Protocol[E_co]):
    """Makes an entry: a class whose constructor takes these."""

    def __call__(
        self,
        *,
        grantee: int,
        grantor: int,
        privileges: frozenset[str],
        grantable: frozenset[str],
        columns: tuple[str, ...],
    ) -> E_co:
        """Return an entry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Privileges given to, or taken from, one grantee."""

    grantee: int
    grantor: int
    owner: int
    """Of the object."""
    privileges: frozenset[str]
    columns: tuple[str, ...] = ()
    option: bool = False
    """GRANT: WITH GRANT OPTION. REVOKE: GRANT OPTION FOR."""
    cascade: bool = False
    """REVOKE: what rests on it goes too."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """One privilege of one grantee from one grantor on one column, or on the whole."""

    grantee: int
    grantor: int
    privilege: str
    column: str


_Cells = dict[_Cell, bool]
"""Cell → whether it can be granted on."""
_WHOLE: Final = ""


def granted(acl: tuple[E, ...], change: Change, make: Make[E]) -> tuple[E, ...]:
    """Return *acl* with what *change* gives; raises 0LP01 for a grant option given back to where it is from."""
    cells = _cells(acl)
    for cell in _of(change):
        if change.option and cell.grantor not in _can_grant(cells, cell, change.owner, without=cell.grantee):
            raise SqlError(
                SqlState.INVALID_GRANT_OPERATION, "grant options cannot be granted back to your own grantor"
            )
        cells[cell] = cells.get(cell, False) or change.option
    return _acl(cells, make)


def revoked(acl: tuple[E, ...], change: Change, make: Make[E]) -> tuple[E, ...]:
    """Return *acl* without what *change* takes; raises 2BP01 where other grants rest on it."""
    before = _cells(acl)
    gone = set(_of(change))
    if not change.columns:
        # The same privilege on columns goes with the one on the table.
        gone |= {cell for cell in before if _Cell(cell.grantee, cell.grantor, cell.privilege, _WHOLE) in gone}
    if change.option:
        after = {cell: grantable and cell not in gone for cell, grantable in before.items()}
    else:
        after = {cell: grantable for cell, grantable in before.items() if cell not in gone}
    orphans = {
        cell
        for cell in after
        if cell.grantor in _can_grant(before, cell, change.owner)
        and cell.grantor not in _can_grant(after, cell, change.owner)
    }
    if orphans and not change.cascade:
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            "dependent privileges exist",
            hint="Use CASCADE to revoke them too.",
        )
    return _acl({cell: grantable for cell, grantable in after.items() if cell not in orphans}, make)


def with_columns(acl: tuple[E, ...], changed: Mapping[str, str | None], make: Make[E]) -> tuple[E, ...]:
    """Return *acl* after columns got another name, or none (None) by being dropped."""
    kept: _Cells = {}
    for cell, grantable in _cells(acl).items():
        column = changed.get(cell.column, cell.column)
        if column is not None:
            kept[_Cell(cell.grantee, cell.grantor, cell.privilege, column)] = grantable
    return _acl(kept, make)


def with_owner(acl: tuple[E, ...], old: int, new: int, make: Make[E]) -> tuple[E, ...]:
    """Return *acl* after the object went from *old* to *new*: what the one had granted is the other's now."""
    kept: _Cells = {}
    for cell, grantable in _cells(acl).items():
        if cell.grantee != new:
            grantor = new if cell.grantor == old else cell.grantor
            moved = _Cell(cell.grantee, grantor, cell.privilege, cell.column)
            kept[moved] = kept.get(moved, False) or grantable
    return _acl(kept, make)


def may_grant(
    who: Principal, privileges: frozenset[str], owner: int, acl: Iterable[Entry], columns: tuple[str, ...] = ()
) -> tuple[int, frozenset[str]]:
    """Return as whom *who* grants, and those of *privileges* that it may: a superuser acts for the owner."""
    if who.superuser or who.oid == owner:
        return owner, privileges
    options = [(entry.grantable, entry.columns) for entry in acl if entry.grantee == who.oid]
    return who.oid, frozenset(name for name in privileges if counts_for(options, name, columns))


def _can_grant(cells: _Cells, wanted: _Cell, owner: int, without: int | None = None) -> set[int]:
    """Return who holds the option to grant what *wanted* is, by a chain of grants that begins at the owner."""
    edges: defaultdict[int, set[int]] = defaultdict(set)
    for cell, grantable in cells.items():
        if grantable and cell.privilege == wanted.privilege and cell.column in {_WHOLE, wanted.column}:
            edges[cell.grantor].add(cell.grantee)
    reached, queue = {owner}, [owner]
    while queue:
        for grantee in edges[queue.pop()] - reached - {without}:
            reached.add(grantee)
            queue.append(grantee)
    return reached


def _of(change: Change) -> list[_Cell]:
    return [
        _Cell(change.grantee, change.grantor, privilege, column)
        for privilege in change.privileges
        for column in change.columns or (_WHOLE,)
    ]


def _cells(acl: Iterable[Entry]) -> _Cells:
    cells: _Cells = {}
    for entry in acl:
        for privilege in entry.privileges:
            for column in entry.columns or (_WHOLE,):
                cell = _Cell(entry.grantee, entry.grantor, privilege, column)
                cells[cell] = cells.get(cell, False) or privilege in entry.grantable
    return cells


def _acl(cells: _Cells, make: Make[E]) -> tuple[E, ...]:
    """Return as few entries as can be, in an order that depends on nothing but what they say."""
    by_column: defaultdict[tuple[int, int, str], dict[str, bool]] = defaultdict(dict)
    for cell, grantable in cells.items():
        by_column[cell.grantee, cell.grantor, cell.column][cell.privilege] = grantable
    grouped: defaultdict[tuple[int, int, bool, frozenset[str], frozenset[str]], list[str]] = defaultdict(list)
    for grantee, grantor, column in sorted(by_column):
        held = by_column[grantee, grantor, column]
        options = frozenset(name for name, grantable in held.items() if grantable)
        grouped[grantee, grantor, column != _WHOLE, frozenset(held), options].append(column)
    entries = [
        make(
            grantee=grantee,
            grantor=grantor,
            privileges=privileges,
            grantable=options,
            columns=tuple(columns) if limited else (),
        )
        for (grantee, grantor, limited, privileges, options), columns in grouped.items()
    ]
    return tuple(sorted(entries, key=lambda entry: (entry.grantee, entry.grantor, entry.columns)))
