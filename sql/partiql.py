"""PartiQL's items of FROM, by tokens: what sqlglot cannot read is written as calls that it can.

``t.items[0].parts AS p AT i``, ``UNPIVOT t.obj AS v AT a`` and ``UNNEST(t.items) WITH OFFSET AS u(e, i)`` become
table functions with a blank in their names, which no statement can write. Plain ``t.items AS p`` is a table name
to the parser; ``sql.unnest`` knows it and these calls.
"""

from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

ITERATE: Final = "iterate over"
UNPIVOT: Final = "unpivot object"
OWN: Final = "element itself"
"""Last column of a call whose relation is called as its element is: ``t.items AS e``."""
ATTRIBUTE: Final = "\ufdd0"
"""Ends an attribute's name that the parser would take for a word of its own."""
OFFSET_COLUMN: Final = "offset_col"
_CONSTRUCTORS: Final = frozenset({"ARRAY", "LIST"})
_SIGNS: Final = frozenset({"[", "AT", "UNPIVOT", "UNNEST"})
_ENDS: Final = frozenset({
    "WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "LIMIT", "OFFSET", "UNION", "INTERSECT", "EXCEPT", "MINUS",
    "SELECT", "START", "CONNECT", "SET", "WHEN", ";",
})  # fmt: skip
_ALIAS_ENDS: Final = _ENDS | {
    "ON", "USING", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "AT", "PIVOT",
}  # fmt: skip


_IN_QUOTES: Final = frozenset({TokenType.IDENTIFIER, TokenType.STRING})


def navigations(tokens: list[Token]) -> list[Token]:
    """Return *tokens* with the items of FROM that iterate over SUPER written as calls."""
    if not any(token.text.upper() in _SIGNS for token in tokens):
        return tokens
    return _Rewriting(_spelled(tokens)).done()


def _spelled(tokens: list[Token]) -> list[Token]:
    """Keep ``s.array[0]`` and ``ARRAY(1, 2)[0]`` from being read as PostgreSQL's ``ARRAY[0]``."""
    out: list[Token] = []
    closing: list[int] = []
    for index, token in enumerate(tokens):
        word, after = token.text.upper(), tokens[index + 1].text if index + 1 < len(tokens) else ""
        if word in _CONSTRUCTORS and after == "[" and out and out[-1].text == ".":
            out.append(_made(token, TokenType.VAR, token.text + ATTRIBUTE))
            continue
        end = _closing(tokens, index + 1) if word in _CONSTRUCTORS and after == "(" else len(tokens)
        if end + 1 < len(tokens) and tokens[end + 1].text == "[":
            out.append(_made(token, TokenType.L_PAREN, "("))
            closing.append(end)
        out.append(token)
        if index in closing:
            out.append(_made(token, TokenType.R_PAREN, ")"))
    return out


