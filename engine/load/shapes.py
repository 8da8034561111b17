"""Shapes of a shapefile that are too large for a GEOMETRY, or simplified while they load.

Redshift, "Loading a shapefile into Amazon Redshift": SIMPLIFY simplifies every shape by one tolerance, SIMPLIFY AUTO
only those that are too large, each by the least tolerance that makes it fit, up to a greatest. A shape that does not
fit is a record that cannot be loaded.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb

from engine.load.plan import CopyPlan, Fault, Rejection, Simplified

_MOST_BYTES: Final = 1_048_447
"""Redshift, "Considerations when using spatial data": the size of a GEOMETRY."""
_ENOUGH: Final = 0.97
"""A shape that takes this share of what it may take is not sought a smaller tolerance for."""
_NEAR: Final = 1.001
"""Two tolerances whose ratio is less are one."""
_LEAST: Final = 1e-15
"""Of a shape's extent: less is lost in its coordinates."""
_UNKNOWN: Final = 1224
_NUMBER: Final = "OGC_FID"
"""What the engine calls a record's number, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """How shapes are read, and what was met."""

    source: str
    """What stands after FROM."""
    shape: str
    """Engine SQL of a record's shape."""
    simplified: tuple[Simplified, ...] = ()
    rejections: tuple[Rejection, ...] = ()


def fitted(side: duckdb.DuckDBPyConnection, plan: CopyPlan, source: str, location: str) -> Fitted:
    """Return how the shapes of *source*, which is the file at *location*, are read so that they fit."""
    wish = plan.layout.simplify
    if wish is not None and not wish.automatic:
        shape = f"ST_Simplify(geom, {wish.tolerance!r})"
        found = [_rejection(plan, location, number, size) for number, size in _too_large(side, source, shape)]
        simplified: tuple[Simplified, ...] = (Simplified(maximum=wish.tolerance),)
        return _reading(source, shape, simplified, found)
    large = list(_too_large(side, source, "geom"))
    if wish is None:
        return _reading(source, "geom", (), [_rejection(plan, location, number, size) for number, size in large])
    tried = tuple(_simplified(side, source, number, size, wish.tolerance) for number, size in large)
    found = [_rejection(plan, location, each.number, each.initial_size) for each in tried if not each.done]
    cases = " ".join(f"WHEN {each.number} THEN ST_Simplify(geom, {each.tolerance!r})" for each in tried if each.done)
    return _reading(source, f"CASE {_NUMBER} {cases} ELSE geom END" if cases else "geom", tried, found)


def _reading(source: str, shape: str, simplified: tuple[Simplified, ...], found: list[Rejection]) -> Fitted:
    if found:
        bad = ", ".join(str(each.line_number - 1) for each in found)
        source = f"(SELECT * FROM {source} WHERE {_NUMBER} NOT IN ({bad}))"
    return Fitted(source=source, shape=shape, simplified=simplified, rejections=tuple(found))


def _too_large(side: duckdb.DuckDBPyConnection, source: str, shape: str) -> Iterator[tuple[int, int]]:
    """Yield the number and size of each record whose shape does not fit."""
    sizes = f"SELECT {_NUMBER} AS number, octet_length(ST_AsWKB({shape})) AS size FROM {source}"
    yield from side.execute(f"SELECT number, size FROM ({sizes}) WHERE size > {_MOST_BYTES} ORDER BY number").fetchall()


def _rejection(plan: CopyPlan, location: str, number: int, size: int) -> Rejection:
    reason = f"Geometry size: {size} is larger than maximum supported size: {_MOST_BYTES}"
    return Rejection(
        filename=location, line_number=number + 1, fault=Fault(code=_UNKNOWN, reason=reason), column=plan.columns[0]
    )


def _simplified(side: duckdb.DuckDBPyConnection, source: str, number: int, size: int, maximum: float) -> Simplified:
    """Return the least tolerance, no more than *maximum* (-1 for any), by which a shape fits."""
    row = side.execute(
        "SELECT CAST(ST_AsWKB(geom) AS BLOB), greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom))"
        f" FROM {source} WHERE {_NUMBER} = {number}"
    ).fetchone()
    shape, extent = row or (b"", 0.0)
    measure = "SELECT octet_length(ST_AsWKB(ST_Simplify(ST_GeomFromWKB(?), ?)))"

    def size_by(tolerance: float) -> int:
        measured = side.execute(measure, [shape, tolerance]).fetchone()
        return int(measured[0]) if measured else 0

    high = float(extent) if maximum < 0 else min(maximum, float(extent))
    final = size_by(high)
    if final > _MOST_BYTES:
        return Simplified(maximum=maximum, number=number, initial_size=size)
    # Tolerances differ by orders of magnitude, so what is halved is their ratio.
    low = min(high, float(extent) * _LEAST) or _LEAST
    while final < _MOST_BYTES * _ENOUGH and high > low * _NEAR:
        middle = math.sqrt(low * high)
        measured = size_by(middle)
        if measured > _MOST_BYTES:
            low = middle
        else:
            high, final = middle, measured
    return Simplified(maximum=maximum, number=number, initial_size=size, done=True, final_size=final, tolerance=high)
