"""Whether a server answers: what ``duckshift health`` and a container's health check ask.

It asks for TLS and goes away, which costs the server one small message and needs no password.
"""

import socket
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
