"""Puts the server together and takes it through its life: start, serve, drain, stop.

The only place where objects of all layers are built.
"""

import asyncio
import importlib.util
import logging
import secrets
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api.door import Building
from api.place import Place
from auth.exchange import Exchange
from auth.methods import Policy, admitted, begin
from auth.temporary import TemporaryPasswords
from auth.tokens import Issuers
from auth.verifiers import make_scram
from catalog.model import ADMIN_USER, User
from core.clock import Clock, SystemClock
from core.config import ApiOptions, ConfigError, Options, UdfOptions
from core.errors import ConnectionFatal
from engine.executor import Executor
from engine.sandbox.pool import Sandbox, SandboxLimits
from engine.udfs import Udfs
from engine.wlm.configuration import read
from engine.wlm.monitor import Monitor
from server import collector, doors, hosted, tls
from server.access import s3_access
from server.auditing import audit_log
from server.clusters import Clusters
from server.codec import WireCodec
from server.fleet import connected, joined
from server.hosted import Terms
from server.integrations import integrations
from server.listener import Listener, ListenerSettings
from server.log import end_now
from server.opening import EndedEarly, awaited
from server.private import SECRET_FILE, new_secret, write_private
from server.roles import external_id, peers, roles
from server.snapshots import keeper
from server.spark import spark
from server.tls import Handshake, ServerTls, TlsMode
from server.tokens import IDENTITY_PROVIDER, by_token, files
from server.upkeep import upkeep
from server.watchdog import watched_loop
from session.external.catalogs import DataCatalogs
from session.external.federated import Reached
from session.fleet.fleet import Fleet
from session.lockout import account
from session.recorder import Recorder, Records
from session.sessions import SessionFactory
from session.warehouse import Founder, Limits, Warehouse
from storage.abandoned import any_abandoned
from storage.database import Database, WarehouseError
from storage.federation import Federation, Secrets
from storage.history import History
from storage.journal import Journal
from storage.objects import StoreAccess

_log = logging.getLogger(__name__)
_EXIT_FAILURE: Final = 1
_PASSWORD_FILE: Final = "admin-password"  # noqa: S105 - a file's name
_PASSWORD_BYTES: Final = 18
_CERTIFICATES_EVERY_S: Final = 1.0


def serve(options: Options, database: "Future[Database]", terms: Terms | None = None) -> int:
    """Run the server on *database* until it is told to stop; return the exit status.

    *terms* are what another server says that hosts it.
    """
    server = _Server(options, database, terms)
    try:
        with asyncio.Runner(loop_factory=lambda: watched_loop(options.log.slow_turn_ms)) as runner:
            status = runner.run(server.run())
        if server.stuck or any_abandoned():
            # gRPC would wait for clients that have stopped reading. All else is closed by now.
            end_now(status)
        return status
    except (KeyboardInterrupt, EndedEarly):
        return 0
    except (ConfigError, WarehouseError, OSError) as error:
        print(f"duckshift: {error}", file=sys.stderr)
        return _EXIT_FAILURE


