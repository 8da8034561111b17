"""The fast way in: DuckDB's readers straight into the table, every field checked as it is converted.

A field that is not clean makes the statement fail as a whole, and ``careful`` then says which one it was;
what ``careful`` accepts and this does not is loaded there. So this may refuse, but never take, too much.
"""

import re
from collections.abc import Sequence
from typing import Final

from core.names import literal, quote
from engine.load.plan import Compression, CopyPlan, Format, LoadColumn
from engine.load.records import blanks
from engine.load.values import BAD, raising

_DOCUMENT_BYTES: Final = 4 << 20
_PACKED: Final = {Compression.NONE: "none", Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


def possible(plan: CopyPlan) -> bool:
    """Return whether DuckDB's own readers understand the files as Redshift does."""
    layout = plan.layout
    if layout.compression not in _PACKED or layout.encoding != "utf-8":
        return False
    if layout.format is Format.JSON:
        own = layout.json_paths is not None or layout.json_ignore_case or layout.json_whole
        return not own and not _has_super(plan.columns)
    if layout.format not in (Format.DELIMITED, Format.CSV):
        return False
    needs_care = (
        layout.escape,
        layout.remove_quotes,
        layout.fill_record,
        layout.replace_invalid is not None,
        # DuckDB skips blank lines, which are rows where there is one column only.
        len(plan.columns) == 1,
        len(layout.delimiter) != 1,
        len(layout.quote) != 1,
        "\0" in layout.null_as,
    )
    return not any(needs_care)


def insert_sql(plan: CopyPlan, paths: Sequence[str]) -> str:
    """Return the INSERT that loads the files at *paths*."""
    values = [raising(column, quote(column.engine_name), plan.conversion) for column in plan.columns]
    target = ", ".join(quote(name) for name in plan.target())
    chosen = ", ".join([*values, *(filler.sql for filler in plan.fillers)])
    return f"INSERT INTO {plan.engine_name} ({target}) SELECT {chosen} FROM {_reader(plan, paths)}"


def check_sql(plan: CopyPlan, paths: Sequence[str]) -> str:
    """Return a query that fails where ``insert_sql`` would, and counts the rows."""
    values = [f"count({raising(column, quote(column.engine_name), plan.conversion)})" for column in plan.columns]
    return f"SELECT count(*), {', '.join(values)} FROM {_reader(plan, paths)}"


def _reader(plan: CopyPlan, paths: Sequence[str]) -> str:
    layout = plan.layout
    listed = f"[{', '.join(literal(path) for path in paths)}]"
    columns = ", ".join(f"{literal(column.engine_name)}: 'VARCHAR'" for column in plan.columns)
    packed = f"columns={{{columns}}}, compression={literal(_PACKED[layout.compression])}"
    if layout.format is Format.JSON:
        return (
            f"read_json({listed}, {packed}, format='unstructured', maximum_object_size={_DOCUMENT_BYTES}, "
            "dateformat='', timestampformat='')"
        )
    quoting = literal(layout.quote) if layout.format is Format.CSV else "''"
    reader = (
        f"read_csv({listed}, {packed}, auto_detect=false, header=false, skip={layout.ignore_header}, "
        f"delim={literal(layout.delimiter)}, quote={quoting}, escape={quoting}, "
        f"nullstr={literal(layout.null_as)}, allow_quoted_nulls=false, max_line_size={_DOCUMENT_BYTES})"
    )
    if layout.format is not Format.CSV:
        return reader
    # Redshift leaves out what is blank before a quotation mark, DuckDB takes all that for the field's text.
    led = literal(f"^{blanks(layout)}+{re.escape(layout.quote)}")
    found = " OR ".join(f"regexp_matches({quote(column.engine_name)}, {led})" for column in plan.columns)
    return f"(SELECT * FROM {reader} WHERE CASE WHEN {found} THEN {BAD}::BOOLEAN ELSE true END)"


def _has_super(columns: tuple[LoadColumn, ...]) -> bool:
    return any(column.type.type.name == "super" for column in columns)
