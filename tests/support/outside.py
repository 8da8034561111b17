"""What is outside the warehouse: a bucket, a data catalog, and servers that are configured to reach them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support import s3
from tests.support.server import Server
from tests.support.slt import Put

BUCKET = "lake"
ROLE = "arn:aws:iam::123456789012:role/spectrum"
NARROW = "arn:aws:iam::123456789012:role/narrow"
"""May touch ``s3://lake/narrow/`` only."""


class Outside:
    """An endpoint of S3 and Glue, and a server for each kind of data catalog, started when it is first wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._servers: dict[str, Server] = {}

    def __enter__(self) -> "Outside":
        self.endpoint = self._stack.enter_context(s3.endpoint(BUCKET))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def server(self, catalog: str) -> Iterator[tuple[str, Put]]:
        """Return a server's address and what puts objects; *catalog* is ``built_in`` or ``glue``. The bucket is empty."""
        listed = self.endpoint.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        for item in listed:
            self.endpoint.client.delete_object(Bucket=BUCKET, Key=item["Key"])
        yield self.running(catalog).dsn, self.put

    def running(self, catalog: str) -> Server:
        """Return the server with a kind of data catalog."""
        if catalog not in self._servers:
            config = self._folder / f"{catalog}.toml"
            config.write_text(self.config(catalog))
            running = Server(self._folder / catalog, arguments=("--config", str(config)))
            self._servers[catalog] = self._stack.enter_context(running)
        return self._servers[catalog]

    def put(self, location: str, data: bytes) -> None:
        """Put an object."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        self.endpoint.client.put_object(Bucket=bucket, Key=key, Body=data)

    def config(self, catalog: str) -> str:
        """Return the configuration of a server over the endpoint."""
        place = f'endpoint = "{self.endpoint.address}"\nurl_style = "path"\nuse_ssl = false'
        access = "\n".join((
            place, f'access_key_id = "{s3.KEY_ID}"', f'secret_access_key = "{s3.SECRET}"',
            f'services = ["glue=http://{self.endpoint.address}"]',
        ))  # fmt: skip
        glue = f'[external]\ndata_catalog = "{catalog}"\n'
        roles = "\n".join(f'[roles."{name}"]\n{access}\n' for name in ("default", ROLE))
        narrow = f'[roles."{NARROW}"]\n{access}\nallowed = ["s3://{BUCKET}/narrow/"]\n'
        return f"{glue}\n[s3]\n{place}\n{roles}\n{narrow}"
