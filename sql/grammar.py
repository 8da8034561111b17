"""What sqlglot reads and Redshift's grammar has not: found by tokens, before a tree is made of them.

sqlglot reads the union of many dialects: clauses in any order, commas at a list's end, joins without a condition,
operators and literals of other systems. Redshift, "Reference", and PostgreSQL 8's grammar beneath it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from core.errors import SqlError
from core.sqlstate import SqlState

_T = TokenType
_CLAUSES: Final = {
    _T.WHERE: 1, _T.GROUP_BY: 2, _T.HAVING: 3, _T.QUALIFY: 4, _T.ORDER_BY: 5, _T.LIMIT: 6, _T.OFFSET: 6,
}  # fmt: skip
"""The order of a query's clauses; LIMIT and OFFSET come in any."""
_SETS: Final = frozenset({_T.UNION, _T.EXCEPT, _T.INTERSECT})
_OPERATORS: Final = frozenset({
    _T.ARROW, _T.DARROW, _T.HASH_ARROW, _T.DHASH_ARROW, _T.AT_GT, _T.LT_AT, _T.DAMP, _T.DAT, _T.NULLSAFE_EQ,
    _T.CARET_AT, _T.ADJACENT, _T.AMP_LT, _T.AMP_GT, _T.PIPE_GT, _T.LR_ARROW, _T.FARROW, _T.QDCOLON, _T.AT_QMARK,
    _T.QMARK_AMP, _T.QMARK_PIPE, _T.HASH_DASH, _T.LLRR_ARROW,
})  # fmt: skip
"""Operators of other systems."""
_ENDS: Final = frozenset({*_CLAUSES, *_SETS, _T.FROM, _T.R_PAREN, _T.R_BRACKET, _T.SEMICOLON})
"""What ends a list."""
_OPENS: Final = frozenset({_T.L_PAREN, _T.L_BRACKET})
_NAMES: Final = frozenset({_T.DOT, _T.ALIAS})
"""What stands before a name where any keyword is one."""
_AFTER_NAME: Final = frozenset({None, _T.COMMA, _T.ALIAS, _T.EQ, _T.DOT, *_ENDS})
"""What stands after a name and not at a condition's beginning."""
_SUFFIXES: Final = frozenset({_T.VAR, _T.IDENTIFIER, _T.R_PAREN, _T.R_BRACKET, _T.STRING, _T.PARAMETER, _T.NUMBER})
_NO_SUFFIXES: Final = frozenset({
    _T.SELECT, _T.DISTINCT, _T.ALL, _T.WHERE, _T.HAVING, _T.QUALIFY, _T.ORDER_BY, _T.GROUP_BY, _T.PARTITION_BY, _T.AND,
    _T.OR, _T.NOT, _T.IN, _T.CASE, _T.WHEN, _T.THEN, _T.ELSE, _T.ON, _T.LIKE, _T.ILIKE, _T.BETWEEN, _T.LIMIT, _T.IS,
})  # fmt: skip
"""Words that no subscript follows."""
_QUERIES: Final = frozenset({_T.SELECT, _T.WITH, _T.L_PAREN, _T.VALUES})
_STARRED: Final = frozenset({_T.SELECT, _T.COMMA, _T.DOT, _T.DISTINCT, _T.ALL})
_CASTS: Final = frozenset({"CAST", "TRY_CAST"})
_JOINED: Final = frozenset({_T.LEFT, _T.RIGHT, _T.FULL, _T.INNER, _T.OUTER, _T.CROSS, _T.NATURAL})


@dataclass(slots=True)
class _Level:
    """What is inside one pair of parentheses."""

    clause: int = 0
    joins: int = 0
    """Joins that wait for their ON or USING."""
    whole: bool = False
    """Whether the last join has no condition: CROSS or NATURAL."""
    called: bool = False
    """Whether it holds the arguments of a function other than CAST."""


