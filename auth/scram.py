"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side, without I/O.

RFC 5802, RFC 7677; channel binding tls-server-end-point of RFC 5929; framing and error texts as in
PostgreSQL, "SASL Authentication".
"""

import base64
import binascii
import re
import secrets
import struct
from dataclasses import dataclass
from typing import Final

from auth.exchange import PASSWORD_BYTES, Candidate, Challenge, Code, Success
from auth.verifiers import proves, server_signature
from core.errors import ConnectionFatal, not_supported
from core.sqlstate import SqlState

PLAIN: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"
_BINDING: Final = "tls-server-end-point"
_NONCE_BYTES: Final = 18
_PROOF_BYTES: Final = 32
_FIRST: Final = re.compile(r"(?P<flag>[ny]|p=(?P<binding>[^,]*)),(?P<authzid>[^,]*),(?P<bare>.*)", re.DOTALL)
_BARE: Final = re.compile(r"n=[^,]*,r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]*)*")
_FINAL: Final = re.compile(r"(?P<bare>c=(?P<binding>[^,]*),r=(?P<nonce>[^,]*)(?:,[A-Za-z]=[^,]*)*),p=(?P<proof>[^,]*)")


@dataclass(frozen=True, slots=True)
class _First:
    """What the client's first message and ours have settled."""

    header: str
    """gs2-header: flag and authorization identity."""
    bare: str
    nonce: str
    """Client's and server's."""
    answer: str
    bound: bool


class ScramExchange:
    """AuthenticationSASL. With a *certificate_hash* the channel may be, and a client that can must, be bound.

    *ended* is whether an empty name ends the list of mechanisms, as the protocol has it.
    """

    def __init__(
        self, who: Candidate, certificate_hash: bytes = b"", *, nonce: str | None = None, ended: bool = True
    ) -> None:
        self._who = who
        self._ended = ended
        self._certificate_hash = certificate_hash
        self._nonce = base64.b64encode(secrets.token_bytes(_NONCE_BYTES)).decode() if nonce is None else nonce
        self._plus: bool | None = None
        self._first: _First | None = None

    def start(self) -> Challenge:
        """Offer the mechanisms, the better one first."""
        offered = [PLUS, PLAIN] if self._certificate_hash else [PLAIN]
        return Challenge(Code.SASL, b"".join(name.encode() + b"\0" for name in offered) + b"\0" * self._ended)

    def step(self, response: bytes) -> Challenge | Success:
        """Judge SASLInitialResponse, then SASLResponse."""
        if len(response) > PASSWORD_BYTES:
            raise _malformed("The message is too long.")
        if self._plus is None:
            mechanism, data = _initial(response)
            self._plus = self._chosen(mechanism)
            if data is None:
                return Challenge(Code.SASL_CONTINUE)
            response = data
        if self._first is None:
            self._first = self._begun(_text(response), plus=self._plus)
            return Challenge(Code.SASL_CONTINUE, self._first.answer.encode())
        return self._finished(_text(response), self._first)

    def _chosen(self, mechanism: str) -> bool:
        if mechanism == PLAIN:
            return False
        if mechanism == PLUS and self._certificate_hash:
            return True
        raise ConnectionFatal(SqlState.PROTOCOL_VIOLATION, "client selected an invalid SASL authentication mechanism")

    def _begun(self, message: str, *, plus: bool) -> _First:
        found = _FIRST.fullmatch(message)
        if found is None:
            raise _malformed("The gs2 header cannot be read.")
        self._check_flag(found["flag"], found["binding"], plus=plus)
        if found["authzid"]:
            raise _fatal(not_supported("an authorization identity"))
        if found["bare"].startswith("m="):
            raise _fatal(not_supported("the SCRAM extension that the client requires"))
        bare = _BARE.fullmatch(found["bare"])
        if bare is None:
            raise _malformed("The first message of the client cannot be read.")
        nonce = bare["nonce"] + self._nonce
        verifier = self._who.scram
        salt = base64.b64encode(verifier.salt).decode()
        return _First(
            header=message[: found.start("bare")],
            bare=found["bare"],
            nonce=nonce,
            answer=f"r={nonce},s={salt},i={verifier.iterations}",
            bound=plus,
        )

    def _check_flag(self, flag: str, binding: str | None, *, plus: bool) -> None:
        if binding is not None and not plus:
            raise _malformed("The client selected SCRAM-SHA-256 and sends channel binding data.")
        if binding is None and plus:
            raise _malformed("The client selected SCRAM-SHA-256-PLUS and sends no channel binding data.")
        if binding is not None and binding != _BINDING:
            raise ConnectionFatal(
                SqlState.PROTOCOL_VIOLATION, f'unsupported SCRAM channel-binding type "{binding[:40]}"'
            )
        # The client could have bound the channel and believes that the server cannot: someone between them
        # has taken the better mechanism from the list.
        if flag == "y" and self._certificate_hash:
            raise ConnectionFatal(
                SqlState.INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding negotiation error"
            )

    def _finished(self, message: str, first: _First) -> Success:
        found = _FINAL.fullmatch(message)
        if found is None:
            raise _malformed("The final message of the client cannot be read.")
        expected = first.header.encode() + (self._certificate_hash if first.bound else b"")
        if found["binding"] != base64.b64encode(expected).decode():
            if first.bound:
                raise ConnectionFatal(
                    SqlState.INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding check failed"
                )
            raise ConnectionFatal(
                SqlState.PROTOCOL_VIOLATION, "unexpected SCRAM channel-binding attribute in client-final-message"
            )
        if not secrets.compare_digest(found["nonce"].encode(), first.nonce.encode()):
            raise ConnectionFatal(SqlState.PROTOCOL_VIOLATION, "invalid SCRAM response", detail="Nonce does not match.")
        signed = ",".join((first.bare, first.answer, found["bare"])).encode()
        proof, who = _proof(found["proof"]), self._who
        verifier, entry = who.scram, None
        proved = proves(verifier, signed, proof) and who.has_scram
        for temporary in who.temporaries:
            if proves(temporary.scram, signed, proof):
                proved, verifier, entry = True, temporary.scram, temporary.entry
        if not proved:
            raise who.refused()
        signature = base64.b64encode(server_signature(verifier, signed))
        return Success(Code.SASL_FINAL, b"v=" + signature, entry)


def _initial(response: bytes) -> tuple[str, bytes | None]:
    """Return mechanism and first message of a SASLInitialResponse; the message may be missing."""
    name, separator, rest = response.partition(b"\0")
    if not separator or len(rest) < 4:
        raise _malformed("The initial response is cut off.")
    (length,) = struct.unpack_from("!i", rest)
    data = rest[4:]
    if (length == -1 and data) or (length != -1 and length != len(data)):
        raise _malformed("The length of the initial response does not match.")
    return name.decode("latin-1"), None if length == -1 else data


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or not text:
        raise _malformed("The message is no text.")
    return text


def _proof(text: str) -> bytes:
    try:
        proof = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        proof = b""
    if len(proof) != _PROOF_BYTES:
        raise _malformed("The proof cannot be read.")
    return proof


def _malformed(detail: str) -> ConnectionFatal:
    return ConnectionFatal(SqlState.PROTOCOL_VIOLATION, "malformed SCRAM message", detail=detail)


def _fatal(error: Exception) -> ConnectionFatal:
    return ConnectionFatal(SqlState.FEATURE_NOT_SUPPORTED, str(error))
