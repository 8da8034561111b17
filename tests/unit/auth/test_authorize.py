"""Decisions. PostgreSQL, "Privileges"; Redshift, "GRANT"."""

from dataclasses import dataclass

import pytest

from auth.authorize import PUBLIC, Principal, allowed, check, check_owner
from auth.privileges import PRIVILEGES, ObjectKind, all_of, meant
from core.errors import SqlError
from core.sqlstate import SqlState

OWNER, ANN, BEN, CID, STAFF = 100, 101, 102, 103, 200


@dataclass(frozen=True)
class Entry:
    grantee: int
    privileges: frozenset[str]
    columns: tuple[str, ...] = ()


ACL = (
    Entry(ANN, frozenset({"SELECT", "INSERT"})),
    Entry(BEN, frozenset({"SELECT"}), ("a",)),
    Entry(STAFF, frozenset({"SELECT"}), ("b",)),
    Entry(STAFF, frozenset({"UPDATE"})),
    Entry(PUBLIC, frozenset({"REFERENCES"})),
)
ROOT = Principal(1, "root", True)
HOLDER = Principal(OWNER, "owner", False)
ann = Principal(ANN, "ann", False)
ben = Principal(BEN, "ben", False)
ben_of_staff = Principal(BEN, "ben", False, frozenset({STAFF}))
cid = Principal(CID, "cid", False)


@pytest.mark.parametrize(
    ("who", "privilege", "columns", "expected"),
    [
        (ROOT, "DELETE", None, True),
        (HOLDER, "DELETE", None, True),
        (ann, "SELECT", None, True),
        (ann, "SELECT", {"a", "z"}, True),
        (ann, "DELETE", None, False),
        (ann, "UPDATE", {"a"}, False),
        (ann, "REFERENCES", None, True),
        (cid, "SELECT", set(), False),
        (cid, "REFERENCES", set(), True),
        (ben, "SELECT", {"a"}, True),
        (ben, "SELECT", {"b"}, False),
        (ben, "SELECT", {"a", "b"}, False),
        (ben, "SELECT", None, False),
        (ben, "SELECT", set(), True),
        (ben_of_staff, "SELECT", {"a", "b"}, True),
        (ben_of_staff, "SELECT", {"a", "b", "c"}, False),
        (ben_of_staff, "SELECT", None, False),
        (ben_of_staff, "UPDATE", {"z"}, True),
        (ben_of_staff, "INSERT", set(), False),
        (Principal(STAFF + 1, "x", False, frozenset({STAFF + 2})), "SELECT", set(), False),
    ],
)
def test_relations(who: Principal, privilege: str, columns: set[str] | None, expected: bool) -> None:
    assert allowed(who, privilege, OWNER, ACL, columns) is expected
    if columns is not None:
        if expected:
            check(who, privilege, OWNER, ACL, kind="relation", name="t", columns=frozenset(columns))
        else:
            with pytest.raises(SqlError, match=r"^permission denied for relation t$") as caught:
                check(who, privilege, OWNER, ACL, kind="relation", name="t", columns=frozenset(columns))
            assert caught.value.state is SqlState.INSUFFICIENT_PRIVILEGE


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_nothing_is_allowed_by_default(kind: ObjectKind) -> None:
    for name in all_of(kind):
        assert not allowed(cid, name, OWNER, ())
        assert allowed(HOLDER, name, OWNER, ())
        with pytest.raises(SqlError, match=f"permission denied for {kind} x"):
            check(cid, name, OWNER, (), kind=kind, name="x")


def test_a_column_grant_of_insert_counts_for_nothing() -> None:
    assert not allowed(cid, "INSERT", OWNER, [Entry(CID, frozenset({"INSERT"}), ("a",))], {"a"})


def test_owners() -> None:
    check_owner(ROOT, OWNER, kind="relation", name="t")
    check_owner(HOLDER, OWNER, kind="relation", name="t")
    with pytest.raises(SqlError, match="must be owner of relation t") as caught:
        check_owner(ann, OWNER, kind="relation", name="t")
    assert caught.value.state is SqlState.INSUFFICIENT_PRIVILEGE


def test_the_table_of_privileges() -> None:
    for kind in ObjectKind:
        letters = [row.letter for row in PRIVILEGES.values() if kind in row.kinds]
        assert len(set(letters)) == len(letters)
    # As SHOW TABLES in Redshift's manual shows an owner's.
    assert "".join(row.letter for row in PRIVILEGES.values() if ObjectKind.RELATION in row.kinds) == "arwdRxtDPA"


@pytest.mark.parametrize(
    ("name", "kind", "columns", "expected"),
    [
        ("SELECT", ObjectKind.RELATION, False, {"SELECT"}),
        ("SELECT", ObjectKind.RELATION, True, {"SELECT"}),
        ("ALL", ObjectKind.RELATION, True, {"SELECT", "UPDATE"}),
        ("ALL", ObjectKind.SCHEMA, False, {"CREATE", "USAGE", "ALTER", "DROP"}),
        ("ALL", ObjectKind.DATABASE, False, {"CREATE", "TEMPORARY", "USAGE", "ALTER"}),
        ("TEMPORARY", ObjectKind.DATABASE, False, {"TEMPORARY"}),
    ],
)
def test_words_of_grant(name: str, kind: ObjectKind, columns: bool, expected: set[str]) -> None:
    assert meant(name, kind, columns=columns) == expected


@pytest.mark.parametrize(
    ("name", "kind", "columns", "message"),
    [
        ("USAGE", ObjectKind.RELATION, False, "invalid privilege type USAGE for relation"),
        ("SELECT", ObjectKind.SCHEMA, False, "invalid privilege type SELECT for schema"),
        ("DROP", ObjectKind.DATABASE, False, "invalid privilege type DROP for database"),
        ("DELETE", ObjectKind.RELATION, True, "invalid privilege type DELETE for column"),
        ("EAT", ObjectKind.RELATION, False, "invalid privilege type EAT for relation"),
    ],
)
def test_words_that_do_not_fit(name: str, kind: ObjectKind, columns: bool, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        meant(name, kind, columns=columns)
    assert caught.value.state is SqlState.INVALID_GRANT_OPERATION
