"""A row as a line of text: the engine SQL that renders it for UNLOAD.

Redshift, "UNLOAD": text and CSV show values as psql does, with ``t`` and ``f`` for booleans; CSV quotes a field
only where it must; JSON has one object a line.
"""

from collections.abc import Sequence
from typing import Final

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from core.types import Column
from engine.load.plan import Format, UnloadPlan
from engine.macro import raising

Held = Sequence[tuple[str, Column]]


def line_sql(plan: UnloadPlan, held: Held) -> str:
    """Return engine SQL for the whole line, its end included; *held* are (engine name, column)."""
    if plan.format is Format.JSON:
        fields = ", ".join(f"{literal(column.name)}, {_json(place, column)}" for place, column in held)
        line = f"CAST(json_object({fields}) AS VARCHAR)"
        if any(column.type.type.name == "super" for _, column in held):
            line = f"rs_unmarked({line})"
        return f"{line} || chr(10)"
    if plan.format is Format.FIXED:
        return _fixed(plan, held) + " || chr(10)"
    shown = [_field(plan, _text(place, column)) for place, column in held]
    return f" || {_quoted(plan.delimiter)} || ".join(shown) + " || chr(10)"


def _fixed(plan: UnloadPlan, held: Held) -> str:
    if len(plan.widths) != len(held):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "FIXEDWIDTH does not give a width for every column")
    pairs = zip(held, plan.widths, strict=True)
    return " || ".join(_padded(plan, _text(place, column), column, width) for (place, column), (_, width) in pairs)


def _padded(plan: UnloadPlan, text: str, column: Column, width: int) -> str:
    """Return a field of *width* characters; raise for a value that would have to be cut."""
    refused = raising(SqlState.INVALID_PARAMETER_VALUE, literal(_TOO_LONG.format(name=column.name, width=width)))
    null = plan.null_as
    if len(null) <= width:
        missing = f"rpad({_quoted(null)}, {width}, ' ')"
    else:
        # Redshift, NULL AS: what is longer than its field is left out, but for columns of characters.
        missing = refused if column.type.type.category == "S" else literal(" " * width)
    padded = f"CASE WHEN length({text}) > {width} THEN {refused} ELSE rpad({text}, {width}, ' ') END"
    return f"CASE WHEN {text} IS NULL THEN {missing} ELSE {padded} END"


_TOO_LONG: Final = "a value of column {name} is longer than the {width} characters that FIXEDWIDTH gives it"


def header(plan: UnloadPlan, columns: Sequence[Column]) -> str:
    """Return the line of column names."""
    if plan.format is Format.CSV:
        return plan.delimiter.join(_csv(column.name, plan.delimiter) for column in columns) + "\n"
    return plan.delimiter.join(_titled(plan, column.name) for column in columns) + "\n"


def _titled(plan: UnloadPlan, name: str) -> str:
    """Return a column's name as a field of text is written."""
    if plan.escape:
        marks = {"\\", "\n", "\r", plan.delimiter} | ({'"', "'"} if plan.add_quotes else set())
        name = "".join(f"\\{char}" if char in marks else char for char in name)
    elif plan.add_quotes:
        name = name.replace('"', '""')
    return f'"{name}"' if plan.add_quotes else name


def _csv(name: str, delimiter: str) -> str:
    marked = any(char in name for char in (delimiter, '"', "\n", "\r"))
    return '"' + name.replace('"', '""') + '"' if marked else name


def _field(plan: UnloadPlan, text: str) -> str:
    null = _quoted(plan.null_as)
    if plan.format is Format.CSV:
        marks = [_quoted(plan.delimiter), "'\"'", "chr(10)", "chr(13)"]
        special = " OR ".join(f"contains({text}, {mark})" for mark in marks)
        quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
        return f"CASE WHEN {text} IS NULL THEN {null} WHEN {special} THEN {quoted} ELSE {text} END"
    value = text
    if plan.escape:
        marks = ["chr(92)", "chr(10)", "chr(13)", _quoted(plan.delimiter)]
        marks += ["'\"'", "''''"] if plan.add_quotes else []
        for mark in marks:
            value = f"replace({value}, {mark}, chr(92) || {mark})"
    elif plan.add_quotes:
        value = f"replace({value}, '\"', '\"\"')"
    if plan.add_quotes:
        value = f"'\"' || {value} || '\"'"
    return f"coalesce({value}, {null})"


def _text(place: str, column: Column) -> str:
    kind = column.type.type.name
    if kind == "bool":
        return f"(CASE {place} WHEN true THEN 't' WHEN false THEN 'f' END)"
    if kind in ("float4", "float8"):
        # DuckDB writes 1.0 where PostgreSQL writes 1.
        return f"regexp_replace(CAST({place} AS VARCHAR), '\\.0$', '')"
    if kind == "varbyte":
        return f"lower(hex({place}))"
    if kind == "super":
        return f"rs_super_show({place})"
    return f"CAST({place} AS VARCHAR)"


def _json(place: str, column: Column) -> str:
    kind = column.type.type.name
    if kind == "super":
        return f"CAST({place} AS JSON)"
    if column.type.type.category == "N" or kind == "bool":
        return place
    return _text(place, column)


def _quoted(text: str) -> str:
    if "\0" in text:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "a delimiter or null string cannot hold a zero byte")
    return literal(text)
