"""The options of the server: one table, read from a TOML file, the environment and flags.

A flag wins over ``DUCKSHIFT_<SECTION>_<KEY>``, that over the file, that over the default. What comes out are
frozen values which constructors take; no other module reads the environment. ``config/duckshift.toml`` and
docs/reference/config.md are written from the table (``make docs``).
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast

Value = str | int | float | bool | tuple[str, ...]
PREFIX: Final = "DUCKSHIFT_"
CONFIG_VARIABLE: Final = "DUCKSHIFT_CONFIG"
"""Names the file where no ``--config`` does."""


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line for the person who starts the server."""


class Kind(StrEnum):
    """What an option's value is."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - the kind, not one
    """Text that is never shown again."""
    INTEGER = "integer"
    SECONDS = "seconds"
    FLAG = "true or false"
    CHOICE = "one of"
    LIST = "list of text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the options table."""

    section: str
    key: str
    kind: Kind
    default: Value
    doc: str
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    flag: str = ""
    """The command line's name for it, e.g. ``--port``."""

    @property
    def name(self) -> str:
        """Return ``section.key``."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return f"{PREFIX}{self.section}_{self.key}".upper()


_T, _X, _I, _S, _F, _C, _L = (
    Kind.TEXT, Kind.SECRET, Kind.INTEGER, Kind.SECONDS, Kind.FLAG, Kind.CHOICE, Kind.LIST
)

# fmt: off
SECTIONS: Final = (
    ("server",  "Where the server listens and what it lets a client do."),
    ("admin",   "The first superuser and database, made when a data folder is new."),
    ("storage", "Where tables and the catalogue live."),
    ("s3",      "How to reach the bucket of storage.data when that is s3://."),
    ("engine",  "What DuckDB may use."),
    ("copy",    "What COPY and UNLOAD may reach besides S3."),
    ("log",     "What the server writes to stderr."),
)

OPTIONS: Final = (
    Option(section="server", key="host", kind=_T, default="127.0.0.1", flag="--host", doc="Address to listen on; 0.0.0.0 is every IPv4 address of the machine."),
    Option(section="server", key="port", kind=_I, default=5439, maximum=65535, flag="--port", doc="Port to listen on; 0 takes a free one, which the ready line names."),
    Option(section="server", key="max_connections", kind=_I, default=500, minimum=1, maximum=100_000, doc="Sessions at a time; further ones are refused with 53300."),
    Option(section="server", key="max_unauthenticated", kind=_I, default=100, minimum=1, maximum=100_000, doc="Connections at a time that have not proved who they are."),
    Option(section="server", key="authentication_timeout_s", kind=_S, default=60, minimum=1, maximum=3600, doc="Seconds a client has to prove who it is."),
    Option(section="server", key="drain_grace_s", kind=_S, default=30, maximum=86_400, doc="Seconds that running statements get after SIGTERM before they are ended with 57P01."),
    Option(section="server", key="max_message_bytes", kind=_I, default=64 * 1024 * 1024, minimum=65_536, maximum=1024 * 1024 * 1024, doc="Longest message accepted from a client."),
    Option(section="server", key="tls", kind=_C, default="allow", choices=("allow", "require", "disable"), doc="Whether clients may, must or cannot encrypt."),
    Option(section="server", key="tls_certificate", kind=_T, default="", doc="PEM file with the certificate chain; empty makes a self-signed pair in the data folder."),
    Option(section="server", key="tls_key", kind=_T, default="", doc="PEM file with the certificate's key."),
    Option(section="admin", key="user", kind=_T, default="awsuser", doc="Name of the first superuser."),
    Option(section="admin", key="password", kind=_X, default="", doc="Its password; empty generates one, prints it once and keeps it in a file of mode 0600 in the data folder."),
    Option(section="admin", key="database", kind=_T, default="dev", doc="Name of the first database."),
    Option(section="storage", key="data", kind=_T, default="duckshift-data", flag="--data", doc="Folder of the Parquet files, or s3://bucket/prefix."),
    Option(section="storage", key="folder", kind=_T, default="", doc="Local folder for catalogue file, lock, certificates and the generated password; empty is storage.data, or duckshift-data when that is s3://."),
    Option(section="storage", key="catalog", kind=_T, default="", doc="DuckLake catalogue: empty for a DuckDB file in the folder, sqlite:FILE, or postgres://USER:PASSWORD@HOST/DATABASE."),
    Option(section="storage", key="inline_row_limit", kind=_I, default=100, doc="Inserts of up to this many rows are kept in the catalogue until they are flushed to Parquet."),
    Option(section="storage", key="encrypted", kind=_F, default=False, doc="Whether a new lake encrypts its Parquet files (keys are in the catalogue)."),
    Option(section="s3", key="endpoint", kind=_T, default="", doc="host:port or URL of another S3 than AWS's."),
    Option(section="s3", key="region", kind=_T, default="us-east-1", doc="Region of the bucket."),
    Option(section="s3", key="access_key_id", kind=_T, default="", doc="Access key; empty takes the machine's own AWS credentials."),
    Option(section="s3", key="secret_access_key", kind=_X, default="", doc="Secret of the access key."),
    Option(section="s3", key="session_token", kind=_X, default="", doc="Session token of temporary credentials."),
    Option(section="s3", key="url_style", kind=_C, default="", choices=("", "path", "vhost"), doc="Where the bucket's name goes: path or vhost; empty fits most."),
    Option(section="s3", key="use_ssl", kind=_F, default=True, doc="Whether to speak TLS to the endpoint."),
    Option(section="engine", key="threads", kind=_I, default=0, maximum=1024, doc="DuckDB's threads; 0 is one a core."),
    Option(section="engine", key="memory_limit", kind=_T, default="", doc="DuckDB's memory, as 8GB; empty is four fifths of the machine's."),
    Option(section="engine", key="temp_folder", kind=_T, default="", doc="Where DuckDB spills; empty is tmp in the data folder."),
    Option(section="engine", key="hot_tables_mb", kind=_I, default=256, maximum=1_048_576, doc="Mebibytes of memory for copies of small tables that are read often; 0 keeps none."),
    Option(section="engine", key="workers", kind=_I, default=16, minimum=1, maximum=1024, doc="Statements that DuckDB works on at a time; further ones wait."),
    Option(section="copy", key="local_folders", kind=_L, default=(), doc="Folders that COPY may read from and UNLOAD write to by file:// or an absolute path."),
    Option(section="log", key="level", kind=_C, default="info", choices=("debug", "info", "warning", "error"), doc="Least important kind of line written."),
    Option(section="log", key="format", kind=_C, default="text", choices=("text", "json"), doc="text is key=value for people, json one object a line for machines."),
)

# Keys of a role, [roles."arn:aws:iam::123456789012:role/load"]; they mean what the same keys of [s3] mean.
ROLE_OPTIONS: Final = (
    *(option for option in OPTIONS if option.section == "s3"),
    Option(section="s3", key="allowed", kind=_L, default=(), doc="Prefixes (s3://bucket/prefix) that the role may touch; empty is everything its credentials may."),
)
# fmt: on

_BY_NAME: Final = {option.name: option for option in OPTIONS}
_BY_VARIABLE: Final = {option.variable: option for option in OPTIONS}
BY_FLAG: Final = {option.flag: option for option in OPTIONS if option.flag}


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

    @property
    def is_remote(self) -> bool:
        """Return whether the Parquet files are in S3."""
        return self.data.startswith("s3://")

    @property
    def state_folder(self) -> Path:
        """Return the local folder of lock, catalogue file, certificates and the generated password."""
        local = _BY_NAME["storage.data"].default if self.is_remote else self.data
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Section ``engine``."""

    threads: int
    memory_limit: str
    temp_folder: str
    hot_tables_mb: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """Section ``copy``."""

    local_folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """Section ``log``."""

    level: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an IAM role's name, or ``default``, stands for."""

    name: str
    access: S3Options
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be configured, and where each value came from."""

    server: ServerOptions
    admin: AdminOptions
    storage: StorageOptions
    s3: S3Options
    engine: EngineOptions
    copy: CopyOptions
    log: LogOptions
    roles: Mapping[str, Role]
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
    roles = document.pop("roles", {})
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
        copy=CopyOptions(**_section(values, "copy")),
        log=LogOptions(**_section(values, "log")),
        roles=_roles(roles, str(file)),
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
            raise ConfigError(f"{origin}: unknown section [{section}]{_nearest(section, [*sections, 'roles'])}")
        for key, value in _table(content, f"{origin}: {section}").items():
            option = _BY_NAME.get(f"{section}.{key}")
            if option is None:
                known = [option.key for option in OPTIONS if option.section == section]
                raise ConfigError(f'{origin}: unknown key "{key}" in [{section}]{_nearest(key, known)}')
            yield option, checked(option, value, f"{origin}: {option.name}"), origin


def _from_environment(environment: Mapping[str, str]) -> Found:
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        option = _BY_VARIABLE.get(variable)
        if option is None:
            raise ConfigError(f"unknown environment variable {variable}{_nearest(variable, _BY_VARIABLE)}")
        yield option, from_text(option, text, variable), variable


def _from_flags(flags: Mapping[str, str | None]) -> Found:
    for flag, text in flags.items():
        if text is not None:
            yield BY_FLAG[flag], from_text(BY_FLAG[flag], text, flag), flag


def _roles(document: object, origin: str) -> dict[str, Role]:
    known = {option.key: option for option in ROLE_OPTIONS}
    roles = {}
    for name, content in _table(document, f"{origin}: roles").items():
        where = f'{origin}: role "{name}"'
        values: dict[str, Any] = {key: option.default for key, option in known.items()}
        for key, value in _table(content, where).items():
            if key not in known:
                raise ConfigError(f'{where}: unknown key "{key}"{_nearest(key, known)}')
            values[key] = checked(known[key], value, f"{where}: {key}")
        allowed = values.pop("allowed")
        roles[name] = Role(name=name, access=S3Options(**values), allowed=allowed)
    return roles


def _section(values: Mapping[str, Value], section: str) -> dict[str, Any]:
    return {option.key: values[option.name] for option in OPTIONS if option.section == section}


def _table(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(f"{where} must be a table")
    return content


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f', did you mean "{matches[0]}"?' if matches else ""


def from_text(option: Option, text: str, origin: str) -> Value:
    """Return the value that *text*, of a flag or variable, gives *option*; raises ``ConfigError``."""
    convert = _FROM_TEXT.get(option.kind)
    if convert is None:
        return checked(option, text, origin)
    try:
        return checked(option, convert(text), origin)
    except (ValueError, KeyError):
        raise ConfigError(f'{origin}: "{text}" is not {_EXPECTED[option.kind]}') from None


def checked(option: Option, value: object, origin: str) -> Value:
    """Return *value* where it is one that *option* may have; raises ``ConfigError``."""
    if option.kind is Kind.LIST and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, bool) is not (option.kind is Kind.FLAG) or not isinstance(value, _TYPES[option.kind]):
        raise ConfigError(f"{origin} must be {_EXPECTED[option.kind]}")
    if option.kind is Kind.CHOICE and value not in option.choices:
        named = ", ".join(f'"{choice}"' for choice in option.choices)
        raise ConfigError(f'{origin} must be one of {named}, not "{value}"')
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_range(option, value, origin)
    return cast(Value, value)


def _check_range(option: Option, value: float, origin: str) -> None:
    if option.maximum is None and value < option.minimum:
        raise ConfigError(f"{origin} must be at least {option.minimum}")
    if option.maximum is not None and not option.minimum <= value <= option.maximum:
        raise ConfigError(f"{origin} must be between {option.minimum} and {option.maximum}")


_EXPECTED: Final = {
    Kind.TEXT: "text",
    Kind.SECRET: "text",
    Kind.INTEGER: "a whole number",
    Kind.SECONDS: "a number of seconds",
    Kind.FLAG: "true or false",
    Kind.CHOICE: "text",
    Kind.LIST: "a list of text",
}
_TYPES: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.TEXT: (str,),
    Kind.SECRET: (str,),
    Kind.INTEGER: (int,),
    Kind.SECONDS: (int, float),
    Kind.FLAG: (bool,),
    Kind.CHOICE: (str,),
    Kind.LIST: (tuple,),
}
_FLAGS: Final = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "no": False}
_FROM_TEXT: Final[Mapping[Kind, Callable[[str], Value]]] = {
    Kind.INTEGER: int,
    Kind.SECONDS: float,
    Kind.FLAG: lambda text: _FLAGS[text.strip().lower()],
    Kind.LIST: lambda text: tuple(part for part in (part.strip() for part in text.split(",")) if part),
}
