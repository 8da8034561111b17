"""Functions that tell about the session: variables that ``session`` keeps on its cursor."""

from typing import Final

from core import types
from core.errors import SqlError
from core.names import literal
from sql import conversion
from sql.functions import rowsets
from sql.functions.spec import Call, Function
from sql.value import VARCHAR, Value, made


def _variable(name: str, variable: str, returns: str, engine: str, doc: str) -> Function:
    return Function(
        name=name, engine=f"CAST(getvariable('{variable}') AS {engine})", returns=returns, exact=True, doc=doc
    )


def _current_setting(call: Call) -> Value:
    """Give a parameter's value as it is when the statement is translated; NULL for one that may be missing and is."""
    name = call.values[0].literal
    call.scope.writer.cacheable = False
    if name is None:
        asked = call.values[0].sql
        return made(f"(SELECT max(rs_s.value) FROM sys_settings AS rs_s WHERE rs_s.name = lower({asked}))", VARCHAR)
    try:
        found = call.scope.writer.facts.setting(name.lower())
    except SqlError:
        if len(call.values) < 2 or "true" not in call.sql[1].lower():
            raise
        return made("CAST(NULL AS VARCHAR)", VARCHAR, exact=True)
    return made(literal(found), VARCHAR, exact=True)


def _schemas(call: Call) -> Value:
    flag = conversion.exact(call.values[0]).sql
    sql = f"CASE WHEN {flag} THEN getvariable('current_schemas') ELSE getvariable('current_schemas_explicit') END"
    return made(f"CAST({sql} AS VARCHAR)", types.of("_text"), exact=True)


def _rows(call: Call) -> Value:
    row = rowsets.ROWSETS[call.name]
    query = rowsets.filled(row, call.values, call.scope)
    return made(rowsets.composite(row, query or ""), VARCHAR, exact=True)


TABLE: Final = (
    _variable("current_user", "current_user", "name", "VARCHAR", "r_CURRENT_USER"),
    _variable("session_user", "session_user", "name", "VARCHAR", "r_SESSION_USER"),
    _variable("user", "current_user", "name", "VARCHAR", "r_USER"),
    _variable("current_user_id", "current_user_id", "int4", "INTEGER", "r_CURRENT_USER_ID"),
    _variable("current_database", "current_database", "name", "VARCHAR", "r_CURRENT_DATABASE"),
    _variable("current_schema", "current_schema", "name", "VARCHAR", "r_CURRENT_SCHEMA"),
    _variable("version", "version", "varchar", "VARCHAR", "r_VERSION"),
    _variable("pg_backend_pid", "backend_pid", "int4", "INTEGER", "PG_BACKEND_PID"),
    _variable("pg_last_query_id", "last_query_id", "int8", "BIGINT", "PG_LAST_QUERY_ID"),
    _variable("last_user_query_id", "last_query_id", "int8", "BIGINT", "LAST_USER_QUERY_ID"),
    _variable("pg_last_copy_id", "last_copy_id", "int8", "BIGINT", "PG_LAST_COPY_ID"),
    _variable("pg_last_copy_count", "last_copy_count", "int8", "BIGINT", "PG_LAST_COPY_COUNT"),
    _variable("pg_last_unload_id", "last_unload_id", "int8", "BIGINT", "PG_LAST_UNLOAD_ID"),
    _variable("pg_last_unload_count", "last_unload_count", "int8", "BIGINT", "PG_LAST_UNLOAD_COUNT"),
    _variable("txid_current", "transaction_id", "int8", "BIGINT", "r_VERSION"),
    Function(name="current_schemas", arguments=("bool",), engine=_schemas, doc="r_CURRENT_SCHEMAS"),
    Function(name="current_setting", arguments=("text", "bool?"), engine=_current_setting, doc="r_CURRENT_SETTING"),
    *(Function(name=row.name, arguments=row.arguments, engine=_rows, kind="set", doc=row.doc) for row in rowsets.TABLE),
    _variable("default_iam_role", "default_iam_role", "varchar", "VARCHAR", "r_DEFAULT_IAM_ROLE"),
    Function(name="get_mounted_role", engine="CAST(NULL AS VARCHAR)", exact=True, doc="r_GET_MOUNTED_ROLE"),
    Function(name="current_session_arn", engine="CAST(NULL AS VARCHAR)", exact=True, doc="r_CURRENT_SESSION_ARN"),
    Function(name="is_large_string_enabled", engine="false", returns="bool", exact=True, doc="r_VERSION"),
    Function(name="slice_num", engine="CAST(0 AS INTEGER)", returns="int4", exact=True, doc="r_SLICE_NUM"),
    _variable("current_aws_account", "aws_account", "varchar", "VARCHAR", "r_CURRENT_AWS_ACCOUNT"),
    _variable("current_namespace", "namespace", "varchar", "VARCHAR", "r_CURRENT_NAMESPACE"),
)  # fmt: skip
