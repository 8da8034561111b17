"""The audit log's files, as the configuration wants them."""

from core.clock import Clock
from core.config import Options
from server.access import destination
from session.audit import AuditLog, AuditPlace
from storage.history import History


def audit_log(options: Options, history: History, clock: Clock) -> AuditLog | None:
    """Return what delivers *history* as files, None where none are wanted."""
    wanted = options.audit.destination
    if not wanted:
        return None
    store, prefix = destination(options, wanted)
    place = AuditPlace(
        store=store,
        prefix=prefix,
        account=options.api.account,
        region=options.api.region,
        cluster=options.api.cluster,
    )
    return AuditLog(history, clock, place, every_s=options.audit.interval_s)
