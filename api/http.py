"""HTTP/1.1 as AWS's clients speak it: requests with a body of known length in, whole responses out.

RFC 9112. Bounded in everything: a head, a body and a wait have limits, a connection answers one request after
the other and a client that is slow to read holds nothing but its own response.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

_log = logging.getLogger(__name__)
_HEAD_BYTES: Final = 32 * 1024
_READ_S: Final = 60
"""Seconds that a client may let pass between requests, and for one request to arrive."""
_WRITE_S: Final = 120
_BACKLOG: Final = 128
_CRLF: Final = b"\r\n"
_BLANKS: Final = " \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    method: str
    target: str
    """As sent: path and query."""
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes = field(repr=False)
    peer: str
    """Address and port of the client."""
    tls: bool
    handed: bool = False
    """Whether another server, which is believed, has handed it on."""

    @property
    def path(self) -> str:
        """The path, as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The decoded query."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response."""

    status: int = 200
    type: str = "text/plain"
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()


class BadRequest(Exception):
    """What came is no request that is taken; the connection ends with *status*."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        """Answer with *status* and *reason*."""
        super().__init__(reason)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen and what to allow."""

    host: str
    port: int
    """0 for any free port."""
    tls: ssl.SSLContext | None = None
    max_connections: int = 200
    max_body_bytes: int = 1024 * 1024


class HttpServer:
    """A listening socket and everyone connected to it."""

    def __init__(self, settings: HttpSettings, handler: Handler) -> None:
        """Answer requests by *handler*, which never raises."""
        self._settings = settings
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: dict[asyncio.Task[None], bool] = {}
        """Connections, and whether they are in the middle of a request."""
        self._end = asyncio.Event()

    async def start(self) -> None:
        """Bind and accept; raises OSError when the address cannot be had."""
        given = self._settings
        self._server = await asyncio.start_server(
            self._accept, given.host, given.port, ssl=given.tls, backlog=_BACKLOG, limit=_HEAD_BYTES
        )

    @property
    def port(self) -> int:
        """Return the port that was bound."""
        assert self._server is not None  # noqa: S101 - asked after start()
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def drain(self, grace_s: float) -> None:
        """Stop: idle connections end now, requests may take *grace_s* seconds more."""
        self._end.set()
        if self._server is not None:
            self._server.close()
        for task in [task for task, busy in self._tasks.items() if not busy]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams run callbacks as tasks
        if len(self._tasks) >= self._settings.max_connections or self._end.is_set():
            writer.close()
            return
        self._tasks[task] = False
        try:
            await self._serve(reader, writer, task)
        except (ConnectionError, ssl.SSLError, TimeoutError, asyncio.CancelledError):
            pass  # The client has gone, was too slow, or the server stops.
        finally:
            del self._tasks[task]
            writer.transport.abort() if self._end.is_set() else writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: "asyncio.Task[None]"
    ) -> None:
        host, port = (writer.get_extra_info("peername") or ("", 0))[:2]
        tls = writer.get_extra_info("ssl_object") is not None
        while not self._end.is_set():
            try:
                async with asyncio.timeout(_READ_S):
                    head = await _head(reader)
                    if head is None:
                        return
                    self._tasks[task] = True
                    body = await self._body(reader, writer, head)
            except BadRequest as problem:
                refusal = Response(status=problem.status, body=str(problem).encode())
                await _send(writer, refusal, close=True)
                return
            request = Request(
                method=head.method, target=head.target, headers=head.headers, body=body, peer=f"{host}:{port}", tls=tls
            )
            response = await self._handler(request)
            close = self._end.is_set() or head.close
            await _send(writer, response, close=close, bodiless=head.method == "HEAD")
            self._tasks[task] = False
            if close:
                return

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: "_Head") -> bytes:
        if "transfer-encoding" in head.headers:
            raise BadRequest(HTTPStatus.LENGTH_REQUIRED, "a body needs Content-Length")
        text = head.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit():
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Content-Length cannot be read")
        if len(text) > 12 or int(text) > self._settings.max_body_bytes:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
        if head.headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return await reader.readexactly(int(text))
        except asyncio.IncompleteReadError:
            raise ConnectionResetError from None


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]
    close: bool


async def _head(reader: asyncio.StreamReader) -> _Head | None:
    """Return a request's head, None where the client has closed."""
    try:
        data = await reader.readuntil(_CRLF * 2)
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise BadRequest(HTTPStatus.BAD_REQUEST, "the request is cut off") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long") from None
    lines = data.decode("latin-1").lstrip("\r\n").split("\r\n")[:-2]
    words = lines[0].split(" ") if lines else []
    if len(words) != 3 or words[2] not in {"HTTP/1.1", "HTTP/1.0"} or not words[0].isalpha() or words[1][:1] != "/":
        raise BadRequest(HTTPStatus.BAD_REQUEST, "the request line cannot be read")
    headers = _headers(lines[1:])
    asked = headers.get("connection", "").lower()
    return _Head(words[0], words[1], headers, asked == "close" or (words[2] == "HTTP/1.0" and asked != "keep-alive"))


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name.strip() != name or any(sign in line for sign in "\r\n\0"):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "a header cannot be read")
        key, value = name.lower(), value.strip(_BLANKS)
        if key in headers and key in {"content-length", "host", "authorization", "transfer-encoding"}:
            # Two lengths are how requests are smuggled past a proxy.
            raise BadRequest(HTTPStatus.BAD_REQUEST, f"{key} is given twice")
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers


async def _send(writer: asyncio.StreamWriter, response: Response, *, close: bool, bodiless: bool = False) -> None:
    reason = HTTPStatus(response.status).phrase
    lines = [
        f"HTTP/1.1 {int(response.status)} {reason}",
        f"Content-Type: {response.type}",
        f"Content-Length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers),
        *(["Connection: close"] if close else []),
    ]
    writer.write("\r\n".join(lines).encode("latin-1") + _CRLF * 2 + (b"" if bodiless else response.body))
    async with asyncio.timeout(_WRITE_S):
        await writer.drain()
    if close:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(_WRITE_S):
                await writer.wait_closed()