@dataclass(slots=True)
class _Reading:
    tokens: list[Token]
    offset: int
    end: int
    """Where the text ends, for errors there."""
    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    index: int = 0

    @property
    def level(self) -> _Level:
        return self.levels[-1]

    def kind(self, distance: int = 0) -> TokenType | None:
        place = self.index + distance
        return self.tokens[place].token_type if 0 <= place < len(self.tokens) else None

    def word(self, distance: int) -> str:
        place = self.index + distance
        return self.tokens[place].text.upper() if 0 <= place < len(self.tokens) else ""

    def wrong(self, distance: int = 0) -> SqlError:
        """Return a syntax error at a token."""
        place = self.index + distance
        if place < len(self.tokens):
            return near(self.tokens[place], self.offset)
        return SqlError(SqlState.SYNTAX_ERROR, "syntax error at end of input", position=self.offset + self.end + 1)

    def no_operator(self, sign: str) -> SqlError:
        return SqlError(
            SqlState.UNDEFINED_FUNCTION, f"operator does not exist: {sign}",
            position=self.offset + self.tokens[self.index].start + 1,
            hint="No operator matches the given name and argument type(s). You may need to add explicit type casts.",
        )  # fmt: skip


def check(tokens: list[Token], text: str, offset: int) -> None:
    """Raise for what is none of Redshift's: 42601, or 42883 for an operator."""
    if tokens and tokens[0].token_type == _T.FROM:
        raise near(tokens[0], offset)
    reading = _Reading(tokens, offset, len(text))
    for index, token in enumerate(tokens):
        found = _CHECKS.get(token.token_type)
        if found is not None:
            reading.index = index
            found(reading)
    reading.index = len(tokens)
    _conditions_given(reading)


def near(token: Token, offset: int) -> SqlError:
    """Return a syntax error at *token*; a clause of two words is named by its first."""
    shown = token.text
    if token.token_type == _T.STRING:
        shown = "'" + shown.replace("'", "''") + "'"
    elif token.token_type in (_T.GROUP_BY, _T.ORDER_BY):
        shown = shown.split()[0]
    return SqlError(SqlState.SYNTAX_ERROR, f'syntax error at or near "{shown}"', position=offset + token.start + 1)


def _refused(reading: _Reading) -> None:
    raise reading.wrong()


def _open(reading: _Reading) -> None:
    called = reading.kind(-1) == _T.VAR and reading.word(-1) not in _CASTS and reading.kind() == _T.L_PAREN
    reading.levels.append(_Level(called=called))
    if reading.kind(1) == _T.COMMA:
        raise reading.wrong(1)


def _close(reading: _Reading) -> None:
    _conditions_given(reading)
    if len(reading.levels) > 1:
        reading.levels.pop()


def _bracket(reading: _Reading) -> None:
    before = reading.kind(-1)
    if before is None or not (before in _SUFFIXES or (before not in _NO_SUFFIXES and reading.word(-1)[:1].isalpha())):
        raise reading.wrong()
    _open(reading)


def _comma(reading: _Reading) -> None:
    _conditions_given(reading)
    reading.level.whole = False
    if reading.kind(1) in (None, _T.COMMA) or reading.kind(1) in _ENDS:
        raise reading.wrong(1)


def _conditions_given(reading: _Reading) -> None:
    if reading.level.joins:
        raise reading.wrong()


def _clause(reading: _Reading) -> None:
    if reading.kind(-1) in _NAMES or reading.kind(-1) == _T.WITH:
        # UNNEST(…) WITH OFFSET is no clause.
        return
    kind, level = reading.kind(), reading.level
    if kind == _T.QUALIFY and reading.kind(1) in _AFTER_NAME:
        return
    _conditions_given(reading)
    rank = _CLAUSES[kind] if kind is not None else 0
    if rank < level.clause or (rank == level.clause and kind not in (_T.LIMIT, _T.OFFSET)):
        raise reading.wrong()
    level.clause = rank
    if kind == _T.ORDER_BY and reading.kind(1) == _T.ALL:
        raise reading.wrong(1)
    if kind == _T.LIMIT:
        _limit(reading)


