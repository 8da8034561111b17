"""From a request over HTTP to an operation and back: which service, who asks, what is answered.

The last door for errors of these interfaces: an ``ApiError`` is told as its service writes errors, anything
else is logged and told as an internal failure.
"""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from api import models
from api.errors import ApiError
from api.forwarding import Forwarding, Relayed, believed
from api.http import Request, Response
from api.identities import Caller, Directory
from api.models import Service
from api.place import Place
from auth.signature import Refusal, SignatureError, SignedRequest, verify
from core.clock import Clock
from core.errors import SqlError
from session.failures import told

_log = logging.getLogger(__name__)
_JSON: Final = "application/x-amz-json-1.1"
_XML: Final = "text/xml"
_FORM: Final = "application/x-www-form-urlencoded"
_TARGETS: Final = {"RedshiftData": "redshift-data", "RedshiftServerless": "redshift-serverless"}
_QUERY: Final = "redshift"
_QUERY_CODES: Final = {
    Refusal.MISSING: "MissingAuthenticationToken",
    Refusal.INCOMPLETE: "IncompleteSignature",
    Refusal.UNKNOWN_KEY: "InvalidClientTokenId",
    Refusal.MISMATCH: "SignatureDoesNotMatch",
    Refusal.EXPIRED: "ExpiredToken",
    "AccessDeniedException": "AccessDenied",
    "ValidationException": "ValidationError",
    "InternalServerException": "InternalFailure",
}
"""How the Query protocol calls errors that the services share."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """What the gateway has to do with other servers of this machine."""

    forwarding: Forwarding | None = None
    """To the clusters that this server hosts."""
    token: str = field(default="", repr=False)
    """What the server that hosts this one shows with what it hands on; empty where none does."""


Operation = Callable[[Caller, dict[str, Any]], Awaitable[Mapping[str, Any]]]
Operations = Mapping[str, Operation]


@dataclass(frozen=True, slots=True)
class _Called:
    service: Service
    name: str
    """Of the operation."""
    pairs: list[tuple[str, str]]
    """What a Query request gives."""


class Gateway:
    """The handler of all requests."""

    def __init__(
        self, place: Place, directory: Directory, clock: Clock, services: Mapping[str, Operations], hosting: Hosting
    ) -> None:
        """Serve the operations of *services* (name → operation → function)."""
        self._place = place
        self._directory = directory
        self._clock = clock
        self._services = services
        self._hosting = hosting

    async def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        request = believed(request, self._hosting.token)
        number = str(uuid.uuid4())
        began = time.monotonic()
        called = None
        try:
            called = self._called(request)
            response = await self._answer(request, called, number)
        except ApiError as error:
            response = _refused(called.service if called else None, error, number)
        except Exception as error:
            failure = told(error)
            code = "InternalServerException"
            response = _refused(
                called.service if called else None,
                ApiError(code, _shown(failure), status=500),
                number,
            )
        _log.debug(
            "request",
            extra={
                "peer": request.peer,
                "operation": called.name if called else "",
                "status": response.status,
                "ms": round((time.monotonic() - began) * 1000),
            },
        )
        return response

    def _called(self, request: Request) -> _Called:
        target = request.headers.get("x-amz-target", "")
        if target:
            prefix, _, name = target.rpartition(".")
            if prefix not in _TARGETS:
                raise ApiError("UnknownOperationException", f"{target} is not served here.")
            return _Called(models.service(_TARGETS[prefix]), name, [])
        pairs = request.query
        if request.headers.get("content-type", "").partition(";")[0].strip() == _FORM:
            pairs = [*pairs, *parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)]
        name = next((value for key, value in pairs if key == "Action"), "")
        if not name:
            raise ApiError("MissingAction", "The request names no action.", status=404)
        return _Called(models.service(_QUERY), name, pairs)

    async def _answer(self, request: Request, called: _Called, number: str) -> Response:
        service = called.service
        caller = self._caller(request, service)
        model = service.operation(called.name)
        operation = self._services[service.model.service_name].get(called.name)
        if operation is None:
            raise ApiError("UnsupportedOperation", f"{called.name} is not supported by this server.")
        given = models.read_query(model, called.pairs) if service.is_query else models.read_json(model, request.body)
        forwarding = self._hosting.forwarding
        try:
            target = forwarding and await forwarding.target(service.model.service_name, called.name, given)
            if forwarding and target:
                return await forwarding.answer(target, called.name, request)
            answer = await operation(caller, given)
        except Relayed as relayed:
            return relayed.response
        except ApiError as error:
            code, status = models.code_of(model, error.code)
            raise ApiError(code, error.message, status=max(status, error.status), **error.fields) from None
        body = (
            models.write_xml(service, model, answer, number) if service.is_query else models.write_json(model, answer)
        )
        return _response(service, 200, body, number)

    def _caller(self, request: Request, service: Service) -> Caller:
        signed = SignedRequest(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=request.body,
        )
        try:
            scope = verify(signed, self._directory.key, self._clock.now())
            if scope.service != service.signing_name:
                message = f"Credential should be scoped to correct service: '{service.signing_name}'."
                raise SignatureError(Refusal.MISMATCH, message)
            if scope.region != self._place.region:
                message = f"Credential should be scoped to a valid region, not '{scope.region}'."
                raise SignatureError(Refusal.MISMATCH, message)
        except SignatureError as error:
            _log.warning("a request was refused", extra={"peer": request.peer, "reason": error.refusal.value})
            raise ApiError(error.refusal.value, error.message, status=403) from None
        identity = self._directory.owner(scope.key)
        host = request.headers.get("host", "")
        if not host.endswith("]"):
            host = host.rpartition(":")[0] or host
        now = self._clock.now()
        return Caller(
            identity=identity,
            place=self._place,
            peer=request.peer,
            tls=request.tls,
            host=host.strip("[]"),
            extra={"aws:currenttime": (now.isoformat(),), "aws:epochtime": (str(int(now.timestamp())),)},
            request=request,
        )


def _shown(failure: SqlError) -> str:
    return f"{failure.message}. {failure.detail}" if failure.detail else failure.message


def _refused(service: Service | None, error: ApiError, number: str) -> Response:
    if service is not None and service.is_query:
        named = ApiError(_QUERY_CODES.get(error.code, error.code), error.message, status=error.status)
        return _response(service, error.status, models.write_xml_error(service, named, number), number)
    return _response(service, error.status, models.write_json_error(error), number, error.code)


def _response(service: Service | None, status: int, body: bytes, number: str, code: str = "") -> Response:
    form = _XML if service is not None and service.is_query else _JSON
    headers = [("x-amzn-RequestId", number)]
    if code:
        headers.append(("x-amzn-ErrorType", code))
    return Response(status=status, type=form, body=body, headers=tuple(headers))
