"""The md5 challenge, for users whose password was given as an md5 verifier.

PostgreSQL, "Password Authentication". No better than the verifier itself against someone who reads along:
SCRAM is asked for wherever it can be.
"""

import hmac
import secrets

from auth.exchange import Candidate, Challenge, Code, Success, password_sent
from auth.verifiers import make_md5, md5_answer

_SALT_BYTES = 4


class Md5Exchange:
    """AuthenticationMD5Password."""

    def __init__(self, who: Candidate, salt: bytes | None = None) -> None:
        self._who = who
        self._salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt

    def start(self) -> Challenge:
        """Ask for the hash of password, name and a salt."""
        return Challenge(Code.MD5_PASSWORD, self._salt)

    def step(self, response: bytes) -> Success:
        """Judge the hash."""
        answer = password_sent(response, self._who)
        verifier = self._who.md5
        expected = md5_answer(verifier or make_md5(secrets.token_hex(), self._who.name), self._salt)
        for temporary in self._who.temporaries:
            if hmac.compare_digest(answer, md5_answer(temporary.md5, self._salt)):
                return Success(entry=temporary.entry)
        if not hmac.compare_digest(answer, expected) or verifier is None:
            raise self._who.refused()
        return Success()
