"""A body's tokens as the grammar reads them: expressions up to a word, targets, lines, INTO cut out of SQL."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from core.errors import SqlError
from core.sqlstate import SqlState
from sql.plpgsql.tree import Name
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import TokenKind

T = TypeVar("T")
_DEPTH: Final = 100
"""Statements within statements beyond this are refused, before Python's own stack ends."""
_OPENING: Final = frozenset({"(", "[", "CASE"})
_CLOSING: Final = frozenset({")", "]"})
_QUERIES: Final = frozenset({"SELECT", "WITH", "("})
_AFTER_INTO: Final = frozenset({"TEMP", "TEMPORARY", "TABLE"})
RANGE: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|(\.\.)", re.DOTALL)
"""Finds ``..`` outside of quotes: group 1."""


def comma_list(stream: Stream, item: Callable[[], T]) -> tuple[T, ...]:
    """Read items with commas between."""
    found = [item()]
    while stream.take(","):
        found.append(item())
    return tuple(found)


@dataclass(slots=True)
class Source:
    """The body that is being read."""

    stream: Stream
    first: int
    """Where the first line begins: a line break right after the opening quote does not count."""
    nonatomic: bool = False
    depth: int = 0

    @classmethod
    def of(cls, body: Fragment, *, case_sensitive: bool) -> "Source":
        """Return the source that *body* is."""
        text = body.text
        return cls(Stream.of(body, case_sensitive=case_sensitive), 1 if text.startswith("\n") else 0)

    @property
    def line(self) -> int:
        """The line of the next token."""
        return self.stream.text.count("\n", self.first, self.stream.token.start) + 1

    def entered(self) -> None:
        """Note that a statement begins inside another; raises 54001 where that goes too deep."""
        self.depth += 1
        if self.depth > _DEPTH:
            raise SqlError(SqlState.STATEMENT_TOO_COMPLEX, "stack depth limit exceeded", position=self.stream.position)

    def left(self) -> None:
        """Note that a statement has ended."""
        self.depth -= 1

    def until(self, *stops: str) -> Fragment:
        """Take an expression as text, up to one of *stops* outside parentheses and CASE … END."""
        stream = self.stream
        first, depth = stream.token, 0
        last = first.start
        while not stream.ended:
            token = stream.token
            if depth == 0 and token.key in stops:
                break
            if token.key == ";":
                stream.fail()
            depth += (token.key in _OPENING) - (token.key in _CLOSING or (token.key == "END" and depth > 0))
            last = stream.advance().end
        if stream.ended or last == first.start:
            stream.fail()
        return stream.between(first.start, last)

    def target(self) -> Name:
        """Take what can be assigned to: ``name``, ``record.field``, ``label.name``, ``$n``."""
        stream = self.stream
        if stream.token.kind is TokenKind.PARAMETER:
            return (stream.advance().value,)
        return stream.name()

    def targets(self) -> tuple[Name, ...]:
        """Take targets, commas between."""
        return comma_list(self.stream, self.target)

    def arguments(self) -> tuple[Fragment, ...]:
        """Take a parenthesised list of expressions, perhaps empty."""
        stream = self.stream
        stream.expect("(")
        if stream.take(")"):
            return ()
        found = comma_list(stream, lambda: self.until(",", ")"))
        stream.expect(")")
        return found

    def statement(self) -> tuple[Fragment, tuple[Name, ...]]:
        """Take a SQL statement up to its semicolon; return it without INTO, and INTO's targets."""
        stream = self.stream
        start, is_query = stream.token, stream.token.key in _QUERIES
        into: tuple[Name, ...] = ()
        cut = (0, 0)
        depth = 0
        last = start.start
        while not (stream.ended or (depth == 0 and stream.at(";"))):
            if is_query and depth == 0 and not into and stream.at("INTO") and not self._makes_table():
                before = stream.token.start
                stream.advance()
                into = self.targets()
                cut = (before, stream.tokens[stream.index - 1].end)
                last = max(last, cut[1])
                continue
            token = stream.advance()
            depth += (token.key == "(") - (token.key == ")")
            last = token.end
        if stream.ended or last == start.start:
            stream.fail()
        whole = stream.between(start.start, last)
        if not into:
            return whole, ()
        begin, end = cut[0] - start.start, cut[1] - start.start
        # As many blanks, so that places after it stay what they are.
        return Fragment(whole.text[:begin] + " " * (end - begin) + whole.text[end:], whole.offset), into

    def _makes_table(self) -> bool:
        """Tell whether INTO at hand is SQL's own: INTO TEMP t, INTO TABLE t, INTO #t."""
        token = self.stream.tokens[self.stream.index + 1]
        return token.key in _AFTER_INTO or token.value.startswith("#")
