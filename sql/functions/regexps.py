"""REGEXP_COUNT, _INSTR, _REPLACE and _SUBSTR: RE2 does the work wherever it can.

A literal pattern is looked through by ``sql.patterns``. One with Perl's look-around or back-references (``p``) is
beyond RE2 and goes to ``engine.perl``; so does one with ``p`` that is no literal, of which nothing is known.
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
    perl: bool = False
    """Whether RE2 cannot match it."""


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
        pattern = call.sql[1] if "p" in wanted else f"('(?ms)' || {call.sql[1]})"
        return _Search(subject, first, pattern, case, None, "e" in wanted, perl="p" in wanted)
    read = patterns.read(content)
    if read.perl and "p" not in wanted:
        raise SqlError(
            SqlState.INVALID_REGULAR_EXPRESSION,
            "invalid regular expression: look-around and back-references need the parameter p",
        )
    text = read.text if "p" in wanted else patterns.lines(read)
    extract = "e" in wanted and read.groups > 0
    return _Search(subject, first, literal(text), case, read.groups, extract, perl=read.perl)


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


def _perl(search: _Search) -> str:
    """Return all matches as ``engine.perl`` finds them."""
    return f"rs_perl_find({search.subject}, {search.pattern}, {int(search.extract)}, '{search.options}')"


def _all(search: _Search, group: int = 0) -> str:
    if search.perl:
        return f"list_transform({_perl(search)}, lambda m: m.text)"
    return f"regexp_extract_all({search.subject}, {search.pattern}, {group}, '{search.options}')"


def _substr(call: Call) -> Value:
    search = _search(call, 2, 4)
    occurrence = _number(call, 3)
    group = int(search.extract and search.groups is not None)
    if search.extract and search.groups is None and not search.perl:
        has_group = f"regexp_matches({call.sql[1]}, '(^|[^\\\\])\\([^?]')"
        found = f"CASE WHEN {has_group} THEN {_all(search, 1)} ELSE {_all(search)} END"
    elif occurrence == 1 and not search.perl:
        sql = f"regexp_extract({search.subject}, {search.pattern}, {group}, '{search.options}')"
        return made(sql, VARCHAR, exact=True)
    else:
        found = _all(search, group)
    number = call.sql[3] if len(call.values) > 3 else "1"
    return made(f"rs_occurrence({found}, {number}, {call.sql[0]})", VARCHAR, exact=True)


def _replace(call: Call) -> Value:
    search = _search(call, 3, 4)
    head = "" if search.start == "1" else f"left({call.sql[0]}, {search.start} - 1) || "
    content = call.values[2].literal if len(call.values) > 2 else ""
    if search.perl:
        new = call.sql[2] if len(call.values) > 2 else "''"
        sql = f"({head}rs_perl_replace({search.subject}, {search.pattern}, {new}, '{search.options}'))"
        return made(sql, VARCHAR)
    if content is not None and (search.groups is not None or "$" not in content):
        new = literal(patterns.replacement(content, search.groups or 0))
    else:
        groups = str(search.groups) if search.groups is not None else f"' || rs_groups({call.sql[1]}) || '"
        new = f"rs_replacement({call.sql[2]}, '[0-{groups}]')"
    sql = f"({head}regexp_replace({search.subject}, {search.pattern}, {new}, 'g{search.options}'))"
    return made(sql, VARCHAR)


def _count(call: Call) -> Value:
    return made(f"CAST(len({_all(_search(call, 2, 3))}) AS INTEGER)", INT4, exact=True)


def _instr(call: Call) -> Value:
    search = _search(call, 2, 5)
    number = call.sql[3] if len(call.values) > 3 else "1"
    after = call.sql[4] if len(call.values) > 4 else "0"
    if search.perl or search.extract:
        sql = f"rs_perl_place({_perl(search)}, {search.start}, {number}, {after})"
        return made(f"CAST({sql} AS INTEGER)", INT4, exact=True)
    pattern = f"('(?i)' || {search.pattern})" if search.options else search.pattern
    occurrence, option = _number(call, 3), _number(call, 4, 0)
    if occurrence == 1 and option == 0:
        sql = f"rs_regexp_place({search.subject}, {pattern}, {search.start})"
    else:
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
