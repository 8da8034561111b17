"""PostgreSQL's catalog functions, which tools call: macros over the session's ``sys_*`` sources.

``catalog.system.functions`` has the macros, each called ``rs_`` and the function's name.
"""

from typing import Final

from core import types
from sql import conversion
from sql.functions.spec import Call, Function
from sql.value import VARCHAR, Value, made


def _macro(call: Call) -> Value:
    call.scope.writer.system = True
    returns = _RETURNS[call.name, len(call.values)]
    return made(f"rs_{call.name}({', '.join(call.sql)})", types.of(returns))


def _named(call: Call) -> Value:
    """Write a call whose object is given by name: a macro of its own, for names cost more to find than OIDs."""
    call.scope.writer.system = True
    returns = _RETURNS[call.name, len(call.values)]
    return made(f"rs_{call.name}_named({', '.join(call.sql)})", types.of(returns))


_ROWS: Final = (
    # name, kinds of argument, result
    ("format_type", ("oid", "int"), "text"),
    ("pg_get_userbyid", ("oid",), "name"),
    ("pg_get_expr", ("text", "oid"), "text"),
    ("pg_get_expr", ("text", "oid", "bool"), "text"),
    ("pg_get_viewdef", ("oid",), "text"),
    ("pg_get_viewdef", ("oid", "bool"), "text"),
    ("pg_get_constraintdef", ("oid",), "text"),
    ("pg_get_constraintdef", ("oid", "bool"), "text"),
    ("pg_get_indexdef", ("oid",), "text"),
    ("pg_get_indexdef", ("oid", "int", "bool"), "text"),
    ("pg_get_functiondef", ("oid",), "text"),
    ("pg_get_function_result", ("oid",), "text"),
    ("pg_get_function_arguments", ("oid",), "text"),
    ("pg_get_function_identity_arguments", ("oid",), "text"),
    ("pg_get_ruledef", ("oid",), "text"),
    ("pg_get_ruledef", ("oid", "bool"), "text"),
    ("pg_get_triggerdef", ("oid",), "text"),
    ("pg_get_triggerdef", ("oid", "bool"), "text"),
    ("pg_get_partkeydef", ("oid",), "text"),
    ("pg_get_statisticsobjdef_columns", ("oid",), "text"),
    ("pg_table_is_visible", ("oid",), "bool"),
    ("pg_function_is_visible", ("oid",), "bool"),
    ("pg_type_is_visible", ("oid",), "bool"),
    ("pg_encoding_to_char", ("int",), "name"),
    ("pg_char_to_encoding", ("text",), "int4"),
    ("obj_description", ("oid", "text"), "text"),
    ("obj_description", ("oid",), "text"),
    ("col_description", ("oid", "int"), "text"),
    ("shobj_description", ("oid", "text"), "text"),
    ("array_to_string", ("text", "text"), "text"),
    ("string_to_array", ("text", "text"), "_text"),
    ("textin", ("text",), "text"),
    ("makeaclitem", ("int", "int", "int", "text", "bool"), "aclitem"),
    ("aclcontains", ("any", "any"), "bool"),
    ("byteaout", ("text",), "text"),
    ("array_lower", ("text", "int"), "int4"),
    ("array_upper", ("text", "int"), "int4"),
    ("has_assumerole_privilege", ("text", "text"), "bool"),
    ("has_assumerole_privilege", ("text", "text", "text"), "bool"),
    ("has_any_column_privilege", ("any", "text"), "bool"),
    ("has_any_column_privilege", ("any", "any", "text"), "bool"),
    ("has_table_privilege", ("any", "text"), "bool"),
    ("has_table_privilege", ("any", "any", "text"), "bool"),
    ("has_schema_privilege", ("any", "text"), "bool"),
    ("has_schema_privilege", ("any", "any", "text"), "bool"),
    ("has_database_privilege", ("any", "text"), "bool"),
    ("has_database_privilege", ("any", "any", "text"), "bool"),
    ("has_column_privilege", ("any", "any", "text"), "bool"),
    ("has_column_privilege", ("any", "any", "any", "text"), "bool"),
    ("has_function_privilege", ("any", "text"), "bool"),
    ("has_function_privilege", ("any", "any", "text"), "bool"),
    ("has_language_privilege", ("any", "text"), "bool"),
    ("has_language_privilege", ("any", "any", "text"), "bool"),
    ("oidvectortypes", ("any",), "text"),
    ("pg_size_pretty", ("int8",), "text"),
    ("pg_total_relation_size", ("any",), "int8"),
    ("pg_relation_size", ("any",), "int8"),
    ("pg_table_size", ("any",), "int8"),
    ("pg_database_size", ("any",), "int8"),
    ("pg_is_in_recovery", (), "bool"),
    ("pg_postmaster_start_time", (), "timestamptz"),
    ("pg_relation_is_publishable", ("any",), "bool"),
    ("to_regclass", ("text",), "regclass"),
    ("pg_my_temp_schema", (), "oid"),
    ("pg_is_other_temp_schema", ("oid",), "bool"),
    ("user_is_member_of", ("text", "text"), "bool"),
    ("role_is_member_of", ("text", "text"), "bool"),
    ("pg_tablespace_size", ("oid",), "int8"),
    ("pg_tablespace_location", ("oid",), "text"),
    ("format_encoding", ("int",), "text"),
    ("inet_server_addr", (), "text"),
    ("inet_server_port", (), "int4"),
    ("inet_client_addr", (), "text"),
)
_RETURNS: Final = {(name, len(arguments)): returns for name, arguments, returns in _ROWS}

_VISIBLE: Final = ("operator", "conversion", "ts_config", "ts_dict", "ts_parser", "ts_template", "collation", "opclass",
                   "opfamily", "statistics_obj")  # fmt: skip

def _shown(call: Call) -> Value:
    """Write what an object's OID is shown as."""
    call.scope.writer.system = True
    return conversion.cast(call.values[0], VARCHAR)


TABLE: Final = (
    *(Function(name=f"{name}out", arguments=(name,), engine=_shown, doc="c_intro_system_views")
      for name in ("regclass", "regtype", "regproc", "regprocedure")),
    *(Function(name="pg_get_viewdef", arguments=("letters", *more), engine=_named, doc="c_intro_system_views")
      for more in ((), ("bool",))),
    *(Function(name=name, arguments=arguments, engine=_macro, doc="c_intro_system_views")
      for name, arguments, _ in _ROWS),
    *(Function(name=f"pg_{kind}_is_visible", arguments=("oid",), engine="({0} IS NOT NULL)", returns="bool",
               exact=True, doc="c_intro_system_views") for kind in _VISIBLE),
    # No column has a sequence: IDENTITY needs none.
    Function(name="pg_get_serial_sequence", arguments=("text", "text"), engine="NULL::VARCHAR", returns="text", exact=True,
             doc="c_intro_system_views"),
    Function(name="getdatabaseencoding", engine="'UTF8'", returns="name", exact=True, doc="c_intro_system_views"),
)  # fmt: skip
