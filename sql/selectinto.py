"""SELECT … INTO, which makes a table and so is not a query.

Redshift, "SELECT INTO".
"""

from sql.commands.tables import CreateTableAs
from sql.statement import Fragment
from sql.stream import Stream


def read_select_into(stream: Stream) -> CreateTableAs | None:
    """Return what SELECT … INTO of the outermost query means, or None where there is no INTO."""
    depth = 0
    while not stream.ended:
        if depth == 0 and stream.at("INTO"):
            return _into(stream)
        if depth == 0 and stream.at_any("FROM", "UNION", "INTERSECT", "EXCEPT", "MINUS"):
            return None
        depth += stream.at("(") - stream.at(")")
        stream.advance()
    return None


def _into(stream: Stream) -> CreateTableAs:
    start = stream.token.start
    stream.expect("INTO")
    stream.take("LOCAL")
    temporary = bool(stream.take_any("TEMP", "TEMPORARY"))
    stream.take("TABLE")
    name = stream.name()
    end = stream.tokens[stream.index - 1].end
    # Blanks in its place keep the offsets of all that follows.
    query = stream.text[:start] + " " * (end - start) + stream.text[end:]
    return CreateTableAs(
        name=name,
        query=Fragment(query, stream.offset),
        temporary=temporary or name[-1].startswith("#"),
        select_into=True,
    )
