"""Writes whose query the second engine runs: its rows are put into the lake, or into files, here, as they arrive."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import SqlError
from core.names import quote
from engine.arrival import ARRIVING, Arrival
from engine.cursors import Prepare
from session import spark
from session.answers import Value
from session.statements import effects
from sql.facts import SourceKind
from sql.spark.insertion import insertion

if TYPE_CHECKING:
    from session.context import Work
    from session.plans import Plan


async def arriving(work: "Work", plan: "Plan", parameters: Sequence[Value] = (), sql: str = "") -> Arrival | None:
    """Have the cluster run the query of *plan*, engine SQL *sql* if it is a part of it; None where DuckDB has to."""
    if plan.past or not spark.wanted(work, plan) or effects.any_in(plan.translated):
        return None
    sent = await spark.sent(work, plan, tuple(parameters), sql)
    # Of columns that are called alike an INSERT reads none by its name.
    return None if sent is None else Arrival(sent, sent.plain, [] if not sql else sent.schema.names)


async def inserted(work: "Work", plan: "Plan", parameters: Sequence[Value]) -> int | None:
    """Run INSERT … SELECT whose query is for the cluster; return how many rows there were, None for any other."""
    translated, target = plan.translated, plan.translated.target
    if target is None or target.kind is not SourceKind.TABLE or translated.rows is not None:
        return None
    if not spark.wanted(work, plan):
        return None
    names = ", ".join(quote(column.engine_name) for column in target.columns)
    found = insertion(translated.engine_sql, f"INSERT INTO {target.engine_name} ({names}) SELECT ")
    arrival = None if found is None else await arriving(work, plan, parameters, found.query)
    if found is None or arrival is None:
        return None
    return await written(work, found.over(ARRIVING), arrival, work.prepare(plan, tuple(parameters)))


async def written(work: "Work", sql: str, arrival: Arrival, prepare: Prepare | None = None) -> int:
    """Run *sql*, which reads ``ARRIVING``, and return how many rows it wrote."""
    try:
        return await work.engine.run_given(sql, ARRIVING, arrival.reader(), prepare)
    except SqlError as error:
        raise arrival.failed or error from None
    finally:
        arrival.close()
