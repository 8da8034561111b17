"""Statements without their secrets, for logs and system tables.

Works by tokens, so that no spelling, comment or line break hides a secret, and so that the rest of the text
stays as the client wrote it.
"""

from collections.abc import Iterator
from typing import Final

from core.errors import SqlError
from sql.options import COPY_OPTIONS, UNLOAD_OPTIONS
from sql.tokens import Token, TokenKind, tokenize

HIDDEN: Final = "'***'"
_SECRETS: Final = frozenset(
    {option.keywords[-1] for option in (*COPY_OPTIONS, *UNLOAD_OPTIONS) if option.secret} | {"PASSWORD", "PARAMETERS"}
)
_BETWEEN: Final = frozenset({"AS", "=", "TO"})
_QUERIES: Final = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"})


def redacted(text: str) -> str:
    """Return *text* with every password and credential in it replaced by ``'***'``.

    Text that cannot be read to its end is cut where it stops making sense, if it may hold a secret.
    """
    upper = text.upper()
    if not any(word in upper for word in _SECRETS):
        return text
    try:
        tokens = tokenize(text)
    except SqlError as error:
        return redacted(text[: (error.position or 1) - 1]) + HIDDEN
    pieces: list[str] = []
    place = 0
    for token in _secrets(tokens):
        pieces += (text[place : token.start], HIDDEN)
        place = token.end
    return "".join((*pieces, text[place:]))


def _secrets(tokens: list[Token]) -> Iterator[Token]:
    """Yield the string tokens that are secrets' values: those after a secret's word.

    In a query such a word is a column (token = 'a'); any other text counts, a misspelt CREATE USER too.
    """
    query = tokens[0].key in _QUERIES
    secret = False
    for index, token in enumerate(tokens):
        if token.key == ";":
            query = tokens[index + 1].key in _QUERIES
        if token.kind is TokenKind.STRING and secret and not query:
            yield token
        secret = token.key in _SECRETS or (secret and token.key in _BETWEEN)
