"""From a text to its plan: one that is kept, one whose like is kept but for its numbers, or a new translation."""

from collections.abc import Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from session.aside import LONG, hand_over
from session.plans import Plan, planned
from sql.canon import Pattern
from sql.decimals import hoping
from sql.facts import settled
from sql.finish import Finish
from sql.translate import Translated, translate, translate_over, translate_rows

if TYPE_CHECKING:
    from session.context import Work


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a text is to be translated."""

    offset: int = 0
    oids: tuple[int, ...] = ()
    finish: Finish = Finish.WIRE
    plain: bool = False
    """Without ``sql.bulk``."""
    hopeful: bool = False
    """As ``session.hopes`` says."""
    views: tuple[Pattern, ...] = ()
    """What may be read in place of tables."""


def plan(work: "Work", text: str, wanted: Wanted) -> Plan:
    """Return the plan of a query or DML statement, from the cache where it was seen before."""
    session, inside = work.session, work.environment
    views = tuple(view.oid for view in wanted.views) if wanted.views else ()
    rest: Hashable = (
        wanted.offset, wanted.oids, wanted.finish, wanted.plain, wanted.hopeful, views,
        session.translation_key(), work.naming, inside and inside.key,
    )  # fmt: skip
    kept = work.warehouse.translations
    known: Plan | None = kept.get((text, rest))
    if known is not None:
        return known
    waits = session.aside and len(text) >= LONG
    if not wanted.views or not any(view.numbers for view in wanted.views):
        known = work.warehouse.templates.plan(
            text, rest, None if waits else lambda text: _translated(work, text, wanted), planned
        )
    if known is None:
        hand_over(waits)
        known = planned(_translated(work, text, wanted))
        if known.translated.cacheable:
            kept.put((text, rest), known)
    return known


def _translated(work: "Work", text: str, wanted: Wanted) -> Translated:
    inside, facts = work.environment, settled(work.visible, work.naming)
    offset, oids, variables = wanted.offset, wanted.oids, inside.type_of if inside else None
    with hoping() if wanted.hopeful else nullcontext():
        if wanted.views:
            return translate_over(wanted.views, text, facts, offset=offset, parameter_oids=oids, variables=variables)
        many = None
        if not wanted.plain and inside is None:
            many = translate_rows(text, facts, offset=offset, parameter_oids=oids)
        return many or translate(
            text, facts, offset=offset, parameter_oids=oids, finish=wanted.finish, variables=variables
        )
