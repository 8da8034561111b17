"""The doors beside the PostgreSQL protocol, from options: which are open, where, and for whom.

An address is a URL whose scheme says whether it is encrypted: ``https://127.0.0.1:8443``, ``http://…``.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from api.door import ApiDoor, Building
from api.http import HttpSettings
from api.identities import Directory, Identity
from api.management.facts import Facts
from auth import iam
from auth.exchange import Entry
from auth.methods import Policy, admitted, judged
from auth.signature import Key
from core.config import ConfigError, IdentityOptions, Options
from core.errors import ConnectionFatal
from server.roles import policies
from server.tls import ServerTls
from session.lockout import account
from session.sessions import SessionFactory
from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - not bound here
_ADMINISTRATOR: Final = "administrator"
_RESULTS: Final = "api-results"


class Door(Protocol):
    """One more way in."""

    async def start(self) -> None:
        """Listen; raises OSError when the address cannot be had."""
        ...

    @property
    def port(self) -> int:
        """The port that was bound."""
        ...

    @property
    def stuck(self) -> bool:
        """Whether something is left, after draining, that cannot be ended."""
        ...

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End the session *pid*; return whether it came by this door."""
        ...

    async def drain(self, grace_s: float) -> None:
        """Stop; what runs may take *grace_s* seconds more."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where a door is."""

    scheme: str
    host: str
    port: int

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme in {"https", "grpc+tls"}

    def url(self, port: int) -> str:
        """Return the URL with the port that was bound."""
        return f"{self.scheme}://{self.host}:{port}"


def address(option: str, text: str, schemes: tuple[str, str]) -> Address:
    """Return the address that an option gives; raises ``ConfigError``."""
    try:
        parts = urlsplit(text)
        if parts.scheme in schemes and parts.hostname and parts.port is not None and not parts.path.strip("/"):
            found = Address(parts.scheme, parts.hostname, parts.port)
            if not found.encrypted and found.host not in _LOCAL:
                _log.warning("a door is open without encryption", extra={"option": option, "address": text})
            return found
    except ValueError:
        pass
    raise ConfigError(f'{option} must be {schemes[0]}://HOST:PORT or {schemes[1]}://HOST:PORT, not "{text}"')


def api_door(options: Options, building: Building, tls: Callable[[], ServerTls]) -> tuple[Address, Door]:
    """Return the door of AWS's interfaces, which ``api.listen`` opens."""
    place = address("api.listen", options.api.listen, ("https", "http"))
    context = tls().context if place.encrypted else None
    http = HttpSettings(host=place.host, port=place.port, tls=context, max_connections=options.api.max_connections)
    return place, ApiDoor(options.api, http, directory(options), building)


@dataclass(frozen=True, slots=True)
class PasswordJudge:
    """``flight.seams.Judge``: passwords and rules are those of the PostgreSQL port."""

    warehouse: Warehouse
    sessions: SessionFactory
    policy: Policy
    encrypted: bool

    def password(self, user: str, password: str, database: str) -> Entry:
        """Return whom the password lets in; raises ``ConnectionFatal`` where it is wrong."""
        try:
            return judged(account(self.warehouse, user), user, password, rules=self.policy, database=database)
        except ConnectionFatal:
            self.sessions.refused(user=user, database=database, peer="", tls=self.encrypted)
            raise

    def admitted(self, user: str, database: str, peer: str, *, encrypted: bool) -> None:
        """Raise ``ConnectionFatal`` where the rules of authentication refuse such a connection."""
        admitted(user, rules=self.policy, peer=peer, database=database, encrypted=encrypted)


def flight_door(
    options: Options, building: Building, policy: Policy, certificate: Callable[[], tuple[Path, Path]]
) -> tuple[Address, Door]:
    """Return the door of Arrow Flight SQL, which ``flight.listen`` opens."""
    # Imported where it is opened: it brings gRPC.
    from flight.door import FlightDoor

    place = address("flight.listen", options.flight.listen, ("grpc+tls", "grpc"))
    door = FlightDoor(
        options.flight.listen,
        options.flight,
        warehouse=building.warehouse,
        sessions=building.sessions,
        codec=building.codec,
        judge=PasswordJudge(building.warehouse, building.sessions, policy, place.encrypted),
        clock=building.clock,
        database=building.database,
        certificate=certificate() if place.encrypted else None,
    )
    return place, door


def facts(options: Options, port: int, *, created: datetime) -> Facts:
    """Return what is told of the server to who manages it."""
    host = options.server.host
    return Facts(
        host="" if host in _EVERYWHERE else host,
        port=port,
        admin=options.admin.user,
        database=options.admin.database,
        created=created,
        encrypted=options.storage.encrypted,
        takes_snapshots=bool(options.snapshots.destination),
        roles=tuple(name for name in options.roles if name.startswith("arn:")),
    )


def results_folder(options: Options) -> Path:
    """Return where results of the Data API are kept."""
    temporary = options.engine.temp_folder
    return (Path(temporary).expanduser().absolute() if temporary else options.storage.state_folder) / _RESULTS


def directory(options: Options) -> Directory:
    """Return who may sign requests; raises ``ConfigError``."""
    known = policies(options)
    given = [*options.identities.values(), *_administrator(options)]
    identities = [_identity(one, known) for one in given]
    keys = [identity.access_key_id for identity in identities if identity.access_key_id]
    if len(set(keys)) < len(keys):
        raise ConfigError("two identities have the same access_key_id")
    return Directory(identities, options.secrets)


def _administrator(options: Options) -> list[IdentityOptions]:
    """Return the identity whose key stands in section ``api``, if any."""
    api = options.api
    if bool(api.access_key_id) is not bool(api.secret_access_key):
        raise ConfigError("api.access_key_id and api.secret_access_key go together")
    if not api.access_key_id:
        return []
    return [
        IdentityOptions(
            name=_ADMINISTRATOR,
            access_key_id=api.access_key_id,
            secret_access_key=api.secret_access_key,
            session_token="",
            policies=("AdministratorAccess",),
            db_user=options.admin.user,
        )
    ]


def _identity(given: IdentityOptions, policies: Mapping[str, iam.Policy]) -> Identity:
    for name in given.policies:
        if name not in policies:
            raise ConfigError(f'identity "{given.name}" names the policy "{name}", which there is not')
    return Identity(
        name=given.name,
        access_key_id=given.access_key_id,
        key=Key(secret=given.secret_access_key, token=given.session_token),
        policies=tuple(policies[name] for name in given.policies),
        db_user=given.db_user,
    )
