"""Commands on users, privileges, sessions, cursors and routines as values; grammar of Redshift's command pages."""

import pytest

from core.types import of, with_length
from sql.commands.cursors import Close, Declare, Fetch, Move
from sql.commands.maintenance import (
    Analyze,
    AnalyzeCompression,
    Cancel,
    Discard,
    Lock,
    Notification,
    Vacuum,
)
from sql.commands.prepared import Deallocate, Execute
from sql.commands.privileges import (
    AlterDefaultPrivileges,
    Grant,
    Grantee,
    GranteeKind,
    GrantRole,
    ObjectKind,
    PrivilegeItem,
    PrivilegeTarget,
    Revoke,
    RevokeRole,
)
from sql.commands.routines import AlterRoutine, Argument, Call, CreateFunction, CreateProcedure
from sql.commands.settings import Reset, Set, SetSessionAuthorization, ShowSetting
from sql.commands.show import ShowObjects
from sql.commands.transactions import Begin, Commit, Rollback, Savepoint, SetTransaction
from sql.commands.users import (
    AlterGroup,
    AlterRole,
    AlterUser,
    CreateGroup,
    CreateRole,
    CreateUser,
    DropGroup,
    DropRole,
    DropUser,
    UserOptions,
)
from sql.parse import parse_statement, split
from sql.statement import Fragment

INT = of("int")


def parse(text):
    (fragment,) = split(text)
    return parse_statement(fragment).command


def user(name, **options):
    return Grantee(kind=GranteeKind.USER, name=name, **options)


PUBLIC = Grantee(kind=GranteeKind.PUBLIC)
SELECT = PrivilegeItem(name="SELECT")
ALL = PrivilegeItem(name="ALL")


def table(*names):
    return PrivilegeTarget(kind=ObjectKind.TABLE, names=names)


USERS = [
    ("create user bob password 'Secret123'", CreateUser(name="bob", options=UserOptions(password="Secret123"))),
    ('create user "IAM:Bob" password disable', CreateUser(name="IAM:Bob", options=UserOptions(password_disabled=True))),
    (
        "create user bob with password 'x' nocreatedb createuser syslog access unrestricted in group a, b "
        "valid until '2030-01-01' connection limit 5 session timeout 120 externalid 'e'",
        CreateUser(
            name="bob",
            options=UserOptions(
                password="x",
                createdb=False,
                createuser=True,
                syslog_unrestricted=True,
                groups=("a", "b"),
                valid_until="2030-01-01",
                connection_limit=5,
                session_timeout_s=120,
                external_id="e",
            ),
        ),
    ),
    ("alter user bob connection limit unlimited", AlterUser(name="bob", options=UserOptions(connection_limit=-1))),
    ("alter user bob reset session timeout", AlterUser(name="bob", options=UserOptions(session_timeout_s=0))),
    ("alter user bob rename to alice", AlterUser(name="bob", rename_to="alice")),
    ("alter user bob set search_path to a, b", AlterUser(name="bob", set_parameter="search_path", set_value="a, b")),
    ("alter user bob set timezone = default", AlterUser(name="bob", set_parameter="timezone")),
    ("alter user bob reset search_path", AlterUser(name="bob", reset_parameter="search_path")),
    ("drop user if exists a, b", DropUser(names=("a", "b"), if_exists=True)),
    ("create group g with user a, b", CreateGroup(name="g", users=("a", "b"))),
    ("create group g", CreateGroup(name="g")),
    ("alter group g add user a, b", AlterGroup(name="g", add_users=("a", "b"))),
    ("alter group g drop user a", AlterGroup(name="g", drop_users=("a",))),
    ("alter group g rename to h", AlterGroup(name="g", rename_to="h")),
    ("drop group g", DropGroup(name="g")),
    ("create role r externalid 'x'", CreateRole(name="r", external_id="x")),
    ("alter role r with rename to s", AlterRole(name="r", rename_to="s")),
    ("alter role r owner to bob", AlterRole(name="r", owner="bob")),
    ("drop role r force", DropRole(name="r", force=True)),
]

