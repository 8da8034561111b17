"""What a statement is: its kind, its text, its parsed command, and the rules that hold for its kind.

The table ``RULES`` says for every kind which tag answers it and how it stands to transactions. Parsing is
in ``sql.parse``; what a command does is in ``session.statements``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a statement does; one handler each."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    CREATE_TABLE = "create_table"
    CREATE_TABLE_AS = "create_table_as"
    ALTER_TABLE = "alter_table"
    ALTER_TABLE_APPEND = "alter_table_append"
    TRUNCATE = "truncate"
    CREATE_VIEW = "create_view"
    CREATE_MATERIALIZED_VIEW = "create_materialized_view"
    ALTER_MATERIALIZED_VIEW = "alter_materialized_view"
    REFRESH_MATERIALIZED_VIEW = "refresh_materialized_view"
    CREATE_SCHEMA = "create_schema"
    ALTER_SCHEMA = "alter_schema"
    CREATE_EXTERNAL_SCHEMA = "create_external_schema"
    ALTER_EXTERNAL_SCHEMA = "alter_external_schema"
    CREATE_EXTERNAL_TABLE = "create_external_table"
    CREATE_ICEBERG_TABLE = "create_iceberg_table"
    CREATE_DATABASE = "create_database"
    ALTER_DATABASE = "alter_database"
    DROP_DATABASE = "drop_database"
    HANDOVER = "handover"
    CREATE_DATASHARE = "create_datashare"
    ALTER_DATASHARE = "alter_datashare"
    DROP_DATASHARE = "drop_datashare"
    DROP = "drop"
    CREATE_USER = "create_user"
    ALTER_USER = "alter_user"
    DROP_USER = "drop_user"
    CREATE_GROUP = "create_group"
    ALTER_GROUP = "alter_group"
    DROP_GROUP = "drop_group"
    CREATE_ROLE = "create_role"
    ALTER_ROLE = "alter_role"
    DROP_ROLE = "drop_role"
    GRANT = "grant"
    REVOKE = "revoke"
    ALTER_DEFAULT_PRIVILEGES = "alter_default_privileges"
    CREATE_RLS_POLICY = "create_rls_policy"
    ALTER_RLS_POLICY = "alter_rls_policy"
    CREATE_MASKING_POLICY = "create_masking_policy"
    ALTER_MASKING_POLICY = "alter_masking_policy"
    DROP_POLICY = "drop_policy"
    ATTACH_RLS_POLICY = "attach_rls_policy"
    ATTACH_MASKING_POLICY = "attach_masking_policy"
    CREATE_IDENTITY_PROVIDER = "create_identity_provider"
    ALTER_IDENTITY_PROVIDER = "alter_identity_provider"
    DROP_IDENTITY_PROVIDER = "drop_identity_provider"
    COPY = "copy"
    CREATE_COPY_JOB = "create_copy_job"
    ALTER_COPY_JOB = "alter_copy_job"
    RUN_COPY_JOB = "run_copy_job"
    DROP_COPY_JOB = "drop_copy_job"
    COPY_STDIN = "copy_stdin"
    COPY_STDOUT = "copy_stdout"
    UNLOAD = "unload"
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    SET = "set"
    SET_TRANSACTION = "set_transaction"
    SET_SESSION_AUTHORIZATION = "set_session_authorization"
    RESET = "reset"
    ALTER_SYSTEM = "alter_system"
    SHOW = "show"
    SHOW_OBJECTS = "show_objects"
    USE = "use"
    PREPARE = "prepare"
    EXECUTE = "execute"
    DEALLOCATE = "deallocate"
    DECLARE = "declare"
    FETCH = "fetch"
    MOVE = "move"
    CLOSE = "close"
    CANCEL = "cancel"
    LOCK = "lock"
    EXPLAIN = "explain"
    ANALYZE = "analyze"
    ANALYZE_COMPRESSION = "analyze_compression"
    VACUUM = "vacuum"
    COMMENT = "comment"
    CALL = "call"
    CREATE_PROCEDURE = "create_procedure"
    CREATE_FUNCTION = "create_function"
    ALTER_ROUTINE = "alter_routine"
    DISCARD = "discard"
    NOTIFICATION = "notification"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How statements of one kind are answered and how they stand to transactions."""

    kind: Kind
    tag: str
    """CommandComplete's tag; a row count is added where there is one. ``Statement.tag`` may be narrower."""
    in_block: bool = True
    """Whether it may run inside a transaction block (else 25001)."""
    commits: bool = False
    """Whether it commits the transaction it runs in."""
    control: bool = False
    """Whether it begins or ends transactions; of these, the ending ones run in a failed transaction."""
    writes: bool = False
    """Whether it changes tables or the catalog, so that a read-only transaction refuses it."""
    returns_rows: bool = False
    """Whether it answers with rows (EXECUTE and CALL: perhaps)."""
    description: str


