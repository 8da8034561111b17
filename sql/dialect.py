"""Redshift's grammar as sqlglot reads it, with what sqlglot's Redshift lacks or reads too much into.

Owns the tokens and the parser tables. Function calls stay what the client wrote (``exp.Anonymous``): which
functions exist and what they mean is ``sql.functions``' business, and so are the names of result columns.
The compiled parser cannot be subclassed, so its tables are edited once, here, at import.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import Token, TokenType

from sql.partiql import navigations

_SPECIAL_CALLS: Final = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST", "OBJECT_TRANSFORM")
"""Functions with a syntax of their own: ``EXTRACT(part FROM x)``."""
_ABSOLUTE: Final = TokenType.CARET_AT
"""Stands for the prefix operator ``@``, which sqlglot's tokenizer takes for a parameter."""


_ZONED: Final = frozenset({"TIME", "TIMESTAMP"})
_TYPE_WORDS: Final = _ZONED | {
    "DATE", "TIMETZ", "TIMESTAMPTZ", "SMALLINT", "INT", "INT2", "INT4", "INT8", "INTEGER", "BIGINT", "NUMERIC",
    "DECIMAL", "REAL", "FLOAT", "FLOAT4", "FLOAT8", "BOOLEAN", "BOOL", "VARCHAR", "CHAR", "TEXT", "SUPER", "VARBYTE",
    "REGCLASS",
}  # fmt: skip
"""Types of one word that a literal may follow."""
_NO_LITERAL: Final = frozenset({TokenType.DCOLON, TokenType.DOT})


PLAIN_INTERVAL: Final = "interval literal"
YEAR_MONTH: Final = "intervaly2m literal"
DAY_SECOND: Final = "intervald2s literal"
"""What the calls are named that interval literals are read as; no function has a name with a blank."""
_QUALIFIERS: Final = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})


class Duckshift(Redshift):
    """Redshift, with calls left as written."""


class _Undollared(Redshift.Tokenizer):
    """Takes a dollar for the sign of a parameter and never for a quote: sqlglot reads ``$1,$2`` as a quote's tag."""

    HEREDOC_STRINGS = []  # noqa: RUF012 - as the class above has it
    SINGLE_TOKENS = {**Redshift.Tokenizer.SINGLE_TOKENS, "$": TokenType.PARAMETER}  # noqa: RUF012 - as above


_DOLLAR_QUOTE: Final = re.compile(r"\$(?:[A-Za-z_][A-Za-z_0-9]*)?\$")


def tokenized(text: str) -> list[Token]:
    """Return the tokens of a query's text; raises sqlglot's TokenError."""
    if _DOLLAR_QUOTE.search(text):
        return list(DIALECT.tokenize(text))
    # A tokenizer is for one text at a time, and translation runs on several threads.
    return list(_Undollared(dialect=DIALECT).tokenize(text))


def _approximate(parser: Any) -> exp.Expr | None:
    """Read ``APPROXIMATE COUNT(DISTINCT x)`` and ``APPROXIMATE PERCENTILE_DISC(p) WITHIN GROUP (…)``."""
    index = parser._index - 1  # noqa: SLF001 - the parser has no other way in
    call = parser._parse_function()  # noqa: SLF001 - the parser has no other way in
    inner = call.this if isinstance(call, exp.WithinGroup | exp.Window) else call
    inner = inner.this if isinstance(inner, exp.WithinGroup) else inner
    if not isinstance(inner, exp.Anonymous):
        parser._retreat(index)  # noqa: SLF001 - the parser has no other way in
        return None
    inner.set("this", f"approximate {inner.name}")
    return call  # type: ignore[no-any-return]


def _absolute(parser: Any) -> exp.Expr:
    operand = parser._parse_unary()  # noqa: SLF001 - as above
    if operand is None:
        parser.raise_error("Expected an operand")
    return exp.Anonymous(this="abs", expressions=[operand])


