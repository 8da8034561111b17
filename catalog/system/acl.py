"""Access control lists as the catalogs show them: ``alice=arw/awsuser``.

PostgreSQL 8.0, "GRANT"; Redshift adds A (ALTER), D (DROP) and P (TRUNCATE).
"""

from collections.abc import Mapping
from typing import Final

from catalog.model import BOOTSTRAP_USER, PUBLIC, Acl, CatalogState, Grant
from catalog.roles import roles
from core.names import quote_if_needed

_TABLE: Final = (
    ("INSERT", "a"), ("SELECT", "r"), ("UPDATE", "w"), ("DELETE", "d"), ("RULE", "R"), ("REFERENCES", "x"),
    ("TRIGGER", "t"), ("DROP", "D"), ("TRUNCATE", "P"), ("ALTER", "A"),
)  # fmt: skip
_SCHEMA: Final = (("USAGE", "U"), ("CREATE", "C"), ("ALTER", "A"), ("DROP", "D"))
_DATABASE: Final = (("CREATE", "C"), ("TEMP", "T"), ("TEMPORARY", "T"), ("USAGE", "U"), ("ALTER", "A"))
_ROUTINE: Final = (("EXECUTE", "X"),)
_LANGUAGE: Final = (("USAGE", "U"),)
_DATASHARE: Final = (("ALTER", "A"), ("SHARE", "S"))
LETTERS: Final = {
    "table": _TABLE, "schema": _SCHEMA, "database": _DATABASE, "routine": _ROUTINE, "language": _LANGUAGE,
    "datashare": _DATASHARE,
}  # fmt: skip
"""Kind of object → (privilege, letter) in the order shown."""
OWNER: Final = {"table": "arwdRxtDPA", "schema": "UCAD", "database": "CTA", "routine": "X", "language": "U", "datashare": "AS"}
"""What the owner always holds."""

Names = Mapping[int, str]
"""OID of a user or group → its name as an aclitem shows it (``group sales`` for a group)."""


def items(kind: str, acl: Acl, owner: int, names: Names) -> list[str] | None:
    """Return the aclitems of an object, the owner's first; None where nothing was ever granted."""
    whole = [grant for grant in acl if not grant.columns]
    if not whole:
        return None
    holder = names.get(owner, str(owner))
    shown = [f"{holder}={OWNER[kind]}/{holder}"]
    # What was granted to a policy, which is nobody, is not shown.
    return shown + [
        item(kind, grant, names)
        for grant in whole
        if grant.grantee != owner and (grant.grantee in names or grant.grantee == PUBLIC)
    ]


def column_items(column: str, acl: Acl, names: Names) -> list[str] | None:
    """Return the aclitems of a table's column."""
    return [item("table", grant, names) for grant in acl if column in grant.columns] or None


def item(kind: str, grant: Grant, names: Names) -> str:
    """Return one grant as an aclitem."""
    who = "" if grant.grantee == PUBLIC else names.get(grant.grantee, str(grant.grantee))
    letters = "".join(
        letter + ("*" if privilege in grant.grantable else "")
        for privilege, letter in LETTERS[kind]
        if privilege in grant.privileges
    )
    return f"{who}={letters}/{names.get(grant.grantor, str(grant.grantor))}"


def named(state: CatalogState) -> dict[int, str]:
    """Return the names of all users and groups of *state* as aclitems show them."""
    return grantees(
        {BOOTSTRAP_USER: "rdsdb"} | {each.oid: each.name for each in state.users()},
        {each.oid: each.name for each in state.groups()},
        {each.oid: each.name for each in roles(state)},
    )


def grantees(users: Mapping[int, str], groups: Mapping[int, str], roles: Mapping[int, str]) -> dict[int, str]:
    """Return every grantee's name as aclitems show it."""
    return (
        {oid: quote_if_needed(name) for oid, name in users.items()}
        | {oid: f"group {quote_if_needed(name)}" for oid, name in groups.items()}
        | {oid: f"role {quote_if_needed(name)}" for oid, name in roles.items()}
    )
