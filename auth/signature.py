"""AWS Signature Version 4: is a request signed with the secret that belongs to its access key?

Pure: the request is given as values, the secret by a look-up. AWS, "Signature Version 4 signing process",
"Elements of an AWS API request signature". Signatures in the Authorization header and presigned queries
(X-Amz-Signature) are read; several Regions (SigV4A), unsigned and chunked payloads are refused.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = timedelta(minutes=5)
"""How far the client's clock may be off."""
_LONGEST: Final = 604_800
"""Seconds that a presigned request may be good for."""
_TERMINATOR: Final = "aws4_request"
_TIME: Final = "%Y%m%dT%H%M%SZ"
_CREDENTIAL: Final = re.compile(
    r"(?P<key>\w{16,128})/(?P<date>\d{8})/(?P<region>[\w-]{1,64})/(?P<service>[\w-]{1,64})/aws4_request"
)
_HEADER: Final = re.compile(
    ALGORITHM + r" Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_BLANKS: Final = re.compile(r" {2,}")


class Refusal(StrEnum):
    """Why a request is not taken: AWS's names of common errors."""

    MISSING = "MissingAuthenticationTokenException"
    INCOMPLETE = "IncompleteSignatureException"
    UNKNOWN_KEY = "UnrecognizedClientException"
    MISMATCH = "InvalidSignatureException"
    EXPIRED = "ExpiredTokenException"


class SignatureError(Exception):
    """A request whose signature does not prove who sent it."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        """Refuse with *message* for the client."""
        super().__init__(message)
        self.refusal = refusal
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What of a request is signed."""

    method: str
    path: str
    """As sent: still encoded, without the query."""
    query: Sequence[tuple[str, str]]
    """Decoded names and values, in any order."""
    headers: Mapping[str, str]
    """By lower-case name; values of one that was repeated joined by a comma."""
    body: bytes = field(repr=False)


class Scope(NamedTuple):
    """What a signature is for."""

    key: str
    date: str
    region: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key's secret side."""

    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    """The session token that temporary keys come with, empty for a permanent key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    scope: Scope
    signed: tuple[str, ...]
    signature: str
    moment: datetime
    lifetime: timedelta
    token: str
    payload: str
    query: Sequence[tuple[str, str]]


def verify(request: SignedRequest, look_up: Callable[[str], Key | None], now: datetime) -> Scope:
    """Return what *request* is signed for, if its signature is right; raises ``SignatureError``.

    An unknown key is judged with a secret that nothing matches, so that it takes as long as a known one.
    """
    claim = _from_query(request) if _value(request.query, "X-Amz-Signature") else _from_header(request)
    _check_time(claim, now)
    _check_headers(request, claim)
    if not hmac.compare_digest(claim.payload.encode(), _payload(request).encode()):
        raise SignatureError(Refusal.MISMATCH, "x-amz-content-sha256 does not match what was computed.")
    key = look_up(claim.scope.key)
    expected = _signature(request, claim, _secret(key))
    matches = hmac.compare_digest(expected, claim.signature)
    own = key.token if key is not None else ""
    if key is None or not hmac.compare_digest(own.encode(), claim.token.encode()):
        raise SignatureError(Refusal.UNKNOWN_KEY, "The security token included in the request is invalid.")
    if not matches:
        raise SignatureError(
            Refusal.MISMATCH,
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )
    return claim.scope


def _signature(request: SignedRequest, claim: "_Claim", secret: str) -> str:
    """Return the signature, in hexadecimal, that whoever knows *secret* gives the request."""
    scope, signed = claim.scope, claim.signed
    canonical = "\n".join(
        (
            request.method,
            # Every service but S3 encodes a path twice: as it was sent, and once more for the signature.
            quote(_normal(request.path), safe="/-_.~"),
            _canonical_query(claim.query),
            "".join(f"{name}:{_trimmed(request.headers.get(name, ''))}\n" for name in signed),
            ";".join(signed),
            claim.payload,
        )
    )
    place = f"{scope.date}/{scope.region}/{scope.service}/{_TERMINATOR}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{claim.moment.strftime(_TIME)}\n{place}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _secret(key: Key | None) -> str:
    return key.secret if key is not None else "\0"


def _from_header(request: SignedRequest) -> _Claim:
    text = request.headers.get("authorization", "")
    if not text:
        raise SignatureError(Refusal.MISSING, "Missing Authentication Token")
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise SignatureError(Refusal.INCOMPLETE, "Authorization needs Credential, SignedHeaders and Signature.")
    return _Claim(
        scope=_scope(found["credential"]),
        signed=tuple(found["headers"].split(";")),
        signature=found["signature"],
        moment=_moment(request.headers.get("x-amz-date", "")),
        lifetime=SKEW,
        token=request.headers.get("x-amz-security-token", ""),
        payload=request.headers.get("x-amz-content-sha256", "") or _payload(request),
        query=request.query,
    )


def _from_query(request: SignedRequest) -> _Claim:
    seconds = _value(request.query, "X-Amz-Expires") or ""
    if _value(request.query, "X-Amz-Algorithm") != ALGORITHM or not seconds.isdigit() or int(seconds) > _LONGEST:
        raise SignatureError(Refusal.INCOMPLETE, "The query's signature cannot be read.")
    return _Claim(
        scope=_scope(_value(request.query, "X-Amz-Credential") or ""),
        signed=tuple((_value(request.query, "X-Amz-SignedHeaders") or "").split(";")),
        signature=_value(request.query, "X-Amz-Signature") or "",
        moment=_moment(_value(request.query, "X-Amz-Date") or ""),
        lifetime=timedelta(seconds=int(seconds)),
        token=_value(request.query, "X-Amz-Security-Token") or "",
        payload=_payload(request),
        query=[pair for pair in request.query if pair[0] != "X-Amz-Signature"],
    )


def _scope(text: str) -> Scope:
    found = _CREDENTIAL.fullmatch(text)
    if found is None:
        raise SignatureError(Refusal.INCOMPLETE, "Credential must be KEY/DATE/REGION/SERVICE/aws4_request.")
    return Scope(found["key"], found["date"], found["region"], found["service"])


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError(Refusal.INCOMPLETE, "X-Amz-Date must be a time such as 20260131T235959Z.") from None


def _check_time(claim: _Claim, now: datetime) -> None:
    shown = claim.moment.strftime(_TIME)
    if claim.scope.date != shown[:8]:
        raise SignatureError(Refusal.MISMATCH, "Date in Credential scope does not match YYYYMMDD of X-Amz-Date.")
    if now > claim.moment + claim.lifetime:
        raise SignatureError(
            Refusal.MISMATCH,
            f"Signature expired: {shown} is now earlier than {(now - claim.lifetime).strftime(_TIME)}.",
        )
    if claim.moment > now + SKEW:
        raise SignatureError(
            Refusal.MISMATCH, f"Signature not yet current: {shown} is still later than {(now + SKEW).strftime(_TIME)}."
        )


def _check_headers(request: SignedRequest, claim: _Claim) -> None:
    """Everything that says where a request goes or what it does must be signed."""
    names = claim.signed
    needed = {"host"} | {
        name for name in request.headers if name.startswith("x-amz-") and name != "x-amz-content-sha256"
    }
    if list(names) != sorted(set(names)) or not needed <= set(names):
        missing = ", ".join(sorted(needed - set(names))) or "their order"
        raise SignatureError(Refusal.MISMATCH, f"Some headers must be signed: {missing}.")


def _payload(request: SignedRequest) -> str:
    return hashlib.sha256(request.body).hexdigest()


def _value(query: Sequence[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in query if key == name), None)


def _canonical_query(query: Sequence[tuple[str, str]]) -> str:
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, value in query)
    )


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _normal(path: str) -> str:
    """Return an encoded path in one spelling, without empty and dotted parts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(quote(unquote(part), safe="-_.~"))
    return "/" + "/".join(parts) + ("/" if parts and path.endswith("/") else "")


def _trimmed(value: str) -> str:
    return _BLANKS.sub(" ", value.strip())
