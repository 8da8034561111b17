"""Hash functions: of text they take the bytes, of numbers and dates the machine's form. Macros: ``engine.hashes``."""

from typing import Final

from core import types
from sql import conversion
from sql.functions.spec import Call, Function, sized
from sql.inference import is_integer, precision_scale
from sql.value import FLOAT8, INT4, INT8, Value, made

_FNV_SEED: Final = "-3750763034362895579"
_EPOCH: Final = 10_957
"""Days from 1970-01-01 to 2000-01-01, where Redshift's dates and timestamps begin."""
_WIDTHS: Final = {"int2": 2, "int4": 4, "int8": 8, "oid": 4}


def _text(value: Value) -> str:
    """Return a string's bytes: a CHAR's trailing blanks are part of it."""
    sql = f"rpad({value.sql}, {value.type.length}, ' ')" if value.name == "bpchar" and value.type.length else value.sql
    return f"rs_bytes(encode({sql}))"


def _float(value: Value) -> str:
    kind = "REAL" if value.name == "float4" else "DOUBLE"
    return f"list_reverse(rs_bytes(CAST(CAST(CAST({value.sql} AS {kind}) AS BIT) AS BLOB)))"


def _unscaled(value: Value) -> str:
    scale = precision_scale(value.type)[1]
    return f"CAST(CAST({value.sql} AS DECIMAL(38,{scale})) * CAST({10**scale} AS HUGEINT) AS HUGEINT)"


def _fnv_bytes(value: Value) -> str:
    """Return the bytes that FNV_HASH takes of *value*: as many as its type is wide."""
    if value.textual:
        return _text(value)
    if value.name == "varbyte":
        return f"rs_bytes({value.sql})"
    if is_integer(value.type):
        return f"rs_little({value.sql}, {_WIDTHS[value.name]})"
    if value.name in {"float4", "float8"}:
        return _float(value)
    if value.name == "numeric":
        wide = 16 if precision_scale(value.type)[0] > 18 else 8
        return f"rs_little_wide({_unscaled(value)}, {wide})"
    return _temporal(value)


def _temporal(value: Value) -> str:
    if value.name == "bool":
        return f"[CAST({value.sql} AS UBIGINT)]"
    if value.name == "date":
        return f"rs_little(CAST({value.sql} - DATE '1970-01-01' AS BIGINT) - {_EPOCH}, 4)"
    if value.name in {"timestamp", "timestamptz"}:
        return f"rs_little(epoch_us({value.sql}) - {_EPOCH * 86_400_000_000}, 8)"
    if value.name == "time":
        return f"rs_little(epoch_us({value.sql}), 8)"
    return _text(conversion.string(value))


def _iceberg_bytes(value: Value) -> str:
    """Return the bytes that Apache Iceberg hashes: whole numbers, days and floats are eight wide."""
    if value.textual:
        return _text(value)
    if value.name == "varbyte":
        return f"rs_bytes({value.sql})"
    if is_integer(value.type) or value.name == "bool":
        return f"rs_little(CAST({value.sql} AS BIGINT), 8)"
    if value.name in {"float4", "float8"}:
        return _float(conversion.cast(value, FLOAT8))
    if value.name == "numeric":
        return f"rs_least_bytes({_unscaled(value)})"
    if value.name == "date":
        return f"rs_little(CAST({value.sql} - DATE '1970-01-01' AS BIGINT), 8)"
    if value.name in {"timestamp", "timestamptz", "time"}:
        return f"rs_little(epoch_us({value.sql}), 8)"
    return _text(conversion.string(value))


def _fnv(call: Call) -> Value:
    value = conversion.exact(call.values[0])
    seed = call.sql[1] if len(call.values) > 1 else _FNV_SEED
    return made(f"rs_fnv({_fnv_bytes(value)}, {seed})", INT8, exact=True)


def _murmur(call: Call) -> Value:
    value = conversion.exact(call.values[0])
    seed = call.sql[1] if len(call.values) > 1 else "0"
    return made(f"rs_int32(rs_murmur({_iceberg_bytes(value)}, {seed}))", INT4, exact=True)


def _checksum(call: Call) -> Value:
    value = call.values[0]
    if value.category == "N" and not is_integer(value.type):
        value = value if value.name == "numeric" else conversion.cast(value, types.numeric(18, 0))
        sql = f"rs_int32(CAST({_unscaled(value)} & 4294967295 AS UBIGINT))"
    elif is_integer(value.type):
        sql = f"rs_int32(CAST(CAST({value.sql} AS HUGEINT) & 4294967295 AS UBIGINT))"
    else:
        sql = f"rs_int32(rs_crc32c(encode({conversion.string(value).sql})))"
    return made(sql, INT4, exact=True)


def _hex(name: str, engine: str, length: int, doc: str) -> Function:
    return Function(name=name, arguments=("text",), engine=engine, returns=sized(length), exact=True, doc=doc)


def _sha2(call: Call) -> Value:
    text, bits = call.sql
    plain = {"0": "sha256({0})", "256": "sha256({0})", "224": "rs_sha224(encode({0}))",
             "384": "rs_sha384(encode({0}))", "512": "rs_sha512(encode({0}))"}.get(bits)  # fmt: skip
    sql = plain.format(text) if plain else f"rs_sha2({text}, {bits})"
    return made(sql, types.with_length("varchar", 128), exact=True)


TABLE: Final = (
    Function(name="checksum", arguments=("any",), engine=_checksum, doc="r_CHECKSUM"),
    _hex("crc32", "lpad(lower(hex(rs_crc32c(encode({0})))), 8, '0')", 8, "crc32-function"),
    Function(name="farmfingerprint64", arguments=("varbyte",), engine="rs_farm({0})", returns="int8", exact=True,
             doc="r_FARMFINGERPRINT64"),
    Function(name="farmfingerprint64", arguments=("text",), engine="rs_farm(encode({0}))", returns="int8",
             exact=True, doc="r_FARMFINGERPRINT64"),
    Function(name="fnv_hash", arguments=("any", "int8?"), engine=_fnv, doc="r_FNV_HASH"),
    _hex("func_sha1", "sha1({0})", 40, "FUNC_SHA1"),
    Function(name="md5", arguments=("varbyte",), engine="md5({0})", returns=sized(32), exact=True, doc="r_MD5"),
    _hex("md5", "md5({0})", 32, "r_MD5"),
    Function(name="murmur3_32_hash", arguments=("any", "int?"), engine=_murmur, doc="MURMUR3_32_HASH"),
    _hex("sha", "sha1({0})", 40, "SHA"),
    _hex("sha1", "sha1({0})", 40, "SHA1"),
    Function(name="sha2", arguments=("text", "int"), engine=_sha2, doc="SHA2"),
)  # fmt: skip
