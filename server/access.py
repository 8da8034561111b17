"""How the configuration says that S3 and other services of AWS are reached."""

from core.config import S3Options
from storage.database import S3Access


def s3_access(given: S3Options, *, assumed: str = "") -> S3Access:
    """Return *given* as the storage layer takes it; its keys assume the role *assumed*, if any."""
    return S3Access(
        access_key_id=given.access_key_id,
        secret_access_key=given.secret_access_key,
        session_token=given.session_token,
        region=given.region,
        endpoint=given.endpoint,
        url_style=given.url_style,
        use_ssl=given.use_ssl,
        services=given.services,
        assumed=assumed,
    )
