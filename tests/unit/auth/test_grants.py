"""GRANT and REVOKE. PostgreSQL, "GRANT", "REVOKE"."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.authorize import PUBLIC, Principal, allowed
from auth.grants import Change, granted, may_grant, revoked, with_columns, with_owner
from auth.privileges import ObjectKind, all_of
from core.errors import SqlError
from core.sqlstate import SqlState

OWNER, ANN, BEN, CID, STAFF = 100, 101, 102, 103, 200
SELECT = frozenset({"SELECT"})


@dataclass(frozen=True)
class Entry:
    grantee: int
    grantor: int
    privileges: frozenset[str]
    grantable: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()


Acl = tuple[Entry, ...]


def change(grantee: int, *privileges: str, grantor: int = OWNER, **more: object) -> Change:
    return Change(grantee=grantee, grantor=grantor, owner=OWNER, privileges=frozenset(privileges), **more)


def give(acl: Acl, grantee: int, *privileges: str, **more: object) -> Acl:
    return granted(acl, change(grantee, *privileges, **more), Entry)


def take(acl: Acl, grantee: int, *privileges: str, **more: object) -> Acl:
    return revoked(acl, change(grantee, *privileges, **more), Entry)


def may(acl: Acl, who: int, privilege: str, *columns: str) -> bool:
    return allowed(Principal(who, "x", False), privilege, OWNER, acl, columns or None)


def test_grants_of_one_grantor_are_one_entry() -> None:
    acl = give(give((), ANN, "SELECT", option=True), ANN, "INSERT")
    assert acl == (Entry(ANN, OWNER, frozenset({"SELECT", "INSERT"}), SELECT),)


def test_a_second_grant_takes_no_option_away() -> None:
    acl = give((), ANN, "SELECT", option=True)
    assert give(acl, ANN, "SELECT") == acl


def test_columns_with_the_same_privileges_are_one_entry() -> None:
    acl = give(give((), ANN, "SELECT", columns=("b",)), ANN, "SELECT", columns=("a",))
    assert acl == (Entry(ANN, OWNER, SELECT, columns=("a", "b")),)
    acl = give(acl, ANN, "UPDATE", columns=("b",))
    assert {entry.columns for entry in acl} == {("a",), ("b",)}


def test_one_of_several_columns_is_revoked() -> None:
    acl = take(give((), ANN, "SELECT", columns=("a", "b")), ANN, "SELECT", columns=("a",))
    assert acl == (Entry(ANN, OWNER, SELECT, columns=("b",)),)


def test_revoking_a_column_leaves_the_whole() -> None:
    # PostgreSQL, "REVOKE": a privilege on the table is not limited by revoking it on columns.
    acl = give((), ANN, "SELECT")
    assert take(acl, ANN, "SELECT", columns=("a",)) == acl


def test_revoking_the_whole_takes_the_columns() -> None:
    acl = give(give((), ANN, "SELECT", columns=("a",)), ANN, "UPDATE", columns=("a",))
    assert take(acl, ANN, "SELECT") == (Entry(ANN, OWNER, frozenset({"UPDATE"}), columns=("a",)),)


def test_revoking_touches_no_others() -> None:
    acl = give(give(give((), ANN, "SELECT"), BEN, "SELECT"), PUBLIC, "SELECT")
    assert take(acl, ANN, "SELECT") == give(give((), PUBLIC, "SELECT"), BEN, "SELECT")


def test_revoking_takes_only_the_grantors_own() -> None:
    acl = give((), BEN, "SELECT", option=True)
    acl = give(give(acl, ANN, "SELECT"), ANN, "SELECT", grantor=BEN)
    assert may(take(acl, ANN, "SELECT", grantor=BEN), ANN, "SELECT")
    assert may(take(acl, ANN, "SELECT"), ANN, "SELECT")
    assert not may(take(take(acl, ANN, "SELECT"), ANN, "SELECT", grantor=BEN), ANN, "SELECT")


def test_only_the_option_is_revoked() -> None:
    acl = take(give((), ANN, "SELECT", "INSERT", option=True), ANN, "SELECT", option=True)
    assert acl == (Entry(ANN, OWNER, frozenset({"SELECT", "INSERT"}), frozenset({"INSERT"})),)


def chain() -> Acl:
    acl = give((), ANN, "SELECT", option=True)
    acl = give(acl, BEN, "SELECT", grantor=ANN, option=True)
    return give(acl, CID, "SELECT", grantor=BEN)


@pytest.mark.parametrize("option", [False, True])
def test_grants_that_rest_on_it_keep_a_grant(option: bool) -> None:
    with pytest.raises(SqlError, match="dependent privileges exist") as caught:
        take(chain(), ANN, "SELECT", option=option)
    assert caught.value.state is SqlState.DEPENDENT_OBJECTS_STILL_EXIST


def test_cascade() -> None:
    assert take(chain(), ANN, "SELECT", cascade=True) == ()
    assert take(chain(), ANN, "SELECT", cascade=True, option=True) == give((), ANN, "SELECT")


def test_a_second_source_of_the_option_keeps_what_rests_on_it() -> None:
    acl = give(chain(), BEN, "SELECT", option=True)
    kept = take(acl, ANN, "SELECT", cascade=True)
    assert not may(kept, ANN, "SELECT")
    assert may(kept, BEN, "SELECT")
    assert may(kept, CID, "SELECT")


def test_an_option_on_the_whole_carries_grants_of_columns() -> None:
    acl = give((), ANN, "SELECT", option=True)
    acl = give(acl, BEN, "SELECT", grantor=ANN, columns=("a",))
    with pytest.raises(SqlError, match="dependent"):
        take(acl, ANN, "SELECT")
    acl = give(acl, ANN, "SELECT", columns=("a",), option=True)
    assert may(take(take(acl, ANN, "SELECT", cascade=True), ANN, "SELECT", columns=("a",)), BEN, "SELECT", "a") is False


def test_options_do_not_go_round_in_circles() -> None:
    with pytest.raises(SqlError, match="back to your own grantor") as caught:
        give(chain(), ANN, "SELECT", grantor=BEN, option=True)
    assert caught.value.state is SqlState.INVALID_GRANT_OPERATION
    assert may(give(chain(), ANN, "SELECT", grantor=BEN), ANN, "SELECT")


@pytest.mark.parametrize(
    ("who", "privileges", "columns", "expected"),
    [
        (Principal(OWNER, "owner", False), {"SELECT", "DELETE"}, (), (OWNER, {"SELECT", "DELETE"})),
        (Principal(1, "root", True), {"SELECT", "DELETE"}, (), (OWNER, {"SELECT", "DELETE"})),
        (Principal(ANN, "ann", False), {"SELECT", "DELETE"}, (), (ANN, {"SELECT"})),
        (Principal(ANN, "ann", False), {"SELECT"}, ("a",), (ANN, {"SELECT"})),
        (Principal(BEN, "ben", False), {"SELECT"}, ("a",), (BEN, {"SELECT"})),
        (Principal(BEN, "ben", False), {"SELECT"}, ("a", "b"), (BEN, set())),
        (Principal(BEN, "ben", False), {"SELECT"}, (), (BEN, set())),
        (Principal(CID, "cid", False, frozenset({STAFF})), {"SELECT"}, (), (CID, set())),
    ],
)
def test_who_may_grant(
    who: Principal, privileges: set[str], columns: tuple[str, ...], expected: tuple[int, set[str]]
) -> None:
    acl = give((), ANN, "SELECT", option=True)
    acl = give(give(acl, ANN, "INSERT"), BEN, "SELECT", columns=("a",), option=True)
    acl = give(give(acl, CID, "SELECT"), PUBLIC, "DELETE")
    assert may_grant(who, frozenset(privileges), OWNER, acl, columns) == (expected[0], frozenset(expected[1]))


def test_a_new_owner() -> None:
    acl = give(give(chain(), BEN, "SELECT"), STAFF, "INSERT")
    moved = with_owner(acl, OWNER, BEN, Entry)
    assert {(entry.grantee, entry.grantor) for entry in moved} == {(ANN, BEN), (CID, BEN), (STAFF, BEN)}


def test_changed_columns() -> None:
    acl = give(give((), ANN, "SELECT", columns=("a", "b")), BEN, "SELECT")
    assert with_columns(acl, {"a": "z"}, Entry) == give(
        give((), ANN, "SELECT", columns=("b", "z")), BEN, "SELECT"
    )
    assert with_columns(acl, {"a": None, "b": None}, Entry) == give((), BEN, "SELECT")


changes = st.builds(
    Change,
    grantee=st.sampled_from([PUBLIC, ANN, BEN, STAFF]),
    grantor=st.just(OWNER),
    owner=st.just(OWNER),
    privileges=st.frozensets(st.sampled_from(sorted(all_of(ObjectKind.RELATION))), min_size=1, max_size=4),
    columns=st.sampled_from([(), ("a",), ("a", "b"), ("b", "c")]),
    option=st.booleans(),
)


def built(history: list[Change]) -> Acl:
    acl: Acl = ()
    for one in history:
        acl = granted(acl, one, Entry)
    return acl


def cells(acl: Acl) -> set[tuple[int, int, str, str]]:
    return {
        (entry.grantee, entry.grantor, name, column)
        for entry in acl
        for name in entry.privileges
        for column in entry.columns or ("",)
    }


def touched(one: Change) -> set[tuple[int, int, str, str]]:
    return {
        (one.grantee, one.grantor, name, column)
        for name in one.privileges
        for column in one.columns or ("", "a", "b", "c")
    }


def taken(one: Change) -> Change:
    return Change(
        grantee=one.grantee, grantor=one.grantor, owner=OWNER, privileges=one.privileges, columns=one.columns
    )


@given(st.lists(changes, max_size=6), changes)
def test_revoke_undoes_grant(history: list[Change], one: Change) -> None:
    before = built(history)
    after = revoked(granted(before, one, Entry), taken(one), Entry)
    assert cells(after) == cells(before) - touched(one)
    if not cells(before) & touched(one):
        assert after == before


@given(st.lists(changes, max_size=6), changes)
def test_granting_twice_is_granting_once(history: list[Change], one: Change) -> None:
    once = granted(built(history), one, Entry)
    assert granted(once, one, Entry) == once


@given(st.lists(changes, max_size=6))
def test_the_order_of_grants_does_not_matter(history: list[Change]) -> None:
    assert built(history) == built(history[::-1])


@given(st.lists(changes, max_size=6))
def test_all_can_be_revoked(history: list[Change]) -> None:
    acl = built(history)
    for one in history:
        acl = revoked(acl, taken(one), Entry)
    assert acl == ()
