"""Session parameters: one row a parameter, and the values of one session.

Redshift, "Configuration reference"; PostgreSQL, section 20.11 and 55.2.7 (which are reported). SET of an
unknown name fails with 42704; a name with a dot is a session context variable and takes any text.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from core.errors import SqlError
from core.sqlstate import SqlState

Parse = Callable[[str, str], str]
"""(parameter, text as given) → canonical text; raises 22023."""

_TRUE: Final = frozenset({"on", "true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"off", "false", "f", "no", "n", "0"})
_DURATION: Final = re.compile(r"\s*(-?\d+)\s*(us|ms|s|min|h|d)?\s*\Z")
_MILLISECONDS: Final = {"us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+-]?)(\d{1,2})(?::?(\d{2}))?\Z", re.IGNORECASE)
CONTEXT_BYTES: Final = 20 * 1024


def _invalid(name: str, text: str, hint: str | None = None) -> SqlError:
    return SqlError(SqlState.INVALID_PARAMETER_VALUE, f'invalid value for parameter "{name}": "{text}"', hint=hint)


def any_text(name: str, text: str) -> str:
    """Take any text."""
    return text


def switch(name: str, text: str) -> str:
    """Take a Boolean and show it as on or off."""
    return "on" if truth(name, text) else "off"


def boolean(name: str, text: str) -> str:
    """Take a Boolean and show it as true or false."""
    return "true" if truth(name, text) else "false"


def truth(name: str, text: str) -> bool:
    """Return what a Boolean parameter's *text* means."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'parameter "{name}" requires a Boolean value')


def whole(low: int, high: int) -> Parse:
    """Return a parser of whole numbers from *low* to *high*."""

    def parse(name: str, text: str) -> str:
        try:
            number = int(text)
        except ValueError:
            raise _invalid(name, text) from None
        if not low <= number <= high:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE,
                f'{number} is outside the valid range for parameter "{name}" ({low} .. {high})',
            )
        return str(number)

    return parse


def fraction(name: str, text: str) -> str:
    """Take a number from -1 to 1 (SEED)."""
    try:
        number = float(text)
    except ValueError:
        raise _invalid(name, text) from None
    if not -1 <= number <= 1:
        raise _invalid(name, text)
    return text


def one_of(*words: str) -> Parse:
    """Return a parser that takes one of *words* in any case."""

    def parse(name: str, text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise _invalid(name, text, f"Available values: {', '.join(words)}.")
        return word

    return parse


def milliseconds(name: str, text: str) -> str:
    """Take a duration in milliseconds, or with a unit."""
    match = _DURATION.match(text)
    if match is None or int(match[1]) < 0:
        raise _invalid(name, text)
    return str(int(int(match[1]) * _MILLISECONDS[match[2] or "ms"]))


def time_zone(name: str, text: str) -> str:
    """Take a time zone: a name or a whole-hour offset."""
    word = text.strip().strip("'")
    if word.lower() in {"utc", "gmt", "default", "local", "z"}:
        return "UTC"
    match = _OFFSET.match(word)
    if match is not None:
        return _offset_zone(name, text, match)
    try:
        ZoneInfo(word)
    except (ValueError, KeyError, OSError):
        raise _invalid(name, text) from None
    return word


def _offset_zone(name: str, text: str, match: re.Match[str]) -> str:
    hours = int(match[2])
    if hours > 14 or int(match[3] or 0):
        raise _invalid(name, text)
    # Etc/GMT names count westwards, SET TIME ZONE eastwards.
    sign = "+" if match[1] == "-" else "-"
    return "UTC" if hours == 0 else f"Etc/GMT{sign}{hours}"


def encoding(name: str, text: str) -> str:
    """Take a client encoding: UTF-8 under any of its names."""
    if re.sub(r"[^a-z0-9]", "", text.lower()) in {"utf8", "unicode", "default"}:
        return "UTF8"
    raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f'client encoding "{text}" is not supported', hint="Use UTF8.")


def date_style(name: str, text: str) -> str:
    """Take an output style and an order of day, month and year, either or both."""
    style, order = "ISO", ""
    for word in re.split(r"[,\s]+", text.strip()):
        upper = word.upper()
        if upper in {"ISO", "POSTGRES", "SQL", "GERMAN"}:
            style = {"POSTGRES": "Postgres", "GERMAN": "German"}.get(upper, upper)
        elif upper in _ORDERS:
            order = _ORDERS[upper]
        elif upper not in {"", "DEFAULT"}:
            raise _invalid(name, text)
    return f"{style}, {order or ('DMY' if style == 'German' else 'MDY')}"