def _exists(parser: Any) -> exp.Expr:
    """Read EXISTS of a query in parentheses of its own; sqlglot knows it by a SELECT right behind it."""
    query = parser._parse_select(nested=True)  # noqa: SLF001 - as above
    if query is None:
        query = parser._parse_expression()  # noqa: SLF001 - as above
    if isinstance(query, exp.Query):
        query = parser._parse_set_operations(query)  # noqa: SLF001 - as above
        return exp.Exists(this=parser._parse_query_modifiers(query))  # noqa: SLF001 - as above
    return exp.Anonymous(this="exists", expressions=[] if query is None else [query])


_BEFORE_NAME: Final = frozenset({TokenType.ALIAS, TokenType.DOT})
"""What stands before a name where any keyword is one; inside a query no SELECT follows AS."""


_BEFORE: Final = {
    **dict.fromkeys((TokenType.LATERAL, TokenType.ROLLUP, TokenType.CUBE), TokenType.L_PAREN),
    **dict.fromkeys((TokenType.SEMI, TokenType.ANTI, TokenType.ASOF), TokenType.JOIN),
}
"""What follows words that are keywords only there."""
NAME: Final = "\ufdd1"
"""Ends a quoted name that sqlglot would take for a keyword."""
_READ_PAST_QUOTES: Final = frozenset({"EXCLUDE"})
"""Words that it knows by their letters alone."""
_NO_KEYWORDS: Final = {
    *_BEFORE, TokenType.XOR, TokenType.GLOB, TokenType.RLIKE, TokenType.WINDOW,
    TokenType.STRAIGHT_JOIN, TokenType.DESCRIBE, TokenType.UNCACHE, TokenType.CACHE, TokenType.LOCK, TokenType.KILL,
    TokenType.LOAD, TokenType.ROLLBACK, TokenType.COMMIT, TokenType.ALTER, TokenType.DROP, TokenType.TABLE_SAMPLE,
    TokenType.FETCH, TokenType.INSERT,
}  # fmt: skip
"""sqlglot's keywords that are names in Redshift, those of ``_keyword_here`` in most places."""


def _configure() -> None:
    keep: dict[str, Callable[[Any], Any]] = {
        name: read for name, read in RedshiftParser.FUNCTION_PARSERS.items() if name in _SPECIAL_CALLS
    }
    RedshiftParser.FUNCTIONS.clear()
    RedshiftParser.FUNCTION_PARSERS.clear()
    RedshiftParser.FUNCTION_PARSERS.update(keep)
    RedshiftParser.FUNCTION_PARSERS["EXISTS"] = _exists
    RedshiftParser.NO_PAREN_FUNCTION_PARSERS["APPROXIMATE"] = _approximate
    for name in ("IF", "CONNECT_BY_ROOT"):
        RedshiftParser.NO_PAREN_FUNCTION_PARSERS.pop(name, None)
    RedshiftParser.UNARY_PARSERS[_ABSOLUTE] = _absolute
    # It would copy all that stands in FROM, subqueries within subqueries; ``sql.unnest`` knows arrays by itself.
    RedshiftParser.SUPPORTS_IMPLICIT_UNNEST = False


_PLAIN: Final = frozenset({
    TokenType.COMMA, TokenType.STRING, TokenType.L_PAREN, TokenType.R_PAREN, TokenType.EQ,
})  # fmt: skip
"""Tokens that long lists are made of, and that are never rewritten."""
_BEFORE_TYPE: Final = frozenset({TokenType.DCOLON, TokenType.ALIAS, TokenType.STAR, TokenType.NUMBER})
_WORDS: Final = _TYPE_WORDS | {"#", "PG_CATALOG", "EXCLUDE", "XID"}
"""Words that are looked at: others are names."""


