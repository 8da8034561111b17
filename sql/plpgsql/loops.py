"""FOR in its three forms: over numbers, over a query's rows, over those of a query made at run time."""

from collections.abc import Callable

from sql.plpgsql import tree
from sql.plpgsql.source import RANGE, Source
from sql.statement import Fragment

Body = Callable[[], tuple[tree.Statement, ...]]


def read_for(source: Source, label: str, body: Body) -> tree.Statement:
    """Take FOR … END LOOP."""
    stream, line = source.stream, source.line
    stream.expect("FOR")
    targets = source.targets()
    stream.expect("IN")
    reverse = stream.take("REVERSE")
    if not reverse and stream.take("EXECUTE"):
        query = source.until("LOOP")
        return tree.Rows(
            line=line, label=label, targets=targets, query=query, dynamic=True, body=_body(source, label, body)
        )
    header = source.until("LOOP")
    cut = _range(header.text)
    if cut is None:
        return tree.Rows(line=line, label=label, targets=targets, query=header, body=_body(source, label, body))
    low, high, step = _bounds(header, cut)
    return tree.Count(
        line=line, label=label, name=targets[0][0], low=low, high=high, step=step, reverse=reverse,
        body=_body(source, label, body),
    )  # fmt: skip


def _range(text: str) -> int | None:
    """Return where ``..`` stands in a loop's header."""
    return next((match.start() for match in RANGE.finditer(text) if match[1]), None)


def _bounds(header: Fragment, cut: int) -> tuple[Fragment, Fragment, Fragment | None]:
    low = Fragment(header.text[:cut].strip(), header.offset)
    rest, start = header.text[cut + 2 :], header.offset + cut + 2
    words = rest.upper().split()
    if "BY" not in words:
        return low, Fragment(rest.strip(), start), None
    place = rest.upper().index("BY", rest.upper().index(" BY") + 1)
    return low, Fragment(rest[:place].strip(), start), Fragment(rest[place + 2 :].strip(), start + place + 2)


def _body(source: Source, label: str, body: Body) -> tuple[tree.Statement, ...]:
    source.stream.expect("LOOP")
    found = body()
    source.stream.expect("END", "LOOP")
    if label and not source.stream.at(";"):
        source.stream.expect(source.stream.token.key)
    return found
