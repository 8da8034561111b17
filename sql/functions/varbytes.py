"""Functions of VARBYTE: to and from text, single bits and bytes. Macros: ``engine.strings``."""

from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from sql.functions.spec import Call, Function
from sql.inference import is_integer
from sql.value import VARBYTE, VARCHAR, Value, made

_FORMATS: Final = {
    # name: text to bytes, bytes to text
    "hex": ("rs_from_hex({0})", "lower(hex({0}))"),
    "binary": ("rs_from_bits({0})", "rs_to_bits({0})"),
    "base64": ("from_base64({0})", "to_base64({0})"),
    "utf8": ("encode({0})", "decode({0})"),
    "utf-8": ("encode({0})", "decode({0})"),
}


def _format(call: Call, direction: int) -> str:
    """Return the conversion that the format names; one that is no literal is chosen row by row."""
    if len(call.values) < 2:
        return _FORMATS["utf8"][direction].format(call.sql[0])
    name = call.values[1].literal
    if name is None:
        branches = "".join(
            f" WHEN '{name}' THEN {row[direction].format(call.sql[0])}" for name, row in _FORMATS.items()
        )
        return f"CASE lower({call.sql[1]}){branches} END"
    row = _FORMATS.get(name.lower())
    if row is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"unsupported format: {name}")
    return row[direction].format(call.sql[0])


def _to_varbyte(call: Call) -> Value:
    return made(_format(call, 0), VARBYTE, exact=True)


def _from_varbyte(call: Call) -> Value:
    return made(_format(call, 1), VARCHAR, exact=True)


def _from_text(call: Call) -> Value:
    """Take a string for its bytes, as Redshift's example does."""
    encoded = made(f"encode({call.sql[0]})", VARBYTE, exact=True)
    return _from_varbyte(
        Call(name=call.name, values=(encoded, *call.values[1:]), nodes=call.nodes, scope=call.scope, node=call.node)
    )


def _to_hex(call: Call) -> Value:
    """Write a number as its two's complement, of 32 or 64 bits."""
    value = call.values[0]
    wide = not is_integer(value.type) or value.name == "int8"
    sql = value.sql if is_integer(value.type) else f"CAST(trunc({value.sql}) AS BIGINT)"
    unsigned = f"rs_unsigned(CAST({sql} AS BIGINT))"
    digits = unsigned if wide else f"({unsigned} & 4294967295)"
    return made(f"CASE WHEN {sql} IS NOT NULL THEN format('{{:x}}', {digits}) END", VARCHAR, exact=True)


def _bit(name: str, engine: str) -> Function:
    return Function(name=name, arguments=("varbyte", "int"), engine=engine, returns="int4", exact=True, doc="r_GETBIT")


def _leader(name: str, arguments: tuple[str, ...], macro: str, returns: str) -> tuple[Function, ...]:
    """Return the forms of a function of PostgreSQL's bytea, which runs on Redshift's leader node only."""
    rest = "".join(f", {{{index}}}" for index in range(1, len(arguments) + 1))
    return tuple(
        Function(name=name, arguments=(first, *arguments), engine=f"{macro}({subject}{rest})", returns=returns,
                 exact=True, doc="String_functions_header")
        for first, subject in (("varbyte", "{0}"), ("text", "encode({0})"))
    )  # fmt: skip


def _to_ascii(call: Call) -> Value:
    raise SqlError(
        SqlState.FEATURE_NOT_SUPPORTED, "encoding conversion from UTF8 to ASCII not supported",
        position=call.scope.writer.position(call.node),
    )  # fmt: skip


TABLE: Final = (
    Function(name="to_ascii", arguments=("text",), engine=_to_ascii, doc="c_SQL_functions_leader_node_only"),
    Function(name="to_varbyte", arguments=("text", "text?"), engine=_to_varbyte, doc="r_TO_VARBYTE"),
    Function(name="from_varbyte", arguments=("varbyte", "text"), engine=_from_varbyte, doc="r_FROM_VARBYTE"),
    Function(name="from_varbyte", arguments=("text", "text"), engine=_from_text, doc="r_FROM_VARBYTE"),
    Function(name="to_hex", arguments=("varbyte",), engine="lower(hex({0}))", doc="r_TO_HEX", exact=True),
    Function(name="to_hex", arguments=("number",), engine=_to_hex, doc="r_TO_HEX"),
    Function(name="from_hex", arguments=("text",), engine="rs_from_hex({0})", returns="varbyte", exact=True,
             doc="r_FROM_HEX"),
    _bit("getbit", "rs_bit({0}, {1})"),
    *_leader("get_byte", ("int",), "rs_leader_byte", "int4"),
    *_leader("get_bit", ("int",), "rs_leader_bit", "int4"),
    *_leader("set_byte", ("int", "int"), "rs_leader_set_byte", "varbyte"),
    *_leader("set_bit", ("int", "int"), "rs_leader_set_bit", "varbyte"),
)  # fmt: skip
