"""The words of GRANT and REVOKE ASSUMEROLE: the IAM roles after ON and the commands after FOR.

Redshift, "GRANT".
"""

from typing import Final

from sql.stream import Stream

ALL_ROLES: Final = "ALL"
DEFAULT_ROLE: Final = "DEFAULT"
"""Words that stand for roles; an ARN is never so short."""

_COMMANDS: Final = {
    ("COPY",): "COPY",
    ("UNLOAD",): "UNLOAD",
    ("EXTERNAL", "FUNCTION"): "EXFUNC",
    ("CREATE", "MODEL"): "CREATE MODEL",
    ("ALL",): "ALL",
}


def read_iam_roles(stream: Stream) -> tuple[str, ...]:
    """Take ALL, DEFAULT or strings, each an ARN or a chain of them."""
    if word := stream.take_any(ALL_ROLES, DEFAULT_ROLE):
        return (word,)
    names = [stream.string()]
    while stream.take(","):
        names.append(stream.string())
    return tuple(names)


def read_iam_commands(stream: Stream) -> tuple[str, ...]:
    """Take FOR and the commands after it, as catalogs name them."""
    stream.expect("FOR")
    names = [_command(stream)]
    while stream.take(","):
        names.append(_command(stream))
    return tuple(names)


def _command(stream: Stream) -> str:
    name = next((name for words, name in _COMMANDS.items() if stream.take(*words)), None)
    return name or stream.fail()
