"""How long a password is good for: VALID UNTIL, as written and as kept.

Redshift, "CREATE USER", parameter VALID UNTIL.
"""

import re
from datetime import UTC, datetime
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

_FOREVER: Final = frozenset({"infinity", ""})
_DATE_FORMATS: Final = ("%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%m/%d/%Y")
_TIME_FORMATS: Final = ("", " %H:%M:%S", " %H:%M")
_FILLING: Final = re.compile(r"[\s,]+")


def moment(text: str) -> str | None:
    """Return what VALID UNTIL *text* means, as ISO 8601 in UTC, None for ever; raises 22007."""
    plain = _FILLING.sub(" ", text).strip()
    if plain.lower() in _FOREVER:
        return None
    found = _iso(plain) or _spelled(plain)
    if found is None:
        raise SqlError(SqlState.INVALID_DATETIME_FORMAT, f'invalid input syntax for type abstime: "{text}"')
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except OverflowError:
        raise SqlError(SqlState.DATETIME_FIELD_OVERFLOW, f'timestamp out of range: "{text}"') from None


def expired(valid_until: str | None, now: datetime) -> bool:
    """Tell whether what ``moment`` returned has passed."""
    return valid_until is not None and datetime.fromisoformat(valid_until) <= now


def _iso(text: str) -> datetime | None:
    # Python wants the zone as +00:00 or Z and without a blank before it, PostgreSQL takes +00 and UTC.
    text = re.sub(r" ?(UTC|GMT|Z)\Z", "+00:00", text, flags=re.IGNORECASE)
    text = re.sub(r" ?([+-]\d\d)\Z", r"\1:00", text) if ":" in text else text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _spelled(text: str) -> datetime | None:
    for date in _DATE_FORMATS:
        for time in _TIME_FORMATS:
            try:
                return datetime.strptime(text, date + time).replace(tzinfo=UTC)
            except ValueError:
                continue
    return None
