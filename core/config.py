"""The options of the server: the rows of ``core.options``, read from a TOML file, the environment and flags.

A flag wins over ``DUCKSHIFT_<SECTION>_<KEY>``, that over the file, that over the default. What comes out are frozen
values; no other module reads the environment. ``make docs`` writes the example file and docs/reference/config.md.
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
    INTEGRATION_OPTIONS,
    NAMESPACE_OPTIONS,
    OPTIONS,
    PREFIX,
    ROLE_OPTIONS,
    SECTIONS,
    Option,
    Value,
)
from core.sections import AdminOptions as AdminOptions
from core.sections import ApiOptions as ApiOptions
from core.sections import AuditOptions as AuditOptions
from core.sections import ClusterOptions as ClusterOptions
from core.sections import CopyOptions as CopyOptions
from core.sections import EngineOptions as EngineOptions
from core.sections import ExternalOptions as ExternalOptions
from core.sections import FlightOptions as FlightOptions
from core.sections import HistoryOptions as HistoryOptions
from core.sections import IdentityOptions as IdentityOptions
from core.sections import IntegrationOptions as IntegrationOptions
from core.sections import LogOptions as LogOptions
from core.sections import NamespaceOptions as NamespaceOptions
from core.sections import Role as Role
from core.sections import S3Options as S3Options
from core.sections import ServerOptions as ServerOptions
from core.sections import SnapshotOptions as SnapshotOptions
from core.sections import SparkOptions as SparkOptions
from core.sections import StorageOptions as StorageOptions
from core.sections import UdfOptions as UdfOptions
from core.sections import UpkeepOptions as UpkeepOptions
from core.sections import WlmOptions as WlmOptions

CONFIG_VARIABLE: Final = "DUCKSHIFT_CONFIG"
"""Names the file where no ``--config`` does."""
TABLES: Final = ("roles", "identities", "namespaces", "policies", "secrets", "issuers", "integrations")
"""Tables of the file whose keys are names that the administrator chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be configured, and where each value came from."""

    server: ServerOptions
    admin: AdminOptions
    storage: StorageOptions
    s3: S3Options
    engine: EngineOptions
    wlm: WlmOptions
    spark: SparkOptions
    udf: UdfOptions
    copy: CopyOptions
    external: ExternalOptions
    history: HistoryOptions
    snapshots: SnapshotOptions
    upkeep: UpkeepOptions
    audit: AuditOptions
    api: ApiOptions
    flight: FlightOptions
    clusters: ClusterOptions
    log: LogOptions
    roles: Mapping[str, Role]
    identities: Mapping[str, IdentityOptions]
    namespaces: Mapping[str, NamespaceOptions]
    policies: Mapping[str, Mapping[str, Any]]
    """Documents in IAM's shape, as the file has them."""
    secrets: Mapping[str, str]
    """ARN of a secret → the database user that it stands for."""
    integrations: Mapping[str, IntegrationOptions]
    issuers: Mapping[str, str]
    """Issuer of an identity provider's tokens → the file with its public keys."""
    origins: Mapping[str, str]
    """``section.key`` → ``default``, the file's name, the variable's or the flag's."""
    document: Mapping[str, Any] = field(repr=False)
    """All of it, as a file would say it."""


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> Options:
    """Return the options of *file*, *environment* and *flags* (``--port`` → text); raises ``ConfigError``."""
    return _options(_document(file), str(file), (_from_environment(environment or {}), _from_flags(flags or {})))


def _options(document: dict[str, Any], file: str, others: Iterable["Found"]) -> Options:
    values: dict[str, Value] = {option.name: option.default for option in OPTIONS}
    origins = dict.fromkeys(values, "default")
    tables = {name: document.pop(name, {}) for name in TABLES}
    for found in (_from_file(document, file), *others):
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
        spark=SparkOptions(**_section(values, "spark")),
        udf=UdfOptions(**_section(values, "udf")),
        copy=CopyOptions(**_section(values, "copy")),
        external=ExternalOptions(**_section(values, "external")),
        history=HistoryOptions(**_section(values, "history")),
        snapshots=SnapshotOptions(**_section(values, "snapshots")),
        upkeep=UpkeepOptions(**_section(values, "upkeep")),
        audit=AuditOptions(**_section(values, "audit")),
        api=ApiOptions(**_section(values, "api")),
        flight=FlightOptions(**_section(values, "flight")),
        clusters=ClusterOptions(**_section(values, "clusters")),
        log=LogOptions(**_section(values, "log")),
        roles=_roles(tables["roles"], file),
        identities=_identities(tables["identities"], file),
        namespaces={
            name: NamespaceOptions(name=name, **values)
            for name, values in _named(tables["namespaces"], "namespace", NAMESPACE_OPTIONS, file)
        },
        policies=_documents(tables["policies"], f"{file}: policies"),
        secrets=_texts(tables["secrets"], f"{file}: secrets"),
        integrations=_integrations(tables["integrations"], str(file)),
        issuers=_texts(tables["issuers"], f"{file}: issuers"),
        origins=origins,
        document={**_sections(values), **tables},
    )


def stated(document: Mapping[str, Any], origin: str) -> Options:
    """Return the options that *document* says, the form of a file; raises ``ConfigError``."""
    return _options(dict(document), origin, ())


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


def _integrations(document: object, origin: str) -> dict[str, IntegrationOptions]:
    named = _named(document, "integration", INTEGRATION_OPTIONS, origin)
    integrations = {name: IntegrationOptions(**values) for name, values in named}
    for name, found in integrations.items():
        if not found.host or bool(found.user) is bool(found.secret):
            raise ConfigError(f'{origin}: integration "{name}" needs host, and either user or secret')
    return integrations


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


def _sections(values: Mapping[str, Value]) -> dict[str, dict[str, Any]]:
    """Return *values* as a file has them: lists are lists."""
    return {section: dict(_listed(_section(values, section))) for section, _ in SECTIONS}


def _listed(section: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((key, list(value) if isinstance(value, tuple) else value) for key, value in section.items())


def _table(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(f"{where} must be a table")
    return content


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f', did you mean "{matches[0]}"?' if matches else ""