class _Server:
    """One run of the server."""

    def __init__(self, options: Options, database: "Future[Database]", terms: Terms | None) -> None:
        self._options = options
        self._terms = terms
        self._opened = database
        self._clock = SystemClock()
        self._folder = options.storage.state_folder
        self._stop = asyncio.Event()
        self._certificates: list[ServerTls] = []
        self._clusters: Clusters | None = None
        self.stuck = False
        """Whether a door could not be closed."""

    async def run(self) -> int:
        options = self._options
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        database = await awaited(self._opened, self._stop)
        executor = Executor(options.engine.workers, niceness=options.engine.niceness)
        try:
            warehouse = await joined(options, database, lambda fleet: self._warehouse(database, executor, fleet))
            warehouse.recorder.start()
            audit = audit_log(options, warehouse.recorder.history, self._clock)
            if audit is not None:
                audit.start()
            warehouse.mending.give_up = end_now
            monitor = Monitor(warehouse.workload)
            monitor.start()
            sessions = SessionFactory(warehouse)
            policy = self._policy()
            listener = self._listener(warehouse, sessions, policy)
            await listener.start()
            opened = self._doors(warehouse, sessions, policy, listener.port)
            connected(warehouse, listener, _terminator(listener.terminate, *(door.terminate for _, door in opened)))
            await self._open(opened)
            warehouse.upkeep.start()
            self._say_ready(listener.port, opened)
            watching = asyncio.create_task(self._watch_certificates())
            await self._stop.wait()
            watching.cancel()
            _log.info("draining", extra={"connections": listener.connections})
            grace = options.server.drain_grace_s
            await asyncio.gather(
                listener.drain(grace), self._close_clusters(grace), *(door.drain(grace) for _, door in opened)
            )
            self.stuck = any(door.stuck for _, door in opened)
            await monitor.close()
            await warehouse.close()
            await warehouse.recorder.close()
            if audit is not None:
                await audit.close()
            if warehouse.limits.udfs is not None:
                warehouse.limits.udfs.sandbox.close()
        finally:
            executor.close()
            database.close()
        return 0

    async def _open(self, opened: list[tuple[doors.Address, doors.Door]]) -> None:
        for _, door in opened:
            await door.start()
        if self._clusters is not None:
            self._clusters.start()

    async def _close_clusters(self, grace_s: float) -> None:
        if self._clusters is not None:
            await self._clusters.close(grace_s)

    def _say_ready(self, port: int, opened: list[tuple[doors.Address, doors.Door]]) -> None:
        if self._terms is not None:
            hosted.end_with_host(self._stop)
            hosted.announce(hosted.Doors(port, opened[0][1].port))
            return
        for place, door in opened:
            print(f"duckshift listens on {place.url(door.port)}", file=sys.stderr)
        print(f"duckshift ready on {self._options.server.host}:{port}", file=sys.stderr, flush=True)

    def _warehouse(self, database: Database, executor: Executor, fleet: Fleet | None) -> Warehouse:
        try:
            return Warehouse(
                database, executor, self._clock,
                replace(_limits(self._options, database, self._clock), fleet=fleet),
                Records(Journal(database.cursor()), Recorder(self._history(database), self._clock)),
                Founder(database=self._options.admin.database, admin=self._admin),
            )  # fmt: skip
        finally:
            collector.begin()

    def _history(self, database: Database) -> History:
        kept = self._options.history
        return History(
            database.cursor(),
            self._folder,
            retention_days=kept.retention_days,
            rows=kept.rows,
            secrets=database.location.secrets("history"),
        )

    def _doors(
        self, warehouse: Warehouse, sessions: SessionFactory, policy: Policy, port: int
    ) -> list[tuple[doors.Address, doors.Door]]:
        """Return the doors that are to be opened beside the PostgreSQL protocol."""
        opened: list[tuple[doors.Address, doors.Door]] = []
        options = self._options
        if options.clusters.folder and options.api.listen:
            self._clusters = Clusters(options, self._certificate, self._clock)
        clusters = self._clusters
        building = Building(
            warehouse=warehouse,
            sessions=sessions,
            codec=WireCodec(),
            clock=self._clock,
            database=options.admin.database,
            folder=doors.results_folder(options),
            passwords=policy.temporaries or TemporaryPasswords(policy.secret, self._clock),
            facts=doors.facts(options, port, created=self._created()),
            host=clusters,
            host_token=clusters.token if clusters is not None else "",
            token=self._terms.token if self._terms is not None else "",
        )
        if options.api.listen:
            opened.append(doors.api_door(options, building, self._http_tls))
        if options.flight.listen:
            opened.append(doors.flight_door(options, building, policy, self._certificate))
        return opened

    def _listener(self, warehouse: Warehouse, sessions: SessionFactory, policy: Policy) -> Listener:
        server = self._options.server
        settings = ListenerSettings(
            host=server.host,
            port=server.port,
            max_connections=server.max_connections,
            max_unauthenticated=server.max_unauthenticated,
            authentication_timeout_s=server.authentication_timeout_s,
            max_message_bytes=server.max_message_bytes,
            tls_mode=TlsMode(server.tls),
        )
        return Listener(
            settings,
            authenticate=_Gate(warehouse, policy, Issuers(files(self._options))),
            sessions=sessions,
            tls=self._tls(),
        )

    def _policy(self) -> Policy:
        """Return how identities are proved; its secret is made once and kept."""
        place = self._folder / SECRET_FILE
        if not place.exists():
            write_private(place, new_secret())
        secret = place.read_bytes()
        return Policy(secret=secret, clock=self._clock, temporaries=TemporaryPasswords(secret, self._clock))

    def _created(self) -> datetime:
        """Return when the data folder was first served."""
        return datetime.fromtimestamp((self._folder / SECRET_FILE).stat().st_mtime, UTC)

    def _tls(self) -> ServerTls | None:
        server = self._options.server
        if server.tls == TlsMode.DISABLE:
            return None
        authority = Path(server.tls_client_authority) if server.tls_client_authority else None
        if authority is not None and server.tls != TlsMode.REQUIRE:
            raise ConfigError('server.tls_client_authority needs server.tls = "require"')
        return self._watched(
            tls.load(
                tls.TlsFiles(*self._certificate(), authority),
                names_users=server.tls_client_certificate == tls.ClientCertificates.VERIFY_FULL,
            )
        )

    def _http_tls(self) -> ServerTls:
        return self._watched(tls.load(tls.TlsFiles(*self._certificate()), alpn="http/1.1"))

    def _watched(self, loaded: ServerTls) -> ServerTls:
        self._certificates.append(loaded)
        return loaded

    async def _watch_certificates(self) -> None:
        """Take new certificates into use as they come, without a restart."""
        while True:
            await asyncio.sleep(_CERTIFICATES_EVERY_S)
            for each in self._certificates:
                try:
                    if each.refresh():
                        _log.info("certificates were read anew", extra={"file": str(each.files.certificate)})
                except (OSError, ValueError) as error:
                    _log.warning("certificates cannot be read", extra={"reason": str(error)})

    def _certificate(self) -> tuple[Path, Path]:
        """Return the files of certificate and key, made where none are given."""
        server = self._options.server
        if server.tls_certificate:
            return Path(server.tls_certificate), Path(server.tls_key or server.tls_certificate)
        folder = self._folder / "tls"
        folder.mkdir(mode=0o700, exist_ok=True)
        return tls.self_signed(folder, server.host, self._clock.now())

    def _admin(self) -> User:
        """Return the first superuser; a password that was not given is made, shown once and kept."""
        admin = self._options.admin
        if self._terms is not None:
            verifier = self._terms.verifier
            return User(oid=ADMIN_USER, name=admin.user, superuser=True, createdb=True, scram=verifier)
        password = admin.password
        if not password:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            place = self._folder / _PASSWORD_FILE
            write_private(place, f"{password}\n".encode())
            print(f"duckshift: user {admin.user} has the password {password} (kept in {place})", file=sys.stderr)
        return User(
            oid=ADMIN_USER, name=admin.user, superuser=True, createdb=True, scram=make_scram(password).text
        )