_ORDERS: Final = {
    "MDY": "MDY", "DMY": "DMY", "YMD": "YMD", "US": "MDY", "NONEURO": "MDY", "NONEUROPEAN": "MDY",
    "EURO": "DMY", "EUROPEAN": "DMY",
}  # fmt: skip


def isolation(name: str, text: str) -> str:
    """Take an isolation level; the weaker ones are answered with SNAPSHOT, as Redshift maps them."""
    word = " ".join(text.lower().replace("_", " ").split())
    if word in {"serializable", "snapshot"}:
        return word
    if word in {"read committed", "read uncommitted", "repeatable read", "default"}:
        return "snapshot"
    raise _invalid(name, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One parameter."""

    name: str
    default: str
    parse: Parse = any_text
    reported: str = ""
    """Its name in ParameterStatus, where changes are reported."""
    read_only: bool = False
    translation: bool = False
    """Whether it changes how statements are translated."""
    doc: str


# fmt: off
SETTINGS: Final = (
    Setting(name="analyze_threshold_percent", default="10", parse=whole(0, 100), doc="Changed rows below which ANALYZE skips a table."),
    Setting(name="application_name", default="", reported="application_name", doc="What the client calls itself."),
    Setting(name="auto_analyze", default="true", parse=boolean, read_only=True, doc="Of the parameter group: statistics follow every write."),
    Setting(name="auto_mv", default="true", parse=boolean, read_only=True, doc="Of the parameter group: whether the server makes materialized views itself; it makes none."),
    Setting(name="bytea_output", default="hex", parse=one_of("hex", "escape"), doc="Taken for PostgreSQL drivers."),
    Setting(name="cast_super_null_on_error", default="on", parse=switch, translation=True, doc="Bad SUPER casts give NULL."),
    Setting(name="client_encoding", default="UTF8", parse=encoding, reported="client_encoding", doc="Always UTF-8."),
    Setting(name="client_min_messages", default="notice", parse=one_of("debug5", "debug4", "debug3", "debug2", "debug1", "log", "info", "notice", "warning", "error", "fatal", "panic"), doc="Least severity that is sent."),
    Setting(name="data_catalog_auto_mount", default="off", parse=switch, read_only=True, doc="Set by ALTER SYSTEM in Redshift; there is no data catalog to mount."),
    Setting(name="datashare_break_glass_session_var", default="", doc="What datashares of AWS Data Exchange ask for before they are dropped or made less public."),
    Setting(name="datestyle", default="ISO, MDY", parse=date_style, reported="DateStyle", translation=True, doc="How dates are shown and read."),
    Setting(name="default_array_search_null_handling", default="true", parse=boolean, translation=True, doc="Whether array searches look for NULL."),
    Setting(name="default_geometry_encoding", default="2", parse=whole(1, 2), doc="Taken; how geometries are encoded inside does not show."),
    Setting(name="default_transaction_isolation", default="snapshot", parse=isolation, doc="Isolation of new transactions."),
    Setting(name="default_transaction_read_only", default="off", parse=switch, doc="Whether new transactions are read-only."),
    Setting(name="describe_field_name_in_uppercase", default="off", parse=switch, doc="Whether result columns are named in upper case."),
    Setting(name="downcase_delimited_identifier", default="on", parse=switch, translation=True, doc="Whether quoted identifiers fold to lower case."),
    Setting(name="duckshift.engine", default="auto", parse=one_of("auto", "duckdb", "spark"), doc="Which engine runs queries; auto goes by queue and by spark.scan_mb of the configuration."),
    Setting(name="enable_case_sensitive_identifier", default="false", parse=boolean, translation=True, doc="Whether quoted identifiers keep their case."),
    Setting(name="enable_case_sensitive_super_attribute", default="false", parse=boolean, translation=True, doc="Whether SUPER attributes keep their case, quoted or not."),
    Setting(name="enable_numeric_rounding", default="off", parse=switch, translation=True, doc="Whether casts to fewer digits round."),
    Setting(name="enable_result_cache_for_session", default="on", parse=switch, doc="Whether results may come from the cache."),
    Setting(name="enable_spectrum_oid", default="true", parse=boolean, translation=True, doc="Whether external tables show $spectrum_oid."),
    Setting(name="enable_user_activity_logging", default="false", parse=boolean, read_only=True, doc="Of the parameter group: whether statements are logged to files."),
    Setting(name="enable_vacuum_boost", default="off", parse=switch, doc="Taken; VACUUM always uses what it needs."),
    Setting(name="error_on_nondeterministic_update", default="false", parse=boolean, translation=True, doc="Whether several matches of one row are an error."),
    Setting(name="extra_float_digits", default="0", parse=whole(-15, 3), doc="Digits of floating-point text beyond 15 (6 for REAL)."),
    Setting(name="idle_in_transaction_session_timeout", default="0", parse=milliseconds, doc="Taken for PostgreSQL drivers."),
    Setting(name="integer_datetimes", default="on", reported="integer_datetimes", read_only=True, doc="Dates travel as integers."),
    Setting(name="interval_forbid_composite_literals", default="on", parse=switch, translation=True, doc="Whether an interval may mix months and seconds."),
    Setting(name="intervalstyle", default="postgres", parse=one_of("postgres", "postgres_verbose", "sql_standard", "iso_8601"), doc="How intervals are shown."),
    Setting(name="json_serialization_enable", default="off", parse=switch, translation=True, doc="Nested external data as JSON text."),
    Setting(name="json_serialization_parse_nested_strings", default="off", parse=switch, doc="Whether strings inside are parsed too."),
    Setting(name="lock_timeout", default="0", parse=milliseconds, doc="Longest wait for a lock; 0 waits for ever."),
    Setting(name="max_concurrency_scaling_clusters", default="1", parse=whole(0, 10), read_only=True, doc="Of the parameter group."),
    Setting(name="max_cursor_result_set_size", default="0", parse=whole(0, 14_400_000), read_only=True, doc="Deprecated in Redshift; results of cursors are bounded by the disk."),
    Setting(name="max_failed_login_attempts", default="5", parse=whole(2, 50), read_only=True, doc="Of the cluster: wrong passwords in a row that lock a user; set by ALTER SYSTEM."),
    Setting(name="max_identifier_length", default="127", read_only=True, doc="Longest identifier, in bytes."),
    Setting(name="max_index_keys", default="32", read_only=True, doc="PostgreSQL's constant, which drivers ask for."),
    Setting(name="metadata_security", default="off", parse=switch, read_only=True, doc="Set by ALTER SYSTEM in Redshift."),
    Setting(name="mv_enable_aqmv_for_session", default="on", parse=switch, doc="Whether queries may be rewritten to materialized views."),
    Setting(name="navigate_super_null_on_error", default="on", parse=switch, translation=True, doc="Navigating what is not there gives NULL."),
    Setting(name="padb_revision", default="1", reported="padb_revision", read_only=True, doc="By its presence drivers know Redshift."),
    Setting(name="parse_super_null_on_error", default="off", parse=switch, translation=True, doc="Bad JSON gives NULL."),
    Setting(name="password_encryption", default="scram-sha-256", read_only=True, doc="How psql's \\password makes a verifier."),
    Setting(name="pg_federation_repeatable_read", default="on", parse=switch, doc="Isolation of federated queries."),
    Setting(name="query_group", default="default", doc="A label that queries are routed and logged by."),
    Setting(name="readonly", default="off", parse=switch, doc="What Redshift's drivers send for read-only connections."),
    Setting(name="require_ssl", default="false", parse=boolean, read_only=True, doc="Of the parameter group; true where `server.tls` of the configuration is require."),
    Setting(name="row_security", default="on", parse=switch, doc="Taken for PostgreSQL tools."),
    Setting(name="search_path", default="$user, public", translation=True, doc="Schemas that bare names are looked up in."),
    Setting(name="seed", default="0", parse=fraction, doc="Start of RANDOM()."),
    Setting(name="server_encoding", default="UTF8", reported="server_encoding", read_only=True, doc="Always UTF-8."),
    Setting(name="server_version", default="8.0.2", reported="server_version", read_only=True, doc="The PostgreSQL that Redshift descends from."),
    Setting(name="server_version_num", default="80002", read_only=True, doc="The same as a number."),
    Setting(name="session_replication_role", default="origin", read_only=True, doc="PostgreSQL's constant."),
    Setting(name="spectrum_enable_pseudo_columns", default="on", parse=switch, translation=True, doc="Whether external tables show $path and $size."),
    Setting(name="spectrum_query_maxerror", default="-1", parse=whole(-1, 2_147_483_647), doc="Taken; bad rows of external tables that a query bears."),
    Setting(name="standard_conforming_strings", default="off", reported="standard_conforming_strings", parse=switch, read_only=True, doc="Off: backslashes escape in ordinary literals."),
    Setting(name="statement_timeout", default="0", parse=milliseconds, doc="Longest run of a statement; 0 is no limit."),
    Setting(name="stored_proc_log_min_messages", default="log", doc="Least severity of procedure messages that is kept."),
    Setting(name="synchronous_commit", default="on", parse=any_text, doc="Taken for PostgreSQL drivers; every commit is durable."),
    Setting(name="timezone", default="UTC", parse=time_zone, reported="TimeZone", translation=True, doc="Zone that timestamps are shown in."),
    Setting(name="transaction_isolation", default="snapshot", parse=isolation, doc="Isolation of the open transaction."),
    Setting(name="transaction_read_only", default="off", parse=switch, doc="Whether the open transaction is read-only."),
    Setting(name="use_fips_ssl", default="false", parse=boolean, read_only=True, doc="Of the parameter group."),
    Setting(name="wlm_json_configuration", default='[{"auto_wlm":true}]', read_only=True, doc="The queues, as wlm.json_configuration has them."),
    Setting(name="wlm_query_slot_count", default="1", parse=whole(1, 50), doc="Slots that a statement takes of a manual queue."),
)
# fmt: on

BY_NAME: Final = {row.name: row for row in SETTINGS}
_INHERITED: Final = {
    "transaction_isolation": "default_transaction_isolation",
    "transaction_read_only": "default_transaction_read_only",
}
_NAMING: Final = (
    "downcase_delimited_identifier", "enable_case_sensitive_identifier", "enable_case_sensitive_super_attribute",
)
AS_WRITTEN: Final = (("enable_case_sensitive_identifier", "true"),)
"""For a text that quotes all its names, as they are in the catalog."""
_SPELLINGS: Final = {"time zone": "timezone", "transaction isolation level": "transaction_isolation"}


class _Known(dict[str, str]):
    """The values that were asked for since the last change; the others are looked up."""

    def __init__(self, look_up: Callable[[str], str]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, name: str) -> str:
        value = self[name] = self._look_up(name)
        return value


class Settings:
    """One session's values, with what SET LOCAL and ROLLBACK take back."""

    def __init__(self, fixed: dict[str, str]) -> None:
        """Start from the defaults; *fixed* are this session's read-only facts."""
        self._fixed = fixed
        self._defaults: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._before: dict[str, str] | None = None
        self._reported: dict[str, str] = {}
        self.stale = True
        """Whether ``reports`` may have something to tell."""
        self._known = _Known(self._look_up)
        self.get: Callable[[str], str] = self._known.__getitem__
        """Return the value of a parameter; raises 42704 for an unknown one."""
        self._naming: tuple[tuple[str, str], ...] | None = None
        self._keeps_case: bool | None = None
        self.changes = 0
        """Grows with every change."""
        self.serial = 0
        """Grows with every change that matters for translation."""

    def _look_up(self, name: str) -> str:
        name = _SPELLINGS.get(name, name)
        for place in (self._local, self._values, self._defaults, self._fixed):
            if name in place:
                return place[name]
        if name in _INHERITED:
            return self.get(_INHERITED[name])
        row = BY_NAME.get(name)
        if row is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'unrecognized configuration parameter "{name}"')
        return row.default

    def refuse_read_only(self) -> None:
        """Raise 25006 where the transaction may not write."""
        if self.on("transaction_read_only"):
            raise SqlError(SqlState.READ_ONLY_SQL_TRANSACTION, "transaction is read-only")

    def number(self, name: str) -> int:
        """Return a numeric parameter's value."""
        return int(self.get(name))

    def on(self, name: str) -> bool:
        """Return a Boolean parameter's value."""
        return self.get(name) in {"on", "true"}

    @property
    def keeps_case(self) -> bool:
        """Whether quoted identifiers keep their case."""
        if self._keeps_case is None:
            folds = self.on("downcase_delimited_identifier")
            self._keeps_case = self.on("enable_case_sensitive_identifier") or not folds
        return self._keeps_case

    @property
    def naming(self) -> tuple[tuple[str, str], ...]:
        """The parameters that decide what names in a text mean; views and prepared statements keep their maker's."""
        if self._naming is None:
            self._naming = tuple(zip(_NAMING, map(self.get, _NAMING), strict=True))
        return self._naming

    def unless_own(self, naming: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Return *naming*, or nothing where it is what the session has now."""
        return () if naming == self.naming else naming

    def set(self, name: str, text: str, *, local: bool = False) -> None:
        """Give *name* a new value, to the end of the session or of the transaction."""
        name = _SPELLINGS.get(name, name)
        value = self._checked(name, text)
        (self._local if local else self._values)[name] = value
        if not local:
            self._local.pop(name, None)
        self._note(name)

    def set_default(self, name: str, text: str) -> None:
        """Give *name* a value that RESET returns to (start-up packet, ALTER USER SET)."""
        name = _SPELLINGS.get(name, name)
        self._defaults[name] = self._checked(name, text)
        self._note(name)

    def offer(self, name: str, text: str) -> None:
        """Give *name* such a value where it has one: drivers send parameters of their own, and none may fail a connection."""
        with suppress(SqlError):
            self.set_default(name, text)

    def fix(self, name: str, value: str) -> None:
        """Change one of the session's read-only facts."""
        self._fixed[name] = value
        self._change()

    def reset(self, name: str) -> None:
        """Return *name* to the session's default."""
        name = _SPELLINGS.get(name, name)
        self.get(name)
        self._refuse_fixed(name)
        self._values.pop(name, None)
        self._local.pop(name, None)
        self._note(name)

    def check(self, name: str, text: str) -> None:
        """Raise what ``set`` would raise."""
        self._checked(_SPELLINGS.get(name, name), text)

    def reset_all(self) -> None:
        """Return everything to the session's defaults."""
        self._values.clear()
        self._local.clear()
        self._change()
        self.serial += 1

    def begin(self) -> None:
        """Remember the values for a rollback."""
        self._before = dict(self._values)

    def end(self, *, committed: bool) -> None:
        """Take back SET LOCAL, and after a rollback every SET of the transaction."""
        changed = bool(self._local)
        self._local.clear()
        if not committed and self._before is not None and self._before != self._values:
            self._values, changed = self._before, True
        if changed:
            self.serial += 1
            self._change()
        self._before = None

    def shown(self) -> Iterator[tuple[str, str, str]]:
        """Yield (name, value, doc) of every parameter, for SHOW ALL and pg_settings."""
        for row in SETTINGS:
            yield row.name, self.get(row.name), row.doc

    def reports(self) -> list[tuple[str, str]]:
        """Return the reported parameters whose values the client does not know yet."""
        if not self.stale:
            return []
        self.stale = False
        fresh = []
        for row in SETTINGS:
            if row.reported:
                value = self.get(row.name)
                if self._reported.get(row.reported) != value:
                    self._reported[row.reported] = value
                    fresh.append((row.reported, value))
        for name in ("is_superuser", "session_authorization"):
            value = self.get(name)
            if self._reported.get(name) != value:
                self._reported[name] = value
                fresh.append((name, value))
        return fresh

    def _checked(self, name: str, text: str) -> str:
        row = BY_NAME.get(name)
        self._refuse_fixed(name)
        if row is not None:
            return row.parse(name, text)
        if name.count(".") == 1:
            if len(text.encode()) > CONTEXT_BYTES:
                raise SqlError(
                    SqlState.INVALID_PARAMETER_VALUE, f'value of "{name}" is longer than {CONTEXT_BYTES} bytes'
                )
            return text
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'unrecognized configuration parameter "{name}"')

    def _refuse_fixed(self, name: str) -> None:
        row = BY_NAME.get(name)
        if name in self._fixed or (row is not None and row.read_only):
            raise SqlError(SqlState.CANT_CHANGE_RUNTIME_PARAM, f'parameter "{name}" cannot be changed')

    def _change(self) -> None:
        """Take note that a value is another now."""
        self.stale = True
        self.changes += 1
        self._known.clear()
        self._naming = self._keeps_case = None

    def _note(self, name: str) -> None:
        self._change()
        row = BY_NAME.get(name)
        if row is None or row.translation:
            self.serial += 1


def search_path(text: str) -> tuple[str, ...]:
    """Return the schema names of a search_path value, folded, quotes taken off."""
    names = []
    for item in re.findall(r'\s*("(?:[^"]|"")*"|[^,]*)\s*(?:,|\Z)', text):
        word = item.strip()
        if word.startswith('"') and word.endswith('"') and len(word) > 1:
            word = word[1:-1].replace('""', '"')
        if word:
            names.append(word.lower())
    return tuple(names)
