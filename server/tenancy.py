"""What hosted clusters are given: a folder for record and data, a configuration made of the server's own, keys."""

import copy
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from api.hosting import Hosted, Kind, State
from core.config import ConfigError, Options, stated
from server.access import s3_access
from storage import retention
from storage.aws import service_client
from storage.database import CATALOG_FILE
from storage.keys import MASTER_FILE, KeySource
from storage.retention import Rules

_RECORD: Final = "cluster.json"
_DATA: Final = "data"
_LOG: Final = "server.log"
_PRIVATE: Final = 0o700


class Shelf:
    """The records of hosted clusters, a file each."""

    def __init__(self, folder: Path) -> None:
        """Keep records below *folder*."""
        self._folder = folder

    def load(self) -> dict[str, Hosted]:
        """Return all records by their keys."""
        found = (self._read(path) for path in sorted(self._folder.glob(f"*/{_RECORD}")))
        return {record.key: record for record in found}

    def save(self, record: Hosted) -> None:
        """Keep *record*, whole or not at all."""
        folder = self.home(record)
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        fresh = folder / f"{_RECORD}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / _RECORD)
        if (self.data(record) / CATALOG_FILE).exists():
            self.rule(record)

    def rule(self, record: Hosted) -> None:
        """Tell its server, which looks now and then, when snapshots are taken and how long they are kept."""
        self.data(record).mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        rules = Rules(
            days=record.snapshot_days,
            manual_days=record.manual_days,
            schedule=record.schedule,
            definitions=record.times,
            since=record.times_since,
        )
        retention.save(self.data(record), rules)

    def home(self, record: Hosted) -> Path:
        """Return the folder of *record*."""
        return self._folder / record.key

    def data(self, record: Hosted) -> Path:
        """Return its data folder."""
        return self.home(record) / _DATA

    def log(self, record: Hosted) -> Path:
        """Return the file for what its server writes."""
        return self.home(record) / _LOG

    def forget(self, record: Hosted) -> None:
        """Remove everything that is kept of *record*."""
        shutil.rmtree(self.home(record), ignore_errors=True)

    def _read(self, path: Path) -> Hosted:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Hosted(
            **values
            | {
                "kind": Kind(values["kind"]),
                "state": State(values["state"]),
                "roles": tuple(values["roles"]),
                "times": tuple(values.get("times", ())),
                "tags": tuple((key, value) for key, value in values["tags"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """Makes configurations of hosted clusters."""

    options: Options
    folder: Path
    certificate: Callable[[], tuple[Path, Path]]
    """The files of the server's certificate and key, which all share."""

    def options_of(self, record: Hosted, data: Path, port: int = 0) -> Options:
        """Return the options of a hosted server, which listens on *port*; raises ``ConfigError``."""
        document: dict[str, Any] = copy.deepcopy(dict(self.options.document))
        for section, values in self._own(record, data, port).items():
            document[section] = document[section] | values
        document["roles"] = self._roles(record, document["roles"])
        return stated(document, f"cluster {record.name}")

    def place(self, record: Hosted) -> str:
        """Return where its snapshots go, nowhere where the server's own go nowhere."""
        return _below(self.options.snapshots.destination, record)

    def second_place(self, record: Hosted) -> str:
        """Return where they are copied to, nowhere where the server's own are not."""
        return _below(self.options.snapshots.copy_to, record)

    def _own(self, record: Hosted, data: Path, port: int) -> dict[str, dict[str, Any]]:
        given = self.options.clusters
        return {
            "server": {"port": port, **self._tls()},
            "admin": {"user": record.admin, "password": "", "database": record.database},
            "storage": {
                "data": str(data),
                "folder": "",
                "catalog": "",
                "shared": False,
                "encrypted": record.encrypted,
                **self._key(record),
            },
            "engine": {"memory_limit": given.memory_limit, "threads": given.threads, "temp_folder": ""},
            "snapshots": {
                "destination": self.place(record),
                "copy_to": self.second_place(record),
            },
            "audit": {"destination": _below(self.options.audit.destination, record)},
            "api": {"listen": "http://127.0.0.1:0", "cluster": record.identifier, "namespace": record.name},
            "clusters": {"folder": ""},
            "flight": {"listen": ""},
        }

    def _tls(self) -> dict[str, str]:
        if self.options.server.tls == "disable":
            return {}
        certificate, key = self.certificate()
        return {"tls_certificate": str(certificate.absolute()), "tls_key": str(key.absolute())}

    def _key(self, record: Hosted) -> dict[str, str]:
        """Return the master key: the server's own, so that each can read the others' snapshots."""
        storage = self.options.storage
        if storage.master_key or not record.encrypted:
            return {}
        if storage.encrypted:
            return {"master_key": f"file:{storage.state_folder / MASTER_FILE}"}
        KeySource("", self.folder, lambda: service_client(s3_access(self.options.s3), "kms")).find()
        return {"master_key": f"file:{self.folder / MASTER_FILE}"}

    def _roles(self, record: Hosted, known: dict[str, Any]) -> dict[str, Any]:
        """Return the roles that are attached to it, and the one that copies its snapshots."""
        wanted = {*record.roles, self.options.snapshots.copy_role}
        attached = {name: values for name, values in known.items() if name in wanted}
        if record.default_role in known:
            attached["default"] = known[record.default_role]
        return attached


def free_port(options: Options, taken: Iterable[int]) -> int:
    """Return a port of ``clusters.ports`` that nobody listens on, 0 where any will do; raises ``ConfigError``."""
    if not options.clusters.ports:
        return 0
    known = set(taken)
    for port in port_range(options.clusters.ports):
        if port not in known and can_listen(options.server.host, port):
            return port
    raise ConfigError(f"no port of clusters.ports ({options.clusters.ports}) is free")


def port_range(text: str) -> range:
    """Return the ports that ``clusters.ports`` says; raises ``ConfigError``."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) <= 65_535):
        raise ConfigError(f'clusters.ports must be two ports, as 5440-5499, not "{text}"')
    return range(int(first), int(last) + 1)


def can_listen(host: str, port: int) -> bool:
    """Tell whether *port* can be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("" if host == "*" else host, port))
        except OSError:
            return False
    return True


def _below(destination: str, record: Hosted) -> str:
    return f"{destination.rstrip('/')}/clusters/{record.key}" if destination else ""
