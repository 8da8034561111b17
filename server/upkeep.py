"""The upkeep as the configuration wants it."""

from datetime import timedelta

from core.config import UpkeepOptions
from session.rounds import Policy


def upkeep(options: UpkeepOptions) -> Policy:
    """Return what may be done to tables' files by itself."""
    return Policy(
        enabled=options.enabled,
        interval_s=options.interval_s,
        job_bytes=options.job_mb << 20,
        share=options.time_percent / 100,
        kept=timedelta(seconds=options.keep_s),
        grace=timedelta(seconds=options.grace_s),
    )
