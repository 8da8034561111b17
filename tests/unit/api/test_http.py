"""The HTTP server against clients that do not keep to the rules."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api.http import HttpServer, HttpSettings, Request, Response


async def echo(request: Request) -> Response:
    return Response(body=f"{request.method} {request.path} {request.query} {request.body.decode()}".encode())


def served(test: Callable[[int], Awaitable[None]], **settings: int) -> None:
    async def run() -> None:
        server = HttpServer(HttpSettings(host="127.0.0.1", port=0, **settings), echo)
        await server.start()
        try:
            async with asyncio.timeout(20):
                await test(server.port)
        finally:
            await server.drain(1)

    asyncio.run(run())


async def exchanged(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_requests_follow_each_other_on_a_connection() -> None:
    async def test(port: int) -> None:
        one = b"POST /a?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
        answer = await exchanged(port, one * 3)
        assert answer.count(b"HTTP/1.1 200 OK") == 3
        assert answer.count(b"POST /a [('x', '1'), ('y', ' ')] hi") == 3

    served(test)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTT", 400),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    async def test(port: int) -> None:
        answer = await exchanged(port, data)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert answer.count(b"HTTP/1.1") == 1 and b"Connection: close" in answer

    served(test)


def test_a_body_that_ends_early_is_no_request() -> None:
    async def test(port: int) -> None:
        assert await exchanged(port, b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc") == b""

    served(test)


def test_there_is_a_limit_of_connections() -> None:
    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        try:
            assert await exchanged(port, b"") == b""
        finally:
            writer.close()
            await writer.wait_closed()

    served(test, max_connections=1)
