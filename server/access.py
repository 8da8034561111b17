"""How the configuration says that S3 and other services of AWS are reached."""

from pathlib import Path
from typing import Final

from core.config import ConfigError, Options, S3Options
from storage.database import S3Access
from storage.objects import LocalStore, ObjectStore, S3Store

_S3: Final = "s3://"


def destination(options: Options, place: str, role: str = "") -> tuple[ObjectStore, str]:
    """Return the store of *place*, a folder or ``s3://…`` as *role* or ``[s3]`` reaches it, and its whole name."""
    if role and role not in options.roles:
        raise ConfigError(f'there is no role "{role}" ([roles.NAME])')
    if place.startswith(_S3):
        return S3Store(s3_access(options.roles[role].access if role else options.s3)), place
    folder = str(Path(place).expanduser().absolute())
    return LocalStore((folder,)), folder


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
