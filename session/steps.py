"""The steps of a statement as the history keeps them: ``kind:table:rows:microseconds:segment``, parted by commas.

The last three are empty where they were not counted: of statements that took a moment, and of those that do not run
through the engine's ordinary way. Then the steps are what the statement asks for.
"""

from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from core.names import last_part
from engine import profiles
from sql.facts import SourceKind
from sql.statement import Kind
from sql.translate import Translated

if TYPE_CHECKING:
    from session.plans import Plan
    from session.session import Session

_WRITES: Final = {Kind.INSERT: ("insert",), Kind.UPDATE: ("delete", "insert"), Kind.DELETE: ("delete",),
                  Kind.MERGE: ("delete", "insert")}  # fmt: skip


def recorded(session: "Session", kind: Kind | None, rows: int) -> str:
    """Return what the session's statement did, which returned or changed so many rows."""
    plan, profile = session.plan, session.engine.profile
    session.engine.profile = ""
    if plan is None:
        return ""
    if profile or session.conversation is not None:
        return _recorded(session, plan, kind, rows, profile)
    if plan.translated.target is None:
        return plan.steps
    known = plan.written_steps.get(kind)
    if known is None:
        known = plan.written_steps[kind] = _recorded(session, plan, kind, rows, profile)
    return known


def _recorded(session: "Session", plan: "Plan", kind: Kind | None, rows: int, profile: str) -> str:
    target = plan.translated.target
    writes = _WRITES.get(kind, ()) if kind is not None and target is not None else ()
    scanned = _scanned(plan.translated, writes)
    if not scanned and not writes:
        # Constants and catalogs only: nothing that a compute node would do.
        return ""
    counted = _counted(session, plan, profiles.done(profile), scanned) if profile else []
    found = [_written(step, oid) for step, oid in counted]
    last = f":{rows}::{counted[-1][0].segment}" if counted else ""
    if not counted:
        found = _asked(plan.translated, scanned)
    if session.conversation is not None and session.conversation.answered:
        found.append("spark")
    if target is not None:
        found += [f"{name}:{target.oid}{last}" for name in writes]
    return ",".join((*found, f"return:{last}" if last else "return"))


def uncounted(translated: Translated) -> str:
    """Return what a query does by what it asks for; nothing where it is no more than constants and catalogs."""
    scanned = _scanned(translated, ())
    return ",".join((*_asked(translated, scanned), "return")) if scanned else ""


def _asked(translated: Translated, scanned: set[int]) -> list[str]:
    return [f"scan:{oid}" for oid in sorted(scanned)] + list(translated.steps)


def _scanned(translated: Translated, writes: tuple[str, ...]) -> set[int]:
    uses, target = translated.uses, translated.target
    found = {use.source.oid for use in uses if use.source.kind is SourceKind.TABLE and use.privilege == "SELECT"}
    return found | ({target.oid} if target is not None and "delete" in writes else set())


def _counted(
    session: "Session", plan: "Plan", steps: list[profiles.Done], scanned: set[int]
) -> list[tuple[profiles.Done, int | None]]:
    """Return the steps with the tables that scans read; without what reads neither a table nor another step."""
    unique = "unique" in plan.translated.steps
    found: list[tuple[profiles.Done, int | None]] = []
    for step in steps:
        oid = _table(session, step.place, scanned) if step.kind == "scan" else None
        if step.kind != "scan" or oid is not None:
            found.append((_distinct(step) if unique and step.distinct else step, oid))
    return found if any(oid is not None for _, oid in found) else []


def _distinct(step: profiles.Done) -> profiles.Done:
    return profiles.Done(kind="unique", rows=step.rows, micros=step.micros, segment=step.segment)


def _table(session: "Session", place: str, scanned: set[int]) -> int | None:
    name = last_part(place) or place.rpartition(".")[2]
    scans, state = session.warehouse.scans, session.tx.state
    for oid in scanned:
        if scans.reads(oid, place):
            return oid
    for oid in scanned:
        relation = state.objects.get(oid)
        if isinstance(relation, Relation) and relation.engine_table == name:
            return oid
    return None


def _written(step: profiles.Done, oid: int | None) -> str:
    return f"{step.kind}:{'' if oid is None else oid}:{step.rows}:{step.micros}:{step.segment}"
