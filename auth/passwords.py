"""What PASSWORD may be given, and which secrets are stored for it.

Redshift, "CREATE USER", parameter PASSWORD. Clear text becomes a SCRAM verifier; an md5 verifier is kept
and a SHA-256 digest only where they were given as such. The arithmetic is ``auth.verifiers``'.
"""

from dataclasses import dataclass, field
from typing import Final

from auth.verifiers import is_md5, is_sha256, make_scram, parse_scram
from core.errors import SqlError
from core.sqlstate import SqlState

SHORTEST: Final = 8
LONGEST: Final = 64
_FORBIDDEN: Final = "'\"\\/@ "
_FIRST_PRINTABLE, _LAST_PRINTABLE = 33, 126
_SHA256: Final = "sha256|"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is stored of a user's password; both None is a user without one."""

    scram: str | None = field(default=None, repr=False)
    md5: str | None = field(default=None, repr=False)
    sha256: str | None = field(default=None, repr=False)
    """``digest|salt``"""


def secrets_of(given: str) -> Secrets:
    """Return what to store for PASSWORD *given*: clear text, ``md5…``, ``sha256|text`` or a SCRAM verifier.

    ``sha256|digest|salt`` is kept as it is: no SCRAM verifier can be made of it. Raises 22023 for clear text against
    the rules.
    """
    if is_md5(given):
        return Secrets(md5=given)
    if parse_scram(given) is not None:
        return Secrets(scram=given)
    if given.startswith(_SHA256):
        given = given.removeprefix(_SHA256)
        if is_sha256(given):
            return Secrets(sha256=given)
    check_rule(given)
    return Secrets(scram=make_scram(given).text)


def check_rule(password: str) -> None:
    """Raise 22023 unless *password* obeys Redshift's rule for clear text."""
    for broken, message in (
        (len(password) < SHORTEST, f"password must be at least {SHORTEST} characters long"),
        (len(password) > LONGEST, f"password must be at most {LONGEST} characters long"),
        (not any("A" <= char <= "Z" for char in password), "password must contain at least one uppercase letter"),
        (not any("a" <= char <= "z" for char in password), "password must contain at least one lowercase letter"),
        (not any("0" <= char <= "9" for char in password), "password must contain at least one number"),
        (not all(map(_allowed, password)), "password contains a character that is not allowed"),
    ):
        if broken:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE,
                message,
                hint="A password has 8 to 64 printable ASCII characters with an uppercase letter, a lowercase "
                "letter and a number, and none of ' \" \\ / @ or space.",
            )


def _allowed(char: str) -> bool:
    return _FIRST_PRINTABLE <= ord(char) <= _LAST_PRINTABLE and char not in _FORBIDDEN
