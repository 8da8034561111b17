"""Procedures of duckshift's own, which CALL finds where no procedure of a user has the name: snapshots.

Superusers only, outside transaction blocks: what they do cannot be taken back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from session.context import Work
from session.plans import Plan
from session.snapshots import SnapshotKeeper
from storage.snapshots import Snapshot

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """One procedure; all its arguments are text."""

    arguments: int
    columns: tuple[Column, ...]
    run: Callable[[SnapshotKeeper, tuple[str, ...]], Awaitable[Rows]]
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


async def _create(keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(await keeper.create(given[0]))]


async def _delete(keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(await keeper.delete(given[0]))]


async def _list(keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [_row(each) for each in await keeper.all()]


async def _verify(keeper: SnapshotKeeper, given: tuple[str, ...]) -> Rows:
    return [[damage.path, damage.problem, damage.repaired] for damage in await keeper.verify(given[0])]


_SNAPSHOT: Final = _columns(
    ("snapshot_name", "varchar"), ("snapshot_type", "varchar"), ("taken", "timestamp"), ("bytes", "int8"),
    ("files", "int4"),
)  # fmt: skip
BUILTINS: Final[Mapping[str, Builtin]] = {
    "duckshift_create_snapshot": Builtin(arguments=1, columns=_SNAPSHOT, run=_create, doc="Takes a snapshot."),
    "duckshift_delete_snapshot": Builtin(arguments=1, columns=_SNAPSHOT, run=_delete, doc="Removes a snapshot."),
    "duckshift_list_snapshots": Builtin(arguments=0, columns=_SNAPSHOT, run=_list, doc="Shows all snapshots."),
    "duckshift_verify_snapshot": Builtin(
        arguments=1,
        columns=_columns(("path", "varchar"), ("problem", "varchar"), ("repaired", "bool")),
        run=_verify,
        doc="Shows a snapshot's damaged files; what the warehouse has whole is repaired.",
    ),
}


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
    return await found.run(keeper, tuple(value or "" for value in values))
