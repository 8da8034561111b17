"""Where COPY and UNLOAD may read and write: a statement's location and credentials against what is configured."""

from typing import TYPE_CHECKING, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.commands.parameters import Credentials
from sql.options import Given
from storage.dynamodb import DynamoTable
from storage.envelopes import EnvelopeStore
from storage.objects import Keys, ObjectStore, S3Store

if TYPE_CHECKING:
    from session.context import Work

_FILE: Final = "file://"


def location(text: str) -> str:
    """Return a source or destination as stores take it: ``s3://…`` or an absolute path."""
    if "://" in text and not text.startswith(("s3://", _FILE)):
        raise not_supported(f"the location {text.partition('://')[0]}://")
    found = text.removeprefix(_FILE)
    if not text.startswith("s3://") and not found.startswith("/"):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"'{text}' is neither an S3 location nor an absolute path")
    return found


def open_store(work: "Work", where: str, credentials: Credentials, options: Given) -> ObjectStore:
    """Return the store that holds *where*, with the rights that the statement's credentials have; raises 42501."""
    keys, role = _who(credentials)
    region, user = options.text("region") or "", work.session.user.name
    store = work.limits.stores.store(location(where), role=role, keys=keys, region=region, user=user)
    master_key = credentials.master_symmetric_key
    if master_key is None:
        return store
    if not isinstance(store, S3Store) or not options.on("encrypted"):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, "MASTER_SYMMETRIC_KEY needs ENCRYPTED and a location in Amazon S3"
        )
    return EnvelopeStore(store, master_key)


def open_table(work: "Work", name: str, credentials: Credentials, options: Given) -> DynamoTable:
    """Return DynamoDB's table *name*, with the rights that the statement's credentials have; raises 42501."""
    keys, role = _who(credentials)
    region, user = options.text("region") or "", work.session.user.name
    return DynamoTable(work.limits.stores.access(role=role, keys=keys, region=region, user=user), name)


def _who(credentials: Credentials) -> tuple[Keys | None, str | None]:
    keys = None
    if credentials.access_key_id is not None:
        keys = Keys(
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key or "",
            session_token=credentials.session_token or "",
        )
    return keys, ",".join(credentials.iam_roles) or None
