"""Pattern matching: LIKE, ILIKE, SIMILAR TO and the operators ``~``, which mind case as the collation says.

Redshift, "Pattern-matching conditions". Trailing blanks count here.
"""

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import literal
from core.sqlstate import SqlState
from sql import conversion, patterns
from sql.rules.spec import Rule
from sql.scope import Scope, Write
from sql.value import BOOL, Value, made

Matching = Callable[[Value, Value, str], str]
"""(string, pattern, escape) to engine SQL."""


def _pattern(write: Matching) -> Write:
    def rule(node: exp.Expr, scope: Scope) -> Value:
        return _matching(write, node, "\\", scope)

    return rule


def _matching(write: Matching, node: exp.Expr, escape: str, scope: Scope) -> Value:
    if isinstance(node.expression, exp.Any | exp.All | exp.Tuple):
        raise not_supported("LIKE ANY", position=scope.writer.position(node))
    value, pattern = conversion.string(scope.value(node.this)), scope.value(node.expression)
    pattern = pattern if pattern.literal is not None else conversion.string(pattern)
    if value.folded or pattern.folded:
        write = _ANY_CASE.get(write, write)
    sql = write(value, pattern, escape)
    return made(f"(NOT {sql})" if node.args.get("negate") else sql, BOOL, exact=True)


def _like(value: Value, pattern: Value, escape: str) -> str:
    return f"({value.sql} LIKE {pattern.sql}{_escape(pattern.sql, escape)})"


def _ilike(value: Value, pattern: Value, escape: str) -> str:
    return f"({value.sql} ILIKE {pattern.sql}{_escape(pattern.sql, escape)})"


def _escape(pattern: str, escape: str) -> str:
    """Return `` ESCAPE …`` where it can matter: the engine is faster without."""
    plain = pattern.startswith("'") and pattern.endswith("'") and pattern.count("'") == 2
    return "" if plain and (not escape or escape not in pattern) else f" ESCAPE {literal(escape)}"


def _similar(value: Value, pattern: Value, escape: str) -> str:
    return f"regexp_full_match({value.sql}, {_whole(pattern, escape)}, 's')"


def _similar_any_case(value: Value, pattern: Value, escape: str) -> str:
    return f"regexp_full_match({value.sql}, {_whole(pattern, escape)}, 'si')"


def _whole(pattern: Value, escape: str) -> str:
    """Return a SIMILAR TO pattern as a regular expression."""
    if pattern.literal is None:
        return f"rs_similar({pattern.sql}, {literal(escape)})"
    return literal(patterns.read(patterns.similar(pattern.literal, escape)).text)


def _regular(value: Value, pattern: Value, escape: str) -> str:
    matches = f"regexp_matches({value.sql}, {_posix(pattern)})"
    word = None if pattern.literal is None else patterns.word(pattern.literal)
    if word is None or not value.sql.replace('"', "").replace(".", "").isidentifier():
        return matches
    # psql sends names like this. A text of several lines matches where one of them does.
    return f"({value.sql} = {literal(word)} OR (contains({value.sql}, chr(10)) AND {matches}))"


def _regular_any_case(value: Value, pattern: Value, escape: str) -> str:
    return f"regexp_matches({value.sql}, {_posix(pattern)}, 'i')"


def _posix(pattern: Value) -> str:
    """Return a pattern whose dot matches any character, and whose ``^`` and ``$`` each line's ends."""
    if pattern.literal is None:
        return f"('(?ms)' || {pattern.sql})"
    return literal(patterns.lines(patterns.read(pattern.literal)))


_ANY_CASE: Final[dict[Matching, Matching]] = {
    _like: _ilike, _similar: _similar_any_case, _regular: _regular_any_case,
}  # fmt: skip
_PATTERNS: Final[dict[type[exp.Expr], Matching]] = {
    exp.Like: _like,
    exp.ILike: _ilike,
    exp.SimilarTo: _similar,
}


def escaped(node: exp.Expr, scope: Scope) -> Value:
    """Write ``… ESCAPE 'c'``."""
    write = _PATTERNS.get(type(node.this))
    escape = scope.value(node.expression)
    if write is None or escape.literal is None or len(escape.literal) > 1:
        raise SqlError(
            SqlState.INVALID_ESCAPE_SEQUENCE,
            "invalid escape string",
            hint="Escape string must be empty or one character.",
            position=scope.writer.position(node),
        )
    return _matching(write, node.this, escape.literal, scope)


RULES: Final = (
    Rule(node=exp.Like, write=_pattern(_like), doc="r_patternmatching_condition_like"),
    Rule(node=exp.ILike, write=_pattern(_ilike), doc="r_patternmatching_condition_like"),
    Rule(node=exp.SimilarTo, write=_pattern(_similar), doc="pattern-matching-conditions-similar-to"),
    Rule(node=exp.RegexpLike, write=_pattern(_regular), doc="pattern-matching-conditions-posix"),
    Rule(node=exp.RegexpILike, write=_pattern(_regular_any_case), doc="pattern-matching-conditions-posix"),
    Rule(node=exp.Escape, write=escaped, doc="r_patternmatching_condition_like"),
)