PRIVILEGES = [
    ("grant select on t to bob", Grant(privileges=(SELECT,), target=table(("t",)), grantees=(user("bob"),))),
    (
        "grant select, update (a, b) on table s.t, u to group g, role r, public",
        Grant(
            privileges=(SELECT, PrivilegeItem(name="UPDATE", columns=("a", "b"))),
            target=table(("s", "t"), ("u",)),
            grantees=(Grantee(kind=GranteeKind.GROUP, name="g"), Grantee(kind=GranteeKind.ROLE, name="r"), PUBLIC),
        ),
    ),
    (
        "grant all privileges on all tables in schema a, b to bob with grant option",
        Grant(
            privileges=(ALL,),
            target=PrivilegeTarget(kind=ObjectKind.TABLE, all_in_schemas=(("a",), ("b",))),
            grantees=(user("bob", grant_option=True),),
        ),
    ),
    (
        "grant temp on database d to bob",
        Grant(
            privileges=(PrivilegeItem(name="TEMPORARY"),),
            target=PrivilegeTarget(kind=ObjectKind.DATABASE, names=(("d",),)),
            grantees=(user("bob"),),
        ),
    ),
    (
        "grant create, usage on schema s to bob",
        Grant(
            privileges=(PrivilegeItem(name="CREATE"), PrivilegeItem(name="USAGE")),
            target=PrivilegeTarget(kind=ObjectKind.SCHEMA, names=(("s",),)),
            grantees=(user("bob"),),
        ),
    ),
    (
        "grant execute on function f(int, varchar(5)) to bob",
        Grant(
            privileges=(PrivilegeItem(name="EXECUTE"),),
            target=PrivilegeTarget(
                kind=ObjectKind.FUNCTION, names=(("f",),), signatures=((INT, with_length("varchar", 5)),)
            ),
            grantees=(user("bob"),),
        ),
    ),
    (
        "grant usage on language plpythonu to group g",
        Grant(
            privileges=(PrivilegeItem(name="USAGE"),),
            target=PrivilegeTarget(kind=ObjectKind.LANGUAGE, names=(("plpythonu",),)),
            grantees=(Grantee(kind=GranteeKind.GROUP, name="g"),),
        ),
    ),
    (
        "grant create or replace view, access catalog to role r",
        Grant(
            privileges=(PrivilegeItem(name="CREATE OR REPLACE VIEW"), PrivilegeItem(name="ACCESS CATALOG")),
            target=PrivilegeTarget(kind=ObjectKind.SYSTEM),
            grantees=(Grantee(kind=GranteeKind.ROLE, name="r"),),
        ),
    ),
    (
        "grant role a, b to bob with admin option",
        GrantRole(roles=("a", "b"), grantees=(user("bob", grant_option=True),)),
    ),
    ("revoke role a from role b", RevokeRole(roles=("a",), grantees=(Grantee(kind=GranteeKind.ROLE, name="b"),))),
    ("revoke admin option for a from bob", RevokeRole(roles=("a",), grantees=(user("bob"),), admin_option_only=True)),
    (
        "revoke grant option for select on t from bob restrict",
        Revoke(privileges=(SELECT,), target=table(("t",)), grantees=(user("bob"),), grant_option_only=True),
    ),
    (
        "revoke all on t from public cascade",
        Revoke(privileges=(ALL,), target=table(("t",)), grantees=(PUBLIC,), cascade=True),
    ),
    ("grant select on model to bob", Grant(privileges=(SELECT,), target=table(("model",)), grantees=(user("bob"),))),
    (
        "alter default privileges for user a, b in schema s grant select on tables to group g",
        AlterDefaultPrivileges(
            change=Grant(
                privileges=(SELECT,),
                target=PrivilegeTarget(kind=ObjectKind.TABLE),
                grantees=(Grantee(kind=GranteeKind.GROUP, name="g"),),
            ),
            users=("a", "b"),
            schemas=("s",),
        ),
    ),
    (
        "alter default privileges revoke execute on functions from public",
        AlterDefaultPrivileges(
            change=Revoke(
                privileges=(PrivilegeItem(name="EXECUTE"),),
                target=PrivilegeTarget(kind=ObjectKind.FUNCTION),
                grantees=(PUBLIC,),
            )
        ),
    ),
]

