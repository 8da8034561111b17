"""SVV views of roles: who holds them, what system permissions they bring, what new objects are granted with.

Redshift, "SVV_ROLES", "SVV_ROLE_GRANTS", "SVV_USER_GRANTS", "SVV_SYSTEM_PRIVILEGES", "SVV_DEFAULT_PRIVILEGES",
"SVV_IAM_PRIVILEGES".
"""

from typing import Final

from catalog.system import access
from catalog.system.spec import SUPERUSER, SystemView, columns

_HOLDS: Final = f"SELECT m.grantee FROM sys_members AS m WHERE m.member = {access.ME}"
_SEES: Final = f"({SUPERUSER} OR r.owner = {access.ME} OR r.oid IN ({_HOLDS}))"
_KINDS: Final = "CASE d.object_kind WHEN 'TABLE' THEN 'RELATION' ELSE d.object_kind END"

# fmt: off
_ROWS: Final = (
    (4_205, "svv_system_privileges", "system_privilege text, identity_id int4, identity_name text, identity_type text",
        "SELECT unnest(r.permissions) AS system_privilege, r.oid AS identity_id, r.name AS identity_name,"
        f" 'role' AS identity_type FROM sys_roles AS r WHERE {_SEES}"),
    (4_206, "svv_roles", "role_id int4, role_name text, role_owner text, external_id text",
        "SELECT r.oid AS role_id, r.name AS role_name, rs_pg_get_userbyid(r.owner) AS role_owner, r.external_id"
        f" FROM sys_roles AS r WHERE {_SEES}"),
    (4_207, "svv_role_grants", "role_id int4, role_name text, granted_role_id int4, granted_role_name text",
        "SELECT m.member AS role_id, o.name AS role_name, r.oid AS granted_role_id, r.name AS granted_role_name"
        " FROM sys_role_members AS m JOIN sys_roles AS r ON r.oid = m.role JOIN sys_roles AS o ON o.oid = m.member"
        f" WHERE {_SEES}"),
    (4_208, "svv_user_grants", "user_id int4, user_name text, role_id int4, role_name text, admin_option bool",
        "SELECT u.oid AS user_id, u.name AS user_name, r.oid AS role_id, r.name AS role_name, m.admin AS admin_option"
        " FROM sys_role_members AS m JOIN sys_roles AS r ON r.oid = m.role JOIN sys_users AS u ON u.oid = m.member"
        f" WHERE {SUPERUSER} OR r.owner = {access.ME} OR u.oid = {access.ME}"),
    (4_209, "svv_iam_privileges",
        "iam_arn text, command_type text, identity_id int4, identity_name text, identity_type text",
        "SELECT g.role AS iam_arn, g.command AS command_type, g.grantee AS identity_id, w.name AS identity_name,"
        " w.kind AS identity_type FROM sys_iam_grants AS g LEFT JOIN sys_grantees AS w ON w.oid = g.grantee"
        f" WHERE NOT g.implied AND ({SUPERUSER} OR g.grantee IN ({_HOLDS}))"),
    (4_204, "svv_default_privileges",
        "schema_name text, object_type text, owner_id int4, owner_name text, owner_type text, privilege_type text,"
        "grantee_id int4, grantee_name text, grantee_type text, admin_option bool",
        f"SELECT n.name AS schema_name, {_KINDS} AS object_type, d.owner AS owner_id,"
        " rs_pg_get_userbyid(d.owner) AS owner_name, 'user' AS owner_type, d.privilege AS privilege_type,"
        " d.grantee AS grantee_id, w.name AS grantee_name, w.kind AS grantee_type, d.grantable AS admin_option"
        " FROM sys_default_privileges AS d LEFT JOIN sys_namespaces AS n ON n.oid = d.schema"
        f" LEFT JOIN sys_grantees AS w ON w.oid = d.grantee WHERE {SUPERUSER} OR d.owner = {access.ME}"
        f" OR d.grantee IN ({_HOLDS})"),
)
# fmt: on

ROWS: Final = tuple(
    SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, doc=f"Redshift, {name.upper()}"
    )
    for oid, name, shape, query in _ROWS
)
