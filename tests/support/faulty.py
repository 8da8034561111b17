"""An S3 endpoint with bad days: a proxy before moto's that answers with faults where a test says so."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from storage.database import S3Access
from tests.support import s3

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one answer: another status, a body cut short, or a wait before it."""

    status: int = 0
    cut: bool = False
    wait_s: float = 0


Chooser = Callable[[str, str, int], Fault | None]
"""From method, path and the number of earlier requests of that method and path to a fault, or none."""


def _none(method: str, path: str, count: int) -> Fault | None:
    return None


@dataclass(slots=True)
class FaultyEndpoint:
    """The proxy. Set ``choose`` to have faults; ``seen`` counts requests by (method, path)."""

    address: str
    client: Any
    """boto3's, straight to moto."""
    choose: Chooser = _none
    seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def access(self) -> S3Access:
        """Return how to reach it."""
        return S3Access(
            access_key_id=s3.KEY_ID, secret_access_key=s3.SECRET, endpoint=self.address, url_style="path", use_ssl=False
        )

    def fail(self, choose: Chooser) -> None:
        """Have faults from now on, counting requests anew."""
        self.seen.clear()
        self.choose = choose


@contextmanager
def endpoint(*buckets: str) -> Iterator[FaultyEndpoint]:
    """Run a faulty endpoint that has *buckets*."""
    with s3.endpoint(*buckets) as behind:
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                return

            def forward(self) -> None:
                path = self.path.partition("?")[0]
                with lock:
                    count = made.seen.get((self.command, path), 0)
                    made.seen[self.command, path] = count + 1
                fault = made.choose(self.command, path, count) or Fault()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(fault.wait_s)
                if fault.status:
                    self._answer(fault.status, [("Content-Type", "application/xml")], _error(fault.status))
                    return
                # The address is signed, so moto's own must not replace it.
                connection = http.client.HTTPConnection(behind.address, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                data = answer.read()
                headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
                length = answer.getheader("Content-Length") if self.command == "HEAD" else None
                connection.close()
                self._answer(answer.status, headers, data, cut=fault.cut, length=length)

            def _answer(
                self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False, length: str | None = None
            ) -> None:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", length or str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[: len(data) // 2] if cut else data)
                self.close_connection = self.close_connection or cut


        for method in ("GET", "PUT", "HEAD", "DELETE", "POST"):
            setattr(Handler, f"do_{method}", Handler.forward)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        made = FaultyEndpoint(f"127.0.0.1:{server.server_address[1]}", behind.client)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _error(status: int) -> bytes:
    code = {404: "NoSuchKey", 503: "SlowDown", 403: "AccessDenied"}.get(status, "InternalError")
    return f"<Error><Code>{code}</Code><Message>as the test wants</Message></Error>".encode()
