"""A plain S3 endpoint over a folder, for measuring: it lists and sends whole files or ranges, and checks nothing.

    python -m bench.stub FOLDER

Prints the port it listens on. ``FOLDER/bucket/key`` is what it serves as ``s3://bucket/key``.
"""

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def log_message(self, *_: object) -> None:
        return

    def do_HEAD(self) -> None:
        self._file(self._path().stat().st_size, body=False)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if "list-type" in parts.query:
            self._listing(parts.path.strip("/"), parse_qs(parts.query).get("prefix", [""])[0])
            return
        self._file(self._path().stat().st_size, body=True)

    def _path(self) -> Path:
        return self.folder / unquote(urlsplit(self.path).path).lstrip("/")

    def _listing(self, bucket: str, prefix: str) -> None:
        root = self.folder / bucket
        keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{(root / key).stat().st_size}</Size>"
            '<ETag>"0"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>'
            for key in keys
            if key.startswith(prefix)
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, size: int, *, body: bool) -> None:
        first, last = 0, size - 1
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end), last) if end else last
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self.wfile.flush()
            with self._path().open("rb") as file:
                _send(self.connection, file.fileno(), first, last - first + 1)


def _send(connection: socket.socket, file: int, start: int, count: int) -> None:
    while count:
        sent = os.sendfile(connection.fileno(), file, start, count)
        start, count = start + sent, count - sent


def main(folder: str) -> None:
    """Serve *folder* until the process is ended."""
    _Handler.folder = Path(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
