"""Requests about hosted clusters, handed on to them as they came: each is a server with interfaces of its own.

The signature is what the client has made, and is judged again there; who the client is to the network goes in a
header beside it, with a word that only the two servers know.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest
from typing import Any, Final

from api.errors import ApiError, invalid
from api.hosting import Host, Hosted, Kind
from api.http import Request, Response

_HEADER: Final = "x-duckshift-forwarded"
_LOCAL: Final = "127.0.0.1"
_ANSWER_S: Final = 120
_REMEMBERED: Final = 100_000
_HANDED: Final = frozenset(
    {
        "GetClusterCredentials",
        "GetClusterCredentialsWithIAM",
        "CreateClusterSnapshot",
        "DescribeLoggingStatus",
        "RestoreTableFromClusterSnapshot",
        "EnableSnapshotCopy",
        "DisableSnapshotCopy",
        "ModifySnapshotCopyRetentionPeriod",
    }
)
"""Operations of ``redshift`` that a hosted cluster answers itself."""
_HANDED_SERVERLESS: Final = frozenset(
    {
        "GetCredentials",
        "CreateSnapshot",
        "RestoreTableFromSnapshot",
        "RestoreTableFromRecoveryPoint",
        "ListTableRestoreStatus",
    }
)
_BY_NUMBER: Final = frozenset({"DescribeTableRestoreStatus", "GetTableRestoreStatus"})
_BEGIN: Final = frozenset(
    {
        "ExecuteStatement",
        "BatchExecuteStatement",
        "RestoreTableFromClusterSnapshot",
        "RestoreTableFromSnapshot",
        "RestoreTableFromRecoveryPoint",
    }
)
"""Operations whose answers hold what later requests are about."""
_NUMBERS: Final = re.compile(
    rb'"(?:Id|SessionId|tableRestoreRequestId)": ?"([^"]+)"|<TableRestoreRequestId>([^<]+)</TableRestoreRequestId>'
)
_OF_SNAPSHOTS: Final = frozenset(
    {
        "DeleteClusterSnapshot",
        "ModifyClusterSnapshot",
        "CopyClusterSnapshot",
        "DeleteSnapshot",
        "UpdateSnapshot",
        "ConvertRecoveryPointToSnapshot",
    }
)
_LENGTHS: Final = frozenset({"connection", "content-length", "expect", _HEADER})


class Relayed(Exception):
    """A hosted cluster's answer is the answer."""

    def __init__(self, response: Response) -> None:
        """Answer with *response*."""
        super().__init__()
        self.response = response


