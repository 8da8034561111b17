"""OBJECT_TRANSFORM: an object made of paths kept from another and paths set.

Redshift, "OBJECT_TRANSFORM function": paths are constants, so the new object's shape is known when it is translated.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from sql import conversion
from sql.functions.supers import element
from sql.scope import Scope
from sql.value import SUPER, Value, made

_PATH: Final = re.compile(r'"[^"\\*]+"(?:\."[^"\\*]+")*\Z')


@dataclass(slots=True)
class Branch:
    """An attribute of the new object: kept, set, or an object of its own."""

    kept: str = ""
    """JSON path in the input."""
    value: str = ""
    """Engine SQL of what it is set to."""
    members: dict[str, "Branch"] = field(default_factory=dict)


def transformed(node: exp.Expr, scope: Scope) -> Value:
    """Write ``OBJECT_TRANSFORM(input KEEP path, … SET path, value, …)``."""
    root = conversion.cast(scope.value(node.this), SUPER)
    keep, pairs = node.args.get("keep") or [], node.args.get("set_") or []
    if not keep and not pairs:
        return root
    if len(pairs) % 2:
        raise SqlError(SqlState.SYNTAX_ERROR, "OBJECT_TRANSFORM needs a value for every path after SET")
    tree = Branch()
    for item in keep:
        path = _path(item, scope)
        _at(tree, path).kept = "$." + ".".join(f'"{name}"' for name in path)
    for place, value in zip(pairs[::2], pairs[1::2], strict=True):
        _at(tree, _path(place, scope)).value = element(scope.value(value))
    sql = f"CASE WHEN rs_is_object({root.sql}) THEN CAST({_object(tree, root.sql)} AS JSON) ELSE {root.sql} END"
    return made(sql, SUPER, exact=True)


def _path(node: exp.Expr, scope: Scope) -> list[str]:
    text = scope.value(node).literal
    if text is None or not _PATH.match(text):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            'a path of OBJECT_TRANSFORM must be a constant such as \'"a"."b"\'',
            position=scope.writer.position(node),
        )
    return text[1:-1].split('"."')


def _at(tree: Branch, path: list[str]) -> Branch:
    for name in path:
        tree = tree.members.setdefault(name, Branch())
    return tree


def _object(tree: Branch, root: str) -> str:
    entries = [
        f"{literal(chr(34) + name + chr(34) + ':')} || {_written(member, root)}"
        for name, member in tree.members.items()
    ]
    return f"('{{' || concat_ws(',', {', '.join(entries)}) || '}}')"


def _written(branch: Branch, root: str) -> str:
    """Return an attribute's JSON text, NULL where it is not there."""
    if branch.value:
        return f"coalesce(CAST({branch.value} AS VARCHAR), 'null')"
    kept = f"CAST(json_extract({root}, {literal(branch.kept)}) AS VARCHAR)" if branch.kept else ""
    if not branch.members:
        return kept
    changed = _object(branch, root)
    if kept:
        return f"CAST(json_merge_patch({kept}, {changed}) AS VARCHAR)"
    return changed if _sets(branch) else f"nullif({changed}, '{{}}')"


def _sets(branch: Branch) -> bool:
    return bool(branch.value) or any(_sets(member) for member in branch.members.values())
