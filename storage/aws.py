"""Clients of AWS's services, or of what speaks like them at another address."""

import functools
from typing import Any, Final

from storage.database import S3Access

_CLIENTS: Final = 64
"""Clients of each kind that are kept: to make one takes a tenth of a second, and all threads may use it."""


@functools.lru_cache(maxsize=_CLIENTS)
def s3_client(access: S3Access) -> Any:  # boto3 ships no types
    """Return a client of the S3 that *access* names."""
    # Imported here: most servers start without ever asking AWS.
    from storage.aws_clients import s3

    return s3(access)


@functools.lru_cache(maxsize=_CLIENTS)
def service_client(access: S3Access, service: str, authority: str = "") -> Any:
    """Return a client of *service* (boto3's name of it), at AWS unless ``access.services`` gives another address.

    *authority* is a file of certificates that are trusted instead of the usual ones.
    """
    from storage import aws_clients

    return aws_clients.service(access, service, authority)