class Forwarding:
    """Knows which cluster a request is for."""

    def __init__(self, host: Host, token: str) -> None:
        """Hand on to the clusters of *host*, which believe *token*."""
        self._host, self._token = host, token
        self._owners: OrderedDict[str, tuple[Kind, str]] = OrderedDict()
        """Statements, sessions and restores of tables, and whose they are."""

    async def target(self, service: str, operation: str, given: Mapping[str, Any]) -> Hosted | None:
        """Return the cluster that has to answer, None where that is this server."""
        if operation in _OF_SNAPSHOTS:
            return await self._of_snapshot(given)
        if operation in _BY_NUMBER:
            number = given.get("TableRestoreRequestId") or given.get("tableRestoreRequestId") or ""
            return self._owner(number) or self._host.find(Kind.CLUSTER, given.get("ClusterIdentifier", ""))
        if service == "redshift-data":
            return self._of_data(given)
        if service == "redshift" and operation in _HANDED:
            return self._host.find(Kind.CLUSTER, given.get("ClusterIdentifier", ""))
        if service == "redshift-serverless" and operation in _HANDED_SERVERLESS:
            if "workgroupName" in given:
                return self._host.workgroup(given["workgroupName"])
            return self._host.find(Kind.NAMESPACE, given.get("namespaceName", ""))
        return None

    async def answer(self, target: Hosted, operation: str, request: Request) -> Response:
        """Return the response of the cluster *target*."""
        port = self._host.interface(target)
        if not port:
            raise _away(target, request)
        response = await handed(port, request, self._token)
        if operation in _BEGIN and response.status == 200:
            self._remember(target, response.body)
        return response

    async def relay(self, target: Hosted, request: Request | None) -> None:
        """Have *target* do its part of a request; raises ``Relayed`` where it refuses."""
        if request is not None:
            response = await self.answer(target, "", request)
            if response.status != 200:
                raise Relayed(response)

    async def _of_snapshot(self, given: Mapping[str, Any]) -> Hosted | None:
        """Return who has a snapshot and runs: only a server itself changes its snapshots."""
        wanted = _first(given, "SnapshotIdentifier", "recoveryPointId", "snapshotName", "SourceSnapshotIdentifier")
        cluster = _first(given, "SnapshotClusterIdentifier", "SourceSnapshotClusterIdentifier")
        for key, snapshots in (await self._host.snapshots()).items():
            kind, _, name = key.partition("-")
            if cluster in {None, name} and any(each.name == wanted for each in snapshots):
                found = self._host.find(Kind(kind), name)
                return found if found is not None and self._host.interface(found) else None
        return None

    def _of_data(self, given: Mapping[str, Any]) -> Hosted | None:
        if "ClusterIdentifier" in given:
            return self._host.find(Kind.CLUSTER, given["ClusterIdentifier"])
        if "WorkgroupName" in given:
            return self._host.workgroup(given["WorkgroupName"])
        for name in ("Id", "SessionId"):
            found = self._owner(str(given.get(name, "")).partition(":")[0])
            if found is not None:
                return found
        return None

    def _owner(self, number: str) -> Hosted | None:
        owner = self._owners.get(number)
        return self._host.find(*owner) if owner is not None else None

    def _remember(self, target: Hosted, body: bytes) -> None:
        for found in _NUMBERS.finditer(body):
            self._owners[(found[1] or found[2]).decode()] = (target.kind, target.name)
        while len(self._owners) > _REMEMBERED:
            self._owners.popitem(last=False)


async def handed(port: int, request: Request, token: str) -> Response:
    """Return the answer of the server at *port* of this machine to *request*; raises ``ApiError``."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(_LOCAL, port)
            try:
                writer.write(_written(request, token))
                await writer.drain()
                return await _read(reader)
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
        raise ApiError("InternalServerException", "The cluster does not answer.", status=500) from None


def believed(request: Request, token: str) -> Request:
    """Return *request* as the server that has handed it on received it, where *token* shows that one has."""
    given = request.headers.get(_HEADER)
    word, _, rest = (given or "").partition(" ")
    if not token or not compare_digest(word.encode(), token.encode()):
        return request
    peer, _, tls = rest.rpartition(" ")
    return replace(request, peer=peer, tls=tls == "tls", handed=True)


def _written(request: Request, token: str) -> bytes:
    told = f"{token} {request.peer} {'tls' if request.tls else 'plain'}"
    headers = {name: value for name, value in request.headers.items() if name not in _LENGTHS}
    headers |= {_HEADER: told, "connection": "close", "content-length": str(len(request.body))}
    head = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + request.body


async def _read(reader: asyncio.StreamReader) -> Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    body = await reader.readexactly(int(headers.pop("content-length")))
    kind = headers.pop("content-type", "")
    kept = tuple((name, value) for name, value in headers.items() if name.startswith("x-amzn-"))
    return Response(status=status, type=kind, body=body, headers=kept)


def _first(given: Mapping[str, Any], *members: str) -> str | None:
    return next((given[member] for member in members if member in given), None)


def _away(target: Hosted, request: Request) -> ApiError:
    message = f"{target.kind.value.capitalize()} {target.name} is {target.state.value}."
    if "x-amz-target" not in request.headers:
        return ApiError("InvalidClusterState", message)
    return invalid(message)
