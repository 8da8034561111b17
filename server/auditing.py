"""The audit log's files, as the configuration wants them."""

from pathlib import Path
from typing import Final

from core.clock import Clock
from core.config import Options
from server.access import s3_access
from session.audit import AuditLog, AuditPlace
from storage.history import History
from storage.objects import LocalStore, ObjectStore, S3Store

_S3: Final = "s3://"


def audit_log(options: Options, history: History, clock: Clock) -> AuditLog | None:
    """Return what delivers *history* as files, None where none are wanted."""
    wanted = options.audit.destination
    if not wanted:
        return None
    store: ObjectStore
    if wanted.startswith(_S3):
        store, prefix = S3Store(s3_access(options.s3)), wanted
    else:
        prefix = str(Path(wanted).expanduser().absolute())
        store = LocalStore((prefix,))
    place = AuditPlace(
        store=store,
        prefix=prefix,
        account=options.api.account,
        region=options.api.region,
        cluster=options.api.cluster,
    )
    return AuditLog(history, clock, place, every_s=options.audit.interval_s)
