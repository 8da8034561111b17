"""Catalog objects survive being written down and read back."""

import pytest

from catalog.documents import document, parsed
from catalog.iam_roles import COMMANDS, IamRole
from catalog.model import CatalogObject, Grant
from catalog.scopes import TABLES, ScopedPrivileges

_ACL = (
    Grant(grantee=0, grantor=1, privileges=COMMANDS),
    Grant(grantee=7, grantor=1, privileges=frozenset({"SELECT", "INSERT"}), grantable=frozenset({"SELECT"})),
)


@pytest.mark.parametrize(
    "item",
    [
        IamRole(oid=5, name="arn:aws:iam::1:role/a,arn:aws:iam::1:role/b", acl=_ACL),
        IamRole(oid=5, name="default"),
        ScopedPrivileges(oid=6, scope=9, object_kind=TABLES, acl=_ACL),
    ],
)
def test_what_is_granted_is_read_back(item: CatalogObject) -> None:
    assert parsed(item.kind, document(item)) == item
