"""Named parameters of the Data API, ``:name`` in a statement, as numbered ones.

Redshift, "Using the Amazon Redshift Data API", "Running SQL statements with parameters": names stand outside
quotes, a name may be used more than once, values are text that takes the type of its place and never NULL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from api.errors import invalid
from api.seams import Codec
from core.types import ColumnType
from session.answers import Value
from session.calls import Values
from sql.tokens import Token, TokenKind, tokenize


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement whose parameters are numbered."""

    text: str
    names: tuple[str, ...]
    """The names of $1, $2, …"""


def numbered(text: str, names: Iterable[str]) -> Numbered:
    """Return *text* with numbers for *names*; a statement without parameters is left as it is."""
    known = list(names)
    if not known:
        return Numbered(text, ())
    found: dict[str, int] = {}
    pieces: list[str] = []
    place = 0
    for colon, word in _places(text):
        name = text[word.start : word.end]
        if name not in known:
            continue
        number = found.setdefault(name, len(found) + 1)
        pieces += [text[place : colon.start], f"${number}"]
        place = word.end
    return Numbered("".join([*pieces, text[place:]]), tuple(found))


def _places(text: str) -> Iterable[tuple[Token, Token]]:
    tokens = tokenize(text)
    for colon, word in pairwise(tokens):
        named = word.kind in {TokenKind.WORD, TokenKind.NUMBER}
        if colon.kind is TokenKind.SIGN and colon.value == ":" and named and colon.end == word.start:
            yield colon, word


def check_used(statements: Iterable[Numbered], names: Sequence[str]) -> None:
    """Refuse parameters that no statement uses, and one that is given twice."""
    if len(set(names)) < len(names):
        raise invalid("Parameters list contains duplicate names.")
    used = {name for statement in statements for name in statement.names}
    unused = [name for name in names if name not in used]
    if unused:
        raise invalid(f"Parameters list contains unused parameters. Unused parameters: [{', '.join(unused)}]")


def values(statement: Numbered, given: Mapping[str, str], codec: Codec) -> Values:
    """Return what makes the values of *statement* once their types are known."""

    def made(types: tuple[ColumnType, ...]) -> Sequence[Value]:
        texts = [given[name] for name in statement.names]
        return [codec.value(type_, text) for type_, text in zip(types, texts, strict=True)]

    return made
