"""Avro's logical types: which of them the engine is to read, and engine SQL of what the others mean.

Apache Avro, "Specification": a logical type that is unknown, or stands on a type it does not go with, is ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.names import literal, quote

Schema = Any
"""A name of a type, a list (a union) or an object."""
Meaning = Callable[[str], str]
"""Makes engine SQL of a value of the engine SQL of what it is read as."""
Known = tuple[Schema, Meaning | None]
"""The schema that the engine is to read by, and the meaning of what it then gives, where that is another."""

_READ_AS: Final[Mapping[tuple[str, str], str]] = {
    ("date", "int"): "date",
    ("time-millis", "int"): "time-millis",
    ("time-micros", "long"): "time-micros",
    ("timestamp-millis", "long"): "timestamp-millis",
    ("timestamp-micros", "long"): "timestamp-micros",
    ("timestamp-nanos", "long"): "timestamp-nanos",
    ("local-timestamp-millis", "long"): "timestamp-millis",
    ("local-timestamp-micros", "long"): "timestamp-micros",
    ("local-timestamp-nanos", "long"): "timestamp-nanos",
}
_PRECISION: Final = 38
_DURATION_BYTES: Final = 12
_UUID_BYTES: Final = 16


def logical_type(schema: Schema) -> str | None:
    """Return the logical type of values by *schema*, also where they may be null."""
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return logical_type(branches[0]) if len(branches) == 1 else None
    if not isinstance(schema, dict):
        return None
    if not isinstance(schema["type"], str):
        return logical_type(schema["type"])
    found = schema.get("logicalType")
    return found if isinstance(found, str) else None


def written(schema: Schema) -> Schema:
    """Return *schema* without its logical type, where that stands for a number: it is read as the number."""
    if isinstance(schema, list):
        return [written(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if not isinstance(schema["type"], str):
        return schema | {"type": written(schema["type"])}
    return _bare(schema) if schema["type"] in ("int", "long") else schema


def known(schema: Schema, named: dict[str, Meaning | None], *, text: bool = False, depth: int = 0) -> Known:
    """Return how values by *schema* are read, adding to *named* what its named types mean.

    *text* writes decimals with all the digits that they have, not as numbers.
    """
    if isinstance(schema, str):
        return schema, named.get(schema)
    if isinstance(schema, list):
        branches = [known(branch, named, text=text, depth=depth) for branch in schema]
        single = len([branch for branch in schema if branch != "null"]) == 1
        meaning = next((meaning for _, meaning in branches if meaning), None) if single else None
        return [branch for branch, _ in branches], meaning
    kind = schema["type"]
    if not isinstance(kind, str):
        inner, meaning = known(kind, named, text=text, depth=depth)
        return schema | {"type": inner}, meaning
    found = _NESTED[kind](schema, named, depth) if kind in _NESTED else _simple(schema, text=text)
    if "name" in schema:
        # A reference to the type, even from a field of its own, is read as the definition is, but never as text.
        named[schema["name"]] = (_simple(schema, text=False) if kind not in _NESTED else found)[1]
        if "namespace" in schema:
            named[f"{schema['namespace']}.{schema['name']}"] = named[schema["name"]]
    return found


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "logicalType"}


def _simple(schema: Schema, *, text: bool) -> Known:
    name, kind = schema.get("logicalType"), schema["type"]
    if (name, kind) in _READ_AS:
        return schema | {"logicalType": _READ_AS[name, kind]}, None
    if name == "uuid" and schema.get("size") == _UUID_BYTES:
        return schema, None
    meaning = None
    if name == "decimal" and kind in ("bytes", "fixed"):
        meaning = _decimal(schema, text=text)
    elif name == "duration" and schema.get("size") == _DURATION_BYTES:
        meaning = _duration
    return _bare(schema), meaning


# Decimals: the unscaled number in two's complement, its highest byte first.


def _decimal(schema: Schema, *, text: bool) -> Meaning | None:
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision or not precision:
        return None
    as_text = text or precision > _PRECISION

    def meaning(value: str) -> str:
        # Sixteen bytes, as one HUGEINT of two halves; more are refused unless they repeat the sign.
        pad = "CASE WHEN h >= '8' THEN 'F' ELSE '0' END"
        long = f"length(h) > 32 AND left(h, -32) <> repeat({pad}, length(h) - 32)"
        whole = f"CASE WHEN {long} THEN error('a decimal is too large') ELSE right(repeat({pad}, 32) || h, 32) END"
        halves = [f"CAST(CAST('0x' || {side}(w, 16) AS UBIGINT) AS HUGEINT)" for side in ("left", "right")]
        high = f"{halves[0]} - CASE WHEN w >= '8' THEN 18446744073709551616 ELSE 0 END"
        number = f"({high}) * 18446744073709551616 + {halves[1]}"
        digits = "CAST(abs(n) AS VARCHAR)"
        padded = f"repeat('0', {scale + 1} - length({digits})) || {digits}"
        point = f"left({padded}, -{scale}) || '.' || right({padded}, {scale})" if scale else digits
        shown = f"CASE WHEN n < 0 THEN '-' ELSE '' END || {point}"
        bound = _bind(_bind(_bind(f"hex({value})", "h", whole), "w", number), "n", shown)
        return bound if as_text else f"CAST({bound} AS DECIMAL({precision}, {scale}))"

    return meaning


def _bind(value: str, name: str, body: str) -> str:
    """Return *body*, in which *name* stands for *value*, evaluated once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


