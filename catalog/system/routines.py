"""Users' functions, procedures and languages as the catalogs show them, and the DDL that makes them again.

Redshift, "SHOW PROCEDURE", PG_PROC, PG_PROC_INFO, SVV_REDSHIFT_FUNCTIONS.
"""

from typing import Any, Final

import pyarrow as pa

from catalog.model import PUBLIC, CatalogState, Schema
from catalog.routines import LANGUAGES, Language, Parameter, Routine, RoutineKind
from catalog.routines import languages as all_languages
from catalog.routines import routines as all_routines
from catalog.system import acl
from catalog.system.build import Live, table
from core.names import literal, quote_if_needed
from core.types import TYPNAMES, ColumnType

_MODES: Final = {"IN": "i", "OUT": "o", "INOUT": "b"}
_VOID: Final = 2278
_RECORD: Final = 2249


def rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_routines."""
    names = acl.named(state)
    databases = {each.oid: each.name for each in state.databases()}
    found: list[tuple[Any, ...]] = []
    for each in all_routines(state):
        schema = state.objects.get(each.schema)
        if isinstance(schema, Schema):
            found.append((
                each.oid, each.name, schema.oid, schema.name, databases.get(schema.database), each.owner,
                LANGUAGES[each.language].oid, each.type.value, each.volatility[0].lower(), _oids(each.inputs),
                _result(each), arguments(each), signature(each), returned(each),
                _keys(each, schema.name), [item.name for item in each.parameters],
                [_MODES[item.mode] for item in each.parameters], _oids(each.parameters), each.body,
                each.security_definer, _granted("routine", each, names, changed=not _is_default(each)),
                definition(each, schema.name),
            ))  # fmt: skip
    return table("sys_routines", found)


def parameters(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_parameters."""
    found: list[tuple[Any, ...]] = [
        (each.oid, item.name, number, item.mode, TYPNAMES[item.type].oid, item.modifier, shown_type(item))
        for each in all_routines(state)
        for number, item in enumerate(each.parameters, start=1)
    ]
    return table("sys_parameters", found)


def languages(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_languages."""
    names = acl.named(state)
    found: list[tuple[Any, ...]] = []
    for each in all_languages(state):
        granted = _granted("language", each, names, changed=each != LANGUAGES[each.name])
        found.append((each.oid, each.name, each.trusted, each.owner, granted))
    return table("sys_languages", found)


def _granted(kind: str, item: Routine | Language, names: acl.Names, *, changed: bool) -> list[str] | None:
    """Return an ACL as the catalogs show it: null stands for what an object begins with."""
    if not changed:
        return None
    holder = names.get(item.owner, str(item.owner))
    return acl.items(kind, item.acl, item.owner, names) or [f"{holder}={acl.OWNER[kind]}/{holder}"]


def _is_default(routine: Routine) -> bool:
    if routine.type is RoutineKind.PROCEDURE:
        return not routine.acl
    return len(routine.acl) == 1 and routine.acl[0].grantee == PUBLIC


def _oids(parameters: tuple[Parameter, ...]) -> list[int]:
    return [TYPNAMES[item.type].oid for item in parameters]


def _result(routine: Routine) -> int:
    if routine.returns is not None:
        return TYPNAMES[routine.returns.type].oid
    outputs = _oids(routine.outputs)
    return outputs[0] if len(outputs) == 1 else _RECORD if outputs else _VOID


def shown_type(parameter: Parameter) -> str:
    """Return a parameter's type as DDL writes it."""
    return str(ColumnType(TYPNAMES[parameter.type], parameter.modifier))


def arguments(routine: Routine) -> str:
    """Return the argument list as DDL writes it."""
    parts = []
    for item in routine.parameters:
        words = ["" if item.mode == "IN" else item.mode, quote_if_needed(item.name) if item.name else ""]
        parts.append(" ".join(word for word in (*words, shown_type(item)) if word))
    return ", ".join(parts)


def signature(routine: Routine) -> str:
    """Return the types that tell *routine* from others of its name."""
    return ", ".join(TYPNAMES[item.type].sql for item in routine.inputs)


def returned(routine: Routine) -> str:
    """Return the types that a call gives."""
    given = (routine.returns,) if routine.returns is not None else routine.outputs
    return ", ".join(TYPNAMES[item.type].sql for item in given)


def _keys(routine: Routine, schema: str) -> list[str]:
    """Return what HAS_FUNCTION_PRIVILEGE may call a routine, without blanks."""
    kinds = [TYPNAMES[item.type] for item in routine.inputs]
    spelled = {
        ",".join(kind.sql for kind in kinds),
        ",".join(kind.name for kind in kinds),
        ",".join((*kind.aliases, kind.sql)[0] for kind in kinds),
    }
    names = (routine.name, f"{schema}.{routine.name}")
    return [f"{name}({types})".replace(" ", "") for name in names for types in sorted(spelled)]


def definition(routine: Routine, schema: str) -> str:
    """Return the statement that makes *routine* again."""
    name = f"{quote_if_needed(schema)}.{quote_if_needed(routine.name)}({arguments(routine)})"
    lines = [f"CREATE OR REPLACE {routine.word.upper()} {name}"]
    if routine.returns is not None:
        lines += [f"RETURNS {shown_type(routine.returns)}", routine.volatility]
    if routine.nonatomic:
        lines.append("NONATOMIC")
    lines.append(f"LANGUAGE {routine.language}")
    if routine.security_definer:
        lines.append("SECURITY DEFINER")
    lines += [f"SET {key} TO {_values(value)}" for key, value in routine.settings]
    tag = "$_$"
    while tag in routine.body:
        tag = f"{tag[:-1]}_$"
    return "\n".join([*lines, f"AS {tag}{routine.body}{tag}"])


def _values(text: str) -> str:
    return ", ".join(literal(part.strip()) for part in text.split(",")) or "''"
