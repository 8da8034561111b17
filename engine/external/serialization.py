"""Nested values of external tables as JSON text.

Redshift, "Serializing complex nested JSON": timestamps are ISO strings, the keys of maps are strings, and what is too
long for a VARCHAR is NULL.
"""

from typing import Final

from core import types
from core.names import literal
from core.nested import Array, Map, Nested, Scalar, Struct

_ISO: Final = "'%Y-%m-%dT%H:%M:%S.%gZ'"


def text(value: str, kind: Nested, *, parse: bool) -> str:
    """Return engine SQL for the text of a nested value; with *parse*, strings that are JSON are written as it."""
    written = f"CAST({_json(value, kind, parse, 0)} AS VARCHAR)"
    return f"CASE WHEN strlen({written}) <= {types.VARCHAR_MAX} THEN {written} END"


def _json(value: str, kind: Nested, parse: bool, depth: int) -> str:
    inner = f"rs_{depth}"
    match kind:
        case Struct(fields=fields):
            pairs = ", ".join(
                f"{literal(name)}, {_json(f'struct_extract({value}, {literal(name)})', field, parse, depth)}"
                for name, field in fields
            )
            return f"CASE WHEN {value} IS NOT NULL THEN json_object({pairs}) END"
        case Array(element=element):
            return f"to_json(list_transform({value}, lambda {inner}: {_json(inner, element, parse, depth + 1)}))"
        case Map(value=held):
            # It is a list of its entries here.
            shown = _json(f"{inner}.value", held, parse, depth + 1)
            entry = f"struct_pack(k := CAST({inner}.key AS VARCHAR), v := {shown})"
            return f"to_json(map_from_entries(list_transform({value}, lambda {inner}: {entry})))"
        case Scalar(type=type_):
            return _scalar(value, type_.type.name, parse=parse)


def _scalar(value: str, name: str, *, parse: bool) -> str:
    if name in {"timestamp", "timestamptz"}:
        moment = value if name == "timestamp" else f"timezone('UTC', {value})"
        return f"to_json(strftime({moment}, {_ISO}))"
    if name in {"varchar", "bpchar"} and parse:
        return f"CASE WHEN json_valid({value}) THEN CAST({value} AS JSON) ELSE to_json({value}) END"
    return f"to_json({value})"
