"""Plans that hope for the best: sums of NUMERIC products are computed as if none of them grew too large.

The engine raises where one does. Then the statement runs again as it is otherwise planned, with a condition for each
row (``sql.decimals``), and from then on at once. That is possible as long as none of its rows has been sent: rows of
a sum come when all that is added up has been read, except where parts of a query are read one after the other and
nothing sorts them in the end.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from session import planning
from session.planning import Wanted
from sql.finish import Finish

if TYPE_CHECKING:
    from session.context import Work
    from session.plans import Plan

_PARTS: Final = re.compile(r"\b(?:UNION|INTERSECT|EXCEPT|RECURSIVE)\b", re.IGNORECASE)
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]| ORDER BY ")
_DATA_EXCEPTION: Final = "22"


async def ready(work: "Work", text: str, offset: int, oids: tuple[int, ...], finish: Finish) -> "Plan":
    """Return the plan of a query once it is allowed and its locks are held, a hopeful one where that may be."""
    return await work.allowed(lambda: _plan(work, text, offset, oids, finish))


def dashed(work: "Work", plan: "Plan", error: SqlError) -> bool:
    """Tell whether *error* may have come of hoping, and take note that it is not to be tried again."""
    if not plan.translated.hopeful or not error.state.startswith(_DATA_EXCEPTION):
        return False
    work.warehouse.hopeless.put(plan.shape, error.state)
    return True


def is_whole(sql: str) -> bool:
    """Tell whether the first row of engine SQL comes when all that it adds up has been read."""
    if not _PARTS.search(sql):
        return True
    depth = 0
    for found in _TOKEN.findall(sql):
        depth += (found == "(") - (found == ")")
        if found == " ORDER BY " and not depth:
            return True
    return False


@lru_cache(100)
def _wanted(offset: int, oids: tuple[int, ...], finish: Finish) -> Wanted:
    """Return what is wanted of a hopeful plan, most often the same."""
    return Wanted(offset, oids, finish, hopeful=True)


def _plan(work: "Work", text: str, offset: int, oids: tuple[int, ...], finish: Finish) -> "Plan":
    # In a block an error would be the end of the engine's transaction.
    if work.tx.single and work.environment is None:
        plan = planning.plan(work, text, _wanted(offset, oids, finish))
        if not plan.translated.hopeful:
            return plan
        if work.warehouse.hopeless.get(plan.shape) is None and is_whole(plan.translated.engine_sql):
            return plan
    return work.plan(text, offset, oids, finish)
