"""Statements without their secrets, for logs and system tables.

Works by tokens, so that no spelling, comment or line break hides a secret, and so that the rest of the text
stays as the client wrote it.
"""

from typing import Final

from core.errors import SqlError
from sql.options import COPY_OPTIONS, UNLOAD_OPTIONS
from sql.tokens import Token, TokenKind, tokenize

HIDDEN: Final = "'***'"
_SECRETS: Final = frozenset(
    {option.keywords[-1] for option in (*COPY_OPTIONS, *UNLOAD_OPTIONS) if option.secret} | {"PASSWORD"}
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
    for index, token in enumerate(tokens):
        if _hidden(tokens, index):
            pieces += (text[place : token.start], HIDDEN)
            place = token.end
    return "".join((*pieces, text[place:]))


def _hidden(tokens: list[Token], index: int) -> bool:
    """Return whether the string token at *index* is a secret's value."""
    if tokens[index].kind is not TokenKind.STRING:
        return False
    before = index - 1
    while before >= 0 and tokens[before].key in _BETWEEN:
        before -= 1
    return before >= 0 and tokens[before].key in _SECRETS and not _in_query(tokens, before)


def _in_query(tokens: list[Token], index: int) -> bool:
    """Return whether the token's statement is a query, where such a word is a column: token = 'a'.

    Anything else counts, a misspelt CREATE USER too.
    """
    start = max((place + 1 for place in range(index) if tokens[place].key == ";"), default=0)
    return tokens[start].key in _QUERIES