class _Rewriting:
    """One pass over the tokens; which parentheses stand in FROM is kept on a stack."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.out: list[Token] = []
        self.place = 0

    def done(self) -> list[Token]:
        """Return the rewritten tokens."""
        inside = [False]
        selects = [False]
        while self.place < len(self.tokens):
            word = self.word(self.place)
            starts = inside[-1] and word in {",", "JOIN"}
            if word == "(":
                inside.append(False)
                selects.append(False)
            elif word == ")" and len(inside) > 1:
                inside.pop()
                selects.pop()
            elif word in {"FROM", "USING"} and (selects[-1] or (word == "FROM" and len(inside) == 1)):
                inside[-1] = starts = True
            elif word in _ENDS:
                inside[-1] = False
                selects[-1] = selects[-1] or word == "SELECT"
            self.copy()
            if starts:
                self.item()
        return self.out

    def item(self) -> None:
        """Rewrite the item of FROM that starts here, if it is one of those."""
        word = self.word(self.place)
        if word == "UNPIVOT":
            self.unpivot()
        elif word == "UNNEST" and self.word(self.place + 1) == "(":
            self.unnest()
        else:
            self.path()

    def path(self) -> None:
        end = self.path_end(self.place)
        texts = [self.word(index) for index in range(self.place, end)]
        after = end + (self.word(end) == "AS")
        named = self.is_name(after)
        at = named and self.word(after + 1) == "AT" and self.is_name(after + 2)
        if end == self.place or not ("[" in texts or at):
            return
        names = [self.tokens[after]] if named else []
        names += [self.tokens[after + 2]] if at else []
        self.call(ITERATE, self.tokens[self.place : end], names, own=True)
        self.place = after + (0 if not named else 3 if at else 1)

    def unpivot(self) -> None:
        start, end = self.place + 1, self.expression_end(self.place + 1)
        after = end + (self.word(end) == "AS")
        at = self.is_name(after) and self.word(after + 1) == "AT" and self.is_name(after + 2)
        if end == start or not self.is_name(after):
            return
        names = [self.tokens[after]] + ([self.tokens[after + 2]] if at else [])
        self.call(UNPIVOT, self.tokens[start:end], names, own=True)
        self.place = after + (3 if at else 1)

    def unnest(self) -> None:
        end = self.closing(self.place + 1)
        array = self.tokens[self.place + 2 : end]
        after = end + 1
        offset = self.word(after) == "WITH" and self.word(after + 1) == "OFFSET"
        after += 2 if offset else 0
        after += self.word(after) == "AS"
        if not self.is_name(after):
            return
        alias, names = self.tokens[after], []
        after += 1
        if self.word(after) == "(":
            closing = self.closing(after)
            names = [token for token in self.tokens[after + 1 : closing] if token.text != ","]
            after = closing + 1
        names = names or [alias]
        if offset and len(names) == 1:
            names.append(_made(alias, TokenType.VAR, OFFSET_COLUMN))
        self.call(ITERATE, array, [alias, *names], own=False)
        self.place = after

    def call(self, function: str, argument: list[Token], names: list[Token], *, own: bool) -> None:
        """Write ``function(argument) AS name(names)``; *own* where the first column is called as the relation is."""
        like = argument[0]
        self.out += [_made(like, TokenType.VAR, function), _made(like, TokenType.L_PAREN, "("), *argument]
        self.out.append(_made(like, TokenType.R_PAREN, ")"))
        if not names:
            return
        columns = names if own else names[1:]
        self.out += [_made(like, TokenType.ALIAS, "AS"), names[0], _made(like, TokenType.L_PAREN, "(")]
        for index, name in enumerate(columns):
            self.out += [_made(like, TokenType.COMMA, ",")] if index else []
            self.out.append(name)
        self.out += [_made(like, TokenType.COMMA, ","), _made(like, TokenType.VAR, OWN)] if own else []
        self.out.append(_made(like, TokenType.R_PAREN, ")"))

    # Looking ahead

    def word(self, index: int) -> str:
        """Return the word or sign at *index*, nothing for what is in quotes."""
        token = self.tokens[index] if index < len(self.tokens) else None
        return token.text.upper() if token is not None and token.token_type not in _IN_QUOTES else ""

    def copy(self) -> None:
        self.out.append(self.tokens[self.place])
        self.place += 1

    def is_name(self, index: int) -> bool:
        if index >= len(self.tokens):
            return False
        token = self.tokens[index]
        if token.token_type == TokenType.IDENTIFIER:
            return True
        return token.text[:1].isidentifier() and token.text.upper() not in _ALIAS_ENDS

    def closing(self, index: int) -> int:
        return _closing(self.tokens, index)

    def path_end(self, index: int) -> int:
        """Return where ``name.name[n].name`` that starts at *index* ends."""
        if not self.is_name(index):
            return index
        index += 1
        while index < len(self.tokens):
            if self.word(index) == "[":
                index = self.closing(index) + 1
            elif self.word(index) == "." and index + 1 < len(self.tokens):
                index += 2
            else:
                break
        return index

    def expression_end(self, index: int) -> int:
        """Return where an operand ends: a path, a call or something in parentheses."""
        if self.word(index) == "(":
            return self.closing(index) + 1
        end = self.path_end(index)
        while self.word(end) in {"(", "["}:
            end = self.closing(end) + 1
        return end


def _closing(tokens: list[Token], index: int) -> int:
    """Return the place of the bracket that closes the one at *index*."""
    depth = 0
    while index < len(tokens):
        depth += tokens[index].text in ("(", "[")
        depth -= tokens[index].text in (")", "]")
        if not depth:
            break
        index += 1
    return index


def _made(like: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, like.line, like.col, like.start, like.end, [])
