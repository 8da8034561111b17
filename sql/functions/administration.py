"""Functions that change something: the session carries them out (``session.statements.effects``).

The engine computes a call's arguments, a JSON array a row; such a call stands in the select list and nowhere else.
"""

from typing import Final

from core import types
from core.errors import not_supported
from sql import conversion
from sql.functions.spec import Call, Function, Write
from sql.value import Value


def _effect(returns: str) -> Write:
    def write(call: Call) -> Value:
        call.scope.writer.effects += 1
        call.scope.writer.cacheable = False
        arguments = ", ".join(conversion.exact(value).sql for value in call.values)
        return Value(sql=f"rs_effect_of_session(json_array({arguments}))", type=types.of(returns), exact=True, effect=call.name)

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
