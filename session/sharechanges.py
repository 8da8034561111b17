"""What happens to datashares, for SVL_DATASHARE_CHANGE_LOG and SYS_DATASHARE_CHANGE_LOG."""

from datetime import UTC

from catalog.model import Database
from catalog.shares import Consumer, Datashare
from session.context import Work


def note(work: Work, share: Datashare, action: str, *, consumer: Consumer | None = None) -> None:
    """Take note of what was done to a datashare."""
    source, limits, who = work.state.objects.get(share.source), work.limits, consumer or Consumer()
    now = work.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
    work.warehouse.recorder.history.record("share_changes", (
        work.principal.oid, work.principal.name, work.session.pid, work.tx.number, share.oid, share.name,
        share.source, source.name if isinstance(source, Database) else "", now, action, who.account, who.namespace,
        limits.account, limits.namespace,
    ))  # fmt: skip
