"""String functions; n of LEFT, SUBSTRING and the like counts characters, that of types bytes."""

from dataclasses import replace
from typing import Final

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion
from sql.functions.spec import Call, Function, like_text, sized
from sql.rules.operators import concatenation
from sql.value import VARCHAR, Value, made


def _concat(call: Call) -> Value:
    return concatenation(call.values)


def _substring(call: Call) -> Value:
    """A start before 1 takes its share of the length; a negative length raises 22011."""
    value = call.values[0]
    start = call.values[1]
    first = int(start.sql) if start.constant and start.sql.isdigit() else 0
    if len(call.values) == 2:
        sql = f"substring({value.sql}, {start.sql if first >= 1 else f'rs_at_least({start.sql}, 1)'})"
    elif first >= 1 and call.values[2].constant and call.values[2].sql.isdigit():
        sql = f"substring({value.sql}, {start.sql}, {call.sql[2]})"
    else:
        sql = f"rs_substring({value.sql}, {start.sql}, {call.sql[2]})"
    return made(sql, like_text(call.values), exact=True)


def _bytes_part(call: Call) -> Value:
    """Bytes are counted where characters are in a string."""
    start, count = call.sql[1], call.sql[2] if len(call.values) > 2 else str(types.VARBYTE_MAX)
    start = start if len(call.values) > 2 else f"rs_at_least({start}, 1)"
    return made(f"rs_bytes_part({call.sql[0]}, {start}, {count})", call.values[0].type, exact=True)


def _length(name: str) -> tuple[Function, ...]:
    return (
        Function(name=name, arguments=("varbyte",), engine="CAST(octet_length({0}) AS INTEGER)", returns="int4",
                 exact=True, doc="r_LEN"),
        Function(name=name, arguments=("text",), engine="CAST(length({0}) AS INTEGER)", returns="int4",
                 exact=True, doc="r_LEN"),
    )  # fmt: skip


def _int(name: str, arguments: tuple[str, ...], engine: str, doc: str) -> Function:
    return Function(name=name, arguments=arguments, engine=f"CAST({engine} AS INTEGER)", returns="int4", exact=True,
                    doc=doc)


def _like(name: str, arguments: tuple[str, ...], engine: str, doc: str) -> Function:
    return Function(name=name, arguments=arguments, engine=engine, returns=like_text, exact=True, doc=doc)


def _string(name: str, arguments: tuple[str, ...], engine: str, doc: str) -> Function:
    return Function(name=name, arguments=arguments, engine=engine, returns="varchar", exact=True, doc=doc)


def _quote_literal(call: Call) -> Value:
    value = call.values[0]
    sql = f"('''' || replace(replace({value.sql}, '\\', '\\\\'), '''', '''''') || '''')"
    return made(sql, VARCHAR, exact=False)


def _collate(call: Call) -> Value:
    value = conversion.settled(call.values[0])
    kind = (call.values[1].literal or "").lower()
    if kind not in {"case_insensitive", "ci", "case_sensitive", "cs"}:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'collation "{kind}" is not supported')
    return replace(value, folded=kind in {"case_insensitive", "ci"})


