"""What a statement did, operator by operator, as the engine counted it while it ran.

The engine's profile is a tree of operators with rows and seconds; here it becomes steps in the order in which they are
done, in the words of SYS_QUERY_DETAIL.step_name. A segment ends where rows must all be there before the next step.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.wlm.rules import Spent

ON: Final = (
    "SET enable_profiling = 'no_output'",
    "SET custom_profiling_settings = '"
    '{"OPERATOR_CARDINALITY": "true", "OPERATOR_TIMING": "true", "OPERATOR_NAME": "true", "EXTRA_INFO": "true"}'
    "'",
)
"""What makes a connection count; that costs a statement less than a tenth of a millisecond."""
OFF: Final = ("PRAGMA disable_profiling",)
WORTH_S: Final = 0.005
"""What takes less time is not asked about."""
_STEPS: Final = {
    "HASH_JOIN": "hashjoin", "NESTED_LOOP_JOIN": "nestloop", "BLOCKWISE_NL_JOIN": "nestloop", "IE_JOIN": "nestloop",
    "PIECEWISE_MERGE_JOIN": "nestloop", "CROSS_PRODUCT": "nestloop", "RIGHT_DELIM_JOIN": "", "LEFT_DELIM_JOIN": "",
    "HASH_GROUP_BY": "aggregate", "PERFECT_HASH_GROUP_BY": "aggregate", "PARTITIONED_AGGREGATE": "aggregate",
    "UNGROUPED_AGGREGATE": "aggregate", "SIMPLE_AGGREGATE": "aggregate", "WINDOW": "window",
    "STREAMING_WINDOW": "window", "ORDER_BY": "sort", "TOP_N": "sort", "LIMIT": "limit", "STREAMING_LIMIT": "limit",
}  # fmt: skip
_BLOCKING: Final = frozenset({"aggregate", "sort", "window"})
_PLACES: Final = ("Table", "Text", "Filename(s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step that was done."""

    kind: str
    rows: int
    """Rows that came out of it."""
    micros: int
    """Processor time of all threads."""
    segment: int
    place: str = ""
    """Of a scan: the engine's name of what was read, or the first of its files."""
    distinct: bool = False
    """Of an aggregation: whether it only makes rows unique."""


def done(text: str) -> list[Done]:
    """Return the steps that the profile *text* tells of, first one first."""
    steps: list[Done] = []
    for child in json.loads(text).get("children", ()):
        _walk(child, steps, 0)
    return steps


def spent(text: str) -> Spent:
    """Return what the profile *text* tells of a statement's cost; nothing where there is none."""
    steps = done(text) if text else []
    joins = [step for step in steps if step.kind in ("hashjoin", "nestloop")]
    return Spent(
        processor_s=sum(step.micros for step in steps) / 1_000_000,
        joined_rows=max((step.rows for step in joins), default=0),
        nested_rows=max((step.rows for step in joins if step.kind == "nestloop"), default=0),
    )


def _walk(node: Mapping[str, Any], steps: list[Done], segment: int) -> int:
    """Add the steps of *node*, those below it first; return the segment that the next step belongs to."""
    name, info = str(node.get("operator_name", "")).strip(), node.get("extra_info") or {}
    children = list(node.get("children") or ())
    if name == "HASH_JOIN" and len(children) > 1:
        # What is hashed is read first, to its end.
        segment = _walk(children[1], steps, segment) + 1
        children = [children[0], *children[2:]]
    for child in children:
        segment = _walk(child, steps, segment)
    rows, micros = int(node.get("operator_cardinality") or 0), int(float(node.get("operator_timing") or 0) * 1e6)
    if name == "FILTER" and steps and steps[-1].kind == "scan":
        steps[-1] = replace(steps[-1], rows=rows, micros=steps[-1].micros + micros)
    place = next((str(info[key]) for key in _PLACES if info.get(key)), "")
    kind = _STEPS.get(name, "scan" if place and not children else "")
    if not kind:
        return segment
    distinct = kind == "aggregate" and "Groups" in info and not info.get("Aggregates")
    steps.append(Done(
        kind=kind, rows=rows, micros=micros, segment=segment, place=place.split(", ")[0], distinct=distinct,
    ))  # fmt: skip
    if name == "TOP_N":
        steps.append(Done(kind="limit", rows=rows, micros=0, segment=segment))
    return segment + (kind in _BLOCKING)
