"""Aggregates and window functions that mean the same in both engines: a row a function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sql.spark.values import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    WIDEST,
    Arguments,
    Kind,
    UnfitError,
    cast,
    refused,
    summed,
    written_number,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregate or window function: its call, FILTER and OVER go behind, and the type it is brought to."""

    name: str
    least: int = 1
    most: int = 0
    write: Callable[[Arguments], tuple[str, Kind]]
    window: bool = False
    """Whether it stands with OVER only."""


def _sum(values: Arguments) -> tuple[str, Kind]:
    value = values[0]
    if value.kind.floating:
        return f"sum({cast(value, DOUBLE).sql})", DOUBLE
    if not value.kind.exact:
        raise UnfitError(f"SUM of {value.kind.name}")
    kind = HUGEINT if value.kind.whole else Kind("DECIMAL", WIDEST, value.kind.scale)
    return f"sum({summed(value).sql})", kind


def _average(values: Arguments) -> tuple[str, Kind]:
    if not values[0].kind.floating:
        raise UnfitError(f"AVG of {values[0].kind.name}")
    return f"avg({cast(values[0], DOUBLE).sql})", DOUBLE


def _like_argument(name: str) -> Callable[[Arguments], tuple[str, Kind]]:
    def write(values: Arguments) -> tuple[str, Kind]:
        if values[0].kind.name in {"JSON", "BLOB", "NULL"}:
            raise UnfitError(f"{name} of {values[0].kind.name}")
        return f"{name}({values[0].sql})", values[0].kind

    return write


def _single(values: Arguments) -> tuple[str, Kind]:
    found, kind = _like_argument("min")(values)
    return f"CASE WHEN count(*) > 1 THEN {refused('several rows')} ELSE {found} END", kind


def _counted(values: Arguments) -> tuple[str, Kind]:
    return f"count({values[0].sql})", BIGINT


def _boolean(name: str) -> Callable[[Arguments], tuple[str, Kind]]:
    return lambda values: (f"{name}({cast(values[0], BOOLEAN).sql})", BOOLEAN)


def _ranked(name: str, kind: Kind) -> Callable[[Arguments], tuple[str, Kind]]:
    return lambda _: (f"{name}()", kind)


def _beside(name: str) -> Callable[[Arguments], tuple[str, Kind]]:
    def write(values: Arguments) -> tuple[str, Kind]:
        offset = written_number(values[1], 0) if len(values) > 1 else "1"
        return f"{name}({values[0].sql}, {offset})", values[0].kind

    return write


AGGREGATES: Final = {
    row.name: row
    for row in (
        Aggregate(name="sum", write=_sum),
        Aggregate(name="avg", write=_average),
        Aggregate(name="count", write=_counted),
        Aggregate(name="min", write=_like_argument("min")),
        Aggregate(name="max", write=_like_argument("max")),
        # The engine takes any that is not NULL: the smallest is one.
        Aggregate(name="any_value", write=_like_argument("min")),
        Aggregate(name="rs_one", write=_single),
        Aggregate(name="logical_or", write=_boolean("bool_or")),
        Aggregate(name="logical_and", write=_boolean("bool_and")),
        Aggregate(name="row_number", least=0, write=_ranked("row_number", BIGINT), window=True),
        Aggregate(name="rank", least=0, write=_ranked("rank", BIGINT), window=True),
        Aggregate(name="dense_rank", least=0, write=_ranked("dense_rank", BIGINT), window=True),
        Aggregate(name="percent_rank", least=0, write=_ranked("percent_rank", DOUBLE), window=True),
        Aggregate(name="cume_dist", least=0, write=_ranked("cume_dist", DOUBLE), window=True),
        Aggregate(name="lag", most=2, write=_beside("lag"), window=True),
        Aggregate(name="lead", most=2, write=_beside("lead"), window=True),
        Aggregate(name="first_value", write=_like_argument("first_value"), window=True),
        Aggregate(name="last_value", write=_like_argument("last_value"), window=True),
    )
}

