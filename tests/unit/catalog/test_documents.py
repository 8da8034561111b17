"""Catalog objects survive being written down and read back."""

import pytest

from catalog.documents import document, parsed
from catalog.iam_roles import COMMANDS, IamRole
from catalog.model import CatalogObject, Grant, Relation
from catalog.parameters import SystemParameter
from catalog.policies import Attachment, MaskAttachment, MaskingPolicy, PolicyColumn, Protection, RlsPolicy
from catalog.scopes import TABLES, ScopedPrivileges
from core import types

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
        RlsPolicy(oid=7, database=1, name="p", columns=(PolicyColumn(name="a", type=types.of("int4")),), alias="t",
                  condition="a = 1", lookups=((9, ("a", "b")),), functions=(3,), settings=(("x", "on"),), modified_by=1),
        MaskingPolicy(oid=8, database=1, name="m", columns=(PolicyColumn(name="a", type=types.of("text")),),
                      expressions=("a", "b"), settings=(("x", "on"),)),
        Relation(oid=9, schema=2, name="t", owner=1, protection=Protection(
            row_security=True, any_of=True, policies=(Attachment(policy=7, grantee=0, grantor=1),),
            masks=(MaskAttachment(policy=8, grantee=5, grantor=1, outputs=(("a", "b"), ("c",)), inputs=(("d",),), priority=3),))),
        SystemParameter(oid=10, name="max_failed_login_attempts", value="7"),
    ],
)
def test_what_is_granted_is_read_back(item: CatalogObject) -> None:
    assert parsed(item.kind, document(item)) == item
