"""How the engine is told to reach a bucket."""

from typing import TYPE_CHECKING

from core.names import literal

if TYPE_CHECKING:
    from storage.database import S3Access


def s3_secret(access: "S3Access", scope: str) -> str:
    """Return the statement by which the engine reaches what lies below *scope*, ``s3://bucket/prefix``."""
    parts = ["TYPE s3", "PROVIDER config", f"SCOPE {literal(scope)}"]
    for key, value in (
        ("KEY_ID", access.access_key_id),
        ("SECRET", access.secret_access_key),
        ("SESSION_TOKEN", access.session_token),
        ("REGION", access.region),
        ("ENDPOINT", access.endpoint.removeprefix("http://").removeprefix("https://")),
        ("URL_STYLE", access.url_style),
    ):
        if value:
            parts.append(f"{key} {literal(value)}")
    parts.append(f"USE_SSL {'true' if access.use_ssl else 'false'}")
    return f"CREATE OR REPLACE SECRET duckshift_lake ({', '.join(parts)})"