@dataclass(frozen=True, slots=True)
class _Gate:
    """Chooses how a user has to prove who it is (``server.seams.Authenticate``)."""

    warehouse: Warehouse
    policy: Policy
    issuers: Issuers

    def __call__(
        self, *, user: str, database: str, parameters: dict[str, str], peer: str, tls: Handshake | None
    ) -> Exchange:
        if parameters.get(IDENTITY_PROVIDER):
            admitted(user, rules=self.policy, peer=peer, database=database, encrypted=tls is not None)
            return by_token(self.warehouse, self.issuers, self.policy.clock, parameters, encrypted=tls is not None)
        return begin(
            account(self.warehouse, user),
            user,
            rules=self.policy,
            tls=tls,
            peer=peer,
            parameters={"database": database, **parameters},
        )


def _terminator(*ways: Callable[[int, ConnectionFatal], bool]) -> Callable[[int, ConnectionFatal], bool]:
    """Return what ends a session by whichever door it came."""
    return lambda pid, reason: any(way(pid, reason) for way in ways)


def _limits(options: Options, database: Database, clock: Clock) -> Limits:
    place = _place(options.api)
    stores = StoreAccess(
        roles=roles(options),
        local_folders=options.copy.local_folders,
        keys_access=s3_access(options.s3),
        external_id=external_id(place),
    )
    known = Secrets(options.secrets, clock)
    reached = Reached(federation=Federation(database), secrets=known, stores=stores)
    queues = read(options.wlm.json_configuration)
    return Limits(
        stores=stores,
        catalogs=DataCatalogs(reached, glue=options.external.data_catalog == "glue"),
        copy_poll_ms=options.copy.job_poll_ms,
        integrations=integrations(options, known),
        stream_poll_ms=options.external.stream_poll_ms,
        copies=(options.engine.hot_tables_mb << 20, options.engine.table_cache_mb << 20),
        result_bytes=options.engine.result_cache_mb << 20,
        udfs=_udfs(options.udf),
        spark=spark(options.spark, queues, database, clock),
        requires_ssl=options.server.tls == TlsMode.REQUIRE,
        snapshots=keeper(options, database, clock),
        upkeep=upkeep(options.upkeep),
        account=options.api.account,
        namespace=place.identifier("cluster-namespace"),
        peers=peers(options),
        queues=queues,
        workers=options.engine.workers,
        queue_length=options.wlm.queue_length,
    )


def _place(options: ApiOptions) -> Place:
    return Place(
        cluster=options.cluster, namespace=options.namespace, region=options.region, account=options.account
    )


def _udfs(options: UdfOptions) -> Udfs | None:
    """Return where Python functions run, None where they may not."""
    if options.python == "off":
        return None
    if importlib.util.find_spec("numpy") is None:
        raise ConfigError("udf.python needs the package numpy: install duckshift[udf]")
    return Udfs(
        Sandbox(
            SandboxLimits(
                confined=options.python == "confined",
                memory_mb=options.memory_mb,
                time_limit_s=options.time_limit_s,
                workers=options.workers,
            )
        )
    )
