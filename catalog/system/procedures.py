"""The functions that pg_proc lists: users' own, and of those built in a modest set with arguments and results.

Each of ``ROWS`` is (name, argument types, result type, kind f/a/w, volatility i/s/v); types by pg_type.typname.
"""

from typing import Final

from catalog.system import type_functions
from core.types import TYPES

_OID: Final = {row.name: row.oid for row in TYPES} | {"any": 2283} | type_functions.UNUSED

# fmt: off
ROWS: Final = (
    ("abs", "float8", "float8", "f", "i"),
    ("avg", "int8", "numeric", "a", "i"),
    ("avg", "numeric", "numeric", "a", "i"),
    ("ceil", "numeric", "numeric", "f", "i"),
    ("coalesce", "any", "any", "f", "i"),
    ("concat", "varchar varchar", "varchar", "f", "i"),
    ("count", "any", "int8", "a", "i"),
    ("current_database", "", "name", "f", "s"),
    ("current_schema", "", "name", "f", "s"),
    ("date_part", "text timestamp", "float8", "f", "i"),
    ("date_trunc", "text timestamp", "timestamp", "f", "i"),
    ("dense_rank", "", "int8", "w", "i"),
    ("floor", "numeric", "numeric", "f", "i"),
    ("format_type", "oid int4", "text", "f", "s"),
    ("getdate", "", "timestamp", "f", "s"),
    ("has_database_privilege", "text text", "bool", "f", "s"),
    ("has_schema_privilege", "text text", "bool", "f", "s"),
    ("has_table_privilege", "text text", "bool", "f", "s"),
    ("initcap", "text", "text", "f", "i"),
    ("length", "text", "int4", "f", "i"),
    ("lower", "text", "text", "f", "i"),
    ("lpad", "text int4 text", "text", "f", "i"),
    ("ltrim", "text text", "text", "f", "i"),
    ("max", "any", "any", "a", "i"),
    ("md5", "text", "text", "f", "i"),
    ("min", "any", "any", "a", "i"),
    ("now", "", "timestamptz", "f", "s"),
    ("pg_backend_pid", "", "int4", "f", "s"),
    ("pg_get_userbyid", "oid", "name", "f", "s"),
    ("pg_get_viewdef", "oid", "text", "f", "s"),
    ("pg_table_is_visible", "oid", "bool", "f", "s"),
    ("position", "text text", "int4", "f", "i"),
    ("power", "float8 float8", "float8", "f", "i"),
    ("random", "", "float8", "f", "v"),
    ("rank", "", "int8", "w", "i"),
    ("replace", "text text text", "text", "f", "i"),
    ("round", "numeric int4", "numeric", "f", "i"),
    ("row_number", "", "int8", "w", "i"),
    ("rpad", "text int4 text", "text", "f", "i"),
    ("rtrim", "text text", "text", "f", "i"),
    ("split_part", "text text int4", "text", "f", "i"),
    ("sqrt", "float8", "float8", "f", "i"),
    ("strpos", "text text", "int4", "f", "i"),
    ("substring", "text int4 int4", "text", "f", "i"),
    ("sum", "int8", "numeric", "a", "i"),
    ("sum", "numeric", "numeric", "a", "i"),
    ("to_char", "timestamp text", "text", "f", "s"),
    ("to_date", "text text", "date", "f", "i"),
    ("to_number", "text text", "numeric", "f", "i"),
    ("trunc", "numeric int4", "numeric", "f", "i"),
    ("upper", "text", "text", "f", "i"),
    ("version", "", "text", "f", "s"),
)
# fmt: on
TRIGGERS: Final = {1644: "RI_FKey_check_ins", 1654: "RI_FKey_noaction_del", 1655: "RI_FKey_noaction_upd"}
"""What pg_trigger names for foreign keys: ODBC's driver tells their rules by it."""
_FIRST: Final = 3000
"""The OID of the first row; the others count up from it."""


_SQL: Final = {row.name: row.sql for row in TYPES} | {"any": '"any"'} | {name: name for name in type_functions.UNUSED}
_NAMES: Final = "oid, name, arguments, result, kind, volatile, shown"
_MORE: Final = "schema, owner, language, definer, names, modes, types, body, acl, definition"
_BUILT_IN: Final = "11, 1, 12, FALSE, NULL, NULL, NULL, name, NULL, NULL"


def built_in() -> list[tuple[int, str, list[int], int, str, str, str]]:
    """Return the functions that are built in, as sys_builtins has them."""
    found = [(_FIRST + place, *row) for place, row in enumerate(ROWS)]
    found += [(oid, name, "", "trigger", "f", "v") for oid, name in TRIGGERS.items()]
    found += [(*row, "f", "i") for row in type_functions.PROCEDURES]
    return [
        (oid, name, [_OID[word] for word in arguments.split()], _OID[result], kind, volatile,
         ", ".join(_SQL[word] for word in arguments.split()))
        for oid, name, arguments, result, kind, volatile in found
    ]  # fmt: skip


QUERY: Final = (
    f"SELECT {_NAMES}, {_MORE} FROM sys_routines UNION ALL SELECT {_NAMES}, {_BUILT_IN} FROM sys_builtins"
)
"""Engine SQL over sys_routines and sys_builtins: oid, name, arguments, result, kind, volatile, the arguments as they are shown, and
what else is known of users' own."""
