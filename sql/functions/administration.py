"""Functions that change something: the session carries them out (``session.statements.effects``).

As a whole item of the select list a call is its arguments, a JSON array a row, and the session answers for each;
elsewhere the engine calls back (``engine.effects``).
"""

import re
from typing import Final

from core import types
from core.errors import not_supported
from sql import conversion
from sql.functions.spec import Call, Function, Write
from sql.value import Value

_OPENING: Final = "rs_effect_{}(CAST(getvariable('backend_pid') AS INTEGER), '{}', "
_CALLS: Final = re.compile(r"rs_effect_\w+\(CAST\(getvariable\('backend_pid'\) AS INTEGER\), '\w+', (?=json_array\()")


def called_in(sql: str) -> int:
    """Return how often engine SQL calls what the session carries out."""
    return len(_CALLS.findall(sql))


def arguments_only(sql: str) -> str:
    """Return engine SQL with the arguments of what the session carries out in the calls' places."""
    return _CALLS.sub("(", sql)


def _effect(returns: str) -> Write:
    def write(call: Call) -> Value:
        call.scope.writer.effects = True
        call.scope.writer.cacheable = False
        arguments = ", ".join(conversion.exact(value).sql for value in call.values)
        opening = _OPENING.format("int" if returns == "int4" else "text", call.name)
        return Value(sql=f"{opening}json_array({arguments}))", type=types.of(returns), exact=True, effect=call.name)

    return write


def _refused(call: Call) -> Value:
    raise not_supported(call.name.upper(), position=call.scope.writer.position(call.node))


TABLE: Final = (
    Function(name="pg_cancel_backend", arguments=("int",), engine=_effect("int4"), doc="PG_CANCEL_BACKEND"),
    Function(name="pg_terminate_backend", arguments=("int",), engine=_effect("int4"), doc="PG_TERMINATE_BACKEND"),
    Function(name="set_config", arguments=("text", "text", "any"), engine=_effect("varchar"), doc="r_SET_CONFIG"),
    Function(name="change_query_priority", arguments=("int8", "text"), engine=_effect("varchar"),
             doc="r_CHANGE_QUERY_PRIORITY"),
    Function(name="change_session_priority", arguments=("int", "text"), engine=_effect("varchar"),
             doc="r_CHANGE_SESSION_PRIORITY"),
    Function(name="change_user_priority", arguments=("text", "text"), engine=_effect("varchar"),
             doc="r_CHANGE_USER_PRIORITY"),
    Function(name="reboot_cluster", engine=_refused, doc="r_REBOOT_CLUSTER"),
)  # fmt: skip
