"""Question marks as parameters, which JDBC and ADBC write, turned into Redshift's numbered ones."""

from sql.tokens import TokenKind, tokenize

_MARK = "?"


def numbered(text: str) -> str:
    """Return *text* with each ``?`` that stands outside quotes and comments as a number: $1, $2 and so on.

    A text with numbered parameters is left alone. Raises ``SqlError`` for text that cannot be cut into tokens.
    """
    if _MARK not in text:
        return text
    tokens = tokenize(text)
    if any(token.kind is TokenKind.PARAMETER for token in tokens):
        return text
    marks = [token for token in tokens if token.kind is TokenKind.SIGN and token.value == _MARK]
    pieces: list[str] = []
    place = 0
    for number, mark in enumerate(marks, start=1):
        pieces += [text[place : mark.start], f"${number}"]
        place = mark.end
    return "".join([*pieces, text[place:]])
