"""The door over HTTP, put together: its services on one port, and their life."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from api.data.access import Access
from api.data.catalogs import CatalogApi
from api.data.operations import DataApi
from api.data.results import ResultFolder
from api.data.sessions import Desk
from api.data.statements import Bounds, Statements
from api.forwarding import Forwarding
from api.gateway import Gateway, Hosting
from api.hosting import Host
from api.http import HttpServer, HttpSettings
from api.identities import Directory
from api.management.clusters import ClusterApi
from api.management.credentials import Credentials
from api.management.facts import Facts
from api.management.hosting import HostedClusters
from api.management.recovery import RecoveryApi
from api.management.scheduled import SnapshotSchedules
from api.management.serverless import ServerlessApi
from api.management.serverless_snapshots import ServerlessSnapshots
from api.management.snapshots import Archive
from api.place import Place
from api.seams import Codec
from api.users import Users
from auth.temporary import TemporaryPasswords
from core.clock import Clock
from core.config import ApiOptions
from core.errors import ConnectionFatal
from session.sessions import SessionFactory
from session.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """What of the server the door leads to."""

    warehouse: Warehouse
    sessions: SessionFactory
    codec: Codec
    clock: Clock
    database: str
    """The first database, where users are made."""
    folder: Path
    """Where results may be kept."""
    passwords: TemporaryPasswords
    facts: Facts
    host: Host | None = None
    """Has the clusters beside the server itself, where there may be some."""
    host_token: str = field(default="", repr=False)
    """What those believe."""
    token: str = field(default="", repr=False)
    """What this server believes, where another one hosts it."""


class ApiDoor:
    """One listening port."""

    def __init__(self, options: ApiOptions, http: HttpSettings, directory: Directory, building: Building) -> None:
        """Put the services together."""
        place = Place(
            cluster=options.cluster, namespace=options.namespace, region=options.region, account=options.account
        )
        clock = building.clock
        users = Users(building.warehouse, building.sessions, building.database)
        access = Access(directory, users)
        results = ResultFolder(building.folder, result_mb=options.result_mb, results_mb=options.results_mb)
        self._desk = Desk(building.sessions, clock)
        self._statements = Statements(
            self._desk,
            results,
            building.codec,
            clock,
            Bounds(
                active=options.active_statements,
                running=options.running_statements,
                retention=timedelta(hours=options.retention_hours),
            ),
        )
        data = DataApi(building.warehouse, access, self._desk, self._statements, building.codec, clock)
        catalogs = CatalogApi(access, self._desk, building.codec)
        credentials = Credentials(building.passwords, users)
        host, facts = building.host, building.facts
        forwarding = Forwarding(host, building.host_token) if host is not None else None
        schedules = SnapshotSchedules(building.warehouse.database.location.folder, clock)
        hosted = HostedClusters(host, forwarding, facts, clock, schedules)
        clusters = ClusterApi(building.warehouse, building.sessions, users, credentials, facts, hosted)
        serverless = ServerlessApi(credentials, facts, users, clock, host, forwarding)
        archive = Archive(building.warehouse, host)
        kept = ServerlessSnapshots(archive, facts, host)
        recovery = RecoveryApi(archive, kept, clusters.tables)
        self._tables = clusters.tables
        services = {
            "redshift-data": {**data.operations, **catalogs.operations},
            "redshift": clusters.operations,
            "redshift-serverless": {
                **serverless.operations,
                **kept.operations,
                **recovery.operations,
                **clusters.tables.serverless,
            },
        }
        gateway = Gateway(place, directory, clock, services, Hosting(forwarding, building.token))
        self._http = HttpServer(http, gateway.handle)

    async def start(self) -> None:
        """Listen; raises OSError when the address cannot be had."""
        await self._http.start()

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._http.port

    stuck = False
    """Whether something is left that cannot be ended."""

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End the session *pid*; return whether there is one here."""
        return self._desk.terminate(pid, reason)

    async def drain(self, grace_s: float) -> None:
        """Stop: no new requests; running statements may take *grace_s* seconds more."""
        await self._http.drain(min(grace_s, 1))
        await self._tables.close()
        await self._statements.close(grace_s)
        await self._desk.close()
