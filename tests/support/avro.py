"""Avro fields of every logical type, and of some that programs make up."""

from typing import Any


def logical(kind: str | dict[str, Any], name: str, **facts: Any) -> list[Any]:
    return ["null", (kind if isinstance(kind, dict) else {"type": kind}) | {"logicalType": name} | facts]


def fixed(name: str, size: int) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


LOGICAL: dict[str, Any] = {
    "d": logical("int", "date"),
    "t1": logical("int", "time-millis"),
    "t2": logical("long", "time-micros"),
    "s1": logical("long", "timestamp-millis"),
    "s2": logical("long", "timestamp-micros"),
    "s3": logical("long", "local-timestamp-millis"),
    "s4": logical("long", "local-timestamp-micros"),
    "n1": logical("bytes", "decimal", precision=38, scale=4),
    "n2": logical(fixed("Price", 20), "decimal", precision=10, scale=2),
    "u1": logical("string", "uuid"),
    "u2": logical("long", "of-our-own"),
    "span": logical(fixed("Span", 12), "duration"),
    "deep": {
        "type": "record",
        "name": "Deep",
        "fields": [
            {"name": "on", "type": {"type": "int", "logicalType": "date"}},
            {"name": "costs", "type": {"type": "array", "items": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}}},
            {"name": "spans", "type": {"type": "map", "values": "Span"}},
        ],
    },
}