def prepare(tokens: list[Token]) -> list[Token]:
    """Return *tokens* with PostgreSQL spellings that sqlglot cannot read written as those that it can.

    ``OPERATOR(pg_catalog.~)`` becomes ``~``; ``pg_catalog.`` before a type or function and
    ``COLLATE pg_catalog.default`` go; a lone ``#`` is exclusive or and ``@`` the absolute value.
    ``oid[]`` becomes ``_oid``, as pg_type calls it.
    """
    tokens = navigations(tokens)
    out: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if _is_plain(token, out):
            out.append(token)
            index += 1
        else:
            index = _step(tokens, index, out)
    return out


def _is_plain(token: Token, out: list[Token]) -> bool:
    """Tell whether *token* means to sqlglot what it means to Redshift, whatever follows."""
    kind = token.token_type
    if kind in _PLAIN:
        return True
    if kind == TokenType.VAR:
        return bool(out) and out[-1].token_type not in _BEFORE_TYPE and token.text.upper() not in _WORDS
    return kind == TokenType.NUMBER and token.text.isdigit()


def _step(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Copy or rewrite what starts at *index* to *out*; return where to go on."""
    token = tokens[index]
    if token.token_type == TokenType.OPERATOR and _texts(tokens, index + 1, ("(", "PG_CATALOG", ".")):
        out.append(tokens[index + 4])
        return index + 6
    if token.token_type == TokenType.COLLATE and not _texts(tokens, index + 1, ("(",)):
        return index + (4 if _texts(tokens, index + 2, (".",)) else 2)
    if token.token_type == TokenType.INTERVAL and (end := _interval(tokens, index, out)):
        return end
    if (end := _typed_literal(tokens, index)) and not (out and out[-1].token_type in _NO_LITERAL):
        # sqlglot takes the casts behind it for casts of the bare string.
        out += [_as(token, TokenType.L_PAREN, "("), tokens[end], _as(token, TokenType.DCOLON, "::")]
        out += [*tokens[index:end], _as(tokens[end], TokenType.R_PAREN, ")")]
        return end + 1
    if end := _exclude(tokens, index, out) or _array(tokens, index, out):
        return end
    if token.text.upper() == "PG_CATALOG" and _drops_schema(tokens, index, out):
        return index + 2
    if _type_follows(out) and (end := _catalog_type(tokens, index, out)):
        return end
    out.append(_retyped(token, tokens, index))
    return _halved(tokens, index, out) if token.token_type == TokenType.NUMBER else index + 1


def _halved(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Take the letter of an exponent that has no digits off a number: ``1e_x`` is 1, called e_x."""
    token, following = tokens[index], tokens[min(index + 1, len(tokens) - 1)]
    if token.text[-1] not in "eE":
        return index + 1
    joined = following.token_type == TokenType.VAR and following.start == token.end + 1
    out[-1] = Token(token.token_type, token.text[:-1], token.line, token.col - 1, token.start, token.end - 1)
    name, end = (token.text[-1] + following.text, following.end) if joined else (token.text[-1], token.end)
    out.append(Token(TokenType.VAR, name, token.line, token.col, token.end, end, token.comments))
    return index + 1 + joined


def _interval(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Write ``INTERVAL 'text' qualifier`` as a call of text, first and last field and precision; return its end."""
    if index + 1 >= len(tokens) or tokens[index + 1].token_type != TokenType.STRING:
        return 0
    token, end = tokens[index], index + 2
    words = ["", "", ""]
    if end < len(tokens) and tokens[end].text.upper() in _QUALIFIERS and not _texts(tokens, end + 1, (".",)):
        end, words[2] = _precision(tokens, end + 1)
        words[0] = words[1] = tokens[index + 2].text.lower()
        if _texts(tokens, end, ("TO",)) and end + 1 < len(tokens) and tokens[end + 1].text.upper() in _QUALIFIERS:
            words[1] = tokens[end + 1].text.lower()
            end, words[2] = _precision(tokens, end + 2)
    elif end < len(tokens) and tokens[end].text.lower().rstrip("s").upper() in _QUALIFIERS:
        return 0
    name = PLAIN_INTERVAL if not words[0] else YEAR_MONTH if words[1] in {"year", "month"} else DAY_SECOND
    out += [_as(token, TokenType.VAR, name), _as(token, TokenType.L_PAREN, "("), tokens[index + 1]]
    for word in words if words[0] else []:
        # Token's text must not be empty.
        out += [_as(token, TokenType.COMMA, ","), _as(token, TokenType.STRING, word or " ")]
    out.append(_as(tokens[end - 1], TokenType.R_PAREN, ")"))
    return end


def _precision(tokens: list[Token], index: int) -> tuple[int, str]:
    """Return where ``(n)`` at *index* ends and n, or *index* and nothing."""
    if _texts(tokens, index, ("(",)) and _texts(tokens, index + 2, (")",)) and tokens[index + 1].text.isdigit():
        return index + 3, tokens[index + 1].text
    return index, ""


def _typed_literal(tokens: list[Token], index: int) -> int:
    """Return where the string of ``type 'literal'`` at *index* stands, 0 where there is none."""
    word = tokens[index].text.upper()
    if word not in _TYPE_WORDS or tokens[index].token_type in (TokenType.STRING, TokenType.IDENTIFIER):
        return 0
    zoned = word in _ZONED and any(_texts(tokens, index + 1, (each, "TIME", "ZONE")) for each in ("WITH", "WITHOUT"))
    end = index + (4 if zoned else 1)
    return end if end < len(tokens) and tokens[end].token_type == TokenType.STRING else 0


def _exclude(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Put parentheses round the names after EXCLUDE: a list without them runs to the end of the select list."""
    starred = index and tokens[index - 1].token_type == TokenType.STAR
    if not starred or tokens[index].text.upper() != "EXCLUDE" or tokens[index].token_type == TokenType.IDENTIFIER:
        return 0
    out.append(tokens[index])
    index += 1
    if _texts(tokens, index, ("(",)):
        return index
    end = index + 1
    while _texts(tokens, end, (",",)):
        end += 2
    opening, closing = tokens[index], tokens[min(end, len(tokens)) - 1]
    out.append(_as(opening, TokenType.L_PAREN, "("))
    out += tokens[index:end]
    out.append(_as(closing, TokenType.R_PAREN, ")"))
    return end


def _array(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Write ``oid[]`` as ``_oid``; return its end."""
    token = tokens[index]
    if token.token_type != TokenType.OBJECT_IDENTIFIER or not _texts(tokens, index + 1, ("[", "]")):
        return 0
    out.append(_as(token, token.token_type, f"_{token.text.lower()}"))
    return index + 3


def _retyped(token: Token, tokens: list[Token], index: int) -> Token:
    if token.token_type == TokenType.VAR and token.text == "#":
        return _as(token, TokenType.HASH)
    if token.token_type == TokenType.PARAMETER and token.text == "@":
        return _as(token, _ABSOLUTE)
    if token.token_type in _NO_KEYWORDS and token.text[0].isalpha() and not _keyword_here(tokens, index):
        return _as(token, TokenType.VAR)
    if token.token_type == TokenType.SELECT and index and tokens[index - 1].token_type in _BEFORE_NAME:
        return _as(token, TokenType.VAR)
    if token.text.upper() == "XID" and _names_type(tokens, index):
        return _as(token, TokenType.OBJECT_IDENTIFIER)
    if token.token_type == TokenType.IDENTIFIER and token.text.upper() in _READ_PAST_QUOTES:
        return _as(token, TokenType.IDENTIFIER, token.text + NAME)
    return token


def unmarked(tree: exp.Expr, tokens: list[Token]) -> exp.Expr:
    """Return the *tree* of prepared *tokens* without the marks of names that sqlglot would take for keywords."""
    if any(token.text.endswith(NAME) for token in tokens):
        for node in tree.find_all(exp.Identifier):
            node.set("this", node.name.removesuffix(NAME))
    return tree


def _names_type(tokens: list[Token], index: int) -> bool:
    """Tell whether a word that may be a column's name, too, stands for a type."""
    before = tokens[index - 1].token_type if index else None
    closed = before == TokenType.ALIAS and _texts(tokens, index + 1, (")",)) and _inside_cast(tokens[:index])
    return before == TokenType.DCOLON or closed


def _keyword_here(tokens: list[Token], index: int) -> bool:
    """Tell whether what may be a keyword in few places is one."""
    kind = tokens[index].token_type
    after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
    if kind in _BEFORE:
        return after == _BEFORE[kind]
    if kind in (TokenType.WINDOW, TokenType.TABLE_SAMPLE):
        wanted = TokenType.ALIAS if kind == TokenType.WINDOW else TokenType.L_PAREN
        return index + 2 < len(tokens) and wanted in (after, tokens[index + 2].token_type)
    if kind == TokenType.FETCH:
        return after in (TokenType.FIRST, TokenType.NEXT)
    return kind == TokenType.INSERT and (index == 0 or tokens[index - 1].token_type == TokenType.THEN)


def _drops_schema(tokens: list[Token], index: int, out: list[Token]) -> bool:
    """Tell whether ``pg_catalog.`` at *index* qualifies a type or a function, which need none."""
    if not _texts(tokens, index + 1, (".",)) or index + 2 >= len(tokens):
        return False
    return _type_follows(out) or _texts(tokens, index + 3, ("(",))


def _type_follows(out: list[Token]) -> bool:
    """Tell whether what comes after *out* is a cast's type."""
    before = out[-1].token_type if out else None
    return before == TokenType.DCOLON or (before == TokenType.ALIAS and _inside_cast(out))


_DOMAINS: Final = {
    "sql_identifier": "varchar", "character_data": "varchar", "yes_or_no": "varchar", "cardinal_number": "int4",
    "time_stamp": "timestamptz",
}  # fmt: skip
"""What the information schema calls types, and what they are."""
_CATALOG_ARRAYS: Final = frozenset({"aclitem", "oid", "char"})


def _catalog_type(tokens: list[Token], index: int, out: list[Token]) -> int:
    """Write a type that only the catalogs have as one name; return its end, 0 where there is none."""
    token, word = tokens[index], tokens[index].text.lower()
    if word == "information_schema" and _texts(tokens, index + 1, (".",)):
        token, word, index = tokens[index + 2], _DOMAINS.get(tokens[index + 2].text.lower(), ""), index + 2
    elif word in _CATALOG_ARRAYS and _texts(tokens, index + 1, ("[", "]")):
        word, index = f"_{word}", index + 2
    elif word != "aclitem":
        word = ""
    if word:
        out.append(_as(token, TokenType.OBJECT_IDENTIFIER, word))
    return index + 1 if word else 0


_NOT_CAST: Final = frozenset({TokenType.SELECT, TokenType.FROM})


def _inside_cast(out: list[Token]) -> bool:
    depth = 0
    for token in reversed(out):
        depth += (token.token_type == TokenType.R_PAREN) - (token.token_type == TokenType.L_PAREN)
        if depth < 0:
            return True
        if token.token_type in _NOT_CAST or (depth == 0 and token.token_type == TokenType.COMMA):
            return False
    return False


def _texts(tokens: list[Token], index: int, texts: tuple[str, ...]) -> bool:
    found = tokens[index : index + len(texts)]
    return len(found) == len(texts) and all(
        token.text.upper() == text for token, text in zip(found, texts, strict=True)
    )


def _as(token: Token, kind: TokenType, text: str = "") -> Token:
    return Token(kind, text or token.text, token.line, token.col, token.start, token.end, token.comments)


_configure()
DIALECT: Final = Duckshift()
