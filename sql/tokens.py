"""Tokens of SQL text with their places, and the stream that command grammars read from.

PostgreSQL, "Lexical Structure", as of Redshift's parent: backslash escapes in every string literal, nested
comments, dollar quotes. Grammar is in ``sql.commands``; queries are read by ``sql.query``, not from here.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, NoReturn

from core.errors import SqlError
from core.names import cut, fold
from core.sqlstate import SqlState
from sql.statement import Fragment


class TokenKind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SIGN = "sign"
    END = "end"


class Token(NamedTuple):
    """One token; ``start`` and ``end`` count characters of the fragment it was read from."""

    kind: TokenKind
    value: str
    """A word folded, an identifier or string without its quotes and escapes, else as written."""
    key: str
    """Upper case of a word, a sign as it is, else empty: what grammars compare with."""
    start: int
    end: int


RESERVED: Final = frozenset(
    ["ALL", "ANALYSE", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "AUTHORIZATION", "BETWEEN", "BINARY", "BOTH", "CASE", "CAST", "CHECK", "COLLATE", "COLUMN", "CONSTRAINT", "CREATE", "CROSS", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "CURRENT_USER_ID", "DEFAULT", "DEFERRABLE", "DESC", "DISTINCT", "DO", "ELSE", "END", "EXCEPT", "FALSE", "FOR", "FOREIGN", "FREEZE", "FROM", "FULL", "GRANT", "GROUP", "HAVING", "ILIKE", "IN", "INITIALLY", "INNER", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "LEADING", "LEFT", "LIKE", "LIMIT", "LOCALTIME", "LOCALTIMESTAMP", "MINUS", "NATURAL", "NEW", "NOT", "NOTNULL", "NULL", "OFFSET", "OLD", "ON", "ONLY", "OR", "ORDER", "OUTER", "OVERLAPS", "PLACING", "PRIMARY", "REFERENCES", "RIGHT", "SELECT", "SESSION_USER", "SIMILAR", "SOME", "TABLE", "THEN", "TO", "TRAILING", "TRUE", "UNION", "UNIQUE", "USER", "USING", "VERBOSE", "WHEN", "WHERE", "WITH"]
)
"""Words that cannot be names unquoted. Redshift reserves some more (TAG, OPEN, …); as names they do no harm."""

_DOLLAR: Final = r"(?<![\w$])\$(?:[^\W\d]\w*)?\$"
_STRING: Final = r"'(?:[^'\\]++|\\.|'')*+'"
_IDENTIFIER: Final = r'"(?:[^"]++|"")*+"'

_TOKEN: Final = re.compile(
    rf"""
      (?P<blank>\s++|--[^\r\n]*+)
    | (?P<comment>/\*)
    | (?P<string>[eEnNbBxX]?{_STRING})
    | (?P<word>\#?[^\W\d][\w$]*+)
    | (?P<quoted>{_IDENTIFIER})
    | (?P<dollar>{_DOLLAR})
    | (?P<parameter>\$\d++)
    | (?P<number>(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?)
    | (?P<sign>::|:=|<=|>=|<>|!=|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SKIP: Final = re.compile(
    rf"""
      (?P<line>--[^\r\n]*+)
    | (?P<comment>/\*)
    | (?P<string>{_STRING})
    | (?P<quoted>{_IDENTIFIER})
    | (?P<dollar>{_DOLLAR})
    | (?P<stop>[;()'"])
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT: Final = re.compile(r"/\*|\*/")
_BLANK: Final = re.compile(r"(?:\s++|--[^\r\n]*+)++")
_ESCAPE: Final = re.compile(r"(?P<bytes>(?:\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}))+)|\\(?P<letter>.)|''", re.DOTALL)
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BYTE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))")
_UNTERMINATED: Final = {
    "'": "unterminated quoted string",
    '"': "unterminated quoted identifier",
    "$": "unterminated dollar-quoted string",
    "/": "unterminated /* comment",
}


def syntax_error(near: str, position: int) -> SqlError:
    """Return PostgreSQL's syntax error; *near* is the token as written, empty at the end of the text."""
    message = f'syntax error at or near "{near}"' if near else "syntax error at end of input"
    return SqlError(SqlState.SYNTAX_ERROR, message, position=position)


def unescape(body: str) -> str:
    """Return what stands for *body*, a string literal's text between its quotes."""
    if "\\" not in body and "''" not in body:
        return body
    return _ESCAPE.sub(_replacement, body)


def _replacement(match: re.Match[str]) -> str:
    run = match["bytes"]
    if run is None:
        letter = match["letter"]
        return "'" if letter is None else _LETTERS.get(letter, letter)
    data = bytes((int(hexa, 16) if hexa else int(octal, 8) & 0xFF) for hexa, octal in _BYTE.findall(run))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SqlError(
            SqlState.CHARACTER_NOT_IN_REPERTOIRE, f'invalid byte sequence for encoding "UTF8": 0x{data.hex()}'
        ) from None


def literal_start(text: str, token: Token) -> int:
    """Return where a string token's value begins in *text*: past ``'``, ``E'`` or ``$tag$``."""
    written = text[token.start : token.end]
    if written[0] == "$":
        return token.start + written.index("$", 1) + 1
    return token.start + written.index("'") + 1


def skip_blank(text: str, place: int) -> int:
    """Return where the first token at or after *place* begins: past blanks and comments."""
    while True:
        match = _BLANK.match(text, place)
        if match:
            place = match.end()
        if not text.startswith("/*", place):
            return place
        place = _end_of_comment(text, place)


def next_stop(text: str, place: int) -> int:
    """Return the place of the next ``;``, ``(`` or ``)`` outside quotes and comments, or the text's length."""
    while match := _SKIP.search(text, place):
        group = match.lastgroup
        if group == "stop":
            if match[0] in "'\"":
                raise _unterminated(text, match.start())
            return match.start()
        place = match.end()
        if group == "comment":
            place = _end_of_comment(text, match.start())
        elif group == "dollar":
            place = _end_of_dollar(text, match)
    return len(text)


def _end_of_comment(text: str, start: int) -> int:
    depth, place = 1, start + 2
    while depth:
        match = _COMMENT.search(text, place)
        if match is None:
            raise _unterminated(text, start)
        depth += 1 if match[0] == "/*" else -1
        place = match.end()
    return place


def _end_of_dollar(text: str, opening: re.Match[str]) -> int:
    closing = text.find(opening[0], opening.end())
    if closing < 0:
        raise _unterminated(text, opening.start())
    return closing + len(opening[0])


def _unterminated(text: str, start: int) -> SqlError:
    what = _UNTERMINATED[text[start]]
    return SqlError(SqlState.SYNTAX_ERROR, f'{what} at or near "{text[start:]}"', position=start + 1)


def tokenize(text: str, *, case_sensitive: bool = False) -> list[Token]:
    """Return the tokens of *text*, an END token last; blanks and comments are left out."""
    tokens: list[Token] = []
    place, length = 0, len(text)
    while place < length:
        match = _TOKEN.match(text, place)
        assert match is not None  # noqa: S101 - the last alternative takes any character
        group = match.lastgroup
        start, place = place, match.end()
        if group == "comment":
            place = _end_of_comment(text, start)
        elif group == "dollar":
            place = _end_of_dollar(text, match)
            tokens.append(Token(TokenKind.STRING, text[match.end() : place - len(match[0])], "", start, place))
        elif group != "blank":
            tokens.append(_token(text, match, case_sensitive=case_sensitive))
    tokens.append(Token(TokenKind.END, "", "", length, length))
    return tokens


def _token(text: str, match: re.Match[str], *, case_sensitive: bool) -> Token:
    written, start, end = match[0], match.start(), match.end()
    match match.lastgroup:
        case "word":
            return Token(TokenKind.WORD, fold(written), written.upper(), start, end)
        case "quoted":
            name = written[1:-1].replace('""', '"')
            return Token(TokenKind.QUOTED, cut(name) if case_sensitive else fold(name), "", start, end)
        case "string":
            return Token(TokenKind.STRING, unescape(written[written.index("'") + 1 : -1]), "", start, end)
        case "sign" if written in "'\"":
            raise _unterminated(text, start)
        case "sign":
            return Token(TokenKind.SIGN, written, written, start, end)
        case "number":
            return Token(TokenKind.NUMBER, written, "", start, end)
    return Token(TokenKind.PARAMETER, written, "", start, end)


@dataclass(slots=True)
class Stream:
    """Tokens of one statement and how far a grammar has read."""

    text: str
    offset: int
    tokens: list[Token]
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
        return cls(fragment.text, fragment.offset, tokens)

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

    def fail(self) -> NoReturn:
        """Raise the syntax error of the next token."""
        token = self.token
        raise syntax_error(self.text[token.start : token.end], self.position)

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
        if token.kind is not TokenKind.NUMBER or not token.value.isdigit():
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
