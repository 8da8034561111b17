"""The stream of tokens that command grammars read from, and the syntax errors they raise.

Every ``take`` and ``expect`` compares upper-case words or signs. Tokens are made in ``sql.tokens``.
"""

from dataclasses import dataclass
from typing import Final, NoReturn

from core.errors import SqlError
from core.names import cut
from core.sqlstate import SqlState
from sql.statement import Fragment
from sql.tokens import Token, TokenKind, tokenize

RESERVED: Final = frozenset({
    "ALL", "ANALYSE", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "AUTHORIZATION", "BETWEEN", "BINARY",
    "BOTH", "CASE", "CAST", "CHECK", "COLLATE", "COLUMN", "CONSTRAINT", "CREATE", "CROSS", "CURRENT_DATE",
    "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "CURRENT_USER_ID", "DEFAULT", "DEFERRABLE", "DESC",
    "DISTINCT", "DO", "ELSE", "END", "EXCEPT", "FALSE", "FOR", "FOREIGN", "FREEZE", "FROM", "FULL", "GRANT",
    "GROUP", "HAVING", "ILIKE", "IN", "INITIALLY", "INNER", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN",
    "LEADING", "LEFT", "LIKE", "LIMIT", "LOCALTIME", "LOCALTIMESTAMP", "MINUS", "NATURAL", "NEW", "NOT",
    "NOTNULL", "NULL", "OFFSET", "OLD", "ON", "ONLY", "OR", "ORDER", "OUTER", "OVERLAPS", "PLACING", "PRIMARY",
    "REFERENCES", "RIGHT", "SELECT", "SESSION_USER", "SIMILAR", "SOME", "TABLE", "THEN", "TO", "TRAILING",
    "TRUE", "UNION", "UNIQUE", "USER", "USING", "VERBOSE", "WHEN", "WHERE", "WITH",
})  # fmt: skip
"""Words that cannot be names unquoted. Redshift reserves some more (TAG, OPEN, …); as names they do no harm."""


_DIGITS: Final = 18
"""A number with more is no integer, as it is not in PostgreSQL's grammar."""


def syntax_error(near: str, position: int) -> SqlError:
    """Return PostgreSQL's syntax error; *near* is the token as written, empty at the end of the text."""
    message = f'syntax error at or near "{near}"' if near else "syntax error at end of input"
    return SqlError(SqlState.SYNTAX_ERROR, message, position=position)