# Durations: months, days and milliseconds, each of four bytes, its lowest first.


def _duration(value: str) -> str:
    def part(first: int) -> str:
        pairs = " || ".join(f"substr(h, {first + offset}, 2)" for offset in (6, 4, 2, 0))
        return f"CAST(CAST('0x' || {pairs} AS UINTEGER) AS BIGINT)"

    months, days, milliseconds = part(1), part(9), part(17)
    total = f"to_months(CAST({months} AS INTEGER)) + to_days(CAST({days} AS INTEGER)) + to_milliseconds({milliseconds})"
    return _bind(f"hex({value})", "h", f"replace(CAST({total} AS VARCHAR), 'month', 'mon')")


# What holds other values.


def _record(schema: Schema, named: dict[str, Meaning | None], depth: int) -> Known:
    found = [(item, known(item["type"], named, depth=depth)) for item in schema["fields"]]
    changed = _bare(schema) | {"fields": [item | {"type": inner} for item, (inner, _) in found]}
    meanings = [(item["name"], meaning) for item, (_, meaning) in found]
    if not any(meaning for _, meaning in meanings):
        return changed, None

    def meaning(value: str) -> str:
        members = []
        for name, inner in meanings:
            member = f"struct_extract({value}, {literal(name)})"
            members.append(f"{quote(name)} := {inner(member) if inner else member}")
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(members)}) END"

    return changed, meaning


def _array(schema: Schema, named: dict[str, Meaning | None], depth: int) -> Known:
    inner, meaning = known(schema["items"], named, depth=depth + 1)
    changed = _bare(schema) | {"items": inner}
    if meaning is None:
        return changed, None
    item, make = f"item{depth}", meaning
    return changed, lambda value: f"list_transform({value}, lambda {item}: {make(item)})"


def _map(schema: Schema, named: dict[str, Meaning | None], depth: int) -> Known:
    inner, meaning = known(schema["values"], named, depth=depth + 1)
    changed = _bare(schema) | {"values": inner}
    if meaning is None:
        return changed, None
    item, make = f"item{depth}", meaning
    pair = f"struct_pack(k := {item}.key, v := {make(f'{item}.value')})"
    return changed, lambda value: f"map_from_entries(list_transform(map_entries({value}), lambda {item}: {pair}))"


_NESTED: Final[Mapping[str, Callable[[Schema, dict[str, Meaning | None], int], Known]]] = {
    "record": _record, "array": _array, "map": _map,
}  # fmt: skip
