"""Reads a query or data-changing statement into a tree, or says where it stopped making sense.

Leaves the meaning of the tree to ``sql.translate`` and every other kind of statement to ``sql.parse``.
"""

from typing import Final

from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, ParseError, TokenError
from sqlglot.tokenizer_core import Token
from sqlglot.transforms import eliminate_join_marks

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import grammar
from sql.dialect import DIALECT, prepare, tokenized, unmarked
from sql.grammar import near

REMOVE_DUPLICATES: Final = "remove_duplicates"
"""Key in a Merge node's meta: it ended in REMOVE DUPLICATES."""


def parse_query(text: str, offset: int = 0) -> exp.Expr:
    """Return the tree of one statement.

    *offset* is where *text* starts in what the client sent, for positions. Raises 42601
    ``syntax error at or near "x"``, 54001 for nesting that goes too deep.
    """
    tokens = _tokens(text, offset)
    if not tokens:
        raise SqlError(SqlState.SYNTAX_ERROR, "syntax error at end of input", position=offset + len(text) + 1)
    duplicates = [token.text.upper() for token in tokens[-2:]] == ["REMOVE", "DUPLICATES"]
    if duplicates:
        tokens = tokens[:-2] + list(DIALECT.tokenize("when matched then delete"))
    tree = _parse(tokens, text, offset)
    if duplicates:
        tree.meta[REMOVE_DUPLICATES] = True
    return tree


def parse_expression(text: str) -> exp.Expr:
    """Return the tree of a lone expression."""
    tree = parse_query(f"select {text}", -len("select "))
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        raise SqlError(SqlState.SYNTAX_ERROR, "syntax error in expression")
    item: exp.Expr = tree.expressions[0]
    return item


def _tokens(text: str, offset: int) -> list[Token]:
    try:
        tokens = tokenized(text)
    except TokenError:
        raise SqlError(
            SqlState.SYNTAX_ERROR, "unterminated quoted string, quoted identifier or comment", position=offset + 1
        ) from None
    grammar.check(tokens, text, offset)
    return prepare(tokens)


def _parse(tokens: list[Token], text: str, offset: int) -> exp.Expr:
    try:
        trees = DIALECT.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except ParseError as error:
        raise _syntax_error(error, tokens, text, offset) from None
    except RecursionError:
        raise too_complex() from None
    found = [tree for tree in trees if tree is not None]
    if len(found) != 1 or isinstance(found[0], exp.Command):
        raise near(tokens[0], offset)
    return _outer_joins(unmarked(found[0], tokens), offset)


def _outer_joins(tree: exp.Expr, offset: int) -> exp.Expr:
    """Write Oracle's ``a.x = b.x(+)`` as LEFT JOIN."""
    if not any(column.args.get("join_mark") for column in tree.find_all(exp.Column)):
        return tree
    try:
        return eliminate_join_marks(tree)
    except (AssertionError, ParseError, OptimizeError, ValueError):
        raise SqlError(
            SqlState.SYNTAX_ERROR, "the outer join operator (+) cannot be used like this", position=offset + 1
        ) from None


def let_go(tree: exp.Expr) -> None:
    """Take *tree* apart, which nobody needs any more.

    Its nodes know the ones above them: what goes round in circles stays until the collector of garbage finds it, and
    while that looks at some ten thousand nodes nothing else runs.
    """
    left = [tree]
    while left:
        node = left.pop()
        node.parent = None
        for held in node.args.values():
            if isinstance(held, exp.Expr):
                left.append(held)
            elif isinstance(held, list):
                left += (each for each in held if isinstance(each, exp.Expr))


def too_complex() -> SqlError:
    """Return the error for a statement nested too deeply."""
    return SqlError(
        SqlState.STATEMENT_TOO_COMPLEX,
        "stack depth limit exceeded",
        hint="Simplify the statement: it nests expressions or subqueries too deeply.",
    )


def _syntax_error(error: ParseError, tokens: list[Token], text: str, offset: int) -> SqlError:
    details = error.errors[0] if error.errors else {}
    place = (details.get("line"), details.get("col"))
    index = next((i for i, token in enumerate(tokens) if (token.line, token.col) == place), len(tokens) - 1)
    description = str(details.get("description", ""))
    if description.startswith("Expected type"):
        name = tokens[index].text.lower()
        return SqlError(
            SqlState.UNDEFINED_OBJECT, f'type "{name}" does not exist', position=offset + tokens[index].start + 1
        )
    if index == len(tokens) - 1 and not description.startswith("Invalid expression"):
        return SqlError(SqlState.SYNTAX_ERROR, "syntax error at end of input", position=offset + len(text) + 1)
    return near(tokens[index], offset)
