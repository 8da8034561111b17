"""The table of what can be configured: a row an option, in the order of the file that ``make docs`` writes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Value = str | int | float | bool | tuple[str, ...]
PREFIX: Final = "DUCKSHIFT_"


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
    ("wlm",     "Workload management: which statements run beside each other."),
    ("spark",   "A second engine for queries larger than this machine (docs/howto/spark.md)."),
    ("udf",     "Functions in Python, which users write and separate processes run."),
    ("copy",    "What COPY and UNLOAD may reach besides S3."),
    ("external", "Where external schemas find their data catalogs."),
    ("history", "What is kept of what happened, for the STL and SYS views."),
    ("snapshots", "Copies of the whole warehouse, by a schedule and on demand."),
    ("upkeep",  "What is done to tables' files without being asked (docs/operations.md)."),
    ("audit",   "The audit log as files, in the form of Redshift's."),
    ("api",     "The interfaces of AWS over HTTP: Data API, clusters, credentials."),
    ("clusters", "Clusters beside the server itself, which CreateCluster and its like make; needs api.listen."),
    ("flight",  "Arrow Flight SQL, for those who move millions of rows."),
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
    Option(section="server", key="tls_client_authority", kind=_T, default="", doc="PEM file with the authority of clients' certificates; clients of the PostgreSQL port must then have one, besides their password. Needs tls = \"require\"."),
    Option(section="server", key="tls_client_certificate", kind=_C, default="verify-ca", choices=("verify-ca", "verify-full"), doc="Whether a client's certificate must be signed by that authority, or also be made out to the user (common name)."),
    Option(section="admin", key="user", kind=_T, default="awsuser", doc="Name of the first superuser."),
    Option(section="admin", key="password", kind=_X, default="", doc="Its password; empty generates one, prints it once and keeps it in a file of mode 0600 in the data folder."),
    Option(section="admin", key="database", kind=_T, default="dev", doc="Name of the first database."),
    Option(section="storage", key="data", kind=_T, default="duckshift-data", flag="--data", doc="Folder of the Parquet files, or s3://bucket/prefix."),
    Option(section="storage", key="folder", kind=_T, default="", doc="Local folder for catalogue file, lock, certificates and the generated password; empty is storage.data, or duckshift-data when that is s3://."),
    Option(section="storage", key="catalog", kind=_T, default="", doc="DuckLake catalogue: empty for a DuckDB file in the folder, sqlite:FILE, or postgres://USER:PASSWORD@HOST/DATABASE."),
    Option(section="storage", key="shared", kind=_F, default=False, doc="Whether other servers have the same lake: each has a folder of its own, and storage.catalog in PostgreSQL is where they agree (docs/howto/many-servers.md). Needs the package asyncpg."),
    Option(section="storage", key="catalog_wait_s", kind=_I, default=60, doc="How long a server that starts waits for the PostgreSQL of a shared lake's catalogue."),
    Option(section="storage", key="inline_row_limit", kind=_I, default=100, doc="Inserts of up to this many rows are kept in the catalogue until they are flushed to Parquet."),
    Option(section="storage", key="encrypted", kind=_F, default=False, doc="Whether a new warehouse encrypts what it keeps: Parquet files, catalogue, history and what spills."),
    Option(section="storage", key="master_key", kind=_T, default="", doc="What wraps the key of the data folder: file:PATH, env:NAME (32 bytes, or their hexadecimal or base64 text) or kms:KEY of AWS, reached as [s3] says; empty makes a file in the data folder."),
    Option(section="storage", key="previous_master_key", kind=_T, default="", doc="The master key before; what only it opens is wrapped by storage.master_key at start."),
    Option(section="s3", key="endpoint", kind=_T, default="", doc="host:port or URL of another S3 than AWS's."),
    Option(section="s3", key="region", kind=_T, default="us-east-1", doc="Region of the bucket."),
    Option(section="s3", key="access_key_id", kind=_T, default="", doc="Access key; empty takes the machine's own AWS credentials."),
    Option(section="s3", key="secret_access_key", kind=_X, default="", doc="Secret of the access key."),
    Option(section="s3", key="session_token", kind=_X, default="", doc="Session token of temporary credentials."),
    Option(section="s3", key="url_style", kind=_C, default="", choices=("", "path", "vhost"), doc="Where the bucket's name goes: path or vhost; empty fits most."),
    Option(section="s3", key="use_ssl", kind=_F, default=True, doc="Whether to speak TLS to the endpoint."),
    Option(section="s3", key="services", kind=_L, default=(), doc="Addresses of other services than S3, as dynamodb=http://127.0.0.1:8000; those not named are AWS's."),
    Option(section="engine", key="threads", kind=_I, default=0, maximum=1024, doc="DuckDB's threads; 0 is one a core."),
    Option(section="engine", key="memory_limit", kind=_T, default="", doc="DuckDB's memory, as 8GB; empty is four fifths of the machine's."),
    Option(section="engine", key="temp_folder", kind=_T, default="", doc="Where DuckDB spills; empty is tmp in the data folder."),
    Option(section="engine", key="temp_limit", kind=_T, default="", doc="How much each of its two instances (tables, and copies in memory) may spill, as 100GB; empty is a third of what is free on that disk when the server starts. A statement that needs more fails with Disk Full."),
    Option(section="engine", key="hot_tables_mb", kind=_I, default=256, maximum=1_048_576, doc="Mebibytes of memory for copies of small tables that are read often; 0 keeps none."),
    Option(section="engine", key="table_cache_mb", kind=_I, default=4_096, maximum=16_777_216, doc="Mebibytes of disk in the data folder for copies, in the engine's own format, of tables that are read repeatedly; 0 keeps none."),
    Option(section="engine", key="result_cache_mb", kind=_I, default=64, maximum=1_048_576, doc="Mebibytes of memory for results of queries that are asked again; one takes up to a sixteenth, and 0 keeps none."),
    Option(section="engine", key="workers", kind=_I, default=16, minimum=1, maximum=1024, doc="Statements that DuckDB works on at a time; further ones wait."),
    Option(section="engine", key="niceness", kind=_I, default=15, minimum=0, maximum=19, doc="How far the threads that run statements give way to the one that answers connections, and to other programs, where processors are scarce: 0 is not at all. On Linux."),
    Option(section="wlm", key="json_configuration", kind=_T, default='[{"auto_wlm":true}]', doc="Queues, in the JSON of Redshift's parameter wlm_json_configuration (docs/howto/workload-management.md)."),
    Option(section="wlm", key="queue_length", kind=_I, default=1_000, minimum=1, maximum=100_000, doc="Statements that may wait for a queue; further ones are refused with 53000."),
    Option(section="spark", key="url", kind=_T, default="", doc="Spark Connect server, as sc://HOST:PORT or sc://HOST:PORT/;use_ssl=true;user_id=NAME; empty is none. Needs the package grpcio."),
    Option(section="spark", key="token", kind=_X, default="", doc="Token that it asks for."),
    Option(section="spark", key="scan_mb", kind=_I, default=0, maximum=2_000_000_000, doc="Mebibytes of stored tables from which on a query goes there by itself; 0 sends none."),
    Option(section="spark", key="connect_timeout_s", kind=_S, default=5, minimum=1, maximum=300, doc="Seconds within which it must answer, or DuckDB runs the statement."),
    Option(section="udf", key="python", kind=_C, default="off", choices=("off", "confined", "unconfined"), doc="Whether CREATE FUNCTION … LANGUAGE plpythonu is taken (needs the package numpy): confined takes files, network and processes from it (Linux with Landlock and seccomp) and refuses where that cannot be had; unconfined limits memory and time only."),
    Option(section="udf", key="memory_mb", kind=_I, default=256, minimum=64, maximum=65_536, doc="Memory of a process of Python functions."),
    Option(section="udf", key="time_limit_s", kind=_S, default=10, minimum=1, maximum=3_600, doc="Seconds that a function has for a batch of up to 2048 rows."),
    Option(section="udf", key="workers", kind=_I, default=2, minimum=1, maximum=64, doc="Processes at a time; one runs functions of one owner."),
    Option(section="copy", key="local_folders", kind=_L, default=(), doc="Folders that COPY may read from and UNLOAD write to by file:// or an absolute path."),
    Option(section="copy", key="job_poll_ms", kind=_I, default=1_000, minimum=50, maximum=3_600_000, doc="Milliseconds between two looks of a copy job for new files."),
    Option(section="external", key="data_catalog", kind=_C, default="built_in", choices=("built_in", "glue"), doc="What CREATE EXTERNAL SCHEMA FROM DATA CATALOG means: the warehouse's own catalogue, or AWS Glue, which is asked as the schema's role."),
    Option(section="external", key="stream_poll_ms", kind=_I, default=1_000, minimum=50, maximum=3_600_000, doc="Milliseconds between two looks at a stream for a materialized view with AUTO REFRESH."),
    Option(section="history", key="retention_days", kind=_I, default=7, maximum=3650, doc="Days that statements, connections and loads are kept."),
    Option(section="history", key="rows", kind=_I, default=1_000_000, minimum=1_000, maximum=100_000_000, doc="Rows of each kind that are kept at most."),
    Option(section="snapshots", key="destination", kind=_T, default="", doc="Folder, or s3://bucket/prefix reached as [s3] says, for snapshots; empty takes none."),
    Option(section="snapshots", key="interval_hours", kind=_I, default=8, maximum=24, doc="Hours between automated snapshots; 0 takes none by time."),
    Option(section="snapshots", key="changed_mb", kind=_I, default=5_000, maximum=10_000_000, doc="Mebibytes of new files after which an automated snapshot is taken; 0 takes none by volume."),
    Option(section="snapshots", key="retention_days", kind=_I, default=1, minimum=1, maximum=35, doc="Days that automated snapshots are kept."),
    Option(section="snapshots", key="copy_to", kind=_T, default="", doc="Folder, or s3://bucket/prefix, of a second place that every snapshot is copied to; empty copies none."),
    Option(section="snapshots", key="copy_role", kind=_T, default="", doc="Name of a [roles.NAME] table that says how the S3 of snapshots.copy_to is reached; empty is as [s3] says."),
    Option(section="snapshots", key="copy_retention_days", kind=_I, default=7, minimum=1, maximum=35, doc="Days that automated snapshots are kept there."),
    Option(section="snapshots", key="verify_hours", kind=_I, default=168, maximum=8_760, doc="Hours between two rounds that hold every file of every snapshot against its checksum and repair what another copy is whole of; 0 makes none."),
    Option(section="upkeep", key="enabled", kind=_F, default=True, doc="Whether small files are put together, deleted rows removed and files sorted by themselves; VACUUM does that too."),
    Option(section="upkeep", key="interval_s", kind=_S, default=60, minimum=1, maximum=86_400, doc="Seconds between two looks at what there is to do."),
    Option(section="upkeep", key="job_mb", kind=_I, default=1_024, minimum=1, maximum=1_048_576, doc="Mebibytes of files that are written anew at a time; one larger file is written alone."),
    Option(section="upkeep", key="time_percent", kind=_I, default=20, minimum=1, maximum=100, doc="Share of the time that this work may take; with 100 it does not wait for statements either."),
    Option(section="upkeep", key="keep_s", kind=_S, default=86_400, maximum=315_360_000, doc="Seconds that older versions of all tables are kept, for FOR … AS OF and for duckshift snapshot restore --at."),
    Option(section="upkeep", key="grace_s", kind=_S, default=86_400, maximum=315_360_000, doc="Seconds that files are kept after the last version that had them: statements of other servers that have begun with them must have ended by then."),
    Option(section="audit", key="destination", kind=_T, default="", doc="Folder, or s3://bucket/prefix reached as [s3] says, for files of connections, changes of users and statements; empty writes none."),
    Option(section="audit", key="interval_s", kind=_S, default=300, minimum=1, maximum=86_400, doc="Seconds between two deliveries."),
    Option(section="api", key="listen", kind=_T, default="", doc="Where to listen, as https://HOST:PORT (the certificate of server.tls_certificate) or http://HOST:PORT; empty is nowhere."),
    Option(section="api", key="cluster", kind=_T, default="duckshift", doc="Identifier of the one cluster, and name of the one workgroup and namespace, that this server is."),
    Option(section="api", key="namespace", kind=_T, default="", doc="Name of its namespace where that is another than the workgroup's."),
    Option(section="api", key="region", kind=_T, default="us-east-1", doc="AWS Region that its resource names tell."),
    Option(section="api", key="account", kind=_T, default="123456789012", doc="AWS account that its resource names tell."),
    Option(section="api", key="access_key_id", kind=_T, default="", doc="Access key of an administrator, who may do everything and is the first superuser where a request names no other; others are [identities.NAME]."),
    Option(section="api", key="secret_access_key", kind=_X, default="", doc="Secret of that access key."),
    Option(section="api", key="max_connections", kind=_I, default=200, minimum=1, maximum=10_000, doc="Connections over HTTP at a time."),
    Option(section="api", key="active_statements", kind=_I, default=500, minimum=1, maximum=10_000, doc="Statements of the Data API that may run or wait at a time; further ones are refused with ActiveStatementsExceededException."),
    Option(section="api", key="running_statements", kind=_I, default=16, minimum=1, maximum=1_000, doc="Statements of the Data API that run at a time, a session each; further ones wait."),
    Option(section="api", key="result_mb", kind=_I, default=500, minimum=1, maximum=1_048_576, doc="Mebibytes that one result may have; a larger one fails."),
    Option(section="api", key="results_mb", kind=_I, default=10_240, minimum=1, maximum=16_777_216, doc="Mebibytes on disk for all results; beyond them the oldest are given up."),
    Option(section="api", key="retention_hours", kind=_I, default=24, minimum=1, maximum=720, doc="Hours that a statement and its result are kept."),
    Option(section="clusters", key="folder", kind=_T, default="", doc="Local folder for what clusters keep, each a data folder and a process of its own; empty hosts none."),
    Option(section="clusters", key="most", kind=_I, default=4, minimum=1, maximum=1_000, doc="Clusters and namespaces at a time; a further one is refused with ClusterQuotaExceeded."),
    Option(section="clusters", key="ports", kind=_T, default="", doc="Ports for clusters that ask for none, as 5440-5499; empty takes free ones."),
    Option(section="clusters", key="memory_limit", kind=_T, default="1GB", doc="DuckDB's memory in each of them, as engine.memory_limit says the server's own."),
    Option(section="clusters", key="threads", kind=_I, default=0, maximum=1024, doc="DuckDB's threads in each of them; 0 is one a core."),
    Option(section="flight", key="listen", kind=_T, default="", doc="Where to listen, as grpc+tls://HOST:PORT (the certificate of server.tls_certificate) or grpc://HOST:PORT; empty is nowhere."),
    Option(section="flight", key="max_connections", kind=_I, default=100, minimum=1, maximum=10_000, doc="Connections by Flight at a time; a further one takes the place of one that has made no call for a minute, or is refused."),
    Option(section="flight", key="idle_timeout_s", kind=_S, default=3_600, minimum=1, maximum=86_400, doc="Seconds without a call after which a connection's sessions and token end."),
    Option(section="log", key="level", kind=_C, default="info", choices=("debug", "info", "warning", "error"), doc="Least important kind of line written."),
    Option(section="log", key="format", kind=_C, default="text", choices=("text", "json"), doc="text is key=value for people, json one object a line for machines."),
    Option(section="log", key="slow_turn_ms", kind=_I, default=200, maximum=60_000, doc="Longest turn of the event loop, during which nobody else is heard, that is not told in a warning with its place in the program; 0 watches none."),
)

# Keys of a role, [roles."arn:aws:iam::123456789012:role/load"]; they mean what the same keys of [s3] mean.
ROLE_OPTIONS: Final = (
    *(option for option in OPTIONS if option.section == "s3"),
    Option(section="s3", key="allowed", kind=_L, default=(), doc="Prefixes (s3://bucket/prefix) that the role may touch; empty is everything its credentials may."),
    Option(section="s3", key="assume", kind=_F, default=False, doc="Whether the keys assume the role at AWS's Security Token Service (services: sts=http://host:port is another), or are its own."),
    Option(section="s3", key="policies", kind=_L, default=(), doc="Names of [policies.NAME] tables that say what the role may do in S3 (s3:GetObject, s3:ListBucket, s3:PutObject, s3:DeleteObject); without one that is left to the store."),
    Option(section="s3", key="trust", kind=_L, default=(), doc="Names of [policies.NAME] tables that allow sts:AssumeRole, with conditions on sts:ExternalId (arn:aws:redshift:REGION:ACCOUNT:dbuser:CLUSTER/USER); without one whoever may name the role may use it."),
)

# Keys of an identity, [identities.alice]: an IAM user of that name; [identities."role/etl"] is a role.
IDENTITY_OPTIONS: Final = (
    Option(section="identities", key="access_key_id", kind=_T, default="", doc="Access key that requests are signed with."),
    Option(section="identities", key="secret_access_key", kind=_X, default="", doc="Its secret."),
    Option(section="identities", key="session_token", kind=_X, default="", doc="Session token that must come with temporary keys."),
    Option(section="identities", key="policies", kind=_L, default=(), doc="Names of [policies.NAME] tables or of AdministratorAccess, AmazonRedshiftFullAccess, AmazonRedshiftDataFullAccess, AmazonRedshiftReadOnlyAccess; without one nothing is allowed."),
    Option(section="identities", key="db_user", kind=_T, default="", doc="Database user where a request names none; empty is IAM:alice or IAMR:etl, made when it is first needed."),
)

# Keys of an integration, [integrations.crm]: a database server that CREATE DATABASE … FROM INTEGRATION 'crm' follows.
INTEGRATION_OPTIONS: Final = (
    Option(section="integrations", key="host", kind=_T, default="", doc="Name or address of the PostgreSQL server, whose wal_level is logical."),
    Option(section="integrations", key="port", kind=_I, default=5432, minimum=1, maximum=65535, doc="Its port."),
    Option(section="integrations", key="database", kind=_T, default="", doc="The database where CREATE DATABASE names none."),
    Option(section="integrations", key="user", kind=_T, default="", doc="Who to be there: one with REPLICATION, who may read the tables and, without a publication, owns them."),
    Option(section="integrations", key="password", kind=_X, default="", doc="Its password."),
    Option(section="integrations", key="secret", kind=_T, default="", doc="Name of an entry of [secrets] that has user and password instead."),
    Option(section="integrations", key="publication", kind=_T, default="", doc="Publication whose tables are followed; empty makes one there, of the tables that have a key."),
    Option(section="integrations", key="tables", kind=_L, default=(), doc="Patterns of the tables that are wanted, as sales.* or public.orders; empty is all."),
    Option(section="integrations", key="sslmode", kind=_C, default="prefer", choices=("disable", "prefer", "require", "verify-ca", "verify-full"), doc="Whether to speak TLS, and whether to look who answers."),
    Option(section="integrations", key="sslrootcert", kind=_T, default="", doc="PEM file with the authority of the server's certificate."),
)

# Keys of another server that datashares come from or go to, [namespaces."ITS NAMESPACE"].
NAMESPACE_OPTIONS: Final = (
    Option(section="namespaces", key="host", kind=_T, default="", doc="Address of a server whose datashares are used here; empty for one that only uses ours."),
    Option(section="namespaces", key="port", kind=_I, default=5439, minimum=1, maximum=65535, doc="Its port."),
    Option(section="namespaces", key="database", kind=_T, default="dev", doc="A database there, to connect to."),
    Option(section="namespaces", key="user", kind=_T, default="", doc="The user to be there, whom its own configuration admits for our namespace."),
    Option(section="namespaces", key="password", kind=_X, default="", doc="That user's password."),
    Option(section="namespaces", key="tls", kind=_C, default="prefer", choices=("prefer", "require", "disable"), doc="Whether to encrypt the connection to it."),
    Option(section="namespaces", key="authority", kind=_T, default="", doc="PEM file with the authority of its certificate; empty does not look at the certificate."),
    Option(section="namespaces", key="role", kind=_T, default="", doc="The role of [roles] whose rights read its files in a bucket; empty: the files are read as the server reads its own."),
    Option(section="namespaces", key="admits", kind=_T, default="", doc="The user here that speaks for that namespace, and is handed what is shared with it."),
)
# fmt: on

BY_NAME: Final = {option.name: option for option in OPTIONS}
BY_VARIABLE: Final = {option.variable: option for option in OPTIONS}
BY_FLAG: Final = {option.flag: option for option in OPTIONS if option.flag}
