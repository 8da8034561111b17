"""The options as values: a frozen class for each section of the file, and for each of its named tables."""

from dataclasses import dataclass, field
from pathlib import Path

from core.options import BY_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Section ``server``."""

    host: str
    port: int
    max_connections: int
    max_unauthenticated: int
    authentication_timeout_s: float
    drain_grace_s: float
    max_message_bytes: int
    tls: str
    tls_certificate: str
    tls_key: str
    tls_client_authority: str
    tls_client_certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    """Section ``admin``."""

    user: str
    password: str = field(repr=False)
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageOptions:
    """Section ``storage``."""

    data: str
    folder: str
    catalog: str = field(repr=False)  # an address may hold a password
    shared: bool
    catalog_wait_s: int
    inline_row_limit: int
    encrypted: bool
    master_key: str
    previous_master_key: str

    @property
    def is_remote(self) -> bool:
        """Return whether the Parquet files are in S3."""
        return self.data.startswith("s3://")

    @property
    def parquet(self) -> str:
        """Return where the Parquet files are: a folder, or ``s3://bucket/prefix``."""
        if self.is_remote:
            return self.data
        # Servers that share them have other folders of their own.
        return str((Path(self.data).expanduser().absolute() if self.shared else self.state_folder) / "data")

    @property
    def state_folder(self) -> Path:
        """Return the local folder of lock, catalogue file, certificates and the generated password."""
        local = BY_NAME["storage.data"].default if self.is_remote else self.data
        return Path(self.folder or str(local)).expanduser().absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Section ``s3``, and the credentials of a role."""

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    url_style: str
    use_ssl: bool
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Section ``engine``."""

    threads: int
    memory_limit: str
    temp_folder: str
    temp_limit: str
    hot_tables_mb: int
    table_cache_mb: int
    result_cache_mb: int
    workers: int
    niceness: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkOptions:
    """Section ``spark``."""

    url: str
    token: str = field(repr=False)
    scan_mb: int
    connect_timeout_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WlmOptions:
    """Section ``wlm``."""

    json_configuration: str
    queue_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UdfOptions:
    """Section ``udf``."""

    python: str
    memory_mb: int
    time_limit_s: float
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """Section ``copy``."""

    local_folders: tuple[str, ...]
    job_poll_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOptions:
    """Section ``external``."""

    data_catalog: str
    stream_poll_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions:
    """Section ``history``."""

    retention_days: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions:
    """Section ``snapshots``."""

    destination: str
    interval_hours: int
    changed_mb: int
    retention_days: int
    copy_to: str
    copy_role: str
    copy_retention_days: int
    verify_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepOptions:
    """Section ``upkeep``."""

    enabled: bool
    interval_s: float
    job_mb: int
    time_percent: int
    keep_s: float
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """Section ``audit``."""

    destination: str
    interval_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """Section ``log``."""

    level: str
    format: str
    slow_turn_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """Section ``api``."""

    listen: str
    cluster: str
    namespace: str
    region: str
    account: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    max_connections: int
    active_statements: int
    running_statements: int
    result_mb: int
    results_mb: int
    retention_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightOptions:
    """Section ``flight``."""

    listen: str
    max_connections: int
    idle_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityOptions:
    """Who may sign requests, and what it may do."""

    name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    policies: tuple[str, ...]
    db_user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceOptions:
    """Another server that datashares come from or go to."""

    name: str
    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    tls: str
    authority: str
    role: str
    admits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an IAM role's name, or ``default``, stands for."""

    name: str
    access: S3Options
    allowed: tuple[str, ...]
    assume: bool = False
    policies: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Section ``clusters``."""

    folder: str
    most: int
    ports: str
    memory_limit: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationOptions:
    """A database server that databases may follow."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    secret: str
    publication: str
    tables: tuple[str, ...]
    sslmode: str
    sslrootcert: str
