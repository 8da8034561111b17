"""Regular expressions and SIMILAR TO patterns as the engine's RE2 reads them.

Pure text: what a pattern is made of, how many groups it has, whether RE2 can match it at all. Redshift, "POSIX
operators", "SIMILAR TO".
"""

import re
from dataclasses import dataclass
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

_PIECES: Final = re.compile(
    r"\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\(\?(?:<[=!]|P?<\w+>|[=!>:#]|[a-z-]+[:)])?|.", re.DOTALL
)
_PERL: Final = frozenset({"(?=", "(?!", "(?<=", "(?<!", "(?>"})
"""Groups that RE2 has not."""
_REPEATS: Final = frozenset("*+?}")
_WORD: Final = re.compile(r"\^(?:\((\w+)\)|(\w+))\$", re.ASCII)
_BACK: Final = re.compile(r"\\[1-9K]\Z")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, looked through."""

    text: str
    groups: int
    perl: bool
    """Whether it looks ahead or behind, refers back, or does not give back: RE2 cannot."""
    newlines: bool
    """Whether it holds what treats a line's end in a special way: ``.``, ``^``, ``$``."""


def read(text: str) -> Pattern:
    """Look a pattern through; raises 2201B for brackets that do not match."""
    groups = depth = 0
    perl = newlines = False
    before = ""
    for piece in _PIECES.findall(text):
        if piece == "[":
            raise _invalid("brackets [] not balanced")
        depth += _nesting(piece)
        if depth < 0:
            break
        groups += piece == "(" or (piece.startswith(("(?<", "(?P<")) and piece[-1] == ">")
        perl |= piece in _PERL or bool(_BACK.match(piece)) or (piece == "+" and before in _REPEATS)
        newlines |= piece in ".^$"
        before = piece
    if depth:
        raise _invalid("parentheses () not balanced")
    return Pattern(text, groups, perl, newlines)


def _nesting(piece: str) -> int:
    if piece[0] == "(":
        return 0 if piece[-1] == ")" else 1
    return -1 if piece == ")" else 0


def _invalid(what: str) -> SqlError:
    return SqlError(SqlState.INVALID_REGULAR_EXPRESSION, f"invalid regular expression: {what}")


def word(text: str) -> str | None:
    """Return what a pattern matches, where that is one plain word as a whole line: ``^(word)$``."""
    found = _WORD.fullmatch(text)
    return None if found is None else found[1] or found[2]


def lines(pattern: Pattern) -> str:
    """Return a POSIX pattern's text so that ``.`` matches any character, and ``^`` and ``$`` at each line."""
    return f"(?ms){pattern.text}" if pattern.newlines else pattern.text


def replacement(text: str, groups: int) -> str:
    """Write ``$1`` of a replacement as RE2 does, where there is such a group; its own backslashes are plain."""
    plain = text.replace("\\", "\\\\")
    return re.sub(r"\$(\d)", lambda found: f"\\{found[1]}" if int(found[1]) <= groups else found[0], plain)


def similar(text: str, escape: str) -> str:
    """Return a SIMILAR TO pattern as a regular expression for the whole string."""
    out = []
    place = 0
    while place < len(text):
        char = text[place]
        if char == escape and place + 1 < len(text):
            out.append(re.escape(text[place + 1]))
            place += 2
            continue
        if char == "[" and (end := _bracket_end(text, place)) > 0:
            out.append(text[place:end].replace("\\", "\\\\") if escape != "\\" else text[place:end])
            place = end
            continue
        out.append(_SIMILAR.get(char, char))
        place += 1
    return "".join(out)


_SIMILAR: Final = {"%": ".*", "_": ".", ".": "\\.", "^": "\\^", "$": "\\$", "\\": "\\\\"}


def _bracket_end(text: str, start: int) -> int:
    """Return where the bracket expression at *start* ends, 0 when it does not."""
    place = start + 1 + text.startswith("^", start + 1)
    place += text.startswith("]", place)
    while place < len(text):
        if text.startswith("[:", place) and ":]" in text[place:]:
            place = text.index(":]", place) + 2
        elif text[place] == "]":
            return place + 1
        else:
            place += 1
    return 0