SESSIONS = [
    ("begin work", Begin()),
    ("begin transaction isolation level serializable, read only", Begin(isolation="SERIALIZABLE", read_only=True)),
    ("begin isolation level read committed read write", Begin(isolation="READ COMMITTED", read_only=False)),
    ("start transaction isolation level snapshot", Begin(isolation="SNAPSHOT", tag="START TRANSACTION")),
    ("commit work", Commit()),
    ("end transaction", Commit()),
    ("abort", Rollback()),
    ("rollback transaction", Rollback()),
    ("rollback work to savepoint a", Savepoint(action="ROLLBACK TO", name="a")),
    ("savepoint a", Savepoint(action="SAVEPOINT", name="a")),
    ("set transaction read only", SetTransaction(session=False, read_only=True)),
    (
        "set session characteristics as transaction isolation level repeatable read",
        SetTransaction(session=True, isolation="REPEATABLE READ"),
    ),
    ("set search_path to Public, \"$user\", 'X'", Set(name="search_path", values=("public", "$user", "X"))),
    ("set session statement_timeout = 100", Set(name="statement_timeout", values=("100",))),
    ("set local a = on", Set(name="a", values=("on",), local=True)),
    ("set my.var to 'v'", Set(name="my.var", values=("v",))),
    ("set x to default", Set(name="x", values=None)),
    ("set extra_float_digits = -2", Set(name="extra_float_digits", values=("-2",))),
    ("set seed to .25", Set(name="seed", values=(".25",))),
    ("set time zone 'UTC'", Set(name="timezone", values=("UTC",))),
    ("set time zone local", Set(name="timezone", values=None)),
    ("set time zone -8", Set(name="timezone", values=("-8",))),
    ("set local time zone interval '-08:00' hour to minute", Set(name="timezone", values=("-08:00",), local=True)),
    ("set names 'UTF8'", Set(name="client_encoding", values=("UTF8",))),
    ("set session authorization bob", SetSessionAuthorization(user="bob")),
    ("set local session authorization 'Bob'", SetSessionAuthorization(user="Bob", local=True)),
    ("set session authorization default", SetSessionAuthorization(user=None)),
    ("reset all", Reset(name=None)),
    ("reset search_path", Reset(name="search_path")),
    ("show all", ShowSetting(name=None)),
    ("show server_version", ShowSetting(name="server_version")),
    ("show my.var", ShowSetting(name="my.var")),
    ("show time zone", ShowSetting(name="timezone")),
    ("show transaction isolation level", ShowSetting(name="transaction_isolation")),
    ("show databases like 'd%' limit 5", ShowObjects(topic="DATABASES", like="d%", limit=5)),
    ("show schemas from database d", ShowObjects(topic="SCHEMAS", name=("d",))),
    ("show tables from schema d.s like '%x'", ShowObjects(topic="TABLES", name=("d", "s"), like="%x")),
    ("show columns from table d.s.t limit 3", ShowObjects(topic="COLUMNS", name=("d", "s", "t"), limit=3)),
    ("show constraints foreign keys exported from table t", ShowObjects(topic="EXPORTED FOREIGN KEYS", name=("t",))),
    (
        "show grants on t for role r",
        ShowObjects(topic="GRANTS ON", object="TABLE", name=("t",), grantee=Grantee(kind=GranteeKind.ROLE, name="r")),
    ),
    ("show grants on schema s", ShowObjects(topic="GRANTS ON", object="SCHEMA", name=("s",))),
    ("show grants for bob from database d", ShowObjects(topic="GRANTS FOR", grantee=user("bob"), database="d")),
    ("show table s.t", ShowObjects(topic="TABLE", name=("s", "t"))),
    ("show procedure p(int)", ShowObjects(topic="PROCEDURE", name=("p",), signature=(INT,))),
    ("declare c cursor for select 1", Declare(name="c", query=Fragment("select 1", 21))),
    (
        "declare c binary no scroll cursor with hold for select 1",
        Declare(name="c", query=Fragment("select 1", 48), binary=True, hold=True),
    ),
    ("fetch c", Fetch(name="c")),
    ("fetch next from c", Fetch(name="c")),
    ("fetch all in c", Fetch(name="c", count=None)),
    ("fetch 10 from c", Fetch(name="c", count=10)),
    ("fetch forward 10 from c", Fetch(name="c", count=10)),
    ("fetch forward all from c", Fetch(name="c", count=None)),
    ("move forward 2 from c", Move(name="c", count=2)),
    ("close c", Close(name="c")),
    ("close all", Close(name=None)),
    (
        "execute p (1, f(2, 3), 'a,b')",
        Execute(name="p", arguments=(Fragment("1", 11), Fragment("f(2, 3)", 14), Fragment("'a,b'", 23))),
    ),
    ("execute p", Execute(name="p")),
    ("deallocate prepare p", Deallocate(name="p")),
    ("deallocate all", Deallocate(name=None)),
    ("analyze", Analyze()),
    (
        "analyze verbose s.t (a, b) predicate columns",
        Analyze(table=("s", "t"), columns=("a", "b"), verbose=True, predicate_columns=True),
    ),
    ("analyze compression t comprows 100", AnalyzeCompression(table=("t",), comprows=100)),
    ("vacuum", Vacuum()),
    (
        "vacuum sort only s.t to 75 percent boost",
        Vacuum(mode="SORT ONLY", table=("s", "t"), threshold_percent=75, boost=True),
    ),
    ("vacuum reindex t", Vacuum(mode="REINDEX", table=("t",))),
    ("lock table a, s.b", Lock(names=(("a",), ("s", "b")))),
    ("cancel 123 'why'", Cancel(pid=123, message="why")),
    ("discard all", Discard()),
    ("notify c, 'x'", Notification(action="NOTIFY", channel="c", payload="x")),
    ("call s.p(1, 'x')", Call(name=("s", "p"), arguments=(Fragment("1", 9), Fragment("'x'", 12)))),
    (
        "create or replace procedure p(a int, inout b varchar(5), c out refcursor) nonatomic as $$ begin; end; $$ "
        "language plpgsql security definer",
        CreateProcedure(
            name=("p",),
            arguments=(
                Argument(name="a", mode="IN", type=INT, type_name="integer"),
                Argument(name="b", mode="INOUT", type=with_length("varchar", 5), type_name="character varying(5)"),
                Argument(name="c", mode="OUT", type=None, type_name="refcursor"),
            ),
            body=Fragment(" begin; end; ", 89),
            or_replace=True,
            nonatomic=True,
            security_definer=True,
        ),
    ),
    (
        "create function f(int, double precision) returns int stable as 'select $1' language sql",
        CreateFunction(
            name=("f",),
            arguments=(
                Argument(name=None, mode="IN", type=INT, type_name="integer"),
                Argument(name=None, mode="IN", type=of("float8"), type_name="double precision"),
            ),
            returns=INT,
            body=Fragment("select $1", 64),
            language="sql",
            volatility="STABLE",
        ),
    ),
    ("alter function f(int) owner to bob", AlterRoutine(object="FUNCTION", name=("f",), signature=(INT,), owner="bob")),
]


@pytest.mark.parametrize(("text", "expected"), USERS + PRIVILEGES + SESSIONS)
def test_commands(text, expected):
    assert parse(text) == expected


def test_prepare_holds_a_statement_and_types():
    command = parse("prepare p (int, varchar(3)) as insert into t values ($1, $2)")
    assert (command.name, command.types) == ("p", (INT, with_length("varchar", 3)))
    assert (command.statement.kind, command.statement.offset) == ("insert", 31)


def test_passwords_do_not_show_in_representations():
    assert "Secret123" not in repr(parse("create user bob password 'Secret123'"))
    copy = parse("copy t from 's3://b' access_key_id 'KEYID' secret_access_key 'Hidden1' session_token 'Hidden2'")
    assert "Hidden" not in repr(copy)