def _limit(reading: _Reading) -> None:
    if reading.kind(1) != _T.NUMBER:
        return
    if reading.kind(2) == _T.COMMA:
        raise SqlError(
            SqlState.SYNTAX_ERROR, "LIMIT #,# syntax is not supported",
            position=reading.offset + reading.tokens[reading.index + 2].start + 1,
            hint="Use separate LIMIT and OFFSET clauses.",
        )  # fmt: skip
    if reading.word(2) == "PERCENT":
        raise reading.wrong(2)
    if reading.word(2) == "%" and (reading.kind(3) is None or reading.kind(3) in _ENDS):
        raise reading.wrong(3)


def _set(reading: _Reading) -> None:
    if reading.kind(-1) in _NAMES:
        return
    starred = reading.kind(-1) == _T.STAR and reading.kind(-2) in _STARRED and reading.kind(1) == _T.L_PAREN
    if starred and reading.kind(2) not in _QUERIES:
        # SELECT * EXCEPT (a) of other systems, not a query without FROM.
        raise reading.wrong(2)
    _conditions_given(reading)
    if reading.level.clause >= _CLAUSES[_T.ORDER_BY]:
        raise reading.wrong()
    reading.level.clause = 0


def _select(reading: _Reading) -> None:
    if reading.kind(-1) not in _NAMES:
        reading.level.clause, reading.level.called = 0, False


def _join(reading: _Reading) -> None:
    if reading.kind(-1) in _NAMES:
        return
    back, words = -1, set()
    while reading.kind(back) in _JOINED:
        words.add(reading.kind(back))
        back -= 1
    reading.level.whole = not words.isdisjoint({_T.CROSS, _T.NATURAL})
    reading.level.joins += not reading.level.whole


def _condition(reading: _Reading) -> None:
    if reading.kind(-1) in _NAMES or reading.kind(-1) == _T.DISTINCT:
        return
    if reading.level.joins:
        reading.level.joins -= 1
        if reading.kind() == _T.USING and reading.kind(1) != _T.L_PAREN:
            raise reading.wrong(1)
    elif reading.level.whole:
        raise reading.wrong()


def _operator(reading: _Reading) -> None:
    raise reading.no_operator(reading.tokens[reading.index].text)


def _equals(reading: _Reading) -> None:
    if reading.tokens[reading.index].text == "==":
        raise reading.no_operator("==")


def _not(reading: _Reading) -> None:
    if reading.tokens[reading.index].text == "!" and not reading.word(1).startswith("~"):
        raise reading.no_operator("!")


def _doubled(reading: _Reading) -> None:
    token = reading.tokens[reading.index]
    if reading.kind(1) == token.token_type and reading.tokens[reading.index + 1].start == token.start + 1:
        raise reading.no_operator(token.text * 2)


def _alias(reading: _Reading) -> None:
    if reading.level.called and reading.kind(-1) not in _NAMES:
        raise reading.wrong()
    if reading.kind(1) == _T.STRING:
        raise reading.wrong(1)


def _distinct(reading: _Reading) -> None:
    if reading.kind(1) == _T.ALL and reading.kind(-1) == _T.SELECT:
        raise reading.wrong(1)


def _top(reading: _Reading) -> None:
    if reading.kind(1) == _T.NUMBER and reading.word(2) == "PERCENT":
        raise reading.wrong(2)


_CHECKS: Final[dict[TokenType, Callable[[_Reading], None]]] = {
    **dict.fromkeys((_T.L_BRACE, _T.R_BRACE, _T.COLON, _T.COLON_EQ, _T.PLACEHOLDER), _refused),
    **dict.fromkeys(_CLAUSES, _clause),
    **dict.fromkeys(_SETS, _set),
    **dict.fromkeys(_OPERATORS, _operator),
    **dict.fromkeys((_T.STAR, _T.SLASH), _doubled),
    **dict.fromkeys((_T.ON, _T.USING), _condition),
    **dict.fromkeys((_T.R_PAREN, _T.R_BRACKET), _close),
    _T.L_PAREN: _open,
    _T.L_BRACKET: _bracket,
    _T.COMMA: _comma,
    _T.SEMICOLON: _conditions_given,
    _T.SELECT: _select,
    _T.JOIN: _join,
    _T.EQ: _equals,
    _T.NOT: _not,
    _T.ALIAS: _alias,
    _T.DISTINCT: _distinct,
    _T.TOP: _top,
}
