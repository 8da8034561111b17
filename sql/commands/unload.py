"""UNLOAD.

Redshift, "UNLOAD". Options are rows of ``sql.options``.
"""

from dataclasses import dataclass, field

from sql.commands.parameters import Credentials, read_parameters
from sql.options import UNLOAD_OPTIONS, Given
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import literal_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Unload:
    """UNLOAD ('query') TO 'target' credentials options."""

    query: Fragment
    """The literal's value; the offset is of its first character, exact while the literal has no escapes."""
    target: str
    credentials: Credentials = field(default_factory=Credentials)
    options: Given = field(default_factory=Given)


def read_unload(stream: Stream) -> Unload:
    """Take UNLOAD ('query') TO 'target' options."""
    stream.expect("UNLOAD", "(")
    token = stream.token
    query = Fragment(stream.string(), stream.offset + literal_start(stream.text, token))
    stream.expect(")", "TO")
    target = stream.string()
    options, credentials = read_parameters(stream, UNLOAD_OPTIONS, "UNLOAD")
    return Unload(query=query, target=target, credentials=credentials, options=options)
