"""The statements that would make what exists: SHOW TABLE, SHOW VIEW.

Redshift, "SHOW TABLE", "SHOW VIEW". What they return can be run again and makes the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from catalog.model import CatalogState, Constraint, Relation, Schema, TableColumn
from core.names import quote_if_needed as quote
from storage.datacatalog import Partition, Properties, Table

_KEYS: Final = {"p": "PRIMARY KEY", "u": "UNIQUE", "f": "FOREIGN KEY"}


def table(relation: Relation, state: CatalogState) -> str:
    """Return a table's CREATE TABLE."""
    lines = [_column(column) for column in relation.columns]
    lines += [_constraint(constraint, state) for constraint in relation.constraints]
    body = ",\n".join(f"    {line}" for line in lines)
    kind = "CREATE TEMPORARY TABLE" if relation.temporary else "CREATE TABLE"
    name = quote(relation.name) if relation.temporary else qualified(relation, state)
    attributes = "\n".join(["", *_attributes(relation)])
    return f"{kind} {name} (\n{body}\n){attributes};"


def external_table(name: str, item: Table, partitions: Sequence[Partition]) -> str:
    """Return an external table's CREATE EXTERNAL TABLE, and ALTER TABLE … ADD PARTITION for its *partitions*."""
    lines = [f"CREATE EXTERNAL TABLE {name} ("]
    lines.append(",\n".join(f"    {quote(column.name)} {_external_type(column.type)}" for column in item.columns))
    lines.append(")")
    if item.keys:
        keys = ", ".join(f"{quote(key.name)} {_external_type(key.type)}" for key in item.keys)
        lines.append(f"PARTITIONED BY ({keys})")
    storage = item.storage
    lines.append(f"ROW FORMAT SERDE {_text(storage.serde)}")
    if storage.serde_parameters:
        lines.append(f"WITH SERDEPROPERTIES ({_pairs(storage.serde_parameters)})")
    lines.append(f"STORED AS INPUTFORMAT {_text(storage.input_format)}")
    lines.append(f"OUTPUTFORMAT {_text(storage.output_format)}")
    lines.append(f"LOCATION {_text(storage.location)}")
    properties = tuple(pair for pair in item.parameters if pair[0] not in _OWN_PROPERTIES)
    if properties:
        lines.append(f"TABLE PROPERTIES ({_pairs(properties)})")
    shown = ["\n".join(lines) + ";"]
    for part in partitions:
        values = ", ".join(
            f"{quote(key.name)}={_text(value)}" for key, value in zip(item.keys, part.values, strict=False)
        )
        shown.append(
            f"ALTER TABLE {name} ADD IF NOT EXISTS PARTITION ({values}) LOCATION {_text(part.storage.location)};"
        )
    return "\n".join(shown)


def iceberg_table(name: str, item: Table, parts: Sequence[str], compression: str) -> str:
    """Return an Apache Iceberg table's CREATE TABLE; *parts* are what it is partitioned by."""
    columns = ", ".join(f"{quote(column.name)} {_external_type(column.type)}" for column in item.columns)
    words = [f"CREATE TABLE {name} ({columns})", "USING ICEBERG", f"LOCATION {_text(item.storage.location)}"]
    if parts:
        words.append(f"PARTITIONED BY ({', '.join(parts)})")
    words.append(f"TABLE PROPERTIES ({_pairs((('compression_type', compression),))})")
    return "\n".join(words) + ";"


_OWN_PROPERTIES: Final = frozenset({"EXTERNAL", "transient_lastDdlTime"})
_DDL_TYPES: Final = {"string": "varchar(65535)", "float": "float4", "double": "float8", "binary": "varbyte"}


def _external_type(kind: str) -> str:
    return _DDL_TYPES.get(kind, kind)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _pairs(properties: Properties) -> str:
    return ", ".join(f"{_text(name)}={_text(value)}" for name, value in properties)


def view(relation: Relation, state: CatalogState) -> str:
    """Return a view's CREATE VIEW, or a materialized one's."""
    definition = (relation.definition or "").strip().rstrip(";")
    if relation.materialized is not None:
        words = [qualified(relation, state), *_layout(relation, state), "AS", definition]
        return f"CREATE MATERIALIZED VIEW {' '.join(words)};"
    ending = " WITH NO SCHEMA BINDING" if relation.late_binding else ""
    return f"CREATE VIEW {qualified(relation, state)} AS {definition}{ending};"


def _layout(view: Relation, state: CatalogState) -> list[str]:
    """Return what stands between a materialized view's name and its query."""
    table = state.objects.get(view.materialized.table) if view.materialized is not None else None
    if view.materialized is None or not isinstance(table, Relation):
        return []
    keys = [quote(column.name) for column in table.columns if column.distkey]
    found = _attributes(replace(table, backup=view.backup))
    if keys:
        found.append(f"DISTKEY ( {keys[0]} )")
    if view.materialized.auto_refresh:
        found.append("AUTO REFRESH YES")
    return found


def qualified(relation: Relation, state: CatalogState) -> str:
    """Return a relation's quoted name with its schema."""
    schema = state.objects.get(relation.schema)
    return f"{quote(schema.name)}.{quote(relation.name)}" if isinstance(schema, Schema) else quote(relation.name)


def _column(column: TableColumn) -> str:
    words = [quote(column.name), str(column.type)]
    if column.collation:
        words.append(f"COLLATE {column.collation.upper()}")
    if column.not_null:
        words.append("NOT NULL")
    if column.identity is not None:
        kind = "GENERATED BY DEFAULT AS IDENTITY" if column.identity.by_default else "IDENTITY"
        words.append(f"{kind}({column.identity.seed}, {column.identity.step})")
    elif column.default is not None:
        words.append(f"DEFAULT {column.default}")
    words.append(f"ENCODE {'raw' if column.encoding == 'none' else column.encoding}")
    if column.distkey:
        words.append("DISTKEY")
    return " ".join(words)


def _constraint(constraint: Constraint, state: CatalogState) -> str:
    names = ", ".join(quote(name) for name in constraint.columns)
    text = f"CONSTRAINT {quote(constraint.name)} {_KEYS[constraint.kind]} ({names})"
    target = state.objects.get(constraint.references) if constraint.references is not None else None
    if not isinstance(target, Relation):
        return text
    others = ", ".join(quote(name) for name in constraint.referenced_columns)
    return f"{text} REFERENCES {qualified(target, state)}" + (f" ({others})" if others else "")


def _attributes(relation: Relation) -> list[str]:
    found = ["DISTSTYLE " + relation.diststyle.partition("(")[0]]
    keys = sorted((abs(column.sortkey), quote(column.name)) for column in relation.columns if column.sortkey)
    if keys:
        style = "INTERLEAVED " if relation.sortstyle == "INTERLEAVED" else ""
        found.append(f"{style}SORTKEY ( {', '.join(name for _, name in keys)} )")
    elif relation.sortstyle == "AUTO":
        found.append("SORTKEY AUTO")
    if not relation.backup:
        found.insert(0, "BACKUP NO")
    return found
