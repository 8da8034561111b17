"""The password itself, over TLS: for clients that know no SCRAM (Redshift's JDBC and ODBC drivers)."""

from auth.exchange import Candidate, Challenge, Code, Success, password_sent
from auth.verifiers import holds, make_md5, matches_md5, matches_sha256, scram_keys


class CleartextExchange:
    """AuthenticationCleartextPassword. The caller sees to it that the connection is encrypted."""

    def __init__(self, who: Candidate) -> None:
        self._who = who

    def start(self) -> Challenge:
        """Ask for the password."""
        return Challenge(Code.CLEARTEXT_PASSWORD)

    def step(self, response: bytes) -> Success:
        """Judge the password."""
        who = self._who
        password = password_sent(response, who)
        # All are always computed: which verifiers a user has must not show in the time it takes.
        # One key serves all temporary passwords as well: they share salt and iterations.
        keys = scram_keys(who.scram, password)
        by_scram = holds(who.scram, keys) and who.has_scram
        by_md5 = matches_md5(who.md5 or _NOBODY, password, who.name) and who.md5 is not None
        by_sha256 = matches_sha256(who.sha256, password) and who.sha256 is not None
        for temporary in who.temporaries:
            if holds(temporary.scram, keys):
                return Success(entry=temporary.entry)
        if not (by_scram or by_md5 or by_sha256):
            raise who.refused()
        return Success()


_NOBODY = make_md5("", "")
