"""REGEXP_COUNT, _INSTR, _REPLACE and _SUBSTR: RE2 does the work wherever it can.

A pattern with Perl's look-around or back-references (``p``) is beyond RE2 and is refused. A literal pattern is
looked through by ``sql.patterns``; of another one nothing is known before the query runs.
"""

from dataclasses import dataclass
from typing import Final

from core.errors import SqlError, not_supported
from core.names import literal
from core.sqlstate import SqlState
from sql import patterns
from sql.functions.spec import Call, Function
from sql.value import INT4, VARCHAR, Value, made


@dataclass(frozen=True, slots=True)
class _Search:
    """What a call searches, and for what."""

    subject: str
    """The string from the position on."""
    start: str
    """The position, at least 1."""
    pattern: str
    options: str
    groups: int | None
    """Groups of a literal pattern."""
    extract: bool
    """``e``: the first group is wanted and not the match."""


def _search(call: Call, position: int, parameters: int) -> _Search:
    """Return what *call* searches; *position* and *parameters* are its arguments' numbers."""
    wanted = _parameters(call, parameters)
    start = _number(call, position)
    if start is not None:
        first = str(max(start, 1))
        subject = call.sql[0] if first == "1" else f"substring({call.sql[0]}, {first})"
    else:
        first = f"rs_at_least({call.sql[position]}, 1)"
        subject = f"substring({call.sql[0]}, {first})"
    content = call.values[1].literal
    case = "i" if "i" in wanted else ""
    if content is None:
        # Perl's dot matches no line's end, POSIX's does.
        lines = "" if "p" in wanted else "'(?ms)' || "
        return _Search(subject, first, f"({lines}{call.sql[1]})", case, None, "e" in wanted)
    read = patterns.read(content)
    if read.perl:
        raise _beyond(wanted)
    text = read.text if "p" in wanted else patterns.lines(read)
    return _Search(subject, first, literal(text), case, read.groups, "e" in wanted and read.groups > 0)


def _beyond(wanted: str) -> SqlError:
    if "p" in wanted:
        return not_supported("look-around and back-references in regular expressions")
    return SqlError(
        SqlState.INVALID_REGULAR_EXPRESSION,
        "invalid regular expression: look-around and back-references need the parameter p",
    )


def _parameters(call: Call, index: int) -> str:
    if len(call.values) <= index:
        return ""
    content = call.values[index].literal
    if content is None:
        raise not_supported("regular expression parameters that are not a literal")
    unknown = set(content) - set("ciep")
    if unknown:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'invalid regular expression parameter: "{content}"')
    # Of c and i the later one counts.
    return content.replace("i", "") if content.rfind("c") > content.rfind("i") else content


def _number(call: Call, index: int, default: int = 1) -> int | None:
    """Return argument *index* as a number if it is a literal or not there, None otherwise."""
    if len(call.values) <= index:
        return default
    value = call.values[index]
    if not value.constant:
        return None
    sign = -1 if value.sql.startswith("(-") else 1
    digits = value.sql.strip("(-)")
    return sign * int(digits) if digits.isdigit() else None


def _all(search: _Search, group: int = 0) -> str:
    return f"regexp_extract_all({search.subject}, {search.pattern}, {group}, '{search.options}')"


def _substr(call: Call) -> Value:
    search = _search(call, 2, 4)
    occurrence = _number(call, 3)
    group = int(search.extract and search.groups is not None)
    if search.extract and search.groups is None:
        has_group = f"regexp_matches({call.sql[1]}, '(^|[^\\\\])\\([^?]')"
        found = f"CASE WHEN {has_group} THEN {_all(search, 1)} ELSE {_all(search)} END"
    elif occurrence == 1:
        sql = f"regexp_extract({search.subject}, {search.pattern}, {group}, '{search.options}')"
        return made(sql, VARCHAR, exact=True)
    else:
        found = _all(search, group)
    number = call.sql[3] if len(call.values) > 3 else "1"
    return made(f"rs_occurrence({found}, {number}, {call.sql[0]})", VARCHAR, exact=True)


def _replace(call: Call) -> Value:
    search = _search(call, 3, 4)
    content = call.values[2].literal if len(call.values) > 2 else ""
    if content is not None and (search.groups is not None or "$" not in content):
        new = literal(patterns.replacement(content, search.groups or 0))
    else:
        groups = str(search.groups) if search.groups is not None else f"' || rs_groups({call.sql[1]}) || '"
        new = f"rs_replacement({call.sql[2]}, '[0-{groups}]')"
    head = "" if search.start == "1" else f"left({call.sql[0]}, {search.start} - 1) || "
    sql = f"({head}regexp_replace({search.subject}, {search.pattern}, {new}, 'g{search.options}'))"
    return made(sql, VARCHAR, exact=True)


def _count(call: Call) -> Value:
    return made(f"CAST(len({_all(_search(call, 2, 3))}) AS INTEGER)", INT4, exact=True)


def _instr(call: Call) -> Value:
    search = _search(call, 2, 5)
    if search.extract:
        raise not_supported("REGEXP_INSTR of a subexpression")
    pattern = f"('(?i)' || {search.pattern})" if search.options else search.pattern
    occurrence, option = _number(call, 3), _number(call, 4, 0)
    if occurrence == 1 and option == 0:
        sql = f"rs_regexp_place({search.subject}, {pattern}, {search.start})"
    else:
        number = call.sql[3] if len(call.values) > 3 else "1"
        after = call.sql[4] if len(call.values) > 4 else "0"
        sql = f"rs_regexp_instr({search.subject}, {pattern}, {search.start}, {number}, {after})"
    return made(f"CAST({sql} AS INTEGER)", INT4, exact=True)


TABLE: Final = (
    Function(name="regexp_replace", arguments=("text", "text", "text?", "int?", "text?"), engine=_replace,
             doc="REGEXP_REPLACE"),
    Function(name="regexp_substr", arguments=("text", "text", "int?", "int?", "text?"), engine=_substr,
             doc="REGEXP_SUBSTR"),
    Function(name="regexp_count", arguments=("text", "text", "int?", "text?"), engine=_count, doc="REGEXP_COUNT"),
    Function(name="regexp_instr", arguments=("text", "text", "int?", "int?", "int?", "text?"), engine=_instr,
             doc="REGEXP_INSTR"),
)  # fmt: skip