# fmt: off
RULES: Final = (
    Rule(kind=Kind.SELECT, tag="SELECT", returns_rows=True, description="Reads rows: SELECT, WITH, VALUES, TABLE"),
    Rule(kind=Kind.INSERT, tag="INSERT 0", writes=True, description="Adds rows to a table"),
    Rule(kind=Kind.UPDATE, tag="UPDATE", writes=True, description="Changes rows of a table"),
    Rule(kind=Kind.DELETE, tag="DELETE", writes=True, description="Removes rows from a table"),
    Rule(kind=Kind.MERGE, tag="MERGE", writes=True, description="Merges the rows of a source into a table"),
    Rule(kind=Kind.CREATE_TABLE, tag="CREATE TABLE", writes=True, description="Makes an empty table"),
    Rule(kind=Kind.CREATE_TABLE_AS, tag="SELECT", writes=True, description="Makes a table of a query's rows"),
    Rule(kind=Kind.ALTER_TABLE, tag="ALTER TABLE", writes=True, description="Changes a table's definition"),
    Rule(kind=Kind.ALTER_TABLE_APPEND, tag="ALTER TABLE APPEND", in_block=False, commits=True, writes=True, description="Moves all rows of one table into another"),
    Rule(kind=Kind.TRUNCATE, tag="TRUNCATE TABLE", commits=True, writes=True, description="Removes all rows of a table"),
    Rule(kind=Kind.CREATE_VIEW, tag="CREATE VIEW", writes=True, description="Names a query"),
    Rule(kind=Kind.CREATE_MATERIALIZED_VIEW, tag="CREATE MATERIALIZED VIEW", writes=True, description="Names a query and keeps its rows"),
    Rule(kind=Kind.ALTER_MATERIALIZED_VIEW, tag="ALTER MATERIALIZED VIEW", writes=True, description="Changes a materialized view's properties"),
    Rule(kind=Kind.REFRESH_MATERIALIZED_VIEW, tag="REFRESH MATERIALIZED VIEW", writes=True, description="Brings a materialized view's rows up to date"),
    Rule(kind=Kind.CREATE_SCHEMA, tag="CREATE SCHEMA", writes=True, description="Makes a schema"),
    Rule(kind=Kind.ALTER_SCHEMA, tag="ALTER SCHEMA", writes=True, description="Changes a schema's name, owner or quota"),
    Rule(kind=Kind.CREATE_EXTERNAL_SCHEMA, tag="CREATE SCHEMA", writes=True, description="Makes a schema of tables that are elsewhere"),
    Rule(kind=Kind.ALTER_EXTERNAL_SCHEMA, tag="ALTER EXTERNAL SCHEMA", writes=True, description="Changes how an external schema's tables are reached"),
    Rule(kind=Kind.CREATE_EXTERNAL_TABLE, tag="CREATE EXTERNAL TABLE", in_block=False, writes=True, description="Names files as a table, or makes files of a query's rows"),
    Rule(kind=Kind.CREATE_ICEBERG_TABLE, tag="CREATE TABLE", writes=True, description="Makes an Apache Iceberg table in a bucket"),
    Rule(kind=Kind.CREATE_DATABASE, tag="CREATE DATABASE", in_block=False, writes=True, description="Makes a database"),
    Rule(kind=Kind.ALTER_DATABASE, tag="ALTER DATABASE", in_block=False, writes=True, description="Changes a database's name, owner or limits"),
    Rule(kind=Kind.DROP_DATABASE, tag="DROP DATABASE", in_block=False, writes=True, description="Removes a database"),
    Rule(kind=Kind.HANDOVER, tag="HANDOVER", in_block=False, description="Tells another server what is shared with it, and where its rows are"),
    Rule(kind=Kind.CREATE_DATASHARE, tag="CREATE DATASHARE", writes=True, description="Makes a datashare of the database"),
    Rule(kind=Kind.ALTER_DATASHARE, tag="ALTER DATASHARE", writes=True, description="Adds objects to a datashare, or removes them"),
    Rule(kind=Kind.DROP_DATASHARE, tag="DROP DATASHARE", writes=True, description="Removes a datashare"),
    Rule(kind=Kind.DROP, tag="DROP", writes=True, description="Removes tables, views, schemas or routines"),
    Rule(kind=Kind.CREATE_USER, tag="CREATE USER", writes=True, description="Makes a user"),
    Rule(kind=Kind.ALTER_USER, tag="ALTER USER", writes=True, description="Changes a user"),
    Rule(kind=Kind.DROP_USER, tag="DROP USER", writes=True, description="Removes users"),
    Rule(kind=Kind.CREATE_GROUP, tag="CREATE GROUP", writes=True, description="Makes a group of users"),
    Rule(kind=Kind.ALTER_GROUP, tag="ALTER GROUP", writes=True, description="Changes a group's name or members"),
    Rule(kind=Kind.DROP_GROUP, tag="DROP GROUP", writes=True, description="Removes a group"),
    Rule(kind=Kind.CREATE_ROLE, tag="CREATE ROLE", writes=True, description="Makes a role"),
    Rule(kind=Kind.ALTER_ROLE, tag="ALTER ROLE", writes=True, description="Changes a role"),
    Rule(kind=Kind.DROP_ROLE, tag="DROP ROLE", writes=True, description="Removes a role"),
    Rule(kind=Kind.GRANT, tag="GRANT", writes=True, description="Gives privileges or roles"),
    Rule(kind=Kind.REVOKE, tag="REVOKE", writes=True, description="Takes privileges or roles away"),
    Rule(kind=Kind.ALTER_DEFAULT_PRIVILEGES, tag="ALTER DEFAULT PRIVILEGES", writes=True, description="Sets the privileges of objects made later"),
    Rule(kind=Kind.CREATE_RLS_POLICY, tag="CREATE RLS POLICY", writes=True, description="Makes a row-level security policy"),
    Rule(kind=Kind.ALTER_RLS_POLICY, tag="ALTER RLS POLICY", writes=True, description="Changes a row-level security policy's condition"),
    Rule(kind=Kind.CREATE_MASKING_POLICY, tag="CREATE MASKING POLICY", writes=True, description="Makes a masking policy"),
    Rule(kind=Kind.ALTER_MASKING_POLICY, tag="ALTER MASKING POLICY", writes=True, description="Changes a masking policy's expressions"),
    Rule(kind=Kind.DROP_POLICY, tag="DROP RLS POLICY", writes=True, description="Removes a row-level security or masking policy"),
    Rule(kind=Kind.ATTACH_RLS_POLICY, tag="ATTACH RLS POLICY", writes=True, description="Attaches a row-level security policy to tables, or detaches it"),
    Rule(kind=Kind.ATTACH_MASKING_POLICY, tag="ATTACH MASKING POLICY", writes=True, description="Attaches a masking policy to columns, or detaches it"),
    Rule(kind=Kind.CREATE_IDENTITY_PROVIDER, tag="CREATE IDENTITY PROVIDER", writes=True, description="Says whose tokens let users in"),
    Rule(kind=Kind.ALTER_IDENTITY_PROVIDER, tag="ALTER IDENTITY PROVIDER", writes=True, description="Changes an identity provider"),
    Rule(kind=Kind.DROP_IDENTITY_PROVIDER, tag="DROP IDENTITY PROVIDER", writes=True, description="Removes an identity provider, its users and roles"),
    Rule(kind=Kind.COPY, tag="COPY", writes=True, description="Loads files into a table"),
    Rule(kind=Kind.CREATE_COPY_JOB, tag="COPY JOB CREATE", in_block=False, writes=True, description="Keeps a COPY that loads new files"),
    Rule(kind=Kind.ALTER_COPY_JOB, tag="COPY JOB ALTER", writes=True, description="Says whether a copy job runs by itself"),
    Rule(kind=Kind.RUN_COPY_JOB, tag="COPY JOB RUN", writes=True, description="Loads the files that are new for a copy job"),
    Rule(kind=Kind.DROP_COPY_JOB, tag="COPY JOB DROP", in_block=False, writes=True, description="Removes a copy job"),
    Rule(kind=Kind.COPY_STDIN, tag="COPY", writes=True, description="Loads what the client sends into a table"),
    Rule(kind=Kind.COPY_STDOUT, tag="COPY", description="Sends a table or query to the client as COPY data"),
    Rule(kind=Kind.UNLOAD, tag="UNLOAD", description="Writes a query's rows to files"),
    Rule(kind=Kind.BEGIN, tag="BEGIN", control=True, description="Begins a transaction block"),
    Rule(kind=Kind.COMMIT, tag="COMMIT", control=True, description="Makes a transaction's changes permanent"),
    Rule(kind=Kind.ROLLBACK, tag="ROLLBACK", control=True, description="Undoes a transaction's changes"),
    Rule(kind=Kind.SAVEPOINT, tag="SAVEPOINT", description="SAVEPOINT, RELEASE, ROLLBACK TO: Redshift has none"),
    Rule(kind=Kind.SET, tag="SET", description="Sets a parameter of the session"),
    Rule(kind=Kind.SET_TRANSACTION, tag="SET", description="Sets the isolation level or access mode of transactions"),
    Rule(kind=Kind.SET_SESSION_AUTHORIZATION, tag="SET", description="Makes the session act as another user"),
    Rule(kind=Kind.RESET, tag="RESET", description="Sets parameters back to their defaults"),
    Rule(kind=Kind.ALTER_SYSTEM, tag="ALTER SYSTEM", in_block=False, writes=True, description="Sets a parameter of the whole cluster"),
    Rule(kind=Kind.SHOW, tag="SHOW", returns_rows=True, description="Shows a parameter's value"),
    Rule(kind=Kind.SHOW_OBJECTS, tag="SHOW", returns_rows=True, description="Lists objects or shows a definition"),
    Rule(kind=Kind.USE, tag="USE", description="Chooses the database that names are looked up in"),
    Rule(kind=Kind.PREPARE, tag="PREPARE", description="Names a statement with parameters"),
    Rule(kind=Kind.EXECUTE, tag="EXECUTE", returns_rows=True, description="Runs a named statement"),
    Rule(kind=Kind.DEALLOCATE, tag="DEALLOCATE", description="Forgets a named statement"),
    Rule(kind=Kind.DECLARE, tag="DECLARE CURSOR", description="Opens a cursor on a query"),
    Rule(kind=Kind.FETCH, tag="FETCH", returns_rows=True, description="Reads rows from a cursor"),
    Rule(kind=Kind.MOVE, tag="MOVE", description="Skips rows of a cursor"),
    Rule(kind=Kind.CLOSE, tag="CLOSE CURSOR", description="Closes a cursor"),
    Rule(kind=Kind.CANCEL, tag="CANCEL", description="Interrupts another session's statement"),
    Rule(kind=Kind.LOCK, tag="LOCK TABLE", description="Locks tables until the transaction ends"),
    Rule(kind=Kind.EXPLAIN, tag="EXPLAIN", returns_rows=True, description="Shows how a statement would run"),
    Rule(kind=Kind.ANALYZE, tag="ANALYZE", description="Gathers statistics"),
    Rule(kind=Kind.ANALYZE_COMPRESSION, tag="ANALYZE COMPRESSION", in_block=False, returns_rows=True, description="Suggests column encodings"),
    Rule(kind=Kind.VACUUM, tag="VACUUM", in_block=False, description="Sorts a table and reclaims its space"),
    Rule(kind=Kind.COMMENT, tag="COMMENT", writes=True, description="Attaches a remark to an object"),
    Rule(kind=Kind.CALL, tag="CALL", writes=True, returns_rows=True, description="Runs a stored procedure"),
    Rule(kind=Kind.CREATE_PROCEDURE, tag="CREATE PROCEDURE", writes=True, description="Makes a stored procedure"),
    Rule(kind=Kind.CREATE_FUNCTION, tag="CREATE FUNCTION", writes=True, description="Makes a user-defined function"),
    Rule(kind=Kind.ALTER_ROUTINE, tag="ALTER FUNCTION", writes=True, description="Changes a routine's name or owner"),
    Rule(kind=Kind.DISCARD, tag="DISCARD ALL", in_block=False, description="Forgets the session's state"),
    Rule(kind=Kind.NOTIFICATION, tag="NOTIFY", description="LISTEN, UNLISTEN, NOTIFY"),
    Rule(kind=Kind.UNSUPPORTED, tag="", description="What Redshift has and duckshift does not"),
)
# fmt: on

KINDS: Final = {rule.kind: rule for rule in RULES}

QUERIES: Final = frozenset({Kind.SELECT, Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.MERGE})
"""Kinds whose text goes to ``sql.translate``; their ``Statement.command`` is None."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of what the client sent: a statement, or a query or expression inside one."""

    text: str
    offset: int = 0
    """Characters before it in what the client sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement of known kind."""

    kind: Kind
    tag: str
    """CommandComplete's tag without a row count: ``DROP TABLE`` where the rule says ``DROP``."""
    text: str
    """Its own text, without a trailing semicolon."""
    offset: int = 0
    """Characters before it in what the client sent, for error positions."""
    command: object | None = None
    """A dataclass of ``sql.commands``; None for the kinds in ``QUERIES``."""

    @property
    def rule(self) -> Rule:
        """Return what holds for statements of this kind."""
        return KINDS[self.kind]