@dataclass(slots=True)
class Stream:
    """Tokens of one statement and how far a grammar has read."""

    text: str
    offset: int
    tokens: list[Token]
    case_sensitive: bool = False
    """Whether quoted identifiers keep their case."""
    index: int = 0

    @classmethod
    def of(cls, fragment: Fragment, *, case_sensitive: bool = False) -> "Stream":
        """Return the stream of a fragment's tokens."""
        try:
            tokens = tokenize(fragment.text, case_sensitive=case_sensitive)
        except SqlError as error:
            if error.position is not None:
                error.position += fragment.offset
            raise
        return cls(fragment.text, fragment.offset, tokens, case_sensitive)

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.index]

    @property
    def position(self) -> int:
        """1-based place of the next token in what the client sent."""
        return self.offset + self.token.start + 1

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind is TokenKind.END

    def advance(self) -> Token:
        """Take the next token, whatever it is."""
        token = self.tokens[self.index]
        if token.kind is not TokenKind.END:
            self.index += 1
        return token

    def failure(self) -> SqlError:
        """Return the syntax error of the next token."""
        token = self.token
        return syntax_error(self.text[token.start : token.end], self.position)

    def fail(self) -> NoReturn:
        """Raise the syntax error of the next token."""
        raise self.failure()

    def at(self, *keys: str) -> bool:
        """Return whether the next tokens are these words (upper case) or signs, in this order."""
        index = self.index
        for key in keys:
            if self.tokens[index].key != key:
                return False
            index += 1
        return True

    def at_any(self, *keys: str) -> bool:
        """Return whether the next token is one of these."""
        return self.token.key in keys

    def take(self, *keys: str) -> bool:
        """Take these tokens if they are next, all of them."""
        if self.at(*keys):
            self.index += len(keys)
            return True
        return False

    def take_any(self, *keys: str) -> str:
        """Take one of these if it is next and return it, else an empty string."""
        key = self.token.key
        if key and key in keys:
            self.index += 1
            return key
        return ""

    def expect(self, *keys: str) -> None:
        """Take these tokens, or raise the syntax error of the first that differs."""
        for key in keys:
            if self.token.key != key:
                self.fail()
            self.index += 1

    def expect_any(self, *keys: str) -> str:
        """Take one of these and return it, or raise a syntax error."""
        return self.take_any(*keys) or self.fail()

    def at_identifier(self) -> bool:
        """Return whether the next token can be a name."""
        token = self.token
        return token.kind is TokenKind.QUOTED or (token.kind is TokenKind.WORD and token.key not in RESERVED)

    def identifier(self) -> str:
        """Take a name of one part, folded."""
        token = self.token
        if not self.at_identifier():
            self.fail()
        if not token.value:
            message = 'zero-length delimited identifier at or near """"'
            raise SqlError(SqlState.SYNTAX_ERROR, message, position=self.position)
        self.index += 1
        return token.value

    def user(self) -> str:
        """Take the name of a user, whose case quotes keep whatever they do to other names."""
        token, name = self.token, self.identifier()
        quoted = token.kind is TokenKind.QUOTED
        return cut(self.text[token.start + 1 : token.end - 1].replace('""', '"')) if quoted else name

    def users(self) -> tuple[str, ...]:
        """Take names of users, commas between."""
        names = [self.user()]
        while self.take(","):
            names.append(self.user())
        return tuple(names)

    def name(self, most: int = 3) -> tuple[str, ...]:
        """Take a name of one to *most* parts with dots between; after a dot any word will do."""
        parts = [self.identifier()]
        while self.take("."):
            if len(parts) == most or self.token.kind not in {TokenKind.WORD, TokenKind.QUOTED}:
                self.fail()
            parts.append(self.advance().value)
        return tuple(parts)

    def at_string(self) -> bool:
        """Return whether a string literal is next."""
        return self.token.kind is TokenKind.STRING

    def string(self) -> str:
        """Take a string literal and return what it stands for."""
        if not self.at_string():
            self.fail()
        return self.advance().value

    def integer(self) -> int:
        """Take an unsigned integer."""
        token = self.token
        if token.kind is not TokenKind.NUMBER or not token.value.isdigit() or len(token.value) > _DIGITS:
            self.fail()
        return int(self.advance().value)

    def signed(self) -> int:
        """Take an integer with or without a sign before it."""
        sign = self.take_any("-", "+")
        return -self.integer() if sign == "-" else self.integer()

    def identifiers(self) -> tuple[str, ...]:
        """Take names of one part, commas between."""
        names = [self.identifier()]
        while self.take(","):
            names.append(self.identifier())
        return tuple(names)

    def names(self, most: int = 3) -> tuple[tuple[str, ...], ...]:
        """Take qualified names, commas between."""
        names = [self.name(most)]
        while self.take(","):
            names.append(self.name(most))
        return tuple(names)

    def columns(self) -> tuple[str, ...]:
        """Take a parenthesised list of names."""
        self.expect("(")
        names = self.identifiers()
        self.expect(")")
        return names

    def finish(self) -> None:
        """Raise a syntax error if anything is left."""
        if not self.ended:
            self.fail()

    def rest(self) -> Fragment:
        """Take all that is left, at least one token, as text."""
        if self.ended:
            self.fail()
        first, last = self.token, self.tokens[-2]
        self.index = len(self.tokens) - 1
        return self.between(first.start, last.end)

    def between(self, start: int, end: int) -> Fragment:
        """Return a piece of the statement's text."""
        return Fragment(self.text[start:end], self.offset + start)

    def parenthesised(self) -> Fragment:
        """Take ``( … )`` and return the text within."""
        opening = self.token
        self.expect("(")
        depth = 1
        while depth:
            token = self.token
            if token.kind is TokenKind.END:
                self.fail()
            depth += (token.key == "(") - (token.key == ")")
            self.index += 1
        return self.between(opening.end, self.tokens[self.index - 1].start)
