"""Signature Version 4: AWS's own worked example, botocore as the signer, and everything that may be tampered with."""

import dataclasses
import datetime as dt
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from auth.signature import Key, Refusal, SignatureError, SignedRequest, verify

KEY, SECRET = "AKIDEXAMPLE000000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)
KEYS = {KEY: Key(secret=SECRET), "ASIATOKEN00000000000": Key(secret=SECRET, token="the-token")}


def made(
    monkeypatch: pytest.MonkeyPatch,
    url: str = "http://localhost:80/",
    body: bytes = b'{"a":1}',
    *,
    token: str | None = None,
    key: str = KEY,
    presigned: bool = False,
) -> SignedRequest:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: NOW.replace(tzinfo=None), raising=False)
    headers = {} if presigned else {"X-Amz-Target": "RedshiftData.ListStatements", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", url, data=body, headers=headers)
    signer = (SigV4QueryAuth if presigned else SigV4Auth)(Credentials(key, SECRET, token), "redshift-data", "us-east-1")
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    # As on the wire: prepared headers, and the host that an HTTP client adds.
    sent = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()}
    return SignedRequest(
        method="POST",
        path=parts.path or "/",
        query=parse_qsl(parts.query, keep_blank_values=True),
        headers={"host": parts.netloc.removesuffix(":80"), **sent},
        body=body,
    )


def now_of(request: SignedRequest) -> dt.datetime:
    stamp = request.headers.get("x-amz-date") or dict(request.query)["X-Amz-Date"]
    return dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "url", ["http://localhost/", "http://localhost/a%20b/c", "http://localhost/?b=2&a=1&a=%20x%2F~", "http://localhost:8080/x"]
)
def test_what_botocore_signs_is_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    request = made(monkeypatch, url)
    scope = verify(request, KEYS.get, now_of(request))
    assert (scope.key, scope.region, scope.service) == (KEY, "us-east-1", "redshift-data")


def test_a_presigned_query_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    request = made(monkeypatch, body=b"", presigned=True)
    assert verify(request, KEYS.get, now_of(request)).key == KEY
    with pytest.raises(SignatureError):
        verify(request, KEYS.get, now_of(request) + dt.timedelta(hours=2))


def test_temporary_keys_need_their_token(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "ASIATOKEN00000000000"
    right = made(monkeypatch, key=key, token="the-token")
    assert verify(right, KEYS.get, now_of(right)).key == key
    for token in (None, "another"):
        wrong = made(monkeypatch, key=key, token=token)
        with pytest.raises(SignatureError) as caught:
            verify(wrong, KEYS.get, now_of(wrong))
        assert caught.value.refusal is Refusal.UNKNOWN_KEY


def test_the_worked_example_of_the_specification() -> None:
    # AWS, "Examples of the complete Signature Version 4 signing process": GET ListUsers.
    request = SignedRequest(
        method="GET",
        path="/",
        query=[("Action", "ListUsers"), ("Version", "2010-05-08")],
        headers={
            "host": "iam.amazonaws.com",
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "x-amz-date": "20150830T123600Z",
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE000000000/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        },
        body=b"",
    )
    scope = verify(request, KEYS.get, dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC))
    assert scope.service == "iam"


@pytest.mark.parametrize("change", ["method", "path", "query", "body", "target", "host", "date", "extra"])
def test_nothing_that_is_signed_can_be_changed(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    request = made(monkeypatch)
    now = now_of(request)
    headers = request.headers
    changed = {
        "method": {"method": "GET"},
        "path": {"path": "/other"},
        "query": {"query": [("a", "1")]},
        "body": {"body": b'{"a":2}'},
        "target": {"headers": {**headers, "x-amz-target": "RedshiftData.ExecuteStatement"}},
        "host": {"headers": {**headers, "host": "elsewhere"}},
        "date": {"headers": {**headers, "x-amz-date": (now + dt.timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")}},
        "extra": {"headers": {**headers, "x-amz-other": "added"}},
    }
    with pytest.raises(SignatureError) as caught:
        verify(dataclasses.replace(request, **changed[change]), KEYS.get, now)
    assert caught.value.refusal is Refusal.MISMATCH


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_old_and_future_requests_are_refused(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    request = made(monkeypatch)
    with pytest.raises(SignatureError) as caught:
        verify(request, KEYS.get, now_of(request) + dt.timedelta(minutes=minutes))
    assert caught.value.refusal is Refusal.MISMATCH


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        ("", Refusal.MISSING),
        ("Basic abc", Refusal.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=00", Refusal.INCOMPLETE),
        (f"AWS4-HMAC-SHA256 Credential={KEY}/20260131/us-east-1/x/aws4_request, SignedHeaders=x-amz-date, Signature={'0' * 64}", Refusal.MISMATCH),
        (f"AWS4-HMAC-SHA256 Credential={KEY}/20260131/us-east-1/x/aws4_request, SignedHeaders=host;x-amz-date, Signature={'0' * 64}", Refusal.MISMATCH),
    ],
)
def test_what_is_no_signature_is_refused(header: str, refusal: Refusal) -> None:
    request = SignedRequest(
        method="POST", path="/", query=[], headers={"host": "h", "x-amz-date": "20260131T120000Z", "authorization": header}, body=b""
    )
    with pytest.raises(SignatureError) as caught:
        verify(request, KEYS.get, NOW)
    assert caught.value.refusal is refusal


def test_an_unsigned_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    request = made(monkeypatch)
    unsigned = dataclasses.replace(request, headers={**request.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    with pytest.raises(SignatureError):
        verify(unsigned, KEYS.get, now_of(request))
