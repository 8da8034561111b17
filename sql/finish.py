"""What is done to the columns of a finished query: nothing, the engine's types made exact, what a client is sent."""

from dataclasses import replace
from enum import Enum
from typing import Final

from core.names import quote
from sql import conversion
from sql.relations import Output, Query
from sql.value import Value

_WRITTEN: Final = conversion.NAMED_OIDS | {"timetz", "super"}
"""Types whose values are written differently for the client."""


class Finish(Enum):
    """What is done to the columns of a finished query."""

    NONE = "none"
    """Nothing: the query is part of another."""
    EXACT = "exact"
    """The engine's types are made to be the declared ones: for tables and files."""
    WIRE = "wire"
    """Also TIMETZ is made text, and SUPER what it shows: for the client."""

    # Part of the keys of plans: Enum's own is Python.
    __hash__ = object.__hash__


def finished(value: Value, finish: Finish) -> Value:
    """Return a select item as the place that the query is for wants it."""
    value = conversion.settled(value)
    if finish is Finish.NONE or value.effect:
        return value
    if value.name == "super" and finish is Finish.WIRE:
        return replace(value, sql=f"rs_super_show({value.sql})", exact=True, path=None)
    if value.name == "timetz" and finish is Finish.WIRE:
        return replace(value, sql=f"CAST({value.sql} AS VARCHAR)", exact=True)
    if value.name in conversion.NAMED_OIDS and finish is Finish.WIRE:
        return replace(value, sql=f"rs_{value.name}_name({value.sql})", exact=True)
    exact = conversion.exact(value)
    # CHAR stays without its trailing blanks: the wire's encoder puts them back.
    return exact if exact.origin == value.origin else replace(exact, origin=value.origin)


def columns_finished(inner: Query, finish: Finish) -> Query:
    """Finish the columns of a query that has no select list of its own."""
    if finish is not Finish.WIRE or not any(output.value.name in _WRITTEN for output in inner.outputs):
        return inner
    outputs = tuple(replace(output, value=finished(outer(output), finish)) for output in inner.outputs)
    columns = ", ".join(f"{output.value.sql} AS {quote(output.engine_name)}" for output in outputs)
    return Query(sql=f"SELECT {columns} FROM ({inner.sql}) AS q", outputs=outputs)


def outer(output: Output) -> Value:
    """Return a column of a query as one that reads it as ``q`` sees it."""
    return replace(output.value.named(f"q.{quote(output.engine_name)}"), origin=(0, 0))