TABLE: Final = (
    *(row for name in ("len", "length", "char_length", "character_length", "textlen") for row in _length(name)),
    Function(name="concat", arguments=("open", "open"), engine=_concat, doc="r_CONCAT"),
    _int("octetindex", ("text", "text"), "rs_octet_index({0}, {1})", "OCTETINDEX"),
    Function(name="soundex", arguments=("text",), engine="rs_soundex({0})", returns=sized(4), exact=True,
             doc="SOUNDEX"),
    _int("difference", ("text", "text"), "rs_alike(rs_soundex({0}), rs_soundex({1}))", "DIFFERENCE"),
    _int("octet_length", ("varbyte",), "octet_length({0})", "r_OCTET_LENGTH"),
    _int("octet_length", ("text",), "strlen({0})", "r_OCTET_LENGTH"),
    _int("charindex", ("text", "text"), "instr({1}, {0})", "r_CHARINDEX"),
    _int("strpos", ("text", "text"), "instr({0}, {1})", "r_STRPOS"),
    _int("position", ("text", "text"), "instr({1}, {0})", "r_POSITION"),
    _int("ascii", ("text",), "ascii({0})", "r_ASCII"),
    _string("chr", ("int",), "CASE WHEN {0} BETWEEN 1 AND 127 THEN chr({0}) END", "r_CHR"),
    _like("left", ("text", "int"), "rs_left({0}, {1})", "r_LEFT"),
    _like("right", ("text", "int"), "rs_right({0}, {1})", "r_LEFT"),
    *(Function(name=name, arguments=("varbyte", "int", "int?"), engine=_bytes_part, doc="r_SUBSTRING")
      for name in ("substring", "substr")),
    Function(name="substring", arguments=("text", "int", "int?"), engine=_substring, doc="r_SUBSTRING"),
    Function(name="substr", arguments=("text", "int", "int?"), engine=_substring, doc="r_SUBSTRING"),
    _like("upper", ("text",), "upper({0})", "r_UPPER"),
    _like("lower", ("text",), "lower({0})", "r_LOWER"),
    _like("initcap", ("text",), "rs_initcap({0})", "r_INITCAP"),
    Function(name="reverse", arguments=("varbyte",), engine="rs_bytes_backwards({0})", returns="0", exact=True,
             doc="r_REVERSE"),
    _like("reverse", ("text",), "reverse({0})", "r_REVERSE"),
    _string("lpad", ("text", "int"), "rs_lpad({0}, {1}, ' ')", "r_LPAD"),
    _string("lpad", ("text", "int", "text"), "rs_lpad({0}, {1}, {2})", "r_LPAD"),
    _string("rpad", ("text", "int"), "rs_rpad({0}, {1}, ' ')", "r_LPAD"),
    _string("rpad", ("text", "int", "text"), "rs_rpad({0}, {1}, {2})", "r_LPAD"),
    _like("ltrim", ("text",), "ltrim({0}, ' ')", "r_LTRIM"),
    _like("ltrim", ("text", "text"), "ltrim({0}, {1})", "r_LTRIM"),
    _like("rtrim", ("text",), "rtrim({0}, ' ')", "r_RTRIM"),
    _like("rtrim", ("text", "text"), "rtrim({0}, {1})", "r_RTRIM"),
    _like("btrim", ("text",), "trim({0}, ' ')", "r_BTRIM"),
    _like("btrim", ("text", "text"), "trim({0}, {1})", "r_BTRIM"),
    _like("trim", ("text", "text?"), "trim({all})", "r_TRIM"),
    _string("replace", ("text", "text", "text"), "replace({0}, {1}, {2})", "r_REPLACE"),
    _string("repeat", ("text", "int"), "rs_repeat({0}, {1})", "r_REPEAT"),
    _string("replicate", ("text", "int"), "rs_repeat({0}, {1})", "r_REPLICATE"),
    _like("translate", ("text", "text", "text"), "translate({0}, {1}, {2})", "r_TRANSLATE"),
    _like("split_part", ("text", "text", "int"), "rs_split({0}, {1}, {2})", "SPLIT_PART"),
    _string("quote_ident", ("text",), "rs_quote_identifier({0})", "r_QUOTE_IDENT"),
    Function(name="quote_literal", arguments=("text",), engine=_quote_literal, doc="r_QUOTE_LITERAL"),
    Function(name="strtol", arguments=("text", "int"), engine="rs_strtol({0}, {1})", returns="int8",
             exact=True, doc="r_STRTOL"),
    _int("bpcharcmp", ("text", "text"), "rs_compare(rtrim({0}, ' '), rtrim({1}, ' '))", "r_BPCHARCMP"),
    _int("bttext_pattern_cmp", ("text", "text"), "rs_compare(rtrim({0}, ' '), rtrim({1}, ' '))",
         "r_BTTEXT_PATTERN_CMP"),
    Function(name="collate", arguments=("text", "text"), engine=_collate, doc="r_COLLATE"),
)  # fmt: skip
