"""Tokens of identity providers at the door: the configuration's key files, and the exchange that a driver asks for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from auth.exchange import Exchange
from auth.tokens import Issuers, TokenExchange
from core.clock import Clock
from core.config import Options
from core.errors import ConnectionFatal
from core.sqlstate import SqlState
from session.federation import judge
from session.warehouse import Warehouse

IDENTITY_PROVIDER: Final = "idp_type"
"""The start-up parameter of drivers that are going to send a token."""
_PROVIDER: Final = "provider_name"


def files(options: Options) -> dict[str, Path]:
    """Return the file with each issuer's public keys."""
    return {issuer: Path(place).expanduser() for issuer, place in options.issuers.items()}


def by_token(
    warehouse: Warehouse, issuers: Issuers, clock: Clock, parameters: Mapping[str, str], *, encrypted: bool
) -> Exchange:
    """Return the exchange that asks for a token; raises ``ConnectionFatal`` where others could read it."""
    if not encrypted:
        raise ConnectionFatal(
            SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
            "an identity provider's token is not asked for on an unencrypted connection",
            hint="Connect with TLS.",
        )
    return TokenExchange(judge(warehouse, issuers, clock, parameters.get(_PROVIDER, "")))
