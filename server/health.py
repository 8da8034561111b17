"""Whether a server answers: what ``duckshift health`` and a container's health check ask.

It asks for TLS and goes away, which costs the server one small message and needs no password. That the catalogue's
PostgreSQL is away the server leaves word of in its folder.
"""

import socket
from pathlib import Path
from typing import Final

SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")
"""Length 8 and code 80877103: https://www.postgresql.org/docs/current/protocol-message-formats.html."""


def is_healthy(host: str, port: int, timeout_s: float = 3.0) -> bool:
    """Return whether a PostgreSQL-protocol server at *host*:*port* answers an SSLRequest in time."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(SSL_REQUEST)
            return connection.recv(1) in (b"S", b"N")
    except OSError:
        return False


_AWAY: Final = "catalogue-away"
"""The file that is there while the catalogue cannot be reached."""


def note(folder: Path, away: bool) -> None:
    """Leave word in the server's *folder* that the catalogue is away, or not any more."""
    place = folder / _AWAY
    if away:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600)
    else:
        place.unlink(missing_ok=True)


def is_away(folder: Path) -> bool:
    """Tell whether the server of *folder* cannot reach the catalogue."""
    return (folder / _AWAY).exists()
