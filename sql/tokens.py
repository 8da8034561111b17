"""Tokens of SQL text with their places.

PostgreSQL, "Lexical Structure", as of Redshift's parent: backslash escapes in every string literal, nested
comments, dollar quotes. Command grammars read them from ``sql.stream``; ``sql.query`` has a tokenizer of its own.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from core.errors import SqlError
from core.names import IDENTIFIER_BYTES, cut, fold, lower
from core.sqlstate import SqlState
from sql.literals import calm_until, has_long_name


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
    | (?P<parameter>\$[0-9]++)
    | (?P<number>(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)
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
_CALM: Final = re.compile(rf"""(?:[^;'"$/-]++|-(?!-)|/(?!\*)|{_STRING}|{_IDENTIFIER})*+""", re.DOTALL)
"""All up to the next ``;``, comment, dollar sign or lone quote, in one step: lists of a thousand rows are long."""
_LONG_TEXT: Final = 2_000
"""Characters that are worth a call of compiled code."""
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


def next_semicolon(text: str, place: int) -> int:
    """Return the place of the next ``;`` outside quotes and comments, or the text's length."""
    if len(text) - place > _LONG_TEXT:
        place = calm_until(text, place)
    while place < len(text):
        match = _CALM.match(text, place)
        place = next_stop(text, match.end() if match else place)
        if place == len(text) or text[place] == ";":
            return place
        place += 1
    return len(text)


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


def too_long(text: str) -> list[str]:
    """Return the names in *text* that are cut for their length, without quotes."""
    if len(text) <= _LONG_CHARACTERS or not has_long_name(text[:_LOOKED_AT], _LONG_CHARACTERS):
        return []
    if _LONG.search(text, 0, _LOOKED_AT) is None:
        return []
    names = (
        written[1:-1].replace('""', '"') if token.kind is TokenKind.QUOTED else lower(written)
        for token in tokenize(text)
        if token.kind in {TokenKind.QUOTED, TokenKind.WORD} and (written := text[token.start : token.end])
    )
    return [name for name in names if name != cut(name)]


_LONG_CHARACTERS: Final = IDENTIFIER_BYTES // 4
"""Fewer characters are not too many bytes."""
_LONG: Final = re.compile(rf'[\w$]{{{_LONG_CHARACTERS},}}|"[^"]{{{_LONG_CHARACTERS},}}')
_LOOKED_AT: Final = 1 << 16
"""Characters of a statement that are looked at for long names: in longer ones are values, not names."""


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
