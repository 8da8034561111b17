"""Procedures of duckshift's own, which CALL finds where no procedure of a user has the name: snapshots.

Superusers only, outside transaction blocks: what they do cannot be taken back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from session.context import Work
from session.plans import Plan
from session.restoring import named, restore_table
from session.snapshots import SnapshotKeeper
from storage.snapshots import Snapshot

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """One procedure; all its arguments are text."""

    arguments: int
    columns: tuple[Column, ...]
    run: Callable[[Work, SnapshotKeeper, tuple[str, ...]], Awaitable[Rows]]
    doc: str

    @property
    def signature(self) -> tuple[ColumnType, ...]:
        """The arguments' types."""
        return (types.of("varchar"),) * self.arguments


def _columns(*pairs: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, types.of(kind)) for name, kind in pairs)


def _row(snapshot: Snapshot) -> list[Any]:
    taken = snapshot.moment.astimezone(UTC).replace(tzinfo=None)
    kind = "automated" if snapshot.automated else "manual"
    return [snapshot.name, kind, taken, snapshot.size, len(snapshot.files)]


async def _create(work: Work, keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(await keeper.create(given[0]))]


async def _delete(work: Work, keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(await keeper.delete(given[0]))]


async def _list(work: Work, keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(each) for each in await keeper.all()]


async def _verify(work: Work, keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [[damage.path, damage.problem, damage.repaired] for damage in await keeper.verify(given[0])]


async def _restore(work: Work, keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    snapshot, source, target, *at = given
    names = (named(work, source), named(work, target))
    done = await restore_table(work, keeper, snapshot, names, moment(at[0]) if at else None)
    return [[done.table.name, done.table.oid, done.rows, done.bytes]]


_SNAPSHOT: Final = _columns(
    ("snapshot_name", "varchar"), ("snapshot_type", "varchar"), ("taken", "timestamp"), ("bytes", "int8"),
    ("files", "int4"),
)  # fmt: skip
_RESTORED: Final = _columns(("table_name", "varchar"), ("table_id", "int4"), ("rows", "int8"), ("bytes", "int8"))
BUILTINS: Final[Mapping[str, Builtin]] = {
    "duckshift_create_snapshot": Builtin(arguments=1, columns=_SNAPSHOT, run=_create, doc="Takes a snapshot."),
    "duckshift_delete_snapshot": Builtin(arguments=1, columns=_SNAPSHOT, run=_delete, doc="Removes a snapshot."),
    "duckshift_list_snapshots": Builtin(arguments=0, columns=_SNAPSHOT, run=_list, doc="Shows all snapshots."),
    "duckshift_restore_table": Builtin(
        arguments=3, columns=_RESTORED, run=_restore, doc="Makes a new table of a snapshot's: snapshot, old, new name."
    ),
    "duckshift_restore_table_at": Builtin(
        arguments=4, columns=_RESTORED, run=_restore, doc="The same, as the table was at a moment before the snapshot."
    ),
    "duckshift_verify_snapshot": Builtin(
        arguments=1,
        columns=_columns(("path", "varchar"), ("problem", "varchar"), ("repaired", "bool")),
        run=_verify,
        doc="Shows a snapshot's damaged files; what the warehouse has whole is repaired.",
    ),
}


def moment(text: str) -> datetime:
    """Return the time that *text* is, UTC where it says nothing else; raises 22007."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f'invalid input syntax for type timestamp: "{text}"'
        raise SqlError(SqlState.INVALID_DATETIME_FORMAT, message) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def builtin(work: Work, name: tuple[str, ...]) -> Builtin | None:
    """Return the procedure of duckshift's own that *name* means, if any."""
    return BUILTINS.get(name[0]) if len(name) == 1 and not work.visible.routines(name) else None


def planned(work: Work, found: Builtin, texts: tuple[str, ...], oids: tuple[int, ...] = ()) -> Plan:
    """Return the plan of a call's arguments; raises 42883 for others than it takes."""
    _, plan = work.plan_arguments(texts, [found.signature], oids)
    if not isinstance(plan, Plan):
        raise SqlError(SqlState.UNDEFINED_FUNCTION, f"the procedure takes {found.arguments} arguments of text")
    return plan


async def run(work: Work, found: Builtin, values: tuple[str | None, ...]) -> Rows:
    """Run it; raises 42501, 25001, 0A000."""
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to work with snapshots")
    if work.tx.block:
        raise SqlError(SqlState.ACTIVE_SQL_TRANSACTION, "snapshots cannot be worked with inside a transaction block")
    keeper = work.warehouse.limits.snapshots
    if keeper is None:
        raise not_supported("snapshots without snapshots.destination in the configuration")
    return await found.run(work, keeper, tuple(value or "" for value in values))
