"""CASE, with a subject and without."""

from dataclasses import replace
from typing import Final

from sqlglot import exp

from sql.rules.comparisons import chosen, compared, truth
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import Value

_MAPPED: Final = 4
"""Branches from which on the subject of a CASE is computed apart."""


def case(node: exp.Expr, scope: Scope) -> Value:
    """Write CASE, its results brought to one type."""
    subject = scope.value(node.this) if node.this is not None else None
    if subject is not None and _mapped(node, scope):
        # The engine would take the subject's macro apart once a branch; drivers send dozens of CASEs of dozens.
        name = scope.writer.fresh("subject")
        value = _branched(node, replace(subject, sql=name), scope)
        return replace(value, sql=f"list_transform([{subject.sql}], lambda {name}: {value.sql})[1]")
    return _branched(node, subject, scope)


def _mapped(node: exp.Expr, scope: Scope) -> bool:
    """Tell whether a CASE maps what a function of the system catalogs gives to constants, by several branches."""
    branches = node.args["ifs"]
    if not scope.writer.system or not isinstance(node.this, exp.Anonymous) or len(branches) < _MAPPED:
        return False
    said = [item for branch in branches for item in (branch.this, branch.args["true"])]
    default = node.args.get("default")
    return all(
        isinstance(item.this if isinstance(item, exp.Neg) else item, exp.Literal | exp.Null)
        for item in [*said, *([default] if default is not None else [])]
    )


def _branched(node: exp.Expr, subject: Value | None, scope: Scope) -> Value:
    conditions = []
    for branch in node.args["ifs"]:
        if subject is None:
            conditions.append(truth(scope.value(branch.this), "CASE/WHEN", scope, branch).sql)
        else:
            conditions.append(compared("=", subject, scope.value(branch.this), scope, branch).sql)
    results = [scope.value(branch.args["true"]) for branch in node.args["ifs"]]
    default = node.args.get("default")
    if default is not None:
        results.append(scope.value(default))
    return chosen(conditions, results)


RULES: Final = (Rule(node=exp.Case, write=case, doc="r_CASE_function"),)
