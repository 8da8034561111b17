"""The options of the server: the rows of ``core.options``, read from a TOML file, the environment and flags.

A flag wins over ``DUCKSHIFT_<SECTION>_<KEY>``, that over the file, that over the default. What comes out are
frozen values which constructors take; no other module reads the environment. ``config/duckshift.toml`` and
docs/reference/config.md are written from the table (``make docs``).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from core.option_values import ConfigError as ConfigError
from core.option_values import checked, from_text
from core.options import (
    BY_FLAG,
    BY_NAME,
    BY_VARIABLE,
    IDENTITY_OPTIONS,
    OPTIONS,
    PREFIX,
    ROLE_OPTIONS,
    SECTIONS,
    Option,
    Value,
)

CONFIG_VARIABLE: Final = "DUCKSHIFT_CONFIG"
"""Names the file where no ``--config`` does."""
TABLES: Final = ("roles", "identities", "policies", "secrets", "issuers")
"""Tables of the file whose keys are names that the administrator chooses."""


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
    inline_row_limit: int
    encrypted: bool
    master_key: str
    previous_master_key: str

    @property
    def is_remote(self) -> bool:
        """Return whether the Parquet files are in S3."""
        return self.data.startswith("s3://")

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
    hot_tables_mb: int
    workers: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """Section ``api``."""

    listen: str
    cluster: str
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
class Role:
    """What an IAM role's name, or ``default``, stands for."""

    name: str
    access: S3Options
    allowed: tuple[str, ...]
    assume: bool = False
    policies: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be configured, and where each value came from."""

    server: ServerOptions
    admin: AdminOptions
    storage: StorageOptions
    s3: S3Options
    engine: EngineOptions
    wlm: WlmOptions
    udf: UdfOptions
    copy: CopyOptions
    external: ExternalOptions
    history: HistoryOptions
    snapshots: SnapshotOptions
    audit: AuditOptions
    api: ApiOptions
    flight: FlightOptions
    log: LogOptions
    roles: Mapping[str, Role]
    identities: Mapping[str, IdentityOptions]
    policies: Mapping[str, Mapping[str, Any]]
    """Documents in IAM's shape, as the file has them."""
    secrets: Mapping[str, str]
    """ARN of a secret → the database user that it stands for."""
    issuers: Mapping[str, str]
    """Issuer of an identity provider's tokens → the file with its public keys."""
    origins: Mapping[str, str]
    """``section.key`` → ``default``, the file's name, the variable's or the flag's."""


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> Options:
    """Return the options of *file*, *environment* and *flags* (``--port`` → text); raises ``ConfigError``."""
    values: dict[str, Value] = {option.name: option.default for option in OPTIONS}
    origins = dict.fromkeys(values, "default")
    document = _document(file)
    tables = {name: document.pop(name, {}) for name in TABLES}
    for found in (_from_file(document, str(file)), _from_environment(environment or {}), _from_flags(flags or {})):
        for option, value, origin in found:
            values[option.name] = value
            origins[option.name] = origin
    return Options(
        server=ServerOptions(**_section(values, "server")),
        admin=AdminOptions(**_section(values, "admin")),
        storage=StorageOptions(**_section(values, "storage")),
        s3=S3Options(**_section(values, "s3")),
        engine=EngineOptions(**_section(values, "engine")),
        wlm=WlmOptions(**_section(values, "wlm")),
        udf=UdfOptions(**_section(values, "udf")),
        copy=CopyOptions(**_section(values, "copy")),
        external=ExternalOptions(**_section(values, "external")),
        history=HistoryOptions(**_section(values, "history")),
        snapshots=SnapshotOptions(**_section(values, "snapshots")),
        audit=AuditOptions(**_section(values, "audit")),
        api=ApiOptions(**_section(values, "api")),
        flight=FlightOptions(**_section(values, "flight")),
        log=LogOptions(**_section(values, "log")),
        roles=_roles(tables["roles"], str(file)),
        identities=_identities(tables["identities"], str(file)),
        policies=_documents(tables["policies"], f"{file}: policies"),
        secrets=_texts(tables["secrets"], f"{file}: secrets"),
        issuers=_texts(tables["issuers"], f"{file}: issuers"),
        origins=origins,
    )


Found = Iterable[tuple[Option, Value, str]]


def _document(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _from_file(document: Mapping[str, Any], origin: str) -> Found:
    sections = [name for name, _ in SECTIONS]
    for section, content in document.items():
        if section not in sections:
            raise ConfigError(f"{origin}: unknown section [{section}]{_nearest(section, [*sections, *TABLES])}")
        for key, value in _table(content, f"{origin}: {section}").items():
            option = BY_NAME.get(f"{section}.{key}")
            if option is None:
                known = [option.key for option in OPTIONS if option.section == section]
                raise ConfigError(f'{origin}: unknown key "{key}" in [{section}]{_nearest(key, known)}')
            yield option, checked(option, value, f"{origin}: {option.name}"), origin


def _from_environment(environment: Mapping[str, str]) -> Found:
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        option = BY_VARIABLE.get(variable)
        if option is None:
            raise ConfigError(f"unknown environment variable {variable}{_nearest(variable, BY_VARIABLE)}")
        yield option, from_text(option, text, variable), variable


def _from_flags(flags: Mapping[str, str | None]) -> Found:
    for flag, text in flags.items():
        if text is not None:
            yield BY_FLAG[flag], from_text(BY_FLAG[flag], text, flag), flag


def _roles(document: object, origin: str) -> dict[str, Role]:
    roles = {}
    for name, values in _named(document, "role", ROLE_OPTIONS, origin):
        own = {key: values.pop(key) for key in ("allowed", "assume", "policies", "trust")}
        roles[name] = Role(name=name, access=S3Options(**values), **own)
    return roles


def _identities(document: object, origin: str) -> dict[str, IdentityOptions]:
    identities = {}
    for name, values in _named(document, "identity", IDENTITY_OPTIONS, origin):
        if bool(values["access_key_id"]) is not bool(values["secret_access_key"]):
            raise ConfigError(f'{origin}: identity "{name}" needs both access_key_id and secret_access_key')
        identities[name] = IdentityOptions(name=name, **values)
    return identities


def _named(
    document: object, what: str, options: Iterable[Option], origin: str
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield the tables of *document* with their values, defaults filled in."""
    known = {option.key: option for option in options}
    for name, content in _table(document, f"{origin}: {what}").items():
        where = f'{origin}: {what} "{name}"'
        values: dict[str, Any] = {key: option.default for key, option in known.items()}
        for key, value in _table(content, where).items():
            if key not in known:
                raise ConfigError(f'{where}: unknown key "{key}"{_nearest(key, known)}')
            values[key] = checked(known[key], value, f"{where}: {key}")
        yield name, values


def _documents(document: object, where: str) -> dict[str, Mapping[str, Any]]:
    return {name: _table(content, f'{where} "{name}"') for name, content in _table(document, where).items()}


def _texts(document: object, where: str) -> dict[str, str]:
    given = _table(document, where)
    if not all(isinstance(value, str) for value in given.values()):
        raise ConfigError(f"{where} must be a table of text")
    return given


def _section(values: Mapping[str, Value], section: str) -> dict[str, Any]:
    return {option.key: values[option.name] for option in OPTIONS if option.section == section}


def _table(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(f"{where} must be a table")
    return content


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f', did you mean "{matches[0]}"?' if matches else ""
